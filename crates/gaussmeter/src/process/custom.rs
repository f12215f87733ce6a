use super::{Level, Process};
use crate::data::{DataError, format, read_columns};
use crate::entry::{Entry, Kind, Parameter};
use crate::numeric::written;
use std::path::Path;
use thiserror::Error;

/// A process given by α and σ at some times: between them α and σ² are cubics that are monotone where
/// the values are, so that the signal-to-noise ratio decreases throughout.
///
/// Slopes at the given times are those of parabolas through three of them, within three times the
/// smaller neighbouring slope (Fritsch & Carlson 1980): what lies between is of third order.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    t: Vec<f64>,
    /// α with its slopes.
    alpha: Monotone,
    /// σ² with its slopes.
    variance: Monotone,
}

/// Values that do not make a process.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CustomError {
    /// The lists do not belong together.
    #[error("{t} times, {alpha} values of alpha and {sigma} of sigma: they must be as many")]
    Length {
        /// Number of times.
        t: usize,
        /// Number of α.
        alpha: usize,
        /// Number of σ.
        sigma: usize,
    },
    /// Too few rows to interpolate.
    #[error("{rows} rows are too few: at least 3 are needed")]
    TooShort {
        /// Their number.
        rows: usize,
    },
    /// It does not start with the data.
    #[error(
        "starts with t = {}, alpha = {}, sigma = {}: the first row is the data, t = 0, alpha = 1, sigma = 0", written(.t), written(.alpha), written(.sigma))]
    Start {
        /// First time.
        t: f64,
        /// First α.
        alpha: f64,
        /// First σ.
        sigma: f64,
    },
    /// A value is negative or not a number, a time does not increase, or noise does not.
    #[error(
        "row {row}: t = {}, alpha = {}, sigma = {} after {before:?}: t must increase, alpha not increase, sigma not decrease, and one of them change", written(.t), written(.alpha), written(.sigma))]
    NotMonotone {
        /// The row, from 0.
        row: usize,
        /// Its time.
        t: f64,
        /// Its α.
        alpha: f64,
        /// Its σ.
        sigma: f64,
        /// The row before.
        before: [f64; 3],
    },
    /// All signal is lost before the end.
    #[error("row {row}: alpha = 0 before the last row")]
    NoSignal {
        /// The row, from 0.
        row: usize,
    },
}

/// The lists of a file.
const COLUMNS: &[format::Column] = &[
    format::Column { singular: "t", plural: "times" },
    format::Column { singular: "alpha", plural: "alphas" },
    format::Column { singular: "sigma", plural: "sigmas" },
];

/// Values and slopes at the times.
#[derive(Clone, Debug, PartialEq)]
struct Monotone(Vec<[f64; 2]>);

impl Monotone {
    fn new(t: &[f64], values: &[f64]) -> Self {
        let last = t.len() - 1;
        let secant = |k: usize| (values[k + 1] - values[k]) / (t[k + 1] - t[k]);
        // The slope at `t[k]` of the parabola through three values, of which k is in the middle or
        // at an end, limited to the monotone.
        let slope = |k: usize| {
            let middle = k.clamp(1, last - 1);
            let (left, right) = (t[middle] - t[middle - 1], t[middle + 1] - t[middle]);
            let (a, b) = (secant(middle - 1), secant(middle));
            let bend = (b - a) / (left + right);
            let free = a + bend * (left + 2.0 * (t[k] - t[middle]));
            let neighbours = [k.saturating_sub(1), k.min(last - 1)].map(secant);
            let limit = 3.0 * neighbours[0].abs().min(neighbours[1].abs());
            if free * (neighbours[0] + neighbours[1]) <= 0.0 {
                0.0
            } else {
                free.clamp(-limit, limit)
            }
        };
        Monotone((0..=last).map(|k| [values[k], slope(k)]).collect())
    }

    /// The value, its first and its second derivative at distance `x` into interval `k` of width `h`.
    fn at(&self, k: usize, h: f64, x: f64) -> [f64; 3] {
        let ([left, from], [right, to]) = (self.0[k], self.0[k + 1]);
        let (s, rise) = (x / h, (right - left) / h);
        let (b, c) = (3.0 * rise - 2.0 * from - to, from + to - 2.0 * rise);
        // Beside the right end, from there: no digits are lost where the value vanishes.
        let value = match s > 0.5 {
            true => {
                let r = 1.0 - s;
                right - h * r * (to + r * (3.0 * rise - 2.0 * to - from + r * c))
            }
            false => left + x * (from + s * (b + s * c)),
        };
        [value, from + s * (2.0 * b + 3.0 * c * s), (2.0 * b + 6.0 * c * s) / h]
    }
}

impl Custom {
    /// The process with these levels, from the data on.
    ///
    /// # Errors
    /// [`CustomError`]
    pub fn new(t: &[f64], alpha: &[f64], sigma: &[f64]) -> Result<Self, CustomError> {
        let rows = t.len();
        if alpha.len() != rows || sigma.len() != rows {
            let (alpha, sigma) = (alpha.len(), sigma.len());
            return Err(CustomError::Length { t: rows, alpha, sigma });
        }
        if rows < 3 {
            return Err(CustomError::TooShort { rows });
        }
        let row = |k: usize| [t[k], alpha[k], sigma[k]];
        if row(0) != [0.0, 1.0, 0.0] {
            return Err(CustomError::Start { t: t[0], alpha: alpha[0], sigma: sigma[0] });
        }
        let follows = |k: usize| {
            let ([t, a, s], [before, a0, s0]) = (row(k), row(k - 1));
            let is_finite = [t, a, s].iter().all(|v| v.is_finite());
            is_finite && t > before && 0.0 <= a && a <= a0 && s >= s0 && (a < a0 || s > s0)
        };
        if let Some(k) = (1..rows).find(|k| !follows(*k)) {
            let [t, alpha, sigma] = row(k);
            return Err(CustomError::NotMonotone { row: k, t, alpha, sigma, before: row(k - 1) });
        }
        if let Some(row) = alpha[..rows - 1].iter().position(|a| *a == 0.0) {
            return Err(CustomError::NoSignal { row });
        }
        let variance: Vec<f64> = sigma.iter().map(|s| s * s).collect();
        Ok(Custom {
            t: t.to_vec(),
            alpha: Monotone::new(t, alpha),
            variance: Monotone::new(t, &variance),
        })
    }

    /// Reads the levels from any file that [`read_columns`] understands.
    ///
    /// # Errors
    /// [`DataError`], or [`CustomError`] with the file.
    pub fn read(path: &Path) -> Result<Self, crate::entry::BuildError> {
        let lists = read_columns(path, COLUMNS)?;
        let found = COLUMNS.iter().zip(&lists).find(|(_, list)| list.is_none());
        if let Some((column, _)) = found {
            let has = COLUMNS.iter().zip(&lists).filter(|(_, list)| list.is_some());
            let source = format::FormatError::Missing {
                column: *column,
                found: has.map(|(c, _)| c.singular.into()).collect(),
            };
            return Err(DataError::Format { path: path.into(), source }.into());
        }
        let lists: Vec<Vec<f64>> = lists.into_iter().flatten().collect();
        let [t, alpha, sigma] = &lists[..] else { return Err("no levels".into()) };
        let process = Custom::new(t, alpha, sigma);
        process.map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

impl Process for Custom {
    fn t_max(&self) -> f64 {
        self.t[self.t.len() - 1]
    }

    fn level(&self, t: f64) -> Level {
        let last = self.t.len() - 1;
        let k = self.t.partition_point(|node| *node <= t).clamp(1, last) - 1;
        let (h, x) = (self.t[k + 1] - self.t[k], t - self.t[k]);
        let [alpha, alpha_prime, alpha_second] = self.alpha.at(k, h, x);
        let [variance, slope, second] = self.variance.at(k, h, x);
        Level {
            t,
            alpha,
            sigma: variance.max(0.0).sqrt(),
            alpha_prime,
            sigma_sigma_prime: 0.5 * slope,
            one_minus_alpha2: (1.0 - alpha) * (1.0 + alpha),
            alpha_second,
            sigma_sigma_second: 0.5 * second,
            variance_preserving: false,
            ..Level::DATA
        }
    }

    /// 1 where α² + σ² = 1 at the end, else σ there.
    fn prior_std(&self) -> f64 {
        let end = self.level(self.t_max());
        let is_whole = (end.alpha * end.alpha + end.sigma * end.sigma - 1.0).abs() < 1e-6;
        if is_whole { 1.0 } else { end.sigma }
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "custom",
    aliases: &[],
    summary: "alpha and sigma read from a file (.npz, .csv, .txt, .json) with lists t, alpha, sigma, from the data (t = 0, alpha = 1, sigma = 0) on; monotone cubics of alpha and sigma^2 between",
    source: "user",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "file with lists or columns t, alpha, sigma",
    }],
    build: |a| Ok(Box::new(Custom::read(Path::new(a.text("file")))?)),
};
