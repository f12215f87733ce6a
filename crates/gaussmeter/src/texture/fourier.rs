//! Discrete Fourier transforms of images.

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::sync::Arc;

/// Side of the squares moved by transpositions: one square of each array stays in cache.
const BLOCK: usize = 16;

/// Planned transforms of planes of `height · width` values, row after row. Neither direction is
/// normalised: a forward and an inverse transform multiply by `height · width`.
#[derive(Clone)]
pub(super) struct Fft2 {
    height: usize,
    width: usize,
    forward: [Arc<dyn Fft<f64>>; 2],
    inverse: [Arc<dyn Fft<f64>>; 2],
}

impl fmt::Debug for Fft2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fft2({}x{})", self.height, self.width)
    }
}

impl Fft2 {
    pub fn new(height: usize, width: usize) -> Self {
        let mut planner = FftPlanner::new();
        let forward = [width, height].map(|n| planner.plan_fft_forward(n));
        let inverse = [width, height].map(|n| planner.plan_fft_inverse(n));
        Fft2 { height, width, forward, inverse }
    }

    /// û(ξ) = Σ_x u(x) exp(−2πi ⟨ξ, x⟩) of one real channel.
    pub fn forward(&self, channel: &[f64]) -> Vec<Complex64> {
        let mut plane: Vec<Complex64> = channel.iter().map(|v| (*v).into()).collect();
        self.transform(&self.forward, &mut plane);
        plane
    }

    /// u(x) = Σ_ξ û(ξ) exp(2πi ⟨ξ, x⟩), in place.
    pub fn inverse(&self, plane: &mut [Complex64]) {
        self.transform(&self.inverse, plane);
    }

    fn transform(&self, [rows, columns]: &[Arc<dyn Fft<f64>>; 2], plane: &mut [Complex64]) {
        let mut transposed = vec![Complex64::ZERO; plane.len()];
        rows.process(plane);
        transpose(plane, &mut transposed, self.width);
        columns.process(&mut transposed);
        transpose(&transposed, plane, self.height);
    }
}

fn transpose(from: &[Complex64], to: &mut [Complex64], width: usize) {
    let height = from.len() / width;
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            for i in top..height.min(top + BLOCK) {
                for j in left..width.min(left + BLOCK) {
                    to[j * height + i] = from[i * width + j];
                }
            }
        }
    }
}

/// A frequency ξ and −ξ, as positions in a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// The first of the two in the order of the plane.
    pub index: usize,
    /// The other one; the same for a self-conjugate frequency.
    pub mirror: usize,
}

impl Pair {
    /// All pairs of a plane, in the order of their first positions: zero comes first.
    pub fn all(height: usize, width: usize) -> impl Iterator<Item = Pair> {
        (0..height * width).filter_map(move |index| {
            let (i, j) = (index / width, index % width);
            let mirror = (height - i) % height * width + (width - j) % width;
            (index <= mirror).then_some(Pair { index, mirror })
        })
    }

    /// Whether ξ = −ξ, so that transforms of real images are real there.
    pub fn is_real(&self) -> bool {
        self.index == self.mirror
    }

    /// Number of real coordinates per complex one.
    pub fn parts(&self) -> usize {
        if self.is_real() { 1 } else { 2 }
    }
}
