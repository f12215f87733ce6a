//! The Gaussian W2 between samples and a law, without what a finite number of samples adds to it.
//!
//! With full covariances that is a [`Comparison`], whose correction has all orders in dimensions over samples. Where only
//! variances along the eigenvectors of the law are compared, the plug-in value Σ (mᵢ − μᵢ)² + (√vᵢ − √λᵢ)² is
//! too large by Σ vᵢ/n for the means and, to second order, by Σ √(λᵢvᵢ) (kᵢ − 1)/4n for the roots, with the
//! fourth moments kᵢvᵢ²: there is no more, as dimensions do not add up to an order of their own. Standard errors are those of
//! the first and of the second derivative.

use super::agreement::{error_of_mean, mean};
use crate::basis::Basis;
use crate::distance::{Comparison, Factored, Side};
use crate::law::GroupShare;
use crate::metric::{DenseGaussian, GaussianError};
use crate::numeric::linear_algebra::Matrix;

/// Full covariances are compared from this many samples per dimension.
pub(crate) const PER_DIMENSION: usize = 4;

/// Samples that are added to a comparison together.
const BLOCK: usize = 512;

/// A squared distance, estimated from samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// W2², without the bias: may be negative where W2 is small. Infinite where outputs are.
    pub squared: f64,
    /// Standard error of that.
    pub squared_error: f64,
    /// What a finite number of samples was expected to add, and what has been subtracted.
    pub bias: f64,
}

impl Estimate {
    pub(in crate::experiment) const INFINITE: Estimate =
        Estimate { squared: f64::INFINITY, squared_error: f64::INFINITY, bias: f64::INFINITY };

    /// W2: 0 where the square is negative.
    pub fn value(&self) -> f64 {
        self.squared.max(0.0).sqrt()
    }

    /// The standard error of W2: how far it goes up with one of the square, which is finite at 0.
    pub fn standard_error(&self) -> f64 {
        match self.squared {
            squared if squared.is_finite() => {
                let squared = squared.max(0.0);
                self.squared_error
                    / ((squared + self.squared_error).sqrt() + squared.sqrt())
                        .max(f64::MIN_POSITIVE)
            }
            _ => f64::INFINITY,
        }
    }
}

/// Samples in an eigenbasis: their means, and their deviations from these.
pub(in crate::experiment) struct Coordinates {
    dim: usize,
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Coordinates {
    /// The coordinates of samples along the vectors of a basis; `None` where samples are not finite.
    pub fn of(basis: &dyn Basis, samples: &[f64]) -> Option<Self> {
        let dim = basis.dim();
        let mut deviations = vec![0.0; samples.len()];
        basis.analyze(samples, &mut deviations);
        // Squares of squares are summed.
        if !deviations.iter().all(|c| c.abs() < 1e70) {
            return None;
        }
        let count = (samples.len() / dim) as f64;
        let mut means = vec![0.0; dim];
        for x in deviations.chunks(dim) {
            means.iter_mut().zip(x).for_each(|(mean, x)| *mean += x / count);
        }
        for x in deviations.chunks_mut(dim) {
            x.iter_mut().zip(&means).for_each(|(x, mean)| *x -= mean);
        }
        Some(Coordinates { dim, means, deviations })
    }

    fn count(&self) -> f64 {
        (self.deviations.len() / self.dim) as f64
    }

    /// W2² to the law of a basis of all that happens along its vectors `among`, where the variances along
    /// them are compared and nothing else: Σ (mᵢ − μᵢ)² + (√vᵢ − √λᵢ)². No more than that of full
    /// covariances.
    pub fn along(&self, basis: &dyn Basis, among: impl Iterator<Item = usize>) -> Estimate {
        let n = self.count();
        let (mut plug_in, mut bias, mut second) = (0.0, 0.0, 0.0);
        let mut first = vec![0.0; n as usize];
        for j in among {
            let (lambda, shift) = (basis.eigenvalues()[j], self.means[j] - basis.means()[j]);
            let own = || self.deviations.iter().skip(j).step_by(self.dim);
            let variance = own().map(|x| x * x).sum::<f64>() / (n - 1.0);
            let fourth = own().map(|x| x.powi(4)).sum::<f64>() / n;
            plug_in += shift * shift + (variance.sqrt() - lambda.sqrt()).powi(2);
            let of_mean = variance / n;
            let (of_root, slope) = match variance > 0.0 {
                true => {
                    let spread = fourth / (variance * variance) - 1.0;
                    (
                        (lambda * variance).sqrt() * spread / (4.0 * n),
                        1.0 - (lambda / variance).sqrt(),
                    )
                }
                false => (0.0, 0.0),
            };
            bias += of_mean + of_root;
            second += 2.0 * (of_mean * of_mean + of_root * of_root);
            for (psi, x) in first.iter_mut().zip(own()) {
                *psi += 2.0 * shift * x + slope * (x * x - variance);
            }
        }
        estimate(plug_in, bias, &first, second)
    }

    /// W2² to the law of a basis with full covariances; `None` where tails are so heavy that samples are too few. The
    /// error has what of the bias heavy tails may leave over.
    ///
    /// # Errors
    /// [`GaussianError`]: a decomposition failed.
    pub fn full(&self, basis: &dyn Basis) -> Result<Option<Estimate>, GaussianError> {
        let (n, dim) = (self.count(), self.dim);
        let x = Matrix::new(n as usize, dim, self.deviations.clone())?;
        let scale = 1.0 / (n - 1.0);
        let covariance = x.transpose_multiply(&x)?.map(|v| scale * v);
        drop(x);
        let eigen = DenseGaussian::decompose_into(&self.means, covariance)?;
        // Below 0 by rounding.
        let variances: Vec<f64> = eigen.values.iter().map(|v| v.max(0.0)).collect();
        let samples = Factored::along(self.means.clone(), &variances, &eigen.rows)?;
        let axes = Matrix::diagonal(&vec![1.0; dim]);
        let law = Factored::along(basis.means().to_vec(), basis.eigenvalues(), &axes)?;
        let comparison = Comparison::new(&samples, &law)?;
        let mut tally = comparison.tally(Side::First, n as u64);
        for block in self.deviations.chunks(BLOCK * dim) {
            let means = self.means.iter().cycle();
            let x: Vec<f64> = block.iter().zip(means).map(|(x, mean)| x + mean).collect();
            comparison.add(&mut tally, &x)?;
        }
        let finite = comparison.finish(tally)?;
        let Ok(found) = comparison.estimate([Some(&finite), None]) else { return Ok(None) };
        let squared_error = found.standard_error.hypot(found.left_over);
        Ok(Some(Estimate { squared: found.squared, squared_error, bias: found.bias }))
    }
}

/// An estimate, from the first derivative at every sample and the variance of the second-order term. The
/// derivative is taken where the samples are, not where their law is, which adds twice the second variance.
fn estimate(plug_in: f64, bias: f64, first: &[f64], second: f64) -> Estimate {
    let squared = plug_in - bias;
    let squared_error = (error_of_mean(first).powi(2) - second).max(second).sqrt();
    match squared.is_finite() && squared_error.is_finite() {
        true => Estimate { squared, squared_error, bias },
        false => Estimate::INFINITE,
    }
}

/// What samples of a rule with noise are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Number of samples.
    pub samples: usize,
    /// W2 of means and of variances along the eigenvectors of the Gaussian of the whole: no more than
    /// that of full covariances, and known from few samples.
    pub along: Estimate,
    /// W2 of means and full covariances: from four samples per dimension, with heavy tails from more.
    pub full: Option<Estimate>,
    /// W2 along the eigenvectors of each band.
    pub bands: Vec<super::InBand>,
    /// The shares of the groups, if the data have some and outputs are finite.
    pub shares: Option<Shares>,
}

impl Moments {
    /// That of full covariances where there is one.
    pub fn estimate(&self) -> Estimate {
        self.full.unwrap_or(self.along)
    }

    pub(super) fn infinite(samples: usize, bands: Vec<super::InBand>) -> Self {
        Moments { samples, along: Estimate::INFINITE, full: None, bands, shares: None }
    }
}

/// How outputs are distributed over groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// The share of each.
    pub found: Vec<f64>,
    /// The total variation distance to the shares of the data, ½ Σ |pₖ − wₖ|: what is in the wrong group.
    pub error: f64,
    /// What as many draws from the data are expected to have.
    pub by_chance: f64,
}

impl Shares {
    pub(super) fn new(found: &[GroupShare], weights: &[f64], samples: usize) -> Self {
        let off: f64 = found.iter().zip(weights).map(|(p, w)| (p.mean - w).abs()).sum();
        // Probabilities spread less than what is counted.
        let by_chance = |(share, weight): (&GroupShare, &f64)| {
            let [counted, spread] = [share.mean, share.square].map(|v| v - share.mean.powi(2));
            let relative = if counted > 0.0 { (spread.max(0.0) / counted).sqrt() } else { 1.0 };
            deviation(samples, *weight) * relative
        };
        let by_chance: f64 = found.iter().zip(weights).map(by_chance).sum();
        let found = found.iter().map(|share| share.mean).collect();
        Shares { found, error: 0.5 * off, by_chance: 0.5 * by_chance }
    }
}

/// E|K/n − p| for a binomial K: 2ν C(n, ν) p^ν (1 − p)^(n − ν + 1)/n with ν = ⌊np⌋ + 1 (De Moivre).
fn deviation(n: usize, p: f64) -> f64 {
    let nu = (n as f64 * p).floor() as usize + 1;
    if nu > n || p <= 0.0 {
        return 0.0;
    }
    let choose: f64 = (1..=nu).map(|k| ((n - nu + k) as f64 / k as f64).ln()).sum();
    let log = choose + nu as f64 * p.ln() + (n - nu + 1) as f64 * (-p).ln_1p();
    2.0 * nu as f64 * log.exp() / n as f64
}

/// The root of the mean of squares, and its standard error.
pub(super) fn root_mean(squares: &[f64]) -> (f64, f64) {
    let root = mean(squares).sqrt();
    match root {
        0.0 => (root, 0.0),
        root if root.is_finite() => (root, 0.5 * error_of_mean(squares) / root),
        _ => (f64::INFINITY, f64::INFINITY),
    }
}

#[cfg(test)]
mod tests {
    use super::{Coordinates, Estimate, deviation};
    use crate::basis::Basis;
    use crate::law::PrincipalBasis;
    use crate::metric::{DenseGaussian, wasserstein2_dense};
    use crate::mixture::{Component, Mixture};
    use crate::numeric::linear_algebra::Matrix;
    use crate::paths::Draw;
    use std::error::Error;

    /// Draws of a mixture of two scales, whose fourth moments are far from those of a Gaussian, against a
    /// law with other eigenvectors: the distances of the populations are known.
    #[test]
    fn what_samples_add_is_subtracted() -> Result<(), Box<dyn Error>> {
        let component = |weight: f64, mean: f64, scale: f64| {
            let covariance = Matrix::diagonal(&[4.0 * scale, 1.0 * scale, 0.2 * scale]);
            Component::of_covariance("", weight, vec![mean, 0.0, -mean], &covariance)
        };
        let parts = vec![component(0.7, -0.2, 0.3)?, component(0.3, 0.5, 2.5)?];
        let mixture = Mixture::new("two scales", parts)?;
        let other = Matrix::from_rows(&[[3.0, 0.5, 0.1], [0.5, 1.5, -0.3], [0.1, -0.3, 0.4]])?;
        let mean = vec![0.1, 0.2, 0.0];
        let basis = PrincipalBasis::new(&mean, other.clone())?;
        let whole = DenseGaussian::new(mixture.mean(), mixture.covariance()?)?;
        let full = wasserstein2_dense(&whole, &DenseGaussian::new(mean, other)?)?.total.powi(2);
        let mut along = 0.0;
        for j in 0..3 {
            // Eigenvector j, its mean and variance.
            let (mut unit, mut v) = ([0.0; 3], [0.0; 3]);
            unit[j] = 1.0;
            basis.synthesize(&unit, &mut v);
            let inner = |a: &[f64]| a.iter().zip(&v).map(|(a, v)| a * v).sum::<f64>();
            let variance = inner(&mixture.covariance()?.apply(&v)?);
            let shift = inner(&mixture.mean()) - basis.means()[j];
            along += shift * shift + (variance.sqrt() - basis.eigenvalues()[j].sqrt()).powi(2);
        }
        let (mut fulls, mut alongs) = (Vec::new(), Vec::new());
        for seed in 0..400 {
            let (x, _) = mixture.sample(Draw { seed, first: 0, count: 100 });
            let coordinates = Coordinates::of(&basis, &x).ok_or("not finite")?;
            fulls.push(coordinates.full(&basis)?.ok_or("too few")?);
            alongs.push(coordinates.along(&basis, 0..3));
        }
        for (all, exact) in [(fulls, full), (alongs, along)] {
            let n = all.len() as f64;
            let mean = |f: &dyn Fn(&Estimate) -> f64| all.iter().map(f).sum::<f64>() / n;
            let off = mean(&|e| e.squared) - exact;
            let spread = mean(&|e| (e.squared - exact).powi(2)).sqrt();
            let bias = mean(&|e| e.bias);
            // What is subtracted matters, and four standard errors, or a tenth of it, are left over.
            assert!(bias > 4.0 * spread / n.sqrt(), "{bias} {spread}");
            assert!(off.abs() < 4.0 * spread / n.sqrt() + 0.1 * bias, "{off} {bias} {spread}");
            let error = mean(&|e| e.squared_error.powi(2)).sqrt();
            assert!((0.8..1.25).contains(&(error / spread)), "{error} {spread}");
        }
        Ok(())
    }

    #[test]
    fn deviations_of_shares() {
        for (n, p) in [(1, 0.5), (7, 0.3), (40, 0.1), (25, 0.01), (30, 1.0)] {
            let mut probability = (1.0f64 - p).powi(n as i32);
            let mut sum = 0.0;
            for k in 0..=n {
                sum += (k as f64 / n as f64 - p).abs() * probability;
                if p < 1.0 {
                    probability *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
                }
            }
            let expected = if p == 1.0 { 0.0 } else { sum };
            assert!((deviation(n, p) - expected).abs() < 1e-14, "{n} {p}: {}", deviation(n, p));
        }
    }
}
