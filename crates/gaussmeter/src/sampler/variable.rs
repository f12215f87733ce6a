//! The probability-flow ODE in a chosen variable, for schemes that are written for any ODE.

use super::SamplerError;
use super::transfer::{level_at, needs_finite_ratio};
use crate::entry::{Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape};

/// The variable w that an ODE scheme steps in. The state is X = r ξ, and dξ/dw = f(ξ, w).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Variable {
    /// The time of the process: w = t, r = 1, f = v.
    #[default]
    Time,
    /// The noise ratio of EDM: w = ς = σ/α, r = α, f = (ξ − D)/ς.
    NoiseRatio,
    /// A time and a scale of the general form of EDM, whatever the process has.
    Edm(EdmTime),
}

/// The noise ratio and the scale as functions of time in EDM, equation 4: states are s(t) (x₀ + ς n),
///
/// dξ/dt = (ς̇/ς + ṡ/s) ξ − (ς̇ s/ς) D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdmTime {
    /// ς(t).
    pub schedule: EdmSchedule,
    /// s = 1/√(1 + ς²) instead of 1.
    pub unit_variance: bool,
}

/// ς(t) of EDM, table 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdmSchedule {
    /// ς = t.
    Linear,
    /// ς = √t.
    Ve,
    /// ς = √(exp(½ β_d t² + β_min t) − 1).
    Vp {
        /// β_d > 0.
        beta_d: f64,
        /// β_min; slightly below 0 for some ranges of EDM.
        beta_min: f64,
    },
}

impl EdmSchedule {
    /// The schedule vp with ς = `low` at t = 1e-3 and ς = `high` at t = 1; `None` if β_d would not
    /// be positive.
    pub fn vp(low: f64, high: f64) -> Option<Self> {
        let (first, whole) = ((low * low).ln_1p() / 1e-3, (high * high).ln_1p());
        let beta_d = 2.0 * (whole - first) / (1.0 - 1e-3);
        (beta_d > 0.0 && beta_d.is_finite())
            .then_some(EdmSchedule::Vp { beta_d, beta_min: whole - 0.5 * beta_d })
    }

    /// t(ς).
    fn time(self, ratio: Real) -> Real {
        match self {
            EdmSchedule::Linear => ratio,
            EdmSchedule::Ve => ratio * ratio,
            // Data are at t = 0 also where β_min < 0 gives ς = 0 earlier.
            EdmSchedule::Vp { .. } if ratio == 0.0 => ratio,
            EdmSchedule::Vp { beta_d, beta_min } => {
                let integral = (ratio * ratio).ln_1p();
                let root = (2.0 * beta_d * integral + beta_min * beta_min).sqrt();
                // (root − β_min)/β_d without cancellation.
                if beta_min > 0.0 {
                    2.0 * integral / (root + beta_min)
                } else {
                    (root - beta_min) / beta_d
                }
            }
        }
    }
    /// ς(t).
    fn ratio(self, time: Real) -> Real {
        match self {
            EdmSchedule::Linear => time,
            EdmSchedule::Ve => time.sqrt(),
            EdmSchedule::Vp { beta_d, beta_min } => {
                (time * (0.5 * beta_d * time + beta_min)).exp_m1().sqrt()
            }
        }
    }
    /// ς̇/ς.
    fn log_rate(self, ratio: Real) -> Real {
        match self {
            EdmSchedule::Linear => ratio.recip(),
            EdmSchedule::Ve => 0.5 / (ratio * ratio),
            EdmSchedule::Vp { beta_d, beta_min } => {
                let beta = beta_d * self.time(ratio) + beta_min;
                0.5 * beta * (1.0 + ratio * ratio) / (ratio * ratio)
            }
        }
    }
}

impl EdmTime {
    fn scale(self, ratio: Real) -> Real {
        match self.unit_variance {
            true => (1.0 + ratio * ratio).sqrt().recip(),
            false => Real::from(1.0),
        }
    }
}

impl Variable {
    /// The parameter that chooses between t and ς.
    pub(super) const PARAMETER: Parameter = Parameter {
        name: "variable",
        kind: Kind::Choice(&["t", "noise-ratio"]),
        default: Some("t"),
        summary: "variable the scheme steps in: the time of the process, or sigma/alpha",
    };

    pub(super) fn of(text: &str) -> Self {
        match text {
            "noise-ratio" => Variable::NoiseRatio,
            _ => Variable::Time,
        }
    }

    /// w.
    pub(super) fn at(self, level: &Level<Real>) -> Real {
        match self {
            Variable::Time => level.t,
            Variable::NoiseRatio => level.noise_ratio(),
            Variable::Edm(time) => time.schedule.time(level.noise_ratio()),
        }
    }

    /// r.
    pub(super) fn scale(self, level: &Level<Real>) -> Real {
        match self {
            Variable::Time => Real::from(1.0),
            Variable::NoiseRatio => level.alpha,
            Variable::Edm(time) => level.alpha / time.scale(level.noise_ratio()),
        }
    }

    /// The level at w, for intermediate stages of a step.
    pub(super) fn level(
        self,
        grid: &Grid,
        step: &Step,
        w: Real,
    ) -> Result<Level<Real>, SamplerError> {
        match self {
            Variable::Time => Ok(step.level(w)),
            Variable::NoiseRatio => level_at(grid, step, w),
            Variable::Edm(time) => level_at(grid, step, time.schedule.ratio(w)),
        }
    }

    /// Refuses a step that starts where w is infinite.
    pub(super) fn check(self, grid: &Grid, step: &Step) -> Result<(), SamplerError> {
        match self {
            Variable::Time => Ok(()),
            _ => needs_finite_ratio(grid, step),
        }
    }

    /// Whether f exists at σ = 0, except along null directions of Σ.
    pub(super) fn reaches_data(self) -> bool {
        self == Variable::Time
    }

    /// f at ξ.
    pub(super) fn slope(self, tape: &Tape, xi: &Linear, level: &Level<Real>) -> Linear {
        match self {
            Variable::Time => tape.predict(Prediction::Velocity, xi, level).into(),
            // ξ stays a combination of denoisers, so that terms cancel before rounding.
            Variable::NoiseRatio => {
                let d = tape.predict(Prediction::Denoiser, level.alpha * xi, level);
                (xi - d) / level.noise_ratio()
            }
            Variable::Edm(time) => {
                let d = tape.predict(Prediction::Denoiser, self.scale(level) * xi, level);
                let ratio = level.noise_ratio();
                let (rate, scale) = (time.schedule.log_rate(ratio), time.scale(ratio));
                // ς̇/ς + ṡ/s = (ς̇/ς) s² for s = 1/√(1 + ς²).
                (rate * scale * scale) * xi - (rate * scale) * d
            }
        }
    }
}
