//! Experiments: a checked description of what to run, run exactly. Results are plain data; the
//! `report` of each presents it as a [`Report`](crate::report::Report) (see the folder `present`).

mod answers;
mod budget;
mod curve;
mod diffusion;
mod dossier;
mod error;
mod eta;
mod eval;
mod explore;
#[cfg(feature = "dense")]
mod fine;
#[cfg(feature = "dense")]
mod guided;
mod length;
mod modes;
mod noise_levels;
mod pareto;
mod plane;
mod question;
mod rank;
mod recommend;
mod robustness;
mod sample;
mod schedules;
#[cfg(feature = "dense")]
mod score_error;
mod search;
mod setting;
mod show;
mod steps;
mod table;
mod training_set;
mod trial;
mod tune;
#[cfg(feature = "dense")]
mod verify;
mod warning;

pub use answers::{SchedulesError, VERIFIED_STARTS};
pub use budget::{ErrorBudget, error_budget};
pub use curve::{Along, Curve, Curves, Point, Series, curve_eps, curve_time, spaced_eps};
pub use diffusion::{Diffusion, NamedRule, NamedSampler};
pub use dossier::{Dossier, DossierError, DossierOptions, LEVELS_FILE, dossier};
pub use error::ExperimentError;
pub use eta::{EtaSearch, EtaTried};
pub use eval::{Evaluation, Guidance, Measured, evaluate};
pub(crate) use explore::spread;
pub use explore::{ExploreOptions, Explored, Explorer, Seen};
#[cfg(feature = "dense")]
pub use guided::{Fine, GuidedErrors, guided_errors};
pub use length::Length;
pub use modes::{ModeErrors, mode_errors};
pub(crate) use modes::{contribution, std_error};
pub use noise_levels::{NoiseLevels, Shift, StartError, Tolerance, USUAL_START, noise_levels};
pub use pareto::{Pareto, pareto};
pub use plane::{
    Plane, PlaneData, PlaneError, PlaneLaw, PlanePanel, PlaneSource, PlaneView, plane,
};
pub use question::{Defaults, Question, QuestionError, Words, all_samplers};
pub use rank::{Ranking, rank};
pub(crate) use recommend::OPTIMISED;
#[cfg(feature = "dense")]
pub(crate) use recommend::USUAL;
pub use recommend::{
    BUDGETS, Candidate, Challenge, DELTAS, GUIDANCE, Goal, RecommendOptions, Recommendation, Skip,
    Timed, recommend,
};
pub use robustness::{PERTURBATIONS, Perturbation};
pub use sample::{Frame, FrameKind, SampleError, Sampling, States, nearest_levels, spread_levels};
pub use schedules::{
    NoResult, ScheduleOptions, ScheduleResult, Schedules, compared_rules, schedules,
};
pub(crate) use schedules::{RANDOM, STARTS};
#[cfg(feature = "dense")]
pub use score_error::{
    GROUPS, Known, LevelError, Measured as MeasuredNetwork, Parts, Sampled, Samplers, ScoreError,
    ScoreErrorOptions, Scored, ScoredRun, score_error,
};
pub use search::{TuneOptions, standard_schedules};
pub use setting::{Run, Setting};
pub use show::{Program, program};
pub(crate) use steps::bands;
pub use steps::{StepErrors, step_errors};
pub use table::{CellKey, Column, Table, TableCell, TableOptions, table};
pub use training_set::{OfTrainingSet, TrainingSetErrors, training_set_errors};
pub use trial::{Outcome, Place, Trial};
pub use tune::{Rival, Tuning, tune};
#[cfg(feature = "dense")]
pub(crate) use verify::moments::PER_DIMENSION;
#[cfg(feature = "dense")]
pub use verify::{
    Agreement, Band, Check, Checked, Correlation, Distances, Estimate, FineSolution, Found, InBand,
    Misled, Moments, Shares, Verification, VerifyOptions, verify, verify_network, verify_runs,
    verify_trained,
};
pub use warning::Warning;

/// Version of the JSON documents that reports contain; see `docs/json.md`.
pub const SCHEMA: u32 = 1;

/// Longest run that is recorded: a program takes about a kilobyte per step.
pub const MAX_STEPS: usize = 1_000_000;

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
