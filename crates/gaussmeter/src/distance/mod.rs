//! The Gaussian W2 of two laws that are known, or known from samples: the Fréchet distance, which is called
//! FID where the samples are features of the Inception network.
//!
//! With factors of the covariances, A = X Xᵀ and B = Y Yᵀ, and the decomposition Yᵀ X = P diag(s) Rᵀ,
//!
//! W2² = |a − b|² + ‖X R − Y P‖²,
//!
//! also where covariances are singular (see [`wasserstein2_dense`](crate::metric::wasserstein2_dense)). A
//! [`Comparison`] holds that. Its s are the roots of the eigenvalues of A B.
//!
//! **What finite samples add.** Means and covariances of n and of m independent samples make W2² larger,
//! because it is curved. For the means that is tr A/n + tr B/m, exactly. Along the frames above, the
//! samples of A have coordinates z = diag(1/s) (Y P)ᵀ (x − a), those of B diag(1/s) (X R)ᵀ (y − b), and
//! both have covariance 1; with the errors e and g of these, the second order in the covariances is
//!
//! ½ Σᵢⱼ hᵢⱼ (eᵢⱼ − gᵢⱼ)², hᵢⱼ = sᵢsⱼ/(sᵢ + sⱼ),
//!
//! of expectation ½ κ/n Σ h for the samples of A, where κ is the mean of E(zᵢ²zⱼ²) − δᵢⱼ with weights h:
//! almost 1 for a Gaussian, larger with heavier tails. All orders are known where samples are Gaussian and
//! many dimensions have comparable variance: eigenvalues of products of independent covariances follow by
//! free multiplicative convolution with those of Marchenko and Pastur (1967), as in M. Tiomoko, R. Couillet,
//! "Random matrix-improved estimation of the Wasserstein distance between two centered Gaussian
//! distributions", EUSIPCO 2019. With N(x) = Σ s²/(s² + x), the number of dimensions above x,
//!
//! Σ s → (2/π) ∫ √(x / ((1 − κ N/n) (1 − κ′ N/m))) (−N′) dx
//!
//! is the sum of the roots without what samples add. (In the paper it is a contour integral; this is the
//! one of √λ = (2/π) ∫ √x λ/(λ + x)² dx, at the points where the Stieltjes transforms of samples and laws
//! agree.) Its first order in 1/n is the term above; so a number of n/κ samples counts.
//!
//! **Standard errors** are those of the first derivative of W2² at every sample, ψ(x) = |x − a|² − tr A −
//! Σ sᵢ(zᵢ² − 1) + 2⟨x − a, a − b⟩, and of the quadratic form above, whose variance is half the mean square
//! of its kernel over pairs of samples, ½ Σ cᵤ²cᵥ² E K(u, v)², with the weights 1/n and 1/m.

mod finite;

pub use finite::{Estimate, Finite, PER_DIMENSION, Tally, TooFew};

use crate::metric::GaussianError;
use crate::numeric::linear_algebra::Matrix;

/// A Gaussian by its mean and a factor X of its covariance X Xᵀ, which may have fewer columns than rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Factored {
    mean: Vec<f64>,
    root: Matrix,
}

impl Factored {
    /// N(mean, X Xᵀ).
    ///
    /// # Errors
    /// [`GaussianError`]: no coordinates, another number of rows, values that are not finite.
    pub fn new(mean: Vec<f64>, root: Matrix) -> Result<Self, GaussianError> {
        if mean.is_empty() {
            return Err(GaussianError::Empty);
        }
        if mean.len() != root.rows() {
            let (len, expected) = (mean.len(), root.rows());
            return Err(GaussianError::Dimension { what: "the mean", len, expected });
        }
        if let Some(index) = mean.iter().position(|m| !m.is_finite()) {
            return Err(GaussianError::Mean { index, value: mean[index] });
        }
        root.check_finite()?;
        Ok(Factored { mean, root })
    }

    /// The law with these variances along these orthonormal vectors, one per row; those without variance
    /// are left out.
    ///
    /// ```
    /// use gaussmeter::distance::{Comparison, Factored};
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// let axes = Matrix::diagonal(&[1.0, 1.0]);
    /// let a = Factored::along(vec![0.0, 0.0], &[4.0, 0.0], &axes)?;
    /// let b = Factored::along(vec![3.0, 0.0], &[1.0, 0.25], &axes)?;
    /// let found = Comparison::new(&a, &b)?;
    /// assert!((found.mean_squared() - 9.0).abs() < 1e-14);
    /// assert!((found.covariance_squared() - 1.25).abs() < 1e-14);
    /// # Ok::<(), gaussmeter::metric::GaussianError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Factored::new`], and [`GaussianError::Variance`].
    pub fn along(mean: Vec<f64>, variances: &[f64], rows: &Matrix) -> Result<Self, GaussianError> {
        if variances.len() != rows.rows() {
            let (len, expected) = (variances.len(), rows.rows());
            return Err(GaussianError::Dimension { what: "the variances", len, expected });
        }
        if let Some(index) = variances.iter().position(|v| !(v.is_finite() && *v >= 0.0)) {
            return Err(GaussianError::Variance { index, value: variances[index] });
        }
        let kept: Vec<usize> = (0..variances.len()).filter(|k| variances[*k] > 0.0).collect();
        let root = Matrix::from_fn(rows.columns(), kept.len(), |i, j| {
            variances[kept[j]].sqrt() * rows[(kept[j], i)]
        });
        Factored::new(mean, root)
    }

    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The mean.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
}

/// Squares of distances and traces are below this.
const LARGEST: f64 = 1e150;

/// One of the two laws of a [`Comparison`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Side::First => Side::Second,
            Side::Second => Side::First,
        }
    }
}

/// The Gaussian W2 of two laws, and the frames in which their covariances are compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    mean_squared: f64,
    covariance_squared: f64,
    /// The roots s, in decreasing order, without those that rounding cannot tell from 0.
    coupled: Vec<f64>,
    /// h.
    curvature: Matrix,
    frames: [Frame; 2],
}

#[derive(Clone, Debug)]
struct Frame {
    mean: Vec<f64>,
    /// Its factor X R: column i of both laws belongs to the root sᵢ.
    turned: Matrix,
    /// tr X Xᵀ
    trace: f64,
}

impl Comparison {
    /// Compares two laws.
    ///
    /// # Errors
    /// [`GaussianError`]: their dimensions differ, values are so large that their squares overflow, or the
    /// decomposition failed.
    pub fn new(first: &Factored, second: &Factored) -> Result<Self, GaussianError> {
        if first.dim() != second.dim() {
            let (len, expected) = (second.dim(), first.dim());
            return Err(GaussianError::Dimension { what: "the second law", len, expected });
        }
        let square = |v: f64| v * v;
        let (x, y) = (&first.root, &second.root);
        let scale = x.max_abs().max(y.max_abs());
        let (x, y, coupled) = match scale > 0.0 && x.columns().min(y.columns()) > 0 {
            false => (x.clone(), y.clone(), Vec::new()),
            true => {
                let (unit, other) = (x.map(|v| v / scale), y.map(|v| v / scale));
                let polar = other.transpose_multiply(&unit)?.singular_values()?;
                // Singular values have errors of ε times the largest.
                let least = f64::EPSILON.sqrt() * polar.values.first().copied().unwrap_or(0.0);
                let roots = polar.values.iter().take_while(|s| **s > least);
                // Products of variances below 1e-308 are none.
                let roots = roots.map(|s| scale * (scale * s));
                let coupled = roots.take_while(|s| s.is_normal()).collect();
                (x.multiply(&polar.v)?, y.multiply(&polar.u)?, coupled)
            }
        };
        let columns = x.columns().max(y.columns());
        let at = |m: &Matrix, i: usize, k: usize| if k < m.columns() { m[(i, k)] } else { 0.0 };
        let covariance_squared: f64 = (0..x.rows())
            .map(|i| (0..columns).map(|k| square(at(&x, i, k) - at(&y, i, k))).sum::<f64>())
            .sum();
        let shift = first.mean.iter().zip(&second.mean).map(|(a, b)| square(a - b));
        let mean_squared: f64 = shift.sum();
        let count = coupled.len();
        let curvature = Matrix::from_fn(count, count, |i, j| harmonic(coupled[i], coupled[j]));
        let frame = |mean: &[f64], turned: Matrix| {
            let trace = turned.values().iter().map(|v| v * v).sum();
            Frame { mean: mean.to_vec(), turned, trace }
        };
        let frames = [frame(&first.mean, x), frame(&second.mean, y)];
        // Standard errors have fourth powers.
        let sums = [mean_squared, covariance_squared, frames[0].trace, frames[1].trace];
        if !sums.iter().all(|sum| *sum < LARGEST) {
            return Err(GaussianError::Overflow);
        }
        Ok(Comparison { mean_squared, covariance_squared, coupled, curvature, frames })
    }

    /// |a − b|², of the means.
    pub fn mean_squared(&self) -> f64 {
        self.mean_squared
    }

    /// tr(A + B − 2 (A^½ B A^½)^½), of the covariances.
    pub fn covariance_squared(&self) -> f64 {
        self.covariance_squared
    }

    /// Number of directions in which both laws vary: the rank of A B.
    pub fn rank(&self) -> usize {
        self.coupled.len()
    }

    fn frame(&self, side: Side) -> &Frame {
        match side {
            Side::First => &self.frames[0],
            Side::Second => &self.frames[1],
        }
    }

    /// The mean of a side minus that of the other.
    fn shift(&self, side: Side) -> Vec<f64> {
        let (own, other) = (self.frame(side), self.frame(side.other()));
        own.mean.iter().zip(&other.mean).map(|(a, b)| a - b).collect()
    }

    /// Σ h, and Σ hᵢᵢ.
    fn curvatures(&self) -> (f64, f64) {
        (self.curvature.values().iter().sum(), 0.5 * self.coupled.iter().sum::<f64>())
    }
}

/// st/(s + t), without underflow of the product.
fn harmonic(s: f64, t: f64) -> f64 {
    s * (t / (s + t))
}
