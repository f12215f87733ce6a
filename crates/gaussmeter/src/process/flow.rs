use super::{Level, Process};
use crate::entry::Entry;

/// Flow matching with the straight path: α(t) = 1 − t, σ(t) = t, on [0, 1].
///
/// At t = 1 no signal is left (α = 0): the drift α′/α of the SDE is infinite there, the velocity
/// of the ODE is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow;

impl Process for Flow {
    fn t_max(&self) -> f64 {
        1.0
    }
    fn level(&self, t: f64) -> Level {
        Level {
            t,
            alpha: 1.0 - t,
            sigma: t,
            alpha_prime: -1.0,
            sigma_sigma_prime: t,
            one_minus_alpha2: t * (2.0 - t),
            variance_preserving: false,
        }
    }
    fn prior_std(&self) -> f64 {
        1.0
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "flow",
    aliases: &["flow-matching", "rectified-flow"],
    summary: "flow matching / rectified flow, alpha = 1 - t and sigma = t",
    source: "Lipman et al. (2023), optimal-transport path; Liu et al. (2023)",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Flow)),
};
