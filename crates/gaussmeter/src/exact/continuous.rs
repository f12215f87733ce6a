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
use super::law::{Law, LawMode, Reason, Target};
use super::quadrature::Way;
use crate::level::Level;
use crate::metric::{Metric, Value};
use crate::network::Learnt;
use crate::spectrum::{Mode, Spectrum};
use rayon::prelude::*;

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
        if self.noise == 1.0 { r } else { r.powf(self.noise * self.noise) }
    }

    /// 1 − r^{h²}: the share of s_t that is fresh noise.
    fn fresh_noise(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        let (from, to) = (from.marginal(), to.marginal());
        if self.noise == 0.0 || from.variance(eigenvalue) == 0.0 {
            return 0.0;
        }
        let scale = from.alpha / to.alpha;
        let r = scale * scale * (to.variance(eigenvalue) / from.variance(eigenvalue));
        // The difference has the precision of r, as the logarithm has.
        if self.noise == 1.0 { 1.0 - r } else { -(self.noise * self.noise * r.ln()).exp_m1() }
    }

    /// Variance at the cleaner level `to` of a solution that is known at the noisier level `from`.
    pub fn noise_variance(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        to.marginal().variance(eigenvalue) * self.fresh_noise(eigenvalue, from, to)
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
        let modes = self.modes(spectrum, from, to, init, target).collect();
        Law { modes, infinite: None }
    }

    /// A distance of [`Reverse::law_by`] from its target.
    pub fn value(
        &self,
        network: &Learnt,
        (from, to): (&Level, &Level),
        init: &Init,
        target: Target,
        metric: &dyn Metric,
    ) -> Value {
        match network.is_exact() {
            true => metric.of_modes(&mut self.modes(network.believed(), from, to, init, target)),
            false => metric.evaluate(&self.law_by(network, from, to, init, target)),
        }
    }

    /// The modes of [`Reverse::law`].
    fn modes<'a>(
        &'a self,
        spectrum: &'a Spectrum,
        from: &Level,
        to: &Level,
        init: &'a Init,
        target: Target,
    ) -> impl Iterator<Item = LawMode> + 'a {
        let (from, to) = (from.marginal(), to.marginal());
        spectrum.modes().iter().enumerate().map(move |(i, mode)| {
            let (from, to) = (&from, &to);
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
        })
    }

    /// [`Reverse::law`] with a network's score ŝ(y) = −(1 + δ)(y − αμ̂)/(α²λ̂ + σ²) in place of the exact
    /// one: the limit of small steps of samplers that call it. The target is that of the data.
    ///
    /// With n = σ²/α², u = y/α and K = (1 + h²)(1 + δ), u − μ̂ contracts by r^{K/2}, where
    /// r = (λ̂ + n)/(λ̂ + n_T), and the fresh noise is h² (λ̂ + n)(1 − r^{K−1})/(K − 1). Hence, from p_T,
    ///
    /// Var y − s = −(1 + h²) δ ŝ (1 − r^{K−1})/(K − 1) − α² (λ − λ̂)(1 − r^K), with ŝ = α²λ̂ + σ².
    ///
    /// Networks whose factor or answers depend on the level are integrated by quadrature, to rounding.
    pub fn law_by(
        &self,
        network: &Learnt,
        from: &Level,
        to: &Level,
        init: &Init,
        target: Target,
    ) -> Law {
        if network.is_exact() {
            return self.law(network.believed(), from, to, init, target);
        }
        let (from, to) = (&from.marginal(), &to.marginal());
        let Some(delta) = network.constant_excess() else {
            return self.law_by_quadrature(network, from, to, init, target);
        };
        let h2 = self.noise * self.noise;
        let excess = (1.0 + h2) * delta;
        // K − 1.
        let power = h2 + excess;
        let times = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let alpha2 = to.alpha * to.alpha;
        let scale = from.alpha / to.alpha;
        let mut infinite = None;
        let pairs = network.truth().iter().zip(network.believed().modes()).enumerate();
        let modes = pairs.map(|(i, (truth, believed))| {
            let (end, start) =
                (to.variance(believed.eigenvalue), from.variance(believed.eigenvalue));
            // Without noise at the start there is nothing to integrate along a null direction.
            let log_r = if start == 0.0 { 0.0 } else { (scale * scale * (end / start)).ln() };
            let log = |factor: f64| if factor == 0.0 { 0.0 } else { factor * log_r };
            let gain2 = if start == 0.0 { 1.0 } else { times(end / start, log(power).exp()) };
            // ŝ (1 − r^{K−1})/(K − 1), which is 0 where ŝ is.
            let spread = match power {
                0.0 => times(end, -log_r),
                power => times(end, -log(power).exp_m1() / power),
            };
            let gain = gain2.sqrt();
            let eigenvalue_error = alpha2 * (truth.eigenvalue - believed.eigenvalue);
            let carried_error = times(gain2, init.variance_error(from, i, truth));
            let of_eigenvalue = match eigenvalue_error {
                0.0 => 0.0,
                error => times(error, log(power + 1.0).exp_m1()),
            };
            let score_error = -times(excess, spread) + of_eigenvalue;
            let (m0, v0) = init.moments(from, i, truth);
            let variance = times(gain2, v0) + times(h2, spread);
            // 1 − r^{K/2}.
            let forgotten = match (believed.mean, truth.mean) {
                (0.0, 0.0) => 0.0,
                _ => -log(0.5 * (power + 1.0)).exp_m1(),
            };
            let mean_error = to.alpha * forgotten * (believed.mean - truth.mean)
                + times(gain, init.mean_error(from, i, truth));
            let mean = to.alpha * forgotten * believed.mean + times(gain, m0);
            if !(variance.is_finite() && mean.is_finite()) {
                let eigenvalue = truth.eigenvalue;
                infinite = infinite.or(Some(Reason::Overflow { eigenvalue }));
            }
            let (target_variance, truncation, shrinkage) = match target {
                Target::Data => {
                    (truth.eigenvalue, to.variance_error(truth.eigenvalue), to.one_minus_alpha())
                }
                Target::Marginal => (to.variance(truth.eigenvalue), 0.0, 0.0),
            };
            LawMode {
                eigenvalue: truth.eigenvalue,
                multiplicity: truth.multiplicity,
                gain,
                mean,
                variance,
                target_variance,
                mean_error: mean_error - shrinkage * truth.mean,
                variance_error: truncation + score_error + carried_error,
            }
        });
        let modes: Vec<LawMode> = modes.collect();
        Law { modes, infinite }
    }

    /// [`Reverse::law_by`] where the network's answers depend on the level in a way of their own.
    fn law_by_quadrature(
        &self,
        network: &Learnt,
        from: &Level,
        to: &Level,
        init: &Init,
        target: Target,
    ) -> Law {
        let (h2, k) = (self.noise * self.noise, 1.0 + self.noise * self.noise);
        let way = Way::new(network, self.noise, from, to);
        let alpha2 = to.alpha * to.alpha;
        let times = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let mode = |(i, truth): (usize, &Mode)| {
            let lambda = truth.eigenvalue;
            let moments = way.along(i);
            let gain =
                times(self.propagator(lambda, from, to), (-0.5 * k * moments.log_excess).exp());
            let gain2 = gain * gain;
            let (m0, v0) = init.moments(from, i, truth);
            let marginal = to.variance(lambda);
            let kept = times(marginal, self.contraction2(lambda, from, to));
            let score_error = times(kept, (-k * moments.log_excess).exp_m1())
                + times(h2 * alpha2, moments.spread_excess);
            let carried_error = times(gain2, init.variance_error(from, i, truth));
            let variance = times(gain2, v0) + times(h2 * alpha2, moments.spread);
            let drift = to.alpha * moments.drift;
            let mean_error = drift + times(gain, init.mean_error(from, i, truth));
            let mean = to.alpha * truth.mean + times(gain, m0 - from.alpha * truth.mean) + drift;
            let is_finite = !network.is_by_step()
                && variance.is_finite()
                && mean.is_finite()
                && gain.is_finite();
            let (target_variance, truncation, shrinkage) = match target {
                Target::Data => (lambda, to.variance_error(lambda), to.one_minus_alpha()),
                Target::Marginal => (marginal, 0.0, 0.0),
            };
            let or_infinite = |v: f64| if is_finite { v } else { f64::INFINITY };
            LawMode {
                eigenvalue: lambda,
                multiplicity: truth.multiplicity,
                gain: or_infinite(gain),
                mean: or_infinite(mean),
                variance: or_infinite(variance),
                target_variance,
                mean_error: or_infinite(mean_error - shrinkage * truth.mean),
                variance_error: or_infinite(truncation + score_error + carried_error),
            }
        };
        let modes: Vec<LawMode> = network.truth().par_iter().enumerate().map(mode).collect();
        let overflow = modes.iter().find(|m| !m.variance.is_finite());
        let infinite = overflow.map(|m| match network.is_by_step() {
            true => Reason::NoLimit,
            false => Reason::Overflow { eigenvalue: m.eigenvalue },
        });
        Law { modes, infinite }
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
