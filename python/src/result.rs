//! Results: what the library presents, in every format.

use crate::errors::Failure;
use crate::law::PyLaw;
use gaussmeter::exact::Law;
use gaussmeter::report::{Field, Figure, Report, by_name, drawn, html, text_within};
use gaussmeter::spectrum::Spectrum;
use numpy::IntoPyArray;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::sync::Arc;

/// Passes the report of a result to whoever writes it; the number is the width of words.
type Show = Box<dyn Fn(usize, &mut dyn FnMut(&dyn Report)) + Send + Sync>;

/// A result, as the worker has found it.
pub struct Found {
    show: Show,
    is_interrupted: bool,
    law: Option<(Law, Arc<Spectrum>)>,
    notices: Vec<String>,
}

impl Found {
    /// A result whose report `present` passes on.
    pub fn new(
        present: impl Fn(usize, &mut dyn FnMut(&dyn Report)) + Send + Sync + 'static,
    ) -> Self {
        let (law, notices) = (None, Vec::new());
        Found { show: Box::new(present), is_interrupted: false, law, notices }
    }

    /// The same, found before the work was stopped.
    pub fn interrupted(self, is_interrupted: bool) -> Self {
        Found { is_interrupted, ..self }
    }

    /// The same with the law of an output.
    pub fn with_law(self, law: Law, data: Arc<Spectrum>) -> Self {
        Found { law: Some((law, data)), ..self }
    }

    /// The same with what users should know.
    pub fn with_notices(mut self, notices: Vec<String>) -> Self {
        self.notices.extend(notices);
        self
    }

    /// As an object of Python.
    pub fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, PyReport { found: self })?.into_any())
    }
}

/// A result that can be written in every format.
#[pyclass(frozen, module = "gaussmeter._native", name = "Report")]
pub struct PyReport {
    found: Found,
}

impl PyReport {
    fn with<T>(&self, width: usize, take: impl FnOnce(&dyn Report) -> T) -> Result<T, Failure> {
        let (mut take, mut taken) = (Some(take), None);
        (self.found.show)(width, &mut |report| {
            if let Some(take) = take.take() {
                taken = Some(take(report));
            }
        });
        taken.ok_or_else(|| Failure::new("the result has no report"))
    }
}

#[pymethods]
impl PyReport {
    /// The result in a format of the library, `text` of at most so many columns.
    #[pyo3(signature = (format, columns = None))]
    fn write(&self, py: Python<'_>, format: &str, columns: Option<usize>) -> PyResult<String> {
        let written = py.detach(|| {
            let format = by_name(format)?;
            self.with(format.width_of_words(), |report| match columns {
                Some(columns) if format.name == "text" => {
                    let mut bytes = Vec::new();
                    text_within(report, columns, &mut bytes)?;
                    Ok(String::from_utf8_lossy(&bytes).into_owned())
                }
                _ => Ok(format.to_string(report)?),
            })?
        });
        Ok(written.map_err(|error: Failure| error)?)
    }

    /// The tables as HTML.
    fn html(&self, py: Python<'_>) -> PyResult<String> {
        let written = py.detach(|| self.with(usize::MAX, |r| html::tables(&r.tables())))?;
        Ok(written.map_err(Failure::from)?)
    }

    /// One column per name: arrays of numbers, lists of texts.
    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let records = py.detach(|| self.with(usize::MAX, |report| report.records()))?;
        let columns = PyDict::new(py);
        for (k, name) in records.columns.iter().enumerate() {
            let fields = || records.rows.iter().filter_map(|row| row.get(k));
            columns.set_item(name, column(py, &fields().collect::<Vec<_>>())?)?;
        }
        Ok(columns)
    }

    /// What there is to draw, as JSON.
    fn figures(&self, py: Python<'_>) -> PyResult<String> {
        let figures = py.detach(|| self.with(usize::MAX, figures))?;
        Ok(figures.iter().map(Figure::json).collect::<serde_json::Value>().to_string())
    }

    /// The same as SVG for a page: without a font.
    fn inline(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let inline = |report: &dyn Report| figures(report).iter().map(Figure::inline_svg).collect();
        Ok(py.detach(|| self.with(usize::MAX, inline))?)
    }

    /// The figures in a format that draws them, as the bytes of a file.
    fn draw<'py>(&self, py: Python<'py>, format: &str) -> PyResult<Bound<'py, PyBytes>> {
        let drawn = py.detach(|| {
            let format = by_name(format)?;
            self.with(usize::MAX, |report| {
                let mut bytes = Vec::new();
                format.write(report, &mut bytes)?;
                Ok(bytes)
            })?
        });
        let drawn = drawn.map_err(|error: Failure| error)?;
        Ok(PyBytes::new(py, &drawn))
    }

    #[getter]
    fn interrupted(&self) -> bool {
        self.found.is_interrupted
    }

    #[getter]
    fn notices(&self) -> Vec<String> {
        self.found.notices.clone()
    }

    /// The law of the output, if the result has one.
    fn law(&self) -> Option<PyLaw> {
        self.found.law.as_ref().map(|(law, data)| PyLaw::new(law.clone(), data.clone()))
    }
}

fn column<'py>(py: Python<'py>, fields: &[&Field]) -> PyResult<Bound<'py, PyAny>> {
    let count = |f: &&Field| match f {
        Field::Count(n) => i64::try_from(*n).ok(),
        _ => None,
    };
    let number = |f: &&Field| match f {
        Field::Number(v) => Some(*v),
        Field::Count(n) => Some(*n as f64),
        Field::Missing => Some(f64::NAN),
        Field::Text(_) => None,
    };
    if let Some(counts) = fields.iter().map(count).collect::<Option<Vec<i64>>>() {
        return Ok(counts.into_pyarray(py).into_any());
    }
    if let Some(numbers) = fields.iter().map(number).collect::<Option<Vec<f64>>>() {
        return Ok(numbers.into_pyarray(py).into_any());
    }
    let texts = fields.iter().map(|f| match f {
        Field::Text(text) => Ok(text.into_pyobject(py)?.into_any()),
        Field::Number(v) => Ok(v.into_pyobject(py)?.into_any()),
        Field::Count(n) => Ok(n.into_pyobject(py)?.into_any()),
        Field::Missing => Ok(py.None().into_bound(py)),
    });
    Ok(PyList::new(py, texts.collect::<PyResult<Vec<_>>>()?)?.into_any())
}

/// Figures, or what is drawn beside the tables; none if there is neither.
fn figures(report: &dyn Report) -> Vec<Figure> {
    drawn(report).unwrap_or_default()
}
