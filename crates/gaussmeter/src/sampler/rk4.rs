use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// The classical fourth-order Runge–Kutta method on the probability-flow ODE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rk4;

impl Sampler for Rk4 {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let h = -step.dt();
            let (start, end) = (*step.from, *step.to);
            let middle = step.level(0.5 * (start.t + end.t));
            let v = |x: Linear, at: &Level<Real>| tape.predict(Prediction::Velocity, x, at);
            let k1 = v(x.into(), &start);
            let k2 = v(x + (0.5 * h) * k1, &middle);
            let k3 = v(x + (0.5 * h) * k2, &middle);
            let k4 = v(x + h * k3, &end);
            x = tape.arrive(&end, x + (h / 6.0) * (k1 + 2.0 * k2 + 2.0 * k3 + k4));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "rk4",
    aliases: &["runge-kutta-4"],
    summary: "classical fourth-order Runge-Kutta on the probability-flow ODE in t",
    source: "Pierret & Galerne (2025), table 3, RK4",
    order: Some(4),
    parameters: &[],
    build: |_| Ok(Box::new(Rk4)),
};
