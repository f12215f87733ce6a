//! The data law N(μ, Σ), reduced to what diagonal recursions need: a weighted multiset of
//! eigenvalues of Σ, with the mean in the eigenbasis.

mod condensed;

pub(crate) use condensed::bins;
pub use condensed::condensed;

use crate::numeric::written;
use std::sync::Arc;
use thiserror::Error;

/// Negative values down to `-ROUNDING · λmax` are rounding errors of an eigensolver (float32 leaves
/// about 1e-7) and count as zero.
const ROUNDING: f64 = 1e-6;

/// Rounding errors of eigenvalues have both signs; the largest may exceed the size of the most
/// negative one by this factor.
const SIGNS: f64 = 2.0;

/// Eigenvalues more negative than this fraction of `f32::EPSILON · λmax` were computed in float32,
/// whatever type they are stored in: float64 leaves less.
const SINGLE: f64 = 1e-3;

/// The size up to which eigenvalues count as rounding errors, given the lowest: 0 if that is not
/// negative, otherwise twice its size, and at least the rounding of float32 if it is too large for
/// float64.
pub fn rounding(lowest: f64, highest: f64) -> f64 {
    let single = f64::from(f32::EPSILON) * highest;
    match -lowest {
        size if size > SINGLE * single => (SIGNS * size).max(single),
        size if size > 0.0 => SIGNS * size,
        _ => 0.0,
    }
}

/// One eigenvalue of Σ with its multiplicity and the mean of the data along its eigenvectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// Eigenvalue λ ≥ 0, in squared data units.
    pub eigenvalue: f64,
    /// Number of eigenvectors that share it; any positive weight (a quadrature summary of a larger
    /// spectrum has fractional ones).
    pub multiplicity: f64,
    /// Mean of the data along each of these eigenvectors, in data units.
    pub mean: f64,
}

/// Something the user should know about the data; not an error.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Small negative eigenvalues were set to zero, with positive ones no larger than rounding.
    Clipped {
        /// Number of negative values.
        count: usize,
        /// The most negative of them.
        lowest: f64,
        /// Number of positive values.
        positive: usize,
        /// The largest eigenvalue.
        highest: f64,
    },
    /// Numbers that may not be eigenvalues.
    Doubtful {
        /// What is suspicious, and what they may be, in words.
        reason: String,
    },
    /// Eigenvalues from a quadrature: functions of the spectrum have errors beyond rounding.
    Quadrature {
        /// Functions of the spectrum with their errors, the total variance first.
        estimates: Vec<Estimate>,
    },
    /// The file holds 32-bit (or 16-bit) floats. Storing them loses only relative precision, but an
    /// eigensolver in the same precision loses small eigenvalues altogether.
    LowPrecision {
        /// The type found, as NumPy writes it.
        dtype: String,
        /// The smallest nonzero eigenvalue.
        lowest: f64,
        /// The largest eigenvalue.
        highest: f64,
    },
}

/// A function of a spectrum computed by quadrature, with its errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The function, in words.
    pub what: String,
    /// Its value.
    pub value: f64,
    /// Its standard error from the spread of the random vectors.
    pub probes: f64,
    /// How much the second half of the passes changed it.
    pub steps: f64,
}

impl Estimate {
    /// Both errors, relative to the value.
    pub fn relative_error(&self) -> f64 {
        let error = self.probes.hypot(self.steps);
        if error == 0.0 { 0.0 } else { error / self.value.abs() }
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Notice::Clipped { count, lowest, positive, highest } => {
                let plural = if *count == 1 { "" } else { "s" };
                write!(
                    f,
                    "{count} negative eigenvalue{plural} (lowest {lowest:e}, largest eigenvalue {highest:.6}) "
                )?;
                if *positive > 0 {
                    write!(f, "and {positive} positive of the same size ")?;
                }
                f.write_str("set to zero as rounding")
            }
            Notice::Doubtful { reason } => f.write_str(reason),
            Notice::Quadrature { estimates } => {
                f.write_str("a Lanczos quadrature, not the eigenvalues")?;
                for e in estimates {
                    write!(
                        f,
                        "; {} {:.6} ± {:.2} % (random vectors) ± {:.2} % (passes)",
                        e.what,
                        e.value,
                        100.0 * relative(e.probes, e.value),
                        100.0 * relative(e.steps, e.value)
                    )?;
                }
                f.write_str(
                    ". W2, KL and ranks depend on small eigenvalues, which it does not resolve: they may be off by more than that (use more --passes, or --method dense or gram)",
                )
            }
            Notice::LowPrecision { dtype, lowest, highest } => write!(
                f,
                "eigenvalues stored as {dtype}: if also computed in this type, those below about {:.1e} are rounding errors (smallest nonzero {lowest:e})",
                f64::from(f32::EPSILON) * highest
            ),
        }
    }
}

fn relative(error: f64, value: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / value.abs() }
}

/// Why eigenvalues, multiplicities and means do not form a spectrum.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum SpectrumError {
    /// There are no eigenvalues.
    #[error("no eigenvalues")]
    Empty,
    /// Two parallel lists have different lengths.
    #[error("{len} values of {what} for {expected} eigenvalues")]
    Length {
        /// "multiplicity" or "mean".
        what: &'static str,
        /// Its length.
        len: usize,
        /// The number of eigenvalues.
        expected: usize,
    },
    /// A value is NaN or infinite.
    #[error("{what} {index} is {}", written(.value))]
    NotFinite {
        /// "eigenvalue", "multiplicity" or "mean".
        what: &'static str,
        /// Position in the list, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// An eigenvalue is more negative than rounding explains.
    #[error(
        "eigenvalue {index} is {value:e}, too negative to be a rounding error (largest eigenvalue {highest:e}): not a covariance"
    )]
    Negative {
        /// Position in the list, from 0.
        index: usize,
        /// The value.
        value: f64,
        /// The largest eigenvalue.
        highest: f64,
    },
    /// A multiplicity is zero or negative.
    #[error("multiplicity {index} is {}, but multiplicities must be positive", written(.value))]
    Multiplicity {
        /// Position in the list, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
}

/// The spectrum of a Gaussian data law, sorted by eigenvalue, equal entries merged.
///
/// ```
/// use gaussmeter::spectrum::Spectrum;
/// let s = Spectrum::new("toy", "by hand", &[1.0, 0.0, 0.0, 0.25], None, None)?;
/// assert_eq!(s.modes().len(), 3);
/// assert_eq!(s.dim(), 4.0);
/// assert_eq!(s.trace(), 1.25);
/// assert_eq!(s.null_dim(), 2.0);
/// # Ok::<(), gaussmeter::spectrum::SpectrumError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Spectrum {
    name: String,
    provenance: String,
    modes: Arc<[Mode]>,
    eigenvalues: Vec<f64>,
    has_mean: bool,
    order: Arc<[usize]>,
    notices: Vec<Notice>,
    alternatives: Option<Arc<Alternatives>>,
}

/// The same law with the same words about it, in whatever order its eigenvalues were given.
impl PartialEq for Spectrum {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.provenance == other.provenance
            && self.modes == other.modes
            && self.notices == other.notices
            && self.alternatives == other.alternatives
    }
}

/// Spectra whose differences from a quadrature spectrum measure its errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternatives {
    /// Each without one of the random vectors.
    pub leave_one_out: Vec<Spectrum>,
    /// After half of the passes.
    pub halfway: Spectrum,
}

/// The quadrature error of a function of the spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard error from the spread of the random vectors (jackknife).
    pub probes: f64,
    /// How much the second half of the passes changed the value.
    pub steps: f64,
}

impl Spectrum {
    /// Checks, sorts and merges parallel lists of eigenvalues, multiplicities (1 if `None`) and
    /// means (0 if `None`). `provenance` says in one line where the numbers come from.
    ///
    /// Values in `[-1e-6 · λmax, 0)` are set to zero with a [`Notice`], as are positive ones up to
    /// the size that [`rounding`] derives from the lowest: rounding errors have both signs.
    ///
    /// # Errors
    /// [`SpectrumError`]: empty or unequal lists, values that are not finite, eigenvalues more
    /// negative than rounding, multiplicities that are not positive.
    pub fn new(
        name: impl Into<String>,
        provenance: impl Into<String>,
        eigenvalues: &[f64],
        multiplicities: Option<&[f64]>,
        means: Option<&[f64]>,
    ) -> Result<Self, SpectrumError> {
        Self::rounded(name, provenance, (eigenvalues, multiplicities, means), 0.0)
    }

    /// [`Spectrum::new`] for eigenvalues computed with a relative rounding error of `epsilon`: if
    /// some are negative, positive ones up to `epsilon · λmax` are set to zero too.
    ///
    /// # Errors
    /// [`SpectrumError`]
    pub fn rounded(
        name: impl Into<String>,
        provenance: impl Into<String>,
        (eigenvalues, multiplicities, means): (&[f64], Option<&[f64]>, Option<&[f64]>),
        epsilon: f64,
    ) -> Result<Self, SpectrumError> {
        let expected = eigenvalues.len();
        if expected == 0 {
            return Err(SpectrumError::Empty);
        }
        for (what, list) in [("multiplicity", multiplicities), ("mean", means)] {
            if let Some(len) = list.map(<[f64]>::len).filter(|len| *len != expected) {
                return Err(SpectrumError::Length { what, len, expected });
            }
        }
        for (what, list) in
            [("eigenvalue", Some(eigenvalues)), ("multiplicity", multiplicities), ("mean", means)]
        {
            let list = list.unwrap_or(&[]);
            if let Some(index) = list.iter().position(|v| !v.is_finite()) {
                return Err(SpectrumError::NotFinite { what, index, value: list[index] });
            }
        }
        if let Some((index, &value)) =
            multiplicities.unwrap_or(&[]).iter().enumerate().find(|(_, m)| **m <= 0.0)
        {
            return Err(SpectrumError::Multiplicity { index, value });
        }

        let highest = eigenvalues.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let floor = -ROUNDING.max(32.0 * epsilon) * highest.max(0.0);
        if let Some((index, &value)) = eigenvalues.iter().enumerate().find(|(_, v)| **v < floor) {
            return Err(SpectrumError::Negative { index, value, highest });
        }
        let negative = eigenvalues.iter().filter(|v| **v < 0.0);
        let lowest = negative.clone().copied().fold(0.0, f64::min);
        let mut notices = Vec::new();
        let small = match lowest < 0.0 {
            true => rounding(lowest, highest).max(epsilon * highest),
            false => 0.0,
        };
        if lowest < 0.0 {
            let positive = eigenvalues.iter().filter(|v| 0.0 < **v && **v <= small).count();
            notices.push(Notice::Clipped { count: negative.count(), lowest, positive, highest });
        }

        let given: Vec<Mode> = (0..expected)
            .map(|i| Mode {
                // `+ 0.0` turns the -0.0 of published files into 0.0.
                eigenvalue: if eigenvalues[i] <= small { 0.0 } else { eigenvalues[i] } + 0.0,
                multiplicity: multiplicities.map_or(1.0, |m| m[i]),
                mean: means.map_or(0.0, |m| m[i]) + 0.0,
            })
            .collect();
        let mut order: Vec<usize> = (0..expected).collect();
        order.sort_by(|&i, &j| {
            let (a, b) = (&given[i], &given[j]);
            a.eigenvalue.total_cmp(&b.eigenvalue).then(a.mean.total_cmp(&b.mean))
        });
        let mut modes: Vec<Mode> = order.iter().map(|&i| given[i]).collect();
        modes.dedup_by(|next, kept| {
            let equal = next.eigenvalue == kept.eigenvalue && next.mean == kept.mean;
            if equal {
                kept.multiplicity += next.multiplicity;
            }
            equal
        });
        Ok(Spectrum {
            name: name.into(),
            provenance: provenance.into(),
            eigenvalues: modes.iter().map(|m| m.eigenvalue).collect(),
            has_mean: modes.iter().any(|m| m.mean != 0.0),
            modes: modes.into(),
            order: order.into(),
            notices,
            alternatives: None,
        })
    }

    /// The same modes, one by one, with eigenvalues times a positive factor.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        let modes = self.modes.iter();
        scaled.modes = modes.map(|m| Mode { eigenvalue: factor * m.eigenvalue, ..*m }).collect();
        scaled.eigenvalues = scaled.modes.iter().map(|m| m.eigenvalue).collect();
        scaled
    }

    /// Other modes under the same name, as they stand: neither sorted nor merged.
    pub(crate) fn with_modes(&self, modes: Vec<Mode>) -> Self {
        Spectrum {
            name: self.name.clone(),
            provenance: self.provenance.clone(),
            eigenvalues: modes.iter().map(|m| m.eigenvalue).collect(),
            has_mean: modes.iter().any(|m| m.mean != 0.0),
            modes: modes.into(),
            order: self.order.clone(),
            notices: Vec::new(),
            alternatives: None,
        }
    }

    /// Adds a notice about where the numbers come from.
    pub fn with_notice(mut self, notice: Notice) -> Self {
        self.notices.push(notice);
        self
    }

    /// Adds the spectra that measure the errors of a quadrature.
    pub fn with_alternatives(mut self, alternatives: Alternatives) -> Self {
        self.alternatives = Some(Arc::new(alternatives));
        self
    }

    /// The spectra that measure the errors of a quadrature, if it is one.
    pub fn alternatives(&self) -> Option<&Alternatives> {
        self.alternatives.as_deref()
    }

    /// The quadrature error of a function of the spectrum, such as W2 of a sampler; `None` if the
    /// spectrum has no quadrature errors.
    pub fn spread(&self, function: impl Fn(&Spectrum) -> f64) -> Option<Spread> {
        let Alternatives { leave_one_out, halfway } = &**self.alternatives.as_ref()?;
        let parts: Vec<f64> = leave_one_out.iter().map(&function).collect();
        let count = parts.len() as f64;
        let mean = parts.iter().sum::<f64>() / count;
        let squares: f64 = parts.iter().map(|p| (p - mean) * (p - mean)).sum();
        let probes = (squares * (count - 1.0) / count).sqrt();
        let steps = (function(self) - function(halfway)).abs();
        // Differences of infinite values have no size.
        (probes.is_finite() && steps.is_finite()).then_some(Spread { probes, steps })
    }

    /// Short name, for headings.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Where the numbers come from, in one line.
    pub fn provenance(&self) -> &str {
        &self.provenance
    }
    /// Distinct modes in increasing order of eigenvalue.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }
    /// The eigenvalues of [`Spectrum::modes`], in the same order.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }
    /// The modes, shared with the laws that are computed on them.
    pub(crate) fn shared_modes(&self) -> Arc<[Mode]> {
        self.modes.clone()
    }
    /// For each entry of the lists that the spectrum was made of, sorted as its modes are: its position
    /// in those lists. Entries that were merged into one mode stand side by side.
    pub fn order(&self) -> &[usize] {
        &self.order
    }
    /// Whether any mean is nonzero.
    pub fn has_mean(&self) -> bool {
        self.has_mean
    }
    /// What the user should know about the data.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
    /// Dimension of the data space: the sum of multiplicities.
    pub fn dim(&self) -> f64 {
        self.modes.iter().map(|m| m.multiplicity).sum()
    }
    /// Total variance: trace of Σ, in squared data units.
    pub fn trace(&self) -> f64 {
        self.modes.iter().map(|m| m.multiplicity * m.eigenvalue).sum()
    }
    /// Dimension of the null space of Σ.
    pub fn null_dim(&self) -> f64 {
        // An empty sum of floats is -0.0.
        let null = self.modes.iter().filter(|m| m.eigenvalue == 0.0);
        null.map(|m| m.multiplicity).sum::<f64>() + 0.0
    }
    /// Smallest eigenvalue.
    pub fn lowest(&self) -> f64 {
        self.modes.first().map_or(0.0, |m| m.eigenvalue)
    }
    /// Largest eigenvalue.
    pub fn highest(&self) -> f64 {
        self.modes.last().map_or(0.0, |m| m.eigenvalue)
    }
    /// Sum of `multiplicity · term(mode)` over the modes, infinite as soon as one term is.
    pub fn sum(&self, mut term: impl FnMut(usize, &Mode) -> f64) -> f64 {
        self.modes.iter().enumerate().map(|(i, m)| m.multiplicity * term(i, m)).sum()
    }
}
