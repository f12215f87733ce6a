//! What the DPM-Solvers share. In the half log-SNR ℓ = −ln ς both the denoiser D and the noise ε obey
//! a semilinear equation whose linear part is solved exactly; what remains is the integral over a
//! step h of the model, a polynomial through the known values. With its derivatives M′, M″ in units
//! of h,
//!
//! X′ = k X + w (1 − e^{−H}) M + w φ₂(H) M′ − w φ₃(H) M″,
//!
//! φ₂ = 1 − (1 − e^{−H})/H, φ₃ = φ₂/H − ½. For D: k = (σ′/σ) e^{−ηh}, w = α′, H = (1 + η) h. For ε:
//! k = α′/α, w = (1 + η) σ′, H = −h.

use super::transfer::{phi2, phi3, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Kind, Parameter};
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};
use std::collections::VecDeque;

/// What a DPM-Solver interpolates by a polynomial in log-SNR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// The denoiser: DPM-Solver++ (`dpmsolver++` of diffusers).
    #[default]
    Denoiser,
    /// The noise ε: DPM-Solver (`dpmsolver`).
    Noise,
}

impl Model {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "noise" => Model::Noise,
            _ => Model::Denoiser,
        }
    }
    /// The model of a step of order 1 between two levels: the denoiser from α = 0 and to σ = 0. Without
    /// noise the two give the same step; with noise, the form in ε does not exist there.
    pub(super) fn between(self, from: &Level<Real>, to: &Level<Real>) -> Self {
        if from.alpha == 0.0 || to.sigma == 0.0 { Model::Denoiser } else { self }
    }
    pub(super) fn prediction(self) -> Prediction {
        match self {
            Model::Denoiser => Prediction::Denoiser,
            Model::Noise => Prediction::Noise,
        }
    }
}

/// How a step through two values weights their difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// By ½ (1 − e^{−H}).
    #[default]
    Midpoint,
    /// By 1 − (1 − e^{−H})/H, exact for a model linear in log-SNR.
    Heun,
}

impl Solver {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "heun" => Solver::Heun,
            _ => Solver::Midpoint,
        }
    }
}

pub(super) const fn solver(default: &'static str) -> Parameter {
    Parameter {
        name: "solver",
        kind: Kind::Choice(&["midpoint", "heun"]),
        default: Some(default),
        summary: "weight of the difference of two values of the model",
    }
}

/// When the last step has order 1. A step to σ = 0 always has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowerOrderFinal {
    /// Only to σ = 0, as in k-diffusion.
    #[default]
    No,
    /// In runs of fewer than 15 steps, where the last step but one has at most order 2:
    /// `lower_order_final` of diffusers.
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
    /// Whether it applies to runs of this many steps.
    pub(super) fn applies(self, steps: usize) -> bool {
        match self {
            LowerOrderFinal::No => false,
            LowerOrderFinal::Under15 => steps < 15,
            LowerOrderFinal::Always => true,
        }
    }
    /// The highest order allowed for a step with `left` steps to go, itself included.
    fn highest(self, left: usize, steps: usize) -> usize {
        match (self, left) {
            (LowerOrderFinal::Always, 1) => 1,
            (LowerOrderFinal::Under15, 1 | 2) if steps < 15 => left,
            _ => usize::MAX,
        }
    }
}

pub(super) const LOWER_ORDER_FINAL: Parameter = Parameter {
    name: "lower_order_final",
    kind: Kind::Choice(&["no", "under15", "always"]),
    default: Some("no"),
    summary: "when the last step has order 1: only to sigma = 0, below 15 steps (diffusers), always",
};

/// Which second derivative a third-order step of DPM-Solver uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondDerivative {
    /// The polynomial's.
    #[default]
    Corrected,
    /// Half of it, which leaves order 2: what k-diffusion, ComfyUI and, without noise, the multistep
    /// rule of diffusers use.
    Half,
    /// The polynomial's, but with the wrong sign before ½ in its weight (1 − e^{−H} − H)/H² + ½:
    /// the singlestep rule of diffusers with noise.
    WrongSign,
    /// Half of it with the wrong sign, which leaves order 1: the multistep rule of diffusers with
    /// noise.
    HalfWrongSign,
}

/// A step of a DPM-Solver.
pub(super) struct Exponential {
    /// Length in log-SNR.
    pub h: Real,
    kept: Real,
    frozen: Real,
    scale: Real,
    argument: Real,
    /// Standard deviation of the fresh noise.
    pub drawn: Real,
}

impl Exponential {
    /// The step between two levels; η is the amount of fresh noise.
    pub fn new(model: Model, eta: f64, from: &Level<Real>, to: &Level<Real>) -> Self {
        Self::leaving(model, eta, from, to, to.sigma)
    }

    /// The step to the scale of `to` that leaves noise of standard deviation `sigma`.
    pub fn leaving(
        model: Model,
        eta: f64,
        from: &Level<Real>,
        to: &Level<Real>,
        sigma: Real,
    ) -> Self {
        let q = (sigma * from.alpha) / (from.sigma * to.alpha);
        let h = -q.ln();
        match model {
            Model::Denoiser => {
                let damping = q.powf(eta);
                let kept = sigma * damping / from.sigma;
                Exponential {
                    h,
                    kept,
                    frozen: to.alpha - from.alpha * kept,
                    scale: to.alpha,
                    argument: (1.0 + eta) * h,
                    drawn: sigma * ((1.0 - damping) * (1.0 + damping)).sqrt(),
                }
            }
            Model::Noise => {
                let kept = to.alpha / from.alpha;
                let reached = kept * from.sigma;
                Exponential {
                    h,
                    kept,
                    frozen: (1.0 + eta) * (sigma - reached),
                    scale: (1.0 + eta) * sigma,
                    argument: -h,
                    drawn: (eta * (reached - sigma) * (reached + sigma)).sqrt(),
                }
            }
        }
    }

    /// The step applied to noise drawn before it.
    pub fn carry(&self, noise: Linear) -> Linear {
        self.kept * noise
    }
    /// The step with the model frozen.
    pub fn constant(&self, x: Var, model: Var) -> Linear {
        self.kept * x + self.frozen * model
    }
    /// Weight of M′ in a step of order 2.
    pub fn slope(&self, solver: Solver) -> Real {
        match solver {
            Solver::Midpoint => -0.5 * self.scale * (-self.argument).exp_m1(),
            Solver::Heun => self.scale * phi2(self.argument),
        }
    }
    /// Weight of M″.
    pub fn curvature(&self, rule: SecondDerivative) -> Real {
        let weight = -self.scale * phi3(self.argument);
        match rule {
            SecondDerivative::Corrected => weight,
            SecondDerivative::Half => 0.5 * weight,
            SecondDerivative::WrongSign => weight - self.scale,
            SecondDerivative::HalfWrongSign => 0.5 * (weight - self.scale),
        }
    }

    /// The step through the model at its start and at points at these distances from it in log-SNR:
    /// through the last of them (midpoint), or all (Heun).
    pub fn through(
        &self,
        solver: Solver,
        rule: SecondDerivative,
        x: Var,
        model: Var,
        others: &[(Real, Var)],
    ) -> Linear {
        let constant = self.constant(x, model);
        let slope = |&(at, value): &(Real, Var)| (self.h / at) * (value - model);
        match (others, solver) {
            ([], _) => constant,
            ([one], _) => constant + self.slope(solver) * slope(one),
            ([.., last], Solver::Midpoint) => constant + self.slope(Solver::Heun) * slope(last),
            ([one, .., two], Solver::Heun) => {
                let (r1, r2) = (one.0 / self.h, two.0 / self.h);
                let second = (slope(two) - slope(one)) / (r2 - r1);
                let first = slope(one) - r1 * &second;
                constant + self.slope(Solver::Heun) * first + (2.0 * self.curvature(rule)) * second
            }
        }
    }
}

/// A multistep DPM-Solver: each step uses the last `order` values of its model; order 3 uses their
/// parabola. The second step has order 2; the first, and a step to σ = 0, have order 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Multistep {
    pub model: Model,
    /// From 1 to 3.
    pub order: usize,
    pub eta: f64,
    /// The rule of steps of order 2.
    pub solver: Solver,
    pub second_derivative: SecondDerivative,
    pub lower_order_final: LowerOrderFinal,
}

impl Sampler for Multistep {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let steps = grid.step_count();
        // Steps and the values at their starts, latest first.
        let mut history: VecDeque<(Real, Var)> = VecDeque::new();
        for step in grid.steps() {
            let model = self.model.between(step.from, step.to);
            let m = tape.predict(model.prediction(), x, step.from);
            let e = Exponential::new(model, self.eta, step.from, step.to);
            let highest = self.lower_order_final.highest(steps - step.index, steps);
            let values = if e.h.is_finite() { self.order.min(highest) } else { 1 };
            let mut at = Real::from(0.0);
            let earlier = history.iter().take(values - 1).map(|&(h, value)| {
                at = at - h;
                (at, value)
            });
            let earlier: Vec<_> = earlier.collect();
            let solver = if earlier.len() == 2 { Solver::Heun } else { self.solver };
            let mean = e.through(solver, self.second_derivative, x, m, &earlier);
            x = tape.arrive(step.to, with_noise(tape, mean, e.drawn));
            history.push_front((e.h, m));
            history.truncate(self.order - 1);
            if !e.h.is_finite() {
                // A step from α = 0 gives no derivative.
                history.clear();
            }
        }
        Ok(x)
    }
}
