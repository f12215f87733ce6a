//! What a schedule is optimised for: errors that are sums over the eigenvectors of Σ, with their
//! derivatives.
//!
//! A new objective is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in
//! [`registry`].

mod kl;
mod local;
mod mixture;
mod robust;
mod wasserstein2;
mod weighted;

pub use kl::{KlForward, KlReverse};
pub use local::Local;
pub use mixture::Mixture;
pub use robust::Robust;
pub use wasserstein2::SquaredWasserstein2;
pub use weighted::{Weighted, WeightsError};

use crate::entry::Registry;
use crate::spectrum::Mode;
use std::fmt::Debug;

/// What advice is for where nothing is said: times that hold on other data.
pub const DEFAULT: &str = "robust";

/// The objectives that ship with the library.
pub fn registry() -> Registry<dyn Objective> {
    Registry {
        family: "objective",
        entries: vec![
            &robust::ENTRY,
            &wasserstein2::ENTRY,
            &kl::FORWARD,
            &kl::REVERSE,
            &local::ENTRY,
            &mixture::ENTRY,
            &weighted::ENTRY,
        ],
        refused: &[],
    }
}

/// The share of one eigenvector in an error, with its derivatives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// The share; infinite if the error is.
    pub value: f64,
    /// Its derivative with respect to the standard deviation of the output.
    pub by_std: f64,
    /// Its derivative with respect to the mean of the output.
    pub by_mean: f64,
    /// Second derivatives with respect to both, or positive substitutes for them, used to scale the
    /// steps of an optimiser.
    pub curvature: [f64; 2],
}

/// The steps of a sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// How many there are.
    pub count: usize,
    /// Whether they use what earlier steps have found.
    pub multistep: bool,
}

/// An error of the output N(mean, diag std²) against the data that is a sum over eigenvectors.
pub trait Objective: Debug + Send + Sync {
    /// The share of one eigenvector, once (without the multiplicity), for this standard deviation
    /// and mean of the output. `index` is its index in the spectrum.
    fn share(&self, index: usize, mode: &Mode, std: f64, mean: f64) -> Share;

    /// The weight of the sum of squared contributions of steps (see [`crate::exact::steps`]) that the
    /// objective adds to the shares, if it does; it may depend on what steps there are.
    fn steps(&self, steps: &Steps) -> Option<f64> {
        let _ = steps;
        None
    }

    /// The weight of what steps make of errors of single evaluations (see
    /// [`LocalErrors::amplification`](crate::exact::steps::LocalErrors::amplification)), if they count: the mean
    /// square of such an error, relative to what is unknown of the data.
    fn evaluations(&self, steps: &Steps) -> Option<f64> {
        let _ = steps;
        None
    }

    /// What results are compared by, if not by the objective itself: one whose weights are the same for all.
    fn compared_by(&self) -> Option<Box<dyn Objective>> {
        None
    }

    /// Whether the shares of the output count, beside those contributions.
    fn counts_output(&self) -> bool {
        true
    }

    /// Checks that the objective fits a spectrum of this many modes.
    ///
    /// # Errors
    /// One line that says what does not fit.
    fn check(&self, modes: usize) -> Result<(), String> {
        let _ = modes;
        Ok(())
    }

    /// Whether a share depends on the index in the spectrum.
    fn is_indexed(&self) -> bool {
        false
    }

    /// The value shown to people: the root of the sum for squared distances.
    fn readable(&self, sum: f64) -> f64 {
        sum
    }
}
