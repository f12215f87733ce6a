use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// Heun's method (explicit trapezoidal rule) on the probability-flow ODE:
///
/// x̃ = x − Δt v(x, t), x′ = x − ½ Δt (v(x, t) + v(x̃, t′)).
///
/// The last step evaluates the network at t′ = eps. At eps = 0 the velocity there is infinite along
/// null directions of Σ; a final Euler step avoids that and saves an evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heun {
    /// Take the last step with Euler.
    pub final_euler: bool,
}

impl Sampler for Heun {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let v = tape.predict(Prediction::Velocity, x, step.from);
            let euler = x - step.dt() * v;
            let is_last = step.index + 1 == grid.step_count();
            x = if is_last && self.final_euler {
                tape.arrive(step.to, euler)
            } else {
                let v_next = tape.predict(Prediction::Velocity, euler, step.to);
                tape.arrive(step.to, x - (0.5 * step.dt()) * (v + v_next))
            };
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "heun",
    aliases: &[],
    summary: "Heun's second-order method on the probability-flow ODE in t",
    source: "Pierret & Galerne (2025), table 3, Heun; Karras et al. (2022), algorithm 1 for final=euler",
    order: Some(2),
    parameters: &[Parameter {
        name: "final",
        kind: Kind::Choice(&["heun", "euler"]),
        default: Some("heun"),
        summary: "how the last step is taken",
    }],
    build: |a| Ok(Box::new(Heun { final_euler: a.text("final") == "euler" })),
};
