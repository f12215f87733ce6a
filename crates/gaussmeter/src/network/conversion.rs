use super::Prediction;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use std::ops::{Div, Neg};

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

/// a of `kind = a x + b ε`: what the prediction is where the network sees no noise. No entry is a
/// difference of nearly equal numbers; it is infinite where no signal is left, α = 0.
pub(crate) fn noiseless<N>(kind: Prediction, level: &Level<N>) -> N
where
    N: Copy + From<f64> + Div<Output = N> + Neg<Output = N>,
{
    let one = N::from(1.0);
    match kind {
        Prediction::Score | Prediction::Noise => N::from(0.0),
        Prediction::Denoiser => one / level.alpha,
        Prediction::Velocity => level.alpha_prime / level.alpha,
        Prediction::V => -level.sigma / level.alpha,
        Prediction::Flow => -one / level.alpha,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::EntryError;
    use crate::process;

    #[test]
    fn the_noiseless_part_is_that_of_the_conversion_from_noise() -> Result<(), EntryError> {
        for name in ["vp-linear", "edm", "flow", "trig", "sub-vp"] {
            let process = process::registry().build(name)?.item;
            let level = process.level(0.3 * process.t_max());
            for kind in Prediction::ALL {
                let (a, b) = conversion(Prediction::Noise, kind, &(&level).into());
                let size = b.value().abs().max(1.0);
                let off = (noiseless(kind, &level) - a.value()).abs();
                assert!(off < 1e-12 * size, "{name} {kind:?}: {off}");
            }
        }
        Ok(())
    }
}
