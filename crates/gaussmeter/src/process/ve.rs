use super::{Level, Process};
use crate::entry::{Entry, Kind, Parameter};
use crate::numeric::written;
use thiserror::Error;

/// Variance exploding with geometric noise levels: dx = σ_min r^t √(2 ln r) dw with r = σ_max/σ_min,
/// on [0, 1], so that α = 1 and σ(t)² = σ_min² (r^{2t} − 1).
///
/// Song et al. (2021) also quote σ_min² r^{2t}, which leaves out that the SDE starts from data: the
/// two differ by σ_min².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ve {
    sigma_min: f64,
    sigma_max: f64,
    log_ratio: f64,
}

/// The noise levels do not increase.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("sigma_max = {} must be larger than sigma_min = {}", written(.sigma_max), written(.sigma_min))]
pub struct VeError {
    /// Lower level.
    pub sigma_min: f64,
    /// Upper level.
    pub sigma_max: f64,
}

impl Ve {
    /// The process between 0 < `sigma_min` < `sigma_max`, in data units.
    ///
    /// # Errors
    /// [`VeError`]
    pub fn new(sigma_min: f64, sigma_max: f64) -> Result<Self, VeError> {
        let log_ratio = (sigma_max / sigma_min).ln();
        match sigma_min > 0.0 && log_ratio > 0.0 {
            true => Ok(Ve { sigma_min, sigma_max, log_ratio }),
            false => Err(VeError { sigma_min, sigma_max }),
        }
    }
}

impl Process for Ve {
    fn t_max(&self) -> f64 {
        1.0
    }

    fn level(&self, t: f64) -> Level {
        let grown = (2.0 * self.log_ratio * t).exp_m1();
        let sigma_sigma_prime = self.sigma_min.powi(2) * self.log_ratio * (1.0 + grown);
        Level {
            t,
            alpha: 1.0,
            sigma: self.sigma_min * grown.sqrt(),
            alpha_prime: 0.0,
            sigma_sigma_prime,
            one_minus_alpha2: 0.0,
            alpha_second: 0.0,
            sigma_sigma_second: 2.0 * self.log_ratio * sigma_sigma_prime,
            variance_preserving: false,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        self.sigma_max
    }

    /// The ε of Song et al., appendix C.
    fn t_min(&self) -> f64 {
        1e-5
    }

    fn time_of(&self, ratio: f64) -> Option<f64> {
        let t = (ratio / self.sigma_min).powi(2).ln_1p() / (2.0 * self.log_ratio);
        // The end is reached up to the rounding of its own level.
        (ratio >= 0.0 && t <= 1.0 + 4.0 * f64::EPSILON).then(|| t.min(1.0))
    }

    /// σ_min² r^{2 t_to} (r^{2 (t − t_to)} − 1)
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        let growth = (2.0 * self.log_ratio * (from.t - to.t)).exp_m1();
        self.sigma_min.powi(2) * (2.0 * self.log_ratio * to.t).exp() * growth
    }

    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        self.reverse_noise_variance(from, to)
    }
}

const POSITIVE: Kind = Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY };

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "ve",
    aliases: &["ve-geometric", "smld", "ScoreSdeVeScheduler"],
    summary: "variance exploding, alpha = 1 and sigma^2 = sigma_min^2 (r^(2t) - 1) with r = sigma_max/sigma_min",
    source: "Song et al. (2021), VE SDE, equation 30 and appendix C",
    order: None,
    parameters: &[
        Parameter {
            name: "sigma_min",
            kind: POSITIVE,
            default: Some("0.01"),
            summary: "scale of the noise at first, in data units",
        },
        Parameter {
            name: "sigma_max",
            kind: POSITIVE,
            default: Some("50"),
            summary: "noise level where sampling starts, in data units",
        },
    ],
    build: |a| Ok(Box::new(Ve::new(a.number("sigma_min"), a.number("sigma_max"))?)),
};
