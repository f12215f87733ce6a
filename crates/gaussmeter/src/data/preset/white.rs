use super::{DIMENSION, POSITIVE, label};
use crate::entry::{Entry, Parameter};
use crate::spectrum::Spectrum;

pub(super) static ENTRY: Entry<Spectrum> = Entry {
    name: "white",
    aliases: &["isotropic"],
    summary: "all eigenvalues equal: the error of a sampler at a single variance",
    source: "N(0, variance I)",
    order: None,
    parameters: &[
        DIMENSION,
        Parameter {
            name: "variance",
            kind: POSITIVE,
            default: Some("1"),
            summary: "the common eigenvalue; 1 is stationary under variance-preserving processes",
        },
    ],
    build: |a| {
        let (d, variance) = (a.count("d"), a.number("variance"));
        Ok(Box::new(Spectrum::new(
            label(&ENTRY, a),
            "lambda_k = variance",
            &[variance],
            Some(&[d as f64]),
            None,
        )?))
    },
};
