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
        let (learnt, own) = (self.from.dim(), data.dim());
        if (learnt - own).abs() > ROUNDING * own {
            let name = self.from.name().to_owned();
            return Err(NetworkError::Dimension { name, learnt, data: own });
        }
        let mut beliefs = Vec::with_capacity(data.modes().len());
        let mut others = self.from.modes().iter().map(|m| (m.eigenvalue, m.multiplicity));
        let mut other = others.next();
        for mode in data.modes() {
            // What is left of the mode's multiplicity.
            let mut left = mode.multiplicity;
            while let Some((eigenvalue, available)) = other {
                let rest = available - left;
                // What differs by rounding ends together.
                let together = rest.abs() <= ROUNDING * available.max(left);
                let multiplicity = if together { left } else { left.min(available) };
                let truth = Mode { multiplicity, ..*mode };
                beliefs.push(Belief { truth, believed: Mode { eigenvalue, ..truth } });
                left -= multiplicity;
                if together || rest < 0.0 {
                    other = others.next();
                } else {
                    other = Some((eigenvalue, rest));
                }
                if together || rest > 0.0 {
                    break;
                }
            }
        }
        Ok(beliefs)
    }
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
