//! SiLU of a group normalisation with feature-wise scale and shift, forwards and backwards, in one pass each.

use super::exponential::logistic;
use crate::graph::NORM_EPSILON;
use crate::shape::Shape;

/// An activation of `samples` pictures of `shape`.
#[derive(Clone, Copy)]
pub(super) struct Activation {
    pub samples: usize,
    pub shape: Shape,
    pub groups: usize,
}

/// What it multiplies and adds: per channel, and per channel and sample where there is FiLM.
#[derive(Clone, Copy)]
pub(super) struct Affine<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub film: Option<[&'a [f32]; 2]>,
}

impl Affine<'_> {
    /// 1 + scale and shift of FiLM.
    fn film(&self, plane: usize) -> [f32; 2] {
        self.film.map_or([1.0, 0.0], |[scale, shift]| [1.0 + scale[plane], shift[plane]])
    }
}

/// Mean and inverse standard deviation of every group of every sample.
pub(super) type Moments = Vec<[f32; 2]>;

/// Gradients of an activation.
pub(super) struct Slopes {
    pub x: Vec<f32>,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    pub film: [Vec<f32>; 2],
}

impl Activation {
    fn channels(self) -> usize {
        self.shape.channels / self.groups
    }

    /// The place of a channel of a sample.
    fn plane(self, channel: usize, sample: usize) -> std::ops::Range<usize> {
        let start = (channel * self.samples + sample) * self.shape.pixels();
        start..start + self.shape.pixels()
    }

    fn moments(self, x: &[f32]) -> Moments {
        let count = (self.channels() * self.shape.pixels()) as f64;
        let of = |group: usize, sample: usize| {
            let channels = group * self.channels()..(group + 1) * self.channels();
            let planes = || channels.clone().map(|c| &x[self.plane(c, sample)]);
            let mean = planes().map(|p| f64::from(sum(p))).sum::<f64>() / count;
            let rest = planes().map(|p| f64::from(sum_of_squares(p, mean as f32))).sum::<f64>();
            [mean as f32, (1.0 / (rest / count + f64::from(NORM_EPSILON)).sqrt()) as f32]
        };
        (0..self.groups).flat_map(|g| (0..self.samples).map(move |s| of(g, s))).collect()
    }

    /// The activation, and what going backwards needs.
    pub fn forward(self, x: &[f32], affine: Affine<'_>) -> (Vec<f32>, Moments) {
        let moments = self.moments(x);
        let mut y = vec![0.0; x.len()];
        for channel in 0..self.shape.channels {
            let (gamma, beta) = (affine.gamma[channel], affine.beta[channel]);
            for sample in 0..self.samples {
                let [mean, inverse] = moments[channel / self.channels() * self.samples + sample];
                let [scale, shift] = affine.film(channel * self.samples + sample);
                let slope = inverse * gamma * scale;
                let offset = (beta - mean * inverse * gamma) * scale + shift;
                let plane = self.plane(channel, sample);
                silu_of_affine(&x[plane.clone()], slope, offset, &mut y[plane]);
            }
        }
        (y, moments)
    }

    /// Gradients, from that of the result.
    pub fn backward(self, x: &[f32], affine: Affine<'_>, moments: &Moments, dy: &[f32]) -> Slopes {
        let planes = self.shape.channels * self.samples;
        let has_film = affine.film.is_some();
        let mut slopes = Slopes {
            x: vec![0.0; x.len()],
            gamma: vec![0.0; self.shape.channels],
            beta: vec![0.0; self.shape.channels],
            film: [(); 2].map(|_| vec![0.0; if has_film { planes } else { 0 }]),
        };
        let count = (self.channels() * self.shape.pixels()) as f32;
        for group in 0..self.groups {
            for sample in 0..self.samples {
                let [mean, inverse] = moments[group * self.samples + sample];
                // Means over the group of the gradient of the normalised x, and of its product with it.
                let (mut level, mut along) = (0.0, 0.0);
                let channels = group * self.channels()..(group + 1) * self.channels();
                for channel in channels.clone() {
                    let (gamma, beta) = (affine.gamma[channel], affine.beta[channel]);
                    let at = channel * self.samples + sample;
                    let [scale, shift] = affine.film(at);
                    let plane = self.plane(channel, sample);
                    let slope = inverse * gamma * scale;
                    let offset = (beta - mean * inverse * gamma) * scale + shift;
                    let du = &mut slopes.x[plane.clone()];
                    slope_of_silu(&x[plane.clone()], slope, offset, &dy[plane.clone()], du);
                    let [total, with_x] = sums(du, &x[plane], mean);
                    let with_x = with_x * inverse;
                    slopes.gamma[channel] += scale * with_x;
                    slopes.beta[channel] += scale * total;
                    if has_film {
                        slopes.film[0][at] = gamma * with_x + beta * total;
                        slopes.film[1][at] = total;
                    }
                    level += gamma * scale * total / count;
                    along += gamma * scale * with_x / count;
                }
                for channel in channels {
                    let [scale, _] = affine.film(channel * self.samples + sample);
                    let weight = inverse * affine.gamma[channel] * scale;
                    let plane = self.plane(channel, sample);
                    let slope = inverse * inverse * along;
                    let offset = inverse * level - mean * slope;
                    project(&mut slopes.x[plane.clone()], &x[plane], [weight, slope, offset]);
                }
            }
        }
        slopes
    }
}

/// SiLU of a vector.
pub(super) fn silu(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    silu_of_affine(x, 1.0, 0.0, &mut y);
    y
}

/// Its gradient.
pub(super) fn silu_backward(x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    slope_of_silu(x, 1.0, 0.0, dy, &mut dx);
    dx
}

/// The sum, in sixteen parts that vector instructions add at once.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn sum(x: &[f32]) -> f32 {
    let mut parts = [0.0_f32; 16];
    let chunks = x.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().sum();
    chunks.for_each(|c| parts.iter_mut().zip(c).for_each(|(p, x)| *p += x));
    parts.iter().sum::<f32>() + rest
}

#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn sum_of_squares(x: &[f32], mean: f32) -> f32 {
    let square = |x: &f32| (x - mean) * (x - mean);
    let mut parts = [0.0_f32; 16];
    let chunks = x.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(square).sum();
    chunks.for_each(|c| parts.iter_mut().zip(c).for_each(|(p, x)| *p += square(x)));
    parts.iter().sum::<f32>() + rest
}

/// Σ d and Σ d (x − mean).
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn sums(d: &[f32], x: &[f32], mean: f32) -> [f32; 2] {
    let (mut plain, mut with_x) = ([0.0_f32; 16], [0.0_f32; 16]);
    let (ds, xs) = (d.chunks_exact(16), x.chunks_exact(16));
    let rest = ds.remainder().iter().zip(xs.remainder());
    let (mut total, mut product) = (0.0, 0.0);
    for (d, x) in rest {
        total += d;
        product += d * (x - mean);
    }
    for (d, x) in ds.zip(xs) {
        for i in 0..16 {
            plain[i] += d[i];
            with_x[i] += d[i] * (x[i] - mean);
        }
    }
    [plain.iter().sum::<f32>() + total, with_x.iter().sum::<f32>() + product]
}

/// SiLU of slope · x + offset.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn silu_of_affine(x: &[f32], slope: f32, offset: f32, y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        let u = slope * x + offset;
        *y = u * logistic(u);
    }
}

/// The gradient of u = slope · x + offset from that of SiLU u.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn slope_of_silu(x: &[f32], slope: f32, offset: f32, dy: &[f32], du: &mut [f32]) {
    for ((du, x), dy) in du.iter_mut().zip(x).zip(dy) {
        let u = slope * x + offset;
        let s = logistic(u);
        *du = dy * s * (1.0 + u * (1.0 - s));
    }
}

/// d ← weight · d − (slope · x + offset).
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn project(d: &mut [f32], x: &[f32], [weight, slope, offset]: [f32; 3]) {
    for (d, x) in d.iter_mut().zip(x) {
        *d = weight * *d - (slope * x + offset);
    }
}
