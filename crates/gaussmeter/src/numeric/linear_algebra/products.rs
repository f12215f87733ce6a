use super::{Matrix, MatrixError, parallelism};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use std::ops::Range;

/// Vectors that a product with many of them processes at once.
const BLOCK: usize = 16;

pub(super) fn product(
    left: MatRef<'_, f64>,
    right: MatRef<'_, f64>,
) -> Result<Matrix, MatrixError> {
    if left.ncols() != right.nrows() {
        return Err(MatrixError::Product { left: left.shape(), right: right.shape() });
    }
    let (rows, columns) = (left.nrows(), right.ncols());
    let par = parallelism(rows.max(columns).max(left.ncols()));
    let mut values = vec![0.0; rows * columns];
    let product = MatMut::from_row_major_slice_mut(&mut values, rows, columns);
    matmul(product, Accum::Replace, left, right, 1.0, par);
    Ok(Matrix { rows, columns, values })
}

/// Each row of `left` times `right`. Rows are processed in blocks of one size, the last one padded:
/// a product of another size might be rounded differently.
pub(super) fn products(left: &[f64], right: MatRef<'_, f64>, out: &mut [f64]) {
    let (from, to) = right.shape();
    if from == 0 || to == 0 {
        out.fill(0.0);
        return;
    }
    let count = left.len() / from;
    assert!(left.len() == count * from && out.len() == count * to, "whole vectors");
    let par = parallelism(from.max(to));
    let multiply = |left: &[f64], out: &mut [f64]| {
        let left = MatRef::from_row_major_slice(left, BLOCK, from);
        let out = MatMut::from_row_major_slice_mut(out, BLOCK, to);
        matmul(out, Accum::Replace, left, right, 1.0, par);
    };
    for (left, out) in left.chunks(BLOCK * from).zip(out.chunks_mut(BLOCK * to)) {
        if left.len() == BLOCK * from {
            multiply(left, out);
        } else {
            let (mut padded, mut all) = (left.to_vec(), vec![0.0; BLOCK * to]);
            padded.resize(BLOCK * from, 0.0);
            multiply(&padded, &mut all);
            out.copy_from_slice(&all[..out.len()]);
        }
    }
}

/// All rows of `left` times `right`, on the calling thread.
pub(super) fn product_here(left: &[f64], right: MatRef<'_, f64>, out: &mut [f64]) {
    let (from, to) = right.shape();
    if from == 0 || to == 0 {
        out.fill(0.0);
        return;
    }
    let count = left.len() / from;
    let left = MatRef::from_row_major_slice(left, count, from);
    let out = MatMut::from_row_major_slice_mut(out, count, to);
    matmul(out, Accum::Replace, left, right, 1.0, Par::Seq);
}

/// f32 and f64.
pub trait Real: faer_real::Scalar {}
impl Real for f32 {}
impl Real for f64 {}

mod faer_real {
    pub trait Scalar: faer::traits::ComplexField + Copy {}
    impl Scalar for f32 {}
    impl Scalar for f64 {}
}

/// One tile of the matrix of inner products of columns: `tileᵢⱼ = Σₖ aₖᵢ aₖⱼ` for i in `left` and
/// j in `right`, where `a` has `columns` columns and is stored by rows, as is the tile. Runs on the
/// calling thread: tiles are the unit of parallel work.
///
/// ```
/// use gaussmeter::numeric::linear_algebra::inner_products;
/// let mut tile = [0.0f32; 2];
/// inner_products(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 0..1, 1..3, &mut tile)?;
/// assert_eq!(tile, [1.0 * 2.0 + 4.0 * 5.0, 1.0 * 3.0 + 4.0 * 6.0]);
/// # Ok::<(), gaussmeter::numeric::linear_algebra::MatrixError>(())
/// ```
///
/// # Errors
/// [`MatrixError::Length`]: the values do not form rows of this length, the columns do not exist,
/// or the tile has another size.
pub fn inner_products<T: Real>(
    values: &[T],
    columns: usize,
    left: Range<usize>,
    right: Range<usize>,
    tile: &mut [T],
) -> Result<(), MatrixError> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let mismatch = |len, rows, columns| Err(MatrixError::Length { len, rows, columns });
    let inside = |range: &Range<usize>| range.start <= range.end && range.end <= columns;
    if rows * columns != values.len() || !inside(&left) || !inside(&right) {
        return mismatch(values.len(), rows, columns.max(left.end).max(right.end));
    }
    if tile.len() != left.len() * right.len() {
        return mismatch(tile.len(), left.len(), right.len());
    }
    let a = MatRef::from_row_major_slice(values, rows, columns);
    let (i, j) = (a.subcols(left.start, left.len()), a.subcols(right.start, right.len()));
    let tile = MatMut::from_row_major_slice_mut(tile, left.len(), right.len());
    matmul(tile, Accum::Replace, i.transpose(), j, T::one_impl(), Par::Seq);
    Ok(())
}
