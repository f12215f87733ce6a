use super::range::{FINAL, Range, SIGMA_MAX, SIGMA_MIN};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::Entry;
use crate::process::Process;

/// Levels whose angles are equally spaced: σ_i = tan((1 − r) arctan σ_max + r arctan σ_min), r = i/(n − 1).
/// On white data of unit variance a DDIM step rotates by the difference of the arctangents, and the
/// output is scaled by the product of the cosines of all rotations: equal rotations are optimal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlOptimal {
    /// Where it starts and ends.
    pub range: Range,
}

impl GridRule for KlOptimal {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        self.range.grid(process, steps, eps, |ramp, low, high| {
            ((1.0 - ramp) * high.atan() + ramp * low.atan()).tan()
        })
    }
    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "kl_optimal",
    aliases: &["kl-optimal"],
    summary: "sigma/alpha with equally spaced arctangents",
    source: "Sabour et al. (2024), Align Your Steps, theorem 3.1; ComfyUI, kl_optimal_scheduler",
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, FINAL],
    build: |a| Ok(Box::new(KlOptimal { range: Range::from(a) })),
};
