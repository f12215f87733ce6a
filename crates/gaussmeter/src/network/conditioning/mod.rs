//! Conditioning: which noise level a network is told, where that is not the one solvers work with.
//!
//! Networks trained in discrete time are told a training timestep. A solver's level lies between two
//! of them, and projects differ in what they make of that: a [`TimestepRule`]. A new rule is one file
//! with an [`Entry`] at its end, and one line in this one; processes with training timesteps then take
//! its name as their `conditioning`.

mod fractional;
mod round;
mod round_at_nodes;
mod truncate;

use super::Prediction;
use crate::entry::{Entry, EntryError, Registry};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use std::fmt::Debug;

const RULES: &[&Entry<TimestepRule>] =
    &[&fractional::ENTRY, &round::ENTRY, &truncate::ENTRY, &round_at_nodes::ENTRY];

/// The rules that ship with the library.
pub fn registry() -> Registry<TimestepRule> {
    Registry { family: "conditioning", entries: RULES.to_vec(), refused: &[] }
}

/// The words that the parameter `conditioning` of a process takes: `exact`, which is none of the
/// rules, and theirs.
pub const WORDS: &[&str] = &{
    let mut words = ["exact"; RULES.len() + 1];
    let mut i = 0;
    while i < RULES.len() {
        words[i + 1] = RULES[i].name;
        i += 1;
    }
    words
};

/// The rule of one of the [`WORDS`]; `None` for `exact`.
///
/// # Errors
/// [`EntryError`] for other words.
pub fn rule(word: &str) -> Result<Option<TimestepRule>, EntryError> {
    match word {
        "exact" => Ok(None),
        _ => Ok(Some(*registry().build(word)?.item)),
    }
}

/// The whole timestep that stands for `whole + fraction`, with the fraction in [0, 1); `None` where
/// the network is told the fractional one. What is whole up to rounding is whole for every rule.
pub type Timestep = fn(whole: f64, fraction: f64) -> Option<f64>;

/// How a fractional training timestep becomes what the network is told.
#[derive(Clone, Copy, Debug)]
pub struct TimestepRule {
    /// Its name in the registry.
    pub name: &'static str,
    /// The rule at the levels of a grid.
    pub at_node: Timestep,
    /// The rule at the levels of intermediate stages.
    pub within: Timestep,
}

impl PartialEq for TimestepRule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What a network is told at the times of a process.
pub trait Conditioning: Debug + Send + Sync {
    /// What it is told within a step, where the solver is at time `t`; `None` for the solver's level.
    fn told(&self, t: f64) -> Option<Told>;

    /// What it is told where `t` is a time of the grid.
    fn told_at_node(&self, t: f64) -> Option<Told> {
        self.told(t)
    }
}

/// The level a network is told, and what it predicts there. Which of its outputs a solver turns into
/// D, with α and σ of its own, matters as soon as the two levels differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// The level it is told.
    pub level: Level,
    /// What the network predicts.
    pub predicts: Prediction,
    /// How this level follows the solver's.
    pub relation: Relation,
}

/// How the level that a network is told follows the solver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It moves with it.
    Moving,
    /// It is out of a list, and stays where the solver's moves a little.
    Listed,
}

impl Told {
    /// The level where the solver's is at a time `t` that may be a variable.
    pub(crate) fn level_from(&self, t: Real) -> Level<Real> {
        self.level.at(match self.relation {
            Relation::Moving => t.with_derivative(self.level.t, 1.0),
            Relation::Listed => self.level.t.into(),
        })
    }
}

/// The nearest timestep, halves up.
fn nearest(whole: f64, fraction: f64) -> Option<f64> {
    Some(if fraction >= 0.5 { whole + 1.0 } else { whole })
}

/// The fraction is kept.
fn kept(_: f64, _: f64) -> Option<f64> {
    None
}
