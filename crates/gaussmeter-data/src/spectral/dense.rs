use super::channels::channels;
use super::{Checks, Decomposition, DecompositionError, Method, check_trace, clean};
use crate::moments::Moments;
use crate::samples::Scale;
use gaussmeter::numeric::linear_algebra::{Eigenbasis, Matrix};

/// What is known about the data besides their mean and covariance.
pub(super) struct About {
    pub description: String,
    pub shape: Vec<usize>,
    pub scale: Scale,
    pub count: Option<u64>,
    /// Relative rounding of the stored entries of the covariance; 0 if it was computed here.
    pub roundoff: f64,
}

pub(super) fn of_moments(
    moments: &mut Moments,
    basis: bool,
) -> Result<Decomposition, DecompositionError> {
    let about = About {
        description: moments.description().into(),
        shape: moments.shape().to_vec(),
        scale: moments.scale(),
        count: Some(moments.count()),
        roundoff: 0.0,
    };
    decompose(about, moments.mean()?, moments.covariance()?, basis)
}

pub(super) fn decompose(
    about: About,
    mean: Vec<f64>,
    mut covariance: Matrix,
    basis: bool,
) -> Result<Decomposition, DecompositionError> {
    let About { description, shape, scale, count, roundoff } = about;
    let dim = covariance.rows();
    let variances: Vec<f64> = (0..dim).map(|i| covariance[(i, i)]).collect();
    let trace: f64 = variances.iter().sum();
    let channels = channels(&shape, &mean, &variances);

    // Constant coordinates are eigenvectors. Treated apart, their eigenvalue is exactly zero.
    let (varying, constant): (Vec<usize>, Vec<usize>) =
        (0..dim).partition(|i| covariance[(*i, *i)] != 0.0);
    if !constant.is_empty() {
        let size = varying.len();
        covariance = Matrix::from_fn(size, size, |i, j| covariance[(varying[i], varying[j])]);
    }
    // Errors of u |Σᵢⱼ| in the entries move eigenvalues by at most u ‖Σ‖ (Weyl). The eigenvalues of a
    // diagonal matrix are as exact as its entries.
    let stored = match is_diagonal(&covariance) {
        true => 0.0,
        false => roundoff * covariance.values().iter().map(|v| v * v).sum::<f64>().sqrt(),
    };
    let Eigenbasis { mut values, rows, rounding, residual, orthogonality } =
        covariance.into_eigenbasis()?;
    let rounding = rounding.max(stored);
    let computed: f64 = values.iter().sum();
    let most = count.map_or(u64::MAX, |n| n.saturating_sub(1));
    let max_rank = usize::try_from(most).unwrap_or(usize::MAX);
    let (rank, rounding) = clean(&mut values, rounding, max_rank)?;
    let checks = Checks { trace: check_trace(computed, trace)?, orthogonality, residual };

    let varying_mean: Vec<f64> = varying.iter().map(|i| mean[*i]).collect();
    let means = constant.iter().map(|i| mean[*i]).chain(rows.apply(&varying_mean)?).collect();
    let eigenvalues = vec![0.0; constant.len()].into_iter().chain(values).collect();
    let basis = basis.then(|| match constant.is_empty() {
        true => rows,
        false => embed(&rows, &varying, &constant),
    });
    Ok(Decomposition {
        description,
        shape,
        scale,
        count,
        method: Method::Dense,
        reason: "a covariance is given".into(),
        eigenvalues,
        multiplicities: None,
        means,
        mean,
        channels,
        trace,
        rounding,
        rank: Some(rank),
        checks,
        basis,
        centred: false,
        quadrature: None,
    })
}

/// The unit vectors of constant coordinates, then the eigenvectors among the varying ones.
fn embed(rows: &Matrix, varying: &[usize], constant: &[usize]) -> Matrix {
    let dim = varying.len() + constant.len();
    let mut position = vec![None; dim];
    varying.iter().enumerate().for_each(|(k, i)| position[*i] = Some(k));
    Matrix::from_fn(dim, dim, |j, i| match (j.checked_sub(constant.len()), position[i]) {
        (None, _) => f64::from(constant[j] == i),
        (Some(j), Some(k)) => rows[(j, k)],
        (Some(_), None) => 0.0,
    })
}

fn is_diagonal(matrix: &Matrix) -> bool {
    (0..matrix.rows()).all(|i| matrix.row(i).iter().enumerate().all(|(j, v)| i == j || *v == 0.0))
}
