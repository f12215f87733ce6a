//! The nearest timestep: ComfyUI, and diffusers' Karras and Lu spacings.

use super::{TimestepRule, nearest};
use crate::entry::Entry;

pub(super) static ENTRY: Entry<TimestepRule> = Entry {
    name: "round",
    aliases: &[],
    summary: "the nearest training timestep",
    source: "ComfyUI; diffusers, Karras and Lu spacings",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(TimestepRule { name: ENTRY.name, at_node: nearest, within: nearest })),
};
