//! Forward processes: x_t = α(t) x_0 + σ(t) z with z ~ N(0, I), equivalently the linear SDE
//! dx = f(t) x dt + g(t) dw with f = α′/α and g² = (σ²)′ − 2 f σ².
//!
//! A new process is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in [`registry`].

mod custom;
mod edm;
mod flow;
mod noticed;
mod scheduler_config;
mod sub_vp;
mod trig;
mod ve;
mod vp_cosine;
mod vp_discrete;
mod vp_linear;
mod vp_sigmoid;

pub use crate::level::{Level, Signal};
pub use custom::{Custom, CustomError};
pub use edm::Edm;
pub use flow::{Flow, FlowCoordinates, ShiftedFlow};
pub use noticed::Noticed;
pub use scheduler_config::{ConfigError, from_scheduler_config, scheduler_classes};
pub use sub_vp::SubVp;
pub use trig::{ScaledTrig, Trig};
pub use ve::{Ve, VeError};
pub use vp_cosine::VpCosine;
pub use vp_discrete::{VpDiscrete, VpDiscreteError};
pub use vp_linear::{VpLinear, VpLinearError};
pub use vp_sigmoid::VpSigmoid;

use crate::entry::Registry;
use crate::network::Conditioning;
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

/// A forward process. Times run from 0 (data) to [`Process::t_max`] (noise); the signal-to-noise
/// ratio decreases strictly.
pub trait Process: Debug + Send + Sync {
    /// The time T where sampling starts.
    fn t_max(&self) -> f64;

    /// α, σ and their derivatives at time `t` in `[0, t_max]`.
    fn level(&self, t: f64) -> Level;

    /// The level that networks know at a time they are told: the process as they were trained on it,
    /// where solvers work with another level by convention.
    fn network_level(&self, t: f64) -> Level {
        self.level(t)
    }

    /// What networks of this process are told, where that is not the solver's level.
    fn conditioning(&self) -> Option<&dyn Conditioning> {
        None
    }

    /// Why rules that draw noise are wrong on this process, if they are, and what to do.
    fn refuses_noise(&self) -> Option<&'static str> {
        None
    }

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

    /// What who uses the process should know, in sentences: what of a configuration it does not have,
    /// what holds for exact networks only.
    fn notices(&self) -> &[String] {
        &[]
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
