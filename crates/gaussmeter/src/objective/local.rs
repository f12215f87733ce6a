use super::{Objective, Share, Steps};
use crate::entry::Entry;
use crate::spectrum::Mode;

/// The sum of the squared contributions of steps to the error (see [`crate::exact::steps`]): an error in
/// which steps cannot cancel, as they do in W2 only for Gaussian data and an exact network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Local;

impl Objective for Local {
    fn share(&self, _: usize, _: &Mode, _: f64, _: f64) -> Share {
        Share::default()
    }
    fn steps(&self, _: &Steps) -> Option<f64> {
        Some(1.0)
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
    summary: "root of the sum of squared contributions of steps to W2, which cannot cancel",
    source: "closed form; see docs/steps.md",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Local)),
};
