use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// Euler on the probability-flow ODE dx/dt = v(x, t): x′ = x − Δt v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Euler;

impl Sampler for Euler {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let v = tape.predict(Prediction::Velocity, x, step.from);
            x = tape.arrive(step.to, x - step.dt() * v);
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "euler",
    aliases: &[],
    summary: "Euler on the probability-flow ODE in t",
    source: "Pierret & Galerne (2025), table 3, Euler",
    order: Some(1),
    parameters: &[],
    build: |_| Ok(Box::new(Euler)),
};
