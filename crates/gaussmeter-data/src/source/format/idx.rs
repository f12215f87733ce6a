//! The format of MNIST: <http://yann.lecun.com/exdb/mnist>.

use super::SampleFormat;
use crate::source::records::{Number, RecordArray};
use crate::source::{Content, Input, ReadOption};

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "idx",
    summary: "MNIST's format: images, also gzipped",
    recognises: |input| header(input.head()).is_some(),
    open: |input, options| {
        let (number, axes, start) =
            header(input.head()).ok_or_else(|| input.malformed("the header is cut off"))?;
        options.refuse(input, "an idx file", &[ReadOption::Array, ReadOption::Kind])?;
        let (count, axes) = axes.split_at(1);
        if axes.is_empty() {
            return Err(input.malformed("one number per sample: these are labels, not images"));
        }
        let own = input.clone();
        let array = RecordArray {
            input: input.clone(),
            name: None,
            number,
            big_endian: true,
            count: count[0] as u64,
            axes: axes.to_vec(),
            prefix: 0,
            open: Box::new(move |offset| own.reader_at(start + offset)),
        };
        Ok(Content::Samples(array.samples(options)?))
    },
};

/// Whether the file holds one number per sample.
pub(super) fn is_list(input: &Input) -> bool {
    header(input.head()).is_some_and(|(_, axes, _)| axes.len() == 1)
}

/// Reads a header: two zeros, the type, the number of axes, the axes. Returns type, axes and length.
fn header(head: &[u8]) -> Option<(Number, Vec<usize>, u64)> {
    let (&[0, 0, kind, rank @ 1..=6], rest) = head.split_first_chunk()? else { return None };
    let number = match kind {
        0x08 => Number::U8,
        0x09 => Number::I8,
        0x0b => Number::I16,
        0x0c => Number::I32,
        0x0d => Number::F32,
        0x0e => Number::F64,
        _ => return None,
    };
    let axes = rest.get(..4 * usize::from(rank))?.chunks_exact(4);
    let axes = axes.map(|n| u32::from_be_bytes([n[0], n[1], n[2], n[3]]) as usize);
    Some((number, axes.collect(), 4 + 4 * u64::from(rank)))
}
