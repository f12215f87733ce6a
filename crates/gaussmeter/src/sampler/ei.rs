use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// Exponential integrator on the reverse SDE: the linear drift is solved exactly over the step,
/// with the score frozen at its noisier end,
///
/// x′ = (α′/α) x + w s + √q z, with w = ∫ g² α′/α dt and q = ∫ g² (α′/α)² dt over the step.
///
/// For the paper's process α′/α = e^{ΔB}, w = 2 (e^{ΔB} − 1), q = e^{2ΔB} − 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialIntegrator;

impl Sampler for ExponentialIntegrator {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let score = tape.predict(Prediction::Score, x, step.from);
            let mean = step.alpha_ratio() * x + step.score_weight() * score;
            x = tape.arrive(step.to, mean + step.reverse_noise_variance().sqrt() * tape.noise());
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "ei",
    aliases: &["exponential-integrator"],
    summary: "exponential integrator on the reverse SDE, score frozen over the step",
    source: "Pierret & Galerne (2025), table 3, EI; De Bortoli (2022)",
    order: Some(1),
    parameters: &[],
    build: |_| Ok(Box::new(ExponentialIntegrator)),
};
