use super::Wasserstein2;
use crate::exact::Reason;
use crate::numeric::linear_algebra::{Eigenbasis, Matrix, MatrixError, SymmetricEigen, norm};
use crate::numeric::written;
use thiserror::Error;

/// Relative asymmetry of a covariance that is attributed to rounding.
const ASYMMETRY: f64 = 1e-8;
/// Eigenvalues down to `-ROUNDING · λmax` are rounding errors of a covariance and count as zero.
const ROUNDING: f64 = 1e-10;

/// Why a mean and a covariance do not define a Gaussian law, or two laws cannot be compared.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum GaussianError {
    /// There are no coordinates.
    #[error("a Gaussian law needs at least one coordinate")]
    Empty,
    /// A list has the wrong length.
    #[error("{what} has {len} coordinates, expected {expected}")]
    Dimension {
        /// What has the wrong length.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A mean is NaN or infinite.
    #[error("mean {index} is {}", written(.value))]
    Mean {
        /// Position, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A variance is negative, NaN or infinite.
    #[error("variance {index} is {}, but variances must be finite and not negative", written(.value))]
    Variance {
        /// Position, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// An eigenvalue is more negative than rounding explains.
    #[error(
        "the covariance has eigenvalue {eigenvalue:e}, too negative to be a rounding error (largest eigenvalue {highest:e})"
    )]
    Negative {
        /// The eigenvalue.
        eigenvalue: f64,
        /// The largest eigenvalue.
        highest: f64,
    },
    /// Squares of squares overflow.
    #[error("values are too large: their fourth powers overflow")]
    Overflow,
    /// The covariance is not a symmetric matrix of finite numbers, or a decomposition failed.
    #[error("covariance: {0}")]
    Matrix(#[from] MatrixError),
}

/// A Gaussian law N(m, C) with a full covariance matrix, possibly singular.
///
/// ```
/// use gaussmeter::metric::{DenseGaussian, wasserstein2_dense};
/// use gaussmeter::exact::dense::Matrix;
/// let a = DenseGaussian::new(vec![0.0, 0.0], Matrix::from_rows(&[[2.0, 1.0], [1.0, 2.0]])?)?;
/// let b = DenseGaussian::new(vec![3.0, 4.0], Matrix::from_rows(&[[2.0, 1.0], [1.0, 2.0]])?)?;
/// assert!((wasserstein2_dense(&a, &b)?.total - 5.0).abs() < 1e-14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DenseGaussian {
    mean: Vec<f64>,
    covariance: Matrix,
    /// A square X with X Xᵀ = C. If C is built from parts, so is X: small variances then keep
    /// digits that C, whose rounding errors are relative to its largest entries, does not have.
    root: Matrix,
}

impl DenseGaussian {
    /// N(mean, covariance), in data units and squared data units.
    ///
    /// The covariance may be asymmetric by 1e-8 of its largest entry (it is symmetrized), and may
    /// have eigenvalues down to −1e-10 λmax (they count as zero, as do positive ones below the
    /// rounding error n ε λmax of an eigensolver, unless the matrix is diagonal).
    ///
    /// # Errors
    /// [`GaussianError`]: no coordinates, lengths that do not match, values that are not finite, a
    /// covariance that is not symmetric or not positive semi-definite.
    pub fn new(mean: Vec<f64>, covariance: Matrix) -> Result<Self, GaussianError> {
        let (covariance, eigen) = Self::decompose(&mean, &covariance)?;
        let SymmetricEigen { values, vectors, .. } = eigen;
        let root = Matrix::from_fn(mean.len(), mean.len(), |i, j| {
            vectors[(i, j)] * values[j].max(0.0).sqrt()
        });
        Ok(DenseGaussian { mean, covariance, root })
    }

    /// N(mean, diag variances).
    ///
    /// # Errors
    /// [`GaussianError`]: no coordinates, unequal lengths, values that are not finite, negative
    /// variances.
    pub fn diagonal(mean: Vec<f64>, variances: &[f64]) -> Result<Self, GaussianError> {
        check_mean(&mean, variances.len())?;
        if let Some(index) = variances.iter().position(|v| !(v.is_finite() && *v >= 0.0)) {
            return Err(GaussianError::Variance { index, value: variances[index] });
        }
        let deviations: Vec<f64> = variances.iter().map(|v| v.sqrt()).collect();
        let (covariance, root) = (Matrix::diagonal(variances), Matrix::diagonal(&deviations));
        Ok(DenseGaussian { mean, covariance, root })
    }

    /// The mean.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
    /// The covariance: symmetric to the last bit.
    pub fn covariance(&self) -> &Matrix {
        &self.covariance
    }
    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The symmetrized covariance and its eigendecomposition. Eigenvalues that rounding cannot
    /// distinguish from zero are set to zero; those left negative are above −1e-10 λmax.
    pub(crate) fn decompose(
        mean: &[f64],
        covariance: &Matrix,
    ) -> Result<(Matrix, SymmetricEigen), GaussianError> {
        check_mean(mean, covariance.rows())?;
        let covariance = covariance.symmetrized(ASYMMETRY)?;
        let mut eigen = covariance.symmetric_eigen()?;
        round(&mut eigen.values, eigen.rounding)?;
        Ok((covariance, eigen))
    }

    /// The same without the covariance, and with the eigenvectors as rows: in less memory.
    pub(crate) fn decompose_into(
        mean: &[f64],
        covariance: Matrix,
    ) -> Result<Eigenbasis, GaussianError> {
        check_mean(mean, covariance.rows())?;
        let mut eigen = covariance.symmetrized(ASYMMETRY)?.into_eigenbasis()?;
        round(&mut eigen.values, eigen.rounding)?;
        Ok(eigen)
    }

    /// The law of diag(gain) x + shift + N(0, diag noise_variance).
    pub(crate) fn propagated(
        &self,
        gain: &[f64],
        shift: &[f64],
        noise_variance: &[f64],
    ) -> Result<Self, GaussianError> {
        let n = self.dim();
        let noise = |i: usize, j: usize| if i == j { noise_variance[i] } else { 0.0 };
        let mean: Vec<f64> = (0..n).map(|i| gain[i] * self.mean[i] + shift[i]).collect();
        check_mean(&mean, n)?;
        let covariance = Matrix::from_fn(n, n, |i, j| {
            // The product of gains first: the same bits in both triangles.
            (gain[i] * gain[j]) * self.covariance[(i, j)] + noise(i, j)
        });
        covariance.check_finite()?;
        let root = if noise_variance.iter().all(|q| *q == 0.0) {
            Matrix::from_fn(n, n, |i, j| gain[i] * self.root[(i, j)])
        } else {
            // (G C G + Q) = [G X, √Q] [G X, √Q]ᵀ: a sum of squares, whatever cancels in C.
            Matrix::from_fn(n, 2 * n, |i, j| match j.checked_sub(n) {
                None => gain[i] * self.root[(i, j)],
                Some(j) => noise(i, j).sqrt(),
            })
            .compressed()?
        };
        Ok(DenseGaussian { mean, covariance, root })
    }

    /// The law of `rotation · x`, for an orthogonal matrix.
    pub(crate) fn rotated(&self, rotation: &Matrix) -> Result<Self, GaussianError> {
        let turned = rotation.multiply(&self.covariance)?.multiply(&rotation.transpose())?;
        Ok(DenseGaussian {
            mean: rotation.apply(&self.mean)?,
            covariance: turned.symmetrized(f64::INFINITY)?,
            root: rotation.multiply(&self.root)?,
        })
    }
}

/// Sets eigenvalues to 0 that rounding cannot tell from it, and refuses those that are too negative.
fn round(values: &mut [f64], rounding: f64) -> Result<(), GaussianError> {
    let (lowest, highest) = match values[..] {
        [lowest, .., highest] => (lowest, highest),
        [only] => (only, only),
        [] => return Err(GaussianError::Empty),
    };
    if lowest < -ROUNDING * highest.max(0.0) {
        return Err(GaussianError::Negative { eigenvalue: lowest, highest });
    }
    values.iter_mut().filter(|l| l.abs() <= rounding).for_each(|l| *l = 0.0);
    Ok(())
}

fn check_mean(mean: &[f64], expected: usize) -> Result<(), GaussianError> {
    if mean.is_empty() && expected == 0 {
        return Err(GaussianError::Empty);
    }
    if mean.len() != expected {
        return Err(GaussianError::Dimension { what: "the mean", len: mean.len(), expected });
    }
    match mean.iter().position(|m| !m.is_finite()) {
        Some(index) => Err(GaussianError::Mean { index, value: mean[index] }),
        None => Ok(()),
    }
}

/// The smallest ‖x − y Q‖ over orthogonal Q.
///
/// ‖x − y Q‖² = ‖x‖² + ‖y‖² − 2 tr((yᵀx)ᵀ Q) is smallest if Q is the orthogonal polar factor U Vᵀ
/// of yᵀx = U S Vᵀ, and then equals ‖x V − y U‖². The trace form loses all digits if x ≈ y Q; this
/// one does not. If yᵀx is singular, U and V are not unique, but the value is: x v and y u are
/// orthogonal for all null vectors v and u.
fn procrustes(x: &Matrix, y: &Matrix) -> Result<f64, MatrixError> {
    let scale = x.max_abs().max(y.max_abs());
    if scale == 0.0 {
        return Ok(0.0);
    }
    let (x, y) = (x.map(|v| v / scale), y.map(|v| v / scale));
    let polar = y.transpose().multiply(&x)?.singular_values()?;
    let (x, y) = (x.multiply(&polar.v)?, y.multiply(&polar.u)?);
    let difference: Vec<f64> = x.values().iter().zip(y.values()).map(|(x, y)| x - y).collect();
    Ok(scale * norm(&difference))
}

/// The Bures distance of two covariances, √tr(A + B − 2 (A^½ B A^½)^½): the Wasserstein-2 distance
/// of centred Gaussians, in data units.
///
/// ```
/// use gaussmeter::{exact::dense::Matrix, metric::bures};
/// let a = Matrix::from_rows(&[[1.0, 1.0], [1.0, 1.0]])?;
/// let b = Matrix::from_rows(&[[1.0, -1.0], [-1.0, 1.0]])?;
/// assert!((bures(&a, &b)? - 2.0).abs() < 1e-14); // orthogonal lines: nothing in common
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`GaussianError`]: a matrix is not a covariance, or the sizes differ.
pub fn bures(a: &Matrix, b: &Matrix) -> Result<f64, GaussianError> {
    let centred = |c: &Matrix| DenseGaussian::new(vec![0.0; c.rows()], c.clone());
    Ok(wasserstein2_dense(&centred(a)?, &centred(b)?)?.covariance)
}

/// W2 between two Gaussians whose covariances need not commute and may be singular:
///
/// W2² = |m_a − m_b|² + ‖X − Y Q‖², X Xᵀ = A, Y Yᵀ = B, with Q the orthogonal polar factor of Yᵀ X.
///
/// Equal laws have a distance of a few rounding errors, not of their square root.
///
/// # Errors
/// [`GaussianError`]: the dimensions differ, or a decomposition failed.
pub fn wasserstein2_dense(
    a: &DenseGaussian,
    b: &DenseGaussian,
) -> Result<Wasserstein2, GaussianError> {
    if a.dim() != b.dim() {
        let (len, expected) = (b.dim(), a.dim());
        return Err(GaussianError::Dimension { what: "the second law", len, expected });
    }
    let shift: Vec<f64> = a.mean.iter().zip(&b.mean).map(|(a, b)| a - b).collect();
    let (mean, covariance) = (norm(&shift), procrustes(&a.root, &b.root)?);
    let total = mean.hypot(covariance);
    let overflow = Reason::Overflow { eigenvalue: f64::INFINITY };
    let infinite = (!total.is_finite()).then_some(overflow);
    Ok(Wasserstein2 { total, mean, covariance, infinite })
}
