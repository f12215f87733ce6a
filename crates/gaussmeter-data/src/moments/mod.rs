//! First and second moments of a stream of vectors, in memory that does not grow with its length.

mod part_files;
mod partial;
mod products;
mod summation;

pub use part_files::PartFiles;
pub use summation::{Summation, SummationOptions};

pub(crate) use products::{BLOCK, Products};

use crate::npz::FileError;
use crate::samples::{Chunk, LeftOut, Part, Samples, SamplesError, Scale, check_scale, dim};
use gaussmeter::numeric::linear_algebra::{Matrix, MatrixError};
use gaussmeter::watch::{Progress, Watch};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Largest dimension of a covariance matrix, which then takes 2 GiB.
pub const MAX_DIM: usize = 16_384;

/// The value that sums over 8-bit data are relative to, so that products fit into 15 bits.
pub(crate) const CENTRE: i64 = 128;

/// Most vectors: no sum of so many products overflows, nor does n times that sum, as i128.
const MAX_COUNT: u64 = 1 << 48;

/// Moments cannot be computed, merged, resumed or read from a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MomentsError {
    /// The samples cannot be read, or there are none.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The covariance would not fit into memory.
    #[error(
        "dimension {dim} is above {MAX_DIM}, the largest covariance matrix: use the Gram matrix or Lanczos"
    )]
    TooLarge {
        /// The dimension.
        dim: usize,
    },
    /// There are more samples than the sums can hold.
    #[error("more than {MAX_COUNT} samples")]
    TooMany,
    /// Two parts do not belong to the same data set.
    #[error("parts differ in {what}: {left} and {right}")]
    Mismatch {
        /// "shape", "scale", "kind of values", "data" or "number of parts".
        what: &'static str,
        /// That of the first part.
        left: String,
        /// That of the second part.
        right: String,
    },
    /// Values are so large that their products overflow.
    #[error("covariance: {0}")]
    Matrix(#[from] MatrixError),
    /// A part of a data set was given twice.
    #[error("part {part} was given twice: give each part once")]
    Repeated {
        /// The part.
        part: Part,
    },
    /// A pass over the samples was stopped.
    #[error("interrupted after {position} samples{}", kept_where(kept.as_deref()))]
    Interrupted {
        /// Samples passed.
        position: u64,
        /// The file that their sums are kept in.
        kept: Option<PathBuf>,
    },
    /// No interrupted run has kept its sums.
    #[error("nothing to resume: no sums of an interrupted run in {}", path.display())]
    NothingToResume {
        /// Where they would be.
        path: PathBuf,
    },
    /// Kept sums are not those of this data set and these options.
    #[error(
        "{}: sums of another data set, or read with other options: remove it, or run that command again",
        path.display()
    )]
    OtherSums {
        /// The file of the kept sums.
        path: PathBuf,
    },
    /// One of the files to merge holds the sums of an interrupted run.
    #[error(
        "{}: run the same command with --resume to its end, or merge what there is with --incomplete",
        part_files::interrupted(path, *count, parts)
    )]
    IncompletePart {
        /// The file.
        path: PathBuf,
        /// Number of samples in the sums.
        count: u64,
        /// The parts that they are of.
        parts: Vec<Part>,
    },
    /// Sums of an interrupted run were taken for those of a whole data set.
    #[error(
        "sums of an interrupted run, over {count} samples only: run the same command with --resume to its end, or take what there is with gaussmeter merge --incomplete"
    )]
    Incomplete {
        /// Number of samples in the sums.
        count: u64,
    },
    /// Sums of some parts were taken for those of a whole data set.
    #[error("{} (--incomplete continues without them)", part_files::missing(parts))]
    MissingParts {
        /// The missing parts.
        parts: Vec<Part>,
    },
    /// The sums in a file do not belong to those of the files before it.
    #[error("{}: {source}", path.display())]
    PartFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<MomentsError>,
    },
    /// There are no files to merge.
    #[error("no files to merge")]
    NoParts,
    /// A file of sums cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

fn kept_where(kept: Option<&Path>) -> String {
    match kept {
        Some(path) => format!(
            ": their sums are kept in {}; the same command with --resume continues",
            path.display()
        ),
        None => "; with -o their sums are kept".into(),
    }
}

/// Count, mean and covariance of data vectors, accumulated in one pass.
///
/// **8-bit values** are summed exactly: the totals of x − 128 and of (x − 128)(x − 128)ᵀ are
/// integers. They are the same, bit for bit, whatever the chunks, their order, the number of threads
/// and the order in which parts are merged.
///
/// **Other values** are summed in f64, relative to the first vector, in blocks of 1024 vectors. The
/// result does not depend on chunks or threads. It does depend on the order of the vectors, on how
/// parts are merged, and in the last bits on the vector instructions of the machine.
///
/// For 8-bit data of dimension 3072, totals take 40 MiB and the current block 15 MiB.
///
/// ```
/// use gaussmeter_data::{Moments, samples::{Chunk, Scale}};
/// let mut moments = Moments::new("two pixels", &[2], Scale::IDENTITY)?;
/// moments.push(&Chunk::Bytes { rows: 2, values: vec![0, 10, 4, 20] })?;
/// assert_eq!(moments.mean()?, [2.0, 15.0]);
/// assert_eq!(moments.covariance()?.values(), [4.0, 10.0, 10.0, 25.0]);
/// # Ok::<(), gaussmeter_data::MomentsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moments {
    description: String,
    shape: Vec<usize>,
    dim: usize,
    scale: Scale,
    count: u64,
    /// Vectors read from the stream: those counted and those left out.
    position: u64,
    parts: Vec<Part>,
    /// Whether every stream was summed to its end.
    complete: bool,
    left_out: LeftOut,
    sums: Sums,
}

#[derive(Clone, Debug)]
enum Sums {
    /// No vector has come yet.
    None,
    Exact(Exact),
    Float(Float),
}

/// Sums of x − 128.
#[derive(Clone, Debug)]
struct Exact {
    first: Vec<i64>,
    second: Products<i64>,
    /// Vectors waiting for a full block.
    pending: Vec<u8>,
    block: Vec<f32>,
}

/// Sums of x − shift.
#[derive(Clone, Debug)]
struct Float {
    shift: Vec<f64>,
    first: Vec<f64>,
    second: Products<f64>,
    pending: Vec<f64>,
    block: Vec<f64>,
}

impl Moments {
    /// Moments of no vectors, to add vectors to.
    ///
    /// # Errors
    /// [`MomentsError`]: a shape with no values or more than [`MAX_DIM`], a scale that is not finite and
    /// invertible.
    pub fn new(
        description: impl Into<String>,
        shape: &[usize],
        scale: Scale,
    ) -> Result<Self, MomentsError> {
        let dim = dim(shape)?;
        if dim > MAX_DIM {
            return Err(MomentsError::TooLarge { dim });
        }
        check_scale(scale)?;
        let (description, shape) = (description.into(), shape.to_vec());
        let (count, position, parts, left_out) = (0, 0, Vec::new(), LeftOut::default());
        let (complete, sums) = (true, Sums::None);
        Ok(Moments {
            description,
            shape,
            dim,
            scale,
            count,
            position,
            parts,
            complete,
            left_out,
            sums,
        })
    }

    /// The moments of all vectors of a stream. The next chunk is read while the current one is summed.
    ///
    /// # Errors
    /// [`MomentsError`]
    pub fn of(samples: &mut dyn Samples) -> Result<Self, MomentsError> {
        let mut moments = Moments::new(samples.description(), samples.shape(), samples.scale())?;
        moments.extend(samples, Watch::NOBODY)?;
        Ok(moments)
    }

    /// Adds the rest of a stream whose first [`Moments::position`] vectors are already in the sums.
    /// `watch` hears after each chunk how many vectors have been read; where it stops the work, the sums
    /// hold all vectors so far. Returns whether the stream was read to its end.
    ///
    /// # Errors
    /// [`MomentsError`]
    pub fn extend(
        &mut self,
        samples: &mut dyn Samples,
        watch: Watch,
    ) -> Result<bool, MomentsError> {
        samples.rewind()?;
        samples.skip(self.position)?;
        let mut first = samples.next_chunk(BLOCK)?;
        let mut complete = true;
        while let Some(chunk) = first {
            // Where the stream is after this chunk, before the next one is read.
            let (position, left_out) = (samples.position(), samples.left_out());
            let (next, added) = rayon::join(
                || samples.next_chunk(BLOCK),
                || match chunk.rows() {
                    0 => Ok(()),
                    _ => self.push(&chunk),
                },
            );
            added?;
            (self.position, self.left_out) = (position, left_out);
            let total = samples.size_hint();
            let progress = Progress { what: "", unit: "samples", done: position, total };
            if !watch.tell(progress) {
                complete = false;
                break;
            }
            first = next?;
        }
        self.settle()?;
        self.complete = complete;
        Ok(complete)
    }

    /// Adds vectors.
    ///
    /// # Errors
    /// [`MomentsError`]: the wrong number of values, values that are not finite, or of another kind than
    /// those before.
    pub fn push(&mut self, chunk: &Chunk) -> Result<(), MomentsError> {
        chunk.check(self.dim, self.count)?;
        let dim = self.dim;
        let count = self.count + chunk.rows() as u64;
        self.position += chunk.rows() as u64;
        if count > MAX_COUNT {
            return Err(MomentsError::TooMany);
        }
        if let Sums::None = self.sums {
            self.sums = match chunk {
                Chunk::Bytes { .. } => Sums::Exact(Exact::zero(dim)),
                Chunk::Floats { values, .. } => Sums::Float(Float::zero(values[..dim].to_vec())),
            };
        }
        match (&mut self.sums, chunk) {
            (Sums::Exact(sums), Chunk::Bytes { values, .. }) => sums.push(values)?,
            (Sums::Float(sums), Chunk::Floats { values, .. }) => sums.push(values)?,
            _ => return Err(SamplesError::Mixed { row: self.count }.into()),
        }
        self.count = count;
        Ok(())
    }

    /// Adds the vectors of another part of the same data.
    ///
    /// # Errors
    /// [`MomentsError::Mismatch`]: another shape, scale, kind of values, data set or number of parts;
    /// [`MomentsError::Repeated`]; [`MomentsError::TooMany`].
    pub fn merge(&mut self, mut other: Moments) -> Result<(), MomentsError> {
        let differ = |what, left: &dyn std::fmt::Debug, right: &dyn std::fmt::Debug| {
            let (left, right) = (format!("{left:?}"), format!("{right:?}"));
            Err(MomentsError::Mismatch { what, left, right })
        };
        if self.shape != other.shape {
            return differ("shape", &self.shape, &other.shape);
        }
        if self.scale != other.scale {
            let [left, right] = [self.scale, other.scale].map(|scale| scale.to_string());
            return Err(MomentsError::Mismatch { what: "scale", left, right });
        }
        let count = self.count.saturating_add(other.count);
        if count > MAX_COUNT {
            return Err(MomentsError::TooMany);
        }
        if let (Some(own), Some(new)) = (self.parts.first(), other.parts.first()) {
            if self.description != other.description {
                return differ("data", &self.description, &other.description);
            }
            if own.of != new.of {
                return differ("number of parts", &own.of, &new.of);
            }
        }
        if let Some(part) = other.parts.iter().find(|part| self.parts.contains(part)) {
            return Err(MomentsError::Repeated { part: *part });
        }
        self.settle()?;
        other.settle()?;
        match (&mut self.sums, other.sums) {
            (_, Sums::None) => {}
            (sums @ Sums::None, new) => *sums = new,
            (Sums::Exact(sums), Sums::Exact(new)) => sums.merge(&new),
            (Sums::Float(sums), Sums::Float(new)) => sums.merge(&new, other.count as f64),
            (Sums::Exact(_), Sums::Float(_)) => return differ("kind of values", &"u8", &"f64"),
            (Sums::Float(_), Sums::Exact(_)) => return differ("kind of values", &"f64", &"u8"),
        }
        if !other.description.is_empty() && self.description != other.description {
            self.description = format!("{} + {}", self.description, other.description);
        }
        self.complete &= other.complete;
        self.parts.append(&mut other.parts);
        self.parts.sort_unstable_by_key(|part| part.index);
        self.count = count;
        self.position += other.position;
        self.left_out.count += other.left_out.count;
        self.left_out.first = self.left_out.first.take().or(other.left_out.first);
        Ok(())
    }

    /// Adds the pending vectors to the sums.
    fn settle(&mut self) -> Result<(), MatrixError> {
        match &mut self.sums {
            Sums::None => Ok(()),
            Sums::Exact(sums) => sums.settle(),
            Sums::Float(sums) => sums.settle(),
        }
    }

    fn empty(&self) -> SamplesError {
        SamplesError::Empty { description: self.description.clone() }
    }

    /// Mean of the data, in data units.
    ///
    /// # Errors
    /// [`SamplesError::Empty`]
    pub fn mean(&mut self) -> Result<Vec<f64>, MomentsError> {
        self.settle()?;
        let n = self.count as f64;
        Ok(match &self.sums {
            Sums::None => return Err(self.empty().into()),
            Sums::Exact(Exact { first, .. }) => {
                let total =
                    |sum: i64| i128::from(sum) + i128::from(CENTRE) * i128::from(self.count);
                first.iter().map(|sum| self.scale.apply(total(*sum) as f64 / n)).collect()
            }
            Sums::Float(Float { shift, first, .. }) => shift
                .iter()
                .zip(first)
                .map(|(shift, sum)| self.scale.apply(shift + sum / n))
                .collect(),
        })
    }

    /// Covariance of the data, in squared data units: (Σ x xᵀ)/n − (Σ x)(Σ x)ᵀ/n².
    ///
    /// For 8-bit values, n Σ x xᵀ − (Σ x)(Σ x)ᵀ is formed in integers, so that nothing cancels: entries
    /// have a relative error of 4 ε, and are exactly zero where they should be.
    ///
    /// # Errors
    /// [`MomentsError`]: no vectors, or values whose squares overflow.
    pub fn covariance(&mut self) -> Result<Matrix, MomentsError> {
        self.settle()?;
        let n = self.count as f64;
        let unit = self.scale.factor * self.scale.factor;
        let values = match &self.sums {
            Sums::None => return Err(self.empty().into()),
            Sums::Exact(Exact { first, second, .. }) => {
                let count = i128::from(self.count);
                let first: Vec<i128> = first.iter().map(|sum| i128::from(*sum)).collect();
                second.matrix(|i, j, sum| {
                    (count * i128::from(sum) - first[i] * first[j]) as f64 / (n * n) * unit
                })
            }
            Sums::Float(Float { first, second, .. }) => {
                let mean: Vec<f64> = first.iter().map(|sum| sum / n).collect();
                second.matrix(|i, j, sum| (sum / n - mean[i] * mean[j]) * unit)
            }
        };
        let covariance = Matrix::new(self.dim, self.dim, values)?;
        covariance.check_finite()?;
        Ok(covariance)
    }

    /// The file in which an interrupted run keeps its sums: beside its output, as
    /// `NAME.interrupted.npz`.
    pub fn kept_path(output: &Path) -> PathBuf {
        partial::kept_path(output)
    }

    /// Whether both are sums over the same parts of the same data, read in the same way.
    fn is_about_the_same(&self, other: &Moments) -> bool {
        self.description == other.description
            && self.shape == other.shape
            && self.scale == other.scale
            && self.parts == other.parts
    }

    /// Marks the sums as those of one part of a data set.
    pub fn with_part(mut self, part: Part) -> Self {
        self.parts = vec![part];
        self
    }
    /// The same sums, treated as those of a whole data set.
    pub fn as_whole(mut self) -> Self {
        self.parts.clear();
        self.complete = true;
        self
    }
    /// Whether every stream was summed to its end; false after an interrupted run.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
    /// The parts of a data set that are in the sums; empty for a whole data set.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
    /// The parts that are missing from a whole data set.
    pub fn missing_parts(&self) -> Vec<Part> {
        let of = self.parts.first().map_or(0, |part| part.of);
        let all = (1..=of).map(|index| Part { index, of });
        all.filter(|part| !self.parts.contains(part)).collect()
    }

    /// Number of vectors.
    pub fn count(&self) -> u64 {
        self.count
    }
    /// Number of vectors read from the stream: those counted and those left out.
    pub fn position(&self) -> u64 {
        self.position
    }
    /// Damaged vectors that were left out.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }
    /// Dimension of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }
    /// Shape of a vector.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// How stored values become data.
    pub fn scale(&self) -> Scale {
        self.scale
    }
    /// What the vectors are.
    pub fn description(&self) -> &str {
        &self.description
    }
    /// Whether the sums are exact: those of 8-bit values are.
    pub fn is_exact(&self) -> bool {
        matches!(self.sums, Sums::Exact(_))
    }
}

impl Exact {
    fn zero(dim: usize) -> Self {
        let (pending, block) = (Vec::new(), Vec::new());
        Exact { first: vec![0; dim], second: Products::zero(dim), pending, block }
    }

    fn push(&mut self, mut values: &[u8]) -> Result<(), MatrixError> {
        let full = BLOCK * self.first.len();
        if !self.pending.is_empty() {
            let (head, rest) = values.split_at(values.len().min(full - self.pending.len()));
            self.pending.extend_from_slice(head);
            values = rest;
            if self.pending.len() == full {
                self.settle()?;
            }
        }
        let blocks = values.chunks_exact(full);
        self.pending.extend_from_slice(blocks.remainder());
        blocks.into_iter().try_for_each(|values| self.add(values))
    }

    fn settle(&mut self) -> Result<(), MatrixError> {
        let mut pending = std::mem::take(&mut self.pending);
        self.add(&pending)?;
        pending.clear();
        self.pending = pending;
        Ok(())
    }

    /// Adds at most [`BLOCK`] vectors.
    fn add(&mut self, values: &[u8]) -> Result<(), MatrixError> {
        self.block.clear();
        self.block.extend(values.iter().map(|v| f32::from(*v) - CENTRE as f32));
        for row in values.chunks_exact(self.first.len()) {
            let centred = row.iter().map(|v| i64::from(*v) - CENTRE);
            self.first.iter_mut().zip(centred).for_each(|(sum, v)| *sum += v);
        }
        self.second.add_block(&self.block)
    }

    fn merge(&mut self, other: &Exact) {
        self.first.iter_mut().zip(&other.first).for_each(|(sum, new)| *sum += new);
        self.second.update(|i, j, total| total + other.second.at(i, j));
    }
}

impl Float {
    fn zero(shift: Vec<f64>) -> Self {
        let dim = shift.len();
        let (pending, block) = (Vec::new(), Vec::new());
        Float { shift, first: vec![0.0; dim], second: Products::zero(dim), pending, block }
    }

    fn push(&mut self, mut values: &[f64]) -> Result<(), MatrixError> {
        let full = BLOCK * self.shift.len();
        while !values.is_empty() {
            let (head, rest) = values.split_at(values.len().min(full - self.pending.len()));
            self.pending.extend_from_slice(head);
            values = rest;
            if self.pending.len() == full {
                self.settle()?;
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), MatrixError> {
        let dim = self.shift.len();
        self.block.clear();
        let shift = self.shift.iter().cycle();
        self.block.extend(self.pending.iter().zip(shift).map(|(v, shift)| v - shift));
        let mut sums = vec![0.0; dim];
        for row in self.block.chunks_exact(dim) {
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
        }
        self.first.iter_mut().zip(&sums).for_each(|(total, sum)| *total += sum);
        self.second.add_block(&self.block)?;
        self.pending.clear();
        Ok(())
    }

    /// With δ the difference of the shifts, Σ (y + δ)(y + δ)ᵀ = Σ y yᵀ + s δᵀ + δ sᵀ + n δ δᵀ, where
    /// s = Σ y and n is the number of vectors of the other part.
    fn merge(&mut self, other: &Float, n: f64) {
        let delta: Vec<f64> = other.shift.iter().zip(&self.shift).map(|(b, a)| b - a).collect();
        let s = &other.first;
        self.second.update(|i, j, total| {
            let cross = s[i] * delta[j] + delta[i] * s[j];
            total + (other.second.at(i, j) + (cross + n * delta[i] * delta[j]))
        });
        for (total, (s, delta)) in self.first.iter_mut().zip(s.iter().zip(&delta)) {
            *total += s + n * delta;
        }
    }
}
