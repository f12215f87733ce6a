use super::{Objective, Share, SquaredWasserstein2};
use crate::entry::Entry;
use crate::spectrum::Mode;

/// The sum of the squared contributions of steps to the error (see [`crate::exact::steps`]): an error in
/// which steps cannot cancel, as they do in W2 only for Gaussian data and an exact network. Of rules that
/// draw noise, W2².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Local;

impl Objective for Local {
    /// That of W2²: what the output is worth.
    fn share(&self, index: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        SquaredWasserstein2.share(index, mode, std, mean)
    }
    fn steps(&self) -> f64 {
        1.0
    }
    fn counts_output(&self) -> bool {
        false
    }
    fn readable(&self, sum: f64) -> f64 {
        sum.sqrt()
    }
}

pub(super) static ENTRY: Entry<dyn Objective> = Entry {
    name: "local",
    aliases: &["steps"],
    summary: "root of the sum of squared contributions of steps to W2, which cannot cancel (W2 for rules with noise)",
    source: "closed form; see docs/steps.md",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Local)),
};
