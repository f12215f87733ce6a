use super::transfer::{contraction, eta, phi2, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::real::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// How a two-step method weighs the difference of its denoisers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// c = ½ (1 − e^{−H}).
    #[default]
    Midpoint,
    /// c = 1 − (1 − e^{−H})/H, exact for a denoiser linear in log-SNR.
    Heun,
}

impl Solver {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "heun" => Solver::Heun,
            _ => Solver::Midpoint,
        }
    }
    /// c for a step H.
    pub(super) fn weight(self, total: Real) -> Real {
        match self {
            Solver::Midpoint => -0.5 * (-total).exp_m1(),
            Solver::Heun => phi2(total),
        }
    }
}

/// Whether the last step is taken with order 1, beside a step to σ = 0, which always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowerOrderFinal {
    /// Only to σ = 0, as k-diffusion has it.
    #[default]
    No,
    /// In runs of fewer than 15 steps: `lower_order_final` of diffusers.
    Under15,
    /// Always: `euler_at_final` of diffusers.
    Always,
}

impl LowerOrderFinal {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "always" => LowerOrderFinal::Always,
            "under15" => LowerOrderFinal::Under15,
            _ => LowerOrderFinal::No,
        }
    }
    pub(super) fn applies(self, steps: usize) -> bool {
        match self {
            LowerOrderFinal::No => false,
            LowerOrderFinal::Under15 => steps < 15,
            LowerOrderFinal::Always => true,
        }
    }
}

/// DPM-Solver++(2M) and its SDE form: the exponential two-step method in h = ln(ς/ς′), ς = σ/α, with
/// H = (1 + η) h, r = h₋/h and the denoisers D, D₋ of this step and the last,
///
/// x′ = e^{−h−ηh} x + (1 − e^{−H}) D + c (D − D₋)/r + ς′ √(1 − e^{−2ηh}) z.
///
/// The first step and one to σ = 0 have order 1. At η = 0 it is DPM-Solver++(2M); the Heun form is
/// then RES 2M.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmPp2M {
    /// η ≥ 0: the share of fresh noise.
    pub eta: f64,
    /// The weight c.
    pub solver: Solver,
    /// Order of the last step.
    pub lower_order_final: LowerOrderFinal,
}

impl Sampler for DpmPp2M {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let steps = grid.step_count();
        let mut last: Option<(Real, Var)> = None;
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let q = contraction(step.from, step.to);
            let h = -q.ln();
            let damping = q.powf(self.eta);
            let mean = transfer(step.from, step.to, step.to.sigma * damping, x, d);
            let is_lower = step.index + 1 == steps && self.lower_order_final.applies(steps);
            let correction = match last {
                Some((h_last, d_last)) if q > 0.0 && !is_lower => {
                    let c = self.solver.weight((1.0 + self.eta) * h);
                    (step.to.alpha * c * h / h_last) * (d - d_last)
                }
                _ => Linear::default(),
            };
            let drawn = step.to.sigma * ((1.0 - damping) * (1.0 + damping)).sqrt();
            x = tape.arrive(step.to, with_noise(tape, mean + correction, drawn));
            last = Some((h, d));
        }
        Ok(x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    Ok(Box::new(DpmPp2M {
        eta: a.number("eta"),
        solver: Solver::of(a.text("solver")),
        lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
    }))
}

const SOLVER: Parameter = Parameter {
    name: "solver",
    kind: Kind::Choice(&["midpoint", "heun"]),
    default: Some("midpoint"),
    summary: "weight of the difference of denoisers",
};

pub(super) const LOWER_ORDER_FINAL: Parameter = Parameter {
    name: "lower_order_final",
    kind: Kind::Choice(&["no", "under15", "always"]),
    default: Some("no"),
    summary: "last step of order 1: only to sigma = 0, below 15 steps (diffusers), always",
};

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2m",
    aliases: &["dpmpp_2m", "sample_dpmpp_2m", "DPMSolverMultistepScheduler"],
    summary: "DPM-Solver++(2M); with solver=heun the res_multistep of ComfyUI",
    source: "Lu et al. (2022b), algorithm 2; k-diffusion, diffusers",
    order: Some(2),
    parameters: &[SOLVER, eta("0"), LOWER_ORDER_FINAL],
    build,
};

pub(super) static SDE: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2m-sde",
    aliases: &["dpmpp_2m_sde", "sample_dpmpp_2m_sde"],
    summary: "SDE-DPM-Solver++(2M)",
    source: "Lu et al. (2022b), section 5; k-diffusion, diffusers (sde-dpmsolver++)",
    order: Some(2),
    parameters: &[eta("1"), SOLVER, LOWER_ORDER_FINAL],
    build,
};
