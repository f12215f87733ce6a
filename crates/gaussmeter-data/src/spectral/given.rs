use super::DecompositionError;
use crate::source::records::Number;
use gaussmeter::numeric::linear_algebra::Matrix;

/// Relative asymmetry up to which a matrix may be a covariance if the user says so. The mean of both
/// triangles is then used.
pub(crate) const NEARLY: f64 = 1e-2;

/// Mean and covariance of data, computed elsewhere.
#[derive(Clone, Debug)]
pub struct GivenCovariance {
    /// What the data are.
    pub description: String,
    /// Their mean; zero if unknown.
    pub mean: Vec<f64>,
    /// Their covariance.
    pub covariance: Matrix,
    /// How its entries were stored: eigenvalues that this rounding could explain count as zero.
    pub number: Number,
}

impl GivenCovariance {
    /// Checks mean and covariance. Asymmetry as rounding leaves it is taken out.
    ///
    /// ```
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// use gaussmeter_data::source::Number;
    /// use gaussmeter_data::{Decomposition, GivenCovariance};
    /// let matrix = Matrix::new(2, 2, vec![2.0, 1.0, 1.0, 2.0])?;
    /// let given = GivenCovariance::new("by hand", None, matrix, Number::F64)?;
    /// let found = Decomposition::of_covariance(given, false)?;
    /// assert!((found.eigenvalues[1] - 3.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`DecompositionError::NotCovariance`]: not square or not symmetric, a mean of another length, values
    /// that are not finite.
    pub fn new(
        description: impl Into<String>,
        mean: Option<Vec<f64>>,
        covariance: Matrix,
        number: Number,
    ) -> Result<Self, DecompositionError> {
        let refused = |reason| Err(DecompositionError::NotCovariance { reason });
        let (rows, columns) = (covariance.rows(), covariance.columns());
        let mean = mean.unwrap_or_else(|| vec![0.0; rows]);
        if rows != columns || rows == 0 {
            return refused(format!("a matrix of {rows}x{columns} values"));
        }
        if mean.len() != rows {
            return refused(format!("a mean of {} values for a {rows}x{rows} matrix", mean.len()));
        }
        if covariance.check_finite().is_err() || mean.iter().any(|v| !v.is_finite()) {
            return refused("mean and covariance must be finite".into());
        }
        let error = asymmetry(&covariance);
        if error > NEARLY {
            return refused(format!("not symmetric (relative error {error:.1e})"));
        }
        let covariance = symmetric(covariance);
        Ok(GivenCovariance { description: description.into(), mean, covariance, number })
    }
}

/// Largest difference across the diagonal, relative to the largest entry.
pub(crate) fn asymmetry(matrix: &Matrix) -> f64 {
    let n = matrix.rows();
    let (mut largest, mut difference) = (0.0f64, 0.0f64);
    for i in 0..n {
        for j in 0..=i {
            let (a, b) = (matrix[(i, j)], matrix[(j, i)]);
            largest = largest.max(a.abs()).max(b.abs());
            difference = difference.max((a - b).abs());
        }
    }
    if difference == 0.0 { 0.0 } else { difference / largest }
}

/// The mean of a matrix and its transpose.
pub(crate) fn symmetric(matrix: Matrix) -> Matrix {
    let n = matrix.rows();
    Matrix::from_fn(n, n, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]))
}
