use super::{Metric, MetricName, Value};
use crate::entry::Entry;
use crate::exact::{Law, LawMode, Reason};
use crate::numeric::excess;

/// Σ multiplicity · ½ [e^y − 1 − y + Δ²/denominator], with y from the variances of a mode.
fn divergence(law: &Law, term: impl Fn(&LawMode) -> (f64, f64)) -> Value {
    let mut sum = 0.0;
    for mode in &law.modes {
        let (v, l) = (mode.variance, mode.target_variance);
        let degenerate = (v == 0.0, l == 0.0);
        let delta2 = mode.mean_error * mode.mean_error;
        if degenerate == (true, true) && delta2 == 0.0 {
            continue;
        }
        if degenerate != (false, false) || !v.is_finite() {
            let eigenvalue = mode.eigenvalue;
            let reason = match v.is_finite() {
                true => Reason::Ranges { eigenvalue },
                false => Reason::Overflow { eigenvalue },
            };
            return Value::new(f64::INFINITY, Some(law.infinite.unwrap_or(reason)));
        }
        let (y, denominator) = term(mode);
        sum += mode.multiplicity * 0.5 * (excess(y) + delta2 / denominator);
        if !sum.is_finite() {
            let reason = Reason::Overflow { eigenvalue: mode.eigenvalue };
            return Value::new(f64::INFINITY, Some(reason));
        }
    }
    Value::new(sum, None)
}

/// ln(v / λ) from the difference v − λ, without cancellation.
fn log_ratio(mode: &LawMode) -> f64 {
    let relative = mode.variance_error / mode.target_variance;
    // Far from equality the quotient is accurate enough, and rounding cannot take it below −1.
    if relative.abs() < 0.5 {
        relative.ln_1p()
    } else {
        (mode.variance / mode.target_variance).ln()
    }
}

/// KL(target ‖ law) = ½ Σ multiplicity · [e^y − 1 − y + (m − μ)²/v], y = ln(λ/v): the "forward" KL
/// of maximum likelihood, in nats. Infinite if only one of the laws is degenerate along some
/// eigenvector.
pub fn kl_forward(law: &Law) -> Value {
    divergence(law, |m| (-log_ratio(m), m.variance))
}

/// KL(law ‖ target) = ½ Σ multiplicity · [e^y − 1 − y + (m − μ)²/λ], y = ln(v/λ): the "reverse" KL,
/// in nats. Infinite if only one of the laws is degenerate along some eigenvector.
pub fn kl_reverse(law: &Law) -> Value {
    divergence(law, |m| (log_ratio(m), m.target_variance))
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Forward;
impl Metric for Forward {
    fn evaluate(&self, law: &Law) -> Value {
        kl_forward(law)
    }

    fn name(&self) -> MetricName {
        MetricName {
            key: "kl_forward",
            summary: "KL(data || output)",
            symbol: "KL(data || output)",
            latex: r"KL(data $\|$ output)",
            title: "KL(data || output)",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reverse;
impl Metric for Reverse {
    fn evaluate(&self, law: &Law) -> Value {
        kl_reverse(law)
    }

    fn name(&self) -> MetricName {
        MetricName {
            key: "kl_reverse",
            summary: "KL(output || data)",
            symbol: "KL(output || data)",
            latex: r"KL(output $\|$ data)",
            title: "KL(output || data)",
        }
    }
}

pub(super) static FORWARD: Entry<dyn Metric> = Entry {
    name: "kl-forward",
    aliases: &["kl"],
    summary: "KL(data || output), in nats",
    source: "closed form for Gaussians",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Forward)),
};

pub(super) static REVERSE: Entry<dyn Metric> = Entry {
    name: "kl-reverse",
    aliases: &[],
    summary: "KL(output || data), in nats",
    source: "closed form for Gaussians",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Reverse)),
};
