//! From a data set to independent coordinates along its eigenvectors, each a mixture of at most two
//! Gaussians.

mod fit;
mod report;

use crate::empirical::{self, EmpiricalDataError, EmpiricalOptions};
use crate::model::SeparableModel;
use crate::samples::Samples;
use gaussmeter::basis::Basis;
use gaussmeter::law::{LawError, PrincipalBasis};
use gaussmeter::separable::{Marginal, Separable, SeparableError};
use gaussmeter::watch::{Progress, Watch};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// A data set cannot be fitted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SeparableDataError {
    /// The samples cannot be taken.
    #[error(transparent)]
    Samples(#[from] EmpiricalDataError),
    /// Their eigenvectors cannot be computed.
    #[error(transparent)]
    Law(#[from] LawError),
    /// The fit is no law.
    #[error(transparent)]
    Separable(#[from] SeparableError),
    /// Too few samples.
    #[error("{count} samples: at least {least} for a mixture of two Gaussians per coordinate")]
    TooFew {
        /// How many.
        count: usize,
        /// The least.
        least: usize,
    },
    /// It was stopped.
    #[error("interrupted after {done} coordinates: nothing is written")]
    Interrupted {
        /// Coordinates that were fitted.
        done: u64,
    },
}

/// Fewest samples that are fitted.
const LEAST: usize = 20;

/// Independent coordinates along the eigenvectors of a data set, or of a random part of it. Each is a
/// mixture of two Gaussians where that has the better Bayesian information criterion, and one Gaussian
/// elsewhere. Its mean and its variance are those of the data.
///
/// # Errors
/// [`SeparableDataError`]
pub fn of_samples(
    name: &str,
    samples: &mut dyn Samples,
    options: EmpiricalOptions,
    watch: Watch,
) -> Result<SeparableModel, SeparableDataError> {
    let data = empirical::of_samples(name, samples, options, watch)?;
    let (law, count, dim) = (&data.law, data.law.count(), data.law.dim());
    if count < LEAST {
        return Err(SeparableDataError::TooFew { count, least: LEAST });
    }
    let covariance = law.covariance().map_err(|e| SeparableDataError::Law(e.into()))?;
    let basis = PrincipalBasis::new(&law.mean(), covariance)?;
    let mut coordinates = vec![0.0; count * dim];
    basis.analyze(law.points().values(), &mut coordinates);
    let done = AtomicU64::new(0);
    let of = |j: usize| -> Result<Marginal, SeparableDataError> {
        let own: Vec<f64> = coordinates.iter().skip(j).step_by(dim).copied().collect();
        let fitted = fit::marginal(&own)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        let total = Some(dim as u64);
        match watch.tell(Progress { what: "fits", unit: "coordinates", done, total }) {
            true => Ok(fitted),
            false => Err(SeparableDataError::Interrupted { done }),
        }
    };
    let marginals = (0..dim).into_par_iter().map(of).collect::<Result<Vec<_>, _>>()?;
    let law = Separable::new(name, marginals)?;
    let description = format!("{}, independent along eigenvectors", data.description);
    Ok(SeparableModel { law, description })
}
