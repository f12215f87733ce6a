//! Networks that are not exact, and whose laws are: what the sampler calls is not what the data are.
//!
//! A [`LinearNetwork`] has learnt a Gaussian with the eigenvectors of the data, and may multiply its score
//! by a factor. Along an eigenvector of the data with eigenvalue λ and mean μ its score is
//!
//! ŝ(x) = −(1 + δ) (x − αμ̂) / (α²λ̂ + σ²),
//!
//! so that every sampler's output remains a Gaussian, in the same eigenbasis. A new network is one file
//! with an [`Entry`] at its end, and one line in [`registry`].

mod exact;
mod gain;
mod perturbed;
mod shrunk;
mod spectrum;

use super::{Prediction, noiseless};
use crate::entry::{Entry, EntryError, Registry};
use crate::numeric::written;
use crate::spectrum::{Mode, Spectrum};
use crate::tape::{Plan, PlanError};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;
use thiserror::Error;

const NETWORKS: &[&Entry<dyn LinearNetwork>] =
    &[&exact::ENTRY, &gain::ENTRY, &perturbed::ENTRY, &shrunk::ENTRY, &spectrum::ENTRY];

/// The networks that ship with the library.
pub fn registry() -> Registry<dyn LinearNetwork> {
    Registry { family: "network", entries: NETWORKS.to_vec(), refused: &[] }
}

/// What a network is on given data.
pub trait LinearNetwork: Debug + Send + Sync {
    /// The modes that it has learnt.
    ///
    /// # Errors
    /// [`NetworkError`]
    fn beliefs(&self, data: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        Ok(data.modes().iter().map(|&mode| Belief { truth: mode, believed: mode }).collect())
    }

    /// δ: its score is 1 + δ times that of what it has learnt, at every level. More than −1.
    fn excess(&self) -> f64 {
        0.0
    }
}

/// Some eigenvectors of the data: how the data are along them, and what a network has learnt of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// How the data are.
    pub truth: Mode,
    /// What the network has learnt, of the same multiplicity.
    pub believed: Mode,
}

/// Why a network does not go with data or a sampler.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum NetworkError {
    /// It has learnt from data of another dimension.
    #[error("the network has learnt {learnt} eigenvectors ({name}), but the data have {data}")]
    Dimension {
        /// What it has learnt from.
        name: String,
        /// Their dimension.
        learnt: f64,
        /// That of the data.
        data: f64,
    },
    /// An eigenvalue that it would have learnt is out of range.
    #[error("the network's eigenvalue {} for {} is out of range", written(.believed), written(.truth))]
    Eigenvalue {
        /// That of the data.
        truth: f64,
        /// That of the network.
        believed: f64,
    },
    /// A factor on the score leaves a prediction undefined where there is no signal.
    #[error(
        "a network whose score is off by a factor has no finite {} at t = {}, where no signal is left (α = 0)",
        .kind.name(), written(.t)
    )]
    NoSignal {
        /// What is predicted.
        kind: Prediction,
        /// The time.
        t: f64,
    },
    /// A coefficient of the program left the range of numbers.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An initial law is given mode by mode, and the network distinguishes eigenvectors of one mode.
    #[error(
        "the initial law is given for {given} modes, but the network distinguishes {modes} groups of eigenvectors"
    )]
    Init {
        /// Modes of the initial law.
        given: usize,
        /// Groups that the network distinguishes.
        modes: usize,
    },
}

/// A network with its text form.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its text form.
    pub label: String,
    /// The network.
    pub item: Arc<dyn LinearNetwork>,
}

impl Network {
    /// The network of a text form.
    ///
    /// # Errors
    /// [`EntryError`]
    pub fn read(text: &str) -> Result<Self, EntryError> {
        let named = registry().build(text)?;
        Ok(Network { label: named.label, item: named.item.into() })
    }

    /// Whether it is the exact one, of which results need not speak.
    pub fn is_exact(&self) -> bool {
        self.label == exact::ENTRY.name
    }
}

impl Default for Network {
    /// The exact one.
    fn default() -> Self {
        Network { label: exact::ENTRY.name.into(), item: Arc::new(exact::Exact) }
    }
}

/// What a network has learnt of given data.
///
/// ```
/// use gaussmeter::network::{Learnt, Network};
/// use gaussmeter::prelude::*;
/// use std::sync::Arc;
/// let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
/// let plan = Heun::default().plan(&Uniform.grid(&process, 50, 1e-3)?)?;
/// let data = Spectrum::new("two modes", "example", &[0.1, 4.0], None, None)?;
/// let w2 = |name: &str| {
///     let network = Learnt::of(&*Network::read(name)?.item, &data)?;
///     let law = Output::by(&network, &plan)?.law_against(network.truth(), &Init::Exact, Target::Data);
///     Ok::<f64, Box<dyn std::error::Error>>(wasserstein2(&law).total)
/// };
/// assert_eq!(w2("exact")?, wasserstein2(&Output::of(&plan, &data).law(&Init::Exact, Target::Data)).total);
/// assert!(w2("gain:delta=-0.05")? > w2("gain:delta=-0.01")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Learnt {
    truth: Arc<[Mode]>,
    believed: Spectrum,
    excess: f64,
}

impl Learnt {
    /// What `network` has learnt of `data`.
    ///
    /// # Errors
    /// [`NetworkError`]
    pub fn of(network: &dyn LinearNetwork, data: &Spectrum) -> Result<Self, NetworkError> {
        let beliefs = network.beliefs(data)?;
        if let Some(b) = beliefs.iter().find(|b| {
            let Mode { eigenvalue, mean, .. } = b.believed;
            !(eigenvalue.is_finite() && eigenvalue >= 0.0 && mean.is_finite())
        }) {
            let (truth, believed) = (b.truth.eigenvalue, b.believed.eigenvalue);
            return Err(NetworkError::Eigenvalue { truth, believed });
        }
        let believed = data.with_modes(beliefs.iter().map(|b| b.believed).collect());
        let truth = beliefs.iter().map(|b| b.truth).collect();
        Ok(Learnt { truth, believed, excess: network.excess() })
    }

    /// How the data are, mode by mode.
    pub fn truth(&self) -> &[Mode] {
        &self.truth
    }

    /// What the network has learnt, in the order of [`Learnt::truth`] and not of eigenvalues.
    pub fn believed(&self) -> &Spectrum {
        &self.believed
    }

    /// δ: its score is 1 + δ times that of what it has learnt.
    pub fn excess(&self) -> f64 {
        self.excess
    }

    /// Whether it is all as it should be.
    pub fn is_exact(&self) -> bool {
        self.excess == 0.0 && self.truth[..] == *self.believed.modes()
    }

    /// A program with the factor on the score in it: with `kind = a x + b ε`, each prediction is
    /// (1 + δ) kind − δ a x.
    ///
    /// # Errors
    /// [`NetworkError::NoSignal`], [`NetworkError::Plan`]
    pub fn program<'p>(&self, plan: &'p Plan) -> Result<Cow<'p, Plan>, NetworkError> {
        let delta = self.excess;
        if delta == 0.0 {
            return Ok(Cow::Borrowed(plan));
        }
        let undefined = Cell::new(None);
        let changed = plan.with_outputs(|kind, level| {
            let state = noiseless(kind, level);
            if !state.is_finite() {
                undefined.set(Some(NetworkError::NoSignal { kind, t: level.t }));
            }
            Some((-delta * state, 1.0 + delta))
        });
        match undefined.into_inner() {
            Some(error) => Err(error),
            None => Ok(Cow::Owned(changed?)),
        }
    }
}
