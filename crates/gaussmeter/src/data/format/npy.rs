use super::{Format, FormatError, Table};
use crate::data::MAX_VALUES;
use npyz::half::f16;
use npyz::{DType, Deserialize, TypeChar, TypeRead, TypeStr};

const MAGIC: &[u8] = b"\x93NUMPY";

pub(super) static FORMAT: Format = Format {
    name: "npy",
    extensions: &["npy"],
    recognises: |bytes| bytes.starts_with(MAGIC),
    read: |bytes, columns| {
        let (values, dtype) = array(bytes, columns[0].plural)?;
        Ok(Table { dtype: Some(dtype), ..Table::single(columns, values) })
    },
};

/// The values and the type of a 1-D array of `what`.
pub(in crate::data) fn array(
    bytes: &[u8],
    what: &'static str,
) -> Result<(Vec<f64>, String), FormatError> {
    let malformed = |reason: &str| FormatError::Malformed { format: "npy", reason: reason.into() };
    let (text, data) = split(bytes).ok_or_else(|| malformed("the header is cut off"))?;
    let header = Header::parse(text).ok_or_else(|| malformed("the header cannot be read"))?;
    let unreadable = || FormatError::Dtype { dtype: header.descr.clone() };
    let kind: TypeStr = header.descr.parse().map_err(|_| unreadable())?;
    if kind.uses_pickled_array() {
        return Err(FormatError::Pickled);
    }
    let &[count] = header.shape.as_slice() else {
        return Err(FormatError::Rank { what, shape: shape_text(&header.shape) });
    };
    let (size, char) = (kind.size_field(), kind.type_char());
    let expected = count.saturating_mul(size);
    let data = usize::try_from(expected)
        .ok()
        .and_then(|n| data.get(..n))
        .ok_or(FormatError::Truncated { expected, found: data.len() as u64 })?;
    if count > MAX_VALUES as u64 {
        return Err(FormatError::TooMany { found: count });
    }
    let dtype = DType::new_scalar(kind);
    let (word, values) = match (char, size) {
        (TypeChar::Float, 2) => ("float", decode(&dtype, data, f16::to_f64)),
        (TypeChar::Float, 4) => ("float", decode::<f32>(&dtype, data, f64::from)),
        (TypeChar::Float, 8) => ("float", decode::<f64>(&dtype, data, f64::from)),
        (TypeChar::Int, 1) => ("int", decode::<i8>(&dtype, data, f64::from)),
        (TypeChar::Int, 2) => ("int", decode::<i16>(&dtype, data, f64::from)),
        (TypeChar::Int, 4) => ("int", decode::<i32>(&dtype, data, f64::from)),
        (TypeChar::Int, 8) => ("int", decode::<i64>(&dtype, data, |v| v as f64)),
        (TypeChar::Uint, 1) => ("uint", decode::<u8>(&dtype, data, f64::from)),
        (TypeChar::Uint, 2) => ("uint", decode::<u16>(&dtype, data, f64::from)),
        (TypeChar::Uint, 4) => ("uint", decode::<u32>(&dtype, data, f64::from)),
        (TypeChar::Uint, 8) => ("uint", decode::<u64>(&dtype, data, |v| v as f64)),
        _ => return Err(unreadable()),
    };
    Ok((values.ok_or_else(unreadable)?, format!("{word}{}", 8 * size)))
}

fn decode<T: Deserialize>(
    dtype: &DType,
    mut data: &[u8],
    convert: fn(T) -> f64,
) -> Option<Vec<f64>> {
    let reader = T::reader(dtype).ok()?;
    let mut values = Vec::with_capacity(data.len() / size_of::<T>());
    while !data.is_empty() {
        values.push(convert(reader.read_one(&mut data).ok()?));
    }
    Some(values)
}

/// Splits a file into the text of its header and its data.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (version, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<2>()?;
    let (length, rest) = match version[0] {
        1 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u16::from_le_bytes(*length).into(), rest)
        }
        _ => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length), rest)
        }
    };
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// The contents of the header. The memory order of a 1-D array does not matter.
///
/// npyz 0.9 multiplies the lengths of a shape unchecked and allocates whatever header length is
/// announced, so that a damaged file may panic: hence this parser for the supported headers.
struct Header {
    descr: String,
    shape: Vec<u64>,
}

impl Header {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text).replace('"', "'");
        let value = |key| {
            let (_, rest) = text.split_once(key)?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = value("'descr'")?;
        let descr = match descr.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next()?,
            None => "structured",
        };
        let shape = value("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
        let shape = shape.split(',').map(str::trim).filter(|n| !n.is_empty());
        let shape = shape.map(|n| n.parse().ok()).collect::<Option<_>>()?;
        Some(Header { descr: descr.into(), shape })
    }
}

/// A shape as Python writes it.
fn shape_text(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("({})", lengths.join(", "))
}
