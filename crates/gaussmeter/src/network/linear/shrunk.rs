//! A network that has learnt a covariance shrunk towards a multiple of the identity:
//! λ̂ = (1 − ρ) λ + ρ tr Σ / d.

use super::{Belief, LinearNetwork, NetworkError};
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::{Mode, Spectrum};

#[derive(Clone, Copy, Debug)]
struct Shrunk {
    rho: f64,
}

impl LinearNetwork for Shrunk {
    fn beliefs(&self, data: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        let average = data.trace() / data.dim();
        let belief = |&mode: &Mode| {
            let eigenvalue = (1.0 - self.rho) * mode.eigenvalue + self.rho * average;
            Belief { truth: mode, believed: Mode { eigenvalue, ..mode } }
        };
        Ok(data.modes().iter().map(belief).collect())
    }
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "shrunk",
    aliases: &[],
    summary: "eigenvalues learnt with linear shrinkage: (1 - rho) lambda + rho times their mean",
    source: "docs/networks.md",
    order: None,
    parameters: &[Parameter {
        name: "rho",
        kind: Kind::Number { min: 0.0, max: 1.0 },
        default: None,
        summary: "weight of the mean eigenvalue",
    }],
    build: |a| Ok(Box::new(Shrunk { rho: a.number("rho") })),
};
