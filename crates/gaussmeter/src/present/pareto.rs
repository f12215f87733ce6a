//! Error against network evaluations.

use super::trials::{COLUMNS, Names, failures, fields, infinite, reason, shared_json, trial_json};
use super::value_name;
use crate::experiment::{Pareto, Trial};
use crate::numeric::evenly;
use crate::report::{
    Align, Axis, Cell, Column, Field, Figure, Label, Panel, Records, Report, Row, Series, Style,
    Table,
};
use serde_json::json;

impl Pareto {
    /// Budgets that people see, unless they ask for others.
    pub const COLUMNS: usize = 6;

    /// The comparison in all formats. The table of errors shows at most `columns` budgets, evenly
    /// chosen (0 for all); the front, figure, CSV and JSON have all.
    pub fn report(&self, columns: usize) -> impl Report {
        ParetoReport { pareto: self, columns }
    }
}

struct ParetoReport<'a> {
    pareto: &'a Pareto,
    columns: usize,
}

impl Report for ParetoReport<'_> {
    fn tables(&self) -> Vec<Table> {
        vec![self.pareto.front_table(), self.pareto.error_table(self.columns)]
    }
    fn figures(&self) -> Vec<Figure> {
        vec![self.pareto.figure()]
    }
    fn is_figure(&self) -> bool {
        true
    }
    fn records(&self) -> Records {
        self.pareto.records()
    }
    fn json(&self) -> serde_json::Value {
        self.pareto.json()
    }
}

impl Pareto {
    fn subject(&self) -> String {
        let data = &self.places[0].setting.spectrum;
        let shared = Names::of(&self.places).shared();
        format!("{} (d = {}){shared}, init {}", data.name(), data.dim(), self.init_label)
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
                "no other run has a smaller error with as many evaluations, or an error as small with fewer"
                    .into(),
            ],
        }
    }

    fn error_table(&self, most: usize) -> Table {
        let names = Names::of(&self.places);
        let chosen: Vec<usize> =
            evenly(self.budgets.len(), most).into_iter().map(|i| self.budgets[i]).collect();
        let mut columns = vec![Column::new("sampler", Align::Left)];
        columns
            .extend(chosen.iter().map(|b| Column::new(format!("NFE {b}"), Align::Right).ranked()));
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
        let mut series: Vec<Series> = self
            .configurations()
            .map(|runs| {
                let name = names.full(&runs[0].sampler, runs[0].place);
                Series::line(name, runs.iter().filter_map(point).collect())
            })
            .filter(|series| !series.marks.is_empty())
            .collect();
        let mut front: Vec<(f64, f64)> = self.on_front().iter().filter_map(|t| point(t)).collect();
        front.dedup();
        let is_signed = front.iter().any(|(_, error)| *error < 0.0);
        series.push(Series::line("Pareto front", front).as_reference());
        let caption = format!(
            "{} to the data against network evaluations: {}.",
            self.metric_name.label().latex(),
            Label::new(self.subject()).latex()
        );
        let title = format!("{} against NFE, {}", self.metric_name.label().plain(), self.subject());
        let measured = Label::new(format!("{} to the data", self.metric_name.label().plain()))
            .with_latex(format!("{} to the data", self.metric_name.label().latex()));
        let panel = Panel {
            x: Axis::log("network evaluations"),
            y: Axis::log_unless(is_signed, measured),
            series,
            ..Panel::default()
        };
        let failed = failures(&self.trials, &names, &self.budgets);
        Figure {
            notes: infinite(&self.trials, &names).into_iter().chain(failed).collect(),
            ..Figure::of(Label::new(title).with_latex(caption), panel)
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
        let more = [value_name(self.metric), "front".into(), "reason".into()];
        Records {
            columns: COLUMNS.into_iter().map(String::from).chain(more).collect(),
            rows: self.trials.iter().zip(&self.front).map(row).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let trial = |(t, on_front): (&Trial, &bool)| {
            let mut document = trial_json(t, &self.places, &value_name(self.metric));
            if t.result.is_ok() {
                document["front"] = json!(on_front);
            }
            document
        };
        let all = self.trials.iter().zip(&self.front);
        let (ran, failed): (Vec<_>, Vec<_>) = all.partition(|(t, _)| t.result.is_ok());
        let mut document = shared_json(&self.places);
        document.insert("command".into(), json!("pareto"));
        if self.is_interrupted() {
            document.insert("interrupted".into(), json!(true));
        }
        document.insert("metric".into(), json!(self.metric));
        document.insert("init".into(), json!(self.init_label));
        document.insert("points".into(), ran.into_iter().map(trial).collect());
        document.insert("failures".into(), failed.into_iter().map(trial).collect());
        document.into()
    }
}
