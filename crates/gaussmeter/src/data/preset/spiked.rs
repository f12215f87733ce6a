use super::{DIMENSION, NOT_NEGATIVE, POSITIVE, PresetError, label};
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::Spectrum;

pub(super) static ENTRY: Entry<Spectrum> = Entry {
    name: "spiked",
    aliases: &["low-rank"],
    summary: "rank equal eigenvalues above a floor: data on or near a subspace (the manifold hypothesis), singular if noise = 0",
    source: "Johnstone (2001), spiked covariance model",
    order: None,
    parameters: &[
        DIMENSION,
        Parameter {
            name: "rank",
            kind: Kind::Count { min: 1 },
            default: None,
            summary: "dimension of the subspace",
        },
        Parameter {
            name: "variance",
            kind: POSITIVE,
            default: Some("1"),
            summary: "eigenvalue within the subspace",
        },
        Parameter {
            name: "noise",
            kind: NOT_NEGATIVE,
            default: Some("0"),
            summary: "eigenvalue orthogonal to it, at most variance",
        },
    ],
    build: |a| {
        let (d, rank) = (a.count("d"), a.count("rank"));
        let (variance, noise) = (a.number("variance"), a.number("noise"));
        if rank > d {
            return Err(PresetError::Rank { rank, d }.into());
        }
        if noise > variance {
            return Err(PresetError::Order {
                low_name: "noise",
                low: noise,
                high_name: "variance",
                high: variance,
            }
            .into());
        }
        let eigenvalues = [variance, noise];
        let multiplicities = [rank as f64, (d - rank) as f64];
        // A floor of dimension 0 is not an eigenvalue.
        let distinct = if rank == d { 1 } else { 2 };
        Ok(Box::new(Spectrum::new(
            label(&ENTRY, a),
            "lambda = variance (rank times), noise (d - rank times)",
            &eigenvalues[..distinct],
            Some(&multiplicities[..distinct]),
            None,
        )?))
    },
};
