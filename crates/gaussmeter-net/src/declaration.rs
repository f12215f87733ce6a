//! The interpreter that lists what a network has, before anything is allocated.

use crate::graph::{Graph, Hats, Norm, Parameter, Sliding};
use crate::parameters::Layout;
use crate::shape::Shape;

/// The parameters of a network, and the values that it computes for each sample.
#[derive(Clone, Debug)]
pub struct Declaration {
    input: Shape,
    /// Its parameters.
    pub layout: Layout,
    /// Values that one sample leaves behind.
    pub values: u128,
    /// The largest number of values for a moment: neighbourhoods of a convolution.
    pub gathered: u128,
    /// Multiplications per sample.
    pub products: u128,
}

impl Declaration {
    /// Nothing declared, for samples of this shape.
    pub fn new(input: Shape) -> Self {
        Declaration { input, layout: Layout::default(), values: 0, gathered: 0, products: 0 }
    }

    /// Bytes of training with batches of `batch` samples in `parts` gradients: weights, their average, two moments
    /// and the gradients; values and their slopes.
    pub fn bytes(&self, batch: usize, parts: usize) -> u128 {
        let weights = self.layout.len() as u128 * (5 + parts as u128);
        4 * (weights + batch as u128 * (2 * self.values + self.gathered))
    }

    /// Bytes of measuring a trained network on `count` samples at once: weights, their average, two moments and a
    /// copy, and values.
    pub fn measuring_bytes(&self, count: usize) -> u128 {
        let weights = self.layout.len() as u128 * 5;
        4 * (weights + count as u128 * (self.values + self.gathered))
    }

    fn push(&mut self, shape: Shape) -> Shape {
        self.values += shape.len() as u128;
        shape
    }
}

impl Graph for Declaration {
    type Value = Shape;

    fn input(&mut self) -> Shape {
        self.push(self.input)
    }
    fn told(&mut self) -> Shape {
        self.push(Shape::vector(1))
    }
    fn class_row(&mut self, table: &Parameter) -> Shape {
        self.layout.add(table);
        self.push(Shape::vector(table.shape.last().copied().unwrap_or(0)))
    }
    fn convolution(
        &mut self,
        x: &Shape,
        weight: &Parameter,
        bias: &Parameter,
        sliding: Sliding,
    ) -> Shape {
        self.layout.add(weight);
        self.layout.add(bias);
        let to = Shape::image(bias.len(), sliding.side(x.height), sliding.side(x.width));
        let neighbours = (x.channels * sliding.kernel * sliding.kernel) as u128;
        self.gathered = self.gathered.max(neighbours * to.pixels() as u128);
        self.products += neighbours * to.len() as u128;
        self.push(to)
    }
    fn dense(&mut self, _x: &Shape, weight: &Parameter, bias: &Parameter) -> Shape {
        self.layout.add(weight);
        self.layout.add(bias);
        self.products += weight.len() as u128;
        self.push(Shape::vector(bias.len()))
    }
    fn activation(&mut self, x: &Shape, norm: &Norm, _film: Option<(&Shape, &Shape)>) -> Shape {
        self.layout.add(&norm.scale);
        self.layout.add(&norm.shift);
        self.push(*x)
    }
    fn silu(&mut self, x: &Shape) -> Shape {
        self.push(*x)
    }
    fn add(&mut self, x: &Shape, _y: &Shape) -> Shape {
        self.push(*x)
    }
    fn upsample(&mut self, x: &Shape) -> Shape {
        self.push(Shape::image(x.channels, 2 * x.height, 2 * x.width))
    }
    fn join(&mut self, x: &Shape, y: &Shape) -> Shape {
        self.push(Shape { channels: x.channels + y.channels, ..*x })
    }
    fn waves(&mut self, _x: &Shape, frequencies: &[f32]) -> Shape {
        self.push(Shape::vector(2 * frequencies.len()))
    }
    fn hats(&mut self, _x: &Shape, hats: &Hats) -> Shape {
        self.push(Shape::vector(hats.sides.len()))
    }
    fn scaled(&mut self, x: &Shape, _by: &Shape, _index: usize) -> Shape {
        self.push(*x)
    }
    fn flatten(&mut self, x: &Shape) -> Shape {
        self.push(Shape::vector(x.len()))
    }
    fn image(&mut self, _x: &Shape, shape: Shape) -> Shape {
        self.push(shape)
    }
}
