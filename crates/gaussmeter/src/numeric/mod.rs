//! Numerical methods that know nothing of diffusion: arithmetic that records derivatives,
//! minimisation, dense linear algebra.

pub mod differentiation;
mod evenly;
mod functions;
mod line;
#[cfg(feature = "dense")]
pub mod linear_algebra;
mod minimise;
#[cfg(feature = "dense")]
pub(crate) mod normal;
mod written;

pub(crate) use evenly::evenly;
pub(crate) use functions::excess;
pub(crate) use line::{Place, next_trial, promise};
pub use minimise::Expansion;
pub(crate) use minimise::{Minimum, minimise, slope};
pub(crate) use written::written;
