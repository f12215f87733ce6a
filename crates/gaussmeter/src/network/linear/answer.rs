use crate::level::Level;
use crate::network::{Factor, Prediction};
use crate::spectrum::Mode;
use std::fmt::Debug;
use std::ops::{Add, Mul, Neg};
use std::sync::Arc;

/// What a network answers along one eigenvector at one level: score and denoised x, affine in the noisy x.
/// Both are kept because neither has all digits of the other; all kinds of predictions follow from them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The score is `score[0] x + score[1]`.
    pub score: [f64; 2],
    /// D(x) is `denoiser[0] x + denoiser[1]`.
    pub denoiser: [f64; 2],
}

impl Answer {
    /// The exact answers for a mode: those of N(μ, λ). Without noise the score of a null mode is infinite.
    pub fn exact(mode: &Mode, level: &Level) -> Self {
        if level.variance(mode.eigenvalue) == 0.0 {
            return Answer { score: [f64::NEG_INFINITY, 0.0], denoiser: [0.0, mode.mean] };
        }
        let affine = |kind| {
            let factor = Factor::new(kind, level);
            [factor.weight(mode.eigenvalue), factor.mean_weight(mode.eigenvalue) * mode.mean]
        };
        Answer { score: affine(Prediction::Score), denoiser: affine(Prediction::Denoiser) }
    }

    /// From the share w of what is left of x − αμ in the denoised x: D = μ + w (x/α − μ). Given are
    /// w/α and (1 − w)/σ², each in a form of its own.
    pub(super) fn shrinking(mean: f64, level: &Level, per_alpha: f64, inverse: f64) -> Self {
        let shift = |factor: f64| if mean == 0.0 { 0.0 } else { factor * mean };
        Answer {
            score: [-inverse, shift(inverse * level.alpha)],
            denoiser: [per_alpha, shift(level.sigma * level.sigma * inverse)],
        }
    }

    /// With the score times 1 + δ: D becomes (1 + δ) D − δ x/α.
    pub fn with_gain(self, delta: f64, level: &Level) -> Self {
        if delta == 0.0 {
            return self;
        }
        let [a, b] = ((1.0 + delta) * self).denoiser;
        Answer {
            score: self.score.map(|s| (1.0 + delta) * s),
            denoiser: [a - delta / level.alpha, b],
        }
    }

    /// The prediction of a kind at this level, `[a, b]` for a x + b. Infinite where it is singular.
    pub fn of(&self, kind: Prediction, level: &Level) -> [f64; 2] {
        match kind != Prediction::Denoiser && !self.score[0].is_finite() {
            true => [f64::INFINITY, 0.0],
            false => self.mixed(Answer::mix(kind, level)),
        }
    }

    /// A prediction is a D + b score: `[a, b]`.
    pub(crate) fn mix<N>(kind: Prediction, level: &Level<N>) -> [N; 2]
    where
        N: Copy + From<f64> + Mul<Output = N> + Neg<Output = N>,
    {
        let Level { alpha, sigma, alpha_prime, sigma_sigma_prime, .. } = *level;
        match kind {
            Prediction::Denoiser => [1.0.into(), 0.0.into()],
            Prediction::Score => [0.0.into(), 1.0.into()],
            Prediction::Noise => [0.0.into(), -sigma],
            Prediction::Velocity => [alpha_prime, -sigma_sigma_prime],
            Prediction::V => [-sigma, -alpha * sigma],
            Prediction::Flow => [(-1.0).into(), -sigma],
        }
    }

    /// a D + b score, as its coefficient of x and what is added.
    pub(crate) fn mixed(&self, [a, b]: [f64; 2]) -> [f64; 2] {
        let times = |c: f64, v: f64| if c == 0.0 { 0.0 } else { c * v };
        [0, 1].map(|k| times(a, self.denoiser[k]) + times(b, self.score[k]))
    }
}

impl Mul<Answer> for f64 {
    type Output = Answer;

    fn mul(self, answer: Answer) -> Answer {
        let times = |v: f64| if self == 0.0 { 0.0 } else { self * v };
        Answer { score: answer.score.map(times), denoiser: answer.denoiser.map(times) }
    }
}

impl Add for Answer {
    type Output = Answer;

    fn add(self, other: Answer) -> Answer {
        let sum = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        Answer { score: sum(self.score, other.score), denoiser: sum(self.denoiser, other.denoiser) }
    }
}

/// Answers at one level, by the number of the mode.
pub type AtLevel<'a> = Box<dyn Fn(usize) -> Answer + Send + Sync + 'a>;

/// A network whose answers are not those of one Gaussian times a factor.
pub trait Answers: Debug + Send + Sync {
    /// What it answers at a level.
    fn at(&self, level: &Level) -> AtLevel<'_>;

    /// What it answers in a step of a sampler that arrives at a x + b D + noise, where `share` is b/α at
    /// the level that it arrives at. `share` is given where [`Answers::is_by_step`].
    fn in_step(&self, level: &Level, share: f64) -> AtLevel<'_> {
        let _ = share;
        self.at(level)
    }

    /// Whether its answers depend on the step that a sampler takes, so that they have no limit of small
    /// steps.
    fn is_by_step(&self) -> bool {
        false
    }

    /// Noise ratios σ/α at which its answers are not smooth.
    fn breaks(&self) -> Vec<f64> {
        Vec::new()
    }

    /// What it would answer had all variances that it has learnt been this many times what they are.
    fn scaled(&self, factor: f64) -> Arc<dyn Answers>;
}

/// Some modes of other answers, by their numbers there.
#[derive(Debug)]
pub(super) struct Picked {
    pub answers: Arc<dyn Answers>,
    pub modes: Arc<[usize]>,
}

impl Picked {
    fn picked<'a>(&'a self, all: AtLevel<'a>) -> AtLevel<'a> {
        Box::new(move |i| all(self.modes[i]))
    }
}

impl Answers for Picked {
    fn at(&self, level: &Level) -> AtLevel<'_> {
        self.picked(self.answers.at(level))
    }

    fn in_step(&self, level: &Level, share: f64) -> AtLevel<'_> {
        self.picked(self.answers.in_step(level, share))
    }

    fn is_by_step(&self) -> bool {
        self.answers.is_by_step()
    }

    fn breaks(&self) -> Vec<f64> {
        self.answers.breaks()
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Answers> {
        Arc::new(Picked { answers: self.answers.scaled(factor), modes: self.modes.clone() })
    }
}
