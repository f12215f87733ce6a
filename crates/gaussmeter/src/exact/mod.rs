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
pub mod continuous;
#[cfg(feature = "dense")]
pub mod dense;
pub mod gradient;
mod init;
mod kernel;
mod law;
mod program;
mod rows;
mod stages;

pub use along::{along, along_with};
pub use init::{Init, InitError, registry as init_registry};
pub use law::{Law, LawMode, Reason, Target};

use crate::level::Level;
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use kernel::LANES;
use program::Program;
use rayon::prelude::*;
use rows::Singular;

/// Modes per task when a run is split over threads.
const TASK: usize = 4096;
const _: () = assert!(TASK.is_multiple_of(LANES));

/// The output of a plan as an affine map, per mode of a spectrum. It can be applied to any initial
/// law at no cost, so one run serves every initialization.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Coefficient of the initial state.
    pub gain: Vec<f64>,
    /// Variance due to fresh noises, in squared data units.
    pub noise_variance: Vec<f64>,
    /// Coefficient of the data's mean; empty if the spectrum has no mean.
    pub mean_gain: Vec<f64>,
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
            gain,
            noise_variance: noise,
            mean_gain: mean,
            start: *plan.start(),
            level,
            infinite,
        }
    }

    /// The law of this state for an initial law, with its target.
    pub fn law(&self, spectrum: &Spectrum, init: &Init, target: Target) -> Law {
        let times = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a * b };
        let level = self.level.marginal();
        let modes = spectrum.modes().iter().enumerate().map(|(i, mode)| {
            let (m0, v0) = init.moments(&self.start, i, mode);
            let (g, c) = (self.gain[i], self.mean_gain.get(i).copied().unwrap_or(0.0));
            let variance = times(g * g, v0) + self.noise_variance[i];
            let mean = match times(g, m0) + times(c, mode.mean) {
                // Infinite terms of opposite sign.
                mean if mean.is_nan() => f64::INFINITY,
                mean => mean,
            };
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
