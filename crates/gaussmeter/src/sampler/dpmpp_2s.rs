use super::transfer::{ancestral, eta, half_way, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Linear, Prediction, Tape, Var};

/// DPM-Solver++(2S) with ancestral noise: the denoiser D_s at the midpoint in log-SNR,
/// ς_s = √(ς ς_d), is used over the whole step,
///
/// x_s = (ς_s/ς) x + (1 − ς_s/ς) D, x′ = (ς_d/ς) x + (1 − ς_d/ς) D_s + ς_u z,
///
/// with ς_d and ς_u as in [`Ddim`](super::Ddim). The step to ς_d = 0 returns D.
///
/// With η > 0 the marginals converge with order 2 if started from p_T, since noise is added after
/// the ODE step; the law given the initial state, which follows the SDE, converges with order 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmPp2S {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// Use D − D_s, which should be 0, as the guidance difference, as ComfyUI's CFG++ form does:
    /// it then does not converge.
    pub mixes_stages: bool,
}

impl Sampler for DpmPp2S {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (left, drawn) = ancestral(step.from, step.to, self.eta);
            let mut d = tape.predict(Prediction::Denoiser, x, step.from);
            let mut mixed = Linear::default();
            if left > 0.0 {
                let (_, middle) = half_way(grid, &step, step.from, left)?;
                let x_s = transfer(step.from, &middle, middle.sigma, x, d);
                let d_s = tape.predict(Prediction::Denoiser, x_s, &middle);
                if self.mixes_stages {
                    mixed = (step.from.alpha * left / step.from.sigma) * (d - d_s);
                }
                d = d_s;
            }
            let mean = transfer(step.from, step.to, left, x, d) + mixed;
            x = tape.arrive(step.to, with_noise(tape, mean, drawn));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2s-ancestral",
    aliases: &["dpmpp_2s_ancestral", "sample_dpmpp_2s_ancestral"],
    summary: "DPM-Solver++(2S) with ancestral noise",
    source: "Lu et al. (2022b), algorithm 1 with r = 1/2; k-diffusion",
    order: Some(1),
    parameters: &[eta("1")],
    build: |a| Ok(Box::new(DpmPp2S { eta: a.number("eta"), mixes_stages: false })),
};

pub(super) static CFG_PP: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2s-ancestral-cfg-pp",
    aliases: &["dpmpp_2s_ancestral_cfg_pp"],
    summary: "the CFG++ form of dpmpp-2s-ancestral without guidance, where the two should coincide",
    source: "ComfyUI (sample_dpmpp_2s_ancestral_cfg_pp)",
    order: Some(1),
    parameters: &[
        eta("1"),
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["corrected", "comfyui"]),
            default: Some("corrected"),
            summary: "the correct rule, or what ComfyUI runs: D - D_s added to the state, which does not converge",
        },
    ],
    build: |a| {
        let mixes_stages = a.text("variant") == "comfyui";
        Ok(Box::new(DpmPp2S { eta: a.number("eta"), mixes_stages }))
    },
};
