//! Merging the sums of parts from their files.

use super::{Moments, MomentsError};
use crate::samples::Part;
use std::path::{Path, PathBuf};

/// Files of sums over parts of one data set, to be merged.
///
/// ```
/// use gaussmeter_data::samples::{InMemory, Part, Scale};
/// use gaussmeter_data::{PartFiles, Summation, SummationOptions};
/// use gaussmeter::watch::Watch;
/// # let folder = tempfile::tempdir()?;
///
/// let mut files = Vec::new();
/// for index in [2, 1] {
///     let data = InMemory::bytes("bytes", &[2], Scale::UNIT, (0..100).collect())?;
///     let options = SummationOptions { part: Some(Part { index, of: 2 }), ..Default::default() };
///     let mut sums = Summation::begin(Box::new(data), options)?;
///     sums.run(Watch::NOBODY)?;
///     files.push(folder.path().join(format!("part{index}.npz")));
///     sums.moments_mut().save(&files[files.len() - 1])?;
/// }
/// let whole = PartFiles::open(&files, false)?.merge()?;
/// whole.check_whole()?;
/// assert_eq!(whole.count(), 50);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PartFiles {
    /// Sorted by the number of their first part, so that the order of the arguments does not matter.
    paths: Vec<PathBuf>,
    notes: Vec<String>,
}

impl PartFiles {
    /// Checks the files. Sums of an interrupted run are an error, unless `incomplete`.
    ///
    /// # Errors
    /// [`MomentsError`], in particular [`MomentsError::IncompletePart`].
    pub fn open(paths: &[PathBuf], incomplete: bool) -> Result<Self, MomentsError> {
        let (mut files, mut notes) = (Vec::with_capacity(paths.len()), Vec::new());
        for path in paths {
            let sums = Moments::load(path)?;
            if !sums.is_complete() {
                if !incomplete {
                    let (count, parts) = (sums.count(), sums.parts().to_vec());
                    return Err(MomentsError::IncompletePart { path: path.clone(), count, parts });
                }
                notes.push(interrupted(path, sums.count(), sums.parts()));
            }
            files.push((sums.parts().first().map(|part| part.index), path.clone()));
        }
        files.sort_by_key(|(index, _)| *index);
        Ok(PartFiles { paths: files.into_iter().map(|(_, path)| path).collect(), notes })
    }

    /// What to tell the user about the files.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The sums of all files. One file is in memory at a time, besides their total.
    ///
    /// # Errors
    /// [`MomentsError`], in particular [`MomentsError::PartFile`] for a file that does not belong to
    /// those before it.
    pub fn merge(&self) -> Result<Moments, MomentsError> {
        let Some((first, rest)) = self.paths.split_first() else {
            return Err(MomentsError::NoParts);
        };
        let mut whole = Moments::load(first)?;
        for path in rest {
            let part = Moments::load(path)?;
            whole
                .merge(part)
                .map_err(|e| MomentsError::PartFile { path: path.clone(), source: Box::new(e) })?;
        }
        Ok(whole)
    }
}

/// "part3.npz: sums of an interrupted run, over 500 samples of part 3/8 only"
pub(super) fn interrupted(path: &Path, count: u64, parts: &[Part]) -> String {
    let parts: String = parts.iter().map(|part| format!(" of part {part}")).collect();
    format!("{}: sums of an interrupted run, over {count} samples{parts} only", path.display())
}

impl Moments {
    /// Checks that these are the sums of a whole data set.
    ///
    /// # Errors
    /// [`MomentsError::Incomplete`]: a run was interrupted; [`MomentsError::MissingParts`].
    pub fn check_whole(&self) -> Result<(), MomentsError> {
        if !self.complete {
            return Err(MomentsError::Incomplete { count: self.count });
        }
        match self.missing_parts() {
            parts if parts.is_empty() => Ok(()),
            parts => Err(MomentsError::MissingParts { parts }),
        }
    }
}

/// "2 of 8 parts are missing: 3, 4", with at most eight of them.
pub(super) fn missing(parts: &[Part]) -> String {
    const LISTED: usize = 8;
    let of = parts.first().map_or(0, |part| part.of);
    let names: Vec<_> = parts.iter().take(LISTED).map(|part| part.index.to_string()).collect();
    let more = if parts.len() > names.len() { ", …" } else { "" };
    format!("{} of {of} parts are missing: {}{more}", parts.len(), names.join(", "))
}
