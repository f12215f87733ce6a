//! Spectra.

use crate::errors::{Failure, in_python};
use crate::question::load;
use gaussmeter::basis::Basis;
use gaussmeter::spectrum::{Alternatives, Estimate, Mode, Notice, Spectrum};
use gaussmeter_data::{Decomposition, Model, save_spectrum};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a spectrum was made of, kept for its eigenvectors.
#[derive(Clone)]
pub enum Origin {
    /// Eigenvalues alone.
    Eigenvalues,
    /// Data.
    Decomposition(Arc<Decomposition>),
    /// The bytes of a file of the library.
    File {
        /// The file.
        bytes: Arc<[u8]>,
        /// Whether eigenvectors can be made of it.
        has_basis: bool,
    },
}

/// The data law N(mean, Σ), reduced to the eigenvalues of Σ.
#[derive(Clone)]
#[pyclass(frozen, module = "gaussmeter._native", name = "Spectrum")]
pub struct PySpectrum {
    /// The library's.
    pub data: Arc<Spectrum>,
    /// What it was made of.
    pub origin: Origin,
}

impl PySpectrum {
    /// A spectrum of eigenvalues alone.
    pub fn new(data: impl Into<Arc<Spectrum>>) -> Self {
        PySpectrum { data: data.into(), origin: Origin::Eigenvalues }
    }

    /// A spectrum of data.
    pub fn of(found: Decomposition, name: Option<String>) -> Result<Self, Failure> {
        let mut spectrum = found.spectrum()?;
        if let Some(name) = name {
            spectrum = renamed(&spectrum, name)?;
        }
        let has_errors = found.quadrature.is_some();
        let origin = Origin::Decomposition(Arc::new(found));
        let made = PySpectrum { data: Arc::new(spectrum), origin };
        if !has_errors {
            return Ok(made);
        }
        // What a quadrature leaves open is in its file.
        let read = made.with_file(|path| Ok(gaussmeter::data::read(path)?))?;
        let mut data = (*made.data).clone();
        for notice in read.notices() {
            data = data.with_notice(notice.clone());
        }
        if let Some(others) = read.alternatives() {
            data = data.with_alternatives(others.clone());
        }
        Ok(PySpectrum { data: Arc::new(data), ..made })
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        match &self.origin {
            Origin::Decomposition(found) => Ok(found.save(path)?),
            Origin::File { bytes, .. } => Ok(std::fs::write(path, bytes)?),
            Origin::Eigenvalues => Ok(save_spectrum(&self.data, path)?),
        }
    }

    /// Puts it into a file that is gone afterwards, for what the library reads from files only.
    pub fn with_file<T>(
        &self,
        read: impl FnOnce(&Path) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("spectrum.npz");
        self.write(&path)?;
        read(&path)
    }

    /// The eigenvectors, if they are known.
    pub fn basis(&self) -> Result<Option<Arc<dyn Basis>>, Failure> {
        match &self.origin {
            Origin::Eigenvalues => Ok(None),
            Origin::File { has_basis: false, .. } => Ok(None),
            Origin::Decomposition(found) if found.basis.is_none() => Ok(None),
            _ => Ok(Some(self.model()?.basis)),
        }
    }

    /// The law with its eigenvectors.
    pub fn model(&self) -> Result<Model, Failure> {
        if !self.has_basis() {
            let name = self.data.name();
            return Err(Failure::with_hint(
                format!("{name} is a list of eigenvalues without eigenvectors"),
                "make the spectrum with basis=True",
            ));
        }
        let mut model = self.with_file(|path| Ok(Model::load(path)?))?;
        model.name = self.data.name().into();
        Ok(model)
    }

    fn column(&self, of: impl Fn(&Mode) -> f64) -> Vec<f64> {
        self.data.modes().iter().map(of).collect()
    }
}

/// The same spectrum by another name.
fn renamed(spectrum: &Spectrum, name: String) -> Result<Spectrum, Failure> {
    let [values, weights, means] = columns(spectrum);
    let mut other =
        Spectrum::new(name, spectrum.provenance(), &values, Some(&weights), Some(&means))?;
    for notice in spectrum.notices() {
        other = other.with_notice(notice.clone());
    }
    Ok(other)
}

/// Eigenvalues, multiplicities and means.
fn columns(spectrum: &Spectrum) -> [Vec<f64>; 3] {
    let of = |value: fn(&Mode) -> f64| spectrum.modes().iter().map(value).collect();
    [of(|m| m.eigenvalue), of(|m| m.multiplicity), of(|m| m.mean)]
}

#[pymethods]
impl PySpectrum {
    #[classmethod]
    #[pyo3(signature = (eigenvalues, multiplicities, mean, name, provenance))]
    fn _of_lists(
        _class: &Bound<'_, PyType>,
        eigenvalues: PyReadonlyArray1<'_, f64>,
        multiplicities: Option<PyReadonlyArray1<'_, f64>>,
        mean: Option<PyReadonlyArray1<'_, f64>>,
        name: String,
        provenance: String,
    ) -> PyResult<Self> {
        let list = |array: &PyReadonlyArray1<'_, f64>| array.as_array().to_vec();
        let weights = multiplicities.as_ref().map(list);
        let means = mean.as_ref().map(list);
        let values = list(&eigenvalues);
        let spectrum =
            Spectrum::new(name, provenance, &values, weights.as_deref(), means.as_deref());
        Ok(PySpectrum::new(spectrum.map_err(Failure::from)?))
    }

    #[classmethod]
    fn _load(_class: &Bound<'_, PyType>, py: Python<'_>, text: String) -> PyResult<Self> {
        let (data, origin) = py.detach(|| {
            let data = load(&text)?;
            // Eigenvectors of files are read when they are needed.
            let path = Path::new(&text);
            let is_model = |a: gaussmeter::data::Archive| {
                let models = ["gaussmeter texture", "gaussmeter stationary"];
                a.has("basis") || a.content().is_some_and(|content| models.contains(&content))
            };
            let origin = match path.is_file()
                && gaussmeter::data::Archive::open(path).is_some_and(is_model)
            {
                true => Origin::File { bytes: std::fs::read(path)?.into(), has_basis: true },
                false => Origin::Eigenvalues,
            };
            Ok::<_, Failure>((data, origin))
        })?;
        Ok(PySpectrum { data, origin })
    }

    /// Writes the spectrum to an `.npz` file, with eigenvectors if it has any.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
            let path = path.display();
            return Err(Failure::new(format!("{path}: spectra are .npz files")).into());
        }
        Ok(py.detach(|| self.write(&path))?)
    }

    #[getter]
    fn eigenvalues<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.data.eigenvalues().to_vec().into_pyarray(py)
    }

    #[getter]
    fn multiplicities<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.column(|m| m.multiplicity).into_pyarray(py)
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f64>>> {
        self.data.has_mean().then(|| self.column(|m| m.mean).into_pyarray(py))
    }

    #[getter]
    fn dimension(&self) -> f64 {
        self.data.dim()
    }

    #[getter]
    fn trace(&self) -> f64 {
        self.data.trace()
    }

    #[getter]
    fn null_dimension(&self) -> f64 {
        self.data.null_dim()
    }

    #[getter]
    fn name(&self) -> &str {
        self.data.name()
    }

    #[getter]
    fn provenance(&self) -> &str {
        self.data.provenance()
    }

    #[getter]
    fn notices(&self) -> Vec<String> {
        self.data.notices().iter().map(|notice| in_python(&notice.to_string())).collect()
    }

    #[getter]
    fn has_basis(&self) -> bool {
        match &self.origin {
            Origin::Eigenvalues => false,
            Origin::Decomposition(found) => found.basis.is_some(),
            Origin::File { has_basis, .. } => *has_basis,
        }
    }

    fn __len__(&self) -> usize {
        self.data.modes().len()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.data == other.data
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.data.name().hash(&mut hasher);
        self.data.eigenvalues().iter().for_each(|v| v.to_bits().hash(&mut hasher));
        hasher.finish()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let own = slf.get();
        let file = match &own.origin {
            Origin::Eigenvalues => None,
            _ => {
                let bytes = py.detach(|| own.with_file(|path| Ok(std::fs::read(path)?)))?;
                Some(PyBytes::new(py, &bytes))
            }
        };
        let notices: Vec<NoticeState> = own.data.notices().iter().map(notice_state).collect();
        let lists = lists(&own.data);
        let arguments = (lists, notices, alternatives(&own.data), file, own.has_basis());
        let restore = slf.get_type().getattr("_restore")?;
        Ok((restore, arguments.into_pyobject(py)?))
    }

    #[classmethod]
    fn _restore(
        _class: &Bound<'_, PyType>,
        lists: Lists,
        notices: Vec<NoticeState>,
        alternatives: Vec<Lists>,
        file: Option<&[u8]>,
        has_basis: bool,
    ) -> PyResult<Self> {
        let mut data = of_lists(lists)?;
        for notice in notices.into_iter().filter_map(notice) {
            data = data.with_notice(notice);
        }
        let mut others = alternatives.into_iter().map(of_lists).collect::<Result<Vec<_>, _>>()?;
        if let Some(halfway) = others.pop() {
            data = data.with_alternatives(Alternatives { leave_one_out: others, halfway });
        }
        let origin = match file {
            Some(bytes) => Origin::File { bytes: bytes.into(), has_basis },
            None => Origin::Eigenvalues,
        };
        Ok(PySpectrum { data: Arc::new(data), origin })
    }
}

/// Name, provenance, eigenvalues, multiplicities and means.
type Lists = (String, String, Vec<f64>, Vec<f64>, Vec<f64>);

fn lists(spectrum: &Spectrum) -> Lists {
    let [values, weights, means] = columns(spectrum);
    (spectrum.name().into(), spectrum.provenance().into(), values, weights, means)
}

fn of_lists((name, provenance, values, weights, means): Lists) -> Result<Spectrum, Failure> {
    Ok(Spectrum::new(name, provenance, &values, Some(&weights), Some(&means))?)
}

fn alternatives(spectrum: &Spectrum) -> Vec<Lists> {
    spectrum
        .alternatives()
        .map_or_else(Vec::new, |a| a.leave_one_out.iter().chain([&a.halfway]).map(lists).collect())
}

/// A notice in parts: its kind, a text, counts and numbers.
type NoticeState = (String, String, Vec<usize>, Vec<f64>, Vec<(String, f64, f64, f64)>);

fn notice_state(notice: &Notice) -> NoticeState {
    let none = Vec::new;
    match notice {
        Notice::Clipped { count, lowest, positive, highest } => {
            let (counts, numbers) = (vec![*count, *positive], vec![*lowest, *highest]);
            ("clipped".into(), String::new(), counts, numbers, none())
        }
        Notice::Doubtful { reason } => {
            ("doubtful".into(), reason.clone(), Vec::new(), Vec::new(), none())
        }
        Notice::LowPrecision { dtype, lowest, highest } => {
            ("low precision".into(), dtype.clone(), Vec::new(), vec![*lowest, *highest], none())
        }
        Notice::Quadrature { estimates } => {
            let each = estimates.iter().map(|e| (e.what.clone(), e.value, e.probes, e.steps));
            ("quadrature".into(), String::new(), Vec::new(), Vec::new(), each.collect())
        }
        // A kind that this version does not know: its words.
        other => ("doubtful".into(), other.to_string(), Vec::new(), Vec::new(), none()),
    }
}

fn notice((kind, text, counts, numbers, estimates): NoticeState) -> Option<Notice> {
    match (kind.as_str(), &counts[..], &numbers[..]) {
        ("clipped", &[count, positive], &[lowest, highest]) => {
            Some(Notice::Clipped { count, lowest, positive, highest })
        }
        ("doubtful", ..) => Some(Notice::Doubtful { reason: text }),
        ("low precision", _, &[lowest, highest]) => {
            Some(Notice::LowPrecision { dtype: text, lowest, highest })
        }
        ("quadrature", ..) => {
            let estimate = |(what, value, probes, steps)| Estimate { what, value, probes, steps };
            Some(Notice::Quadrature { estimates: estimates.into_iter().map(estimate).collect() })
        }
        _ => None,
    }
}
