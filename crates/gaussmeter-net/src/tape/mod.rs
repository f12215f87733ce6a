//! The interpreter that runs a network on numbers, and backwards.
//!
//! Values lie channel by channel, then sample by sample, then pixel by pixel: so a convolution of all samples
//! is one product of matrices, joining channels is appending, and a vector is a picture of one pixel. All runs
//! on the calling thread; samples are divided among threads by whoever calls.

mod convolution;
mod exponential;
mod normalisation;
mod product;

use crate::graph::{Graph, Hats, Norm, Padding, Parameter, Sliding};
use crate::parameters::Layout;
use crate::shape::Shape;
use convolution::Convolution;
use normalisation::{Activation, Affine, Moments, silu, silu_backward};
use std::ops::Range;

/// What a network is asked: samples of one shape, what it is told of each, and its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The shape of a sample.
    pub shape: Shape,
    /// Scaled noisy samples, one after another.
    pub x: Vec<f32>,
    /// What the network is told of each.
    pub told: Vec<f32>,
    /// The class of each, for networks that have classes.
    pub classes: Vec<usize>,
}

impl Question {
    /// Number of samples.
    pub fn count(&self) -> usize {
        self.told.len()
    }

    /// Some of the samples.
    pub fn part(&self, range: Range<usize>) -> Question {
        let len = self.shape.len();
        Question {
            shape: self.shape,
            x: self.x[range.start * len..range.end * len].to_vec(),
            told: self.told[range.clone()].to_vec(),
            classes: self.classes.get(range).unwrap_or_default().to_vec(),
        }
    }
}

/// From samples one after another to channels one after another; also back, with the numbers exchanged.
fn regroup(values: &[f32], outer: usize, inner: usize, pixels: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for i in 0..inner {
        for o in 0..outer {
            let start = (o * inner + i) * pixels;
            out.extend_from_slice(&values[start..start + pixels]);
        }
    }
    out
}

/// A value on a [`Tape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var(usize);

struct Node {
    shape: Shape,
    values: Vec<f32>,
    made: Made,
}

/// How a value was made.
enum Made {
    /// Nothing that is learnt.
    Given,
    Row {
        table: Range<usize>,
    },
    Convolution {
        x: Var,
        weight: Range<usize>,
        bias: Range<usize>,
        sliding: Sliding,
    },
    Activation {
        x: Var,
        scale: Range<usize>,
        shift: Range<usize>,
        groups: usize,
        film: Option<(Var, Var)>,
        moments: Moments,
    },
    Silu {
        x: Var,
    },
    Sum {
        x: Var,
        y: Var,
    },
    Upsampled {
        x: Var,
    },
    Joined {
        x: Var,
        y: Var,
    },
    Scaled {
        x: Var,
        by: Var,
        index: usize,
    },
    Flat {
        x: Var,
    },
    Image {
        x: Var,
    },
}

/// A run of a network on some samples.
pub struct Tape<'a> {
    layout: &'a Layout,
    weights: &'a [f32],
    question: &'a Question,
    nodes: Vec<Node>,
}

impl<'a> Tape<'a> {
    /// Nothing has run yet.
    pub fn new(layout: &'a Layout, weights: &'a [f32], question: &'a Question) -> Self {
        Tape { layout, weights, question, nodes: Vec::new() }
    }

    fn count(&self) -> usize {
        self.question.count()
    }

    fn push(&mut self, shape: Shape, values: Vec<f32>, made: Made) -> Var {
        self.nodes.push(Node { shape, values, made });
        Var(self.nodes.len() - 1)
    }

    fn shape(&self, x: Var) -> Shape {
        self.nodes[x.0].shape
    }

    fn values(&self, x: Var) -> &[f32] {
        &self.nodes[x.0].values
    }

    /// The values of the samples, one after another.
    pub fn answer(&self, x: Var) -> Vec<f32> {
        let shape = self.shape(x);
        regroup(self.values(x), shape.channels, self.count(), shape.pixels())
    }

    /// Adds to `gradient` that of Σ `slopes` · values of `x`, with slopes sample by sample, with respect to all
    /// parameters.
    pub fn backward(self, x: Var, slopes: &[f32], gradient: &mut [f32]) {
        let count = self.count();
        let shape = self.shape(x);
        let mut all: Vec<Option<Vec<f32>>> = self.nodes.iter().map(|_| None).collect();
        all[x.0] = Some(regroup(slopes, count, shape.channels, shape.pixels()));
        for at in (0..self.nodes.len()).rev() {
            let Some(dy) = all[at].take() else { continue };
            self.step_back(at, dy, &mut all, gradient);
        }
    }

    fn step_back(
        &self,
        at: usize,
        dy: Vec<f32>,
        all: &mut [Option<Vec<f32>>],
        gradient: &mut [f32],
    ) {
        let node = &self.nodes[at];
        let count = self.count();
        match &node.made {
            Made::Given => {}
            Made::Row { table } => {
                let (len, rows) = (node.shape.channels, &mut gradient[table.clone()]);
                for (i, dy) in dy.chunks_exact(count).enumerate() {
                    for (class, dy) in self.question.classes.iter().zip(dy) {
                        rows[class * len + i] += dy;
                    }
                }
            }
            Made::Convolution { x, weight, bias, sliding } => {
                let (from, to) = (self.shape(*x), node.shape);
                let convolution = Convolution { sliding: *sliding, samples: count, from, to };
                let [dweight, dbias] = two(gradient, weight, bias);
                let is_wanted = !matches!(self.nodes[x.0].made, Made::Given);
                let weight = &self.weights[weight.clone()];
                let slopes = [dweight, dbias];
                let dx = convolution.backward(self.values(*x), weight, &dy, slopes, is_wanted);
                dx.into_iter().for_each(|dx| add(&mut all[x.0], dx));
            }
            Made::Activation { x, scale, shift, groups, film, moments } => {
                let activation = Activation { samples: count, shape: node.shape, groups: *groups };
                let affine = self.affine(scale, shift, *film);
                let slopes = activation.backward(self.values(*x), affine, moments, &dy);
                add_to(&mut gradient[scale.clone()], &slopes.gamma);
                add_to(&mut gradient[shift.clone()], &slopes.beta);
                add(&mut all[x.0], slopes.x);
                if let Some((scale, shift)) = film {
                    let [dscale, dshift] = slopes.film;
                    add(&mut all[scale.0], dscale);
                    add(&mut all[shift.0], dshift);
                }
            }
            Made::Silu { x } => add(&mut all[x.0], silu_backward(self.values(*x), &dy)),
            Made::Sum { x, y } => {
                add(&mut all[x.0], dy.clone());
                add(&mut all[y.0], dy);
            }
            Made::Upsampled { x } => add(&mut all[x.0], pooled(&dy, self.shape(*x))),
            Made::Joined { x, y } => {
                let (first, second) = dy.split_at(self.values(*x).len());
                add(&mut all[x.0], first.to_vec());
                add(&mut all[y.0], second.to_vec());
            }
            Made::Scaled { x, by, index } => {
                let by = &self.values(*by)[index * count..(index + 1) * count];
                add(&mut all[x.0], times(&dy, by));
            }
            Made::Flat { x } => {
                let shape = self.shape(*x);
                let flat = regroup_planes(&dy, shape.channels, shape.pixels(), count);
                add(&mut all[x.0], flat);
            }
            Made::Image { x } => {
                let (channels, pixels) = (node.shape.channels, node.shape.pixels());
                add(&mut all[x.0], regroup_planes(&dy, channels, count, pixels));
            }
        }
    }

    fn affine(
        &self,
        scale: &Range<usize>,
        shift: &Range<usize>,
        film: Option<(Var, Var)>,
    ) -> Affine<'_> {
        Affine {
            gamma: &self.weights[scale.clone()],
            beta: &self.weights[shift.clone()],
            film: film.map(|(scale, shift)| [self.values(scale), self.values(shift)]),
        }
    }
}

/// Two separate parts of the gradient.
fn two<'a>(
    gradient: &'a mut [f32],
    weight: &Range<usize>,
    bias: &Range<usize>,
) -> [&'a mut [f32]; 2] {
    let (before, after) = gradient.split_at_mut(bias.start);
    [&mut before[weight.clone()], &mut after[..bias.len()]]
}

fn add_to(sum: &mut [f32], values: &[f32]) {
    sum.iter_mut().zip(values).for_each(|(s, v)| *s += v);
}

fn add(sum: &mut Option<Vec<f32>>, values: Vec<f32>) {
    match sum {
        Some(sum) => add_to(sum, &values),
        None => *sum = Some(values),
    }
}

/// Every row of as many values as `by` has, times those.
fn times(x: &[f32], by: &[f32]) -> Vec<f32> {
    x.chunks_exact(by.len()).flat_map(|x| x.iter().zip(by).map(|(x, b)| x * b)).collect()
}

/// Within every channel, from `inner` values for each of `outer` to the other way round.
fn regroup_planes(values: &[f32], channels: usize, outer: usize, inner: usize) -> Vec<f32> {
    let size = outer * inner;
    (0..channels)
        .flat_map(|c| regroup(&values[c * size..(c + 1) * size], outer, inner, 1))
        .collect()
}

/// Every pixel of pictures of `shape` four times.
fn upsampled(x: &[f32], shape: Shape) -> Vec<f32> {
    let mut y = Vec::with_capacity(4 * x.len());
    for row in x.chunks_exact(shape.width) {
        for _ in 0..2 {
            y.extend(row.iter().flat_map(|x| [*x, *x]));
        }
    }
    y
}

/// Sums over the four copies of every pixel of pictures of `shape`.
fn pooled(dy: &[f32], shape: Shape) -> Vec<f32> {
    let rows = dy.chunks_exact(4 * shape.width);
    let sum = |rows: &[f32]| {
        let (top, bottom) = rows.split_at(2 * shape.width);
        let pairs = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        pairs.map(|(a, b)| (a[0] + a[1]) + (b[0] + b[1])).collect::<Vec<_>>()
    };
    rows.flat_map(sum).collect()
}

impl Graph for Tape<'_> {
    type Value = Var;

    fn input(&mut self) -> Var {
        let shape = self.question.shape;
        let values = regroup(&self.question.x, self.count(), shape.channels, shape.pixels());
        self.push(shape, values, Made::Given)
    }

    fn told(&mut self) -> Var {
        self.push(Shape::vector(1), self.question.told.clone(), Made::Given)
    }

    fn class_row(&mut self, table: &Parameter) -> Var {
        let range = self.layout.range(table);
        let rows = &self.weights[range.clone()];
        let len = table.shape.last().copied().unwrap_or(0);
        let classes = &self.question.classes;
        let values = (0..len).flat_map(|i| classes.iter().map(move |class| rows[class * len + i]));
        let values = values.collect();
        self.push(Shape::vector(len), values, Made::Row { table: range })
    }

    fn convolution(
        &mut self,
        x: &Var,
        weight: &Parameter,
        bias: &Parameter,
        sliding: Sliding,
    ) -> Var {
        let (weight, bias) = (self.layout.range(weight), self.layout.range(bias));
        let from = self.shape(*x);
        let to = Shape::image(bias.len(), sliding.side(from.height), sliding.side(from.width));
        let convolution = Convolution { sliding, samples: self.count(), from, to };
        let (w, b) = (&self.weights[weight.clone()], &self.weights[bias.clone()]);
        let values = convolution.forward(self.values(*x), w, b);
        self.push(to, values, Made::Convolution { x: *x, weight, bias, sliding })
    }

    fn dense(&mut self, x: &Var, weight: &Parameter, bias: &Parameter) -> Var {
        let sliding = Sliding { kernel: 1, stride: 1, padding: Padding::Zero };
        self.convolution(x, weight, bias, sliding)
    }

    fn activation(&mut self, x: &Var, norm: &Norm, film: Option<(&Var, &Var)>) -> Var {
        let (scale, shift) = (self.layout.range(&norm.scale), self.layout.range(&norm.shift));
        let film = film.map(|(scale, shift)| (*scale, *shift));
        let shape = self.shape(*x);
        let activation = Activation { samples: self.count(), shape, groups: norm.groups };
        let affine = self.affine(&scale, &shift, film);
        let (values, moments) = activation.forward(self.values(*x), affine);
        let groups = norm.groups;
        self.push(shape, values, Made::Activation { x: *x, scale, shift, groups, film, moments })
    }

    fn silu(&mut self, x: &Var) -> Var {
        let values = silu(self.values(*x));
        self.push(self.shape(*x), values, Made::Silu { x: *x })
    }

    fn add(&mut self, x: &Var, y: &Var) -> Var {
        let mut values = self.values(*x).to_vec();
        add_to(&mut values, self.values(*y));
        self.push(self.shape(*x), values, Made::Sum { x: *x, y: *y })
    }

    fn upsample(&mut self, x: &Var) -> Var {
        let shape = self.shape(*x);
        let values = upsampled(self.values(*x), shape);
        let twice = Shape::image(shape.channels, 2 * shape.height, 2 * shape.width);
        self.push(twice, values, Made::Upsampled { x: *x })
    }

    fn join(&mut self, x: &Var, y: &Var) -> Var {
        let (first, second) = (self.shape(*x), self.shape(*y));
        let values = [self.values(*x), self.values(*y)].concat();
        let channels = first.channels + second.channels;
        self.push(Shape { channels, ..first }, values, Made::Joined { x: *x, y: *y })
    }

    fn waves(&mut self, x: &Var, frequencies: &[f32]) -> Var {
        let told = self.values(*x);
        let of = |wave: fn(f32) -> f32| {
            frequencies.iter().flat_map(move |f| told.iter().map(move |t| wave(f * t)))
        };
        let values = of(f32::sin).chain(of(f32::cos)).collect();
        self.push(Shape::vector(2 * frequencies.len()), values, Made::Given)
    }

    fn hats(&mut self, x: &Var, hats: &Hats) -> Var {
        let values: Vec<f32> = self.values(*x).iter().flat_map(|told| hats.at(*told)).collect();
        let values = regroup(&values, self.count(), hats.sides.len(), 1);
        self.push(Shape::vector(hats.sides.len()), values, Made::Given)
    }

    fn scaled(&mut self, x: &Var, by: &Var, index: usize) -> Var {
        let count = self.count();
        let values = times(self.values(*x), &self.values(*by)[index * count..(index + 1) * count]);
        self.push(self.shape(*x), values, Made::Scaled { x: *x, by: *by, index })
    }

    fn flatten(&mut self, x: &Var) -> Var {
        let shape = self.shape(*x);
        let values = regroup_planes(self.values(*x), shape.channels, self.count(), shape.pixels());
        self.push(Shape::vector(shape.len()), values, Made::Flat { x: *x })
    }

    fn image(&mut self, x: &Var, shape: Shape) -> Var {
        let values = regroup_planes(self.values(*x), shape.channels, shape.pixels(), self.count());
        self.push(shape, values, Made::Image { x: *x })
    }
}
