use super::Prediction;
use crate::level::Level;
use crate::numeric::differentiation::Real;

/// (a, b) such that `kind = a x + b native`.
pub(crate) fn conversion(
    native: Prediction,
    kind: Prediction,
    level: &Level<Real>,
) -> (Real, Real) {
    let identity = (Real::from(0.0), Real::from(1.0));
    if kind == native {
        return identity;
    }
    let Level { alpha, sigma, alpha_prime, sigma_sigma_prime, .. } = *level;
    let sigma2 = sigma * sigma;
    // D = a x + b native
    let (a, b) = match native {
        Prediction::Denoiser => identity,
        Prediction::Score => (1.0 / alpha, sigma2 / alpha),
        Prediction::Noise => (1.0 / alpha, -sigma / alpha),
        Prediction::Velocity => {
            let determinant = alpha * sigma_sigma_prime - alpha_prime * sigma2;
            (sigma_sigma_prime / determinant, -sigma2 / determinant)
        }
        Prediction::V => {
            let sum = alpha * alpha + sigma2;
            (alpha / sum, -sigma / sum)
        }
        Prediction::Flow => ((alpha + sigma).recip(), -sigma / (alpha + sigma)),
    };
    // kind = c x + d D
    let (c, d) = match kind {
        Prediction::Denoiser => identity,
        Prediction::Score => (-1.0 / sigma2, alpha / sigma2),
        Prediction::Noise => (1.0 / sigma, -alpha / sigma),
        Prediction::Velocity => {
            let rate = sigma_sigma_prime / sigma2;
            (rate, alpha_prime - rate * alpha)
        }
        Prediction::V => (alpha / sigma, -(alpha * alpha + sigma2) / sigma),
        Prediction::Flow => (1.0 / sigma, -(alpha + sigma) / sigma),
    };
    (c + d * a, d * b)
}
