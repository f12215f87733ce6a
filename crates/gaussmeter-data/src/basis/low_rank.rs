//! A few eigenvectors, completed to a basis of the whole space without storing the rest.

use super::{BasisError, check_lengths, check_orthonormal};
use gaussmeter::basis::Basis;
use gaussmeter::numeric::linear_algebra::{Matrix, MatrixError};

/// An orthonormal basis that extends r < d given vectors: its first r coordinates are along these, the
/// other d − r along a basis of their orthogonal complement, where Σ vanishes.
///
/// With the vectors as the rows of E = [A B], A the first r columns, and a diagonal S of signs, the
/// matrix U = 1 − W M Wᵀ with W = Eᵀ − [S; 0] and M = (1 − A S)⁻¹ is orthogonal: WᵀW = M⁻¹ + M⁻ᵀ since
/// E Eᵀ = 1. Its first r columns are those of Eᵀ S; the others complete the basis. It is a product of r
/// Householder reflections in compact form: O(r d) operations per vector, and memory for the d × r
/// numbers of E and r × r more. Signs are chosen as for reflections, so that M is well conditioned.
///
/// X. Sun, C. Bischof, "A basis-kernel representation of orthogonal matrices", SIAM Journal on Matrix
/// Analysis and Applications 16 (1995); signs as in G. Ballard et al., "Reconstructing Householder
/// vectors from tall-skinny QR", Journal of Parallel and Distributed Computing 85 (2015).
#[derive(Clone, Debug)]
pub struct LowRankBasis {
    shape: Vec<usize>,
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
    rows: Matrix,
    signs: Vec<f64>,
    /// (S − Aᵀ)⁻¹ = Mᵀ S.
    kernel: Matrix,
}

impl LowRankBasis {
    /// Makes a basis from eigenvectors, one per row, the eigenvalue of each, and the mean of the data in
    /// data space.
    ///
    /// # Errors
    /// [`BasisError`]: wrong lengths, as many vectors as dimensions, or vectors that are not
    /// orthonormal.
    pub fn new(
        shape: &[usize],
        mut eigenvalues: Vec<f64>,
        mean: &[f64],
        rows: Matrix,
    ) -> Result<Self, BasisError> {
        let dim = check_lengths(shape, &[("columns", rows.columns()), ("means", mean.len())])?;
        let rank = rows.rows();
        for (what, len) in [("rows", rank.min(dim - 1)), ("eigenvalues", eigenvalues.len())] {
            if len != rank {
                let len = len.max(rank);
                return Err(BasisError::Length { what, len, shape: shape.to_vec() });
            }
        }
        rows.check_finite()?;
        let (signs, kernel) = opposed(&Matrix::from_fn(rank, rank, |i, j| rows[(j, i)]))?;
        eigenvalues.resize(dim, 0.0);
        let shape = shape.to_vec();
        let mut basis =
            LowRankBasis { shape, eigenvalues, means: vec![0.0; dim], rows, signs, kernel };
        check_orthonormal(&basis)?;
        let mut means = vec![0.0; dim];
        basis.analyze(mean, &mut means);
        basis.means = means;
        Ok(basis)
    }

    /// Number of given vectors, r.
    pub fn rank(&self) -> usize {
        self.signs.len()
    }
}

impl Basis for LowRankBasis {
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }
    fn means(&self) -> &[f64] {
        &self.means
    }

    /// x = U [S a; n] for coordinates (a, n): Eᵀ (a − z) + [S z; n] with z = M Bᵀ n.
    fn synthesize(&self, coordinates: &[f64], x: &mut [f64]) {
        let (dim, rank) = (self.dim(), self.rank());
        assert!(x.len() == coordinates.len() && x.len().is_multiple_of(dim), "whole vectors");
        let count = x.len() / dim;
        let mut rest = coordinates.to_vec();
        rest.chunks_exact_mut(dim).for_each(|c| c[..rank].fill(0.0));
        let (mut along, mut z) = (vec![0.0; count * rank], vec![0.0; count * rank]);
        self.rows.apply_all(&rest, &mut along);
        self.kernel.apply_transpose_all(&along, &mut z);
        for k in 0..count {
            let (c, z) = (&coordinates[k * dim..][..rank], &mut z[k * rank..][..rank]);
            z.iter_mut().zip(&self.signs).for_each(|(z, s)| *z *= s);
            for i in 0..rank {
                rest[k * dim + i] = self.signs[i] * z[i];
                along[k * rank + i] = c[i] - z[i];
            }
        }
        self.rows.apply_transpose_all(&along, x);
        x.iter_mut().zip(&rest).for_each(|(x, r)| *x += r);
    }

    /// (S a, n) = Uᵀ x: a = E x, and n is x − Eᵀ y beyond its first r values, with
    /// y = Mᵀ (a − S x₁…ᵣ).
    fn analyze(&self, x: &[f64], coordinates: &mut [f64]) {
        let (dim, rank) = (self.dim(), self.rank());
        assert!(x.len() == coordinates.len() && x.len().is_multiple_of(dim), "whole vectors");
        let count = x.len() / dim;
        let (mut along, mut y) = (vec![0.0; count * rank], vec![0.0; count * rank]);
        self.rows.apply_all(x, &mut along);
        let mut differences = along.clone();
        for (d, x) in differences.chunks_exact_mut(rank.max(1)).zip(x.chunks_exact(dim)) {
            for ((d, s), x) in d.iter_mut().zip(&self.signs).zip(x) {
                *d = s * *d - x;
            }
        }
        self.kernel.apply_all(&differences, &mut y);
        self.rows.apply_transpose_all(&y, coordinates);
        coordinates.iter_mut().zip(x).for_each(|(c, x)| *c = x - *c);
        for (c, a) in coordinates.chunks_exact_mut(dim).zip(along.chunks_exact(rank.max(1))) {
            c[..rank].copy_from_slice(a);
        }
    }
}

/// Signs s and the inverse of diag(s) − A, for a part A of an orthogonal matrix. Each sign is opposed
/// to what elimination has left on the diagonal of A, so that no pivot is below 1. By halves: with P
/// the inverse of the first block and Q that of its Schur complement diag(s₂) − (A₂₂ + A₂₁ P A₁₂),
/// the inverse is [P + P A₁₂ Q A₂₁ P, P A₁₂ Q; Q A₂₁ P, Q].
fn opposed(a: &Matrix) -> Result<(Vec<f64>, Matrix), MatrixError> {
    let n = a.rows();
    if n <= 1 {
        let signs: Vec<f64> =
            a.values().iter().map(|v| if *v > 0.0 { -1.0 } else { 1.0 }).collect();
        let inverse = signs.iter().zip(a.values()).map(|(s, v)| 1.0 / (s - v)).collect();
        return Ok((signs, Matrix::new(n, n, inverse)?));
    }
    let half = n / 2;
    let block = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        Matrix::from_fn(rows.len(), columns.len(), |i, j| a[(rows.start + i, columns.start + j)])
    };
    let (mut signs, p) = opposed(&block(0..half, 0..half))?;
    let right = p.multiply(&block(0..half, half..n))?;
    let below = block(half..n, 0..half);
    let left = below.multiply(&p)?;
    let (complement, corner) = (below.multiply(&right)?, block(half..n, half..n));
    let (more, q) =
        opposed(&Matrix::from_fn(n - half, n - half, |i, j| corner[(i, j)] + complement[(i, j)]))?;
    signs.extend(more);
    let (upper, lower) = (right.multiply(&q)?, q.multiply(&left)?);
    let first = right.multiply(&lower)?;
    let inverse = Matrix::from_fn(n, n, |i, j| match (i < half, j < half) {
        (true, true) => p[(i, j)] + first[(i, j)],
        (true, false) => upper[(i, j - half)],
        (false, true) => lower[(i - half, j)],
        (false, false) => q[(i - half, j - half)],
    });
    Ok((signs, inverse))
}
