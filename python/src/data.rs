//! From data to spectra.

use crate::errors::Failure;
use crate::spectrum::{Origin, PySpectrum};
use crate::work::watched;
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::watch::Watch;
use gaussmeter_data::samples::{Cached, Samples, Watched};
use gaussmeter_data::source::pictures::{Channels, Filter, PictureOptions};
use gaussmeter_data::source::{
    self, ArrayKind, Data, Input, Latents, Layout, Number, ReadOptions, RecordArray,
    SamplesPerFile, ScaleChoice, Source, Split,
};
use gaussmeter_data::{
    DecomposeOptions, Decomposition, GivenCovariance, LanczosOptions, Memory, Method, Moments,
    MomentsError, StationaryModel, choose, decompose,
};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How data are read, and what is made of them.
#[derive(Default)]
pub struct Options {
    /// How data are read.
    pub reading: ReadOptions,
    method: Option<Wanted>,
    basis: bool,
    /// Whether the mean is left out.
    pub centred: bool,
    lanczos: LanczosOptions,
    /// A short name.
    pub name: Option<String>,
}

enum Wanted {
    Method(Method),
    Stationary,
}

/// The member of an enumeration with this name.
fn word<T: Copy>(key: &str, text: &str, known: &[(&str, T)]) -> PyResult<T> {
    match known.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let hint = format!("known: {}", names.join(", "));
            Err(Failure::with_hint(format!("{key}: unknown '{text}' ({hint})"), hint).into())
        }
    }
}

impl Options {
    /// Reads them.
    pub fn of(arguments: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut own = Options::default();
        let mut pictures = PictureOptions::default();
        for (key, value) in arguments.iter() {
            if value.is_none() {
                continue;
            }
            let key: String = key.extract()?;
            let text = || crate::question::text(&key, &value);
            let reading = &mut own.reading;
            match key.as_str() {
                "scale" => reading.scale = scale(&value)?,
                "array" => reading.array = Some(text()?),
                "suffix" => reading.suffix = Some(text()?),
                "samples_per_file" => {
                    let known = [
                        ("auto", SamplesPerFile::Auto),
                        ("one", SamplesPerFile::One),
                        ("rows", SamplesPerFile::Rows),
                    ];
                    reading.samples_per_file = word(&key, &text()?, &known)?;
                }
                "latents" => {
                    let known =
                        [("auto", Latents::Auto), ("mean", Latents::Mean), ("all", Latents::All)];
                    reading.latents = word(&key, &text()?, &known)?;
                }
                "kind" => {
                    let known = [
                        ("samples", ArrayKind::Samples),
                        ("covariance", ArrayKind::Covariance),
                        ("eigenvalues", ArrayKind::Eigenvalues),
                    ];
                    reading.kind = Some(word(&key, &text()?, &known)?);
                }
                "layout" => {
                    let known =
                        [("auto", Layout::Auto), ("chw", Layout::Chw), ("hwc", Layout::Hwc)];
                    reading.layout = word(&key, &text()?, &known)?;
                }
                "split" => {
                    let known = [
                        ("auto", Split::Auto),
                        ("train", Split::Train),
                        ("test", Split::Test),
                        ("all", Split::All),
                    ];
                    reading.split = word(&key, &text()?, &known)?;
                }
                "resize" => pictures.resize = Some(text()?.parse().map_err(Failure::from)?),
                "crop" => pictures.crop = Some(text()?.parse().map_err(Failure::from)?),
                "filter" => {
                    let all = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];
                    pictures.filter = word(&key, &text()?, &all.map(|f| (f.name(), f)))?;
                }
                "channels" => {
                    let all = [Channels::Auto, Channels::Gray, Channels::Rgb, Channels::Rgba];
                    pictures.channels = word(&key, &text()?, &all.map(|c| (c.name(), c)))?;
                }
                "skip_bad" => pictures.skip_bad = value.extract()?,
                "memory" => reading.memory = Memory(value.extract()?),
                "method" => {
                    let known = [
                        ("dense", Some(Method::Dense)),
                        ("gram", Some(Method::Gram)),
                        ("lanczos", Some(Method::Lanczos)),
                        ("stationary", None),
                    ];
                    own.method = Some(match word(&key, &text()?, &known)? {
                        Some(method) => Wanted::Method(method),
                        None => Wanted::Stationary,
                    });
                }
                "probes" => own.lanczos.probes = value.extract()?,
                "passes" => own.lanczos.steps = value.extract()?,
                "seed" => own.lanczos.seed = value.extract()?,
                "basis" => own.basis = value.extract()?,
                "centred" => own.centred = value.extract()?,
                "name" => own.name = Some(text()?),
                _ => return Err(PyTypeError::new_err(format!("unknown argument '{key}'"))),
            }
        }
        pictures.memory = own.reading.memory;
        own.reading.pictures = pictures;
        Ok(own)
    }

    /// The spectrum of samples.
    fn solve(self, mut samples: Box<dyn Samples>, watch: Watch) -> Result<Solved, Failure> {
        let dim = samples.shape().iter().product::<usize>();
        let choice = choose(samples.size_hint(), dim);
        let (method, reason) = match self.method {
            Some(Wanted::Stationary) => return self.stationary(&mut *samples, watch),
            Some(Wanted::Method(method)) => (method, "as asked".to_string()),
            None => (choice.method, choice.reason),
        };
        let mut notes = vec![format!("method {method}: {reason}")];
        let mut found = match method {
            Method::Dense => {
                let (description, shape) = (samples.description(), samples.shape().to_vec());
                let mut moments = Moments::new(description, &shape, samples.scale())?;
                if !moments.extend(&mut *samples, watch)? {
                    let (position, kept) = (moments.position(), None);
                    return Err(MomentsError::Interrupted { position, kept }.into());
                }
                Decomposition::of_moments(&mut moments, self.basis)?
            }
            method => {
                let memory = self.reading.memory.0;
                let cache = match method {
                    Method::Lanczos => {
                        let vectors = self.lanczos.memory(samples.size_hint(), dim as u128);
                        memory.saturating_sub(u64::try_from(vectors).unwrap_or(u64::MAX))
                    }
                    _ => 0,
                };
                let (method, basis, lanczos) = (Some(method), self.basis, self.lanczos);
                let options = DecomposeOptions { method, basis, memory, lanczos };
                let mut cached = Cached::new(&mut *samples, cache);
                decompose(&mut Watched::new(&mut cached, watch), &options)?
            }
        };
        found.reason = reason;
        let left_out = samples.left_out().note();
        if self.centred {
            found = found.centred();
        }
        notes.extend(left_out.clone());
        Ok(Solved { spectrum: PySpectrum::of(found, self.name)?, notes, left_out })
    }

    fn stationary(self, samples: &mut dyn Samples, watch: Watch) -> Result<Solved, Failure> {
        let mut model = StationaryModel::of(&mut Watched::new(samples, watch))?;
        let left_out = samples.left_out().note();
        if self.centred {
            model = model.centred()?;
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("model.npz");
        model.save(&path)?;
        let name = self.name.as_deref().unwrap_or(&model.description);
        let spectrum = PySpectrum {
            data: Arc::new(model.law.spectrum(name)?),
            origin: Origin::File { bytes: std::fs::read(&path)?.into(), has_basis: true },
        };
        let notes = left_out.clone().into_iter().collect();
        Ok(Solved { spectrum, notes, left_out })
    }
}

/// A spectrum, what to say about how data were read, and what was left out.
struct Solved {
    spectrum: PySpectrum,
    notes: Vec<String>,
    left_out: Option<String>,
}

impl Solved {
    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let spectrum = Py::new(py, self.spectrum)?;
        Ok((spectrum, self.notes, self.left_out).into_pyobject(py)?.into_any().unbind())
    }
}

/// Stored values to data: a word, or factor and offset.
fn scale(value: &Bound<'_, PyAny>) -> PyResult<ScaleChoice> {
    if let Ok((factor, offset)) = value.extract::<(f64, f64)>() {
        return match factor.is_normal() && offset.is_finite() {
            true => Ok(ScaleChoice::Affine { factor, offset }),
            false => {
                Err(Failure::new("scale: factor and offset must be finite, and no factor 0").into())
            }
        };
    }
    let known = [
        ("auto", ScaleChoice::Auto),
        ("symmetric", ScaleChoice::Symmetric),
        ("unit", ScaleChoice::Unit),
        ("none", ScaleChoice::None),
    ];
    word("scale", &crate::question::text("scale", value)?, &known)
}

/// The spectrum of files, folders or archives.
#[pyfunction]
#[pyo3(signature = (paths, options, progress = None))]
pub fn spectrum_of_files(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    options: &Bound<'_, PyDict>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let options = Options::of(options)?;
    let work = move |watch: Watch| {
        for path in paths.iter().filter(|path| !path.is_dir()) {
            gaussmeter::file::check(path)?;
        }
        let Source { data, notes } = source::open(&paths, &options.reading)?;
        let centre = |found: Decomposition| if options.centred { found.centred() } else { found };
        let mut solved = match data {
            Data::Samples(samples) => options.solve(samples, watch)?,
            Data::Covariance(given) => {
                let found = centre(Decomposition::of_covariance(*given, options.basis)?);
                let spectrum = PySpectrum::of(found, options.name)?;
                Solved { spectrum, notes: Vec::new(), left_out: None }
            }
            Data::Moments(mut moments) => {
                moments.check_whole()?;
                let found = centre(Decomposition::of_moments(&mut moments, options.basis)?);
                let spectrum = PySpectrum::of(found, options.name)?;
                Solved { spectrum, notes: Vec::new(), left_out: None }
            }
            Data::Spectrum(spectrum) => {
                Solved { spectrum: PySpectrum::new(*spectrum), notes: Vec::new(), left_out: None }
            }
        };
        solved.notes.splice(0..0, notes);
        Ok(solved)
    };
    watched(py, progress, work, |py, solved| solved.into_python(py))
}

/// Samples in memory, as the library reads them from files.
pub fn samples(
    name: &str,
    bytes: Vec<u8>,
    dtype: &str,
    shape: &[usize],
    reading: &ReadOptions,
) -> Result<Box<dyn Samples>, Failure> {
    let Some((&count, axes)) = shape.split_first() else {
        return Err(Failure::new("a single number: samples lie along the first axis"));
    };
    let number = Number::from_descr(dtype)
        .ok_or_else(|| Failure::new(format!("values of type {dtype} are not read")))?;
    let what = format!("{} array of shape {shape:?}", number.name());
    let input = Input::memory(Path::new(name), &what, Vec::new())?;
    let bytes: Arc<[u8]> = bytes.into();
    let open = move |at: u64| -> Result<Box<dyn Read + Send>, _> {
        let mut reader = Cursor::new(bytes.clone());
        reader.set_position(at);
        Ok(Box::new(reader))
    };
    let array = RecordArray {
        input,
        name: None,
        number,
        big_endian: false,
        count: count as u64,
        axes: axes.to_vec(),
        prefix: 0,
        open: Box::new(open),
    };
    Ok(array.samples(reading)?)
}

/// The spectrum of an array of samples: its bytes, the code of its type, its shape.
#[pyfunction]
#[pyo3(signature = (bytes, dtype, shape, options, progress = None))]
pub fn spectrum_of_array(
    py: Python<'_>,
    bytes: PyReadonlyArray1<'_, u8>,
    dtype: String,
    shape: Vec<usize>,
    options: &Bound<'_, PyDict>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let options = Options::of(options)?;
    let bytes = bytes.as_array().to_vec();
    let work = move |watch: Watch| {
        let name = options.name.clone().unwrap_or_else(|| "array".into());
        let options = Options { name: Some(name.clone()), ..options };
        let samples = samples(&name, bytes, &dtype, &shape, &options.reading)?;
        options.solve(samples, watch)
    };
    watched(py, progress, work, |py, solved| solved.into_python(py))
}

/// The spectrum of a covariance.
#[pyfunction]
#[pyo3(signature = (covariance, mean, single, options))]
pub fn spectrum_of_covariance(
    py: Python<'_>,
    covariance: PyReadonlyArray2<'_, f64>,
    mean: Option<PyReadonlyArray1<'_, f64>>,
    single: bool,
    options: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    let options = Options::of(options)?;
    let covariance = covariance.as_array();
    let (rows, columns) = covariance.dim();
    let values: Vec<f64> = covariance.iter().copied().collect();
    let mean = mean.map(|mean| mean.as_array().to_vec());
    let work = move |_: Watch| {
        let matrix = Matrix::new(rows, columns, values)?;
        let number = if single { Number::F32 } else { Number::F64 };
        let name = options.name.clone().unwrap_or_else(|| format!("{rows}x{columns} covariance"));
        let given = GivenCovariance::new(name, mean, matrix, number)?;
        let mut found = Decomposition::of_covariance(given, options.basis)?;
        if options.centred {
            found = found.centred();
        }
        let spectrum = PySpectrum::of(found, options.name)?;
        Ok(Solved { spectrum, notes: Vec::new(), left_out: None })
    };
    watched(py, None, work, |py, solved| solved.into_python(py))
}

/// Sums over samples: exact for 8-bit values, whatever the batches and their order.
#[derive(Clone)]
#[pyclass(frozen, module = "gaussmeter._native", name = "Moments")]
pub struct PyMoments {
    name: String,
    reading: ReadOptions,
    sums: Arc<Mutex<Option<Moments>>>,
}

impl PyMoments {
    fn lock(&self) -> MutexGuard<'_, Option<Moments>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: Vec<u8>, dtype: &str, shape: &[usize]) -> Result<(), Failure> {
        let mut samples = samples(&self.name, bytes, dtype, shape, &self.reading)?;
        let mut chunks = Vec::new();
        while let Some(chunk) = samples.next_chunk(1024)? {
            chunks.push(chunk);
        }
        let mut kept = self.lock();
        let is_new = kept.is_none();
        let sums = match kept.take() {
            Some(sums) if sums.shape() != samples.shape() => {
                let (found, expected) = (samples.shape().to_vec(), sums.shape().to_vec());
                *kept = Some(sums);
                return Err(Failure::new(format!(
                    "a batch of samples of shape {found:?} after samples of shape {expected:?}"
                )));
            }
            Some(sums) => sums,
            None => Moments::new(self.name.clone(), samples.shape(), samples.scale())?,
        };
        let sums = kept.insert(sums);
        // All chunks of a batch are of one kind: only the first can be refused.
        let added = chunks.iter().try_for_each(|chunk| sums.push(chunk));
        if added.is_err() && is_new {
            *kept = None;
        }
        Ok(added?)
    }

    fn with(&self, sums: Option<Moments>) -> Self {
        let (name, reading) = (self.name.clone(), self.reading.clone());
        PyMoments { name, reading, sums: Arc::new(Mutex::new(sums)) }
    }

    fn told<T>(&self, of: impl FnOnce(&Moments) -> T) -> Option<T> {
        self.lock().as_ref().map(of)
    }
}

#[pymethods]
impl PyMoments {
    #[new]
    fn new(name: String, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let reading = Options::of(options)?.reading;
        Ok(PyMoments { name, reading, sums: Arc::default() })
    }

    /// Adds a batch: its bytes, the code of its type, its shape. Where that is interrupted, the batch is
    /// still added in the background, so that the sums are those of whole batches.
    fn update(
        &self,
        py: Python<'_>,
        bytes: PyReadonlyArray1<'_, u8>,
        dtype: String,
        shape: Vec<usize>,
    ) -> PyResult<()> {
        let bytes = bytes.as_array().to_vec();
        let own = self.clone();
        let work = move |_: Watch| own.add(bytes, &dtype, &shape);
        watched(py, None, work, |py, ()| Ok(py.None()))?;
        Ok(())
    }

    /// The sums over both.
    fn merged(&self, py: Python<'_>, other: &Bound<'_, PyMoments>) -> PyResult<Self> {
        let other = other.get().lock().clone();
        let own = self.lock().clone();
        let sums = py.detach(|| -> Result<Option<Moments>, Failure> {
            Ok(match (own, other) {
                (Some(mut own), Some(other)) => {
                    own.merge(other)?;
                    Some(own)
                }
                (own, other) => own.or(other),
            })
        })?;
        Ok(self.with(sums))
    }

    /// The spectrum of the covariance.
    #[pyo3(signature = (options, progress = None))]
    fn spectrum(
        &self,
        py: Python<'_>,
        options: &Bound<'_, PyDict>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let options = Options::of(options)?;
        let Some(mut sums) = self.lock().clone() else {
            return Err(Failure::new(format!("{}: no samples", self.name)).into());
        };
        let work = move |_: Watch| {
            sums.check_whole()?;
            let mut found = Decomposition::of_moments(&mut sums, options.basis)?;
            if options.centred {
                found = found.centred();
            }
            let spectrum = PySpectrum::of(found, options.name)?;
            Ok(Solved { spectrum, notes: Vec::new(), left_out: None })
        };
        watched(py, progress, work, |py, solved| solved.into_python(py))
    }

    #[getter]
    fn count(&self) -> u64 {
        self.told(Moments::count).unwrap_or(0)
    }

    #[getter]
    fn shape(&self) -> Option<Vec<usize>> {
        self.told(|sums| sums.shape().to_vec())
    }

    #[getter]
    fn is_exact(&self) -> Option<bool> {
        self.told(Moments::is_exact)
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    fn mean<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        use numpy::IntoPyArray;
        match self.lock().as_mut() {
            Some(sums) => Ok(sums.mean().map_err(Failure::from)?.into_pyarray(py)),
            None => Err(Failure::new(format!("{}: no samples", self.name)).into()),
        }
    }

    /// Writes a file that `gaussmeter merge` reads.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| match self.lock().as_mut() {
            Some(sums) => Ok(sums.save(&path)?),
            None => Err(Failure::new(format!("{}: no samples", self.name))),
        })?;
        Ok(())
    }

    /// Reads what `save` or `gaussmeter spectrum --part` wrote.
    fn loaded(&self, py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let sums = py.detach(|| Moments::load(&path)).map_err(Failure::from)?;
        Ok(self.with(Some(sums)))
    }

    /// The sums as the bytes of a file; none without samples.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let bytes = py.detach(|| -> Result<Option<Vec<u8>>, Failure> {
            let mut kept = self.lock();
            let Some(sums) = kept.as_mut() else { return Ok(None) };
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("sums.npz");
            sums.save(&path)?;
            Ok(Some(std::fs::read(&path)?))
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// The sums in the bytes of a file.
    fn of_state(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let bytes = bytes.to_vec();
        let sums = py.detach(|| -> Result<Moments, Failure> {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("sums.npz");
            std::fs::write(&path, bytes)?;
            Ok(Moments::load(&path)?)
        })?;
        Ok(self.with(Some(sums)))
    }
}
