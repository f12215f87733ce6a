use crate::level::{Level, Signal};
use crate::process::Process;

/// A flow whose states solvers take for those of a variance-exploding process: α = 1 and σ = u, as
/// ComfyUI does on flow models.
///
/// States are (1 − u) x_0 + u z all the same, and the network is told so. The probability-flow ODE is
/// that of both, dX/du = (X − D)/u, so that one-step methods without noise stay methods for it, and
/// multistep methods use −ln u in place of the log signal-to-noise ratio. Noise ratios of grids are u.
///
/// Rules that draw noise are wrong on it: they add what keeps the law x_0 + u z, and states get too much.
/// They are refused, unless `noise` says that this is wanted, as ComfyUI does it in some.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowCoordinates<P> {
    /// The flow.
    pub flow: P,
    /// Whether rules that draw noise run all the same.
    pub noise: bool,
}

impl<P: Process> Process for FlowCoordinates<P> {
    fn t_max(&self) -> f64 {
        self.flow.t_max()
    }
    fn level(&self, t: f64) -> Level {
        let level = self.flow.level(t);
        let Level { alpha, alpha_prime, alpha_second, one_minus_alpha2, .. } = level;
        Level {
            alpha: 1.0,
            alpha_prime: 0.0,
            alpha_second: 0.0,
            one_minus_alpha2: 0.0,
            signal: Some(Signal { alpha, alpha_prime, alpha_second, one_minus_alpha2 }),
            ..level
        }
    }
    fn network_level(&self, t: f64) -> Level {
        self.flow.network_level(t)
    }
    fn refuses_noise(&self) -> Option<&'static str> {
        (!self.noise).then_some(
            "it draws noise, which in coordinates of u is that of another process, so that states would not have the law of the flow: use the flow without coordinates=u (euler-ancestral-rf, dpmpp-2m-sde and others), or add noise=comfyui for what ComfyUI's ddpm and res_multistep_ancestral run",
        )
    }
    fn prior_std(&self) -> f64 {
        self.flow.prior_std()
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.flow.time_of(ratio / (1.0 - ratio)).filter(|_| ratio <= 1.0)
    }
}
