//! Laws that are not Gaussian, and textures: made of data, kept as the bytes of their files.

use crate::data::{Options, samples};
use crate::errors::Failure;
use crate::result::Found;
use crate::spectrum::{Origin, PySpectrum};
use crate::work::watched;
use gaussmeter::report::Report;
use gaussmeter::watch::Watch;
use gaussmeter_data::empirical::EmpiricalOptions;
use gaussmeter_data::mixture::MixtureOptions;
use gaussmeter_data::samples::{Samples, Scale};
use gaussmeter_data::source::{self, Data, Labels, Source};
use gaussmeter_data::{ModelError, Picture, TextureModel, empirical, mixture, separable};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Samples in files, or in memory.
#[derive(FromPyObject)]
pub enum Given<'py> {
    /// The bytes of an array, the code of its type, its shape.
    Array(PyReadonlyArray1<'py, u8>, String, Vec<usize>),
    /// Paths.
    Files(Vec<PathBuf>),
}

/// A law of data: the report of `gaussmeter mixture`, `empirical` or `separable`, and the bytes of its file.
#[pyfunction]
#[pyo3(signature = (kind, given, options, number = None, seed = None, labels = None, progress = None))]
#[allow(clippy::too_many_arguments)]
pub fn law_of_data(
    py: Python<'_>,
    kind: String,
    given: Given<'_>,
    options: &Bound<'_, PyDict>,
    number: Option<usize>,
    seed: Option<u64>,
    labels: Option<String>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let mut options = Options::of(options)?;
    let (files, array) = match given {
        Given::Files(files) => (files, None),
        Given::Array(bytes, dtype, shape) => {
            (Vec::new(), Some((bytes.as_array().to_vec(), dtype, shape)))
        }
    };
    let work = move |watch: Watch| {
        let name = options.name.clone().unwrap_or_else(|| kind.clone());
        if kind == "mixture" {
            options.reading.labels = match (number, labels) {
                (Some(_), _) => Labels::Ignore,
                (None, Some(name)) => Labels::Named(name),
                (None, None) => Labels::Auto,
            };
        }
        let (mut samples, notes): (Box<dyn Samples>, _) = match array {
            Some((bytes, dtype, shape)) => {
                (samples(&name, bytes, &dtype, &shape, &options.reading)?, Vec::new())
            }
            None => {
                for path in files.iter().filter(|path| !path.is_dir()) {
                    gaussmeter::file::check(path)?;
                }
                match source::open(&files, &options.reading)? {
                    Source { data: Data::Samples(samples), notes } => (samples, notes),
                    _ => {
                        let text = "statistics and eigenvalues are of one Gaussian";
                        return Err(Failure::with_hint(text, "give the samples themselves"));
                    }
                }
            }
        };
        let (samples, memory, seed) =
            (&mut *samples, options.reading.memory, seed.unwrap_or_default());
        let chosen = EmpiricalOptions { samples: number, seed, memory };
        let (report, bytes) = match kind.as_str() {
            "mixture" => {
                let chosen = MixtureOptions { clusters: number, seed, memory };
                let model = mixture::of_samples(&name, samples, chosen, watch)?;
                (model.report(), bytes(|path| model.save(path))?)
            }
            "empirical" => {
                let model = empirical::of_samples(&name, samples, chosen, watch)?;
                (model.report(), bytes(|path| model.save(path))?)
            }
            _ => {
                let model = separable::of_samples(&name, samples, chosen, watch)?;
                (model.report(), bytes(|path| model.save(path))?)
            }
        };
        let found = Found::new(move |_, show| show(&report as &dyn Report));
        Ok((found.with_notices(notes), bytes))
    };
    watched(py, progress, work, |py, (found, bytes)| {
        let report = found.into_python(py)?;
        Ok((report, PyBytes::new(py, &bytes)).into_pyobject(py)?.into_any().unbind())
    })
}

/// What a model writes.
fn bytes(save: impl FnOnce(&Path) -> Result<(), ModelError>) -> Result<Vec<u8>, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.npz");
    save(&path)?;
    Ok(std::fs::read(&path)?)
}

/// The texture model of a picture.
#[pyfunction]
#[pyo3(signature = (path, options, periodic = false))]
pub fn texture_of_picture(
    py: Python<'_>,
    path: PathBuf,
    options: &Bound<'_, PyDict>,
    periodic: bool,
) -> PyResult<Py<PyAny>> {
    let options = Options::of(options)?;
    let work = move |_: Watch| {
        gaussmeter::file::check(&path)?;
        let picture = Picture::open(&path, &options.reading.pictures)?;
        let scale = options.reading.scale.resolve(Some(picture.white)).unwrap_or(Scale::IDENTITY);
        let model = TextureModel::new(&picture, scale, periodic, options.centred)?;
        let name = options.name.as_deref().unwrap_or(&model.description);
        let data = Arc::new(model.texture.spectrum(name)?);
        let bytes: Arc<[u8]> = bytes(|path| model.save(path))?.into();
        Ok(PySpectrum { data, origin: Origin::File { bytes, has_basis: true } })
    };
    watched(py, None, work, |py, spectrum| Ok(Py::new(py, spectrum)?.into_any()))
}
