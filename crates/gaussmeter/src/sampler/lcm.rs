use super::transfer::{transfer, undefined, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Linear, Prediction, Tape, Var};

/// Multistep consistency sampling: every step adds fresh noise to the predicted data,
///
/// X′ = α′ D + σ′ z.
///
/// With an ideal consistency function in place of D one step is exact. With the exact denoiser D,
/// which is used here, it does **not** converge to the data: with more and more steps down to a
/// level ς = σ/α, the variance of x = X/α along an eigenvector tends to the fixed point
/// (λ + ς²)²/(2λ + ς²) instead of λ + ς², in the end half of λ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lcm {
    /// Use c_out D + c_skip X in place of D, c_skip = ¼/((10 k)² + ¼), c_out = 10 k/√((10 k)² + ¼)
    /// at the training timestep k: how latent consistency models meet their boundary condition at k
    /// = 0.
    pub boundary: bool,
}

impl Sampler for Lcm {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let mut model = Linear::from(d);
            if self.boundary {
                if grid.process().training_steps().is_none() {
                    let reason = "c_skip and c_out depend on the training timestep: use the process vp-discrete";
                    return Err(undefined(grid, &step, reason.into()));
                }
                let scaled = 10.0 * (step.from.t - 1.0);
                let square = scaled * scaled + 0.25;
                model = scaled / square.sqrt() * model + (0.25 / square) * x;
            }
            let mean = step.to.alpha * model;
            x = tape.arrive(step.to, with_noise(tape, mean, step.to.sigma));
        }
        Ok(x)
    }
}

/// Strategic stochastic sampling of trajectory consistency distillation: DDIM to the earlier time
/// s = (1 − γ) t′, then forward noise back up to t′. With x = X/α, ς = σ/α,
///
/// x_s = (ς_s/ς) x + (1 − ς_s/ς) D, x′ = x_s + √(ς′² − ς_s²) z.
///
/// In discrete time s is the training timestep ⌊(1 − γ) k′⌋. At γ = 0 it is DDIM, at γ = 1 (and
/// where s is at the data) [`Lcm`]. In between it does not converge to the data with an exact
/// denoiser: with more and more steps down to ς, the variance of x tends to
/// (ς + ς_s)(λ + ς²)²/(ς (2λ + ς² + ς ς_s)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tcd {
    /// γ in [0, 1], called η in implementations.
    pub eta: f64,
}

impl Sampler for Tcd {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let is_discrete = grid.process().training_steps().is_some();
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let d = tape.predict(Prediction::Denoiser, x, from);
            let share = 1.0 - self.eta;
            let time = match is_discrete {
                true => {
                    let last = (to.t.value() - 1.0).max(0.0);
                    to.t.min(1.0) + (share * last).floor()
                }
                false => share * to.t,
            };
            let left = match step.level(time) {
                _ if self.eta == 0.0 || time == to.t => to.sigma,
                down => to.alpha * down.noise_ratio(),
            };
            let drawn = ((to.sigma - left).max(0.0) * (to.sigma + left)).sqrt();
            let mean = transfer(from, to, left, x, d);
            x = tape.arrive(to, with_noise(tape, mean, drawn));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "lcm",
    aliases: &["sample_lcm", "LCMScheduler", "FlowMatchLCMScheduler", "SCMScheduler"],
    summary: "multistep consistency sampling: predict the data, add fresh noise",
    source: "Luo et al. (2023), algorithm 3; Song et al. (2023), algorithm 1; ComfyUI, diffusers",
    order: None,
    parameters: &[Parameter {
        name: "c_skip",
        kind: Kind::Choice(&["no", "yes"]),
        default: Some("no"),
        summary: "yes: c_skip and c_out of latent consistency models (LCMScheduler)",
    }],
    build: |a| Ok(Box::new(Lcm { boundary: a.text("c_skip") == "yes" })),
};

pub(super) static TCD: Entry<dyn Sampler> = Entry {
    name: "tcd",
    aliases: &["TCDScheduler"],
    summary: "trajectory consistency sampling: DDIM past the next time, then noise back up to it",
    source: "Zheng et al. (2024), algorithm 4; diffusers",
    order: None,
    parameters: &[Parameter {
        name: "eta",
        kind: Kind::Number { min: 0.0, max: 1.0 },
        default: Some("0.3"),
        summary: "gamma of the paper: 0 is DDIM, 1 draws only fresh noise",
    }],
    build: |a| Ok(Box::new(Tcd { eta: a.number("eta") })),
};
