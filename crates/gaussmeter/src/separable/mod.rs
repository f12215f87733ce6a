//! Data of independent coordinates, along the eigenvectors of their covariance, each a mixture of
//! Gaussians on the line: not Gaussian, and W2 is still exact.
//!
//! A sampler without noise takes each coordinate from its start to its output by a map φ of the line. If
//! φ is monotone, as Euler's always is, the quantile function of the output is φ∘Q₀ for that of the
//! start, so that
//!
//! W2² = ∫₀¹ (φ(Q₀(u)) − Q(u))² du
//!
//! for each coordinate, and these add up. See [`wasserstein2`].
//!
//! ```
//! use gaussmeter::prelude::*;
//! use gaussmeter::separable::{Marginal, Separable, wasserstein2};
//! use std::sync::Arc;
//! let two = Marginal::new(vec![0.3, 0.7], vec![-1.0, 1.0], vec![0.2, 0.3])?;
//! let law = Separable::new("two modes", vec![two])?;
//! let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
//! let grid = gaussmeter::grid::registry().build("karras")?.item.grid(&process, 20, 0.0)?;
//! let plan = Ddim::default().plan(&grid)?;
//! let found = wasserstein2(&plan, &law, &Init::Normal { std: None })?;
//! assert!(found.total > 0.0 && found.error < 1e-9 * found.total);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod denoiser;
mod marginal;
mod quantiles;

pub use denoiser::SeparableDenoiser;
pub use marginal::Marginal;
pub use quantiles::{Masses, QuantileError, SeparableDistance, masses, wasserstein2};

use crate::numeric::written;
use crate::paths::Draw;
use crate::spectrum::{Spectrum, SpectrumError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use thiserror::Error;

/// Numbers do not form a law of independent coordinates.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum SeparableError {
    /// There is no coordinate, or a coordinate has no component.
    #[error("no {what}")]
    Empty {
        /// "coordinates" or "components".
        what: &'static str,
    },
    /// Lists of a coordinate that do not fit each other.
    #[error("{weights} weights, {means} means and {stds} standard deviations")]
    Length {
        /// Number of weights.
        weights: usize,
        /// Number of means.
        means: usize,
        /// Number of standard deviations.
        stds: usize,
    },
    /// A number is not finite, or negative where it must not be.
    #[error("{what} {component} is {}", written(.value))]
    Value {
        /// "weight", "mean" or "standard deviation".
        what: &'static str,
        /// The component, from 0.
        component: usize,
        /// The number.
        value: f64,
    },
    /// The weights are not those of a probability.
    #[error("the weights sum to {}, not to 1", written(.sum))]
    Weights {
        /// Their sum.
        sum: f64,
    },
    /// One of several coordinates is wrong.
    #[error("coordinate {coordinate}: {source}")]
    Coordinate {
        /// Which, from 0.
        coordinate: usize,
        /// What is wrong.
        source: Box<SeparableError>,
    },
    /// The Gaussian of the whole cannot be computed.
    #[error("the Gaussian of the whole: {0}")]
    Spectrum(#[from] SpectrumError),
}

/// Independent coordinates, each a mixture of Gaussians.
#[derive(Clone, Debug, PartialEq)]
pub struct Separable {
    name: String,
    coordinates: Vec<Marginal>,
}

impl Separable {
    /// A law of at least one coordinate.
    ///
    /// # Errors
    /// [`SeparableError::Empty`]
    pub fn new(
        name: impl Into<String>,
        coordinates: Vec<Marginal>,
    ) -> Result<Self, SeparableError> {
        match coordinates.is_empty() {
            true => Err(SeparableError::Empty { what: "coordinates" }),
            false => Ok(Separable { name: name.into(), coordinates }),
        }
    }

    /// A short name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The laws of its coordinates.
    pub fn coordinates(&self) -> &[Marginal] {
        &self.coordinates
    }
    /// The dimension of the data.
    pub fn dim(&self) -> usize {
        self.coordinates.len()
    }
    /// The mean of each coordinate.
    pub fn mean(&self) -> Vec<f64> {
        self.coordinates.iter().map(Marginal::mean).collect()
    }
    /// The variance of each coordinate: the eigenvalues of the covariance.
    pub fn variances(&self) -> Vec<f64> {
        self.coordinates.iter().map(Marginal::variance).collect()
    }

    /// The Gaussian with the same mean and covariance.
    ///
    /// # Errors
    /// [`SeparableError::Spectrum`] if a variance overflows.
    pub fn gaussian(&self) -> Result<Spectrum, SeparableError> {
        let origin =
            format!("{}: mean and covariance of {} independent coordinates", self.name, self.dim());
        let (values, means) = (self.variances(), self.mean());
        Ok(Spectrum::new(&self.name, origin, &values, None, Some(&means))?)
    }

    /// Draws samples: `count · dim` values, one sample after another. Every sample has its own random
    /// stream.
    pub fn sample(&self, draw: Draw) -> Vec<f64> {
        let dim = self.dim();
        let mut samples = vec![0.0; draw.count * dim];
        samples.par_chunks_mut(dim).enumerate().for_each(|(i, out)| {
            let mut rng = ChaCha8Rng::seed_from_u64(draw.seed);
            rng.set_stream(draw.first.wrapping_add(i as u64));
            for (x, marginal) in out.iter_mut().zip(&self.coordinates) {
                *x = marginal.draw(&mut rng);
            }
        });
        samples
    }
}
