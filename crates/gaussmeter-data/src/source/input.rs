use crate::samples::SamplesError;
use flate2::read::MultiGzDecoder;
use gaussmeter::data::npy;
use gaussmeter::file::{self, Problem};
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes held in memory for a format that cannot be read as a stream.
pub const MAX_IN_MEMORY: u64 = 2 << 30;

/// Number of bytes by which formats are recognised.
pub(crate) const HEAD: usize = 4096;

const GZIP: &[u8] = b"\x1f\x8b";

/// A file, or a member of one, that can be read any number of times. Gzip is decompressed on the fly.
#[derive(Clone, Debug)]
pub struct Input {
    path: PathBuf,
    member: Option<String>,
    body: Body,
    gzip: bool,
    head: Arc<[u8]>,
}

#[derive(Clone)]
enum Body {
    File,
    /// Bytes `start .. start + len` of the file.
    Slice {
        start: u64,
        len: u64,
    },
    Memory(Arc<[u8]>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::File => f.write_str("File"),
            Body::Slice { start, len } => write!(f, "Slice({start}, {len})"),
            Body::Memory(bytes) => write!(f, "Memory({})", bytes.len()),
        }
    }
}

/// A reader for formats that need to seek.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl Input {
    /// A file.
    ///
    /// # Errors
    /// [`SamplesError::Io`]
    pub fn file(path: &Path) -> Result<Self, SamplesError> {
        let failed = |source| SamplesError::Io { path: path.into(), source };
        let kind = std::fs::metadata(path).map_err(failed)?;
        if !kind.is_file() && !kind.is_dir() {
            let reason =
                "not a regular file: data are read more than once, so save them to a file first"
                    .into();
            return Err(SamplesError::Malformed { path: path.into(), entry: None, reason });
        }
        Input::new(path, None, Body::File)
    }

    /// Bytes `start .. start + len` as a member of this name. The input itself must not be compressed.
    ///
    /// # Errors
    /// [`SamplesError::Io`]
    pub fn slice(&self, member: &str, start: u64, len: u64) -> Result<Self, SamplesError> {
        let name = match &self.member {
            Some(outer) => format!("{outer}: {member}"),
            None => member.into(),
        };
        let body = match &self.body {
            Body::File => Body::Slice { start, len },
            Body::Slice { start: outer, .. } => Body::Slice { start: outer + start, len },
            Body::Memory(bytes) => {
                let end = bytes.len().min(usize::try_from(start + len).unwrap_or(usize::MAX));
                let start = end.min(usize::try_from(start).unwrap_or(usize::MAX));
                Body::Memory(bytes[start..end].into())
            }
        };
        Input::new(&self.path, Some(name), body)
    }

    /// Bytes taken from a file, as a member of this name.
    ///
    /// # Errors
    /// [`SamplesError::Io`]
    pub fn memory(path: &Path, member: &str, bytes: Vec<u8>) -> Result<Self, SamplesError> {
        Input::new(path, Some(member.into()), Body::Memory(bytes.into()))
    }

    fn new(path: &Path, member: Option<String>, body: Body) -> Result<Self, SamplesError> {
        let (path, member) = (path.into(), member.map(printable));
        let mut input = Input { path, member, body, gzip: false, head: Arc::default() };
        input.head = input.read_head()?;
        if input.head.starts_with(GZIP) {
            input.gzip = true;
            input.head = input.read_head()?;
        }
        // There can be millions of arrays, and their first bytes are enough to know them.
        if input.head.starts_with(npy::MAGIC) {
            input.head = npy::MAGIC.into();
        }
        Ok(input)
    }

    fn read_head(&self) -> Result<Arc<[u8]>, SamplesError> {
        let mut head = Vec::new();
        self.reader()?.take(HEAD as u64).read_to_end(&mut head).map_err(|e| self.failed(e))?;
        Ok(head.into())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The name of the member, if this is one.
    pub fn member(&self) -> Option<&str> {
        self.member.as_deref()
    }
    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }
    /// Whether the bytes are decompressed from gzip, so that seeking means reading from the start.
    pub fn is_gzip(&self) -> bool {
        self.gzip
    }
    /// The last part of the name of the file or member, without `.gz`.
    pub fn name(&self) -> String {
        let name = match &self.member {
            Some(member) => member.rsplit('/').next().unwrap_or(member).to_owned(),
            None => self.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        match name.strip_suffix(".gz") {
            Some(stem) if self.gzip => stem.to_owned(),
            _ => name,
        }
    }
    /// Where this is, in words.
    pub fn place(&self) -> String {
        match &self.member {
            Some(member) => format!("{}: {member}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    /// Number of bytes; `None` if that is known only after decompressing.
    ///
    /// # Errors
    /// [`SamplesError::Io`]
    pub fn size(&self) -> Result<Option<u64>, SamplesError> {
        if self.gzip {
            return Ok(None);
        }
        match &self.body {
            Body::File => {
                let metadata = std::fs::metadata(&self.path).map_err(|e| self.failed(e))?;
                Ok(metadata.is_file().then_some(metadata.len()))
            }
            Body::Slice { len, .. } => Ok(Some(*len)),
            Body::Memory(bytes) => Ok(Some(bytes.len() as u64)),
        }
    }

    /// A stream of all bytes from `offset` on.
    ///
    /// # Errors
    /// [`SamplesError::Io`]
    pub fn reader_at(&self, offset: u64) -> Result<Box<dyn Read + Send>, SamplesError> {
        if self.gzip {
            let mut reader = self.reader()?;
            let skipped = io::copy(&mut (&mut reader).take(offset), &mut io::sink());
            return match skipped.map_err(|e| self.failed(e))? {
                n if n == offset => Ok(reader),
                n => Err(self.truncated(n, offset)),
            };
        }
        let mut reader = self.raw()?;
        reader.seek(SeekFrom::Start(offset)).map_err(|e| self.failed(e))?;
        Ok(Box::new(reader))
    }

    /// A stream of all bytes.
    ///
    /// # Errors
    /// [`SamplesError::Io`]
    pub fn reader(&self) -> Result<Box<dyn Read + Send>, SamplesError> {
        let raw = self.raw()?;
        Ok(match self.gzip {
            true => Box::new(BufReader::new(MultiGzDecoder::new(raw))),
            false => Box::new(raw),
        })
    }

    /// A reader that can seek. A compressed file is decompressed into memory.
    ///
    /// # Errors
    /// [`SamplesError::Io`]; a compressed file of more than 2 GiB.
    pub fn seekable(&self) -> Result<Box<dyn ReadSeek>, SamplesError> {
        match self.gzip {
            true => Ok(Box::new(Cursor::new(self.bytes()?))),
            false => self.raw(),
        }
    }

    fn raw(&self) -> Result<Box<dyn ReadSeek>, SamplesError> {
        let open = || {
            file::open(&self.path).map_err(|error| match error.problem {
                Problem::Io(error) => self.failed(error),
                Problem::Missing => {
                    self.failed(io::Error::new(ErrorKind::NotFound, "no such file"))
                }
                problem => self.failed(io::Error::other(problem.to_string())),
            })
        };
        Ok(match &self.body {
            Body::File => Box::new(Buffered::new(open()?)),
            Body::Slice { start, len } => {
                let section = Section { file: open()?, start: *start, len: *len, at: 0 };
                Box::new(Buffered::new(section))
            }
            Body::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        })
    }

    /// All bytes in memory.
    ///
    /// # Errors
    /// [`SamplesError::Io`]; more than 2 GiB.
    pub fn bytes(&self) -> Result<Vec<u8>, SamplesError> {
        let mut bytes = Vec::new();
        let mut reader = self.reader()?.take(MAX_IN_MEMORY + 1);
        reader.read_to_end(&mut bytes).map_err(|e| self.failed(e))?;
        match bytes.len() as u64 > MAX_IN_MEMORY {
            true => Err(self.malformed(format!(
                "more than {} MiB, but this format must be read into memory at once",
                MAX_IN_MEMORY >> 20
            ))),
            false => Ok(bytes),
        }
    }

    /// An error: the file does not follow its format, for this reason.
    pub fn malformed(&self, reason: impl std::fmt::Display) -> SamplesError {
        let (path, entry) = (self.path.clone(), self.member.clone());
        // Reasons of readers that take a path name it themselves.
        let (reason, name) = (reason.to_string(), format!("{}: ", path.display()));
        let reason = reason.strip_prefix(&name).unwrap_or(&reason);
        SamplesError::Malformed { path, entry, reason: printable(reason.to_owned()) }
    }

    /// An error: the file ends too early.
    pub fn truncated(&self, found: u64, expected: u64) -> SamplesError {
        self.malformed(format!("ends after {found} of {expected} bytes"))
    }

    /// An error: reading failed.
    pub fn failed(&self, error: io::Error) -> SamplesError {
        match (error.kind(), &self.member) {
            // These concern the content, as decompressors report it.
            (ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof, _) => {
                self.malformed(format!("damaged or incomplete ({error})"))
            }
            (_, Some(member)) => {
                let source = io::Error::new(error.kind(), format!("{member}: {error}"));
                SamplesError::Io { path: self.path.clone(), source }
            }
            _ => SamplesError::Io { path: self.path.clone(), source: error },
        }
    }
}

/// Text without control characters, which names in hostile files may contain.
fn printable(text: String) -> String {
    match text.contains(char::is_control) {
        true => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        false => text,
    }
}

/// A buffered reader that keeps its buffer when it seeks within it, which archives of small files
/// require constantly.
struct Buffered<R> {
    reader: BufReader<R>,
    at: u64,
}

impl<R: Read + Seek> Buffered<R> {
    /// At the start of the stream.
    fn new(stream: R) -> Self {
        Buffered { reader: BufReader::with_capacity(1 << 16, stream), at: 0 }
    }
}

impl<R: Read> Read for Buffered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<R: Read + Seek> Seek for Buffered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let by = match to {
            SeekFrom::Start(at) => i64::try_from(i128::from(at) - i128::from(self.at)).ok(),
            SeekFrom::Current(by) => Some(by),
            SeekFrom::End(_) => None,
        };
        self.at = match by.and_then(|by| Some((by, self.at.checked_add_signed(by)?))) {
            Some((by, at)) => {
                self.reader.seek_relative(by)?;
                at
            }
            None => self.reader.seek(to)?,
        };
        Ok(self.at)
    }
}

/// A range of a file, as a file.
struct Section {
    file: File,
    start: u64,
    len: u64,
    at: u64,
}

impl Read for Section {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let out_len = out.len().min(left);
        self.file.seek(SeekFrom::Start(self.start + self.at))?;
        let read = self.file.read(&mut out[..out_len])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
