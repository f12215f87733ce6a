use super::conversion;
use crate::level::Level;

/// What the network is asked for. With x = αx_0 + σz and an exact network all carry the same
/// information; each is a primitive of the tape because each has its own stable form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// D(x) = E[x_0 | x].
    Denoiser,
    /// ∇ log p_t(x) = (αD − x)/σ².
    Score,
    /// ε(x) = E[z | x] = (x − αD)/σ.
    Noise,
    /// v(x) = α′D + σ′ε, the right side of the probability-flow ODE dx/dt = v.
    Velocity,
    /// αε − σD, the "v" of v-prediction (Salimans & Ho 2022): the velocity in the angle
    /// arctan(σ/α) of a variance-preserving process.
    V,
    /// ε − D, the velocity of flow matching in σ.
    Flow,
}

impl Prediction {
    /// All kinds.
    pub const ALL: [Prediction; 6] = [
        Prediction::Denoiser,
        Prediction::Score,
        Prediction::Noise,
        Prediction::Velocity,
        Prediction::V,
        Prediction::Flow,
    ];

    /// (a, b) such that this kind of prediction is a x + b y, where y is the one of kind `native` for the
    /// noisy x at `level`; `None` where y does not determine it.
    ///
    /// ```
    /// use gaussmeter::network::Prediction;
    /// use gaussmeter::prelude::*;
    /// // The noise is (x − αD)/σ.
    /// let level = Edm::new(80.0).level(2.0);
    /// let noise = Prediction::Noise.from_native(Prediction::Denoiser, &level);
    /// assert_eq!(noise, Some((0.5, -0.5)));
    /// ```
    pub fn from_native(self, native: Prediction, level: &Level) -> Option<(f64, f64)> {
        let (a, b) = conversion(native, self, &level.into());
        let (a, b) = (a.value(), b.value());
        (a.is_finite() && b.is_finite()).then_some((a, b))
    }

    /// The name in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Prediction::Denoiser => "denoiser",
            Prediction::Score => "score",
            Prediction::Noise => "noise",
            Prediction::Velocity => "velocity",
            Prediction::V => "v-prediction",
            Prediction::Flow => "flow velocity",
        }
    }
}
