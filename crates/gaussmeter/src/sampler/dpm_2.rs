use super::transfer::{Churn, ancestral, churn, eta, half_way, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::Entry;
use crate::grid::Grid;
use crate::tape::{Prediction, Tape, Var};

/// DPM-Solver-2, the midpoint method in log-SNR for dx/dς = d = (x − D)/ς, with optional churn; as
/// an ancestral sampler it steps to ς_d < ς′ and adds noise ς_u (see [`Ddim`](super::Ddim)):
///
/// x_m at ς_m = √(ς ς_d) by Euler, x′ = x + (ς_d − ς) d(x_m, ς_m) + ς_u z,
///
/// which is q x + (1 − q) [D + (D_m − D)/√q] + ς_u z with q = ς_d/ς. The step to ς_d = 0 is Euler's.
///
/// With η > 0 the marginals converge with order 2 if started from p_T, since noise is added after
/// the ODE step; the law given the initial state, which follows the SDE, converges with order 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dpm2 {
    /// The noise added before each step.
    pub churn: Churn,
    /// η ≥ 0: the amount of fresh noise added after each step.
    pub eta: f64,
}

impl Sampler for Dpm2 {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (lifted, from) = self.churn.lift(grid, &step, tape, x)?;
            let (left, drawn) = ancestral(&from, step.to, self.eta);
            let d = tape.predict(Prediction::Denoiser, lifted, &from);
            let mean = if left == 0.0 {
                transfer(&from, step.to, left, lifted, d)
            } else {
                let (root, middle) = half_way(grid, &step, &from, left)?;
                let x_m = transfer(&from, &middle, middle.sigma, lifted, d);
                let d_m = tape.predict(Prediction::Denoiser, x_m, &middle);
                transfer(&from, step.to, left, lifted, d + (d_m - d) / root)
            };
            x = tape.arrive(step.to, with_noise(tape, mean, drawn));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm-2",
    aliases: &["dpm_2", "sample_dpm_2", "KDPM2DiscreteScheduler"],
    summary: "DPM-Solver-2: midpoint method in log-SNR, with optional churn",
    source: "Lu et al. (2022a), algorithm 1; k-diffusion",
    order: Some(2),
    parameters: &churn(),
    build: |a| Ok(Box::new(Dpm2 { churn: Churn::of(a), eta: 0.0 })),
};

pub(super) static ANCESTRAL: Entry<dyn Sampler> = Entry {
    name: "dpm-2-ancestral",
    aliases: &["dpm_2_ancestral", "sample_dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler"],
    summary: "ancestral sampling with steps of DPM-Solver-2",
    source: "k-diffusion",
    order: Some(1),
    parameters: &[eta("1")],
    build: |a| Ok(Box::new(Dpm2 { churn: Churn::default(), eta: a.number("eta") })),
};
