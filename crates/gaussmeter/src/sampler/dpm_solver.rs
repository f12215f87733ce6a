use super::exponential::{
    LOWER_ORDER_FINAL, LowerOrderFinal, Model, Multistep, SecondDerivative, Solver, solver,
};
use super::transfer::eta;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Tape, Var};

/// The multistep DPM-Solver, from the last values of ε = (x − D)/ς, and its SDE form. With
/// h = ln(ς/ς′), r₀ = h₋/h, r₁ = h₌/h, ε₁₀ = (ε − ε₋)/r₀ and ε₁₁ = (ε₋ − ε₌)/r₁,
///
/// x′ = x + (1 + η) (ς′ − ς) \[ε + ½ ε₁₀\] + √(η (ς² − ς′²)) z
///
/// at order 2 (midpoint); Heun has −(1 + η) ς′ ((e^h − 1)/h − 1) ε₁₀ for the ε₁₀ term;
///
/// x′ = x + (1 + η) \[(ς′ − ς) ε − ς′ ψ₂ ε′ − ς′ ψ₃ ε″\] + √(η (ς² − ς′²)) z
///
/// at order 3, ψ₂ = (e^h − 1)/h − 1, ψ₃ = ψ₂/h − ½, ε″ = 2 (ε₁₀ − ε₁₁)/(r₀ + r₁), ε′ = ε₁₀ + ½ r₀ ε″.
/// Order 1 without noise is DDIM. The first step has order 1, and a step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmSolver {
    /// Number of noise predictions used, from 1 to 3.
    pub order: usize,
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// How a step of order 2 weights its difference.
    pub solver: Solver,
    /// The rule for ε″: diffusers uses half of it.
    pub second_derivative: SecondDerivative,
    /// Order of the last step.
    pub lower_order_final: LowerOrderFinal,
}

impl Default for DpmSolver {
    /// DPM-Solver(2M).
    fn default() -> Self {
        DpmSolver {
            order: 2,
            eta: 0.0,
            solver: Solver::default(),
            second_derivative: SecondDerivative::default(),
            lower_order_final: LowerOrderFinal::default(),
        }
    }
}

impl Sampler for DpmSolver {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        let multistep = Multistep {
            model: Model::Noise,
            order: self.order,
            eta: self.eta,
            solver: self.solver,
            second_derivative: self.second_derivative,
            lower_order_final: self.lower_order_final,
        };
        multistep.record(grid, tape, x)
    }
}

const SOURCE: &str = "Lu et al. (2022a), section 3; diffusers (DPMSolverMultistepScheduler, algorithm_type='dpmsolver')";
const SDE_SOURCE: &str = "diffusers (DPMSolverMultistepScheduler, algorithm_type='sde-dpmsolver')";

pub(super) static TWO: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-2m",
    aliases: &["dpm_solver_2m"],
    summary: "DPM-Solver(2M), noise prediction",
    source: SOURCE,
    order: Some(2),
    parameters: &[solver("midpoint"), LOWER_ORDER_FINAL],
    build: |a| {
        Ok(Box::new(DpmSolver {
            solver: Solver::of(a.text("solver")),
            lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
            ..DpmSolver::default()
        }))
    },
};

pub(super) static THREE: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-3m",
    aliases: &["dpm_solver_3m"],
    summary: "DPM-Solver(3M), noise prediction",
    source: SOURCE,
    order: Some(3),
    parameters: &[
        Parameter { name: "second", ..solver("midpoint") },
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["corrected", "diffusers"]),
            default: Some("corrected"),
            summary: "third-order rule, or with half of its second derivative (diffusers)",
        },
        LOWER_ORDER_FINAL,
    ],
    build: |a| {
        Ok(Box::new(DpmSolver {
            order: 3,
            eta: 0.0,
            solver: Solver::of(a.text("second")),
            second_derivative: match a.text("variant") {
                "diffusers" => SecondDerivative::Half,
                _ => SecondDerivative::Corrected,
            },
            lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
        }))
    },
};

pub(super) static SDE_ONE: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-1-sde",
    aliases: &["sde-dpm-solver-1"],
    summary: "SDE-DPM-Solver-1: the SDE with the noise prediction frozen",
    source: SDE_SOURCE,
    order: Some(1),
    parameters: &[eta("1")],
    build: |a| Ok(Box::new(DpmSolver { order: 1, eta: a.number("eta"), ..DpmSolver::default() })),
};

pub(super) static SDE_TWO: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-2m-sde",
    aliases: &["sde-dpm-solver-2m"],
    summary: "SDE-DPM-Solver(2M), noise prediction",
    source: SDE_SOURCE,
    order: Some(2),
    parameters: &[eta("1"), solver("midpoint"), LOWER_ORDER_FINAL],
    build: |a| {
        Ok(Box::new(DpmSolver {
            eta: a.number("eta"),
            solver: Solver::of(a.text("solver")),
            lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
            ..DpmSolver::default()
        }))
    },
};
