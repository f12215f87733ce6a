use super::dpmpp_2m::{LOWER_ORDER_FINAL, LowerOrderFinal, Solver};
use super::transfer::{contraction, eta, phi2, phi3, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::real::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// DPM-Solver++(3M) and its SDE form: with H = (1 + η) h, r₀ = h₋/h, r₁ = h₌/h, D₁₀ = (D − D₋)/r₀ and
/// D₁₁ = (D₋ − D₌)/r₁,
///
/// x′ = e^{−h−ηh} x + (1 − e^{−H}) D + φ₂ D₁ − φ₃ D₂ + ς′ √(1 − e^{−2ηh}) z,
///
/// D₁ = D₁₀ + r₀ (D₁₀ − D₁₁)/(r₀ + r₁), D₂ = (D₁₀ − D₁₁)/(r₀ + r₁), φ₂ = 1 − (1 − e^{−H})/H and
/// φ₃ = φ₂/H − ½. The second step is that of [`DpmPp2M`](super::DpmPp2M), the first and one to σ = 0
/// have order 1.
///
/// This is the scheme of k-diffusion and diffusers, of order **2**: a third-order method needs the
/// second derivative, which is 2 D₂.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmPp3M {
    /// η ≥ 0: the share of fresh noise.
    pub eta: f64,
    /// How the second step weighs its difference.
    pub second: Solver,
    /// Order of the last step; `Under15` takes the step before it with order 2.
    pub lower_order_final: LowerOrderFinal,
}

impl Sampler for DpmPp3M {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let steps = grid.step_count();
        let mut last: Option<(Real, Var)> = None;
        let mut before: Option<(Real, Var)> = None;
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let q = contraction(step.from, step.to);
            let h = -q.ln();
            let total = (1.0 + self.eta) * h;
            let damping = q.powf(self.eta);
            let mean = transfer(step.from, step.to, step.to.sigma * damping, x, d);
            let highest = match (steps - step.index, self.lower_order_final) {
                _ if q == 0.0 => 1,
                (1, rule) if rule.applies(steps) => 1,
                (2, LowerOrderFinal::Under15) if steps < 15 => 2,
                _ => 3,
            };
            let correction = match (last, before) {
                (Some((h1, d1)), Some((h2, d2))) if highest == 3 => {
                    let (d10, d11) = ((h / h1) * (d - d1), (h / h2) * (d1 - d2));
                    let second = h / (h1 + h2) * (&d10 - d11);
                    let first = d10 + (h1 / h) * &second;
                    phi2(total) * first - phi3(total) * second
                }
                (Some((h1, d1)), _) if highest > 1 => {
                    (self.second.weight(total) * h / h1) * (d - d1)
                }
                _ => Linear::default(),
            };
            let drawn = step.to.sigma * ((1.0 - damping) * (1.0 + damping)).sqrt();
            let mean = mean + step.to.alpha * correction;
            x = tape.arrive(step.to, with_noise(tape, mean, drawn));
            // An infinite step, from α = 0, holds no derivative.
            before = last.filter(|(h, _)| h.is_finite());
            last = Some((h, d)).filter(|(h, _)| h.is_finite());
        }
        Ok(x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    Ok(Box::new(DpmPp3M {
        eta: a.number("eta"),
        second: Solver::of(a.text("second")),
        lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
    }))
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp-3m",
    aliases: &["dpmpp_3m"],
    summary: "DPM-Solver++(3M) as implemented: of order 2",
    source: "Lu et al. (2022b); diffusers (DPMSolverMultistepScheduler, solver_order=3)",
    order: Some(2),
    parameters: &[second("midpoint"), eta("0"), LOWER_ORDER_FINAL],
    build,
};

pub(super) static SDE: Entry<dyn Sampler> = Entry {
    name: "dpmpp-3m-sde",
    aliases: &["dpmpp_3m_sde", "sample_dpmpp_3m_sde"],
    summary: "SDE-DPM-Solver++(3M) as implemented: of order 2",
    source: "k-diffusion (sample_dpmpp_3m_sde)",
    order: Some(2),
    parameters: &[eta("1"), second("heun"), LOWER_ORDER_FINAL],
    build,
};

const fn second(default: &'static str) -> Parameter {
    Parameter {
        name: "second",
        kind: Kind::Choice(&["midpoint", "heun"]),
        default: Some(default),
        summary: "weight of the difference of denoisers in the second step",
    }
}
