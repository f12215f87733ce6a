//! NumPy arrays.

use super::SampleFormat;
use super::array::StoredArray;
use crate::samples::SamplesError;
use crate::source::records::{Number, Opener, fortran_strides};
use crate::source::{Input, ReadOption};
use gaussmeter::data::npy::{Dtype, Header, MAGIC};

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "npy",
    summary: "NumPy array: samples (N x d, N x C x H x W, N x H x W x C), a covariance, eigenvalues",
    recognises: |input| input.head().starts_with(MAGIC),
    open: |input, options| {
        options.refuse(input, "an .npy file, which holds one array", &[ReadOption::Array])?;
        let owned = input.clone();
        stored(input, None, Box::new(move |at| owned.reader_at(at)))?.content(input, None, options)
    },
};

/// The type of the numbers of an array, and whether it is big-endian.
pub(super) fn number(header: &Header) -> Result<(Number, bool), String> {
    match &header.dtype {
        Dtype::Objects => {
            Err("Python objects (pickle) are never loaded: save an array of numbers".into())
        }
        Dtype::Structured => Err("structured types are not read: save one array of numbers".into()),
        dtype => match dtype.kind().and_then(Number::from_descr) {
            Some(number) => Ok((number, dtype.is_big_endian())),
            None => Err(format!("type {dtype} is not a real number of up to 64 bits")),
        },
    }
}

/// The array in a stream; `open` opens the stream of the whole file, with the header.
pub(super) fn stored(
    input: &Input,
    name: Option<&str>,
    open: Opener,
) -> Result<StoredArray, SamplesError> {
    let bad = |reason: String| match name {
        Some(name) => input.malformed(format!("array '{name}': {reason}")),
        None => input.malformed(reason),
    };
    let header = Header::read(&mut open(0)?).map_err(|e| bad(e.to_string()))?;
    let (number, big_endian) = number(&header).map_err(bad)?;
    let Header { shape: axes, fortran_order, offset, .. } = header;
    let strides = fortran_order.then(|| fortran_strides(&axes));
    let open = Box::new(move |at| open(offset + at));
    Ok(StoredArray { number, big_endian, axes, strides, open })
}
