use super::multistep::ADAMS_BASHFORTH;
use super::multistep::along;
use super::transfer::{needs_finite_ratio, undefined};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// Which level a step goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Stride {
    /// To the next level of the grid.
    #[default]
    Next,
    /// That many training timesteps below the current one; `None` is ⌊T/n⌋ for n steps. The network
    /// is told the next level of the grid. This is what diffusers' DDIMScheduler and PNDMScheduler
    /// do, although with `linspace` spacing, or `trailing` where n does not divide T, their
    /// timesteps are not that far apart.
    Timesteps(Option<f64>),
}

impl Stride {
    pub(super) fn from(a: &Arguments) -> Result<Self, BuildError> {
        match (a.text("variant"), a.number_or("stride")) {
            ("diffusers", Some(stride)) if stride.fract() != 0.0 => {
                Err("stride must be a whole number of training timesteps".into())
            }
            ("diffusers", stride) => Ok(Stride::Timesteps(stride)),
            (_, Some(_)) => {
                Err("stride is for variant=diffusers: other steps go to the next level".into())
            }
            _ => Ok(Stride::Next),
        }
    }

    /// In training timesteps; `None` for the next level of the grid.
    fn length(self, grid: &Grid, step: &Step) -> Result<Option<f64>, SamplerError> {
        let Stride::Timesteps(given) = self else { return Ok(None) };
        let Some(timesteps) = grid.process().training_steps() else {
            let reason = "variant=diffusers counts training timesteps: use the process vp-discrete";
            return Err(undefined(grid, step, reason.into()));
        };
        Ok(Some(given.unwrap_or((timesteps / grid.step_count()) as f64)))
    }

    /// The level a step goes to.
    pub(super) fn target(self, grid: &Grid, step: &Step) -> Result<Level<Real>, SamplerError> {
        let Some(length) = self.length(grid, step)? else { return Ok(*step.to) };
        let time = step.from.t - length;
        // Below timestep 0 is the end of the grid, whatever it is.
        Ok(if time < 1.0 { Level::<Real>::from(grid.end()) } else { step.level(time) })
    }
}

/// Pseudo linear multistep as in diffusers' PNDMScheduler with `skip_prk_steps`: see
/// [`Pndm`](super::Pndm), but with steps of a fixed number of training timesteps. The second half of its
/// first step counts back from the timestep that the step goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StridePlms {
    /// The length of the steps.
    pub stride: Stride,
}

impl Sampler for StridePlms {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        // Predictions, the latest first.
        let mut past: Vec<Linear> = Vec::new();
        for step in grid.steps() {
            needs_finite_ratio(grid, &step)?;
            let rule = self.stride.target(grid, &step)?;
            let noise = tape.predict(Prediction::Noise, x, step.from);
            past.insert(0, noise.into());
            past.truncate(ADAMS_BASHFORTH.len());
            let moved = if step.index == 0 && step.to.sigma > 0.0 {
                let next = along(step.from, &rule, x, noise);
                let next = tape.predict(Prediction::Noise, next, step.to);
                let from = match self.stride.length(grid, &step)? {
                    None => *step.from,
                    Some(length) if (step.to.t + length).value() <= grid.process().t_max() => {
                        step.level(step.to.t + length)
                    }
                    Some(length) => {
                        let reason = format!(
                            "a stride of {length} timesteps before t = {} starts beyond the training timesteps",
                            step.to.t.value()
                        );
                        return Err(undefined(grid, &step, reason));
                    }
                };
                along(&from, step.to, x, 0.5 * (noise + next))
            } else {
                let terms = past.iter().zip(ADAMS_BASHFORTH[past.len() - 1]);
                let slope = terms.fold(Linear::default(), |sum, (noise, w)| sum + *w * noise);
                along(step.from, &rule, x, slope)
            };
            x = tape.arrive(step.to, moved);
        }
        Ok(x)
    }
}

pub(super) const VARIANT: Parameter = Parameter {
    name: "variant",
    kind: Kind::Choice(&["paper", "diffusers"]),
    default: Some("paper"),
    summary: "diffusers: steps of a fixed number of timesteps, whatever the next timestep is (DDIMScheduler, PNDMScheduler)",
};

pub(super) const STRIDE: Parameter = Parameter {
    name: "stride",
    kind: Kind::NumberOr { word: "auto" },
    default: Some("auto"),
    summary: "timesteps per step of variant=diffusers; auto: T/n with n the steps of the grid (diffusers is asked for one more where its last step, from timestep 0 to itself, is left out)",
};
