use super::{Denoiser, DenoiserError, Prediction};
use crate::basis::Basis;
use crate::level::Level;
use std::fmt;

/// A network on data vectors, as one on coordinates along the vectors of an orthonormal basis.
pub struct InBasis<'a> {
    basis: &'a dyn Basis,
    network: Box<dyn Denoiser + Send + 'a>,
    data: Vec<f64>,
    answer: Vec<f64>,
}

impl<'a> InBasis<'a> {
    /// `network` in the coordinates of `basis`.
    pub fn new(basis: &'a dyn Basis, network: Box<dyn Denoiser + Send + 'a>) -> Self {
        InBasis { basis, network, data: Vec::new(), answer: Vec::new() }
    }
}

impl fmt::Debug for InBasis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InBasis").field("basis", &self.basis).finish_non_exhaustive()
    }
}

impl Denoiser for InBasis<'_> {
    fn dim(&self) -> usize {
        self.basis.dim()
    }

    fn native(&self) -> Prediction {
        self.network.native()
    }

    /// All predictions are linear in x and D, so that they turn with the basis.
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.data.resize(x.len(), 0.0);
        self.answer.resize(x.len(), 0.0);
        self.basis.synthesize(x, &mut self.data);
        self.network.evaluate(&self.data, level, &mut self.answer)?;
        self.basis.analyze(&self.answer, out);
        Ok(())
    }
}
