use super::transfer::{Churn, churn, contraction, needs_finite_ratio, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Parameter};
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// The sampler of EDM: churn lifts the state to ς̂ = (1 + γ) ς, ς = σ/α, then Heun's method on
/// dx/dς = (x − D)/ς leads from there. In terms of the denoisers D at ς̂ and D₁ at the Euler point,
/// with q = ς′/ς̂,
///
/// x′ = q x̂ + (1 − q) [D + (D₁ − D)/(2q)],
///
/// and the Euler step x′ = q x̂ + (1 − q) D towards σ = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdmSampler {
    /// The noise that is added before each evaluation.
    pub churn: Churn,
    /// Take all steps with Euler.
    pub euler: bool,
}

impl Sampler for EdmSampler {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (lifted, from) = self.churn.lift(grid, &step, tape, x)?;
            let d = tape.predict(Prediction::Denoiser, lifted, &from);
            let euler = transfer(&from, step.to, step.to.sigma, lifted, d);
            x = if self.euler || step.to.sigma == 0.0 {
                tape.arrive(step.to, euler)
            } else {
                needs_finite_ratio(grid, &step)?;
                let q = contraction(&from, step.to);
                let d_next = tape.predict(Prediction::Denoiser, euler, step.to);
                let model = d + (0.5 / q) * (d_next - d);
                tape.arrive(step.to, transfer(&from, step.to, step.to.sigma, lifted, model))
            };
        }
        Ok(x)
    }
}

const PARAMETERS: &[Parameter] = &churn();

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "edm",
    aliases: &["heun-sigma", "sample_heun", "edm_sampler", "HeunDiscreteScheduler"],
    summary: "Heun in sigma with optional churn, the 'heun' of k-diffusion, ComfyUI and diffusers",
    source: "Karras et al. (2022), algorithm 2; algorithm 1 without churn",
    order: Some(2),
    parameters: PARAMETERS,
    build: |a| Ok(Box::new(EdmSampler { churn: Churn::of(a), euler: false })),
};

pub(super) static EULER: Entry<dyn Sampler> = Entry {
    name: "edm-euler",
    aliases: &["sample_euler"],
    summary: "Euler in sigma with optional churn; without it the same as ddim",
    source: "Karras et al. (2022), algorithm 2 without its correction; k-diffusion",
    order: Some(1),
    parameters: PARAMETERS,
    build: |a| Ok(Box::new(EdmSampler { churn: Churn::of(a), euler: true })),
};
