//! What came out of a training, in all formats.

use crate::evaluation::LevelResult;
use crate::trainer::{Ended, LogRow, Trainer};
use gaussmeter::experiment::SCHEMA;
use gaussmeter::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table, number};
use serde_json::{Value, json};

/// A training that has ended, and what its network is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// What it was trained on, in one line.
    pub data: String,
    /// Number of parameters.
    pub parameters: usize,
    /// Steps done, and to do.
    pub steps: [u64; 2],
    /// What its output means.
    pub parametrization: &'static str,
    /// How it ended.
    pub ended: Ended,
    /// How many of how many stored samples it was measured on, without being trained on them: 0 where there are too
    /// few to keep any, and it was measured on those that it was trained on.
    pub kept: Option<[usize; 2]>,
    /// The last row of the log.
    pub last: Option<LogRow>,
    /// The averaged network at every noise level.
    pub levels: Vec<LevelResult>,
}

impl Trainer<'_> {
    /// A summary, of a training that has ended so.
    ///
    /// # Errors
    /// As [`Trainer::measure`].
    pub fn summary(&self, ended: Ended) -> Result<Summary, crate::NetError> {
        Ok(Summary {
            data: self.data(),
            parameters: self.parameters(),
            steps: [self.steps(), self.options.steps],
            parametrization: self.parametrization.kind.name(),
            ended,
            kept: self.kept(),
            last: self.rows().last().cloned(),
            levels: self.measure()?,
        })
    }
}

impl Summary {
    /// Mean loss of the averaged network over its noise levels in units of the least possible one.
    pub fn multiple(&self) -> Option<f64> {
        let floor: f64 = self.levels.iter().map(|l| l.floor).sum::<Option<f64>>()?;
        let measured: f64 = self.levels.iter().map(|l| l.measured).sum();
        (floor > 0.0).then(|| 1.0 + measured / floor)
    }

    /// The summary in all formats.
    pub fn report(&self) -> Forms {
        let records = self.records();
        Forms { tables: vec![self.table()], records, json: self.json(), ..Forms::default() }
    }

    fn table(&self) -> Table {
        let has_floor = self.levels.iter().all(|l| l.floor.is_some());
        let labels = match has_floor {
            true => ["noise/signal", "floor", "above it", "in its units", "±"].to_vec(),
            false => ["noise/signal", "loss", "±"].to_vec(),
        };
        let figure = |value: f64| Cell::number(value, Style::Significant(4));
        let row = |l: &LevelResult| {
            let ratio = figure(l.noise_ratio);
            match (l.floor, l.multiple()) {
                (Some(floor), multiple) if has_floor => {
                    let [multiple, half] = multiple.unwrap_or([f64::INFINITY, 0.0]);
                    let half = Cell::number(half, Style::Significant(2));
                    let above = figure(multiple - 1.0);
                    Row::new([ratio, figure(floor), figure(l.measured), above, half])
                }
                _ => {
                    let half = Cell::number(l.half_width, Style::Significant(2));
                    Row::new([ratio, figure(l.measured), half])
                }
            }
        };
        let [done, all] = self.steps;
        let mut notes = Vec::new();
        match self.multiple() {
            Some(multiple) => notes.push(format!(
                "floor: the loss of the exact network, a square per value in units of the network's output; above it: E|F - F*|², also in units of the floor; ±: half of the 95% interval over held-out samples; all levels together {} of the floor above it",
                Style::Significant(3).label(multiple - 1.0).plain()
            )),
            None => notes.push(
                "the exact network of stored samples is not known: losses are of the samples themselves, in units of the network's output".into(),
            ),
        }
        match self.kept {
            None => {}
            Some([0, _]) => notes.push(
                "measured on the samples that it was trained on: there are too few to keep any from it".into(),
            ),
            Some([kept, of]) => notes.push(format!(
                "measured on {kept} of the {of} samples, on which it was not trained"
            )),
        }
        notes.push(format!(
            "{} parameters, {} samples per second",
            self.parameters,
            self.ended.examples_per_second.round()
        ));
        if self.ended.is_interrupted {
            notes.push(format!("interrupted after {done} of {all} steps"));
        }
        Table {
            title: format!("{} network after {done} steps on {}", self.parametrization, self.data),
            columns: labels.into_iter().map(|label| Column::new(label, Align::Right)).collect(),
            rows: self.levels.iter().map(row).collect(),
            notes,
        }
    }

    fn records(&self) -> Records {
        let columns = ["t", "noise_ratio", "floor", "measured", "half_width", "multiple"];
        let given = |value: Option<f64>| value.map_or(Field::Missing, Field::Number);
        let row = |l: &LevelResult| {
            vec![
                Field::Number(l.t),
                Field::Number(l.noise_ratio),
                given(l.floor),
                Field::Number(l.measured),
                Field::Number(l.half_width),
                given(l.multiple().map(|[multiple, _]| multiple)),
            ]
        };
        let rows = self.levels.iter().map(row).collect();
        Records { columns: columns.map(String::from).into(), rows }
    }

    fn json(&self) -> Value {
        let level = |l: &LevelResult| {
            json!({
                "t": number(l.t),
                "noise_ratio": number(l.noise_ratio),
                "floor": l.floor.map(number),
                "measured": number(l.measured),
                "half_width": number(l.half_width),
                "multiple": l.multiple().map(|[multiple, _]| number(multiple)),
            })
        };
        let [done, all] = self.steps;
        json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter-net ", env!("CARGO_PKG_VERSION")),
            "command": "train",
            "data": self.data,
            "parametrization": self.parametrization,
            "parameters": self.parameters,
            "steps": done,
            "steps_asked": all,
            "interrupted": self.ended.is_interrupted,
            "samples_kept": self.kept.map(|[kept, _]| kept),
            "loss": self.last.as_ref().map(|row| number(row.loss)),
            "floor": self.last.as_ref().and_then(|row| row.floor).map(number),
            "multiple": self.multiple().map(number),
            "levels": self.levels.iter().map(level).collect::<Vec<_>>(),
        })
    }
}

/// The log as CSV.
pub fn log(rows: &[LogRow]) -> String {
    let given = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let row = |r: &LogRow| {
        format!(
            "{},{},{},{},{},{}\n",
            r.step,
            r.loss,
            given(r.floor),
            r.measured,
            given(r.measured_floor),
            given(r.multiple())
        )
    };
    let rows: String = rows.iter().map(row).collect();
    format!("step,loss,floor,measured,measured_floor,multiple\n{rows}")
}
