//! Answers: what the library says to a question, with how to ask it elsewhere.

mod cost;
mod samples;

use crate::command::{Elsewhere, Names};
use crate::question::{Asked, Data, Detail, Verb};
use crate::refusal::Refusal;
use crate::store::{Loaded, NO_FILES, Store};
use gaussmeter::data::{Lent, lending};
use gaussmeter::design::{End, Start};
use gaussmeter::exact::Target;
use gaussmeter::experiment::{
    Along, Curve, Defaults, ExploreOptions, Explorer, Length, ModeErrors, NamedSampler, Pareto,
    Question, TuneOptions, noise_levels, tune,
};
use gaussmeter::file;
use gaussmeter::grid::Sigmas;
use gaussmeter::objective;
use gaussmeter::report::Report;
use gaussmeter::watch::Watch;
use serde_json::{Value, json};
use std::sync::Arc;

pub use cost::{MAX_COST, MAX_LENGTH, MAX_SOUGHT};

/// What questions are answered from.
#[derive(Debug, Default)]
pub struct Answers {
    /// Data that questions are about.
    pub store: Store,
    /// Grids of earlier questions.
    explorer: Explorer,
}

/// What was found, and what users should know.
struct Found {
    document: Value,
    notices: Vec<String>,
}

impl Answers {
    /// Answers a question. Where `watch` stops it, that is a [`Refusal::superseded`], of a search too.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn answer(&self, asked: &Asked, watch: Watch) -> Result<Value, Refusal> {
        let defaults = match asked.paper {
            true => &Defaults::PUBLISHED,
            false => asked.verb.defaults(),
        };
        let (asked, lent) = &self.store.named(asked)?;
        let own = Data::Preset(defaults.spectrum.into());
        let data = self.store.find(asked.spectrum.as_ref().unwrap_or(&own))?;
        let against = asked.against.as_ref().map(|data| self.store.find(data)).transpose()?;
        let names = Names::of(asked, Some(&data), against.as_deref());
        let mut extra = Value::Null;
        let found = match asked.verb {
            Verb::Info => info(asked, &data, against.as_deref())?,
            Verb::Samples => {
                let question = read(asked, defaults, lent)?;
                let sheet = samples::draw(asked, &question, &data, watch)?;
                extra = json!({"png": sheet.png});
                Found { document: sheet.document, notices: sheet.notices }
            }
            _ => self.found(asked, read(asked, defaults, lent)?, &data, names, watch)?,
        };
        if watch.is_stopped() {
            return Err(Refusal::superseded());
        }
        let mut answer = answered(asked, names, found);
        if let (Value::Object(answer), Value::Object(extra)) = (&mut answer, extra) {
            answer.extend(extra);
        }
        Ok(answer)
    }

    fn found(
        &self,
        asked: &Asked,
        question: Question,
        data: &Loaded,
        names: Names,
        watch: Watch,
    ) -> Result<Found, Refusal> {
        cost::check(asked, &question, &data.spectrum)?;
        let mut notices: Vec<String> = question.notices().chain(data.notices()).collect();
        let spectrum = data.spectrum.clone();
        let document = match asked.verb {
            Verb::Eval => {
                if question.network.item.training_set().is_some()
                    && let Some(errors) = question.training_set(spectrum.clone(), watch)?
                {
                    errors.report().json()
                } else {
                    let evaluation = question.evaluate(spectrum, watch)?;
                    notices.extend(evaluation.guidance.is_some().then(|| SAME_EIGENVECTORS.into()));
                    evaluation.report(asked.modes).json()
                }
            }
            Verb::Curve => {
                let along = asked.along.unwrap_or(Along::Time);
                question.curve(spectrum, along, asked.target, watch)?.report(Curve::ROWS).json()
            }
            Verb::Modes => question.modes(spectrum, watch)?.report(ModeErrors::ROWS).json(),
            Verb::Steps => question.steps(spectrum, watch)?.report().json(),
            Verb::Table => question.table(spectrum, asked.paper, false, watch)?.report().json(),
            Verb::Rank => question.rank(spectrum, watch)?.report().json(),
            Verb::Pareto => question.pareto(spectrum, watch)?.report(Pareto::COLUMNS).json(),
            Verb::Schedules => {
                let name = asked.objective.as_deref().unwrap_or(Defaults::SCHEDULES.metric);
                let objective = refusing(|| objective::registry().build(name))?;
                let min_ratio = asked.min_ratio.unwrap_or(TuneOptions::default().min_ratio);
                let has_rules = !asked.words.grids.is_empty() || asked.sigmas.is_some();
                let found = question.schedules(spectrum, has_rules, objective, min_ratio, watch)?;
                found.report().json()
            }
            Verb::Show => question.program()?.report(usize::MAX).json(),
            Verb::Tune => tuned(asked, &question, spectrum, watch)?,
            Verb::Explore => self.explored(asked, question, data, names, watch)?,
            Verb::Info | Verb::Samples => return Err(Refusal::defect("answered elsewhere")),
        };
        Ok(Found { document, notices })
    }

    fn explored(
        &self,
        asked: &Asked,
        question: Question,
        data: &Loaded,
        names: Names,
        watch: Watch,
    ) -> Result<Value, Refusal> {
        let detail = match &asked.detail {
            Detail::First => Some(0),
            Detail::None => None,
            Detail::Named(text) => Some(position(&question.samplers, text)?),
        };
        let usual = ExploreOptions::default();
        let options = ExploreOptions {
            detail,
            target: asked.target.unwrap_or(Target::Marginal),
            curve_points: asked.curve_points.unwrap_or(usual.curve_points),
            continuous_points: usual.continuous_points,
            mode_points: asked.mode_points.unwrap_or(usual.mode_points),
        };
        let labels: Vec<String> = question.samplers.iter().map(|s| s.label.clone()).collect();
        let explored = question.explore(data.spectrum.clone(), options, &self.explorer, watch)?;
        let mut document = explored.document();
        if let (Some(at), Value::Object(found)) = (detail, &mut document["detail"]) {
            let mut alone = whole(asked);
            (alone.verb, alone.target) = (Verb::Eval, None);
            alone.words.metric = None;
            alone.words.samplers = vec![labels[at].clone()];
            let elsewhere = Elsewhere::of(&alone, names);
            found.insert("command".into(), json!(elsewhere.command));
            found.insert("python".into(), json!(elsewhere.python));
        }
        Ok(document)
    }
}

/// What evaluations under guidance take for granted.
const SAME_EIGENVECTORS: &str =
    "class and data are taken to have the same eigenvectors, in the order of their eigenvalues";

/// The position of a sampler by its text, or by its label.
fn position(samplers: &[NamedSampler], text: &str) -> Result<usize, Refusal> {
    let built = refusing(|| gaussmeter::sampler::registry().build(text))?;
    samplers
        .iter()
        .position(|sampler| sampler.label == built.label)
        .ok_or_else(|| Refusal::usage(format!("detail '{text}' is not among the samplers")))
}

/// Reads words without opening what they name.
fn refusing<T, E>(read: impl FnOnce() -> Result<T, E>) -> Result<T, Refusal>
where
    Refusal: From<E>,
{
    Ok(file::refusing(NO_FILES, read)?)
}

/// Reads the words of a question, in which some names are those of uploads.
fn read(asked: &Asked, defaults: &'static Defaults, lent: &Lent) -> Result<Question, Refusal> {
    let words = || lending(lent.clone(), || asked.words.read(defaults));
    let mut question = refusing(words)?;
    if let Some(sigmas) = &asked.sigmas {
        let label = format!("sigmas:file={}", gaussmeter::experiment::LEVELS_FILE);
        question.rules = vec![(label, Arc::new(Sigmas::new(sigmas.clone())))];
    }
    Ok(question)
}

/// The question with what `explore` fills in otherwise than other commands.
fn whole(asked: &Asked) -> Asked {
    let mut asked = asked.clone();
    if asked.verb == Verb::Explore {
        if asked.words.lengths.is_empty() && asked.sigmas.is_none() {
            asked.words.lengths = Defaults::EXPLORE.lengths.to_vec();
        }
        if asked.words.samplers.is_empty() {
            asked.words.samplers = vec![Defaults::EXPLORE.samplers.into()];
        }
    }
    asked
}

/// An answer as it is sent.
fn answered(asked: &Asked, names: Names, found: Found) -> Value {
    let mut asked = whole(asked);
    if asked.verb == Verb::Explore
        && let Some(samplers) = found.document["samplers"].as_array()
    {
        // A curve has no place for samplers that cannot run.
        let can_run = samplers.iter().filter(|s| s.get("reason").is_none());
        let labels: Vec<String> =
            can_run.filter_map(|s| Some(s["sampler"].as_str()?.to_string())).collect();
        if !labels.is_empty() {
            asked.words.samplers = labels;
        }
    }
    let Elsewhere { command, python, levels } = Elsewhere::of(&asked, names);
    let mut answer = json!({"document": found.document, "command": command, "python": python});
    if let Some(levels) = levels {
        answer["levels"] = json!(levels);
    }
    answer["notices"] = json!(found.notices);
    answer
}

fn info(asked: &Asked, data: &Loaded, against: Option<&Loaded>) -> Result<Found, Refusal> {
    let against = against.map(|other| other.spectrum.clone());
    let levels = noise_levels(&data.spectrum, &asked.tolerance, against.as_ref())?;
    let document = data.info.report(Some(&levels), usize::MAX, false).json();
    Ok(Found { document, notices: data.notices().collect() })
}

fn tuned(
    asked: &Asked,
    question: &Question,
    spectrum: Arc<gaussmeter::spectrum::Spectrum>,
    watch: Watch,
) -> Result<Value, Refusal> {
    let name = asked.objective.as_deref().unwrap_or(objective::DEFAULT);
    let objective = refusing(|| objective::registry().build(name))?;
    let setting = question.setting(spectrum);
    let (sampler, length) = (question.sampler()?, question.length(&setting));
    let usual = TuneOptions::default();
    let options = TuneOptions {
        network: question.network.clone(),
        start: if asked.free_start { Start::Free } else { Start::Fixed },
        end: if asked.free_end { End::Free } else { End::At(question.eps(&setting)) },
        free_eta: asked.free_eta,
        min_ratio: asked.min_ratio.unwrap_or(usual.min_ratio),
        starts: asked.starts.unwrap_or(usual.starts),
        seed: asked.seed.unwrap_or(usual.seed),
        ..usual
    };
    let (diffusion, init) = (&setting.diffusion, question.init());
    let found = tune(diffusion, sampler, length, init, &objective, options, watch)?;
    match found.interrupted {
        true => Err(Refusal::superseded()),
        false => Ok(found.report().json()),
    }
}

/// What is there: the registries, what commands take where nothing is said, the limits, and the files.
pub fn registry(answers: &Answers) -> Value {
    let mut entries = gaussmeter::families::listed();
    entries.push(("formats", "Formats of data sets", gaussmeter_data::source::listed()));
    let entries = entries.iter().flat_map(|(_, _, entries)| entries);
    json!({
        "document": gaussmeter::families::list_document(entries),
        "defaults": Verb::ALL.map(|verb| (verb.name(), defaults_json(verb)))
            .into_iter().map(|(name, of)| (name.to_string(), of)).collect::<serde_json::Map<_, _>>(),
        "limits": {
            "cost": MAX_COST,
            "length": MAX_LENGTH,
            "sought_steps": MAX_SOUGHT,
            "question_bytes": crate::http::MAX_QUESTION,
            "upload_bytes": crate::http::MAX_UPLOAD,
            "uploads": crate::store::MAX_UPLOADS,
            "kept_bytes": crate::store::MAX_KEPT,
        },
        "uploads": uploads(answers),
    })
}

fn defaults_json(verb: Verb) -> Value {
    let of = verb.defaults();
    let (unit, numbers) = (
        match of.lengths.first() {
            Some(Length::Steps(_)) => "steps",
            Some(Length::Points(_)) => "points",
            _ => "nfe",
        },
        of.numbers(),
    );
    let mut defaults = json!({
        "spectrum": of.spectrum,
        "process": of.process,
        "grid": of.grid,
        "sampler": of.samplers,
        "init": of.inits,
        "metric": of.metric,
        "eps": of.eps,
        "several": of.several,
    });
    defaults[unit] = json!(numbers);
    defaults
}

/// The files that questions can be about.
pub fn uploads(answers: &Answers) -> Value {
    let upload = |loaded: &Arc<Loaded>| {
        json!({
            "id": loaded.id,
            "name": loaded.name,
            "kind": loaded.kind.name(),
            "drawable": loaded.is_drawable(),
            "given": loaded.is_given,
        })
    };
    answers.store.list().iter().map(upload).collect()
}

/// What an upload is.
///
/// # Errors
/// [`Refusal`]
pub fn uploaded(loaded: &Loaded) -> Result<Value, Refusal> {
    let Found { document, notices } = info(&Asked::default(), loaded, None)?;
    Ok(json!({
        "id": loaded.id,
        "name": loaded.name,
        "kind": loaded.kind.name(),
        "drawable": loaded.is_drawable(),
        "document": document,
        "made_by": loaded.made_by,
        "notices": notices,
    }))
}
