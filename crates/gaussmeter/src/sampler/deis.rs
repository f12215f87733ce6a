use super::exponential::LowerOrderFinal;
use super::multistep::{adams_weight, along, lagrange};
use super::transfer::{contraction, level_at, needs_finite_ratio, transfer};
use super::unipc::{LOWER_ORDER_FINAL, SingleWeight, UniPc, orders};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// The variable in which DEIS interpolates the noise prediction by a polynomial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeisVariable {
    /// ln ς, as in diffusers: the exponential Adams–Bashforth method for the noise prediction.
    #[default]
    LogRho,
    /// The time of the process: tAB-DEIS.
    Time,
    /// The time of one fixed VP process, whatever the process is, with integrals as sums over 10⁴
    /// points: what ComfyUI computes.
    ComfyUi,
    /// ς, with the weights of step 4 in all later steps: what ComfyUI computes with
    /// `deis_mode=rhoab` and `max_order=4`, because its list of weights ends there.
    ComfyUiRhoAb,
}

/// DEIS: with ς = σ/α and ε the last `order` noise predictions,
///
/// x′ = x + Σⱼ cⱼ εⱼ, cⱼ = ∫ Lⱼ dς from ς to ς′, where Lⱼ are the Lagrange polynomials at the nodes
/// of the εⱼ in the chosen variable.
///
/// The first steps use as many terms as there are predictions; steps to σ = 0 and from α = 0 have
/// order 1. With polynomials in ς itself (ρAB-DEIS) it is [`Lms`](super::Lms).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deis {
    /// Number of noise predictions, from 1 to 4.
    pub order: usize,
    /// The variable of the polynomials.
    pub variable: DeisVariable,
    /// Whether the last steps have orders …, 2, 1.
    pub lower_order_final: LowerOrderFinal,
    /// Whether the grid ends with its last level twice, as in diffusers with Karras, exponential,
    /// beta and flow levels: the last evaluation has no effect, and lower orders come a step later.
    pub repeated_end: bool,
}

/// The VP process of ComfyUI: ς² = e^{½ β_d t² + β_min t} − 1 is 0.002² at t = 10⁻³ and 80² at t = 1.
#[derive(Clone, Copy)]
struct Vp {
    beta_d: f64,
    beta_min: f64,
}

impl Vp {
    fn of_comfyui() -> Self {
        let (low, high, start) = (0.002f64.powi(2).ln_1p(), 80f64.powi(2).ln_1p(), 1e-3);
        let beta_d = 2.0 * (low / start - high) / (start - 1.0);
        Vp { beta_d, beta_min: high - 0.5 * beta_d }
    }
    fn time(self, ratio: Real) -> Real {
        let log = (ratio * ratio).ln_1p();
        ((2.0 * self.beta_d * log + self.beta_min * self.beta_min).sqrt() - self.beta_min)
            / self.beta_d
    }
    /// dς/dt.
    fn slope(self, t: Real) -> Real {
        let square = (0.5 * self.beta_d * t * t + self.beta_min * t).exp_m1();
        0.5 * (self.beta_d * t + self.beta_min) * (1.0 + square) / square.sqrt()
    }
    /// What a sum over N = 10⁴ points, both ends included and with weights (t′ − t)/N, gives for
    /// ∫ Lⱼ dς, by the Euler–Maclaurin formula.
    fn summed(self, integral: Real, times: &[Real], j: usize, end: Real) -> Real {
        const N: f64 = 1e4;
        let f = |t: Real| lagrange(times, j, t) * self.slope(t);
        let spacing = (end - times[0]) / (N - 1.0);
        let change = |t: Real| 0.5 * (f(t + spacing) - f(t - spacing));
        let ends = 0.5 * (f(times[0]) + f(end));
        let corrected = ends + (change(end) - change(times[0])) / 12.0;
        (1.0 - 1.0 / N) * (integral + spacing * corrected)
    }
}

/// ∫ Lⱼ dς over a step h in ln ς, for all j: six-point Gauss–Legendre on panels of at most ¼.
fn integrals(
    times: &[Real],
    from: Real,
    h: Real,
    time: impl Fn(Real) -> Result<Real, SamplerError>,
) -> Result<Vec<Real>, SamplerError> {
    const NODES: [(f64, f64); 3] = [
        (0.238_619_186_083_196_9, 0.467_913_934_572_691),
        (0.661_209_386_466_264_5, 0.360_761_573_048_138_6),
        (0.932_469_514_203_152, 0.171_324_492_379_170_36),
    ];
    let panels = (4.0 * h.value()).ceil().max(1.0) as usize;
    let mut sums = vec![Real::from(0.0); times.len()];
    for panel in 0..panels {
        for (node, weight) in NODES.iter().flat_map(|(x, w)| [(*x, *w), (-*x, *w)]) {
            let place = (panel as f64 + 0.5 * (1.0 + node)) / panels as f64;
            let ratio = from * (-place * h).exp();
            let t = time(ratio)?;
            let share = -0.5 * weight / panels as f64 * h * ratio;
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = *sum + share * lagrange(times, j, t);
            }
        }
    }
    Ok(sums)
}

impl Deis {
    /// The time of a noise ratio within the step.
    fn time(&self, grid: &Grid, step: &Step, ratio: Real) -> Result<Real, SamplerError> {
        match self.variable {
            DeisVariable::ComfyUi => Ok(Vp::of_comfyui().time(ratio)),
            _ => Ok(level_at(grid, step, ratio)?.t),
        }
    }

    /// The polynomials in time.
    fn record_in_time(
        &self,
        grid: &Grid,
        tape: &Tape,
        mut x: Var,
        steps: usize,
    ) -> Result<Var, SamplerError> {
        let vp = Vp::of_comfyui();
        let is_comfyui = self.variable != DeisVariable::Time;
        let in_ratio = self.variable == DeisVariable::ComfyUiRhoAb;
        // Weights of the latest step.
        let mut weights: Vec<Real> = Vec::new();
        // Times and predictions, the latest first.
        let mut past: Vec<(Real, Linear)> = Vec::new();
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            if in_ratio {
                needs_finite_ratio(grid, &step)?;
            }
            if from.alpha == 0.0 || to.sigma == 0.0 {
                let d = tape.predict(Prediction::Denoiser, x, from);
                if !is_comfyui {
                    // Without signal the state is the noise, at a time like others.
                    past.insert(0, (from.t, x / from.sigma));
                }
                x = tape.arrive(to, transfer(from, to, to.sigma, x, d));
                continue;
            }
            let noise = tape.predict(Prediction::Noise, x, from);
            let ratio = from.noise_ratio();
            let t = match self.variable {
                DeisVariable::ComfyUiRhoAb => ratio,
                DeisVariable::ComfyUi => vp.time(ratio),
                _ => from.t,
            };
            past.insert(0, (t, noise.into()));
            past.truncate(self.order);
            let mut order = past.len();
            if self.lower_order_final.applies(steps) {
                order = order.min(steps - step.index);
            }
            let times: Vec<Real> = past.iter().take(order).map(|(t, _)| *t).collect();
            let mut next = along(from, to, x, noise);
            if order > 1 {
                if !in_ratio {
                    let h = -contraction(from, to).ln();
                    weights = integrals(&times, ratio, h, |r| self.time(grid, &step, r))?;
                } else if step.index < self.order {
                    let weight = |j| adams_weight(&times, j, ratio, to.noise_ratio());
                    weights = (0..order).map(weight).collect();
                }
                next = (to.alpha / from.alpha) * x;
                for (j, (integral, (_, noise))) in weights.iter().zip(&past).enumerate() {
                    let weight = match self.variable {
                        DeisVariable::ComfyUi => {
                            vp.summed(*integral, &times, j, vp.time(to.noise_ratio()))
                        }
                        _ => *integral,
                    };
                    next = next + (to.alpha * weight) * noise;
                }
            }
            x = tape.arrive(to, next);
        }
        Ok(x)
    }
}

impl Sampler for Deis {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        let steps = grid.step_count() + usize::from(self.repeated_end);
        let x = match self.variable {
            DeisVariable::LogRho => {
                let rule = UniPc {
                    order: self.order,
                    single: SingleWeight::Exact,
                    corrector: false,
                    noise: true,
                    lower_order_final: self.lower_order_final,
                };
                rule.record_of(grid, tape, x, steps)
            }
            DeisVariable::Time | DeisVariable::ComfyUi | DeisVariable::ComfyUiRhoAb => {
                self.record_in_time(grid, tape, x, steps)?
            }
        };
        if self.repeated_end {
            tape.predict(Prediction::Denoiser, x, grid.end());
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "deis",
    aliases: &["DEISMultistepScheduler", "sample_deis"],
    summary: "DEIS: exponential integrator for the noise, polynomials in log sigma/alpha or time",
    source: "Zhang & Chen (2023), equation 15; diffusers, ComfyUI",
    order: Some(3),
    parameters: &[
        Parameter {
            name: "order",
            kind: Kind::Choice(&["1", "2", "3", "4"]),
            default: Some("3"),
            summary: "number of noise predictions",
        },
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["log-rho", "t", "comfyui", "comfyui-rhoab"]),
            default: Some("log-rho"),
            summary: "variable of the polynomials: ln(sigma/alpha) (diffusers), t (the paper's tAB), the time of a VP process (comfyui), sigma/alpha with the weights of step 4 in all later steps (comfyui-rhoab, order=4)",
        },
        LOWER_ORDER_FINAL,
        Parameter {
            name: "repeated_end",
            kind: Kind::Choice(&["no", "yes"]),
            default: Some("no"),
            summary: "evaluate once more at the last level, to no effect (diffusers with karras, exponential, beta, flow)",
        },
    ],
    build: |a| {
        let (order, lower_order_final) = orders(a)?;
        if order == 1 && a.text("variant") != "log-rho" {
            return Err(
                "variant chooses how predictions are interpolated, and order=1 has only one".into(),
            );
        }
        let is_whole = order == 4 && lower_order_final == LowerOrderFinal::No;
        if a.text("variant") == "comfyui-rhoab" && !is_whole {
            return Err("comfyui-rhoab needs order=4 and no lower_order_final: with max_order 2 and 3 ComfyUI stops with an error".into());
        }
        Ok(Box::new(Deis {
            order,
            variable: match a.text("variant") {
                "t" => DeisVariable::Time,
                "comfyui" => DeisVariable::ComfyUi,
                "comfyui-rhoab" => DeisVariable::ComfyUiRhoAb,
                _ => DeisVariable::LogRho,
            },
            lower_order_final,
            repeated_end: a.text("repeated_end") == "yes",
        }))
    },
};
