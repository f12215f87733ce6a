//! The binary version of CIFAR-10 and CIFAR-100: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use super::SampleFormat;
use crate::samples::SamplesError;
use crate::source::records::{Number, RecordArray};
use crate::source::{Content, Input, ReadOption, ReadOptions};

const PIXELS: usize = 3 * 32 * 32;

/// Bounds of the labels before the pixels: CIFAR-10 has one below 10, CIFAR-100 two, below 20 and 100.
const LABELS: [&[u8]; 2] = [&[10], &[20, 100]];

/// What such a file is called in errors about options.
const FOUND: &str = "a file of CIFAR, whose pictures are planes";

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "cifar",
    summary: "CIFAR-10 and CIFAR-100, binary version (.bin)",
    recognises: |input| labels(input).is_some(),
    open,
};

/// Number of labels per record. Only the size of the file and the small values of labels tell.
fn labels(input: &Input) -> Option<usize> {
    let size = input.size().ok()??;
    let fits = |labels: &&[u8]| {
        let record = labels.len() + PIXELS;
        size > 0
            && size % record as u64 == 0
            && input.head().chunks(record).all(|r| r.iter().zip(*labels).all(|(l, end)| l < end))
    };
    LABELS.iter().find(|labels| fits(labels)).map(|labels| labels.len())
}

/// Why a file with the name of a CIFAR file is not one.
pub(super) fn cut_off(input: &Input) -> Option<String> {
    let size = input.size().ok()??;
    let is_label = input.head().first().is_some_and(|label| *label < 20);
    let sizes = LABELS.map(|labels| labels.len() + PIXELS);
    let [one, two] = sizes;
    let is_cut = size > one as u64 && sizes.iter().all(|record| size % *record as u64 != 0);
    (input.name().to_lowercase().ends_with(".bin") && is_label && is_cut).then(|| {
        format!("{size} bytes are not whole records of CIFAR-10 ({one} bytes) or CIFAR-100 ({two})")
    })
}

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    let prefix = labels(input).ok_or_else(|| input.malformed("not whole records of CIFAR"))?;
    options.refuse(input, FOUND, &[ReadOption::Array, ReadOption::Kind, ReadOption::Layout])?;
    let size = input.size()?.unwrap_or(0);
    let own = input.clone();
    let array = RecordArray {
        input: input.clone(),
        name: None,
        number: Number::U8,
        big_endian: false,
        count: size / (prefix + PIXELS) as u64,
        axes: vec![3, 32, 32],
        prefix,
        open: Box::new(move |offset| own.reader_at(offset)),
    };
    Ok(Content::Samples(array.samples(options)?))
}
