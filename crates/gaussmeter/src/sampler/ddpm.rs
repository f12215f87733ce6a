use super::transfer::{ancestral, transfer, undefined, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Prediction, Tape, Var};

/// DDPM's ancestral step with β̄ = 2 β(t) Δt at the noisier end; the last step adds noise too:
///
/// x′ = (x + β̄ s) / √(1 − β̄) + √β̄ z.
///
/// Needs a variance-preserving process and β̄ < 1: with the paper's process, more than 20 steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ddpm;

impl Sampler for Ddpm {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let undefined = |reason: String| SamplerError::Undefined {
                step: step.index + 1,
                steps: grid.step_count(),
                reason,
            };
            if !step.from.variance_preserving {
                return Err(undefined(
                    "the scheme is defined for variance-preserving processes".into(),
                ));
            }
            let beta = step.dt() * step.from.diffusion2();
            if beta.is_nan() || beta >= 1.0 {
                return Err(undefined(format!(
                    "2 beta(t) dt = {beta:.4} at t = {}, but the scheme divides by sqrt(1 - 2 beta dt): use more steps",
                    step.from.t
                )));
            }
            let score = tape.predict(Prediction::Score, x, step.from);
            let mean = (x + beta * score) / (1.0 - beta).sqrt();
            x = tape.arrive(step.to, mean + beta.sqrt() * tape.noise());
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "ddpm",
    aliases: &[],
    summary: "DDPM ancestral step with beta = 2 beta(t) dt, variance beta",
    source: "Pierret & Galerne (2025), table 3, DDPM; Ho et al. (2020), algorithm 2",
    order: Some(1),
    parameters: &[],
    build: |_| Ok(Box::new(Ddpm)),
};

/// The variance of the noise that [`DdpmAncestral`] adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DdpmVariance {
    /// β̃, the posterior variance for data without variance: ς′² (1 − ς′²/ς²).
    #[default]
    Small,
    /// β, the variance of the forward step: (ς² − ς′²)(1 + ς′²)/(1 + ς²).
    Large {
        /// Add it in the last step too, as diffusers does unless that step starts at its first
        /// timestep.
        last: bool,
    },
    /// β̃ applied to X itself, with σ in place of σ/α: what ComfyUI computes on flow models,
    /// where X is not x.
    ComfyUiFlow,
}

/// DDPM's ancestral step between two levels of a trained network, in x = X/α and ς = σ/α:
///
/// x′ = (ς′²/ς²) x + (1 − ς′²/ς²) D + √v z
///
/// with the variance v of [`DdpmVariance`]: `fixed_small` is the step of [`Ddim`](super::Ddim) at
/// η = 1, `fixed_large` has the β of the variance-preserving process with these noise ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DdpmAncestral {
    /// The variance of the noise.
    pub variance: DdpmVariance,
}

/// √β at the scale of `to`; α = 0 at the start is allowed.
fn forward_std(from: &Level<Real>, to: &Level<Real>) -> Real {
    let (old, new) = (from.sigma * to.alpha, from.alpha * to.sigma);
    let scale = (from.alpha.powi(2) + from.sigma.powi(2)) / (to.alpha.powi(2) + to.sigma.powi(2));
    ((old - new) * (old + new) / scale).sqrt() / to.alpha
}

impl Sampler for DdpmAncestral {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let d = tape.predict(Prediction::Denoiser, x, from);
            let (left, drawn) = ancestral(from, to, 1.0);
            let is_last = step.index + 1 == grid.step_count();
            let (mean, std) = match self.variance {
                DdpmVariance::Small => (transfer(from, to, left, x, d), drawn),
                DdpmVariance::Large { last } => {
                    let std =
                        if is_last && !last { Real::default() } else { forward_std(from, to) };
                    (transfer(from, to, left, x, d), std)
                }
                DdpmVariance::ComfyUiFlow => {
                    if [from, to].iter().any(|l| (l.alpha + l.sigma - 1.0).abs() > 1e-9) {
                        let reason = "variant=comfyui is what ComfyUI computes on flow models: use the process flow";
                        return Err(undefined(grid, &step, reason.into()));
                    }
                    let q = to.sigma / from.sigma;
                    let drawn = (1.0 - q) * (1.0 + q);
                    (q * q * x + drawn * d, to.sigma * drawn.sqrt())
                }
            };
            x = tape.arrive(to, with_noise(tape, mean, std));
        }
        Ok(x)
    }
}

fn build_ancestral(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    let variance = match (a.text("variance"), a.text("last"), a.text("variant")) {
        ("fixed_small", "mean", "paper") => DdpmVariance::Small,
        ("fixed_small", "mean", _) => DdpmVariance::ComfyUiFlow,
        ("fixed_large", last, "paper") => DdpmVariance::Large { last: last == "noise" },
        ("fixed_large", ..) => return Err("ComfyUI has no variance=fixed_large".into()),
        _ => return Err(
            "last=noise is for variance=fixed_large: the last step of fixed_small adds no noise"
                .into(),
        ),
    };
    Ok(Box::new(DdpmAncestral { variance }))
}

pub(super) static ANCESTRAL: Entry<dyn Sampler> = Entry {
    name: "ddpm-ancestral",
    aliases: &["DDPMScheduler", "DDPMParallelScheduler"],
    summary: "DDPM between the levels of a trained network, with fixed_small or fixed_large variance",
    source: "Ho et al. (2020), algorithm 2 and section 3.2; diffusers, ComfyUI (ddpm)",
    order: Some(1),
    parameters: &[
        Parameter {
            name: "variance",
            kind: Kind::Choice(&["fixed_small", "fixed_large"]),
            default: Some("fixed_small"),
            summary: "variance of the noise: that of the posterior or that of the forward step",
        },
        Parameter {
            name: "last",
            kind: Kind::Choice(&["mean", "noise"]),
            default: Some("mean"),
            summary: "last step of fixed_large: noise adds noise there too (diffusers, unless that step starts at timestep 0)",
        },
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["paper", "comfyui"]),
            default: Some("paper"),
            summary: "comfyui: on flow, with sigma in place of sigma/alpha",
        },
    ],
    build: build_ancestral,
};
