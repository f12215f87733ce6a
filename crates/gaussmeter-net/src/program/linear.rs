use super::Program;
use crate::error::NetError;
use crate::graph::{Graph, Hats, Initial, Parameter};
use serde::{Deserialize, Serialize};

/// The most values of a sample for a matrix per noise level.
pub const MAX_DIM: usize = 1024;

/// The most matrices.
const MAX_NODES: usize = 256;

/// A matrix and a bias per noise level, with those of the two nearest levels mixed linearly, in what the
/// network is told, between levels: F(x) = Σₖ hₖ (Wₖ x + bₖ).
///
/// On Gaussian data it can be exact at its levels, and its training has a closed form: under gradient flow
/// every Wₖ converges to the best linear denoiser at its own rate per eigenvalue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// What the network is told at its levels, increasing.
    pub nodes: Vec<f64>,
}

impl Linear {
    pub(super) fn check(&self, program: &Program) -> Result<(), NetError> {
        let dim = program.shape.len();
        if dim > MAX_DIM {
            return Err(NetError::Size(format!(
                "a linear network has a matrix of {dim} x {dim} per level, but samples of at most {MAX_DIM} values: take --network unet, or smaller pictures"
            )));
        }
        let increases = self.nodes.windows(2).all(|pair| pair[0] < pair[1]);
        if !(1..=MAX_NODES).contains(&self.nodes.len())
            || !increases
            || !self.nodes.iter().all(|node| node.is_finite())
        {
            return Err(NetError::Size(format!(
                "a linear network has 1 to {MAX_NODES} different noise levels"
            )));
        }
        match program.classes {
            0 => Ok(()),
            _ => Err(NetError::Size("a linear network has no classes".into())),
        }
    }

    /// The parameters of level `k`.
    pub(crate) fn parameters(&self, program: &Program, k: usize) -> [Parameter; 2] {
        let dim = program.shape.len();
        [
            Parameter::new(format!("level.{k}.weight"), &[dim, dim], Initial::Constant(0.0)),
            Parameter::new(format!("level.{k}.bias"), &[dim], Initial::Constant(0.0)),
        ]
    }

    pub(super) fn record<G: Graph>(&self, program: &Program, graph: &mut G) -> G::Value {
        let (x, told) = (graph.input(), graph.told());
        let x = graph.flatten(&x);
        let hats = graph.hats(&told, &Hats::new(&self.nodes));
        let mut sum = None;
        for k in 0..self.nodes.len() {
            let [weight, bias] = self.parameters(program, k);
            let y = graph.dense(&x, &weight, &bias);
            let y = graph.scaled(&y, &hats, k);
            sum = Some(match sum {
                None => y,
                Some(sum) => graph.add(&sum, &y),
            });
        }
        let sum = sum.unwrap_or(x);
        graph.image(&sum, program.shape)
    }
}
