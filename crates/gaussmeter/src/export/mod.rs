//! Export of schedules to the projects that people sample with.
//!
//! A [`Target`] converts a grid and a sampler to the form its project accepts, reports what had to
//! change, and returns the steps that the project will actually take; [`export`] measures the error
//! before and after, so the cost of the change is a number. Every export can be read back as a grid
//! (see `docs/export.md`).
//!
//! A new target is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in
//! [`registry`].

mod comfyui;
mod diffusers;
mod edm;
mod flow;
mod k_diffusion;
mod runner;

use crate::entry::{Named, Registry, nearest};
use crate::exact::{Init, Output, Target as Against};
use crate::experiment::{ExperimentError, NamedSampler, SCHEMA, Setting};
use crate::grid::{Grid, GridError};
use crate::level::Level;
use crate::metric::wasserstein2;
use crate::numeric::written;
use crate::report::number;
use crate::sampler::SamplerError;
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use serde_json::json;
use std::fmt::Debug;
use std::fmt::Write as _;
use thiserror::Error;

/// The targets that ship with the library.
pub fn registry() -> Registry<dyn Target> {
    Registry {
        family: "target",
        entries: vec![
            &diffusers::ENTRY,
            &k_diffusion::ENTRY,
            &comfyui::ENTRY,
            &edm::ENTRY,
            &flow::ENTRY,
        ],
        refused: &[],
    }
}

/// Why a schedule cannot be exported.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ExportError {
    /// The levels that the project would use cannot form a grid.
    #[error("{runner} cannot take these levels: {source}")]
    Grid {
        /// The project's sampler.
        runner: String,
        /// What is wrong with the levels.
        source: GridError,
    },
    /// The sampler, the grid or the initial law does not fit.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The project's sampler does not accept a list.
    #[error("{runner} does not accept a list of noise levels or timesteps: use {instead}")]
    Refused {
        /// Its name.
        runner: &'static str,
        /// One that does.
        instead: &'static str,
    },
    /// The project has no sampler of this name, or none known here.
    #[error("unknown {what} '{name}'{}", suggestion(.nearest.as_deref(), .known))]
    Unknown {
        /// "scheduler of diffusers", …
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The most similar known name, if there is one.
        nearest: Option<String>,
        /// The known names.
        known: Vec<&'static str>,
    },
    /// No sampler of the project takes the same steps as the sampler asked for.
    #[error(
        "no {what} takes the same steps as '{sampler}' on this grid: choose one (known: {})",
        known.join(", ")
    )]
    NoRunner {
        /// "scheduler of diffusers", …
        what: &'static str,
        /// Label of the sampler.
        sampler: String,
        /// The known names.
        known: Vec<&'static str>,
    },
    /// Training timesteps are needed, and the process has none.
    #[error(
        "{runner} needs training timesteps: give the process of its network, such as vp-discrete or diffusers:scheduler_config.json"
    )]
    NotDiscrete {
        /// What needs them.
        runner: &'static str,
    },
    /// Levels of flow matching are needed, and the process is variance-preserving.
    #[error(
        "{runner} is for flow matching models: give the process flow, or levels sigma/alpha on edm"
    )]
    NotFlow {
        /// What needs them.
        runner: &'static str,
    },
    /// More steps than whole timesteps.
    #[error("{steps} steps do not fit on the whole timesteps from {} to 0 of {runner}", written(.first))]
    Crowded {
        /// What needs whole timesteps.
        runner: &'static str,
        /// Number of steps.
        steps: usize,
        /// The first timestep.
        first: f64,
    },
    /// A level without signal.
    #[error(
        "{runner} needs sigma/alpha, which is infinite at t = {}: start at a level where some signal is left", written(.t))]
    NoSignal {
        /// What needs it.
        runner: String,
        /// Time of the level.
        t: f64,
    },
}

fn suggestion(nearest: Option<&str>, known: &[&'static str]) -> String {
    match nearest {
        Some(name) => format!(": did you mean '{name}'?"),
        None => format!(" (known: {})", known.join(", ")),
    }
}

/// What is to be exported.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The data.
    pub spectrum: &'a Spectrum,
    /// The sampler.
    pub sampler: &'a NamedSampler,
    /// Its times.
    pub grid: &'a Grid,
}

/// A schedule as a project runs it.
#[derive(Debug)]
pub struct Placed {
    /// What runs it there: `DPMSolverMultistepScheduler`, `sample_heun`.
    pub runner: String,
    /// The equivalent sampler of this library.
    pub sampler: NamedSampler,
    /// The levels it uses.
    pub grid: Grid,
    /// How it starts.
    pub start: Start,
    /// The name of the list there.
    pub argument: &'static str,
    /// The list.
    pub values: Vec<f64>,
    /// The list as text, with all significant digits.
    pub digits: Vec<String>,
    /// What had to change, in words.
    pub changes: Vec<String>,
    /// Text to paste that uses the list: Python, except for ComfyUI.
    pub code: String,
}

/// The law N(0, std² I) that a project starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// x/α of standard deviation σ/α.
    Sigma,
    /// x/α of standard deviation √(1 + (σ/α)²).
    Unit,
    /// Flow matching: standard deviation 1 for the state whose scales α and σ add up to 1.
    Flow,
}

impl Start {
    /// The standard deviation of the state at a level.
    pub fn std(self, level: &Level) -> f64 {
        match self {
            Start::Sigma => level.sigma,
            Start::Unit => level.alpha.hypot(level.sigma),
            Start::Flow => level.alpha + level.sigma,
        }
    }
}

/// A project, and how a schedule is passed to it.
pub trait Target: Debug + Send + Sync {
    /// Converts a schedule to the form the project runs.
    ///
    /// # Errors
    /// [`ExportError`]
    fn place(&self, asked: &Asked<'_>) -> Result<Placed, ExportError>;

    /// Whether [`Placed::code`] is Python.
    fn is_python(&self) -> bool {
        true
    }
}

/// The form in which an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text to paste: Python, or what ComfyUI's node takes.
    Code,
    /// The bare list, one number per line.
    List,
    /// Everything, as JSON.
    Json,
}

/// An exported schedule, with the cost of the change.
#[derive(Debug)]
pub struct Export {
    /// Label of the target.
    pub target: String,
    /// The schedule as the project runs it.
    pub placed: Placed,
    /// W2 of the sampler asked for on the grid asked for.
    pub before: f64,
    /// W2 of what the project runs.
    pub after: f64,
    /// Its network evaluations.
    pub nfe: usize,
    /// The law it starts from, in words.
    pub init: String,
    sampler: String,
    setting: Setting,
    is_python: bool,
}

/// Exports a sampler's grid. Without `init`, both errors are measured from the law that the project
/// starts from, each at its own first level.
///
/// ```
/// use gaussmeter::experiment::{Diffusion, Setting};
/// use gaussmeter::export::{self, Form};
/// use gaussmeter::network::Network;
/// use gaussmeter::{data, grid, process, sampler};
/// use std::sync::Arc;
///
/// let setting = Setting {
/// diffusion: Diffusion {
///     spectrum: Arc::new(data::load("cifar10")?),
///     process: process::registry().build("edm")?.item.into(),
///     process_label: "edm".into(),
/// },
///     rule: grid::registry().build("karras")?.item.into(),
///     rule_label: "karras".into(),
///     network: Network::default(),
/// };
/// let sampler = sampler::registry().build("dpmpp-2m")?;
/// let grid = setting.rule.grid(&setting.process, 5, 0.0)?;
/// let target = export::registry().build("comfyui")?;
/// let export = export::export(&setting, &sampler, &grid, None, &target)?;
/// assert_eq!(export.text(Form::Code), "80.0, 17.527832, 2.515219, 0.16975276, 0.002, 0.0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError`]
pub fn export(
    setting: &Setting,
    sampler: &NamedSampler,
    grid: &Grid,
    init: Option<(&str, &Init)>,
    target: &Named<dyn Target>,
) -> Result<Export, ExportError> {
    let spectrum = &*setting.spectrum;
    let placed = target.item.place(&Asked { spectrum, sampler, grid })?;
    let error = |plan: &Plan, grid: &Grid| -> Result<f64, ExportError> {
        let init = match init {
            Some((_, init)) => {
                init.resolve(&**grid.process(), spectrum).map_err(ExperimentError::from)?
            }
            None => Init::Normal { std: Some(placed.start.std(grid.start())) },
        };
        Ok(wasserstein2(&Output::of(plan, spectrum).law(&init, Against::Data)).total)
    };
    let (asked, taken) = (plan(sampler, grid)?, plan(&placed.sampler, &placed.grid)?);
    let init = match init {
        Some((label, _)) => label.to_string(),
        None => format!("normal:std={}", placed.start.std(placed.grid.start())),
    };
    Ok(Export {
        target: target.label.clone(),
        before: error(&asked, grid)?,
        after: error(&taken, &placed.grid)?,
        nfe: taken.nfe(),
        init,
        sampler: sampler.label.clone(),
        setting: setting.clone(),
        is_python: target.item.is_python(),
        placed,
    })
}

/// The program of a sampler on a grid.
fn plan(sampler: &NamedSampler, grid: &Grid) -> Result<Plan, ExportError> {
    let failed =
        |source: SamplerError| ExperimentError::Sampler { sampler: sampler.label.clone(), source };
    Ok(sampler.item.plan(grid).map_err(failed)?)
}

impl Export {
    /// The export as text.
    pub fn text(&self, form: Form) -> String {
        match form {
            Form::Code if self.is_python => self.header() + &self.placed.code,
            Form::Code => self.placed.code.clone(),
            Form::List => self.placed.digits.iter().fold(String::new(), |s, d| s + d + "\n"),
            Form::Json => format!("{:#}\n", self.json()),
        }
    }

    fn header(&self) -> String {
        let (placed, spectrum) = (&self.placed, &self.setting.spectrum);
        let mut text = format!(
            "# {} in {} steps, a schedule from gaussmeter {}\n# W2 {:.6} on {} with this list ({:.6} as asked)\n",
            self.sampler,
            placed.grid.step_count(),
            env!("CARGO_PKG_VERSION"),
            self.after,
            // A name may hold anything, and a comment is one line.
            spectrum.name().replace(char::is_control, " "),
            self.before,
        );
        for change in &placed.changes {
            let _ = writeln!(text, "# {change}");
        }
        text
    }

    /// What the user should know, one line each.
    pub fn notes(&self) -> Vec<String> {
        let placed = &self.placed;
        let mut notes = placed.changes.clone();
        let change = self.after - self.before;
        let change = if change.is_finite() { format!(" ({change:+.1e})") } else { String::new() };
        notes.push(format!(
            "W2 is {:.6} as asked and {:.6} as exported{change}, {} evaluations, from {}",
            self.before, self.after, self.nfe, self.init
        ));
        notes
    }

    /// Everything. The keys `sigmas` and `times` hold the levels that are actually used, so that
    /// the document can be read as `sigmas:FILE` or `times:FILE`.
    pub fn json(&self) -> serde_json::Value {
        let placed = &self.placed;
        let mut document = self.setting.json();
        let mut insert = |key: &str, value| document.insert(key.into(), value);
        let levels = placed.grid.levels();
        let sigmas: Vec<f64> = levels.iter().map(|l| l.noise_ratio()).collect();
        insert("command", json!("export"));
        insert("target", json!(self.target));
        insert("sampler", json!(self.sampler));
        insert("runner", json!({"name": placed.runner, "sampler": placed.sampler.label}));
        insert("steps", json!(placed.grid.step_count()));
        insert("nfe", json!(self.nfe));
        insert("init", json!(self.init));
        insert("schedule", json!({"argument": placed.argument, "values": placed.values}));
        if sigmas.iter().all(|s| s.is_finite()) {
            insert("sigmas", json!(sigmas));
        }
        if ["timesteps", "t_steps"].contains(&placed.argument) {
            insert(placed.argument, json!(placed.values));
        }
        insert("times", levels.iter().map(|l| json!(l.t)).collect());
        insert("w2", json!({"asked": number(self.before), "exported": number(self.after)}));
        insert("changes", json!(placed.changes));
        insert("code", json!(placed.code));
        debug_assert!(document["schema"] == json!(SCHEMA));
        document.into()
    }
}

/// σ/α of all levels, noisiest first.
fn sigmas(runner: &str, grid: &Grid) -> Result<Vec<f64>, ExportError> {
    let ratio = |level: &Level| match level.noise_ratio() {
        ratio if ratio.is_finite() => Ok(ratio),
        _ => Err(ExportError::NoSignal { runner: runner.into(), t: level.t }),
    };
    grid.levels().iter().map(ratio).collect()
}

/// The noise level u of flow matching at a level: σ/(α + σ), the time of x = (1 − u) x_0 + u z.
fn flow_time(level: &Level) -> f64 {
    level.sigma / (level.alpha + level.sigma)
}

/// Whether the process of a grid is that of flow matching.
fn is_flow(grid: &Grid) -> bool {
    let sum = |l: &Level| (l.alpha + l.sigma - 1.0).abs() < 1e-12;
    grid.levels().iter().all(sum) && grid.levels().iter().any(|l| l.sigma > 0.0 && l.alpha < 1.0)
}

/// The grid of float32 levels σ/α; the first is rounded towards the data if rounding to nearest, or
/// its decimals, would leave the process.
fn single_grid(runner: &str, grid: &Grid) -> Result<(Vec<f32>, Grid), ExportError> {
    let process = grid.process().clone();
    let mut levels: Vec<f32> = sigmas(runner, grid)?.into_iter().map(|s| s as f32).collect();
    let largest = process.level(process.t_max()).noise_ratio();
    let above = |s: f32| f64::from(s) > largest || plain(s).parse().is_ok_and(|s: f64| s > largest);
    if above(levels[0]) {
        levels[0] = levels[0].next_down();
    }
    let wide: Vec<f64> = levels.iter().map(|s| f64::from(*s)).collect();
    match Grid::from_sigmas(process, &wide) {
        Ok(grid) => Ok((levels, grid)),
        Err(source) => Err(ExportError::Grid { runner: runner.into(), source }),
    }
}

/// A grid at times of its own process.
fn grid_at(runner: &str, grid: &Grid, times: &[f64]) -> Result<Grid, ExportError> {
    Grid::new(grid.process().clone(), times)
        .map_err(|source| ExportError::Grid { runner: runner.into(), source })
}

/// The grid extended to the data, for projects that always end there, and what that changed.
fn to_data(runner: &str, grid: &Grid) -> Result<(Grid, Option<String>), ExportError> {
    if grid.end().sigma == 0.0 {
        return Ok((grid.clone(), None));
    }
    let mut times: Vec<f64> = grid.levels().iter().map(|l| l.t).collect();
    if let Some(last) = times.last_mut() {
        *last = 0.0;
    }
    let change = format!(
        "the last level, sigma/alpha = {}, becomes 0: {runner} always ends at the data",
        grid.end().noise_ratio()
    );
    Ok((grid_at(runner, grid, &times)?, Some(change)))
}

/// A number as plain decimals, which every reader understands and Python reads as a float.
fn plain<N: std::fmt::Display>(value: N) -> String {
    let text = value.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// A Python list under a name, wrapped.
fn python_list(name: &str, digits: &[String], open: &str, close: &str) -> String {
    let mut text = format!("{name} = {open}[\n");
    let mut line = String::new();
    for digit in digits {
        if line.len() + digit.len() > 90 {
            let _ = writeln!(text, "   {line}");
            line.clear();
        }
        let _ = write!(line, " {digit},");
    }
    let _ = write!(text, "   {line}\n]{close}\n");
    text
}

/// The error for an unknown name.
fn unknown(what: &'static str, name: &str, known: Vec<&'static str>) -> ExportError {
    let nearest = nearest(name, known.iter().copied());
    ExportError::Unknown { what, name: name.into(), nearest, known }
}
