use crate::network::Prediction;

/// Why a law is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The network is evaluated without noise where Σ is singular: the data have no density there.
    SingularPrediction {
        /// What is predicted.
        kind: Prediction,
        /// The time of the evaluation.
        t: f64,
        /// The step, from 1.
        step: usize,
    },
    /// A number left the range of 64-bit floats.
    Overflow {
        /// The smallest eigenvalue where it happened.
        eigenvalue: f64,
    },
    /// What the network answers depends on the step, and has no limit of small steps.
    NoLimit,
    /// The output has a null direction that the data lack, or vice versa: the laws are mutually
    /// singular, and one is infinitely unlikely under the other.
    Ranges {
        /// The smallest eigenvalue where it happens.
        eigenvalue: f64,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::SingularPrediction { kind, t, step } => write!(
                f,
                "step {step} evaluates the {} at t = {t}, where no noise is left: it is infinite along the null directions of the covariance",
                kind.name()
            ),
            Reason::Overflow { eigenvalue } => {
                write!(f, "the recursion overflows at eigenvalue {eigenvalue:e}")
            }
            Reason::NoLimit => f.write_str(
                "cfg++ guides once per step, however small steps are: there is no continuous solution",
            ),
            Reason::Ranges { eigenvalue: 0.0 } => f.write_str(
                "along the null directions of the data the output differs from the data: the laws are mutually singular",
            ),
            Reason::Ranges { eigenvalue } => write!(
                f,
                "the output is degenerate at eigenvalue {eigenvalue:e}, but the data are not: the laws are mutually singular"
            ),
        }
    }
}

/// What a law is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The data law p_0 = N(μ, Σ): truncation counts as an error.
    Data,
    /// The law p_t of the forward process at the state's own level: truncation does not count.
    Marginal,
}

/// One mode of a [`Law`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LawMode {
    /// Eigenvalue λ of the data covariance.
    pub eigenvalue: f64,
    /// Its multiplicity.
    pub multiplicity: f64,
    /// Coefficient of the initial state.
    pub gain: f64,
    /// Mean m, in data units.
    pub mean: f64,
    /// Variance v, in squared data units; may be infinite.
    pub variance: f64,
    /// Variance of the target.
    pub target_variance: f64,
    /// m minus the target's mean.
    pub mean_error: f64,
    /// v minus the target's variance, without cancellation where it is known in closed form.
    pub variance_error: f64,
}

/// A Gaussian law N(m, diag v) in the eigenbasis of Σ, mode by mode, with its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    /// One entry per mode of the spectrum, in its order.
    pub modes: Vec<LawMode>,
    /// Set if some variance is infinite.
    pub infinite: Option<Reason>,
}

impl Law {
    /// Number of modes that the sampler flips: a negative gain does not change the law, but changes
    /// the sign of every sample.
    pub fn negative_gains(&self) -> usize {
        self.modes.iter().filter(|m| m.gain < 0.0).count()
    }
}
