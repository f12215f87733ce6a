//! Files named by the user: opened only if reading them is sure to end, and read up to a limit.
//!
//! Regular files are opened, and pipes that are already open (`/dev/stdin`, `<(…)` of a shell). A
//! named pipe may block for ever, a device may never end, and a folder or a socket has no bytes.

use std::cell::Cell;
use std::fmt;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Why a file cannot be opened or read.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct FileError {
    /// The path as given.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The problem with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It does not exist.
    Missing,
    /// It is not a file but a folder, a device, …
    Kind(&'static str),
    /// It is larger than the limit.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It is not valid UTF-8.
    NotText,
    /// Whoever asks may not name files: see [`refusing`].
    Refused {
        /// What to do instead.
        reason: &'static str,
    },
    /// The system cannot open or read it.
    Io(io::Error),
}

impl FileError {
    fn new(path: &Path, problem: Problem) -> Self {
        FileError { path: path.into(), problem }
    }

    fn text(&self) -> String {
        match self.problem {
            Problem::Missing => format!("no such file '{}'", self.path.display()),
            ref problem => format!("{}: {problem}", self.path.display()),
        }
    }
}

/// Without the path.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing => f.write_str("no such file"),
            Problem::Kind(kind) => f.write_str(kind),
            Problem::TooLarge { limit } if *limit < 1 << 20 => {
                write!(f, "larger than {} KiB", limit >> 10)
            }
            Problem::TooLarge { limit } => write!(f, "larger than {} MiB", limit >> 20),
            Problem::NotText => f.write_str("not a text file"),
            Problem::Refused { reason } => f.write_str(reason),
            Problem::Io(error) => write!(f, "{error}"),
        }
    }
}

/// Checks that a path can be opened and that reading it is sure to end.
///
/// # Errors
/// [`FileError`]: it does not exist, or is a folder, a named pipe, a socket or a device.
///
/// ```
/// use gaussmeter::file::check;
/// use std::path::Path;
/// let error = check(Path::new("no/such.json")).unwrap_err();
/// assert_eq!(error.to_string(), "no such file 'no/such.json'");
/// assert_eq!(check(Path::new(".")).unwrap_err().to_string(), ".: a folder, but a file is needed");
/// ```
pub fn check(path: &Path) -> Result<Metadata, FileError> {
    if let Some(reason) = REFUSED.get() {
        return Err(FileError::new(path, Problem::Refused { reason }));
    }
    let metadata = std::fs::metadata(path).map_err(|e| failed(path, e))?;
    match obstacle(path, metadata.file_type()) {
        Some(kind) => Err(FileError::new(path, Problem::Kind(kind))),
        None => Ok(metadata),
    }
}

thread_local! {
    /// Why this thread opens no files, while it does not.
    static REFUSED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Whether this thread opens no files.
pub(crate) fn is_refusing() -> bool {
    REFUSED.get().is_some()
}

/// Reads words of somebody who may not name files of this machine: on this thread nothing that the library
/// would open is opened or looked at, and what names a file is refused for `reason`.
///
/// ```
/// use gaussmeter::{file, grid};
/// let built = file::refusing("files are not read here", || grid::registry().build("sigmas:/etc/hosts"));
/// assert!(built.is_err_and(|error| error.to_string().ends_with("files are not read here")));
/// ```
pub fn refusing<T>(reason: &'static str, read: impl FnOnce() -> T) -> T {
    struct Before(Option<&'static str>);
    impl Drop for Before {
        fn drop(&mut self) {
            REFUSED.set(self.0);
        }
    }
    let _before = Before(REFUSED.replace(Some(reason)));
    read()
}

/// Why a path of this type is not opened.
fn obstacle(path: &Path, kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a folder, but a file is needed");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            // An unnamed pipe has no path except that of its descriptor.
            let is_open = path.canonicalize().map_or(true, |p| p.starts_with("/dev"));
            return (!is_open).then_some(
                "a named pipe, which may block for ever: save its content to a file, or pass it as /dev/stdin",
            );
        }
        if kind.is_socket() {
            return Some("a socket, not a file");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Some("a device, not a file")
}

/// Opens a file, or a pipe that is already open.
///
/// # Errors
/// [`FileError`]
pub fn open(path: &Path) -> Result<File, FileError> {
    let is_regular = check(path)?.is_file();
    let mut options = OpenOptions::new();
    options.read(true);
    // Some regular files of the kernel wait for events.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if is_regular {
        const O_NONBLOCK: i32 = 0o4000;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, O_NONBLOCK);
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = is_regular;
    options.open(path).map_err(|e| failed(path, e))
}

fn failed(path: &Path, error: io::Error) -> FileError {
    FileError::new(
        path,
        match error.kind() {
            ErrorKind::NotFound => Problem::Missing,
            _ => Problem::Io(error),
        },
    )
}

/// The bytes of a file, at most `limit` of them.
///
/// # Errors
/// [`FileError`]
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::new(path, Problem::TooLarge { limit });
    let file = open(path)?;
    // A pipe and the kernel's files have no length: hence a limit on the bytes read too.
    if file.metadata().map_err(|e| failed(path, e))?.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut limited = file.take(limit.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(|e| failed(path, e))?;
    match bytes.len() as u64 > limit {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}

/// The text of a file of at most `limit` bytes.
///
/// # Errors
/// [`FileError`]
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, limit)?).map_err(|_| FileError::new(path, Problem::NotText))
}

/// Prefix of the names of temporary files, which are written next to their destination and moved
/// there when complete. Their writer holds a lock on them.
pub const UNFINISHED: &str = ".gaussmeter-";

/// Age from which an empty file without a lock no longer counts as just being created.
const FRESH: Duration = Duration::from_secs(10);

/// Removes temporary files that killed runs left in a folder: files whose names begin with
/// [`UNFINISHED`] and that nobody holds a lock on. Returns their number and total size in bytes.
///
/// Files that cannot be examined or removed stay, without an error.
pub fn remove_unfinished(folder: &Path) -> (usize, u64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return (0, 0) };
    let (mut count, mut bytes) = (0, 0);
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        let path = entry.path();
        // The type of the entry itself: links are not ours.
        let is_file = is_ours && entry.file_type().is_ok_and(|kind| kind.is_file());
        let Some(size) = is_file.then(|| abandoned(&path)).flatten() else { continue };
        if std::fs::remove_file(&path).is_ok() {
            count += 1;
            bytes += size;
        }
    }
    (count, bytes)
}

/// The size of a file that nobody is writing any more.
fn abandoned(path: &Path) -> Option<u64> {
    let file = OpenOptions::new().write(true).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let is_old = || metadata.modified().ok()?.elapsed().ok().map(|age| age >= FRESH);
    let is_started = metadata.len() > 0 || is_old().unwrap_or(false);
    (is_started && file.try_lock().is_ok()).then_some(metadata.len())
}
