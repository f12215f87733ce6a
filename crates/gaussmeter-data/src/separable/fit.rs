//! A mixture of two Gaussians on the line, by expectation and maximisation.

use gaussmeter::separable::{Marginal, SeparableError};

/// Rounds from each start, and most rounds of the best.
const FIRST: usize = 30;
const ROUNDS: usize = 400;

/// Rounds end when the mean log-likelihood gains less.
const GAIN: f64 = 1e-8;

/// The best start goes on if it has gained this share of what two components have to be worth.
const PROMISING: f64 = 0.3;

/// Least standard deviation of a component, as a share of that of the data: narrower ones fit single
/// samples.
const NARROWEST: f64 = 0.02;

/// Where fits start, in standard deviations from the mean: weight, mean and deviation of the first
/// component, mean and deviation of the second.
const STARTS: [[f64; 5]; 4] = [
    [0.5, -0.8, 0.6, 0.8, 0.6],
    [0.25, -1.2, 0.6, 0.4, 0.7],
    [0.25, 1.2, 0.6, -0.4, 0.7],
    [0.5, 0.0, 0.5, 0.0, 1.4],
];

/// Weight, mean and standard deviation of two components.
type Two = [(f64, f64, f64); 2];

/// The mixture of one or two Gaussians that fits values.
pub(super) fn marginal(values: &[f64]) -> Result<Marginal, SeparableError> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let std = variance.sqrt();
    if std <= 1e-12 * values.iter().fold(0.0f64, |m, v| m.max(v.abs())) {
        return Marginal::gaussian(mean, 0.0);
    }
    let scaled: Vec<f64> = values.iter().map(|x| (x - mean) / std).collect();
    let one = -0.5 - 0.5 * (2.0 * std::f64::consts::PI).ln();
    let start = |[w, m0, s0, m1, s1]: [f64; 5]| [(w, m0, s0), (1.0 - w, m1, s1)];
    let fits = STARTS.map(|at| two(&scaled, start(at), FIRST));
    let best = fits.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    // Three more parameters have to be worth it: ln n / 2 each.
    let worth = 1.5 * n.ln() / n;
    let best = best.filter(|fit| fit.1 - one > PROMISING * worth);
    let best = best.map(|(parts, _)| two(&scaled, parts, ROUNDS));
    match best.filter(|fit| fit.1 - one > worth) {
        None => Marginal::gaussian(mean, std),
        Some((parts, _)) => {
            let list = |of: fn(&(f64, f64, f64)) -> f64| parts.iter().map(of).collect::<Vec<f64>>();
            let means = list(|p| p.1).iter().map(|m| mean + std * m).collect();
            let stds = list(|p| p.2).iter().map(|s| std * s).collect();
            Marginal::new(list(|p| p.0), means, stds)
        }
    }
}

/// From one start: the components after as many rounds at most, and the mean log-likelihood of those
/// before the last.
fn two(values: &[f64], mut parts: Two, rounds: usize) -> (Two, f64) {
    let mut last = f64::NEG_INFINITY;
    for _ in 0..rounds {
        // Sums of shares, values and squares.
        let mut sums = [[0.0; 3]; 2];
        let mut likelihood = 0.0;
        let constants =
            parts.map(|(w, _, s)| w.ln() - s.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln());
        for &x in values {
            let log = |k: usize| {
                let z = (x - parts[k].1) / parts[k].2;
                constants[k] - 0.5 * z * z
            };
            let (a, b) = (log(0), log(1));
            let highest = a.max(b);
            let (p, q) = ((a - highest).exp(), (b - highest).exp());
            likelihood += highest + (p + q).ln();
            for (k, share) in [p / (p + q), q / (p + q)].into_iter().enumerate() {
                sums[k][0] += share;
                sums[k][1] += share * x;
                sums[k][2] += share * x * x;
            }
        }
        let n = values.len() as f64;
        likelihood /= n;
        // A component that has lost its data: the last one stands.
        if sums.iter().any(|s| s[0] < 2.0) || likelihood.is_nan() {
            break;
        }
        let ends = likelihood - last < GAIN;
        last = likelihood;
        if ends {
            break;
        }
        parts = sums.map(|[share, first, second]| {
            let mean = first / share;
            let variance = (second / share - mean * mean).max(NARROWEST * NARROWEST);
            (share / n, mean, variance.sqrt())
        });
    }
    (parts, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence that fills the interval evenly.
    fn uniform(count: usize) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| (i as f64 + 0.5) / count as f64)
    }

    #[test]
    fn modes_are_found_and_one_gaussian_stays_one() -> Result<(), SeparableError> {
        let truth = Marginal::new(vec![0.3, 0.7], vec![-1.0, 2.0], vec![0.4, 0.6])?;
        // Its own quantiles; scores by bisection of the distribution function of one Gaussian.
        let normal = Marginal::gaussian(0.0, 1.0)?;
        let score = |u: f64| {
            let (mut low, mut high) = (-9.0, 9.0);
            for _ in 0..60 {
                let middle: f64 = 0.5 * (low + high);
                if normal.cdf(middle) < u { low = middle } else { high = middle }
            }
            low
        };
        let values: Vec<f64> = uniform(4000).map(|u| truth.quantile(score(u))).collect();
        let found = marginal(&values)?;
        for (a, b) in [
            (found.weights(), truth.weights()),
            (found.means(), truth.means()),
            (found.stds(), truth.stds()),
        ] {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 5e-3), "{found:?}");
        }
        // Moments are those of the values.
        let mean = values.iter().sum::<f64>() / 4000.0;
        let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 4000.0;
        assert!((found.mean() - mean).abs() < 1e-12);
        assert!((found.variance() / variance - 1.0).abs() < 1e-10);
        let gaussian: Vec<f64> = uniform(4000).map(|u| 3.0 + 0.1 * score(u)).collect();
        assert_eq!(marginal(&gaussian)?.weights().len(), 1);
        assert_eq!(marginal(&[0.75; 64])?, Marginal::gaussian(0.75, 0.0)?);
        Ok(())
    }
}
