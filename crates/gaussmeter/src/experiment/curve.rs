use super::modes::evenly;
use super::{ExperimentError, Length, NamedSampler, Setting};
use crate::entry::Named;
use crate::exact::continuous::{ODE, SDE};
use crate::exact::{Init, Output, Reason, Target, along_with};
use crate::metric::{Metric, MetricName, Value};
use crate::report::{
    self, Align, Axis, Cell, Column, Field, Figure, Label, Records, Report, Row, Style, Table,
    number,
};
use crate::sampler;
use rayon::prelude::*;
use serde_json::json;

/// What a curve runs along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// Time, from T to eps, in one run.
    Time,
    /// The truncation time: one run each.
    Eps,
}

impl Along {
    /// `t` or `eps`, the name in files.
    pub fn name(self) -> &'static str {
        match self {
            Along::Time => "t",
            Along::Eps => "eps",
        }
    }
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Time, or truncation time.
    pub at: f64,
    /// The error there.
    pub error: Value,
}

/// The curve of one sampler or continuous solution.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Label of the sampler; "sde" or "ode" for a continuous solution.
    pub name: String,
    /// Steps and evaluations of a sampler.
    pub spent: Option<(usize, usize)>,
    /// Points, noisiest first.
    pub points: Vec<Point>,
}

/// Errors of samplers and of both continuous solutions, along time or truncation.
#[derive(Debug)]
pub struct Curve {
    setting: Setting,
    init_label: String,
    init: Init,
    metric: &'static str,
    metric_name: MetricName,
    along: Along,
    target: Target,
    /// One per sampler, then the SDE and the ODE.
    pub series: Vec<Series>,
}

/// The error along time (the paper's figure 1, left): at every time of the grid, the law of the
/// state against `target`: [`Target::Marginal`] is p_t, [`Target::Data`] is p_0.
///
/// # Errors
/// [`ExperimentError`]
pub fn curve_time(
    setting: &Setting,
    samplers: &[NamedSampler],
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
    metric: Named<dyn Metric>,
    target: Target,
) -> Result<Curve, ExperimentError> {
    let init = setting.init(init)?;
    let data = &setting.spectrum;
    let evaluate = |law| metric.item.evaluate(&law);
    let mut times: Vec<f64> = Vec::new();
    let mut series = Vec::new();
    for sampler in samplers {
        let run = setting.run(sampler, length, eps)?;
        let points = along_with(&run.plan, data, |state| Point {
            at: state.level.t,
            error: evaluate(state.law(&init, target)),
        });
        series.push(Series {
            name: run.sampler.clone(),
            spent: Some((run.grid.step_count(), run.plan.nfe())),
            points,
        });
        times.extend(run.grid.levels().iter().map(|l| l.t));
        // The continuous solutions have as many points again, each.
        let points =
            series.iter().map(|s: &Series| s.points.len()).sum::<usize>() + 2 * times.len();
        super::affordable(
            || format!("a curve of {points} points"),
            points,
            1500,
            "ask for fewer steps or fewer samplers",
        )?;
    }
    if times.is_empty() {
        // Without samplers the continuous solutions are shown on the grid itself.
        let steps = match length {
            Length::Steps(n) | Length::Nfe(n) => n,
            Length::Points(n) => n.saturating_sub(1),
        };
        let grid = setting.rule.grid_for(data, &setting.process, steps, eps)?;
        times.extend(grid.levels().iter().map(|l| l.t));
    }
    times.sort_by(|a, b| b.total_cmp(a));
    times.dedup();
    let start = setting.process.level(times[0]);
    for (name, reverse) in [("sde", SDE), ("ode", ODE)] {
        let points = times.par_iter().map(|&t| {
            let law = reverse.law(data, &start, &setting.process.level(t), &init, target);
            Point { at: t, error: evaluate(law) }
        });
        series.push(Series { name: name.into(), spent: None, points: points.collect() });
    }
    Ok(Curve {
        setting: setting.clone(),
        init_label: init_label.into(),
        init,
        metric: metric.name,
        metric_name: metric.item.name(),
        along: Along::Time,
        target,
        series,
    })
}

/// The truncation times of a curve along them where none are given: four a decade, from 1e-5 to 0.1.
pub fn spaced_eps() -> Vec<f64> {
    (0..=16).map(|k| 10f64.powf(-5.0 + f64::from(k) / 4.0)).collect()
}

/// The error of the final sample along truncation times, against `target` (the paper's figure 1,
/// right, against the data).
///
/// # Errors
/// [`ExperimentError`]
pub fn curve_eps(
    setting: &Setting,
    samplers: &[NamedSampler],
    length: Length,
    eps: &[f64],
    (init_label, init): (&str, &Init),
    metric: Named<dyn Metric>,
    target: Target,
) -> Result<Curve, ExperimentError> {
    if eps.is_empty() {
        return Err(ExperimentError::Empty { what: "eps" });
    }
    let init = setting.init(init)?;
    let data = &setting.spectrum;
    let mut eps = eps.to_vec();
    eps.sort_by(|a, b| b.total_cmp(a));
    eps.dedup();
    let mut series = Vec::new();
    for sampler in samplers {
        let points: Vec<(Point, (usize, usize))> = eps
            .par_iter()
            .map(|&eps| {
                let run = setting.run(sampler, length, eps)?;
                let law = Output::of(&run.plan, data).law(&init, target);
                let point = Point { at: eps, error: metric.item.evaluate(&law) };
                Ok((point, (run.grid.step_count(), run.plan.nfe())))
            })
            .collect::<Result<_, ExperimentError>>()?;
        series.push(Series {
            name: sampler.label.clone(),
            spent: points.first().map(|(_, spent)| *spent),
            points: points.into_iter().map(|(p, _)| p).collect(),
        });
    }
    let t_max = setting.process.t_max();
    if let Some(&eps) = eps.iter().find(|e| !(0.0..t_max).contains(*e)) {
        return Err(crate::grid::GridError::Eps { eps, t_max }.into());
    }
    let start = setting.process.level(t_max);
    for (name, reverse) in [("sde", SDE), ("ode", ODE)] {
        let point = |&t: &f64| {
            let law = reverse.law(data, &start, &setting.process.level(t), &init, target);
            Point { at: t, error: metric.item.evaluate(&law) }
        };
        series.push(Series {
            name: name.into(),
            spent: None,
            points: eps.iter().map(point).collect(),
        });
    }
    Ok(Curve {
        setting: setting.clone(),
        init_label: init_label.into(),
        init,
        metric: metric.name,
        metric_name: metric.item.name(),
        along: Along::Eps,
        target,
        series,
    })
}

impl Curve {
    /// The curve in all formats. Tables show at most `rows` points, evenly chosen; figure, CSV and
    /// JSON have all.
    pub fn report(&self, rows: usize) -> Report {
        Report {
            tables: vec![self.table(rows)],
            figures: vec![self.figure()],
            records: self.records(),
            json: self.json(),
            ..Report::default()
        }
    }

    /// Name of the value in CSV and JSON: `w2`, `kl_forward`, …
    fn value_name(&self) -> String {
        self.metric.replace('-', "_")
    }

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
            "{} to {} against {}, {}, init {}",
            self.metric_name.label().plain(),
            self.target().plain(),
            self.along.name(),
            self.setting.spectrum.name(),
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
            "{measured} against {against}: {}, {} process, started from {init}.",
            Label::new(self.setting.spectrum.name()).latex(),
            Label::new(self.setting.process_label.as_str()).latex(),
        );
        let y_label = format!("{} to {}", self.metric_name.label().plain(), self.target().plain());
        let is_signed = self.series.iter().flat_map(|s| &s.points).any(|p| p.error.value < 0.0);
        let curve = |s: &Series| report::Curve {
            name: called(&s.name).into(),
            dashed: s.spent.is_none(),
            points: s.points.iter().map(|p| (p.at, p.error.value)).collect(),
        };
        Figure {
            title: Label::new(self.title()).with_latex(caption),
            x: Axis { label: self.at(), log: self.along == Along::Eps },
            y: Axis { label: Label::new(y_label).with_latex(measured), log: !is_signed },
            curves: self.series.iter().map(curve).collect(),
            notes: self.spent(called).into_iter().chain(self.infinite(called)).collect(),
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
        Records { columns: columns.into_iter().chain([self.value_name()]).collect(), rows }
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
            series[self.value_name()] = values.into();
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
