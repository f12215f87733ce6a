use super::{
    ErrorBudget, ExperimentError, Length, NamedSampler, Run, Setting, Warning, error_budget,
    spread_json,
};
use crate::exact::{Init, Law, LawMode, Output, Target};
use crate::metric::{self, MetricName, Value, Wasserstein2, wasserstein2, wasserstein2_terms};
use crate::report::{Align, Cell, Column, Field, Records, Report, Row, Style, Table, number};
use crate::spectrum::{Spectrum, Spread};
use serde_json::json;

/// Everything known about one configuration.
#[derive(Debug)]
pub struct Evaluation {
    setting: Setting,
    init_label: String,
    /// The sampler on its grid.
    pub run: Run,
    /// The law of the output, beside the data.
    pub law: Law,
    /// W2 to the data, with its parts.
    pub w2: Wasserstein2,
    /// All metrics of the registry.
    pub metrics: Vec<Measured>,
    /// Each source of error alone.
    pub budget: ErrorBudget,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What a quadrature of the spectrum leaves open of each metric, by name.
    pub spreads: Vec<(&'static str, Spread)>,
}

/// A metric of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What it is called.
    pub name: MetricName,
    /// Its value.
    pub value: Value,
    /// Its parts: key, words and value of each.
    pub parts: Vec<(&'static str, &'static str, Value)>,
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

/// Evaluates one configuration: `init` comes with its label.
///
/// # Errors
/// [`ExperimentError`]
pub fn evaluate(
    setting: &Setting,
    sampler: &NamedSampler,
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
) -> Result<Evaluation, ExperimentError> {
    let init = setting.init(init)?;
    let run = setting.run(sampler, length, eps)?;
    let output = Output::of(&run.plan, &setting.spectrum);
    let law = output.law(&init, Target::Data);
    let w2 = wasserstein2(&law);
    let registry = metric::registry();
    let mut metrics = Vec::with_capacity(registry.entries.len());
    let mut spreads = Vec::new();
    for entry in &registry.entries {
        // Metrics of the registry have no required parameters.
        if let Ok(named) = registry.build(entry.name) {
            let (metric, law) = (&named.item, &law);
            metrics.push(Measured {
                name: metric.name(),
                value: metric.evaluate(law),
                parts: metric.parts(law),
            });
            let on = |data: &Spectrum| {
                let law = Output::of(&run.plan, data).law(&init, Target::Data);
                metric.evaluate(&law).value
            };
            spreads.extend(setting.spectrum.spread(on).map(|spread| (entry.name, spread)));
        }
    }
    let budget = error_budget(setting, sampler, &run, &init);
    let mut warnings = Vec::new();
    for (component, part) in budget.parts() {
        if part.value.is_finite() && w2.total < part.value * (1.0 - 1e-9) {
            warnings.push(Warning::BelowComponent { total: w2.total, component, part: part.value });
        }
    }
    match law.negative_gains() {
        0 => {}
        modes => warnings.push(Warning::NegativeGains { modes }),
    }
    let (setting, init_label) = (setting.clone(), init_label.to_string());
    Ok(Evaluation { setting, init_label, run, law, w2, metrics, budget, warnings, spreads })
}

impl ErrorBudget {
    /// The parts that concern the configured grid, by name.
    fn parts(&self) -> [(&'static str, Value); 3] {
        [
            ("initialization", self.initialization),
            ("truncation", self.truncation),
            ("discretization", self.discretization_at_eps),
        ]
    }
}

/// What a mode adds to W2², multiplicity included.
pub(super) fn contribution(mode: &LawMode) -> f64 {
    let (mean, covariance) = wasserstein2_terms(mode);
    mode.multiplicity * (mean + covariance)
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
    /// The evaluation in all formats; `with_modes` adds one line per distinct eigenvalue.
    pub fn report(&self, with_modes: bool) -> Report {
        let mut tables = vec![self.summary()];
        if with_modes {
            tables.push(self.modes());
        }
        let records = if with_modes { self.mode_records() } else { self.records() };
        Report { tables, records, json: self.json(with_modes), ..Report::default() }
    }

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
        if let Ok(value) = &b.discretization {
            let words = "discretization alone, to t = 0";
            lines.push(Line::new("discretization", words, *value));
        }
        lines
    }

    /// Every number, in groups.
    fn groups(&self) -> Vec<Vec<Line>> {
        let mut groups = self.metric_groups();
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
            "initialization is that of the continuous {} this sampler approximates",
            self.budget.continuous.to_uppercase()
        ));
        notes.extend(self.warnings.iter().map(|w| w.to_string()));
        notes.extend(self.spreads.iter().map(|(name, Spread { probes, steps })| {
            format!("the quadrature leaves {name} open by {probes:.3} (random vectors) and {steps:.3} (passes)")
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

    fn json(&self, with_modes: bool) -> serde_json::Value {
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
                .map(|(name, spread)| (name.replace('-', "_"), spread_json(spread)))
                .collect();
            document.insert("quadrature".into(), spreads.into());
        }
        let level =
            |l: &crate::process::Level| json!({"t": l.t, "alpha": l.alpha, "sigma": l.sigma});
        document.insert("grid".into(), grid.levels().iter().map(level).collect());
        if with_modes {
            document.insert("modes".into(), self.law.modes.iter().map(mode_json).collect());
        }
        document.into()
    }
}
