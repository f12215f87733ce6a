//! How far predictions order configurations as they turn out.

use super::{Check, Checked, Found};

/// Two configurations that the Gaussian puts in the wrong order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misled {
    /// Position of the one with the smaller W2.
    pub predicted: usize,
    /// Position of the one with the smaller error, by more than two standard errors of the difference.
    pub better: usize,
}

/// Spearman's rank correlations of what was found with what was predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// With W2 for the Gaussian of the whole.
    pub w2: f64,
    /// Of distances, with their own prediction for that Gaussian; `None` for moments, whose prediction is
    /// W2.
    pub rms: Option<f64>,
    /// How many configurations are ranked: of distances those that share a fine solution, the most that do.
    pub among: usize,
}

/// What predictions are worth among rules of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// `None` for fewer than three configurations, or where all are alike.
    pub correlation: Option<Correlation>,
    /// The pair that W2 misleads about most, if any.
    pub misled: Option<Misled>,
}

impl Agreement {
    /// Among the rules without noise, by their distances to the same fine solution.
    pub(super) fn of_distances(checks: &[Check]) -> Self {
        let mut ran: Vec<_> =
            checks.iter().filter_map(|c| c.ran().and_then(|c| Some((c, c.distances()?)))).collect();
        let sharing = |k: usize| ran.iter().filter(|(_, d)| d.reference == k).count();
        let last = ran.iter().map(|(_, d)| d.reference).max().unwrap_or(0);
        // Of several of one size the first.
        let common = (0..=last).rev().max_by_key(|k| sharing(*k)).unwrap_or(0);
        ran.retain(|(_, d)| d.reference == common);
        let among = ran.len();
        let found: Vec<f64> = ran.iter().map(|(_, d)| d.rms).collect();
        let w2 = spearman(&found, &ran.iter().map(|(c, _)| c.w2).collect::<Vec<_>>());
        let rms = spearman(&found, &ran.iter().map(|(_, d)| d.gaussian_rms).collect::<Vec<_>>());
        let is_better = |better: &Checked, worse: &Checked| {
            let (better, worse) = (better.distances()?, worse.distances()?);
            if better.reference != worse.reference {
                return None;
            }
            // From the same starts.
            let pairs = worse.squares.iter().zip(&better.squares);
            let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
            let is_clear = mean(&differences) > 2.0 * error_of_mean(&differences);
            (is_clear && worse.rms.is_finite()).then(|| (worse.rms / better.rms).ln())
        };
        Agreement {
            correlation: w2.map(|w2| Correlation { w2, rms, among }),
            misled: misled(checks, is_better),
        }
    }

    /// Among the rules with noise, by W2 of moments.
    pub(super) fn of_moments(checks: &[Check]) -> Self {
        let ran: Vec<_> =
            checks.iter().filter_map(|c| c.ran().and_then(|c| Some((c, c.moments()?)))).collect();
        let found: Vec<f64> = ran.iter().map(|(_, m)| m.estimate().squared).collect();
        let w2 = spearman(&found, &ran.iter().map(|(c, _)| c.w2).collect::<Vec<_>>());
        let is_better = |better: &Checked, worse: &Checked| {
            let (better, worse) = (better.moments()?.estimate(), worse.moments()?.estimate());
            let error = better.squared_error.hypot(worse.squared_error);
            let is_clear = worse.squared - better.squared > 2.0 * error;
            let size = worse.squared / better.squared.max(better.squared_error);
            (is_clear && size > 1.0 && size.is_finite()).then(|| 0.5 * size.ln())
        };
        Agreement {
            correlation: w2.map(|w2| Correlation { w2, rms: None, among: found.len() }),
            misled: misled(checks, is_better),
        }
    }
}

impl Check {
    fn ran(&self) -> Option<&Checked> {
        self.result.as_ref().ok()
    }
}

impl Checked {
    /// The distances of a rule without noise.
    pub fn distances(&self) -> Option<&super::Distances> {
        match &self.found {
            Found::Distances(distances) => Some(distances),
            Found::Moments(_) => None,
        }
    }

    /// What was found, with its standard error: the distance, or W2 of moments.
    pub fn error(&self) -> (f64, f64) {
        match &self.found {
            Found::Distances(d) => (d.rms, d.standard_error),
            Found::Moments(m) => (m.estimate().value(), m.estimate().standard_error()),
        }
    }

    /// The moments of a rule with noise.
    pub fn moments(&self) -> Option<&super::Moments> {
        match &self.found {
            Found::Moments(moments) => Some(moments),
            Found::Distances(_) => None,
        }
    }
}

/// The pair in the wrong order for which the product of the logarithms of both ratios is largest;
/// `is_better` gives the second logarithm where the difference is more than chance.
fn misled(
    checks: &[Check],
    is_better: impl Fn(&Checked, &Checked) -> Option<f64>,
) -> Option<Misled> {
    let ran: Vec<(usize, &Checked)> =
        checks.iter().enumerate().filter_map(|(i, c)| Some((i, c.ran()?))).collect();
    let mut worst: Option<(f64, Misled)> = None;
    for &(predicted, a) in &ran {
        for &(better, b) in &ran {
            if !(a.w2 < b.w2 && b.w2.is_finite()) {
                continue;
            }
            let Some(found) = is_better(b, a) else { continue };
            let size = (b.w2 / a.w2).ln() * found;
            if worst.is_none_or(|(largest, _)| size > largest) {
                worst = Some((size, Misled { predicted, better }));
            }
        }
    }
    worst.map(|(_, misled)| misled)
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean.
pub(super) fn error_of_mean(values: &[f64]) -> f64 {
    let (n, mean) = (values.len() as f64, mean(values));
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}

/// Spearman's rank correlation; `None` for fewer than three pairs, or if all values of a list are equal.
pub(super) fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() < 3 {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let (ma, mb) = (mean(&a), mean(&b));
    let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum()
    };
    let scale = (product(&a, ma, &a, ma) * product(&b, mb, &b, mb)).sqrt();
    (scale > 0.0).then(|| product(&a, ma, &b, mb) / scale)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |v: &f64| {
        let below = values.iter().filter(|o| o.total_cmp(v).is_lt()).count();
        let equal = values.iter().filter(|o| o.total_cmp(v).is_eq()).count();
        below as f64 + 0.5 * (equal as f64 + 1.0)
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::spearman;

    #[test]
    fn rank_correlations() {
        let close =
            |a: &[f64], b: &[f64], r: f64| (spearman(a, b).unwrap_or(9.0) - r).abs() < 1e-15;
        assert!(close(&[1.0, 2.0, 3.0, 10.0], &[0.1, 0.2, 5.0, 7.0], 1.0));
        assert!(close(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0], -1.0));
        // Computed by hand: 1 − 6 Σd²/(n(n² − 1)) = 1 − 6·6/(4·15).
        assert!(close(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0], 0.6));
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }
}
