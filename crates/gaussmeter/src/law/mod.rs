//! Data whose exact network is known: what samplers can be tried on without training anything.
//!
//! For Gaussian data everything is exact, and no law is needed. A [`DataLaw`] is for data that are not
//! Gaussian: it has its own denoiser E[x_0 | x] in closed form, groups that outputs belong to (the
//! classes of a mixture, the samples of a data set), and mean and covariance, which make the Gaussian of
//! the whole that predictions are computed for.
//!
//! A new law is one file that implements the trait.
//!
//! ```
//! use gaussmeter::law::DataLaw;
//! use gaussmeter::mixture::{Component, Mixture};
//! use gaussmeter::network::Denoiser;
//! use gaussmeter::numeric::linear_algebra::Matrix;
//! use gaussmeter::prelude::*;
//! use std::sync::Arc;
//! let component = |name: &str, mean: f64| {
//!     Component::of_covariance(name, 0.5, vec![mean], &Matrix::diagonal(&[0.25]))
//! };
//! let law: Arc<dyn DataLaw> =
//!     Arc::new(Mixture::new("two", vec![component("a", -2.0)?, component("b", 2.0)?])?);
//! assert_eq!(law.groups().members.len(), 2);
//! assert!((law.gaussian()?.eigenvalues()[0] - 4.25).abs() < 1e-14);
//! let level = Edm::new(80.0).level(0.5);
//! let mut denoised = [0.0];
//! law.clone().denoiser().evaluate(&[2.1], &level, &mut denoised)?;
//! assert_eq!(format!("{:.3}", denoised[0]), "2.050");
//! assert_eq!(law.classes(&[2.1], &level), [1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod empirical;
mod mixture;
mod principal;
mod separable;

pub use principal::PrincipalBasis;

use crate::basis::Basis;
use crate::exact::Init;
use crate::level::Level;
use crate::metric::GaussianError;
use crate::network::Denoiser;
use crate::numeric::linear_algebra::{Matrix, MatrixError};
use crate::paths::Draw;
use crate::spectrum::{Spectrum, SpectrumError};
use crate::tape::Plan;
use std::fmt::Debug;
use std::sync::Arc;
use thiserror::Error;

/// What a law's moments cannot give.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LawError {
    /// The mean and the covariance are not those of a law.
    #[error("the Gaussian of the whole: {0}")]
    Gaussian(#[from] GaussianError),
    /// A matrix overflows, or a decomposition failed.
    #[error("the Gaussian of the whole: {0}")]
    Matrix(#[from] MatrixError),
    /// The eigenvalues do not form a spectrum.
    #[error("the Gaussian of the whole: {0}")]
    Spectrum(#[from] SpectrumError),
    /// Anything else, in a law's own words.
    #[error("{0}")]
    Other(String),
}

/// What the groups of a law are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Classes or clusters.
    Class,
    /// Single samples of a data set.
    Sample,
}

impl GroupKind {
    /// One of them.
    pub fn one(self) -> &'static str {
        match self {
            GroupKind::Class => "class",
            GroupKind::Sample => "sample",
        }
    }

    /// Several.
    pub fn many(self) -> &'static str {
        match self {
            GroupKind::Class => "classes",
            GroupKind::Sample => "samples",
        }
    }
}

/// One of the groups that make up the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its share of the data: the shares of all sum to 1.
    pub weight: f64,
}

/// How many of some states belong to a group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupShare {
    /// The mean of their probabilities to belong to it.
    pub mean: f64,
    /// The mean of the squares of these: the same where every state is counted for one group.
    pub square: f64,
}

impl GroupShare {
    /// Adds one of `count` states.
    pub fn add(&mut self, probability: f64, count: usize) {
        self.mean += probability / count as f64;
        self.square += probability * probability / count as f64;
    }
}

/// The groups that make up the data. A law without any has no members.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// What they are.
    pub kind: GroupKind,
    /// All of them, in the order of [`DataLaw::classes`].
    pub members: Vec<Group>,
}

impl Groups {
    /// No groups.
    pub fn none() -> Self {
        Groups { kind: GroupKind::Class, members: Vec::new() }
    }
}

/// Data whose exact network is known.
pub trait DataLaw: Debug + Send + Sync {
    /// A short name, such as that of a file.
    fn name(&self) -> &str;

    /// What it is, in words: `a mixture of 10 Gaussians`.
    fn description(&self) -> String;

    /// The dimension of the data.
    fn dim(&self) -> usize;

    /// The groups that outputs belong to.
    fn groups(&self) -> Groups;

    /// The exact network. Every thread asks for its own.
    fn denoiser(self: Arc<Self>) -> Box<dyn Denoiser + Send>;

    /// The group that each noisy state at `level` most probably belongs to, one state of
    /// [`DataLaw::dim`] values after another; all 0 where there are no groups. Also without noise.
    fn classes(&self, x: &[f64], level: &Level) -> Vec<usize>;

    /// The shares of the groups among noisy states at `level`. For the data's own states each is
    /// expected to be [`Group::weight`]: a law that knows the probabilities of groups averages these,
    /// which is unbiased where groups overlap; the default counts [`DataLaw::classes`].
    fn shares(&self, x: &[f64], level: &Level) -> Vec<GroupShare> {
        let classes = self.classes(x, level);
        let mut shares = vec![GroupShare::default(); self.groups().members.len()];
        for k in &classes {
            if let Some(share) = shares.get_mut(*k) {
                share.add(1.0, classes.len());
            }
        }
        shares
    }

    /// The exact W2 of a sampler without noise, from a start: `None` for a law of which none is known,
    /// and the reason where this sampler has none.
    fn wasserstein2(&self, _plan: &Plan, _init: &Init) -> Option<Result<f64, String>> {
        None
    }

    /// The mean of the data.
    fn mean(&self) -> Vec<f64>;

    /// The covariance of the data: dense.
    ///
    /// # Errors
    /// [`LawError`]
    fn covariance(&self) -> Result<Matrix, LawError>;

    /// Draws samples: `count · dim` values, one sample after another. Every sample has its own random
    /// stream.
    fn draw(&self, draw: Draw) -> Vec<f64>;

    /// Whether [`DataLaw::basis`] takes no decomposition.
    fn knows_basis(&self) -> bool {
        false
    }

    /// The eigenvectors of the covariance, with eigenvalues and means along them. The default
    /// decomposes the covariance, in O(d³).
    ///
    /// # Errors
    /// [`LawError`]
    fn basis(&self) -> Result<Arc<dyn Basis>, LawError> {
        Ok(Arc::new(PrincipalBasis::new(&self.mean(), self.covariance()?)?))
    }

    /// The Gaussian with mean and covariance of the data, in its eigenbasis: what every experiment on
    /// Gaussian data takes.
    ///
    /// # Errors
    /// [`LawError`]
    fn gaussian(&self) -> Result<Spectrum, LawError> {
        let basis = self.basis()?;
        let origin = format!("{}: mean and covariance of {}", self.name(), self.description());
        let (values, means) = (basis.eigenvalues(), basis.means());
        Ok(Spectrum::new(self.name(), origin, values, None, Some(means))?)
    }
}
