use super::{Objective, Share, SquaredWasserstein2};
use crate::data::{DataError, read_numbers};
use crate::entry::{Entry, Kind, Parameter};
use crate::numeric::written;
use crate::spectrum::Mode;
use std::path::Path;
use thiserror::Error;

/// Σ w_i [(√v_i − √λ_i)² + (m_i − μ_i)²]: W2² with a weight for every eigenvalue, in the order of the
/// spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    weights: Vec<f64>,
    file: Option<String>,
}

/// Why weights cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A weight is negative or not finite, or all are 0.
    #[error("weight {index} is {}: weights must be finite and at least 0, one of them positive", written(.value))]
    Value {
        /// Position, from 0.
        index: usize,
        /// The weight.
        value: f64,
    },
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] DataError),
}

impl Weighted {
    /// One weight per eigenvalue.
    ///
    /// # Errors
    /// [`WeightsError::Value`]
    pub fn new(weights: Vec<f64>) -> Result<Self, WeightsError> {
        let is_bad = |w: &f64| !(w.is_finite() && *w >= 0.0);
        let all_zero = !weights.iter().any(|w| *w > 0.0);
        match weights.iter().position(is_bad).or(all_zero.then_some(0)) {
            Some(index) => {
                let value = weights.get(index).copied().unwrap_or(0.0);
                Err(WeightsError::Value { index, value })
            }
            None => Ok(Weighted { weights, file: None }),
        }
    }

    /// Reads weights from any file that [`read_numbers`] understands.
    ///
    /// # Errors
    /// [`WeightsError`]
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let file = Some(path.display().to_string());
        Ok(Weighted { file, ..Self::new(read_numbers(path)?)? })
    }
}

impl Objective for Weighted {
    fn share(&self, index: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        let weight = self.weights.get(index).copied().unwrap_or(0.0);
        let share = SquaredWasserstein2.share(index, mode, std, mean);
        Share {
            value: weight * share.value,
            by_std: weight * share.by_std,
            by_mean: weight * share.by_mean,
            curvature: share.curvature.map(|c| weight * c),
        }
    }
    fn check(&self, modes: usize) -> Result<(), String> {
        let found = self.weights.len();
        match found == modes {
            true => Ok(()),
            false => {
                let file = self.file.as_deref().unwrap_or("the list");
                Err(format!("{file} has {found} weights, but the spectrum has {modes} eigenvalues"))
            }
        }
    }
    fn is_indexed(&self) -> bool {
        true
    }
    fn readable(&self, sum: f64) -> f64 {
        sum.sqrt()
    }
}

pub(super) static ENTRY: Entry<dyn Objective> = Entry {
    name: "weighted",
    aliases: &[],
    summary: "W2 with a weight per eigenvalue, from a file in the order of the spectrum",
    source: "user",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "file with one weight per eigenvalue",
    }],
    build: |a| Ok(Box::new(Weighted::read(Path::new(a.text("file")))?)),
};
