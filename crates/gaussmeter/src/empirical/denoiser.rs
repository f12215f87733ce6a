use super::Empirical;
use crate::level::Level;
use crate::network::{Denoiser, DenoiserError, Prediction};
use crate::numeric::linear_algebra::norm;
use std::sync::Arc;

/// Samples that are less probable than e to minus this add nothing in double precision.
const NEGLIGIBLE: f64 = 60.0;

/// Relative error of probabilities beyond which distances are computed again, one by one.
const ACCURATE: f64 = 2.5e-13;

/// States whose products with all samples are held together.
const BATCH: usize = 32;

/// With a larger share of the samples, their mean is a product of matrices.
const FEW: usize = 16;

/// The exact network for a data set: the softmax-weighted mean of its samples.
///
/// Squared distances are products of matrices, but for |x|², which all have in common. Where noise is
/// so low that their rounding would show, those that matter are computed again as differences of
/// coordinates: |x − αxᵢ|² − |x − αxᵣ|² = Σ α(xᵣ − xᵢ)((x − αxᵢ) + (x − αxᵣ)), with the nearest sample
/// xᵣ. With D = xᵣ + Δ and u = x − αxᵣ the noise is ε = (u − αΔ)/σ, and the other predictions follow
/// from both without a difference of nearly equal numbers.
#[derive(Clone, Debug)]
pub struct EmpiricalDenoiser {
    law: Arc<Empirical>,
}

/// Which samples a state may come from.
struct Posterior {
    /// The most probable sample.
    nearest: usize,
    /// Samples and their probabilities; none for a state that is not finite.
    shares: Vec<(usize, f64)>,
}

impl EmpiricalDenoiser {
    /// The network of a data set.
    pub fn new(law: impl Into<Arc<Empirical>>) -> Self {
        EmpiricalDenoiser { law: law.into() }
    }

    /// The data set.
    pub fn law(&self) -> &Empirical {
        &self.law
    }
}

impl Empirical {
    /// The most probable sample of each noisy state at `level`, by its number from 0; the first of
    /// equals.
    pub fn nearest(&self, x: &[f64], level: &Level) -> Vec<usize> {
        let states = BATCH * self.dim();
        x.chunks(states).flat_map(|x| self.posteriors(x, level)).map(|p| p.nearest).collect()
    }

    /// The probabilities that noisy states at `level` come from each sample, one state after another.
    pub fn responsibilities(&self, x: &[f64], level: &Level) -> Vec<f64> {
        let (count, states) = (self.count(), BATCH * self.dim());
        let dense = |p: Posterior| {
            let mut all = vec![0.0; count];
            p.shares.iter().for_each(|(i, share)| all[*i] = *share);
            all
        };
        x.chunks(states).flat_map(|x| self.posteriors(x, level)).flat_map(dense).collect()
    }

    /// For at most [`BATCH`] states.
    fn posteriors(&self, x: &[f64], level: &Level) -> Vec<Posterior> {
        let (count, dim) = (self.count(), self.dim());
        let mut products = vec![0.0; x.len() / dim * count];
        self.points.apply_batch(x, &mut products);
        let states = x.chunks(dim).zip(products.chunks_mut(count));
        states.map(|(x, products)| self.posterior(x, products, level)).collect()
    }

    /// The posterior of a state from its products with all samples.
    fn posterior(&self, x: &[f64], products: &mut [f64], level: &Level) -> Posterior {
        let Level { alpha, sigma, .. } = *level;
        let alpha2 = alpha * alpha;
        let mut nearest = (0, f64::INFINITY);
        for (i, (q, square)) in products.iter_mut().zip(&self.squares).enumerate() {
            *q = alpha2 * square - 2.0 * alpha * *q;
            if *q < nearest.1 {
                nearest = (i, *q);
            }
        }
        let (mut nearest, least) = nearest;
        let size = alpha2 * self.largest + 2.0 * alpha * norm(x) * self.largest.sqrt();
        if !size.is_finite() || !least.is_finite() {
            return Posterior { nearest, shares: Vec::new() };
        }
        let (variance, error) = (2.0 * sigma * sigma, 2.0 * f64::EPSILON * size);
        // Another order of sums has another error: some room for it.
        let most = NEGLIGIBLE * variance + 32.0 * error;
        let near = products.iter().enumerate().filter(|(_, q)| **q - least <= most);
        let mut shares: Vec<(usize, f64)> = near.map(|(i, q)| (i, q - least)).collect();
        if error > ACCURATE * variance {
            let reference = self.points.row(nearest);
            for (i, excess) in &mut shares {
                *excess = further(x, alpha, reference, self.points.row(*i));
            }
            let closest = shares.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            let (closest, least) = closest.copied().unwrap_or((nearest, 0.0));
            nearest = closest;
            shares.iter_mut().for_each(|(_, excess)| *excess -= least);
        }
        let mut sum = 0.0;
        for (_, share) in &mut shares {
            // Without noise all is with the nearest sample, or shared among equals.
            *share = if *share <= 0.0 { 1.0 } else { (-*share / (2.0 * sigma) / sigma).exp() };
            sum += *share;
        }
        shares.retain(|(_, share)| *share > 0.0);
        shares.iter_mut().for_each(|(_, share)| *share /= sum);
        Posterior { nearest, shares }
    }

    /// D − xᵣ for each state, one after another.
    fn differences(&self, posteriors: &[Posterior]) -> Vec<f64> {
        let (count, dim) = (self.count(), self.dim());
        let is_dense = |p: &Posterior| FEW * p.shares.len() > count && p.shares.len() > FEW;
        let mut out = vec![0.0; posteriors.len() * dim];
        let mut dense = Vec::new();
        for (p, out) in posteriors.iter().zip(out.chunks_mut(dim)) {
            let reference = self.points.row(p.nearest);
            if is_dense(p) {
                let start = dense.len();
                dense.resize(start + count, 0.0);
                p.shares.iter().for_each(|(i, share)| dense[start + i] = *share);
                continue;
            }
            for &(i, share) in p.shares.iter().filter(|(i, _)| *i != p.nearest) {
                for ((out, x), r) in out.iter_mut().zip(self.points.row(i)).zip(reference) {
                    *out += share * (x - r);
                }
            }
        }
        let mut means = vec![0.0; dense.len() / count * dim];
        self.points.apply_transpose_batch(&dense, &mut means);
        let rows = posteriors.iter().zip(out.chunks_mut(dim)).filter(|(p, _)| is_dense(p));
        for ((p, out), mean) in rows.zip(means.chunks(dim)) {
            for ((out, m), r) in out.iter_mut().zip(mean).zip(self.points.row(p.nearest)) {
                *out = m - r;
            }
        }
        out
    }
}

/// |x − αy|² − |x − αr|².
fn further(x: &[f64], alpha: f64, r: &[f64], y: &[f64]) -> f64 {
    let term = |((x, r), y): ((&f64, &f64), &f64)| {
        alpha * (r - y) * ((-alpha).mul_add(*y, *x) + (-alpha).mul_add(*r, *x))
    };
    x.iter().zip(r).zip(y).map(term).sum()
}

impl Denoiser for EmpiricalDenoiser {
    fn dim(&self) -> usize {
        self.law.dim()
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
        let dim = self.law.dim();
        let Level { alpha, sigma, alpha_prime, sigma_sigma_prime, .. } = *level;
        let variance = sigma * sigma;
        if variance == 0.0 && kind != Prediction::Denoiser {
            return Err(DenoiserError::Singular { kind, t: level.t, null: dim });
        }
        // kind = a D + b (x − αD).
        let (a, b) = match kind {
            Prediction::Denoiser => (1.0, 0.0),
            Prediction::Score => (0.0, -1.0 / variance),
            Prediction::Noise => (0.0, 1.0 / sigma),
            Prediction::Velocity => (alpha_prime, sigma_sigma_prime / variance),
            Prediction::V => (-sigma, alpha / sigma),
            Prediction::Flow => (-1.0, 1.0 / sigma),
        };
        for (x, out) in x.chunks(BATCH * dim).zip(out.chunks_mut(BATCH * dim)) {
            let posteriors = self.law.posteriors(x, level);
            let differences = self.law.differences(&posteriors);
            let states = x.chunks(dim).zip(out.chunks_mut(dim)).zip(differences.chunks(dim));
            for (((x, out), differences), p) in states.zip(&posteriors) {
                if p.shares.is_empty() {
                    out.fill(f64::NAN);
                    continue;
                }
                let nearest = self.law.points.row(p.nearest);
                for (((out, x), r), difference) in
                    out.iter_mut().zip(x).zip(nearest).zip(differences)
                {
                    let datum = a * (r + difference);
                    *out = match b {
                        0.0 => datum,
                        b => datum + b * ((-alpha).mul_add(*r, *x) - alpha * difference),
                    };
                }
            }
        }
        Ok(())
    }
}
