//! Where a [`Spectrum`] comes from: [presets](preset) by name, and files in any of the supported
//! [formats](mod@format).

pub mod format;
pub(crate) mod info;
pub mod list;
mod meta;
pub mod npy;
pub mod preset;

pub use info::{Info, info};
pub use meta::Archive;
pub use preset::registry;

use crate::entry::EntryError;
use crate::file::{self, FileError, Problem};
use crate::spectrum::{Alternatives, Estimate, Notice, Spectrum, SpectrumError};
pub use format::Column;
use format::{Format, FormatError, Table};
use std::cell::RefCell;
use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Largest file and largest array in an archive that is read, in bytes: 2^27 values of 8 bytes.
pub const MAX_BYTES: u64 = 1 << 30;

/// Most eigenvalues that are read: with multiplicities and means they take about 3 GiB.
pub const MAX_VALUES: usize = 1 << 25;

/// Largest JSON file that is read, in bytes: each number takes many times its size.
pub(crate) const MAX_JSON: usize = 1 << 26;

/// The lists that make up a spectrum.
pub const SPECTRUM: &[Column] = &[
    Column { singular: "eigenvalue", plural: "eigenvalues" },
    Column { singular: "multiplicity", plural: "multiplicities" },
    Column { singular: "mean", plural: "means" },
];

/// A plain list, such as the times of a grid.
pub const NUMBERS: &[Column] = &[Column { singular: "t", plural: "times" }];

/// Why a spectrum or a list of numbers could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A path was given, and there is no such file.
    #[error("no such file '{}'", path.display())]
    NoSuchFile {
        /// The path as given.
        path: PathBuf,
    },
    /// The text names neither a preset nor a file.
    #[error("no such file, and {0}")]
    Unknown(#[source] EntryError),
    /// The text names a preset, but its parameters are wrong.
    #[error(transparent)]
    Preset(EntryError),
    /// The file exists but cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error(
        "{}: larger than {} MiB: merge equal eigenvalues with a multiplicity column",
        path.display(),
        MAX_BYTES >> 20
    )]
    TooLarge {
        /// The path as given.
        path: PathBuf,
    },
    /// The content of the file cannot be understood.
    #[error("{}: {source}", path.display())]
    Format {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: FormatError,
    },
    /// The file holds numbers that do not form a spectrum.
    #[error("{}: {source}", path.display())]
    Spectrum {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: SpectrumError,
    },
}

/// Loads a spectrum from a file or, if no file has this name, from the text form of a preset:
/// `cifar10`, `power-law:d=3072,alpha=1.5`. See [`registry`] for the presets and [`read`] for the
/// files.
///
/// ```
/// use gaussmeter::data;
/// let spectrum = data::load("spiked:d=784,rank=20")?;
/// assert_eq!((spectrum.dim(), spectrum.null_dim()), (784.0, 764.0));
/// let error = data::load("cifar").unwrap_err();
/// assert!(error.to_string().starts_with("no such file, and unknown spectrum 'cifar': did you mean 'cifar10'?"));
/// # Ok::<(), data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError`]. Text that contains a path separator or ends in the extension of a known format is
/// treated as a path, so that a missing file is reported as one.
pub fn load(text: &str) -> Result<Spectrum, DataError> {
    let lent = LENT.with_borrow(|lent| {
        lent.iter().find(|(name, _)| name == text).map(|(_, spectrum)| spectrum.clone())
    });
    if let Some(spectrum) = lent {
        return Ok(Spectrum::clone(&spectrum));
    }
    if let Some(path) = path(text) {
        return read(path);
    }
    match registry().build(text) {
        Ok(preset) => Ok(*preset.item),
        Err(error @ EntryError::UnknownName { .. }) => Err(DataError::Unknown(error)),
        Err(error) => Err(DataError::Preset(error)),
    }
}

/// Spectra in memory, by the names that words have for them.
pub type Lent = Vec<(String, Arc<Spectrum>)>;

thread_local! {
    static LENT: RefCell<Lent> = const { RefCell::new(Vec::new()) };
}

/// Reads words in which some names are those of spectra in memory: on this thread [`load`] takes these for
/// them.
///
/// ```
/// use gaussmeter::{data, network::linear};
/// let class = data::load("power-law:d=64,alpha=2")?;
/// let lent = vec![("class.npz".to_string(), class.into())];
/// let build = || linear::registry().build("guided:class=class.npz,w=2");
/// assert!(data::lending(lent, build).is_ok());
/// assert!(build().is_err());
/// # Ok::<(), data::DataError>(())
/// ```
pub fn lending<T>(spectra: Lent, read: impl FnOnce() -> T) -> T {
    struct Before(Lent);
    impl Drop for Before {
        fn drop(&mut self) {
            LENT.set(std::mem::take(&mut self.0));
        }
    }
    let _before = Before(LENT.replace(spectra));
    read()
}

/// The path that [`load`] would read, unless it treats the text as a preset.
pub(crate) fn path(text: &str) -> Option<&Path> {
    let path = Path::new(text);
    let is_there = || !file::is_refusing() && path.exists() && !path.is_dir();
    (looks_like_a_path(text) || is_there()).then_some(path)
}

fn looks_like_a_path(text: &str) -> bool {
    let extension = Path::new(text).extension().and_then(|e| e.to_str()).unwrap_or("");
    text.contains(['/', MAIN_SEPARATOR])
        || format::formats()
            .iter()
            .flat_map(|f| f.extensions)
            .any(|known| known.eq_ignore_ascii_case(extension))
}

/// Reads a spectrum from a file, recognising its format by content:
///
/// - `.npy`: a 1-D array of eigenvalues, of any float or integer type;
/// - `.npz`: arrays `eigenvalue`, and optionally `multiplicity` and `mean`; or one array of any name;
/// - JSON: an object with these keys, and optionally `name` and `note`; or a bare list;
/// - text or CSV: columns in this order or named by a header line (which may be
///   a comment, as `numpy.savetxt` writes it); `#` starts a comment.
///
/// The spectrum is named after the file, unless a JSON file names it. Eigenvalues of type float32
/// or float16 add a [`Notice::LowPrecision`], those of a Lanczos quadrature a
/// [`Notice::Quadrature`], and a list that may be something else a [`Notice::Doubtful`].
///
/// # Errors
/// [`DataError`]
pub fn read(path: &Path) -> Result<Spectrum, DataError> {
    read_as(path, path)
}

/// Reads a spectrum as [`read`] does, from a copy of the file that is called `shown` in its provenance.
///
/// # Errors
/// [`DataError`], which names the copy.
pub fn read_as(path: &Path, shown: &Path) -> Result<Spectrum, DataError> {
    let (table, format) = table(path, SPECTRUM)?;
    let stem = shown.file_stem().unwrap_or(shown.as_os_str()).to_string_lossy();
    let origin = format!(
        "{}: {} values, {}",
        shown.display(),
        table.values(0).map_or(0, <[f64]>::len),
        table.dtype.as_deref().unwrap_or(format.name)
    );
    let found = spectrum(&table, &stem, &origin)
        .map_err(|source| DataError::Spectrum { path: path.into(), source })?;
    let found = match table.values(1).is_none() && table.array.is_none() {
        true => list::doubt_name(found, &stem),
        false => found,
    };
    Ok(match quadrature(path) {
        Some(estimates) => {
            let found = found.with_notice(Notice::Quadrature { estimates });
            match alternatives(path) {
                Some(others) => found.with_alternatives(others),
                None => found,
            }
        }
        None => found,
    })
}

/// The additional spectra in a file from Lanczos quadrature: eigenvalues, multiplicities and means
/// of all of them, one after the other, and the size of each; the last one is after half of the
/// passes.
const ALTERNATIVES: &[Column] = &[
    Column { singular: "alternative_eigenvalue", plural: "alternative_eigenvalues" },
    Column { singular: "alternative_multiplicity", plural: "alternative_multiplicities" },
    Column { singular: "alternative_mean", plural: "alternative_means" },
    Column { singular: "alternative_size", plural: "alternative_sizes" },
];

/// Reads [`ALTERNATIVES`]; `None` if there are no valid ones.
fn alternatives(path: &Path) -> Option<Alternatives> {
    let lists = read_columns(path, ALTERNATIVES).ok()?;
    let [values, weights, means, sizes] = <[_; 4]>::try_from(lists).ok()?;
    let (values, weights, means) = (values?, weights?, means?);
    let mut at = 0usize;
    let mut all = Vec::new();
    for size in sizes? {
        let end = at.checked_add(size as usize)?;
        let range = at..end;
        let lists = (values.get(range.clone())?, weights.get(range.clone())?, means.get(range)?);
        let (values, weights, means) = lists;
        all.push(Spectrum::new("", "", values, Some(weights), Some(means)).ok()?);
        at = end;
    }
    let halfway = all.pop()?;
    (all.len() > 1).then_some(Alternatives { leave_one_out: all, halfway })
}

/// The errors recorded in a spectrum file from Lanczos quadrature.
fn quadrature(path: &Path) -> Option<Vec<Estimate>> {
    let meta = Archive::open(path)?.meta?.ok()?;
    if meta.get("method")?.as_str()? != "lanczos" {
        return None;
    }
    let estimates = meta.get("quadrature").and_then(serde_json::Value::as_array);
    let estimate = |entry: &serde_json::Value| {
        let number = |key| entry.get(1)?.get(key)?.as_f64();
        Some(Estimate {
            what: entry.get(0)?.as_str()?.chars().take(40).collect(),
            value: number("value")?,
            probes: number("probes")?,
            steps: number("steps")?,
        })
    };
    Some(estimates.into_iter().flatten().take(4).filter_map(estimate).collect())
}

/// Reads one plain list of numbers from any of the formats of [`read`], or from a list assigned in
/// a Python file. In a JSON object its key is `times` or `t`; in text it may be one column or one
/// line.
///
/// # Errors
/// [`DataError`]; a file without numbers is a [`FormatError::Empty`].
pub fn read_numbers(path: &Path) -> Result<Vec<f64>, DataError> {
    read_list(path, NUMBERS)
}

/// Reads one plain list of numbers, like [`read_numbers`], under the first of several names that
/// the file has.
///
/// # Errors
/// [`DataError`]; if the file has none of the names, the error for the first one.
///
/// # Panics
/// If `names` is empty.
pub fn read_list(path: &Path, names: &[Column]) -> Result<Vec<f64>, DataError> {
    let bytes = content(path)?;
    let read = |name: &Column| format::read(&bytes, std::slice::from_ref(name));
    let first = read(&names[0]);
    let result = match first {
        Err(error) => names[1..].iter().find_map(|name| read(name).ok()).ok_or(error),
        first => first,
    };
    match result.map(|(mut table, _)| table.take(0)) {
        Ok(Some(values)) if !values.is_empty() => Ok(values),
        Ok(_) => Err(DataError::Format { path: path.into(), source: FormatError::Empty }),
        Err(source) => Err(DataError::Format { path: path.into(), source }),
    }
}

/// Reads several lists of numbers from any of the formats of [`read`]; missing ones are `None`,
/// except the first, which is required.
///
/// # Errors
/// [`DataError`]
pub fn read_columns(path: &Path, columns: &[Column]) -> Result<Vec<Option<Vec<f64>>>, DataError> {
    let (mut table, _) = table(path, columns)?;
    Ok((0..columns.len()).map(|k| table.take(k)).collect())
}

fn table(path: &Path, columns: &[Column]) -> Result<(Table, &'static Format), DataError> {
    format::read(&content(path)?, columns)
        .map_err(|source| DataError::Format { path: path.into(), source })
}

fn content(path: &Path) -> Result<Vec<u8>, DataError> {
    file::read(path, MAX_BYTES).map_err(|FileError { path, problem }| match problem {
        Problem::Missing => DataError::NoSuchFile { path },
        Problem::TooLarge { .. } => DataError::TooLarge { path },
        Problem::Io(source) => DataError::Io { path, source },
        other => DataError::Io { path, source: io::Error::other(other.to_string()) },
    })
}

/// A spectrum from a table with the columns [`SPECTRUM`]. The table's own name takes precedence
/// over `name`; its note follows `origin` in the provenance.
fn spectrum(table: &Table, name: &str, origin: &str) -> Result<Spectrum, SpectrumError> {
    let name = table.name.as_deref().unwrap_or(name);
    let provenance: Vec<&str> = [Some(origin), table.note.as_deref()]
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
    let lists = (table.values(0).unwrap_or(&[]), table.values(1), table.values(2));
    let dtype = table.dtype.as_deref().unwrap_or("");
    let spectrum = list::spectrum(name, provenance.join("; "), lists, dtype)?;
    Ok(match &table.array {
        Some(array) => list::doubt_name(spectrum, array),
        None => spectrum,
    })
}
