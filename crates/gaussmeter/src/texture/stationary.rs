//! The stationary Gaussian law of a set of images.

use super::fourier::{Fft2, Pair};
use super::fourier_basis::Frame;
use super::{FourierBasis, TextureError, check_image, check_shape, max_abs, mean, rounding};
use crate::spectrum::{Spectrum, SpectrumError};
use rayon::prelude::*;
use rustfft::num_complex::Complex64;

/// The maximum-likelihood stationary Gaussian law of a set of images: a constant mean m per
/// channel, and per frequency the mean periodogram (1/n) Σᵢ X⁽ⁱ⁾(ξ) X⁽ⁱ⁾(ξ)*, a Hermitian C × C
/// matrix, with X(ξ) the unitary transform of x − m.
///
/// Its covariance is the sample covariance about m averaged over all periodic shifts. It is of use
/// where a dense covariance would not fit in memory, and is defined even for a single image, where
/// it is the [ADSN](super::Texture). Anything in the images that is not stationary, such as a mean
/// that varies over the picture, counts as variance.
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
    floor: f64,
    matrices: Vec<[f64; 2]>,
    basis: FourierBasis,
}

/// The sums over images that define a [`Stationary`] law, in memory that does not grow with their
/// number. They depend only on the images and their order, not on threads or on how the images are
/// split into batches.
///
/// ```
/// use gaussmeter::texture::{MeanPeriodogram, Stationary};
/// let images = [0.0, 1.0, 2.0, 1.0, 4.0, 3.0, 2.0, 1.0];
/// let mut sums = MeanPeriodogram::new([1, 2, 2])?;
/// sums.push(&images[..4])?;
/// sums.push(&images[4..])?;
/// let law = Stationary::from_samples([1, 2, 2], images.chunks(4))?;
/// assert_eq!(sums.finish()?.spectral_matrices(), law.spectral_matrices());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MeanPeriodogram {
    shape: [usize; 3],
    fft: Fft2,
    pairs: Vec<Pair>,
    count: usize,
    largest: f64,
    means: Vec<f64>,
    /// Per pair, Σ X X* of C × C.
    sums: Vec<Complex64>,
}

/// An image, transformed: the mean of each channel, and x̂ − its value at 0, one plane per channel.
struct Transformed {
    means: Vec<f64>,
    planes: Vec<Vec<Complex64>>,
    largest: f64,
}

impl MeanPeriodogram {
    /// No images of shape `[channels, height, width]` yet.
    ///
    /// # Errors
    /// [`TextureError::Shape`]
    pub fn new(shape: [usize; 3]) -> Result<Self, TextureError> {
        check_shape(shape)?;
        let [channels, height, width] = shape;
        let pairs: Vec<Pair> = Pair::all(height, width).collect();
        let sums = vec![Complex64::ZERO; pairs.len() * channels * channels];
        let (fft, means) = (Fft2::new(height, width), vec![0.0; channels]);
        Ok(MeanPeriodogram { shape, fft, pairs, count: 0, largest: 0.0, means, sums })
    }

    /// Number of images so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds any number of images, one after another.
    ///
    /// # Errors
    /// [`TextureError`]: not whole images, or values that are not finite. Then none are added.
    pub fn push(&mut self, images: &[f64]) -> Result<(), TextureError> {
        let dim: usize = self.shape.iter().product();
        images.par_chunks(dim).enumerate().try_for_each(|(i, image)| {
            check_image(image, self.shape)
                .map(|_| ())
                .map_err(|e| TextureError::Image { index: self.count + i, source: Box::new(e) })
        })?;
        // Enough at a time to keep the threads busy, but at most 64 MiB of large ones.
        for images in images.chunks(dim * ((1 << 22) / dim).clamp(1, 64)) {
            self.add(images);
        }
        Ok(())
    }

    fn add(&mut self, images: &[f64]) {
        let [channels, height, width] = self.shape;
        let pixels = height * width;
        let all: Vec<Transformed> = images
            .par_chunks_exact(channels * pixels)
            .map(|image| {
                let means: Vec<f64> = image.chunks_exact(pixels).map(mean).collect();
                let planes = image.chunks_exact(pixels).zip(&means).map(|(channel, own)| {
                    self.fft.forward(&channel.iter().map(|x| x - own).collect::<Vec<_>>())
                });
                Transformed { planes: planes.collect(), largest: max_abs(image), means }
            })
            .collect();

        // The mean is known only at the end, but matters only at frequency 0: there X is replaced
        // by √((n−1)/n) times its difference from the mean so far (Welford).
        let mut at_zero: Vec<Vec<Complex64>> = Vec::with_capacity(all.len());
        for image in &all {
            self.count += 1;
            self.largest = self.largest.max(image.largest);
            let n = self.count as f64;
            let distance = |(own, total): (&f64, &mut f64)| {
                let distance = (own - *total) * ((n - 1.0) / n * pixels as f64).sqrt();
                *total += (own - *total) / n;
                distance.into()
            };
            at_zero.push(image.means.iter().zip(&mut self.means).map(distance).collect());
        }

        let unit = 1.0 / (pixels as f64).sqrt();
        let matrices = self.sums.par_chunks_exact_mut(channels * channels);
        self.pairs.par_iter().zip(matrices).with_min_len(64).for_each(|(pair, sum)| {
            let mut x = vec![Complex64::ZERO; channels];
            for (image, at_zero) in all.iter().zip(&at_zero) {
                match pair.index {
                    0 => x.copy_from_slice(at_zero),
                    i => x.iter_mut().zip(&image.planes).for_each(|(x, p)| *x = p[i] * unit),
                }
                for (row, left) in sum.chunks_exact_mut(channels).zip(&x) {
                    row.iter_mut().zip(&x).for_each(|(s, right)| *s += left * right.conj());
                }
            }
        });
    }

    /// The law of the images.
    ///
    /// # Errors
    /// [`TextureError::Empty`], [`TextureError::Matrix`]
    pub fn finish(self) -> Result<Stationary, TextureError> {
        if self.count == 0 {
            return Err(TextureError::Empty);
        }
        let n = self.count as f64;
        let matrices = self.sums.iter().map(|s| [s.re / n, s.im / n]).collect();
        let floor = rounding(self.shape[0], self.largest).powi(2);
        Stationary::from_parts(self.shape, self.means, self.count, floor, matrices)
    }
}

impl Stationary {
    /// The law of images of shape `[channels, height, width]`, read once, one by one.
    ///
    /// # Errors
    /// [`TextureError`]: no images, or one that does not have this shape or has values that are not
    /// finite.
    pub fn from_samples<I>(shape: [usize; 3], images: I) -> Result<Self, TextureError>
    where
        I: IntoIterator<Item: AsRef<[f64]>>,
    {
        let mut sums = MeanPeriodogram::new(shape)?;
        let dim: usize = shape.iter().product();
        let mut batch: Vec<f64> = Vec::new();
        for image in images {
            let image = image.as_ref();
            let index = sums.count() + batch.len() / dim;
            check_image(image, shape)
                .map_err(|e| TextureError::Image { index, source: Box::new(e) })?;
            batch.extend_from_slice(image);
            if batch.len() >= 1 << 20 {
                sums.push(&batch)?;
                batch.clear();
            }
        }
        sums.push(&batch)?;
        sums.finish()
    }

    /// A law from its parts, such as those in a file: the mean of each channel, the number of
    /// images it was estimated from, [`Stationary::floor`] and [`Stationary::spectral_matrices`].
    ///
    /// # Errors
    /// [`TextureError`]: parts that do not have this shape, values that are not finite, or an
    /// eigendecomposition that failed.
    pub fn from_parts(
        shape: [usize; 3],
        mean: Vec<f64>,
        count: usize,
        floor: f64,
        matrices: Vec<[f64; 2]>,
    ) -> Result<Self, TextureError> {
        let pixels = check_shape(shape)?;
        let [channels, height, width] = shape;
        check_image(&mean, [channels, 1, 1])?;
        let size = channels * channels;
        // Frequencies with ξ = −ξ are their own pairs.
        let own = [height, width].map(|n| if n.is_multiple_of(2) { 2 } else { 1 });
        if matrices.len() != (pixels + own[0] * own[1]) / 2 * size {
            return Err(TextureError::Length { len: matrices.len(), channels, height, width });
        }
        let pairs: Vec<Pair> = Pair::all(height, width).collect();
        let frames = pairs
            .par_iter()
            .zip(matrices.par_chunks_exact(size))
            .map(|(pair, matrix)| {
                let matrix: Vec<Complex64> =
                    matrix.iter().map(|[re, im]| Complex64::new(*re, *im)).collect();
                // X(0) is √(HW) times a mean, and its rounding error scales likewise.
                let floor = if pair.index == 0 { pixels as f64 * floor } else { floor };
                match pair.is_real() || channels == 1 {
                    true => Frame::of_symmetric(&matrix, channels, floor),
                    false => Frame::of_hermitian(&matrix, channels, floor),
                }
            })
            .collect::<Result<Vec<Frame>, _>>()?;
        let basis = FourierBasis::new(shape, Fft2::new(height, width), &mean, frames);
        Ok(Stationary { mean, count, floor, matrices, basis })
    }

    /// `[channels, height, width]`
    pub fn shape(&self) -> [usize; 3] {
        self.basis.image_shape()
    }
    /// The mean periodogram: per frequency ξ, in the order of the plane and the first of each ±ξ, a
    /// Hermitian C × C matrix by rows, as real and imaginary parts.
    pub fn spectral_matrices(&self) -> &[[f64; 2]] {
        &self.matrices
    }
    /// Eigenvalues up to this size are rounding errors and set to zero.
    pub fn floor(&self) -> f64 {
        self.floor
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

    /// Where the law comes from, in one line.
    pub fn provenance(&self) -> String {
        let [channels, height, width] = self.shape();
        let images = if self.count == 1 { "image" } else { "images" };
        format!("mean periodogram of {} {images} of {channels}x{height}x{width}", self.count)
    }

    /// The spectrum of the law.
    ///
    /// # Errors
    /// [`SpectrumError`] if an eigenvalue overflowed.
    pub fn spectrum(&self, name: impl Into<String>) -> Result<Spectrum, SpectrumError> {
        self.basis.spectrum(name, self.provenance())
    }
}
