//! From a data set to its law: all samples, or a random part of them.

mod report;

use crate::memory::Memory;
use crate::model::EmpiricalModel;
use crate::moments::{BLOCK, MAX_DIM};
use crate::samples::{Samples, SamplesError};
use gaussmeter::empirical::{Empirical, EmpiricalError};
use gaussmeter::watch::{Progress, Watch};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use thiserror::Error;

/// A data set cannot become a law.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmpiricalDataError {
    /// The samples cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Numbers that are no data set.
    #[error(transparent)]
    Empirical(#[from] EmpiricalError),
    /// No sample was asked for, or more than there are.
    #[error(
        "{asked} samples of {count}: at least 1, and no more than there are (leave out --samples to take all)"
    )]
    Count {
        /// What was asked for.
        asked: usize,
        /// The samples.
        count: u64,
    },
    /// The samples would not fit.
    #[error("{0}")]
    Memory(String),
    /// It was stopped.
    #[error("interrupted after {position} samples: nothing is written")]
    Interrupted {
        /// Samples passed.
        position: u64,
    },
}

/// Which samples are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmpiricalOptions {
    /// As many, at random and without replacement; all if `None`.
    pub samples: Option<usize>,
    /// Seed of the choice.
    pub seed: u64,
    /// Memory that the samples and their moments may take.
    pub memory: Memory,
}

impl EmpiricalOptions {
    /// Refuses as many samples if they, or their moments, would not fit.
    fn check(self, count: u64, dim: usize) -> Result<(), EmpiricalDataError> {
        let (n, d) = (u128::from(count), dim as u128);
        let side = n.min(d);
        if side > MAX_DIM as u128 {
            return Err(EmpiricalDataError::Memory(format!(
                "{count} samples of dimension {dim}: the Gaussian of the whole needs at most {MAX_DIM} of one or the other: take fewer with --samples"
            )));
        }
        // The samples, their deviations, and three square matrices.
        let what = format!("{count} samples of dimension {dim} with their moments");
        self.memory.check(16 * n * d + 24 * side * side, what).map_err(|reason| {
            EmpiricalDataError::Memory(format!("{reason}, or take fewer with --samples"))
        })
    }
}

/// The law of a data set, or of a random part of it.
///
/// ```
/// use gaussmeter_data::empirical::{EmpiricalOptions, of_samples};
/// use gaussmeter_data::samples::{InMemory, Scale};
/// use gaussmeter::watch::Watch;
/// let pixels = vec![0, 255, 255, 0, 255, 255];
/// let mut samples = InMemory::bytes("three pictures", &[2], Scale::SYMMETRIC, pixels)?;
/// let model = of_samples("three", &mut samples, EmpiricalOptions::default(), Watch::NOBODY)?;
/// assert_eq!((model.law.count(), model.law.points().row(0)), (3, &[-1.0, 1.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`EmpiricalDataError`]
pub fn of_samples(
    name: &str,
    samples: &mut dyn Samples,
    options: EmpiricalOptions,
    watch: Watch,
) -> Result<EmpiricalModel, EmpiricalDataError> {
    let (shape, scale) = (samples.shape().to_vec(), samples.scale());
    let dim: usize = shape.iter().product();
    if options.samples == Some(0) {
        let count = samples.size_hint().unwrap_or(0);
        return Err(EmpiricalDataError::Count { asked: 0, count });
    }
    let most = options.samples.map_or(u64::MAX, |n| n as u64);
    match (samples.size_hint(), options.samples) {
        (Some(count), Some(asked)) if asked as u64 > count => {
            return Err(EmpiricalDataError::Count { asked, count });
        }
        (Some(count), _) => options.check(count.min(most), dim)?,
        (None, Some(asked)) => options.check(asked as u64, dim)?,
        (None, None) => {}
    }
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let (mut kept, mut seen): (Vec<f64>, u64) = (Vec::new(), 0);
    samples.rewind()?;
    while let Some(chunk) = samples.next_chunk(BLOCK)? {
        let data = chunk.data(scale);
        for row in data.chunks(dim) {
            seen += 1;
            if seen <= most {
                kept.extend_from_slice(row);
                continue;
            }
            // Algorithm R of Vitter (1985).
            let at = rng.next_u64() % seen;
            if at < most {
                let at = at as usize * dim;
                kept[at..at + dim].copy_from_slice(row);
            }
        }
        options.check(seen.min(most), dim)?;
        let (done, total) = (samples.position(), samples.size_hint());
        if !watch.tell(Progress { what: "samples", unit: "samples", done, total }) {
            return Err(EmpiricalDataError::Interrupted { position: done });
        }
    }
    let description = samples.description();
    let description = match options.samples {
        _ if seen == 0 => return Err(SamplesError::Empty { description }.into()),
        Some(asked) if asked as u64 > seen => {
            return Err(EmpiricalDataError::Count { asked, count: seen });
        }
        Some(asked) => format!("{description}, {asked} of {seen} samples (seed {})", options.seed),
        None => format!("{description}, {seen} samples"),
    };
    let law = Empirical::new(name, dim, kept)?;
    Ok(EmpiricalModel { law, total: seen, description, shape, scale })
}
