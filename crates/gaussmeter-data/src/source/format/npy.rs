//! NumPy arrays.

use super::Format;
use crate::MAX_DIM;
use crate::samples::SamplesError;
use crate::source::records::{Array, Number, Opener};
use crate::source::{Content, Covariance, Input, Kind, Options};
use gaussmeter::linear_algebra::Matrix;
use gaussmeter::spectrum::Spectrum;
use std::io::{Cursor, Read};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read.
const MAX_HEADER: usize = 1 << 16;

/// Relative asymmetry up to which a square array is a covariance.
const SYMMETRIC: f64 = 1e-6;

pub(super) static FORMAT: Format = Format {
    name: "npy",
    summary: "NumPy array: samples (N x d, N x C x H x W, N x H x W x C), a covariance, eigenvalues",
    recognises: |input| input.head().starts_with(MAGIC),
    open: |input, options| {
        let owned = input.clone();
        content(input, None, options, Box::new(move |offset| owned.reader_at(offset)))
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
        let (order, kind) = descr.split_at(descr.len().min(1));
        let number = Number::from_descr(kind).filter(|_| "<>|=".contains(order));
        let number =
            number.ok_or_else(|| format!("type '{descr}' is no real number of up to 64 bits"))?;
        let fortran = value("'fortran_order'").ok_or_else(unreadable)?.starts_with("True");
        let axes = value("'shape'").and_then(|v| v.strip_prefix('(')?.split_once(')'));
        let (axes, _) = axes.ok_or_else(unreadable)?;
        let axes = axes.split(',').map(str::trim).filter(|n| !n.is_empty());
        let axes: Option<Vec<usize>> = axes.map(|n| n.parse().ok()).collect();
        let axes = axes.ok_or_else(unreadable)?;
        let product = axes.iter().try_fold(number.size(), |product, n| product.checked_mul(*n));
        if product.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(format!("shape {axes:?} is too large"));
        }
        Ok(Header { number, big_endian: order == ">", fortran, axes, len })
    }
}

/// What an array holds; `open` opens the stream of the whole array, header included.
pub(super) fn content(
    input: &Input,
    name: Option<&str>,
    options: &Options,
    open: Opener,
) -> Result<Content, SamplesError> {
    let (array, all_axes) = array(input, name, open)?;
    let kind = match (options.kind, &all_axes[..]) {
        (Some(kind), _) => kind,
        (None, [_]) => Kind::Eigenvalues,
        (None, &[n, d]) if n == d && n <= MAX_DIM => {
            match matrix(&array)?.filter(|m| asymmetry(m) <= SYMMETRIC && has_variances(m)) {
                Some(covariance) => return Ok(with_covariance(input, &array, covariance)),
                None => Kind::Samples,
            }
        }
        (None, []) => return Err(array.malformed("one number, no array")),
        (None, _) => Kind::Samples,
    };
    match (kind, &all_axes[..]) {
        (Kind::Samples, [_]) => {
            Err(array.malformed("one axis, but samples need two: one row per sample"))
        }
        (Kind::Samples, _) => Ok(Content::Samples(array.samples(options)?)),
        (Kind::Covariance, &[n, d]) if n == d && n <= MAX_DIM => {
            let covariance =
                matrix(&array)?.ok_or_else(|| array.malformed("values that are not finite"))?;
            match asymmetry(&covariance) {
                error if error > SYMMETRIC => Err(array.malformed(format!(
                    "no covariance: not symmetric (relative error {error:.1e})"
                ))),
                _ => Ok(with_covariance(input, &array, covariance)),
            }
        }
        (Kind::Covariance, axes) => Err(array
            .malformed(format!("no covariance: shape {axes:?} is not square, or above {MAX_DIM}"))),
        (Kind::Eigenvalues, [_]) => {
            let values = array.values()?;
            let origin =
                format!("{}: {} values, {}", input.place(), values.len(), array.number.name());
            let name = input.name();
            let name = name.strip_suffix(".npy").unwrap_or(&name);
            let spectrum = Spectrum::new(name, origin, &values, None, None);
            Ok(Content::Spectrum(Box::new(spectrum.map_err(|e| array.malformed(e))?)))
        }
        (Kind::Eigenvalues, axes) => {
            Err(array.malformed(format!("eigenvalues are a list, not of shape {axes:?}")))
        }
    }
}

/// The array in a stream, as records along its first axis, and all its axes.
pub(super) fn array(
    input: &Input,
    name: Option<&str>,
    open: Opener,
) -> Result<(Array, Vec<usize>), SamplesError> {
    let bad = |reason: String| match name {
        Some(name) => input.malformed(format!("array '{name}': {reason}")),
        None => input.malformed(reason),
    };
    let header = Header::read(&mut open(0)?).map_err(bad)?;
    let (count, axes) = match header.axes.split_first() {
        Some((count, axes)) => (*count as u64, axes.to_vec()),
        None => (1, Vec::new()),
    };
    let start = header.len;
    let mut array = Array {
        input: input.clone(),
        name: name.map(String::from),
        number: header.number,
        big_endian: header.big_endian,
        count,
        axes,
        prefix: 0,
        open: Box::new(move |offset| open(start + offset)),
    };
    if header.fortran && header.axes.len() > 1 {
        array = transposed(array, &header.axes)?;
    }
    Ok((array, header.axes))
}

/// An array whose first axis runs fastest, in memory in the usual order.
fn transposed(array: Array, axes: &[usize]) -> Result<Array, SamplesError> {
    let size = array.number.size();
    let total = axes.iter().product::<usize>() * size;
    if total as u64 > crate::source::input::MAX_IN_MEMORY {
        return Err(
            array.malformed("too large to be transposed: save it with np.ascontiguousarray")
        );
    }
    let mut stored = vec![0; total];
    (array.open)(0)?.read_exact(&mut stored).map_err(|e| array.input.failed(e))?;
    // Element (i₀, i₁, …) is stored at i₀ + n₀ (i₁ + n₁ (i₂ + …)).
    let mut strides = Vec::with_capacity(axes.len());
    axes.iter().fold(size, |stride, n| (strides.push(stride), stride * n).1);
    let mut values = Vec::with_capacity(total);
    let mut index = vec![0; axes.len()];
    while values.len() < total {
        let at: usize = index.iter().zip(&strides).map(|(i, stride)| i * stride).sum();
        values.extend_from_slice(&stored[at..at + size]);
        for k in (0..axes.len()).rev() {
            index[k] += 1;
            if index[k] < axes[k] {
                break;
            }
            index[k] = 0;
        }
    }
    let values: std::sync::Arc<[u8]> = values.into();
    let open = move |offset: u64| -> Result<Box<dyn Read + Send>, SamplesError> {
        let mut cursor = Cursor::new(std::sync::Arc::clone(&values));
        cursor.set_position(offset);
        Ok(Box::new(cursor))
    };
    Ok(Array { open: Box::new(open), ..array })
}

/// All values of a square array; `None` if some are not finite.
pub(super) fn matrix(array: &Array) -> Result<Option<Matrix>, SamplesError> {
    let n = array.count as usize;
    let matrix = Matrix::new(n, n, array.values()?).map_err(|e| array.malformed(e))?;
    Ok(matrix.check_finite().is_ok().then_some(matrix))
}

/// Largest difference across the diagonal, relative to the largest entry.
fn asymmetry(matrix: &Matrix) -> f64 {
    let n = matrix.rows();
    let (mut largest, mut difference) = (0.0f64, 0.0f64);
    for i in 0..n {
        for j in 0..=i {
            let (a, b) = (matrix[(i, j)], matrix[(j, i)]);
            largest = largest.max(a.abs()).max(b.abs());
            difference = difference.max((a - b).abs());
        }
    }
    if difference == 0.0 { 0.0 } else { difference / largest }
}

fn has_variances(matrix: &Matrix) -> bool {
    (0..matrix.rows()).all(|i| matrix[(i, i)] >= 0.0)
}

fn with_covariance(input: &Input, array: &Array, covariance: Matrix) -> Content {
    let name = array.name.as_ref().map_or(String::new(), |n| format!(", array '{n}'"));
    let mean = vec![0.0; covariance.rows()];
    let description = format!("{}{name}", input.place());
    Content::Covariance(Box::new(Covariance { description, mean, covariance }))
}
