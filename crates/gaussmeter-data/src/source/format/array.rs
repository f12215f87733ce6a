//! What an array holds, whatever the format of its file: samples, a covariance or eigenvalues.

use crate::MAX_DIM;
use crate::samples::SamplesError;
use crate::source::input::MAX_IN_MEMORY;
use crate::source::records::{Array, Number, Opener, usual_strides};
use crate::source::{Content, Covariance, Input, Kind, Options};
use gaussmeter::linear_algebra::Matrix;
use gaussmeter::spectrum::Spectrum;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// Relative asymmetry up to which a square array is a covariance.
pub(super) const SYMMETRIC: f64 = 1e-6;

/// Bytes after an array in which the end of its stream is looked for.
const REST: u64 = 1 << 20;

/// Names that an error lists.
const LISTED: usize = 20;

/// An array as its file describes it.
pub(super) struct Stored {
    pub number: Number,
    pub big_endian: bool,
    pub axes: Vec<usize>,
    /// Numbers from one entry of each axis to the next, if the last axis may not run fastest.
    pub strides: Option<Vec<usize>>,
    /// Opens the stream of its numbers.
    pub open: Opener,
}

/// The array to read among those of these names.
pub(super) fn choose<'a>(
    input: &Input,
    names: &'a [String],
    options: &Options,
) -> Result<&'a str, SamplesError> {
    let found = || {
        let listed = names[..names.len().min(LISTED)].join(", ");
        match names.len().saturating_sub(LISTED) {
            0 => listed,
            more => format!("{listed} and {more} more"),
        }
    };
    match (&options.array, names) {
        (_, []) => Err(input.malformed("holds no array")),
        (Some(name), _) => names
            .iter()
            .find(|n| *n == name)
            .map(String::as_str)
            .ok_or_else(|| input.malformed(format!("no array '{name}' (found: {})", found()))),
        (None, [one]) => Ok(one),
        (None, _) => {
            Err(input
                .malformed(format!("several arrays: name one with --array (found: {})", found())))
        }
    }
}

/// Numbers from the first to the last one of an array, both counted; `None` if beyond counting.
pub(super) fn span(axes: &[usize], strides: &[usize]) -> Option<usize> {
    if axes.contains(&0) {
        return Some(0);
    }
    axes.iter()
        .zip(strides)
        .try_fold(1usize, |span, (n, stride)| span.checked_add((n - 1).checked_mul(*stride)?))
}

impl Stored {
    /// The array as records along its first axis.
    pub fn array(self, input: &Input, name: Option<&str>) -> Result<Array, SamplesError> {
        let Stored { number, big_endian, axes, strides, open } = self;
        let (count, rest) = match axes.split_first() {
            Some((count, rest)) => (*count as u64, rest.to_vec()),
            None => (1, Vec::new()),
        };
        let (input, name) = (input.clone(), name.map(String::from));
        let array = Array { input, name, number, big_endian, count, axes: rest, prefix: 0, open };
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

    /// What the array holds: told by `options`, or by its axes and values.
    pub fn content(
        self,
        input: &Input,
        name: Option<&str>,
        options: &Options,
    ) -> Result<Content, SamplesError> {
        let axes = self.axes.clone();
        let array = self.array(input, name)?;
        let kind = match (options.kind, &axes[..]) {
            (Some(kind), _) => kind,
            (None, [_]) => Kind::Eigenvalues,
            (None, &[n, d]) if n == d && (1..=MAX_DIM).contains(&n) => {
                match matrix(&array)?.filter(|m| asymmetry(m) <= SYMMETRIC && has_variances(m)) {
                    Some(covariance) => return Ok(with_covariance(&array, covariance)),
                    None => Kind::Samples,
                }
            }
            (None, []) => return Err(array.malformed("one number, no array")),
            (None, _) => Kind::Samples,
        };
        match (kind, &axes[..]) {
            (Kind::Samples, [] | [_]) => {
                Err(array.malformed("one axis, but samples need two: one row per sample"))
            }
            (Kind::Samples, _) => Ok(Content::Samples(array.samples(options)?)),
            (Kind::Covariance, &[n, d]) if n == d && (1..=MAX_DIM).contains(&n) => {
                let covariance =
                    matrix(&array)?.ok_or_else(|| array.malformed("values that are not finite"))?;
                match asymmetry(&covariance) {
                    error if error > SYMMETRIC => Err(array.malformed(format!(
                        "no covariance: not symmetric (relative error {error:.1e})"
                    ))),
                    _ => Ok(with_covariance(&array, covariance)),
                }
            }
            (Kind::Covariance, axes) => Err(array.malformed(format!(
                "no covariance: shape {axes:?} is not square, or above {MAX_DIM}"
            ))),
            (Kind::Eigenvalues, [_]) => {
                let values = array.values()?;
                let origin =
                    format!("{}: {} values, {}", input.place(), values.len(), array.number.name());
                let name = input.name();
                let name = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy();
                let spectrum = Spectrum::new(name, origin, &values, None, None);
                Ok(Content::Spectrum(Box::new(spectrum.map_err(|e| array.malformed(e))?)))
            }
            (Kind::Eigenvalues, axes) => {
                Err(array.malformed(format!("eigenvalues are a list, not of shape {axes:?}")))
            }
        }
    }
}

/// All values of a square array; `None` if some are not finite.
pub(super) fn matrix(array: &Array) -> Result<Option<Matrix>, SamplesError> {
    let n = array.count as usize;
    let matrix = Matrix::new(n, n, array.values()?).map_err(|e| array.malformed(e))?;
    Ok(matrix.check_finite().is_ok().then_some(matrix))
}

/// Largest difference across the diagonal, relative to the largest entry.
pub(super) fn asymmetry(matrix: &Matrix) -> f64 {
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

fn with_covariance(array: &Array, covariance: Matrix) -> Content {
    let name = array.name.as_ref().map_or(String::new(), |n| format!(", array '{n}'"));
    let mean = vec![0.0; covariance.rows()];
    let description = format!("{}{name}", array.input.place());
    Content::Covariance(Box::new(Covariance { description, mean, covariance }))
}

/// An array at strides: what it spans is taken into memory and read in the usual order.
fn gathered(array: Array, axes: Vec<usize>, strides: Vec<usize>) -> Result<Array, SamplesError> {
    let size = array.number.size();
    let bytes = span(&axes, &strides).and_then(|span| span.checked_mul(size));
    let bytes = bytes.filter(|bytes| *bytes as u64 <= MAX_IN_MEMORY).ok_or_else(|| {
        array.malformed(format!(
            "not contiguous, and more than {} MiB to put in order: save it after np.ascontiguousarray or tensor.contiguous()",
            MAX_IN_MEMORY >> 20
        ))
    })?;
    let mut stored = Vec::new();
    let mut reader = (array.open)(0)?;
    let read = reader.by_ref().take(bytes as u64).read_to_end(&mut stored);
    // At its end a compressed stream compares its checksum.
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
    Ok(Array { open: Box::new(open), ..array })
}

/// Numbers at strides, read with the last axis fastest.
#[derive(Clone)]
struct Gathered {
    stored: Arc<Vec<u8>>,
    axes: Arc<[usize]>,
    strides: Arc<[usize]>,
    size: usize,
    /// Position and end in the stream of bytes that is read.
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
