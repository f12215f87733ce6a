use super::{DenseData, DenseError, DenseGaussian, GaussianError, Matrix, MatrixError, check_dim};
use crate::exact::Reason;
use crate::level::Level;
use crate::network::{Factor, Prediction};
use crate::tape::{Op, Plan};
use crate::watch::{Progress, Watch};

/// A network that is affine in all coordinates at once.
pub trait DenseNetwork {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// What a map makes of its prediction: `from · W` and `from · s`, where the prediction of `kind` at `level`
    /// is W x + s. `None` where it is infinite.
    ///
    /// # Errors
    /// [`MatrixError`]: `from` does not have [`DenseNetwork::dim`] columns.
    fn carried(
        &self,
        from: &Matrix,
        kind: Prediction,
        level: &Level,
    ) -> Result<Option<(Matrix, Vec<f64>)>, MatrixError>;
}

/// Exact networks of several Gaussians, weighted at every level.
struct Weighted<'a, F> {
    parts: &'a [&'a DenseData],
    weights: F,
    dim: usize,
}

impl<F: Fn(&Level) -> Vec<f64>> DenseNetwork for Weighted<'_, F> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn carried(
        &self,
        from: &Matrix,
        kind: Prediction,
        level: &Level,
    ) -> Result<Option<(Matrix, Vec<f64>)>, MatrixError> {
        let factor = Factor::new(kind, level);
        let mut sum: Option<Matrix> = None;
        let mut shifts = vec![0.0; from.rows()];
        for (part, g) in self.parts.iter().zip((self.weights)(level)) {
            if factor.is_singular(kind) && part.spectrum.null_dim() > 0.0 {
                return Ok(None);
            }
            let weight = part.expand(|_, m| g * factor.weight(m.eigenvalue));
            let shift = part.expand(|_, m| g * factor.mean_weight(m.eigenvalue) * m.mean);
            let (turned, shift) = match &part.basis {
                Some(basis) => {
                    let turned = from.multiply(basis)?.scaled_columns(&weight);
                    (turned.multiply_transpose(basis)?, basis.apply(&shift)?)
                }
                None => (from.clone().scaled_columns(&weight), shift),
            };
            shifts.iter_mut().zip(from.apply(&shift)?).for_each(|(sum, shift)| *sum += shift);
            add(&mut sum, turned);
        }
        Ok(sum.map(|sum| (sum, shifts)))
    }
}

fn add(sum: &mut Option<Matrix>, matrix: Matrix) {
    match sum {
        None => *sum = Some(matrix),
        Some(sum) => sum.add_scaled(1.0, &matrix),
    }
}

/// The law of a sampler's output with a network that is Σ g_j D_j, where D_j is the exact network of a
/// Gaussian with eigenvectors of its own and weights g_j add up to 1 at every level: guidance to a class whose
/// eigenvectors are not those of the data has g = (w, 1 − w). All are in the coordinates of the data.
///
/// Each evaluation is two products of d × d matrices per Gaussian, which take 4 d³ operations (at d = 3072 a
/// few seconds on two cores); for the rest see [`dense_law`].
///
/// ```
/// use gaussmeter::exact::dense::{DenseData, DenseGaussian, Matrix, law_by_sum};
/// use gaussmeter::prelude::*;
/// use gaussmeter::watch::Watch;
/// use std::sync::Arc;
/// let class = DenseData::new(vec![0.5, 0.0], Matrix::from_rows(&[[1.0, 0.9], [0.9, 1.0]])?)?;
/// let all = DenseData::new(vec![0.0, 0.0], Matrix::from_rows(&[[2.0, 0.0], [0.0, 1.0]])?)?;
/// let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
/// let plan = Ddim::default().plan(&Uniform.grid(&process, 50, 1e-3)?)?;
/// let start = DenseGaussian::diagonal(vec![0.0; 2], &[1.0; 2])?;
/// let guided = |w: f64| law_by_sum(&plan, &[&class, &all], |_| vec![w, 1.0 - w], &start, Watch::NOBODY);
/// // Where the class varies less than everything, guidance takes more of the variance away.
/// let of_difference = |law: &DenseGaussian| {
///     let c = law.covariance();
///     c[(0, 0)] + c[(1, 1)] - 2.0 * c[(0, 1)]
/// };
/// assert!(of_difference(&guided(3.0)?) < of_difference(&guided(1.0)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DenseError`]: the dimensions differ, a prediction is singular, or `watch` stopped it.
pub fn law_by_sum(
    plan: &Plan,
    parts: &[&DenseData],
    weights: impl Fn(&Level) -> Vec<f64>,
    init: &DenseGaussian,
    watch: Watch,
) -> Result<DenseGaussian, DenseError> {
    for part in parts {
        part.check("the initial law", init.dim(), part.dim())?;
    }
    dense_law(plan, &Weighted { parts, weights, dim: init.dim() }, init, watch)
}

/// The law of a sampler's output with a network that is affine in all coordinates at once, by the transposed
/// program: what the output is of every vector is a matrix.
///
/// For each vector of the sampler that is alive a matrix of d × d is kept, and each evaluation and each noise
/// takes a product of such matrices. `watch` hears of every evaluation.
///
/// # Errors
/// [`DenseError`]: the dimensions differ, a prediction is singular, or `watch` stopped it.
pub fn dense_law(
    plan: &Plan,
    network: &dyn DenseNetwork,
    init: &DenseGaussian,
    watch: Watch,
) -> Result<DenseGaussian, DenseError> {
    let dim = init.dim();
    check_dim(dim as f64)?;
    if network.dim() != dim {
        let (what, len) = ("the network", network.dim());
        return Err(GaussianError::Dimension { what, len, expected: dim }.into());
    }
    let lift = |error: MatrixError| DenseError::from(GaussianError::from(error));
    // How the output depends on each vector.
    let mut adjoint: Vec<Option<Matrix>> = (0..plan.var_count()).map(|_| None).collect();
    adjoint[plan.output().index()] = Some(Matrix::diagonal(&vec![1.0; dim]));
    let mut noise: Option<Matrix> = None;
    let mut constant = vec![0.0; dim];
    let (mut done, total) = (0, Some(plan.nfe() as u64));
    let mut step = plan.steps();
    for op in plan.ops().iter().rev() {
        let Some(dst) = op.dst() else {
            step = step.saturating_sub(1);
            continue;
        };
        let Some(from) = adjoint[dst.index()].take() else { continue };
        match op {
            Op::Predict { src, kind, level, .. } => {
                let Some((turned, shift)) = network.carried(&from, *kind, level).map_err(lift)?
                else {
                    let (kind, t, step) = (*kind, level.t, step + 1);
                    let reason = Reason::SingularPrediction { kind, t, step };
                    return Err(DenseError::Infinite(reason));
                };
                constant.iter_mut().zip(&shift).for_each(|(c, s)| *c += s);
                add(&mut adjoint[src.index()], turned);
                done += 1;
                let progress = Progress { what: "dense law", unit: "evaluations", done, total };
                if !watch.tell(progress) {
                    return Err(DenseError::Interrupted);
                }
            }
            Op::Combine { terms, .. } => {
                for (c, v) in terms {
                    match &mut adjoint[v.index()] {
                        Some(sum) => sum.add_scaled(*c, &from),
                        empty => *empty = Some(from.map(|value| c * value)),
                    }
                }
            }
            Op::Noise { .. } => {
                add(&mut noise, from.multiply_transpose(&from).map_err(lift)?);
            }
            Op::Arrive { .. } => {}
        }
    }
    let gain = match adjoint[plan.input().index()].take() {
        Some(gain) => gain,
        None => Matrix::diagonal(&vec![0.0; dim]),
    };
    let mean = gain.apply(init.mean()).map_err(lift)?;
    let mean = mean.iter().zip(&constant).map(|(a, b)| a + b).collect();
    let carried = gain.multiply(init.covariance()).map_err(lift)?;
    let mut covariance = Some(carried.multiply_transpose(&gain).map_err(lift)?);
    if let Some(noise) = noise {
        add(&mut covariance, noise);
    }
    match covariance {
        Some(covariance) => Ok(DenseGaussian::new(mean, covariance)?),
        None => Err(GaussianError::Empty.into()),
    }
}
