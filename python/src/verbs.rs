//! What can be asked: one function per question, which the library answers.

use crate::errors::Failure;
use crate::law::PyLaw;
use crate::question::{Asked, spectrum};
use crate::result::Found;
use crate::work::watched;
use gaussmeter::exact::Target;
use gaussmeter::experiment::{Defaults, Question};
use gaussmeter::spectrum::Spectrum;
use gaussmeter::watch::Watch;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// Reads a question and answers it on other threads.
fn ask(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    defaults: &'static Defaults,
    progress: Option<&Bound<'_, PyAny>>,
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
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    ask(py, data, words, &Defaults::EVAL, progress, move |question, data, watch| {
        if question.network.item.training_set().is_some()
            && let Some(errors) = question.training_set(data.clone(), watch)?
        {
            return Ok(Found::new(move |_, show| show(&errors.report())));
        }
        let evaluation = question.evaluate(data.clone())?;
        let law = evaluation.law.clone();
        let found = Found::new(move |_, show| show(&evaluation.report(modes)));
        Ok(found.with_law(law, data))
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
    let work = move |_: Watch| {
        let question = asked.read(&Defaults::EVAL)?;
        let setting = question.setting(own);
        let (length, eps) = (question.length(&setting), question.eps(&setting));
        let run = setting.run(question.sampler()?, length, eps)?;
        let init = setting.init(question.init().1)?;
        Ok(run.law(&setting.learnt(&init)?, &init, Target::Data)?)
    };
    watched(py, None, work, move |py, law| Ok(Py::new(py, PyLaw::new(law, data))?.into_any()))
}
