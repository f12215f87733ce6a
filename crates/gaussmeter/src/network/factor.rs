use super::Prediction;
use crate::level::Level;
use std::ops::{Mul, Neg, Sub};

/// A network output for Gaussian data, at one level and along one eigenvector:
/// `prediction = w(λ) (x − αμ) + …`, written as `w(λ) x + d(λ) μ` with
///
/// w(λ) = (p + q λ) / (α²λ + σ²), d(λ) = m / (α²λ + σ²).
///
/// | kind     | p    | q    | m             |
/// |----------|------|------|---------------|
/// | denoiser | 0    | α    | σ²            |
/// | score    | −1   | 0    | α             |
/// | noise    | σ    | 0    | −ασ           |
/// | velocity | σσ′  | αα′  | α′σ² − ασσ′   |
/// | v        | ασ   | −ασ  | −σ(α² + σ²)   |
/// | flow     | σ    | −α   | −σ(α + σ)     |
///
/// No entry is a difference of nearly equal numbers: the score is never formed as (αD − x)/σ².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor {
    p: f64,
    q: f64,
    m: f64,
    alpha2: f64,
    sigma2: f64,
}

impl Factor {
    /// The factor of a prediction at a level.
    pub fn new(kind: Prediction, level: &Level) -> Self {
        // ε at σ = 0 is w = σ/(α²λ + σ²): 0 for λ > 0, and the limit 1/σ = ∞ for λ = 0.
        let [p, q, m, alpha2, sigma2] = parts(kind, level);
        Factor { p, q, m, alpha2, sigma2 }
    }

    /// How `by_weight` · w + `by_mean` · d changes with each of the [`parts`].
    pub(crate) fn slopes(&self, eigenvalue: f64, by_weight: f64, by_mean: f64) -> [f64; PARTS] {
        let variance = self.alpha2 * eigenvalue + self.sigma2;
        if variance == 0.0 {
            return [0.0; PARTS];
        }
        let (weight, mean) = (by_weight / variance, by_mean / variance);
        let by_variance =
            -(weight * self.noisy_weight(eigenvalue) + mean * self.mean_weight(eigenvalue));
        [weight, weight * eigenvalue, mean, by_variance * eigenvalue, by_variance]
    }

    /// Whether the prediction is infinite along null directions (λ = 0): no noise is left, and the
    /// law has no density there.
    pub fn is_singular(&self, kind: Prediction) -> bool {
        self.sigma2 == 0.0 && kind != Prediction::Denoiser
    }

    /// Whether noise is left, so that α²λ + σ² > 0 whatever λ.
    pub(crate) fn is_noisy(&self) -> bool {
        self.sigma2 > 0.0
    }

    /// w(λ) where noise is left.
    #[inline(always)]
    pub(crate) fn noisy_weight(&self, eigenvalue: f64) -> f64 {
        (self.p + self.q * eigenvalue) / (self.alpha2 * eigenvalue + self.sigma2)
    }

    /// w(λ); 0 in place of the infinite values of [`Factor::is_singular`] and of D at λ = σ = 0.
    #[inline(always)]
    pub fn weight(&self, eigenvalue: f64) -> f64 {
        if self.sigma2 == 0.0 && eigenvalue == 0.0 { 0.0 } else { self.noisy_weight(eigenvalue) }
    }

    /// d(λ), the weight of the data's mean; for D at λ = σ = 0 the limit, 1.
    #[inline(always)]
    pub fn mean_weight(&self, eigenvalue: f64) -> f64 {
        let variance = self.alpha2 * eigenvalue + self.sigma2;
        if variance == 0.0 { 1.0 } else { self.m / variance }
    }
}

/// Number of [`parts`].
pub(crate) const PARTS: usize = 5;

/// p, q, m, α² and σ² of a [`Factor`].
pub(crate) fn parts<N>(kind: Prediction, level: &Level<N>) -> [N; PARTS]
where
    N: Copy + From<f64> + Mul<Output = N> + Sub<Output = N> + Neg<Output = N>,
{
    let (alpha, sigma) = (level.alpha, level.sigma);
    let (p, q, m) = match kind {
        Prediction::Denoiser => (0.0.into(), alpha, sigma * sigma),
        Prediction::Score => ((-1.0).into(), 0.0.into(), alpha),
        Prediction::Noise => (sigma, 0.0.into(), -alpha * sigma),
        Prediction::Velocity => (
            level.sigma_sigma_prime,
            alpha * level.alpha_prime,
            level.alpha_prime * sigma * sigma - alpha * level.sigma_sigma_prime,
        ),
        Prediction::V => {
            let product = alpha * sigma;
            (product, -product, -alpha * product - sigma * sigma * sigma)
        }
        Prediction::Flow => (sigma, -alpha, -alpha * sigma - sigma * sigma),
    };
    [p, q, m, alpha * alpha, sigma * sigma]
}
