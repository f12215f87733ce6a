//! Data that are not Gaussian, with a network that is exact: a mixture of Gaussians, such as one per
//! class of a data set.
//!
//! What is exact for Gaussian data is advice for others. On a mixture the advice can be tried, because
//! its denoiser has a closed form: with components of weight wₖ, mean mₖ and covariance Σₖ, at
//! x = αx_0 + σz,
//!
//! D(x) = Σₖ pₖ(x) (mₖ + αΣₖ (α²Σₖ + σ²)⁻¹ (x − αmₖ)),
//!
//! where pₖ(x) ∝ wₖ N(x; αmₖ, α²Σₖ + σ²) are the responsibilities, the probabilities that x comes from
//! each component.
//!
//! ```
//! use gaussmeter::mixture::{Component, Mixture};
//! use gaussmeter::numeric::linear_algebra::Matrix;
//! let component = |name: &str, mean: f64| {
//!     Component::of_covariance(name, 0.5, vec![mean, 0.0], &Matrix::diagonal(&[0.25, 1.0]))
//! };
//! let mixture = Mixture::new("two classes", vec![component("a", -2.0)?, component("b", 2.0)?])?;
//! // The law of total covariance: 0.25 within the classes, and 4 between them.
//! let whole = mixture.gaussian()?;
//! assert_eq!(whole.eigenvalues()[0], 1.0);
//! assert!((whole.eigenvalues()[1] - 4.25).abs() < 1e-12);
//! # Ok::<(), gaussmeter::mixture::MixtureError>(())
//! ```

mod denoiser;

pub use denoiser::MixtureDenoiser;
pub(crate) use denoiser::of_mean;

use crate::metric::{DenseGaussian, GaussianError};
use crate::numeric::linear_algebra::{Matrix, MatrixError, SymmetricEigen};
use crate::numeric::written;
use crate::paths::Draw;
use crate::spectrum::{Spectrum, SpectrumError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use thiserror::Error;

/// Weights may differ from a sum of 1 by this much; they are divided by their sum.
const WEIGHTS: f64 = 1e-6;

/// Eigenvectors may differ from orthonormal ones by this much, on a vector of length 1.
const ORTHONORMAL: f64 = 1e-8;

/// Numbers do not form a mixture of Gaussians.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum MixtureError {
    /// There is no component.
    #[error("a mixture of no components")]
    Empty,
    /// A weight is not positive and finite.
    #[error("class '{name}' has weight {}, but weights must be positive", written(.weight))]
    Weight {
        /// The component.
        name: String,
        /// Its weight.
        weight: f64,
    },
    /// The weights are not those of a probability.
    #[error("the weights of the classes sum to {}, not to 1", written(.sum))]
    Weights {
        /// Their sum.
        sum: f64,
    },
    /// Components of different dimensions.
    #[error("class '{name}' has {dim} dimensions, but class '{first}' has {expected}")]
    Dimension {
        /// The component.
        name: String,
        /// Its dimension.
        dim: usize,
        /// The first component.
        first: String,
        /// Its dimension.
        expected: usize,
    },
    /// Lists of a component that do not fit each other.
    #[error("class '{name}': {what}")]
    Shape {
        /// The component.
        name: String,
        /// What does not fit, with numbers.
        what: String,
    },
    /// A number is not finite, or a variance is negative.
    #[error("class '{name}': {what} is {}", written(.value))]
    Value {
        /// The component.
        name: String,
        /// Which number.
        what: String,
        /// The number.
        value: f64,
    },
    /// The eigenvectors are no orthonormal ones.
    #[error("class '{name}': its eigenvectors are not orthonormal (error {error:.1e})")]
    Basis {
        /// The component.
        name: String,
        /// How far from it.
        error: f64,
    },
    /// A mean and a covariance that are not those of a law.
    #[error("class '{name}': {source}")]
    Gaussian {
        /// The component.
        name: String,
        /// The reason.
        source: GaussianError,
    },
    /// The Gaussian of the whole cannot be computed.
    #[error("the Gaussian of the whole: {0}")]
    Whole(#[from] GaussianError),
    /// The same, of its matrices.
    #[error("the Gaussian of the whole: {0}")]
    Matrix(#[from] MatrixError),
    /// The same, of its eigenvalues.
    #[error("the Gaussian of the whole: {0}")]
    Spectrum(#[from] SpectrumError),
}

/// One Gaussian of a mixture: N(m, Vᵀ diag(λ) V + r (1 − VᵀV)), with eigenvectors as the rows of V and the
/// variance r along all directions that are orthogonal to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    name: String,
    weight: f64,
    mean: Vec<f64>,
    eigenvalues: Vec<f64>,
    rows: Matrix,
    rest: f64,
}

impl Component {
    /// From eigenvalues, eigenvectors (one per row) and the variance along all other directions.
    ///
    /// # Errors
    /// [`MixtureError`]: lists that do not fit, numbers that are not finite, negative variances,
    /// eigenvectors that are not orthonormal.
    pub fn new(
        name: impl Into<String>,
        weight: f64,
        mean: Vec<f64>,
        eigenvalues: Vec<f64>,
        rows: Matrix,
        rest: f64,
    ) -> Result<Self, MixtureError> {
        let all = Component { name: name.into(), weight, mean, eigenvalues, rows, rest };
        all.check()?;
        Ok(all)
    }

    /// From a mean and a covariance, which may be singular: null directions are left out of the
    /// eigenvectors.
    ///
    /// # Errors
    /// [`MixtureError::Gaussian`] if they are not those of a law (see [`DenseGaussian::new`]);
    /// [`MixtureError::Weight`].
    pub fn of_covariance(
        name: impl Into<String>,
        weight: f64,
        mean: Vec<f64>,
        covariance: &Matrix,
    ) -> Result<Self, MixtureError> {
        let name = name.into();
        let (_, SymmetricEigen { values, vectors, .. }) =
            match DenseGaussian::decompose(&mean, covariance) {
                Ok(eigen) => eigen,
                Err(source) => return Err(MixtureError::Gaussian { name, source }),
            };
        let kept: Vec<usize> = (0..values.len()).filter(|j| values[*j] > 0.0).collect();
        let rows = Matrix::from_fn(kept.len(), mean.len(), |k, i| vectors[(i, kept[k])]);
        let eigenvalues = kept.iter().map(|j| values[*j]).collect();
        Component::new(name, weight, mean, eigenvalues, rows, 0.0)
    }

    fn check(&self) -> Result<(), MixtureError> {
        let name = || self.name.clone();
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return Err(MixtureError::Weight { name: name(), weight: self.weight });
        }
        let (count, dim) = (self.eigenvalues.len(), self.mean.len());
        if dim == 0 || count > dim || self.rows.rows() != count || self.rows.columns() != dim {
            let (rows, columns) = (self.rows.rows(), self.rows.columns());
            let what = format!(
                "{count} eigenvalues and eigenvectors of shape {rows}x{columns} for a mean of {dim} values"
            );
            return Err(MixtureError::Shape { name: name(), what });
        }
        let bad = |what: String, value: f64| MixtureError::Value { name: name(), what, value };
        if let Some(i) = self.mean.iter().position(|m| !m.is_finite()) {
            return Err(bad(format!("mean {i}"), self.mean[i]));
        }
        let is_variance = |v: f64| v.is_finite() && v >= 0.0;
        if let Some(i) = self.eigenvalues.iter().position(|v| !is_variance(*v)) {
            return Err(bad(format!("eigenvalue {i}"), self.eigenvalues[i]));
        }
        if !is_variance(self.rest) {
            return Err(bad("the variance along other directions".into(), self.rest));
        }
        if let Some(i) = self.rows.values().iter().position(|v| !v.is_finite()) {
            return Err(bad(format!("value {i} of its eigenvectors"), self.rows.values()[i]));
        }
        // V Vᵀ y = y, for a vector without structure and of length 1.
        let probe: Vec<f64> = (0..count).map(|j| (1.0 + 12.9898 * j as f64).sin()).collect();
        let turned = self.rows.apply_transpose(&probe)?;
        let back = self.rows.apply(&turned)?;
        let square = |v: f64| v * v;
        let length: f64 = probe.iter().map(|y| square(*y)).sum();
        let off: f64 = back.iter().zip(&probe).map(|(a, b)| square(a - b)).sum();
        let error = if length > 0.0 { (off / length).sqrt() } else { 0.0 };
        match error <= ORTHONORMAL {
            true => Ok(()),
            false => Err(MixtureError::Basis { name: name(), error }),
        }
    }

    /// The name of the class.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its share.
    pub fn weight(&self) -> f64 {
        self.weight
    }
    /// Its mean.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
    /// The eigenvalues of its covariance, in the order of the eigenvectors.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }
    /// Its eigenvectors, one per row; there may be fewer than dimensions.
    pub fn eigenvectors(&self) -> &Matrix {
        &self.rows
    }
    /// The variance along all directions that are orthogonal to the eigenvectors.
    pub fn rest(&self) -> f64 {
        self.rest
    }
    /// The number of directions that are orthogonal to the eigenvectors.
    fn others(&self) -> usize {
        self.mean.len() - self.eigenvalues.len()
    }
    /// The trace of its covariance.
    pub fn trace(&self) -> f64 {
        self.eigenvalues.iter().sum::<f64>() + self.others() as f64 * self.rest
    }
    /// Whether its covariance has null directions.
    pub fn is_singular(&self) -> bool {
        self.eigenvalues.contains(&0.0) || (self.others() > 0 && self.rest == 0.0)
    }

    /// Adds `factor` times its covariance to a matrix.
    fn add_covariance(&self, factor: f64, sum: &mut Matrix) -> Result<(), MatrixError> {
        let dim = self.mean.len();
        let scaled = Matrix::from_fn(self.rows.rows(), dim, |j, i| {
            factor * (self.eigenvalues[j] - self.rest) * self.rows[(j, i)]
        });
        let own = self.rows.transpose_multiply(&scaled)?;
        let old = std::mem::replace(sum, Matrix::diagonal(&[])).into_values();
        let mut values: Vec<f64> = old.iter().zip(own.values()).map(|(a, b)| a + b).collect();
        (0..dim).for_each(|i| values[i * dim + i] += factor * self.rest);
        *sum = Matrix::new(dim, dim, values)?;
        Ok(())
    }
}

/// A mixture of Gaussians.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    name: String,
    components: Vec<Component>,
}

impl Mixture {
    /// A mixture of at least one component. Weights must sum to 1 but for rounding, and are normalised.
    ///
    /// # Errors
    /// [`MixtureError`]
    pub fn new(
        name: impl Into<String>,
        mut components: Vec<Component>,
    ) -> Result<Self, MixtureError> {
        let first = components.first().ok_or(MixtureError::Empty)?;
        let expected = first.mean.len();
        if let Some(other) = components.iter().find(|c| c.mean.len() != expected) {
            return Err(MixtureError::Dimension {
                name: other.name.clone(),
                dim: other.mean.len(),
                first: first.name.clone(),
                expected,
            });
        }
        let sum: f64 = components.iter().map(|c| c.weight).sum();
        if (sum - 1.0).abs() > WEIGHTS {
            return Err(MixtureError::Weights { sum });
        }
        components.iter_mut().for_each(|c| c.weight /= sum);
        Ok(Mixture { name: name.into(), components })
    }

    /// A short name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its Gaussians.
    pub fn components(&self) -> &[Component] {
        &self.components
    }
    /// The dimension of the data.
    pub fn dim(&self) -> usize {
        self.components[0].mean.len()
    }

    /// The mean of the whole: Σₖ wₖ mₖ.
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim()];
        for c in &self.components {
            mean.iter_mut().zip(&c.mean).for_each(|(sum, m)| *sum += c.weight * m);
        }
        mean
    }

    /// The covariance of the whole: Σₖ wₖ (Σₖ + (mₖ − m)(mₖ − m)ᵀ).
    ///
    /// # Errors
    /// [`MixtureError::Matrix`] if values overflow.
    pub fn covariance(&self) -> Result<Matrix, MixtureError> {
        let (dim, mean) = (self.dim(), self.mean());
        let mut sum = Matrix::new(dim, dim, vec![0.0; dim * dim])?;
        for c in &self.components {
            c.add_covariance(c.weight, &mut sum)?;
        }
        let between = Matrix::from_fn(self.components.len(), dim, |k, i| {
            let c = &self.components[k];
            c.weight.sqrt() * (c.mean[i] - mean[i])
        });
        let between = between.transpose_multiply(&between)?;
        let values = sum.values().iter().zip(between.values()).map(|(a, b)| a + b).collect();
        let sum = Matrix::new(dim, dim, values)?;
        sum.check_finite()?;
        Ok(sum)
    }

    /// The Gaussian with mean and covariance of the whole, in its eigenbasis: what every experiment on
    /// Gaussian data takes.
    ///
    /// # Errors
    /// [`MixtureError`]
    pub fn gaussian(&self) -> Result<Spectrum, MixtureError> {
        let mean = self.mean();
        let (_, eigen) = DenseGaussian::decompose(&mean, &self.covariance()?)?;
        let means = eigen.vectors.apply_transpose(&mean)?;
        let count = self.components.len();
        let origin =
            format!("{}: mean and covariance of a mixture of {count} Gaussians", self.name);
        Ok(Spectrum::new(&self.name, origin, &eigen.values, None, Some(&means))?)
    }

    /// Draws samples: `count · dim` values, one sample after another, and the component that each comes
    /// from. Every sample has its own random stream.
    pub fn sample(&self, draw: Draw) -> (Vec<f64>, Vec<usize>) {
        let dim = self.dim();
        let mut samples = vec![0.0; draw.count * dim];
        let from = samples.par_chunks_mut(dim).enumerate().map(|(i, out)| {
            let mut rng = ChaCha8Rng::seed_from_u64(draw.seed);
            rng.set_stream(draw.first.wrapping_add(i as u64));
            let mut at = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let chosen = self.components.iter().position(|c| {
                at -= c.weight;
                at < 0.0
            });
            let chosen = chosen.unwrap_or(self.components.len() - 1);
            self.components[chosen].draw(&mut rng, out);
            chosen
        });
        let from = from.collect();
        (samples, from)
    }
}

impl Component {
    /// A sample, from the numbers of a stream.
    fn draw(&self, rng: &mut ChaCha8Rng, out: &mut [f64]) {
        let normal = |count: usize, rng: &mut ChaCha8Rng| -> Vec<f64> {
            (0..count).map(|_| StandardNormal.sample(rng)).collect()
        };
        let mut along = normal(self.eigenvalues.len(), rng);
        along.iter_mut().zip(&self.eigenvalues).for_each(|(z, l)| *z *= l.sqrt());
        out.copy_from_slice(&self.mean);
        if self.others() > 0 && self.rest > 0.0 {
            let other = normal(out.len(), rng);
            let deviation = self.rest.sqrt();
            out.iter_mut().zip(&other).for_each(|(x, z)| *x += deviation * z);
            for (j, a) in along.iter_mut().enumerate() {
                let inner: f64 = self.rows.row(j).iter().zip(&other).map(|(v, z)| v * z).sum();
                *a -= deviation * inner;
            }
        }
        for (j, a) in along.iter().enumerate() {
            out.iter_mut().zip(self.rows.row(j)).for_each(|(x, v)| *x += a * v);
        }
    }
}
