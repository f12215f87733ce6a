//! What is asked of an experiment: in words, as people write it, and read. Command line, Python and
//! page all pass words on and get a checked [`Question`], so that defaults and checks are here alone.

use super::{
    Diffusion, Evaluation, ExperimentError, Length, ModeErrors, NamedRule, NamedSampler, Pareto,
    Place, Ranking, Setting, StepErrors, evaluate, mode_errors, pareto, rank, step_errors,
};
#[cfg(feature = "dense")]
use crate::basis::Basis;
use crate::entry::{EntryError, Named, split_list};
use crate::exact::{self, Init};
use crate::metric::{self, Metric};
use crate::network::Network;
use crate::process::{self, Process};
use crate::spectrum::Spectrum;
use crate::watch::Watch;
use crate::{grid, sampler};
use std::sync::Arc;
use thiserror::Error;

/// What an experiment takes where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults {
    /// The data.
    pub spectrum: &'static str,
    /// The forward process.
    pub process: &'static str,
    /// Where the times go.
    pub grid: &'static str,
    /// Samplers, comma-separated; empty where one must be given.
    pub samplers: &'static str,
    /// Initial laws, comma-separated.
    pub inits: &'static str,
    /// Of what several may be given, in comma-separated lists: `process`, `grid`, `sampler` (where `all`
    /// is a list too), `init`.
    pub several: &'static [&'static str],
    /// What is measured.
    pub metric: &'static str,
    /// How long samplers run, unless the grid has steps of its own.
    pub lengths: &'static [Length],
    /// Where sampling stops, unless the grid ends by itself.
    pub eps: &'static [f64],
}

impl Defaults {
    /// One configuration of the paper's process.
    const PAPER: Defaults = Defaults {
        spectrum: "cifar10",
        process: "vp-linear",
        grid: "uniform",
        samplers: "",
        inits: "normal",
        several: &[],
        metric: "w2",
        lengths: &[Length::Nfe(50)],
        eps: &[1e-3],
    };
    /// Times that are sought, or exported, for the process of EDM.
    const EDM: Defaults = Defaults { process: "edm", eps: &[0.0], ..Defaults::PAPER };

    /// `gaussmeter eval`
    pub const EVAL: Defaults = Defaults::PAPER;
    /// `gaussmeter table`
    pub const TABLE: Defaults = Defaults {
        samplers: PAPER_SAMPLERS,
        inits: "exact,normal",
        several: &["sampler", "init"],
        lengths: &[Length::Nfe(50), Length::Nfe(250), Length::Nfe(500), Length::Nfe(1000)],
        eps: &[0.0, 1e-5, 1e-4, 1e-3],
        ..Defaults::PAPER
    };
    /// `gaussmeter table --paper`
    pub const PUBLISHED: Defaults = Defaults { spectrum: "cifar10-icml2025", ..Defaults::TABLE };
    /// `gaussmeter curve`
    pub const CURVE: Defaults = Defaults {
        samplers: "em,ei,euler,heun",
        several: &["sampler"],
        lengths: &[Length::Nfe(1000)],
        ..Defaults::PAPER
    };
    /// What a page shows at once.
    pub const EXPLORE: Defaults = Defaults { lengths: Defaults::EVAL.lengths, ..Defaults::CURVE };
    /// `gaussmeter modes`
    pub const MODES: Defaults =
        Defaults { samplers: "em,heun", several: &["sampler"], ..Defaults::PAPER };
    /// `gaussmeter steps`
    pub const STEPS: Defaults = Defaults { lengths: &[Length::Nfe(10)], ..Defaults::PAPER };
    /// `gaussmeter rank`
    pub const RANK: Defaults = Defaults {
        samplers: "all",
        several: &["process", "grid", "sampler"],
        lengths: &[Length::Nfe(20)],
        ..Defaults::PAPER
    };
    /// `gaussmeter pareto`
    pub const PARETO: Defaults = Defaults {
        samplers: "em,euler,heun,rk4,ddim,dpmpp-2m,dpmpp-2m-sde,edm",
        several: &["process", "grid", "sampler"],
        lengths: &[
            Length::Nfe(5),
            Length::Nfe(10),
            Length::Nfe(20),
            Length::Nfe(50),
            Length::Nfe(100),
            Length::Nfe(200),
        ],
        ..Defaults::PAPER
    };
    /// `gaussmeter show`: a program is the same for all data.
    pub const SHOW: Defaults =
        Defaults { spectrum: "white:d=1", lengths: &[Length::Steps(4)], ..Defaults::PAPER };
    /// `gaussmeter sample`
    pub const SAMPLE: Defaults = Defaults::PAPER;
    /// `gaussmeter export`
    pub const EXPORT: Defaults =
        Defaults { lengths: &[Length::Nfe(10)], eps: &[0.0], ..Defaults::PAPER };
    /// `gaussmeter tune`
    pub const TUNE: Defaults = Defaults { lengths: &[Length::Nfe(20)], ..Defaults::EDM };
    /// `gaussmeter schedules`
    pub const SCHEDULES: Defaults = Defaults {
        samplers: "dpmpp-2m",
        several: &["grid", "sampler"],
        lengths: &[Length::Steps(5), Length::Steps(10), Length::Steps(20)],
        ..Defaults::EDM
    };
    /// `gaussmeter verify`
    pub const VERIFY: Defaults = Defaults {
        samplers: "dpmpp-2m,edm,ddim",
        grid: "karras,exponential,fisher-rao,geodesic",
        several: &["process", "grid", "sampler"],
        lengths: &[Length::Steps(5), Length::Steps(10), Length::Steps(20)],
        ..Defaults::EDM
    };
    /// `gaussmeter score-error`
    pub const SCORE_ERROR: Defaults = Defaults {
        samplers: "em,ddim,edm,dpmpp-2m,dpmpp-2m-sde",
        grid: "karras",
        several: &["process", "grid", "sampler"],
        lengths: &[Length::Steps(18)],
        ..Defaults::EDM
    };
    /// `gaussmeter plane`
    pub const PLANE: Defaults = Defaults {
        spectrum: "",
        samplers: "em,euler",
        several: &["sampler"],
        lengths: &[Length::Steps(8)],
        eps: &[0.1],
        ..Defaults::PAPER
    };
    /// `gaussmeter report`: its tables and curves.
    pub const REPORT: Defaults = Defaults {
        grid: "karras",
        samplers: "ddim,edm,dpmpp-2m,dpmpp-3m,unipc,euler-ancestral,dpmpp-2m-sde",
        several: &["sampler"],
        lengths: &[Length::Nfe(5), Length::Nfe(10), Length::Nfe(20), Length::Nfe(50)],
        ..Defaults::EDM
    };
    /// `gaussmeter recommend`
    pub const RECOMMEND: Defaults = Defaults {
        samplers: "all",
        several: &["sampler"],
        lengths: &[Length::Nfe(20)],
        ..Defaults::EDM
    };
}

/// The samplers of the paper's table.
const PAPER_SAMPLERS: &str = "em,ei,ddpm,euler,heun,rk4";

/// A question in words. What is `None` or empty has the default of the experiment; where it takes
/// [several](Defaults::several), a text may be a comma-separated list.
///
/// ```
/// use gaussmeter::data;
/// use gaussmeter::experiment::{Defaults, Length, Words};
/// use gaussmeter::watch::Watch;
/// let words = Words {
///     samplers: vec!["heun".into()],
///     lengths: vec![Length::Nfe(50)],
///     ..Words::default()
/// };
/// let question = words.read(&Defaults::EVAL)?;
/// let evaluation = question.evaluate(data::load("cifar10")?, Watch::NOBODY)?;
/// assert_eq!(format!("{:.4}", evaluation.w2.total), "1.8745");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// Forward processes.
    pub processes: Vec<String>,
    /// Where the times go.
    pub grids: Vec<String>,
    /// Samplers, or `all` alone.
    pub samplers: Vec<String>,
    /// Initial laws.
    pub inits: Vec<String>,
    /// What is measured.
    pub metric: Option<String>,
    /// The network that samplers call, in [`Question::setting`] and [`Question::places`].
    pub network: Option<String>,
    /// How long samplers run.
    pub lengths: Vec<Length>,
    /// Where sampling stops.
    pub eps: Vec<f64>,
}

/// A question that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// A name or a parameter that no registry knows.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A list without members.
    #[error("{what} is an empty list")]
    Empty {
        /// `process`, `grid`, `sampler` or `init`.
        what: &'static str,
    },
    /// Where one sampler is asked for.
    #[error("sampler all: this command takes one sampler (all of them: gaussmeter rank)")]
    All,
}

/// What is asked of an experiment: everything but the data, checked.
#[derive(Debug)]
pub struct Question {
    /// Forward processes with their text forms.
    pub processes: Vec<(String, Arc<dyn Process>)>,
    /// Where the times go.
    pub rules: Vec<NamedRule>,
    /// The samplers; at least one, unless the experiment can do without.
    pub samplers: Vec<NamedSampler>,
    /// Initial laws with their labels.
    pub inits: Vec<(String, Init)>,
    /// What is measured.
    pub metric: Named<dyn Metric>,
    /// The network that samplers call, in settings and places.
    pub network: Network,
    /// How long samplers run, as far as asked for.
    pub(super) asked_lengths: Vec<Length>,
    /// Where sampling stops, as far as asked for.
    pub(super) asked_eps: Vec<f64>,
    defaults: &'static Defaults,
}

impl Defaults {
    /// The numbers of the lengths.
    pub fn numbers(&self) -> Vec<usize> {
        let number = |l: &Length| -> usize {
            let (Length::Steps(n) | Length::Points(n) | Length::Nfe(n)) = *l;
            n
        };
        self.lengths.iter().map(number).collect()
    }

    /// The first of these numbers: the budget of experiments that have one.
    pub const fn budget(&self) -> usize {
        let (Length::Steps(n) | Length::Points(n) | Length::Nfe(n)) = self.lengths[0];
        n
    }

    /// What `texts` name, each built; what the default names where there is none.
    fn each<T>(
        &self,
        what: &'static str,
        texts: &[String],
        default: &str,
        build: impl Fn(&str) -> Result<T, EntryError>,
    ) -> Result<Vec<T>, QuestionError> {
        let names: Vec<String> = match texts {
            [] => split_list(default),
            texts if self.several.contains(&what) => {
                texts.iter().flat_map(|list| split_list(list)).collect()
            }
            texts => texts.to_vec(),
        };
        if names.is_empty() {
            return Err(QuestionError::Empty { what });
        }
        Ok(names.iter().map(|name| build(name)).collect::<Result<_, _>>()?)
    }
}

/// All samplers of the registry that need no parameter.
pub fn all_samplers() -> Vec<NamedSampler> {
    let registry = sampler::registry();
    registry.names().into_iter().filter_map(|name| registry.build(name).ok()).collect()
}

impl Words {
    /// Reads the words.
    ///
    /// # Errors
    /// [`QuestionError`]
    pub fn read(&self, defaults: &'static Defaults) -> Result<Question, QuestionError> {
        let samplers = match &self.samplers[..] {
            [] if defaults.samplers.is_empty() => Vec::new(),
            [] if defaults.samplers == "all" => all_samplers(),
            [all] if all == "all" && defaults.several.contains(&"sampler") => all_samplers(),
            [all] if all == "all" => return Err(QuestionError::All),
            texts => {
                let registry = sampler::registry();
                defaults.each("sampler", texts, defaults.samplers, |name| registry.build(name))?
            }
        };
        let metric = self.metric.as_deref().unwrap_or(defaults.metric);
        let metric = metric::registry().build(metric)?;
        let network = self.network.as_deref().map(Network::read).transpose()?.unwrap_or_default();
        let registry = exact::init_registry();
        let inits = defaults.each("init", &self.inits, defaults.inits, |name| {
            registry.build(name).map(|named| (named.label, *named.item))
        })?;
        let registry = process::registry();
        let processes = defaults.each("process", &self.processes, defaults.process, |name| {
            registry.build(name).map(|named| (named.label, named.item.into()))
        })?;
        let registry = grid::registry();
        let rules = defaults.each("grid", &self.grids, defaults.grid, |name| {
            registry.build(name).map(|named| (named.label, named.item.into()))
        })?;
        let (asked_lengths, asked_eps) = (self.lengths.clone(), self.eps.clone());
        Ok(Question {
            processes,
            rules,
            samplers,
            inits,
            metric,
            network,
            asked_lengths,
            asked_eps,
            defaults,
        })
    }
}

impl Question {
    /// What users of the processes should know, with the process that it is about.
    pub fn notices(&self) -> impl Iterator<Item = String> + '_ {
        let of = |(label, process): &(String, Arc<dyn Process>)| {
            let notice = |notice: &String| format!("{label}: {notice}");
            process.notices().iter().map(notice).collect::<Vec<_>>()
        };
        self.processes.iter().flat_map(of)
    }

    /// The data on the first process.
    pub fn diffusion(&self, spectrum: impl Into<Arc<Spectrum>>) -> Diffusion {
        let (process_label, process) = self.processes[0].clone();
        Diffusion { spectrum: spectrum.into(), process, process_label }
    }

    /// The data on the first process, with the first rule.
    pub fn setting(&self, spectrum: impl Into<Arc<Spectrum>>) -> Setting {
        let setting = self.diffusion(spectrum).with(self.rules[0].clone());
        Setting { network: self.network.clone(), ..setting }
    }

    /// The data on every process with every rule, in this order, each with the first eps.
    pub fn places(&self, spectrum: impl Into<Arc<Spectrum>>) -> Vec<Place> {
        let spectrum = spectrum.into();
        let diffusions = self.processes.iter().map(|(label, process)| Diffusion {
            spectrum: spectrum.clone(),
            process: process.clone(),
            process_label: label.clone(),
        });
        let settings = diffusions
            .flat_map(|d| self.rules.iter().map(|r| d.with(r.clone())).collect::<Vec<_>>());
        let settings = settings.map(|s| Setting { network: self.network.clone(), ..s });
        settings.map(|setting| Place { eps: self.eps(&setting), setting }).collect()
    }

    /// The first sampler.
    ///
    /// # Errors
    /// [`ExperimentError::Empty`]
    pub fn sampler(&self) -> Result<&NamedSampler, ExperimentError> {
        self.samplers.first().ok_or(ExperimentError::Empty { what: "sampler" })
    }

    /// The first initial law with its label.
    pub fn init(&self) -> (&str, &Init) {
        let (label, init) = &self.inits[0];
        (label, init)
    }

    /// How long samplers run: as asked for, as long as the grid's own times, or by default.
    pub fn lengths(&self, setting: &Setting) -> Vec<Length> {
        match (&self.asked_lengths[..], setting.rule.own_steps()) {
            ([], Some(steps)) => vec![Length::Points(steps + 1)],
            ([], None) => self.defaults.lengths.to_vec(),
            (asked, _) => asked.to_vec(),
        }
    }

    /// How long samplers run on grids of any length: as asked for, or by default.
    pub fn asked_lengths(&self) -> Vec<Length> {
        match &self.asked_lengths[..] {
            [] => self.defaults.lengths.to_vec(),
            asked => asked.to_vec(),
        }
    }

    /// The first of [`Question::lengths`].
    pub fn length(&self, setting: &Setting) -> Length {
        self.lengths(setting)[0]
    }

    /// Where sampling stops: as asked for, where the grid ends by itself, or by default; each value
    /// once.
    pub fn all_eps(&self, setting: &Setting) -> Vec<f64> {
        match &self.asked_eps[..] {
            [] => self.own_eps(setting),
            asked => {
                let is_first = |&(i, eps): &(usize, &f64)| !asked[..i].contains(eps);
                asked.iter().enumerate().filter(is_first).map(|(_, eps)| *eps).collect()
            }
        }
    }

    /// Where sampling stops if nothing is asked for: where the grid ends by itself, or by default.
    pub(super) fn own_eps(&self, setting: &Setting) -> Vec<f64> {
        match setting.rule.own_end(&*setting.process) {
            Some(own) => vec![own],
            None => self.defaults.eps.to_vec(),
        }
    }

    /// The first of [`Question::all_eps`].
    pub fn eps(&self, setting: &Setting) -> f64 {
        self.all_eps(setting)[0]
    }

    /// Everything known about one configuration.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn evaluate(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        watch: Watch,
    ) -> Result<Evaluation, ExperimentError> {
        let s = self.setting(spectrum);
        evaluate(&s, self.sampler()?, self.length(&s), self.eps(&s), self.init(), watch)
    }

    /// What one configuration does with the network of a finite training set, if the question's network
    /// is one.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn training_set(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        watch: Watch,
    ) -> Result<Option<super::TrainingSetErrors>, ExperimentError> {
        let Some(set) = self.network.item.training_set() else { return Ok(None) };
        let s = self.setting(spectrum);
        let (sampler, length, eps) = (self.sampler()?, self.length(&s), self.eps(&s));
        super::training_set_errors(&s, set, sampler, length, eps, self.init(), watch).map(Some)
    }

    /// What one configuration does under guidance to a class, where the question's network guides and class
    /// and data are known with their eigenvectors: by dense matrices.
    ///
    /// # Errors
    /// [`ExperimentError`]
    #[cfg(feature = "dense")]
    pub fn guided(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        (class, all): (&dyn Basis, &dyn Basis),
        watch: Watch,
    ) -> Result<Option<super::GuidedErrors>, ExperimentError> {
        let Some(guiding) = self.network.item.guidance() else { return Ok(None) };
        let s = self.setting(spectrum);
        let run = s.run(self.sampler()?, self.length(&s), self.eps(&s))?;
        super::guided_errors(&s, guiding, (class, all), run, self.init(), watch).map(Some)
    }

    /// The error per eigenvalue.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn modes(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        watch: Watch,
    ) -> Result<ModeErrors, ExperimentError> {
        let s = self.setting(spectrum);
        mode_errors(&s, &self.samplers, self.length(&s), self.eps(&s), self.init(), watch)
    }

    /// What each step contributes to the error.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn steps(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        watch: Watch,
    ) -> Result<StepErrors, ExperimentError> {
        let s = self.setting(spectrum);
        step_errors(&s, self.sampler()?, self.length(&s), self.eps(&s), self.init(), watch)
    }

    /// Network evaluations of the lengths, as far as they are budgets.
    fn budgets(&self) -> Vec<usize> {
        let budget = |length: &Length| match length {
            Length::Nfe(nfe) => Some(*nfe),
            _ => None,
        };
        self.asked_lengths().iter().filter_map(budget).collect()
    }

    /// The samplers at one budget, the best first.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn rank(
        self,
        spectrum: impl Into<Arc<Spectrum>>,
        watch: Watch,
    ) -> Result<Ranking, ExperimentError> {
        let (places, nfe) = (self.places(spectrum), self.budgets().first().copied().unwrap_or(0));
        let (label, init) = &self.inits[0];
        rank(places, &self.samplers, nfe, (label, init), self.metric, watch)
    }

    /// The samplers on data whose network is known and whose Gaussian of the whole is `spectrum`.
    ///
    /// # Errors
    /// [`ExperimentError`]
    #[cfg(feature = "dense")]
    pub fn verify(
        &self,
        law: Arc<dyn crate::law::DataLaw>,
        spectrum: impl Into<Arc<Spectrum>>,
        options: super::VerifyOptions,
        watch: Watch,
    ) -> Result<super::Verification, ExperimentError> {
        let (places, lengths) = (self.places(spectrum), self.asked_lengths());
        super::verify(law, places, &self.samplers, &lengths, options, watch)
    }

    /// The same of a trained network on these data, beside their own (see
    /// [`verify_trained`](super::verify_trained)).
    ///
    /// # Errors
    /// [`ExperimentError`]
    #[cfg(feature = "dense")]
    pub fn verify_trained(
        &self,
        law: Arc<dyn crate::law::DataLaw>,
        network: (&str, &(dyn Fn() -> Box<dyn crate::network::Denoiser + Send> + Sync)),
        spectrum: impl Into<Arc<Spectrum>>,
        options: super::VerifyOptions,
        watch: Watch,
    ) -> Result<super::Verification, ExperimentError> {
        let (places, lengths) = (self.places(spectrum), self.asked_lengths());
        super::verify_trained(law, network, places, &self.samplers, &lengths, options, watch)
    }

    /// Error against network evaluations.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn pareto(
        self,
        spectrum: impl Into<Arc<Spectrum>>,
        watch: Watch,
    ) -> Result<Pareto, ExperimentError> {
        let (places, budgets) = (self.places(spectrum), self.budgets());
        let (label, init) = &self.inits[0];
        pareto(places, &self.samplers, &budgets, (label, init), self.metric, watch)
    }
}
