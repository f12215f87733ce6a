use super::MAX_STEPS;
use crate::design::{SpaceError, TuneError};
use crate::exact::InitError;
use crate::grid::GridError;
use crate::network::NetworkError;
use crate::numeric::written;
use crate::sampler::SamplerError;
use thiserror::Error;

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
    /// The network does not go with data or sampler.
    #[error(transparent)]
    Network(#[from] NetworkError),
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
        "sampler '{sampler}' spends {spent} network evaluations in {steps} steps and no more in longer runs, so that a budget of {nfe} does not determine its length: give a number of steps"
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
        "with the exact initial law, a free start is best where nothing is left to sample: use --init normal, or a fixed start"
    )]
    FreeExactStart,
    /// A stochasticity to be sought, of a sampler that has none.
    #[error(
        "sampler '{sampler}' has no parameter eta that could be sought: those that have one are {}",
        .known.join(", ")
    )]
    NoEta {
        /// Its label.
        sampler: String,
        /// Names of the samplers that have it.
        known: Vec<&'static str>,
    },
    /// A stochasticity to be sought that is given.
    #[error(
        "sampler '{sampler}': its eta is given, and is to be sought: leave it out, or do not ask for the best one"
    )]
    GivenEta {
        /// Its label.
        sampler: String,
    },
    /// A sampler that is defined for some stochasticities only.
    #[error(
        "sampler '{sampler}' is not defined for every eta, which has to be given then: {reason}"
    )]
    SingleEtas {
        /// Its label.
        sampler: String,
        /// The reason.
        reason: String,
    },
    /// No schedule satisfies what is asked.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// No schedule was found.
    #[error(transparent)]
    Tune(#[from] TuneError),
    /// No budget that was tried reaches an error.
    #[error(
        "no sampler reaches an error of {} within {nfe} network evaluations: the least is {:.4}, by {sampler}",
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
    /// A score that is no multiple of the exact one which a network of that gain could have.
    #[error(
        "no file of gains: at sigma/alpha = {} the score is {:.3} times the exact one, and such a file takes 0.001 to 1001 times: measure noise levels where it is (--sigmas)",
        written(.sigma), 1.0 + .delta
    )]
    Gain {
        /// The noise level.
        sigma: f64,
        /// The score is nearest to 1 + δ times the exact one.
        delta: f64,
    },
    /// A rule with noise, where the eigenvectors of the data are not known.
    #[error(
        "sampler '{sampler}' draws noise: its moments are compared along the eigenvectors of the Gaussian of the whole, which are not known (up to 4096 dimensions they are computed)"
    )]
    NoBasis {
        /// Its label.
        sampler: String,
    },
    /// The moments of the data, or of samples, cannot be computed.
    #[error("{0}")]
    Law(String),
    /// Too little of something.
    #[error("at least {least} {what}, not {found}")]
    TooFew {
        /// Of what, in words.
        what: &'static str,
        /// What was asked for.
        found: usize,
        /// The least that will do.
        least: usize,
    },
    /// A network that cannot be evaluated.
    #[error("{sampler}: {reason}")]
    Evaluation {
        /// Label of the sampler.
        sampler: String,
        /// The reason.
        reason: String,
    },
    /// Data of one dimension, and a setting for those of another.
    #[error("data of {found} dimensions, but a spectrum of {expected}")]
    Dimension {
        /// That of the data.
        found: usize,
        /// That of the spectrum.
        expected: usize,
    },
    /// It was stopped from outside before there was any result.
    #[error("interrupted before anything was found")]
    Interrupted,
    /// The law is infinite.
    #[error(
        "sampler '{sampler}' has an infinite error here, which steps cannot share: stop earlier (--eps)"
    )]
    InfiniteSteps {
        /// Its label.
        sampler: String,
    },
    /// A network whose answers have no derivatives by times.
    #[error(
        "network {network}: its answers depend on the step that a sampler takes, so that no times can be sought for it: tune without it, and see with eval, curve or rank what becomes of the times"
    )]
    NoTimes {
        /// Its text form.
        network: String,
    },
    /// A network that is known for Gaussian data only.
    #[error(
        "network {network}: data that are not Gaussian have their own network, which may have a factor on its score (gain) and no more"
    )]
    NotOfLaw {
        /// Its text form.
        network: String,
    },
    /// A dense law that there is not.
    #[error("{0}")]
    Dense(String),
    /// Guidance that is not defined there.
    #[error("{0}")]
    Guided(String),
    /// No expectation over training sets.
    #[error(transparent)]
    Expected(crate::exact::training_set::ExpectedError),
    /// No law for a training set that is drawn.
    #[error("{0}")]
    Drawn(String),
    /// A state at a time that the process does not have.
    #[error("time {} is outside [0, {}]", written(.t), written(.t_max))]
    NoSuchTime {
        /// The time.
        t: f64,
        /// The last time.
        t_max: f64,
    },
    /// Several times where a curve along time should stop.
    #[error("--against time takes a single --eps, not a list")]
    SeveralEnds,
    /// A rule that ends where it ends, for a curve along truncation times.
    #[error(
        "--against eps needs a grid rule that can end anywhere, such as uniform, not times:FILE"
    )]
    OwnEnd,
    /// A list of samplers, columns or times is empty.
    #[error("no {what} given")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
}
