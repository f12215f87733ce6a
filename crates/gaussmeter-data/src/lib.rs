//! From data to the spectrum of their covariance.
//!
//! ```text
//! Samples ──► Moments ──► Decomposition ──► Spectrum, DenseBasis, file
//!         └─► Gram matrix, Lanczos ──┘
//! ```
//!
//! ```
//! use gaussmeter_data::{DecomposeOptions, decompose, samples::{InMemory, Scale}};
//!
//! let pixels = vec![0, 0, 255, 255, 0, 255, 255, 0]; // four pictures of two pixels
//! let mut samples = InMemory::bytes("four corners", &[1, 1, 2], Scale::SYMMETRIC, pixels)?;
//! let decomposition = decompose(&mut samples, &DecomposeOptions::default())?;
//! let spectrum = decomposition.spectrum()?;
//! assert_eq!(spectrum.modes().len(), 1);
//! assert!((spectrum.trace() - 2.0).abs() < 1e-14 && !spectrum.has_mean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Covariances are those of the data set itself: sums are divided by n, not n − 1.
//!
//! The library returns values; it never prints. It uses the threads of the current rayon pool, and no
//! result depends on their number.

#![warn(clippy::unwrap_used, clippy::expect_used)]

mod basis;
pub mod distance;
pub mod empirical;
mod memory;
pub mod mixture;
mod model;
mod moments;
mod npz;
mod picture;
mod sample_file;
pub mod samples;
pub mod separable;
pub mod source;
mod spectral;

pub use basis::{BasisError, DenseBasis, LowRankBasis};
pub use memory::Memory;
pub use model::{
    EmpiricalModel, MixtureModel, Model, ModelError, SeparableModel, StationaryModel, TextureModel,
    law_shape, load_law,
};
pub use moments::{MAX_DIM, Moments, MomentsError, PartFiles, Summation, SummationOptions};
pub use npz::FileError;
pub use picture::{Picture, PictureError, Sheet, fitting_gain};
pub use sample_file::{SampleFile, SampleType};
pub use spectral::{
    Checks, DecomposeOptions, Decomposition, DecompositionError, Estimate, GivenCovariance,
    LanczosOptions, Method, MethodChoice, Quadrature, choose, decompose, save_spectrum,
};
