//! The nearest timestep at the levels of the grid, and fractional ones within steps: diffusers' KDPM2
//! schedulers with Karras' spacing.

use super::{TimestepRule, kept, nearest};
use crate::entry::Entry;

pub(super) static ENTRY: Entry<TimestepRule> = Entry {
    name: "round-at-nodes",
    aliases: &[],
    summary: "the nearest training timestep at levels of the grid, the fractional one within steps",
    source: "diffusers, KDPM2 schedulers with Karras spacing",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(TimestepRule { name: ENTRY.name, at_node: nearest, within: kept })),
};
