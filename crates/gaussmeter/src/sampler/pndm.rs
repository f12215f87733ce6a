use super::multistep::{ADAMS_BASHFORTH, ORDER, along, final_step};
use super::stride::{STRIDE, Stride, StridePlms, VARIANT};
use super::transfer::{needs_finite_ratio, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Linear, Prediction, Tape, Var};

/// How a pseudo numerical method takes the steps for which it lacks predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PndmStart {
    /// With fewer terms: iPNDM.
    Euler,
    /// One step with the mean of the predictions at both ends, then with fewer terms: PLMS as used
    /// for latent diffusion.
    Heun,
    /// Three steps with the classical Runge–Kutta combination of four predictions, midway in t.
    RungeKutta,
}

/// Pseudo numerical methods: the noise prediction in the DDIM step is replaced by the combination
/// ε̃ of a method for equal steps, up to Adams–Bashforth of order 4,
/// ε̃ = (55 ε − 59 ε₋ + 37 ε₌ − 9 ε₌₋)/24,
///
/// x′ = x + (ς′ − ς) ε̃, ς = σ/α.
///
/// The weights are for equal steps in ς: on other grids the order is **2**.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pndm {
    /// The first steps.
    pub start: PndmStart,
    /// Number of predictions in the combination, from 1 to 4.
    pub order: usize,
    /// Return D in a step to σ = 0, as ComfyUI does, instead of treating it like the others.
    pub final_denoiser: bool,
    /// Drop the mean in a step from α = 0, where D = (x − σε)/α is 0/0: what diffusers computes.
    pub loses_mean: bool,
}

impl Sampler for Pndm {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        // Predictions, the latest first.
        let mut past: Vec<Linear> = Vec::new();
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let is_final = to.sigma == 0.0 && self.final_denoiser;
            if is_final || from.alpha == 0.0 {
                if self.start != PndmStart::Euler {
                    needs_finite_ratio(grid, &step)?;
                }
                let d = tape.predict(Prediction::Denoiser, x, from);
                let kept = if self.loses_mean && from.alpha == 0.0 {
                    (to.sigma / from.sigma) * x
                } else {
                    transfer(from, to, to.sigma, x, d)
                };
                // At α = 0 the state is the noise.
                past.insert(0, x / from.sigma);
                x = tape.arrive(to, kept);
                continue;
            }
            let noise = tape.predict(Prediction::Noise, x, from);
            past.insert(0, noise.into());
            past.truncate(self.order);
            let slope = match self.start {
                PndmStart::Heun if step.index == 0 && to.sigma > 0.0 => {
                    let next = tape.predict(Prediction::Noise, along(from, to, x, noise), to);
                    0.5 * (noise + next)
                }
                PndmStart::RungeKutta if step.index < 3 && to.sigma > 0.0 => {
                    let middle = step.level(0.5 * (from.t + to.t));
                    let second = along(from, &middle, x, noise);
                    let second = tape.predict(Prediction::Noise, second, &middle);
                    let third = along(from, &middle, x, second);
                    let third = tape.predict(Prediction::Noise, third, &middle);
                    let fourth = tape.predict(Prediction::Noise, along(from, to, x, third), to);
                    (noise + 2.0 * second + 2.0 * third + fourth) / 6.0
                }
                _ => {
                    let terms = past.iter().zip(ADAMS_BASHFORTH[past.len() - 1]);
                    terms.fold(Linear::default(), |sum, (noise, w)| sum + *w * noise)
                }
            };
            x = tape.arrive(to, along(from, to, x, slope));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "pndm",
    aliases: &["f-pndm", "prk", "PNDMScheduler"],
    summary: "PNDM: pseudo Runge-Kutta steps, then pseudo linear multistep",
    source: "Liu et al. (2022), algorithm 2; diffusers",
    order: Some(2),
    parameters: &[],
    build: |_| {
        Ok(Box::new(Pndm {
            start: PndmStart::RungeKutta,
            order: 4,
            final_denoiser: false,
            loses_mean: false,
        }))
    },
};

pub(super) static PLMS: Entry<dyn Sampler> = Entry {
    name: "plms",
    aliases: &["skip_prk", "PLMSSampler"],
    summary: "pseudo linear multistep after one step with two evaluations, as used for latent diffusion",
    source: "Liu et al. (2022), equation 12; diffusers (skip_prk_steps=True)",
    order: Some(2),
    parameters: &[VARIANT, STRIDE],
    build: |a| match Stride::from(a)? {
        Stride::Next => Ok(Box::new(Pndm {
            start: PndmStart::Heun,
            order: 4,
            final_denoiser: false,
            loses_mean: false,
        })),
        stride => Ok(Box::new(StridePlms { stride })),
    },
};

pub(super) static IMPROVED: Entry<dyn Sampler> = Entry {
    name: "ipndm",
    aliases: &["sample_ipndm", "IPNDMScheduler"],
    summary: "iPNDM: pseudo linear multistep that starts with fewer terms",
    source: "Zhang & Chen (2023), section 4; diffusers, ComfyUI (final=denoiser)",
    order: Some(2),
    parameters: &[
        ORDER,
        final_step("multistep"),
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["paper", "diffusers"]),
            default: Some("paper"),
            summary: "diffusers: the mean is lost if sampling starts at alpha = 0",
        },
    ],
    build: |a| {
        Ok(Box::new(Pndm {
            start: PndmStart::Euler,
            order: a.text("order").parse()?,
            final_denoiser: a.text("final") == "denoiser",
            loses_mean: a.text("variant") == "diffusers",
        }))
    },
};
