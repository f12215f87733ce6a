use super::trial::{Place, Trial, is_interrupted, trials};
use super::{ExperimentError, NamedSampler};
use crate::entry::Named;
use crate::exact::Init;
use crate::metric::{Metric, MetricName};
use crate::watch::Watch;

/// Error against network evaluations, and the trials that no other one beats in both.
#[derive(Debug)]
pub struct Pareto {
    /// Where samplers were tried.
    pub places: Vec<Place>,
    /// Budgets of network evaluations, in ascending order.
    pub budgets: Vec<usize>,
    /// The initial law.
    pub init_label: String,
    /// Name of the metric in its registry.
    pub metric: &'static str,
    /// How results refer to it.
    pub metric_name: MetricName,
    /// By place, by sampler, by budget. Budgets that come to the same run are listed once.
    pub trials: Vec<Trial>,
    /// Per trial: whether it is on the Pareto front.
    pub front: Vec<bool>,
}

/// What differs by less counts as equal.
const EQUAL: f64 = 1e-9;

/// Runs all samplers at all places within all budgets, and marks the Pareto front.
/// Where `watch` stops it, the front of the trials made so far.
///
/// # Errors
/// [`ExperimentError`]: nothing was given, the initial law does not fit, or no sampler can run.
pub fn pareto(
    places: Vec<Place>,
    samplers: &[NamedSampler],
    budgets: &[usize],
    (init_label, init): (&str, &Init),
    metric: Named<dyn Metric>,
    watch: Watch,
) -> Result<Pareto, ExperimentError> {
    let mut budgets = budgets.to_vec();
    budgets.sort_unstable();
    budgets.dedup();
    let mut trials = trials(&places, samplers, &budgets, init, &*metric.item, watch)?;
    // Neighbouring budgets of one sampler may allow the same number of steps.
    trials.dedup_by(|a, b| {
        let key = |t: &Trial| (t.place, t.result.as_ref().map(|o| o.steps).ok());
        a.sampler == b.sampler && key(a) == key(b) && a.result.is_ok()
    });
    let front = front(&trials);
    let init_label = init_label.to_string();
    let (metric, metric_name) = (metric.name, metric.item.name());
    Ok(Pareto { places, budgets, init_label, metric, metric_name, trials, front })
}

/// Which trials no other one beats: with fewer evaluations at no larger an error, or with a smaller
/// error at as many.
fn front(trials: &[Trial]) -> Vec<bool> {
    let point = |t: &Trial| t.result.as_ref().ok().map(|o| (o.nfe, o.value.value.abs()));
    let points: Vec<Option<(usize, f64)>> = trials.iter().map(point).collect();
    let mut known: Vec<(usize, f64)> = points.iter().flatten().copied().collect();
    known.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // Per number of evaluations the smallest error that it is not beaten with.
    let mut best: Vec<(usize, f64)> = Vec::new();
    for (nfe, error) in known {
        let is_new = best.last().is_none_or(|(n, least)| *n < nfe && error < least * (1.0 - EQUAL));
        if is_new && error.is_finite() {
            best.push((nfe, error));
        }
    }
    let is_best = |point: &Option<(usize, f64)>| {
        point.is_some_and(|(nfe, error)| {
            best.iter().any(|(n, least)| *n == nfe && error <= least * (1.0 + EQUAL))
        })
    };
    points.iter().map(is_best).collect()
}

impl Pareto {
    /// Whether it was stopped, so that trials are missing.
    pub fn is_interrupted(&self) -> bool {
        is_interrupted(&self.trials)
    }

    /// The trials of the front, by evaluations.
    pub fn on_front(&self) -> Vec<&Trial> {
        let on_front = self.trials.iter().zip(&self.front).filter(|(_, f)| **f).map(|(t, _)| t);
        let mut on_front: Vec<&Trial> = on_front.collect();
        on_front.sort_by_key(|t| t.result.as_ref().map_or(0, |o| o.nfe));
        on_front
    }

    /// The runs of each configuration, in order.
    pub fn configurations(&self) -> impl Iterator<Item = &[Trial]> {
        self.trials.chunk_by(|a, b| a.place == b.place && a.sampler == b.sampler)
    }
}
