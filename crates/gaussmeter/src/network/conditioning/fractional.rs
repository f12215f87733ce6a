//! The fractional timestep itself, which networks know between training timesteps by linear
//! interpolation of σ/α: diffusers' Euler, Heun and LMS schedulers. Timesteps are found by linear
//! interpolation of ln σ/α, so that it is not quite the solver's level.

use super::{TimestepRule, kept};
use crate::entry::Entry;

pub(super) static ENTRY: Entry<TimestepRule> = Entry {
    name: "fractional",
    aliases: &[],
    summary: "the fractional training timestep",
    source: "diffusers, Euler, Heun and LMS schedulers",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(TimestepRule { name: ENTRY.name, at_node: kept, within: kept })),
};
