//! The eigenbasis of a stationary covariance.

use super::fourier::{Fft2, Pair};
use crate::basis::Basis;
use crate::exact::dense::{Matrix, MatrixError};
use crate::spectrum::{Spectrum, SpectrumError};
use rayon::prelude::*;
use rustfft::num_complex::Complex64;
use std::f64::consts::SQRT_2;

/// A real orthonormal eigenbasis of a stationary covariance of images `[C, H, W]`.
///
/// At each frequency ξ the covariance of the unitary transform X(ξ) = x̂(ξ)/√(HW) of the C channels
/// is Σₖ λₖ uₖ uₖ*. The coordinates of an image are zₖ = uₖ* X(ξ): real where ξ = −ξ; elsewhere
/// √2 Re zₖ and √2 Im zₖ cover both ±ξ. They are ordered by frequency in the order of the plane
/// (ξ = 0 first, the first of each ±ξ), then by k, then real before imaginary part.
///
/// Both directions cost O(d log d).
#[derive(Clone, Debug)]
pub struct FourierBasis {
    shape: [usize; 3],
    fft: Fft2,
    pairs: Vec<Pair>,
    /// Per pair, C eigenvectors of C channels.
    vectors: Vec<Complex64>,
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
}

/// Eigenvalues and eigenvectors at one frequency.
pub(super) struct Frame {
    values: Vec<f64>,
    /// One vector after another.
    vectors: Vec<Complex64>,
}

impl FourierBasis {
    /// `frames` are those of [`Pair::all`]; where ξ = −ξ their vectors are real.
    pub(super) fn new(shape: [usize; 3], fft: Fft2, mean: &[f64], frames: Vec<Frame>) -> Self {
        let [channels, height, width] = shape;
        let pairs: Vec<Pair> = Pair::all(height, width).collect();
        let mut eigenvalues = Vec::with_capacity(channels * height * width);
        for (pair, frame) in pairs.iter().zip(&frames) {
            for &value in &frame.values {
                eigenvalues.extend(std::iter::repeat_n(value, pair.parts()));
            }
        }
        let mut means = vec![0.0; eigenvalues.len()];
        let root = ((height * width) as f64).sqrt();
        for (out, vector) in means.iter_mut().zip(frames[0].vectors.chunks_exact(channels)) {
            *out = root * vector.iter().zip(mean).map(|(u, m)| u.re * m).sum::<f64>();
        }
        let vectors = frames.into_iter().flat_map(|f| f.vectors).collect();
        FourierBasis { shape, fft, pairs, vectors, eigenvalues, means }
    }

    /// The spectrum: λ of every coordinate with its mean, equal ones merged.
    ///
    /// # Errors
    /// [`SpectrumError`] if an eigenvalue overflowed.
    pub fn spectrum(
        &self,
        name: impl Into<String>,
        provenance: impl Into<String>,
    ) -> Result<Spectrum, SpectrumError> {
        let mut start = 0;
        let (mut eigenvalues, mut multiplicities, mut means) = (Vec::new(), Vec::new(), Vec::new());
        for pair in &self.pairs {
            for _ in 0..self.shape[0] {
                eigenvalues.push(self.eigenvalues[start]);
                multiplicities.push(pair.parts() as f64);
                means.push(self.means[start]);
                start += pair.parts();
            }
        }
        Spectrum::new(name, provenance, &eigenvalues, Some(&multiplicities), Some(&means))
    }

    pub(super) fn image_shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Applies `transform` to each of the vectors of `from`, in parallel.
    fn each(&self, from: &[f64], to: &mut [f64], transform: impl Fn(&[f64], &mut [f64]) + Sync) {
        let dim = self.dim();
        assert!(from.len() == to.len() && from.len().is_multiple_of(dim), "d values per vector");
        from.par_chunks_exact(dim)
            .zip(to.par_chunks_exact_mut(dim))
            .for_each(|(from, to)| transform(from, to));
    }

    fn pixels(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// Each pair with its eigenvectors and the position of its coordinates.
    fn blocks(&self) -> impl Iterator<Item = (Pair, &[Complex64], usize)> {
        let channels = self.shape[0];
        let mut start = 0;
        self.pairs.iter().zip(self.vectors.chunks_exact(channels * channels)).map(
            move |(pair, vectors)| {
                let block = (*pair, vectors, start);
                start += channels * pair.parts();
                block
            },
        )
    }

    fn synthesize_one(&self, coordinates: &[f64], x: &mut [f64]) {
        let (channels, pixels) = (self.shape[0], self.pixels());
        let unit = 1.0 / (pixels as f64).sqrt();
        let mut planes = vec![Complex64::ZERO; self.dim()];
        for (pair, vectors, start) in self.blocks() {
            for (k, vector) in vectors.chunks_exact(channels).enumerate() {
                let at = start + k * pair.parts();
                let z = match pair.is_real() {
                    true => Complex64::new(unit * coordinates[at], 0.0),
                    false => Complex64::new(coordinates[at], coordinates[at + 1]) * (unit / SQRT_2),
                };
                for (c, u) in vector.iter().enumerate() {
                    planes[c * pixels + pair.index] += u * z;
                }
            }
            for plane in planes.chunks_exact_mut(pixels) {
                plane[pair.mirror] = plane[pair.index].conj();
            }
        }
        for (plane, x) in planes.chunks_exact_mut(pixels).zip(x.chunks_exact_mut(pixels)) {
            self.fft.inverse(plane);
            x.iter_mut().zip(plane).for_each(|(x, p)| *x = p.re);
        }
    }

    fn analyze_one(&self, x: &[f64], coordinates: &mut [f64]) {
        let (channels, pixels) = (self.shape[0], self.pixels());
        let unit = 1.0 / (pixels as f64).sqrt();
        let planes: Vec<_> = x.chunks_exact(pixels).map(|x| self.fft.forward(x)).collect();
        for (pair, vectors, start) in self.blocks() {
            for (k, vector) in vectors.chunks_exact(channels).enumerate() {
                let products = vector.iter().zip(&planes).map(|(u, p)| u.conj() * p[pair.index]);
                let z = products.sum::<Complex64>() * unit;
                match &mut coordinates[start + k * pair.parts()..][..pair.parts()] {
                    [re, im] => (*re, *im) = (SQRT_2 * z.re, SQRT_2 * z.im),
                    real => real.fill(z.re),
                }
            }
        }
    }
}

impl Basis for FourierBasis {
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }
    fn means(&self) -> &[f64] {
        &self.means
    }
    fn synthesize(&self, coordinates: &[f64], x: &mut [f64]) {
        self.each(coordinates, x, |coordinates, x| self.synthesize_one(coordinates, x));
    }
    fn analyze(&self, x: &[f64], coordinates: &mut [f64]) {
        self.each(x, coordinates, |x, coordinates| self.analyze_one(x, coordinates));
    }
}

impl Frame {
    /// The frame of the rank-one matrix t t*: eigenvalue |t|² along t/|t|, completed by a
    /// Householder reflection; eigenvalues 0 along the axes where |t| is at most `rounding`.
    pub fn of_rank_one(t: &[Complex64], rounding: f64) -> Self {
        let n = t.len();
        let square: f64 = t.iter().map(Complex64::norm_sqr).sum();
        let norm = square.sqrt();
        let mut vectors = vec![Complex64::ZERO; n * n];
        vectors.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0.into());
        let mut values = vec![0.0; n];
        if norm > rounding && square.is_normal() {
            values[0] = square;
            let u: Vec<Complex64> = t.iter().map(|t| t / norm).collect();
            // I − w w*/(1 + |u₀|) with w = u + e^{i arg u₀} e₀ maps e₀ to −e^{−i arg u₀} u.
            let size = u[0].norm();
            let phase = if size == 0.0 { 1.0.into() } else { u[0] / size };
            for (k, vector) in vectors.chunks_exact_mut(n).enumerate().skip(1) {
                for (c, v) in vector.iter_mut().enumerate() {
                    let w = if c == 0 { u[0] + phase } else { u[c] };
                    *v -= w * u[k].conj() / (1.0 + size);
                }
            }
            vectors[..n].copy_from_slice(&u);
        }
        Frame { values, vectors }
    }

    /// The frame of a real symmetric positive semi-definite matrix of n × n values, largest
    /// eigenvalue first. Eigenvalues up to `floor` are set to zero.
    pub fn of_symmetric(matrix: &[Complex64], n: usize, floor: f64) -> Result<Self, MatrixError> {
        let eigen = Matrix::from_fn(n, n, |i, j| matrix[i * n + j].re).symmetric_eigen()?;
        let mut frame = Frame { values: Vec::new(), vectors: Vec::new() };
        for k in (0..n).rev() {
            frame.values.push(cleaned(eigen.values[k], eigen.rounding.max(floor)));
            frame.vectors.extend((0..n).map(|i| Complex64::from(eigen.vectors[(i, k)])));
        }
        Ok(frame)
    }

    /// The frame of a Hermitian positive semi-definite matrix of n × n values, largest eigenvalue
    /// first. Eigenvalues up to `floor` are set to zero.
    ///
    /// A + iB is the real symmetric matrix [A −B; B A], where each eigenvalue appears twice, with
    /// the eigenvectors u and iu or a mixture of them: n independent ones are picked from the 2n.
    pub fn of_hermitian(matrix: &[Complex64], n: usize, floor: f64) -> Result<Self, MatrixError> {
        let real = Matrix::from_fn(2 * n, 2 * n, |i, j| {
            let entry = matrix[i % n * n + j % n];
            match (i < n, j < n) {
                (true, true) | (false, false) => entry.re,
                (true, false) => -entry.im,
                (false, true) => entry.im,
            }
        });
        let eigen = real.symmetric_eigen()?;
        let mut left: Vec<(f64, Vec<Complex64>)> = (0..2 * n)
            .rev()
            .map(|k| {
                let entry =
                    |i: usize| Complex64::new(eigen.vectors[(i, k)], eigen.vectors[(n + i, k)]);
                (eigen.values[k], (0..n).map(entry).collect())
            })
            .collect();
        let mut picked: Vec<(f64, Vec<Complex64>)> = Vec::with_capacity(n);
        while picked.len() < n {
            // The parts orthogonal to those picked; the longest has length at least 1/√n.
            let lengths = left.iter().map(|(_, v)| length2(v));
            let longest = lengths.enumerate().fold((0, 0.0), |longest, (i, length)| {
                if length > longest.1 + 1e-3 { (i, length) } else { longest }
            });
            let (value, mut vector) = left.remove(longest.0);
            // Projecting twice keeps the frame unitary to rounding.
            picked.iter().for_each(|(_, u)| project_out(u, &mut vector));
            let norm = length2(&vector).sqrt();
            vector.iter_mut().for_each(|v| *v /= norm);
            left.iter_mut().for_each(|(_, v)| project_out(&vector, v));
            picked.push((value, vector));
        }
        picked.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(Frame {
            values: picked
                .iter()
                .map(|(value, _)| cleaned(*value, eigen.rounding.max(floor)))
                .collect(),
            vectors: picked.into_iter().flat_map(|(_, vector)| vector).collect(),
        })
    }
}

/// An eigenvalue of a positive semi-definite matrix; zero if it could be a rounding error.
fn cleaned(value: f64, floor: f64) -> f64 {
    if value > floor { value } else { 0.0 }
}

fn length2(vector: &[Complex64]) -> f64 {
    vector.iter().map(Complex64::norm_sqr).sum()
}

/// Subtracts from `vector` its component along the unit vector `u`.
fn project_out(u: &[Complex64], vector: &mut [Complex64]) {
    let along: Complex64 = u.iter().zip(vector.iter()).map(|(u, v)| u.conj() * v).sum();
    vector.iter_mut().zip(u).for_each(|(v, u)| *v -= u * along);
}
