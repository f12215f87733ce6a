//! Stationary Gaussian images on a torus: textures from one picture, and circulant models of many.
//!
//! An image has shape `[channels, height, width]`. A Gaussian law that is invariant under periodic
//! shifts has a constant mean per channel and a covariance that is block diagonal in Fourier space:
//! one Hermitian matrix of `channels × channels` per frequency. Its eigenvalues and eigenvectors
//! take one small problem per frequency, so the spectrum and a [`FourierBasis`] are exact and fast
//! even in hundreds of thousands of dimensions.
//!
//! - [`Texture`]: the asymptotic discrete spot noise (ADSN) of a picture, rank one at each frequency.
//! - [`Stationary`]: the mean periodogram of a set of images.
//!
//! ```
//! use gaussmeter::basis::Basis;
//! use gaussmeter::texture::Texture;
//! // A picture of 2 channels, 4 x 5 pixels.
//! let picture: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17) / 17.0).collect();
//! let texture = Texture::adsn(&picture, [2, 4, 5], false)?;
//! let spectrum = texture.spectrum("toy")?;
//! assert_eq!(spectrum.dim(), 40.0);
//! assert_eq!(spectrum.null_dim(), 21.0); // one mode per frequency, and none at frequency 0
//!
//! let large = texture.resized(100, 200)?;
//! assert_eq!(large.basis().shape(), [2, 100, 200]);
//! assert_eq!(large.sample(1).len(), 40_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adsn;
mod fourier;
mod fourier_basis;
mod periodic_plus_smooth;
mod stationary;

pub use adsn::Texture;
pub use fourier_basis::FourierBasis;
pub use periodic_plus_smooth::PeriodicPlusSmooth;
pub use stationary::{MeanPeriodogram, Stationary};

use crate::exact::dense::MatrixError;
use thiserror::Error;

/// Most values of all eigenvectors, channels² · height · width: 2 GiB.
const MOST: usize = 1 << 28;

/// Fourier coefficients up to this many rounding errors of the images' values count as zero.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// Largest absolute pixel value: squares and their sums must stay finite.
const LARGEST: f64 = 1e100;

/// An image cannot be used, or has no stationary law.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum TextureError {
    /// An axis is empty, or the eigenvectors would not fit in memory.
    #[error(
        "no images of {channels}x{height}x{width}: each axis needs at least one entry, and channels² · height · width is at most {MOST}"
    )]
    Shape {
        /// Number of channels.
        channels: usize,
        /// Number of rows.
        height: usize,
        /// Number of columns.
        width: usize,
    },
    /// The number of values does not match the shape.
    #[error("{len} values for an image of {channels}x{height}x{width}")]
    Length {
        /// Number of values.
        len: usize,
        /// Number of channels.
        channels: usize,
        /// Number of rows.
        height: usize,
        /// Number of columns.
        width: usize,
    },
    /// A pixel is NaN, infinite, or too large to be squared.
    #[error(
        "channel {channel}, row {row}, column {column} is {value:e}, but pixels must be finite and at most {LARGEST:e} in absolute value"
    )]
    Value {
        /// Channel, from 0.
        channel: usize,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A torus smaller than the texton.
    #[error(
        "a texton of {height}x{width} pixels does not fit on a torus of {new_height}x{new_width}: ask for at least the texton's size"
    )]
    TooSmall {
        /// Rows of the texton.
        height: usize,
        /// Columns of the texton.
        width: usize,
        /// Rows asked for.
        new_height: usize,
        /// Columns asked for.
        new_width: usize,
    },
    /// An empty set of images.
    #[error("no images: a mean periodogram needs at least one")]
    Empty,
    /// One image of a set cannot be used.
    #[error("image {index}: {source}")]
    Image {
        /// Position in the set, from 0.
        index: usize,
        /// The reason.
        source: Box<TextureError>,
    },
    /// An eigendecomposition failed.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

/// The number of pixels per channel of a shape.
fn check_shape([channels, height, width]: [usize; 3]) -> Result<usize, TextureError> {
    let size = [channels, channels, height, width].into_iter().try_fold(1, usize::checked_mul);
    match size {
        Some(1..=MOST) => Ok(height * width),
        _ => Err(TextureError::Shape { channels, height, width }),
    }
}

/// The number of pixels per channel of an image.
fn check_image(image: &[f64], shape: [usize; 3]) -> Result<usize, TextureError> {
    let pixels = check_shape(shape)?;
    let [channels, height, width] = shape;
    if image.len() != channels * pixels {
        return Err(TextureError::Length { len: image.len(), channels, height, width });
    }
    match image.iter().position(|v| v.is_nan() || v.abs() > LARGEST) {
        None => Ok(pixels),
        Some(i) => Err(TextureError::Value {
            channel: i / pixels,
            row: i % pixels / width,
            column: i % width,
            value: image[i],
        }),
    }
}

/// Size of a Fourier coefficient of `channels` values that could be a rounding error of pixels of
/// at most `largest`.
fn rounding(channels: usize, largest: f64) -> f64 {
    ROUNDING * (channels as f64).sqrt() * largest
}

fn max_abs(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, v| v.abs().max(max))
}

/// Mean of values, corrected for the rounding of the sum.
fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let rough = values.iter().sum::<f64>() / n;
    rough + values.iter().map(|v| v - rough).sum::<f64>() / n
}
