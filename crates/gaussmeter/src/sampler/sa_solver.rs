use super::transfer::{contraction, moments, needs_finite_ratio, transfer, undefined};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};
use std::collections::VecDeque;

/// The noise τ of SA-Solver: constant on an interval of noise ratios σ/α, 0 outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tau {
    /// τ ≥ 0: 0 is the ODE, 1 the reverse SDE.
    pub tau: f64,
    /// Smallest noise ratio.
    pub min: f64,
    /// Largest noise ratio.
    pub max: f64,
    /// Whether the end of a step (ComfyUI) or its start (diffusers) has to lie in the interval.
    pub at_end: bool,
}

impl Tau {
    fn of(&self, from: &Level<Real>, to: &Level<Real>) -> f64 {
        let level = if self.at_end { to } else { from };
        let inside = (self.min..=self.max).contains(&level.noise_ratio().value());
        if inside { self.tau } else { 0.0 }
    }
}

/// How orders are limited near the end. With m steps left, the predictor has at most order m.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowerOrders {
    /// Not at all.
    #[default]
    No,
    /// The corrector has at most order m + 2 if m steps follow it.
    Diffusers,
    /// At most m + 1.
    ComfyUi,
}

/// SA-Solver: stochastic Adams methods in log-SNR ℓ = ln(α/σ), h = ℓ′ − ℓ, for the reverse process
/// with noise τ. With the values D_j of the denoiser at the last nodes and their Lagrange polynomials,
///
/// x′ = e^{−(1+τ²)h} x + Σⱼ bⱼ Dⱼ + ς′ √(1 − e^{−2τ²h}) z,
/// bⱼ = (1 + τ²) ∫ e^{−(1+τ²)(ℓ′−s)} Lⱼ(s) ds from ℓ to ℓ′.
///
/// The predictor uses nodes up to ℓ, and D is evaluated at its result. The corrector then repeats
/// the step with that D among its nodes and **the same z**, so that noise and D are correlated. The
/// D kept for later steps is the one at the predicted state or, in PECE mode, a new evaluation.
///
/// The first step, a step from α = 0, and a step to σ = 0, which returns D, have order 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SaSolver {
    /// Nodes of the predictor, from 1 to 4.
    pub predictor: usize,
    /// Nodes of the corrector including the newest, from 0 to 4; 0 for none.
    pub corrector: usize,
    /// The noise.
    pub tau: Tau,
    /// Evaluate again after the corrector.
    pub pece: bool,
    /// With two nodes, use the weights of appendix D: ½ (1 + τ²) h² / (ℓ₋ − ℓ) for the predictor's
    /// older node, ½ (1 + τ²) h for the corrector's newer one, the rest for the other.
    pub simple_order_2: bool,
    /// Interpolate ε = (X − αD)/σ instead of D:
    /// x′ = x − (1 + τ²) Σⱼ εⱼ ∫ e^{−s} Lⱼ(s) ds + τ √(ς² − ς′²) z.
    pub noise_prediction: bool,
    /// Orders near the end.
    pub lower_orders: LowerOrders,
    /// Evaluate at the end and correct the last step too.
    pub correct_last: bool,
}

/// The coefficients of the Lagrange polynomials of nodes, starting with the constant.
fn lagrange(nodes: &[Real]) -> Vec<Vec<Real>> {
    let polynomial = |j: usize| {
        let others = nodes.iter().enumerate().filter(|(m, _)| *m != j);
        others.fold(vec![Real::from(1.0)], |product, (_, &node)| {
            let scale = (nodes[j] - node).recip();
            let mut next = vec![Real::from(0.0); product.len() + 1];
            for (k, &c) in product.iter().enumerate() {
                next[k] = next[k] - scale * node * c;
                next[k + 1] = next[k + 1] + scale * c;
            }
            next
        })
    };
    (0..nodes.len()).map(polynomial).collect()
}

/// h ∫ e^{−hu} uᵐ du over [0, 1] for m = 0, …, n − 1.
fn growing_moments(h: Real, n: usize) -> Vec<Real> {
    let mut all: Vec<Real> = Vec::with_capacity(n);
    for m in 0..n {
        let before = all.last().copied();
        all.push(match before {
            _ if h < 1.0 => {
                // Σ (−h)^j / (j! (m + j + 1)), the factorial by nesting.
                let term = |j: u32| 1.0 / (f64::from(j) + m as f64 + 1.0);
                let nested = (0..20u32)
                    .rev()
                    .fold(Real::from(0.0), |sum, j| term(j) - h / f64::from(j + 1) * sum);
                h * nested
            }
            None => -(-h).exp_m1(),
            Some(before) => m as f64 / h * before - (-h).exp(),
        });
    }
    all
}

/// A step in progress: what the corrector needs to repeat it.
struct Stride {
    from: Level<Real>,
    to: Level<Real>,
    tau: f64,
    x: Var,
    noise: Linear,
}

impl SaSolver {
    /// A step through the given values, newest first, with their log-SNR.
    fn step(&self, stride: &Stride, values: &[(Real, Var)], is_corrector: bool) -> Linear {
        let Stride { from, to, tau, x, noise } = stride;
        let q = contraction(from, to);
        let h = -q.ln();
        let growth = 1.0 + tau * tau;
        let left = to.sigma * q.powf(tau * tau);
        if let ([(_, d)], false) = (values, self.noise_prediction) {
            return transfer(from, to, left, *x, *d) + noise;
        }
        let nodes: Vec<Real> = values.iter().map(|(l, _)| (*l - from.log_snr()) / h).collect();
        let moments = match self.noise_prediction {
            true => growing_moments(h, values.len()),
            false => moments(growth * h, values.len()),
        };
        let weights: Vec<Real> = match (self.simple_order_2, &nodes[..]) {
            (true, [_, older]) => {
                let one = 0.5 * growth * h / if is_corrector { Real::from(1.0) } else { *older };
                let rest = moments[0] - one;
                if is_corrector { vec![one, rest] } else { vec![rest, one] }
            }
            _ => {
                let integral = |polynomial: Vec<Real>| {
                    let terms = polynomial.into_iter().zip(&moments);
                    terms.fold(Real::from(0.0), |sum, (c, m)| sum + c * *m)
                };
                lagrange(&nodes).into_iter().map(integral).collect()
            }
        };
        let terms = weights.into_iter().zip(values);
        let sum = terms.fold(Linear::default(), |sum, (w, (_, value))| sum + w * *value);
        match self.noise_prediction {
            true => {
                let scale = growth * to.alpha * from.noise_ratio();
                (to.alpha / from.alpha) * *x - scale * sum + noise
            }
            false => (left / from.sigma) * *x + to.alpha * sum + noise,
        }
    }

    /// The corrected state at the end of a step, if the corrector applies.
    fn correct(&self, stride: &Stride, values: &[(Real, Var)], limit: usize) -> Option<Linear> {
        let order = self.corrector.min(limit).min(values.len());
        let is_finite = contraction(&stride.from, &stride.to) > 0.0;
        (order > 0 && is_finite).then(|| self.step(stride, &values[..order], true))
    }
}

impl Sampler for SaSolver {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let kind = match self.noise_prediction {
            true => Prediction::Noise,
            false => Prediction::Denoiser,
        };
        // Steps that do not just return D; a correction of the last step counts as one.
        let total = grid.levels()[1..].iter().filter(|l| l.sigma > 0.0).count()
            + usize::from(self.correct_last);
        let limit = |left: usize| match self.lower_orders {
            LowerOrders::No => [usize::MAX; 2],
            LowerOrders::Diffusers => [left, left + 2],
            LowerOrders::ComfyUi => [left, left + 1],
        };
        let mut values: VecDeque<(Real, Var)> = VecDeque::new();
        let mut last: Option<Stride> = None;
        for step in grid.steps() {
            let (from, to) = (*step.from, *step.to);
            if self.noise_prediction {
                needs_finite_ratio(grid, &step)?;
            }
            // The very last evaluation asks for the data, which are the result.
            let is_last = to.sigma == 0.0 && !self.correct_last;
            let plain = if is_last && !self.pece { Prediction::Denoiser } else { kind };
            let mut value = (plain, tape.predict(plain, x, &from));
            values.push_front((from.log_snr(), value.1));
            let [predictor_limit, corrector_limit] = limit(total.saturating_sub(step.index));
            if let Some(stride) = last.take() {
                // Where only D is used next, the corrected state would be unused.
                if to.sigma > 0.0 || self.pece {
                    let values = values.make_contiguous();
                    if let Some(corrected) = self.correct(&stride, values, corrector_limit) {
                        x = tape.keep(corrected);
                        if self.pece {
                            let again = if is_last { Prediction::Denoiser } else { kind };
                            value = (again, tape.predict(again, x, &from));
                            values[0].1 = value.1;
                        }
                    }
                }
            }
            if to.sigma == 0.0 {
                if self.correct_last {
                    let reason = "last=corrected evaluates at the end of the grid, where sigma = 0: end the grid above 0";
                    return Err(undefined(grid, &step, reason.into()));
                }
                let mean = match value {
                    (Prediction::Denoiser, d) => to.alpha * Linear::from(d),
                    (_, noise) => to.alpha * (x / from.alpha - from.noise_ratio() * noise),
                };
                return Ok(tape.arrive(&to, mean));
            }
            // A value from α = 0 is infinitely far away.
            if values.len() > 1 {
                values.retain(|(l, _)| l.is_finite());
            }
            values.truncate(self.predictor.max(self.corrector));
            let q = contraction(&from, &to);
            let tau = self.tau.of(&from, &to);
            let std = match self.noise_prediction {
                true => {
                    let (old, new) = (from.noise_ratio(), to.noise_ratio());
                    tau * to.alpha * ((old - new) * (old + new)).sqrt()
                }
                false => {
                    let damping = q.powf(tau * tau);
                    to.sigma * ((1.0 - damping) * (1.0 + damping)).sqrt()
                }
            };
            let noise = if tau == 0.0 { Linear::default() } else { std * tape.noise() };
            let stride = Stride { from, to, tau, x, noise };
            let order = self.predictor.min(predictor_limit).min(values.len());
            let values = values.make_contiguous();
            let predicted = self.step(&stride, &values[..order], false);
            let is_end = step.index + 1 == grid.step_count();
            x = match is_end && self.correct_last {
                true => tape.keep(predicted),
                // What a run that ends here returns.
                false => tape.arrive(&to, predicted),
            };
            last = Some(stride);
        }
        let (Some(stride), true) = (last, self.correct_last) else { return Ok(x) };
        let value = tape.predict(kind, x, &stride.to);
        values.push_front((stride.to.log_snr(), value));
        let [_, limit] = limit(total.saturating_sub(grid.step_count()));
        let corrected = self.correct(&stride, values.make_contiguous(), limit);
        Ok(tape.arrive(&stride.to, corrected.unwrap_or_else(|| x.into())))
    }
}

fn of(a: &Arguments, pece: bool) -> Result<Box<dyn Sampler>, BuildError> {
    let [predictor, corrector] = ["predictor", "corrector"].map(|key| a.text(key).parse::<usize>());
    let [predictor, corrector] = [predictor?, corrector?];
    let tau = Tau {
        tau: a.number("tau"),
        min: a.number("tau_min"),
        max: a.number_or("tau_max").unwrap_or(f64::INFINITY),
        at_end: a.text("tau_at") == "end",
    };
    let is_constant = tau.min == 0.0 && tau.max == f64::INFINITY;
    let simple_order_2 = a.text("order_2") == "simple";
    let noise_prediction = a.text("prediction") == "noise";
    let correct_last = a.text("last") == "corrected";
    if tau.tau == 0.0 && !is_constant {
        return Err("tau_min and tau_max have no effect at tau=0".into());
    }
    if is_constant && !tau.at_end {
        return Err("tau_at=start has no effect without tau_min or tau_max".into());
    }
    if tau.min > tau.max {
        return Err("tau_min is above tau_max".into());
    }
    if simple_order_2 && (noise_prediction || predictor.max(corrector) == 1) {
        return Err("order_2=simple is for prediction=data and an order of at least 2".into());
    }
    if corrector == 0 && (pece || correct_last) {
        return Err("there is nothing to correct with at corrector=0".into());
    }
    Ok(Box::new(SaSolver {
        predictor,
        corrector,
        tau,
        pece,
        simple_order_2,
        noise_prediction,
        lower_orders: match a.text("lower_order_final") {
            "diffusers" => LowerOrders::Diffusers,
            "comfyui" => LowerOrders::ComfyUi,
            _ => LowerOrders::No,
        },
        correct_last,
    }))
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "tau",
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: Some("1"),
        summary: "amount of noise: 0 is the ODE, 1 the reverse SDE",
    },
    Parameter {
        name: "predictor",
        kind: Kind::Choice(&["1", "2", "3", "4"]),
        default: Some("3"),
        summary: "nodes of the predictor",
    },
    Parameter {
        name: "corrector",
        kind: Kind::Choice(&["0", "1", "2", "3", "4"]),
        default: Some("4"),
        summary: "nodes of the corrector, including the newest; 0 for none",
    },
    Parameter {
        name: "tau_min",
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: Some("0"),
        summary: "smallest sigma/alpha where noise is added",
    },
    Parameter {
        name: "tau_max",
        kind: Kind::NumberOr { word: "none" },
        default: Some("none"),
        summary: "largest sigma/alpha where noise is added",
    },
    Parameter {
        name: "tau_at",
        kind: Kind::Choice(&["end", "start"]),
        default: Some("end"),
        summary: "what must lie between tau_min and tau_max: the end of a step (ComfyUI) or its start (diffusers)",
    },
    Parameter {
        name: "order_2",
        kind: Kind::Choice(&["lagrange", "simple"]),
        default: Some("lagrange"),
        summary: "weights of two nodes: exact, or those of the paper's appendix D (diffusers)",
    },
    Parameter {
        name: "prediction",
        kind: Kind::Choice(&["data", "noise"]),
        default: Some("data"),
        summary: "what is interpolated (algorithm_type of diffusers)",
    },
    Parameter {
        name: "lower_order_final",
        kind: Kind::Choice(&["no", "diffusers", "comfyui"]),
        default: Some("no"),
        summary: "lower orders near the end, as in diffusers or ComfyUI",
    },
    Parameter {
        name: "last",
        kind: Kind::Choice(&["predicted", "corrected"]),
        default: Some("predicted"),
        summary: "whether the last step is corrected too, for one more evaluation",
    },
];

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "sa-solver",
    aliases: &["sa_solver", "sample_sa_solver", "SASolverScheduler"],
    summary: "stochastic Adams predictor and corrector in log-SNR",
    source: "Xue et al. (2023), algorithm 1; diffusers, ComfyUI",
    order: Some(2),
    parameters: PARAMETERS,
    build: |a| of(a, false),
};

pub(super) static PECE: Entry<dyn Sampler> = Entry {
    name: "sa-solver-pece",
    aliases: &["sa_solver_pece", "sample_sa_solver_pece"],
    summary: "SA-Solver with an extra evaluation after the corrector",
    source: "Xue et al. (2023); ComfyUI",
    order: Some(2),
    parameters: PARAMETERS,
    build: |a| of(a, true),
};
