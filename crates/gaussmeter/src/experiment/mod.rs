//! Experiments: a checked description of what to run, run exactly, and told as a
//! [`Report`](crate::report::Report).

mod budget;
mod curve;
mod eval;
mod info;
mod modes;
mod pareto;
mod rank;
mod recommend;
mod robustness;
mod sample;
mod schedules;
mod show;
mod table;
mod trial;
mod tune;

pub use budget::{ErrorBudget, error_budget};
pub use curve::{Along, Curve, Point, Series, curve_eps, curve_time};
pub use eval::{Evaluation, Measured, evaluate};
pub use info::{Info, info};
pub use modes::{ModeErrors, mode_errors};
pub use pareto::{Pareto, pareto};
pub use rank::{Ranking, rank};
pub use recommend::{
    BUDGETS, Candidate, Challenge, DELTAS, Goal, RecommendOptions, Recommendation, Skip, Timed,
    recommend,
};
pub use robustness::{PERTURBATIONS, Perturbation};
pub use sample::{Frame, FrameKind, SampleError, Sampling, nearest_levels, spread_levels};
pub use schedules::{NamedRule, ScheduleOptions, ScheduleResult, Schedules, schedules};
pub use show::{Program, program};
pub use table::{CellKey, Column, Table, TableCell, TableOptions, table};
pub use trial::{Outcome, Place, Trial};
pub use tune::{Rival, TuneOptions, Tuning, standard_schedules, tune};

use crate::design::{SpaceError, TuneError};
use crate::entry::Named;
use crate::exact::continuous::{ODE, Reverse, SDE};
use crate::exact::{Init, InitError};
use crate::grid::{Grid, GridError, GridRule};
use crate::numeric::written;
use crate::process::Process;
use crate::report::number;
use crate::sampler::{Sampler, SamplerError};
use crate::spectrum::{Estimate, Notice, Spectrum, Spread};
use crate::tape::Plan;
use std::sync::Arc;
use thiserror::Error;

/// Version of the JSON documents that reports contain; see `docs/json.md`.
pub const SCHEMA: u32 = 1;

/// Longest run that is recorded: a program takes about a kilobyte per step.
pub const MAX_STEPS: usize = 1_000_000;

/// An experiment cannot be run.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The times cannot form a grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The initial law does not fit.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The sampler is not defined on the grid.
    #[error("sampler '{sampler}': {source}")]
    Sampler {
        /// Its label.
        sampler: String,
        /// The reason.
        source: SamplerError,
    },
    /// The evaluations do not suffice for a single step.
    #[error(
        "sampler '{sampler}' needs at least {needed} network evaluations, but the budget is {nfe}"
    )]
    Budget {
        /// Its label.
        sampler: String,
        /// Evaluations of a one-step run.
        needed: usize,
        /// The budget.
        nfe: usize,
    },
    /// The evaluations do not grow with the steps, so that a budget does not tell their number.
    #[error(
        "sampler '{sampler}' spends {spent} network evaluations in {steps} steps and no more in longer runs, so that a budget of {nfe} does not tell its length: give a number of steps"
    )]
    NoGrowth {
        /// Its label.
        sampler: String,
        /// The evaluations it has.
        spent: usize,
        /// The steps it was last tried with.
        steps: usize,
        /// The budget.
        nfe: usize,
    },
    /// Zero steps, or fewer than two points.
    #[error("{asked} leaves no step: at least 1 step (2 points) is needed")]
    NoStep {
        /// What was asked for, in words.
        asked: String,
    },
    /// More steps than a program is recorded for.
    #[error("{asked} is too long: at most {MAX_STEPS} steps are recorded")]
    TooLong {
        /// What was asked for, in words.
        asked: String,
    },
    /// What was asked for would take too much memory or time.
    #[error("{what} would take about {takes}: at most {most}; {remedy}")]
    TooMuch {
        /// What, in words.
        what: String,
        /// What it would take.
        takes: String,
        /// What is allowed.
        most: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The evaluations of a sampler depend on where its levels lie.
    #[error(
        "sampler '{sampler}' spends {nfe} network evaluations on the times found, but the budget is {budget}: their number depends on where levels lie, so ask for --steps"
    )]
    OverBudget {
        /// Its label.
        sampler: String,
        /// What it spends.
        nfe: usize,
        /// The budget.
        budget: usize,
    },
    /// The objective does not fit the spectrum.
    #[error("{0}")]
    Objective(String),
    /// A start that may move, from the exact law of wherever it is.
    #[error(
        "from the exact law, a free start is best where nothing is left to sample: use --init normal, or a fixed start"
    )]
    FreeExactStart,
    /// No schedule satisfies what is asked.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// No schedule was found.
    #[error(transparent)]
    Tune(#[from] TuneError),
    /// No budget that was tried reaches an error.
    #[error(
        "no sampler reaches W2 = {} within {nfe} network evaluations: the least is {:.4}, by {sampler}",
        written(.error), written(.least)
    )]
    Unreached {
        /// What was asked for.
        error: f64,
        /// The largest budget.
        nfe: usize,
        /// The least error.
        least: f64,
        /// The sampler that has it.
        sampler: String,
    },
    /// It was stopped from outside before there was any result.
    #[error("interrupted before anything was found")]
    Interrupted,
    /// A list of samplers, columns or times is empty.
    #[error("no {what} given")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
}

/// How long a sampler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Number of steps.
    Steps(usize),
    /// Number of grid points: one more than steps. The paper's N.
    Points(usize),
    /// Network evaluations: as many steps as fit.
    Nfe(usize),
}

impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Length::Steps(n) => write!(f, "{n} step{}", if *n == 1 { "" } else { "s" }),
            Length::Points(n) => write!(f, "{n} point{}", if *n == 1 { "" } else { "s" }),
            Length::Nfe(n) => write!(f, "{n} NFE"),
        }
    }
}

/// What all configurations of an experiment share.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The data.
    pub spectrum: Arc<Spectrum>,
    /// The forward process.
    pub process: Arc<dyn Process>,
    /// Its text form.
    pub process_label: String,
    /// Where the times go.
    pub rule: Arc<dyn GridRule>,
    /// Its text form.
    pub rule_label: String,
}

/// A sampler with its name.
pub type NamedSampler = Named<dyn Sampler>;

/// A sampler on its grid.
#[derive(Clone, Debug)]
pub struct Run {
    /// Label of the sampler.
    pub sampler: String,
    /// Its times.
    pub grid: Grid,
    /// Its program.
    pub plan: Plan,
}

impl Run {
    /// The continuous solution that the sampler approximates: the reverse SDE if it draws noise,
    /// the probability-flow ODE if not.
    pub fn continuous(&self) -> (&'static str, Reverse) {
        if self.plan.is_stochastic() { ("sde", SDE) } else { ("ode", ODE) }
    }
}

/// Refuses documents of more than 2 GB.
fn affordable(
    what: impl FnOnce() -> String,
    entries: usize,
    bytes_each: usize,
    remedy: &'static str,
) -> Result<(), ExperimentError> {
    let bytes = entries as f64 * bytes_each as f64;
    match bytes <= 2e9 {
        true => Ok(()),
        false => Err(ExperimentError::TooMuch {
            what: what(),
            takes: format!("{:.1} GB of memory", bytes / 1e9),
            most: "2 GB",
            remedy,
        }),
    }
}

impl Setting {
    /// A sampler on a grid of a given number of steps.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn run_steps(
        &self,
        sampler: &NamedSampler,
        steps: usize,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        let grid = self.rule.grid_for(&self.spectrum, &self.process, steps, eps)?;
        match sampler.item.plan(&grid) {
            Ok(plan) => Ok(Run { sampler: sampler.label.clone(), grid, plan }),
            Err(source) => Err(ExperimentError::Sampler { sampler: sampler.label.clone(), source }),
        }
    }

    /// A sampler on a grid of a given length. For a budget of evaluations, these are counted on
    /// recorded programs.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn run(
        &self,
        sampler: &NamedSampler,
        length: Length,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        let no_step = || ExperimentError::NoStep { asked: length.to_string() };
        match length {
            Length::Steps(0) | Length::Points(0 | 1) | Length::Nfe(0) => Err(no_step()),
            Length::Steps(n) | Length::Points(n) | Length::Nfe(n) if n > MAX_STEPS => {
                Err(ExperimentError::TooLong { asked: length.to_string() })
            }
            Length::Steps(steps) => self.run_steps(sampler, steps, eps),
            Length::Points(points) => self.run_steps(sampler, points - 1, eps),
            Length::Nfe(nfe) => self.run_nfe(sampler, nfe, eps),
        }
    }

    /// The longest run within a budget. Evaluations grow with steps, nearly in proportion: the
    /// guess by proportion is corrected step by step.
    fn run_nfe(
        &self,
        sampler: &NamedSampler,
        nfe: usize,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        if let Some(steps) = self.rule.own_steps().or(sampler.item.own_steps()) {
            let run = self.run_steps(sampler, steps, eps)?;
            return if run.plan.nfe() <= nfe { Ok(run) } else { Err(too_small(&run, nfe)) };
        }
        let mut best = self.run_steps(sampler, nfe, eps)?;
        if best.plan.nfe() > nfe {
            let guess = (nfe * nfe / best.plan.nfe()).max(1);
            best = self.run_steps(sampler, guess, eps)?;
        }
        while best.plan.nfe() > nfe {
            let steps = best.grid.step_count();
            if steps == 1 {
                return Err(too_small(&best, nfe));
            }
            best = self.run_steps(sampler, steps - 1, eps)?;
        }
        while best.plan.nfe() < nfe {
            let longer = self.run_steps(sampler, best.grid.step_count() + 1, eps)?;
            if longer.plan.nfe() > nfe {
                break;
            }
            let is_stalled = longer.plan.nfe() <= best.plan.nfe();
            best = longer;
            if is_stalled {
                best = self.past_stall(sampler, best, nfe, eps)?;
            }
        }
        Ok(best)
    }

    /// A longer run for a sampler that does not ask its network in every step: in proportion, where that
    /// fits; else up to the step in which it asks next, or before it if that is one too many.
    ///
    /// # Errors
    /// [`ExperimentError::NoGrowth`] where far longer runs take no evaluation more.
    fn past_stall(
        &self,
        sampler: &NamedSampler,
        best: Run,
        nfe: usize,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        let (steps, spent) = (best.grid.step_count(), best.plan.nfe());
        let of = |n: usize| self.run_steps(sampler, n.min(MAX_STEPS), eps);
        // Twice as many, and more for short ones: without growth by then there is none to wait for.
        let patient = 2 * steps + PATIENCE;
        for share in [spent, spent + 1] {
            let longer = (steps * nfe).checked_div(share).map_or(steps, |n| n.min(patient));
            if longer > steps
                && let Ok(run) = of(longer)
                && (spent + 1..=nfe).contains(&run.plan.nfe())
            {
                return Ok(run);
            }
        }
        // Some grids have no room for that.
        let farther = [patient, 2 * steps].into_iter().find_map(|n| of(n).ok());
        let Some(mut high) = farther.filter(|run| run.plan.nfe() > spent) else {
            let sampler = best.sampler;
            return Err(ExperimentError::NoGrowth { sampler, spent, steps, nfe });
        };
        let mut low = best;
        while high.grid.step_count() > low.grid.step_count() + 1 {
            let middle = of(low.grid.step_count().midpoint(high.grid.step_count()))?;
            if middle.plan.nfe() > spent { high = middle } else { low = middle }
        }
        Ok(if high.plan.nfe() <= nfe { high } else { low })
    }

    /// An initial law with the process's own values filled in.
    ///
    /// # Errors
    /// [`ExperimentError::Init`]
    pub fn init(&self, init: &Init) -> Result<Init, ExperimentError> {
        Ok(init.resolve(&*self.process, &self.spectrum)?)
    }

    /// What every JSON document says of its setting.
    pub(crate) fn json(&self) -> serde_json::Map<String, serde_json::Value> {
        let document = serde_json::json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
            "spectrum": spectrum_json(&self.spectrum),
            "process": self.process_label,
            "grid_rule": self.rule_label,
        });
        let mut document = match document {
            serde_json::Value::Object(map) => map,
            _ => serde_json::Map::new(),
        };
        if !self.process.notices().is_empty() {
            document.insert("process_notices".into(), self.process.notices().into());
        }
        document
    }
}

/// What a quadrature leaves open of a value.
fn spread_json(spread: &Spread) -> serde_json::Value {
    serde_json::json!({"probes": number(spread.probes), "steps": number(spread.steps)})
}

/// What a quadrature leaves open of some values, at most, in words.
fn left_open(values: impl Iterator<Item = (f64, Option<Spread>)>) -> Option<String> {
    let relative = values.filter_map(|(value, spread)| {
        let Spread { probes, steps } = spread?;
        (value != 0.0).then(|| (probes / value.abs(), steps / value.abs()))
    });
    let most = |(a, b): (f64, f64), (c, d): (f64, f64)| (a.max(c), b.max(d));
    let (probes, steps) = relative.reduce(most)?;
    Some(format!(
        "the quadrature leaves values open by up to {:.2} % (random vectors) and {:.2} % (passes)",
        100.0 * probes,
        100.0 * steps
    ))
}

fn spectrum_json(s: &Spectrum) -> serde_json::Value {
    let mut document = serde_json::json!({
        "name": s.name(),
        "provenance": s.provenance(),
        "dim": number(s.dim()),
        "modes": s.modes().len(),
        "trace": number(s.trace()),
        "null_dim": number(s.null_dim()),
    });
    let errors = s.notices().iter().find_map(|notice| match notice {
        Notice::Quadrature { estimates } => Some(estimates),
        _ => None,
    });
    if let Some(estimates) = errors {
        let estimate = |e: &Estimate| {
            serde_json::json!({
                "of": e.what,
                "value": number(e.value),
                "probes": number(e.probes),
                "steps": number(e.steps),
            })
        };
        document["quadrature"] = estimates.iter().map(estimate).collect();
    }
    document
}

/// The steps beyond twice their number in which a sampler may still start to ask its network.
const PATIENCE: usize = 1024;

fn too_small(run: &Run, nfe: usize) -> ExperimentError {
    ExperimentError::Budget { sampler: run.sampler.clone(), needed: run.plan.nfe(), nfe }
}

/// What a user should know about a result; no reason to stop.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Errors cancel: the whole is smaller than one of its parts.
    BelowComponent {
        /// The whole.
        total: f64,
        /// "initialization", "truncation" or "discretization".
        component: &'static str,
        /// The part.
        part: f64,
    },
    /// Some modes are flipped.
    NegativeGains {
        /// How many distinct modes.
        modes: usize,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::BelowComponent { total, component, part } => write!(
                f,
                "the total error {:.4} is below the {component} error {:.4}: errors cancel here, which is luck, not accuracy",
                written(total),
                written(part)
            ),
            Warning::NegativeGains { modes } => write!(
                f,
                "{modes} mode{} negative gain: the law has the right size, but samples are flipped along these directions",
                if *modes == 1 { " has a" } else { "s have a" }
            ),
        }
    }
}
