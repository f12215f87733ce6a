//! Samplers, one file each, written once on the [tape](crate::tape).
//!
//! A new sampler is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in
//! [`registry`]: it is then listed, tested for its declared order, checked against sampled paths,
//! and available everywhere.

mod adams_bashforth_moulton;
mod ddim;
mod ddpm;
mod deis;
mod document;
mod dpm_2;
mod dpm_fast;
mod dpm_singlestep;
mod dpm_solver;
mod dpmpp_2m;
mod dpmpp_2s;
mod dpmpp_3m;
mod dpmpp_sde;
mod edm;
mod edm_ablation;
mod ei;
mod em;
mod er_sde;
mod euler;
mod exponential;
mod exponential_adams_bashforth;
mod exponential_runge_kutta;
mod expression;
mod flow_ancestral;
mod gradient_estimation;
mod heun;
mod heunpp2;
mod ipndm_v;
mod langevin;
mod lcm;
mod lms;
mod multistep;
mod plan_file;
mod pndm;
mod recorded;
mod refused;
mod res_multistep;
mod restart;
mod rk4;
mod runge_kutta;
mod sa_solver;
mod seeds;
mod stride;
mod transfer;
mod unipc;
mod variable;

pub use adams_bashforth_moulton::AdamsBashforthMoulton;
pub use ddim::Ddim;
pub use ddpm::{Ddpm, DdpmAncestral, DdpmVariance};
pub use deis::{Deis, DeisVariable};
pub use dpm_2::Dpm2;
pub use dpm_fast::DpmFast;
pub use dpm_singlestep::{DpmSinglestep, DpmStages};
pub use dpm_solver::DpmSolver;
pub use dpmpp_2m::DpmPp2M;
pub use dpmpp_2s::DpmPp2S;
pub use dpmpp_3m::DpmPp3M;
pub use dpmpp_sde::{DpmPpSde, TwoNoises};
pub use edm::{EdmRule, EdmSampler};
pub use edm_ablation::EdmAblation;
pub use ei::ExponentialIntegrator;
pub use em::EulerMaruyama;
pub use er_sde::{ErSde, NoiseScale};
pub use euler::Euler;
pub use exponential::{LowerOrderFinal, Model, SecondDerivative, Solver};
pub use exponential_runge_kutta::ExponentialRungeKutta;
pub use flow_ancestral::{FlowAncestral, FlowSolver};
pub use gradient_estimation::GradientEstimation;
pub use heun::Heun;
pub use heunpp2::HeunPp2;
pub use ipndm_v::ComfyUiIpndmV;
pub use langevin::{Langevin, Predictor};
pub use lcm::{Lcm, Tcd};
pub use lms::Lms;
pub use plan_file::PlanFile;
pub use pndm::{Pndm, PndmStart};
pub use res_multistep::ResMultistep;
pub use restart::Restart;
pub use rk4::Rk4;
pub use runge_kutta::{RungeKutta, Tableau, TableauError};
pub use sa_solver::{LowerOrders, SaSolver, Tau};
pub use seeds::{Seeds2, Seeds3};
pub use stride::{Stride, StridePlms};
pub use transfer::Churn;
pub use unipc::{SingleWeight, UniPc};
pub use variable::{EdmSchedule, EdmTime, Variable};

use crate::entry::Registry;
use crate::grid::Grid;
use crate::tape::{Plan, PlanError, Tape, Var};
use std::fmt::Debug;
use thiserror::Error;

/// The samplers that ship with the library.
pub fn registry() -> Registry<dyn Sampler> {
    Registry {
        family: "sampler",
        entries: vec![
            &em::ENTRY,
            &ei::ENTRY,
            &ddpm::ENTRY,
            &euler::ENTRY,
            &heun::ENTRY,
            &rk4::ENTRY,
            &ddim::ENTRY,
            &ddim::ANCESTRAL,
            &dpmpp_2m::ENTRY,
            &dpmpp_2m::SDE,
            &dpmpp_2m::SDE_HEUN,
            &edm::ENTRY,
            &edm::EULER,
            &dpm_2::ENTRY,
            &dpm_2::ANCESTRAL,
            &dpmpp_2s::ENTRY,
            &dpmpp_2s::CFG_PP,
            &dpmpp_sde::ENTRY,
            &dpmpp_3m::ENTRY,
            &dpmpp_3m::SDE,
            &dpm_solver::TWO,
            &dpm_solver::THREE,
            &dpm_solver::SDE_ONE,
            &dpm_solver::SDE_TWO,
            &dpm_singlestep::NOISE_TWO,
            &dpm_singlestep::NOISE_THREE,
            &dpm_singlestep::TWO,
            &dpm_singlestep::THREE,
            &dpm_singlestep::NODES,
            &dpm_singlestep::NODES_SDE,
            &dpm_fast::ENTRY,
            &res_multistep::ENTRY,
            &res_multistep::ANCESTRAL,
            &lms::ENTRY,
            &unipc::ENTRY,
            &exponential_adams_bashforth::ENTRY,
            &deis::ENTRY,
            &pndm::ENTRY,
            &pndm::PLMS,
            &pndm::IMPROVED,
            &ipndm_v::ENTRY,
            &gradient_estimation::ENTRY,
            &adams_bashforth_moulton::ENTRY,
            &ddpm::ANCESTRAL,
            &flow_ancestral::EULER,
            &flow_ancestral::DPM_2,
            &flow_ancestral::DPMPP_2S,
            &lcm::ENTRY,
            &lcm::TCD,
            &sa_solver::ENTRY,
            &sa_solver::PECE,
            &seeds::SEEDS_2,
            &seeds::SEEDS_3,
            &er_sde::ENTRY,
            &langevin::ENTRY,
            &langevin::ANNEALED,
            &restart::ENTRY,
            &runge_kutta::MIDPOINT,
            &runge_kutta::RALSTON,
            &runge_kutta::RK3,
            &runge_kutta::BUTCHER,
            &exponential_runge_kutta::TWO,
            &exponential_runge_kutta::THREE,
            &heunpp2::ENTRY,
            &edm_ablation::ENTRY,
            &plan_file::ENTRY,
        ],
        refused: refused::REFUSED,
    }
}

/// Why a sampler is not defined on a grid.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum SamplerError {
    /// A condition of the scheme fails.
    #[error("undefined at step {step} of {steps}: {reason}")]
    Undefined {
        /// The step, from 1.
        step: usize,
        /// The number of steps.
        steps: usize,
        /// The condition, with its values, and what to do.
        reason: String,
    },
    /// The scheme adds noise, which the process of the grid does not allow.
    #[error("{reason}")]
    Noise {
        /// Why, and what to do.
        reason: &'static str,
    },
    /// A coefficient of the scheme overflows or is undefined.
    #[error("undefined on this grid: {0}")]
    Plan(PlanError),
    /// The scheme takes more operations than a plan may have.
    #[error(transparent)]
    TooLong(PlanError),
}

impl From<PlanError> for SamplerError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::TooLong { .. } => SamplerError::TooLong(error),
            _ => SamplerError::Plan(error),
        }
    }
}

/// An empty tape for a sampler on a grid, and its initial state. The network is told what the process
/// of the grid says.
pub(crate) fn tape(grid: &Grid) -> (Tape<'_>, Var) {
    Tape::conditioned(grid.process().conditioning(), grid.levels())
}

/// A fixed-grid sampler.
pub trait Sampler: Debug + Send + Sync {
    /// Records how the state `x` at the grid's first level becomes a sample at its last.
    ///
    /// # Errors
    /// [`SamplerError::Undefined`] if the scheme is undefined on this grid.
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError>;

    /// The order of convergence declared in a file, for a sampler read from one. Other samplers
    /// have it in their entry.
    fn own_order(&self) -> Option<u8> {
        None
    }

    /// The number of steps of a sampler read from a file, if the file has numbers for each step or
    /// is a program recorded on one grid.
    fn own_steps(&self) -> Option<usize> {
        None
    }

    /// The recorded program on a grid.
    ///
    /// # Errors
    /// [`SamplerError`]: the scheme is undefined on this grid, a coefficient is not finite, or the
    /// process [refuses](crate::process::Process::refuses_noise) the noise that the scheme adds.
    ///
    /// ```
    /// use gaussmeter::{grid::{GridRule, Uniform}, process::{Process, VpLinear}, sampler::{Heun, Sampler}};
    /// use std::sync::Arc;
    /// let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    /// let plan = Heun::default().plan(&Uniform.grid(&process, 25, 1e-3)?)?;
    /// assert_eq!((plan.steps(), plan.nfe()), (25, 50));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn plan(&self, grid: &Grid) -> Result<Plan, SamplerError> {
        let (tape, x) = tape(grid);
        let output = self.record(grid, &tape, x)?;
        let plan = tape.finish(*grid.start(), output)?;
        match grid.process().refuses_noise() {
            Some(reason) if plan.is_stochastic() => Err(SamplerError::Noise { reason }),
            _ => Ok(plan),
        }
    }
}
