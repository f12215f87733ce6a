//! What networks are told, where that is not the level that solvers work with.

use super::{Level, Process};
use crate::numeric::differentiation::Real;
use crate::tape::Prediction;

/// The level a network is told, and what it predicts there. Which of its outputs a solver turns into
/// D, with α and σ of its own, matters as soon as the two levels differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    t: f64,
    alpha: f64,
    sigma: f64,
    alpha_prime: f64,
    sigma_sigma_prime: f64,
    one_minus_alpha2: f64,
    alpha_second: f64,
    sigma_sigma_second: f64,
    variance_preserving: bool,
    /// What the network predicts.
    pub predicts: Prediction,
    /// What this level is to the state.
    pub relation: Relation,
}

/// What the level that a network is told is to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// That of the state; the solver's is a convention.
    State,
    /// Another one than that of the state and the solver, which moves with it.
    Moving,
    /// Another one, out of a list.
    Listed,
}

impl Told {
    /// A network that predicts `predicts` and is told `level`.
    pub fn new(level: &Level, predicts: Prediction, relation: Relation) -> Self {
        Told {
            t: level.t,
            alpha: level.alpha,
            sigma: level.sigma,
            alpha_prime: level.alpha_prime,
            sigma_sigma_prime: level.sigma_sigma_prime,
            one_minus_alpha2: level.one_minus_alpha2,
            alpha_second: level.alpha_second,
            sigma_sigma_second: level.sigma_sigma_second,
            variance_preserving: level.variance_preserving,
            predicts,
            relation,
        }
    }

    /// The level it is told.
    pub fn level(&self) -> Level {
        Level {
            t: self.t,
            alpha: self.alpha,
            sigma: self.sigma,
            alpha_prime: self.alpha_prime,
            sigma_sigma_prime: self.sigma_sigma_prime,
            one_minus_alpha2: self.one_minus_alpha2,
            alpha_second: self.alpha_second,
            sigma_sigma_second: self.sigma_sigma_second,
            variance_preserving: self.variance_preserving,
            told: None,
        }
    }

    /// The same where the solver's level is at a time `t` that may be a variable.
    pub(crate) fn level_from(&self, t: Real) -> Level<Real> {
        let level = self.level();
        level.at(match self.relation {
            Relation::State | Relation::Moving => t.with_derivative(self.t, 1.0),
            Relation::Listed => self.t.into(),
        })
    }
}

/// How a fractional training timestep becomes what the network is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldTimestep {
    /// The fractional timestep itself, which networks know between training timesteps by linear
    /// interpolation of σ/α: diffusers' Euler, Heun and LMS schedulers. Timesteps are found by linear
    /// interpolation of ln σ/α, so that it is not quite the solver's level.
    Fractional,
    /// The nearest one: ComfyUI, and diffusers' Karras and Lu spacings.
    Round,
    /// The one below, as a conversion to an integer has it: diffusers' other spacings.
    Truncate,
    /// The nearest one at the levels of the grid, and fractional ones within steps: diffusers' KDPM2
    /// schedulers with Karras' spacing.
    RoundAtNodes,
}

impl ToldTimestep {
    /// The words of text forms; `exact` is none of them.
    pub(super) const WORDS: &'static [&'static str] =
        &["exact", "fractional", "round", "truncate", "round-at-nodes"];

    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "fractional" => Some(ToldTimestep::Fractional),
            "round" => Some(ToldTimestep::Round),
            "truncate" => Some(ToldTimestep::Truncate),
            "round-at-nodes" => Some(ToldTimestep::RoundAtNodes),
            _ => None,
        }
    }

    /// The rule at a level of a grid.
    pub(super) fn at_node(self) -> Self {
        if self == ToldTimestep::RoundAtNodes { ToldTimestep::Round } else { self }
    }

    /// What the level of the told timestep is to the state.
    pub(super) fn relation(self) -> Relation {
        match self {
            ToldTimestep::Fractional | ToldTimestep::RoundAtNodes => Relation::Moving,
            ToldTimestep::Round | ToldTimestep::Truncate => Relation::Listed,
        }
    }

    /// The whole number for `whole + fraction`; `None` if the fraction is kept.
    pub(super) fn whole(self, whole: f64, fraction: f64) -> Option<f64> {
        // What is whole up to rounding is whole.
        let ceiling = match self {
            ToldTimestep::Fractional | ToldTimestep::RoundAtNodes => return None,
            ToldTimestep::Round => 0.5,
            ToldTimestep::Truncate => 1.0 - 1e-9,
        };
        Some(if fraction >= ceiling { whole + 1.0 } else { whole })
    }
}

/// A flow whose states solvers take for those of a variance-exploding process: α = 1 and σ = u, as
/// ComfyUI does on flow models.
///
/// States are (1 − u) x_0 + u z all the same, and the network is told so. The probability-flow ODE is
/// that of both, dX/du = (X − D)/u, so that one-step methods without noise stay methods for it, and
/// multistep methods use −ln u in place of the log signal-to-noise ratio. Noise ratios of grids are u.
///
/// Rules that draw noise are wrong on it: they add what keeps the law x_0 + u z, and states get too much.
/// They are refused, unless `noise` says that this is wanted, as ComfyUI does it in some.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowCoordinates<P> {
    /// The flow.
    pub flow: P,
    /// Whether rules that draw noise run all the same.
    pub noise: bool,
}

impl<P: Process> Process for FlowCoordinates<P> {
    fn t_max(&self) -> f64 {
        self.flow.t_max()
    }
    fn level(&self, t: f64) -> Level {
        let level = self.flow.level(t);
        Level {
            alpha: 1.0,
            alpha_prime: 0.0,
            one_minus_alpha2: 0.0,
            alpha_second: 0.0,
            told: Some(Told::new(&level, Prediction::Denoiser, Relation::State)),
            ..level
        }
    }
    fn network_level(&self, t: f64) -> Level {
        self.flow.network_level(t)
    }
    fn refuses_noise(&self) -> Option<&'static str> {
        (!self.noise).then_some(
            "it draws noise, which in coordinates of u is that of another process, so that states would not have the law of the flow: use the flow without coordinates=u (euler-ancestral-rf, dpmpp-2m-sde and others), or add noise=comfyui for what ComfyUI's ddpm and res_multistep_ancestral run",
        )
    }
    fn prior_std(&self) -> f64 {
        self.flow.prior_std()
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.flow.time_of(ratio / (1.0 - ratio)).filter(|_| ratio <= 1.0)
    }
}

/// A flow whose network is told an integer timestep: u as a multiple of 1/`steps`, predicting ε − x_0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FlowTimesteps<P> {
    pub process: P,
    pub conditioning: ToldTimestep,
    pub steps: f64,
}

impl<P: Process> Process for FlowTimesteps<P> {
    fn t_max(&self) -> f64 {
        self.process.t_max()
    }
    fn level(&self, t: f64) -> Level {
        let level = self.process.level(t);
        let timestep = level.sigma * self.steps;
        let told = self.conditioning.whole(timestep.floor(), timestep.fract()).map(|timestep| {
            Told::new(&super::Flow.level(timestep / self.steps), Prediction::Flow, Relation::Listed)
        });
        Level { told, ..level }
    }
    /// Networks know u by itself, whatever the shift.
    fn network_level(&self, t: f64) -> Level {
        super::Flow.level(t)
    }
    fn prior_std(&self) -> f64 {
        self.process.prior_std()
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.process.time_of(ratio)
    }
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        self.process.log_alpha_ratio(from, to)
    }
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        self.process.reverse_noise_variance(from, to)
    }
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        self.process.score_weight(from, to)
    }
}
