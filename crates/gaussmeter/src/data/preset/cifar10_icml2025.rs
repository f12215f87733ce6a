use super::embedded;
use crate::entry::Entry;
use crate::spectrum::Spectrum;

pub(super) static ENTRY: Entry<Spectrum> = Entry {
    name: "cifar10-icml2025",
    aliases: &[],
    summary: "CIFAR-10 as in the ICML 2025 table, centred, with nine zeros from float32 rounding: to reproduce published numbers",
    source: "Pierret & Galerne (ICML 2025), published eigenvalues",
    order: None,
    parameters: &[],
    build: |_| embedded(include_str!("cifar10-icml2025-summary.json")),
};
