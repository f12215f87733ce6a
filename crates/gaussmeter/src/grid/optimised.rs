use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::objective::{self, Objective};
use std::sync::Arc;

/// Times that are the best for the sampler that runs on them, by an objective. They cannot be placed
/// without one: settings of experiments seek them as `gaussmeter tune` does.
#[derive(Clone, Debug)]
pub struct Optimised {
    /// What they are the best for.
    pub objective: Arc<dyn Objective>,
    /// Smallest ratio of neighbouring noise levels.
    pub min_ratio: f64,
    /// Whether they are for the network that samplers call, where that is not the exact one.
    pub by_network: bool,
}

impl GridRule for Optimised {
    fn place(&self, _: Request) -> Result<Grid, GridError> {
        Err(GridError::NeedsSampler)
    }

    fn optimised(&self) -> Option<&Optimised> {
        Some(self)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "optimised",
    aliases: &["optimized", "tuned"],
    summary: "the best times for the sampler and the data, sought as by `gaussmeter tune`",
    source: "minimum of an exact error; see docs/tune.md",
    order: None,
    parameters: &[
        Parameter {
            name: "objective",
            kind: Kind::Text,
            default: Some(objective::DEFAULT),
            summary: "what they are the best for: robust, w2, local, … (`gaussmeter list objectives`)",
        },
        Parameter {
            name: "min_ratio",
            kind: Kind::Number { min: 1.0, max: 1e6 },
            default: Some("1.25"),
            summary: "smallest ratio of neighbouring noise levels",
        },
        Parameter {
            name: "network",
            kind: Kind::Choice(&["exact", "asked"]),
            default: Some("exact"),
            summary: "for the exact network, or for the one that is asked for",
        },
    ],
    build: |a| {
        let objective = objective::registry().build(a.text("objective"))?.item.into();
        let (min_ratio, by_network) = (a.number("min_ratio"), a.text("network") == "asked");
        Ok(Box::new(Optimised { objective, min_ratio, by_network }))
    },
};
