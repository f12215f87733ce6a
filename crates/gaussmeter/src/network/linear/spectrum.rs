//! A network that has learnt its eigenvalues from other data: the k-th largest where the data have their
//! k-th largest, whatever their multiplicities. Eigenvectors and means are those of the data.

use super::{Belief, LinearNetwork, NetworkError};
use crate::data;
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::{Mode, Spectrum};

#[derive(Clone, Debug)]
struct Learned {
    from: Spectrum,
}

/// Relative tolerance for equal dimensions, which may be sums of fractional multiplicities.
const ROUNDING: f64 = 1e-9;

impl LinearNetwork for Learned {
    fn beliefs(&self, data: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        let pairs = matched(data, &self.from)?.into_iter();
        let belief = |(truth, other): (Mode, Mode)| Belief {
            truth,
            believed: Mode { eigenvalue: other.eigenvalue, ..truth },
        };
        Ok(pairs.map(belief).collect())
    }
}

/// The modes of data, each with that of other data in its place: the k-th largest for the k-th largest.
/// Where multiplicities differ, modes are split. Both have the same multiplicity.
pub(super) fn matched(
    data: &Spectrum,
    others: &Spectrum,
) -> Result<Vec<(Mode, Mode)>, NetworkError> {
    let (learnt, own) = (others.dim(), data.dim());
    if (learnt - own).abs() > ROUNDING * own {
        let name = others.name().to_owned();
        return Err(NetworkError::Dimension { name, learnt, data: own });
    }
    let mut pairs = Vec::with_capacity(data.modes().len());
    let mut rest = others.modes().iter().map(|m| (*m, m.multiplicity));
    let mut other = rest.next();
    for mode in data.modes() {
        // What is left of the mode's multiplicity.
        let mut left = mode.multiplicity;
        while let Some((found, available)) = other {
            let over = available - left;
            // What differs by rounding ends together.
            let together = over.abs() <= ROUNDING * available.max(left);
            let multiplicity = if together { left } else { left.min(available) };
            pairs.push((Mode { multiplicity, ..*mode }, Mode { multiplicity, ..found }));
            left -= multiplicity;
            if together || over < 0.0 {
                other = rest.next();
            } else {
                other = Some((found, over));
            }
            if together || over > 0.0 {
                break;
            }
        }
    }
    Ok(pairs)
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "spectrum",
    aliases: &[],
    summary: "eigenvalues learnt from other data, the largest for the largest and so on",
    source: "docs/networks.md",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "their spectrum: a file or a preset, of as many eigenvectors as the data have",
    }],
    build: |a| Ok(Box::new(Learned { from: data::load(a.text("file"))? })),
};
