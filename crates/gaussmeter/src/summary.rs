//! A spectrum in a few numbers.
//!
//! Everything here depends only on eigenvalues and multiplicities, which may be fractional:
//! splitting a mode into equal ones changes nothing.

use crate::spectrum::Spectrum;
use thiserror::Error;

/// The shares of the total variance, in percent, for which modes are counted.
pub const SHARES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

/// The percentiles reported.
pub const PERCENTS: [f64; 9] = [0.0, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 100.0];

/// Least number of nonzero modes for a power-law fit: the ranks used then span a decade.
const LEAST_RANK: f64 = 100.0;

/// Least number of distinct eigenvalues for a power-law fit.
const LEAST_LEVELS: usize = 8;

/// Below this R² a power law does not describe the spectrum.
const LEAST_R_SQUARED: f64 = 0.9;

/// Relative tolerance for equal sums of multiplicities.
const ROUNDING: f64 = 1e-12;

/// A spectrum in a few numbers. Eigenvalues are variances, in squared data units.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Dimension d of the data space.
    pub dim: f64,
    /// Number of distinct eigenvalues, zero included.
    pub distinct: usize,
    /// Number of modes with a nonzero eigenvalue.
    pub rank: f64,
    /// Dimension of the null space.
    pub null_dim: f64,
    /// Total variance tr Σ.
    pub trace: f64,
    /// tr Σ / d.
    pub trace_per_dim: f64,
    /// Euclidean norm of the mean, in data units.
    pub mean_norm: f64,
    /// Largest eigenvalue.
    pub highest: f64,
    /// Smallest nonzero eigenvalue; `None` if all are zero.
    pub lowest_nonzero: Option<f64>,
    /// λmax / λmin, infinite if there are null modes; `None` if all modes are null.
    pub condition: Option<f64>,
    /// λmax / λmin⁺: the condition number within the range of Σ.
    pub condition_nonzero: Option<f64>,
    /// How many modes the variance is spread over; `None` without variance.
    pub effective_ranks: Option<EffectiveRanks>,
    /// For each of [`SHARES`], the least whole number of modes that hold it; empty without
    /// variance.
    pub variance_modes: Vec<(f64, f64)>,
    /// For each of [`PERCENTS`] p, the smallest eigenvalue λ such that at least p percent of the
    /// modes have eigenvalues of at most λ.
    pub percentiles: Vec<(f64, f64)>,
    /// Decay of the spectrum, if it follows a power law.
    pub power_law: Result<PowerLaw, NoPowerLaw>,
}

/// How many modes the variance is spread over. With p = λ / tr Σ these are the Rényi entropies of p
/// of orders 1, 2 and ∞, exponentiated: hence
/// `stable_rank` ≤ `participation_ratio` ≤ `entropy_rank` ≤ rank, with equality for equal
/// eigenvalues. All are at least 1 if the largest eigenvalue has multiplicity 1 or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectiveRanks {
    /// exp(−Σ p ln p). Roy & Vetterli, "The effective rank: a measure of effective dimensionality",
    /// EUSIPCO 2007.
    pub entropy_rank: f64,
    /// (tr Σ)² / tr Σ². Bell & Dean, "Atomic vibrations in vitreous silica", Discuss. Faraday Soc.
    /// 50 (1970); as a dimension of data Gao et al., "A theory of multineuronal dimensionality,
    /// dynamics and measurement", bioRxiv 214262 (2017).
    pub participation_ratio: f64,
    /// tr Σ / λmax: ‖A‖²_F / ‖A‖²₂ for a root A of Σ. Rudelson & Vershynin, "Sampling from large
    /// matrices", J. ACM 54 (2007); for Σ itself also called effective rank (Vershynin,
    /// "High-dimensional probability", 2018, section 5.6) or intrinsic dimension (Tropp, "An
    /// introduction to matrix concentration inequalities", 2015, section 7.1).
    pub stable_rank: f64,
}

/// λₖ ∝ k^(−exponent), where k is the rank of an eigenvalue, the largest first: a least-squares
/// line through (ln k, ln λₖ), with equal weight for every part of the logarithmic rank axis. It is
/// fitted to the middle half of that axis, from r^¼ to r^¾, where r is the rank of Σ: the first
/// modes and the tail follow laws of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The exponent; positive.
    pub exponent: f64,
    /// Share of the variance of ln λₖ that the line explains.
    pub r_squared: f64,
    /// The first rank used.
    pub first: f64,
    /// The last rank used.
    pub last: f64,
}

/// Why a power law does not describe the spectrum.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum NoPowerLaw {
    /// Too few modes.
    #[error("{rank} nonzero modes are fewer than {LEAST_RANK}")]
    Rank {
        /// Their number.
        rank: f64,
    },
    /// Too few distinct eigenvalues.
    #[error(
        "ranks {first} to {last} have {distinct} distinct eigenvalues, fewer than {LEAST_LEVELS}"
    )]
    Distinct {
        /// Their number.
        distinct: usize,
        /// The first rank used.
        first: f64,
        /// The last rank used.
        last: f64,
    },
    /// The fit is poor.
    #[error(
        "over ranks {first} to {last} a power law has R² = {r_squared:.3}, below {LEAST_R_SQUARED}"
    )]
    Poor {
        /// Share of the variance of ln λₖ that the best line explains.
        r_squared: f64,
        /// The first rank used.
        first: f64,
        /// The last rank used.
        last: f64,
    },
}

/// A distinct eigenvalue.
#[derive(Clone, Copy)]
struct Level {
    eigenvalue: f64,
    multiplicity: f64,
    /// Number of modes with larger eigenvalues.
    above: f64,
}

/// Distinct eigenvalues, the largest first.
fn levels(spectrum: &Spectrum) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let mut above = 0.0;
    for mode in spectrum.modes().iter().rev() {
        let (eigenvalue, multiplicity) = (mode.eigenvalue, mode.multiplicity);
        match levels.last_mut() {
            Some(last) if last.eigenvalue == eigenvalue => last.multiplicity += multiplicity,
            _ => levels.push(Level { eigenvalue, multiplicity, above }),
        }
        above += multiplicity;
    }
    levels
}

/// (k, λₖ) for the nonzero eigenvalues, the largest first: both ends of each run of equal ones. The
/// j-th mode of a spectrum has rank j; a mode of fractional multiplicity below 1 has the middle of
/// the ranks it covers.
///
/// ```
/// use gaussmeter::{spectrum::Spectrum, summary::ranked};
/// let s = Spectrum::new("toy", "by hand", &[4.0, 0.5, 0.0], Some(&[1.0, 3.0, 2.0]), None)?;
/// assert_eq!(ranked(&s), [(1.0, 4.0), (2.0, 0.5), (4.0, 0.5)]);
/// # Ok::<(), gaussmeter::spectrum::SpectrumError>(())
/// ```
pub fn ranked(spectrum: &Spectrum) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for level in levels(spectrum).iter().filter(|l| l.eigenvalue > 0.0) {
        let (first, last) = (level.above + 1.0, level.above + level.multiplicity);
        match first < last {
            true => points.extend([(first, level.eigenvalue), (last, level.eigenvalue)]),
            false => points.push((level.middle().max(1.0), level.eigenvalue)),
        }
    }
    points
}

impl Level {
    /// The middle of its ranks.
    fn middle(&self) -> f64 {
        self.above + (self.multiplicity + 1.0) / 2.0
    }
}

impl Summary {
    /// The summary of a spectrum.
    ///
    /// ```
    /// use gaussmeter::{data, summary::Summary};
    /// let summary = Summary::of(&data::load("white:d=10")?);
    /// let ranks = summary.effective_ranks.ok_or("no variance")?;
    /// assert_eq!((ranks.stable_rank, ranks.participation_ratio), (10.0, 10.0));
    /// assert_eq!(summary.condition, Some(1.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(spectrum: &Spectrum) -> Self {
        let levels = levels(spectrum);
        // Relative to the largest of each, sums neither overflow nor vanish.
        let highest = spectrum.highest();
        let most = levels.iter().map(|l| l.multiplicity).fold(0.0, f64::max);
        let relative: Vec<(f64, f64)> = levels
            .iter()
            .map(|l| {
                (l.multiplicity / most, if highest > 0.0 { l.eigenvalue / highest } else { 0.0 })
            })
            .collect();
        let sum = |term: fn(f64) -> f64| relative.iter().map(|(w, x)| w * term(*x)).sum::<f64>();
        let (weight, trace) = (sum(|_| 1.0), sum(|x| x));

        let lowest_nonzero = levels.iter().rev().map(|l| l.eigenvalue).find(|v| *v > 0.0);
        let is_zero = lowest_nonzero.is_none();
        let entropy = sum(|x| if x > 0.0 { -x * x.ln() } else { 0.0 });
        let effective_ranks = (!is_zero).then(|| EffectiveRanks {
            entropy_rank: most * trace * (entropy / trace).exp(),
            participation_ratio: most * trace * (trace / sum(|x| x * x)),
            stable_rank: most * trace,
        });
        let held = |share: f64| {
            let target = share / 100.0 * trace;
            let mut before = 0.0;
            for (level, (w, x)) in levels.iter().zip(&relative) {
                if before + w * x >= target * (1.0 - ROUNDING) {
                    let modes = level.above + most * (target - before) / x;
                    return (modes * (1.0 - ROUNDING)).ceil().max(1.0);
                }
                before += w * x;
            }
            spectrum.dim()
        };
        let percentile = |percent: f64| {
            let mut below = 0.0;
            let mut increasing = levels.iter().zip(&relative).rev();
            let level = increasing.find(|(_, (w, _))| {
                below += w;
                below >= percent / 100.0 * weight * (1.0 - ROUNDING)
            });
            level.map_or(highest, |(l, _)| l.eigenvalue)
        };
        Summary {
            dim: spectrum.dim(),
            distinct: levels.len(),
            rank: rank(&levels),
            null_dim: spectrum.null_dim(),
            trace: spectrum.trace(),
            trace_per_dim: highest * (trace / weight),
            mean_norm: spectrum.sum(|_, m| m.mean * m.mean).sqrt(),
            highest,
            lowest_nonzero,
            condition: (!is_zero).then(|| highest / spectrum.lowest()),
            condition_nonzero: lowest_nonzero.map(|lowest| highest / lowest),
            effective_ranks,
            variance_modes: match is_zero {
                true => Vec::new(),
                false => SHARES.map(|share| (share, held(share))).into(),
            },
            percentiles: PERCENTS.map(|percent| (percent, percentile(percent))).into(),
            power_law: power_law(&levels),
        }
    }
}

fn rank(levels: &[Level]) -> f64 {
    let nonzero = levels.iter().filter(|l| l.eigenvalue > 0.0);
    // An empty sum of floats is -0.0.
    nonzero.map(|l| l.multiplicity).sum::<f64>() + 0.0
}

fn power_law(levels: &[Level]) -> Result<PowerLaw, NoPowerLaw> {
    let rank = rank(levels);
    if rank < LEAST_RANK * (1.0 - ROUNDING) {
        return Err(NoPowerLaw::Rank { rank });
    }
    let (first, last) = (rank.powf(0.25).ceil(), rank.powf(0.75).floor());
    let used: Vec<(f64, f64, f64)> = levels
        .iter()
        .filter(|l| l.eigenvalue > 0.0 && (first..=last).contains(&l.middle()))
        .map(|l| {
            let (start, end) = (l.above + 0.5, l.above + l.multiplicity + 0.5);
            ((end / start).ln(), l.middle().ln(), l.eigenvalue.ln())
        })
        .collect();
    if used.len() < LEAST_LEVELS {
        return Err(NoPowerLaw::Distinct { distinct: used.len(), first, last });
    }
    let weight: f64 = used.iter().map(|(w, ..)| w).sum();
    let mean = |value: &dyn Fn(f64, f64) -> f64| {
        used.iter().map(|(w, x, y)| w * value(*x, *y)).sum::<f64>() / weight
    };
    let (x, y) = (mean(&|x, _| x), mean(&|_, y| y));
    let xx = mean(&|u, _| (u - x) * (u - x));
    let xy = mean(&|u, v| (u - x) * (v - y));
    let yy = mean(&|_, v| (v - y) * (v - y));
    let r_squared = xy / xx * (xy / yy);
    match r_squared >= LEAST_R_SQUARED {
        true => Ok(PowerLaw { exponent: -xy / xx, r_squared, first, last }),
        false => Err(NoPowerLaw::Poor { r_squared, first, last }),
    }
}
