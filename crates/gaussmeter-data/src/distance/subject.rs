//! What is compared: samples, statistics, or a law.

use super::DistanceError;
use crate::memory::Memory;
use crate::model::{Model, ModelError, load_law};
use crate::moments::{MAX_DIM, Moments};
use crate::samples::{Samples, SamplesError, Scale, dim};
use crate::source::{self, Data, ReadOption, ReadOptions, Source};
use crate::spectral::{GivenCovariance, Method, choose};
use gaussmeter::basis::Basis;
use gaussmeter::distance::Factored;
use gaussmeter::numeric::linear_algebra::Matrix;
use std::path::Path;

/// One of the laws that are compared.
pub struct Subject {
    pub(super) name: String,
    pub(super) content: Content,
    /// How stored values became data, if it is known.
    pub(super) scale: Option<Scale>,
    notes: Vec<String>,
}

pub(super) enum Content {
    Samples(Box<dyn Samples>),
    /// Mean and covariance, and the number of samples that they are of.
    Statistics(Box<GivenCovariance>, Option<u64>),
    Sums(Box<Moments>),
    Law(Factored),
}

/// Opens what is compared, each with those of the options that it can take.
///
/// ```
/// use gaussmeter_data::distance::Opener;
/// use gaussmeter_data::source::ReadOptions;
/// let (mut opener, options) = (Opener::default(), ReadOptions::default());
/// assert!(opener.open("no such file".as_ref(), &options, &[]).is_err());
/// opener.finish()?;
/// # Ok::<(), gaussmeter_data::distance::DistanceError>(())
/// ```
#[derive(Debug, Default)]
pub struct Opener {
    /// Options that something could take.
    taken: Vec<ReadOption>,
    /// What could not take an option, and why.
    refused: Vec<(ReadOption, SamplesError)>,
}

impl Opener {
    /// Opens one as [`Subject::open`] does. Options that have no effect on it are left out, but for `own`, which
    /// were given for it alone.
    ///
    /// # Errors
    /// [`DistanceError`]
    pub fn open(
        &mut self,
        path: &Path,
        options: &ReadOptions,
        own: &[ReadOption],
    ) -> Result<Subject, DistanceError> {
        let mut fitting = options.clone();
        let subject = loop {
            let error = match Subject::open(path, &fitting) {
                Ok(subject) => break subject,
                Err(DistanceError::Samples(error)) => error,
                Err(error) => return Err(error),
            };
            let SamplesError::WithoutEffect { option, .. } = &error else {
                return Err(error.into());
            };
            let name = *option;
            match ReadOption::ALL.into_iter().find(|o| o.name() == name) {
                Some(option) if fitting.asks(option) && !own.contains(&option) => {
                    fitting = fitting.without(option);
                    self.refused.push((option, error));
                }
                _ => return Err(error.into()),
            }
        };
        let takes = !matches!(subject.content, Content::Law(_));
        let asked = ReadOption::ALL.into_iter().filter(|o| takes && fitting.asks(*o));
        self.taken.extend(asked);
        Ok(subject)
    }

    /// Refuses options that nothing could take.
    ///
    /// # Errors
    /// [`SamplesError::WithoutEffect`]
    pub fn finish(self) -> Result<(), DistanceError> {
        let mut refused = self.refused.into_iter();
        match refused.find(|(option, _)| !self.taken.contains(option)) {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// Basis vectors that are made at once.
const VECTORS: usize = 64;

impl Subject {
    /// Opens a file, a folder or an archive: a model of `gaussmeter`, or whatever [`source::open`] reads.
    ///
    /// # Errors
    /// [`DistanceError`]: it cannot be read, or has no covariance.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, DistanceError> {
        let name = path.display().to_string();
        if !path.is_dir() {
            gaussmeter::file::check(path)?;
            match Model::load(path) {
                Ok(model) => return Subject::of_basis(name, &*model.basis, Some(model.scale)),
                Err(ModelError::NotGaussian { .. }) => {
                    let law = load_law(path)?;
                    return Subject::of_basis(name, &*law.basis()?, None);
                }
                // Not a model: data, then, which say what is wrong with them.
                Err(ModelError::NoBasis { .. } | ModelError::File(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Source { data, notes } = source::open(&[path.to_path_buf()], options)?;
        let (content, scale) = match data {
            Data::Samples(samples) => {
                let scale = samples.scale();
                (Content::Samples(samples), Some(scale))
            }
            Data::Covariance(given) => (Content::Statistics(given, None), None),
            Data::Moments(sums) => {
                sums.check_whole()?;
                let scale = sums.scale();
                (Content::Sums(sums), Some(scale))
            }
            Data::Spectrum(_) => return Err(DistanceError::NoVectors { name }),
        };
        Ok(Subject { name, content, scale, notes })
    }

    /// Samples that are already open.
    pub fn of_samples(name: impl Into<String>, samples: Box<dyn Samples>) -> Self {
        let (scale, notes) = (Some(samples.scale()), Vec::new());
        Subject { name: name.into(), content: Content::Samples(samples), scale, notes }
    }

    /// A mean and a covariance.
    pub fn of_statistics(given: GivenCovariance) -> Self {
        let (name, notes) = (given.description.clone(), Vec::new());
        Subject { name, content: Content::Statistics(Box::new(given), None), scale: None, notes }
    }

    fn of_basis(
        name: String,
        basis: &dyn Basis,
        scale: Option<Scale>,
    ) -> Result<Self, DistanceError> {
        let dim = basis.dim();
        if dim > MAX_DIM {
            return Err(DistanceError::TooLarge { name, dim });
        }
        let values = basis.eigenvalues();
        let kept: Vec<usize> = (0..dim).filter(|j| values[*j] > 0.0).collect();
        let mut mean = vec![0.0; dim];
        basis.synthesize(basis.means(), &mut mean);
        let mut rows = vec![0.0; kept.len() * dim];
        for (chosen, rows) in kept.chunks(VECTORS).zip(rows.chunks_mut(VECTORS * dim)) {
            let mut coordinates = vec![0.0; rows.len()];
            for (k, j) in chosen.iter().enumerate() {
                coordinates[k * dim + j] = 1.0;
            }
            basis.synthesize(&coordinates, rows);
        }
        let variances: Vec<f64> = kept.iter().map(|j| values[*j]).collect();
        let rows = Matrix::new(kept.len(), dim, rows)?;
        let content = Content::Law(Factored::along(mean, &variances, &rows)?);
        Ok(Subject { name, content, scale, notes: Vec::new() })
    }

    /// The same statistics, of `count` samples.
    ///
    /// # Errors
    /// [`DistanceError::Counted`]: these are no statistics; [`DistanceError::Few`]: a number below 2.
    pub fn with_count(self, count: u64) -> Result<Self, DistanceError> {
        let Subject { name, content, scale, notes } = self;
        match content {
            Content::Statistics(..) if count < 2 => Err(DistanceError::Few { name, count }),
            Content::Statistics(given, _) => {
                let content = Content::Statistics(given, Some(count));
                Ok(Subject { name, content, scale, notes })
            }
            Content::Law(_) => Err(DistanceError::Counted { name, what: "a law, which is known" }),
            _ => Err(DistanceError::Counted { name, what: "samples, which are counted" }),
        }
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Subject { name: name.into(), ..self }
    }

    /// Its name: that of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a mean and a covariance of an unknown number of samples.
    pub fn is_uncounted(&self) -> bool {
        matches!(self.content, Content::Statistics(_, None))
    }

    /// What to tell the user about how it was read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Its dimension.
    ///
    /// # Errors
    /// [`DistanceError`]
    pub(super) fn dim(&self) -> Result<usize, DistanceError> {
        Ok(match &self.content {
            Content::Samples(samples) => dim(samples.shape())?,
            Content::Statistics(given, _) => given.mean.len(),
            Content::Sums(sums) => sums.dim(),
            Content::Law(law) => law.dim(),
        })
    }

    /// Whether there are fewer samples than dimensions, which are all kept.
    fn is_kept(&self) -> Result<bool, DistanceError> {
        let Content::Samples(samples) = &self.content else { return Ok(false) };
        Ok(choose(samples.size_hint(), self.dim()?).method == Method::Gram)
    }

    /// Bytes that the samples take if they are kept.
    pub(super) fn size(&self) -> Result<u128, DistanceError> {
        let Content::Samples(samples) = &self.content else { return Ok(0) };
        let width = if samples.is_bytes() == Some(true) { 1 } else { 8 };
        Ok(u128::from(samples.size_hint().unwrap_or(u64::MAX)) * self.dim()? as u128 * width)
    }
}

/// The memory for the samples of a reference and of one set, which are kept between passes if they fit. Sets
/// of fewer samples than dimensions have to fit: the reference is then read again instead.
pub(super) fn shared(
    memory: Memory,
    reference: &Subject,
    sets: &[Subject],
) -> Result<[u64; 2], DistanceError> {
    let bytes = |subject: &Subject| subject.size().map(|b| u64::try_from(b).unwrap_or(u64::MAX));
    let own = bytes(reference)?;
    if reference.is_kept()? {
        return Ok([memory.0, memory.0]);
    }
    let mut needed = 0;
    for set in sets {
        if set.is_kept()? {
            needed = needed.max(bytes(set)?);
        }
    }
    let own = if own <= memory.0.saturating_sub(needed) { own } else { 0 };
    Ok([own, memory.0 - own])
}

#[cfg(test)]
mod tests {
    use super::{DistanceError, Subject, shared};
    use crate::memory::Memory;
    use crate::samples::{InMemory, Scale};

    fn set(count: usize) -> Result<Subject, DistanceError> {
        let samples = InMemory::floats("x", &[40], Scale::IDENTITY, vec![0.5; count * 40])?;
        Ok(Subject::of_samples("x", Box::new(samples)))
    }

    /// 16,000 bytes of a reference, beside sets of 19,200 that need not and of 9,600 that have to be kept.
    #[test]
    fn memory_is_for_what_has_to_fit() -> Result<(), DistanceError> {
        let split = |memory, sets: &[Subject]| shared(Memory(memory), &set(50)?, sets);
        assert_eq!(split(20_000, &[set(60)?])?, [16_000, 4_000]);
        assert_eq!(split(15_000, &[set(60)?])?, [0, 15_000]);
        assert_eq!(split(20_000, &[set(60)?, set(30)?])?, [0, 20_000]);
        assert_eq!(split(26_000, &[set(60)?, set(30)?])?, [16_000, 10_000]);
        assert_eq!(shared(Memory(9_000), &set(20)?, &[set(60)?])?, [9_000, 9_000]);
        Ok(())
    }
}
