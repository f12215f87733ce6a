//! Samplers at one budget.

use super::trials::{COLUMNS, Names, failures, fields, infinite, reason, shared_json, trial_json};
use super::value_name;
use crate::experiment::{Outcome, Ranking, Trial};
use crate::report::{Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table};
use serde_json::json;

impl Ranking {
    /// The ranking in all formats.
    pub fn report(&self) -> impl Report {
        self
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
        columns.push(Column::new(measured, Align::Right).ranked());
        columns.extend(["steps", "NFE"].map(|label| Column::new(label, Align::Right)));
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
        Table { title: self.title(), columns, rows, notes: notes.collect() }
    }

    pub(super) fn title(&self) -> String {
        let data = &self.places[0].setting.spectrum;
        format!(
            "Samplers by {} within {} network evaluations (NFE) on {} (d = {}){}, init {}",
            self.metric_name.title,
            self.budget,
            data.name(),
            data.dim(),
            Names::of(&self.places).shared(),
            self.init_label
        )
    }
}

impl Report for Ranking {
    fn tables(&self) -> Vec<Table> {
        vec![self.table()]
    }

    fn figures(&self) -> Vec<Figure> {
        vec![self.figure()]
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
                .chain([value_name(self.metric), "reason".into()])
                .collect(),
            rows: self.trials.iter().enumerate().map(row).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let trial = |t: &Trial| trial_json(t, &self.places, &value_name(self.metric));
        let (ran, failed): (Vec<_>, Vec<_>) = self.trials.iter().partition(|t| t.result.is_ok());
        let mut document = shared_json(&self.places);
        document.insert("command".into(), json!("rank"));
        document.insert("metric".into(), json!(self.metric));
        document.insert("init".into(), json!(self.init_label));
        document.insert("budget".into(), json!(self.budget));
        if self.is_interrupted() {
            document.insert("interrupted".into(), json!(true));
        }
        document.insert("ranking".into(), ran.into_iter().map(trial).collect());
        document.insert("failures".into(), failed.into_iter().map(trial).collect());
        document.into()
    }
}
