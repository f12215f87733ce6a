use super::{Component, Mixture};
use crate::level::Level;
use crate::network::{Denoiser, DenoiserError, Factor, Prediction};
use rayon::prelude::*;
use std::sync::Arc;

/// Components that are less probable than e to this power add nothing to a prediction in double precision.
const NEGLIGIBLE: f64 = -60.0;

/// States whose coordinates in the eigenbases of all components are held together.
const TOGETHER: usize = 64;

/// Deviations of states far outside are scaled to at most this before they are squared: times the largest precision the
/// squares are still numbers.
const FAR: f64 = 1e-8;

/// The exact network for a mixture of Gaussians. Every prediction is Σₖ pₖ(x) times the prediction of
/// component k, each in its own stable form (see [`Factor`]): no kind is converted into another.
#[derive(Clone, Debug)]
pub struct MixtureDenoiser {
    mixture: Arc<Mixture>,
}

/// A batch in the eigenbases of all components.
struct Projected {
    /// Per component: x − αm, and its coordinates along the eigenvectors.
    deviations: Vec<Vec<f64>>,
    coordinates: Vec<Vec<f64>>,
    /// Per state: the responsibilities of all components.
    responsibilities: Vec<f64>,
}

impl MixtureDenoiser {
    /// The network of a mixture.
    pub fn new(mixture: impl Into<Arc<Mixture>>) -> Self {
        MixtureDenoiser { mixture: mixture.into() }
    }

    /// The mixture.
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }

    /// [`Mixture::responsibilities`]
    pub fn responsibilities(&self, x: &[f64], level: &Level) -> Vec<f64> {
        self.mixture.responsibilities(x, level)
    }

    /// [`Mixture::classes`]
    pub fn classes(&self, x: &[f64], level: &Level) -> Vec<usize> {
        self.mixture.classes(x, level)
    }
}

impl Mixture {
    /// The probabilities that noisy states at `level` come from each component, one state after another.
    /// Where no noise is left and components have null directions, they are those of the least noise
    /// that numbers can tell from it.
    ///
    /// ```
    /// use gaussmeter::mixture::{Component, Mixture};
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// use gaussmeter::prelude::*;
    /// let component = |name: &str, mean: f64| {
    ///     Component::of_covariance(name, 0.5, vec![mean], &Matrix::diagonal(&[1.0]))
    /// };
    /// let two = Mixture::new("", vec![component("a", -1.0)?, component("b", 1.0)?])?;
    /// let level = Edm::new(80.0).level(1.0);
    /// let p = two.responsibilities(&[0.0, 1e4], &level);
    /// assert_eq!(p[..2], [0.5, 0.5]);
    /// assert_eq!(p[2..], [0.0, 1.0]);
    /// # Ok::<(), gaussmeter::mixture::MixtureError>(())
    /// ```
    pub fn responsibilities(&self, x: &[f64], level: &Level) -> Vec<f64> {
        let parts = x.par_chunks(TOGETHER * self.dim());
        parts.flat_map_iter(|part| self.project(part, level).responsibilities).collect()
    }

    /// The most probable component of each state.
    pub fn classes(&self, x: &[f64], level: &Level) -> Vec<usize> {
        let of = |p: &[f64]| {
            let best = p.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(k, _)| k)
        };
        self.responsibilities(x, level).chunks(self.components().len()).map(of).collect()
    }

    fn project(&self, x: &[f64], level: &Level) -> Projected {
        let (components, dim) = (self.components(), self.dim());
        let (count, classes) = (x.len() / dim, components.len());
        let mut responsibilities = vec![0.0; count * classes];
        let (mut deviations, mut coordinates) = (Vec::new(), Vec::new());
        for (k, c) in components.iter().enumerate() {
            let mut off = x.to_vec();
            for state in off.chunks_mut(dim) {
                state.iter_mut().zip(&c.mean).for_each(|(x, m)| *x -= level.alpha * m);
            }
            let along = c.along(&off);
            let law = Marginal::of(c, level);
            for i in 0..count {
                let (off, along) = (row(&off, dim, i), row(&along, c.eigenvalues.len(), i));
                responsibilities[i * classes + k] =
                    c.weight.ln() - 0.5 * (law.distance(off, along, 1.0) + law.log_determinant);
            }
            deviations.push(off);
            coordinates.push(along);
        }
        for (i, logs) in responsibilities.chunks_mut(classes).enumerate() {
            let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if highest == f64::NEG_INFINITY {
                // So far outside that squares overflow: nothing but the distance counts.
                let largest = |off: &Vec<f64>| {
                    row(off, dim, i).iter().fold(0.0f64, |most, u| most.max(u.abs()))
                };
                let scale = FAR / deviations.iter().map(largest).fold(f64::MIN_POSITIVE, f64::max);
                for (k, c) in components.iter().enumerate() {
                    let off = row(&deviations[k], dim, i);
                    let along = row(&coordinates[k], c.eigenvalues.len(), i);
                    logs[k] = -Marginal::of(c, level).distance(off, along, scale);
                }
                let nearest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                logs.iter_mut().for_each(|l| *l = f64::from(*l == nearest));
            } else {
                logs.iter_mut().for_each(|l| *l = (*l - highest).exp());
            }
            let sum: f64 = logs.iter().sum();
            logs.iter_mut().for_each(|p| *p /= sum);
        }
        Projected { deviations, coordinates, responsibilities }
    }
}

/// Row `i` of rows of a length.
fn row(values: &[f64], length: usize, i: usize) -> &[f64] {
    &values[i * length..(i + 1) * length]
}

/// The law of noisy states of one component, at one level.
struct Marginal {
    /// 1/(α²λ + σ²), per eigenvector.
    precisions: Vec<f64>,
    /// The same along all other directions, if there are any.
    other: Option<f64>,
    log_determinant: f64,
}

impl Marginal {
    fn of(c: &Component, level: &Level) -> Self {
        let variance = |eigenvalue: f64| level.variance(eigenvalue).max(f64::MIN_POSITIVE);
        let variances: Vec<f64> = c.eigenvalues.iter().map(|l| variance(*l)).collect();
        let others = c.others();
        let other = (others > 0).then(|| variance(c.rest));
        let log_determinant = variances.iter().map(|s| s.ln()).sum::<f64>()
            + other.map_or(0.0, |s| others as f64 * s.ln());
        Marginal {
            precisions: variances.iter().map(|s| 1.0 / s).collect(),
            other: other.map(|s| 1.0 / s),
            log_determinant,
        }
    }

    /// The squared Mahalanobis distance of a deviation, given its coordinates too, scaled first.
    fn distance(&self, off: &[f64], along: &[f64], scale: f64) -> f64 {
        let square = |c: f64| (scale * c) * (scale * c);
        let own: f64 = along.iter().zip(&self.precisions).map(|(c, w)| square(*c) * w).sum();
        let Some(precision) = self.other else { return own };
        let outside: f64 = off.iter().map(|u| square(*u)).sum::<f64>()
            - along.iter().map(|c| square(*c)).sum::<f64>();
        match outside.max(0.0) {
            0.0 => own,
            outside => own + outside * precision,
        }
    }
}

impl Component {
    /// The coordinates of deviations along the eigenvectors.
    fn along(&self, off: &[f64]) -> Vec<f64> {
        let count = off.len() / self.mean.len();
        let mut along = vec![0.0; count * self.eigenvalues.len()];
        self.rows.apply_batch(off, &mut along);
        along
    }
}

/// What a prediction adds to w(λ) (x − αm): this multiple of m, whatever λ.
pub(crate) fn of_mean(kind: Prediction, level: &Level) -> f64 {
    match kind {
        Prediction::Denoiser => 1.0,
        Prediction::Score | Prediction::Noise => 0.0,
        Prediction::Velocity => level.alpha_prime,
        Prediction::V => -level.sigma,
        Prediction::Flow => -1.0,
    }
}

impl Denoiser for MixtureDenoiser {
    fn dim(&self) -> usize {
        self.mixture.dim()
    }

    fn native(&self) -> Prediction {
        Prediction::Denoiser
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.predict(Prediction::Denoiser, x, level, out)
    }

    fn predict(
        &mut self,
        kind: Prediction,
        x: &[f64],
        level: &Level,
        out: &mut [f64],
    ) -> Result<(), DenoiserError> {
        let factor = Factor::new(kind, level);
        if !factor.is_noisy() && kind == Prediction::Denoiser {
            out.iter_mut().zip(x).for_each(|(d, x)| *d = x / level.alpha);
            return Ok(());
        }
        let components = self.mixture.components();
        if factor.is_singular(kind) {
            let nulls = |c: &Component| {
                let own = c.eigenvalues.iter().filter(|l| **l == 0.0).count();
                own + if c.rest == 0.0 { c.others() } else { 0 }
            };
            let null = components.iter().map(nulls).max().unwrap_or(0);
            if null > 0 {
                return Err(DenoiserError::Singular { kind, t: level.t, null });
            }
        }
        let (dim, classes) = (self.mixture.dim(), components.len());
        let count = x.len() / dim;
        let Projected { deviations, coordinates, responsibilities } =
            self.mixture.project(x, level);
        let least = NEGLIGIBLE.exp();
        let by_mean = of_mean(kind, level);
        out.fill(0.0);
        for (k, c) in components.iter().enumerate() {
            let rank = c.eigenvalues.len();
            // A component that is alone is never negligible, nor is a responsibility that is NaN.
            let states: Vec<usize> = (0..count)
                .filter(|i| !matches!(responsibilities[i * classes + k], p if p < least))
                .collect();
            if states.is_empty() {
                continue;
            }
            let other = if c.others() > 0 { factor.weight(c.rest) } else { 0.0 };
            let weights: Vec<f64> =
                c.eigenvalues.iter().map(|l| factor.weight(*l) - other).collect();
            let mut along: Vec<f64> = Vec::with_capacity(states.len() * rank);
            for &i in &states {
                let own = row(&coordinates[k], rank, i);
                along.extend(own.iter().zip(&weights).map(|(c, w)| w * c));
            }
            let mut back = vec![0.0; states.len() * dim];
            c.rows.apply_transpose_batch(&along, &mut back);
            for (&i, back) in states.iter().zip(back.chunks(dim)) {
                let p = responsibilities[i * classes + k];
                let out = &mut out[i * dim..(i + 1) * dim];
                let off = row(&deviations[k], dim, i);
                for (((out, back), off), m) in out.iter_mut().zip(back).zip(off).zip(&c.mean) {
                    *out += p * (back + other * off + by_mean * m);
                }
            }
        }
        Ok(())
    }
}
