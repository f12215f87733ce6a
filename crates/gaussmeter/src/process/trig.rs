use super::{Level, Process};
use crate::entry::{Entry, Kind, Parameter};
use std::f64::consts::FRAC_PI_2;

/// The trigonometric path: α(t) = cos t, σ(t) = sin t, on [0, π/2].
///
/// At t = π/2 no signal is left (α = 0): the drift of the SDE is infinite there, the velocity of the
/// ODE is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trig;

impl Process for Trig {
    fn t_max(&self) -> f64 {
        FRAC_PI_2
    }

    fn level(&self, t: f64) -> Level {
        let (sigma, cosine) = t.sin_cos();
        // The number nearest to π/2 stands for π/2.
        let alpha = if t == FRAC_PI_2 { 0.0 } else { cosine };
        Level {
            t,
            alpha,
            sigma,
            alpha_prime: -sigma,
            sigma_sigma_prime: sigma * alpha,
            one_minus_alpha2: sigma * sigma,
            alpha_second: -alpha,
            sigma_sigma_second: (alpha - sigma) * (alpha + sigma),
            variance_preserving: true,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    fn time_of(&self, ratio: f64) -> Option<f64> {
        (ratio >= 0.0).then(|| ratio.atan())
    }

    /// ln(1 + (cos a − cos b)/cos b) with the difference as a product of sines.
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        let half = |angle: f64| (0.5 * angle).sin();
        (2.0 * half(from.t + to.t) * half(from.t - to.t) / from.alpha).ln_1p()
    }
}

/// [`Trig`] in units of data whose standard deviation is `sigma_data`: α(t) = cos t,
/// σ(t) = σ_data sin t, as TrigFlow is written for consistency models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaledTrig {
    sigma_data: f64,
}

impl ScaledTrig {
    /// The process for a `sigma_data` > 0; 1 is [`Trig`].
    pub fn new(sigma_data: f64) -> Self {
        ScaledTrig { sigma_data }
    }

    fn variance(&self) -> f64 {
        self.sigma_data * self.sigma_data
    }
}

impl Process for ScaledTrig {
    fn t_max(&self) -> f64 {
        FRAC_PI_2
    }

    fn level(&self, t: f64) -> Level {
        let level = Trig.level(t);
        Level {
            sigma: self.sigma_data * level.sigma,
            sigma_sigma_prime: self.variance() * level.sigma_sigma_prime,
            sigma_sigma_second: self.variance() * level.sigma_sigma_second,
            variance_preserving: self.sigma_data == 1.0,
            ..level
        }
    }

    fn prior_std(&self) -> f64 {
        self.sigma_data
    }

    fn time_of(&self, ratio: f64) -> Option<f64> {
        Trig.time_of(ratio / self.sigma_data)
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        Trig.log_alpha_ratio(from, to)
    }

    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        self.variance() * (2.0 * Trig.log_alpha_ratio(from, to)).exp_m1()
    }

    /// g² is σ_data² times that of [`Trig`].
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        self.variance() * (2.0 * Trig.log_alpha_ratio(from, to).exp_m1())
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "trig",
    aliases: &["trigflow"],
    summary: "trigonometric path, alpha = cos t and sigma = sin t, on [0, pi/2]",
    source: "Lu & Song (2024), TrigFlow; Albergo & Vanden-Eijnden (2023), trigonometric interpolant",
    order: None,
    parameters: &[Parameter {
        name: "sigma_data",
        kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
        default: Some("1"),
        summary: "sigma = sigma_data sin t, for data of this standard deviation",
    }],
    build: |a| match a.number("sigma_data") {
        1.0 => Ok(Box::new(Trig)),
        sigma_data => Ok(Box::new(ScaledTrig::new(sigma_data))),
    },
};
