//! The normal distribution, accurate in both tails.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Below this the continued fraction is used, above it the series.
const TAIL: f64 = -2.0;

/// The standard normal density.
pub(crate) fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// e^{t²} erfc(t) for t ≥ √2, by Laplace's continued fraction from its end.
fn scaled_erfc(t: f64) -> f64 {
    // Terms for an error of 1e-17: it falls as exp(−2 t √(2n)).
    let terms = 6 + ((14.0 / t) * (14.0 / t)).min(400.0) as usize;
    let tail = (1..=terms).rev().fold(t, |rest, k| t + 0.5 * k as f64 / rest);
    1.0 / (PI.sqrt() * tail)
}

/// (Φ(|x|) − 1/2)/φ(x) = |x| + |x|³/3 + |x|⁵/15 + …, of positive terms.
fn series(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x.abs(), x.abs(), 1.0);
    while term > f64::EPSILON * 0.1 * sum {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    sum
}

/// ln Φ(x).
pub(crate) fn log_cdf(x: f64) -> f64 {
    if x < TAIL {
        (0.5 * scaled_erfc(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x
    } else if x < 0.0 {
        (0.5 - density(x) * series(x)).ln()
    } else if x <= -TAIL {
        (0.5 + density(x) * series(x)).ln()
    } else {
        (-log_cdf(-x).exp()).ln_1p()
    }
}

/// Φ(x).
pub(crate) fn cdf(x: f64) -> f64 {
    log_cdf(x).exp()
}

/// The x at which ln Φ(x) = `log` ≤ ln ½, by Newton's method: ln Φ is concave, so that after the first
/// step every other comes nearer from below.
pub(crate) fn lower_score(log: f64) -> f64 {
    if log == f64::NEG_INFINITY {
        return log;
    }
    let mut x = 0.0;
    for _ in 0..100 {
        let value = log_cdf(x);
        let slope = (-0.5 * x * x - 0.5 * (2.0 * PI).ln() - value).exp();
        let step = (value - log) / slope;
        x -= step;
        if step.abs() <= 1e-15 * x.abs() {
            break;
        }
    }
    x
}

/// The x at which Φ(x) = `p`.
pub(crate) fn score(p: f64) -> f64 {
    if p <= 0.5 { lower_score(p.ln()) } else { -lower_score((1.0 - p).ln()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by mpmath, 50 digits.
    #[test]
    fn both_tails_have_all_digits() {
        for (x, log) in [
            (-40.0, -804.6084420137538),
            (-8.0, -35.01343715991455),
            (-3.0, -6.607726221510349),
            (-2.0, -3.783184333682032),
            (-1.5, -2.7059444008238898),
            (-0.25, -0.9130617648111351),
            (0.0, -std::f64::consts::LN_2),
            (1.0, -0.17275377902344988),
            (2.5, -0.006229025485860002),
            (6.0, -9.865876455243758e-10),
        ] {
            let off = (log_cdf(x) - log) / log;
            assert!(off.abs() < 4e-15, "{x}: {} {log}, off {off:e}", log_cdf(x));
        }
        for x in [-30.0, -7.0, -2.0, -0.3, 0.0, 0.4, 1.9, 3.0] {
            let p = log_cdf(x);
            let found = if x <= 0.0 { lower_score(p) } else { -lower_score(log_cdf(-x)) };
            assert!((found - x).abs() < 1e-14 * (1.0 + x.abs()), "{found} {x}");
            if x > -8.0 {
                assert!((score(cdf(x)) - x).abs() < 1e-12, "{x}");
            }
        }
        assert_eq!((score(0.0), score(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
