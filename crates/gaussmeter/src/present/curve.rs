//! Errors along time or truncation.

use super::value_name;
use crate::exact::{Init, Reason, Target};
use crate::experiment::{Along, Curve, Curves, Series};
use crate::numeric::evenly;
use crate::report::{
    self, Align, Axis, Cell, Column, Field, Figure, Label, Panel, Records, Report, Row, Style,
    Table, number,
};
use crate::sampler;
use serde_json::json;

impl Curve {
    /// Points that people see of each curve, unless they ask for others.
    pub const ROWS: usize = 25;

    /// The curve in all formats. Tables show at most `rows` points, evenly chosen; figure, CSV and
    /// JSON have all.
    pub fn report(&self, rows: usize) -> impl Report {
        CurveReport { curve: self, rows }
    }
}

impl Curves {
    /// Both curves in all formats, as [`Curve::report`]; the figure has a panel for each.
    pub fn report(&self, rows: usize) -> impl Report {
        CurvesReport { curves: self, rows }
    }
}

struct CurvesReport<'a> {
    curves: &'a Curves,
    rows: usize,
}

impl CurvesReport<'_> {
    fn both(&self) -> [&Curve; 2] {
        [&self.curves.time, &self.curves.eps]
    }
}

impl Report for CurvesReport<'_> {
    fn tables(&self) -> Vec<Table> {
        self.both().map(|curve| curve.table(self.rows)).into()
    }
    fn figures(&self) -> Vec<Figure> {
        let [time, eps] = self.both().map(Curve::figure);
        let title = Label::new(format!("{}; {}", time.title.plain(), eps.title.plain()))
            .with_latex(format!("{} {}", time.title.latex(), eps.title.latex()));
        let mut notes = time.notes;
        notes
            .extend(eps.notes.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
        let panels = time.panels.into_iter().chain(eps.panels).collect();
        vec![Figure { title, panels, per_row: 2, notes }]
    }
    fn is_figure(&self) -> bool {
        true
    }
    fn records(&self) -> Records {
        let [mut time, eps] = self.both().map(Curve::records);
        let at = Along::Time.name();
        if let Some(column) = time.columns.iter_mut().find(|column| *column == at) {
            *column = "at".into();
        }
        time.columns.insert(0, "against".into());
        let mut rows = Vec::new();
        for (along, records) in [(Along::Time, time.rows), (Along::Eps, eps.rows)] {
            rows.extend(records.into_iter().map(|mut row| {
                row.insert(0, Field::Text(along.name().into()));
                row
            }));
        }
        Records { columns: time.columns, rows }
    }
    fn json(&self) -> serde_json::Value {
        let [mut time, mut eps] = self.both().map(Curve::json);
        let mut both = serde_json::Map::new();
        for (along, curve) in [(Along::Time, &mut time), (Along::Eps, &mut eps)] {
            let own = ["target", "series"].map(|key| (key, curve[key].take()));
            let own: serde_json::Map<_, _> = own.into_iter().map(|(k, v)| (k.into(), v)).collect();
            both.insert(along.name().into(), own.into());
        }
        if let Some(document) = time.as_object_mut() {
            document.retain(|key, _| key != "target" && key != "series");
            document.insert("against".into(), json!("both"));
            document.extend(both);
        }
        time
    }
}

struct CurveReport<'a> {
    curve: &'a Curve,
    rows: usize,
}

impl Report for CurveReport<'_> {
    fn tables(&self) -> Vec<Table> {
        vec![self.curve.table(self.rows)]
    }
    fn figures(&self) -> Vec<Figure> {
        vec![self.curve.figure()]
    }
    fn is_figure(&self) -> bool {
        true
    }
    fn records(&self) -> Records {
        self.curve.records()
    }
    fn json(&self) -> serde_json::Value {
        self.curve.json()
    }
}

impl Curve {
    /// What the curve runs along.
    fn at(&self) -> Label {
        match self.along {
            Along::Time => Label::new("t").with_latex("$t$"),
            Along::Eps => Label::new("eps").with_latex(r"$\varepsilon$"),
        }
    }

    /// What laws are compared with.
    fn target(&self) -> Label {
        match (self.target, self.along) {
            (Target::Marginal, Along::Eps) => Label::new("p_eps").with_latex(r"$p_\varepsilon$"),
            (Target::Marginal, Along::Time) => Label::new("p_t").with_latex("$p_t$"),
            (Target::Data, _) => "the data".into(),
        }
    }

    fn title(&self) -> String {
        format!(
            "{} to {} against {}, {}{}, init {}",
            self.metric_name.label().plain(),
            self.target().plain(),
            self.along.name(),
            self.setting.spectrum.name(),
            self.setting.with_network(),
            self.init_label
        )
    }

    /// Steps and evaluations of the samplers.
    fn spent(&self, called: fn(&str) -> String) -> Option<String> {
        let spent = |s: &Series| {
            s.spent.map(|(steps, nfe)| format!("{} {steps} steps, {nfe} NFE", called(&s.name)))
        };
        let spent: Vec<String> = self.series.iter().filter_map(spent).collect();
        (!spent.is_empty()).then(|| spent.join("; "))
    }

    /// Why values are infinite.
    fn infinite(&self, called: fn(&str) -> String) -> impl Iterator<Item = String> {
        self.series.iter().filter_map(move |s| {
            let reason: Reason = s.points.iter().find_map(|p| p.error.infinite)?;
            Some(format!("{} is infinite: {reason}", called(&s.name)))
        })
    }

    fn figure(&self) -> Figure {
        let against = match self.along {
            Along::Time => "time $t$",
            Along::Eps => r"truncation time $\varepsilon$",
        };
        let init = match &self.init {
            Init::Exact => "$p_T$".into(),
            Init::Normal { std: None | Some(1.0) } => r"$\mathcal{N}(0, I)$".into(),
            Init::Normal { std: Some(std) } => {
                let std = Style::Exact.label(*std).latex().replace('$', "");
                format!(r"$\mathcal{{N}}(0, \sigma^2 I)$ with $\sigma = {std}$")
            }
            Init::Diagonal { .. } => "a given law".into(),
        };
        let measured = format!("{} to {}", self.metric_name.label().latex(), self.target().latex());
        let caption = format!(
            "{measured} against {against}: {}, {} process{}, started from {init}.",
            Label::new(self.setting.spectrum.name()).latex(),
            Label::new(self.setting.process_label.as_str()).latex(),
            Label::new(self.setting.with_network()).latex(),
        );
        let y_label = format!("{} to {}", self.metric_name.label().plain(), self.target().plain());
        let is_signed = self.series.iter().flat_map(|s| &s.points).any(|p| p.error.value < 0.0);
        let curve = |s: &Series| {
            let points = s.points.iter().map(|p| (p.at, p.error.value)).collect();
            let line = report::Series::line(called(&s.name), points);
            if s.spent.is_none() { line.as_reference() } else { line }
        };
        let panel = Panel {
            x: match self.along {
                Along::Time => Axis::linear(self.at()),
                Along::Eps => Axis::log(self.at()),
            },
            y: Axis::log_unless(is_signed, Label::new(y_label).with_latex(measured)),
            series: self.series.iter().map(curve).collect(),
            ..Panel::default()
        };
        Figure {
            notes: self.spent(called).into_iter().chain(self.infinite(called)).collect(),
            ..Figure::of(Label::new(self.title()).with_latex(caption), panel)
        }
    }

    fn table(&self, rows: usize) -> Table {
        // The continuous solutions are known at all points of all samplers.
        let all: Vec<f64> =
            self.series.last().map_or(Vec::new(), |s| s.points.iter().map(|p| p.at).collect());
        let chosen = evenly(all.len(), rows);
        let mut columns = vec![Column::new(self.at(), Align::Right)];
        columns.extend(self.series.iter().map(|s| Column::new(s.name.as_str(), Align::Right)));
        let row = |&i: &usize| {
            let mut cells = vec![Cell::number(all[i], Style::Significant(5))];
            cells.extend(self.series.iter().map(
                // Noisiest first.
                |s| match s.points.get(s.points.partition_point(|p| p.at > all[i])) {
                    Some(p) if p.at == all[i] => Cell::number(p.error.value, Style::Significant(4)),
                    _ => Cell::Empty,
                },
            ));
            Row::new(cells)
        };
        let mut notes: Vec<String> = self.spent(str::to_owned).into_iter().collect();
        if chosen.len() < all.len() {
            notes.push(format!(
                "{} of {} points shown; --rows changes that, csv and json have all",
                chosen.len(),
                all.len()
            ));
        }
        notes.extend(self.infinite(str::to_owned));
        Table { title: self.title(), columns, rows: chosen.iter().map(row).collect(), notes }
    }

    fn records(&self) -> Records {
        let mut rows = Vec::new();
        for s in &self.series {
            let (steps, nfe) = match s.spent {
                Some((steps, nfe)) => (Field::Count(steps as u64), Field::Count(nfe as u64)),
                None => (Field::Missing, Field::Missing),
            };
            rows.extend(s.points.iter().map(|p| {
                vec![
                    Field::Text(s.name.clone()),
                    steps.clone(),
                    nfe.clone(),
                    Field::Number(p.at),
                    Field::Number(p.error.value),
                ]
            }));
        }
        let columns = ["sampler", "steps", "nfe", self.along.name()].map(String::from);
        Records { columns: columns.into_iter().chain([value_name(self.metric)]).collect(), rows }
    }

    fn json(&self) -> serde_json::Value {
        let series = |s: &Series| {
            let at: Vec<_> = s.points.iter().map(|p| number(p.at)).collect();
            let values: Vec<_> = s.points.iter().map(|p| number(p.error.value)).collect();
            let mut series = json!({
                "sampler": s.name,
                "steps": s.spent.map(|(steps, _)| steps),
                "nfe": s.spent.map(|(_, nfe)| nfe),
            });
            series[self.along.name()] = at.into();
            series[value_name(self.metric)] = values.into();
            series
        };
        let mut document = self.setting.json();
        document.insert("command".into(), json!("curve"));
        document.insert("metric".into(), json!(self.metric));
        document.insert("against".into(), json!(self.along.name()));
        let target = if self.target == Target::Data { "data" } else { "marginal" };
        document.insert("target".into(), json!(target));
        document.insert("init".into(), json!(self.init_label));
        document.insert("series".into(), self.series.iter().map(series).collect());
        document.into()
    }
}

/// A sampler's label as papers print it: its name as its summary has it (`Heun`, `DDPM`), or in
/// capitals (`EM`, `SDE`).
fn called(label: &str) -> String {
    let name = label.split(':').next().unwrap_or(label);
    let summary = sampler::registry().find(name).map_or("", |entry| entry.summary);
    let printed = match summary.get(..name.len()) {
        Some(start) if start.eq_ignore_ascii_case(name) => start.to_owned(),
        _ => name.to_uppercase(),
    };
    printed + &label[name.len()..]
}
