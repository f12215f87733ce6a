//! What a schedule is designed for: errors that add up over the eigenvectors of Σ, with their
//! derivatives.
//!
//! A new objective is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in
//! [`registry`].

mod kl;
mod mixture;
mod wasserstein2;
mod weighted;

pub use kl::{KlForward, KlReverse};
pub use mixture::Mixture;
pub use wasserstein2::SquaredWasserstein2;
pub use weighted::{Weighted, WeightsError};

pub use crate::exact::gradient::Share;

use crate::entry::Registry;
use crate::spectrum::Mode;
use std::fmt::Debug;

/// The objectives that ship with the library.
pub fn registry() -> Registry<dyn Objective> {
    Registry {
        family: "objective",
        entries: vec![
            &wasserstein2::ENTRY,
            &kl::FORWARD,
            &kl::REVERSE,
            &mixture::ENTRY,
            &weighted::ENTRY,
        ],
    }
}

/// An error of the output N(mean, diag std²) against the data that adds up over eigenvectors.
pub trait Objective: Debug + Send + Sync {
    /// The share of one eigenvector, once (without the multiplicity), where the output has this
    /// standard deviation and mean. `index` is its place in the spectrum.
    fn share(&self, index: usize, mode: &Mode, std: f64, mean: f64) -> Share;

    /// Checks that the objective fits a spectrum of this many modes.
    ///
    /// # Errors
    /// One line that says what does not fit.
    fn check(&self, modes: usize) -> Result<(), String> {
        let _ = modes;
        Ok(())
    }

    /// What people read: the distance whose square adds up, for those that are one.
    fn readable(&self, sum: f64) -> f64 {
        sum
    }
}
