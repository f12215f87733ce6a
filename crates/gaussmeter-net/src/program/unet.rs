use super::Program;
use crate::error::NetError;
use crate::graph::{Graph, Initial, Norm, Padding, Parameter, Sliding};
use serde::{Deserialize, Serialize};

/// The most channels.
const MAX_CHANNELS: usize = 1024;

/// The most residual blocks of a level.
const MAX_BLOCKS: usize = 16;

/// Convolutions at several sizes, each half of the one before, with connections across (Ronneberger, Fischer &
/// Brox 2015; for noise levels Ho, Jain & Abbeel 2020): residual blocks of two 3×3 convolutions, each after a
/// group normalisation and SiLU; the noise level scales and shifts the second normalisation of every block
/// (FiLM).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unet {
    /// Channels at every size, the largest size first.
    pub channels: Vec<usize>,
    /// Residual blocks at every size, on the way down and again on the way up.
    pub blocks: usize,
    /// What lies beyond the border.
    pub padding: Padding,
}

impl Default for Unet {
    fn default() -> Self {
        Unet { channels: vec![32, 64], blocks: 1, padding: Padding::Zero }
    }
}

/// A list of parameters that is being written.
struct Writer<'a, G: Graph> {
    graph: &'a mut G,
    padding: Padding,
    embedding: Option<G::Value>,
    width: usize,
}

impl Unet {
    pub(super) fn check(&self, program: &Program) -> Result<(), NetError> {
        let sizes = self.channels.len();
        if sizes == 0 || self.channels.iter().any(|c| !(1..=MAX_CHANNELS).contains(c)) {
            return Err(NetError::Size(format!(
                "a U-Net has 1 to {MAX_CHANNELS} channels at each of its sizes, such as 32,64"
            )));
        }
        if !(1..=MAX_BLOCKS).contains(&self.blocks) {
            return Err(NetError::Size(format!("a U-Net has 1 to {MAX_BLOCKS} blocks per size")));
        }
        let (height, width) = (program.shape.height, program.shape.width);
        let divisor = u32::try_from(sizes - 1).ok().and_then(|n| 1_usize.checked_shl(n));
        let divides =
            |divisor: usize| height.is_multiple_of(divisor) && width.is_multiple_of(divisor);
        match divisor.is_some_and(divides) {
            true => Ok(()),
            false => Err(NetError::Size(format!(
                "pictures of {height}x{width} cannot be halved {} times: give fewer widths (one number per size), or another size of pictures",
                sizes - 1
            ))),
        }
    }

    /// Length of the vector that tells the noise level: four times the first channels, at least 32.
    fn embedding(&self) -> usize {
        self.channels.first().map_or(32, |c| (4 * c).clamp(32, 512))
    }

    pub(super) fn record<G: Graph>(&self, program: &Program, graph: &mut G) -> G::Value {
        let width = self.embedding();
        let mut w = Writer { graph, padding: self.padding, embedding: None, width };
        let told = w.graph.told();
        let waves = w.graph.waves(&told, &program.frequencies);
        let e = w.dense("embedding.0", &waves, 2 * program.frequencies.len(), width);
        let e = w.graph.silu(&e);
        let mut e = w.dense("embedding.1", &e, width, width);
        if program.classes > 0 {
            let shape = [program.classes + 1, width];
            let row = Parameter::new("embedding.class".into(), &shape, Initial::Normal(1.0));
            let row = w.graph.class_row(&row);
            e = w.graph.add(&e, &row);
        }
        w.embedding = Some(w.graph.silu(&e));

        let (first, last) = (self.channels[0], self.channels[self.channels.len() - 1]);
        let x = w.graph.input();
        let mut x = w.convolution("input", &x, [program.shape.channels, first], 1, 1.0);
        let mut kept = Vec::new();
        for (level, &channels) in self.channels.iter().enumerate() {
            if level > 0 {
                let ends = [self.channels[level - 1], channels];
                x = w.convolution(&format!("down.{level}.half"), &x, ends, 2, 1.0);
            }
            for block in 0..self.blocks {
                x = w.residual(&format!("down.{level}.{block}"), &x, [channels, channels]);
                kept.push(x.clone());
            }
        }
        x = w.residual("middle", &x, [last, last]);
        for (level, &channels) in self.channels.iter().enumerate().rev() {
            for block in 0..self.blocks {
                if let Some(skip) = kept.pop() {
                    x = w.graph.join(&x, &skip);
                }
                x = w.residual(&format!("up.{level}.{block}"), &x, [2 * channels, channels]);
            }
            if level > 0 {
                x = w.graph.upsample(&x);
                let ends = [channels, self.channels[level - 1]];
                x = w.convolution(&format!("up.{level}.twice"), &x, ends, 1, 1.0);
            }
        }
        let norm = norm("output.norm", first);
        let x = w.graph.activation(&x, &norm, None);
        w.convolution("output", &x, [first, program.shape.channels], 1, 0.0)
    }
}

/// Groups of at least four channels, at most eight of them.
fn groups(channels: usize) -> usize {
    (1..=8).rev().find(|g| channels.is_multiple_of(*g) && channels / g >= 4).unwrap_or(1)
}

fn norm(name: &str, channels: usize) -> Norm {
    let of = |part: &str, value: f32| {
        Parameter::new(format!("{name}.{part}"), &[channels], Initial::Constant(value))
    };
    Norm { groups: groups(channels), scale: of("scale", 1.0), shift: of("shift", 0.0) }
}

impl<G: Graph> Writer<'_, G> {
    /// W x + b, with entries of variance 1/in.
    fn dense(&mut self, name: &str, x: &G::Value, from: usize, to: usize) -> G::Value {
        let deviation = (1.0 / from as f32).sqrt();
        self.dense_of(name, x, [from, to], Initial::Normal(deviation))
    }

    fn dense_of(
        &mut self,
        name: &str,
        x: &G::Value,
        [from, to]: [usize; 2],
        initial: Initial,
    ) -> G::Value {
        let weight = Parameter::new(format!("{name}.weight"), &[to, from], initial);
        let bias = Parameter::new(format!("{name}.bias"), &[to], Initial::Constant(0.0));
        self.graph.dense(x, &weight, &bias)
    }

    /// A convolution of 3×3 with entries of variance gain²/in.
    fn convolution(
        &mut self,
        name: &str,
        x: &G::Value,
        [from, to]: [usize; 2],
        stride: usize,
        gain: f32,
    ) -> G::Value {
        self.kernel(name, x, [from, to], Sliding { kernel: 3, stride, padding: self.padding }, gain)
    }

    fn kernel(
        &mut self,
        name: &str,
        x: &G::Value,
        [from, to]: [usize; 2],
        sliding: Sliding,
        gain: f32,
    ) -> G::Value {
        let k = sliding.kernel;
        let initial = match gain {
            0.0 => Initial::Constant(0.0),
            gain => Initial::Normal(gain * (1.0 / (from * k * k) as f32).sqrt()),
        };
        let weight = Parameter::new(format!("{name}.weight"), &[to, from, k, k], initial);
        let bias = Parameter::new(format!("{name}.bias"), &[to], Initial::Constant(0.0));
        self.graph.convolution(x, &weight, &bias, sliding)
    }

    /// x, or a 1×1 convolution of it where channels change, plus two convolutions, of which the second begins
    /// at zero.
    fn residual(&mut self, name: &str, x: &G::Value, [from, to]: [usize; 2]) -> G::Value {
        let first = norm(&format!("{name}.norm.0"), from);
        let y = self.graph.activation(x, &first, None);
        let y = self.convolution(&format!("{name}.first"), &y, [from, to], 1, 1.0);
        let film = self.embedding.clone().map(|e| {
            let of = |w: &mut Self, part: &str| {
                let name = format!("{name}.film.{part}");
                w.dense_of(&name, &e, [w.width, to], Initial::Constant(0.0))
            };
            [of(self, "scale"), of(self, "shift")]
        });
        let film = film.as_ref().map(|[scale, shift]| (scale, shift));
        let second = norm(&format!("{name}.norm.1"), to);
        let y = self.graph.activation(&y, &second, film);
        let y = self.convolution(&format!("{name}.second"), &y, [to, to], 1, 0.0);
        let x = match from == to {
            true => x.clone(),
            false => {
                let pointwise = Sliding { kernel: 1, stride: 1, padding: self.padding };
                self.kernel(&format!("{name}.across"), x, [from, to], pointwise, 1.0)
            }
        };
        self.graph.add(&x, &y)
    }
}
