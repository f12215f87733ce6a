use crate::npz::{Archive, FileError};
use gaussmeter::basis::Basis;
use gaussmeter::linear_algebra::{Matrix, MatrixError};
use std::path::Path;
use thiserror::Error;

/// Largest dimension of a basis that is read.
const MAX_DIM: usize = crate::MAX_DIM;

/// Numbers do not form an orthonormal basis of the data space.
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
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
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
    /// A basis from its vectors, one per row, with the eigenvalue of each and the mean of the data
    /// along each.
    ///
    /// # Errors
    /// [`BasisError`]: wrong lengths, or rows that are not orthonormal.
    pub fn new(
        shape: &[usize],
        eigenvalues: Vec<f64>,
        means: Vec<f64>,
        rows: Matrix,
    ) -> Result<Self, BasisError> {
        let dim = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
        let lengths = [
            ("eigenvalues", eigenvalues.len()),
            ("means", means.len()),
            ("rows", rows.rows()),
            ("columns", rows.columns()),
        ];
        if let Some((what, len)) = lengths.into_iter().find(|(_, len)| Some(*len) != dim) {
            return Err(BasisError::Length { what, len, shape: shape.to_vec() });
        }
        // One vector in general position: coordinates and back.
        let x: Vec<f64> = (0..rows.rows()).map(|i| (1.0 + i as f64 * 1.618_033_9).sin()).collect();
        let back = rows.apply(&rows.apply_transpose(&x)?)?;
        let square = |v: f64| v * v;
        let error: f64 = back.iter().zip(&x).map(|(a, b)| square(a - b)).sum();
        let error = (error / x.iter().map(|v| square(*v)).sum::<f64>()).sqrt();
        if error.is_nan() || error > 1e-8 {
            return Err(BasisError::NotOrthonormal { error });
        }
        Ok(DenseBasis { shape: shape.to_vec(), eigenvalues, means, rows })
    }

    /// The basis in a spectrum file written by
    /// [`Decomposition::save`](crate::Decomposition::save); `None` if it was left out.
    ///
    /// # Errors
    /// [`BasisError`]
    pub fn load(path: &Path) -> Result<Option<Self>, BasisError> {
        let mut file = Archive::open(path)?;
        if !file.has("basis") {
            return Ok(None);
        }
        let (_, shape) = file.array::<i64>("shape", 64)?;
        let shape: Vec<usize> = shape
            .iter()
            .map(|n| usize::try_from(*n).map_err(|_| file.bad("shape", format!("length {n}"))))
            .collect::<Result<_, _>>()?;
        let (size, values) = file.array::<f64>("basis", MAX_DIM * MAX_DIM)?;
        let &[rows, columns] = size.as_slice() else {
            return Err(file.bad("basis", format!("shape {size:?} is no matrix")).into());
        };
        let (_, eigenvalues) = file.array("eigenvalue_per_coordinate", MAX_DIM)?;
        let (_, means) = file.array("mean_per_coordinate", MAX_DIM)?;
        DenseBasis::new(&shape, eigenvalues, means, Matrix::new(rows, columns, values)?).map(Some)
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
        x.fill(0.0);
        for (j, c) in coordinates.iter().enumerate() {
            x.iter_mut().zip(self.rows.row(j)).for_each(|(x, e)| *x += c * e);
        }
    }
    fn analyze(&self, x: &[f64], coordinates: &mut [f64]) {
        for (j, c) in coordinates.iter_mut().enumerate() {
            *c = self.rows.row(j).iter().zip(x).map(|(e, x)| e * x).sum();
        }
    }
}
