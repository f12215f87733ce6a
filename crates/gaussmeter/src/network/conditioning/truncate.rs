//! The timestep below, as a conversion to an integer has it: diffusers' spacings other than Karras'
//! and Lu's.

use super::TimestepRule;
use crate::entry::Entry;

pub(super) static ENTRY: Entry<TimestepRule> = Entry {
    name: "truncate",
    aliases: &[],
    summary: "the training timestep below",
    source: "diffusers, spacings other than Karras and Lu",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(TimestepRule { name: ENTRY.name, at_node: below, within: below })),
};

fn below(whole: f64, fraction: f64) -> Option<f64> {
    // What is whole up to rounding is whole.
    Some(if fraction >= 1.0 - 1e-9 { whole + 1.0 } else { whole })
}
