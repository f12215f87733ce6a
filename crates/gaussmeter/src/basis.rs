//! Orthonormal bases in which a covariance is diagonal: from eigenvalues back to pictures.

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
