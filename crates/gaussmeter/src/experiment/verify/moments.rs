//! The Gaussian W2 between samples and a law, without what a finite number of samples adds to it.
//!
//! With n samples of covariance C, whose mean and covariance are compared with μ and Λ, the plug-in value
//! of W2² = |m − μ|² + tr(C + Λ − 2(Λ^½ C Λ^½)^½) is too large by tr C/n for the mean and, to second order,
//! by
//!
//! 1/(2n) Σᵢⱼ sᵢsⱼ/(sᵢ + sⱼ) (E[zᵢ²zⱼ²] − δᵢⱼ)
//!
//! for the covariance, where sᵢ² and V are eigenvalues and eigenvectors of Λ^½ C Λ^½ and z is Vᵀ Λ^½ x
//! scaled to variance 1: the second derivative of the trace of the root. For Gaussian samples the
//! expectation is 1 + 2δᵢⱼ, which gives g = ½ [Σᵢⱼ sᵢsⱼ/(sᵢ + sⱼ) + ½ Σᵢ sᵢ]; samples of a mixture have
//! larger ones. Standard errors are those of the first and of the second derivative.

use super::agreement::{error_of_mean, mean};
use crate::basis::Basis;
use crate::metric::{DenseGaussian, GaussianError, wasserstein2_dense};
use crate::numeric::linear_algebra::Matrix;

/// Full covariances are compared from this many samples per dimension: with fewer the second order does
/// not suffice (5 % of the correction are left over at 4, 15 % at 2).
pub(crate) const PER_DIMENSION: usize = 4;

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

    /// W2² to the law of a basis with full covariances.
    ///
    /// # Errors
    /// [`GaussianError`]: a decomposition failed.
    pub fn full(&self, basis: &dyn Basis) -> Result<Estimate, GaussianError> {
        let (n, dim) = (self.count(), self.dim);
        let count = n as usize;
        let x = Matrix::new(count, dim, self.deviations.clone())?;
        let scale = 1.0 / (n - 1.0);
        let covariance = x.transpose_multiply(&x)?.map(|v| scale * v);
        let trace: f64 = (0..dim).map(|i| covariance[(i, i)]).sum();
        let roots: Vec<f64> = basis.eigenvalues().iter().map(|l| l.sqrt()).collect();
        let product = Matrix::from_fn(dim, dim, |i, j| roots[i] * covariance[(i, j)] * roots[j]);
        let found = DenseGaussian::new(self.means.clone(), covariance)?;
        let target = DenseGaussian::diagonal(basis.means().to_vec(), basis.eigenvalues())?;
        let plug_in = wasserstein2_dense(&found, &target)?.total.powi(2);

        let eigen = product.symmetrized(1e-8)?.symmetric_eigen()?;
        let s: Vec<f64> = eigen.values.iter().map(|v| v.max(0.0).sqrt()).collect();
        let scaled = Matrix::from_fn(dim, dim, |i, k| roots[i] * eigen.vectors[(i, k)]);
        // Squares of coordinates that have variance 1; along null directions nothing counts.
        let least = f64::EPSILON.sqrt() * s.last().copied().unwrap_or(0.0);
        let w = x.multiply(&scaled)?;
        let z2 = Matrix::from_fn(count, dim, |a, i| match s[i] > least {
            true => (w[(a, i)] / s[i]).powi(2),
            false => 0.0,
        });
        let fourth = z2.transpose_multiply(&z2)?;
        let (mut of_roots, mut second) = (0.0, 2.0 * self.mean_error_squared());
        for i in (0..dim).filter(|i| s[*i] > least) {
            for j in (0..dim).filter(|j| s[*j] > least) {
                let h = s[i] * s[j] / (s[i] + s[j]);
                let own = f64::from(i == j);
                of_roots += 0.5 * h * (fourth[(i, j)] / n - own) / n;
                second += (1.0 + own) * (h / n).powi(2);
            }
        }
        let shift: Vec<f64> = self.means.iter().zip(basis.means()).map(|(m, mu)| m - mu).collect();
        let psi = |a: usize| {
            let along: f64 = x.row(a).iter().zip(&shift).map(|(x, d)| x * d).sum();
            let size: f64 = x.row(a).iter().map(|x| x * x).sum();
            let of_roots: f64 = z2.row(a).iter().zip(&s).map(|(z2, s)| s * (z2 - 1.0)).sum();
            2.0 * along + size - trace - of_roots
        };
        let first: Vec<f64> = (0..count).map(psi).collect();
        Ok(estimate(plug_in, trace / n + of_roots, &first, second))
    }

    /// Σ (vᵢ/n)²
    fn mean_error_squared(&self) -> f64 {
        let n = self.count();
        let own = |j: usize| {
            let squares = self.deviations.iter().skip(j).step_by(self.dim).map(|x| x * x);
            (squares.sum::<f64>() / (n * (n - 1.0))).powi(2)
        };
        (0..self.dim).map(own).sum()
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
    /// W2 of means and full covariances: from four samples per dimension.
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
    pub(super) fn new(found: Vec<f64>, weights: &[f64], samples: usize) -> Self {
        let off: f64 = found.iter().zip(weights).map(|(p, w)| (p - w).abs()).sum();
        let by_chance = weights.iter().map(|w| deviation(samples, *w)).sum::<f64>();
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
            fulls.push(coordinates.full(&basis)?);
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
