use super::exponential::{
    LOWER_ORDER_FINAL, LowerOrderFinal, Model, Multistep, SecondDerivative, Solver, solver,
};
use super::transfer::eta;
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry};
use crate::grid::Grid;
use crate::tape::{Tape, Var};

/// DPM-Solver++(2M) and its SDE form: the exponential two-step method in h = ln(ς/ς′), ς = σ/α, with
/// H = (1 + η) h, r = h₋/h and the denoisers D, D₋ of this step and the previous one,
///
/// x′ = e^{−h−ηh} x + (1 − e^{−H}) D + c (D − D₋)/r + ς′ √(1 − e^{−2ηh}) z,
///
/// c = ½ (1 − e^{−H}) (midpoint) or 1 − (1 − e^{−H})/H (Heun).
///
/// The first step and a step to σ = 0 have order 1. At η = 0 it is DPM-Solver++(2M); with the Heun
/// weight it is then RES 2M.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmPp2M {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// The weight c.
    pub solver: Solver,
    /// Order of the last step.
    pub lower_order_final: LowerOrderFinal,
}

impl Sampler for DpmPp2M {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        let multistep = Multistep {
            model: Model::Denoiser,
            order: 2,
            eta: self.eta,
            solver: self.solver,
            second_derivative: SecondDerivative::Corrected,
            lower_order_final: self.lower_order_final,
        };
        multistep.record(grid, tape, x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    Ok(Box::new(DpmPp2M {
        eta: a.number("eta"),
        solver: Solver::of(a.text("solver")),
        lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
    }))
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2m",
    aliases: &[
        "dpmpp_2m",
        "sample_dpmpp_2m",
        "dpmpp_2m_cfg_pp",
        "DPMSolverMultistepScheduler",
        "EDMDPMSolverMultistepScheduler",
    ],
    summary: "DPM-Solver++(2M)",
    source: "Lu et al. (2022b), algorithm 2; k-diffusion, diffusers",
    order: Some(2),
    parameters: &[solver("midpoint"), eta("0"), LOWER_ORDER_FINAL],
    build,
};

pub(super) static SDE: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2m-sde",
    aliases: &[
        "dpmpp_2m_sde",
        "sample_dpmpp_2m_sde",
        "dpmpp_2m_sde_gpu",
        "CosineDPMSolverMultistepScheduler",
        "CogVideoXDPMScheduler",
    ],
    summary: "SDE-DPM-Solver++(2M)",
    source: "Lu et al. (2022b), section 5; k-diffusion, diffusers (sde-dpmsolver++)",
    order: Some(2),
    parameters: &[eta("1"), solver("midpoint"), LOWER_ORDER_FINAL],
    build,
};

pub(super) static SDE_HEUN: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2m-sde-heun",
    aliases: &["dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"],
    summary: "SDE-DPM-Solver++(2M) with the Heun weight, under ComfyUI's name",
    source: "Lu et al. (2022b), section 5; k-diffusion (solver_type='heun')",
    order: Some(2),
    parameters: &[eta("1"), solver("heun"), LOWER_ORDER_FINAL],
    build,
};
