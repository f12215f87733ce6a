//! Networks: anything that predicts x_0, the score, the noise or the velocity from a noisy vector.
//! The exact one for Gaussian data is here; a user's network implements [`Denoiser`].

mod gaussian;

pub use gaussian::GaussianDenoiser;

use crate::numeric::differentiation::Real;
use crate::numeric::written;
use crate::process::Level;
use crate::tape::Prediction;
use thiserror::Error;

/// Why a network could not be evaluated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DenoiserError {
    /// The prediction is infinite: no noise is left, and the data have null directions.
    #[error("the {} at t = {} is infinite along {null} null directions of the data", .kind.name(), written(.t))]
    Singular {
        /// What was asked for.
        kind: Prediction,
        /// The time.
        t: f64,
        /// Number of coordinates with λ = 0.
        null: usize,
    },
    /// The network's prediction does not determine the prediction asked for at this level.
    #[error("a network that predicts the {} does not determine the {} at t = {}", .native.name(), .kind.name(), written(.t))]
    Conversion {
        /// What the network predicts.
        native: Prediction,
        /// What was asked for.
        kind: Prediction,
        /// The time.
        t: f64,
    },
    /// The user's own network failed; its error is kept unchanged.
    #[error("the network failed")]
    Network(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A network. Vectors are batches: `batch · dim` values, one sample after another.
pub trait Denoiser {
    /// Length of one sample.
    fn dim(&self) -> usize;

    /// What the network predicts.
    fn native(&self) -> Prediction;

    /// Writes the native prediction for the noisy `x` at `level` into `out`.
    ///
    /// # Errors
    /// [`DenoiserError`]
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError>;

    /// Writes a prediction of any kind into `out`. The default converts the native one with
    /// x = αD + σε and each [`Prediction`] in terms of D and ε; override it if another form is more
    /// accurate.
    ///
    /// # Errors
    /// [`DenoiserError`]
    fn predict(
        &mut self,
        kind: Prediction,
        x: &[f64],
        level: &Level,
        out: &mut [f64],
    ) -> Result<(), DenoiserError> {
        self.evaluate(x, level, out)?;
        let native = self.native();
        if kind == native {
            return Ok(());
        }
        let (a, b) = conversion(native, kind, &level.into());
        let (a, b) = (a.value(), b.value());
        if !(a.is_finite() && b.is_finite()) {
            return Err(DenoiserError::Conversion { native, kind, t: level.t });
        }
        for (y, x) in out.iter_mut().zip(x) {
            *y = a * x + b * *y;
        }
        Ok(())
    }
}

/// (a, b) such that `kind = a x + b native`.
pub(crate) fn conversion(
    native: Prediction,
    kind: Prediction,
    level: &Level<Real>,
) -> (Real, Real) {
    let identity = (Real::from(0.0), Real::from(1.0));
    if kind == native {
        return identity;
    }
    let Level { alpha, sigma, alpha_prime, sigma_sigma_prime, .. } = *level;
    let sigma2 = sigma * sigma;
    // D = a x + b native
    let (a, b) = match native {
        Prediction::Denoiser => identity,
        Prediction::Score => (1.0 / alpha, sigma2 / alpha),
        Prediction::Noise => (1.0 / alpha, -sigma / alpha),
        Prediction::Velocity => {
            let determinant = alpha * sigma_sigma_prime - alpha_prime * sigma2;
            (sigma_sigma_prime / determinant, -sigma2 / determinant)
        }
        Prediction::V => {
            let sum = alpha * alpha + sigma2;
            (alpha / sum, -sigma / sum)
        }
        Prediction::Flow => ((alpha + sigma).recip(), -sigma / (alpha + sigma)),
    };
    // kind = c x + d D
    let (c, d) = match kind {
        Prediction::Denoiser => identity,
        Prediction::Score => (-1.0 / sigma2, alpha / sigma2),
        Prediction::Noise => (1.0 / sigma, -alpha / sigma),
        Prediction::Velocity => {
            let rate = sigma_sigma_prime / sigma2;
            (rate, alpha_prime - rate * alpha)
        }
        Prediction::V => (alpha / sigma, -(alpha * alpha + sigma2) / sigma),
        Prediction::Flow => (1.0 / sigma, -(alpha + sigma) / sigma),
    };
    (c + d * a, d * b)
}
