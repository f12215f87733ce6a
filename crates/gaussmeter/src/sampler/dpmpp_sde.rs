use super::transfer::{
    ancestral, contraction, eta, level_at, needs_finite_ratio, transfer, with_noise,
};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::numeric::differentiation::Real;
use crate::tape::{Prediction, Tape, Var};

/// How the two noises of a step are correlated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwoNoises {
    /// Increments of one Brownian path in ς.
    Brownian,
    /// Increments of one Brownian path in σ, which is a different one where α is not constant:
    /// ComfyUI on flow models. The order is the same.
    BrownianSigma,
    /// Independent.
    Iid,
}

/// DPM-Solver++ on the reverse SDE in two stages: an ancestral step to ς_s = ς e^{−rh} with noise
/// w₁, then one from ς to ς′ with D̃ = (1 − 1/2r) D + D_s/2r and noise w₂.
///
/// w₁ and w₂ are increments of one Brownian path in ς, from ς to ς_s and from ς to ς′, so that
/// corr(w₁, w₂) = √((ς − ς_s)/(ς − ς′)). With independent noises the order drops to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmPpSde {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// r in (0, 1]: position of the second evaluation in log-SNR.
    pub r: f64,
    /// How the two noises of a step are correlated.
    pub noise: TwoNoises,
}

impl Sampler for DpmPpSde {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let d = tape.predict(Prediction::Denoiser, x, from);
            if to.sigma == 0.0 {
                x = tape.arrive(to, transfer(from, to, 0.0, x, d));
                continue;
            }
            needs_finite_ratio(grid, &step)?;
            let q = contraction(from, to);
            let q_s = q.powf(self.r);
            let inner = level_at(grid, &step, q_s * from.noise_ratio())?;

            let (left, drawn) = ancestral(from, &inner, self.eta);
            let first = tape.noise();
            let x_s = transfer(from, &inner, left, x, d) + drawn * first;
            let d_s = tape.predict(Prediction::Denoiser, x_s, &inner);

            let (left, drawn) = ancestral(from, to, self.eta);
            let mean = transfer(from, to, left, x, d + (0.5 / self.r) * (d_s - d));
            let shared = match self.noise {
                TwoNoises::Brownian => ((1.0 - q_s) / (1.0 - q)).min(1.0),
                TwoNoises::BrownianSigma => {
                    ((from.sigma - inner.sigma) / (from.sigma - to.sigma)).min(1.0)
                }
                TwoNoises::Iid => Real::from(0.0),
            };
            let mean = mean + (drawn * shared.sqrt()) * first;
            x = tape.arrive(to, with_noise(tape, mean, drawn * (1.0 - shared).sqrt()));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp-sde",
    aliases: &["dpmpp_sde", "sample_dpmpp_sde", "dpmpp_sde_gpu", "DPMSolverSDEScheduler"],
    summary: "DPM-Solver++ on the reverse SDE, two stages driven by one Brownian path",
    source: "k-diffusion (sample_dpmpp_sde), after Lu et al. (2022b)",
    order: Some(2),
    parameters: &[
        eta("1"),
        Parameter {
            name: "r",
            kind: Kind::Number { min: 0.05, max: 1.0 },
            default: Some("0.5"),
            summary: "position of the second evaluation, as a share of the step in log-SNR",
        },
        Parameter {
            name: "noise",
            kind: Kind::Choice(&["brownian", "brownian-sigma", "iid"]),
            default: Some("brownian"),
            summary: "the two noises of a step: from one Brownian path in sigma/alpha, or in sigma (ComfyUI on flow), or independent (iid, which loses an order)",
        },
    ],
    build: |a| {
        Ok(Box::new(DpmPpSde {
            eta: a.number("eta"),
            r: a.number("r"),
            noise: match a.text("noise") {
                "iid" => TwoNoises::Iid,
                "brownian-sigma" => TwoNoises::BrownianSigma,
                _ => TwoNoises::Brownian,
            },
        }))
    },
};
