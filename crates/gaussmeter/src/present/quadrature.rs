//! What a quadrature of the spectrum leaves open of results.

use crate::report::number;
use crate::spectrum::{Estimate, Notice, Spectrum, Spread};

/// What a quadrature leaves open of a value.
pub(super) fn spread_json(spread: &Spread) -> serde_json::Value {
    serde_json::json!({"probes": number(spread.probes), "steps": number(spread.steps)})
}

/// What a quadrature leaves open of some values, at most, in words.
pub(super) fn left_open(values: impl Iterator<Item = (f64, Option<Spread>)>) -> Option<String> {
    let relative = values.filter_map(|(value, spread)| {
        let Spread { probes, steps } = spread?;
        (value != 0.0).then(|| (probes / value.abs(), steps / value.abs()))
    });
    let most = |(a, b): (f64, f64), (c, d): (f64, f64)| (a.max(c), b.max(d));
    let (probes, steps) = relative.reduce(most)?;
    Some(format!(
        "the quadrature leaves values open by up to {:.2} % (random vectors) and {:.2} % (passes)",
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
