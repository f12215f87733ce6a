//! What networks are made of.
//!
//! A network is written once, as a program on a [`Graph`]. Interpreters run it on numbers and backwards
//! ([`Tape`](crate::tape::Tape)), list its parameters and count its memory
//! ([`Declaration`](crate::declaration::Declaration)), and write it as ONNX nodes
//! ([`onnx`](crate::onnx)): so the three cannot differ.

use crate::shape::Shape;

/// A parameter, by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, such as `down.0.first.weight`.
    pub name: String,
    /// Its axes, the slowest first.
    pub shape: Vec<usize>,
    /// Its values before training.
    pub initial: Initial,
}

impl Parameter {
    /// A parameter of this name and shape.
    pub fn new(name: String, shape: &[usize], initial: Initial) -> Self {
        Parameter { name, shape: shape.to_vec(), initial }
    }

    /// Number of its values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Values before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// All of one value.
    Constant(f32),
    /// Normal with mean zero and this standard deviation.
    Normal(f32),
}

/// How a convolution moves over a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// Rows and columns of the kernel: 1 or 3.
    pub kernel: usize,
    /// Pixels between its places: 1, or 2 for half of the size.
    pub stride: usize,
    /// What lies beyond the border, where the kernel is of 3.
    pub padding: Padding,
}

impl Sliding {
    /// The size of a side that was `n`.
    pub fn side(self, n: usize) -> usize {
        n.div_ceil(self.stride)
    }
}

/// What lies beyond the border of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Zeros.
    #[default]
    Zero,
    /// The opposite border: pictures on a torus, as textures are.
    Periodic,
}

/// A group normalisation: every group of channels of a sample gets mean zero and variance one, then every
/// channel its own scale and shift (Wu & He 2018).
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Number of groups, a divisor of the number of channels.
    pub groups: usize,
    /// γ, one per channel.
    pub scale: Parameter,
    /// β, one per channel.
    pub shift: Parameter,
}

/// Added to variances before their root is taken.
pub const NORM_EPSILON: f32 = 1e-5;

/// Piecewise linear functions of the level that a network is told: function k is one at node k, zero at all
/// others, and constant beyond the first and the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Hats {
    /// Slopes and values at zero of the rising and falling side of each; the function is their minimum, within
    /// [0, 1].
    pub sides: Vec<[f32; 4]>,
}

impl Hats {
    /// The functions of increasing nodes.
    ///
    /// ```
    /// use gaussmeter_net::graph::Hats;
    /// let hats = Hats::new(&[0.0, 1.0, 3.0]);
    /// assert_eq!(hats.at(0.5), [0.5, 0.5, 0.0]);
    /// assert_eq!(hats.at(2.0), [0.0, 0.5, 0.5]);
    /// assert_eq!(hats.at(-7.0), [1.0, 0.0, 0.0]);
    /// ```
    pub fn new(nodes: &[f64]) -> Self {
        let side = |from: Option<&f64>, to: f64| match from {
            Some(from) => [1.0 / (to - from), -from / (to - from)],
            None => [0.0, 1.0],
        };
        let of = |k: usize| {
            let [a, b] = side(k.checked_sub(1).and_then(|k| nodes.get(k)), nodes[k]);
            let [c, d] = side(nodes.get(k + 1), nodes[k]);
            [a, b, c, d].map(|v| v as f32)
        };
        Hats { sides: (0..nodes.len()).map(of).collect() }
    }

    /// Their values.
    pub fn at(&self, told: f32) -> Vec<f32> {
        let of = |[a, b, c, d]: &[f32; 4]| (a * told + b).min(c * told + d).clamp(0.0, 1.0);
        self.sides.iter().map(of).collect()
    }
}

/// What interprets a network.
pub trait Graph {
    /// A picture or vector per sample.
    type Value: Clone;

    /// The noisy picture, scaled as the parametrization wants it.
    fn input(&mut self) -> Self::Value;

    /// The level that the network is told: a vector of one value.
    fn told(&mut self) -> Self::Value;

    /// The row of the sample's class in a table of one row per class.
    fn class_row(&mut self, table: &Parameter) -> Self::Value;

    /// The convolution of a picture with a kernel of shape `[out, in, k, k]`, and a bias per channel. Borders
    /// are padded by one pixel where k = 3.
    fn convolution(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: &Parameter,
        sliding: Sliding,
    ) -> Self::Value;

    /// W x + b of a vector, with W of shape `[out, in]`.
    fn dense(&mut self, x: &Self::Value, weight: &Parameter, bias: &Parameter) -> Self::Value;

    /// SiLU of a group normalisation, whose result is first multiplied by 1 + scale and shifted, both a vector
    /// of one value per channel, where they are given (FiLM; Perez et al. 2018).
    fn activation(
        &mut self,
        x: &Self::Value,
        norm: &Norm,
        film: Option<(&Self::Value, &Self::Value)>,
    ) -> Self::Value;

    /// x / (1 + e^−x), value by value.
    fn silu(&mut self, x: &Self::Value) -> Self::Value;

    /// The sum of two of one shape.
    fn add(&mut self, x: &Self::Value, y: &Self::Value) -> Self::Value;

    /// Twice as many rows and columns, every pixel four times.
    fn upsample(&mut self, x: &Self::Value) -> Self::Value;

    /// The channels of one picture, then those of another of the same size.
    fn join(&mut self, x: &Self::Value, y: &Self::Value) -> Self::Value;

    /// sin and cos of a vector of one value times each frequency: all sines, then all cosines.
    fn waves(&mut self, x: &Self::Value, frequencies: &[f32]) -> Self::Value;

    /// The values of [`Hats`] at a vector of one value.
    fn hats(&mut self, x: &Self::Value, hats: &Hats) -> Self::Value;

    /// A vector times value `index` of another.
    fn scaled(&mut self, x: &Self::Value, by: &Self::Value, index: usize) -> Self::Value;

    /// The values of a picture as a vector, channel by channel.
    fn flatten(&mut self, x: &Self::Value) -> Self::Value;

    /// The values of a vector as a picture.
    fn image(&mut self, x: &Self::Value, shape: Shape) -> Self::Value;
}
