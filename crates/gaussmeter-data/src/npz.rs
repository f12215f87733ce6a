//! Files of this crate: `.npz` archives of NumPy arrays, little-endian, in C order, of the types that
//! implement [`Element`].

use gaussmeter::data::npy::{self, Dtype, Header};
use gaussmeter::file::{self, Problem, UNFINISHED};
use gaussmeter::spectrum::Spectrum;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// A file of this crate cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is not an archive, or is damaged.
    #[error("{}: not a complete npz archive: {reason}", path.display())]
    Archive {
        /// The path as given.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An array is missing, damaged or not what it should be.
    #[error("{}: array '{name}': {reason}", path.display())]
    Array {
        /// The path as given.
        path: PathBuf,
        /// The array.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The file holds something else, or was written by another version.
    #[error("{}: {found} instead of {expected}", path.display())]
    Content {
        /// The path as given.
        path: PathBuf,
        /// What the file says it holds.
        found: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// An array would be too large to read back.
    #[error(
        "{}: array '{name}' would take {bytes} bytes, but spectra are read only up to {limit}: leave out the basis",
        path.display()
    )]
    TooLarge {
        /// The path as given.
        path: PathBuf,
        /// The array.
        name: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

/// A number as NumPy stores it.
pub(crate) trait Element: Copy {
    const DESCR: &'static str;
    const SIZE: usize;
    fn extend(self, bytes: &mut Vec<u8>);
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! element {
    ($type:ty, $descr:literal) => {
        impl Element for $type {
            const DESCR: &'static str = $descr;
            const SIZE: usize = size_of::<$type>();
            fn extend(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn from_bytes(bytes: &[u8]) -> Self {
                let mut array = [0; size_of::<$type>()];
                array.copy_from_slice(bytes);
                <$type>::from_le_bytes(array)
            }
        }
    };
}
element!(u8, "|u1");
element!(f32, "<f4");
element!(i64, "<i8");
element!(f64, "<f8");

/// A complex number.
impl Element for [f64; 2] {
    const DESCR: &'static str = "<c16";
    const SIZE: usize = 16;
    fn extend(self, bytes: &mut Vec<u8>) {
        self.into_iter().for_each(|part| part.extend(bytes));
    }
    fn from_bytes(bytes: &[u8]) -> Self {
        let (re, im) = bytes.split_at(8);
        [f64::from_bytes(re), f64::from_bytes(im)]
    }
}

/// Opens a file, but not a pipe or device, which may never end.
pub(crate) fn open(path: &Path) -> Result<File, FileError> {
    file::open(path).map_err(|error| {
        let source = match error.problem {
            Problem::Missing => io::ErrorKind::NotFound.into(),
            Problem::Io(error) => error,
            problem => io::Error::other(problem.to_string()),
        };
        FileError::Io { path: error.path, source }
    })
}

/// Bytes converted at a time.
const PIECE: usize = 1 << 16;

/// Where the links at a path lead, whether or not a file is there yet.
pub(crate) fn linked(path: &Path) -> PathBuf {
    const MAX_LINKS: usize = 40;
    let mut found = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&found) {
            // A relative link starts from the folder of the link.
            Ok(next) => found = found.parent().map_or(next.clone(), |folder| folder.join(&next)),
            Err(_) => return found,
        }
    }
    path.into()
}

/// A temporary file in the folder of its final place. A file may already be there, but nothing else:
/// moving the new file there would replace a device or a pipe.
pub(crate) fn beside(path: &Path) -> Result<NamedTempFile, FileError> {
    let failed = |source| FileError::Io { path: path.into(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
        Ok(found) if !found.is_file() => {
            let reason = "a pipe, a socket or a device, which a file cannot replace";
            return Err(failed(io::Error::other(reason)));
        }
        _ => {}
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // Temporary files are private; results are what the user's mask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder).map_err(|error| failed(error.kind().into()))?;
    // Shows that a process is still writing it. Some file systems have no locks.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// A file that discards everything written after a failure: an abandoned archive still tries to
/// write its end, and would print to stderr that it cannot.
struct Gate {
    file: BufWriter<NamedTempFile>,
    failed: bool,
    /// Where the file would be, and where it would end.
    at: u64,
    end: u64,
}

impl Gate {
    fn new(file: NamedTempFile) -> Self {
        Gate { file: BufWriter::new(file), failed: false, at: 0, end: 0 }
    }

    fn guard<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.failed |= result.is_err();
        result
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.failed {
            true => bytes.len(),
            false => {
                let written = self.file.write(bytes);
                self.guard(written)?
            }
        };
        self.at += written as u64;
        self.end = self.end.max(self.at);
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Ok(());
        }
        let flushed = self.file.flush();
        self.guard(flushed)
    }
}

impl Seek for Gate {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match self.failed {
            true => match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(by) => self.end.saturating_add_signed(by),
                SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            },
            false => {
                let at = self.file.seek(to);
                self.guard(at)?
            }
        };
        Ok(self.at)
    }
}

/// Writes an archive beside its final place and moves it there when it is complete.
pub(crate) struct NpzWriter {
    path: PathBuf,
    zip: ZipWriter<Gate>,
}

impl NpzWriter {
    pub(crate) fn create(path: &Path) -> Result<Self, FileError> {
        let path = linked(path);
        let zip = ZipWriter::new(Gate::new(beside(&path)?));
        Ok(NpzWriter { path, zip })
    }

    fn failed(&self, error: impl Into<io::Error>) -> FileError {
        // The error itself may name the temporary file, which means nothing to the user.
        FileError::Io { path: self.path.clone(), source: error.into().kind().into() }
    }

    pub(crate) fn array<T: Element>(
        &mut self,
        name: &'static str,
        shape: &[usize],
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), FileError> {
        self.start::<T>(name, shape)?;
        self.extend(values)
    }

    /// Begins an array. Its values follow in any number of calls of [`NpzWriter::extend`].
    pub(crate) fn start<T: Element>(
        &mut self,
        name: &'static str,
        shape: &[usize],
    ) -> Result<(), FileError> {
        let dict = format!(
            "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
            T::DESCR,
            python_tuple(shape)
        );
        // Magic, version, length and text fill a multiple of 64 bytes.
        let length = (10 + dict.len() + 1).next_multiple_of(64) - 10;
        let mut bytes = [npy::MAGIC, &[1, 0]].concat();
        bytes.extend_from_slice(&(length as u16).to_le_bytes());
        bytes.extend_from_slice(format!("{dict:<width$}\n", width = length - 1).as_bytes());

        let lengths = shape.iter().map(|n| *n as u64);
        let size = lengths.fold(T::SIZE as u64, u64::saturating_mul);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(size >= u64::from(u32::MAX) - 1024);
        self.zip.start_file(format!("{name}.npy"), options).map_err(|e| self.failed(e))?;
        self.zip.write_all(&bytes).map_err(|e| self.failed(e))
    }

    /// Appends values to the current array.
    pub(crate) fn extend<T: Element>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), FileError> {
        let mut bytes = Vec::new();
        for value in values {
            value.extend(&mut bytes);
            if bytes.len() >= PIECE {
                self.zip.write_all(&bytes).map_err(|e| self.failed(e))?;
                bytes.clear();
            }
        }
        self.zip.write_all(&bytes).map_err(|e| self.failed(e))
    }

    /// The arrays that [`gaussmeter::data::load`] reads.
    pub(crate) fn spectrum(&mut self, spectrum: &Spectrum) -> Result<(), FileError> {
        let (modes, count) = (spectrum.modes(), [spectrum.modes().len()]);
        self.array("eigenvalue", &count, modes.iter().map(|m| m.eigenvalue))?;
        self.array("multiplicity", &count, modes.iter().map(|m| m.multiplicity))?;
        match spectrum.has_mean() {
            true => self.array("mean", &count, modes.iter().map(|m| m.mean)),
            false => Ok(()),
        }
    }

    /// A description, as the bytes of JSON text.
    pub(crate) fn meta(&mut self, meta: &impl Serialize) -> Result<(), FileError> {
        let text = serde_json::to_vec(meta).map_err(|e| self.failed(e))?;
        self.array("meta", &[text.len()], text)
    }

    pub(crate) fn finish(self) -> Result<(), FileError> {
        let NpzWriter { path, zip } = self;
        let failed =
            |error: io::Error| FileError::Io { path: path.clone(), source: error.kind().into() };
        let file = zip.finish().map_err(|e| failed(e.into()))?;
        let file = file.file.into_inner().map_err(|e| failed(e.into_error()))?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

fn python_tuple(shape: &[usize]) -> String {
    match shape {
        [only] => format!("({only},)"),
        shape => {
            let lengths: Vec<_> = shape.iter().map(usize::to_string).collect();
            format!("({})", lengths.join(", "))
        }
    }
}

/// Reads the arrays of an archive.
pub(crate) struct NpzReader {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl NpzReader {
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Io { path: path.into(), source };
        let file = open(path)?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|e| match e {
            zip::result::ZipError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                failed(source)
            }
            e => FileError::Archive { path: path.into(), reason: e.to_string() },
        })?;
        Ok(NpzReader { path: path.into(), zip })
    }

    pub(crate) fn bad(&self, name: &'static str, reason: impl ToString) -> FileError {
        FileError::Array { path: self.path.clone(), name, reason: reason.to_string() }
    }

    pub(crate) fn content(&self, found: impl Into<String>, expected: &'static str) -> FileError {
        FileError::Content { path: self.path.clone(), found: found.into(), expected }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{name}.npy")).is_some()
    }

    /// What [`NpzWriter::meta`] wrote.
    pub(crate) fn meta<T: DeserializeOwned>(&mut self) -> Result<T, FileError> {
        let (_, text) = self.array::<u8>("meta", 1 << 24)?;
        serde_json::from_slice(&text).map_err(|e| self.bad("meta", e))
    }

    /// The description of a file that should hold `content`, version 1.
    pub(crate) fn described<T: DeserializeOwned>(
        &mut self,
        content: &'static str,
    ) -> Result<T, FileError> {
        let meta: serde_json::Value = self.meta()?;
        let found = meta["content"].as_str().unwrap_or("something else");
        if found != content {
            return Err(self.content(found, content));
        }
        if meta["version"] != 1 {
            let found = format!("{content}, version {}", meta["version"]);
            return Err(self.content(found, "version 1"));
        }
        serde_json::from_value(meta).map_err(|e| self.bad("meta", e))
    }

    /// The lengths in the array `shape`.
    pub(crate) fn shape(&mut self) -> Result<Vec<usize>, FileError> {
        let (_, shape) = self.array::<i64>("shape", 64)?;
        let length =
            |n: &i64| usize::try_from(*n).map_err(|_| self.bad("shape", format!("length {n}")));
        shape.iter().map(length).collect()
    }

    /// An array of at most `limit` values. Memory grows with what is read, not with what is announced.
    pub(crate) fn array<T: Element>(
        &mut self,
        name: &'static str,
        limit: usize,
    ) -> Result<(Vec<usize>, Vec<T>), FileError> {
        let path = self.path.clone();
        let bad = |reason: String| FileError::Array { path: path.clone(), name, reason };
        let mut file = self.zip.by_name(&format!("{name}.npy")).map_err(|e| bad(e.to_string()))?;
        let shape = header::<T>(&mut file).map_err(&bad)?;
        let count = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
        let count = count
            .filter(|count| *count <= limit)
            .ok_or_else(|| bad(format!("{shape:?} holds more than {limit} values")))?;

        let mut values = Vec::new();
        let mut bytes = vec![0; PIECE.min(count * T::SIZE)];
        while values.len() < count {
            let piece = bytes.len().min((count - values.len()) * T::SIZE);
            let bytes = &mut bytes[..piece];
            file.read_exact(bytes).map_err(|e| bad(e.to_string()))?;
            values.extend(bytes.chunks_exact(T::SIZE).map(T::from_bytes));
        }
        // The checksum is compared at the end of the entry.
        match file.read(&mut [0]) {
            Ok(0) => Ok((shape, values)),
            Ok(_) => Err(bad("more data than its shape says".into())),
            Err(error) => Err(bad(error.to_string())),
        }
    }
}

fn header<T: Element>(file: &mut impl Read) -> Result<Vec<usize>, String> {
    let header = Header::read(file).map_err(|e| e.to_string())?;
    if header.dtype != Dtype::Scalar(T::DESCR.into()) {
        return Err(format!("type {} instead of '{}'", header.dtype, T::DESCR));
    }
    match header.fortran_order {
        false => Ok(header.shape),
        true => Err("not in C order".into()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{beside, linked};
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::os::unix::net::UnixListener;

    /// Also where a link leads there.
    #[test]
    fn what_is_no_file_is_not_replaced() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (socket, link) = (folder.path().join("s.npz"), folder.path().join("l.npz"));
        let _listener = UnixListener::bind(&socket)?;
        symlink(&socket, &link)?;
        for path in [&socket, &link] {
            let refused = beside(&linked(path)).err().map(|error| error.to_string());
            assert!(refused.as_ref().is_some_and(|e| e.contains("cannot replace")), "{refused:?}");
        }
        assert!(std::fs::metadata(&socket)?.file_type().is_socket());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 2);
        Ok(())
    }
}
