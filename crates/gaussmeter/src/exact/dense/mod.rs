//! Exact laws for initial laws that do not commute with Σ.
//!
//! Samplers and continuous solutions are linear maps that commute with Σ. In its eigenbasis they
//! are diagonal, and only the initial covariance C_0 is a full matrix:
//!
//! - a sampler: E x_N = G m_0 + c μ, Cov x_N = G C_0 G + diag q, with gain G, mean gain c and noise
//!   variance q of its [`Output`];
//! - a [`Reverse`] process: E y_t = α_t μ + Φ (m_0 − α_T μ), Cov y_t = Σ_t + Φ (C_0 − Σ_T) Φ, and
//!   Cov(y_t, y_s) = Φ_{t←s} Cov y_s.
//!
//! With the law of the target, [`wasserstein2_dense`](crate::metric::wasserstein2_dense) then gives
//! the exact error.
//!
//! ```
//! use gaussmeter::exact::dense::{DenseData, DenseGaussian, Matrix};
//! use gaussmeter::metric::wasserstein2_dense;
//! use gaussmeter::prelude::*;
//! use std::sync::Arc;
//!
//! let covariance = Matrix::from_rows(&[[1.0, 0.9], [0.9, 1.0]])?;
//! let data = DenseData::new(vec![0.5, -0.5], covariance)?;
//!
//! // Sampling starts from a law that is not diagonal in the eigenbasis of the covariance.
//! let init = DenseGaussian::new(vec![0.0, 0.0], Matrix::from_rows(&[[1.5, 0.2], [0.2, 0.7]])?)?;
//! let init = data.to_eigenbasis(&init)?;
//!
//! let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
//! let plan = EulerMaruyama.plan(&Uniform.grid(&process, 1000, 1e-3)?)?;
//! let law = Output::of(&plan, data.spectrum()).dense_law(&data, &init)?;
//! let w2 = wasserstein2_dense(&law, &data.target(Target::Data, &plan.end())?)?;
//! assert_eq!(format!("{:.4}", w2.total), "0.0010");
//! let samples = data.from_eigenbasis(&law)?; // back in the coordinates of the data
//! assert!((samples.covariance()[(0, 1)] - 0.9).abs() < 0.01);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod program;

pub use program::{DenseNetwork, dense_law, law_by_sum};

pub use crate::metric::{DenseGaussian, GaussianError};
pub use crate::numeric::linear_algebra::{Matrix, MatrixError, SingularValues, SymmetricEigen};

use super::continuous::Reverse;
use super::{Output, Reason, Target};
use crate::level::Level;
use crate::numeric::written;
use crate::spectrum::{Mode, Spectrum, SpectrumError};
use thiserror::Error;

/// Largest number of coordinates: one matrix of that size holds 2 GiB.
pub const MAX_DIM: usize = 16_384;

/// Why a dense law cannot be computed.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum DenseError {
    /// Mean and covariance do not define a Gaussian law, or have the wrong size.
    #[error(transparent)]
    Gaussian(#[from] GaussianError),
    /// The eigenvalues do not form a spectrum.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
    /// A multiplicity is a weight, not a number of eigenvectors.
    #[error(
        "eigenvalue {eigenvalue:e} has multiplicity {multiplicity}, but a dense law needs whole eigenvectors: use a spectrum that was not summarised"
    )]
    Multiplicity {
        /// The eigenvalue.
        eigenvalue: f64,
        /// Its multiplicity.
        multiplicity: f64,
    },
    /// The matrices would not fit in memory.
    #[error(
        "{} dimensions are too many for dense matrices (at most {MAX_DIM}): use an initial law that is diagonal in the eigenbasis", written(.dim))]
    TooLarge {
        /// The dimension of the data.
        dim: f64,
    },
    /// A reverse process was asked to run from clean to noisy.
    #[error("a reverse process runs from noisy to clean, not from t = {} to t = {}", written(.from), written(.to))]
    Direction {
        /// The time it starts at.
        from: f64,
        /// The time it should end at.
        to: f64,
    },
    /// The law is infinite.
    #[error("the law is infinite: {0}")]
    Infinite(Reason),
    /// It was stopped from outside.
    #[error("interrupted before anything was found")]
    Interrupted,
}

impl DenseError {
    /// Whether a law is infinite, or left the range of numbers.
    pub(crate) fn is_infinite(&self) -> bool {
        use GaussianError::{Matrix, Mean, Overflow};
        match self {
            DenseError::Infinite(_) => true,
            DenseError::Gaussian(error) => {
                matches!(error, Mean { .. } | Overflow | Matrix(MatrixError::NotFinite { .. }))
            }
            _ => false,
        }
    }
}

/// Gaussian data with one coordinate per eigenvector of Σ, for laws with full covariance matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseData {
    spectrum: Spectrum,
    /// Per coordinate: its mode in the spectrum.
    modes: Vec<usize>,
    /// The eigenvectors, one per column, if the data have coordinates of their own.
    basis: Option<Matrix>,
}

impl DenseData {
    /// N(mean, covariance) in the coordinates of the data, such as pixels.
    ///
    /// # Errors
    /// [`DenseError::Gaussian`] if they are not the mean and covariance of a law (see
    /// [`DenseGaussian::new`]), [`DenseError::TooLarge`].
    pub fn new(mean: Vec<f64>, covariance: Matrix) -> Result<Self, DenseError> {
        let dim = mean.len();
        check_dim(dim as f64)?;
        let (_, eigen) = DenseGaussian::decompose(&mean, &covariance)?;
        let means = eigen.vectors.transpose().apply(&mean).map_err(GaussianError::from)?;
        let provenance = format!("eigenvalues of a given {dim}x{dim} covariance");
        let spectrum = Spectrum::new("dense", provenance, &eigen.values, None, Some(&means))?;
        let order = spectrum.order();
        let basis = Matrix::from_fn(dim, dim, |i, k| eigen.vectors[(i, order[k])]);
        Ok(DenseData { basis: Some(basis), ..DenseData::of(&spectrum)? })
    }

    /// Data known only by their spectrum: their coordinates are those of the eigenbasis, in the
    /// order of [`Spectrum::modes`], each repeated by its multiplicity.
    ///
    /// # Errors
    /// [`DenseError::Multiplicity`], [`DenseError::TooLarge`]
    pub fn of(spectrum: &Spectrum) -> Result<Self, DenseError> {
        check_dim(spectrum.dim())?;
        let mut modes = Vec::with_capacity(spectrum.dim() as usize);
        for (i, &Mode { eigenvalue, multiplicity, .. }) in spectrum.modes().iter().enumerate() {
            if multiplicity.fract() != 0.0 {
                return Err(DenseError::Multiplicity { eigenvalue, multiplicity });
            }
            modes.extend(std::iter::repeat_n(i, multiplicity as usize));
        }
        Ok(DenseData { spectrum: spectrum.clone(), modes, basis: None })
    }

    /// Data with given eigenvalues and means along eigenvectors, one per column, in any order; without
    /// eigenvectors, in the coordinates that the lists have.
    ///
    /// # Errors
    /// [`DenseError::Spectrum`], [`DenseError::TooLarge`]
    pub(crate) fn with_vectors(
        eigenvalues: &[f64],
        means: &[f64],
        vectors: Option<Matrix>,
    ) -> Result<Self, DenseError> {
        let dim = eigenvalues.len();
        check_dim(dim as f64)?;
        let spectrum = Spectrum::new("dense", "eigenvectors", eigenvalues, None, Some(means))?;
        let vectors = vectors.unwrap_or_else(|| Matrix::diagonal(&vec![1.0; dim]));
        let order = spectrum.order();
        let is_sorted = order.iter().enumerate().all(|(k, place)| k == *place);
        let basis = Matrix::from_fn(dim, dim, |i, k| vectors[(i, order[k])]);
        let is_own = is_sorted && vectors == Matrix::diagonal(&vec![1.0; dim]);
        Ok(DenseData { basis: (!is_own).then_some(basis), ..DenseData::of(&spectrum)? })
    }

    /// The spectrum, for [`Output::of`].
    pub fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }
    /// The eigenvectors, one per column in the order of the coordinates; `None` for data known only
    /// by their spectrum.
    pub fn basis(&self) -> Option<&Matrix> {
        self.basis.as_ref()
    }
    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.modes.len()
    }

    /// Per coordinate of the eigenbasis: the number of its mode in the spectrum, and the mode.
    pub(crate) fn coordinates(&self) -> Vec<(usize, Mode)> {
        self.modes.iter().map(|&i| (i, self.spectrum.modes()[i])).collect()
    }

    /// Converts a law from the coordinates of the data to the eigenbasis.
    ///
    /// # Errors
    /// [`DenseError::Gaussian`] if the dimensions differ.
    pub fn to_eigenbasis(&self, law: &DenseGaussian) -> Result<DenseGaussian, DenseError> {
        self.rotated(law, Matrix::transpose)
    }

    /// Converts a law from the eigenbasis to the coordinates of the data.
    ///
    /// # Errors
    /// [`DenseError::Gaussian`] if the dimensions differ.
    pub fn from_eigenbasis(&self, law: &DenseGaussian) -> Result<DenseGaussian, DenseError> {
        self.rotated(law, Matrix::clone)
    }

    /// The target that laws are compared with, in the eigenbasis: the law of the data, or that of
    /// the forward process at `level`.
    ///
    /// # Errors
    /// [`DenseError::Gaussian`] if `level` is not finite.
    pub fn target(&self, target: Target, level: &Level) -> Result<DenseGaussian, DenseError> {
        let level = level.marginal();
        let (mean, variance) = match target {
            Target::Data => (self.expand(|_, m| m.mean), self.expand(|_, m| m.eigenvalue)),
            Target::Marginal => (
                self.expand(|_, m| level.alpha * m.mean),
                self.expand(|_, m| level.variance(m.eigenvalue)),
            ),
        };
        Ok(DenseGaussian::diagonal(mean, &variance)?)
    }

    fn rotated(
        &self,
        law: &DenseGaussian,
        rotation: impl Fn(&Matrix) -> Matrix,
    ) -> Result<DenseGaussian, DenseError> {
        self.check("the law", law.dim(), self.dim())?;
        match &self.basis {
            None => Ok(law.clone()),
            Some(basis) => Ok(law.rotated(&rotation(basis))?),
        }
    }

    /// One value per coordinate, from one per mode.
    fn expand(&self, value: impl Fn(usize, &Mode) -> f64) -> Vec<f64> {
        self.modes.iter().map(|&i| value(i, &self.spectrum.modes()[i])).collect()
    }

    fn check(&self, what: &'static str, len: usize, expected: usize) -> Result<(), DenseError> {
        match len == expected {
            true => Ok(()),
            false => Err(GaussianError::Dimension { what, len, expected }.into()),
        }
    }
}

fn check_dim(dim: f64) -> Result<(), DenseError> {
    if dim <= MAX_DIM as f64 { Ok(()) } else { Err(DenseError::TooLarge { dim }) }
}

impl Output {
    /// [`Output::law`] for an initial law with a full covariance, in the eigenbasis; `data` must be
    /// the data this output belongs to.
    ///
    /// # Errors
    /// [`DenseError`]: the dimensions differ, or the law is infinite.
    pub fn dense_law(
        &self,
        data: &DenseData,
        init: &DenseGaussian,
    ) -> Result<DenseGaussian, DenseError> {
        data.check("the output", self.gain.len(), data.spectrum.modes().len())?;
        data.check("the initial law", init.dim(), data.dim())?;
        if let Some(reason) = self.infinite {
            return Err(DenseError::Infinite(reason));
        }
        let gain = data.expand(|i, _| self.gain[i]);
        let noise_variance = data.expand(|i, _| self.noise_variance[i]);
        let shift = data.expand(|i, m| {
            let constant = self.constant.get(i).copied().unwrap_or(0.0);
            self.mean_gain.get(i).map_or(0.0, |c| c * m.mean) + constant
        });
        propagate(data, init, &gain, &shift, &noise_variance)
    }
}

impl Reverse {
    /// [`Reverse::law`] for an initial law with a full covariance, in the eigenbasis: the law at
    /// level `to` of the solution with law `init` at level `from`.
    ///
    /// ```
    /// use gaussmeter::exact::continuous::{ODE, SDE};
    /// use gaussmeter::exact::dense::{DenseData, DenseGaussian, Matrix};
    /// use gaussmeter::metric::wasserstein2_dense;
    /// use gaussmeter::prelude::*;
    /// let data = DenseData::of(&Spectrum::new("two modes", "example", &[0.1, 4.0], None, None)?)?;
    /// let init = DenseGaussian::new(vec![0.0; 2], Matrix::from_rows(&[[1.0, 0.5], [0.5, 1.0]])?)?;
    /// let (start, end) = (VpLinear::paper().level(1.0), VpLinear::paper().level(0.0));
    /// let target = data.target(Target::Data, &end)?;
    /// let error = |law: &DenseGaussian| wasserstein2_dense(law, &target).map(|w2| w2.total);
    /// let sde = error(&SDE.dense_law(&data, &start, &end, &init)?)?;
    /// let ode = error(&ODE.dense_law(&data, &start, &end, &init)?)?;
    /// assert!(sde < 0.1 * ode);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`DenseError`]: the dimensions differ, or `to` is noisier than `from`.
    pub fn dense_law(
        &self,
        data: &DenseData,
        from: &Level,
        to: &Level,
        init: &DenseGaussian,
    ) -> Result<DenseGaussian, DenseError> {
        data.check("the initial law", init.dim(), data.dim())?;
        let (from, to) = (&from.marginal(), &to.marginal());
        if from == to {
            return Ok(init.clone());
        }
        // Σ_T − (α_T/α_t)² Σ_t: what the forward process adds from `to` to `from`.
        let carried = from.alpha / to.alpha * to.sigma;
        let added = (from.sigma - carried) * (from.sigma + carried);
        if added.is_nan() || added <= 0.0 {
            return Err(DenseError::Direction { from: from.t, to: to.t });
        }
        let gain = data.expand(|_, m| self.propagator(m.eigenvalue, from, to));
        let mean = data.expand(|_, m| m.mean);
        let shift: Vec<f64> =
            gain.iter().zip(mean).map(|(g, m)| (to.alpha - g * from.alpha) * m).collect();
        // Σ_t − Φ Σ_T Φ = Σ_t (I − r^{h²}); r and 1 − r are both known without cancellation.
        let scale2 = (from.alpha / to.alpha).powi(2);
        let noise_variance = data.expand(|_, m| {
            let (start, end) = (from.variance(m.eigenvalue), to.variance(m.eigenvalue));
            let log_r = match added / start {
                small if small < 0.5 => (-small).ln_1p(),
                _ => (scale2 * (end / start)).ln(),
            };
            if self.noise == 0.0 { 0.0 } else { -end * (self.noise.powi(2) * log_r).exp_m1() }
        });
        propagate(data, init, &gain, &shift, &noise_variance)
    }

    /// Cov(y_cleaner, y_noisier), with rows for the cleaner level, of the solution with law `init`
    /// at level `from`, in the eigenbasis.
    ///
    /// # Errors
    /// [`DenseError`]: the dimensions differ, or the levels are not in order.
    pub fn dense_cross_covariance(
        &self,
        data: &DenseData,
        from: &Level,
        noisier: &Level,
        cleaner: &Level,
        init: &DenseGaussian,
    ) -> Result<Matrix, DenseError> {
        let at_noisier = self.dense_law(data, from, noisier, init)?;
        if noisier == cleaner {
            return Ok(at_noisier.covariance().clone());
        }
        if cleaner.marginal().log_snr() <= noisier.marginal().log_snr() {
            return Err(DenseError::Direction { from: noisier.t, to: cleaner.t });
        }
        let gain = data.expand(|_, m| self.propagator(m.eigenvalue, noisier, cleaner));
        let covariance = at_noisier.covariance();
        Ok(Matrix::from_fn(data.dim(), data.dim(), |i, j| gain[i] * covariance[(i, j)]))
    }
}

fn propagate(
    data: &DenseData,
    init: &DenseGaussian,
    gain: &[f64],
    shift: &[f64],
    noise_variance: &[f64],
) -> Result<DenseGaussian, DenseError> {
    let eigenvalue = |i: usize| data.spectrum.modes()[data.modes[i]].eigenvalue;
    let overflows = |i: &usize| {
        let i = *i;
        let mean = gain[i] * init.mean()[i] + shift[i];
        let variance = gain[i] * gain[i] * init.covariance()[(i, i)] + noise_variance[i];
        !(mean.is_finite() && variance.is_finite())
    };
    match (0..data.dim()).find(overflows) {
        Some(i) => Err(DenseError::Infinite(Reason::Overflow { eigenvalue: eigenvalue(i) })),
        None => Ok(init.propagated(gain, shift, noise_variance)?),
    }
}
