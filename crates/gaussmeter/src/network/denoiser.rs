use super::Prediction;
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
        let Some((a, b)) = kind.from_native(native, level) else {
            return Err(DenoiserError::Conversion { native, kind, t: level.t });
        };
        for (y, x) in out.iter_mut().zip(x) {
            *y = a * x + b * *y;
        }
        Ok(())
    }
}

/// A network that is a closure: it is given noisy vectors, one after another, and their level, and writes
/// predictions.
///
/// ```
/// use gaussmeter::level::Level;
/// use gaussmeter::network::{Denoiser, DenoiserFn, Prediction};
/// use gaussmeter::prelude::*;
/// // For data N(0, 1): E[x_0 | x] = αx/(α² + σ²).
/// let mean = |x: &[f64], level: &Level, out: &mut [f64]| {
///     let gain = level.alpha / level.variance(1.0);
///     out.iter_mut().zip(x).for_each(|(out, x)| *out = gain * x);
///     Ok(())
/// };
/// let mut network = DenoiserFn::new(2, Prediction::Denoiser, mean);
/// let mut out = [0.0; 2];
/// network.evaluate(&[1.0, -4.0], &Edm::new(80.0).level(1.0), &mut out)?;
/// assert_eq!(out, [0.5, -2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DenoiserFn<F> {
    dim: usize,
    native: Prediction,
    predict: F,
}

impl<F> DenoiserFn<F>
where
    F: FnMut(&[f64], &Level, &mut [f64]) -> Result<(), DenoiserError>,
{
    /// A network for vectors of `dim` values that predicts `native`.
    pub fn new(dim: usize, native: Prediction, predict: F) -> Self {
        DenoiserFn { dim, native, predict }
    }
}

impl<F> Denoiser for DenoiserFn<F>
where
    F: FnMut(&[f64], &Level, &mut [f64]) -> Result<(), DenoiserError>,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn native(&self) -> Prediction {
        self.native
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        (self.predict)(x, level, out)
    }
}
