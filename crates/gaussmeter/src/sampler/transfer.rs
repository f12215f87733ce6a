//! What the samplers in the noise ratio share. In coordinates x = X/α, ς = σ/α every process is a
//! variance-exploding one, and the step between two levels that is exact for a constant denoiser M
//! is x′ = q x + (1 − q) M with q = ς′/ς = e^{−h}, h the step in log-SNR.

use crate::entry::{Kind, Parameter};
use crate::process::Level;
use crate::tape::{Linear, Tape};

/// q = ς′/ς = e^{−h} in [0, 1): 0 towards σ′ = 0 and from α = 0.
pub(super) fn contraction(from: &Level, to: &Level) -> f64 {
    (to.sigma * from.alpha) / (from.sigma * to.alpha)
}

/// The state α′ (q x + (1 − q) M) at the scale of `to`, where noise of standard deviation `left`
/// is left of that of `from`: q = (left/α′)/ς. Written in X and σ it holds at α = 0 too.
pub(super) fn transfer(
    from: &Level,
    to: &Level,
    left: f64,
    x: impl Into<Linear>,
    model: impl Into<Linear>,
) -> Linear {
    let kept = left / from.sigma;
    kept * x.into() + (to.alpha - from.alpha * kept) * model.into()
}

/// How an ancestral step with parameter η splits the noise of `to`: what is left of the old noise,
/// σ_d = √(σ′² − σ_u²), and what is drawn, σ_u = min(σ′, η σ′ √(1 − q²)).
pub(super) fn ancestral(from: &Level, to: &Level, eta: f64) -> (f64, f64) {
    let q = contraction(from, to);
    let share = (eta * ((1.0 - q) * (1.0 + q)).sqrt()).min(1.0);
    (to.sigma * ((1.0 - share) * (1.0 + share)).sqrt(), to.sigma * share)
}

/// `mean` + `std` z with a fresh z; none is drawn at `std` = 0.
pub(super) fn with_noise(tape: &Tape, mean: Linear, std: f64) -> Linear {
    if std == 0.0 { mean } else { mean + std * tape.noise() }
}

/// The parameter η of the stochastic members.
pub(super) const fn eta(default: &'static str) -> Parameter {
    Parameter {
        name: "eta",
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: Some(default),
        summary: "fresh noise: 0 is the ODE, 1 the reverse SDE",
    }
}

/// Σ_k (−h)^k / (k + n)!: e^{−h} less its first n Taylor terms, over (−h)^n. For h < 1.
fn tail(h: f64, n: u32) -> f64 {
    let first = (1..=n).map(f64::from).product::<f64>().recip();
    (1..20).rev().fold(1.0, |sum, k| 1.0 - h / f64::from(k + n) * sum) * first
}

/// φ₂ = 1 − (1 − e^{−h})/h, without cancellation.
pub(super) fn phi2(h: f64) -> f64 {
    if h < 1.0 { h * tail(h, 2) } else { 1.0 + (-h).exp_m1() / h }
}
