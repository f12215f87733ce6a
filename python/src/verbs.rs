//! What can be asked: one function per question, which the library answers.

use crate::errors::Failure;
use crate::law::PyLaw;
use crate::network::Network;
use crate::question::{Asked, spectrum};
use crate::result::Found;
use crate::spectrum::PySpectrum;
use crate::work::watched;
use gaussmeter::basis::{Basis, EigenCoordinates};
use gaussmeter::data::Info;
use gaussmeter::design::{End, Start};
use gaussmeter::exact::Target;
use gaussmeter::experiment::{
    Along, Curve, Defaults, DossierOptions, ExperimentError, Goal, ModeErrors, Pareto, PlaneData,
    PlaneView, Question, RecommendOptions, Recommendation, Samplers, ScoreErrorOptions,
    TuneOptions, VERIFIED_STARTS, VerifyOptions, dossier, noise_levels, plane as in_plane,
    recommend as best, score_error as measured, tune as tuned, verify_network,
};
use gaussmeter::export::{self, Form};
use gaussmeter::law::DataLaw;
use gaussmeter::objective;
use gaussmeter::paths::Draw;
use gaussmeter::spectrum::Spectrum;
use gaussmeter::watch::Watch;
use gaussmeter_data::{Model, load_law};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Progress<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// Reads a question and answers it on other threads.
fn ask(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    defaults: &'static Defaults,
    progress: Progress<'_, '_>,
    answer: impl FnOnce(Question, Arc<Spectrum>, Watch) -> Result<Found, Failure> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let asked = Asked::of(words)?;
    let data = spectrum(data, defaults)?;
    let work = move |watch: Watch| {
        let question = asked.read(defaults)?;
        let notices = question.notices().collect();
        Ok(answer(question, data, watch)?.with_notices(notices))
    };
    watched(py, progress, work, |py, found| found.into_python(py))
}

/// Everything about one configuration.
#[pyfunction]
#[pyo3(signature = (data, words, modes = false, progress = None))]
pub fn evaluate(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    modes: bool,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let own = data.and_then(|data| data.cast::<PySpectrum>().ok()).map(|data| data.get().clone());
    ask(py, data, words, &Defaults::EVAL, progress, move |question, data, watch| {
        let mut notices = Vec::new();
        if let Some(guiding) = question.network.item.guidance() {
            let all = own.map(|own| own.basis()).transpose()?.flatten();
            match (Model::load(Path::new(&guiding.class[..])), all) {
                (Ok(class), Some(all)) if !modes => {
                    let bases = (&*class.basis, &*all);
                    if let Some(errors) = question.guided(data.clone(), bases, watch)? {
                        return Ok(Found::new(move |_, show| show(&errors.report())));
                    }
                }
                (Ok(_), Some(_)) => {
                    return Err(Failure::new(
                        "modes: class and data have eigenvectors of their own, so that there is no law per eigenvalue",
                    ));
                }
                _ => notices.push(
                    "class and data are taken to have the same eigenvectors, in the order of their eigenvalues: spectra made with basis=True bring their own".into(),
                ),
            }
        }
        if question.network.item.training_set().is_some()
            && let Some(errors) = question.training_set(data.clone(), watch)?
        {
            return Ok(Found::new(move |_, show| show(&errors.report())));
        }
        let evaluation = question.evaluate(data.clone(), watch)?;
        let law = evaluation.law.clone();
        let found = Found::new(move |_, show| show(&evaluation.report(modes)));
        Ok(found.with_law(law, data).with_notices(notices))
    })
}

/// The law of the output of one configuration.
#[pyfunction]
pub fn output_law(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    let asked = Asked::of(words)?;
    let data = spectrum(data, &Defaults::EVAL)?;
    let own = data.clone();
    let work = move |watch: Watch| {
        let question = asked.read(&Defaults::EVAL)?;
        let setting = question.setting(own);
        let (length, eps) = (question.length(&setting), question.eps(&setting));
        let run = setting.run_watched(question.sampler()?, length, eps, watch)?;
        let init = setting.init(question.init().1)?;
        Ok(run.law(&setting.learnt(&init)?, &init, Target::Data)?)
    };
    watched(py, None, work, move |py, law| Ok(Py::new(py, PyLaw::new(law, data))?.into_any()))
}

/// The ablation table.
#[pyfunction]
#[pyo3(signature = (data, words, as_published = false, show_nfe = false, progress = None))]
pub fn table(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    as_published: bool,
    show_nfe: bool,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let defaults = if as_published { &Defaults::PUBLISHED } else { &Defaults::TABLE };
    ask(py, data, words, defaults, progress, move |question, data, watch| {
        let table = question.table(data, as_published, show_nfe, watch)?;
        let stopped = table.is_interrupted();
        Ok(Found::new(move |_, show| show(&table.report())).interrupted(stopped))
    })
}

/// The error along time or truncation.
#[pyfunction]
#[pyo3(signature = (data, words, against = "time", target = None, rows = None, progress = None))]
pub fn curve(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    against: &str,
    target: Option<&str>,
    rows: Option<usize>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let along = match against {
        "time" => Some(Along::Time),
        "eps" => Some(Along::Eps),
        "both" => None,
        other => {
            let text = format!("against '{other}': give 'time', 'eps' or 'both'");
            return Err(Failure::new(text).into());
        }
    };
    let target = match target {
        None => None,
        Some("marginal") => Some(Target::Marginal),
        Some("data") => Some(Target::Data),
        Some(other) => {
            let text = format!("target '{other}': give 'marginal' or 'data'");
            return Err(Failure::new(text).into());
        }
    };
    ask(py, data, words, &Defaults::CURVE, progress, move |question, data, watch| {
        let rows = rows.unwrap_or(Curve::ROWS);
        let Some(along) = along else {
            let curves = question.curves(data, target, watch)?;
            return Ok(Found::new(move |_, show| show(&curves.report(rows))));
        };
        let curve = question.curve(data, along, target, watch)?;
        Ok(Found::new(move |_, show| show(&curve.report(rows))))
    })
}

/// The error per eigenvalue.
#[pyfunction]
#[pyo3(signature = (data, words, rows = None, progress = None))]
pub fn modes(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    rows: Option<usize>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    ask(py, data, words, &Defaults::MODES, progress, move |question, data, watch| {
        let errors = question.modes(data, watch)?;
        let rows = rows.unwrap_or(ModeErrors::ROWS);
        Ok(Found::new(move |_, show| show(&errors.report(rows))))
    })
}

/// What each step contributes.
#[pyfunction]
#[pyo3(signature = (data, words, progress = None))]
pub fn steps(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    ask(py, data, words, &Defaults::STEPS, progress, move |question, data, watch| {
        let errors = question.steps(data, watch)?;
        Ok(Found::new(move |_, show| show(&errors.report())))
    })
}

/// Samplers at one budget.
#[pyfunction]
#[pyo3(signature = (data, words, progress = None))]
pub fn rank(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    ask(py, data, words, &Defaults::RANK, progress, move |question, data, watch| {
        let ranking = question.rank(data, watch)?;
        let stopped = ranking.is_interrupted();
        Ok(Found::new(move |_, show| show(&ranking.report())).interrupted(stopped))
    })
}

/// Error against evaluations.
#[pyfunction]
#[pyo3(signature = (data, words, columns = None, progress = None))]
pub fn pareto(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    columns: Option<usize>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    ask(py, data, words, &Defaults::PARETO, progress, move |question, data, watch| {
        let front = question.pareto(data, watch)?;
        let (stopped, columns) = (front.is_interrupted(), columns.unwrap_or(Pareto::COLUMNS));
        Ok(Found::new(move |_, show| show(&front.report(columns))).interrupted(stopped))
    })
}

/// Schedules beside the optimum.
#[pyfunction]
#[pyo3(signature = (data, words, objective = None, min_ratio = None, progress = None))]
pub fn schedules(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    objective: Option<String>,
    min_ratio: Option<f64>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let has_rules = words.get_item("grid")?.is_some_and(|grid| !grid.is_none());
    ask(py, data, words, &Defaults::SCHEDULES, progress, move |question, data, watch| {
        let objective = objective.as_deref().unwrap_or(Defaults::SCHEDULES.metric);
        let objective = objective::registry().build(objective)?;
        let min_ratio = min_ratio.unwrap_or(TuneOptions::default().min_ratio);
        let found = question.schedules(data, has_rules, objective, min_ratio, watch)?;
        let stopped = found.interrupted;
        Ok(Found::new(move |_, show| show(&found.report())).interrupted(stopped))
    })
}

/// The best times of a sampler.
#[pyfunction]
#[pyo3(signature = (
    data, words, objective = None, free_start = false, free_end = false, free_eta = false,
    min_ratio = None, starts = None, seed = None, progress = None
))]
#[allow(clippy::too_many_arguments)]
pub fn tune(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    objective: Option<String>,
    free_start: bool,
    free_end: bool,
    free_eta: bool,
    min_ratio: Option<f64>,
    starts: Option<usize>,
    seed: Option<u64>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let has_eps = words.get_item("eps")?.is_some_and(|eps| !eps.is_none());
    if free_end && has_eps {
        let text = "free='end' optimises the end that eps fixes: give only one of them";
        return Err(Failure::new(text).into());
    }
    ask(py, data, words, &Defaults::TUNE, progress, move |question, data, watch| {
        let objective = objective.as_deref().unwrap_or(objective::DEFAULT);
        let objective = objective::registry().build(objective)?;
        let setting = question.setting(data);
        let (sampler, length) = (question.sampler()?, question.length(&setting));
        let usual = TuneOptions::default();
        let options = TuneOptions {
            network: question.network.clone(),
            start: if free_start { Start::Free } else { Start::Fixed },
            end: if free_end { End::Free } else { End::At(question.eps(&setting)) },
            free_eta,
            min_ratio: min_ratio.unwrap_or(usual.min_ratio),
            starts: starts.unwrap_or(usual.starts),
            seed: seed.unwrap_or(usual.seed),
            ..usual
        };
        let (diffusion, init) = (&setting.diffusion, question.init());
        let tuning = tuned(diffusion, sampler, length, init, &objective, options, watch)?;
        let stopped = tuning.interrupted;
        Ok(Found::new(move |_, show| show(&tuning.report())).interrupted(stopped))
    })
}

/// The best sampler and its times.
#[pyfunction]
#[pyo3(signature = (
    data, words, nfe = None, error = None, front = None, eps = None, objective = None,
    min_ratio = None, verify = None, top = None, progress = None
))]
#[allow(clippy::too_many_arguments)]
pub fn recommend(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    nfe: Option<usize>,
    error: Option<f64>,
    front: Option<Vec<usize>>,
    eps: Option<f64>,
    objective: Option<String>,
    min_ratio: Option<f64>,
    verify: Option<PathBuf>,
    top: Option<usize>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let goal = match (nfe, error) {
        (Some(_), Some(_)) => {
            return Err(Failure::new("give a budget nfe or an error to reach, not both").into());
        }
        (_, Some(error)) if !(error.is_finite() && error > 0.0) => {
            return Err(Failure::new(format!("error = {error} is not a positive number")).into());
        }
        (_, Some(error)) => Some(Goal::Error(error)),
        (nfe, None) => nfe.map(Goal::Nfe),
    };
    ask(py, data, words, &Defaults::RECOMMEND, progress, move |mut question, data, watch| {
        let law = verify.map(|path| law(&path)).transpose()?;
        let network = question.network.clone();
        let diffusion = question.diffusion(data);
        let usual = RecommendOptions::new(question.samplers, question.inits.swap_remove(0));
        let objective = match objective {
            None => usual.objective,
            Some(name) => {
                let named = objective::registry().build(&name)?;
                (named.label, named.item)
            }
        };
        let options = RecommendOptions {
            network,
            goal: goal.unwrap_or(usual.goal),
            front: front.unwrap_or(usual.front),
            eps: eps.unwrap_or(usual.eps),
            min_ratio: min_ratio.unwrap_or(usual.min_ratio),
            objective,
            samplers: usual.samplers,
            init: usual.init,
        };
        let mut found: Recommendation = best(&diffusion, options, watch)?;
        if let Some(law) = law {
            let options = VerifyOptions { starts: VERIFIED_STARTS, ..VerifyOptions::default() };
            match found.verify(law, options, watch) {
                // What has been recommended is worth telling.
                Err(ExperimentError::Interrupted) => found.interrupted = true,
                tried => tried?,
            }
        }
        let (stopped, top) = (found.interrupted, top.unwrap_or(Recommendation::TOP));
        Ok(Found::new(move |_, show| show(&found.report(top))).interrupted(stopped))
    })
}

/// A Gaussian in the plane.
#[pyfunction]
#[pyo3(signature = (covariance, mean, words, errors = false, paths = 6, seed = 0, progress = None))]
#[allow(clippy::too_many_arguments)]
pub fn plane(
    py: Python<'_>,
    covariance: [f64; 3],
    mean: [f64; 2],
    words: &Bound<'_, PyDict>,
    errors: bool,
    paths: u16,
    seed: u64,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let asked = Asked::of(words)?;
    let work = move |_: Watch| {
        let data = PlaneData::new(covariance, mean)?;
        let question = asked.read(&Defaults::PLANE)?;
        let notices = question.notices().collect();
        let setting = question.setting(data.spectrum.clone());
        let (length, eps) = (question.length(&setting), question.eps(&setting));
        let draw = Draw { seed, first: 0, count: paths.into() };
        let samplers = &question.samplers;
        let found = in_plane(&data, &setting, samplers, length, eps, question.init(), draw)?;
        let view = if errors { PlaneView::Errors } else { PlaneView::Paths };
        Ok(Found::new(move |_, show| show(&found.report(view))).with_notices(notices))
    };
    watched(py, progress, work, |py, found| found.into_python(py))
}

/// Everything about a spectrum.
#[pyfunction]
#[pyo3(signature = (data, words, name = None, budget = None, verify = None, made_by = "", progress = None))]
#[allow(clippy::too_many_arguments)]
pub fn report(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    name: Option<String>,
    budget: Option<usize>,
    verify: Option<PathBuf>,
    made_by: &str,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let asked = Asked::of(words)?;
    let data = spectrum(data, &Defaults::REPORT)?;
    let made_by = made_by.to_string();
    let work = move |watch: Watch| {
        let law = verify.map(|path| law(&path)).transpose()?;
        let words = asked.words();
        let notices = words.read(&Defaults::REPORT)?.notices().collect();
        let options = DossierOptions { spectrum: name, budget, law, made_by };
        let found = dossier(&words, Info::of((*data).clone()), options, watch)?;
        let stopped = found.interrupted;
        let found = Found::new(move |_, show| show(&found.report())).interrupted(stopped);
        Ok(found.with_notices(notices))
    };
    watched(py, progress, work, |py, found| found.into_python(py))
}

/// The law in a file.
fn law(path: &std::path::Path) -> Result<Arc<dyn DataLaw>, Failure> {
    gaussmeter::file::check(path)?;
    load_law(path).map_err(|error| {
        let failure = Failure::from(error);
        failure.or_hint("gaussmeter mixture, empirical or separable makes a law of a data set")
    })
}

/// Samplers on data that are not Gaussian, or with a network of the user's.
#[pyfunction]
#[pyo3(signature = (
    data, words, starts = None, reference = None, samples = None, seed = None, denoiser = None,
    predicts = None, progress = None
))]
#[allow(clippy::too_many_arguments)]
pub fn verify(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    words: &Bound<'_, PyDict>,
    starts: Option<usize>,
    reference: Option<usize>,
    samples: Option<usize>,
    seed: Option<u64>,
    denoiser: Option<Py<PyAny>>,
    predicts: Option<&str>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let usual = VerifyOptions::default();
    let options = VerifyOptions {
        starts: starts.unwrap_or(usual.starts),
        reference: reference.unwrap_or(usual.reference),
        samples: samples.unwrap_or(usual.samples),
        seed: seed.unwrap_or(usual.seed),
    };
    let Some(denoiser) = denoiser else {
        let path: PathBuf = data.extract()?;
        let text = path.to_string_lossy().into_owned();
        let data = text.into_pyobject(py)?.into_any();
        return ask(
            py,
            Some(&data),
            words,
            &Defaults::VERIFY,
            progress,
            move |question, data, watch| {
                let found = question.verify(law(&path)?, data, options, watch)?;
                let stopped = found.is_interrupted();
                Ok(Found::new(move |_, show| show(&found.report())).interrupted(stopped))
            },
        );
    };
    let own = data.cast::<PySpectrum>()?.get();
    let (spectrum, basis) = (own.data.clone(), own.basis()?);
    let network = Network::new(denoiser, spectrum.dim() as usize, predicts)?;
    let asked = Asked::of(words)?;
    let raised = network.raised();
    let work = move |watch: Watch| {
        let question = asked.read(&Defaults::VERIFY)?;
        let answer = || -> Result<Found, Failure> {
            let make = || network.make();
            let places = question.places(spectrum);
            let (samplers, lengths) = (&question.samplers, question.asked_lengths());
            let found = verify_network(&make, basis, places, samplers, &lengths, options, watch)?;
            let stopped = found.is_interrupted();
            Ok(Found::new(move |_, show| show(&found.report())).interrupted(stopped))
        };
        Ok(answer())
    };
    watched(py, progress, work, move |py, found| match raised.take() {
        // The exception of the user's own network says more than that it failed.
        Some(error) => Err(error),
        None => found?.into_python(py),
    })
}

/// A network against the exact one, along the eigenvectors of the data.
#[pyfunction]
#[pyo3(signature = (
    data, words, denoiser, predicts = None, sigmas = None, per_level = None, groups = None,
    samples = None, leaks = false, seed = None, progress = None
))]
#[allow(clippy::too_many_arguments)]
pub fn score_error(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    words: &Bound<'_, PyDict>,
    denoiser: Py<PyAny>,
    predicts: Option<&str>,
    sigmas: Option<Vec<f64>>,
    per_level: Option<usize>,
    groups: Option<usize>,
    samples: Option<usize>,
    leaks: bool,
    seed: Option<u64>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let usual = ScoreErrorOptions::default();
    let options = ScoreErrorOptions {
        sigmas: sigmas.unwrap_or(usual.sigmas),
        per_level: per_level.unwrap_or(usual.per_level),
        groups: groups.unwrap_or(usual.groups),
        samples: samples.unwrap_or(usual.samples),
        leaks,
        seed: seed.unwrap_or(usual.seed),
    };
    let spectrum = data.cast::<PySpectrum>()?.get().data.clone();
    let basis: Arc<dyn Basis> = Arc::new(EigenCoordinates::of(spectrum.modes()));
    let network = Network::new(denoiser, basis.dim(), predicts)?;
    let asked = Asked::of(words)?;
    let raised = network.raised();
    let work = move |watch: Watch| {
        let question = asked.read(&Defaults::SCORE_ERROR)?;
        let answer = || -> Result<Found, Failure> {
            let make = || network.make();
            let places = question.places(spectrum);
            let lengths = question.asked_lengths();
            let samplers = Samplers { samplers: &question.samplers, lengths: &lengths };
            let network = ("the network", &make as _);
            let found = measured(network, basis, places, samplers, options, watch)?;
            let stopped = found.is_interrupted;
            Ok(Found::new(move |_, show| show(&found.report())).interrupted(stopped))
        };
        Ok(answer())
    };
    watched(py, progress, work, move |py, found| match raised.take() {
        // The exception of the user's own network says more than that it failed.
        Some(error) => Err(error),
        None => found?.into_python(py),
    })
}

/// A sampler as a linear program.
#[pyfunction]
#[pyo3(signature = (words, progress = None))]
pub fn show(
    py: Python<'_>,
    words: &Bound<'_, PyDict>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    ask(py, None, words, &Defaults::SHOW, progress, |question, _, _| {
        let program = question.program()?;
        Ok(Found::new(move |width, show| show(&program.report(width))))
    })
}

/// BibTeX of what is named.
#[pyfunction]
#[pyo3(signature = (words, data = None))]
pub fn cite(words: &Bound<'_, PyDict>, data: Option<&str>) -> PyResult<String> {
    Ok(Asked::of(words)?.bibtex(data)?)
}

/// A schedule for a project: code, list, JSON and notes.
#[pyfunction]
#[pyo3(signature = (data, words, to))]
pub fn export_schedule(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    to: String,
) -> PyResult<Py<PyAny>> {
    let asked = Asked::of(words)?;
    let data = spectrum(data, &Defaults::EXPORT)?;
    let with_init = words.get_item("init")?.is_some_and(|init| !init.is_none());
    let work = move |_: Watch| {
        let target = export::registry().build(&to)?;
        let export = asked.read(&Defaults::EXPORT)?.export(data, &target, with_init)?;
        let [code, list, json] = [Form::Code, Form::List, Form::Json].map(|f| export.text(f));
        Ok((code, list, json, export.notes()))
    };
    watched(py, None, work, |py, texts| Ok(texts.into_pyobject(py)?.into_any().unbind()))
}

/// A spectrum at a glance.
#[pyfunction]
#[pyo3(signature = (data, tolerance = Vec::new(), against = None, progress = None))]
pub fn info(
    py: Python<'_>,
    data: &Bound<'_, PySpectrum>,
    tolerance: Vec<f64>,
    against: Option<&Bound<'_, PySpectrum>>,
    progress: Progress<'_, '_>,
) -> PyResult<Py<PyAny>> {
    if let Some(wrong) = tolerance.iter().find(|w2| !(w2.is_finite() && **w2 > 0.0)) {
        return Err(Failure::new(format!("tolerance {wrong} is not a positive number")).into());
    }
    let data = data.get().data.clone();
    let against = against.map(|other| other.get().data.clone());
    let work = move |_: Watch| {
        let levels = noise_levels(&data, &tolerance, against.as_ref())?;
        let found = Info::of((*data).clone());
        Ok(Found::new(move |width, show| show(&found.report(Some(&levels), width, false))))
    };
    watched(py, progress, work, |py, found| found.into_python(py))
}
