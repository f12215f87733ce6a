//! Networks that are not exact, and whose laws are: what the sampler calls is not what the data are.
//!
//! Most [`LinearNetwork`]s have learnt a Gaussian with the eigenvectors of the data, and may multiply its
//! score by a factor. Along an eigenvector of the data with eigenvalue λ and mean μ their score is
//!
//! ŝ(x) = −(1 + δ) (x − αμ̂) / (α²λ̂ + σ²).
//!
//! Others have [`Answers`] of their own at every level, affine in x along each eigenvector. Every sampler's
//! output remains a Gaussian, in the same eigenbasis. A new network is one file with an [`Entry`] at its
//! end, and one line in [`registry`].

mod answer;
mod denoiser;
mod early_stopped;
mod exact;
mod gain;
mod gradient_descent;
mod guided;
mod perturbed;
mod samples;
mod shrunk;
mod spectrum;

pub use answer::{Answer, Answers, AtLevel};
pub use denoiser::LinearDenoiser;
pub use guided::Guiding;
pub use samples::TrainingSet;

#[cfg(feature = "dense")]
pub(crate) use gain::is_gain;
pub(crate) use guided::towards_half;

use super::{Prediction, noiseless};
use crate::entry::{Entry, EntryError, Refused, Registry};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::numeric::written;
use crate::spectrum::{Mode, Spectrum, bins, condensed};
use crate::tape::{Op, Plan, PlanError, Var};
use answer::Picked;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;
use thiserror::Error;

const NETWORKS: &[&Entry<dyn LinearNetwork>] = &[
    &exact::ENTRY,
    &gain::ENTRY,
    &perturbed::ENTRY,
    &shrunk::ENTRY,
    &spectrum::ENTRY,
    &guided::ENTRY,
    &early_stopped::ENTRY,
    &gradient_descent::ENTRY,
    &samples::ENTRY,
];

/// Networks that have no closed law.
const REFUSED: &[Refused] = &[Refused::Members {
    names: &["onnx"],
    reason: "only verify, sample and score-error take trained networks: gaussmeter score-error --save-gain FILE measures one, and gain:file=FILE stands for it elsewhere",
}];

/// The networks that ship with the library.
pub fn registry() -> Registry<dyn LinearNetwork> {
    Registry { family: "network", entries: NETWORKS.to_vec(), refused: REFUSED }
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

    /// δ: its score is 1 + δ times that of what it has learnt.
    fn excess(&self) -> Excess {
        Excess::Constant(0.0)
    }

    /// What it answers along the eigenvectors of `beliefs`, if that is not the answer of what it believes
    /// with a factor on the score.
    ///
    /// # Errors
    /// [`NetworkError`]
    fn answers(
        &self,
        data: &Spectrum,
        beliefs: &[Belief],
    ) -> Result<Option<Arc<dyn Answers>>, NetworkError> {
        let _ = (data, beliefs);
        Ok(None)
    }

    /// How it guides samples to a class, which is [`Belief::truth`], where [`Belief::believed`] are the data.
    fn guidance(&self) -> Option<&Guiding> {
        None
    }

    /// The finite training set that it is exact for, with eigenvectors of its own: such a network has no
    /// beliefs along those of the data.
    fn training_set(&self) -> Option<TrainingSet> {
        None
    }
}

/// δ of a score that is 1 + δ times what it should be: more than −1.
#[derive(Clone, Debug, PartialEq)]
pub enum Excess {
    /// The same at every level.
    Constant(f64),
    /// By noise ratio σ/α: linear in its logarithm between the nodes, and constant outside.
    ByLevel(Arc<[(f64, f64)]>),
}

impl Excess {
    /// From pairs of a noise ratio and δ, the ratios positive and increasing; there has to be one.
    pub(crate) fn by_level(nodes: Vec<(f64, f64)>) -> Self {
        match nodes[..] {
            [(_, delta)] => Excess::Constant(delta),
            _ => Excess::ByLevel(nodes.into()),
        }
    }

    /// δ at a level.
    pub fn at(&self, level: &Level) -> f64 {
        self.at_variable(&level.into()).value()
    }

    /// The same where the level may be a variable.
    fn at_variable(&self, level: &Level<Real>) -> Real {
        let nodes = match self {
            Excess::Constant(delta) => return Real::from(*delta),
            Excess::ByLevel(nodes) => nodes,
        };
        let ratio = level.noise_ratio();
        let at = ratio.value();
        match (nodes.iter().rev().find(|n| n.0 <= at), nodes.iter().find(|n| n.0 > at)) {
            (Some(below), Some(above)) => {
                let share = (ratio / below.0).ln() / (above.0 / below.0).ln();
                share * (above.1 - below.1) + below.1
            }
            (Some(only), None) | (None, Some(only)) => Real::from(only.1),
            (None, None) => Real::from(0.0),
        }
    }

    /// Noise ratios where it is not smooth.
    fn breaks(&self) -> Vec<f64> {
        match self {
            Excess::Constant(_) => Vec::new(),
            Excess::ByLevel(nodes) => nodes.iter().map(|n| n.0).collect(),
        }
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
    /// Its answers are defined for steps of one evaluation without history.
    #[error(
        "guidance by cfg++ is defined for rules of one evaluation per step, at the state, without history (euler, ddim, em, …): step {step} is not one"
    )]
    Step {
        /// The step, from 1.
        step: usize,
    },
    /// Its eigenvectors are not those of the data.
    #[error(
        "a network of a finite training set (samples) has eigenvectors of its own, so that there is no law per eigenvalue: only eval takes it"
    )]
    OwnEigenvectors,
    /// The answer of a network left the range of numbers where there is noise.
    #[error("the network's {} at t = {} is infinite along eigenvalue {eigenvalue:e}", .kind.name(), written(.t))]
    Infinite {
        /// What is predicted.
        kind: Prediction,
        /// The time.
        t: f64,
        /// The eigenvalue of the data.
        eigenvalue: f64,
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
#[derive(Clone, Debug)]
pub struct Learnt {
    truth: Arc<[Mode]>,
    believed: Spectrum,
    excess: Excess,
    answers: Option<Arc<dyn Answers>>,
    guidance: Option<f64>,
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
        let answers = network.answers(data, &beliefs)?;
        let believed = data.with_modes(beliefs.iter().map(|b| b.believed).collect());
        let truth = beliefs.iter().map(|b| b.truth).collect();
        let (excess, guidance) = (network.excess(), network.guidance().map(|g| g.weight));
        Ok(Learnt { truth, believed, excess, answers, guidance })
    }

    /// What the exact network has learnt of `data`.
    pub fn exact(data: &Spectrum) -> Self {
        Learnt {
            truth: data.shared_modes(),
            believed: data.clone(),
            excess: Excess::Constant(0.0),
            answers: None,
            guidance: None,
        }
    }

    /// What the network would have learnt had its variances been `believed` times what they are, while
    /// those of what samples should be are `truth` times what they are.
    pub(crate) fn scaled(&self, truth: f64, believed: f64) -> Self {
        let scaled = |m: &Mode| Mode { eigenvalue: truth * m.eigenvalue, ..*m };
        Learnt {
            truth: self.truth.iter().map(scaled).collect(),
            believed: self.believed.scaled(believed),
            answers: self.answers.as_ref().map(|answers| answers.scaled(believed)),
            ..self.clone()
        }
    }

    /// An approximation with about `most` modes. Where all that was learnt is right but for a factor on
    /// the score, that of [`condensed`]; elsewhere one of the modes of each of its bins stands for all of
    /// them. `None` if there are so few already.
    pub(crate) fn condensed(&self, most: usize) -> Option<Self> {
        if self.answers.is_none() && self.truth[..] == *self.believed.modes() {
            let believed = condensed(&self.believed, most).ok()??;
            return Some(Learnt { truth: believed.shared_modes(), believed, ..self.clone() });
        }
        let eigenvalues: Vec<f64> = self.truth.iter().map(|m| m.eigenvalue).collect();
        let (mut modes, mut counts): (Vec<usize>, Vec<f64>) = (Vec::new(), Vec::new());
        for bin in bins(&eigenvalues, most)? {
            let count: f64 = bin.iter().map(|i| self.truth[*i].multiplicity).sum();
            let sum: f64 = bin.iter().map(|i| self.truth[*i].multiplicity * eigenvalues[*i]).sum();
            let distance = |i: usize| (eigenvalues[i] - sum / count).abs();
            let nearest = bin.into_iter().min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            modes.extend(nearest);
            counts.extend(nearest.map(|_| count));
        }
        let of = |all: &[Mode]| -> Vec<Mode> {
            let pairs = modes.iter().zip(&counts);
            pairs.map(|(i, &multiplicity)| Mode { multiplicity, ..all[*i] }).collect()
        };
        let modes: Arc<[usize]> = modes.clone().into();
        let picked = |answers: &Arc<dyn Answers>| -> Arc<dyn Answers> {
            Arc::new(Picked { answers: answers.clone(), modes: modes.clone() })
        };
        Some(Learnt {
            truth: of(&self.truth).into(),
            believed: self.believed.with_modes(of(self.believed.modes())),
            answers: self.answers.as_ref().map(picked),
            ..self.clone()
        })
    }

    /// Whether some mean is not 0, of the data or of what the network has learnt.
    pub(crate) fn has_mean(&self) -> bool {
        self.believed.has_mean() || self.truth.iter().any(|m| m.mean != 0.0)
    }

    /// What samples should be, mode by mode: the data, or the class that samples are guided to.
    pub fn truth(&self) -> &[Mode] {
        &self.truth
    }

    /// What the network has learnt, in the order of [`Learnt::truth`] and not of eigenvalues.
    pub fn believed(&self) -> &Spectrum {
        &self.believed
    }

    /// δ: its score is 1 + δ times that of what it has learnt.
    pub fn excess(&self) -> &Excess {
        &self.excess
    }

    /// Whether it is all as it should be.
    pub fn is_exact(&self) -> bool {
        self.answers.is_none()
            && self.excess == Excess::Constant(0.0)
            && self.truth[..] == *self.believed.modes()
    }

    /// δ, if its answers are those of what it has learnt with this factor on the score at every level.
    pub(crate) fn constant_excess(&self) -> Option<f64> {
        match (&self.answers, &self.excess) {
            (None, Excess::Constant(delta)) => Some(*delta),
            _ => None,
        }
    }

    /// Whether its answers are its own: not those of what it has learnt with a factor on the score.
    pub(crate) fn has_answers(&self) -> bool {
        self.answers.is_some()
    }

    /// What it answers at a level, by the number of the mode.
    ///
    /// ```
    /// use gaussmeter::network::{Learnt, Network, Prediction};
    /// use gaussmeter::prelude::*;
    /// let data = Spectrum::new("one mode", "example", &[2.0], None, None)?;
    /// let network = Learnt::of(&*Network::read("gain:delta=0.1")?.item, &data)?;
    /// let level = VpLinear::paper().level(0.5);
    /// let [slope, _] = network.at(&level)(0).of(Prediction::Score, &level);
    /// assert!((slope + 1.1 / level.variance(2.0)).abs() < 1e-14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(&self, level: &Level) -> AtLevel<'_> {
        match &self.answers {
            Some(answers) => answers.at(level),
            None => {
                let (level, delta) = (*level, self.excess.at(level));
                let modes = self.believed.modes();
                Box::new(move |i| Answer::exact(&modes[i], &level).with_gain(delta, &level))
            }
        }
    }

    /// Whether its answers depend on the step that a sampler takes: then there is no continuous solution.
    pub(crate) fn is_by_step(&self) -> bool {
        self.answers.as_ref().is_some_and(|a| a.is_by_step())
    }

    /// [`Learnt::at`] in a step of this share (see [`Answers::in_step`]).
    pub(crate) fn in_step(&self, level: &Level, share: f64) -> AtLevel<'_> {
        match &self.answers {
            Some(answers) => answers.in_step(level, share),
            None => self.at(level),
        }
    }

    /// Noise ratios where its answers are not smooth.
    pub(crate) fn breaks(&self) -> Vec<f64> {
        match &self.answers {
            Some(answers) => answers.breaks(),
            None => self.excess.breaks(),
        }
    }

    /// The powered law p_c^w p_u^{1 − w} of guidance, mode by mode: what it is often thought to sample.
    /// `None` without guidance, and where there is no such law: its inverse variance has to be positive.
    pub fn powered(&self) -> Option<Vec<Mode>> {
        let w = self.guidance?;
        let power = |(class, all): (&Mode, &Mode)| {
            match (class.eigenvalue > 0.0, all.eigenvalue > 0.0) {
                _ if w == 1.0 => return Some(*class),
                (true, true) => {}
                // Where one of them is a point, so is their product, unless it is divided by.
                (false, true) => return (w > 0.0).then_some(*class),
                (true, false) => {
                    return (w < 1.0).then_some(Mode { mean: all.mean, eigenvalue: 0.0, ..*class });
                }
                (false, false) => return (class.mean == all.mean).then_some(*class),
            }
            let (of_class, of_all) = (w / class.eigenvalue, (1.0 - w) / all.eigenvalue);
            let inverse = of_class + of_all;
            let mean = (of_class * class.mean + of_all * all.mean) / inverse;
            let eigenvalue = 1.0 / inverse;
            (inverse > 0.0 && eigenvalue.is_finite()).then_some(Mode { eigenvalue, mean, ..*class })
        };
        self.truth.iter().zip(self.believed.modes()).map(power).collect()
    }

    /// Whether it guides samples to a class.
    pub fn is_guided(&self) -> bool {
        self.guidance.is_some()
    }

    /// What samples should be, where `data` are the data: those, or the class that samples are guided to.
    pub fn target<'d>(&self, data: &'d Spectrum) -> Cow<'d, Spectrum> {
        match self.is_guided() {
            true => Cow::Owned(data.with_modes(self.truth.to_vec())),
            false => Cow::Borrowed(data),
        }
    }

    /// A program with the factor on the score in it: with `kind = a x + b ε`, each prediction is
    /// (1 + δ) kind − δ a x. Answers of a network's own are not in it.
    ///
    /// # Errors
    /// [`NetworkError::NoSignal`], [`NetworkError::Plan`]
    pub fn program<'p>(&self, plan: &'p Plan) -> Result<Cow<'p, Plan>, NetworkError> {
        if self.excess == Excess::Constant(0.0) {
            return Ok(Cow::Borrowed(plan));
        }
        let undefined = Cell::new(None);
        let changed = plan.with_outputs(|kind, level| {
            let delta = self.excess.at(level);
            if delta == 0.0 {
                return None;
            }
            let state: f64 = noiseless(kind, level);
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
    /// The same for operations whose numbers may be variables, on so many vectors; returned is how many
    /// vectors there are then.
    pub(crate) fn rewrite(&self, ops: Vec<Op<Real>>, mut vectors: usize) -> (Vec<Op<Real>>, usize) {
        if self.excess == Excess::Constant(0.0) {
            return (ops, vectors);
        }
        let mut changed = Vec::with_capacity(2 * ops.len());
        for op in ops {
            let Op::Predict { dst, src, kind, level } = op else {
                changed.push(op);
                continue;
            };
            let output = Var::new(vectors);
            vectors += 1;
            let delta = self.excess.at_variable(&level);
            let state = -delta * noiseless(kind, &level);
            changed.push(Op::Predict { dst: output, src, kind, level });
            let terms = [(state, src), (delta + 1.0, output)].into_iter().collect();
            changed.push(Op::Combine { dst, terms });
        }
        (changed, vectors)
    }
}
