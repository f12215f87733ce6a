use super::LawError;
use crate::basis::Basis;
use crate::metric::DenseGaussian;
use crate::numeric::linear_algebra::Matrix;

/// The eigenvectors of a covariance, in the coordinates of the data.
#[derive(Clone, Debug)]
pub struct PrincipalBasis {
    shape: [usize; 1],
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
    rows: Matrix,
}

impl PrincipalBasis {
    /// The eigenvectors of a covariance and the coordinates of a mean along them, in increasing order of
    /// the eigenvalues. Eigenvalues that rounding cannot tell from 0 are 0.
    ///
    /// # Errors
    /// [`LawError`]: they are not the moments of a law (see [`DenseGaussian::new`]).
    ///
    /// ```
    /// use gaussmeter::basis::Basis;
    /// use gaussmeter::law::PrincipalBasis;
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// let covariance = Matrix::from_rows(&[[2.0, 1.0], [1.0, 2.0]])?;
    /// let basis = PrincipalBasis::new(&[1.0, 1.0], covariance)?;
    /// assert!((basis.eigenvalues()[1] - 3.0).abs() < 1e-14);
    /// assert!((basis.means()[1].abs() - 2f64.sqrt()).abs() < 1e-14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(mean: &[f64], covariance: Matrix) -> Result<Self, LawError> {
        let eigen = DenseGaussian::decompose_into(mean, covariance)?;
        let means = eigen.rows.apply(mean)?;
        Ok(PrincipalBasis {
            shape: [mean.len()],
            eigenvalues: eigen.values.iter().map(|l| l.max(0.0)).collect(),
            means,
            rows: eigen.rows,
        })
    }
}

impl Basis for PrincipalBasis {
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
