//! The asymptotic discrete spot noise of a picture.

use super::fourier::{Fft2, Pair};
use super::fourier_basis::Frame;
use super::{FourierBasis, PeriodicPlusSmooth, TextureError};
use super::{check_image, check_shape, max_abs, mean, rounding};
use crate::spectrum::{Spectrum, SpectrumError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rustfft::num_complex::Complex64;
use std::borrow::Cow;

/// A Gaussian texture on a torus: X = m + t ⋆ W, with one white Gaussian noise W for all channels
/// and the periodic convolution ⋆.
///
/// At frequency ξ the covariance is the C × C matrix t̂(ξ) t̂(ξ)*, with the unnormalised transform
/// t̂ of the texton: eigenvalue |t̂(ξ)|², and C − 1 null modes. At ξ = 0 it vanishes, since the
/// texton sums to zero: all samples have exactly the mean m of the picture.
///
/// B. Galerne, Y. Gousseau, J.-M. Morel, "Random phase textures: theory and synthesis", IEEE
/// Transactions on Image Processing 20 (2011).
#[derive(Clone, Debug, PartialEq)]
pub struct Texture {
    shape: [usize; 3],
    mean: Vec<f64>,
    texton: Vec<f64>,
    /// Size of |t̂| that could be a rounding error of the picture's values.
    rounding: f64,
    provenance: String,
}

impl Texture {
    /// The ADSN of a picture u of shape `[channels, height, width]`, in its units:
    /// t = (u − m)/√(height · width), m the mean of each channel.
    ///
    /// If opposite edges of the picture do not match, they put a cross of spurious horizontal and
    /// vertical structure into the texture; `periodic` replaces the picture by its periodic
    /// component ([`PeriodicPlusSmooth`]) first.
    ///
    /// # Errors
    /// [`TextureError`]: the picture does not have this shape, or has values that are not finite.
    pub fn adsn(image: &[f64], shape: [usize; 3], periodic: bool) -> Result<Self, TextureError> {
        let pixels = check_image(image, shape)?;
        let image = match periodic {
            true => Cow::Owned(PeriodicPlusSmooth::of(image, shape)?.periodic),
            false => Cow::Borrowed(image),
        };
        let means: Vec<f64> = image.chunks_exact(pixels).map(mean).collect();
        let root = (pixels as f64).sqrt();
        let texton = image.iter().zip(0..).map(|(u, i)| (u - means[i / pixels]) / root).collect();
        let [channels, height, width] = shape;
        let component = if periodic { "the periodic component of " } else { "" };
        Ok(Texture {
            shape,
            mean: means,
            texton,
            rounding: rounding(channels, max_abs(&image)),
            provenance: format!("ADSN of {component}an image of {channels}x{height}x{width}"),
        })
    }

    /// A texture from its parts, such as those in a file: `rounding` is the value of
    /// [`Texture::rounding`].
    ///
    /// # Errors
    /// [`TextureError`]: parts that do not have this shape, or values that are not finite.
    pub fn from_parts(
        shape: [usize; 3],
        mean: Vec<f64>,
        texton: Vec<f64>,
        rounding: f64,
        provenance: impl Into<String>,
    ) -> Result<Self, TextureError> {
        check_image(&texton, shape)?;
        check_image(&mean, [shape[0], 1, 1])?;
        Ok(Texture { shape, mean, texton, rounding, provenance: provenance.into() })
    }

    /// The same texture on a torus of `height · width` pixels, at least the size of the texton. The
    /// texton is padded with zeros and keeps its values, so the covariance of two pixels is that of
    /// the picture without periodic extension, for any size; their variance does not change.
    ///
    /// # Errors
    /// [`TextureError::TooSmall`], [`TextureError::Shape`]
    pub fn resized(&self, height: usize, width: usize) -> Result<Self, TextureError> {
        let [channels, old_height, old_width] = self.shape;
        let shape = [channels, height, width];
        let pixels = check_shape(shape)?;
        if height < old_height || width < old_width {
            let (new_height, new_width) = (height, width);
            let (height, width) = (old_height, old_width);
            return Err(TextureError::TooSmall { height, width, new_height, new_width });
        }
        let mut texton = vec![0.0; channels * pixels];
        for (from, to) in
            self.texton.chunks_exact(old_height * old_width).zip(texton.chunks_exact_mut(pixels))
        {
            for (from, to) in from.chunks_exact(old_width).zip(to.chunks_exact_mut(width)) {
                to[..old_width].copy_from_slice(from);
            }
        }
        let provenance = format!("{}, on a torus of {height}x{width}", self.provenance);
        Ok(Texture { shape, texton, provenance, ..self.clone() })
    }

    /// The same covariance with mean zero.
    pub fn centred(self) -> Self {
        Texture { mean: vec![0.0; self.shape[0]], ..self }
    }

    /// `[channels, height, width]`
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }
    /// Mean m of each channel.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }
    /// The texton t, in the shape of the texture.
    pub fn texton(&self) -> &[f64] {
        &self.texton
    }
    /// Size of a Fourier coefficient of the texton that could be a rounding error of the picture's
    /// values.
    pub fn rounding(&self) -> f64 {
        self.rounding
    }
    /// Where the texture comes from, in one line.
    pub fn provenance(&self) -> &str {
        &self.provenance
    }

    /// The eigenbasis of the covariance; at each frequency the first vector is t̂/|t̂|.
    pub fn basis(&self) -> FourierBasis {
        let [_, height, width] = self.shape;
        let fft = Fft2::new(height, width);
        let planes = self.transformed(&fft);
        let frame = |pair: Pair| {
            let rounding = if pair.index == 0 { f64::INFINITY } else { self.rounding };
            let value = |p: &Vec<Complex64>| match pair.is_real() {
                true => p[pair.index].re.into(),
                false => p[pair.index],
            };
            Frame::of_rank_one(&planes.iter().map(value).collect::<Vec<_>>(), rounding)
        };
        let frames = Pair::all(height, width).map(frame).collect();
        FourierBasis::new(self.shape, fft, &self.mean, frames)
    }

    /// The spectrum: |t̂(ξ)|² at each frequency, all other eigenvalues 0. The mean of a picture lies
    /// along null modes; [`Texture::centred`] removes it.
    ///
    /// # Errors
    /// [`SpectrumError`] if an eigenvalue overflowed.
    pub fn spectrum(&self, name: impl Into<String>) -> Result<Spectrum, SpectrumError> {
        self.basis().spectrum(name, &self.provenance)
    }

    /// A sample m + t ⋆ W, in the shape of the texture; `seed` determines the noise W.
    pub fn sample(&self, seed: u64) -> Vec<f64> {
        let [_, height, width] = self.shape;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let noise: Vec<f64> =
            (0..height * width).map(|_| StandardNormal.sample(&mut random)).collect();
        let fft = Fft2::new(height, width);
        let noise = fft.forward(&noise);
        let mut out = Vec::with_capacity(self.texton.len());
        for (mut plane, mean) in self.transformed(&fft).into_iter().zip(&self.mean) {
            plane.iter_mut().zip(&noise).for_each(|(t, w)| *t *= w);
            fft.inverse(&mut plane);
            out.extend(plane.iter().map(|x| mean + x.re / noise.len() as f64));
        }
        out
    }

    /// t̂, one plane per channel.
    fn transformed(&self, fft: &Fft2) -> Vec<Vec<Complex64>> {
        let pixels = self.shape[1] * self.shape[2];
        self.texton.chunks_exact(pixels).map(|t| fft.forward(t)).collect()
    }
}
