//! What a sampler does under guidance to a class with eigenvectors of its own.

use super::training_set::head;
use crate::experiment::GuidedErrors;
use crate::metric::Value;
use crate::report::{Align, Cell, Column, Field, Records, Report, Row, Style, Table, number};
use serde_json::json;

impl GuidedErrors {
    /// The errors in all formats.
    pub fn report(&self) -> impl Report + '_ {
        GuidedReport(self)
    }

    /// Key, words and value of every number.
    fn lines(&self) -> Vec<(&'static str, &'static str, Value)> {
        let value = |v| Value::new(v, None);
        let mut lines = vec![
            ("w2", "W2 to the class", self.w2.value()),
            ("w2_mean", "  of the means", value(self.w2.mean)),
            ("w2_cov", "  of the covariances", value(self.w2.covariance)),
            ("variance_ratio", "variance / the class's", value(self.variance)),
        ];
        if let Some(fine) = &self.fine {
            lines.extend([
                (
                    "continuous_variance_ratio",
                    "variance / the class's, fine solution",
                    value(fine.variance),
                ),
                ("continuous_w2", "W2 of the fine solution to the class", fine.w2.value()),
                ("w2_to_continuous", "W2 to the fine solution", fine.of_output.value()),
            ]);
        }
        if let Some(powered) = &self.powered {
            lines.push(("w2_powered", "W2 to the powered law", powered.value()));
        }
        lines.push((
            "turned",
            "share of the class's covariance off the data's eigenvectors",
            value(self.turned),
        ));
        lines
    }
}

struct GuidedReport<'a>(&'a GuidedErrors);

impl Report for GuidedReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let GuidedErrors { setting, init_label, run, fine, .. } = self.0;
        let mut rows = head(setting, run, init_label);
        for (place, (_, name, value)) in self.0.lines().into_iter().enumerate() {
            let value = Cell::number(value.value, Style::Significant(6));
            rows.push(Row { rule_above: place == 0, cells: vec![Cell::text(name), value] });
        }
        let mut notes = vec![
            "by dense matrices: class and data have eigenvectors of their own, so that there is no law per eigenvalue".to_string(),
        ];
        if let Some(fine) = fine {
            notes.push(format!(
                "fine solution: the ODE under guidance, from p_T of the class, in {} steps of DPM-Solver-3",
                fine.steps
            ));
        }
        vec![Table {
            title: format!("{} on {}", run.sampler, setting.spectrum.name()),
            columns: vec![Column::new("", Align::Left), Column::new("value", Align::Right)],
            rows,
            notes,
        }]
    }

    fn records(&self) -> Records {
        let GuidedErrors { init_label, run, .. } = self.0;
        let mut columns: Vec<String> =
            ["sampler", "init", "eps", "steps", "nfe"].map(String::from).into();
        let mut row = vec![
            Field::Text(run.sampler.clone()),
            Field::Text(init_label.clone()),
            Field::Number(run.grid.end().t),
            Field::Count(run.grid.step_count() as u64),
            Field::Count(run.plan.nfe() as u64),
        ];
        for (key, _, value) in self.0.lines() {
            columns.push(key.into());
            row.push(Field::Number(value.value));
        }
        Records { columns, rows: vec![row] }
    }

    fn json(&self) -> serde_json::Value {
        let GuidedErrors { setting, init_label, run, .. } = self.0;
        let mut document = setting.json();
        document.insert("command".into(), json!("eval"));
        document.insert("sampler".into(), json!(run.sampler));
        document.insert("init".into(), json!(init_label));
        document.insert("eps".into(), json!(run.grid.end().t));
        document.insert("steps".into(), json!(run.grid.step_count()));
        document.insert("nfe".into(), json!(run.plan.nfe()));
        document.insert("dense".into(), json!(true));
        for (key, _, value) in self.0.lines() {
            document.insert(key.into(), number(value.value));
        }
        document.into()
    }
}
