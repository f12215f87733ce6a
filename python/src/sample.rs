//! Samples of models.

use crate::errors::Failure;
use crate::question::Asked;
use crate::spectrum::PySpectrum;
use crate::work::watched;
use gaussmeter::experiment::{Defaults, Sampling, States};
use gaussmeter::paths::Draw;
use gaussmeter::watch::{Progress, Watch};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Samples of a model with eigenvectors, exact or by a sampler: values, their shape, and the kind and
/// the level of each frame.
#[pyfunction]
#[pyo3(signature = (
    spectrum, words, count, seed, times = None, spread = None, compare = false, size = None,
    progress = None
))]
#[allow(clippy::too_many_arguments)]
pub fn sample(
    py: Python<'_>,
    spectrum: &Bound<'_, PySpectrum>,
    words: &Bound<'_, PyDict>,
    count: usize,
    seed: u64,
    times: Option<Vec<f64>>,
    spread: Option<usize>,
    compare: bool,
    size: Option<(usize, usize)>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let asked = Asked::of(words)?;
    let own = spectrum.get().clone();
    let work = move |watch: Watch| {
        let question = asked.read(&Defaults::SAMPLE)?;
        let mut model = own.model()?;
        if let Some((height, width)) = size {
            model = model.resized(height, width)?;
        }
        let setting = question.setting(model.spectrum()?);
        let init = setting.init(question.init().1)?;
        let run = match question.samplers.first() {
            Some(sampler) => {
                Some(setting.run(sampler, question.length(&setting), question.eps(&setting))?)
            }
            None => None,
        };
        let states = match (compare, times, spread) {
            (true, ..) => States::Comparison,
            (_, Some(times), _) => States::Times(times),
            (_, _, Some(spread)) => States::Spread(spread),
            _ => States::Output,
        };
        let sampling = Sampling::of(&*model.basis, &setting, run.as_ref(), &init, &states)?;
        let mut values = Vec::new();
        let batch = sampling.batch_size();
        for first in (0..count).step_by(batch) {
            let draw = Draw { seed, first: first as u64, count: batch.min(count - first) };
            values.extend(sampling.batch(draw)?);
            let done = (first + draw.count) as u64;
            let total = Some(count as u64);
            if !watch.tell(Progress { what: "", unit: "samples", done, total })
                && done < count as u64
            {
                return Err(Failure::new(format!("interrupted after {done} of {count} samples")));
            }
        }
        let frames: Vec<(&str, f64, f64, f64)> = (sampling.frames().iter())
            .map(|f| (f.kind.name(), f.level.t, f.level.alpha, f.level.sigma))
            .collect();
        let shape = [&[count, frames.len()], model.basis.shape()].concat();
        Ok((values, shape, frames, model.display()))
    };
    watched(py, progress, work, |py, (values, shape, frames, display)| {
        let values = values.into_pyarray(py).reshape(shape)?;
        Ok(PyTuple::new(
            py,
            [
                values.into_any(),
                frames.into_pyobject(py)?.into_any(),
                display.into_pyobject(py)?.into_any(),
            ],
        )?
        .into_any()
        .unbind())
    })
}
