//! The Gaussian W2 between data sets: the Fréchet distance, which is FID where the data are features of the
//! Inception network. What finite samples add is subtracted: see [`gaussmeter::distance`].
//!
//! Covariances of samples are divided by n − 1, as in pytorch-fid. Samples are read twice or three times:
//! for mean and covariance, and for their fourth moments against every set; they are kept in between if
//! they fit into the memory allowed.

mod report;
mod subject;

pub use subject::{Opener, Subject};

use crate::memory::Memory;
use crate::model::ModelError;
use crate::moments::{BLOCK, MAX_DIM, MomentsError};
use crate::samples::{Cached, LeftOut, Samples, SamplesError, Scale, Watched, for_each_chunk};
use crate::spectral::{
    DecomposeOptions, Decomposition, DecompositionError, Method, choose, decompose,
};
use gaussmeter::distance::{Comparison, Estimate, Factored, Finite, Side, TooFew};
use gaussmeter::law::LawError;
use gaussmeter::metric::GaussianError;
use gaussmeter::numeric::linear_algebra::MatrixError;
use gaussmeter::watch::{Progress, Watch};
use subject::{Content, shared};
use thiserror::Error;

/// Data sets cannot be compared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DistanceError {
    /// A file cannot be opened.
    #[error(transparent)]
    File(#[from] gaussmeter::file::FileError),
    /// The samples cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The sums cannot be read, or are not those of a whole data set.
    #[error(transparent)]
    Moments(#[from] MomentsError),
    /// A model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A law has no Gaussian of the whole.
    #[error(transparent)]
    Law(#[from] LawError),
    /// A matrix overflows, or does not fit.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// A mean and a covariance are no law, or a decomposition failed.
    #[error(transparent)]
    Gaussian(#[from] GaussianError),
    /// The covariance of one of the data sets cannot be had.
    #[error("{name}: {source}")]
    Covariance {
        /// The data set.
        name: String,
        /// The reason.
        source: Box<DecompositionError>,
    },
    /// A value is NaN or infinite.
    #[error("{name}: sample {row} (from 0), coordinate {coordinate} is {value}")]
    NotFinite {
        /// The data set.
        name: String,
        /// The sample.
        row: u64,
        /// The coordinate.
        coordinate: usize,
        /// The value.
        value: f64,
    },
    /// There is only a list of eigenvalues.
    #[error(
        "{name}: eigenvalues without eigenvectors, so it is not known along which directions they are: gaussmeter spectrum DATA --basis keeps them"
    )]
    NoVectors {
        /// The path as given.
        name: String,
    },
    /// A law has too many coordinates.
    #[error("{name}: dimension {dim} is above {MAX_DIM}, the largest covariance matrix")]
    TooLarge {
        /// The path as given.
        name: String,
        /// The dimension.
        dim: usize,
    },
    /// Data sets of different dimensions.
    #[error("{name} has dimension {dim}, but {reference} has {expected}")]
    Dimension {
        /// The data set.
        name: String,
        /// Its dimension.
        dim: usize,
        /// The reference.
        reference: String,
        /// Its dimension.
        expected: usize,
    },
    /// One sample, or none.
    #[error("{name}: {count} sample{}: a covariance needs two", if *count == 1 { "" } else { "s" })]
    Few {
        /// The data set.
        name: String,
        /// Their number.
        count: u64,
    },
    /// A number of samples was given for what is not statistics.
    #[error("{name}: a number of samples is for statistics (mu and sigma), and these are {what}")]
    Counted {
        /// The data set.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// It was stopped before there was a result.
    #[error("interrupted")]
    Interrupted,
}

/// What is known of a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// These samples of it.
    Samples(u64),
    /// Mean and covariance of as many samples, which are taken as Gaussian.
    Statistics(u64),
    /// Mean and covariance of an unknown number of samples, which are taken as exact.
    Uncounted,
    /// Everything.
    Law,
}

/// The distance of a data set from the reference.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub known: Known,
    /// |m − μ|², with what finite samples add.
    pub mean_squared: f64,
    /// tr(C + Σ − 2 (C^½ Σ C^½)^½), with what finite samples add.
    pub covariance_squared: f64,
    /// Without that, or why not.
    pub estimate: Result<Estimate, TooFew>,
    /// κ of the samples of the reference and of the set (see [`gaussmeter::distance`]), where there are
    /// some.
    pub kurtosis: [Option<f64>; 2],
}

impl Measured {
    /// W2², with what finite samples add: what pytorch-fid prints.
    pub fn squared(&self) -> f64 {
        self.mean_squared + self.covariance_squared
    }
}

/// Distances of data sets from one reference.
#[derive(Clone, Debug)]
pub struct Distances {
    /// The name of the reference.
    pub reference: String,
    /// What is known of it.
    pub known: Known,
    /// The dimension.
    pub dim: usize,
    /// In the order of the data sets.
    pub sets: Vec<Measured>,
    /// What to tell the user.
    pub notes: Vec<String>,
    /// Whether it was stopped before the last of them.
    pub is_interrupted: bool,
}

/// A data set after its first pass.
struct Prepared<'a> {
    name: String,
    law: Factored,
    known: Known,
    samples: Option<Cached<'a>>,
}

/// The distances of data sets from a reference. Stopped by `watch`, those of the sets so far.
///
/// ```
/// use gaussmeter_data::distance::{Subject, distance};
/// use gaussmeter_data::samples::{InMemory, Scale};
/// use gaussmeter_data::Memory;
/// use gaussmeter::watch::Watch;
/// let set = |pixels: &[u8]| -> Result<Subject, Box<dyn std::error::Error>> {
///     let samples = InMemory::bytes("pixels", &[1], Scale::IDENTITY, pixels.to_vec())?;
///     Ok(Subject::of_samples("pixels", Box::new(samples)))
/// };
/// // Means 3 and 7, deviations 1 and 3.
/// let (mut one, other) = (set(&[2, 4, 3])?, set(&[4, 7, 10])?);
/// let found = distance(&mut one, &mut [other], Memory::default(), Watch::NOBODY)?;
/// assert!((found.sets[0].mean_squared - 16.0).abs() < 1e-12);
/// assert!((found.sets[0].covariance_squared - 4.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DistanceError`]
pub fn distance(
    reference: &mut Subject,
    sets: &mut [Subject],
    memory: Memory,
    watch: Watch,
) -> Result<Distances, DistanceError> {
    let dim = reference.dim()?;
    for set in sets.iter() {
        if set.dim()? != dim {
            let (name, dim, expected) = (set.name.clone(), set.dim()?, dim);
            let reference = reference.name.clone();
            return Err(DistanceError::Dimension { name, dim, reference, expected });
        }
    }
    let mut notes = notes(reference, sets);
    let [own, rest] = shared(memory, reference, sets)?;
    let mut reference = match Prepared::of(reference, own, &mut notes, watch) {
        Err(_) if watch.is_stopped() => return Err(DistanceError::Interrupted),
        prepared => prepared?,
    };
    let (mut found, mut is_interrupted) = (Vec::new(), false);
    for set in sets {
        let mut compare = || {
            let mut set = Prepared::of(set, rest, &mut notes, watch)?;
            reference.compared(&mut set, watch)
        };
        match compare() {
            Ok(measured) => found.push(measured),
            Err(_) if watch.is_stopped() && !found.is_empty() => {
                is_interrupted = true;
                break;
            }
            Err(_) if watch.is_stopped() => return Err(DistanceError::Interrupted),
            Err(error) => return Err(error),
        }
    }
    let (known, reference) = (reference.known, reference.name);
    Ok(Distances { reference, known, dim, sets: found, notes, is_interrupted })
}

/// What to tell the user before anything is computed.
fn notes(reference: &Subject, sets: &[Subject]) -> Vec<String> {
    let all = || std::iter::once(reference).chain(sets);
    let mut notes: Vec<String> = all().flat_map(|s| s.notes().iter().cloned()).collect();
    // Samples of a model are in its units already.
    let of_model = |model: &Subject, scale: Scale| {
        matches!(model.content, Content::Law(_)) && scale == Scale::IDENTITY
    };
    let other = |set: &&Subject| {
        let differ = |(a, b)| a != b && !of_model(reference, a) && !of_model(set, b);
        set.scale.zip(reference.scale).is_some_and(differ)
    };
    if let (Some(set), Some(scale)) = (sets.iter().find(other), reference.scale) {
        let words = |scale: Scale| match scale == Scale::IDENTITY {
            true => "values as stored".to_string(),
            false => scale.to_string(),
        };
        notes.push(format!(
            "{}: {}; {}: {}: they have to be in the same units (--scale, --reference-scale)",
            reference.name,
            words(scale),
            set.name,
            words(set.scale.unwrap_or(Scale::IDENTITY)),
        ));
    }
    notes
}

impl<'a> Prepared<'a> {
    /// Mean and covariance.
    fn of(
        subject: &'a mut Subject,
        memory: u64,
        notes: &mut Vec<String>,
        watch: Watch,
    ) -> Result<Self, DistanceError> {
        let name = subject.name.clone();
        let failed = |source| failed(&name, source);
        let (law, known, samples) = match &mut subject.content {
            Content::Law(law) => (law.clone(), Known::Law, None),
            Content::Statistics(given, count) => {
                let found =
                    Decomposition::of_covariance((**given).clone(), true).map_err(failed)?;
                let known = count.map_or(Known::Uncounted, Known::Statistics);
                (factored(&name, found, 1.0)?, known, None)
            }
            Content::Sums(sums) => {
                let count = at_least_two(&name, sums.count())?;
                let found = Decomposition::of_moments(sums, true).map_err(failed)?;
                (factored(&name, found, unbiased(count))?, Known::Statistics(count), None)
            }
            Content::Samples(samples) => {
                let dim = samples.shape().iter().product();
                let method = choose(samples.size_hint(), dim).method;
                // Of fewer samples than dimensions the decomposition itself keeps all.
                let kept = if method == Method::Gram { 0 } else { memory };
                let mut samples = Cached::new(&mut **samples, kept);
                if method == Method::Lanczos {
                    return Err(DistanceError::TooLarge { name, dim });
                }
                let options = DecomposeOptions {
                    method: Some(method),
                    basis: true,
                    memory: memory.max(1 << 26),
                    ..DecomposeOptions::default()
                };
                let what = format!("mean and covariance of {name}");
                let hear = named(&what, watch);
                let mut heard = Watched::new(&mut samples, Watch::new(&hear));
                let found = decompose(&mut heard, &options).map_err(failed)?;
                let count = at_least_two(&name, found.count.unwrap_or(0))?;
                let left_out: LeftOut = samples.left_out();
                notes.extend(left_out.note());
                (factored(&name, found, unbiased(count))?, Known::Samples(count), Some(samples))
            }
        };
        if watch.is_stopped() {
            return Err(DistanceError::Interrupted);
        }
        Ok(Prepared { name, law, known, samples })
    }

    fn compared(
        &mut self,
        set: &mut Prepared<'_>,
        watch: Watch,
    ) -> Result<Measured, DistanceError> {
        let comparison = Comparison::new(&self.law, &set.law)?;
        let few = [self.known, set.known].into_iter().find_map(|known| match known {
            Known::Samples(n) | Known::Statistics(n) => comparison.check(n as f64, 1.0).err(),
            Known::Uncounted | Known::Law => None,
        });
        let mut kurtosis = [None; 2];
        let estimate = match few {
            Some(few) => Err(few),
            None => {
                let sides = [
                    self.finite(&comparison, Side::First, watch)?,
                    set.finite(&comparison, Side::Second, watch)?,
                ];
                kurtosis = [0, 1].map(|k| sides[k].as_ref().map(Finite::kurtosis));
                comparison.estimate([sides[0].as_ref(), sides[1].as_ref()])
            }
        };
        Ok(Measured {
            name: set.name.clone(),
            known: set.known,
            mean_squared: comparison.mean_squared(),
            covariance_squared: comparison.covariance_squared(),
            estimate,
            kurtosis,
        })
    }

    /// What the number of samples adds: `None` where it adds nothing, or is unknown.
    fn finite(
        &mut self,
        comparison: &Comparison,
        side: Side,
        watch: Watch,
    ) -> Result<Option<Finite>, DistanceError> {
        let (count, samples) = match (self.known, &mut self.samples) {
            (Known::Samples(count), Some(samples)) => (count, samples),
            (Known::Statistics(count) | Known::Samples(count), _) => {
                return Ok(Some(comparison.gaussian(side, count)?));
            }
            (Known::Uncounted | Known::Law, _) => return Ok(None),
        };
        let (scale, description) = (samples.scale(), samples.description());
        let what = format!("fourth moments of {}", self.name);
        let mut tally = comparison.tally(side, count);
        samples.rewind()?;
        let read = for_each_chunk(samples, BLOCK, |first, chunk| -> Result<(), DistanceError> {
            let done = first + chunk.rows() as u64;
            comparison.add(&mut tally, &chunk.data(scale))?;
            let progress = Progress { what: &what, unit: "samples", done, total: Some(count) };
            if watch.tell(progress) { Ok(()) } else { Err(DistanceError::Interrupted) }
        })?;
        if read != count {
            let (found, expected) = (read, count);
            return Err(SamplesError::Changed { description, found, expected }.into());
        }
        Ok(Some(comparison.finish(tally)?))
    }
}

/// The law with the mean and the covariance of a decomposition, times a factor.
fn factored(name: &str, found: Decomposition, factor: f64) -> Result<Factored, DistanceError> {
    let Decomposition { mut eigenvalues, mean, basis, .. } = found;
    let Some(rows) = basis else {
        return Err(DistanceError::NoVectors { name: name.into() });
    };
    eigenvalues.truncate(rows.rows());
    eigenvalues.iter_mut().for_each(|l| *l *= factor);
    Ok(Factored::along(mean, &eigenvalues, &rows)?)
}

/// From a covariance that is divided by n to one that is divided by n − 1.
fn unbiased(count: u64) -> f64 {
    count as f64 / (count - 1) as f64
}

fn at_least_two(name: &str, count: u64) -> Result<u64, DistanceError> {
    match count >= 2 {
        true => Ok(count),
        false => Err(DistanceError::Few { name: name.into(), count }),
    }
}

/// Values that are not finite, with the name of the data set; errors of reading name their file.
fn failed(name: &str, error: DecompositionError) -> DistanceError {
    use DecompositionError::{Moments, Samples};
    match error {
        Samples(error) | Moments(MomentsError::Samples(error)) => match error {
            SamplesError::NotFinite { row, coordinate, value } => {
                DistanceError::NotFinite { name: name.into(), row, coordinate, value }
            }
            error => error.into(),
        },
        source => DistanceError::Covariance { name: name.into(), source: Box::new(source) },
    }
}

/// A watch that says what is being done.
fn named<'a>(
    what: &'a str,
    watch: Watch<'a>,
) -> impl Fn(Option<Progress>) -> std::ops::ControlFlow<()> + Sync + 'a {
    move |progress| {
        let goes_on = match progress {
            Some(progress) => watch.tell(Progress { what, ..progress }),
            None => !watch.is_stopped(),
        };
        match goes_on {
            true => std::ops::ControlFlow::Continue(()),
            false => std::ops::ControlFlow::Break(()),
        }
    }
}
