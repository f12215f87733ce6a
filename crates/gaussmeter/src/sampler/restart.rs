use super::edm::heun;
use super::transfer::{needs_finite_ratio, transfer, undefined};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Prediction, Tape, Var};

/// Restart sampling: Heun's method in ς = σ/α as in [`EdmSampler`](super::EdmSampler), which at the
/// first level ς_k ≤ `min` goes back up to ς = `max`, `repeats` times, by adding the missing noise,
///
/// x ← x + √(max² − ς_k²) z,
///
/// and comes down again. Errors made before a restart shrink with it, as they do along the SDE, while
/// the steps remain ODE steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Restart {
    /// The noise ratio below which it restarts.
    pub min: f64,
    /// The noise ratio it goes back to.
    pub max: f64,
    /// Number of restarts.
    pub repeats: usize,
    /// Steps of each descent from `max`, spaced as in EDM with ρ = 7; 0 uses the levels of the
    /// grid.
    pub steps: usize,
}

impl Restart {
    /// The levels of a descent, from `max` to the level where the step ends.
    fn levels(&self, grid: &Grid, step: &Step) -> Result<Vec<Level<Real>>, SamplerError> {
        let reached = |level: &Level<Real>| (level.noise_ratio() / self.max - 1.0).abs() <= 1e-6;
        let Some(top) = step.level_at(Real::from(self.max)).filter(reached) else {
            let reason = format!(
                "restarts go back to sigma/alpha = {}, which the process does not reach: lower max",
                self.max
            );
            return Err(undefined(grid, step, reason));
        };
        let end = step.to.noise_ratio();
        let mut levels = vec![top];
        if self.steps == 0 {
            let below = grid.steps().filter(|s| s.index < step.index).map(|s| *s.to);
            levels.extend(below.filter(|level| level.noise_ratio() < self.max * (1.0 - 1e-9)));
        } else {
            const RHO: f64 = 7.0;
            let (high, low) = (self.max.powf(1.0 / RHO), end.powf(1.0 / RHO));
            for k in 1..self.steps {
                let share = k as f64 / self.steps as f64;
                let ratio = (high + share * (low - high)).powi(7);
                levels.push(super::transfer::level_at(grid, step, ratio)?);
            }
        }
        levels.push(*step.to);
        Ok(levels)
    }
}

impl Sampler for Restart {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let mut has_restarted = false;
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            if to.sigma == 0.0 {
                let d = tape.predict(Prediction::Denoiser, x, from);
                x = tape.arrive(to, transfer(from, to, 0.0, x, d));
                continue;
            }
            needs_finite_ratio(grid, &step)?;
            x = tape.keep(heun(tape, from, to, x));
            let ratio = to.noise_ratio();
            if !has_restarted && ratio <= self.min {
                has_restarted = true;
                let levels = self.levels(grid, &step)?;
                let up = &levels[0];
                let added = ((self.max - ratio) * (self.max + ratio)).sqrt();
                for _ in 0..self.repeats {
                    let lifted = (up.alpha / to.alpha) * x + up.alpha * added * tape.noise();
                    x = tape.keep(lifted);
                    for pair in levels.windows(2) {
                        if tape.is_full() {
                            return Ok(x);
                        }
                        x = tape.keep(heun(tape, &pair[0], &pair[1], x));
                    }
                }
            }
            x = tape.arrive(to, x);
        }
        Ok(x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    let [min, max] = ["min", "max"].map(|key| a.number(key));
    if min >= max {
        return Err(format!("min = {min} must be below max = {max}").into());
    }
    Ok(Box::new(Restart { min, max, repeats: a.count("repeats"), steps: a.count("steps") }))
}

const RATIO: Kind = Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY };

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "restart",
    aliases: &["restart-sampling"],
    summary: "restart sampling: Heun in sigma, going back up a few times by adding noise",
    source: "Xu et al. (2023), algorithm 1",
    order: Some(2),
    parameters: &[
        Parameter {
            name: "min",
            kind: RATIO,
            default: Some("0.06"),
            summary: "sigma/alpha below which it restarts",
        },
        Parameter {
            name: "max",
            kind: RATIO,
            default: Some("0.3"),
            summary: "sigma/alpha it goes back to",
        },
        Parameter {
            name: "repeats",
            kind: Kind::CountTo { min: 1, max: 1_000_000 },
            default: Some("10"),
            summary: "number of restarts",
        },
        Parameter {
            name: "steps",
            kind: Kind::CountTo { min: 0, max: 1_000_000 },
            default: Some("0"),
            summary: "steps of each descent from max; 0 uses the levels of the grid",
        },
    ],
    build,
};
