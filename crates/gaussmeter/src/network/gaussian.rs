use super::{Denoiser, DenoiserError, Factor, Prediction};
use crate::basis::Basis;
use crate::level::Level;
use crate::spectrum::Spectrum;

/// The exact network for Gaussian data, in the eigenbasis of Σ: each prediction is affine per
/// coordinate, in its own numerically stable form (see [`Factor`]).
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianDenoiser {
    eigenvalues: Vec<f64>,
    means: Vec<f64>,
}

impl GaussianDenoiser {
    /// One coordinate per distinct mode of the spectrum, in its order.
    pub fn per_mode(spectrum: &Spectrum) -> Self {
        GaussianDenoiser {
            eigenvalues: spectrum.eigenvalues().to_vec(),
            means: spectrum.modes().iter().map(|m| m.mean).collect(),
        }
    }

    /// One coordinate per vector of a basis, in its order.
    pub fn in_basis(basis: &dyn Basis) -> Self {
        GaussianDenoiser {
            eigenvalues: basis.eigenvalues().to_vec(),
            means: basis.means().to_vec(),
        }
    }
}

impl Denoiser for GaussianDenoiser {
    fn dim(&self) -> usize {
        self.eigenvalues.len()
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
        let factor = Factor::new(kind, level);
        if factor.is_singular(kind) {
            let null = self.eigenvalues.iter().filter(|l| **l == 0.0).count();
            if null > 0 {
                return Err(DenoiserError::Singular { kind, t: level.t, null });
            }
        }
        let affine: Vec<(f64, f64)> = self
            .eigenvalues
            .iter()
            .zip(&self.means)
            .map(|(&lambda, mean)| (factor.weight(lambda), factor.mean_weight(lambda) * mean))
            .collect();
        let dim = self.dim();
        for (x, out) in x.chunks(dim).zip(out.chunks_mut(dim)) {
            for ((y, x), (weight, shift)) in out.iter_mut().zip(x).zip(&affine) {
                *y = weight * x + shift;
            }
        }
        Ok(())
    }
}
