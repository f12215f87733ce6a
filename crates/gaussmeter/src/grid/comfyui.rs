use super::flow_shift::is_flow;
use super::timesteps::around;
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::process::Process;
use std::sync::Arc;

/// ComfyUI's schedulers: n levels out of a model's table of N, followed by a last step to the data.
///
/// On `vp-discrete` the table holds the training timesteps, and log σ/α is linear between them. On
/// a flow it has the levels at t = 1/N, 2/N, …, 1 of the process, so that a `shift` is set on the
/// process; a model's time is its u, which its level formula then shifts once more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComfyUi {
    /// Which levels are taken.
    pub spacing: ComfyUiSpacing,
    /// N on a flow: 10000 for Flux; default 1000 (Stable Diffusion 3, Wan, …).
    pub table: Option<usize>,
    /// The number of steps ComfyUI is asked for, if it makes a different number.
    pub asked: Option<usize>,
}

/// Which levels of the table are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComfyUiSpacing {
    /// linspace in the model's time from the last level to the first, n values.
    Normal,
    /// The same with n + 1 values, without the last.
    SgmUniform,
    /// Level N − 1 − ⌊k N/n⌋.
    Simple,
    /// Every ⌊N/n⌋-th level from number 1 on, which makes n levels only if n divides N (30 steps
    /// asked for make 31).
    DdimUniform,
}

/// The position of a level.
#[derive(Clone, Copy)]
enum Place {
    /// A position in the table, from 0.
    Index(usize),
    /// `Way(a, b)`: a/b of the way from the last level to the first in the model's time.
    Way(usize, usize),
}

impl ComfyUi {
    fn places(&self, total: usize, n: usize) -> Vec<Place> {
        let last = total.saturating_sub(1);
        let n = self.asked.unwrap_or(n);
        let way = |parts: usize| (0..n).map(|k| Place::Way(k, parts)).collect();
        match self.spacing {
            ComfyUiSpacing::Normal => way(n.saturating_sub(1)),
            ComfyUiSpacing::SgmUniform => way(n),
            ComfyUiSpacing::Simple => (0..n)
                .map(|k| (k as f64 * (total as f64 / n as f64)) as usize)
                .map(|skipped| Place::Index(last.saturating_sub(skipped)))
                .collect(),
            ComfyUiSpacing::DdimUniform => {
                let stride = (total / n.max(1)).max(1);
                (1..total).step_by(stride).map(Place::Index).rev().collect()
            }
        }
    }

    /// The training timesteps of `vp-discrete` as levels σ/α.
    fn on_timesteps(
        &self,
        process: &Arc<dyn Process>,
        total: usize,
        steps: usize,
    ) -> Result<Grid, GridError> {
        let level = |place: Place| {
            let last = total.saturating_sub(1) as f64;
            let timestep = match place {
                Place::Index(k) => k as f64,
                Place::Way(0, _) => last,
                Place::Way(k, parts) => last * (parts - k) as f64 / parts as f64,
            };
            let [low, high] = around(&**process, timestep);
            low * (high / low).powf(timestep.fract())
        };
        let places = self.places(total, steps).into_iter();
        let sigmas: Vec<f64> = places.map(level).chain([0.0]).collect();
        Grid::from_sigmas(process.clone(), &sigmas)
    }

    /// The table of a flow as times.
    fn on_flow(&self, process: &Arc<dyn Process>, steps: usize) -> Result<Grid, GridError> {
        let (total, t_max) = (self.table.unwrap_or(1000), process.t_max());
        // The model's time is u, and its levels are those of the process at t = u.
        let first = process.level(t_max / total as f64).sigma;
        let time = |place: Place| match place {
            Place::Index(k) => (k + 1) as f64 / total as f64 * t_max,
            Place::Way(0, _) => t_max,
            Place::Way(k, parts) => ((parts - k) as f64 + k as f64 * first) / parts as f64 * t_max,
        };
        let times: Vec<f64> =
            self.places(total, steps).into_iter().map(time).chain([0.0]).collect();
        Grid::new(process.clone(), &times)
    }
}

impl GridRule for ComfyUi {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let grid = match process.training_steps() {
            Some(_) if self.table.is_some() => return Err(GridError::OwnTable),
            Some(total) => self.on_timesteps(process, total, steps),
            None if is_flow(&**process) => self.on_flow(process, steps),
            None => return Err(GridError::NoTable),
        };
        grid?.exactly(steps, eps)
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(0.0)
    }
}

const SOURCE: &str = "ComfyUI, comfy/samplers.py at a125cd84b054";

const TABLE: Parameter = Parameter {
    name: "table",
    kind: Kind::NumberOr { word: "auto" },
    default: Some("auto"),
    summary: "number of levels of a flow model's table: 10000 for Flux; auto is 1000 (on vp-discrete: its own)",
};

fn build(spacing: ComfyUiSpacing, a: &Arguments) -> Result<Box<dyn GridRule>, BuildError> {
    let whole = |key: &str, least: f64| match a.number_or(key) {
        Some(n) if n.fract() != 0.0 || !(least..=1e6).contains(&n) => {
            Err(format!("{key} = {n} is not a whole number from {least} to 1000000"))
        }
        n => Ok(n.map(|n| n as usize)),
    };
    let asked = match spacing {
        ComfyUiSpacing::DdimUniform => whole("asked", 1.0)?,
        _ => None,
    };
    Ok(Box::new(ComfyUi { spacing, table: whole("table", 2.0)?, asked }))
}

pub(super) static NORMAL: Entry<dyn GridRule> = Entry {
    name: "normal",
    aliases: &[],
    summary: "ComfyUI's normal: equal steps in training timestep from T - 1 to 0, or in u on flow, then the data",
    source: SOURCE,
    order: None,
    parameters: &[TABLE],
    build: |a| build(ComfyUiSpacing::Normal, a),
};

pub(super) static SGM_UNIFORM: Entry<dyn GridRule> = Entry {
    name: "sgm_uniform",
    aliases: &["sgm-uniform"],
    summary: "ComfyUI's sgm_uniform: equal steps in training timestep, or in u on flow, leaving out the last level above 0",
    source: SOURCE,
    order: None,
    parameters: &[TABLE],
    build: |a| build(ComfyUiSpacing::SgmUniform, a),
};

pub(super) static SIMPLE: Entry<dyn GridRule> = Entry {
    name: "simple",
    aliases: &[],
    summary: "ComfyUI's simple: every T/n-th training timestep, or level of a flow model's table, starting with the last, then the data",
    source: SOURCE,
    order: None,
    parameters: &[TABLE],
    build: |a| build(ComfyUiSpacing::Simple, a),
};

pub(super) static DDIM_UNIFORM: Entry<dyn GridRule> = Entry {
    name: "ddim_uniform",
    aliases: &["ddim-uniform"],
    summary: "ComfyUI's ddim_uniform: every floor(T/n)-th training timestep, or level of a flow model's table, starting with number 1, then the data; n must divide T",
    source: SOURCE,
    order: None,
    parameters: &[
        TABLE,
        Parameter {
            name: "asked",
            kind: Kind::NumberOr { word: "steps" },
            default: Some("steps"),
            summary: "number of steps ComfyUI is asked for, if it makes a different number: 30 makes 31",
        },
    ],
    build: |a| build(ComfyUiSpacing::DdimUniform, a),
};
