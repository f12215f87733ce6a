use super::{Diffusion, ExperimentError, Length, NamedRule, NamedSampler, Run};
use crate::design::{self, Effort, End, Problem, Space, Start};
use crate::entry::{EntryError, Named};
use crate::exact::Init;
use crate::grid::{self, Grid};
use crate::objective::Objective;
use crate::process::Process;
use crate::report::{self, Align, Cell, Column, Field, Forms, Label, Records, Row, Style, number};
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Errors of samplers on all schedules, and on the optimal one.
#[derive(Debug)]
pub struct Schedules {
    diffusion: Diffusion,
    options: ScheduleOptions,
    /// Whether it was stopped: some schedules may not have been run, and the optimum is the best so far.
    pub interrupted: bool,
    /// Per sampler, per length: a result per rule and that of the optimum, or why there is none.
    pub columns: Vec<Vec<Result<ScheduleResult, String>>>,
}

/// Random schedules to descend from, beside the best of those compared.
const RANDOM: usize = 7;
/// Starts of the optimum.
const STARTS: usize = 3;
/// Why a schedule has no result that there was no time for.
const NOT_RUN: &str = "not run: interrupted";

/// Compares schedules, in parallel over samplers and lengths. Where `watch` stops it, the result has what
/// was run until then.
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
) -> Result<Vec<Result<ScheduleResult, String>>, ExperimentError> {
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
        let sum = error(diffusion, sampler, objective, init, &run.grid)?;
        Ok(ScheduleResult {
            steps: run.grid.step_count(),
            nfe: run.plan.nfe(),
            error: objective.readable(sum),
            sigmas: run.grid.levels().iter().map(|l| l.noise_ratio()).collect(),
        })
    };
    let mut first_error = None;
    let mut results: Vec<Result<ScheduleResult, String>> = Vec::new();
    for run in &runs {
        results.push(match run {
            Ok(run) if steps.is_some_and(|steps| steps != run.grid.step_count()) => {
                Err(format!("has {} steps of its own", run.grid.step_count()))
            }
            Ok(run) => measure(run),
            Err(ExperimentError::Interrupted) => Err(NOT_RUN.into()),
            Err(error) => {
                first_error.get_or_insert_with(|| error.clone());
                Err(error.to_string())
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
        results.push(Err(NOT_RUN.into()));
        return Ok(results);
    }
    results.push(optimum(diffusion, options, sampler, &resolved, &starts, watch).and_then(
        |grid| {
            let plan = sampler.item.plan(&grid).map_err(|e| e.to_string())?;
            measure(&Run { sampler: sampler.label.clone(), grid, plan })
        },
    ));
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
        spectrum: &diffusion.spectrum,
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
    let problem =
        Problem { spectrum: data, sampler: &*sampler.item, init, objective, space: &space, watch };
    let others = design::starts(&space, data, RANDOM, 0).unwrap_or_default();
    let from: Vec<Grid> = starts.iter().cloned().chain(others).collect();
    problem.tune(&from, Effort::default()).map(|tuned| tuned.grid).map_err(|e| e.to_string())
}

impl Schedules {
    /// Labels of the rows.
    fn rows(&self) -> Vec<String> {
        let rules = self.options.rules.iter().map(|(label, _)| label.clone());
        rules.chain(["optimum".into()]).collect()
    }

    /// The sampler and the length of a column.
    fn head(&self, column: usize) -> (&NamedSampler, Length) {
        let lengths = &self.options.lengths;
        (&self.options.samplers[column / lengths.len()], lengths[column % lengths.len()])
    }

    /// The row with the smallest error beside the optimum.
    fn best(&self, column: usize) -> Option<usize> {
        let results = self.columns[column].iter().enumerate().take(self.options.rules.len());
        let finite = results.filter_map(|(i, r)| Some((i, r.as_ref().ok()?.error)));
        let best = finite.filter(|(_, e)| e.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(i, _)| i)
    }

    /// The comparison in all formats.
    pub fn report(&self) -> Forms {
        let tables = vec![self.table()];
        Forms { tables, records: self.records(), json: self.json(), ..Forms::default() }
    }

    fn table(&self) -> report::Table {
        let mut columns = vec![Column::new("schedule", Align::Left)];
        for c in 0..self.columns.len() {
            let (sampler, length) = self.head(c);
            let label = match length {
                Length::Nfe(n) => format!("NFE {n}"),
                other => other.to_string(),
            };
            columns.push(
                Column::new(label, Align::Right).in_group(Label::new(sampler.label.as_str())),
            );
        }
        let spent = |c: usize| self.columns[c].iter().flatten().next().map(|r| (r.steps, r.nfe));
        let mut rows = Vec::new();
        let labels = self.rows();
        for (r, label) in labels.iter().enumerate() {
            let mut cells = vec![Cell::text(label.as_str())];
            cells.extend((0..self.columns.len()).map(|c| match &self.columns[c][r] {
                Ok(result) => Cell::Number {
                    value: result.error,
                    style: Style::Significant(4),
                    best: self.best(c) == Some(r),
                },
                Err(_) => Cell::text("-"),
            }));
            rows.push(Row { rule_above: r + 1 == labels.len(), cells });
        }
        type Spent = fn((usize, usize)) -> usize;
        for (name, of) in [("steps", (|s| s.0) as Spent), ("network evaluations (NFE)", |s| s.1)] {
            let mut cells = vec![Cell::text(name)];
            cells.extend((0..self.columns.len()).map(|c| match spent(c) {
                Some(s) => Cell::number(of(s) as f64, Style::Integer),
                None => Cell::text("-"),
            }));
            rows.push(Row { rule_above: name == "steps", cells });
        }
        let mut notes = vec![
            "marked values are the smallest of their column beside the optimum".to_string(),
            format!(
                "optimum: descents from the best {STARTS} schedules and {RANDOM} others, from T, neighbouring sigma/alpha at least {} apart",
                self.options.min_ratio
            ),
        ];
        if self.interrupted {
            notes.push(
                "interrupted: what had been run until then, and the best optimum found".into(),
            );
        }
        let mut better: Vec<&str> = Vec::new();
        for results in &self.columns {
            let Some(Ok(optimum)) = results.last() else { continue };
            let is_better = |r: &Result<ScheduleResult, String>| {
                r.as_ref().is_ok_and(|r| r.error < optimum.error * (1.0 - 1e-6))
            };
            let found = labels.iter().zip(results).filter(|(_, r)| is_better(r));
            better.extend(found.map(|(label, _)| label.as_str()));
        }
        better.sort_unstable();
        better.dedup();
        if !better.is_empty() {
            notes.push(format!(
                "better than the optimum somewhere, since they start below T or have closer levels: {}",
                better.join(", ")
            ));
        }
        let mut reasons: Vec<String> = Vec::new();
        for results in &self.columns {
            for (label, result) in labels.iter().zip(results) {
                if let Err(reason) = result
                    && reason != NOT_RUN
                {
                    let note = format!("{label}: {reason}");
                    if !reasons.contains(&note) {
                        reasons.push(note);
                    }
                }
            }
        }
        notes.extend(reasons);
        for c in 0..self.columns.len() {
            for (label, result) in labels.iter().zip(&self.columns[c]) {
                if let (Ok(r), Some((_, nfe))) = (result, spent(c))
                    && r.nfe != nfe
                {
                    let (sampler, _) = self.head(c);
                    notes.push(format!("{} on {label} spends {} NFE", sampler.label, r.nfe));
                }
            }
        }
        let s = &self.diffusion;
        let title = format!(
            "{} of samplers on schedules, {} (d = {}), {}, init {}",
            self.options.objective.label,
            s.spectrum.name(),
            s.spectrum.dim(),
            s.process_label,
            self.options.init.0
        );
        report::Table { title, columns, rows, notes }
    }

    fn records(&self) -> Records {
        let names = ["sampler", "length", "schedule", "steps", "nfe", "error", "best"];
        let mut rows = Vec::new();
        let labels = self.rows();
        for (c, results) in self.columns.iter().enumerate() {
            let (sampler, length) = self.head(c);
            for (r, (label, result)) in labels.iter().zip(results).enumerate() {
                let mut row = vec![
                    Field::Text(sampler.label.clone()),
                    Field::Text(length.to_string()),
                    Field::Text(label.clone()),
                ];
                row.extend(match result {
                    Ok(x) => [
                        Field::Count(x.steps as u64),
                        Field::Count(x.nfe as u64),
                        Field::Number(x.error),
                    ],
                    Err(_) => [Field::Missing, Field::Missing, Field::Missing],
                });
                row.push(Field::Count(u64::from(self.best(c) == Some(r))));
                rows.push(row);
            }
        }
        Records { columns: names.map(String::from).into(), rows }
    }

    fn json(&self) -> serde_json::Value {
        let mut document = self.diffusion.json();
        document.insert("command".into(), json!("schedules"));
        document.insert("objective".into(), json!(self.options.objective.label));
        document.insert("init".into(), json!(self.options.init.0));
        document.insert("eps".into(), json!(self.options.eps));
        document.insert("min_ratio".into(), json!(self.options.min_ratio));
        document.insert("interrupted".into(), json!(self.interrupted));
        let labels = self.rows();
        let mut results = Vec::new();
        for (c, column) in self.columns.iter().enumerate() {
            let (sampler, length) = self.head(c);
            for (r, (label, result)) in labels.iter().zip(column).enumerate() {
                let (sampler, length) = (&sampler.label, length.to_string());
                results.push(match result {
                    Ok(x) => {
                        let sigmas: Vec<_> = x.sigmas.iter().map(|s| number(*s)).collect();
                        json!({
                            "sampler": sampler, "length": length, "schedule": label,
                            "steps": x.steps, "nfe": x.nfe, "error": number(x.error),
                            "best": self.best(c) == Some(r), "sigmas": sigmas,
                        })
                    }
                    Err(reason) => json!({
                        "sampler": sampler, "length": length, "schedule": label,
                        "reason": reason,
                    }),
                });
            }
        }
        document.insert("results".into(), results.into());
        document.into()
    }
}
