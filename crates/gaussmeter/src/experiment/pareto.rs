use super::modes::evenly;
use super::trial::{
    COLUMNS, Names, Place, Trial, failures, fields, infinite, is_interrupted, reason, shared_json,
    trial_json, trials,
};
use super::{ExperimentError, NamedSampler};
use crate::entry::Named;
use crate::exact::Init;
use crate::metric::{Metric, MetricName};
use crate::report::{
    self, Align, Axis, Cell, Column, Field, Figure, Forms, Label, Records, Row, Style, Table,
};
use crate::watch::Watch;
use serde_json::json;

/// Error against network evaluations, and the trials that no other one beats in both.
#[derive(Debug)]
pub struct Pareto {
    places: Vec<Place>,
    budgets: Vec<usize>,
    init_label: String,
    metric: &'static str,
    metric_name: MetricName,
    /// By place, by sampler, by budget. Budgets that come to the same run are told once.
    pub trials: Vec<Trial>,
    /// Per trial: whether it is on the Pareto front.
    pub front: Vec<bool>,
}

/// What differs by less counts as equal.
const EQUAL: f64 = 1e-9;

/// Runs all samplers at all places within all budgets, and marks the Pareto front.
/// Where `watch` stops it, that of the trials made until then.
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

    /// The comparison in all formats. The table of errors shows at most `columns` budgets, evenly
    /// chosen (0 for all); the front, figure, CSV and JSON have all.
    pub fn report(&self, columns: usize) -> Forms {
        Forms {
            tables: vec![self.front_table(), self.error_table(columns)],
            figures: vec![self.figure()],
            records: self.records(),
            json: self.json(),
            ..Forms::default()
        }
    }

    /// Name of the value in CSV and JSON: `w2`, `kl_forward`, …
    fn value_name(&self) -> String {
        self.metric.replace('-', "_")
    }

    fn subject(&self) -> String {
        let data = &self.places[0].setting.spectrum;
        let shared = Names::of(&self.places).shared();
        format!("{} (d = {}){shared}, init {}", data.name(), data.dim(), self.init_label)
    }

    /// The trials of the front, by evaluations.
    fn on_front(&self) -> Vec<&Trial> {
        let on_front = self.trials.iter().zip(&self.front).filter(|(_, f)| **f).map(|(t, _)| t);
        let mut on_front: Vec<&Trial> = on_front.collect();
        on_front.sort_by_key(|t| t.result.as_ref().map_or(0, |o| o.nfe));
        on_front
    }

    fn front_table(&self) -> Table {
        let names = Names::of(&self.places);
        let mut columns = vec![
            Column::new("NFE", Align::Right),
            Column::new(self.metric_name.label(), Align::Right),
            Column::new("sampler", Align::Left),
        ];
        for (differs, label) in [(names.has_rules, "grid"), (names.has_processes, "process")] {
            if differs {
                columns.push(Column::new(label, Align::Left));
            }
        }
        columns.push(Column::new("steps", Align::Right));
        let row = |trial: &&Trial| {
            let outcome = trial.result.as_ref().ok()?;
            let count = |n: usize| Cell::number(n as f64, Style::Integer);
            let mut cells = vec![
                count(outcome.nfe),
                Cell::number(outcome.value.value, Style::Significant(4)),
                Cell::text(trial.sampler.as_str()),
            ];
            for (differs, label) in [
                (names.has_rules, names.rule(trial.place)),
                (names.has_processes, names.process(trial.place)),
            ] {
                if differs {
                    cells.push(Cell::text(label));
                }
            }
            cells.push(count(outcome.steps));
            Some(Row::new(cells))
        };
        Table {
            title: format!(
                "Pareto front of {} against network evaluations (NFE) on {}",
                self.metric_name.label().plain(),
                self.subject()
            ),
            columns,
            rows: self.on_front().iter().filter_map(row).collect(),
            notes: vec![
                "every other run has a larger error, or as large a one with more evaluations"
                    .into(),
            ],
        }
    }

    /// The runs of each configuration, in order.
    fn configurations(&self) -> impl Iterator<Item = &[Trial]> {
        self.trials.chunk_by(|a, b| a.place == b.place && a.sampler == b.sampler)
    }

    fn error_table(&self, most: usize) -> Table {
        let names = Names::of(&self.places);
        let chosen: Vec<usize> =
            evenly(self.budgets.len(), most).into_iter().map(|i| self.budgets[i]).collect();
        let mut columns = vec![Column::new("sampler", Align::Left)];
        columns.extend(chosen.iter().map(|b| Column::new(format!("NFE {b}"), Align::Right)));
        let mut rows = Vec::new();
        let mut spent = Vec::new();
        let mut first = 0;
        for runs in self.configurations() {
            let on_front = &self.front[first..first + runs.len()];
            first += runs.len();
            let name = names.full(&runs[0].sampler, runs[0].place);
            let mut differs = false;
            let cell = |budget: &usize| {
                // The run of the largest budget up to this one: later ones allowed the same steps.
                let found = runs.iter().zip(on_front).rev().find(|(t, _)| t.budget <= *budget);
                let Some((Trial { result: Ok(outcome), .. }, best)) = found else {
                    return (Cell::Empty, None);
                };
                let value = outcome.value.value;
                let cell = Cell::Number { value, style: Style::Short, best: *best };
                (cell, Some(outcome.nfe))
            };
            let cells: Vec<(Cell, Option<usize>)> = chosen.iter().map(cell).collect();
            for ((_, nfe), budget) in cells.iter().zip(&chosen) {
                differs |= nfe.is_some_and(|nfe| nfe != *budget);
            }
            if differs {
                let list: Vec<String> =
                    cells.iter().map(|(_, n)| n.map_or("-".into(), |n| n.to_string())).collect();
                spent.push(format!("{name} spends {} network evaluations", list.join(", ")));
            }
            let cells = cells.into_iter().map(|(cell, _)| cell);
            rows.push(Row::new(
                std::iter::once(Cell::text(name.as_str())).chain(cells).collect::<Vec<_>>(),
            ));
        }
        let mut notes = vec!["marked values are on the Pareto front".to_string()];
        if chosen.len() < self.budgets.len() {
            notes.push(format!(
                "{} of {} budgets shown; --columns changes that, csv and json have all",
                chosen.len(),
                self.budgets.len()
            ));
        }
        notes.extend(spent);
        notes.extend(infinite(&self.trials, &names));
        notes.extend(failures(&self.trials, &names, &self.budgets));
        Table {
            title: format!(
                "{} within budgets of network evaluations",
                self.metric_name.label().plain()
            ),
            columns,
            rows,
            notes,
        }
    }

    fn figure(&self) -> Figure {
        let names = Names::of(&self.places);
        let point = |t: &Trial| t.result.as_ref().ok().map(|o| (o.nfe as f64, o.value.value));
        let mut curves: Vec<report::Curve> = self
            .configurations()
            .map(|runs| report::Curve {
                name: names.full(&runs[0].sampler, runs[0].place).into(),
                dashed: false,
                points: runs.iter().filter_map(point).collect(),
            })
            .filter(|curve| !curve.points.is_empty())
            .collect();
        let mut front: Vec<(f64, f64)> = self.on_front().iter().filter_map(|t| point(t)).collect();
        front.dedup();
        curves.push(report::Curve { name: "Pareto front".into(), dashed: true, points: front });
        let is_signed = curves.iter().flat_map(|c| &c.points).any(|(_, error)| *error < 0.0);
        let caption = format!(
            "{} to the data against network evaluations: {}.",
            self.metric_name.label().latex(),
            Label::new(self.subject()).latex()
        );
        Figure {
            title: Label::new(format!(
                "{} against NFE, {}",
                self.metric_name.label().plain(),
                self.subject()
            ))
            .with_latex(caption),
            x: Axis { label: "network evaluations".into(), log: true },
            y: Axis {
                label: Label::new(format!("{} to the data", self.metric_name.label().plain()))
                    .with_latex(format!("{} to the data", self.metric_name.label().latex())),
                log: !is_signed,
            },
            curves,
            notes: infinite(&self.trials, &names)
                .into_iter()
                .chain(failures(&self.trials, &names, &self.budgets))
                .collect(),
        }
    }

    fn records(&self) -> Records {
        let row = |(trial, on_front): (&Trial, &bool)| {
            let mut row = fields(trial, &self.places);
            row.extend(match &trial.result {
                Ok(outcome) => [
                    Field::Number(outcome.value.value),
                    Field::Text(if *on_front { "yes" } else { "no" }.into()),
                    Field::Missing,
                ],
                Err(error) => [Field::Missing, Field::Missing, Field::Text(reason(error))],
            });
            row
        };
        let more = [self.value_name(), "front".into(), "reason".into()];
        Records {
            columns: COLUMNS.into_iter().map(String::from).chain(more).collect(),
            rows: self.trials.iter().zip(&self.front).map(row).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let trial = |(t, on_front): (&Trial, &bool)| {
            let mut document = trial_json(t, &self.places, &self.value_name());
            if t.result.is_ok() {
                document["front"] = json!(on_front);
            }
            document
        };
        let all = self.trials.iter().zip(&self.front);
        let (ran, failed): (Vec<_>, Vec<_>) = all.partition(|(t, _)| t.result.is_ok());
        let mut document = shared_json(&self.places);
        document.insert("command".into(), json!("pareto"));
        document.insert("metric".into(), json!(self.metric));
        document.insert("init".into(), json!(self.init_label));
        document.insert("points".into(), ran.into_iter().map(trial).collect());
        document.insert("failures".into(), failed.into_iter().map(trial).collect());
        document.into()
    }
}
