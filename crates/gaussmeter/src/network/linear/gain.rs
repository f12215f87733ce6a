//! A score that is off by a factor 1 + δ at every level, and whatever the sampler asks for with it: the
//! noise ε̂ = (1 + δ) ε, and D̂ = (x − σε̂)/α.

use super::LinearNetwork;
use crate::entry::{Entry, Kind, Parameter};

#[derive(Clone, Copy, Debug)]
struct Gain {
    delta: f64,
}

impl LinearNetwork for Gain {
    fn excess(&self) -> f64 {
        self.delta
    }
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "gain",
    aliases: &[],
    summary: "the exact score times 1 + delta, at every noise level",
    source: "docs/networks.md",
    order: None,
    parameters: &[Parameter {
        name: "delta",
        // From −1 on the score pushes away from the data, or nowhere.
        kind: Kind::Number { min: -0.9, max: 10.0 },
        default: None,
        summary: "relative error of the score: -0.05 is a score 5% too small",
    }],
    build: |a| Ok(Box::new(Gain { delta: a.number("delta") })),
};
