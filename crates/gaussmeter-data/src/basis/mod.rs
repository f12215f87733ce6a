//! Orthonormal bases stored vector by vector.

mod low_rank;

pub use low_rank::LowRankBasis;

use gaussmeter::basis::Basis;
use gaussmeter::numeric::linear_algebra::{Matrix, MatrixError};
use thiserror::Error;

/// The numbers do not form an orthonormal basis of the data space.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BasisError {
    /// A list has the wrong length for the shape.
    #[error("{len} {what} for shape {shape:?}")]
    Length {
        /// "eigenvalues", "means", "rows" or "columns".
        what: &'static str,
        /// Its length.
        len: usize,
        /// Shape of a data vector.
        shape: Vec<usize>,
    },
    /// The rows are not orthonormal.
    #[error("the rows of the basis are not orthonormal (relative error {error:e})")]
    NotOrthonormal {
        /// ‖(rows rowsᵀ − 1) x‖ / ‖x‖ for a test vector x.
        error: f64,
    },
    /// A matrix has the wrong size.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

/// Refuses a basis that does not restore a generic vector from its coordinates.
fn check_orthonormal(basis: &dyn Basis) -> Result<(), BasisError> {
    let x: Vec<f64> = (0..basis.dim()).map(|i| (1.0 + i as f64 * 1.618_033_9).sin()).collect();
    let (mut coordinates, mut back) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    basis.synthesize(&x, &mut back);
    basis.analyze(&back, &mut coordinates);
    let square = |v: f64| v * v;
    let error: f64 = coordinates.iter().zip(&x).map(|(a, b)| square(a - b)).sum();
    let error = (error / x.iter().map(|v| square(*v)).sum::<f64>()).sqrt();
    match error <= 1e-8 {
        true => Ok(()),
        false => Err(BasisError::NotOrthonormal { error }),
    }
}

fn check_lengths(shape: &[usize], lengths: &[(&'static str, usize)]) -> Result<usize, BasisError> {
    let dim = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
    match (lengths.iter().find(|(_, len)| Some(*len) != dim), dim) {
        (None, Some(dim)) if dim > 0 => Ok(dim),
        (Some(&(what, len)), _) => Err(BasisError::Length { what, len, shape: shape.to_vec() }),
        _ => Err(BasisError::Length { what: "values", len: 0, shape: shape.to_vec() }),
    }
}

/// An orthonormal basis stored vector by vector.
#[derive(Clone, Debug)]
pub struct DenseBasis {
    shape: Vec<usize>,
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
    rows: Matrix,
}

impl DenseBasis {
    /// Makes a basis from its vectors, one per row, with the eigenvalue and the mean of the data along
    /// each.
    ///
    /// # Errors
    /// [`BasisError`]: wrong lengths, or rows that are not orthonormal.
    pub fn new(
        shape: &[usize],
        eigenvalues: Vec<f64>,
        means: Vec<f64>,
        rows: Matrix,
    ) -> Result<Self, BasisError> {
        let lengths = [
            ("eigenvalues", eigenvalues.len()),
            ("means", means.len()),
            ("rows", rows.rows()),
            ("columns", rows.columns()),
        ];
        check_lengths(shape, &lengths)?;
        let basis = DenseBasis { shape: shape.to_vec(), eigenvalues, means, rows };
        check_orthonormal(&basis)?;
        Ok(basis)
    }

    /// The vectors, one per row.
    pub fn rows(&self) -> &Matrix {
        &self.rows
    }
}

impl Basis for DenseBasis {
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
        self.rows.apply_transpose_all(coordinates, x);
    }
    fn analyze(&self, x: &[f64], coordinates: &mut [f64]) {
        self.rows.apply_all(x, coordinates);
    }
}
