//! The error per eigenvalue.

use super::eval::mode_json;
use crate::exact::{Law, LawMode};
use crate::experiment::{ModeErrors, Run, contribution, std_error};
use crate::numeric::evenly;
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use serde_json::json;

impl ModeErrors {
    /// Eigenvalues that people see, unless they ask for others.
    pub const ROWS: usize = 25;

    /// The errors in all formats. People see at most `rows` eigenvalues, evenly chosen; CSV and
    /// JSON have all.
    pub fn report(&self, rows: usize) -> impl Report {
        ModesReport { errors: self, rows }
    }
}

struct ModesReport<'a> {
    errors: &'a ModeErrors,
    rows: usize,
}

impl Report for ModesReport<'_> {
    fn tables(&self) -> Vec<Table> {
        vec![self.errors.table(self.rows)]
    }
    fn figures(&self) -> Vec<Figure> {
        vec![self.errors.figure()]
    }
    fn records(&self) -> Records {
        self.errors.records()
    }
    fn json(&self) -> serde_json::Value {
        self.errors.json()
    }
}

impl ModeErrors {
    fn table(&self, rows: usize) -> Table {
        let mut columns = vec![
            Column::new("eigenvalue", Align::Right),
            Column::new("multiplicity", Align::Right),
        ];
        for (run, _) in &self.runs {
            for label in ["std error", "share"] {
                columns.push(Column::new(label, Align::Right).in_group(run.sampler.as_str()));
            }
        }
        let totals: Vec<f64> =
            self.runs.iter().map(|(_, law)| law.modes.iter().map(contribution).sum()).collect();
        let modes = self.setting.spectrum.modes();
        let chosen = evenly(modes.len(), rows);
        let row = |&i: &usize| {
            let mut cells = vec![
                Cell::number(modes[i].eigenvalue, Style::Significant(4)),
                Cell::number(modes[i].multiplicity, Style::Significant(4)),
            ];
            for ((_, law), total) in self.runs.iter().zip(&totals) {
                let share = match contribution(&law.modes[i]) {
                    0.0 => 0.0,
                    c if c.is_infinite() => 1.0,
                    c => c / total,
                };
                cells.push(Cell::number(std_error(&law.modes[i]), Style::Significant(4)));
                cells.push(Cell::number(share, Style::Significant(3)));
            }
            Row::new(cells)
        };
        let mut notes = vec![
            "std error: relative error of the standard deviation, sqrt(v/λ) - 1; share: fraction of W2²"
                .into(),
        ];
        if chosen.len() < modes.len() {
            notes.push(format!(
                "{} of {} distinct eigenvalues shown; --rows changes that, csv and json have all",
                chosen.len(),
                modes.len()
            ));
        }
        let spent: Vec<String> =
            self.runs.iter().map(|(r, _)| format!("{} {}", r.sampler, r.plan.nfe())).collect();
        notes.push(format!("network evaluations: {}", spent.join(", ")));
        for (run, law) in &self.runs {
            notes.extend(law.infinite.map(|r| format!("{} is infinite: {r}", run.sampler)));
        }
        Table {
            title: format!(
                "Error per eigenvalue on {}{}, init {}",
                self.setting.spectrum.name(),
                self.setting.with_network(),
                self.init_label
            ),
            columns,
            rows: chosen.iter().map(row).collect(),
            notes,
        }
    }

    fn records(&self) -> Records {
        let columns = [
            "sampler",
            "steps",
            "nfe",
            "eigenvalue",
            "multiplicity",
            "gain",
            "mean",
            "variance",
            "std_error",
            "contribution",
        ];
        let mut rows = Vec::new();
        for (run, law) in &self.runs {
            for m in &law.modes {
                let mut row = vec![
                    Field::Text(run.sampler.clone()),
                    Field::Count(run.grid.step_count() as u64),
                    Field::Count(run.plan.nfe() as u64),
                ];
                row.extend(
                    [
                        m.eigenvalue,
                        m.multiplicity,
                        m.gain,
                        m.mean,
                        m.variance,
                        std_error(m),
                        contribution(m),
                    ]
                    .map(Field::Number),
                );
                rows.push(row);
            }
        }
        Records { columns: columns.map(String::from).into(), rows }
    }

    fn json(&self) -> serde_json::Value {
        let run = |(run, law): &(Run, Law)| {
            json!({
                "sampler": run.sampler,
                "eps": run.grid.end().t,
                "steps": run.grid.step_count(),
                "nfe": run.plan.nfe(),
                "modes": law.modes.iter().map(mode_error_json).collect::<Vec<_>>(),
            })
        };
        let mut document = self.setting.json();
        document.insert("command".into(), json!("modes"));
        document.insert("init".into(), json!(self.init_label));
        document.insert("samplers".into(), self.runs.iter().map(run).collect());
        document.into()
    }
}

/// A mode with the error of its standard deviation.
pub(super) fn mode_error_json(m: &LawMode) -> serde_json::Value {
    let mut mode = mode_json(m);
    mode["std_error"] = number(std_error(m));
    mode
}
