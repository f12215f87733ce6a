//! A network with its weights: to be asked, kept in a file, and read again.

use crate::error::NetError;
use crate::parameters::Layout;
use crate::parametrization::{Coefficients, Kind, NoiseLaw, Parametrization};
use crate::program::Program;
use crate::tape::{Question, Tape};
use crate::tensors::{Named, Stored, write};
use gaussmeter::level::Level;
use gaussmeter::network::{Denoiser, DenoiserError, Prediction};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;

const CONTENT: &str = "gaussmeter network";

/// Samples that one thread asks about at a time.
const AT_ONCE: usize = 16;

/// The most samples that all threads ask about at a time.
pub(crate) fn at_once() -> usize {
    AT_ONCE.saturating_mul(rayon::current_num_threads())
}

/// What a file says of a network besides its weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// What it was trained on, in one line.
    pub data: String,
    /// The command that made it.
    pub command: String,
    /// The seed.
    pub seed: u64,
    /// Steps of training.
    pub steps: u64,
    /// The program that made it.
    pub program: String,
}

/// A network with its weights.
#[derive(Clone, Debug)]
pub struct Network {
    /// What it is made of.
    pub program: Program,
    /// What it is asked and told, and what its output means.
    pub parametrization: Parametrization,
    /// Where it comes from.
    pub about: About,
    layout: Layout,
    weights: Vec<f32>,
    class: Option<usize>,
}

/// How a file keeps a [`Parametrization`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredParametrization {
    kind: Kind,
    process: String,
    sigma_data: f64,
    noise: NoiseLaw,
}

impl From<&Parametrization> for StoredParametrization {
    fn from(p: &Parametrization) -> Self {
        StoredParametrization {
            kind: p.kind,
            process: p.name.clone(),
            sigma_data: p.sigma_data,
            noise: p.law.clone(),
        }
    }
}

impl StoredParametrization {
    pub fn read(self) -> Result<Parametrization, NetError> {
        Parametrization::new(self.kind, &self.process, self.sigma_data, self.noise)
    }
}

#[derive(Serialize, Deserialize)]
struct Meta {
    content: String,
    version: u32,
    network: Program,
    parametrization: StoredParametrization,
    about: About,
}

impl Network {
    /// A network with these weights, in the order of its [`Layout`].
    ///
    /// # Errors
    /// [`NetError::Size`] where there are more or fewer of them.
    pub fn new(
        program: Program,
        parametrization: Parametrization,
        weights: Vec<f32>,
        about: About,
    ) -> Result<Self, NetError> {
        let layout = program.declare()?.layout;
        match weights.len() == layout.len() {
            true => Ok(Network { program, parametrization, about, layout, weights, class: None }),
            false => Err(NetError::Size(format!(
                "{} weights for a network of {}",
                weights.len(),
                layout.len()
            ))),
        }
    }

    /// Where its parameters lie among its weights.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its weights.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The same network that is told of a class, or of none.
    ///
    /// # Errors
    /// [`NetError::Option`] where it does not have such a class.
    pub fn of_class(self, class: Option<usize>) -> Result<Self, NetError> {
        let count = self.program.classes;
        match class.is_none_or(|class| class < count) {
            true => Ok(Network { class, ..self }),
            false => Err(NetError::Option(format!("the network has {count} classes, from 0"))),
        }
    }

    /// Its output F for every sample, one after another.
    pub fn output(&self, question: &Question) -> Vec<f32> {
        output(&self.program, &self.layout, &self.weights, question)
    }

    /// Writes the weights, by their names, as safetensors.
    ///
    /// # Errors
    /// [`NetError::Io`]
    pub fn save(&self, path: &Path) -> Result<(), NetError> {
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            network: self.program.clone(),
            parametrization: (&self.parametrization).into(),
            about: self.about.clone(),
        };
        let tensors: Vec<Named<'_>> = self
            .layout
            .parameters()
            .iter()
            .map(|p| (p.name.clone(), p.shape.clone(), &self.weights[self.layout.range(p)]))
            .collect();
        write(path, &meta, &tensors)
    }

    /// Reads a file written by [`Network::save`].
    ///
    /// # Errors
    /// [`NetError`], with the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, NetError> {
        let stored = Stored::read(path)?;
        let meta: Meta = stored.meta(CONTENT)?;
        let wrong = |error: NetError| NetError::malformed(path, error.to_string());
        let layout = meta.network.declare().map_err(wrong)?.layout;
        let parametrization = meta.parametrization.read().map_err(wrong)?;
        let tensors = stored.tensors()?;
        let mut weights = Vec::with_capacity(layout.len());
        for parameter in layout.parameters() {
            weights.extend(tensors.get(&parameter.name, &parameter.shape)?);
        }
        Network::new(meta.network, parametrization, weights, meta.about).map_err(wrong)
    }

    /// The level of its own process with this ratio of noise to signal.
    fn level(&self, level: &Level) -> Result<Level, DenoiserError> {
        let ratio = level.sigma / level.alpha;
        let process = &self.parametrization.process;
        let time = match self.parametrization.kind {
            Kind::Edm | Kind::X0 => Some(ratio),
            Kind::Eps => process.time_of(ratio),
        };
        time.filter(|t| t.is_finite()).map(|t| process.level(t)).ok_or_else(|| {
            let name = &self.parametrization.name;
            let text = format!("a network of {name} knows no level with sigma/alpha = {ratio}");
            DenoiserError::Network(Box::new(NetError::Option(text)))
        })
    }
}

/// The output of a network for every sample, one after another.
pub(crate) fn output(
    program: &Program,
    layout: &Layout,
    weights: &[f32],
    question: &Question,
) -> Vec<f32> {
    let starts: Vec<usize> = (0..question.count()).step_by(AT_ONCE).collect();
    let of = |start: &usize| {
        let part = question.part(*start..(start + AT_ONCE).min(question.count()));
        let mut tape = Tape::new(layout, weights, &part);
        let y = program.record(&mut tape);
        tape.answer(y)
    };
    starts.par_iter().map(of).collect::<Vec<_>>().concat()
}

impl Denoiser for Network {
    fn dim(&self) -> usize {
        self.program.shape.len()
    }

    fn native(&self) -> Prediction {
        self.parametrization.prediction()
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        let own = self.level(&level.marginal())?;
        let scale = own.alpha / level.marginal().alpha;
        let Coefficients { input, told, skip, output } = self.parametrization.at(&own);
        let count = x.len() / self.dim().max(1);
        let question = Question {
            shape: self.program.shape,
            x: x.iter().map(|x| (input * scale * x) as f32).collect(),
            told: vec![told as f32; count],
            classes: match self.program.classes {
                0 => Vec::new(),
                none => vec![self.class.unwrap_or(none); count],
            },
        };
        let answer = self.output(&question);
        match self.native() {
            Prediction::Denoiser => {
                for ((out, x), f) in out.iter_mut().zip(x).zip(answer) {
                    *out = skip * (scale * x) + output * f64::from(f);
                }
            }
            _ => out.iter_mut().zip(answer).for_each(|(out, f)| *out = f64::from(f)),
        }
        Ok(())
    }
}
