use super::{Prediction, conversion};
use crate::level::Level;
use crate::numeric::written;
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
