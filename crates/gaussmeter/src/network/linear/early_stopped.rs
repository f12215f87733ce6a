//! A linear network trained by gradient flow and stopped early (Wang & Pehlevan, arXiv 2503.03206). At each
//! noise ratio s = σ/α, in units of the signal, D = μ + W (x/α − μ), and along an eigenvector of eigenvalue
//! λ the weight grows from q towards W* = λ/(λ + s²):
//!
//! - one layer: W = W* + (q − W*) e^{−2ητ(λ + s²)};
//! - two layers, W = P Pᵀ: W = q / (e + q (λ + s²)(1 − e)/λ) with e = e^{−8ητλ}, so that large modes are
//!   learnt first, after ln 2/(8ηλ).

use super::answer::{Answer, Answers, AtLevel};
use super::{Belief, LinearNetwork, NetworkError};
use crate::entry::{Entry, Kind, Parameter};
use crate::level::Level;
use crate::spectrum::Spectrum;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
struct EarlyStopped {
    /// η τ.
    length: f64,
    q: f64,
    layers: usize,
}

impl LinearNetwork for EarlyStopped {
    fn answers(
        &self,
        _: &Spectrum,
        beliefs: &[Belief],
    ) -> Result<Option<Arc<dyn Answers>>, NetworkError> {
        let modes = beliefs.iter().map(|b| (b.truth.eigenvalue, b.truth.mean)).collect();
        Ok(Some(Arc::new(Stopped { training: *self, modes })))
    }
}

#[derive(Debug)]
struct Stopped {
    training: EarlyStopped,
    modes: Vec<(f64, f64)>,
}

impl Answers for Stopped {
    fn at(&self, level: &Level) -> AtLevel<'_> {
        let level = *level;
        let EarlyStopped { length, q, layers } = self.training;
        let Level { alpha, sigma, .. } = level;
        let (alpha2, sigma2) = (alpha * alpha, sigma * sigma);
        let times = |a: f64, b: f64| if a == 0.0 { 0.0 } else { a * b };
        Box::new(move |i| {
            let (lambda, mean) = self.modes[i];
            let variance = alpha2 * lambda + sigma2;
            // W/α, and 1 − W as a multiple of σ².
            let (per_alpha, inverse) = match layers {
                1 => {
                    // −2ητ(λ + s²), which is −∞ where no signal is left.
                    let exponent = -times(2.0 * length, variance / alpha2);
                    let (left, done) = (exponent.exp(), -exponent.exp_m1());
                    let learnt = if variance == 0.0 { 0.0 } else { done / variance };
                    let initial = times(left, q / alpha);
                    (
                        alpha * lambda * learnt + initial,
                        learnt + times(left * (1.0 - q), 1.0 / sigma2),
                    )
                }
                _ if q == 0.0 => (0.0, 1.0 / sigma2),
                _ => {
                    let rate = 8.0 * length;
                    let left = (-rate * lambda).exp();
                    let grown =
                        q * if lambda == 0.0 { rate } else { -(-rate * lambda).exp_m1() / lambda };
                    let scale = alpha2 * left + grown * variance;
                    let initial = times(alpha2 * left * (1.0 - q), 1.0 / sigma2);
                    (times(alpha, q / scale), (grown + initial) / scale)
                }
            };
            Answer::shrinking(mean, &level, per_alpha, inverse)
        })
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Answers> {
        let modes = self.modes.iter().map(|(lambda, mean)| (factor * lambda, *mean)).collect();
        Arc::new(Stopped { modes, ..*self })
    }
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "early-stopped",
    aliases: &[],
    summary: "a linear network after a gradient flow of finite length, at each noise level: small eigenvalues are learnt last",
    source: "Wang & Pehlevan (2025), arXiv 2503.03206",
    order: None,
    parameters: &[
        Parameter {
            name: "tau",
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: None,
            summary: "length of the gradient flow",
        },
        Parameter {
            name: "q",
            kind: Kind::Number { min: 0.0, max: 10.0 },
            default: Some("0.1"),
            summary: "weight that training starts from, along every eigenvector",
        },
        Parameter {
            name: "layers",
            kind: Kind::CountTo { min: 1, max: 2 },
            default: Some("1"),
            summary: "1: a matrix; 2: a matrix times its transpose",
        },
        Parameter {
            name: "rate",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "learning rate eta",
        },
    ],
    build: |a| {
        let length = (a.number("rate") * a.number("tau")).min(f64::MAX);
        let (q, layers) = (a.number("q"), a.count("layers"));
        Ok(Box::new(EarlyStopped { length, q, layers }))
    },
};
