use super::{Diffusion, ExperimentError, Length, NamedRule, NamedSampler, Run};
use crate::design::{self, Effort, End, Problem, Space, Start};
use crate::entry::{EntryError, Named};
use crate::exact::Init;
use crate::grid::{self, Grid};
use crate::network::Learnt;
use crate::objective::Objective;
use crate::process::Process;
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// What is compared.
#[derive(Debug)]
pub struct ScheduleOptions {
    /// Schedules, in order.
    pub rules: Vec<NamedRule>,
    /// Samplers, in order.
    pub samplers: Vec<NamedSampler>,
    /// Lengths, in order.
    pub lengths: Vec<Length>,
    /// Where rules stop that do not end by themselves, and the optimum.
    pub eps: f64,
    /// Initial law with its label.
    pub init: (String, Init),
    /// What is measured, and minimised by the optimum.
    pub objective: Named<dyn Objective>,
    /// Smallest ratio of neighbouring noise ratios in the optimum.
    pub min_ratio: f64,
}

/// The schedules that are compared where none are named: equally spaced times, the usual ones, all rules
/// of the registry that follow data with their [variants](grid::GridRule::variants), and, down to the
/// data where the process has noise enough, Align Your Steps.
///
/// # Errors
/// [`EntryError`]
pub fn compared_rules(process: &dyn Process, eps: f64) -> Result<Vec<NamedRule>, EntryError> {
    let registry = grid::registry();
    let build = |text: &str, label: &str| -> Result<NamedRule, EntryError> {
        Ok((label.into(), registry.build(text)?.item.into()))
    };
    let mut names: Vec<String> = vec!["karras".into(), "exponential".into()];
    for entry in &registry.entries {
        // What needs a parameter is no rule by itself.
        let Ok(rule) = registry.build(entry.name) else { continue };
        if rule.item.follows_data() {
            names.push(entry.name.into());
            names.extend(rule.item.variants().iter().map(|v| format!("{}:{v}", entry.name)));
        }
    }
    let mut rules = vec![build("uniform", "uniform")?];
    for name in &names {
        rules.push(match eps > 0.0 {
            true => {
                let separator = if name.contains(':') { ',' } else { ':' };
                let sigma_min = process.level(eps).noise_ratio();
                build(&format!("{name}{separator}sigma_min={sigma_min},final=sigma_min"), name)?
            }
            false => build(name, name)?,
        });
    }
    if eps == 0.0 {
        let top = process.level(process.t_max()).noise_ratio();
        if top >= 14.615 || process.training_steps().is_some() {
            rules.push(build("ays", "ays")?);
            rules.push(build("ays:sdxl", "ays:sdxl")?);
        }
    }
    Ok(rules)
}

/// A sampler on one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleResult {
    /// True number of steps.
    pub steps: usize,
    /// True number of network evaluations.
    pub nfe: usize,
    /// The error.
    pub error: f64,
    /// Noise ratios σ/α, noisiest first.
    pub sigmas: Vec<f64>,
}

/// Why there is no result.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum NoResult {
    /// There was no time for it.
    #[error("not run: interrupted")]
    Interrupted,
    /// The schedule has another number of steps than the others.
    #[error("has {0} steps of its own")]
    OwnSteps(usize),
    /// The sampler does not run on the schedule, or no optimum was found.
    #[error("{0}")]
    Failed(String),
}

/// Errors of samplers on all schedules, and on the optimal one.
#[derive(Debug)]
pub struct Schedules {
    /// Data and process.
    pub diffusion: Diffusion,
    /// What was compared.
    pub options: ScheduleOptions,
    /// Whether it was stopped: some schedules may not have been run, and the optimum is the best so far.
    pub interrupted: bool,
    /// Per sampler, per length: a result per rule and that of the optimum, or why there is none.
    pub columns: Vec<Vec<Result<ScheduleResult, NoResult>>>,
}

/// Random schedules to descend from, beside the best of those compared.
pub(crate) const RANDOM: usize = 7;
/// Starts of the optimum.
pub(crate) const STARTS: usize = 3;

/// Compares schedules, in parallel over samplers and lengths. Where `watch` stops it, the result has what
/// was run so far.
///
/// # Errors
/// [`ExperimentError`]: nothing to compare, or a sampler that runs on no schedule.
pub fn schedules(
    diffusion: &Diffusion,
    options: ScheduleOptions,
    watch: Watch,
) -> Result<Schedules, ExperimentError> {
    for (what, none) in [
        ("sampler", options.samplers.is_empty()),
        ("grid", options.rules.is_empty()),
        ("number of steps", options.lengths.is_empty()),
    ] {
        if none {
            return Err(ExperimentError::Empty { what });
        }
    }
    let pairs: Vec<(&NamedSampler, Length)> = (options.samplers.iter())
        .flat_map(|s| options.lengths.iter().map(move |length| (s, *length)))
        .collect();
    let done = AtomicU64::new(0);
    let columns = pairs
        .par_iter()
        .map(|(sampler, length)| {
            let column = column(diffusion, &options, sampler, *length, watch);
            let (done, total) = (1 + done.fetch_add(1, Ordering::Relaxed), pairs.len() as u64);
            watch.tell(Progress { what: "schedules", unit: "columns", done, total: Some(total) });
            column
        })
        .collect::<Result<Vec<_>, ExperimentError>>()?;
    let interrupted = watch.is_stopped();
    if interrupted && columns.iter().flatten().all(Result::is_err) {
        return Err(ExperimentError::Interrupted);
    }
    Ok(Schedules { diffusion: diffusion.clone(), options, interrupted, columns })
}

fn column(
    diffusion: &Diffusion,
    options: &ScheduleOptions,
    sampler: &NamedSampler,
    length: Length,
    watch: Watch,
) -> Result<Vec<Result<ScheduleResult, NoResult>>, ExperimentError> {
    let runs: Vec<Result<Run, ExperimentError>> = (options.rules.iter())
        .map(|(label, rule)| {
            if watch.is_stopped() {
                return Err(ExperimentError::Interrupted);
            }
            let setting = diffusion.with((label.clone(), rule.clone()));
            let eps = rule.own_end(&*setting.process).unwrap_or(options.eps);
            setting.run(sampler, length, eps)
        })
        .collect();
    // A rule with steps of its own is compared where the others have as many.
    let free = options.rules.iter().zip(&runs).filter(|((_, rule), _)| rule.own_steps().is_none());
    let steps = free.filter_map(|(_, run)| run.as_ref().ok()).map(|r| r.grid.step_count()).max();
    let resolved = diffusion.init(&options.init.1)?;
    let t_max = diffusion.process.t_max();
    let objective = &*options.objective.item;
    let measure = |run: &Run| {
        // A schedule that starts below T starts from the noise of its own first level.
        let at_top = run.grid.start().t == t_max;
        let init = if at_top { &resolved } else { &options.init.1 };
        let sum =
            error(diffusion, sampler, objective, init, &run.grid).map_err(NoResult::Failed)?;
        Ok(ScheduleResult {
            steps: run.grid.step_count(),
            nfe: run.plan.nfe(),
            error: objective.readable(sum),
            sigmas: run.grid.levels().iter().map(|l| l.noise_ratio()).collect(),
        })
    };
    let mut first_error = None;
    let mut results: Vec<Result<ScheduleResult, NoResult>> = Vec::new();
    for run in &runs {
        results.push(match run {
            Ok(run) if steps.is_some_and(|steps| steps != run.grid.step_count()) => {
                Err(NoResult::OwnSteps(run.grid.step_count()))
            }
            Ok(run) => measure(run),
            Err(ExperimentError::Interrupted) => Err(NoResult::Interrupted),
            Err(error) => {
                first_error.get_or_insert_with(|| error.clone());
                Err(NoResult::Failed(error.to_string()))
            }
        });
    }
    if !watch.is_stopped()
        && runs.iter().all(Result::is_err)
        && let Some(error) = first_error
    {
        return Err(error);
    }
    let mut order: Vec<usize> = (0..runs.len()).filter(|i| results[*i].is_ok()).collect();
    let value = |i: &usize| results[*i].as_ref().map_or(f64::INFINITY, |r| r.error);
    order.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let starts: Vec<Grid> = (order.iter().filter_map(|i| runs[*i].as_ref().ok()))
        .filter(|run| run.grid.start().t == t_max && run.grid.end().t == options.eps)
        .take(STARTS)
        .map(|run| run.grid.clone())
        .collect();
    if watch.is_stopped() && starts.is_empty() {
        results.push(Err(NoResult::Interrupted));
        return Ok(results);
    }
    let optimum = optimum(diffusion, options, sampler, &resolved, &starts, watch);
    results.push(optimum.map_err(NoResult::Failed).and_then(|grid| {
        let plan = sampler.item.plan(&grid).map_err(|e| NoResult::Failed(e.to_string()))?;
        measure(&Run { sampler: sampler.label.clone(), grid, plan })
    }));
    Ok(results)
}

fn error(
    diffusion: &Diffusion,
    sampler: &NamedSampler,
    objective: &dyn Objective,
    init: &Init,
    grid: &Grid,
) -> Result<f64, String> {
    let steps = grid.step_count();
    let end = End::At(grid.end().t);
    let space = Space::new(&diffusion.process, steps, Start::Fixed, end, 1.0);
    let problem = Problem {
        network: &Learnt::exact(&diffusion.spectrum),
        sampler: &*sampler.item,
        init,
        objective,
        space: &space.map_err(|e| e.to_string())?,
        watch: Watch::NOBODY,
    };
    problem.value(grid).map_err(|e| e.to_string())
}

/// The best schedule that descents from `starts` lead to.
fn optimum(
    diffusion: &Diffusion,
    options: &ScheduleOptions,
    sampler: &NamedSampler,
    init: &Init,
    starts: &[Grid],
    watch: Watch,
) -> Result<Grid, String> {
    let Some(start) = starts.first() else {
        return Err("no schedule runs from T to eps to start from".into());
    };
    let objective = &*options.objective.item;
    let end = End::At(options.eps);
    let space =
        Space::new(&diffusion.process, start.step_count(), Start::Fixed, end, options.min_ratio)
            .map_err(|e| e.to_string())?;
    let data = &*diffusion.spectrum;
    let (network, sampler) = (&Learnt::exact(data), &*sampler.item);
    let problem = Problem { network, sampler, init, objective, space: &space, watch };
    let others = design::starts(&space, data, RANDOM, 0).unwrap_or_default();
    let from: Vec<Grid> = starts.iter().cloned().chain(others).collect();
    problem.tune(&from, Effort::default()).map(|tuned| tuned.grid).map_err(|e| e.to_string())
}

impl Schedules {
    /// Labels of the rows.
    pub(crate) fn rows(&self) -> Vec<String> {
        let rules = self.options.rules.iter().map(|(label, _)| label.clone());
        rules.chain(["optimum".into()]).collect()
    }

    /// The sampler and the length of a column.
    pub(crate) fn head(&self, column: usize) -> (&NamedSampler, Length) {
        let lengths = &self.options.lengths;
        (&self.options.samplers[column / lengths.len()], lengths[column % lengths.len()])
    }

    /// The row with the smallest error beside the optimum.
    pub(crate) fn best(&self, column: usize) -> Option<usize> {
        let results = self.columns[column].iter().enumerate().take(self.options.rules.len());
        let finite = results.filter_map(|(i, r)| Some((i, r.as_ref().ok()?.error)));
        let best = finite.filter(|(_, e)| e.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(i, _)| i)
    }
}
