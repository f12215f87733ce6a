//! Laws.

use crate::errors::Failure;
use crate::spectrum::PySpectrum;
use gaussmeter::exact::{Law, LawMode, Reason};
use gaussmeter::metric::{self, wasserstein2_terms};
use gaussmeter::network::Prediction;
use gaussmeter::spectrum::Spectrum;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use std::sync::Arc;

/// Why a law is infinite: the kind, the name of a prediction, a step and a number.
type ReasonState = (String, String, usize, f64);

fn reason_state(reason: &Reason) -> ReasonState {
    let of = |kind: &str, number: f64| (kind.into(), String::new(), 0, number);
    match reason {
        Reason::SingularPrediction { kind, t, step } => {
            ("singular".into(), kind.name().into(), *step, *t)
        }
        Reason::Overflow { eigenvalue } => of("overflow", *eigenvalue),
        Reason::Ranges { eigenvalue } => of("ranges", *eigenvalue),
        _ => of("no limit", 0.0),
    }
}

fn reason((kind, name, step, number): ReasonState) -> Reason {
    let prediction = Prediction::ALL.into_iter().find(|p| p.name() == name);
    match (kind.as_str(), prediction) {
        ("singular", Some(kind)) => Reason::SingularPrediction { kind, t: number, step },
        ("overflow", _) => Reason::Overflow { eigenvalue: number },
        ("ranges", _) => Reason::Ranges { eigenvalue: number },
        _ => Reason::NoLimit,
    }
}

/// A Gaussian law in the eigenbasis of the data, beside the data.
#[pyclass(frozen, module = "gaussmeter._native", name = "Law")]
pub struct PyLaw {
    law: Law,
    data: Arc<Spectrum>,
}

impl PyLaw {
    /// A law of the library.
    pub fn new(law: Law, data: Arc<Spectrum>) -> Self {
        PyLaw { law, data }
    }

    fn column<'py>(
        &self,
        py: Python<'py>,
        of: impl Fn(&LawMode) -> f64,
    ) -> Bound<'py, PyArray1<f64>> {
        self.law.modes.iter().map(of).collect::<Vec<_>>().into_pyarray(py)
    }
}

#[pymethods]
impl PyLaw {
    #[classmethod]
    fn _from_modes(
        _class: &Bound<'_, PyType>,
        spectrum: &Bound<'_, PySpectrum>,
        gain: PyReadonlyArray1<'_, f64>,
        mean: PyReadonlyArray1<'_, f64>,
        variance: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let data = spectrum.get().data.clone();
        let expected = data.modes().len();
        let lists = [("gain", &gain), ("mean", &mean), ("variance", &variance)];
        for (name, list) in lists {
            let values = list.as_array();
            if values.len() != expected {
                let found = values.len();
                return Err(Failure::new(format!(
                    "{name}: {found} values for the {expected} modes of the spectrum"
                ))
                .into());
            }
            let is_bad = |v: &f64| v.is_nan() || (*v < 0.0 && name == "variance");
            if let Some(index) = values.iter().position(is_bad) {
                let value = values[index];
                return Err(Failure::new(format!("{name} of mode {index} is {value}")).into());
            }
        }
        let (gain, mean, variance) = (gain.as_array(), mean.as_array(), variance.as_array());
        let modes = data.modes().iter().enumerate().map(|(i, mode)| LawMode {
            eigenvalue: mode.eigenvalue,
            multiplicity: mode.multiplicity,
            gain: gain[i],
            mean: mean[i],
            variance: variance[i],
            target_variance: mode.eigenvalue,
            mean_error: mean[i] - mode.mean,
            variance_error: variance[i] - mode.eigenvalue,
        });
        let modes: Vec<LawMode> = modes.collect();
        let is_infinite = |m: &&LawMode| m.variance.is_infinite() || m.mean.is_infinite();
        let infinite = modes.iter().find(is_infinite);
        let infinite = infinite.map(|m| Reason::Overflow { eigenvalue: m.eigenvalue });
        Ok(PyLaw { law: Law { modes, infinite }, data })
    }

    #[getter]
    fn _spectrum(&self) -> PySpectrum {
        PySpectrum::new(self.data.clone())
    }

    #[getter]
    fn eigenvalues<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.eigenvalue)
    }

    #[getter]
    fn multiplicities<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.multiplicity)
    }

    #[getter]
    fn gain<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.gain)
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.mean)
    }

    #[getter]
    fn variance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.variance)
    }

    #[getter]
    fn mean_error<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.mean_error)
    }

    #[getter]
    fn variance_error<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| m.variance_error)
    }

    /// What each mode adds to W2 squared, multiplicity included.
    #[getter]
    fn contribution<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(py, |m| {
            let (mean, covariance) = wasserstein2_terms(m);
            m.multiplicity * (mean + covariance)
        })
    }

    /// Every metric of the registry with its parts, by key.
    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        let registry = metric::registry();
        for name in registry.names() {
            let metric = registry.build(name).map_err(Failure::from)?;
            found.set_item(metric.item.name().key, metric.item.evaluate(&self.law).value)?;
            for (key, _, value) in metric.item.parts(&self.law) {
                found.set_item(key, value.value)?;
            }
        }
        Ok(found)
    }

    /// The value of one metric, by its key.
    fn _metric(&self, key: &str) -> PyResult<f64> {
        let registry = metric::registry();
        for name in registry.names() {
            let metric = registry.build(name).map_err(Failure::from)?;
            if metric.item.name().key == key {
                return Ok(metric.item.evaluate(&self.law).value);
            }
        }
        Err(Failure::new(format!("no metric has the key {key}")).into())
    }

    /// All numbers, to make the same law of them.
    fn _state(&self) -> (Vec<[f64; 8]>, Option<ReasonState>) {
        let row = |m: &LawMode| {
            let target = [m.target_variance, m.mean_error, m.variance_error];
            let [a, b, c] = target;
            [m.eigenvalue, m.multiplicity, m.gain, m.mean, m.variance, a, b, c]
        };
        (self.law.modes.iter().map(row).collect(), self.law.infinite.as_ref().map(reason_state))
    }

    #[classmethod]
    fn _restore(
        _class: &Bound<'_, PyType>,
        spectrum: &Bound<'_, PySpectrum>,
        state: (Vec<[f64; 8]>, Option<ReasonState>),
    ) -> Self {
        let (modes, infinite) = state;
        let mode = |[
            eigenvalue,
            multiplicity,
            gain,
            mean,
            variance,
            target,
            of_mean,
            of_variance,
        ]: [f64; 8]| {
            LawMode {
                eigenvalue,
                multiplicity,
                gain,
                mean,
                variance,
                target_variance: target,
                mean_error: of_mean,
                variance_error: of_variance,
            }
        };
        let modes = modes.into_iter().map(mode).collect();
        let law = Law { modes, infinite: infinite.map(reason) };
        PyLaw { law, data: spectrum.get().data.clone() }
    }

    /// Why it is infinite, if it is.
    #[getter]
    fn infinite(&self) -> Option<String> {
        self.law.infinite.map(|reason| reason.to_string())
    }

    fn __len__(&self) -> usize {
        self.law.modes.len()
    }
}
