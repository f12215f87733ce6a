use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// DDPM's ancestral step with β̄ = 2 β(t) Δt taken at the noisier end, noise also in the last step:
///
/// x′ = (x + β̄ s) / √(1 − β̄) + √β̄ z.
///
/// Needs a variance-preserving process and β̄ < 1: with the paper's process, more than 20 steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ddpm;

impl Sampler for Ddpm {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let undefined = |reason: String| SamplerError::Undefined {
                step: step.index + 1,
                steps: grid.step_count(),
                reason,
            };
            if !step.from.variance_preserving {
                return Err(undefined(
                    "the scheme is defined for variance-preserving processes".into(),
                ));
            }
            let beta = step.dt() * step.from.diffusion2();
            if beta.is_nan() || beta >= 1.0 {
                return Err(undefined(format!(
                    "2 beta(t) dt = {beta:.4} at t = {}, but the scheme divides by sqrt(1 - 2 beta dt): use more steps",
                    step.from.t
                )));
            }
            let score = tape.predict(Prediction::Score, x, step.from);
            let mean = (x + beta * score) / (1.0 - beta).sqrt();
            x = tape.arrive(step.to, mean + beta.sqrt() * tape.noise());
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "ddpm",
    aliases: &[],
    summary: "DDPM ancestral step with beta = 2 beta(t) dt, variance beta",
    source: "Pierret & Galerne (2025), table 3, DDPM; Ho et al. (2020), algorithm 2",
    order: Some(1),
    parameters: &[],
    build: |_| Ok(Box::new(Ddpm)),
};
