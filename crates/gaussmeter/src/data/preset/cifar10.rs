use super::embedded;
use crate::entry::Entry;
use crate::spectrum::Spectrum;

pub(super) static ENTRY: Entry<Spectrum> = Entry {
    name: "cifar10",
    aliases: &["cifar10-2024"],
    summary: "CIFAR-10 training images in [-1, 1], centred, d = 3072, no zeros: the standard case of natural images",
    source: "Pierret & Galerne, arXiv 2405.14250, eigenvalues published with the 2024 preprint",
    order: None,
    parameters: &[],
    build: |_| embedded(include_str!("cifar10-summary.json")),
};
