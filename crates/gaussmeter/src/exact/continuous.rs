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
use super::quadrature::{Moments, Way};
use crate::level::Level;
use crate::metric::{Metric, Value};
use crate::network::Learnt;
use crate::spectrum::{Mode, Spectrum};
use crate::watch::Watch;
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

/// What a solution does along one eigenvector between two levels.
#[derive(Clone, Copy)]
struct Flow {
    /// r^{h²}, the square of the contraction that the noise adds over the ODE: in [0, 1].
    contraction2: f64,
    /// 1 − r^{h²}: the share of s_t that is fresh noise.
    fresh: f64,
    /// Φ.
    propagator: f64,
}

impl Reverse {
    /// From variance `start` to `end`, where `scale` is α_T/α_t.
    #[inline]
    fn flow(&self, scale: f64, start: f64, end: f64) -> Flow {
        // Without noise at the start there is nothing to integrate along a null direction.
        if start == 0.0 {
            return Flow { contraction2: 1.0, fresh: 0.0, propagator: 1.0 };
        }
        let ratio = end / start;
        let r = scale * scale * ratio;
        let (contraction2, fresh) = match self.noise {
            0.0 => (1.0, 0.0),
            // The difference has the precision of r, as the logarithm has.
            1.0 => (r, 1.0 - r),
            h => (r.powf(h * h), -(h * h * r.ln()).exp_m1()),
        };
        Flow { contraction2, fresh, propagator: (ratio * contraction2).sqrt() }
    }

    fn flow_between(&self, eigenvalue: f64, from: &Level, to: &Level) -> Flow {
        let (from, to) = (from.marginal(), to.marginal());
        let [start, end] = [from.variance(eigenvalue), to.variance(eigenvalue)];
        self.flow(from.alpha / to.alpha, start, end)
    }

    /// r^{h²}, the square of the contraction R^{h²} that the noise adds over the ODE: in [0, 1].
    pub(super) fn contraction2(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        self.flow_between(eigenvalue, from, to).contraction2
    }

    /// Variance at the cleaner level `to` of a solution that is known at the noisier level `from`.
    pub fn noise_variance(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        to.marginal().variance(eigenvalue) * self.flow_between(eigenvalue, from, to).fresh
    }

    /// Φ, the gain of y at the cleaner level `to` on y at the noisier level `from`.
    pub fn propagator(&self, eigenvalue: f64, from: &Level, to: &Level) -> f64 {
        self.flow_between(eigenvalue, from, to).propagator
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
        if network.is_exact() {
            return metric.of_modes(&mut self.modes(network.believed(), from, to, init, target));
        }
        if let Some(delta) = network.constant_excess() {
            let mut modes = self.modes_by(network, delta, (from, to), init, target);
            let value = metric.of_modes(&mut modes);
            if value.value.is_finite() {
                return value;
            }
        }
        // With the reason where it is infinite.
        metric.evaluate(&self.law_by(network, from, to, init, target))
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
        let scale = from.alpha / to.alpha;
        spectrum.modes().iter().enumerate().map(move |(i, mode)| {
            let (from, to) = (&from, &to);
            let lambda = mode.eigenvalue;
            let (start, marginal) = (from.variance(lambda), to.variance(lambda));
            let Flow { contraction2, fresh, propagator: gain } = self.flow(scale, start, marginal);
            // Var y − s_t as a multiple of s_t: the only form that is accurate as s_t → 0.
            let carried_error = match (init.variance_error(from, i, mode), start) {
                (error, 0.0) => error,
                (error, start) => marginal * (contraction2 * (error / start)),
            };
            let variance = match carried_error {
                0.0 => marginal,
                // A sum of positive terms, whatever the start.
                _ => gain * gain * init.moments(from, i, mode).1 + marginal * fresh,
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
        let Some(delta) = network.constant_excess() else {
            return self.law_by_quadrature(network, from, to, init, target);
        };
        let modes = self.modes_by(network, delta, (from, to), init, target);
        let modes: Vec<LawMode> = modes.collect();
        let overflow = modes.iter().find(|m| !(m.variance.is_finite() && m.mean.is_finite()));
        let infinite = overflow.map(|m| Reason::Overflow { eigenvalue: m.eigenvalue });
        Law { modes, infinite }
    }

    /// The modes of [`Reverse::law_by`] where the score is 1 + `delta` times that of a Gaussian.
    fn modes_by<'a>(
        &self,
        network: &'a Learnt,
        delta: f64,
        (from, to): (&Level, &Level),
        init: &'a Init,
        target: Target,
    ) -> impl Iterator<Item = LawMode> + use<'a> {
        let (from, to) = (from.marginal(), to.marginal());
        let h2 = self.noise * self.noise;
        let excess = (1.0 + h2) * delta;
        // K − 1.
        let power = h2 + excess;
        let times = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let alpha2 = to.alpha * to.alpha;
        let scale = from.alpha / to.alpha;
        let pairs = network.truth().iter().zip(network.believed().modes()).enumerate();
        pairs.map(move |(i, (truth, believed))| {
            let (from, to) = (&from, &to);
            let (end, start) =
                (to.variance(believed.eigenvalue), from.variance(believed.eigenvalue));
            // Without noise at the start there is nothing to integrate along a null direction.
            let log_r = if start == 0.0 { 0.0 } else { (scale * scale * (end / start)).ln() };
            let log = |factor: f64| if factor == 0.0 { 0.0 } else { factor * log_r };
            let (kept, less) = exponential(log(power));
            let gain2 = if start == 0.0 { 1.0 } else { times(end / start, kept) };
            // ŝ (1 − r^{K−1})/(K − 1), which is 0 where ŝ is.
            let spread = match power {
                0.0 => times(end, -log_r),
                power => times(end, -less / power),
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
        })
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
        let (from, to) = (&from.marginal(), &to.marginal());
        let way = Way::new(network, from, to);
        let moments = |i: usize| way.along(i, [self.strength()])[0];
        self.law_of_moments(network, (from, to), init, target, moments)
    }

    /// k = 1 + h², the factor of the score.
    fn strength(&self) -> f64 {
        1.0 + self.noise * self.noise
    }

    /// The law of a solution by what it does along each mode.
    fn law_of_moments(
        &self,
        network: &Learnt,
        (from, to): (&Level, &Level),
        init: &Init,
        target: Target,
        moments: impl Fn(usize) -> Moments + Sync,
    ) -> Law {
        let (h2, k) = (self.noise * self.noise, self.strength());
        let alpha2 = to.alpha * to.alpha;
        let times = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let mode = |(i, truth): (usize, &Mode)| {
            let lambda = truth.eigenvalue;
            let moments = moments(i);
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

/// e^x and e^x − 1, both to rounding.
fn exponential(x: f64) -> (f64, f64) {
    if x.abs() < 0.7 {
        let less = x.exp_m1();
        (1.0 + less, less)
    } else {
        let whole = x.exp();
        (whole, whole - 1.0)
    }
}

/// [`Reverse::value`] of some processes, each started at `from`, at `levels` from the noisiest on: by process,
/// then by level. `None` where `watch` stops it.
pub(crate) fn values_along<const N: usize>(
    processes: [Reverse; N],
    network: &Learnt,
    (from, levels): (&Level, &[Level]),
    init: &Init,
    target: Target,
    metric: &dyn Metric,
    watch: Watch,
) -> Option<[Vec<Value>; N]> {
    let mut values = [(); N].map(|()| Vec::with_capacity(levels.len()));
    let mut take = |at: &[Value]| {
        values.iter_mut().zip(at).for_each(|(values, value)| values.push(*value));
    };
    let between = (from, levels);
    if let Some(found) = metric.of_continuous(&processes, network, between, (init, target), watch) {
        found.iter().for_each(|at| take(at));
        return Some(values);
    }
    if network.is_exact() || network.constant_excess().is_some() || network.is_by_step() {
        let at = |to: &Level| match watch.is_stopped() {
            true => None,
            false => Some(processes.map(|p| p.value(network, (from, to), init, target, metric))),
        };
        let found = levels.par_iter().map(at).collect::<Option<Vec<[Value; N]>>>()?;
        found.iter().for_each(|at| take(at));
        return Some(values);
    }
    // From each level to the next, so that no way is integrated along twice.
    let strengths = processes.map(|process| process.strength());
    let from = &from.marginal();
    let mut before = *from;
    let mut moments = vec![[Moments::NOTHING; N]; network.truth().len()];
    for to in levels {
        if watch.is_stopped() {
            return None;
        }
        let to = to.marginal();
        let way = Way::new(network, &before, &to);
        moments.par_iter_mut().enumerate().for_each(|(i, moments)| {
            let next = way.along(i, strengths);
            for ((moments, next), k) in moments.iter_mut().zip(next).zip(strengths) {
                *moments = next.after(moments, k, way.exact_log(i));
            }
        });
        let at: Vec<Value> = (processes.iter().enumerate())
            .map(|(j, process)| {
                let of_mode = |i: usize| moments[i][j];
                let law = process.law_of_moments(network, (from, &to), init, target, of_mode);
                metric.evaluate(&law)
            })
            .collect();
        take(&at);
        before = to;
    }
    Some(values)
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
