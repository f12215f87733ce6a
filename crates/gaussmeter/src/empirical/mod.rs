//! The data set itself as a law: the uniform mixture of its n samples.
//!
//! Its exact network is what a network that has learnt the samples by heart would be. At
//! x = αx_0 + σz,
//!
//! D(x) = Σᵢ pᵢ(x) xᵢ, pᵢ(x) ∝ exp(−|x − αxᵢ|²/(2σ²)),
//!
//! a softmax-weighted mean of the samples xᵢ. Samplers that follow it reach samples, and their
//! trajectories branch where the nearest sample changes: no Gaussian prediction sees that.
//!
//! ```
//! use gaussmeter::empirical::{Empirical, EmpiricalDenoiser};
//! use gaussmeter::network::Denoiser;
//! use gaussmeter::prelude::*;
//! let corners = Empirical::new("corners", 2, vec![-1.0, 0.0, 1.0, 0.0])?;
//! let mut network = EmpiricalDenoiser::new(corners);
//! let mut out = [0.0; 4];
//! network.evaluate(&[0.3, 9.0, 0.0, 0.0], &Edm::new(80.0).level(1.0), &mut out)?;
//! // tanh(x/σ²) along the line of both, whatever lies across.
//! assert!((out[0] - 0.3f64.tanh()).abs() < 1e-15 && out[1..] == [0.0; 3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod denoiser;

pub use denoiser::EmpiricalDenoiser;

use crate::metric::{DenseGaussian, GaussianError};
use crate::numeric::linear_algebra::{Matrix, MatrixError};
use crate::numeric::written;
use crate::paths::Draw;
use crate::spectrum::{Spectrum, SpectrumError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use thiserror::Error;

/// Numbers do not form a data set, or its moments cannot be computed.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum EmpiricalError {
    /// There is no sample.
    #[error("a data set of no samples")]
    Empty,
    /// The values do not form samples of this dimension.
    #[error("{values} values do not form samples of dimension {dim}")]
    Length {
        /// Number of values.
        values: usize,
        /// The dimension.
        dim: usize,
    },
    /// A value is NaN or infinite.
    #[error("sample {sample}, coordinate {coordinate} is {}", written(.value))]
    NotFinite {
        /// The sample, from 0.
        sample: usize,
        /// The coordinate, from 0.
        coordinate: usize,
        /// The value.
        value: f64,
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

/// The uniform mixture of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    name: String,
    /// One sample per row.
    points: Matrix,
    /// |xᵢ|², and the largest of them.
    squares: Vec<f64>,
    largest: f64,
}

impl Empirical {
    /// From samples of a dimension, one after another.
    ///
    /// # Errors
    /// [`EmpiricalError`]
    pub fn new(
        name: impl Into<String>,
        dim: usize,
        values: Vec<f64>,
    ) -> Result<Self, EmpiricalError> {
        if values.is_empty() {
            return Err(EmpiricalError::Empty);
        }
        if dim == 0 || !values.len().is_multiple_of(dim) {
            return Err(EmpiricalError::Length { values: values.len(), dim });
        }
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            let (sample, coordinate) = (k / dim, k % dim);
            return Err(EmpiricalError::NotFinite { sample, coordinate, value: values[k] });
        }
        let points = Matrix::new(values.len() / dim, dim, values)?;
        let square = |i: usize| points.row(i).iter().map(|v| v * v).sum::<f64>();
        let squares: Vec<f64> = (0..points.rows()).map(square).collect();
        let largest = squares.iter().copied().fold(0.0, f64::max);
        Ok(Empirical { name: name.into(), points, squares, largest })
    }

    /// A short name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Number of samples.
    pub fn count(&self) -> usize {
        self.points.rows()
    }
    /// The dimension of the data.
    pub fn dim(&self) -> usize {
        self.points.columns()
    }
    /// The samples, one per row.
    pub fn points(&self) -> &Matrix {
        &self.points
    }

    /// The mean of the samples.
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim()];
        let share = 1.0 / self.count() as f64;
        for i in 0..self.count() {
            mean.iter_mut().zip(self.points.row(i)).for_each(|(m, x)| *m += x);
        }
        mean.iter_mut().for_each(|m| *m *= share);
        mean
    }

    /// Deviations from the mean, divided by √n: CᵀC is the covariance.
    fn deviations(&self, mean: &[f64]) -> Matrix {
        let scale = (self.count() as f64).sqrt().recip();
        Matrix::from_fn(self.count(), self.dim(), |i, j| scale * (self.points[(i, j)] - mean[j]))
    }

    /// The covariance of the samples, of which sums are divided by n.
    ///
    /// # Errors
    /// [`EmpiricalError::Matrix`] if values overflow.
    pub fn covariance(&self) -> Result<Matrix, EmpiricalError> {
        let deviations = self.deviations(&self.mean());
        let covariance = deviations.transpose_multiply(&deviations)?;
        covariance.check_finite()?;
        Ok(covariance)
    }

    /// The Gaussian with mean and covariance of the samples, in its eigenbasis: from the d×d covariance,
    /// or from the n×n inner products of fewer samples.
    ///
    /// # Errors
    /// [`EmpiricalError`]
    pub fn gaussian(&self) -> Result<Spectrum, EmpiricalError> {
        let (mean, count, dim) = (self.mean(), self.count(), self.dim());
        let origin = format!("{}: mean and covariance of {count} samples", self.name);
        if dim <= count {
            let (_, eigen) = DenseGaussian::decompose(&mean, &self.covariance()?)?;
            let means = eigen.vectors.apply_transpose(&mean)?;
            return Ok(Spectrum::new(&self.name, origin, &eigen.values, None, Some(&means))?);
        }
        let deviations = self.deviations(&mean);
        let gram = deviations.multiply_transpose(&deviations)?;
        gram.check_finite()?;
        let eigen = gram.symmetric_eigen()?;
        let along_mean = deviations.apply(&mean)?;
        let highest = eigen.values.iter().copied().fold(0.0, f64::max);
        let least = count as f64 * f64::EPSILON * highest;
        let square = |v: f64| v * v;
        let (mut values, mut multiplicities, mut means) = (Vec::new(), Vec::new(), Vec::new());
        for (k, &value) in eigen.values.iter().enumerate().filter(|(_, v)| **v > least) {
            // The eigenvector of the covariance is Cᵀu/√λ.
            let inner: f64 = (0..count).map(|i| eigen.vectors[(i, k)] * along_mean[i]).sum();
            values.push(value);
            multiplicities.push(1.0);
            means.push(inner / value.sqrt());
        }
        // Null directions, one of them along what is left of the mean.
        let rest = mean.iter().map(|m| square(*m)).sum::<f64>()
            - means.iter().map(|m| square(*m)).sum::<f64>();
        values.push(0.0);
        multiplicities.push(1.0);
        means.push(rest.max(0.0).sqrt());
        if dim > values.len() {
            multiplicities.push((dim - values.len()) as f64);
            values.push(0.0);
            means.push(0.0);
        }
        Ok(Spectrum::new(&self.name, origin, &values, Some(&multiplicities), Some(&means))?)
    }

    /// Draws samples with replacement: `count · dim` values, one after another, and which each is. Every
    /// draw has its own random stream.
    pub fn sample(&self, draw: Draw) -> (Vec<f64>, Vec<usize>) {
        let dim = self.dim();
        let mut samples = vec![0.0; draw.count * dim];
        let from = samples.par_chunks_mut(dim).enumerate().map(|(i, out)| {
            let mut rng = ChaCha8Rng::seed_from_u64(draw.seed);
            rng.set_stream(draw.first.wrapping_add(i as u64));
            let chosen = (u128::from(rng.next_u64()) * self.count() as u128) >> 64;
            out.copy_from_slice(self.points.row(chosen as usize));
            chosen as usize
        });
        let from = from.collect();
        (samples, from)
    }
}
