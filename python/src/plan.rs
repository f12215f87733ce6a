//! Recorded samplers as data, for running them on arrays of any library; and the random streams that
//! all runs of samplers use.

use crate::errors::Failure;
use crate::network::prediction;
use crate::question::Asked;
use crate::work::watched;
use gaussmeter::experiment::Defaults;
use gaussmeter::level::Level;
use gaussmeter::paths::{Draw, NoiseSource, Streams};
use gaussmeter::tape::{Op, Plan};
use gaussmeter::watch::Watch;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::sync::{Mutex, PoisonError};

type At = (f64, f64, f64);

fn at(level: &Level) -> At {
    (level.t, level.alpha, level.sigma)
}

/// The program of a sampler as a list of operations:
///
/// - `("predict", dst, src, a, b, level, free)`: dst = a · src + b · network(src)
/// - `("noise", dst, free)`
/// - `("combine", dst, terms, free)`: dst = Σ c · vector, terms are pairs (c, vector)
/// - `("arrive", state, level, free)`
///
/// Vector 0 is the initial state. `free` are vectors that are not needed any more.
#[pyfunction]
#[pyo3(signature = (data, words, predicts = None))]
pub fn plan(
    py: Python<'_>,
    data: Option<&Bound<'_, PyAny>>,
    words: &Bound<'_, PyDict>,
    predicts: Option<&str>,
) -> PyResult<Py<PyAny>> {
    let native = prediction(predicts)?;
    let asked = Asked::of(words)?;
    let data = crate::question::spectrum(data, &Defaults::SAMPLE)?;
    let work = move |_: Watch| {
        let question = asked.read(&Defaults::SAMPLE)?;
        let setting = question.setting(data);
        let (length, eps) = (question.length(&setting), question.eps(&setting));
        let run = setting.run(question.sampler()?, length, eps)?;
        let std = setting.process.prior_std();
        let label = run.sampler.clone();
        Ok((run.plan, std, label))
    };
    watched(py, None, work, move |py, (plan, std, label)| {
        let found = PyDict::new(py);
        found.set_item("sampler", label)?;
        found.set_item("start", at(plan.start()))?;
        found.set_item("end", at(&plan.end()))?;
        found.set_item("std", std)?;
        found.set_item("nfe", plan.nfe())?;
        found.set_item("steps", plan.steps())?;
        found.set_item("output", plan.output().index())?;
        found.set_item("operations", operations(py, &plan, native)?)?;
        Ok(found.into_any().unbind())
    })
}

fn operations<'py>(
    py: Python<'py>,
    plan: &Plan,
    native: gaussmeter::network::Prediction,
) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(py);
    for (op, free) in plan.ops().iter().zip(plan.last_uses()) {
        let free: Vec<usize> = free.iter().map(|v| v.index()).collect();
        match op {
            Op::Predict { dst, src, kind, level } => {
                let Some((a, b)) = kind.from_native(native, level) else {
                    let (native, kind, t) = (native.name(), kind.name(), level.t);
                    return Err(Failure::with_hint(
                        format!("a network that predicts the {native} does not determine the {kind} at t = {t}"),
                        "stop at some eps > 0, or use a sampler that does not evaluate there",
                    )
                    .into());
                };
                all.append(("predict", dst.index(), src.index(), a, b, at(level), free))?;
            }
            Op::Noise { dst } => all.append(("noise", dst.index(), free))?,
            Op::Combine { dst, terms } => {
                let terms: Vec<(f64, usize)> = terms.iter().map(|(c, v)| (*c, v.index())).collect();
                all.append(("combine", dst.index(), terms, free))?;
            }
            Op::Arrive { state, level } => {
                all.append(("arrive", state.index(), at(level), free))?
            }
        }
    }
    Ok(all)
}

/// The random streams of some samples of a seed: those of `gaussmeter sample`.
#[pyclass(frozen, module = "gaussmeter._native", name = "Streams")]
pub struct PyStreams(Mutex<Streams>);

#[pymethods]
impl PyStreams {
    #[new]
    fn new(seed: u64, first: u64, count: usize) -> Self {
        PyStreams(Mutex::new(Streams::new(Draw { seed, first, count })))
    }

    /// The next standard normal numbers, so many per sample, one sample after another.
    fn normal<'py>(&self, py: Python<'py>, each: usize) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = py.detach(|| {
            let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let size = streams.count().checked_mul(each)?;
            let mut values = vec![0.0; size];
            streams.fill(&mut values);
            Some(values)
        });
        let values = values.ok_or_else(|| PyRuntimeError::new_err("too many values"))?;
        Ok(values.into_pyarray(py))
    }
}
