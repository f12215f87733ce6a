use super::{DIMENSION, POSITIVE, PresetError, generated, label};
use crate::entry::{Entry, Parameter};
use crate::spectrum::Spectrum;

pub(super) static ENTRY: Entry<Spectrum> = Entry {
    name: "geometric",
    aliases: &["log-uniform"],
    summary: "equal ratios from highest to lowest: every scale has the same weight, to see at which variances a sampler fails",
    source: "lambda_k = highest (lowest / highest)^((k - 1) / (d - 1))",
    order: None,
    parameters: &[
        DIMENSION,
        Parameter { name: "lowest", kind: POSITIVE, default: None, summary: "smallest eigenvalue" },
        Parameter {
            name: "highest",
            kind: POSITIVE,
            default: None,
            summary: "largest eigenvalue, the only one if d = 1",
        },
    ],
    build: |a| {
        let (d, lowest, highest) = (a.count("d"), a.number("lowest"), a.number("highest"));
        if lowest > highest {
            return Err(PresetError::Order {
                low_name: "lowest",
                low: lowest,
                high_name: "highest",
                high: highest,
            }
            .into());
        }
        let law = "lambda_k = highest (lowest / highest)^((k - 1) / (d - 1))";
        // A product of powers: the ratio itself may underflow, and both ends come out exact.
        generated(label(&ENTRY, a), law, d, |k| {
            let fraction = (k - 1) as f64 / (d.max(2) - 1) as f64;
            highest.powf(1.0 - fraction) * lowest.powf(fraction)
        })
    },
};
