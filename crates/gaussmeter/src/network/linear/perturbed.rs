//! A network that has learnt every eigenvalue with an error of its own: λ̂ = λ e^{δz}, with z standard
//! normal. Eigenvectors that the spectrum has as one mode share their z.

use super::{Belief, LinearNetwork, NetworkError};
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::{Mode, Spectrum};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

#[derive(Clone, Copy, Debug)]
struct Perturbed {
    delta: f64,
    seed: u64,
}

impl LinearNetwork for Perturbed {
    fn beliefs(&self, data: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        let belief = |(i, &mode): (usize, &Mode)| {
            // A stream per mode: z depends on the seed and the mode's number only.
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(i as u64);
            let z: f64 = StandardNormal.sample(&mut rng);
            let eigenvalue = mode.eigenvalue * (self.delta * z).exp();
            Belief { truth: mode, believed: Mode { eigenvalue, ..mode } }
        };
        Ok(data.modes().iter().enumerate().map(belief).collect())
    }
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "perturbed",
    aliases: &[],
    summary: "eigenvalues learnt with independent errors: times e^(delta z), z standard normal for each distinct mode",
    source: "docs/networks.md",
    order: None,
    parameters: &[
        Parameter {
            name: "delta",
            kind: Kind::Number { min: 0.0, max: 10.0 },
            default: None,
            summary: "standard deviation of the logarithm of learnt eigenvalues",
        },
        Parameter {
            name: "seed",
            kind: Kind::Count { min: 0 },
            default: Some("0"),
            summary: "which errors",
        },
    ],
    build: |a| Ok(Box::new(Perturbed { delta: a.number("delta"), seed: a.count("seed") as u64 })),
};
