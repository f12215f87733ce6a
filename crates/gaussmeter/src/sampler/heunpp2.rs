use super::runge_kutta::Tableau;
use super::variable::Variable;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::tape::{Linear, Tape, Var};

/// Heun++ with two extra evaluations: slopes k₁ at w, k₂ at the Euler point of the next node w′,
/// and k₃ at w″, the node after it, at the Euler point from there,
///
/// ξ′ = ξ + (w′ − w) (ω₁ k₁ + ω₂ k₂ + ω₃ k₃), ω₁ = 1 − ω₂ − ω₃.
///
/// Second order needs ω₂ (w′ − w) + ω₃ (w″ − w) = ½ (w′ − w). ComfyUI takes ω₂ = w′/(3w₀) and
/// ω₃ = w″/(3w₀), where w₀ is the first node of the run, and in the last step but one ω₂ =
/// w′/(2w₀), ω₃ = 0; this has only order 1. Here ω₂ : ω₃ = w′ : w″ with the sum that order 2
/// requires, and ω₂ = ½ in the last step but one. The last step is Euler's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeunPp2 {
    /// Use ComfyUI's weights.
    pub comfyui: bool,
    /// The variable it steps in.
    pub variable: Variable,
}

impl Sampler for HeunPp2 {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let variable = self.variable;
        let steps: Vec<Step> = grid.steps().collect();
        let last = steps.len();
        for step in &steps {
            if step.index + 1 == last {
                let euler = Tableau::euler();
                let state = euler.step(variable, (grid, step), tape, (x, step.from))?;
                x = tape.arrive(step.to, state);
                continue;
            }
            variable.check(grid, step)?;
            let after = Some(steps[step.index + 1].to).filter(|_| step.index + 2 < last);
            let (w, w_next) = (variable.at(step.from), variable.at(step.to));
            let length = w_next - w;

            let xi: Linear = x / variable.scale(step.from);
            let k1 = variable.slope(tape, &xi, step.from);
            let xi2 = &xi + length * &k1;
            let k2 = variable.slope(tape, &xi2, step.to);
            let first = 3.0 * variable.at(steps[0].from);
            let slope = match after {
                None if self.comfyui => {
                    let share = w_next / first * 1.5;
                    (1.0 - share) * k1 + share * k2
                }
                None => 0.5 * (k1 + k2),
                Some(level) => {
                    let w_after = variable.at(level);
                    let xi3 = &xi2 + (w_after - w_next) * &k2;
                    let k3 = variable.slope(tape, &xi3, level);
                    let unit = match self.comfyui {
                        true => first.recip(),
                        false => 0.5 * length / (w_next * length + w_after * (w_after - w)),
                    };
                    let (share2, share3) = (unit * w_next, unit * w_after);
                    (1.0 - share2 - share3) * k1 + share2 * k2 + share3 * k3
                }
            };
            x = tape.arrive(step.to, variable.scale(step.to) * (xi + length * slope));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "heunpp2",
    aliases: &["sample_heunpp2"],
    summary: "Heun++ with three evaluations, weighted to have order 2",
    source: "ComfyUI (sample_heunpp2), with weights of order 2",
    order: Some(2),
    parameters: &[
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["corrected", "comfyui"]),
            default: Some("corrected"),
            summary: "comfyui: weights relative to the first noise level of the run, which leave order 1",
        },
        Parameter { default: Some("noise-ratio"), ..Variable::PARAMETER },
    ],
    build: |a| {
        let (comfyui, variable) =
            (a.text("variant") == "comfyui", Variable::of(a.text("variable")));
        Ok(Box::new(HeunPp2 { comfyui, variable }))
    },
};
