use super::{Archive, DataError, load, path, read_as};
use crate::spectrum::Spectrum;
use crate::summary::Summary;
use std::path::Path;

/// Sums from which a spectrum can be made, in files of the same layout.
pub(crate) const MOMENTS: &str = "gaussmeter moments";

/// What is known about a spectrum, or about a file that one can be made from.
#[derive(Clone, Debug)]
pub struct Info {
    pub(crate) subject: Subject,
    /// The file, if it is an archive.
    pub(crate) file: Option<Archive>,
}

/// What it is that is known.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A spectrum with its numbers.
    Spectrum(Box<(Spectrum, Summary)>),
    /// The name of a file of sums.
    Moments(String),
}

/// Loads a file or a preset, as [`load`] does, and takes its numbers. A file that holds the
/// sums of a data set instead of a spectrum is described, not refused.
///
/// # Errors
/// [`DataError`]. A description in the file that cannot be understood is none: the report says so.
pub fn info(text: &str) -> Result<Info, DataError> {
    match path(text) {
        Some(path) => Info::read(path),
        None => Ok(Info::of(load(text)?)),
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into()
}

impl Info {
    /// Reads a file, as [`info`] does.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn read(path: &Path) -> Result<Self, DataError> {
        Info::read_as(path, path)
    }

    /// Reads a copy of a file that is called `shown`, as [`info`] would read the file.
    ///
    /// # Errors
    /// [`DataError`], which names the copy.
    pub fn read_as(path: &Path, shown: &Path) -> Result<Self, DataError> {
        let file = Archive::open(path);
        if let Some(archive) = &file
            && archive.content() == Some(MOMENTS)
            && !["eigenvalue", "eigenvalues"].iter().any(|name| archive.has(name))
        {
            return Ok(Info { subject: Subject::Moments(stem(shown)), file });
        }
        Ok(Info { file, ..Info::of(read_as(path, shown)?) })
    }

    /// What is known about a spectrum that is in no file.
    pub fn of(spectrum: Spectrum) -> Self {
        let summary = Summary::of(&spectrum);
        Info { subject: Subject::Spectrum(Box::new((spectrum, summary))), file: None }
    }

    /// The spectrum, unless the file has sums of which one can be made.
    pub fn spectrum(&self) -> Option<&Spectrum> {
        match &self.subject {
            Subject::Spectrum(known) => Some(&known.0),
            Subject::Moments(_) => None,
        }
    }

    /// The numbers, unless there is no spectrum.
    pub fn summary(&self) -> Option<&Summary> {
        match &self.subject {
            Subject::Spectrum(known) => Some(&known.1),
            Subject::Moments(_) => None,
        }
    }
}
