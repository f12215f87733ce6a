use super::{Level, Process};
use crate::entry::{Entry, Kind, Parameter};
use thiserror::Error;

/// The variance-preserving process with linear β:
/// dx = −β(t) x dt + √(2 β(t)) dw, β(t) = β_min + (β_max − β_min) t / T,
/// so that α = e^{−B} and σ² = 1 − e^{−2B} with B(t) = ∫₀ᵗ β.
///
/// This is the paper's convention, with β from 0.05 to 10. Song et al. (2021) write
/// dx = −½ β̃ x dt + √β̃ dw: their β̃ is **twice** this β, so their usual β̃ from 0.1 to 20 is this
/// process with β from 0.05 to 10.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VpLinear {
    beta_min: f64,
    beta_max: f64,
    t_max: f64,
}

/// The parameters do not define a process.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum VpLinearError {
    /// β vanishes identically.
    #[error("beta_min and beta_max are both 0, so no noise is ever added")]
    NoNoise,
}

impl VpLinear {
    /// β from `beta_min ≥ 0` at t = 0 to `beta_max ≥ 0` at t = `t_max` > 0.
    ///
    /// # Errors
    /// [`VpLinearError::NoNoise`] if both are zero.
    pub fn new(beta_min: f64, beta_max: f64, t_max: f64) -> Result<Self, VpLinearError> {
        if beta_min + beta_max > 0.0 {
            Ok(VpLinear { beta_min, beta_max, t_max })
        } else {
            Err(VpLinearError::NoNoise)
        }
    }

    /// The process of the paper's experiments: β from 0.05 to 10 on [0, 1].
    pub fn paper() -> Self {
        VpLinear { beta_min: 0.05, beta_max: 10.0, t_max: 1.0 }
    }

    /// β(t).
    pub fn beta(&self, t: f64) -> f64 {
        self.beta_min + (self.beta_max - self.beta_min) * (t / self.t_max)
    }

    /// β′, which is constant.
    pub(super) fn beta_prime(&self) -> f64 {
        (self.beta_max - self.beta_min) / self.t_max
    }

    /// ∫ β from `t` to `u`, factored so that close times do not cancel.
    pub(super) fn beta_integral(&self, t: f64, u: f64) -> f64 {
        (u - t) * (self.beta_min + (self.beta_max - self.beta_min) * (0.5 * (t + u) / self.t_max))
    }

    /// The time up to which β has this integral, also beyond T: the root of
    /// β_min t + ½ (β_max − β_min) t²/T that does not cancel.
    fn root(&self, integral: f64) -> f64 {
        if integral == 0.0 {
            return 0.0;
        }
        let square = self.beta_min * self.beta_min + 2.0 * self.beta_prime() * integral;
        2.0 * integral / (self.beta_min + square.max(0.0).sqrt())
    }

    /// As [`VpLinear::root`]; `None` beyond T.
    pub(super) fn time_of_integral(&self, integral: f64) -> Option<f64> {
        let t = self.root(integral);
        // The end is reached up to the rounding of its own level.
        let end = self.beta_integral(0.0, self.t_max);
        (integral >= 0.0 && integral <= end * (1.0 + 4.0 * f64::EPSILON)).then(|| t.min(self.t_max))
    }
}

impl Process for VpLinear {
    fn t_max(&self) -> f64 {
        self.t_max
    }

    fn level(&self, t: f64) -> Level {
        let (beta, integral) = (self.beta(t), self.beta_integral(0.0, t));
        let beta_prime = self.beta_prime();
        let alpha = (-integral).exp();
        let sigma = (-(-2.0 * integral).exp_m1()).sqrt();
        Level {
            t,
            alpha,
            sigma,
            alpha_prime: -beta * alpha,
            sigma_sigma_prime: beta * alpha * alpha,
            one_minus_alpha2: sigma * sigma,
            alpha_second: (beta * beta - beta_prime) * alpha,
            sigma_sigma_second: (beta_prime - 2.0 * beta * beta) * alpha * alpha,
            variance_preserving: true,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    fn time_at(&self, ratio: f64) -> Option<f64> {
        let beyond = self.root(0.5 * (ratio * ratio).ln_1p());
        self.time_of(ratio).or(Some(beyond).filter(|t| t.is_finite() && ratio >= 0.0))
    }

    /// B = ½ ln(1 + ρ²), solved for t.
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.time_of_integral(0.5 * (ratio * ratio).ln_1p()).filter(|_| ratio >= 0.0)
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        self.beta_integral(to.t, from.t)
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "vp-linear",
    aliases: &["vp"],
    summary: "variance preserving, dx = -beta x dt + sqrt(2 beta) dw, beta linear in t (Song's beta is twice this one)",
    source: "Pierret & Galerne (2025), section 2; Song et al. (2021), VP SDE with linear beta",
    order: None,
    parameters: &[
        Parameter {
            name: "beta_min",
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some("0.05"),
            summary: "beta at t = 0",
        },
        Parameter {
            name: "beta_max",
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some("10"),
            summary: "beta at t = t_max",
        },
        Parameter {
            name: "t_max",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "time T where sampling starts",
        },
        Parameter {
            name: "convention",
            kind: Kind::Choice(&["paper", "song"]),
            default: Some("paper"),
            summary: "how beta is given: as in dx = -beta x dt, or song: as in dx = -beta x/2 dt (0.1 to 20)",
        },
    ],
    build: |a| {
        let half = if a.text("convention") == "song" { 0.5 } else { 1.0 };
        let [low, high] = ["beta_min", "beta_max"].map(|key| half * a.number(key));
        Ok(Box::new(VpLinear::new(low, high, a.number("t_max"))?))
    },
};
