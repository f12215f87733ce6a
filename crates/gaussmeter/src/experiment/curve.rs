use super::{ExperimentError, Length, NamedSampler, Setting};
use crate::entry::Named;
use crate::exact::continuous::{ODE, SDE, values_along};
use crate::exact::{Init, Target, along_some};
use crate::level::Level;
use crate::metric::{Metric, MetricName, Value};
use crate::network::Learnt;
use crate::process::Process;
use crate::watch::Watch;
use rayon::prelude::*;

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
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law in words.
    pub init_label: String,
    /// The initial law.
    pub init: Init,
    /// Name of the metric in its registry.
    pub metric: &'static str,
    /// How results refer to it.
    pub metric_name: MetricName,
    /// What the curve runs along.
    pub along: Along,
    /// What laws are compared with.
    pub target: Target,
    /// One per sampler, then the SDE and the ODE.
    pub series: Vec<Series>,
}

/// Both curves of the paper's figure 1: of the same samplers, on the same data.
#[derive(Debug)]
pub struct Curves {
    /// Along time.
    pub time: Curve,
    /// Along truncation times.
    pub eps: Curve,
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
    (metric, target): (&Named<dyn Metric>, Target),
    watch: Watch,
) -> Result<Curve, ExperimentError> {
    let init = setting.init(init)?;
    let learnt = setting.learnt(&init)?;
    let evaluate = |law| metric.item.evaluate(&law);
    let mut times: Vec<f64> = Vec::new();
    let mut series = Vec::new();
    for sampler in samplers {
        let run = setting.run_watched(sampler, length, eps, watch)?;
        let points = along_some(&learnt, &run.plan, &|_| true, watch, |state| Point {
            at: state.level.t,
            error: evaluate(state.law_against(learnt.truth(), &init, target)),
        })?;
        if watch.is_stopped() {
            return Err(ExperimentError::Interrupted);
        }
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
        let grid = setting.rule.grid_for(&setting.spectrum, &setting.process, steps, eps)?;
        times.extend(grid.levels().iter().map(|l| l.t));
    }
    times.sort_by(|a, b| b.total_cmp(a));
    times.dedup();
    let start = setting.process.level(times[0]);
    let (process, measure) = (&*setting.process, &*metric.item);
    series.extend(continuous(&learnt, process, (start, &times), (&init, target), measure, watch)?);
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

/// The errors of the SDE and the ODE at times, the noisiest first, started at a level.
pub(super) fn continuous(
    learnt: &Learnt,
    process: &dyn Process,
    (start, times): (Level, &[f64]),
    (init, target): (&Init, Target),
    metric: &dyn Metric,
    watch: Watch,
) -> Result<Vec<Series>, ExperimentError> {
    let levels: Vec<Level> = times.iter().map(|&t| process.level(t)).collect();
    let between = (&start, &levels[..]);
    let found = values_along([SDE, ODE], learnt, between, init, target, metric, watch);
    let found = found.ok_or(ExperimentError::Interrupted)?;
    let series = |(name, errors): (&str, Vec<Value>)| {
        let points = times.iter().zip(errors).map(|(&at, error)| Point { at, error });
        Series { name: name.into(), spent: None, points: points.collect() }
    };
    Ok(["sde", "ode"].into_iter().zip(found).map(series).collect())
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
    (metric, target): (&Named<dyn Metric>, Target),
    watch: Watch,
) -> Result<Curve, ExperimentError> {
    if eps.is_empty() {
        return Err(ExperimentError::Empty { what: "eps" });
    }
    let init = setting.init(init)?;
    let learnt = setting.learnt(&init)?;
    let mut eps = eps.to_vec();
    eps.sort_by(|a, b| b.total_cmp(a));
    eps.dedup();
    let mut series = Vec::new();
    for sampler in samplers {
        let points: Vec<(Point, (usize, usize))> = eps
            .par_iter()
            .map(|&eps| {
                let run = setting.run_watched(sampler, length, eps, watch)?;
                let law = run.law(&learnt, &init, target)?;
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
    let (process, measure) = (&*setting.process, &*metric.item);
    series.extend(continuous(&learnt, process, (start, &eps), (&init, target), measure, watch)?);
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
