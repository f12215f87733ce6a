//! One configuration.

use super::levels::level_json;
use super::quadrature::spread_json;
use super::value_name;
use crate::exact::LawMode;
use crate::experiment::{Evaluation, Measured, contribution};
use crate::metric::Value;
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use crate::spectrum::Spread;
use serde_json::json;

impl Evaluation {
    /// The evaluation in all formats; `with_modes` adds one line per distinct eigenvalue.
    pub fn report(&self, with_modes: bool) -> impl Report {
        EvaluationReport { evaluation: self, with_modes }
    }
}

struct EvaluationReport<'a> {
    evaluation: &'a Evaluation,
    with_modes: bool,
}

impl Report for EvaluationReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let mut tables = vec![self.evaluation.summary()];
        if self.with_modes {
            tables.push(self.evaluation.modes());
        }
        tables
    }

    fn figures(&self) -> Vec<Figure> {
        vec![self.evaluation.figure()]
    }
    fn records(&self) -> Records {
        match self.with_modes {
            true => self.evaluation.mode_records(),
            false => self.evaluation.records(),
        }
    }

    fn json(&self) -> serde_json::Value {
        self.evaluation.document(self.with_modes).into()
    }
}

/// A number of an evaluation.
struct Line {
    key: &'static str,
    words: &'static str,
    value: Value,
    /// Whether it is a part of a metric.
    is_part: bool,
}

impl Line {
    fn new(key: &'static str, words: &'static str, value: Value) -> Self {
        Line { key, words, value, is_part: false }
    }
}

/// A mode in JSON documents.
pub(super) fn mode_json(m: &LawMode) -> serde_json::Value {
    json!({
        "eigenvalue": m.eigenvalue,
        "multiplicity": m.multiplicity,
        "gain": number(m.gain),
        "mean": number(m.mean),
        "variance": number(m.variance),
        "contribution": number(contribution(m)),
    })
}

impl Evaluation {
    /// The metrics: those with parts first, a group each, then the others.
    fn metric_groups(&self) -> Vec<Vec<Line>> {
        let lines = |m: &Measured| -> Vec<Line> {
            let whole = Line::new(m.name.key, m.name.summary, m.value);
            let part = |p: &(_, _, Value)| Line { is_part: true, ..Line::new(p.0, p.1, p.2) };
            std::iter::once(whole).chain(m.parts.iter().map(part)).collect()
        };
        let (divided, plain): (Vec<&Measured>, Vec<_>) =
            self.metrics.iter().partition(|m| !m.parts.is_empty());
        let mut groups: Vec<Vec<Line>> = divided.into_iter().map(lines).collect();
        groups.push(plain.into_iter().flat_map(lines).collect());
        groups
    }

    fn budget_lines(&self) -> Vec<Line> {
        let b = &self.budget;
        let mut lines = vec![
            Line::new("initialization", "initialization alone", b.initialization),
            Line::new("truncation", "truncation alone", b.truncation),
            Line::new(
                "discretization_at_eps",
                "discretization alone, at eps",
                b.discretization_at_eps,
            ),
        ];
        if let Some(value) = b.score {
            lines.push(Line::new("score", "score approximation alone, at eps", value));
        }
        if let Ok(value) = &b.discretization {
            let words = "discretization alone, to t = 0";
            lines.push(Line::new("discretization", words, *value));
        }
        lines
    }

    /// What guidance does, where there is any.
    fn guidance_lines(&self) -> Vec<Line> {
        let Some(guidance) = self.guidance else { return Vec::new() };
        let value = |v| Value::new(v, None);
        let mut lines = vec![
            Line::new("variance_ratio", "variance / the class's", value(guidance.variance)),
            Line::new(
                "continuous_variance_ratio",
                "variance / the class's, continuous",
                value(guidance.variance_of_continuous),
            ),
        ];
        if let Some(powered) = guidance.powered {
            lines.push(Line::new("w2_powered", "W2 to the powered law", powered));
        }
        lines
    }

    /// Every number, in groups.
    fn groups(&self) -> Vec<Vec<Line>> {
        let mut groups = self.metric_groups();
        groups.extend(Some(self.guidance_lines()).filter(|lines| !lines.is_empty()));
        groups.push(self.budget_lines());
        groups
    }

    fn summary(&self) -> Table {
        let words = |name: &str, text: String| Row::new([Cell::text(name), Cell::text(text)]);
        let (run, s) = (&self.run, &self.setting.spectrum);
        let mut rows = vec![
            words("sampler", run.sampler.clone()),
            words(
                "spectrum",
                format!("{} (d = {}, {} distinct)", s.name(), s.dim(), s.modes().len()),
            ),
            words("process", self.setting.process_label.clone()),
            words(
                "grid",
                format!(
                    "{}, t from {} to {}",
                    self.setting.rule_label,
                    run.grid.start().t,
                    run.grid.end().t
                ),
            ),
            words("init", self.init_label.clone()),
            words("steps", run.grid.step_count().to_string()),
            words("NFE", run.plan.nfe().to_string()),
        ];
        if !self.setting.network.is_exact() {
            rows.insert(1, words("network", self.setting.network.label.clone()));
        }
        let mut notes: Vec<String> = Vec::new();
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for (place, line) in self.groups().iter().flat_map(|group| group.iter().enumerate()) {
            let value = Cell::number(line.value.value, Style::Significant(6));
            rows.push(Row { rule_above: place == 0, cells: vec![Cell::text(line.words), value] });
            if let Some(reason) = line.value.infinite.filter(|_| !line.is_part) {
                let reason = reason.to_string();
                match reasons.iter_mut().find(|(r, _)| *r == reason) {
                    Some((_, names)) => names.push(line.words),
                    None => reasons.push((reason, vec![line.words])),
                }
            }
        }
        for (reason, names) in reasons {
            notes.push(format!("infinite because {reason}: {}", names.join("; ")));
        }
        if let Err(error) = &self.budget.discretization {
            notes.push(format!("discretization alone, to t = 0, is not defined: {error}"));
        }
        notes.push(format!(
            "initialization {} of the continuous {} this sampler approximates",
            if self.budget.score.is_some() {
                "and score approximation are those"
            } else {
                "is that"
            },
            self.budget.continuous.to_uppercase()
        ));
        if let Some(guidance) = &self.guidance {
            let powered = match guidance.powered {
                Some(_) => "the powered law is p_c^w p_u^(1-w)",
                None => {
                    "there is no powered law p_c^w p_u^(1-w): its inverse variance would be negative"
                }
            };
            notes.push(format!("W2 and all else are to the class; {powered}"));
        }
        notes.extend(self.warnings.iter().map(|w| w.to_string()));
        notes.extend(self.spreads.iter().map(|(name, Spread { probes, steps })| {
            format!("uncertainty of {name} from the quadrature: {probes:.3} (random vectors) and {steps:.3} (passes)")
        }));
        Table {
            title: format!("{} on {}", run.sampler, s.name()),
            columns: vec![Column::new("quantity", Align::Left), Column::new("value", Align::Right)],
            rows,
            notes,
        }
    }

    fn modes(&self) -> Table {
        let names = ["eigenvalue", "multiplicity", "gain", "mean", "variance", "contribution"];
        let row = |m: &LawMode| {
            let values =
                [m.eigenvalue, m.multiplicity, m.gain, m.mean, m.variance, contribution(m)];
            Row::new(values.map(|v| Cell::number(v, Style::Significant(6))))
        };
        Table {
            title: "Law of the output per distinct eigenvalue".into(),
            columns: names.map(|n| Column::new(n, Align::Right)).into(),
            rows: self.law.modes.iter().map(row).collect(),
            notes: vec![
                "contribution: what the mode adds to W2 squared, multiplicity included".into(),
            ],
        }
    }

    fn records(&self) -> Records {
        let mut columns =
            vec!["sampler".to_string(), "init".into(), "eps".into(), "steps".into(), "nfe".into()];
        let mut row = vec![
            Field::Text(self.run.sampler.clone()),
            Field::Text(self.init_label.clone()),
            Field::Number(self.run.grid.end().t),
            Field::Count(self.run.grid.step_count() as u64),
            Field::Count(self.run.plan.nfe() as u64),
        ];
        for line in self.groups().into_iter().flatten() {
            columns.push(line.key.into());
            row.push(Field::Number(line.value.value));
        }
        Records { columns, rows: vec![row] }
    }

    fn mode_records(&self) -> Records {
        let columns = ["eigenvalue", "multiplicity", "gain", "mean", "variance", "contribution"];
        let row = |m: &LawMode| {
            let values =
                [m.eigenvalue, m.multiplicity, m.gain, m.mean, m.variance, contribution(m)];
            values.map(Field::Number).into()
        };
        Records {
            columns: columns.map(String::from).into(),
            rows: self.law.modes.iter().map(row).collect(),
        }
    }

    /// What JSON documents have of it.
    pub(super) fn document(&self, with_modes: bool) -> serde_json::Map<String, serde_json::Value> {
        let (run, grid) = (&self.run, &self.run.grid);
        let mut document = self.setting.json();
        document.insert("command".into(), json!("eval"));
        document.insert("sampler".into(), json!(run.sampler));
        document.insert("init".into(), json!(self.init_label));
        document.insert("eps".into(), json!(grid.end().t));
        document.insert("steps".into(), json!(grid.step_count()));
        document.insert("nfe".into(), json!(run.plan.nfe()));
        let mut budget = serde_json::Map::new();
        let mut reasons = serde_json::Map::new();
        let mut tell = |to: &mut serde_json::Map<_, _>, line: &Line| {
            to.insert(line.key.into(), number(line.value.value));
            if let Some(reason) = line.value.infinite {
                reasons.insert(line.key.into(), json!(reason.to_string()));
            }
        };
        self.metric_groups().iter().flatten().for_each(|line| tell(&mut document, line));
        self.guidance_lines().iter().for_each(|line| tell(&mut document, line));
        self.budget_lines().iter().for_each(|line| tell(&mut budget, line));
        if let Err(error) = &self.budget.discretization {
            budget.insert("discretization".into(), json!(null));
            reasons.insert("discretization".into(), json!(error.to_string()));
        }
        budget.insert("continuous".into(), json!(self.budget.continuous));
        document.insert("budget".into(), budget.into());
        document.insert("reasons".into(), reasons.into());
        let warnings: Vec<String> = self.warnings.iter().map(|w| w.to_string()).collect();
        document.insert("warnings".into(), json!(warnings));
        if !self.spreads.is_empty() {
            let spreads: serde_json::Map<_, _> = self
                .spreads
                .iter()
                .map(|(name, spread)| (value_name(name), spread_json(spread)))
                .collect();
            document.insert("quadrature".into(), spreads.into());
        }
        document.insert("grid".into(), grid.levels().iter().map(level_json).collect());
        if with_modes {
            document.insert("modes".into(), self.law.modes.iter().map(mode_json).collect());
        }
        document
    }
}
