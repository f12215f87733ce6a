//! Moisan's periodic plus smooth decomposition.

use super::fourier::Fft2;
use super::{TextureError, check_image};
use std::f64::consts::PI;

/// An image u as the sum of a periodic image p, without the jumps of u where opposite edges meet on
/// the torus, and a smooth image s of mean zero.
///
/// With v the jumps of u across the edges, s solves the Poisson equation Δs = v on the torus:
/// ŝ(ξ) = −v̂(ξ) / (4 sin²(π ξ₁/H) + 4 sin²(π ξ₂/W)), ŝ(0) = 0. Equivalently, Δp is the Laplacian of
/// u without the differences across the edges. Each channel is decomposed separately.
///
/// L. Moisan, "Periodic plus smooth image decomposition", Journal of Mathematical Imaging and
/// Vision 39 (2011), equations 9 and 11.
///
/// ```
/// use gaussmeter::texture::PeriodicPlusSmooth;
/// let ramp: Vec<f64> = (0..64).map(|i| f64::from(i % 8)).collect();
/// let parts = PeriodicPlusSmooth::of(&ramp, [1, 8, 8])?;
/// assert!((parts.periodic[0] + parts.smooth[0] - ramp[0]).abs() < 1e-14);
/// assert!((parts.periodic[7] - parts.periodic[0] - 7.0 / 8.0).abs() < 1e-14); // it was 7
/// # Ok::<(), gaussmeter::texture::TextureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodicPlusSmooth {
    /// The periodic component p = u − s, in the shape of the image.
    pub periodic: Vec<f64>,
    /// The smooth component s, in the shape of the image.
    pub smooth: Vec<f64>,
}

impl PeriodicPlusSmooth {
    /// Decomposes an image of shape `[channels, height, width]`.
    ///
    /// # Errors
    /// [`TextureError`]: the image does not have this shape, or has values that are not finite.
    pub fn of(image: &[f64], shape: [usize; 3]) -> Result<Self, TextureError> {
        let pixels = check_image(image, shape)?;
        let [_, height, width] = shape;
        let fft = Fft2::new(height, width);
        let sine2 = |n: usize| -> Vec<f64> {
            (0..n).map(|k| (PI * k as f64 / n as f64).sin().powi(2)).collect()
        };
        let (vertical, horizontal) = (sine2(height), sine2(width));
        let mut smooth = Vec::with_capacity(image.len());
        for channel in image.chunks_exact(pixels) {
            let mut plane = fft.forward(&edge_jumps(channel, height, width));
            for (index, value) in plane.iter_mut().enumerate().skip(1) {
                *value /= -4.0 * (vertical[index / width] + horizontal[index % width]);
            }
            plane[0] = 0.0.into();
            fft.inverse(&mut plane);
            smooth.extend(plane.iter().map(|s| s.re / pixels as f64));
        }
        let periodic = image.iter().zip(&smooth).map(|(u, s)| u - s).collect();
        Ok(PeriodicPlusSmooth { periodic, smooth })
    }
}

/// v: at each pixel of an edge, the value across that edge on the torus minus its own.
fn edge_jumps(channel: &[f64], height: usize, width: usize) -> Vec<f64> {
    let mut jumps = vec![0.0; channel.len()];
    let last_row = (height - 1) * width;
    let rows = (0..width).map(|j| (j, last_row + j));
    let columns = (0..height).map(|i| (i * width, i * width + width - 1));
    for (first, last) in rows.chain(columns) {
        let jump = channel[last] - channel[first];
        jumps[first] += jump;
        jumps[last] -= jump;
    }
    jumps
}
