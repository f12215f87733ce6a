use super::{Level, Process};
use crate::entry::{Entry, Kind, Parameter};
use std::f64::consts::FRAC_PI_2;

/// The variance-preserving process whose signal scale is a cosine:
/// α(t) = cos(π/2 · (t + s)/(1 + s)) / cos(π/2 · s/(1 + s)), σ² = 1 − α², on [0, 1].
///
/// At t = 1 no signal is left: the drift is infinite there. `vp-discrete:schedule=squaredcos_cap_v2`
/// is the table of 1000 steps with β ≤ 0.999 that networks are trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VpCosine {
    /// π/2 · s/(1 + s)
    offset: f64,
    /// π/2 · 1/(1 + s)
    speed: f64,
}

impl VpCosine {
    /// The process with offset `s` ≥ 0.
    pub fn new(s: f64) -> Self {
        VpCosine { offset: FRAC_PI_2 * s / (1.0 + s), speed: FRAC_PI_2 / (1.0 + s) }
    }
}

impl Process for VpCosine {
    fn t_max(&self) -> f64 {
        1.0
    }

    fn level(&self, t: f64) -> Level {
        let (start, angle) = (self.offset.cos(), self.speed * t);
        // cos(offset + angle) by its distance from π/2; 1 − α² by the product of two sines.
        let alpha = (self.speed * (1.0 - t)).sin() / start;
        let sine = (self.offset + angle).sin();
        let sigma2 = angle.sin() * (2.0 * self.offset + angle).sin() / (start * start);
        let alpha_prime = -self.speed * sine / start;
        Level {
            t,
            alpha: if t == 0.0 { 1.0 } else { alpha },
            sigma: sigma2.sqrt(),
            alpha_prime,
            sigma_sigma_prime: -alpha * alpha_prime,
            one_minus_alpha2: sigma2,
            alpha_second: -self.speed * self.speed * alpha,
            sigma_sigma_second: (self.speed * alpha - alpha_prime)
                * (self.speed * alpha + alpha_prime),
            variance_preserving: true,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    /// The angle x from the start: cos(o + x) = α cos o with α = (1 + ρ²)^{−1/2} and offset o.
    fn time_of(&self, ratio: f64) -> Option<f64> {
        match ratio {
            0.0 => return Some(0.0),
            f64::INFINITY => return Some(1.0),
            _ => {}
        }
        let (sine, cosine) = self.offset.sin_cos();
        let alpha = ratio.hypot(1.0).recip();
        let lost = (ratio * alpha).powi(2);
        let sine_there = (sine * sine + cosine * cosine * lost).sqrt();
        // sin x = sin(o + x) cos o − cos(o + x) sin o, by the difference of the squares.
        let sine_x = cosine * lost / (sine_there + alpha * sine);
        let cosine_x = alpha * cosine * cosine + sine_there * sine;
        (ratio >= 0.0).then(|| (sine_x.atan2(cosine_x) / self.speed).min(1.0))
    }

    /// ln(1 + (cos a − cos b)/cos b) with the difference as a product of sines.
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        let half = |angle: f64| (0.5 * angle).sin();
        let sum = 2.0 * self.offset + self.speed * (from.t + to.t);
        let difference = 2.0 * half(sum) * half(self.speed * (from.t - to.t));
        (difference / (self.speed * (1.0 - from.t)).sin()).ln_1p()
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "vp-cosine",
    aliases: &["cosine"],
    summary: "variance preserving, alpha a cosine that starts at offset s, on [0, 1]",
    source: "Nichol & Dhariwal (2021), equation 17",
    order: None,
    parameters: &[Parameter {
        name: "s",
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: Some("0.008"),
        summary: "offset that keeps the first noise from being too small",
    }],
    build: |a| Ok(Box::new(VpCosine::new(a.number("s")))),
};
