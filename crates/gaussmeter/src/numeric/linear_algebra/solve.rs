use super::{Matrix, MatrixError, distance, norm, parallelism, probe, ratio, tolerance};
use faer::MatMut;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt::{factor, solve};

impl Matrix {
    /// M⁻¹ · right, for a symmetric and positive definite M, of which the lower triangle is read.
    ///
    /// The answer is checked on a random vector, relative to the condition that Cholesky's factors show:
    /// a matrix that is singular up to rounding is refused.
    ///
    /// ```
    /// use gaussmeter::numeric::linear_algebra::Matrix;
    /// let m = Matrix::from_rows(&[[2.0, 1.0], [1.0, 2.0]])?;
    /// let x = m.solve_positive(&Matrix::from_rows(&[[3.0], [0.0]])?)?;
    /// assert!((x[(0, 0)] - 2.0).abs() < 1e-15 && (x[(1, 0)] + 1.0).abs() < 1e-15);
    /// # Ok::<(), gaussmeter::numeric::linear_algebra::MatrixError>(())
    /// ```
    ///
    /// # Errors
    /// [`MatrixError`]: not square, not finite, shapes that do not match, or not positive definite.
    pub fn solve_positive(&self, right: &Matrix) -> Result<Self, MatrixError> {
        self.check_square()?;
        self.check_finite()?;
        right.check_finite()?;
        if right.rows != self.rows {
            let (left, right) = ((self.rows, self.columns), (right.rows, right.columns));
            return Err(MatrixError::Product { left, right });
        }
        let n = self.rows;
        let failed = |error: f64| self.failure("Cholesky decomposition", error);
        let par = parallelism(n);
        let mut factors = self.view().to_owned();
        let scratch = StackReq::any_of(&[
            factor::cholesky_in_place_scratch::<f64>(n, par, Default::default()),
            solve::solve_in_place_scratch::<f64>(n, right.columns, par),
        ]);
        let mut memory = MemBuffer::try_new(scratch).map_err(|_| failed(f64::INFINITY))?;
        let stack = MemStack::new(&mut memory);
        factor::cholesky_in_place(
            factors.as_mut(),
            Default::default(),
            par,
            stack,
            Default::default(),
        )
        .map_err(|_| failed(f64::INFINITY))?;
        let mut out = right.clone();
        let values = MatMut::from_row_major_slice_mut(&mut out.values, n, right.columns);
        solve::solve_in_place(factors.as_ref(), values, par, stack);

        let x = probe(right.columns);
        let solved = out.apply(&x)?;
        let image = self.apply_lower(&solved);
        let size = norm(&right.apply(&x)?).max(self.max_abs() * norm(&solved));
        let error = ratio(distance(&image, &right.apply(&x)?), size);
        match error <= tolerance(n) {
            true => Ok(out),
            false => Err(failed(error)),
        }
    }
}
