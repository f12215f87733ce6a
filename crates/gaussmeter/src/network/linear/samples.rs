//! The exact network of a finite training set: it has learnt the covariance of n samples, about the known
//! mean, with eigenvectors of its own. Its law is not one per eigenvalue of the data:
//! [`exact::training_set`](crate::exact::training_set) has what is expected of it over training sets, and the
//! law for one that is drawn.

use super::{Belief, LinearNetwork, NetworkError};
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::Spectrum;

/// A finite training set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingSet {
    /// Number of samples.
    pub samples: usize,
    /// The seed of one that is drawn; `None` for the expectation over all.
    pub draw: Option<u64>,
}

impl LinearNetwork for TrainingSet {
    fn beliefs(&self, _: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        Err(NetworkError::OwnEigenvectors)
    }

    fn training_set(&self) -> Option<TrainingSet> {
        Some(*self)
    }
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "samples",
    aliases: &[],
    summary: "the exact network of n training samples, with eigenvectors of its own (eval only): the expectation over training sets, or one that is drawn",
    source: "Wang et al. (2026), arXiv 2602.02908; docs/networks.md",
    order: None,
    parameters: &[
        Parameter {
            name: "n",
            kind: Kind::Count { min: 1 },
            default: None,
            summary: "number of training samples",
        },
        Parameter {
            name: "draw",
            kind: Kind::Text,
            default: Some("none"),
            summary: "a seed: the law for the training set that it draws, by dense matrices, in place of the expectation over all",
        },
    ],
    build: |a| {
        let draw = match a.text("draw") {
            "none" => None,
            seed => Some(seed.parse().map_err(|_| {
                format!("draw = '{seed}' is not a seed: a whole number of at least 0")
            })?),
        };
        Ok(Box::new(TrainingSet { samples: a.count("n"), draw }))
    },
};
