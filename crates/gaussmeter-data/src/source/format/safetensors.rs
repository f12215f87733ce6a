//! Safetensors, the tensor format of Hugging Face: <https://huggingface.co/docs/safetensors>.

use super::SampleFormat;
use super::array::StoredArray;
use super::choose::{self, Named};
use crate::samples::SamplesError;
use crate::source::records::Number;
use crate::source::{Content, Input, ReadOptions};
use safetensors::tensor::{Dtype, Metadata};
use std::io::Read;

/// Longest header that is read.
const MAX_HEADER: u64 = 16 << 20;

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "safetensors",
    summary: "safetensors file: a tensor (--array)",
    recognises: |input| header_len(input).is_some(),
    open,
};

/// Length of the JSON header, which the file begins with.
fn header_len(input: &Input) -> Option<u64> {
    let (len, rest) = input.head().split_first_chunk()?;
    let len = u64::from_le_bytes(*len);
    let fits = match input.size().ok()? {
        Some(size) => size - 8 >= len,
        None => len <= MAX_HEADER,
    };
    (fits && len >= 2 && rest.first() == Some(&b'{')).then_some(len)
}

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    let len = header_len(input).ok_or_else(|| input.malformed("not a safetensors header"))?;
    if len > MAX_HEADER {
        return Err(input.malformed(format!("a header of {len} bytes")));
    }
    let mut header = Vec::new();
    let read = input.reader_at(8)?.take(len).read_to_end(&mut header);
    if (read.map_err(|e| input.failed(e))? as u64) < len {
        return Err(input.truncated(8 + header.len() as u64, 8 + len));
    }
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|e| input.malformed(format!("the header cannot be read ({e})")))?;
    let start = 8 + len;
    let expected = start.saturating_add(metadata.data_len() as u64);
    if let Some(size) = input.size()?.filter(|size| *size < expected) {
        return Err(input.truncated(size, expected));
    }

    let mut arrays: Vec<Named> = metadata
        .tensors()
        .into_iter()
        .map(|(name, tensor)| Named {
            name,
            axes: tensor.shape.clone(),
            kind: format!("{:?}", tensor.dtype),
        })
        .collect();
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    choose::content(input, &arrays, options, |name| {
        let tensor = metadata.info(name).ok_or_else(|| input.malformed("holds no array"))?;
        let number = number(tensor.dtype).ok_or_else(|| {
            let kind = tensor.dtype;
            input.malformed(format!(
                "array '{name}': type {kind:?} is not a real number of 8 to 64 bits: save it as F32"
            ))
        })?;
        let (own, from) = (input.clone(), start + tensor.data_offsets.0 as u64);
        Ok(StoredArray {
            number,
            big_endian: false,
            axes: tensor.shape.clone(),
            strides: None,
            open: Box::new(move |at| own.reader_at(from + at)),
        })
    })
}

fn number(kind: Dtype) -> Option<Number> {
    Some(match kind {
        Dtype::BOOL => Number::Bool,
        Dtype::U8 => Number::U8,
        Dtype::I8 => Number::I8,
        Dtype::U16 => Number::U16,
        Dtype::I16 => Number::I16,
        Dtype::U32 => Number::U32,
        Dtype::I32 => Number::I32,
        Dtype::U64 => Number::U64,
        Dtype::I64 => Number::I64,
        Dtype::F16 => Number::F16,
        Dtype::BF16 => Number::BF16,
        Dtype::F32 => Number::F32,
        Dtype::F64 => Number::F64,
        _ => return None,
    })
}
