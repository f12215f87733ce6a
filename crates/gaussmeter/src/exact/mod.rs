//! The exact interpreter: the law of a sampler's output, and of the continuous solutions it
//! approximates, in closed form per eigenvalue of Σ.
//!
//! For Gaussian data every network output is affine in its argument and diagonal in the eigenbasis
//! of Σ. A [`Plan`] therefore maps its initial state x_0 to
//!
//! x_N = gain · x_0 + Σⱼ bⱼ zⱼ + c μ,
//!
//! per mode, whatever its history and noises. [`Output::of`] computes gain, Σ bⱼ² and c by running
//! the **transposed** program (the adjoint of each noise is its coefficient in the output);
//! [`along`] runs the program forwards and carries the covariance of the live vectors, for the laws
//! at every step. The two are independent of each other and check each other.

mod along;
mod answered;
pub mod continuous;
#[cfg(feature = "dense")]
pub mod dense;
pub mod gradient;
mod init;
mod kernel;
mod law;
mod program;
mod quadrature;
mod response;
mod rows;
mod stages;
pub mod steps;
pub mod training_set;

pub(crate) use along::{BLOCK, blocks_along};
pub use along::{along, along_by, along_some, along_with};
pub use init::{Init, InitError, registry as init_registry};
pub use law::{Law, LawMode, Reason, Target};

use crate::level::Level;
use crate::network::{Factor, Learnt, NetworkError};
use crate::spectrum::{Mode, Spectrum};
use crate::tape::{Op, Plan, Var};
use kernel::LANES;
use program::Program;
use rayon::prelude::*;
use rows::Singular;
use std::sync::Arc;

/// The law of a plan along one mode, in so few lines that it can be read: what this module computes, as
/// documentation and as an oracle for its tests. Every vector is c₀ x_0 + c₁ μ + Σⱼ c_{j+2} zⱼ; returned
/// are gain, weight of the mean, and variance due to noises of the output.
///
/// It takes time and memory in proportion to steps times noises, and knows no singular predictions.
///
/// ```
/// use gaussmeter::exact::{Output, reference};
/// use gaussmeter::prelude::*;
/// use std::sync::Arc;
/// let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
/// let plan = EulerMaruyama.plan(&Uniform.grid(&process, 20, 1e-3)?)?;
/// let data = Spectrum::new("one mode", "example", &[0.5], None, Some(&[2.0]))?;
/// let output = Output::of(&plan, &data);
/// let (gain, mean_gain, noise_variance) = reference(&plan, 0.5);
/// assert!((output.gain[0] / gain - 1.0).abs() < 1e-13);
/// assert!((output.mean_gain[0] / mean_gain - 1.0).abs() < 1e-13);
/// assert!((output.noise_variance[0] / noise_variance - 1.0).abs() < 1e-13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reference(plan: &Plan, eigenvalue: f64) -> (f64, f64, f64) {
    let mut vectors: Vec<Vec<f64>> = vec![Vec::new(); plan.var_count()];
    vectors[plan.input().index()] = vec![1.0, 0.0];
    let mut inputs = 2;
    for op in plan.ops() {
        let mut out = vec![0.0; inputs];
        let mut add =
            |c: f64, v: Var| out.iter_mut().zip(&vectors[v.index()]).for_each(|(o, x)| *o += c * x);
        match op {
            Op::Predict { src, kind, level, .. } => {
                let factor = Factor::new(*kind, level);
                add(factor.weight(eigenvalue), *src);
                out[1] += factor.mean_weight(eigenvalue);
            }
            Op::Combine { terms, .. } => terms.iter().for_each(|(c, v)| add(*c, *v)),
            Op::Noise { .. } => {
                out.push(1.0);
                inputs += 1;
            }
            Op::Arrive { .. } => {}
        }
        if let Some(dst) = op.dst() {
            vectors[dst.index()] = out;
        }
    }
    let output = &vectors[plan.output().index()];
    (output[0], output[1], output[2..].iter().map(|c| c * c).sum())
}

/// Modes per task when a run is split over threads.
const TASK: usize = 4096;
const _: () = assert!(TASK.is_multiple_of(LANES));

/// The output of a plan as an affine map, per mode of a spectrum. It can be applied to any initial
/// law at no cost, so one run serves every initialization.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The modes of the data.
    pub modes: Arc<[Mode]>,
    /// Coefficient of the initial state.
    pub gain: Vec<f64>,
    /// Variance due to fresh noises, in squared data units.
    pub noise_variance: Vec<f64>,
    /// Coefficient of the data's mean; empty if the spectrum has no mean.
    pub mean_gain: Vec<f64>,
    /// What is added whatever start and mean of the data, in data units, by a network with answers of its
    /// own; empty otherwise.
    pub constant: Vec<f64>,
    /// The level the initial state is at.
    pub start: Level,
    /// The level of this state.
    pub level: Level,
    /// Set if null directions of Σ have an infinite law, with the reason.
    pub infinite: Option<Reason>,
}

fn reason(singular: Singular) -> Reason {
    Reason::SingularPrediction { kind: singular.kind, t: singular.t, step: singular.step }
}

/// Makes null directions infinite where a singular prediction is used, and whatever overflowed.
fn mark_infinite(
    eigenvalues: &[f64],
    singular: Option<Singular>,
    gain: &mut [f64],
    noise_variance: &mut [f64],
    mean: &mut [f64],
) -> Option<Reason> {
    let mut found = None;
    for i in 0..gain.len() {
        let null = singular.filter(|_| eigenvalues[i] == 0.0);
        let overflow = !(gain[i].is_finite() && noise_variance[i].is_finite())
            || mean.get(i).is_some_and(|m| !m.is_finite());
        if null.is_some() || overflow {
            gain[i] = f64::INFINITY;
            noise_variance[i] = f64::INFINITY;
            if let Some(m) = mean.get_mut(i) {
                *m = f64::INFINITY;
            }
            found = found.or(Some(match null {
                Some(s) => reason(s),
                None => Reason::Overflow { eigenvalue: eigenvalues[i] },
            }));
        }
    }
    found
}

impl Output {
    /// Runs a plan exactly on every mode of a spectrum.
    ///
    /// ```
    /// use gaussmeter::prelude::*;
    /// use std::sync::Arc;
    /// // One Euler step on white data changes nothing: the velocity of a stationary law is zero.
    /// let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    /// let plan = Euler.plan(&Uniform.grid(&process, 1, 0.0)?)?;
    /// let spectrum = Spectrum::new("white", "example", &[1.0], None, None)?;
    /// assert_eq!(Output::of(&plan, &spectrum).gain, [1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(plan: &Plan, spectrum: &Spectrum) -> Self {
        let program = Program::transposed(plan, spectrum.has_mean());
        let lambda = spectrum.eigenvalues();
        let (mut gain, mut noise) = (vec![0.0; lambda.len()], vec![0.0; lambda.len()]);
        let mut mean = vec![0.0; if spectrum.has_mean() { lambda.len() } else { 0 }];
        if lambda.len() <= TASK {
            let wanted = (!mean.is_empty()).then_some(&mut mean[..]);
            kernel::run_transposed(&program, lambda, &mut gain, &mut noise, wanted);
        } else if mean.is_empty() {
            (lambda.par_chunks(TASK), gain.par_chunks_mut(TASK), noise.par_chunks_mut(TASK))
                .into_par_iter()
                .for_each(|(l, g, q)| kernel::run_transposed(&program, l, g, q, None));
        } else {
            (
                lambda.par_chunks(TASK),
                gain.par_chunks_mut(TASK),
                noise.par_chunks_mut(TASK),
                mean.par_chunks_mut(TASK),
            )
                .into_par_iter()
                .for_each(|(l, g, q, m)| kernel::run_transposed(&program, l, g, q, Some(m)));
        }
        let infinite = mark_infinite(lambda, program.singular, &mut gain, &mut noise, &mut mean);
        let level = plan.end();
        Output {
            modes: spectrum.shared_modes(),
            gain,
            noise_variance: noise,
            mean_gain: mean,
            constant: Vec::new(),
            start: *plan.start(),
            level,
            infinite,
        }
    }

    /// Runs a plan exactly with a network that has learnt other modes than the data have, or whose score
    /// is off. What it gives is per mode of [`Learnt::truth`], against which its law is to be taken.
    ///
    /// # Errors
    /// [`NetworkError`]
    pub fn by(network: &Learnt, plan: &Plan) -> Result<Self, NetworkError> {
        if network.has_answers() {
            return answered::transposed(network, plan);
        }
        let program = network.program(plan)?;
        Ok(Output::of(&program, network.believed()))
    }

    /// The mean of a mode minus that of its target, for a start of this mean.
    pub(crate) fn mean_error(&self, i: usize, mode: &Mode, m0: f64, target: Target) -> f64 {
        let target_mean = match target {
            Target::Data => mode.mean,
            Target::Marginal => self.level.marginal().alpha * mode.mean,
        };
        self.mean(i, m0) - target_mean
    }

    /// The mean of a mode, for a start of this mean.
    fn mean(&self, i: usize, m0: f64) -> f64 {
        let times = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a * b };
        let (g, c) = (self.gain[i], self.mean_gain.get(i).copied().unwrap_or(0.0));
        let constant = self.constant.get(i).copied().unwrap_or(0.0);
        match times(g, m0) + times(c, self.modes[i].mean) + constant {
            // Infinite terms of opposite sign.
            mean if mean.is_nan() => f64::INFINITY,
            mean => mean,
        }
    }

    /// The law of this state for an initial law, with its target.
    pub fn law(&self, init: &Init, target: Target) -> Law {
        self.law_against(&self.modes, init, target)
    }

    /// The law of this state where the data are `truth`, mode by mode, and the modes of this output are
    /// what the network has learnt of them: initial law and target are those of the data, and the mean
    /// that enters is the network's.
    pub fn law_against(&self, truth: &[Mode], init: &Init, target: Target) -> Law {
        let times = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a * b };
        let level = self.level.marginal();
        let modes = truth.iter().zip(&self.modes[..]).enumerate().map(|(i, (mode, _))| {
            let (m0, v0) = init.moments(&self.start, i, mode);
            let g = self.gain[i];
            let variance = times(g * g, v0) + self.noise_variance[i];
            let mean = self.mean(i, m0);
            let (target_mean, target_variance) = match target {
                Target::Data => (mode.mean, mode.eigenvalue),
                Target::Marginal => (level.alpha * mode.mean, level.variance(mode.eigenvalue)),
            };
            LawMode {
                eigenvalue: mode.eigenvalue,
                multiplicity: mode.multiplicity,
                gain: g,
                mean,
                variance,
                target_variance,
                mean_error: mean - target_mean,
                variance_error: variance - target_variance,
            }
        });
        Law { modes: modes.collect(), infinite: self.infinite }
    }
}
