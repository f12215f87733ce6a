//! The stationary Gaussian law of a set of images.

use super::fourier::{Fft2, Pair};
use super::fourier_basis::Frame;
use super::{FourierBasis, TextureError, check_image, check_shape, max_abs, mean, rounding};
use crate::spectrum::{Spectrum, SpectrumError};
use rayon::prelude::*;
use rustfft::num_complex::Complex64;

/// The stationary Gaussian law of maximum likelihood for a set of images: a constant mean m per channel, and per
/// frequency the mean periodogram (1/n) Σᵢ X⁽ⁱ⁾(ξ) X⁽ⁱ⁾(ξ)*, a Hermitian matrix of C × C, with
/// X(ξ) the unitary transform of x − m.
///
/// Its covariance is the sample covariance about m averaged over all periodic shifts. It serves
/// where a dense covariance would not fit, and is defined for a single image, where it is the
/// [ADSN](super::Texture). What the images have that is not stationary, such as a mean that varies
/// over the picture, counts as variance.
///
/// ```
/// use gaussmeter::texture::Stationary;
/// let images = [[0.0, 1.0, 2.0, 1.0], [4.0, 3.0, 2.0, 1.0]];
/// let law = Stationary::from_samples([1, 2, 2], images)?;
/// assert_eq!(law.mean(), [1.75]);
/// let about_mean = images.as_flattened().iter().map(|x| (x - 1.75_f64).powi(2)).sum::<f64>() / 2.0;
/// assert!((law.spectrum("toy")?.trace() - about_mean).abs() < 1e-14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stationary {
    mean: Vec<f64>,
    count: usize,
    basis: FourierBasis,
}

impl Stationary {
    /// The law of images of shape `[channels, height, width]`, read once, one by one.
    ///
    /// # Errors
    /// [`TextureError`]: no images, or one that does not have the shape or holds values that are
    /// not finite.
    pub fn from_samples<I>(shape: [usize; 3], images: I) -> Result<Self, TextureError>
    where
        I: IntoIterator<Item: AsRef<[f64]>>,
    {
        let pixels = check_shape(shape)?;
        let [channels, height, width] = shape;
        let fft = Fft2::new(height, width);
        let pairs: Vec<Pair> = Pair::all(height, width).collect();
        let mut sums = vec![Complex64::ZERO; pairs.len() * channels * channels];
        let mut means = vec![0.0; channels];
        let (mut count, mut largest) = (0, 0.0_f64);
        for image in images {
            let image = image.as_ref();
            check_image(image, shape)
                .map_err(|e| TextureError::Image { index: count, source: Box::new(e) })?;
            count += 1;
            largest = largest.max(max_abs(image));
            let n = count as f64;
            // The mean is known at the end only, but matters at frequency 0 only: there X is
            // replaced by √((n−1)/n) times its distance to the mean so far (Welford).
            let mut at_zero = Vec::with_capacity(channels);
            let mut planes = Vec::with_capacity(channels);
            for (channel, total) in image.chunks_exact(pixels).zip(&mut means) {
                let own = mean(channel);
                at_zero.push(((own - *total) * ((n - 1.0) / n * pixels as f64).sqrt()).into());
                *total += (own - *total) / n;
                planes.push(fft.forward(&channel.iter().map(|x| x - own).collect::<Vec<_>>()));
            }
            let unit = 1.0 / (pixels as f64).sqrt();
            let mut x: Vec<Complex64> = at_zero;
            for (pair, sum) in pairs.iter().zip(sums.chunks_exact_mut(channels * channels)) {
                if pair.index > 0 {
                    x.iter_mut().zip(&planes).for_each(|(x, p)| *x = p[pair.index] * unit);
                }
                for (row, left) in sum.chunks_exact_mut(channels).zip(&x) {
                    row.iter_mut().zip(&x).for_each(|(s, right)| *s += left * right.conj());
                }
            }
        }
        if count == 0 {
            return Err(TextureError::Empty);
        }
        sums.iter_mut().for_each(|s| *s /= count as f64);
        let floor = rounding(channels, largest).powi(2);
        let frames = pairs
            .par_iter()
            .zip(sums.par_chunks_exact(channels * channels))
            .map(|(pair, matrix)| {
                // X(0) is √(HW) times a mean, and so is its rounding.
                let floor = if pair.index == 0 { pixels as f64 * floor } else { floor };
                match pair.is_real() || channels == 1 {
                    true => Frame::of_symmetric(matrix, channels, floor),
                    false => Frame::of_hermitian(matrix, channels, floor),
                }
            })
            .collect::<Result<Vec<Frame>, _>>()?;
        let basis = FourierBasis::new(shape, fft, &means, frames);
        Ok(Stationary { mean: means, count, basis })
    }

    /// Mean m of each channel.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
    /// Number of images.
    pub fn count(&self) -> usize {
        self.count
    }
    /// The eigenbasis of the covariance.
    pub fn basis(&self) -> &FourierBasis {
        &self.basis
    }

    /// The spectrum of the law.
    ///
    /// # Errors
    /// [`SpectrumError`] if an eigenvalue overflowed.
    pub fn spectrum(&self, name: impl Into<String>) -> Result<Spectrum, SpectrumError> {
        use crate::basis::Basis;
        let shape = self.basis.shape().iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let images = if self.count == 1 { "image" } else { "images" };
        self.basis.spectrum(name, format!("mean periodogram of {} {images} of {shape}", self.count))
    }
}
