//! Networks, each written once as a program on a [`Graph`].

mod linear;
mod unet;

pub use linear::{Linear, MAX_DIM};
pub use unet::Unet;

use crate::declaration::Declaration;
use crate::error::NetError;
use crate::graph::Graph;
use crate::shape::Shape;
use serde::{Deserialize, Serialize};

/// The most values of one sample.
pub const MAX_VALUES: usize = 1 << 20;

/// The most parameters.
pub const MAX_PARAMETERS: usize = 1 << 26;

/// A network: what it is made of, but no weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Architecture {
    /// Convolutions at several sizes.
    Unet(Unet),
    /// A matrix per noise level.
    Linear(Linear),
}

/// A network for samples of one shape and a number of classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// What it is made of.
    pub architecture: Architecture,
    /// The shape of a sample.
    pub shape: Shape,
    /// Number of classes, none of which is class number `classes`; 0 for a network that is told no class.
    pub classes: usize,
    /// Frequencies at which a network that is told the level sees it.
    pub frequencies: Vec<f32>,
}

impl Program {
    /// Checks sizes, and lists parameters.
    ///
    /// # Errors
    /// [`NetError::Size`] where the network does not fit the samples, or is too large.
    pub fn declare(&self) -> Result<Declaration, NetError> {
        let Shape { channels, height, width } = self.shape;
        let values = [channels, height, width].into_iter().try_fold(1, usize::checked_mul);
        if !values.is_some_and(|values| (1..=MAX_VALUES).contains(&values)) {
            return Err(NetError::Size(format!(
                "samples of {channels}x{height}x{width} values: networks are for 1 to {MAX_VALUES}"
            )));
        }
        if self.classes > MAX_CLASSES {
            let classes = self.classes;
            return Err(NetError::Size(format!("{classes} classes: at most {MAX_CLASSES}")));
        }
        match &self.architecture {
            Architecture::Unet(unet) => unet.check(self)?,
            Architecture::Linear(linear) => linear.check(self)?,
        }
        let mut declaration = Declaration::new(self.shape);
        self.record(&mut declaration);
        match declaration.layout.len() {
            0..=MAX_PARAMETERS => Ok(declaration),
            len => Err(NetError::Size(format!(
                "{len} parameters, but at most {MAX_PARAMETERS}: take fewer channels or levels"
            ))),
        }
    }

    /// Writes the network on a graph.
    pub fn record<G: Graph>(&self, graph: &mut G) -> G::Value {
        match &self.architecture {
            Architecture::Unet(unet) => unet.record(self, graph),
            Architecture::Linear(linear) => linear.record(self, graph),
        }
    }
}

/// The most classes.
const MAX_CLASSES: usize = 1 << 16;
