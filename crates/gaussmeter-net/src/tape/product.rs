//! Products of matrices of 32-bit numbers, on the calling thread.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// A matrix stored by rows.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    is_transposed: bool,
}

impl<'a> Rows<'a> {
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Rows { values, rows, columns, is_transposed: false }
    }

    pub fn transpose(self) -> Self {
        Rows { is_transposed: !self.is_transposed, ..self }
    }

    fn view(self) -> MatRef<'a, f32> {
        let matrix = MatRef::from_row_major_slice(self.values, self.rows, self.columns);
        if self.is_transposed { matrix.transpose() } else { matrix }
    }
}

/// `out = left · right`, or `out += left · right` where `adds`.
pub(super) fn product(left: Rows<'_>, right: Rows<'_>, out: &mut [f32], adds: bool) {
    let (left, right) = (left.view(), right.view());
    let out = MatMut::from_row_major_slice_mut(out, left.nrows(), right.ncols());
    let accumulate = if adds { Accum::Add } else { Accum::Replace };
    matmul(out, accumulate, left, right, 1.0, Par::Seq);
}
