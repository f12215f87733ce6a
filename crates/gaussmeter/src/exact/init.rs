use crate::entry::{Entry, Kind, Parameter, Registry};
use crate::level::Level;
use crate::numeric::written;
use crate::process::Process;
use crate::spectrum::{Mode, Spectrum};
use thiserror::Error;

/// The law that sampling starts from.
#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    /// p_T, the law of the forward process: no initialization error.
    Exact,
    /// N(0, std² I); `None` means the process's own [`prior_std`](Process::prior_std).
    Normal {
        /// Standard deviation, in data units.
        std: Option<f64>,
    },
    /// N(m, diag v) in the eigenbasis of Σ, one entry per mode of the spectrum. For a covariance
    /// that does not commute with Σ see [`crate::exact::dense`].
    Diagonal {
        /// Means.
        mean: Vec<f64>,
        /// Variances.
        variance: Vec<f64>,
    },
}

/// Why an initial law does not fit its spectrum.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum InitError {
    /// The lists of an [`Init::Diagonal`] have the wrong length.
    #[error("an initial law with {mean} means and {variance} variances for {modes} modes")]
    Length {
        /// Number of means.
        mean: usize,
        /// Number of variances.
        variance: usize,
        /// Number of modes.
        modes: usize,
    },
    /// A variance is negative, or a value is not finite.
    #[error("initial law: mean {}, variance {} at mode {index}", written(.mean), written(.variance))]
    Value {
        /// Position.
        index: usize,
        /// The mean there.
        mean: f64,
        /// The variance there.
        variance: f64,
    },
}

impl Init {
    /// Fills in the process's own std in N(0, std² I), and checks lists against the spectrum.
    ///
    /// # Errors
    /// [`InitError`]
    pub fn resolve(&self, process: &dyn Process, spectrum: &Spectrum) -> Result<Init, InitError> {
        match self {
            Init::Exact => Ok(Init::Exact),
            Init::Normal { std } => {
                Ok(Init::Normal { std: Some(std.unwrap_or_else(|| process.prior_std())) })
            }
            Init::Diagonal { mean, variance } => {
                let modes = spectrum.modes().len();
                if mean.len() != modes || variance.len() != modes {
                    let (mean, variance) = (mean.len(), variance.len());
                    return Err(InitError::Length { mean, variance, modes });
                }
                let is_bad = |(m, v): (&f64, &f64)| !(m.is_finite() && v.is_finite() && *v >= 0.0);
                match mean.iter().zip(variance).position(is_bad) {
                    Some(index) => Err(InitError::Value {
                        index,
                        mean: mean[index],
                        variance: variance[index],
                    }),
                    None => Ok(self.clone()),
                }
            }
        }
    }

    /// Mean and variance of mode `i` at the level sampling starts from.
    #[inline]
    pub(crate) fn moments(&self, start: &Level, i: usize, mode: &Mode) -> (f64, f64) {
        let start = &start.marginal();
        match self {
            Init::Exact => (start.alpha * mode.mean, start.variance(mode.eigenvalue)),
            Init::Normal { std } => (0.0, std_of(*std, start).powi(2)),
            Init::Diagonal { mean, variance } => (mean[i], variance[i]),
        }
    }

    /// Derivatives of `by_mean` · m_0 + `by_variance` · v_0 with respect to α and σ at the start.
    pub(super) fn start_slopes(
        &self,
        start: &Level,
        mode: &Mode,
        by_mean: f64,
        by_variance: f64,
    ) -> [f64; 2] {
        let start = &start.marginal();
        match self {
            Init::Exact => [
                by_mean * mode.mean + 2.0 * by_variance * start.alpha * mode.eigenvalue,
                2.0 * by_variance * start.sigma,
            ],
            Init::Normal { std: None } if !start.variance_preserving => {
                [0.0, 2.0 * by_variance * start.sigma]
            }
            Init::Normal { .. } | Init::Diagonal { .. } => [0.0; 2],
        }
    }

    /// Variance of mode `i` minus its variance under p_T, without cancellation.
    #[inline]
    pub(crate) fn variance_error(&self, start: &Level, i: usize, mode: &Mode) -> f64 {
        let start = &start.marginal();
        match self {
            Init::Exact => 0.0,
            Init::Normal { std } => start.start_error(std_of(*std, start), mode.eigenvalue),
            Init::Diagonal { variance, .. } => variance[i] - start.variance(mode.eigenvalue),
        }
    }

    /// Mean of mode `i` minus its mean under p_T.
    #[inline]
    pub(super) fn mean_error(&self, start: &Level, i: usize, mode: &Mode) -> f64 {
        let start = &start.marginal();
        match self {
            Init::Exact => 0.0,
            Init::Normal { .. } => -start.alpha * mode.mean,
            Init::Diagonal { mean, .. } => mean[i] - start.alpha * mode.mean,
        }
    }

    /// `exact`, `normal` or `given`, the name in files and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Init::Exact => "exact",
            Init::Normal { .. } => "normal",
            Init::Diagonal { .. } => "given",
        }
    }
}

/// Without a given std, that of pure noise at the start.
fn std_of(std: Option<f64>, start: &Level) -> f64 {
    std.unwrap_or(if start.variance_preserving { 1.0 } else { start.sigma })
}

/// The initial laws that can be written as text.
pub fn registry() -> Registry<Init> {
    Registry { family: "init", entries: vec![&EXACT, &NORMAL], refused: &[] }
}

static EXACT: Entry<Init> = Entry {
    name: "exact",
    aliases: &["p_T", "pT"],
    summary: "start from p_T, the law of the forward process: no initialization error",
    source: "Pierret & Galerne (2025)",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Init::Exact)),
};

static NORMAL: Entry<Init> = Entry {
    name: "normal",
    aliases: &["N0", "gaussian"],
    summary: "start from N(0, std^2 I), as in practice",
    source: "Pierret & Galerne (2025)",
    order: None,
    parameters: &[Parameter {
        name: "std",
        kind: Kind::NumberOr { word: "prior" },
        default: Some("prior"),
        summary: "standard deviation; 'prior' is the process's own: 1 (vp, flow) or sigma_max (edm)",
    }],
    build: |a| Ok(Box::new(Init::Normal { std: a.number_or("std") })),
};
