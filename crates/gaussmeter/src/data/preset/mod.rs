//! Spectra by name. A new preset is one file with an [`Entry`] at its end, and
//! one line in [`registry`].

mod cifar10;
mod cifar10_icml2025;
mod geometric;
mod power_law;
mod spiked;
mod white;

use super::{SPECTRUM, format};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter, Registry};
use crate::spectrum::Spectrum;
use thiserror::Error;

/// The spectra that ship with the library.
pub fn registry() -> Registry<Spectrum> {
    Registry {
        family: "spectrum",
        entries: vec![
            &cifar10::ENTRY,
            &cifar10_icml2025::ENTRY,
            &white::ENTRY,
            &power_law::ENTRY,
            &geometric::ENTRY,
            &spiked::ENTRY,
        ],
        refused: &[],
    }
}

/// Most distinct eigenvalues a preset generates.
const MAX_DISTINCT: usize = 1 << 24;

/// Parameters of a preset that are in range one by one but not together.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum PresetError {
    /// Too many distinct eigenvalues to generate.
    #[error("d = {d} distinct eigenvalues exceed the limit of {max}", max = MAX_DISTINCT)]
    TooMany {
        /// The number asked for.
        d: usize,
    },
    /// A rank larger than the dimension.
    #[error("rank = {rank} is larger than d = {d}")]
    Rank {
        /// Rank.
        rank: usize,
        /// Dimension.
        d: usize,
    },
    /// Two parameters in the wrong order.
    #[error("{low_name} = {low:?} is larger than {high_name} = {high:?}")]
    Order {
        /// The parameter that should be smaller.
        low_name: &'static str,
        /// Its value.
        low: f64,
        /// The parameter that should be larger.
        high_name: &'static str,
        /// Its value.
        high: f64,
    },
}

const DIMENSION: Parameter = Parameter {
    name: "d",
    kind: Kind::Count { min: 1 },
    default: None,
    summary: "dimension of the data",
};

const POSITIVE: Kind = Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY };
const NOT_NEGATIVE: Kind = Kind::Number { min: 0.0, max: f64::INFINITY };

/// A spectrum summary in the project's JSON schema, embedded in the binary.
fn embedded(json: &str) -> Result<Box<Spectrum>, BuildError> {
    let (table, _) = format::read(json.as_bytes(), SPECTRUM)?;
    Ok(Box::new(super::spectrum(&table, "", "")?))
}

/// The text form of a preset: its name and the arguments that are not defaults.
fn label(entry: &Entry<Spectrum>, arguments: &Arguments) -> String {
    let given: Vec<String> = entry
        .parameters
        .iter()
        .map(|p| (p, arguments.text(p.name)))
        .filter(|(p, value)| p.default != Some(*value))
        .map(|(p, value)| format!("{}={value}", p.name))
        .collect();
    format!("{}:{}", entry.name, given.join(","))
}

/// `d` distinct eigenvalues given by their position k = 1, …, d.
fn generated(
    name: String,
    law: &str,
    d: usize,
    eigenvalue: impl Fn(usize) -> f64,
) -> Result<Box<Spectrum>, BuildError> {
    if d > MAX_DISTINCT {
        return Err(PresetError::TooMany { d }.into());
    }
    let eigenvalues: Vec<f64> = (1..=d).map(eigenvalue).collect();
    Ok(Box::new(Spectrum::new(name, law, &eigenvalues, None, None)?))
}
