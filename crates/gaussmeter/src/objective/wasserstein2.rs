use super::{Objective, Share};
use crate::entry::Entry;
use crate::spectrum::Mode;

/// W2², to which an eigenvector contributes (√v − √λ)² + (m − μ)².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredWasserstein2;

impl Objective for SquaredWasserstein2 {
    fn share(&self, _: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        let (off, shift) = (std - mode.eigenvalue.sqrt(), mean - mode.mean);
        Share {
            value: off * off + shift * shift,
            by_std: 2.0 * off,
            by_mean: 2.0 * shift,
            curvature: [2.0, 2.0],
        }
    }
    fn readable(&self, sum: f64) -> f64 {
        sum.sqrt()
    }
}

pub(super) static ENTRY: Entry<dyn Objective> = Entry {
    name: "w2",
    aliases: &["wasserstein2"],
    summary: "Wasserstein-2 distance to the data",
    source: "Dowson & Landau (1982), for commuting covariances",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(SquaredWasserstein2)),
};
