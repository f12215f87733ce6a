//! Networks: what they predict, what they are told, and what they are worth.
//!
//! | file | what it holds |
//! |---|---|
//! | `prediction.rs`, `conversion.rs` | what a network is asked for, and how one kind becomes another |
//! | `conditioning/` | the level a network is told, where that is not the solver's |
//! | `factor.rs` | the exact network for Gaussian data, as a factor per eigenvalue |
//! | `linear/` | networks that are not exact, and whose laws are: what the sampler calls is not the data |
//! | `denoiser.rs`, `gaussian.rs`, `in_basis.rs` | networks on real vectors: the user's own, the exact one, and one in another basis |

pub mod conditioning;
mod conversion;
mod denoiser;
mod factor;
mod gaussian;
mod in_basis;
pub mod linear;
mod prediction;

pub use conditioning::Conditioning;
pub use denoiser::{Denoiser, DenoiserError, DenoiserFn};
pub use factor::Factor;
pub use gaussian::GaussianDenoiser;
pub use in_basis::InBasis;
pub use linear::{
    Answer, Answers, AtLevel, Guiding, Learnt, LinearDenoiser, LinearNetwork, Network,
    NetworkError, TrainingSet,
};
pub use prediction::Prediction;

pub(crate) use conversion::{conversion, noiseless};
pub(crate) use factor::{PARTS, parts};
#[cfg(feature = "dense")]
pub(crate) use linear::is_gain;
pub(crate) use linear::towards_half;
