//! From samples to the eigenvalues of their covariance, by the method that suits their number and
//! dimension.

mod channels;
mod dense;
mod file;
mod given;
mod gram;
mod lanczos;

pub use channels::Channel;
pub use file::save_spectrum;
pub use given::GivenCovariance;
pub(crate) use given::{NEARLY, asymmetry, symmetric};
pub use lanczos::{Estimate, LanczosOptions, Quadrature};

use crate::basis::{BasisError, DenseBasis, LowRankBasis};
use crate::memory::Memory;
use crate::moments::{MAX_DIM, Moments, MomentsError};
use crate::npz::FileError;
use crate::samples::{InMemory, Samples, SamplesError, Scale, dim};
use gaussmeter::basis::Basis;
use gaussmeter::numeric::linear_algebra::{Matrix, MatrixError};
use gaussmeter::spectrum::{self, Spectrum, SpectrumError};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// A spectrum cannot be computed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecompositionError {
    /// The samples cannot be read, or there are none.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The covariance cannot be formed.
    #[error(transparent)]
    Moments(#[from] MomentsError),
    /// The eigensolver failed, or its result did not pass the checks.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// The eigenvalues do not form a spectrum.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
    /// The eigenvectors do not form a basis.
    #[error(transparent)]
    Basis(#[from] BasisError),
    /// The eigenvalues do not add up to the trace of the covariance.
    #[error("eigenvalues add up to {found:e}, but the total variance is {expected:e}")]
    Trace {
        /// Sum of the eigenvalues.
        found: f64,
        /// Sum of the variances of the coordinates.
        expected: f64,
    },
    /// What was given is no mean and covariance.
    #[error("not a covariance: {reason}")]
    NotCovariance {
        /// What is wrong with it.
        reason: String,
    },
    /// The method finds no eigenvectors.
    #[error("method '{method}' gives no basis: use 'dense' or 'gram', or leave the basis out")]
    NoBasis {
        /// The method.
        method: Method,
    },
    /// The Gram matrix would not fit into memory.
    #[error(
        "{count} samples are above {MAX_DIM}, the largest Gram matrix: use 'dense' or 'lanczos'"
    )]
    TooManyForGram {
        /// Number of samples.
        count: u64,
    },
    /// Samples, or vectors of their length, need more memory than allowed.
    #[error("method {method}: {reason}")]
    Memory {
        /// The method.
        method: Method,
        /// What takes how much.
        reason: String,
    },
    /// An option is too small.
    #[error("lanczos: {name} = {value}, but it must be at least {least}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: usize,
        /// The least admissible value.
        least: usize,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// How eigenvalues are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// All eigenvalues and eigenvectors of the d×d covariance.
    Dense,
    /// All nonzero eigenvalues, from the n×n matrix of inner products of the centred samples.
    Gram,
    /// A quadrature of the spectral measure, from products of the covariance with random vectors.
    Lanczos,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Dense => "dense",
            Method::Gram => "gram",
            Method::Lanczos => "lanczos",
        })
    }
}

/// A method, and why it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodChoice {
    /// The method.
    pub method: Method,
    /// The reason, in words.
    pub reason: String,
}

/// Chooses the method for `count` samples (if known) of dimension `dim`: the one with the smaller
/// matrix, or Lanczos if both are too large.
///
/// ```
/// use gaussmeter_data::{Method, choose};
/// assert_eq!(choose(Some(50_000), 3072).method, Method::Dense);
/// assert_eq!(choose(Some(1000), 196_608).method, Method::Gram);
/// assert_eq!(choose(Some(100_000), 196_608).method, Method::Lanczos);
/// assert_eq!(choose(None, 3072).method, Method::Dense);
/// ```
pub fn choose(count: Option<u64>, dim: usize) -> MethodChoice {
    let few = count.filter(|n| *n < dim as u64);
    let (method, reason) = match few {
        Some(n) if n <= MAX_DIM as u64 => (
            Method::Gram,
            format!(
                "{n} samples are fewer than {dim} dimensions: at most {} eigenvalues are not zero",
                n.saturating_sub(1)
            ),
        ),
        _ if dim <= MAX_DIM => {
            (Method::Dense, format!("the {dim}x{dim} covariance fits into memory"))
        }
        _ => {
            let samples = count.map_or("an unknown number of".into(), |n| n.to_string());
            let reason = format!(
                "{samples} samples of dimension {dim}: both matrices are above {MAX_DIM}x{MAX_DIM}"
            );
            (Method::Lanczos, reason)
        }
    };
    MethodChoice { method, reason }
}

/// Options of [`decompose`].
#[derive(Clone, Debug)]
pub struct DecomposeOptions {
    /// The method; chosen by [`choose`] if `None`.
    pub method: Option<Method>,
    /// Whether to keep eigenvectors: [`Method::Dense`] keeps all, [`Method::Gram`] those of nonzero
    /// eigenvalues. [`Method::Lanczos`] has none.
    pub basis: bool,
    /// Bytes that samples and vectors of their length may take: all samples for [`Method::Gram`]; the
    /// vectors of all steps for [`Method::Lanczos`], which reads the samples once per step (see
    /// [`crate::samples::Cached`]). Square matrices, of dimension up to [`MAX_DIM`], come on top.
    pub memory: u64,
    /// Options of [`Method::Lanczos`].
    pub lanczos: LanczosOptions,
}

impl Default for DecomposeOptions {
    fn default() -> Self {
        let (method, basis, memory) = (None, false, 2 << 30);
        DecomposeOptions { method, basis, memory, lanczos: LanczosOptions::default() }
    }
}

/// Relative errors of a decomposition, measured on the result.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Checks {
    /// |Σ λ − tr Σ| / tr Σ.
    pub trace: f64,
    /// ‖(E Eᵀ − 1) x‖ / ‖x‖ for a random x, where the rows of E are the eigenvectors found.
    pub orthogonality: f64,
    /// ‖(M − Eᵀ Λ E) x‖ / (λmax ‖x‖) for a random x, where M is the decomposed matrix. For
    /// Lanczos, how far Σ restricted to the Krylov space is from symmetric.
    pub residual: f64,
}

/// The covariance of a data set, decomposed.
///
/// Entry k of `eigenvalues`, `multiplicities` and `means` belongs to the same eigenvalue. Eigenvalues
/// that must be zero are exactly zero: those of constant coordinates, those beyond n − 1, and those
/// that rounding cannot tell from zero (d ε λmax).
#[derive(Clone, Debug)]
pub struct Decomposition {
    /// What the data are.
    pub description: String,
    /// Shape of a data vector.
    pub shape: Vec<usize>,
    /// How stored values become data.
    pub scale: Scale,
    /// Number of data vectors, n; `None` if only their covariance is known.
    pub count: Option<u64>,
    /// How the eigenvalues were found.
    pub method: Method,
    /// Why this method.
    pub reason: String,
    /// Eigenvalues, in squared data units.
    pub eigenvalues: Vec<f64>,
    /// Multiplicities, which add up to d; all 1 if `None`.
    pub multiplicities: Option<Vec<f64>>,
    /// Mean of the data along each eigenvector, in data units. With a multiplicity, along each
    /// eigenvector of that eigenvalue.
    pub means: Vec<f64>,
    /// Mean of the data, coordinate by coordinate.
    pub mean: Vec<f64>,
    /// Mean and standard deviation of the values of each channel.
    pub channels: Vec<Channel>,
    /// Total variance, tr Σ, from the variances of the coordinates.
    pub trace: f64,
    /// Bound on the rounding errors of eigenvalues.
    pub rounding: f64,
    /// Number of nonzero eigenvalues; `None` if the method does not find it.
    pub rank: Option<usize>,
    /// Errors measured on the result.
    pub checks: Checks,
    /// Eigenvectors, one per row, if asked for: those of the first eigenvalues. If there are fewer than
    /// d, the other eigenvalues are zero.
    pub basis: Option<Matrix>,
    /// Whether the mean was left out.
    pub centred: bool,
    /// Errors of a method that has others than rounding.
    pub quadrature: Option<Quadrature>,
}

/// Computes the spectrum of the covariance of samples.
///
/// # Errors
/// [`DecompositionError`]
pub fn decompose(
    samples: &mut dyn Samples,
    options: &DecomposeOptions,
) -> Result<Decomposition, DecompositionError> {
    let dim = dim(samples.shape())?;
    let choice = match options.method {
        Some(method) => MethodChoice { method, reason: "as asked".into() },
        None => choose(samples.size_hint(), dim),
    };
    if options.basis && choice.method == Method::Lanczos {
        return Err(DecompositionError::NoBasis { method: choice.method });
    }
    check_memory(samples, choice.method, options)?;
    let mut decomposition = match choice.method {
        Method::Dense => Decomposition::of_moments(&mut Moments::of(samples)?, options.basis)?,
        Method::Gram => {
            gram::decompose(&InMemory::collect(samples, options.memory)?, options.basis)?
        }
        Method::Lanczos => lanczos::decompose(samples, &options.lanczos)?,
    };
    decomposition.reason = choice.reason;
    Ok(decomposition)
}

/// Refuses what needs more memory than allowed, before any is allocated.
fn check_memory(
    samples: &dyn Samples,
    method: Method,
    options: &DecomposeOptions,
) -> Result<(), DecompositionError> {
    let dim = dim(samples.shape())? as u128;
    let count = samples.size_hint().unwrap_or(1);
    let refused = |reason| DecompositionError::Memory { method, reason };
    let memory = Memory(options.memory);
    match method {
        Method::Dense => Ok(()),
        Method::Gram => {
            let width = if samples.is_bytes() == Some(false) { 8 } else { 1 };
            let needed = dim * (u128::from(count) * width + 8 * GRAM_VECTORS);
            let samples = if count == 1 { "sample" } else { "samples" };
            let what = format_args!("{count} {samples} of {dim} values, with their mean,");
            memory.check(needed, what).map_err(refused)
        }
        Method::Lanczos => {
            let needed = options.lanczos.memory(samples.size_hint(), dim);
            let memory = Memory(options.memory.max(SMALL));
            let what = format_args!("a Krylov space of vectors of {dim} values");
            memory
                .check(needed, what)
                .map_err(|e| refused(format!("{e}, or ask for fewer --passes")))
        }
    }
}

/// Bytes that the vectors of [`Method::Lanczos`] may always take.
pub(crate) const SMALL: u64 = 1 << 26;

/// Vectors as long as a sample that [`Method::Gram`] needs besides: the mean, its parts, and sums.
const GRAM_VECTORS: u128 = 6;

/// Bytes that every method needs at least per value of a sample, however few samples there are.
pub(crate) const LEAST: u128 = 8 * GRAM_VECTORS;

impl Decomposition {
    /// Decomposes the covariance of accumulated moments; keeps eigenvectors if `basis`.
    ///
    /// Eigenvectors are always computed, because the mean is needed along them. At d = 3072 that takes
    /// a third more time than eigenvalues alone (4.7 s instead of 3.4 s on one core).
    ///
    /// # Errors
    /// [`DecompositionError`]
    pub fn of_moments(moments: &mut Moments, basis: bool) -> Result<Self, DecompositionError> {
        dense::of_moments(moments, basis)
    }

    /// Decomposes a covariance that was computed elsewhere; keeps eigenvectors if `basis`.
    ///
    /// # Errors
    /// [`DecompositionError`]
    pub fn of_covariance(given: GivenCovariance, basis: bool) -> Result<Self, DecompositionError> {
        let GivenCovariance { description, mean, covariance, number } = given;
        let (shape, scale) = (vec![mean.len()], Scale::IDENTITY);
        let roundoff = number.roundoff();
        let about = dense::About { description, shape, scale, count: None, roundoff };
        dense::decompose(about, mean, covariance, basis)
    }

    /// The same covariance with mean zero.
    pub fn centred(mut self) -> Self {
        self.means.fill(0.0);
        self.mean.fill(0.0);
        self.channels.iter_mut().for_each(|c| *c = c.centred());
        self.centred = true;
        self
    }

    /// The spectrum, with the description as its name, and with its provenance.
    ///
    /// # Errors
    /// [`SpectrumError`]
    pub fn spectrum(&self) -> Result<Spectrum, SpectrumError> {
        Spectrum::new(
            &self.description,
            self.provenance(),
            &self.eigenvalues,
            self.multiplicities.as_deref(),
            Some(&self.means),
        )
    }

    /// Where the eigenvalues come from, in one line.
    pub fn provenance(&self) -> String {
        let rank = self.rank.map_or(String::new(), |rank| format!(", rank {rank}"));
        let samples = self.count.map_or("covariance of data".into(), |n| format!("{n} samples"));
        let mean = if self.centred { ", mean left out" } else { "" };
        format!(
            "{}: {samples} of shape {:?}, {}, {}{rank}{mean}",
            self.description, self.shape, self.scale, self.method
        )
    }

    /// The eigenvectors as a basis, if they were kept.
    ///
    /// # Errors
    /// [`BasisError`]
    pub fn into_basis(self) -> Result<Option<Arc<dyn Basis>>, BasisError> {
        let Decomposition { shape, mut eigenvalues, mut means, mean, basis, .. } = self;
        let Some(rows) = basis else { return Ok(None) };
        eigenvalues.truncate(rows.rows());
        means.truncate(rows.rows());
        stored_basis(&shape, eigenvalues, means, &mean, rows).map(Some)
    }
}

/// The basis of eigenvectors, one per row, with the eigenvalue and the mean along each and the mean of
/// the data in data space.
pub(crate) fn stored_basis(
    shape: &[usize],
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
    mean: &[f64],
    rows: Matrix,
) -> Result<Arc<dyn Basis>, BasisError> {
    Ok(match rows.rows() < rows.columns() {
        true => Arc::new(LowRankBasis::new(shape, eigenvalues, mean, rows)?),
        false => Arc::new(DenseBasis::new(shape, eigenvalues, means, rows)?),
    })
}

/// Sets to zero the values that rounding cannot tell from zero, and the smallest ones beyond the
/// largest possible rank. Values increase. Returns the rank and the bound on rounding, which is at
/// least what negative values show (see [`spectrum::rounding`]).
fn clean(
    values: &mut [f64],
    rounding: f64,
    max_rank: usize,
) -> Result<(usize, f64), SpectrumError> {
    let highest = values.last().copied().unwrap_or(0.0);
    let lowest = values.first().copied().unwrap_or(0.0);
    if lowest < -(1e-6 * highest.abs()).max(NEGATIVE * rounding) {
        return Err(SpectrumError::Negative { index: 0, value: lowest, highest });
    }
    let rounding = rounding.max(spectrum::rounding(lowest, highest));
    let null = values.len().saturating_sub(max_rank);
    let small = values.partition_point(|v| *v <= rounding).max(null);
    values[..small].fill(0.0);
    Ok((values.len() - small, rounding))
}

/// How far below zero the eigenvalues of a stored covariance may lie, in units of the rounding of its
/// entries: it was also computed with that rounding.
const NEGATIVE: f64 = 32.0;

/// |found − expected| / expected; an error if it is more than rounding explains.
fn check_trace(found: f64, expected: f64) -> Result<f64, DecompositionError> {
    let error = if found == expected { 0.0 } else { ((found - expected) / expected).abs() };
    match error < 1e-9 {
        true => Ok(error),
        false => Err(DecompositionError::Trace { found, expected }),
    }
}
