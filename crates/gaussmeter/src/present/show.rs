//! A sampler as the linear program that it is.

use super::levels::level_json;
use crate::experiment::{Program, Run, SCHEMA};
use crate::level::Level;
use crate::report::{Align, Cell, Column, Field, Records, Report, Row, Style, Table, wrap};
use crate::tape::{Op, Prediction, Var};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

impl Program {
    /// The program in all formats; people read lines of at most `width` characters.
    pub fn report(&self, width: usize) -> impl Report {
        ProgramReport { program: self, names: names(&self.run), width }
    }
}

struct ProgramReport<'a> {
    program: &'a Program,
    /// A name for every vector: `x2` the state after two steps, and what step 2 found on the way: `d2`,
    /// `s2`, `e2`, `v2` by the network, `z2` a noise, `y2` a combination, with letters where there are
    /// several.
    names: HashMap<Var, String>,
    width: usize,
}

/// What the name of an operation's result starts with.
fn letter(op: &Op) -> &'static str {
    match op {
        Op::Predict { kind: Prediction::Denoiser, .. } => "d",
        Op::Predict { kind: Prediction::Score, .. } => "s",
        Op::Predict { kind: Prediction::Noise, .. } => "e",
        Op::Predict { kind: Prediction::Velocity | Prediction::V | Prediction::Flow, .. } => "v",
        Op::Noise { .. } => "z",
        Op::Combine { .. } | Op::Arrive { .. } => "y",
    }
}

/// The vector that an operation finds.
fn result(op: &Op) -> Option<Var> {
    match op {
        Op::Predict { dst, .. } | Op::Noise { dst } | Op::Combine { dst, .. } => Some(*dst),
        Op::Arrive { .. } => None,
    }
}

/// 0 → a, 25 → z, 26 → aa.
fn letters(mut k: usize) -> String {
    let mut text = String::new();
    loop {
        text.insert(0, char::from(b'a' + (k % 26) as u8));
        if k < 26 {
            return text;
        }
        k = k / 26 - 1;
    }
}

fn names(run: &Run) -> HashMap<Var, String> {
    let mut names = HashMap::from([(run.plan.input(), "x0".to_string())]);
    for (k, (state, _)) in arrivals(run).enumerate() {
        names.entry(state).or_insert_with(|| format!("x{}", k + 1));
    }
    let mut of_step: Vec<(&'static str, Var)> = Vec::new();
    let mut step = 1;
    for op in run.plan.ops() {
        if let Some(var) = result(op).filter(|var| !names.contains_key(var)) {
            of_step.push((letter(op), var));
        }
        let is_end = matches!(op, Op::Arrive { .. });
        if is_end || std::ptr::eq(op, &run.plan.ops()[run.plan.ops().len() - 1]) {
            for (k, (letter, var)) in of_step.iter().enumerate() {
                let alike = |s: &[(&str, Var)]| s.iter().filter(|(l, _)| l == letter).count();
                let suffix = match alike(&of_step) {
                    1 => String::new(),
                    _ => letters(alike(&of_step[..k])),
                };
                names.insert(*var, format!("{letter}{step}{suffix}"));
            }
            of_step.clear();
            step += usize::from(is_end);
        }
    }
    names
}

fn arrivals(run: &Run) -> impl Iterator<Item = (Var, Level)> {
    run.plan.ops().iter().filter_map(|op| match op {
        Op::Arrive { state, level } => Some((*state, **level)),
        _ => None,
    })
}

impl ProgramReport<'_> {
    fn name(&self, var: Var) -> &str {
        self.names.get(&var).map_or("?", String::as_str)
    }

    fn noises(&self) -> usize {
        self.program.run.plan.ops().iter().filter(|op| matches!(op, Op::Noise { .. })).count()
    }

    fn header(&self) -> Table {
        let run = &self.program.run;
        let mut rows = Vec::new();
        let mut add = |name: &str, text: &str| {
            for (i, line) in wrap(text, self.width).into_iter().enumerate() {
                let name = if i == 0 { Cell::text(name) } else { Cell::Empty };
                rows.push(Row::new([name, Cell::text(line)]));
            }
        };
        add("sampler", &run.sampler);
        add("what it is", self.program.summary);
        add("source", self.program.source);
        add("order", &self.program.order.map_or("not declared".into(), |order| order.to_string()));
        for (i, (name, value, meaning)) in self.program.parameters.iter().enumerate() {
            let key = if i == 0 { "parameters" } else { "" };
            add(key, &format!("{name}={value}: {meaning}"));
        }
        add("process", &self.program.setting.process_label);
        let (start, end) = (run.grid.start().t, run.grid.end().t);
        add("grid", &format!("{}, t from {start} to {end}", self.program.setting.rule_label));
        add("steps", &run.grid.step_count().to_string());
        add("NFE", &run.plan.nfe().to_string());
        add("noises", &self.noises().to_string());
        Table {
            title: format!("{} as a linear program", run.sampler),
            columns: vec![Column::new("quantity", Align::Left), Column::new("value", Align::Left)],
            rows,
            notes: Vec::new(),
        }
    }

    /// Σ cⱼ vⱼ in words.
    fn sum(&self, terms: &[(f64, Var)]) -> String {
        let mut text = String::new();
        for (i, (c, var)) in terms.iter().enumerate() {
            let sign = match (i, *c < 0.0) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            text += sign;
            if c.abs() != 1.0 {
                text += Style::Significant(6).label(c.abs()).plain();
                text.push(' ');
            }
            text += self.name(*var);
        }
        if text.is_empty() { "0".into() } else { text }
    }

    fn table(&self) -> Table {
        let ops = self.program.run.plan.ops();
        let mut rows = Vec::new();
        let mut step = 0;
        // Numbers of the level take 33 of 80 columns, the number of the step 6: 11 less than elsewhere.
        let width = match self.width {
            usize::MAX => usize::MAX,
            width => width.saturating_sub(11).max(16),
        };
        let mut add = |number: usize, text: String, level: Option<&Level>| {
            let is_first = step != number;
            step = number;
            let text = if width == usize::MAX { vec![text] } else { wrap(&text, width) };
            for (i, line) in text.into_iter().enumerate() {
                let number = match is_first && i == 0 {
                    true => Cell::text(number.to_string()),
                    false => Cell::Empty,
                };
                let mut cells = vec![number, Cell::text(line)];
                match level.filter(|_| i == 0) {
                    Some(level) => cells.extend(
                        [level.t, level.alpha, level.sigma]
                            .map(|v| Cell::number(v, Style::Significant(6))),
                    ),
                    None => cells.extend([Cell::Empty, Cell::Empty, Cell::Empty]),
                }
                rows.push(Row { rule_above: is_first && i == 0, cells });
            }
        };
        add(0, "x0, the initial state".into(), Some(self.program.run.plan.start()));
        let mut number = 1;
        for (k, op) in ops.iter().enumerate() {
            // A state is shown where it is found, with the level that it is at.
            let at = match (result(op), ops.get(k + 1)) {
                (Some(var), Some(Op::Arrive { state, level })) if var == *state => Some(&**level),
                _ => None,
            };
            match op {
                Op::Predict { dst, src, kind, level } => {
                    let of = self.name(*src);
                    add(
                        number,
                        format!("{} = {}({of})", self.name(*dst), kind.name()),
                        Some(level),
                    );
                }
                Op::Noise { dst } => add(number, format!("{} ~ N(0, I)", self.name(*dst)), at),
                Op::Combine { dst, terms } => {
                    add(number, format!("{} = {}", self.name(*dst), self.sum(terms)), at);
                }
                Op::Arrive { state, level } => {
                    let shown = k.checked_sub(1).and_then(|k| result(&ops[k])) == Some(*state)
                        && !matches!(ops[k - 1], Op::Predict { .. });
                    if !shown {
                        add(number, format!("{} is the state", self.name(*state)), Some(level));
                    }
                    number += 1;
                }
            }
        }
        let columns = ["t", "alpha", "sigma"].map(|name| Column::new(name, Align::Right));
        let mut all =
            vec![Column::new("step", Align::Right), Column::new("operation", Align::Left)];
        all.extend(columns);
        Table {
            title: String::new(),
            columns: all,
            rows,
            notes: vec![
                "levels are those where the network is evaluated, or of a state; csv and json have all digits"
                    .into(),
            ],
        }
    }
}

impl Report for ProgramReport<'_> {
    fn tables(&self) -> Vec<Table> {
        vec![self.header(), self.table()]
    }

    fn records(&self) -> Records {
        let columns =
            ["step", "op", "result", "kind", "vector", "coefficient", "t", "alpha", "sigma"];
        let mut rows = Vec::new();
        let mut step = 1;
        for op in self.program.run.plan.ops() {
            let text = |text: &str| Field::Text(text.into());
            let name = |var: &Var| Field::Text(self.name(*var).into());
            let mut add = |op, result, kind, vector, c: Option<f64>, level: Option<&Level>| {
                let coefficient = c.map_or(Field::Missing, Field::Number);
                let mut row = vec![Field::Count(step), text(op), result, kind, vector, coefficient];
                match level {
                    Some(l) => row.extend([l.t, l.alpha, l.sigma].map(Field::Number)),
                    None => row.extend([Field::Missing, Field::Missing, Field::Missing]),
                }
                rows.push(row);
            };
            let none = Field::Missing;
            match op {
                Op::Predict { dst, src, kind, level } => {
                    add("predict", name(dst), text(kind.name()), name(src), None, Some(level));
                }
                Op::Noise { dst } => add("noise", name(dst), none.clone(), none, None, None),
                Op::Combine { dst, terms } => {
                    for (c, var) in terms {
                        add("combine", name(dst), none.clone(), name(var), Some(*c), None);
                    }
                }
                Op::Arrive { state, level } => {
                    add("arrive", none.clone(), none, name(state), None, Some(level));
                    step += 1;
                }
            }
        }
        Records { columns: columns.map(String::from).into(), rows }
    }

    fn json(&self) -> Value {
        let place = |map: &mut Map<String, Value>, level: &Level| {
            for (key, value) in [("t", level.t), ("alpha", level.alpha), ("sigma", level.sigma)] {
                map.insert(key.into(), json!(value));
            }
        };
        let operation = |op: &Op| {
            let mut map = Map::new();
            let mut add = |key: &str, value: Value| map.insert(key.into(), value);
            match op {
                Op::Predict { dst, src, kind, level } => {
                    add("op", json!("predict"));
                    add("result", json!(self.name(*dst)));
                    add("kind", json!(kind.name()));
                    add("of", json!(self.name(*src)));
                    place(&mut map, level);
                }
                Op::Noise { dst } => {
                    add("op", json!("noise"));
                    add("result", json!(self.name(*dst)));
                }
                Op::Combine { dst, terms } => {
                    add("op", json!("combine"));
                    add("result", json!(self.name(*dst)));
                    let terms = terms.iter().map(|(c, var)| (self.name(*var).into(), json!(c)));
                    add("terms", Value::Object(terms.collect()));
                }
                Op::Arrive { state, level } => {
                    add("op", json!("arrive"));
                    add("state", json!(self.name(*state)));
                    place(&mut map, level);
                }
            }
            Value::Object(map)
        };
        let parameter = |(name, value, meaning): &(&str, String, &str)| json!({ "name": name, "value": value, "summary": meaning });
        let run = &self.program.run;
        json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
            "command": "show",
            "sampler": run.sampler,
            "summary": self.program.summary,
            "source": self.program.source,
            "order": self.program.order,
            "parameters": self.program.parameters.iter().map(parameter).collect::<Vec<_>>(),
            "process": self.program.setting.process_label,
            "grid_rule": self.program.setting.rule_label,
            "eps": run.grid.end().t,
            "steps": run.grid.step_count(),
            "nfe": run.plan.nfe(),
            "noises": self.noises(),
            "grid": run.grid.levels().iter().map(level_json).collect::<Vec<_>>(),
            "operations": run.plan.ops().iter().map(operation).collect::<Vec<_>>(),
            "output": self.name(run.plan.output()),
        })
    }
}
