//! Orthonormal bases in which a covariance is diagonal: from eigenvalues back to pictures.

use crate::spectrum::Mode;
use std::fmt::Debug;

/// A real orthonormal basis of the data space made of eigenvectors of Σ, with one coordinate per
/// eigenvector: x = Σⱼ cⱼ eⱼ. Coordinate j has variance [`Basis::eigenvalues`]`[j]` under the data
/// law and mean [`Basis::means`]`[j]`.
///
/// Both transforms take any number of vectors, one after another. The result for each vector is the
/// same, bit for bit, whatever the others are and however many threads run.
pub trait Basis: Debug + Send + Sync {
    /// Shape of one data vector, slowest axis first: `[channels, height, width]` for images. Its
    /// product is the dimension d.
    fn shape(&self) -> &[usize];

    /// Eigenvalue λ of every coordinate; d values.
    fn eigenvalues(&self) -> &[f64];

    /// Mean of the data along every coordinate; d values.
    fn means(&self) -> &[f64];

    /// Data from coordinates: `x = Σⱼ cⱼ eⱼ`. Both slices hold k·d values, for k vectors.
    ///
    /// # Panics
    /// If the slices do not hold the same whole number of vectors.
    fn synthesize(&self, coordinates: &[f64], x: &mut [f64]);

    /// Coordinates of data: `cⱼ = ⟨eⱼ, x⟩`. Both slices hold k·d values, for k vectors.
    ///
    /// # Panics
    /// If the slices do not hold the same whole number of vectors.
    fn analyze(&self, x: &[f64], coordinates: &mut [f64]);

    /// Dimension d.
    fn dim(&self) -> usize {
        self.eigenvalues().len()
    }
}

/// The coordinates along eigenvectors themselves, as a basis: for laws that are known by their eigenvalues
/// alone.
///
/// ```
/// use gaussmeter::basis::{Basis, EigenCoordinates};
/// use gaussmeter::prelude::*;
/// let data = Spectrum::new("three", "example", &[0.5, 2.0], Some(&[2.0, 1.0]), None)?;
/// assert_eq!(EigenCoordinates::of(data.modes()).eigenvalues(), [0.5, 0.5, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EigenCoordinates {
    shape: [usize; 1],
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
}

impl EigenCoordinates {
    /// Coordinates with these eigenvalues and as many means.
    pub(crate) fn new(eigenvalues: Vec<f64>, means: Vec<f64>) -> Self {
        EigenCoordinates { shape: [eigenvalues.len()], eigenvalues, means }
    }

    /// One coordinate per eigenvector, mode by mode; multiplicities are taken as whole numbers.
    pub fn of(modes: &[Mode]) -> Self {
        let all =
            || modes.iter().flat_map(|m| std::iter::repeat_n(m, m.multiplicity.round() as usize));
        let eigenvalues: Vec<f64> = all().map(|m| m.eigenvalue).collect();
        EigenCoordinates::new(eigenvalues, all().map(|m| m.mean).collect())
    }
}

impl Basis for EigenCoordinates {
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }
    fn means(&self) -> &[f64] {
        &self.means
    }
    fn synthesize(&self, coordinates: &[f64], x: &mut [f64]) {
        x.copy_from_slice(coordinates);
    }
    fn analyze(&self, x: &[f64], coordinates: &mut [f64]) {
        coordinates.copy_from_slice(x);
    }
}
