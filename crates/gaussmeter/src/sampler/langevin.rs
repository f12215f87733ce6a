use super::transfer::{ancestral, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Linear, Prediction, Tape, Var};

/// How [`Langevin`] moves from one level to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Predictor {
    /// The reverse SDE with its score frozen, as in
    /// [`ExponentialIntegrator`](super::ExponentialIntegrator): the reverse diffusion predictor on
    /// variance-exploding processes.
    #[default]
    Reverse,
    /// The ancestral step of [`Ddim`](super::Ddim) at η = 1.
    Ancestral,
    /// The step of [`Ddim`](super::Ddim) at η = 0.
    Ddim,
    /// None: x = X/α is unchanged.
    Stay,
}

/// Langevin steps at every level of the grid, after a predictor step to it:
///
/// X ← X + ε s(X) + √(2ε) z, ε = `step` · σ².
///
/// Annealed Langevin dynamics has no predictor; with one it is predictor–corrector sampling, where
/// ε is usually 2 r² (‖z‖/‖s‖)²: it depends on the state, but is close to 2 r² σ² while noise
/// dominates.
///
/// A Langevin step has its own stationary law, so this does **not** converge to the law of the
/// process: with more and more levels down to σ, variances s = α²λ + σ² become s/(1 − ε/2s). The
/// step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Langevin {
    /// ε in units of σ².
    pub step: f64,
    /// Number of Langevin steps per level.
    pub repeats: usize,
    /// The step from level to level.
    pub predictor: Predictor,
}

impl Sampler for Langevin {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let freeze = |eta: f64| {
                let d = tape.predict(Prediction::Denoiser, x, from);
                let (left, drawn) = ancestral(from, to, eta);
                with_noise(tape, transfer(from, to, left, x, d), drawn)
            };
            if to.sigma == 0.0 {
                x = tape.arrive(to, freeze(0.0));
                continue;
            }
            let predicted = match self.predictor {
                Predictor::Reverse => {
                    let score = tape.predict(Prediction::Score, x, from);
                    let mean = step.alpha_ratio() * x + step.score_weight() * score;
                    with_noise(tape, mean, step.reverse_noise_variance().sqrt())
                }
                Predictor::Ancestral => freeze(1.0),
                Predictor::Ddim => freeze(0.0),
                Predictor::Stay => step.alpha_ratio() * Linear::from(x),
            };
            x = tape.keep(predicted);
            for _ in 0..self.repeats {
                if tape.is_full() {
                    return Ok(x);
                }
                let epsilon = self.step * to.sigma * to.sigma;
                let score = tape.predict(Prediction::Score, x, to);
                x = tape.keep(x + epsilon * score + (2.0 * epsilon).sqrt() * tape.noise());
            }
            x = tape.arrive(to, x);
        }
        Ok(x)
    }
}

const fn step(default: &'static str) -> Parameter {
    Parameter {
        name: "step",
        kind: Kind::Number { min: f64::MIN_POSITIVE, max: 2.0 },
        default: Some(default),
        summary: "step size of the Langevin dynamics, in units of sigma^2",
    }
}

const fn repeats(default: &'static str) -> Parameter {
    Parameter {
        name: "repeats",
        kind: Kind::CountTo { min: 1, max: 1_000_000 },
        default: Some(default),
        summary: "number of Langevin steps per level",
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "pc",
    aliases: &["predictor-corrector"],
    summary: "predictor-corrector sampling: Langevin steps of a fixed size after each predictor step",
    source: "Song et al. (2021), algorithms 2 to 5",
    order: None,
    parameters: &[
        Parameter {
            name: "predictor",
            kind: Kind::Choice(&["reverse", "ancestral", "ddim"]),
            default: Some("reverse"),
            summary: "reverse SDE with the score frozen, ancestral step, or DDIM",
        },
        // 2 r² with r = 0.16.
        step("0.0512"),
        repeats("1"),
    ],
    build: |a| {
        let predictor = match a.text("predictor") {
            "ancestral" => Predictor::Ancestral,
            "ddim" => Predictor::Ddim,
            _ => Predictor::Reverse,
        };
        Ok(Box::new(Langevin { step: a.number("step"), repeats: a.count("repeats"), predictor }))
    },
};

pub(super) static ANNEALED: Entry<dyn Sampler> = Entry {
    name: "annealed-langevin",
    aliases: &["ald"],
    summary: "annealed Langevin dynamics: Langevin steps at each level, nothing in between",
    source: "Song & Ermon (2019), algorithm 1, whose step size alpha is twice this one",
    order: None,
    parameters: &[step("0.1"), repeats("5")],
    build: |a| {
        let (step, repeats) = (a.number("step"), a.count("repeats"));
        Ok(Box::new(Langevin { step, repeats, predictor: Predictor::Stay }))
    },
};
