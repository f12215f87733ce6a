use super::trial::{Place, Trial, is_interrupted, trials};
use super::{ExperimentError, NamedSampler};
use crate::entry::Named;
use crate::exact::Init;
use crate::metric::{Metric, MetricName};
use crate::watch::Watch;

/// Samplers at one budget of network evaluations, the best first.
#[derive(Debug)]
pub struct Ranking {
    /// Where samplers were tried.
    pub places: Vec<Place>,
    /// The initial law.
    pub init_label: String,
    /// Name of the metric in its registry.
    pub metric: &'static str,
    /// How results refer to it.
    pub metric_name: MetricName,
    /// Network evaluations that each sampler may spend.
    pub budget: usize,
    /// By the size of the error; then those that cannot run.
    pub trials: Vec<Trial>,
}

/// Ranks samplers at places by their error within `nfe` network evaluations. Where `watch` stops it,
/// those tried so far.
///
/// # Errors
/// [`ExperimentError`]: nothing was given, the initial law does not fit, or no sampler can run.
pub fn rank(
    places: Vec<Place>,
    samplers: &[NamedSampler],
    nfe: usize,
    (init_label, init): (&str, &Init),
    metric: Named<dyn Metric>,
    watch: Watch,
) -> Result<Ranking, ExperimentError> {
    let mut trials = trials(&places, samplers, &[nfe], init, &*metric.item, watch)?;
    let size = |t: &Trial| t.result.as_ref().map_or(f64::NAN, |o| o.value.value.abs());
    // NaN is the last of its order.
    trials.sort_by(|a, b| size(a).total_cmp(&size(b)));
    let init_label = init_label.to_string();
    let (metric, metric_name) = (metric.name, metric.item.name());
    Ok(Ranking { places, init_label, metric, metric_name, budget: nfe, trials })
}

impl Ranking {
    /// Whether it was stopped, so that trials are missing.
    pub fn is_interrupted(&self) -> bool {
        is_interrupted(&self.trials)
    }
}
