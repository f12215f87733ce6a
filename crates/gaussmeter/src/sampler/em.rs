use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// Euler–Maruyama on the reverse SDE dx = [f x − g² ∇log p] dt + g dw, run backwards in time:
///
/// x′ = x − Δt (f x − g² s) + g √Δt z, where s is the score at the noisier end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EulerMaruyama;

impl Sampler for EulerMaruyama {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (dt, f, g2) = (step.dt(), step.from.drift(), step.from.diffusion2());
            let score = tape.predict(Prediction::Score, x, step.from);
            let mean = (1.0 - dt * f) * x + (dt * g2) * score;
            x = tape.arrive(step.to, mean + (dt * g2).sqrt() * tape.noise());
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "em",
    aliases: &["euler-maruyama"],
    summary: "Euler-Maruyama on the reverse SDE",
    source: "Pierret & Galerne (2025), table 3, EM; Song et al. (2021)",
    order: Some(1),
    parameters: &[],
    build: |_| Ok(Box::new(EulerMaruyama)),
};
