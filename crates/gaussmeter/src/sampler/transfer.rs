//! What the samplers in the noise ratio share. In coordinates x = X/α, ς = σ/α every process is
//! variance-exploding, and the step between two levels that is exact for a constant denoiser M is
//! x′ = q x + (1 − q) M with q = ς′/ς = e^{−h}, h the step in log-SNR.

use super::SamplerError;
use crate::entry::{Arguments, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Tape, Var};
use std::f64::consts::SQRT_2;

/// q = ς′/ς = e^{−h} in [0, 1): 0 towards σ′ = 0 and from α = 0.
pub(super) fn contraction(from: &Level<Real>, to: &Level<Real>) -> Real {
    (to.sigma * from.alpha) / (from.sigma * to.alpha)
}

/// The state α′ (q x + (1 − q) M) at the scale of `to`, with noise of standard deviation `left`
/// remaining from that of `from`: q = (left/α′)/ς. Written in X and σ it holds at α = 0 too.
pub(super) fn transfer(
    from: &Level<Real>,
    to: &Level<Real>,
    left: impl Into<Real>,
    x: impl Into<Linear>,
    model: impl Into<Linear>,
) -> Linear {
    let kept = left.into() / from.sigma;
    kept * x.into() + (to.alpha - from.alpha * kept) * model.into()
}

/// How an ancestral step with parameter η splits the noise of `to`: the remaining old noise,
/// σ_d = √(σ′² − σ_u²), and the fresh noise, σ_u = min(σ′, η σ′ √(1 − q²)).
pub(super) fn ancestral(from: &Level<Real>, to: &Level<Real>, eta: f64) -> (Real, Real) {
    let q = contraction(from, to);
    let share = (eta * ((1.0 - q) * (1.0 + q)).sqrt()).min(1.0);
    (to.sigma * ((1.0 - share) * (1.0 + share)).sqrt(), to.sigma * share)
}

/// `mean` + `std` z with a fresh z; no noise is drawn at `std` = 0.
pub(super) fn with_noise(tape: &Tape, mean: Linear, std: Real) -> Linear {
    if std == 0.0 { mean } else { mean + std * tape.noise() }
}

/// The parameter η of stochastic samplers.
pub(super) const fn eta(default: &'static str) -> Parameter {
    Parameter {
        name: "eta",
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: Some(default),
        summary: "amount of fresh noise: 0 is the ODE, 1 the reverse SDE",
    }
}

/// Σ_k (−h)^k / (k + n)!: e^{−h} minus its first n Taylor terms, over (−h)^n. For |h| < 1.
fn tail(h: Real, n: u32) -> Real {
    let first = (1..=n).map(f64::from).product::<f64>().recip();
    (1..20).rev().fold(Real::from(1.0), |sum, k| 1.0 - h / f64::from(k + n) * sum) * first
}

/// φₙ(z) = Σ_k zᵏ/(k + n)!, the functions of exponential integrators.
pub(super) fn phi(n: u32, z: Real) -> Real {
    match n {
        0 => z.exp(),
        _ if z.abs() < 1.0 => tail(-z, n),
        1 => z.exp_m1() / z,
        _ => (phi(n - 1, z) - (1..n).fold(1.0, |product, k| product * f64::from(k)).recip()) / z,
    }
}

/// φ₂ = 1 − (1 − e^{−h})/h, without cancellation, for h of either sign.
pub(super) fn phi2(h: Real) -> Real {
    if h.abs() < 1.0 { h * tail(h, 2) } else { 1.0 + (-h).exp_m1() / h }
}

/// φ₃ = φ₂/h − ½, without cancellation, for h of either sign.
pub(super) fn phi3(h: Real) -> Real {
    if h.abs() < 1.0 { -h * tail(h, 3) } else { phi2(h) / h - 0.5 }
}

/// H ∫ e^{−H(1−u)} uᵐ du over [0, 1] for m = 0, …, n − 1: an exponential step H applied to a
/// polynomial in log-SNR.
pub(super) fn moments(total: Real, n: usize) -> Vec<Real> {
    let mut all: Vec<Real> = Vec::with_capacity(n);
    let mut factorial = 1.0;
    for m in 0..n {
        factorial *= m.max(1) as f64;
        let before = all.last().copied();
        all.push(match before {
            _ if total < 1.0 => factorial * total * tail(total, m as u32 + 1),
            None => -(-total).exp_m1(),
            Some(before) => 1.0 - m as f64 / total * before,
        });
    }
    all
}

/// The stochastic part of algorithm 2 of Karras et al. (2022): before an evaluation at noise ratio
/// ς in [s_min, s_max], noise raises the state to ς̂ = (1 + γ) ς, γ = min(s_churn/N, √2 − 1),
///
/// x̂ = x + s_noise √(ς̂² − ς²) z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// S_churn ≥ 0, spread over the N steps; 0 is the ODE.
    pub s_churn: f64,
    /// Smallest noise ratio where noise is added.
    pub s_min: f64,
    /// Largest noise ratio where noise is added.
    pub s_max: f64,
    /// Scale of the added noise.
    pub s_noise: f64,
}

impl Default for Churn {
    /// None.
    fn default() -> Self {
        Churn { s_churn: 0.0, s_min: 0.0, s_max: f64::INFINITY, s_noise: 1.0 }
    }
}

impl Churn {
    pub(super) fn of(a: &Arguments) -> Self {
        Churn {
            s_churn: a.number("s_churn"),
            s_min: a.number("s_min"),
            s_max: a.number_or("s_max").unwrap_or(f64::INFINITY),
            s_noise: a.number("s_noise"),
        }
    }

    /// The state after churn and its level.
    pub(super) fn lift(
        &self,
        grid: &Grid,
        step: &Step,
        tape: &Tape,
        x: Var,
    ) -> Result<(Var, Level<Real>), SamplerError> {
        let (from, ratio) = (*step.from, step.from.noise_ratio());
        let gamma = (self.s_churn / grid.step_count() as f64).min(SQRT_2 - 1.0);
        if gamma == 0.0 || !(self.s_min..=self.s_max).contains(&ratio.value()) {
            return Ok((x, from));
        }
        needs_finite_ratio(grid, step)?;
        let lifted = (1.0 + gamma) * ratio;
        let reached = |level: &Level<Real>| (level.noise_ratio() / lifted - 1.0).abs() <= 1e-6;
        let Some(level) = step.level_at(lifted).filter(reached) else {
            let reason = format!(
                "churn raises sigma/alpha to {lifted:.4}, which the process does not reach: lower s_max below {ratio:.4}"
            );
            return Err(undefined(grid, step, reason));
        };
        let added = (gamma * (2.0 + gamma)).sqrt() * ratio;
        let state =
            (level.alpha / from.alpha) * x + (level.alpha * self.s_noise * added) * tape.noise();
        Ok((tape.keep(state), level))
    }
}

/// The parameters of [`Churn`].
pub(super) const fn churn() -> [Parameter; 4] {
    const NUMBER: Kind = Kind::Number { min: 0.0, max: f64::INFINITY };
    [
        Parameter {
            name: "s_churn",
            kind: NUMBER,
            default: Some("0"),
            summary: "amount of noise added before evaluations, spread over the steps",
        },
        Parameter {
            name: "s_min",
            kind: NUMBER,
            default: Some("0"),
            summary: "smallest sigma/alpha where noise is added",
        },
        Parameter {
            name: "s_max",
            kind: Kind::NumberOr { word: "none" },
            default: Some("none"),
            summary: "largest sigma/alpha where noise is added",
        },
        Parameter {
            name: "s_noise",
            kind: NUMBER,
            default: Some("1"),
            summary: "standard deviation of the added noise, relative to the one that preserves the marginal",
        },
    ]
}

/// A condition that fails in a step.
pub(super) fn undefined(grid: &Grid, step: &Step, reason: String) -> SamplerError {
    SamplerError::Undefined { step: step.index + 1, steps: grid.step_count(), reason }
}

/// Refuses a step in the noise ratio that starts where it is infinite.
pub(super) fn needs_finite_ratio(grid: &Grid, step: &Step) -> Result<(), SamplerError> {
    if step.from.alpha > 0.0 {
        return Ok(());
    }
    let reason = format!(
        "the scheme steps in sigma/alpha, which is infinite at t = {}: start below T, or use ddim, dpmpp-2m or heun (which steps in t)",
        step.from.t
    );
    Err(undefined(grid, step, reason))
}

/// The midpoint in log-SNR between `from` and the level with noise `left` at the scale of
/// `step.to`: √q and the level at ς √q.
pub(super) fn half_way(
    grid: &Grid,
    step: &Step,
    from: &Level<Real>,
    left: Real,
) -> Result<(Real, Level<Real>), SamplerError> {
    needs_finite_ratio(grid, step)?;
    let root = ((left * from.alpha) / (from.sigma * step.to.alpha)).sqrt();
    Ok((root, level_at(grid, step, root * from.noise_ratio())?))
}

/// The level of an intermediate stage.
pub(super) fn level_at(grid: &Grid, step: &Step, ratio: Real) -> Result<Level<Real>, SamplerError> {
    step.level_at(ratio).ok_or_else(|| {
        undefined(grid, step, format!("no time of the process has sigma/alpha = {ratio:e}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// φ₂ = h m₁ and φ₃ = −½ h m₂ with mₙ = ∫₀¹ e^{−h(1−s)} sⁿ ds, here as sums of positive terms.
    #[test]
    fn integrals_of_an_exponential_do_not_cancel() {
        let sum = |first: f64, ratio: &dyn Fn(f64) -> f64| {
            let terms = (0..200).scan(first, |term, k| {
                let current = *term;
                *term *= ratio(f64::from(k));
                Some(current)
            });
            terms.fold(0.0, |sum, term| sum + term)
        };
        let moment = |h: f64, n: f64| match h > 0.0 {
            // e^{−h} Σ h^k/(k! (n + 1 + k)).
            true => sum((-h).exp() / (n + 1.0), &|k| h / (k + 1.0) * (n + 1.0 + k) / (n + 2.0 + k)),
            // n! Σ |h|^k/(n + 1 + k)!.
            false => sum(1.0 / (n + 1.0), &|k| -h / (n + 2.0 + k)),
        };
        for h in [1e-12, 1e-5, 0.3, 0.999, 1.0, 1.001, 4.0, 12.0].into_iter().flat_map(|h| [h, -h])
        {
            for (value, expected) in
                [(phi2(h.into()), h * moment(h, 1.0)), (phi3(h.into()), -0.5 * h * moment(h, 2.0))]
            {
                assert!((value / expected - 1.0).abs() < 5e-15, "{h}: {value} {expected}");
            }
        }
    }
}
