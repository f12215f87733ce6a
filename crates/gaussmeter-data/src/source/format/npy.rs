//! NumPy arrays.

use super::Format;
use super::array::Stored;
use crate::samples::SamplesError;
use crate::source::input::NUMPY as MAGIC;
use crate::source::records::{Number, Opener, fortran_strides};
use crate::source::{Choice, Input};
use std::io::Read;

/// Longest header that is read.
const MAX_HEADER: usize = 1 << 16;

pub(super) static FORMAT: Format = Format {
    name: "npy",
    summary: "NumPy array: samples (N x d, N x C x H x W, N x H x W x C), a covariance, eigenvalues",
    recognises: |input| input.head().starts_with(MAGIC),
    open: |input, options| {
        options.refuse(input, "an .npy file, which holds one array", &[Choice::Array])?;
        let owned = input.clone();
        stored(input, None, Box::new(move |at| owned.reader_at(at)))?.content(input, None, options)
    },
};

/// What the array says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub number: Number,
    pub big_endian: bool,
    pub fortran: bool,
    pub axes: Vec<usize>,
    /// Bytes before the data.
    pub len: u64,
}

impl Header {
    /// Reads the header at the beginning of a stream.
    pub fn read(reader: &mut dyn Read) -> Result<Self, String> {
        let cut = |_| "the header is cut off".to_owned();
        let mut start = [0; 10];
        reader.read_exact(&mut start).map_err(cut)?;
        if !start.starts_with(MAGIC) {
            return Err("not a NumPy array".into());
        }
        let mut length = usize::from(u16::from_le_bytes([start[8], start[9]]));
        let mut before = start.len();
        if start[6] > 1 {
            let mut more = [0; 2];
            reader.read_exact(&mut more).map_err(cut)?;
            length |= usize::from(u16::from_le_bytes(more)) << 16;
            before += more.len();
        }
        if length > MAX_HEADER {
            return Err(format!("a header of {length} bytes"));
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).map_err(cut)?;
        let text = String::from_utf8_lossy(&text).replace('"', "'");
        Header::parse(&text, (before + length) as u64)
    }

    fn parse(text: &str, len: u64) -> Result<Self, String> {
        let unreadable = || "the header cannot be read".to_owned();
        let value = |key: &str| {
            let (_, rest) = text.split_once(key)?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = value("'descr'").ok_or_else(unreadable)?;
        let descr = match descr.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next().unwrap_or_default(),
            None => return Err("a structured type: save one array of numbers".into()),
        };
        if descr.ends_with('O') {
            return Err(
                "Python objects (pickle), which are never loaded: save an array of numbers".into(),
            );
        }
        let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
        let number = Number::from_descr(kind).filter(|_| "<>|=".contains(order));
        let number =
            number.ok_or_else(|| format!("type '{descr}' is no real number of up to 64 bits"))?;
        let fortran = value("'fortran_order'").ok_or_else(unreadable)?.starts_with("True");
        let axes = value("'shape'").and_then(|v| v.strip_prefix('(')?.split_once(')'));
        let (axes, _) = axes.ok_or_else(unreadable)?;
        let axes = axes.split(',').map(str::trim).filter(|n| !n.is_empty());
        let axes: Option<Vec<usize>> = axes.map(|n| n.parse().ok()).collect();
        let axes = axes.ok_or_else(unreadable)?;
        Ok(Header { number, big_endian: order == ">", fortran, axes, len })
    }
}

/// The array in a stream; `open` opens that of the whole file, header included.
pub(super) fn stored(
    input: &Input,
    name: Option<&str>,
    open: Opener,
) -> Result<Stored, SamplesError> {
    let bad = |reason: String| match name {
        Some(name) => input.malformed(format!("array '{name}': {reason}")),
        None => input.malformed(reason),
    };
    let Header { number, big_endian, fortran, axes, len } =
        Header::read(&mut open(0)?).map_err(bad)?;
    let strides = fortran.then(|| fortran_strides(&axes));
    let open = Box::new(move |at| open(len + at));
    Ok(Stored { number, big_endian, axes, strides, open })
}
