//! Evaluations of a network along the modes of a block, and how they change with their level: what programs
//! that are differentiated need of a network.
//!
//! A network that has learnt a Gaussian answers by a [`Factor`], whose derivatives are closed forms; a factor
//! on its score is in the program. Of other networks' [`Answer`]s the derivatives by α and σ are differences of
//! fourth order, to some 1e-10 of the answers.

// Several blocks are indexed together, lane by lane.
#![allow(clippy::needless_range_loop)]

use crate::level::Level;
use crate::network::{Answer, AtLevel, Factor, Learnt, PARTS, Prediction, parts};
use crate::numeric::differentiation::Real;
use crate::tape::Op;
use std::array::from_fn;

/// Modes that run together.
pub(super) const LANES: usize = 32;
pub(super) type Block = [f64; LANES];
pub(super) const ZERO: Block = [0.0; LANES];

/// What a network has learnt along the modes of a block.
pub(super) struct Learning {
    /// Number of the first mode.
    pub first: usize,
    /// Number of modes.
    pub count: usize,
    pub lambda: Block,
    pub mu: Block,
}

impl Learning {
    /// The modes from `first` on.
    pub fn of(network: &Learnt, first: usize, count: usize) -> Self {
        let mut learning = Learning { first, count, lambda: [1.0; LANES], mu: ZERO };
        for (i, mode) in network.believed().modes()[first..first + count].iter().enumerate() {
            (learning.lambda[i], learning.mu[i]) = (mode.eigenvalue, mode.mean);
        }
        learning
    }
}

/// One evaluation.
pub(super) enum Response<'a> {
    /// That of the Gaussian that the network has learnt.
    Gaussian(Factor),
    /// One of its own.
    Own(Own<'a>),
}

/// An evaluation `a D + b score` by answers of the network's own.
pub(super) struct Own<'a> {
    mix: [f64; 2],
    here: AtLevel<'a>,
    /// Answers nearby whose sum, with these weights, is the derivative by α, and by σ.
    slopes: [Vec<(f64, AtLevel<'a>)>; 2],
}

/// Distance of the levels of differences, relative to α or σ.
const STEP: f64 = 1e-3;

/// Weights of a central difference of fourth order, at these multiples of a step.
const STENCIL: [(f64, f64); 4] =
    [(-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0)];

impl<'a> Own<'a> {
    fn new(network: &'a Learnt, kind: Prediction, level: &Level) -> Self {
        // Differences do not reach over a level where answers have a kink.
        let ratio = level.noise_ratio();
        let nearest = network.breaks().iter().map(|b| (b / ratio).ln().abs()).fold(1.0, f64::min);
        let step = STEP.min(0.4 * nearest);
        let slope = |size: f64, moved: &dyn Fn(f64) -> Level| {
            let width = step * size;
            if width == 0.0 || !width.is_finite() {
                return Vec::new();
            }
            let at = |(by, weight): (f64, f64)| (weight / width, network.at(&moved(by * width)));
            STENCIL.map(at).into()
        };
        let slopes = [
            slope(level.alpha, &|by| Level { alpha: level.alpha + by, ..*level }),
            slope(level.sigma, &|by| Level { sigma: level.sigma + by, ..*level }),
        ];
        Own { mix: Answer::mix(kind, level), here: network.at(level), slopes }
    }

    /// The evaluation of a mode: its coefficient of x, and what is added.
    fn at(&self, mode: usize) -> [f64; 2] {
        (self.here)(mode).mixed(self.mix)
    }

    /// How `by_slope` times the first and `by_shift` times the second change with the numbers of
    /// [`numbers`].
    fn slopes(&self, mode: usize, by_slope: f64, by_shift: f64) -> [f64; PARTS] {
        let worth = |[slope, shift]: [f64; 2]| by_slope * slope + by_shift * shift;
        let here = (self.here)(mode);
        let by_level = |nearby: &[(f64, AtLevel)]| {
            let term = |(weight, at): &(f64, AtLevel)| weight * worth(at(mode).mixed(self.mix));
            nearby.iter().map(term).sum::<f64>()
        };
        let [by_alpha, by_sigma] = [by_level(&self.slopes[0]), by_level(&self.slopes[1])];
        let mixes = [here.mixed([1.0, 0.0]), here.mixed([0.0, 1.0])].map(worth);
        [mixes[0], mixes[1], by_alpha, by_sigma, 0.0]
    }
}

/// The numbers by which an evaluation depends on its level: [`parts`] of a factor, or how a prediction is
/// mixed of denoiser and score, α and σ.
pub(super) fn numbers(network: &Learnt, kind: Prediction, level: &Level<Real>) -> [Real; PARTS] {
    if !network.has_answers() {
        return parts(kind, level);
    }
    let [a, b] = Answer::mix(kind, level);
    [a, b, level.alpha, level.sigma, Real::from(0.0)]
}

/// Per operation, what an evaluation is.
pub(super) fn responses<'a>(network: &'a Learnt, ops: &[Op<Real>]) -> Vec<Option<Response<'a>>> {
    let of = |op: &Op<Real>| match op {
        Op::Predict { kind, level, .. } => Some(match network.has_answers() {
            true => Response::Own(Own::new(network, *kind, &level.value())),
            false => Response::Gaussian(Factor::new(*kind, &level.value())),
        }),
        _ => None,
    };
    ops.iter().map(of).collect()
}

/// Whether some evaluation is infinite along a null direction of what the network has learnt.
pub(super) fn is_singular(
    network: &Learnt,
    ops: &[Op<Real>],
    responses: &[Option<Response>],
) -> bool {
    let modes = 0..network.truth().len();
    let has_null = network.believed().eigenvalues().contains(&0.0);
    ops.iter().zip(responses).any(|(op, response)| match (op, response) {
        (Op::Predict { kind, .. }, Some(Response::Gaussian(f))) => has_null && f.is_singular(*kind),
        (_, Some(Response::Own(own))) => {
            modes.clone().any(|i| own.at(i).iter().any(|v| !v.is_finite()))
        }
        _ => false,
    })
}

impl Response<'_> {
    /// Coefficients of x.
    pub fn weight(&self, modes: &Learning) -> Block {
        match self {
            Response::Gaussian(factor) => {
                let mut weight = ZERO;
                for i in 0..LANES {
                    weight[i] = factor.weight(modes.lambda[i]);
                }
                weight
            }
            Response::Own(own) => from_fn(|i| match i < modes.count {
                true => own.at(modes.first + i)[0],
                false => 0.0,
            }),
        }
    }

    /// What is added.
    pub fn shift(&self, modes: &Learning) -> Block {
        match self {
            Response::Gaussian(factor) => {
                let mut shift = ZERO;
                for i in 0..LANES {
                    shift[i] = factor.mean_weight(modes.lambda[i]) * modes.mu[i];
                }
                shift
            }
            Response::Own(own) => from_fn(|i| match i < modes.count {
                true => own.at(modes.first + i)[1],
                false => 0.0,
            }),
        }
    }

    /// How `by_weight` · weight + `by_shift` · shift changes with each of the [`numbers`].
    pub fn slopes(
        &self,
        modes: &Learning,
        by_weight: &Block,
        by_shift: Option<&Block>,
    ) -> [Block; PARTS] {
        let mut all = [ZERO; PARTS];
        for i in 0..LANES {
            let by_shift = by_shift.map_or(0.0, |b| b[i]);
            let slopes = match self {
                Response::Gaussian(factor) => {
                    factor.slopes(modes.lambda[i], by_weight[i], by_shift * modes.mu[i])
                }
                Response::Own(own) if i < modes.count => {
                    own.slopes(modes.first + i, by_weight[i], by_shift)
                }
                Response::Own(_) => [0.0; PARTS],
            };
            for (part, slope) in all.iter_mut().zip(slopes) {
                part[i] = slope;
            }
        }
        all
    }
}
