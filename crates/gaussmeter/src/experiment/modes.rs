use super::eval::{contribution, mode_json};
use super::{ExperimentError, Length, NamedSampler, Run, Setting};
use crate::exact::{Init, Law, LawMode, Output, Target};
use crate::report::{Align, Cell, Column, Field, Records, Report, Row, Style, Table, number};
use rayon::prelude::*;
use serde_json::json;

/// The error of samplers per eigenvalue: how it depends on the data.
#[derive(Debug)]
pub struct ModeErrors {
    setting: Setting,
    init_label: String,
    /// Each sampler on its grid, with the law of its output.
    pub runs: Vec<(Run, Law)>,
}

/// Computes the laws of several samplers on the same data.
///
/// # Errors
/// [`ExperimentError`]
pub fn mode_errors(
    setting: &Setting,
    samplers: &[NamedSampler],
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
) -> Result<ModeErrors, ExperimentError> {
    if samplers.is_empty() {
        return Err(ExperimentError::Empty { what: "sampler" });
    }
    let init = setting.init(init)?;
    let runs = samplers
        .par_iter()
        .map(|sampler| {
            let run = setting.run(sampler, length, eps)?;
            let law = Output::of(&run.plan, &setting.spectrum).law(&init, Target::Data);
            Ok((run, law))
        })
        .collect::<Result<_, ExperimentError>>()?;
    Ok(ModeErrors { setting: setting.clone(), init_label: init_label.into(), runs })
}

/// √v/√λ − 1: relative error of the standard deviation; infinite where only λ is 0.
fn std_error(m: &LawMode) -> f64 {
    match (m.variance, m.target_variance) {
        (v, l) if v == l => 0.0,
        (v, l) => (v / l).sqrt() - 1.0,
    }
}

impl ModeErrors {
    /// The errors in all formats. People see at most `rows` eigenvalues, evenly chosen; CSV and
    /// JSON have all.
    pub fn report(&self, rows: usize) -> Report {
        Report {
            tables: vec![self.table(rows)],
            records: self.records(),
            json: self.json(),
            ..Report::default()
        }
    }

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
            "std error: relative error of the standard deviation, sqrt(v/λ) - 1; share: of W2²"
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
                "Error per eigenvalue on {}, init {}",
                self.setting.spectrum.name(),
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
        let mode = |m: &LawMode| {
            let mut mode = mode_json(m);
            mode["std_error"] = number(std_error(m));
            mode
        };
        let run = |(run, law): &(Run, Law)| {
            json!({
                "sampler": run.sampler,
                "eps": run.grid.end().t,
                "steps": run.grid.step_count(),
                "nfe": run.plan.nfe(),
                "modes": law.modes.iter().map(mode).collect::<Vec<_>>(),
            })
        };
        let mut document = self.setting.json();
        document.insert("command".into(), json!("modes"));
        document.insert("init".into(), json!(self.init_label));
        document.insert("samplers".into(), self.runs.iter().map(run).collect());
        document.into()
    }
}

/// At most `rows` indices below `len` (0: all), evenly spaced, first and last included.
pub(super) fn evenly(len: usize, rows: usize) -> Vec<usize> {
    match rows {
        _ if len <= rows => (0..len).collect(),
        0 => (0..len).collect(),
        1 => vec![0],
        _ => (0..rows).map(|k| k * (len - 1) / (rows - 1)).collect(),
    }
}
