//! Questions: from the bytes of a body to words, which the library reads. Nothing is looked up here, and no
//! default is filled in.

mod read;
mod verb;

pub use verb::Verb;

use crate::refusal::Refusal;
use gaussmeter::entry::nearest;
use gaussmeter::exact::Target;
use gaussmeter::experiment::{Along, Length, Words};
use read::{counts, flag, levels, number, numbers, seed, text, texts, whole};
use serde_json::{Map, Value};

/// The data of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// The text of a preset.
    Preset(String),
    /// What was uploaded.
    Upload(String),
}

/// Which sampler of several is wanted in detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The first.
    #[default]
    First,
    /// This one.
    Named(String),
    /// None.
    None,
}

/// A question as it was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// What is asked.
    pub verb: Verb,
    /// The data; `None` for those of the command.
    pub spectrum: Option<Data>,
    /// What is said in words.
    pub words: Words,
    /// Levels σ/α that are given one by one, in place of a grid in words.
    pub sigmas: Option<Vec<f64>>,
    /// Whether the law per eigenvalue is wanted.
    pub modes: bool,
    /// Whether the table is the published one.
    pub paper: bool,
    /// What a curve runs along.
    pub along: Option<Along>,
    /// What laws are compared with.
    pub target: Option<Target>,
    /// What times are the best for.
    pub objective: Option<String>,
    /// Smallest ratio of neighbouring levels.
    pub min_ratio: Option<f64>,
    /// Whether the start of a schedule is sought.
    pub free_start: bool,
    /// Whether its end is.
    pub free_end: bool,
    /// Whether the stochasticity of the sampler is.
    pub free_eta: bool,
    /// Schedules to descend from.
    pub starts: Option<usize>,
    /// The seed of a search, or of samples.
    pub seed: Option<u64>,
    /// Errors that a start and a stop may leave.
    pub tolerance: Vec<f64>,
    /// Data to compare noise levels with.
    pub against: Option<Data>,
    /// Which sampler is wanted in detail.
    pub detail: Detail,
    /// Most points of a curve.
    pub curve_points: Option<usize>,
    /// Most eigenvalues of the detail.
    pub mode_points: Option<usize>,
    /// Number of samples.
    pub count: Option<usize>,
}

/// Most starts of a search.
const MAX_STARTS: usize = 1000;
/// Most samples of a sheet.
const MAX_COUNT: usize = 64;
/// Most levels, steps or members of a list.
const MAX_LIST: usize = 10_000;

impl Asked {
    /// Reads the body of a question.
    ///
    /// # Errors
    /// [`Refusal`]: malformed JSON, unknown keys, values of the wrong type or out of range.
    pub fn parse(verb: Verb, body: &[u8]) -> Result<Self, Refusal> {
        let given: Value = match body.trim_ascii() {
            [] => Value::Object(Map::new()),
            body => serde_json::from_slice(body)
                .map_err(|error| Refusal::usage(format!("the body is not JSON: {error}")))?,
        };
        let Value::Object(given) = given else {
            return Err(Refusal::usage(
                "the body has to be a JSON object, such as {\"sampler\": \"heun\"}",
            ));
        };
        let mut asked = Asked { verb, ..Asked::default() };
        let mut given = given.iter().filter(|(_, value)| !value.is_null());
        given.try_for_each(|(key, value)| asked.take(key, value))?;
        asked.check()
    }

    /// Takes one key.
    fn take(&mut self, key: &str, value: &Value) -> Result<(), Refusal> {
        let Some(known) = self.verb.keys().find(|known| *known == key) else {
            return Err(self.unknown(key));
        };
        let several = |what| self.verb.defaults().several.contains(&what);
        let list = |what| texts(known, value, several(what));
        match known {
            "spectrum" => self.spectrum = Some(data(known, value)?),
            "process" => self.words.processes = list("process")?,
            "grid" => match levels(known, value)? {
                Some(sigmas) => self.sigmas = Some(sigmas),
                None => self.words.grids = list("grid")?,
            },
            "sampler" => self.words.samplers = list("sampler")?,
            "init" => self.words.inits = list("init")?,
            "network" => self.words.network = Some(text(known, value)?),
            "metric" => self.words.metric = Some(text(known, value)?),
            "eps" => self.words.eps = numbers(known, value, self.verb.takes_many_eps(), 0.0)?,
            "nfe" => self.length(Length::Nfe, known, value)?,
            "steps" => self.length(Length::Steps, known, value)?,
            "points" => self.length(Length::Points, known, value)?,
            "modes" => self.modes = flag(known, value)?,
            "paper" => self.paper = flag(known, value)?,
            "against" if self.verb == Verb::Info => self.against = Some(data(known, value)?),
            "against" => {
                self.along = Some(match &text(known, value)?[..] {
                    "time" => Along::Time,
                    "eps" => Along::Eps,
                    other => return Err(neither(known, other, "time", "eps")),
                });
            }
            "target" => {
                self.target = Some(match &text(known, value)?[..] {
                    "marginal" => Target::Marginal,
                    "data" => Target::Data,
                    other => return Err(neither(known, other, "marginal", "data")),
                });
            }
            "objective" => self.objective = Some(text(known, value)?),
            "min_ratio" => self.min_ratio = Some(number(known, value)?),
            "free" => {
                for what in texts(known, value, true)? {
                    match &what[..] {
                        "start" => self.free_start = true,
                        "end" => self.free_end = true,
                        "eta" => self.free_eta = true,
                        other => {
                            return Err(Refusal::usage(format!(
                                "{known} '{other}': give 'start', 'end' or 'eta'"
                            )));
                        }
                    }
                }
            }
            "starts" => self.starts = Some(whole(known, value, 1, MAX_STARTS)?),
            "seed" => self.seed = Some(seed(known, value)?),
            "tolerance" => self.tolerance = numbers(known, value, true, f64::MIN_POSITIVE)?,
            "detail" => {
                self.detail = match value {
                    Value::Bool(false) => Detail::None,
                    value => Detail::Named(text(known, value)?),
                };
            }
            "curve_points" => self.curve_points = Some(whole(known, value, 2, 2000)?),
            "mode_points" => self.mode_points = Some(whole(known, value, 2, 5000)?),
            "count" => self.count = Some(whole(known, value, 1, MAX_COUNT)?),
            _ => return Err(self.unknown(key)),
        }
        Ok(())
    }

    fn length(
        &mut self,
        unit: fn(usize) -> Length,
        key: &'static str,
        value: &Value,
    ) -> Result<(), Refusal> {
        if !self.words.lengths.is_empty() {
            return Err(Refusal::usage("give only one of nfe, steps and points"));
        }
        let several = self.verb.takes_many_lengths();
        self.words.lengths = counts(key, value, several)?.into_iter().map(unit).collect();
        Ok(())
    }

    fn unknown(&self, key: &str) -> Refusal {
        let known: Vec<&str> = self.verb.keys().collect();
        let hint = match nearest(key, known.iter().copied()) {
            Some(near) => format!(": did you mean '{near}'?"),
            None => format!(" (known: {})", known.join(", ")),
        };
        Refusal::usage(format!("{} has no key '{key}'{hint}", self.verb.name()))
    }

    /// Whether the answer may take long, so that short questions should not wait for it.
    pub fn is_long(&self) -> bool {
        let network = self.words.network.as_deref().unwrap_or_default();
        let seeks = |grid: &String| grid.contains("optimi") || grid.starts_with("tuned");
        self.verb.is_long()
            || network.trim_start().starts_with("samples")
            || (self.verb != Verb::Explore && self.words.grids.iter().any(seeks))
    }

    /// What concerns several keys.
    fn check(self) -> Result<Self, Refusal> {
        if self.free_end && !self.words.eps.is_empty() {
            return Err(Refusal::usage(
                "free end optimises the end that eps fixes: give only one of them",
            ));
        }
        if self.verb.needs_sampler() && self.words.samplers.is_empty() {
            let verb = self.verb.name();
            return Err(Refusal::usage(format!(
                "{verb} needs a sampler, such as \"sampler\": \"heun\""
            )));
        }
        Ok(self)
    }
}

fn neither(key: &str, given: &str, one: &str, other: &str) -> Refusal {
    Refusal::usage(format!("{key} '{given}': give '{one}' or '{other}'"))
}

/// A preset, or an upload.
fn data(key: &'static str, value: &Value) -> Result<Data, Refusal> {
    match value {
        Value::Object(of) => match of.get("id") {
            Some(Value::String(id)) if of.len() == 1 => Ok(Data::Upload(id.clone())),
            _ => Err(Refusal::usage(format!("{key}: an upload is {{\"id\": \"…\"}}"))),
        },
        value => Ok(Data::Preset(text(key, value)?)),
    }
}
