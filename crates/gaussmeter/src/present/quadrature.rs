//! What a quadrature of the spectrum leaves open of results.

use crate::report::number;
use crate::spectrum::{Estimate, Notice, Spectrum, Spread};

/// The uncertainty that a quadrature leaves in a value.
pub(super) fn spread_json(spread: &Spread) -> serde_json::Value {
    serde_json::json!({"probes": number(spread.probes), "steps": number(spread.steps)})
}

/// The largest uncertainty that a quadrature leaves in some values, in words.
pub(super) fn left_open(values: impl Iterator<Item = (f64, Option<Spread>)>) -> Option<String> {
    let relative = values.filter_map(|(value, spread)| {
        let Spread { probes, steps } = spread?;
        (value != 0.0).then(|| (probes / value.abs(), steps / value.abs()))
    });
    let most = |(a, b): (f64, f64), (c, d): (f64, f64)| (a.max(c), b.max(d));
    let (probes, steps) = relative.reduce(most)?;
    Some(format!(
        "uncertainty of values from the quadrature: at most {:.2} % (random vectors) and {:.2} % (passes)",
        100.0 * probes,
        100.0 * steps
    ))
}

/// What JSON documents say of the errors of a spectrum that is a quadrature.
pub(super) fn errors_json(spectrum: &Spectrum) -> Option<serde_json::Value> {
    let estimates = spectrum.notices().iter().find_map(|notice| match notice {
        Notice::Quadrature { estimates } => Some(estimates),
        _ => None,
    })?;
    let estimate = |e: &Estimate| {
        serde_json::json!({
            "of": e.what,
            "value": number(e.value),
            "probes": number(e.probes),
            "steps": number(e.steps),
        })
    };
    Some(estimates.iter().map(estimate).collect())
}
