use super::{ExperimentError, Length, NamedSampler, Setting};
use crate::exact::{Init, Target};
use crate::metric::{Metric, Value};
use crate::network::Learnt;
use crate::spectrum::{Spectrum, Spread};
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where samplers are tried: data, process and grid rule, and the time sampling stops.
#[derive(Clone, Debug)]
pub struct Place {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The time sampling stops.
    pub eps: f64,
}

/// A sampler at one place within one budget of network evaluations.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Label of the sampler.
    pub sampler: String,
    /// Position of its place.
    pub place: usize,
    /// The budget.
    pub budget: usize,
    /// What came of it.
    pub result: Result<Outcome, ExperimentError>,
}

/// What a sampler does with its budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// True number of steps.
    pub steps: usize,
    /// True number of network evaluations.
    pub nfe: usize,
    /// The error.
    pub value: Value,
    /// What a quadrature of the spectrum leaves open of it.
    pub spread: Option<Spread>,
}

/// All samplers at all places within all budgets, in parallel: by place, by sampler, by budget.
pub(super) fn trials(
    places: &[Place],
    samplers: &[NamedSampler],
    budgets: &[usize],
    init: &Init,
    metric: &dyn Metric,
    watch: Watch,
) -> Result<Vec<Trial>, ExperimentError> {
    for (is_empty, what) in [
        (places.is_empty(), "grid"),
        (samplers.is_empty(), "sampler"),
        (budgets.is_empty(), "number of network evaluations"),
    ] {
        if is_empty {
            return Err(ExperimentError::Empty { what });
        }
    }
    let inits: Vec<Init> = places.iter().map(|p| p.setting.init(init)).collect::<Result<_, _>>()?;
    let each = places.iter().zip(&inits);
    let learnt: Vec<Learnt> = each.map(|(p, i)| p.setting.learnt(i)).collect::<Result<_, _>>()?;
    let jobs: Vec<(usize, &NamedSampler, usize)> = (0..places.len())
        .flat_map(|p| samplers.iter().flat_map(move |s| budgets.iter().map(move |b| (p, s, *b))))
        .collect();
    let done = AtomicU64::new(0);
    let trial = |&(place, sampler, budget): &(usize, &NamedSampler, usize)| {
        let Place { setting, eps } = &places[place];
        let outcome = |run: super::Run| {
            let init = &inits[place];
            let on = |data: &Spectrum| {
                setting.on_other(data, &run, init, |law| metric.evaluate(law).value)
            };
            let (steps, nfe) = (run.grid.step_count(), run.plan.nfe());
            let value = metric.evaluate(&run.law(&learnt[place], init, Target::Data)?);
            Ok(Outcome { steps, nfe, value, spread: setting.spectrum.spread(on) })
        };
        let result = match watch.is_stopped() {
            true => Err(ExperimentError::Interrupted),
            false => setting.run(sampler, Length::Nfe(budget), *eps).and_then(outcome),
        };
        let done = 1 + done.fetch_add(1, Ordering::Relaxed);
        watch.tell(Progress { what: "trials", unit: "runs", done, total: Some(jobs.len() as u64) });
        Trial { sampler: sampler.label.clone(), place, budget, result }
    };
    let trials: Vec<Trial> = jobs.par_iter().with_max_len(1).map(trial).collect();
    // Without a single result the reason is what there is to say.
    match trials.iter().all(|t| t.result.is_err()) {
        true => match trials.into_iter().next().map(|t| t.result) {
            Some(Err(error)) => Err(error),
            _ => Err(ExperimentError::Empty { what: "sampler" }),
        },
        false => Ok(trials),
    }
}

/// Whether some trials were not made because the work was stopped.
pub(super) fn is_interrupted(trials: &[Trial]) -> bool {
    trials.iter().any(|t| t.result == Err(ExperimentError::Interrupted))
}
