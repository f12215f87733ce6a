//! Headers of `.npy` files, the format in which NumPy stores one array:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use thiserror::Error;

/// How every `.npy` file begins.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read, in bytes.
pub const MAX_HEADER: usize = 1 << 16;

/// What an array says about itself.
///
/// ```
/// use gaussmeter::data::npy::Header;
/// let text = b"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }\n";
/// let file = [b"\x93NUMPY\x01\x00", &[text.len() as u8, 0][..], text, &[0; 24]].concat();
/// let header = Header::read(&mut &file[..])?;
/// assert_eq!((header.dtype.kind(), header.dtype.is_big_endian()), (Some("f4"), true));
/// assert_eq!((header.shape, header.fortran_order), (vec![2, 3], false));
/// assert_eq!(header.offset as usize, file.len() - 24);
/// # Ok::<(), gaussmeter::data::npy::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The type of its entries.
    pub dtype: Dtype,
    /// Its lengths, one per axis. Their product may be larger than the file, and than any integer.
    pub shape: Vec<usize>,
    /// Whether the first axis varies fastest, and not the last.
    pub fortran_order: bool,
    /// Bytes before the entries.
    pub offset: u64,
}

/// The type of the entries of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Dtype {
    /// One value per entry, as NumPy describes it: byte order, kind, size. An example is `<f8`.
    Scalar(String),
    /// Python objects, which only a pickle can hold.
    Objects,
    /// Records of several fields.
    Structured,
}

impl Dtype {
    /// Kind and size without the byte order, such as `f8`; `None` if entries are not single values.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Dtype::Scalar(descr) => descr.strip_prefix(['<', '>', '|', '=']),
            Dtype::Objects | Dtype::Structured => None,
        }
    }

    /// Whether the first byte of a number is the most significant one.
    pub fn is_big_endian(&self) -> bool {
        matches!(self, Dtype::Scalar(descr) if descr.starts_with('>'))
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dtype::Scalar(descr) => write!(f, "'{descr}'"),
            Dtype::Objects => f.write_str("'O'"),
            Dtype::Structured => f.write_str("'structured'"),
        }
    }
}

/// The header of an array cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The file does not begin with [`MAGIC`].
    #[error("not a NumPy array")]
    Magic,
    /// The file ends within the header.
    #[error("the header is cut off")]
    CutOff,
    /// The header is longer than [`MAX_HEADER`].
    #[error("a header of {len} bytes, above {MAX_HEADER}")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// The header is not a dictionary with the three entries that it should have.
    #[error("the header cannot be read")]
    Unreadable,
    /// The stream cannot be read.
    #[error("{0}")]
    Io(io::Error),
}

impl Header {
    /// Reads the header at the beginning of a stream, and no byte more. Takes no more memory than
    /// the header fills.
    ///
    /// # Errors
    /// [`HeaderError`]
    pub fn read(reader: &mut dyn Read) -> Result<Self, HeaderError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => HeaderError::CutOff,
            _ => HeaderError::Io(error),
        };
        let mut start = [0; 10];
        reader.read_exact(&mut start).map_err(failed)?;
        if !start.starts_with(MAGIC) {
            return Err(HeaderError::Magic);
        }
        let mut len = usize::from(u16::from_le_bytes([start[8], start[9]]));
        let mut before = start.len();
        // Since version 2 the length has four bytes.
        if start[6] > 1 {
            let mut more = [0; 2];
            reader.read_exact(&mut more).map_err(failed)?;
            len |= usize::from(u16::from_le_bytes(more)) << 16;
            before += more.len();
        }
        let mut text = Vec::new();
        let most = len.min(MAX_HEADER + 1);
        reader.take(most as u64).read_to_end(&mut text).map_err(failed)?;
        if text.len() < most {
            return Err(HeaderError::CutOff);
        }
        if len > MAX_HEADER {
            return Err(HeaderError::TooLong { len });
        }
        Header::parse(&text, (before + len) as u64).ok_or(HeaderError::Unreadable)
    }

    /// Reads the text of a header: a Python dictionary.
    fn parse(text: &[u8], offset: u64) -> Option<Self> {
        let text = String::from_utf8_lossy(text).replace('"', "'");
        let value = |key| {
            let (_, rest) = text.split_once(key)?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let dtype = match value("'descr'")?.strip_prefix('\'') {
            Some(quoted) => match quoted.split('\'').next()? {
                descr if descr.ends_with('O') => Dtype::Objects,
                descr => Dtype::Scalar(descr.into()),
            },
            None => Dtype::Structured,
        };
        let fortran_order = value("'fortran_order'")?.starts_with("True");
        let shape = value("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
        let shape = shape.split(',').map(str::trim).filter(|n| !n.is_empty());
        let shape = shape.map(|n| n.parse().ok()).collect::<Option<_>>()?;
        Some(Header { dtype, shape, fortran_order, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1 or 2 with this header, and 8 bytes after it.
    fn file(version: u8, len: usize, text: &[u8]) -> Vec<u8> {
        let len = (len as u32).to_le_bytes();
        let len = if version == 1 { &len[..2] } else { &len[..] };
        [MAGIC, &[version, 0], len, text, &[0; 8]].concat()
    }

    fn read(bytes: &[u8]) -> Result<Header, String> {
        Header::read(&mut &bytes[..]).map_err(|e| e.to_string())
    }

    #[test]
    fn headers_say_what_the_array_is() {
        let text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n";
        let expected = |offset| {
            let dtype = Dtype::Scalar("<f8".into());
            Ok(Header { dtype, shape: vec![3], fortran_order: false, offset })
        };
        let len = text.len();
        assert_eq!(read(&file(1, len, text)), expected(10 + len as u64));
        assert_eq!(read(&file(2, len, text)), expected(12 + len as u64));
        let other = b"{\"shape\":( ), \"descr\":\"|u1\", \"fortran_order\": True}";
        let dtype = Dtype::Scalar("|u1".into());
        let offset = 10 + other.len() as u64;
        let header = Header { dtype, shape: vec![], fortran_order: true, offset };
        assert_eq!(read(&file(1, other.len(), other)), Ok(header));
    }

    #[test]
    fn types_are_told_apart() {
        let dtype = |descr: &str| {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ()}}");
            read(&file(1, text.len(), text.as_bytes())).map(|header| header.dtype)
        };
        assert_eq!(dtype("'|O'"), Ok(Dtype::Objects));
        assert_eq!(dtype("[('a', '<f8')]"), Ok(Dtype::Structured));
        assert_eq!(
            dtype("'?'").map(|d| (d.kind().is_none(), d.to_string())),
            Ok((true, "'?'".into()))
        );
        assert_eq!(dtype("'>i2'").map(|d| d.is_big_endian()), Ok(true));
    }

    #[test]
    fn damaged_headers_are_named() {
        let text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n";
        let whole = file(1, text.len(), text);
        for len in 0..10 + text.len() {
            assert_eq!(read(&whole[..len]), Err("the header is cut off".into()), "{len} bytes");
        }
        assert_eq!(read(b"PK\x03\x04 and more"), Err("not a NumPy array".into()));
        assert_eq!(read(&file(2, usize::MAX, b"{}")), Err("the header is cut off".into()));
        let long = vec![b' '; MAX_HEADER + 1];
        let message = "a header of 65537 bytes, above 65536";
        assert_eq!(read(&file(2, long.len(), &long)), Err(message.into()));
        for wrong in ["{}", "{'descr': '<f8'}", "{'descr': '<f8', 'shape': (-1,)}", "\u{fffd}"] {
            let found = read(&file(1, wrong.len(), wrong.as_bytes()));
            assert_eq!(found, Err("the header cannot be read".into()), "{wrong}");
        }
    }
}
