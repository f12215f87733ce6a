//! Deciding whether an array holds samples, a covariance or eigenvalues, whatever its file format.

use crate::MAX_DIM;
use crate::samples::SamplesError;
use crate::source::input::MAX_IN_MEMORY;
use crate::source::labels::Labelled;
use crate::source::records::{Number, Opener, RecordArray, usual_strides};
use crate::source::{ArrayKind, Content, Input, ReadOptions};
use crate::spectral::{GivenCovariance, NEARLY, asymmetry, symmetric};
use gaussmeter::data::format::FormatError;
use gaussmeter::data::{MAX_VALUES, list};
use gaussmeter::numeric::linear_algebra::Matrix;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// Relative asymmetry up to which a square array is a covariance.
pub(super) const SYMMETRIC: f64 = 1e-6;

/// Largest side of a matrix that is checked for symmetry, if there are several files.
const SIDE: usize = 4096;

/// Bytes after an array within which the end of its stream is looked for.
const REST: u64 = 1 << 20;

/// An array as described by its file.
pub(super) struct StoredArray {
    pub number: Number,
    pub big_endian: bool,
    pub axes: Vec<usize>,
    /// Distance between consecutive entries along each axis, in numbers; `None` if the last axis varies
    /// fastest.
    pub strides: Option<Vec<usize>>,
    /// Opens the stream of its numbers.
    pub open: Opener,
}

/// Distance from the first to the last number of an array, plus one; `None` if it overflows.
pub(super) fn span(axes: &[usize], strides: &[usize]) -> Option<usize> {
    if axes.contains(&0) {
        return Some(0);
    }
    axes.iter()
        .zip(strides)
        .try_fold(1usize, |span, (n, stride)| span.checked_add((n - 1).checked_mul(*stride)?))
}

impl StoredArray {
    /// The array as records along its first axis.
    pub fn array(self, input: &Input, name: Option<&str>) -> Result<RecordArray, SamplesError> {
        let StoredArray { number, big_endian, axes, strides, open } = self;
        let (count, rest) = match axes.split_first() {
            Some((count, rest)) => (*count as u64, rest.to_vec()),
            None => (1, Vec::new()),
        };
        let (input, name) = (input.clone(), name.map(String::from));
        let array =
            RecordArray { input, name, number, big_endian, count, axes: rest, prefix: 0, open };
        let bytes = axes.iter().try_fold(number.size(), |all, n| all.checked_mul((*n).max(1)));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(array.malformed(format!("shape {axes:?} is too large")));
        }
        let usual = usual_strides(&axes);
        let differ = |strides: &Vec<usize>| {
            !axes.contains(&0) && (0..axes.len()).any(|k| axes[k] > 1 && strides[k] != usual[k])
        };
        match strides.filter(differ) {
            None => Ok(array),
            Some(strides) => gathered(array, axes, strides),
        }
    }

    /// The array as one sample: exactly one leading axis of one entry.
    fn alone(mut self) -> Self {
        let is_idle = |axes: &[usize]| axes.first() == Some(&1) && matches!(axes.len(), 2 | 4..);
        while is_idle(&self.axes) {
            self.axes.remove(0);
            self.strides.iter_mut().for_each(|strides| {
                strides.remove(0);
            });
        }
        self.axes.insert(0, 1);
        self.strides.iter_mut().for_each(|strides| strides.insert(0, 0));
        self
    }

    /// What the array holds, if `options` say; otherwise it is undecided.
    pub fn content(
        self,
        input: &Input,
        name: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Content, SamplesError> {
        match options.kind {
            None | Some(ArrayKind::Samples) => {
                Ok(Content::Arrays(vec![Undecided::new(input, name, self, false)]))
            }
            Some(_) => self.settled(input, name, options),
        }
    }

    /// What the array holds if it is not a single sample: decided by `options`, or by its axes and values.
    fn settled(
        self,
        input: &Input,
        name: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Content, SamplesError> {
        let axes = self.axes.clone();
        let array = self.array(input, name)?;
        let kind = match (options.kind, &axes[..]) {
            (Some(kind), _) => kind,
            (None, [_]) => ArrayKind::Eigenvalues,
            (None, &[n, d]) if n == d && (1..=MAX_DIM).contains(&n) => {
                match matrix(&array)?.filter(has_variances).map(|m| (asymmetry(&m), m)) {
                    Some((error, covariance)) if error <= SYMMETRIC => {
                        return Ok(with_covariance(&array, covariance));
                    }
                    Some((error, _)) if error <= NEARLY => {
                        return Err(array.malformed(format!(
                            "{n}x{n} numbers, symmetric only to {error:.0e}: a covariance with rounding (--kind covariance), or {n} samples of {n} values (--kind samples)?"
                        )));
                    }
                    _ => ArrayKind::Samples,
                }
            }
            (None, &[n, 1]) if n > 1 => {
                return Err(array.malformed(format!(
                    "{n} rows of one number: a column of eigenvalues (--kind eigenvalues), or samples of dimension 1 (--kind samples)?"
                )));
            }
            (None, []) => return Err(array.malformed("a single number, not an array")),
            (None, _) => ArrayKind::Samples,
        };
        match (kind, &axes[..]) {
            (ArrayKind::Samples, [] | [_]) => {
                Err(array.malformed("one axis, but samples need two: one row per sample"))
            }
            (ArrayKind::Samples, _) => Ok(Content::Samples(array.samples(options)?)),
            (ArrayKind::Covariance, &[n, d]) if n == d && (1..=MAX_DIM).contains(&n) => {
                let covariance =
                    matrix(&array)?.ok_or_else(|| array.malformed("values that are not finite"))?;
                match asymmetry(&covariance) {
                    error if error > NEARLY => Err(array.malformed(format!(
                        "not a covariance: not symmetric (relative error {error:.1e})"
                    ))),
                    _ => Ok(with_covariance(&array, symmetric(covariance))),
                }
            }
            (ArrayKind::Covariance, axes) => Err(array.malformed(format!(
                "not a covariance: shape {axes:?} is not square, or above {MAX_DIM}"
            ))),
            (ArrayKind::Eigenvalues, [_] | [_, 1] | [1, _]) => {
                let count = axes.iter().fold(1usize, |all, n| all.saturating_mul(*n));
                if count > MAX_VALUES {
                    return Err(array.malformed(FormatError::TooMany { found: count as u64 }));
                }
                let values = array.values()?;
                let origin =
                    format!("{}: {} values, {}", input.place(), values.len(), array.number.name());
                let file = input.name();
                let stem = Path::new(&file).file_stem().unwrap_or_default().to_string_lossy();
                let dtype = array.number.name();
                let spectrum = list::spectrum(&stem, origin, (&values, None, None), dtype);
                let spectrum = spectrum.map_err(|e| array.malformed(e))?;
                let said = name.unwrap_or(&stem);
                Ok(Content::Spectrum(Box::new(list::doubt_name(spectrum, said))))
            }
            (ArrayKind::Eigenvalues, axes) => Err(array
                .malformed(format!("eigenvalues must be a list, not an array of shape {axes:?}"))),
        }
    }
}

/// An array that may be one sample or several: its file does not say.
pub struct Undecided {
    input: Input,
    name: Option<String>,
    stored: StoredArray,
    /// Whether it is one of a list of arrays in one file.
    pub(in crate::source) listed: bool,
    /// Other arrays in the file that are not read.
    pub(in crate::source) left: Vec<String>,
    /// The class of each entry of the first axis, if the file lists them.
    pub(in crate::source) labels: Option<Vec<String>>,
}

impl Undecided {
    pub(super) fn new(
        input: &Input,
        name: Option<&str>,
        stored: StoredArray,
        listed: bool,
    ) -> Self {
        let (input, name) = (input.clone(), name.map(String::from));
        Undecided { input, name, stored, listed, left: Vec::new(), labels: None }
    }

    /// The file it is in.
    pub(in crate::source) fn input(&self) -> &Input {
        &self.input
    }

    /// Its name in the file, if it has one.
    pub(in crate::source) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its axes.
    pub(in crate::source) fn axes(&self) -> &[usize] {
        &self.stored.axes
    }

    /// Whether it holds 8-bit values.
    pub(in crate::source) fn is_byte(&self) -> bool {
        self.stored.number.is_byte()
    }

    /// Whether it is square and symmetric without negative variances. False if it cannot be read.
    pub(in crate::source) fn is_covariance(&self) -> bool {
        let StoredArray { number, big_endian, axes, open, .. } = &self.stored;
        let &[n, d] = &axes[..] else { return false };
        let read = || {
            let (mut bytes, mut values) = (Vec::new(), Vec::new());
            let length = (n * n * number.size()) as u64;
            open(0).ok()?.take(length).read_to_end(&mut bytes).ok()?;
            number.decode(*big_endian, &bytes, &mut values);
            Matrix::new(n, n, values).ok()
        };
        let is =
            |m: Matrix| m.check_finite().is_ok() && asymmetry(&m) <= SYMMETRIC && has_variances(&m);
        n == d && (1..=SIDE).contains(&n) && read().is_some_and(is)
    }

    /// Whether its name says that it holds an encoder's means and deviations.
    pub(in crate::source) fn is_encoded(&self) -> bool {
        let file = self.input.name().to_ascii_lowercase();
        let name = self.name.as_deref().unwrap_or("").to_ascii_lowercase();
        let says = |name: &str| {
            ["mean-std", "mean_std", "mean-logvar", "mean_logvar"].iter().any(|s| name.contains(s))
        };
        let is_even = || self.channels().is_some_and(|k| self.axes()[k].is_multiple_of(2));
        let named = name.rsplit('.').next().is_some_and(|own| own.starts_with("moments"));
        (says(&file) || says(&name) || named) && is_even()
    }

    /// The axis of channels: the third from the end.
    fn channels(&self) -> Option<usize> {
        self.stored.axes.len().checked_sub(3)
    }

    /// The first half of the channels.
    pub(in crate::source) fn half(mut self) -> Result<Self, SamplesError> {
        match self.channels() {
            Some(k) if self.axes()[k].is_multiple_of(2) && self.axes()[k] > 0 => {
                let StoredArray { axes, strides, .. } = &mut self.stored;
                strides.get_or_insert_with(|| usual_strides(axes));
                axes[k] /= 2;
                Ok(self)
            }
            _ => Err(self.input.malformed(format!(
                "shape {:?} does not end in an even number of channels, height and width, so it cannot hold means and deviations (--latents all)",
                self.axes()
            ))),
        }
    }

    /// The array as one sample.
    pub(in crate::source) fn one(self, options: &ReadOptions) -> Result<Content, SamplesError> {
        let Undecided { input, name, stored, .. } = self;
        let array = stored.alone().array(&input, name.as_deref())?;
        if array.axes.is_empty() {
            return Err(array.malformed("a single number, not an array"));
        }
        Ok(Content::Samples(array.samples(options)?))
    }

    /// The array as its axes and values suggest: usually one sample per entry of the first axis.
    pub(in crate::source) fn rows(self, options: &ReadOptions) -> Result<Content, SamplesError> {
        let Undecided { input, name, stored, labels, .. } = self;
        Ok(match (stored.settled(&input, name.as_deref(), options)?, labels) {
            (Content::Samples(samples), Some(labels)) => {
                Content::Samples(Box::new(Labelled::new(samples, labels)))
            }
            (content, _) => content,
        })
    }
}

/// All values of a square array; `None` if some are not finite.
pub(super) fn matrix(array: &RecordArray) -> Result<Option<Matrix>, SamplesError> {
    let n = array.count as usize;
    let matrix = Matrix::new(n, n, array.values()?).map_err(|e| array.malformed(e))?;
    Ok(matrix.check_finite().is_ok().then_some(matrix))
}

fn has_variances(matrix: &Matrix) -> bool {
    (0..matrix.rows()).all(|i| matrix[(i, i)] >= 0.0)
}

fn with_covariance(array: &RecordArray, covariance: Matrix) -> Content {
    let name = array.name.as_ref().map_or(String::new(), |n| format!(", array '{n}'"));
    let mean = vec![0.0; covariance.rows()];
    let description = format!("{}{name}", array.input.place());
    let number = array.number;
    Content::Covariance(Box::new(GivenCovariance { description, mean, covariance, number }))
}

/// An array with strides: all of it is read into memory, and from there in the usual order.
fn gathered(
    array: RecordArray,
    axes: Vec<usize>,
    strides: Vec<usize>,
) -> Result<RecordArray, SamplesError> {
    let size = array.number.size();
    let bytes = span(&axes, &strides).and_then(|span| span.checked_mul(size));
    let bytes = bytes.filter(|bytes| *bytes as u64 <= MAX_IN_MEMORY).ok_or_else(|| {
        array.malformed(format!(
            "not contiguous, and too large to reorder in memory (more than {} MiB): save it after np.ascontiguousarray or tensor.contiguous()",
            MAX_IN_MEMORY >> 20
        ))
    })?;
    let mut stored = Vec::new();
    let mut reader = (array.open)(0)?;
    let read = reader.by_ref().take(bytes as u64).read_to_end(&mut stored);
    // A compressed stream compares its checksum at its end.
    let rest = |_| io::copy(&mut reader.take(REST), &mut io::sink());
    read.and_then(rest).map_err(|e| array.input.failed(e))?;
    if stored.len() < bytes {
        return Err(array.malformed(format!("ends after {} of {bytes} bytes", stored.len())));
    }
    let in_order = Gathered {
        stored: stored.into(),
        end: axes.iter().product::<usize>() as u64 * size as u64,
        axes: axes.into(),
        strides: strides.into(),
        size,
        at: 0,
    };
    let open = move |at| -> Result<Box<dyn Read + Send>, SamplesError> {
        Ok(Box::new(Gathered { at, ..in_order.clone() }))
    };
    Ok(RecordArray { open: Box::new(open), ..array })
}

/// Numbers stored with strides, read with the last axis fastest.
#[derive(Clone)]
struct Gathered {
    stored: Arc<Vec<u8>>,
    axes: Arc<[usize]>,
    strides: Arc<[usize]>,
    size: usize,
    /// Position and end in the stream of bytes.
    at: u64,
    end: u64,
}

impl Read for Gathered {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (Some((&length, outer)), Some((&stride, outer_strides))) =
            (self.axes.split_last(), self.strides.split_last())
        else {
            return Ok(0);
        };
        let mut written = 0;
        while written < out.len() && self.at < self.end {
            let (number, mut within) =
                ((self.at / self.size as u64) as usize, (self.at % self.size as u64) as usize);
            let (mut row, mut start) = (number / length, 0);
            for (n, stride) in outer.iter().zip(outer_strides).rev() {
                start += row % n * stride;
                row /= n;
            }
            for column in number % length..length {
                let from = (start + column * stride) * self.size;
                let piece = &self.stored[from + within..from + self.size];
                let piece = &piece[..piece.len().min(out.len() - written)];
                out[written..written + piece.len()].copy_from_slice(piece);
                written += piece.len();
                self.at += piece.len() as u64;
                within = 0;
                if written == out.len() {
                    break;
                }
            }
        }
        Ok(written)
    }
}
