//! Forward processes: x_t = α(t) x_0 + σ(t) z with z ~ N(0, I), equivalently the linear SDE
//! dx = f(t) x dt + g(t) dw with f = α′/α and g² = (σ²)′ − 2 f σ².
//!
//! A new process is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in [`registry`].

mod custom;
mod edm;
mod flow;
mod scheduler_config;
mod sub_vp;
mod told;
mod trig;
mod ve;
mod vp_cosine;
mod vp_discrete;
mod vp_linear;
mod vp_sigmoid;

pub use custom::{Custom, CustomError};
pub use edm::Edm;
pub use flow::{Flow, ShiftedFlow};
pub use scheduler_config::{ConfigError, from_scheduler_config};
pub use sub_vp::SubVp;
pub use told::{FlowCoordinates, Relation, Told, ToldTimestep};
pub use trig::Trig;
pub use ve::{Ve, VeError};
pub use vp_cosine::VpCosine;
pub use vp_discrete::{VpDiscrete, VpDiscreteError};
pub use vp_linear::{VpLinear, VpLinearError};
pub use vp_sigmoid::VpSigmoid;

use crate::entry::Registry;
use crate::real::Real;
use std::fmt::Debug;

/// The processes that ship with the library.
pub fn registry() -> Registry<dyn Process> {
    Registry {
        family: "process",
        entries: vec![
            &vp_linear::ENTRY,
            &edm::ENTRY,
            &flow::ENTRY,
            &ve::ENTRY,
            &vp_cosine::ENTRY,
            &sub_vp::ENTRY,
            &trig::ENTRY,
            &vp_discrete::ENTRY,
            &vp_sigmoid::ENTRY,
            &custom::ENTRY,
            &scheduler_config::ENTRY,
        ],
        refused: &[],
    }
}

/// The forward process at one time. Samplers see it with [`Real`] numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level<N = f64> {
    /// Time.
    pub t: N,
    /// Signal scale α(t).
    pub alpha: N,
    /// Noise standard deviation σ(t), in data units.
    pub sigma: N,
    /// α′(t).
    pub alpha_prime: N,
    /// σ(t) σ′(t), half the derivative of σ². Finite at t = 0 where σ′ may not be.
    pub sigma_sigma_prime: N,
    /// 1 − α(t)², formed without cancellation.
    pub one_minus_alpha2: N,
    /// α″(t), for derivatives with respect to times.
    pub alpha_second: f64,
    /// (σσ′)′(t), for the same.
    pub sigma_sigma_second: f64,
    /// Whether α² + σ² = 1 holds as an identity.
    pub variance_preserving: bool,
    /// What the network is told; `None` is this level.
    pub told: Option<Told>,
}

impl Level {
    /// The level whose law states have, where solvers work with another one by convention (see
    /// [`FlowCoordinates`]); else this level.
    pub fn marginal(&self) -> Level {
        match self.told {
            Some(told) if told.relation == Relation::State => told.level(),
            _ => *self,
        }
    }

    /// Variance α²λ + σ² of x_t along an eigenvector of Σ with eigenvalue λ (the paper's Σ_t).
    pub fn variance(&self, eigenvalue: f64) -> f64 {
        self.alpha * self.alpha * eigenvalue + self.sigma * self.sigma
    }

    /// [`Level::variance`] minus λ, without cancellation: what truncation at this level adds.
    pub fn variance_error(&self, eigenvalue: f64) -> f64 {
        let sigma2 = self.sigma * self.sigma;
        if self.variance_preserving {
            sigma2 * (1.0 - eigenvalue)
        } else {
            // One rounding: the two terms may nearly cancel.
            (-self.one_minus_alpha2).mul_add(eigenvalue, sigma2)
        }
    }

    /// `std² −` [`Level::variance`], without cancellation: what a start from N(0, std² I) adds.
    pub fn start_error(&self, std: f64, eigenvalue: f64) -> f64 {
        let alpha2 = self.alpha * self.alpha;
        if self.variance_preserving {
            (std - 1.0) * (std + 1.0) + alpha2 * (1.0 - eigenvalue)
        } else {
            (-alpha2).mul_add(eigenvalue, (std - self.sigma) * (std + self.sigma))
        }
    }

    /// 1 − α, without cancellation.
    pub fn one_minus_alpha(&self) -> f64 {
        self.one_minus_alpha2 / (1.0 + self.alpha)
    }

    /// This level at a time `t` that may be a variable: its numbers change as the process does.
    pub(crate) fn at(&self, t: Real) -> Level<Real> {
        let sigma_prime = self.sigma_sigma_prime / self.sigma;
        Level {
            t,
            alpha: t.with_derivative(self.alpha, self.alpha_prime),
            sigma: t.with_derivative(self.sigma, sigma_prime),
            alpha_prime: t.with_derivative(self.alpha_prime, self.alpha_second),
            sigma_sigma_prime: t.with_derivative(self.sigma_sigma_prime, self.sigma_sigma_second),
            one_minus_alpha2: t
                .with_derivative(self.one_minus_alpha2, -2.0 * self.alpha * self.alpha_prime),
            alpha_second: self.alpha_second,
            sigma_sigma_second: self.sigma_sigma_second,
            variance_preserving: self.variance_preserving,
            told: self.told,
        }
    }
}

impl Level<Real> {
    /// As for plain numbers.
    pub(crate) fn marginal(&self) -> Level<Real> {
        match self.told {
            Some(told) if told.relation == Relation::State => told.level_from(self.t),
            _ => *self,
        }
    }

    /// Whether this is the other level to the last bit, and neither depends on a variable.
    pub(crate) fn is_same_constant(&self, other: &Level<Real>) -> bool {
        let numbers = |l: &Level<Real>| {
            [l.t, l.alpha, l.sigma, l.alpha_prime, l.sigma_sigma_prime, l.one_minus_alpha2]
        };
        let same = |(a, b): (Real, Real)| {
            a.is_constant() && b.is_constant() && a.value().to_bits() == b.value().to_bits()
        };
        self == other && numbers(self).into_iter().zip(numbers(other)).all(same)
    }

    /// The level as it is.
    pub fn value(&self) -> Level {
        Level {
            t: self.t.value(),
            alpha: self.alpha.value(),
            sigma: self.sigma.value(),
            alpha_prime: self.alpha_prime.value(),
            sigma_sigma_prime: self.sigma_sigma_prime.value(),
            one_minus_alpha2: self.one_minus_alpha2.value(),
            alpha_second: self.alpha_second,
            sigma_sigma_second: self.sigma_sigma_second,
            variance_preserving: self.variance_preserving,
            told: self.told,
        }
    }
}

impl From<&Level> for Level<Real> {
    fn from(level: &Level) -> Self {
        level.at(Real::from(level.t))
    }
}
impl From<&Level<Real>> for Level<Real> {
    fn from(level: &Level<Real>) -> Self {
        *level
    }
}

macro_rules! ratios {
    ($($number:ty),*) => {$(
        impl Level<$number> {
            /// Drift f = α′/α of the forward SDE.
            pub fn drift(&self) -> $number {
                self.alpha_prime / self.alpha
            }

            /// Squared diffusion g² = (σ²)′ − 2 f σ² of the forward SDE.
            pub fn diffusion2(&self) -> $number {
                if self.variance_preserving {
                    -2.0 * self.drift()
                } else {
                    2.0 * (self.sigma_sigma_prime - self.drift() * self.sigma * self.sigma)
                }
            }

            /// Noise ratio σ/α: the noise level of x/α, which every process has in common; ∞ at α = 0.
            pub fn noise_ratio(&self) -> $number {
                self.sigma / self.alpha
            }

            /// Half log signal-to-noise ratio ln(α/σ); +∞ at σ = 0.
            pub fn log_snr(&self) -> $number {
                (self.alpha / self.sigma).ln()
            }
        }
    )*};
}
ratios!(f64, Real);

/// A forward process. Times run from 0 (data) to [`Process::t_max`] (noise); the signal-to-noise
/// ratio decreases strictly.
pub trait Process: Debug + Send + Sync {
    /// The time T where sampling starts.
    fn t_max(&self) -> f64;

    /// α, σ and their derivatives at time `t` in `[0, t_max]`.
    fn level(&self, t: f64) -> Level;

    /// Standard deviation of the law N(0, std² I) that samplers of this process start from.
    fn prior_std(&self) -> f64;

    /// The time at which the noise-to-signal ratio σ/α is `ratio`: the inverse of the level, by which
    /// a list of EDM noise levels becomes one of times. `None` for ratios that the process never has.
    ///
    /// The default bisects down to neighbouring numbers; override where a closed form exists.
    fn time_of(&self, ratio: f64) -> Option<f64> {
        let reached = |t: f64| {
            let level = self.level(t);
            level.sigma / level.alpha
        };
        let (mut low, mut high) = (0.0, self.t_max());
        if !(0.0..=reached(high)).contains(&ratio) {
            return None;
        }
        if ratio == 0.0 {
            return Some(0.0);
        }
        loop {
            let middle = 0.5 * (low + high);
            if !(low < middle && middle < high) {
                return Some(high);
            }
            if reached(middle) < ratio { low = middle } else { high = middle }
        }
    }

    /// As [`Process::time_of`], but also beyond T where the formulas of the process go on: churn lifts
    /// states above the level that sampling starts from.
    fn time_at(&self, ratio: f64) -> Option<f64> {
        self.time_of(ratio)
    }

    /// The cleanest time that networks of this process are asked about, where grids that place levels
    /// between a lowest and a highest put the lowest.
    fn t_min(&self) -> f64 {
        1e-3 * self.t_max()
    }

    /// Number of training timesteps T of a network trained in discrete time; timestep k is t = k + 1.
    fn training_steps(&self) -> Option<usize> {
        None
    }

    /// ln(α(to) / α(from)). Override where the difference can be factored.
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        (to.alpha / from.alpha).ln()
    }

    /// Variance of the noise that the reverse SDE adds between two levels, scaled to the cleaner
    /// one: ∫ g² (α_to/α)² dt = α_to² (σ²/α² − σ_to²/α_to²).
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        if from.variance_preserving {
            (2.0 * self.log_alpha_ratio(from, to)).exp_m1()
        } else {
            let scaled = to.alpha / from.alpha * from.sigma;
            (scaled - to.sigma) * (scaled + to.sigma)
        }
    }

    /// Weight of a score frozen over a step of the reverse SDE whose linear part is solved exactly:
    /// ∫ g² α_to/α dt, from the cleaner to the noisier level.
    ///
    /// The default is exact for variance-preserving processes and for α′ = 0, and a
    /// Gauss–Legendre rule (relative error below 1e-12 for a smooth process, away from α = 0)
    /// otherwise.
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        if from.variance_preserving {
            2.0 * self.log_alpha_ratio(from, to).exp_m1()
        } else if from.alpha == to.alpha {
            (from.sigma - to.sigma) * (from.sigma + to.sigma)
        } else {
            quadrature(to.t, from.t, |t| {
                let level = self.level(t);
                level.diffusion2() * (to.alpha / level.alpha)
            })
        }
    }
}

/// ∫ f over [a, b] by eight panels of the six-point Gauss–Legendre rule.
fn quadrature(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
    const NODES: [(f64, f64); 3] = [
        (0.238_619_186_083_196_9, 0.467_913_934_572_691),
        (0.661_209_386_466_264_5, 0.360_761_573_048_138_6),
        (0.932_469_514_203_152, 0.171_324_492_379_170_36),
    ];
    const PANELS: usize = 8;
    let half = (b - a) / (2 * PANELS) as f64;
    (0..PANELS)
        .map(|p| {
            let middle = a + (2 * p + 1) as f64 * half;
            let panel =
                NODES.iter().map(|(x, w)| w * (f(middle - half * x) + f(middle + half * x)));
            half * panel.sum::<f64>()
        })
        .sum()
}
