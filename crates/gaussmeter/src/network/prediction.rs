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
