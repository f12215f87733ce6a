//! Arrays of numbers in a stream of bytes, read as samples.

use super::input::MAX_IN_MEMORY;
use super::{Input, Layout, ReadOption, ReadOptions, ScaleChoice};
use crate::samples::{Chunk, Samples, SamplesError, Scale, dim};
use half::{bf16, f16};
use std::io::{self, Read};

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Number {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Number {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Number::Bool | Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 | Number::F16 | Number::BF16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }

    /// The largest relative rounding error of storing: half the spacing of floats, 0 for integers.
    pub fn roundoff(self) -> f64 {
        match self {
            Number::F16 => (-11f64).exp2(),
            Number::BF16 => (-8f64).exp2(),
            Number::F32 => (-24f64).exp2(),
            Number::F64 => (-53f64).exp2(),
            _ => 0.0,
        }
    }

    /// Its name in NumPy.
    pub fn name(self) -> &'static str {
        match self {
            Number::Bool => "bool",
            Number::U8 => "uint8",
            Number::I8 => "int8",
            Number::U16 => "uint16",
            Number::I16 => "int16",
            Number::U32 => "uint32",
            Number::I32 => "int32",
            Number::U64 => "uint64",
            Number::I64 => "int64",
            Number::F16 => "float16",
            Number::BF16 => "bfloat16",
            Number::F32 => "float32",
            Number::F64 => "float64",
        }
    }

    /// The type with this NumPy code, without byte order, such as `f4`.
    pub fn from_descr(descr: &str) -> Option<Self> {
        Some(match descr {
            "b1" => Number::Bool,
            "u1" => Number::U8,
            "i1" => Number::I8,
            "u2" => Number::U16,
            "i2" => Number::I16,
            "u4" => Number::U32,
            "i4" => Number::I32,
            "u8" => Number::U64,
            "i8" => Number::I64,
            "f2" => Number::F16,
            "f4" => Number::F32,
            "f8" => Number::F64,
            _ => return None,
        })
    }

    /// Whether values are kept as 8-bit integers, whose moments are exact.
    pub(super) fn is_byte(self) -> bool {
        matches!(self, Number::Bool | Number::U8)
    }

    /// The value of white, if the type is one of pixels.
    fn top(self) -> Option<f64> {
        match self {
            Number::Bool => Some(1.0),
            Number::U8 => Some(255.0),
            _ => None,
        }
    }

    /// The map to data.
    pub(super) fn scale(self, choice: ScaleChoice) -> Result<Scale, String> {
        choice.resolve(self.top()).ok_or_else(|| {
            let name = self.name();
            format!("{name} values have no value of white: give --scale as FACTOR,OFFSET")
        })
    }

    /// Appends the numbers that `bytes` store.
    pub fn decode(self, big_endian: bool, bytes: &[u8], out: &mut Vec<f64>) {
        macro_rules! decode {
            ($type:ty, $convert:expr) => {{
                const SIZE: usize = size_of::<$type>();
                let convert: fn($type) -> f64 = $convert;
                out.extend(bytes.chunks_exact(SIZE).map(|bytes| {
                    let mut array = [0; SIZE];
                    array.copy_from_slice(bytes);
                    convert(match big_endian {
                        true => <$type>::from_be_bytes(array),
                        false => <$type>::from_le_bytes(array),
                    })
                }));
            }};
        }
        match self {
            Number::Bool | Number::U8 => decode!(u8, f64::from),
            Number::I8 => decode!(i8, f64::from),
            Number::U16 => decode!(u16, f64::from),
            Number::I16 => decode!(i16, f64::from),
            Number::U32 => decode!(u32, f64::from),
            Number::I32 => decode!(i32, f64::from),
            Number::U64 => decode!(u64, |v| v as f64),
            Number::I64 => decode!(i64, |v| v as f64),
            Number::F16 => decode!(f16, f16::to_f64),
            Number::BF16 => decode!(bf16, bf16::to_f64),
            Number::F32 => decode!(f32, f64::from),
            Number::F64 => decode!(f64, |v| v),
        }
    }
}

/// Bytes of a sample read at a time, so that memory grows with what is read.
const PIECE: usize = 1 << 20;

/// An array of samples in a stream of bytes: consecutive records, each with a prefix of fixed length
/// before its values.
pub struct RecordArray {
    /// Where it is.
    pub input: Input,
    /// Its name in the file, if it has one.
    pub name: Option<String>,
    /// How its numbers are stored.
    pub number: Number,
    /// Whether the first byte of a number is the most significant.
    pub big_endian: bool,
    /// Number of samples.
    pub count: u64,
    /// Axes of one sample, as stored.
    pub axes: Vec<usize>,
    /// Bytes before the values of each sample that are not data; the last of them is its class.
    pub prefix: usize,
    /// Opens the stream.
    pub open: Opener,
}

/// Opens a stream this many bytes after the start of the first record.
pub type Opener = Box<dyn Fn(u64) -> Result<Box<dyn Read + Send>, SamplesError> + Send + Sync>;

/// The samples of a [`RecordArray`].
pub struct Records {
    array: RecordArray,
    shape: Vec<usize>,
    interleaved: bool,
    dim: usize,
    scale: Scale,
    reader: Option<Box<dyn Read + Send>>,
    next: u64,
    /// The classes of the last chunk.
    classes: Vec<String>,
}

impl RecordArray {
    /// The array as samples.
    ///
    /// # Errors
    /// [`SamplesError`]: there are no values, or samples are too large.
    pub fn samples(self, options: &ReadOptions) -> Result<Box<dyn Samples>, SamplesError> {
        if self.axes.len() != 3 {
            let found = "samples without three axes";
            options.refuse(&self.input, found, &[ReadOption::Layout])?;
        }
        let (shape, interleaved) = options.layout.shape(&self.axes);
        let dim = dim(&shape)?;
        if self.count == 0 {
            return Err(self.malformed("an array of no samples"));
        }
        // As stored, and as values.
        let width = self.number.size() + if self.number.is_byte() { 1 } else { 8 };
        let needed = dim as u128 * width as u128 + self.prefix as u128;
        let what = format_args!("one sample of shape {shape:?}");
        options.memory.check(needed, what).map_err(|e| self.malformed(e))?;
        let scale = self.number.scale(options.scale).map_err(|e| self.malformed(e))?;
        let record = dim.checked_mul(self.number.size()).and_then(|n| n.checked_add(self.prefix));
        if record.and_then(|bytes| self.count.checked_mul(bytes as u64)).is_none() {
            return Err(self.malformed(format!("samples of shape {shape:?} are too large")));
        }
        let (reader, next, classes) = (None, 0, Vec::new());
        Ok(Box::new(Records { array: self, shape, interleaved, dim, scale, reader, next, classes }))
    }

    /// All values of the array, sample by sample.
    ///
    /// # Errors
    /// [`SamplesError`]
    pub fn values(&self) -> Result<Vec<f64>, SamplesError> {
        let width = self.axes.iter().try_fold(1usize, |width, n| width.checked_mul(*n));
        let total = width.and_then(|width| (width as u64).checked_mul(self.count));
        let width = width.filter(|_| total.is_some_and(|total| total <= MAX_IN_MEMORY / 8));
        let width = width.ok_or_else(|| {
            self.malformed(format!("more than {} MiB of values", MAX_IN_MEMORY >> 20))
        })?;
        let mut reader = (self.open)(0)?;
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        for row in 0..self.count {
            let data = self.read(&mut reader, width, &mut bytes, row)?;
            self.number.decode(self.big_endian, &data[self.prefix..], &mut values);
        }
        self.end(&mut reader)?;
        Ok(values)
    }

    /// Reads on after the last sample: streams with a checksum compare it at their end, which a damaged
    /// header may have put a little later.
    fn end(&self, reader: &mut dyn Read) -> Result<(), SamplesError> {
        let rest = io::copy(&mut reader.take(PIECE as u64), &mut io::sink());
        rest.map(drop).map_err(|error| self.input.failed(error))
    }

    /// The bytes of the next sample, which has `width` numbers, and of its prefix.
    fn read<'a>(
        &self,
        reader: &mut dyn Read,
        width: usize,
        bytes: &'a mut Vec<u8>,
        row: u64,
    ) -> Result<&'a [u8], SamplesError> {
        let (mut read, record) = (0, self.prefix + width * self.number.size());
        while read < record {
            let end = record.min(read + PIECE);
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            reader.read_exact(&mut bytes[read..end]).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => self.malformed(format!(
                    "ends in sample {row} of {}: truncated, or still being written",
                    self.count
                )),
                _ => self.input.failed(error),
            })?;
            read = end;
        }
        Ok(&bytes[..record])
    }

    /// An error: the array does not follow its format, for this reason.
    pub fn malformed(&self, reason: impl std::fmt::Display) -> SamplesError {
        match &self.name {
            Some(name) => self.input.malformed(format!("array '{name}': {reason}")),
            None => self.input.malformed(reason),
        }
    }
}

/// The strides of an array whose last axis varies fastest.
pub(super) fn usual_strides(axes: &[usize]) -> Vec<usize> {
    let mut strides: Vec<usize> = running_products(axes.iter().rev());
    strides.reverse();
    strides
}

/// The strides of an array whose first axis varies fastest.
pub(super) fn fortran_strides(axes: &[usize]) -> Vec<usize> {
    running_products(axes.iter())
}

fn running_products<'a>(axes: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    let mut product = 1usize;
    let next = |n: &usize| (product, product = product.saturating_mul(*n)).0;
    axes.map(next).collect()
}

impl Layout {
    /// The shape `[channels, height, width]` or `[d]` of samples with these axes, and whether channels are
    /// stored last.
    pub(crate) fn shape(self, axes: &[usize]) -> (Vec<usize>, bool) {
        let is_channels = |n: usize| matches!(n, 1 | 3 | 4);
        match (self, axes) {
            (_, []) => (vec![1], false),
            (Layout::Hwc, &[height, width, channels]) => (vec![channels, height, width], true),
            (Layout::Auto, &[height, width, channels])
                if is_channels(channels) && !is_channels(height) =>
            {
                (vec![channels, height, width], true)
            }
            (_, &[height, width]) => (vec![1, height, width], false),
            (_, axes) => (axes.to_vec(), false),
        }
    }
}

impl Samples for Records {
    fn description(&self) -> String {
        match &self.array.name {
            Some(name) => format!("{}, array '{name}'", self.array.input.place()),
            None => self.array.input.place(),
        }
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn scale(&self) -> Scale {
        self.scale
    }
    fn size_hint(&self) -> Option<u64> {
        Some(self.array.count)
    }
    fn is_bytes(&self) -> Option<bool> {
        Some(self.array.number.is_byte())
    }
    fn position(&self) -> u64 {
        self.next
    }

    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let rows = (self.array.count - self.next).min(max_rows.max(1) as u64) as usize;
        if rows == 0 {
            return Ok(None);
        }
        let array = &self.array;
        let record = array.prefix + self.dim * array.number.size();
        let reader = match &mut self.reader {
            Some(reader) => reader,
            reader @ None => reader.insert((array.open)(self.next * record as u64)?),
        };
        let (mut bytes, mut stored, mut values) = (Vec::new(), Vec::new(), Vec::new());
        self.classes.clear();
        for row in self.next..self.next + rows as u64 {
            let data = array.read(reader, self.dim, &mut bytes, row)?;
            let (data, class) = (&data[array.prefix..], data[..array.prefix].last());
            self.classes.extend(class.map(u8::to_string));
            if array.number.is_byte() {
                push_planes(data, &self.shape, self.interleaved, &mut stored);
                continue;
            }
            let start = values.len();
            match self.interleaved {
                false => array.number.decode(array.big_endian, data, &mut values),
                true => {
                    let mut row = Vec::with_capacity(self.dim);
                    array.number.decode(array.big_endian, data, &mut row);
                    push_planes(&row, &self.shape, true, &mut values);
                }
            }
            if let Some(k) = values[start..].iter().position(|v| !v.is_finite()) {
                let (at, value) = (position(k, &self.shape), values[start + k]);
                return Err(array.malformed(format!(
                    "sample {row}, coordinate {at:?} is {value}: samples must be finite"
                )));
            }
        }
        self.next += rows as u64;
        if self.next == array.count {
            array.end(reader)?;
        }
        Ok(Some(match array.number.is_byte() {
            true => Chunk::Bytes { rows, values: stored },
            false => Chunk::Floats { rows, values },
        }))
    }

    fn classes(&self) -> Option<&[String]> {
        (self.array.prefix > 0).then_some(&self.classes)
    }

    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.next = self.next.saturating_add(count).min(self.array.count);
        self.reader = None;
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), SamplesError> {
        (self.reader, self.next) = (None, 0);
        Ok(())
    }
}

/// Appends a sample, rearranged plane by plane if it is stored pixel by pixel.
pub(crate) fn push_planes<T: Copy>(
    values: &[T],
    shape: &[usize],
    interleaved: bool,
    out: &mut Vec<T>,
) {
    match (interleaved, shape) {
        (true, &[channels, ..]) if channels > 1 => {
            for c in 0..channels {
                out.extend(values.iter().skip(c).step_by(channels));
            }
        }
        _ => out.extend_from_slice(values),
    }
}

/// The indices of value k of an array of this shape.
pub(super) fn position(mut k: usize, shape: &[usize]) -> Vec<usize> {
    let mut at: Vec<usize> = shape.iter().rev().map(|n| (k % n, k /= n).0).collect();
    at.reverse();
    at
}
