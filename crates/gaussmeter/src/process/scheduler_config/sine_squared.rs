use crate::level::Level;
use crate::process::Process;
use std::f64::consts::FRAC_PI_2;

/// The variance-preserving process of `IPNDMScheduler`, in its time: σ(t) = sin²(πt/2),
/// α = (1 − σ²)^½, on [0, 1] (Crowson, v-diffusion, "crash" schedule).
///
/// At t = 1 no signal is left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SineSquared;

impl Process for SineSquared {
    fn t_max(&self) -> f64 {
        1.0
    }

    fn level(&self, t: f64) -> Level {
        let (s, cosine) = (FRAC_PI_2 * t).sin_cos();
        // The number nearest to π/2 stands for π/2.
        let c = if t == 1.0 { 0.0 } else { cosine };
        // α = c (1 + s²)^½ since 1 − s⁴ = c² (1 + s²).
        let root = (1.0 + s * s).sqrt();
        let (s2, c2, speed2) = (s * s, c * c, FRAC_PI_2 * FRAC_PI_2);
        Level {
            t,
            alpha: c * root,
            sigma: s2,
            alpha_prime: -2.0 * FRAC_PI_2 * s * s2 / root,
            sigma_sigma_prime: 2.0 * FRAC_PI_2 * s * s2 * c,
            one_minus_alpha2: s2 * s2,
            alpha_second: -2.0 * speed2 * c * s2 * (3.0 + 2.0 * s2) / (root * root * root),
            sigma_sigma_second: 2.0 * speed2 * s2 * (3.0 * c2 - s2),
            variance_preserving: true,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    /// sin² = σ = ρ/(1 + ρ²)^½, and cos² = 1 − σ = α²/(1 + σ).
    fn time_of(&self, ratio: f64) -> Option<f64> {
        if ratio.is_nan() || ratio < 0.0 {
            return None;
        }
        if ratio.is_infinite() {
            return Some(1.0);
        }
        let alpha = ratio.hypot(1.0).recip();
        let sigma = ratio * alpha;
        let cosine = alpha / (1.0 + sigma).sqrt();
        Some((sigma.sqrt().atan2(cosine) / FRAC_PI_2).min(1.0))
    }

    /// ½ ln(1 + (σ² − σ_to²)/α²), with the difference of sines as a product.
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        let sine = |x: f64| (FRAC_PI_2 * x).sin();
        let difference = sine(from.t + to.t) * sine(from.t - to.t) * (from.sigma + to.sigma);
        0.5 * (difference / (from.alpha * from.alpha)).ln_1p()
    }
}
