use super::trial::{
    COLUMNS, Names, Outcome, Place, Trial, failures, fields, infinite, is_interrupted, reason,
    shared_json, trial_json, trials,
};
use super::{ExperimentError, NamedSampler};
use crate::entry::Named;
use crate::exact::Init;
use crate::metric::{Metric, MetricName};
use crate::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table};
use crate::watch::Watch;
use serde_json::json;

/// Samplers at one budget of network evaluations, the best first.
#[derive(Debug)]
pub struct Ranking {
    places: Vec<Place>,
    init_label: String,
    metric: &'static str,
    metric_name: MetricName,
    budget: usize,
    /// By the size of the error; then those that cannot run.
    pub trials: Vec<Trial>,
}

/// Ranks samplers at places by their error within `nfe` network evaluations. Where `watch` stops it,
/// those that had been tried until then.
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

    /// The ranking in all formats.
    pub fn report(&self) -> Forms {
        Forms {
            tables: vec![self.table()],
            records: self.records(),
            json: self.json(),
            ..Forms::default()
        }
    }

    /// Name of the value in CSV and JSON: `w2`, `kl_forward`, …
    fn value_name(&self) -> String {
        self.metric.replace('-', "_")
    }

    fn table(&self) -> Table {
        let names = Names::of(&self.places);
        let measured = self.metric_name.label();
        let mut columns =
            vec![Column::new("rank", Align::Right), Column::new("sampler", Align::Left)];
        for (differs, label) in [(names.has_rules, "grid"), (names.has_processes, "process")] {
            if differs {
                columns.push(Column::new(label, Align::Left));
            }
        }
        for label in [measured, "steps".into(), "NFE".into()] {
            columns.push(Column::new(label, Align::Right));
        }
        let ran = self.trials.iter().filter_map(|t| Some((t, t.result.as_ref().ok()?)));
        let row = |(index, (trial, outcome)): (usize, (&Trial, &Outcome))| {
            let count = |n: usize| Cell::number(n as f64, Style::Integer);
            let mut cells = vec![count(index + 1), Cell::text(trial.sampler.as_str())];
            for (differs, label) in [
                (names.has_rules, names.rule(trial.place)),
                (names.has_processes, names.process(trial.place)),
            ] {
                if differs {
                    cells.push(Cell::text(label));
                }
            }
            cells.push(Cell::number(outcome.value.value, Style::Significant(4)));
            cells.extend([count(outcome.steps), count(outcome.nfe)]);
            Row::new(cells)
        };
        let rows = ran.enumerate().map(row).collect();
        let notes = infinite(&self.trials, &names).into_iter().chain(failures(
            &self.trials,
            &names,
            &[self.budget],
        ));
        let data = &self.places[0].setting.spectrum;
        let title = format!(
            "Samplers by {} within {} network evaluations (NFE) on {} (d = {}){}, init {}",
            self.metric_name.title,
            self.budget,
            data.name(),
            data.dim(),
            names.shared(),
            self.init_label
        );
        Table { title, columns, rows, notes: notes.collect() }
    }

    fn records(&self) -> Records {
        let row = |(index, trial): (usize, &Trial)| {
            let mut row = fields(trial, &self.places);
            row.insert(
                0,
                match trial.result.is_ok() {
                    true => Field::Count(index as u64 + 1),
                    false => Field::Missing,
                },
            );
            row.extend(match &trial.result {
                Ok(outcome) => [Field::Number(outcome.value.value), Field::Missing],
                Err(error) => [Field::Missing, Field::Text(reason(error))],
            });
            row
        };
        Records {
            columns: ["rank"]
                .into_iter()
                .chain(COLUMNS)
                .map(String::from)
                .chain([self.value_name(), "reason".into()])
                .collect(),
            rows: self.trials.iter().enumerate().map(row).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let trial = |t: &Trial| trial_json(t, &self.places, &self.value_name());
        let (ran, failed): (Vec<_>, Vec<_>) = self.trials.iter().partition(|t| t.result.is_ok());
        let mut document = shared_json(&self.places);
        document.insert("command".into(), json!("rank"));
        document.insert("metric".into(), json!(self.metric));
        document.insert("init".into(), json!(self.init_label));
        document.insert("budget".into(), json!(self.budget));
        document.insert("ranking".into(), ran.into_iter().map(trial).collect());
        document.insert("failures".into(), failed.into_iter().map(trial).collect());
        document.into()
    }
}
