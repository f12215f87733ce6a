use super::{Metric, MetricName, Value};
use crate::entry::Entry;
use crate::exact::{Law, LawMode, Reason};

/// The Wasserstein-2 distance with its parts: total² = mean² + covariance².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wasserstein2 {
    /// W2, in data units.
    pub total: f64,
    /// Euclidean distance of the means.
    pub mean: f64,
    /// Bures distance of the covariances.
    pub covariance: f64,
    /// Why it is infinite.
    pub infinite: Option<Reason>,
}

/// What one eigenvector contributes to W2²: (m − μ)² and (√v − √λ)², each once (without the
/// multiplicity). The difference of roots is formed as (v − λ)/(√v + √λ).
pub fn wasserstein2_terms(mode: &LawMode) -> (f64, f64) {
    let mean = mode.mean_error * mode.mean_error;
    let roots = mode.variance.sqrt() + mode.target_variance.sqrt();
    let covariance = if roots == 0.0 {
        0.0
    } else if roots.is_infinite() {
        f64::INFINITY
    } else {
        (mode.variance_error / roots).powi(2)
    };
    (mean, covariance)
}

/// W2 between a law and its target, whose covariances commute:
/// W2² = Σ multiplicity · [(m − μ)² + (√v − √λ)²].
pub fn wasserstein2(law: &Law) -> Wasserstein2 {
    let (mut mean, mut covariance) = (0.0, 0.0);
    for m in &law.modes {
        let (a, b) = wasserstein2_terms(m);
        mean += m.multiplicity * a;
        covariance += m.multiplicity * b;
    }
    // Infinities of opposite sign.
    let [mean, covariance] =
        [mean, covariance].map(|sum: f64| if sum.is_nan() { f64::INFINITY } else { sum });
    let overflow = || {
        let is_infinite = |m: &&LawMode| {
            let (mean, covariance) = wasserstein2_terms(m);
            !(m.multiplicity * (mean + covariance)).is_finite()
        };
        let mode = law.modes.iter().find(is_infinite).or(law.modes.last());
        mode.map(|m| Reason::Overflow { eigenvalue: m.eigenvalue })
    };
    let infinite = match (mean + covariance).is_finite() {
        true => None,
        false => law.infinite.or_else(overflow),
    };
    Wasserstein2 {
        total: (mean + covariance).sqrt(),
        mean: mean.sqrt(),
        covariance: covariance.sqrt(),
        infinite,
    }
}

/// [`wasserstein2`] as a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Total;

impl Metric for Total {
    fn evaluate(&self, law: &Law) -> Value {
        let w2 = wasserstein2(law);
        Value::new(w2.total, w2.infinite)
    }

    fn name(&self) -> MetricName {
        MetricName {
            key: "w2",
            summary: "W2 to the data",
            symbol: "W2",
            latex: "$W_2$",
            title: "W2 error",
        }
    }

    fn is_triangular(&self) -> bool {
        true
    }

    fn parts(&self, law: &Law) -> Vec<(&'static str, &'static str, Value)> {
        let w2 = wasserstein2(law);
        let dim: f64 = law.modes.iter().map(|m| m.multiplicity).sum();
        let part = |value| Value { value, infinite: w2.infinite };
        vec![
            ("w2_mean", "  of the mean", part(w2.mean)),
            ("w2_cov", "  of the covariance", part(w2.covariance)),
            ("w2_per_dim", "W2 / sqrt(d)", part(w2.total / dim.sqrt())),
        ]
    }
}

pub(super) static ENTRY: Entry<dyn Metric> = Entry {
    name: "w2",
    aliases: &["wasserstein", "wasserstein2"],
    summary: "Wasserstein-2 distance, in data units",
    source: "Dowson & Landau (1982), for commuting covariances",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Total)),
};
