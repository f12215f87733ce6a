//! What a sampler does with the network of a finite training set.

use crate::experiment::{OfTrainingSet, Run, Setting, TrainingSetErrors};
use crate::metric::Value;
use crate::report::{Align, Cell, Column, Field, Records, Report, Row, Style, Table, number};
use serde_json::json;

impl TrainingSetErrors {
    /// The errors in all formats.
    pub fn report(&self) -> impl Report + '_ {
        TrainingSetReport(self)
    }

    /// Key, words and value of every number.
    fn lines(&self) -> Vec<(&'static str, &'static str, Value)> {
        let value = |v| Value::new(v, None);
        match &self.errors {
            OfTrainingSet::Expected(e) => vec![
                ("w2", "W2, expected over training sets", value(e.w2)),
                ("training_set", "training set alone (fine steps)", value(e.training_set)),
                ("sampler_alone", "sampler alone (exact network)", value(e.sampler)),
                ("second_order", "W2 by second order in 1/sqrt(n)", value(e.second_order)),
            ],
            OfTrainingSet::Drawn { w2, score } => vec![
                ("w2", "W2 to the data", w2.value()),
                ("w2_mean", "of the means", value(w2.mean)),
                ("w2_cov", "of the covariances", value(w2.covariance)),
                ("score", "score approximation alone, at eps", score.value()),
            ],
        }
    }
}

/// What was evaluated, in words.
pub(super) fn head(setting: &Setting, run: &Run, init: &str) -> Vec<Row> {
    let words = |name: &str, text: String| Row::new([Cell::text(name), Cell::text(text)]);
    let (s, grid) = (&setting.spectrum, &run.grid);
    let times = format!("{}, t from {} to {}", setting.rule_label, grid.start().t, grid.end().t);
    vec![
        words("sampler", run.sampler.clone()),
        words("network", setting.network.label.clone()),
        words("spectrum", format!("{} (d = {})", s.name(), s.dim())),
        words("process", setting.process_label.clone()),
        words("grid", times),
        words("init", init.into()),
        words("steps", grid.step_count().to_string()),
        words("NFE", run.plan.nfe().to_string()),
    ]
}

struct TrainingSetReport<'a>(&'a TrainingSetErrors);

impl Report for TrainingSetReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let TrainingSetErrors { setting, init_label, run, samples, errors } = self.0;
        let s = &setting.spectrum;
        let ratio = *samples as f64 / s.dim();
        let mut rows = head(setting, run, init_label);
        let per_dimension = Style::Significant(3).label(ratio);
        let size = format!("{samples}, {} per dimension", per_dimension.plain());
        rows.insert(2, Row::new([Cell::text("samples"), Cell::text(size)]));
        for (place, (_, name, value)) in self.0.lines().into_iter().enumerate() {
            let value = Cell::number(value.value, Style::Significant(6));
            rows.push(Row { rule_above: place == 0, cells: vec![Cell::text(name), value] });
        }
        let notes = match errors {
            OfTrainingSet::Expected(_) => vec![
                "expected: the square root of the mean of W2 squared over training sets; their mean is taken as known".into(),
                "with fine steps to about 1/d^2 at any n; what coarse steps add is exact to the second order in 1/sqrt(n) only (see docs/networks.md)".into(),
            ],
            OfTrainingSet::Drawn { .. } => vec![
                "one training set, drawn from its seed, by dense matrices: another differs by about 1/d in W2 squared".into(),
            ],
        };
        vec![Table {
            title: format!("{} on {}", run.sampler, s.name()),
            columns: vec![Column::new("", Align::Left), Column::new("value", Align::Right)],
            rows,
            notes,
        }]
    }

    fn records(&self) -> Records {
        let TrainingSetErrors { init_label, run, samples, .. } = self.0;
        let mut columns: Vec<String> =
            ["sampler", "init", "eps", "steps", "nfe", "samples"].map(String::from).into();
        let mut row = vec![
            Field::Text(run.sampler.clone()),
            Field::Text(init_label.clone()),
            Field::Number(run.grid.end().t),
            Field::Count(run.grid.step_count() as u64),
            Field::Count(run.plan.nfe() as u64),
            Field::Count(*samples as u64),
        ];
        for (key, _, value) in self.0.lines() {
            columns.push(key.into());
            row.push(Field::Number(value.value));
        }
        Records { columns, rows: vec![row] }
    }

    fn json(&self) -> serde_json::Value {
        let TrainingSetErrors { setting, init_label, run, samples, errors } = self.0;
        let mut document = setting.json();
        document.insert("command".into(), json!("eval"));
        document.insert("sampler".into(), json!(run.sampler));
        document.insert("init".into(), json!(init_label));
        document.insert("eps".into(), json!(run.grid.end().t));
        document.insert("steps".into(), json!(run.grid.step_count()));
        document.insert("nfe".into(), json!(run.plan.nfe()));
        document.insert("samples".into(), json!(samples));
        document.insert("expected".into(), json!(matches!(errors, OfTrainingSet::Expected(_))));
        for (key, _, value) in self.0.lines() {
            document.insert(key.into(), number(value.value));
        }
        document.into()
    }
}
