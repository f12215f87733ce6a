use super::{Metric, MetricName, Value};
use crate::entry::Entry;
use crate::exact::{Law, Reason};

/// Relative error of the total variance, (tr V − tr Σ)/tr Σ: negative if the sampler
/// under-disperses.
pub fn trace_error(law: &Law) -> Value {
    let (mut error, mut trace) = (0.0, 0.0);
    for m in &law.modes {
        error += m.multiplicity * m.variance_error;
        trace += m.multiplicity * m.target_variance;
    }
    let overflow = || {
        let mode = law.modes.iter().find(|m| !m.variance_error.is_finite()).or(law.modes.last());
        mode.map(|m| Reason::Overflow { eigenvalue: m.eigenvalue })
    };
    let infinite = || match trace == 0.0 && error.is_finite() {
        true => Some(Reason::Ranges { eigenvalue: 0.0 }),
        false => overflow(),
    };
    match error / trace {
        _ if error == 0.0 => Value::new(0.0, None),
        ratio if ratio.is_finite() => Value::new(ratio, None),
        _ => Value::new(f64::INFINITY, law.infinite.or_else(infinite)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct TraceError;
impl Metric for TraceError {
    fn evaluate(&self, law: &Law) -> Value {
        trace_error(law)
    }

    fn name(&self) -> MetricName {
        MetricName {
            key: "trace_error",
            summary: "relative trace error",
            symbol: "trace error",
            latex: "trace error",
            title: "relative trace error",
        }
    }
}

pub(super) static ENTRY: Entry<dyn Metric> = Entry {
    name: "trace",
    aliases: &["trace-error"],
    summary: "relative error of the total variance (signed)",
    source: "tr V / tr Sigma - 1",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(TraceError)),
};
