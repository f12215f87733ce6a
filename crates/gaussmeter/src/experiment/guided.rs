//! Classifier-free guidance to a class whose eigenvectors are not those of the data.

use super::fine::fine_plan;
use super::{ExperimentError, Run, Setting};
use crate::basis::Basis;
use crate::exact::dense::{DenseData, DenseError, DenseGaussian, Matrix, law_by_sum};
use crate::exact::{Init, Target};
use crate::level::Level;
use crate::metric::{GaussianError, Wasserstein2, wasserstein2_dense};
use crate::network::Guiding;
use crate::spectrum::Mode;
use crate::watch::Watch;

/// What a sampler does under guidance, by dense matrices.
#[derive(Debug)]
pub struct GuidedErrors {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// The sampler on its grid.
    pub run: Run,
    /// How far the eigenvectors of class and data are from being the same: the off-diagonal part of the
    /// class's covariance in the eigenbasis of the data, relative to all of it.
    pub turned: f64,
    /// W2 of the output to the class.
    pub w2: Wasserstein2,
    /// Total variance of the output as a multiple of the class's.
    pub variance: f64,
    /// The same and W2 to the class for a fine solution of the ODE from p_T, and how far the output is from
    /// it: for rules without noise.
    pub fine: Option<Fine>,
    /// W2 of the output to the powered law p_c^w p_u^{1 − w}, if there is one.
    pub powered: Option<Wasserstein2>,
}

/// A fine solution of the probability-flow ODE under guidance, by DPM-Solver-3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fine {
    /// Its steps.
    pub steps: usize,
    /// Its total variance as a multiple of the class's.
    pub variance: f64,
    /// Its W2 to the class.
    pub w2: Wasserstein2,
    /// W2 of the output to it: of the steps and the start alone.
    pub of_output: Wasserstein2,
}

/// The rule of the fine solution, and its steps: from 80 or from the paper's start on, its variances are then
/// off by 4e-5 of themselves at w = 7.5.
const FINE: (&str, usize) = ("dpm-solver-3", 86);

/// Evaluates one configuration under guidance to a class, where the data (`all`) and the class are known with
/// their eigenvectors, in the same coordinates.
///
/// Each evaluation of the network is two products of d × d matrices.
///
/// # Errors
/// [`ExperimentError`]
pub fn guided_errors(
    setting: &Setting,
    guiding: &Guiding,
    (class, all): (&dyn Basis, &dyn Basis),
    run: Run,
    (init_label, init): (&str, &Init),
    watch: Watch,
) -> Result<GuidedErrors, ExperimentError> {
    if guiding.by_step {
        return Err(ExperimentError::Guided(
            "guidance by cfg++ is known along common eigenvectors only: give spectra without eigenvectors".into(),
        ));
    }
    if class.shape() != all.shape() {
        return Err(ExperimentError::Guided(format!(
            "the class has shape {:?}, but the data have {:?}",
            class.shape(),
            all.shape()
        )));
    }
    let init = setting.init(init)?;
    let (class, turned) = in_basis(class, all)?;
    let data = DenseData::with_vectors(all.eigenvalues(), all.means(), None)?;
    let weights = |level: &Level| {
        let w = guiding.at(level);
        vec![w, 1.0 - w]
    };
    let law = |plan: &_, init: &Init| {
        let start = start(&class, init, &run)?;
        law_by_sum(plan, &[&class, &data], weights, &start, watch)
    };
    let target = class.from_eigenbasis(&class.target(Target::Data, run.grid.end())?)?;
    let output = law(&run.plan, &init)?;
    let trace =
        |law: &DenseGaussian| -> f64 { (0..law.dim()).map(|i| law.covariance()[(i, i)]).sum() };
    let ratio = |law: &DenseGaussian| trace(law) / trace(&target);
    let fine = match run.plan.is_stochastic() {
        true => None,
        false => {
            let (start, end) = (run.plan.start(), run.plan.end());
            let (rule, steps) = FINE;
            let smooth = (rule, &guiding.interval[..]);
            let plan = fine_plan(&setting.process, start, &end, steps, smooth)?;
            let found = law(&plan, &Init::Exact)?;
            Some(Fine {
                steps: plan.steps(),
                variance: ratio(&found),
                w2: wasserstein2_dense(&found, &target)?,
                of_output: wasserstein2_dense(&output, &found)?,
            })
        }
    };
    let powered = match powered(&class, &data, guiding.weight)? {
        Some(powered) => Some(wasserstein2_dense(&output, &powered)?),
        None => None,
    };
    let (w2, variance) = (wasserstein2_dense(&output, &target)?, ratio(&output));
    let (setting, init_label) = (setting.clone(), init_label.to_string());
    Ok(GuidedErrors { setting, init_label, run, turned, w2, variance, fine, powered })
}

/// The class in the coordinates in which the covariance of the data is diagonal, and how far its own is from
/// that.
fn in_basis(class: &dyn Basis, all: &dyn Basis) -> Result<(DenseData, f64), DenseError> {
    let dim = class.dim();
    // One eigenvector of the class per row, in pixels, and then along those of the data.
    let unit = Matrix::diagonal(&vec![1.0; dim]);
    let (mut pixels, mut turned) = (vec![0.0; dim * dim], vec![0.0; dim * dim]);
    class.synthesize(unit.values(), &mut pixels);
    all.analyze(&pixels, &mut turned);
    let rows = Matrix::new(dim, dim, turned).map_err(GaussianError::from)?;
    let values = class.eigenvalues();
    let scaled = Matrix::from_fn(dim, dim, |k, i| values[k] * rows[(k, i)]);
    let covariance = rows.transpose_multiply(&scaled).map_err(GaussianError::from)?;
    let squares = |keep: &dyn Fn(usize, usize) -> bool| -> f64 {
        let all = (0..dim).flat_map(|i| (0..dim).map(move |j| (i, j)));
        all.filter(|(i, j)| keep(*i, *j)).map(|at| covariance[at].powi(2)).sum()
    };
    let turned = (squares(&|i, j| i != j) / squares(&|_, _| true).max(f64::MIN_POSITIVE)).sqrt();
    let class = DenseData::with_vectors(values, class.means(), Some(rows.transpose()))?;
    Ok((class, turned))
}

/// The law that sampling starts from: of what samples should be, where it is the exact one.
fn start(class: &DenseData, init: &Init, run: &Run) -> Result<DenseGaussian, DenseError> {
    let level = run.grid.start();
    match init {
        Init::Exact => class.from_eigenbasis(&class.target(Target::Marginal, level)?),
        Init::Normal { .. } | Init::Diagonal { .. } => {
            let coordinates = class.coordinates();
            let of = |(i, mode): &(usize, Mode)| init.moments(level, *i, mode);
            let (mean, variance): (Vec<f64>, Vec<f64>) = coordinates.iter().map(of).unzip();
            Ok(DenseGaussian::diagonal(mean, &variance)?)
        }
    }
}

/// p_c^w p_u^{1 − w}; `None` where there is no such law: its inverse covariance has to be positive.
fn powered(
    class: &DenseData,
    all: &DenseData,
    w: f64,
) -> Result<Option<DenseGaussian>, DenseError> {
    let dim = class.dim();
    if class.spectrum().null_dim() > 0.0 || all.spectrum().null_dim() > 0.0 {
        return Ok(None);
    }
    let inverse = |data: &DenseData, weight: f64| {
        let modes: Vec<_> = data.coordinates().into_iter().map(|(_, mode)| mode).collect();
        let values: Vec<f64> = modes.iter().map(|m| weight / m.eigenvalue).collect();
        let shift: Vec<f64> = modes.iter().map(|m| weight * m.mean / m.eigenvalue).collect();
        let Some(basis) = data.basis() else { return Ok((Matrix::diagonal(&values), shift)) };
        let scaled = Matrix::from_fn(dim, dim, |i, k| basis[(i, k)] * values[k]);
        Ok::<_, GaussianError>((scaled.multiply_transpose(basis)?, basis.apply(&shift)?))
    };
    let (of_class, of_all) = (inverse(class, w)?, inverse(all, 1.0 - w)?);
    let sum = Matrix::from_fn(dim, dim, |i, j| of_class.0[(i, j)] + of_all.0[(i, j)]);
    let shift: Vec<f64> = of_class.1.iter().zip(&of_all.1).map(|(a, b)| a + b).collect();
    let eigen = sum.symmetric_eigen().map_err(GaussianError::from)?;
    let largest = eigen.values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if eigen.values.iter().any(|v| *v <= largest * dim as f64 * f64::EPSILON) {
        return Ok(None);
    }
    let vectors = &eigen.vectors;
    let scaled = Matrix::from_fn(dim, dim, |i, k| vectors[(i, k)] / eigen.values[k]);
    let covariance = scaled.multiply_transpose(vectors).map_err(GaussianError::from)?;
    let mean = covariance.apply(&shift).map_err(GaussianError::from)?;
    Ok(Some(DenseGaussian::new(mean, covariance)?))
}

impl From<DenseError> for ExperimentError {
    fn from(error: DenseError) -> Self {
        match error {
            DenseError::Interrupted => ExperimentError::Interrupted,
            error => ExperimentError::Dense(error.to_string()),
        }
    }
}

impl From<GaussianError> for ExperimentError {
    fn from(error: GaussianError) -> Self {
        DenseError::from(error).into()
    }
}
