//! The members of all registries, for objects that are made of them.

use crate::errors::Failure;
use gaussmeter::entry::{Entry, Kind, Parameter, Registry};
use gaussmeter::families::{Visit, families};
use gaussmeter::sampler;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

struct Collect<'py> {
    py: Python<'py>,
    all: PyResult<Bound<'py, PyDict>>,
}

impl Visit for Collect<'_> {
    fn visit<T: ?Sized + 'static>(
        &mut self,
        plural: &'static str,
        title: &'static str,
        registry: &Registry<T>,
    ) {
        let Ok(all) = &self.all else { return };
        let added = family(self.py, title, registry).and_then(|found| all.set_item(plural, found));
        if let Err(error) = added {
            self.all = Err(error);
        }
    }
}

fn family<'py, T: ?Sized + 'static>(
    py: Python<'py>,
    title: &str,
    registry: &Registry<T>,
) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("family", registry.family)?;
    found.set_item("title", title)?;
    let entries: PyResult<Vec<_>> = registry.entries.iter().map(|e| entry(py, e)).collect();
    found.set_item("entries", PyList::new(py, entries?)?)?;
    Ok(found)
}

fn entry<'py, T: ?Sized>(py: Python<'py>, e: &Entry<T>) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("name", e.name)?;
    found.set_item("aliases", e.aliases)?;
    found.set_item("summary", e.summary)?;
    found.set_item("source", e.source)?;
    found.set_item("order", e.order)?;
    let parameters: PyResult<Vec<_>> = e.parameters.iter().map(|p| parameter(py, p)).collect();
    found.set_item("parameters", parameters?)?;
    Ok(found)
}

fn parameter<'py>(py: Python<'py>, p: &Parameter) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("name", p.name)?;
    found.set_item("default", p.default)?;
    found.set_item("summary", p.summary)?;
    found.set_item("expected", p.kind.expected())?;
    let kind = match p.kind {
        Kind::Number { .. } => "number",
        Kind::NumberOr { .. } | Kind::NonNegativeOr { .. } => "number or word",
        Kind::Count { .. } | Kind::CountTo { .. } => "count",
        Kind::Choice(_) => "choice",
        Kind::Text => "text",
    };
    found.set_item("kind", kind)?;
    if let Kind::Choice(words) = p.kind {
        found.set_item("choices", words)?;
    }
    Ok(found)
}

/// Every registry by the word for its members: family, title and entries.
#[pyfunction]
pub fn registries(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let mut collect = Collect { py, all: Ok(PyDict::new(py)) };
    families(&mut collect);
    collect.all
}

struct Find<'a> {
    plural: &'a str,
    text: &'a str,
    label: Option<Result<String, Failure>>,
}

impl Visit for Find<'_> {
    fn visit<T: ?Sized + 'static>(
        &mut self,
        plural: &'static str,
        _title: &'static str,
        registry: &Registry<T>,
    ) {
        if plural == self.plural {
            self.label = Some(registry.build(self.text).map(|n| n.label).map_err(Failure::from));
        }
    }
}

/// The text form of a member: its name with the arguments that differ from their defaults.
#[pyfunction]
pub fn label(plural: &str, text: &str) -> PyResult<String> {
    let mut find = Find { plural, text, label: None };
    families(&mut find);
    match find.label {
        Some(label) => Ok(label?),
        None => Err(Failure::new(format!("no family is called {plural}")).into()),
    }
}

/// The order of convergence that a sampler declares.
#[pyfunction]
pub fn order(text: &str) -> PyResult<Option<u8>> {
    let named = sampler::registry().build(text).map_err(Failure::from)?;
    Ok(named.item.own_order().or(named.order))
}
