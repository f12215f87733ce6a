use super::Learnt;
use crate::level::Level;
use crate::network::{Denoiser, DenoiserError, Prediction};
use std::sync::Arc;

/// A network whose answers are affine along eigenvectors, on real vectors: one coordinate per eigenvector,
/// in the order of [`Learnt::truth`], as [`EigenCoordinates`](crate::basis::EigenCoordinates) has them.
#[derive(Clone, Debug)]
pub struct LinearDenoiser {
    learnt: Arc<Learnt>,
    /// The mode of each coordinate.
    modes: Arc<[usize]>,
}

impl LinearDenoiser {
    /// What a network has learnt, on vectors; multiplicities are taken as whole numbers.
    pub fn new(learnt: Learnt) -> Self {
        let count = |m: f64| m.round() as usize;
        let truth = learnt.truth().iter().enumerate();
        let modes = truth.flat_map(|(i, m)| std::iter::repeat_n(i, count(m.multiplicity)));
        LinearDenoiser { modes: modes.collect(), learnt: Arc::new(learnt) }
    }
}

impl Denoiser for LinearDenoiser {
    fn dim(&self) -> usize {
        self.modes.len()
    }

    fn native(&self) -> Prediction {
        Prediction::Denoiser
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.predict(Prediction::Denoiser, x, level, out)
    }

    fn predict(
        &mut self,
        kind: Prediction,
        x: &[f64],
        level: &Level,
        out: &mut [f64],
    ) -> Result<(), DenoiserError> {
        let answers = self.learnt.at(level);
        let affine: Vec<[f64; 2]> =
            (0..self.learnt.truth().len()).map(|i| answers(i).of(kind, level)).collect();
        if affine.iter().flatten().any(|v| !v.is_finite()) {
            let null = affine.iter().filter(|[a, _]| !a.is_finite()).count();
            return Err(DenoiserError::Singular { kind, t: level.t, null });
        }
        let dim = self.dim();
        for (x, out) in x.chunks(dim).zip(out.chunks_mut(dim)) {
            for ((out, x), mode) in out.iter_mut().zip(x).zip(&*self.modes) {
                let [slope, shift] = affine[*mode];
                *out = slope * x + shift;
            }
        }
        Ok(())
    }
}
