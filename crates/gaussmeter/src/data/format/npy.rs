use super::{Format, FormatError, Table};
use crate::data::MAX_VALUES;
use crate::data::npy::{Dtype, Header, MAGIC};
use npyz::half::f16;
use npyz::{Deserialize, TypeChar, TypeRead, TypeStr};

pub(super) static FORMAT: Format = Format {
    name: "npy",
    extensions: &["npy"],
    recognises: |bytes| bytes.starts_with(MAGIC),
    read: |bytes, columns| {
        let (values, dtype) = array(bytes, columns[0].plural)?;
        Ok(Table { dtype: Some(dtype), ..Table::single(columns, values) })
    },
};

/// The values and the type of a 1-D array of `what`. In one axis, the order of a header says nothing.
///
/// Of npyz 0.9 only the decoders are used: its reader of headers multiplies the lengths of a shape
/// unchecked and allocates whatever header length is announced.
pub(in crate::data) fn array(
    bytes: &[u8],
    what: &'static str,
) -> Result<(Vec<f64>, String), FormatError> {
    let header = Header::read(&mut &bytes[..])
        .map_err(|e| FormatError::Malformed { format: "npy", reason: e.to_string() })?;
    let data = usize::try_from(header.offset).ok().and_then(|at| bytes.get(at..)).unwrap_or(&[]);
    let descr = match header.dtype {
        Dtype::Scalar(descr) => descr,
        Dtype::Objects => return Err(FormatError::Pickled),
        Dtype::Structured => return Err(FormatError::Dtype { dtype: "structured".into() }),
    };
    let unreadable = || FormatError::Dtype { dtype: descr.clone() };
    let kind: TypeStr = descr.parse().map_err(|_| unreadable())?;
    let &[count] = header.shape.as_slice() else {
        return Err(FormatError::Rank { what, shape: shape_text(&header.shape) });
    };
    let (size, char) = (kind.size_field(), kind.type_char());
    let count = count as u64;
    let expected = count.saturating_mul(size);
    let data = usize::try_from(expected)
        .ok()
        .and_then(|n| data.get(..n))
        .ok_or(FormatError::Truncated { expected, found: data.len() as u64 })?;
    if count > MAX_VALUES as u64 {
        return Err(FormatError::TooMany { found: count });
    }
    let dtype = npyz::DType::new_scalar(kind);
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
    dtype: &npyz::DType,
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

/// A shape as Python writes it.
fn shape_text(shape: &[usize]) -> String {
    let lengths: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("({})", lengths.join(", "))
}
