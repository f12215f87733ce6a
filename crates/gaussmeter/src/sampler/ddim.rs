use super::stride::{STRIDE, Stride, VARIANT};
use super::transfer::{ancestral, eta, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry};
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// DDIM: the denoiser is frozen over the step, and the fresh noise has η² times the variance of
/// ancestral sampling. With x = X/α, ς = σ/α and d = (x − D)/ς,
///
/// x′ = D + ς_d d + ς_u z, ς_u = min(ς′, η ς′ √(1 − ς′²/ς²)), ς_d² = ς′² − ς_u².
///
/// At η = 0 it is Euler's method in ς, DPM-Solver++(1), DEIS(1) and UniP-1; at η = 1 it is the
/// ancestral step with DDPM's posterior variance, SDE-DPM-Solver++(1). A step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ddim {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// Which level a step goes to; variant=diffusers has steps of a fixed length.
    pub stride: Stride,
}

impl Sampler for Ddim {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let to = self.stride.target(grid, &step)?;
            let (left, drawn) = ancestral(step.from, &to, self.eta);
            let mean = transfer(step.from, &to, left, x, d);
            x = tape.arrive(step.to, with_noise(tape, mean, drawn));
        }
        Ok(x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    Ok(Box::new(Ddim { eta: a.number("eta"), stride: Stride::Next }))
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "ddim",
    aliases: &[
        "euler-sigma",
        "DDIMScheduler",
        "EulerDiscreteScheduler",
        "EDMEulerScheduler",
        "FlowMatchEulerDiscreteScheduler",
        "CogVideoXDDIMScheduler",
        "euler_cfg_pp",
        "dpmpp-1",
        "dpm-solver-1",
        "deis-1",
    ],
    summary: "DDIM; at eta = 0 Euler in sigma, the 'euler' of k-diffusion, ComfyUI and diffusers",
    source: "Song, Meng & Ermon (2021), equations 12 and 16; Lu et al. (2022a), equation 4.1",
    order: Some(1),
    parameters: &[eta("0"), VARIANT, STRIDE],
    build: |a| Ok(Box::new(Ddim { eta: a.number("eta"), stride: Stride::from(a)? })),
};

pub(super) static ANCESTRAL: Entry<dyn Sampler> = Entry {
    name: "euler-ancestral",
    aliases: &[
        "euler_ancestral",
        "euler_a",
        "euler_ancestral_cfg_pp",
        "sample_euler_ancestral",
        "EulerAncestralDiscreteScheduler",
        "sde-dpmpp-1",
    ],
    summary: "ancestral sampling: DDIM at eta = 1, DDPM with the posterior variance",
    source: "Ho et al. (2020), equation 7; Song, Meng & Ermon (2021), equation 16; k-diffusion",
    order: Some(1),
    parameters: &[eta("1")],
    build,
};
