use super::{DIMENSION, NOT_NEGATIVE, POSITIVE, generated, label};
use crate::entry::{Entry, Parameter};
use crate::spectrum::Spectrum;

pub(super) static ENTRY: Entry<Spectrum> = Entry {
    name: "power-law",
    aliases: &["power"],
    summary: "lambda_k = scale k^-alpha: natural images and smooth fields at any resolution, to see how errors grow with d",
    source: "Field (1987): power spectra 1/f^2 of natural images, which is alpha = 1 in two dimensions",
    order: None,
    parameters: &[
        DIMENSION,
        Parameter {
            name: "alpha",
            kind: NOT_NEGATIVE,
            default: None,
            summary: "decay exponent; the trace stays finite as d grows for alpha > 1",
        },
        Parameter {
            name: "scale",
            kind: POSITIVE,
            default: Some("1"),
            summary: "largest eigenvalue",
        },
    ],
    build: |a| {
        let (d, alpha, scale) = (a.count("d"), a.number("alpha"), a.number("scale"));
        generated(label(&ENTRY, a), "lambda_k = scale k^-alpha", d, |k| {
            scale * (k as f64).powf(-alpha)
        })
    },
};
