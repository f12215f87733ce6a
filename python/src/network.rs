//! Networks that are functions of Python.

use crate::errors::Failure;
use gaussmeter::level::Level;
use gaussmeter::network::{Denoiser, DenoiserError, Prediction};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// The first exception that a network has raised.
#[derive(Clone, Default)]
pub struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// Takes it, if there is one.
    pub fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn is_some(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A function of x, one vector after another, and its level (t, α, σ), that returns as many values.
pub struct Network {
    function: Arc<Py<PyAny>>,
    dim: usize,
    native: Prediction,
    raised: Raised,
    /// One call at a time.
    one: Arc<Mutex<()>>,
}

impl Network {
    /// A network for vectors of `dim` values.
    pub fn new(function: Py<PyAny>, dim: usize, predicts: Option<&str>) -> PyResult<Self> {
        let native = prediction(predicts)?;
        let (function, one) = (Arc::new(function), Arc::default());
        Ok(Network { function, dim, native, raised: Raised::default(), one })
    }

    /// What it has raised.
    pub fn raised(&self) -> Raised {
        self.raised.clone()
    }

    /// One for a thread.
    pub fn make(&self) -> Box<dyn Denoiser + Send> {
        Box::new(Network {
            function: self.function.clone(),
            dim: self.dim,
            native: self.native,
            raised: self.raised.clone(),
            one: self.one.clone(),
        })
    }
}

/// What a network predicts, by name.
pub fn prediction(predicts: Option<&str>) -> PyResult<Prediction> {
    let known = [
        ("denoiser", Prediction::Denoiser),
        ("noise", Prediction::Noise),
        ("velocity", Prediction::Velocity),
        ("score", Prediction::Score),
        ("v", Prediction::V),
        ("flow", Prediction::Flow),
    ];
    let wanted = predicts.unwrap_or("denoiser");
    match known.iter().find(|(name, _)| *name == wanted) {
        Some((_, prediction)) => Ok(*prediction),
        None => {
            let names = known.map(|(name, _)| name).join(", ");
            let hint = format!("known: {names}");
            Err(Failure::with_hint(format!("predicts: unknown '{wanted}' ({hint})"), hint).into())
        }
    }
}

impl Denoiser for Network {
    fn dim(&self) -> usize {
        self.dim
    }

    fn native(&self) -> Prediction {
        self.native
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        let failed = || DenoiserError::Network("it has raised an exception".into());
        // The others need not be asked.
        if self.raised.is_some() {
            return Err(failed());
        }
        // Taken before the interpreter is: a network that lets go of it would wait for both.
        let _one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        Python::attach(|py| {
            let x = PyArray1::from_slice(py, x);
            let at = (level.t, level.alpha, level.sigma);
            let found = self.function.bind(py).call1((x, at));
            let found = found.and_then(|found| {
                let found: PyReadonlyArray1<'_, f64> = found.extract()?;
                Ok(found.as_array().to_vec())
            });
            match found {
                Ok(found) if found.len() == out.len() => {
                    out.copy_from_slice(&found);
                    Ok(())
                }
                Ok(found) => {
                    let (found, expected) = (found.len(), out.len());
                    let text = format!("the network returned {found} values for {expected}");
                    self.raised.keep(Failure::new(text).into());
                    Err(failed())
                }
                Err(error) => {
                    self.raised.keep(error);
                    Err(failed())
                }
            }
        })
    }
}
