//! Streams of data vectors.

mod cached;
mod memory;
mod part;
mod watched;

pub use cached::Cached;
pub use memory::InMemory;
pub use part::{Part, PartError};
pub use watched::Watched;

use std::fmt;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A finite stream of data vectors of one shape, read in chunks.
pub trait Samples: Send {
    /// What the vectors are and where they come from, in one line. It is written to every file made from
    /// them.
    fn description(&self) -> String;

    /// Shape of one vector, slowest axis first: `[channels, height, width]` for images, `[d]` for
    /// anything else.
    fn shape(&self) -> &[usize];

    /// How stored values become data.
    fn scale(&self) -> Scale;

    /// Number of vectors, if known before they are read.
    fn size_hint(&self) -> Option<u64>;

    /// Whether values are 8-bit, if known before they are read.
    fn is_bytes(&self) -> Option<bool> {
        None
    }

    /// Number of vectors so far: handed out, skipped, or left out as damaged.
    fn position(&self) -> u64;

    /// The next vectors, at most `max_rows`; `None` at the end. A chunk is empty if all of its vectors
    /// were left out as damaged. All chunks of a stream hold the same kind of values.
    ///
    /// # Errors
    /// [`SamplesError`]
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError>;

    /// The class of each vector of the last chunk, if the data say so: the folder of a picture, a label.
    fn classes(&self) -> Option<&[String]> {
        None
    }

    /// Skips the next `count` vectors, or all that remain.
    ///
    /// # Errors
    /// [`SamplesError`]
    fn skip(&mut self, count: u64) -> Result<(), SamplesError>;

    /// What was left out since the start.
    fn left_out(&self) -> LeftOut {
        LeftOut::default()
    }

    /// Goes back to the start. The same vectors follow in the same order.
    ///
    /// # Errors
    /// [`SamplesError`]
    fn rewind(&mut self) -> Result<(), SamplesError>;
}

/// Damaged vectors that were left out on request.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// How many.
    pub count: u64,
    /// What was wrong with the first of them.
    pub first: Option<String>,
}

impl LeftOut {
    /// What to tell the user, if anything was left out.
    ///
    /// ```
    /// use gaussmeter_data::samples::LeftOut;
    /// assert_eq!(LeftOut::default().note(), None);
    /// let left_out = LeftOut { count: 2, first: Some("a.png: empty".into()) };
    /// assert_eq!(left_out.note().as_deref(), Some("2 bad images left out; the first: a.png: empty"));
    /// ```
    pub fn note(&self) -> Option<String> {
        match (self.count, &self.first) {
            (count @ 1.., Some(first)) => {
                let s = if count == 1 { "" } else { "s" };
                Some(format!("{count} bad image{s} left out; the first: {first}"))
            }
            _ => None,
        }
    }
}

/// The affine map from stored values to data: data = `factor` · stored + `offset`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scale {
    /// Data units per stored unit; not zero.
    pub factor: f64,
    /// The datum stored as 0.
    pub offset: f64,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset < 0.0 { '−' } else { '+' };
        write!(f, "data = {} · stored {sign} {}", self.factor, self.offset.abs())
    }
}

impl Scale {
    /// Stored values are the data.
    pub const IDENTITY: Scale = Scale { factor: 1.0, offset: 0.0 };
    /// Bytes to [−1, 1].
    pub const SYMMETRIC: Scale = Scale { factor: 2.0 / 255.0, offset: -1.0 };
    /// Bytes to [0, 1].
    pub const UNIT: Scale = Scale { factor: 1.0 / 255.0, offset: 0.0 };

    /// The stored value of white, if this is one of the usual maps of pixels to [−1, 1] or [0, 1].
    ///
    /// ```
    /// use gaussmeter_data::samples::Scale;
    /// assert_eq!(Scale::UNIT.white(), Some(255.0));
    /// assert_eq!(Scale::IDENTITY.white(), None);
    /// ```
    pub fn white(&self) -> Option<f64> {
        let maps = |white: &f64| {
            let symmetric = Scale { factor: 2.0 / white, offset: -1.0 };
            let unit = Scale { factor: 1.0 / white, offset: 0.0 };
            *self == symmetric || *self == unit
        };
        [255.0, 65_535.0].into_iter().find(maps)
    }

    /// Data from a stored value.
    ///
    /// ```
    /// use gaussmeter_data::samples::Scale;
    /// assert_eq!([0.0, 127.5, 255.0].map(|v| Scale::SYMMETRIC.apply(v)), [-1.0, 0.0, 1.0]);
    /// ```
    pub fn apply(&self, stored: f64) -> f64 {
        self.factor * stored + self.offset
    }
}

/// Consecutive vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// 8-bit values.
    Bytes {
        /// Number of vectors.
        rows: usize,
        /// `rows` · d values.
        values: Vec<u8>,
    },
    /// Any other values.
    Floats {
        /// Number of vectors.
        rows: usize,
        /// `rows` · d finite values.
        values: Vec<f64>,
    },
}

impl Chunk {
    /// Number of vectors.
    pub fn rows(&self) -> usize {
        match self {
            Chunk::Bytes { rows, .. } | Chunk::Floats { rows, .. } => *rows,
        }
    }

    /// The values in data units.
    pub(crate) fn data(&self, scale: Scale) -> Vec<f64> {
        match self {
            Chunk::Bytes { values, .. } => {
                values.iter().map(|v| scale.apply(f64::from(*v))).collect()
            }
            Chunk::Floats { values, .. } => values.iter().map(|v| scale.apply(*v)).collect(),
        }
    }

    fn is_bytes(&self) -> bool {
        matches!(self, Chunk::Bytes { .. })
    }

    fn values(&self) -> usize {
        match self {
            Chunk::Bytes { values, .. } => values.len(),
            Chunk::Floats { values, .. } => values.len(),
        }
    }

    /// Checks the size and the values of a chunk whose first vector is number `first` of its stream.
    pub(crate) fn check(&self, dim: usize, first: u64) -> Result<(), SamplesError> {
        let (rows, values) = (self.rows(), self.values());
        if rows == 0 || rows.checked_mul(dim) != Some(values) {
            return Err(SamplesError::Chunk { rows, values, dim });
        }
        match self {
            Chunk::Bytes { .. } => Ok(()),
            Chunk::Floats { values, .. } => check_finite(values, dim, first),
        }
    }
}

/// Samples cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file, or an entry of it, does not follow its format.
    #[error("{}: {reason}", place(path, entry.as_deref()))]
    Malformed {
        /// The path as given.
        path: PathBuf,
        /// The entry of an archive, column of a table or file of a folder, if there is one.
        entry: Option<String>,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// An entry has a different shape than the first one.
    #[error(
        "{}: shape {found:?} instead of {expected:?}: all samples must have the same shape",
        place(path, entry.as_deref())
    )]
    Shape {
        /// The path as given.
        path: PathBuf,
        /// The entry, if the file has several.
        entry: Option<String>,
        /// Its shape.
        found: Vec<usize>,
        /// The shape of the first entry.
        expected: Vec<usize>,
    },
    /// A picture has a different size or different channels than the first one.
    #[error(
        "{}: {}, but the first picture is {}: make all of one shape with --resize, --crop and --channels, or leave out the others with --skip-bad",
        place(path, entry.as_deref()),
        picture(found),
        picture(expected)
    )]
    Picture {
        /// The path as given.
        path: PathBuf,
        /// The entry, if the file has several.
        entry: Option<String>,
        /// `[channels, height, width]`
        found: [usize; 3],
        /// That of the first picture.
        expected: [usize; 3],
    },
    /// A reading option has no effect on what was found.
    #[error(
        "{}: {option} has no effect on {found}: it is for {effect}",
        place(path, entry.as_deref())
    )]
    WithoutEffect {
        /// The path as given.
        path: PathBuf,
        /// The entry, if the file has several.
        entry: Option<String>,
        /// The option, as written on the command line.
        option: &'static str,
        /// What was found.
        found: &'static str,
        /// What the option does have an effect on.
        effect: &'static str,
    },
    /// A path holds no samples.
    #[error("{}: no samples", path.display())]
    Nothing {
        /// The path as given.
        path: PathBuf,
    },
    /// A stream has no vectors.
    #[error("no samples in {description}")]
    Empty {
        /// The description of the stream.
        description: String,
    },
    /// A value is NaN or infinite.
    #[error("sample {row}, coordinate {coordinate} is {value}")]
    NotFinite {
        /// The vector, from 0.
        row: u64,
        /// The coordinate, from 0.
        coordinate: usize,
        /// The value.
        value: f64,
    },
    /// Vectors would have no coordinates, or too many to count.
    #[error("shape {shape:?} is not the shape of a sample")]
    BadShape {
        /// The shape.
        shape: Vec<usize>,
    },
    /// The map to data units is not finite and invertible.
    #[error("scale {0} is not finite and invertible")]
    BadScale(Scale),
    /// The number of values does not match the number of vectors.
    #[error("{values} values for {rows} vectors of dimension {dim}")]
    Chunk {
        /// Number of vectors.
        rows: usize,
        /// Number of values.
        values: usize,
        /// Dimension of a vector.
        dim: usize,
    },
    /// A stream holds both 8-bit and other values.
    #[error("sample {row}: 8-bit and other values in one stream")]
    Mixed {
        /// The first vector of the second kind, from 0.
        row: u64,
    },
    /// A second pass over a stream met a different number of vectors than the first.
    #[error("{description} changed while it was read: {found} samples instead of {expected}")]
    Changed {
        /// The description of the stream.
        description: String,
        /// Number of vectors now.
        found: u64,
        /// Number of vectors before.
        expected: u64,
    },
    /// Reading was stopped by its user.
    #[error("interrupted in pass {pass}, after {position} samples")]
    Interrupted {
        /// The pass over the data, from 1.
        pass: usize,
        /// Number of vectors read in it.
        position: u64,
    },
    /// The vectors need more memory than allowed.
    #[error("{description} needs more than {} MiB of memory: {advice}", limit >> 20)]
    TooLarge {
        /// The description of the stream.
        description: String,
        /// The limit, in bytes.
        limit: u64,
        /// What to do.
        advice: &'static str,
    },
}

fn place(path: &std::path::Path, entry: Option<&str>) -> String {
    match entry {
        Some(entry) => format!("{}: '{entry}'", path.display()),
        None => path.display().to_string(),
    }
}

fn picture([channels, height, width]: &[usize; 3]) -> String {
    format!("{height}x{width} with {channels} channel{}", if *channels == 1 { "" } else { "s" })
}

/// Dimension of a vector of this shape.
pub(crate) fn dim(shape: &[usize]) -> Result<usize, SamplesError> {
    let product = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
    product
        .filter(|d| *d > 0 && !shape.is_empty())
        .ok_or_else(|| SamplesError::BadShape { shape: shape.to_vec() })
}

fn check_finite(values: &[f64], dim: usize, first: u64) -> Result<(), SamplesError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(k) => Err(SamplesError::NotFinite {
            row: first + (k / dim) as u64,
            coordinate: k % dim,
            value: values[k],
        }),
    }
}

pub(crate) fn check_scale(scale: Scale) -> Result<(), SamplesError> {
    match scale.factor.is_normal() && scale.offset.is_finite() {
        true => Ok(()),
        false => Err(SamplesError::BadScale(scale)),
    }
}

/// Calls `each` with every chunk of the rest of a stream and the number of vectors before it, while the
/// next chunk is read. Returns the number of vectors.
pub(crate) fn for_each_chunk<E: From<SamplesError> + Send>(
    samples: &mut dyn Samples,
    max_rows: usize,
    mut each: impl FnMut(u64, Chunk) -> Result<(), E> + Send,
) -> Result<u64, E> {
    let dim = dim(samples.shape())?;
    check_scale(samples.scale())?;
    let mut count = 0;
    let mut bytes = None;
    let mut next = samples.next_chunk(max_rows)?;
    while let Some(chunk) = next {
        if chunk.rows() == 0 {
            next = samples.next_chunk(max_rows)?;
            continue;
        }
        let first = count;
        chunk.check(dim, first)?;
        if chunk.is_bytes() != *bytes.get_or_insert(chunk.is_bytes()) {
            return Err(SamplesError::Mixed { row: first }.into());
        }
        count += chunk.rows() as u64;
        let (read, done) = rayon::join(|| samples.next_chunk(max_rows), || each(first, chunk));
        done?;
        next = read?;
    }
    Ok(count)
}
