//! Dense linear algebra: the only module that uses faer.
//!
//! Each decomposition is checked before it is returned: against its definition, on a random vector,
//! in O(n²). A solver that repeats or loses vectors cannot pass.
//!
//! Large problems are spread over the threads of the current rayon pool. They are cut into a fixed
//! number of pieces, so that a result has the same bits for any number of threads. It may still
//! depend on the vector instructions of the machine.

mod products;
mod solve;

pub use products::{Real, inner_products};

use crate::numeric::written;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::{evd, qr::no_pivoting::factor as qr, svd};
use faer::{Mat, MatMut, MatRef, Par};
use products::{product, product_here, products};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::ops::Index;
use thiserror::Error;

/// Pieces into which a large problem is cut.
const PIECES: usize = 8;

/// Matrices with fewer rows and columns use one thread.
const SMALL: usize = 512;

fn parallelism(size: usize) -> Par {
    if size < SMALL { Par::Seq } else { Par::rayon(PIECES) }
}

/// Numbers do not form a matrix, or a matrix does not allow the operation.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum MatrixError {
    /// A list has the wrong length for the shape.
    #[error("{len} values for a matrix of {rows} rows and {columns} columns")]
    Length {
        /// Number of values.
        len: usize,
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// Rows of different lengths.
    #[error("row {row} has {len} values, but row 0 has {expected}")]
    Ragged {
        /// The row, from 0.
        row: usize,
        /// Its length.
        len: usize,
        /// The length of the first row.
        expected: usize,
    },
    /// A product of matrices whose shapes do not match.
    #[error("product of a {}x{} matrix and a {}x{} matrix: {} columns do not match {} rows", left.0, left.1, right.0, right.1, left.1, right.0)]
    Product {
        /// Rows and columns of the left factor.
        left: (usize, usize),
        /// Rows and columns of the right factor.
        right: (usize, usize),
    },
    /// An operation on square matrices only.
    #[error("{rows} rows and {columns} columns, but the matrix must be square")]
    NotSquare {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// An entry is NaN or infinite.
    #[error("entry ({row}, {column}) is {}", written(.value))]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// The two triangles of a matrix differ by more than rounding.
    #[error(
        "entry ({row}, {column}) is {}, but the transposed entry is {}: the matrix is not symmetric", written(.value), written(.mirrored))]
    NotSymmetric {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The entry.
        value: f64,
        /// The entry with row and column exchanged.
        mirrored: f64,
    },
    /// A decomposition did not converge, or failed its check.
    #[error("{decomposition} of a {rows}x{columns} matrix failed (relative error {error:e})")]
    Decomposition {
        /// "eigendecomposition", "singular value decomposition" or "QR decomposition".
        decomposition: &'static str,
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
        /// Relative error of the factors; infinite if there are none.
        error: f64,
    },
}

/// A real matrix, stored by rows.
///
/// ```
/// use gaussmeter::exact::dense::Matrix;
/// let a = Matrix::from_rows(&[[2.0, 1.0], [0.0, 3.0]])?;
/// let b = a.multiply(&a.transpose())?;
/// assert_eq!((b[(0, 0)], b[(0, 1)], b[(1, 1)]), (5.0, 3.0, 9.0));
/// # Ok::<(), gaussmeter::exact::dense::MatrixError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

/// M = vectors · diag(values) · vectorsᵀ.
#[derive(Clone, Debug, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, increasing.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors, one per column.
    pub vectors: Matrix,
    /// Bound on the rounding errors of the values: n ε max|λ|, and 0 for a diagonal matrix.
    pub rounding: f64,
}

/// M = rowsᵀ · diag(values) · rows: as [`SymmetricEigen`], with one eigenvector per row.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenbasis {
    /// Eigenvalues, increasing.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors, one per row.
    pub rows: Matrix,
    /// Bound on the rounding errors of the values: n ε max|λ|, and 0 for a diagonal matrix.
    pub rounding: f64,
    /// ‖(M − rowsᵀ diag(values) rows) x‖ / (max|λ| ‖x‖) for a random x.
    pub residual: f64,
    /// ‖(rows rowsᵀ − 1) x‖ / ‖x‖ for a random x.
    pub orthogonality: f64,
}

/// M = u · diag(values) · vᵀ, with u and v orthogonal; diag(values) has the shape of M.
#[derive(Clone, Debug, PartialEq)]
pub struct SingularValues {
    /// Left singular vectors, one per column.
    pub u: Matrix,
    /// Singular values, decreasing.
    pub values: Vec<f64>,
    /// Right singular vectors, one per column.
    pub v: Matrix,
}

impl Matrix {
    /// A matrix from its values, row after row.
    ///
    /// # Errors
    /// [`MatrixError::Length`]
    pub fn new(rows: usize, columns: usize, values: Vec<f64>) -> Result<Self, MatrixError> {
        match rows.checked_mul(columns) {
            Some(len) if len == values.len() => Ok(Matrix { rows, columns, values }),
            _ => Err(MatrixError::Length { len: values.len(), rows, columns }),
        }
    }

    /// A matrix from its rows.
    ///
    /// # Errors
    /// [`MatrixError::Ragged`]
    pub fn from_rows<R: AsRef<[f64]>>(rows: &[R]) -> Result<Self, MatrixError> {
        let expected = rows.first().map_or(0, |r| r.as_ref().len());
        if let Some(row) = rows.iter().position(|r| r.as_ref().len() != expected) {
            return Err(MatrixError::Ragged { row, len: rows[row].as_ref().len(), expected });
        }
        let values = rows.iter().flat_map(|r| r.as_ref()).copied().collect();
        Ok(Matrix { rows: rows.len(), columns: expected, values })
    }

    /// A matrix from its entries as a function of row and column.
    pub fn from_fn(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let entry = &entry;
        let values = (0..rows).flat_map(|i| (0..columns).map(move |j| entry(i, j))).collect();
        Matrix { rows, columns, values }
    }

    /// A square matrix with the given diagonal.
    pub fn diagonal(values: &[f64]) -> Self {
        Matrix::from_fn(values.len(), values.len(), |i, j| if i == j { values[i] } else { 0.0 })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
    /// All values, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
    /// All values, row after row.
    pub fn into_values(self) -> Vec<f64> {
        self.values
    }

    /// The transpose.
    pub fn transpose(&self) -> Self {
        Matrix::from_fn(self.columns, self.rows, |i, j| self[(j, i)])
    }

    /// The product with another matrix.
    ///
    /// # Errors
    /// [`MatrixError::Product`]
    pub fn multiply(&self, right: &Matrix) -> Result<Self, MatrixError> {
        product(self.view(), right.view())
    }

    /// The product `selfᵀ · right`.
    ///
    /// # Errors
    /// [`MatrixError::Product`]
    pub fn transpose_multiply(&self, right: &Matrix) -> Result<Self, MatrixError> {
        product(self.view().transpose(), right.view())
    }

    /// The product `self · rightᵀ`.
    ///
    /// ```
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// let a = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(a.multiply_transpose(&a)?, a.multiply(&a.transpose())?);
    /// assert_eq!(a.transpose_multiply(&a)?, a.transpose().multiply(&a)?);
    /// # Ok::<(), gaussmeter::numeric::linear_algebra::MatrixError>(())
    /// ```
    ///
    /// # Errors
    /// [`MatrixError::Product`]
    pub fn multiply_transpose(&self, right: &Matrix) -> Result<Self, MatrixError> {
        product(self.view(), right.view().transpose())
    }

    /// The product with a vector.
    ///
    /// # Errors
    /// [`MatrixError::Product`]
    pub fn apply(&self, vector: &[f64]) -> Result<Vec<f64>, MatrixError> {
        if vector.len() != self.columns {
            let (left, right) = ((self.rows, self.columns), (vector.len(), 1));
            return Err(MatrixError::Product { left, right });
        }
        let dot = |i: usize| self.row(i).iter().zip(vector).map(|(a, x)| a * x).sum();
        Ok((0..self.rows).map(dot).collect())
    }

    /// The product of the transpose with a vector: the combination `Σᵢ vectorᵢ rowᵢ` of the rows.
    ///
    /// # Errors
    /// [`MatrixError::Product`]
    pub fn apply_transpose(&self, vector: &[f64]) -> Result<Vec<f64>, MatrixError> {
        if vector.len() != self.rows {
            let (left, right) = ((self.columns, self.rows), (vector.len(), 1));
            return Err(MatrixError::Product { left, right });
        }
        let mut out = vec![0.0; self.columns];
        for (i, x) in vector.iter().enumerate() {
            out.iter_mut().zip(self.row(i)).for_each(|(o, a)| *o += a * x);
        }
        Ok(out)
    }

    /// The products `M x` with vectors x, stored one after another. Each is the same, bit for bit,
    /// whatever the others are.
    ///
    /// # Panics
    /// If `vectors` and `out` do not hold the same whole number of vectors.
    pub fn apply_all(&self, vectors: &[f64], out: &mut [f64]) {
        products(vectors, self.view().transpose(), out);
    }

    /// The products `Mᵀ x` with vectors x, stored one after another. Each is the same, bit for bit,
    /// whatever the others are.
    ///
    /// ```
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// let a = Matrix::from_rows(&[[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]])?;
    /// let mut out = [0.0; 6];
    /// a.apply_transpose_all(&[1.0, 0.0, 1.0, 1.0], &mut out);
    /// assert_eq!(out, [2.0, 1.0, 0.0, 2.0, 4.0, 1.0]);
    /// # Ok::<(), gaussmeter::numeric::linear_algebra::MatrixError>(())
    /// ```
    ///
    /// # Panics
    /// If `vectors` and `out` do not hold the same whole number of vectors.
    pub fn apply_transpose_all(&self, vectors: &[f64], out: &mut [f64]) {
        products(vectors, self.view(), out);
    }

    /// [`Matrix::apply_all`] as one product on the calling thread, for batches that are themselves the
    /// unit of parallel work. The last bits depend on how many vectors there are.
    pub(crate) fn apply_batch(&self, vectors: &[f64], out: &mut [f64]) {
        product_here(vectors, self.view().transpose(), out);
    }

    /// The same of [`Matrix::apply_transpose_all`].
    pub(crate) fn apply_transpose_batch(&self, vectors: &[f64], out: &mut [f64]) {
        product_here(vectors, self.view(), out);
    }

    /// Half the sum with the transpose, if the two differ by at most `tolerance · max|entry|`.
    pub(crate) fn symmetrized(&self, tolerance: f64) -> Result<Self, MatrixError> {
        self.check_square()?;
        self.check_finite()?;
        let n = self.rows;
        let allowed = tolerance * self.max_abs();
        let mut pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        // Halves first: the difference of two huge entries may overflow.
        let differ = |(i, j): &(usize, usize)| {
            (0.5 * self[(*i, *j)] - 0.5 * self[(*j, *i)]).abs() > 0.5 * allowed
        };
        match pairs.find(differ) {
            Some((row, column)) => Err(MatrixError::NotSymmetric {
                row,
                column,
                value: self[(row, column)],
                mirrored: self[(column, row)],
            }),
            None => Ok(Matrix::from_fn(n, n, |i, j| match i == j {
                true => self[(i, i)],
                false => 0.5 * self[(i, j)] + 0.5 * self[(j, i)],
            })),
        }
    }

    /// All eigenvalues and eigenvectors of a symmetric matrix (its lower triangle is read).
    ///
    /// ```
    /// use gaussmeter::exact::dense::Matrix;
    /// let eigen = Matrix::from_rows(&[[2.0, 1.0], [1.0, 2.0]])?.symmetric_eigen()?;
    /// assert!((eigen.values[0] - 1.0).abs() < 1e-15 && (eigen.values[1] - 3.0).abs() < 1e-15);
    /// # Ok::<(), gaussmeter::exact::dense::MatrixError>(())
    /// ```
    ///
    /// # Errors
    /// [`MatrixError`]: not square, not finite, or the solver failed.
    pub fn symmetric_eigen(&self) -> Result<SymmetricEigen, MatrixError> {
        let Eigenbasis { values, rows, rounding, .. } = self.clone().into_eigenbasis()?;
        Ok(SymmetricEigen { values, vectors: rows.transpose(), rounding })
    }

    /// [`Matrix::symmetric_eigen`] in the memory of the matrix, with the eigenvectors as rows:
    /// large matrices leave no room for copies.
    ///
    /// # Errors
    /// [`MatrixError`]: not square, not finite, or the solver failed.
    pub fn into_eigenbasis(mut self) -> Result<Eigenbasis, MatrixError> {
        self.check_square()?;
        self.check_finite()?;
        let n = self.rows;
        if (0..n).all(|i| self.row(i)[..i].iter().all(|v| *v == 0.0)) {
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&i, &j| self[(i, i)].total_cmp(&self[(j, j)]));
            let rows = Matrix::from_fn(n, n, |k, i| f64::from(order[k] == i));
            let values = order.iter().map(|&i| self[(i, i)]).collect();
            let (rounding, residual, orthogonality) = (0.0, 0.0, 0.0);
            return Ok(Eigenbasis { values, rows, rounding, residual, orthogonality });
        }
        let scale = power_of_two_near(self.max_abs());
        self.values.iter_mut().for_each(|v| *v /= scale);
        let failed = |error: f64| self.failure("eigendecomposition", error);

        let par = parallelism(n);
        let mut diagonal = Diag::zeros(n);
        let mut vectors = vec![0.0; n * n];
        {
            let needs = evd::self_adjoint_evd_scratch::<f64>(
                n,
                evd::ComputeEigenvectors::Yes,
                par,
                Default::default(),
            );
            let mut memory = MemBuffer::try_new(needs).map_err(|_| failed(f64::INFINITY))?;
            evd::self_adjoint_evd(
                self.view(),
                diagonal.as_mut(),
                Some(MatMut::from_column_major_slice_mut(&mut vectors, n, n)),
                par,
                MemStack::new(&mut memory),
                Default::default(),
            )
            .map_err(|_| failed(f64::INFINITY))?;
        }
        let mut values: Vec<f64> = diagonal.column_vector().iter().copied().collect();
        let rows = Matrix { rows: n, columns: n, values: vectors };
        let radius = max_abs(&values);

        let x = probe(n);
        let turned = rows.apply_transpose(&x)?;
        let stretched: Vec<f64> = values.iter().zip(&x).map(|(l, x)| l * x).collect();
        let residual = distance(&self.apply_lower(&turned), &rows.apply_transpose(&stretched)?);
        let residual = ratio(residual, radius * norm(&x));
        let orthogonality = ratio(distance(&rows.apply(&turned)?, &x), norm(&x));
        let error = residual + orthogonality;
        if error.is_nan() || error > tolerance(n) {
            return Err(failed(error));
        }
        values.iter_mut().for_each(|l| *l *= scale);
        let rounding = n as f64 * f64::EPSILON * radius * scale;
        Ok(Eigenbasis { values, rows, rounding, residual, orthogonality })
    }

    /// The singular value decomposition with all left and right singular vectors.
    ///
    /// # Errors
    /// [`MatrixError`]: not finite, or the solver failed.
    pub fn singular_values(&self) -> Result<SingularValues, MatrixError> {
        self.check_finite()?;
        let failed = |error: f64| self.failure("singular value decomposition", error);
        let scale = power_of_two_near(self.max_abs());
        let unit = self.map(|v| v / scale);
        let (m, n) = (self.rows, self.columns);
        let par = parallelism(m.min(n));
        let mut diagonal = Diag::zeros(m.min(n));
        let (mut u, mut v) = (Mat::zeros(m, m), Mat::zeros(n, n));
        let full = svd::ComputeSvdVectors::Full;
        let needs = svd::svd_scratch::<f64>(m, n, full, full, par, Default::default());
        let mut memory = MemBuffer::try_new(needs).map_err(|_| failed(f64::INFINITY))?;
        svd::svd(
            unit.view(),
            diagonal.as_mut(),
            Some(u.as_mut()),
            Some(v.as_mut()),
            par,
            MemStack::new(&mut memory),
            Default::default(),
        )
        .map_err(|_| failed(f64::INFINITY))?;
        let (u, v) = (Matrix::from_view(u.as_ref()), Matrix::from_view(v.as_ref()));
        let mut values: Vec<f64> = diagonal.column_vector().iter().copied().collect();

        let (x, y) = (probe(self.columns), probe(self.rows));
        let turned = v.apply(&x)?;
        let mut stretched: Vec<f64> = values.iter().zip(&x).map(|(s, x)| s * x).collect();
        stretched.resize(self.rows, 0.0);
        let residual = distance(&unit.apply(&turned)?, &u.apply(&stretched)?);
        let right = distance(&v.transpose().apply(&turned)?, &x);
        let left = distance(&u.transpose().apply(&u.apply(&y)?)?, &y);
        let error = ratio(residual, max_abs(&values) * norm(&x))
            + ratio(right, norm(&x))
            + ratio(left, norm(&y));
        if error.is_nan() || error > tolerance(self.rows.max(self.columns)) {
            return Err(failed(error));
        }
        values.iter_mut().for_each(|s| *s *= scale);
        Ok(SingularValues { u, values, v })
    }

    /// A square L with L·Lᵀ = M·Mᵀ, for a matrix M with at least as many columns as rows. Each row
    /// of L is accurate relative to its own length, however different the lengths are.
    ///
    /// # Errors
    /// [`MatrixError`]: not finite, or the solver failed.
    pub(crate) fn compressed(&self) -> Result<Self, MatrixError> {
        self.check_finite()?;
        let (n, m) = (self.rows, self.columns);
        let size = n.min(m);
        let par = parallelism(size);
        let mut factors = self.view().transpose().to_owned();
        let block = qr::recommended_block_size::<f64>(m, n);
        let mut coefficients = Mat::zeros(block, size);
        let needs = qr::qr_in_place_scratch::<f64>(m, n, block, par, Default::default());
        let mut memory = MemBuffer::try_new(needs)
            .map_err(|_| self.failure("QR decomposition", f64::INFINITY))?;
        qr::qr_in_place(
            factors.as_mut(),
            coefficients.as_mut(),
            par,
            MemStack::new(&mut memory),
            Default::default(),
        );
        let upper = |i: usize, j: usize| if i <= j { factors[(i, j)] } else { 0.0 };
        let root = Matrix::from_fn(n, size, |i, j| upper(j, i));
        let x = probe(self.rows);
        let image = self.apply(&self.transpose().apply(&x)?)?;
        let compressed = root.apply(&root.transpose().apply(&x)?)?;
        let error = ratio(distance(&image, &compressed), norm(&image));
        match error <= tolerance(self.columns) {
            true => Ok(root),
            false => Err(self.failure("QR decomposition", error)),
        }
    }

    /// A row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Matrix { values: self.values.iter().map(|v| f(*v)).collect(), ..*self }
    }

    /// This and `factor` times another of the same shape.
    pub(crate) fn add_scaled(&mut self, factor: f64, other: &Matrix) {
        self.values.iter_mut().zip(&other.values).for_each(|(v, o)| *v += factor * o);
    }

    /// Each column times a number.
    pub(crate) fn scaled_columns(mut self, factors: &[f64]) -> Self {
        for row in self.values.chunks_mut(self.columns.max(1)) {
            row.iter_mut().zip(factors).for_each(|(v, factor)| *v *= factor);
        }
        self
    }

    pub(crate) fn max_abs(&self) -> f64 {
        max_abs(&self.values)
    }

    pub(crate) fn check_square(&self) -> Result<(), MatrixError> {
        let (rows, columns) = (self.rows, self.columns);
        if rows == columns { Ok(()) } else { Err(MatrixError::NotSquare { rows, columns }) }
    }

    /// Refuses NaN and infinite values.
    ///
    /// # Errors
    /// [`MatrixError::NotFinite`]
    pub fn check_finite(&self) -> Result<(), MatrixError> {
        match self.values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(k) => Err(MatrixError::NotFinite {
                row: k / self.columns,
                column: k % self.columns,
                value: self.values[k],
            }),
        }
    }

    /// The product of the symmetric matrix with this lower triangle with a vector.
    fn apply_lower(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.rows];
        for i in 0..self.rows {
            for j in 0..i {
                out[i] += self[(i, j)] * x[j];
                out[j] += self[(i, j)] * x[i];
            }
            out[i] += self[(i, i)] * x[i];
        }
        out
    }

    fn failure(&self, decomposition: &'static str, error: f64) -> MatrixError {
        let error = if error.is_nan() { f64::INFINITY } else { error };
        MatrixError::Decomposition { decomposition, rows: self.rows, columns: self.columns, error }
    }

    fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.rows, self.columns)
    }

    fn from_view(view: MatRef<'_, f64>) -> Self {
        Matrix::from_fn(view.nrows(), view.ncols(), |i, j| view[(i, j)])
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;
    /// The entry at (row, column), from 0.
    ///
    /// # Panics
    /// If there is no such entry.
    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        assert!(column < self.columns, "column {column} of {}", self.columns);
        &self.values[row * self.columns + column]
    }
}

/// Euclidean norm, without overflow or underflow of the squares.
pub(crate) fn norm(values: &[f64]) -> f64 {
    let scale = power_of_two_near(max_abs(values));
    scale * values.iter().map(|v| (v / scale).powi(2)).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>())
}

fn max_abs(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, v| v.abs().max(max))
}

/// A power of two within a factor 2 of `value`, so that dividing by it is exact; 1 for 0.
fn power_of_two_near(value: f64) -> f64 {
    match value {
        0.0 => 1.0,
        v => v.log2().floor().clamp(-1000.0, 1000.0).exp2(),
    }
}

/// An error relative to a size that may be zero.
fn ratio(error: f64, size: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / size }
}

/// Relative error that rounding may leave in a decomposition of n vectors.
fn tolerance(n: usize) -> f64 {
    256.0 * f64::EPSILON * (n as f64)
}

/// A fixed vector in general position.
fn probe(n: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    (0..n).map(|_| StandardNormal.sample(&mut random)).collect()
}
