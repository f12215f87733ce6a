use super::{Level, Process};
use crate::entry::Entry;

/// Flow matching with the straight path: α(t) = 1 − t, σ(t) = t, on [0, 1].
///
/// At t = 1 no signal is left (α = 0): the drift α′/α of the SDE is infinite there, the velocity
/// of the ODE is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow;

impl Process for Flow {
    fn t_max(&self) -> f64 {
        1.0
    }
    fn level(&self, t: f64) -> Level {
        Level {
            t,
            alpha: 1.0 - t,
            sigma: t,
            alpha_prime: -1.0,
            sigma_sigma_prime: t,
            one_minus_alpha2: t * (2.0 - t),
            variance_preserving: false,
        }
    }
    fn prior_std(&self) -> f64 {
        1.0
    }
    fn time_at(&self, noise_ratio: f64) -> f64 {
        noise_ratio / (1.0 + noise_ratio)
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        growth(from, to).ln_1p()
    }

    /// α_to² (σ²/α² − σ_to²/α_to²), where α_to σ/α − σ_to = α_to/α − 1.
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        growth(from, to) * (to.alpha / from.alpha * from.sigma + to.sigma)
    }

    /// 2 [y − α_to ln(1 + y)] with y = α_to/α − 1: its pole at α = 0 is out of reach of quadrature.
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        let y = growth(from, to);
        2.0 * (above_its_log(y) + to.t * y.ln_1p())
    }
}

/// α_to/α − 1, without cancellation.
fn growth(from: &Level, to: &Level) -> f64 {
    (from.t - to.t) / from.alpha
}

/// y − ln(1 + y) for y ≥ 0, without cancellation.
fn above_its_log(y: f64) -> f64 {
    if y < 0.5 {
        // ln(1 + y) = 2 artanh z; twelve terms reach full precision at z = 1/5.
        let z = y / (2.0 + y);
        let series = (0..12).rev().fold(0.0, |tail, k| 1.0 / f64::from(2 * k + 3) + z * z * tail);
        z * (y - 2.0 * z * z * series)
    } else {
        y - y.ln_1p()
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "flow",
    aliases: &["flow-matching", "rectified-flow"],
    summary: "flow matching / rectified flow, alpha = 1 - t and sigma = t",
    source: "Lipman et al. (2023), optimal-transport path; Liu et al. (2023)",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Flow)),
};
