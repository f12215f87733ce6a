//! A score that is off by a factor 1 + δ, at every level or by noise level, and whatever the sampler asks
//! for with it: the noise ε̂ = (1 + δ) ε, and D̂ = (x − σε̂)/α.

use super::{Excess, LinearNetwork};
use crate::data::{self, Column};
use crate::entry::{BuildError, Entry, Kind, Parameter};
use crate::numeric::written;
use std::path::Path;
use thiserror::Error;

#[derive(Clone, Debug)]
struct Gain {
    excess: Excess,
}

impl LinearNetwork for Gain {
    fn excess(&self) -> Excess {
        self.excess.clone()
    }
}

/// The columns of a file.
const COLUMNS: &[Column] = &[
    Column { singular: "sigma", plural: "sigmas" },
    Column { singular: "delta", plural: "deltas" },
];

/// From −1 on the score pushes away from the data, or nowhere.
const LEAST: f64 = -0.999;
const MOST: f64 = 1000.0;

/// Whether there is a network whose score is 1 + δ times the exact one.
pub(crate) fn is_gain(delta: f64) -> bool {
    (LEAST..=MOST).contains(&delta)
}

#[derive(Debug, Error)]
enum GainError {
    #[error("either delta=… (the same at every noise level) or file=… (by noise level), not both")]
    Both,
    #[error("{file}: no column delta: each row is a noise level sigma/alpha and a delta")]
    NoDelta { file: String },
    #[error("{file}: no rows: each row is a noise level sigma/alpha and a delta")]
    NoRows { file: String },
    #[error("{file}: noise level {} in row {row} is not a positive number", written(.value))]
    Level { file: String, row: usize, value: f64 },
    #[error("{file}: delta {} in row {row} is not from {LEAST} to {MOST}", written(.value))]
    Delta { file: String, row: usize, value: f64 },
    #[error("{file}: noise level {} is there twice", written(.value))]
    Twice { file: String, value: f64 },
}

fn read(file: &str) -> Result<Excess, BuildError> {
    let mut columns = data::read_columns(Path::new(file), COLUMNS)?.into_iter();
    let (sigmas, deltas) = (columns.next().flatten(), columns.next().flatten());
    let file = || file.to_string();
    let (Some(sigmas), Some(deltas)) = (sigmas, deltas) else {
        return Err(GainError::NoDelta { file: file() }.into());
    };
    let mut rows = Vec::with_capacity(sigmas.len());
    for (i, (value, delta)) in sigmas.into_iter().zip(deltas).enumerate() {
        let row = i + 1;
        if !(value.is_finite() && value > 0.0) {
            return Err(GainError::Level { file: file(), row, value }.into());
        }
        if !is_gain(delta) {
            return Err(GainError::Delta { file: file(), row, value: delta }.into());
        }
        rows.push((value, delta));
    }
    if rows.is_empty() {
        return Err(GainError::NoRows { file: file() }.into());
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(GainError::Twice { file: file(), value: pair[0].0 }.into());
    }
    Ok(Excess::by_level(rows))
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "gain",
    aliases: &[],
    summary: "the exact score times 1 + delta, at every noise level or by noise level from a file",
    source: "docs/networks.md",
    order: None,
    parameters: &[
        Parameter {
            name: "delta",
            kind: Kind::Number { min: LEAST, max: MOST },
            default: Some("0"),
            summary: "relative error of the score: -0.05 is a score 5% too small",
        },
        Parameter {
            name: "file",
            kind: Kind::Text,
            default: Some("none"),
            summary: "in its place: a file of rows sigma/alpha, delta; linear in the logarithm of sigma/alpha between them and constant outside",
        },
    ],
    build: |a| {
        let excess = match (a.number("delta"), a.text("file")) {
            (delta, "none") => Excess::Constant(delta),
            (0.0, file) => read(file)?,
            _ => return Err(GainError::Both.into()),
        };
        Ok(Box::new(Gain { excess }))
    },
};
