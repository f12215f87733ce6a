//! Exact solutions of the continuous processes: the reverse SDE, the probability-flow ODE, and the
//! one-parameter family that contains both.
//!
//! The family with noise level h ≥ 0 runs, backwards in t from T,
//!
//! dy = [f y − ½ (1 + h²) g² ∇log p_t(y)] dt + h g dw,
//!
//! where h = 0 is the probability-flow ODE and h = 1 the reverse SDE. With s_t = α²λ + σ² and
//! r = (λ + σ_t²/α_t²) / (λ + σ_T²/α_T²) = (α_T²/α_t²) (s_t/s_T), its propagator along one
//! eigenvector is Φ = (s_t/s_T)^½ r^{h²/2}, so that
//!
//! E y_t = α_t μ + Φ (E y_T − α_T μ), Var y_t = s_t + Φ² (Var y_T − s_T).
//!
//! For h = 1 and h = 0 these are the paper's propositions on the SDE and the ODE.

use super::init::Init;
use super::law::{Law, LawMode, Target};
use crate::level::Level;
use crate::spectrum::Spectrum;

/// A member of the family of continuous reverse processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reverse {
    /// Noise level h ≥ 0.
    pub noise: f64,
}

/// The reverse SDE, h = 1.
pub const SDE: Reverse = Reverse { noise: 1.0 };
/// The probability-flow ODE, h = 0.
pub const ODE: Reverse = Reverse { noise: 0.0 };

impl Reverse {
    /// r^{h²}, the square of the contraction R^{h²} that the noise adds over the ODE: in [0, 1].
    pub(super) fn contraction2(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        let (from, to) = (from.marginal(), to.marginal());
        // Without noise at the start there is nothing to integrate along a null direction.
        if self.noise == 0.0 || from.variance(eigenvalue) == 0.0 {
            return 1.0;
        }
        let scale = from.alpha / to.alpha;
        let r = scale * scale * (to.variance(eigenvalue) / from.variance(eigenvalue));
        r.powf(self.noise * self.noise)
    }

    /// 1 − r^{h²}: the share of s_t that is fresh noise.
    fn fresh_noise(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        let (from, to) = (from.marginal(), to.marginal());
        if self.noise == 0.0 || from.variance(eigenvalue) == 0.0 {
            return 0.0;
        }
        let scale = from.alpha / to.alpha;
        let r = scale * scale * (to.variance(eigenvalue) / from.variance(eigenvalue));
        -(self.noise * self.noise * r.ln()).exp_m1()
    }

    /// Φ, the gain of y at the cleaner level `to` on y at the noisier level `from`.
    pub fn propagator(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        let (from, to) = (&from.marginal(), &to.marginal());
        if from.variance(eigenvalue) == 0.0 {
            return 1.0;
        }
        let flow = to.variance(eigenvalue) / from.variance(eigenvalue);
        (flow * self.contraction2(eigenvalue, from, to)).sqrt()
    }

    /// The law at level `to` of the solution started at level `from` (noisier, or the same), with
    /// the target.
    ///
    /// ```
    /// use gaussmeter::exact::continuous::{ODE, Reverse, SDE};
    /// use gaussmeter::prelude::*;
    /// let process = VpLinear::paper();
    /// let data = Spectrum::new("two modes", "example", &[0.1, 4.0], None, None)?;
    /// let (start, end) = (process.level(1.0), process.level(0.0));
    /// let normal = Init::Normal { std: Some(1.0) };
    /// let w2 = |r: Reverse| wasserstein2(&r.law(&data, &start, &end, &normal, Target::Data)).total;
    /// assert!(w2(SDE) < w2(ODE));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn law(
        &self,
        spectrum: &Spectrum,
        from: &Level,
        to: &Level,
        init: &Init,
        target: Target,
    ) -> Law {
        let (from, to) = (&from.marginal(), &to.marginal());
        let modes = spectrum.modes().iter().enumerate().map(|(i, mode)| {
            let lambda = mode.eigenvalue;
            let marginal = to.variance(lambda);
            // Var y − s_t as a multiple of s_t: the only form that is accurate as s_t → 0.
            let carried_error = match (init.variance_error(from, i, mode), from.variance(lambda)) {
                (error, 0.0) => error,
                (error, start) => {
                    marginal * (self.contraction2(lambda, from, to) * (error / start))
                }
            };
            let gain = self.propagator(lambda, from, to);
            let variance = match carried_error {
                0.0 => marginal,
                // A sum of positive terms, whatever the start.
                _ => {
                    let (_, start) = init.moments(from, i, mode);
                    gain * gain * start + marginal * self.fresh_noise(lambda, from, to)
                }
            };
            let carried = gain * init.mean_error(from, i, mode);
            let (target_variance, truncation, shrinkage) = match target {
                Target::Data => (lambda, to.variance_error(lambda), to.one_minus_alpha()),
                Target::Marginal => (marginal, 0.0, 0.0),
            };
            LawMode {
                eigenvalue: lambda,
                multiplicity: mode.multiplicity,
                gain,
                mean: to.alpha * mode.mean + carried,
                variance,
                target_variance,
                mean_error: carried - shrinkage * mode.mean,
                variance_error: truncation + carried_error,
            }
        });
        Law { modes: modes.collect(), infinite: None }
    }

    /// Covariance, per mode, of the solution at two levels: `cleaner` and `noisier`, both at or
    /// below `from`, where the process starts with law `init`. The solutions are Gaussian
    /// processes, so these covariances and the means determine them.
    pub fn cross_covariance(
        &self,
        spectrum: &Spectrum,
        from: &Level,
        noisier: &Level,
        cleaner: &Level,
        init: &Init,
    ) -> Vec<f64> {
        let at_noisier = self.law(spectrum, from, noisier, init, Target::Marginal);
        let modes = at_noisier.modes.iter();
        modes.map(|m| self.propagator(m.eigenvalue, noisier, cleaner) * m.variance).collect()
    }
}

/// The law p_t of the forward process at a level: mean αμ, variance α²λ + σ².
pub fn forward_marginal(spectrum: &Spectrum, level: &Level) -> Law {
    ODE.law(spectrum, level, level, &Init::Exact, Target::Data)
}

/// Covariance, per mode, of the forward process at two levels: (α_noisier/α_cleaner) s_cleaner.
pub fn forward_cross_covariance(spectrum: &Spectrum, cleaner: &Level, noisier: &Level) -> Vec<f64> {
    let (cleaner, noisier) = (cleaner.marginal(), noisier.marginal());
    let scale = noisier.alpha / cleaner.alpha;
    spectrum.eigenvalues().iter().map(|&l| scale * cleaner.variance(l)).collect()
}
