//! The Gaussian W2 of samples, statistics and laws.

use crate::data::{Options, samples};
use crate::errors::Failure;
use crate::result::Found;
use crate::work::watched;
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::report::Report;
use gaussmeter::watch::Watch;
use gaussmeter_data::GivenCovariance;
use gaussmeter_data::distance::{Opener, Subject};
use gaussmeter_data::source::{Number, ReadOption, ReadOptions};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// What is compared.
#[derive(FromPyObject)]
pub enum Given<'py> {
    /// The bytes of an array, the code of its type, its shape.
    Array(PyReadonlyArray1<'py, u8>, String, Vec<usize>),
    /// Mean and covariance, and the code of the type that the covariance had.
    Statistics(PyReadonlyArray1<'py, f64>, PyReadonlyArray2<'py, f64>, String),
    /// A file, a folder or an archive.
    File(PathBuf),
}

/// The same without Python.
enum Own {
    Array(Vec<u8>, String, Vec<usize>),
    Statistics(Vec<f64>, Matrix, Number),
    File(PathBuf),
}

impl Given<'_> {
    fn own(self) -> Result<Own, Failure> {
        Ok(match self {
            Given::Array(bytes, dtype, shape) => {
                Own::Array(bytes.as_array().to_vec(), dtype, shape)
            }
            Given::Statistics(mean, covariance, dtype) => {
                let covariance = covariance.as_array();
                let (rows, columns) = covariance.dim();
                let values = covariance.iter().copied().collect();
                let number = Number::from_descr(&dtype).unwrap_or(Number::F64);
                let matrix = Matrix::new(rows, columns, values)?;
                Own::Statistics(mean.as_array().to_vec(), matrix, number)
            }
            Given::File(path) => Own::File(path),
        })
    }
}

impl Own {
    /// Opened with those of the options that it can take, but for `own`, which were given for it alone.
    fn open(
        self,
        name: &str,
        reading: &ReadOptions,
        own: &[ReadOption],
        opener: &mut Opener,
    ) -> Result<Subject, Failure> {
        Ok(match self {
            Own::Array(bytes, dtype, shape) => {
                Subject::of_samples(name, samples(name, bytes, &dtype, &shape, reading)?)
            }
            Own::Statistics(mean, covariance, number) => {
                Subject::of_statistics(GivenCovariance::new(name, Some(mean), covariance, number)?)
            }
            Own::File(path) => opener.open(&path, reading, own)?.named(name),
        })
    }
}

/// The report of `gaussmeter distance`. Each of what is compared has a name; the second options are the
/// reference's own; the counts are those of the reference's and of the others' statistics.
#[pyfunction]
#[pyo3(signature = (reference, sets, options, counts, progress = None))]
pub fn distance(
    py: Python<'_>,
    reference: (String, Given<'_>),
    sets: Vec<(String, Given<'_>)>,
    options: (Bound<'_, PyDict>, Bound<'_, PyDict>),
    counts: (Option<u64>, Option<u64>),
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let reading = Options::of(&options.0)?.reading;
    let given = Options::of(&options.1)?.reading;
    let (mut of_reference, mut only) = (reading.clone(), Vec::new());
    if given.asks(ReadOption::Array) {
        of_reference.array = given.array;
        only.push(ReadOption::Array);
    }
    if options.1.contains("scale")? {
        of_reference.scale = given.scale;
        only.push(ReadOption::Scale);
    }
    let (name, given) = reference;
    let reference = (name, given.own()?);
    let sets = sets.into_iter().map(|(name, given)| Ok((name, given.own()?)));
    let sets = sets.collect::<Result<Vec<_>, Failure>>()?;
    let work = move |watch: Watch| {
        let (name, own) = reference;
        let mut opener = Opener::default();
        let mut reference = own.open(&name, &of_reference, &only, &mut opener)?;
        if let Some(count) = counts.0 {
            reference = reference.with_count(count)?;
        }
        let mut subjects = Vec::new();
        for (name, own) in sets {
            subjects.push(own.open(&name, &reading, &[], &mut opener)?);
        }
        opener.finish()?;
        if let Some(count) = counts.1 {
            if !subjects.iter().any(Subject::is_uncounted) {
                return Err(Failure::new("count: none of the samples are statistics"));
            }
            subjects = subjects
                .into_iter()
                .map(|s| if s.is_uncounted() { s.with_count(count) } else { Ok(s) })
                .collect::<Result<_, _>>()?;
        }
        let memory = reading.memory;
        let found =
            gaussmeter_data::distance::distance(&mut reference, &mut subjects, memory, watch)?;
        let is_interrupted = found.is_interrupted;
        let report = found.report();
        let found = Found::new(move |_, show| show(&report as &dyn Report));
        Ok(found.interrupted(is_interrupted))
    };
    watched(py, progress, work, |py, found| found.into_python(py))
}
