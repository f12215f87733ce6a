//! Arguments of Python as the words of a question; the library has the defaults and the checks.

use crate::errors::Failure;
use crate::spectrum::PySpectrum;
use gaussmeter::data;
use gaussmeter::entry::split_list;
use gaussmeter::experiment::{Defaults, Length, MAX_STEPS, NamedRule, Question, Words};
use gaussmeter::grid::{GridRule, Sigmas};
use gaussmeter::spectrum::Spectrum;
use numpy::{PyArrayLike1, TypeMustMatch};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use std::sync::Arc;

/// Where times go: by a rule of the registry, or to these noise levels.
enum Grid {
    Named(String),
    Sigmas(Vec<f64>),
}

/// What is asked, taken from Python.
pub struct Asked {
    words: Words,
    grids: Vec<Grid>,
}

impl Asked {
    /// Arguments that are left out, or `None`, have the default of the question.
    pub fn of(arguments: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut words = Words::default();
        let mut grids = Vec::new();
        for (key, value) in arguments.iter() {
            if value.is_none() {
                continue;
            }
            let key: String = key.extract()?;
            match key.as_str() {
                "sampler" => words.samplers = texts(&key, &value)?,
                "process" => words.processes = texts(&key, &value)?,
                "init" => words.inits = texts(&key, &value)?,
                "grid" => grids = self::grids(&value)?,
                "metric" => words.metric = Some(text(&key, &value)?),
                "network" => words.network = Some(text(&key, &value)?),
                "eps" => words.eps = times(&key, &value)?,
                "nfe" | "steps" | "points" => {
                    if !words.lengths.is_empty() {
                        return Err(Failure::new("give only one of nfe, steps and points").into());
                    }
                    let length = match key.as_str() {
                        "nfe" => Length::Nfe,
                        "steps" => Length::Steps,
                        _ => Length::Points,
                    };
                    words.lengths = counts(&key, &value)?.into_iter().map(length).collect();
                }
                _ => return Err(PyTypeError::new_err(format!("unknown argument '{key}'"))),
            }
        }
        Ok(Asked { words, grids })
    }

    /// BibTeX of what is named, and of data.
    pub fn bibtex(self, data: Option<&str>) -> Result<String, Failure> {
        Ok(self.words().bibtex(data)?)
    }

    /// The words, without noise levels that are given as numbers.
    pub fn words(mut self) -> Words {
        let named = self.grids.into_iter().filter_map(|grid| match grid {
            Grid::Named(text) => Some(text),
            Grid::Sigmas(_) => None,
        });
        self.words.grids = named.collect();
        self.words
    }

    /// Reads the words.
    pub fn read(self, defaults: &'static Defaults) -> Result<Question, Failure> {
        let is_given = |grid: &Grid| matches!(grid, Grid::Sigmas(_));
        if !self.grids.iter().any(is_given) {
            return Ok(self.words().read(defaults)?);
        }
        if self.grids.len() > 1 && !defaults.several.contains(&"grid") {
            return Err(Failure::new("one grid is needed, not several"));
        }
        let mut question = self.words.read(defaults)?;
        let registry = gaussmeter::grid::registry();
        let mut rules: Vec<NamedRule> = Vec::new();
        for grid in self.grids {
            match grid {
                Grid::Named(text) => {
                    for name in split_list(&text) {
                        let named = registry.build(&name)?;
                        rules.push((named.label, named.item.into()));
                    }
                }
                Grid::Sigmas(sigmas) => {
                    let rule: Arc<dyn GridRule> = Arc::new(Sigmas::new(sigmas));
                    rules.push(("sigmas".into(), rule));
                }
            }
        }
        question.rules = rules;
        Ok(question)
    }
}

/// Data: a spectrum, the name of a preset or a file, or eigenvalues.
pub fn spectrum(given: Option<&Bound<'_, PyAny>>, defaults: &Defaults) -> PyResult<Arc<Spectrum>> {
    let Some(given) = given.filter(|given| !given.is_none()) else {
        return Ok(load(defaults.spectrum)?);
    };
    if let Ok(spectrum) = given.cast::<PySpectrum>() {
        return Ok(spectrum.get().data.clone());
    }
    if given.is_instance_of::<PyString>() || given.hasattr("__fspath__")? {
        let path: std::path::PathBuf = given.extract()?;
        return Ok(load(&path.to_string_lossy())?);
    }
    let eigenvalues = given.extract::<PyArrayLike1<'_, f64, numpy::AllowTypeChange>>().map_err(|_| {
        PyTypeError::new_err(format!(
            "spectrum: a Spectrum, the name of a preset or a file, or a list of eigenvalues, not {}",
            kind(given)
        ))
    })?;
    let eigenvalues = eigenvalues.as_array().to_vec();
    let name = format!("{} eigenvalues", eigenvalues.len());
    let spectrum = Spectrum::new(name, "given as an array", &eigenvalues, None, None);
    Ok(Arc::new(spectrum.map_err(Failure::from)?))
}

/// Data by the name of a preset or a file.
pub fn load(text: &str) -> Result<Arc<Spectrum>, Failure> {
    let path = std::path::Path::new(text);
    if path.is_dir() {
        return Err(Failure::with_hint(
            format!("{text} is a folder, not a spectrum"),
            "Spectrum.from_images makes a spectrum of the samples in a folder",
        ));
    }
    let sums = |archive: data::Archive| archive.content() == Some("gaussmeter moments");
    if path.is_file() && data::Archive::open(path).is_some_and(sums) {
        return Err(Failure::with_hint(
            format!("{text} holds sums over samples, not a spectrum"),
            "Moments.load reads them, and its spectrum() makes one",
        ));
    }
    Ok(Arc::new(data::load(text)?))
}

/// The type of an object, for messages.
pub fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "this".into(), |name| name.to_string())
}

/// A name, such as that of a sampler with its options.
pub fn text(key: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    value
        .extract::<String>()
        .map_err(|_| PyTypeError::new_err(format!("{key}: a name is needed, not {}", kind(value))))
}

/// A name, or several.
fn texts(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_instance_of::<PyString>() {
        return Ok(vec![value.extract()?]);
    }
    let Ok(items) = value.try_iter() else {
        let kind = kind(value);
        return Err(PyTypeError::new_err(format!(
            "{key}: a name or a list of names is needed, not {kind}"
        )));
    };
    let all = items.map(|item| text(key, &item?)).collect::<PyResult<Vec<_>>>()?;
    match all.is_empty() {
        true => Err(Failure::new(format!("no {key} given")).into()),
        false => Ok(all),
    }
}

fn grids(value: &Bound<'_, PyAny>) -> PyResult<Vec<Grid>> {
    if value.is_instance_of::<PyString>() {
        return Ok(vec![Grid::Named(value.extract()?)]);
    }
    if let Some(sigmas) = floats(value) {
        return Ok(vec![Grid::Sigmas(sigmas)]);
    }
    let wrong = |found: &Bound<'_, PyAny>| {
        PyTypeError::new_err(format!(
            "grid: the name of a rule, noise levels sigma, or a list of these is needed, not {}",
            kind(found)
        ))
    };
    let items = value.try_iter().map_err(|_| wrong(value))?;
    let grid = |item: PyResult<Bound<'_, PyAny>>| {
        let item = item?;
        match (item.extract::<String>(), floats(&item)) {
            (Ok(name), _) => Ok(Grid::Named(name)),
            (_, Some(sigmas)) => Ok(Grid::Sigmas(sigmas)),
            _ => Err(wrong(&item)),
        }
    };
    items.map(grid).collect()
}

/// A list of numbers.
fn floats(value: &Bound<'_, PyAny>) -> Option<Vec<f64>> {
    if let Ok(array) = value.extract::<PyArrayLike1<'_, f64, TypeMustMatch>>() {
        return Some(array.as_array().to_vec());
    }
    value.extract::<Vec<f64>>().ok()
}

/// A time where sampling stops, or several.
fn times(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let all = match value.extract::<f64>() {
        Ok(one) => vec![one],
        Err(_) => floats(value).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "{key}: a number or a list of numbers is needed, not {}",
                kind(value)
            ))
        })?,
    };
    match all.iter().find(|t| !(t.is_finite() && **t >= 0.0)) {
        Some(t) => {
            Err(Failure::new(format!("{key} = {t}: times are finite and not negative")).into())
        }
        None => Ok(all),
    }
}

/// A whole number, or several.
pub fn counts(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let is_number = value.is_instance_of::<PyInt>() || value.hasattr("__index__")?;
    if is_number || value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyBool>() {
        return Ok(vec![count(key, value)?]);
    }
    let Ok(items) = value.try_iter() else { return Ok(vec![count(key, value)?]) };
    items.map(|item| count(key, &item?)).collect()
}

fn count(key: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    if value.is_instance_of::<PyBool>() || !value.hasattr("__index__")? {
        return Err(PyTypeError::new_err(format!(
            "{key}: a whole number is needed, not {}",
            kind(value)
        )));
    }
    match value.extract::<usize>() {
        Ok(n) if n <= MAX_STEPS => Ok(n),
        _ => Err(Failure::new(format!(
            "{key} = {value} is not a whole number from 0 to {MAX_STEPS}"
        ))
        .into()),
    }
}
