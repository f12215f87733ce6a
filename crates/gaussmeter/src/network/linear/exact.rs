//! The exact network: it has learnt the data as they are.

use super::LinearNetwork;
use crate::entry::Entry;

#[derive(Clone, Copy, Debug)]
pub(super) struct Exact;

impl LinearNetwork for Exact {}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "exact",
    aliases: &[],
    summary: "the exact network: it has learnt the data as they are",
    source: "Pierret & Galerne (2025)",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Exact)),
};
