use super::{Objective, Share};
use crate::entry::Entry;
use crate::spectrum::Mode;

/// W2², of which an eigenvector has the share (√v − √λ)² + (m − μ)².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredWasserstein2;

impl Objective for SquaredWasserstein2 {
    fn share(&self, _: usize, mode: &Mode, variance: f64, mean: f64) -> Share {
        let (std, wanted) = (variance.sqrt(), mode.eigenvalue.sqrt());
        let (off, shift) = (std - wanted, mean - mode.mean);
        Share {
            value: off * off + shift * shift,
            // At v = 0 the variance is at its least, and so is its derivative by any coefficient.
            by_variance: if std == 0.0 { 0.0 } else { off / std },
            by_mean: 2.0 * shift,
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
