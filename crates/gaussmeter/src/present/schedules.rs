//! Samplers on schedules.

use crate::experiment::{Length, NoResult, RANDOM, STARTS, ScheduleResult, Schedules};
use crate::report::{self, Align, Cell, Column, Field, Label, Records, Report, Row, Style, number};
use serde_json::json;

impl Schedules {
    /// The comparison in all formats.
    pub fn report(&self) -> impl Report {
        self
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
            "marked values are the smallest of their column, apart from the optimum".to_string(),
            format!(
                "optimum: the best of descents from the {STARTS} best schedules and {RANDOM} others; it starts at T, and the ratio of neighbouring sigma/alpha is at least {}",
                self.options.min_ratio
            ),
        ];
        if self.interrupted {
            notes.push(
                "interrupted: the schedules run so far, and the best optimum found so far".into(),
            );
        }
        let mut better: Vec<&str> = Vec::new();
        for results in &self.columns {
            let Some(Ok(optimum)) = results.last() else { continue };
            let is_better = |r: &Result<ScheduleResult, NoResult>| {
                r.as_ref().is_ok_and(|r| r.error < optimum.error * (1.0 - 1e-6))
            };
            let found = labels.iter().zip(results).filter(|(_, r)| is_better(r));
            better.extend(found.map(|(label, _)| label.as_str()));
        }
        better.sort_unstable();
        better.dedup();
        if !better.is_empty() {
            notes.push(format!(
                "better than the optimum in some column, because they start below T or have closer levels: {}",
                better.join(", ")
            ));
        }
        let mut reasons: Vec<String> = Vec::new();
        for results in &self.columns {
            for (label, result) in labels.iter().zip(results) {
                if let Err(reason) = result
                    && *reason != NoResult::Interrupted
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
        report::Table { title: self.title(), columns, rows, notes }
    }

    pub(super) fn title(&self) -> String {
        let s = &self.diffusion;
        format!(
            "{} of samplers on schedules, {} (d = {}), {}, init {}",
            self.options.objective.label,
            s.spectrum.name(),
            s.spectrum.dim(),
            s.process_label,
            self.options.init.0
        )
    }
}

impl Report for Schedules {
    fn tables(&self) -> Vec<report::Table> {
        vec![self.table()]
    }

    fn figures(&self) -> Vec<report::Figure> {
        vec![self.figure()]
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
                        "reason": reason.to_string(),
                    }),
                });
            }
        }
        document.insert("results".into(), results.into());
        document.into()
    }
}
