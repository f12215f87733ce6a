//! Encoded pictures, one after another.

use crate::samples::SamplesError;
use gaussmeter::file::{self, FileError, Problem};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One encoded picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// The file it comes from.
    pub path: PathBuf,
    /// The entry of that file, if it has several.
    pub entry: Option<String>,
    /// The class that it is of, if its place says so: the folders that it lies in, or a label beside it.
    pub class: Option<String>,
    /// The file's content.
    pub bytes: Vec<u8>,
}

/// The folders of a name, which stand for a class; `None` if it lies in none.
pub(crate) fn folders(name: &str) -> Option<String> {
    let name = name.trim_start_matches("./");
    name.rfind(['/', '\\'])
        .map(|at| name[..at].replace('\\', "/"))
        .filter(|class| !class.is_empty())
}

impl Blob {
    /// An error: the picture cannot be used, for this reason.
    pub fn malformed(&self, reason: impl std::fmt::Display) -> SamplesError {
        let (path, entry) = (self.path.clone(), self.entry.clone());
        SamplesError::Malformed { path, entry, reason: reason.to_string() }
    }
}

/// A finite stream of encoded pictures.
pub trait Blobs: Send {
    /// Where they come from, in one line.
    fn description(&self) -> String;

    /// What to tell the user about which of them are read.
    fn note(&self) -> Option<String> {
        None
    }

    /// Whether there are several files among which a training or a test part can be chosen.
    fn has_parts(&self) -> bool {
        true
    }

    /// How many there are, if known before they are read.
    fn count(&self) -> Option<u64>;

    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// [`SamplesError`]
    fn next_blob(&mut self) -> Result<Option<Blob>, SamplesError>;

    /// Skips the next `count`, or all that remain.
    ///
    /// # Errors
    /// [`SamplesError`]
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        for _ in 0..count {
            if self.next_blob()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Goes back to the start.
    ///
    /// # Errors
    /// [`SamplesError`]
    fn rewind(&mut self) -> Result<(), SamplesError>;
}

/// The files of a folder and its subfolders, sorted by name, without those that start with a dot.
pub(crate) struct Listing {
    pub files: Vec<PathBuf>,
    /// Pipes, sockets and devices, which may never end.
    pub others: Vec<PathBuf>,
}

/// Lists a folder.
///
/// # Errors
/// [`SamplesError::Io`]
pub(crate) fn list(folder: &Path) -> Result<Listing, SamplesError> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |source: io::Error| SamplesError::Io { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            // Linked folders are not entered: they could form a cycle.
            let path = entry.path();
            match entry.file_type().map_err(failed)?.is_dir() {
                true => folders.push(path),
                // A broken link counts as a file that cannot be read.
                false => match fs::metadata(&path) {
                    Ok(kind) if kind.is_dir() => {}
                    Ok(kind) if !kind.is_file() => others.push(path),
                    _ => files.push(path),
                },
            }
        }
    }
    files.sort();
    others.sort();
    Ok(Listing { files, others })
}

/// Largest encoded picture, in bytes.
pub(crate) const MAX_PICTURE: u64 = 1 << 29;

/// The bytes of a picture.
///
/// # Errors
/// [`SamplesError`]: a pipe or device, or a file of more than 512 MiB.
pub(crate) fn read_picture(path: &Path) -> Result<Vec<u8>, SamplesError> {
    file::read(path, MAX_PICTURE).map_err(|FileError { path, problem }| match problem {
        Problem::Missing => SamplesError::Io {
            path,
            source: io::Error::new(io::ErrorKind::NotFound, "no such file"),
        },
        Problem::Io(source) => SamplesError::Io { path, source },
        other => SamplesError::Malformed { path, entry: None, reason: other.to_string() },
    })
}

/// Pictures in separate files.
pub struct PictureFiles {
    folder: PathBuf,
    files: Vec<PathBuf>,
    next: usize,
}

impl PictureFiles {
    /// The files of a folder; at least one.
    pub fn new(folder: &Path, files: Vec<PathBuf>) -> Self {
        PictureFiles { folder: folder.into(), files, next: 0 }
    }

    /// The first file.
    pub fn first(&self) -> &Path {
        self.files.first().map_or(&self.folder, PathBuf::as_path)
    }
}

impl Blobs for PictureFiles {
    fn description(&self) -> String {
        self.folder.display().to_string()
    }
    fn has_parts(&self) -> bool {
        self.files.len() > 1
    }
    fn count(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }
    fn next_blob(&mut self) -> Result<Option<Blob>, SamplesError> {
        let Some(path) = self.files.get(self.next).cloned() else { return Ok(None) };
        self.next += 1;
        let bytes = read_picture(&path)?;
        let within = path.strip_prefix(&self.folder).ok().map(|p| p.to_string_lossy());
        let class = within.and_then(|name| folders(&name));
        Ok(Some(Blob { path, entry: None, class, bytes }))
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.next = self.next.saturating_add(count).min(self.files.len());
        Ok(())
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.next = 0;
        Ok(())
    }
}

/// Several streams of pictures, one after the other.
pub struct JoinedPictures {
    description: String,
    all: Vec<Box<dyn Blobs>>,
    /// The current stream, and how many of its pictures have been read.
    at: usize,
    passed: u64,
}

impl JoinedPictures {
    /// The streams in this order.
    pub fn new(description: String, all: Vec<Box<dyn Blobs>>) -> Self {
        JoinedPictures { description, all, at: 0, passed: 0 }
    }
}

impl Blobs for JoinedPictures {
    fn description(&self) -> String {
        self.description.clone()
    }
    fn note(&self) -> Option<String> {
        let notes: Vec<String> = self.all.iter().filter_map(|b| b.note()).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
    fn count(&self) -> Option<u64> {
        self.all.iter().map(|b| b.count()).sum()
    }
    fn next_blob(&mut self) -> Result<Option<Blob>, SamplesError> {
        while let Some(blobs) = self.all.get_mut(self.at) {
            if let Some(blob) = blobs.next_blob()? {
                self.passed += 1;
                return Ok(Some(blob));
            }
            (self.at, self.passed) = (self.at + 1, 0);
        }
        Ok(None)
    }
    fn skip(&mut self, mut count: u64) -> Result<(), SamplesError> {
        while count > 0 {
            let Some(blobs) = self.all.get_mut(self.at) else { break };
            match blobs.count() {
                Some(size) => {
                    let left = size.saturating_sub(self.passed);
                    blobs.skip(count.min(left))?;
                    if count < left {
                        self.passed += count;
                        break;
                    }
                    count -= left;
                    (self.at, self.passed) = (self.at + 1, 0);
                }
                None if self.next_blob()?.is_none() => break,
                None => count -= 1,
            }
        }
        Ok(())
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        (self.at, self.passed) = (0, 0);
        self.all.iter_mut().try_for_each(|blobs| blobs.rewind())
    }
}
