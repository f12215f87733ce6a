//! A linear score fitted by gradient descent from zero, in steps of a size that is stable at each noise
//! level (Perbost, Bach & Marion 2026): with C = α²λ + σ² along an eigenvector, and a = ρ/C_max, K steps lead
//! to
//!
//! ŝ(x) = −(1 − (1 − aC)^K) (x − αμ)/C,
//!
//! which is −Ka (x − αμ) where C is small, and exact to (1 − aC)^K where it is not.

use super::answer::{Answer, Answers, AtLevel};
use super::{Belief, LinearNetwork, NetworkError};
use crate::entry::{Entry, Kind, Parameter};
use crate::level::Level;
use crate::spectrum::Spectrum;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
struct GradientDescent {
    steps: f64,
    rate: f64,
}

impl LinearNetwork for GradientDescent {
    fn answers(
        &self,
        _: &Spectrum,
        beliefs: &[Belief],
    ) -> Result<Option<Arc<dyn Answers>>, NetworkError> {
        let modes: Vec<_> = beliefs.iter().map(|b| (b.truth.eigenvalue, b.truth.mean)).collect();
        let highest = modes.iter().map(|m| m.0).fold(0.0, f64::max);
        Ok(Some(Arc::new(Descended { training: *self, modes, highest })))
    }
}

#[derive(Debug)]
struct Descended {
    training: GradientDescent,
    modes: Vec<(f64, f64)>,
    highest: f64,
}

impl Answers for Descended {
    fn at(&self, level: &Level) -> AtLevel<'_> {
        let level = *level;
        let GradientDescent { steps, rate } = self.training;
        let Level { alpha, sigma, .. } = level;
        let highest = level.variance(self.highest);
        Box::new(move |i| {
            let (lambda, mean) = self.modes[i];
            let variance = level.variance(lambda);
            if variance == 0.0 {
                // All that K steps do where nothing is learnt: Ka, with D = x/α.
                let inverse = if highest == 0.0 { f64::INFINITY } else { steps * rate / highest };
                return Answer::shrinking(mean, &level, 1.0 / alpha, inverse);
            }
            let step = rate * (variance / highest);
            // (1 − aC)^K, and 1 minus that.
            let (left, learnt) = match step < 1.0 {
                true => {
                    let log = steps * (-step).ln_1p();
                    (log.exp(), -log.exp_m1())
                }
                false => {
                    let size = (step - 1.0).powf(steps);
                    let left = if steps % 2.0 == 0.0 { size } else { -size };
                    (left, 1.0 - left)
                }
            };
            let rest = if left == 0.0 { 0.0 } else { sigma * sigma * left / (alpha * variance) };
            Answer::shrinking(mean, &level, alpha * lambda / variance + rest, learnt / variance)
        })
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Answers> {
        let modes = self.modes.iter().map(|(lambda, mean)| (factor * lambda, *mean)).collect();
        Arc::new(Descended { modes, highest: factor * self.highest, ..*self })
    }
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "gradient-descent",
    aliases: &[],
    summary: "a linear score after some steps of gradient descent from zero, at each noise level",
    source: "docs/networks.md",
    order: None,
    parameters: &[
        Parameter {
            name: "steps",
            kind: Kind::Count { min: 0 },
            default: None,
            summary: "number of steps",
        },
        Parameter {
            name: "rate",
            kind: Kind::Number { min: 1e-12, max: 1.99 },
            default: Some("1"),
            summary: "step size times the largest curvature, alpha^2 lambda_max + sigma^2",
        },
    ],
    build: |a| {
        let (steps, rate) = (a.count("steps") as f64, a.number("rate"));
        Ok(Box::new(GradientDescent { steps, rate }))
    },
};
