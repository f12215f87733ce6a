use super::transfer::{ancestral, eta, transfer, undefined, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::numeric::differentiation::Real;
use crate::process::Level;
use crate::tape::{Prediction, Tape, Var};

/// DDIM: the denoiser is frozen over the step, and η² of the variance that ancestral sampling draws
/// is drawn. With x = X/α, ς = σ/α and d = (x − D)/ς,
///
/// x′ = D + ς_d d + ς_u z, ς_u = min(ς′, η ς′ √(1 − ς′²/ς²)), ς_d² = ς′² − ς_u².
///
/// At η = 0 it is the Euler method in ς, DPM-Solver++(1), DEIS(1) and UniP-1; at η = 1 the ancestral
/// step with the posterior variance of DDPM, SDE-DPM-Solver++(1). The last step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ddim {
    /// η ≥ 0: the share of fresh noise.
    pub eta: f64,
    /// Step to ⌊T/n⌋ training timesteps below the present one instead of the next level of the grid,
    /// which the network is told then: DDIMScheduler of diffusers, whose timesteps are not that far
    /// apart with `linspace` spacing, or with `trailing` where n does not divide T.
    pub fixed_stride: bool,
}

impl Ddim {
    /// The level that the rule of a step leads to.
    fn target(&self, grid: &Grid, step: &Step) -> Result<Level<Real>, SamplerError> {
        if !self.fixed_stride {
            return Ok(*step.to);
        }
        let Some(timesteps) = grid.process().training_steps() else {
            let reason = "variant=diffusers counts training timesteps: use the process vp-discrete";
            return Err(undefined(grid, step, reason.into()));
        };
        let time = step.from.t - (timesteps / grid.step_count()) as f64;
        // Below timestep 0 is the end, whatever it is.
        Ok(if time < 1.0 { Level::<Real>::from(grid.end()) } else { step.level(time) })
    }
}

impl Sampler for Ddim {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let to = self.target(grid, &step)?;
            let (left, drawn) = ancestral(step.from, &to, self.eta);
            let mean = transfer(step.from, &to, left, x, d);
            x = tape.arrive(step.to, with_noise(tape, mean, drawn));
        }
        Ok(x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    Ok(Box::new(Ddim { eta: a.number("eta"), fixed_stride: false }))
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
    parameters: &[
        eta("0"),
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["paper", "diffusers"]),
            default: Some("paper"),
            summary: "diffusers: steps of T/n timesteps, whatever the next one is (DDIMScheduler)",
        },
    ],
    build: |a| {
        let fixed_stride = a.text("variant") == "diffusers";
        Ok(Box::new(Ddim { eta: a.number("eta"), fixed_stride }))
    },
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
