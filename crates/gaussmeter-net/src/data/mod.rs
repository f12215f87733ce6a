//! What networks are trained on: exact samples of a Gaussian, drawn afresh for every step, or stored samples.

mod gaussian;
mod stored;

pub use gaussian::GaussianData;
pub use stored::{KEPT, StoredData};

use crate::random::Purpose;
use crate::shape::Shape;
use gaussmeter::basis::Basis;

/// Samples by their number: the same number of a seed always is the same sample.
pub trait TrainingData: Send + Sync {
    /// What they are, in one line.
    fn description(&self) -> String;

    /// The shape of a sample.
    fn shape(&self) -> Shape;

    /// Names of the classes; none where samples have no class.
    fn classes(&self) -> &[String] {
        &[]
    }

    /// Root mean square of a value.
    fn sigma_data(&self) -> f64;

    /// Samples number `first` to `first + count` of a seed.
    fn draw(&self, draw: SampleDraw) -> Drawn;

    /// A number that is another one, almost certainly, for other stored values or classes.
    fn fingerprint(&self) -> u64 {
        0
    }

    /// How many of how many samples are kept to measure on, and never trained on; none where samples are drawn
    /// afresh.
    fn kept(&self) -> Option<[usize; 2]> {
        None
    }

    /// Bytes that they take in memory.
    fn bytes(&self) -> u128 {
        0
    }

    /// The eigenbasis of a Gaussian, for which the exact network is known.
    fn basis(&self) -> Option<&dyn Basis> {
        None
    }
}

/// Which samples to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleDraw {
    /// Determines the sequence.
    pub seed: u64,
    /// Whether they are those that are kept to measure on.
    pub is_held_out: bool,
    /// The first.
    pub first: u64,
    /// How many.
    pub count: usize,
}

impl SampleDraw {
    fn purpose(self) -> Purpose {
        if self.is_held_out { Purpose::HeldOutData } else { Purpose::Data }
    }
}

/// Samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Their values, one sample after another.
    pub values: Vec<f64>,
    /// The class of each, where there are classes.
    pub classes: Vec<usize>,
    /// Which of the stored samples each is; nothing where all are fresh.
    pub stored: Vec<usize>,
}

/// The shape of data vectors: pictures as they are, anything else as one row.
fn shape_of(axes: &[usize]) -> Shape {
    match *axes {
        [channels, height, width] => Shape::image(channels, height, width),
        [height, width] => Shape::image(1, height, width),
        ref other => Shape::image(1, 1, other.iter().product()),
    }
}
