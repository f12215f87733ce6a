//! The ablation table.

use super::quadrature::{left_open, spread_json};
use super::trials::reason;
use super::value_name;
use crate::exact::{Init, Reason};
use crate::experiment::{CellKey, Column, Length, NamedSampler, Table, TableCell};
use crate::metric::Value;
use crate::report::{self, Align, Cell, Field, Label, Records, Report, Row, Style, number};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl Table {
    /// The table in all formats.
    pub fn report(&self) -> impl Report {
        self
    }

    pub(super) fn title(&self) -> String {
        let s = &self.setting;
        format!(
            "{} on {} (d = {}), {}, {} grid{}",
            self.options.metric.item.name().title,
            s.spectrum.name(),
            s.spectrum.dim(),
            s.process_label,
            s.rule_label,
            s.with_network()
        )
    }

    pub(super) fn group(&self, column: &Column) -> Label {
        if self.options.as_published {
            return Label::new(format!("N = {}", column.label))
                .with_latex(format!("$N = {}$", column.label));
        }
        match column.length {
            Length::Nfe(n) => Label::new(format!("NFE {n}")),
            other => Label::new(other.to_string()),
        }
    }

    fn errors(&self) -> report::Table {
        let o = &self.options;
        let style = if o.as_published { Style::Published } else { Style::Short };
        let init_columns = |group: Label| {
            let column = move |(label, _): &(String, Init)| {
                let label = match label.as_str() {
                    "exact" => Label::new("exact").with_latex("$p_T$"),
                    "normal" => Label::new("normal").with_latex(r"$\mathcal{N}_0$"),
                    other => Label::new(other),
                };
                report::Column::new(label, Align::Right).in_group(group.clone()).ranked()
            };
            o.inits.iter().map(column).collect::<Vec<_>>()
        };
        let mut columns = vec![
            report::Column::new("sampler", Align::Left),
            report::Column::new(Label::new("eps").with_latex(r"$\varepsilon$"), Align::Left),
        ];
        columns.extend(init_columns("continuous".into()));
        columns.extend(o.columns.iter().flat_map(|c| init_columns(self.group(c))));

        let mut rows = Vec::new();
        for (s, sampler) in o.samplers.iter().enumerate() {
            for (e, &eps) in o.eps.iter().enumerate() {
                let name = if e == 0 { Cell::text(sampler.label.as_str()) } else { Cell::Empty };
                let mut cells = vec![name, Cell::number(eps, Style::Exact)];
                let continuous = self.continuous_cells(self.continuous[s], e);
                cells.extend(
                    continuous.iter().filter_map(|c| Some(Cell::number(c.number()?, style))),
                );
                cells.extend(self.row(s, e).iter().enumerate().map(|(i, c)| {
                    let Some(value) = c.number() else { return Cell::Empty };
                    let best = !o.as_published && self.is_best(e, i, value);
                    Cell::Number { value, style, best }
                }));
                rows.push(Row { rule_above: e == 0 && s > 0, cells });
            }
        }
        report::Table { title: self.title(), columns, rows, notes: self.notes() }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let o = &self.options;
        let mut notes = Vec::new();
        if !o.as_published && o.samplers.len() > 1 {
            notes.push("marked values are the smallest for their eps and column".into());
        }
        for (s, sampler) in o.samplers.iter().enumerate() {
            let spent = self.lengths(s);
            let as_labelled = |(spent, c): (&Option<(usize, usize)>, &Column)| {
                spent.is_none_or(|(_, nfe)| c.length == Length::Nfe(nfe))
            };
            if !spent.iter().zip(&o.columns).all(as_labelled) {
                let list: Vec<String> =
                    spent.iter().flatten().map(|(_, nfe)| nfe.to_string()).collect();
                notes.push(format!(
                    "{} spends {} network evaluations",
                    sampler.label,
                    list.join(", ")
                ));
            }
        }
        let mut reasons: Vec<(&str, Reason)> = Vec::new();
        for c in &self.cells {
            if let Ok(Value { infinite: Some(reason), .. }) = c.value
                && !reasons.iter().any(|(s, _)| *s == c.sampler)
            {
                reasons.push((&c.sampler, reason));
            }
        }
        notes.extend(reasons.iter().map(|(sampler, r)| format!("{sampler} is infinite: {r}")));
        let open = self.cells.iter().filter_map(|c| Some((c.number()?, c.spread)));
        notes.extend(left_open(open));
        notes.extend(self.undefined());
        let below = self.below_truncation();
        if !o.as_published && below > 0 {
            notes.push(format!(
                "{below} value{} below the truncation error of the same eps: there discretization happens to cancel truncation",
                if below == 1 { " is" } else { "s are" }
            ));
        }
        notes
    }

    /// One line per reason for which cells are empty: who cannot run, and in which columns.
    fn undefined(&self) -> Vec<String> {
        let o = &self.options;
        // Columns and truncation times where a sampler cannot run for a reason.
        #[derive(Default)]
        struct Where {
            columns: BTreeSet<usize>,
            eps: Vec<f64>,
        }
        let mut lines: BTreeMap<(&str, String), Where> = BTreeMap::new();
        for cell in &self.cells {
            if let (CellKey::Undefined { column }, Err(error)) = (&cell.key, &cell.value) {
                let at = lines.entry((&cell.sampler, reason(error))).or_default();
                at.columns.insert(*column);
                if !at.eps.contains(&cell.eps) {
                    at.eps.push(cell.eps);
                }
            }
        }
        let line = |((sampler, reason), at): (&(&str, String), &Where)| {
            let columns = at.columns.iter().map(|c| self.group(&o.columns[*c]).plain().to_owned());
            let mut places: Vec<String> = columns.collect();
            if at.eps.len() < o.eps.len() {
                places.extend(at.eps.iter().map(|eps| format!("eps {eps:?}")));
            }
            format!("cannot run: {sampler} at {}: {reason}", places.join(", "))
        };
        lines.iter().map(line).collect()
    }

    fn evaluations(&self) -> report::Table {
        let o = &self.options;
        let mut columns = vec![report::Column::new("sampler", Align::Left)];
        for c in &o.columns {
            for label in ["steps", "NFE"] {
                columns.push(report::Column::new(label, Align::Right).in_group(self.group(c)));
            }
        }
        let row = |(s, sampler): (usize, &NamedSampler)| {
            let mut cells = vec![Cell::text(sampler.label.as_str())];
            let count = |n: usize| Cell::number(n as f64, Style::Integer);
            cells.extend(self.lengths(s).iter().flat_map(|spent| match *spent {
                Some((steps, nfe)) => [count(steps), count(nfe)],
                None => [Cell::Empty, Cell::Empty],
            }));
            Row::new(cells)
        };
        report::Table {
            title: "True steps and network evaluations (NFE) of each cell".into(),
            columns,
            rows: o.samplers.iter().enumerate().map(row).collect(),
            notes: Vec::new(),
        }
    }
}

impl Report for Table {
    fn tables(&self) -> Vec<report::Table> {
        let mut tables = vec![self.errors()];
        if self.options.show_nfe {
            tables.push(self.evaluations());
        }
        tables
    }

    fn figures(&self) -> Vec<report::Figure> {
        vec![self.figure()]
    }

    fn records(&self) -> Records {
        let columns = ["sampler", "eps", "column", "init", "steps", "nfe"];
        let some_undefined = self.cells.iter().any(|c| c.value.is_err());
        let label = |column: usize| Field::Count(self.options.columns[column].label as u64);
        let row = |c: &TableCell| {
            let (column, steps, nfe) = match c.key {
                CellKey::Continuous => {
                    (Field::Text("continuous".into()), Field::Missing, Field::Missing)
                }
                CellKey::Discretized { column, steps, nfe } => {
                    (label(column), Field::Count(steps as u64), Field::Count(nfe as u64))
                }
                CellKey::Undefined { column } => (label(column), Field::Missing, Field::Missing),
            };
            let mut row = vec![
                Field::Text(c.sampler.clone()),
                Field::Number(c.eps),
                column,
                Field::Text(self.options.inits[c.init].0.clone()),
                steps,
                nfe,
                c.number().map_or(Field::Missing, Field::Number),
            ];
            if some_undefined {
                let why = c.value.as_ref().err().map(|e| Field::Text(reason(e)));
                row.push(why.unwrap_or(Field::Missing));
            }
            row
        };
        Records {
            columns: columns
                .into_iter()
                .map(String::from)
                .chain([value_name(self.options.metric.name)])
                .chain(some_undefined.then(|| "reason".to_owned()))
                .collect(),
            rows: self.cells.iter().map(row).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let cell = |c: &TableCell| {
            let (column, steps, nfe) = match c.key {
                CellKey::Continuous => (json!("continuous"), json!(null), json!(null)),
                CellKey::Discretized { column, steps, nfe } => {
                    (json!(self.options.columns[column].label), json!(steps), json!(nfe))
                }
                CellKey::Undefined { column } => {
                    (json!(self.options.columns[column].label), json!(null), json!(null))
                }
            };
            let mut cell = json!({
                "sampler": c.sampler,
                "eps": c.eps,
                "column": column,
                "init": self.options.inits[c.init].0,
                "steps": steps,
                "nfe": nfe,
            });
            cell[value_name(self.options.metric.name)] = c.number().map_or(json!(null), number);
            if let Some(spread) = &c.spread {
                cell["quadrature"] = spread_json(spread);
            }
            match &c.value {
                Ok(Value { infinite: None, .. }) => {}
                Ok(Value { infinite: Some(reason), .. }) => {
                    cell["reason"] = json!(reason.to_string());
                }
                Err(error) => cell["reason"] = json!(reason(error)),
            }
            cell
        };
        let mut document = self.setting.json();
        document.insert("command".into(), json!("table"));
        if self.is_interrupted() {
            document.insert("interrupted".into(), json!(true));
        }
        document.insert("metric".into(), json!(self.options.metric.name));
        document.insert("cells".into(), self.cells.iter().map(cell).collect());
        document.into()
    }
}
