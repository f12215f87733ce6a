//! Fewer samples than dimensions. With centred vectors as the rows of X, the nonzero eigenvalues of
//! Xᵀ X / n are those of X Xᵀ / n, and their eigenvectors are Xᵀ w / √(n λ).

use super::channels::channels;
use super::{Checks, Decomposition, DecompositionError, Method, check_trace, clean};
use crate::moments::{BLOCK, CENTRE, MAX_DIM, Products};
use crate::samples::{InMemory, Samples, SamplesError};
use gaussmeter::numeric::linear_algebra::{Eigenbasis, Matrix, MatrixError};

pub(super) fn decompose(
    samples: &InMemory,
    basis: bool,
) -> Result<Decomposition, DecompositionError> {
    let (n, scale) = (samples.rows(), samples.scale());
    if n > MAX_DIM {
        return Err(DecompositionError::TooManyForGram { count: n as u64 });
    }
    if n == 0 {
        return Err(SamplesError::Empty { description: samples.description() }.into());
    }
    let stored = stored_mean(samples);
    let dim = stored.len();
    let unit = scale.factor * scale.factor / n as f64;
    let gram = match samples.as_bytes() {
        Some(values) => exact(values, n, dim, unit)?,
        None => centred(samples, &stored, unit)?,
    };
    let trace = (0..n).map(|i| gram[(i, i)]).sum();
    let Eigenbasis { mut values, rows, rounding, residual, orthogonality } =
        gram.into_eigenbasis()?;
    let checks =
        Checks { trace: check_trace(values.iter().sum(), trace)?, orthogonality, residual };
    // Inner products of such long vectors round more than the solver does.
    let rounding = rounding.max(dim as f64 * f64::EPSILON * values[n - 1]);
    let (rank, rounding) = clean(&mut values, rounding, n - 1)?;

    // Coordinates of the mean along Xᵀ w / √(n λ), and the rest of it.
    let mean: Vec<f64> = stored.iter().map(|m| scale.apply(*m)).collect();
    let x = Centred { samples, mean: &stored, factor: scale.factor };
    let along = rows.apply(&x.apply(&mean))?;
    let size = |k: usize| (n as f64 * values[k]).sqrt();
    let range = n - rank..n;
    let mut means: Vec<f64> = range.clone().map(|k| along[k] / size(k)).collect();
    let mut weights = vec![0.0; n];
    range.clone().for_each(|k| weights[k] = along[k] / (n as f64 * values[k]));
    let projected = x.apply_transpose(&rows.apply_transpose(&weights)?);
    let rest = mean.iter().zip(&projected).map(|(m, p)| (m - p) * (m - p)).sum::<f64>().sqrt();

    // One basis vector of the null space may point along the rest of the mean.
    let mut eigenvalues = values[range].to_vec();
    let mut multiplicities = vec![1.0; rank];
    let null = dim - rank;
    let with_mean = usize::from(rest != 0.0).min(null);
    for (multiplicity, mean) in [(with_mean, rest), (null - with_mean, 0.0)] {
        if multiplicity > 0 {
            eigenvalues.push(0.0);
            multiplicities.push(multiplicity as f64);
            means.push(mean);
        }
    }
    let basis = basis.then(|| {
        let weights = Matrix::from_fn(rank, n, |j, i| {
            let k = n - rank + j;
            rows[(k, i)] / size(k)
        });
        orthonormalized(x.combinations(&weights)?)
    });
    Ok(Decomposition {
        description: samples.description(),
        shape: samples.shape().to_vec(),
        scale,
        count: Some(n as u64),
        method: Method::Gram,
        reason: String::new(),
        eigenvalues,
        multiplicities: Some(multiplicities),
        means,
        channels: channels(samples.shape(), &mean, &variances(samples, &stored)),
        mean,
        trace,
        rounding,
        rank: Some(rank),
        checks,
        basis: basis.transpose()?,
        centred: false,
        quadrature: None,
    })
}

/// Mean of the stored values. Sums of bytes are exact.
fn stored_mean(samples: &InMemory) -> Vec<f64> {
    let dim = samples.shape().iter().product();
    let (mut sums, mut row) = (vec![0.0; dim], vec![0.0; dim]);
    for i in 0..samples.rows() {
        samples.copy_row(i, 0, &mut row);
        sums.iter_mut().zip(&row).for_each(|(sum, v)| *sum += v);
    }
    sums.iter().map(|sum| sum / samples.rows() as f64).collect()
}

/// Variances of the coordinates, in data units.
fn variances(samples: &InMemory, stored_mean: &[f64]) -> Vec<f64> {
    let (mut sums, mut row) = (vec![0.0; stored_mean.len()], vec![0.0; stored_mean.len()]);
    for i in 0..samples.rows() {
        samples.copy_row(i, 0, &mut row);
        let off = row.iter().zip(stored_mean).map(|(v, m)| v - m);
        sums.iter_mut().zip(off).for_each(|(sum, off)| *sum += off * off);
    }
    let unit = samples.scale().factor.powi(2) / samples.rows() as f64;
    sums.into_iter().map(|sum| unit * sum).collect()
}

/// With integer inner products G, r = G 1 and s = 1ᵀ r, those of centred vectors are
/// (n² G − n (r 1ᵀ + 1 rᵀ) + s) / n².
fn exact(values: &[u8], n: usize, dim: usize, unit: f64) -> Result<Matrix, DecompositionError> {
    let mut products = Products::<i64>::zero(n);
    let mut block = vec![0.0f32; BLOCK.min(dim) * n];
    for start in (0..dim).step_by(BLOCK) {
        let width = BLOCK.min(dim - start);
        let block = &mut block[..width * n];
        for (i, row) in values.chunks_exact(dim).enumerate() {
            for (k, v) in row[start..start + width].iter().enumerate() {
                block[k * n + i] = f32::from(*v) - CENTRE as f32;
            }
        }
        products.add_block(block)?;
    }
    let at = |i: usize, j: usize| i128::from(products.at(i.max(j), i.min(j)));
    let r: Vec<i128> = (0..n).map(|i| (0..n).map(|j| at(i, j)).sum()).collect();
    let s: i128 = r.iter().sum();
    let (count, square) = (n as i128, (n * n) as f64);
    let entry = |i: usize, j: usize, g: i64| {
        (count * (count * i128::from(g) - r[i] - r[j]) + s) as f64 / square * unit
    };
    Ok(Matrix::new(n, n, products.matrix(entry))?)
}

fn centred(samples: &InMemory, mean: &[f64], unit: f64) -> Result<Matrix, DecompositionError> {
    let (n, dim) = (samples.rows(), mean.len());
    let mut products = Products::<f64>::zero(n);
    let mut row = vec![0.0; BLOCK.min(dim)];
    let mut block = vec![0.0; BLOCK.min(dim) * n];
    for start in (0..dim).step_by(BLOCK) {
        let width = BLOCK.min(dim - start);
        let (row, block) = (&mut row[..width], &mut block[..width * n]);
        for i in 0..n {
            samples.copy_row(i, start, row);
            for (k, (v, m)) in row.iter().zip(&mean[start..]).enumerate() {
                block[k * n + i] = v - m;
            }
        }
        products.add_block(block)?;
    }
    let gram = Matrix::new(n, n, products.matrix(|_, _, g| g * unit))?;
    gram.check_finite()?;
    Ok(gram)
}

/// The orthonormal rows nearest to nearly orthonormal ones, by the Newton–Schulz iteration
/// E ← E + ½ (1 − E Eᵀ) E. For small eigenvalues, the products Xᵀ w are orthogonal only up to
/// ε λmax / λ.
fn orthonormalized(mut rows: Matrix) -> Result<Matrix, MatrixError> {
    for _ in 0..8 {
        let products = rows.multiply_transpose(&rows)?;
        let half = Matrix::from_fn(rows.rows(), rows.rows(), |i, j| {
            0.5 * (f64::from(i == j) - products[(i, j)])
        });
        let error = half.values().iter().fold(0.0, |max: f64, v| v.abs().max(max));
        if error < 1e-14 {
            break;
        }
        let change = half.multiply(&rows)?.into_values();
        let (count, dim) = (rows.rows(), rows.columns());
        let mut values = rows.into_values();
        values.iter_mut().zip(change).for_each(|(v, c)| *v += c);
        rows = Matrix::new(count, dim, values)?;
    }
    Ok(rows)
}

/// Centred data vectors, as the rows of a matrix.
struct Centred<'a> {
    samples: &'a InMemory,
    mean: &'a [f64],
    factor: f64,
}

impl Centred<'_> {
    fn row(&self, i: usize, row: &mut [f64]) {
        self.samples.copy_row(i, 0, row);
        row.iter_mut().zip(self.mean).for_each(|(v, m)| *v = self.factor * (*v - m));
    }

    /// Multiplies a matrix by that of the centred vectors, a block of columns at a time.
    fn combinations(&self, weights: &Matrix) -> Result<Matrix, MatrixError> {
        let (n, dim, rank) = (self.samples.rows(), self.mean.len(), weights.rows());
        let mut values = vec![0.0; rank * dim];
        for start in (0..dim).step_by(BLOCK) {
            let width = BLOCK.min(dim - start);
            let mut block = vec![0.0; n * width];
            for (i, row) in block.chunks_exact_mut(width).enumerate() {
                self.samples.copy_row(i, start, row);
                let centred = |(v, m): (&mut f64, &f64)| *v = self.factor * (*v - m);
                row.iter_mut().zip(&self.mean[start..]).for_each(centred);
            }
            let product = weights.multiply(&Matrix::new(n, width, block)?)?;
            for j in 0..rank {
                values[j * dim + start..][..width].copy_from_slice(product.row(j));
            }
        }
        Matrix::new(rank, dim, values)
    }

    fn apply(&self, vector: &[f64]) -> Vec<f64> {
        let mut row = vec![0.0; vector.len()];
        let mut product = |i| {
            self.row(i, &mut row);
            row.iter().zip(vector).map(|(a, b)| a * b).sum()
        };
        (0..self.samples.rows()).map(&mut product).collect()
    }

    fn apply_transpose(&self, weights: &[f64]) -> Vec<f64> {
        let (mut sum, mut row) = (vec![0.0; self.mean.len()], vec![0.0; self.mean.len()]);
        for (i, weight) in weights.iter().enumerate() {
            self.row(i, &mut row);
            sum.iter_mut().zip(&row).for_each(|(sum, v)| *sum += weight * v);
        }
        sum
    }
}
