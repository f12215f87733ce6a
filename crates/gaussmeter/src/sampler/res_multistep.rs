use super::dpmpp_2m::DpmPp2M;
use super::exponential::{Exponential, LOWER_ORDER_FINAL, LowerOrderFinal, Model, Solver};
use super::transfer::{ancestral, eta, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// RES 2M with ancestral noise: the Heun form of [`DpmPp2M`] steps to ς_d over h = ln(ς/ς_d), then
/// noise ς_u is added, with ς_d and ς_u as in [`Ddim`](super::Ddim),
///
/// x′ = e^{−h} x + (1 − e^{−h}) D + φ₂(h) (h/h₋) (D − D₋) + ς_u z, φ₂ = 1 − (1 − e^{−h})/h.
///
/// h₋ likewise is the length of the previous step to its ς_d, beyond its node. The first step and a
/// step to ς_d = 0 have order 1.
///
/// At η = 0 it is RES 2M. For any η the marginals converge with order 2 if started from p_T. The
/// law given the initial state does so at η = 1, where D is a martingale, otherwise with order 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResMultistep {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
}

impl Sampler for ResMultistep {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let mut last: Option<(Real, Var)> = None;
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let (left, drawn) = ancestral(step.from, step.to, self.eta);
            let e = Exponential::leaving(Model::Denoiser, 0.0, step.from, step.to, left);
            let correction = match last {
                Some((h_last, d_last)) if e.h.is_finite() => {
                    (e.slope(Solver::Heun) * e.h / h_last) * (d - d_last)
                }
                _ => Linear::default(),
            };
            x = tape.arrive(step.to, with_noise(tape, e.constant(x, d) + correction, drawn));
            last = Some((e.h, d));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "res-multistep",
    aliases: &["res_multistep", "res_multistep_cfg_pp"],
    summary: "RES 2M, the Heun form of dpmpp-2m, under ComfyUI's name",
    source: "Zhang et al. (2023), refined exponential solver; ComfyUI",
    order: Some(2),
    parameters: &[LOWER_ORDER_FINAL],
    build: |a| {
        Ok(Box::new(DpmPp2M {
            eta: 0.0,
            solver: Solver::Heun,
            lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
        }))
    },
};

pub(super) static ANCESTRAL: Entry<dyn Sampler> = Entry {
    name: "res-multistep-ancestral",
    aliases: &["res_multistep_ancestral", "res_multistep_ancestral_cfg_pp"],
    summary: "RES 2M with ancestral noise",
    source: "ComfyUI (sample_res_multistep_ancestral)",
    order: Some(2),
    parameters: &[eta("1")],
    build: |a| Ok(Box::new(ResMultistep { eta: a.number("eta") })),
};
