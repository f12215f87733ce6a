//! Grids: the times of a sampler, from noisy to clean, and the rules that place them.
//!
//! A new rule is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in
//! [`registry`].

mod ays;
mod ays_klub;
mod beta;
mod comfyui;
mod custom_timesteps;
mod discard_penultimate;
mod dynamic_programming;
mod edm_steps;
mod fisher_rao;
mod flow_shift;
mod flow_sigmas;
mod geodesic;
mod karras;
mod kept;
mod kl_optimal;
mod length;
mod linear_quadratic;
mod numpy;
mod optimised;
mod polyexponential;
mod range;
mod sdm;
mod sigmas;
mod span;
mod spectral;
mod tangent;
mod times;
mod timesteps;
mod uniform;
mod w2_geodesic;

pub use ays::AlignYourSteps;
pub use ays_klub::AysKlub;
pub use beta::{Beta, BetaOf};
pub use comfyui::{ComfyUi, ComfyUiSpacing};
pub use custom_timesteps::CustomTimesteps;
pub use discard_penultimate::DiscardPenultimate;
pub use dynamic_programming::DynamicProgramming;
pub use edm_steps::EdmSteps;
pub use fisher_rao::FisherRao;
pub use flow_shift::{FlowBase, FlowShift};
pub use flow_sigmas::FlowSigmas;
pub use geodesic::{Geodesic, Weight};
pub use karras::Karras;
pub use kept::Kept;
pub use kl_optimal::KlOptimal;
pub use linear_quadratic::LinearQuadratic;
pub use optimised::Optimised;
pub use polyexponential::Polyexponential;
pub use range::{Last, Range};
pub use sdm::Sdm;
pub use sigmas::Sigmas;
pub use spectral::{Spectral, SpectralError};
pub use tangent::Tangent;
pub use times::Times;
pub(crate) use timesteps::ratio_at;
pub use timesteps::{Family, Spacing, Timesteps};
pub use uniform::Uniform;
pub use w2_geodesic::W2Geodesic;

use crate::entry::Registry;
use crate::level::Level;
use crate::numeric::differentiation::{Real, variable};
use crate::numeric::written;
use crate::process::Process;
use crate::spectrum::Spectrum;
use std::fmt::Debug;
use std::sync::Arc;
use thiserror::Error;

/// The grid rules that ship with the library.
pub fn registry() -> Registry<dyn GridRule> {
    Registry {
        family: "grid",
        entries: vec![
            &uniform::ENTRY,
            &times::ENTRY,
            &sigmas::ENTRY,
            &karras::ENTRY,
            &polyexponential::EXPONENTIAL,
            &polyexponential::POLYEXPONENTIAL,
            &timesteps::ENTRY,
            &custom_timesteps::ENTRY,
            &flow_sigmas::ENTRY,
            &comfyui::NORMAL,
            &comfyui::SIMPLE,
            &comfyui::SGM_UNIFORM,
            &comfyui::DDIM_UNIFORM,
            &discard_penultimate::ENTRY,
            &ays::ENTRY,
            &beta::ENTRY,
            &kl_optimal::ENTRY,
            &linear_quadratic::ENTRY,
            &edm_steps::VP,
            &edm_steps::VE,
            &edm_steps::IDDPM_STEPS,
            &flow_shift::ENTRY,
            &tangent::ENTRY,
            &geodesic::ENTRY,
            &w2_geodesic::ENTRY,
            &fisher_rao::ENTRY,
            &sdm::ENTRY,
            &ays_klub::ENTRY,
            &spectral::ENTRY,
            &dynamic_programming::ENTRY,
            &optimised::ENTRY,
        ],
        refused: &[],
    }
}

/// Why times cannot form a grid.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum GridError {
    /// Fewer than two times.
    #[error("a grid needs at least 2 times (1 step), not {points}")]
    TooShort {
        /// The number of times.
        points: usize,
    },
    /// A time is NaN, negative or beyond T.
    #[error("time {index} is {}, outside [0, {}]", written(.t), written(.t_max))]
    OutOfRange {
        /// Position, from 0.
        index: usize,
        /// The time.
        t: f64,
        /// T.
        t_max: f64,
    },
    /// Times do not decrease.
    #[error(
        "times must decrease from noise to data, but time {index} is {} and the next is {}", written(.t), written(.next))]
    NotDecreasing {
        /// Position of the first of the two, from 0.
        index: usize,
        /// The earlier entry.
        t: f64,
        /// The later entry.
        next: f64,
    },
    /// A noise level that the process never has.
    #[error("sigma {index} is {}, but sigma/alpha runs from 0 to {} on this process", written(.sigma), written(.largest))]
    NoLevel {
        /// Position, from 0.
        index: usize,
        /// The noise level σ/α.
        sigma: f64,
        /// The level at T.
        largest: f64,
    },
    /// Noise levels do not decrease.
    #[error(
        "sigmas must decrease from noise to data, but sigma {index} is {} and the next is {}", written(.sigma), written(.next))]
    SigmasNotDecreasing {
        /// Position of the first of the two, from 0.
        index: usize,
        /// The earlier entry.
        sigma: f64,
        /// The later entry.
        next: f64,
    },
    /// A list that a rule converts to times does not decrease.
    #[error(
        "{what}s must decrease from noise to data, but {what} {index} is {} and the next is {}", written(.value), written(.next))]
    ListNotDecreasing {
        /// What one entry is called.
        what: &'static str,
        /// Position of the first of the two, from 0.
        index: usize,
        /// The earlier entry, as given.
        value: f64,
        /// The later entry, as given.
        next: f64,
    },
    /// The rule needs a highest noise level, and the process has none.
    #[error("at T no signal is left, so sigma/alpha is infinite there: give sigma_max=…")]
    NoLargest,
    /// The rule places training timesteps, and the process has none.
    #[error("the grid places training timesteps: it needs the process vp-discrete")]
    NotDiscrete,
    /// The rule places training timesteps, or levels of a flow model's table.
    #[error(
        "the grid places training timesteps: it needs the process vp-discrete, or flow with the model's shift"
    )]
    NoTable,
    /// The length of the table is given for a process that has its own.
    #[error("table is the number of levels of a flow model: this process has its own")]
    OwnTable,
    /// The rule places levels of flow matching, and the process is not a flow.
    #[error("the grid places levels u of flow matching: it needs the process flow")]
    NotFlow,
    /// The rule depends on the data and was given none.
    #[error("the grid depends on the data: it needs a spectrum (GridRule::grid_for)")]
    NeedsSpectrum,
    /// The times are the best for a sampler, which is not known.
    #[error(
        "times are optimised for one sampler, which this does not know: save them with gaussmeter tune --save FILE, and give sigmas:FILE"
    )]
    NeedsSampler,
    /// The rule depends on the data, which are constant.
    #[error("the grid depends on the eigenvalues of the data, and all of them are 0")]
    NoVariance,
    /// Levels at equal lengths along a path of infinite length.
    #[error(
        "some eigenvalues are 0, so the data are infinitely far from any noisy law: leave these directions out with null=without, or give final=sigma_min or sigma_min=…"
    )]
    InfiniteLength,
    /// More steps than levels to choose from.
    #[error("{steps} steps cannot be chosen among {teacher}: give teacher={steps} or more")]
    Teacher {
        /// Number of steps to choose from.
        teacher: usize,
        /// Number of steps to choose.
        steps: usize,
    },
    /// A search that would take too long or too much memory.
    #[error(
        "{what} would take about {hours:.1} hours and {gigabytes:.1} GB of memory: give {remedy} (at most 1 hour and 2 GB)"
    )]
    TooMuch {
        /// What the search does, in words.
        what: String,
        /// The time it would take.
        hours: f64,
        /// The memory it would take.
        gigabytes: f64,
        /// What to ask for instead.
        remedy: &'static str,
    },
    /// A training timestep that does not exist.
    #[error("timestep {index} is {}, outside [0, {}]", written(.timestep), written(.last))]
    TimestepOutOfRange {
        /// Position, from 0.
        index: usize,
        /// The timestep.
        timestep: f64,
        /// The last training timestep.
        last: f64,
    },
    /// Truncation at or beyond T.
    #[error(
        "eps = {} must lie in [0, {}): it is the time where sampling stops, T = {} where it starts", written(.eps), written(.t_max), written(.t_max))]
    Eps {
        /// The truncation time.
        eps: f64,
        /// T.
        t_max: f64,
    },
    /// diffusers' spacing makes one timestep too many.
    #[error(
        "diffusers' trailing spacing of {asked} steps has {made} timesteps, the last one -1, since {asked} times the rounded stride is less than the total: ask for another number of steps"
    )]
    Surplus {
        /// The number of timesteps.
        made: usize,
        /// The number asked for.
        asked: usize,
    },
    /// A rule with fixed times was asked for another number of steps.
    #[error("the grid has {own} steps, but {asked} were asked for")]
    FixedSteps {
        /// The rule's number of steps.
        own: usize,
        /// The number asked for.
        asked: usize,
    },
    /// A rule with fixed times was asked to end at another time.
    #[error("the grid ends at t = {}, but eps = {} was asked for", written(.own), written(.asked))]
    FixedEnd {
        /// The time where the rule ends.
        own: f64,
        /// The time asked for.
        asked: f64,
    },
    /// Times from a file cannot form a grid.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: String,
        /// The problem with its times.
        source: Box<GridError>,
    },
}

impl GridError {
    /// The error for times that come from a file.
    fn in_file(self, file: Option<&str>) -> Self {
        match file {
            Some(file) => GridError::File { file: file.into(), source: Box::new(self) },
            None => self,
        }
    }
}

/// Entries of a list must decrease. They are checked as the user gives them, since the rule
/// converts them to other numbers.
fn check_decreasing(
    what: &'static str,
    values: impl IntoIterator<Item = f64>,
) -> Result<(), GridError> {
    let mut last = None;
    for (index, next) in values.into_iter().enumerate() {
        match last.replace(next) {
            Some(value) if value <= next => {
                return Err(GridError::ListNotDecreasing { what, index: index - 1, value, next });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Times t_0 > t_1 > … > t_n of a sampler with their levels, on a process.
#[derive(Clone, Debug)]
pub struct Grid {
    process: Arc<dyn Process>,
    levels: Vec<Level>,
    /// The levels as samplers see them.
    reals: Vec<Level<Real>>,
}

impl Grid {
    /// A grid through the given times, noisiest first.
    ///
    /// # Errors
    /// [`GridError`]: fewer than two times, times outside `[0, T]` or not strictly decreasing.
    pub fn new(process: Arc<dyn Process>, times: &[f64]) -> Result<Self, GridError> {
        let t_max = process.t_max();
        if times.len() < 2 {
            return Err(GridError::TooShort { points: times.len() });
        }
        if let Some(index) = times.iter().position(|t| !(0.0..=t_max).contains(t)) {
            return Err(GridError::OutOfRange { index, t: times[index], t_max });
        }
        if let Some(index) = times.windows(2).position(|w| w[0] <= w[1]) {
            let (t, next) = (times[index], times[index + 1]);
            return Err(GridError::NotDecreasing { index, t, next });
        }
        let levels: Vec<Level> = times.iter().map(|t| process.level(*t)).collect();
        let reals = levels.iter().map(Level::<Real>::from).collect();
        Ok(Grid { process, levels, reals })
    }

    /// A grid through levels given by their noise-to-signal ratio σ/α, EDM's σ, noisiest first; the
    /// last may be 0.
    ///
    /// # Errors
    /// [`GridError`]: fewer than two levels, levels the process never has or that do not decrease.
    pub fn from_sigmas(process: Arc<dyn Process>, sigmas: &[f64]) -> Result<Self, GridError> {
        if let Some(index) = sigmas.windows(2).position(|w| w[0] <= w[1]) {
            let (sigma, next) = (sigmas[index], sigmas[index + 1]);
            return Err(GridError::SigmasNotDecreasing { index, sigma, next });
        }
        let times: Vec<f64> = sigmas
            .iter()
            .enumerate()
            .map(|(index, &sigma)| {
                time_of(&*process, sigma).ok_or_else(|| {
                    let largest = largest_sigma(&*process);
                    GridError::NoLevel { index, sigma, largest }
                })
            })
            .collect::<Result<_, _>>()?;
        Grid::new(process, &times)
    }

    /// This grid with the times in `range` as variables of the graph being recorded, and those
    /// variables. A time where σ = 0 cannot be a variable: σ may have an infinite slope there.
    pub fn with_variables(&self, range: std::ops::Range<usize>) -> (Self, Vec<Real>) {
        let mut grid = self.clone();
        let variables = range
            .map(|k| {
                let t = variable(self.levels[k].t);
                grid.reals[k] = self.levels[k].at(t);
                t
            })
            .collect();
        (grid, variables)
    }

    /// This grid, if it is what was asked for.
    fn exactly(self, steps: usize, eps: f64) -> Result<Self, GridError> {
        if steps != self.step_count() {
            return Err(GridError::FixedSteps { own: self.step_count(), asked: steps });
        }
        if eps != self.end().t {
            return Err(GridError::FixedEnd { own: self.end().t, asked: eps });
        }
        Ok(self)
    }

    /// What remains of this grid after this many steps; `None` if nothing remains.
    pub fn from_step(&self, step: usize) -> Option<Self> {
        if step >= self.step_count() {
            return None;
        }
        let (levels, reals) = (self.levels[step..].to_vec(), self.reals[step..].to_vec());
        Some(Grid { process: self.process.clone(), levels, reals })
    }

    /// The process the times belong to.
    pub fn process(&self) -> &Arc<dyn Process> {
        &self.process
    }
    /// All levels, noisiest first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }
    /// The level sampling starts at.
    pub fn start(&self) -> &Level {
        &self.levels[0]
    }
    /// The level sampling stops at; its time is eps.
    pub fn end(&self) -> &Level {
        &self.levels[self.levels.len() - 1]
    }
    /// Number of steps: one less than the number of times.
    pub fn step_count(&self) -> usize {
        self.levels.len() - 1
    }
    /// The steps in order.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> + '_ {
        self.reals.windows(2).enumerate().map(|(index, w)| Step {
            index,
            from: &w[0],
            to: &w[1],
            process: &*self.process,
        })
    }
}

/// σ/α at T.
fn largest_sigma(process: &dyn Process) -> f64 {
    let level = process.level(process.t_max());
    level.sigma / level.alpha
}

/// [`Process::time_of`], but the level at T is reached up to rounding.
fn time_of(process: &dyn Process, sigma: f64) -> Option<f64> {
    let largest = largest_sigma(process);
    match sigma.is_finite() && (sigma - largest).abs() <= 1e-12 * sigma {
        true => Some(process.t_max()),
        false => process.time_of(sigma),
    }
}

/// One step of a grid, from a noisier to a cleaner level.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Position, from 0.
    pub index: usize,
    /// The noisier level.
    pub from: &'a Level<Real>,
    /// The cleaner level.
    pub to: &'a Level<Real>,
    process: &'a dyn Process,
}

impl Step<'_> {
    /// Length in time, positive.
    pub fn dt(&self) -> Real {
        self.from.t - self.to.t
    }
    /// The process at any time, for intermediate stages.
    pub fn level(&self, t: Real) -> Level<Real> {
        self.process.level(t.value()).at(t)
    }
    /// The process where the noise ratio σ/α has this value, for intermediate stages; `None` if it
    /// never has.
    pub fn level_at(&self, noise_ratio: Real) -> Option<Level<Real>> {
        let level = self.process.level(self.process.time_at(noise_ratio.value())?);
        // ϱ′ = (σσ′ − f σ²)/(σα)
        let slope = (level.sigma_sigma_prime - level.drift() * level.sigma * level.sigma)
            / (level.sigma * level.alpha);
        Some(level.at(noise_ratio.with_derivative(level.t, slope.recip())))
    }
    /// ln(α_to / α_from), whose derivative with respect to time is the drift f.
    fn log_alpha_ratio(&self) -> Real {
        let (from, to) = self.values();
        let value = self.process.log_alpha_ratio(&from, &to);
        self.from.t.combine(self.to.t, value, [-from.drift(), to.drift()])
    }
    fn values(&self) -> (Level, Level) {
        (self.from.value(), self.to.value())
    }
    /// α_to / α_from.
    pub fn alpha_ratio(&self) -> Real {
        self.log_alpha_ratio().exp()
    }
    /// See [`Process::score_weight`].
    pub fn score_weight(&self) -> Real {
        let (from, to) = self.values();
        let value = self.process.score_weight(&from, &to);
        // ∫ g² α_to/α dt, by the Leibniz rule.
        let noisier = from.diffusion2() * to.alpha / from.alpha;
        let cleaner = to.drift() * value - to.diffusion2();
        self.from.t.combine(self.to.t, value, [noisier, cleaner])
    }
    /// See [`Process::reverse_noise_variance`].
    pub fn reverse_noise_variance(&self) -> Real {
        let (from, to) = self.values();
        let value = self.process.reverse_noise_variance(&from, &to);
        let ratio = to.alpha / from.alpha;
        let noisier = from.diffusion2() * ratio * ratio;
        let cleaner = 2.0 * to.drift() * value - to.diffusion2();
        self.from.t.combine(self.to.t, value, [noisier, cleaner])
    }
}

/// What a rule places times for: on which data, if any are known, and on which process, with how many
/// steps, down to which time.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The data, which some rules follow.
    pub data: Option<&'a Spectrum>,
    /// The process.
    pub process: &'a Arc<dyn Process>,
    /// Number of steps.
    pub steps: usize,
    /// The time of the last level.
    pub eps: f64,
}

impl<'a> Request<'a> {
    /// The data, for a rule that follows them.
    ///
    /// # Errors
    /// [`GridError::NeedsSpectrum`] where none are known.
    pub fn spectrum(&self) -> Result<&'a Spectrum, GridError> {
        self.data.ok_or(GridError::NeedsSpectrum)
    }
}

/// Places the times of a sampler.
pub trait GridRule: Debug + Send + Sync {
    /// The grid of `request.steps` steps that ends at time `request.eps`.
    ///
    /// # Errors
    /// [`GridError`]; [`GridError::NeedsSpectrum`] for rules that follow data, without them.
    fn place(&self, request: Request) -> Result<Grid, GridError>;

    /// Whether the times follow the data. Such rules are compared by `gaussmeter schedules`.
    fn follows_data(&self) -> bool {
        false
    }

    /// Parameters, such as `weight=kl`, with which a rule that follows data is compared beside itself.
    fn variants(&self) -> &'static [&'static str] {
        &[]
    }

    /// [`GridRule::place`] without data.
    ///
    /// # Errors
    /// [`GridError`]
    fn grid(&self, process: &Arc<dyn Process>, steps: usize, eps: f64) -> Result<Grid, GridError> {
        self.place(Request { data: None, process, steps, eps })
    }

    /// [`GridRule::place`] on given data.
    ///
    /// # Errors
    /// [`GridError`]
    fn grid_for(
        &self,
        spectrum: &Spectrum,
        process: &Arc<dyn Process>,
        steps: usize,
        eps: f64,
    ) -> Result<Grid, GridError> {
        self.place(Request { data: Some(spectrum), process, steps, eps })
    }

    /// For times that depend on the sampler: what they are the best for.
    fn optimised(&self) -> Option<&Optimised> {
        None
    }

    /// For a rule that keeps what it has placed: itself, so that times that are sought for a sampler are
    /// kept too.
    fn kept(&self) -> Option<&Kept> {
        None
    }

    /// The number of steps, for a rule where it is fixed.
    fn own_steps(&self) -> Option<usize> {
        None
    }

    /// The time where it ends, for a rule where eps is fixed.
    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        let _ = process;
        None
    }
}
