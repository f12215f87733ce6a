use super::{Chunk, Samples, SamplesError, Scale, check_finite, check_scale, dim, for_each_chunk};

/// Samples in memory.
#[derive(Clone, Debug)]
pub struct InMemory {
    description: String,
    shape: Vec<usize>,
    scale: Scale,
    dim: usize,
    values: Values,
    next: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
    Bytes(Vec<u8>),
    Floats(Vec<f64>),
}

impl Values {
    /// Adds the values of a chunk of the same kind.
    pub fn append(all: &mut Option<Values>, chunk: Chunk) {
        match (all, chunk) {
            (Some(Values::Bytes(all)), Chunk::Bytes { values, .. }) => all.extend(values),
            (Some(Values::Floats(all)), Chunk::Floats { values, .. }) => all.extend(values),
            (all, Chunk::Bytes { values, .. }) => *all = Some(Values::Bytes(values)),
            (all, Chunk::Floats { values, .. }) => *all = Some(Values::Floats(values)),
        }
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Values::Bytes(values) => values.len() as u64,
            Values::Floats(values) => 8 * values.len() as u64,
        }
    }
}

impl InMemory {
    /// Consecutive 8-bit vectors.
    ///
    /// # Errors
    /// [`SamplesError`]: the values do not form vectors of this shape.
    pub fn bytes(
        description: impl Into<String>,
        shape: &[usize],
        scale: Scale,
        values: Vec<u8>,
    ) -> Result<Self, SamplesError> {
        InMemory::new(description.into(), shape, scale, Values::Bytes(values))
    }

    /// Consecutive vectors of any numbers.
    ///
    /// # Errors
    /// [`SamplesError`]: the values do not form vectors of this shape.
    pub fn floats(
        description: impl Into<String>,
        shape: &[usize],
        scale: Scale,
        values: Vec<f64>,
    ) -> Result<Self, SamplesError> {
        InMemory::new(description.into(), shape, scale, Values::Floats(values))
    }

    /// Reads all vectors of a stream, for methods that need them many times.
    ///
    /// # Errors
    /// [`SamplesError`], in particular [`SamplesError::TooLarge`] beyond `limit` bytes.
    pub fn collect(samples: &mut dyn Samples, limit: u64) -> Result<Self, SamplesError> {
        let (description, shape, scale) =
            (samples.description(), samples.shape().to_vec(), samples.scale());
        let dim = dim(&shape)?;
        let mut values: Option<Values> = None;
        let max_rows = (1_usize << 22).div_ceil(dim);
        for_each_chunk(samples, max_rows, |first, chunk| {
            let width = if chunk.is_bytes() { 1 } else { 8 };
            let size = (first + chunk.rows() as u64).checked_mul(width * dim as u64);
            if size.is_none_or(|size| size > limit) {
                let advice = "use Lanczos, which reads the data many times instead";
                let description = description.clone();
                return Err(SamplesError::TooLarge { description, limit, advice });
            }
            Values::append(&mut values, chunk);
            Ok(())
        })?;
        match values {
            Some(values) => InMemory::new(description, &shape, scale, values),
            None => Err(SamplesError::Empty { description }),
        }
    }

    /// All values of a stream.
    pub(super) fn complete(stream: &dyn Samples, values: Values) -> Result<Self, SamplesError> {
        InMemory::new(stream.description(), stream.shape(), stream.scale(), values)
    }

    fn new(
        description: String,
        shape: &[usize],
        scale: Scale,
        values: Values,
    ) -> Result<Self, SamplesError> {
        let dim = dim(shape)?;
        check_scale(scale)?;
        if let Values::Floats(values) = &values {
            check_finite(values, dim, 0)?;
        }
        let all = InMemory { description, shape: shape.to_vec(), scale, dim, values, next: 0 };
        match all.len() % dim {
            0 => Ok(all),
            _ => Err(SamplesError::Chunk { rows: all.rows(), values: all.len(), dim }),
        }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Bytes(values) => values.len(),
            Values::Floats(values) => values.len(),
        }
    }

    /// Number of vectors.
    pub fn rows(&self) -> usize {
        self.len().div_ceil(self.dim)
    }

    /// The values of vectors `start..end`; `None` if there are none.
    fn chunk(&self, start: usize, end: usize) -> Option<Chunk> {
        if start == end {
            return None;
        }
        let (rows, range) = (end - start, start * self.dim..end * self.dim);
        Some(match &self.values {
            Values::Bytes(values) => Chunk::Bytes { rows, values: values[range].to_vec() },
            Values::Floats(values) => Chunk::Floats { rows, values: values[range].to_vec() },
        })
    }

    /// The values, if they are 8-bit.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.values {
            Values::Bytes(values) => Some(values),
            Values::Floats(_) => None,
        }
    }

    /// Writes coordinates `start..end` of a vector into `out`, as stored.
    pub(crate) fn copy_row(&self, row: usize, start: usize, out: &mut [f64]) {
        let from = row * self.dim + start;
        match &self.values {
            Values::Bytes(values) => {
                let values = &values[from..from + out.len()];
                out.iter_mut().zip(values).for_each(|(o, v)| *o = f64::from(*v));
            }
            Values::Floats(values) => out.copy_from_slice(&values[from..from + out.len()]),
        }
    }
}

impl Samples for InMemory {
    fn description(&self) -> String {
        self.description.clone()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn scale(&self) -> Scale {
        self.scale
    }
    fn size_hint(&self) -> Option<u64> {
        Some(self.rows() as u64)
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let end = self.next.saturating_add(max_rows.max(1)).min(self.rows());
        let chunk = self.chunk(self.next, end);
        self.next = end;
        Ok(chunk)
    }
    fn is_bytes(&self) -> Option<bool> {
        Some(self.as_bytes().is_some())
    }
    fn position(&self) -> u64 {
        self.next as u64
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.next = self.next.saturating_add(count).min(self.rows());
        Ok(())
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.next = 0;
        Ok(())
    }
}
