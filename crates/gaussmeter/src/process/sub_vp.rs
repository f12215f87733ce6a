use super::{Level, Process, VpLinear};
use crate::entry::{Entry, Kind, Parameter};

/// The sub-VP process: the drift of [`VpLinear`] with less noise,
/// dx = −β(t) x dt + √(2 β(t) (1 − e^{−4B})) dw, so that α = e^{−B} and σ = 1 − e^{−2B}, B = ∫₀ᵗ β.
///
/// β is half of Song's, as for [`VpLinear`]: their β̃ from 0.1 to 20 is 0.05 to 10 here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubVp(VpLinear);

impl SubVp {
    /// The sub-VP process with this β.
    pub fn new(beta: VpLinear) -> Self {
        SubVp(beta)
    }
}

impl Process for SubVp {
    fn t_max(&self) -> f64 {
        self.0.t_max()
    }

    fn level(&self, t: f64) -> Level {
        let (beta, integral) = (self.0.beta(t), self.0.beta_integral(0.0, t));
        let alpha = (-integral).exp();
        let sigma = -(-2.0 * integral).exp_m1();
        let (beta_prime, sigma_prime) = (self.0.beta_prime(), 2.0 * beta * alpha * alpha);
        Level {
            t,
            alpha,
            sigma,
            alpha_prime: -beta * alpha,
            sigma_sigma_prime: sigma * sigma_prime,
            one_minus_alpha2: sigma,
            alpha_second: (beta * beta - beta_prime) * alpha,
            sigma_sigma_second: sigma_prime * sigma_prime
                + sigma * 2.0 * (beta_prime - 2.0 * beta * beta) * alpha * alpha,
            variance_preserving: false,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    /// σ/α = 2 sinh B
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.0.time_of_integral((0.5 * ratio).asinh()).filter(|_| ratio >= 0.0)
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        self.0.beta_integral(to.t, from.t)
    }

    /// α_to² (σ²/α² − σ_to²/α_to²), where α_to σ/α − σ_to = (1/x − 1) + α_to² (1 − x), x = α/α_to.
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        let log = self.log_alpha_ratio(from, to);
        let difference = log.exp_m1() - to.alpha * to.alpha * (-log).exp_m1();
        difference * (log.exp() * from.sigma + to.sigma)
    }

    /// 2 (1/x − 1) + ⅔ α_to⁴ (x³ − 1) with x = α/α_to, factored: the two terms nearly cancel at
    /// first, where σ² grows with the square of time.
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        let log = self.log_alpha_ratio(from, to);
        let (x, lost) = ((-log).exp(), -(-log).exp_m1());
        let start = -(-4.0 * self.0.beta_integral(0.0, to.t)).exp_m1();
        let bracket = lost * (3.0 + x * (2.0 + x)) / x + start * (1.0 + x * (1.0 + x));
        2.0 / 3.0 * lost * bracket
    }
}

const BETA: Kind = Kind::Number { min: 0.0, max: f64::INFINITY };

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "sub-vp",
    aliases: &["subvp"],
    summary: "alpha = e^-B and sigma = 1 - e^-2B: the drift of vp-linear with less noise",
    source: "Song et al. (2021), sub-VP SDE, equation 29",
    order: None,
    parameters: &[
        Parameter {
            name: "beta_min",
            kind: BETA,
            default: Some("0.05"),
            summary: "beta at t = 0, half of Song's",
        },
        Parameter {
            name: "beta_max",
            kind: BETA,
            default: Some("10"),
            summary: "beta at t = 1, half of Song's",
        },
    ],
    build: |a| Ok(Box::new(SubVp(VpLinear::new(a.number("beta_min"), a.number("beta_max"), 1.0)?))),
};
