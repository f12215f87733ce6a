use super::exponential::{
    LOWER_ORDER_FINAL, LowerOrderFinal, Model, Multistep, SecondDerivative, Solver,
};
use super::transfer::eta;
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::numeric::written;
use crate::tape::{Tape, Var};

/// DPM-Solver++(3M) and its SDE form: with H = (1 + η) h, r₀ = h₋/h, r₁ = h₌/h, D₁₀ = (D − D₋)/r₀ and
/// D₁₁ = (D₋ − D₌)/r₁,
///
/// x′ = e^{−h−ηh} x + (1 − e^{−H}) D + φ₂ D′ − φ₃ D″ + ς′ √(1 − e^{−2ηh}) z,
///
/// D″ = 2 (D₁₀ − D₁₁)/(r₀ + r₁), D′ = D₁₀ + ½ r₀ D″, φ₂ = 1 − (1 − e^{−H})/H and φ₃ = φ₂/H − ½. The
/// second step is that of [`DpmPp2M`](super::DpmPp2M); the first and one to σ = 0 have order 1.
///
/// The order is 3 at η = 0, and 2 with noise, whose increments no polynomial interpolates.
/// k-diffusion, ComfyUI and diffusers omit the factor 2 of D″, which leaves order 2; with noise
/// diffusers also has a wrong sign, which leaves order 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmPp3M {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// How the second step weights its difference.
    pub second: Solver,
    /// The rule for D″.
    pub second_derivative: SecondDerivative,
    /// Order of the last step; `Under15` takes the step before it with order 2.
    pub lower_order_final: LowerOrderFinal,
}

impl Sampler for DpmPp3M {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        let multistep = Multistep {
            model: Model::Denoiser,
            order: 3,
            eta: self.eta,
            solver: self.second,
            second_derivative: self.second_derivative,
            lower_order_final: self.lower_order_final,
        };
        multistep.record(grid, tape, x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    let eta = a.number("eta");
    let second_derivative = match a.text("variant") {
        "k-diffusion" => SecondDerivative::Half,
        "diffusers" if eta == 0.0 => SecondDerivative::Half,
        "diffusers" if eta == 1.0 => SecondDerivative::HalfWrongSign,
        "diffusers" => {
            return Err(
                format!("diffusers has only eta = 0 and eta = 1, not {}", written(&eta)).into()
            );
        }
        _ => SecondDerivative::Corrected,
    };
    Ok(Box::new(DpmPp3M {
        eta,
        second: Solver::of(a.text("second")),
        second_derivative,
        lower_order_final: LowerOrderFinal::of(a.text("lower_order_final")),
    }))
}

const VARIANT: Parameter = Parameter {
    name: "variant",
    kind: Kind::Choice(&["corrected", "k-diffusion", "diffusers"]),
    default: Some("corrected"),
    summary: "third-order rule, or what these projects run: half of D'' (k-diffusion, ComfyUI), with a wrong sign if there is noise (diffusers)",
};

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp-3m",
    aliases: &["dpmpp_3m"],
    summary: "DPM-Solver++(3M)",
    source: "Lu et al. (2022b), section 4.2; diffusers (DPMSolverMultistepScheduler, solver_order=3)",
    order: Some(3),
    parameters: &[second("midpoint"), eta("0"), VARIANT, LOWER_ORDER_FINAL],
    build,
};

pub(super) static SDE: Entry<dyn Sampler> = Entry {
    name: "dpmpp-3m-sde",
    aliases: &["dpmpp_3m_sde", "sample_dpmpp_3m_sde", "dpmpp_3m_sde_gpu"],
    summary: "SDE-DPM-Solver++(3M)",
    source: "k-diffusion (sample_dpmpp_3m_sde), diffusers (sde-dpmsolver++, solver_order=3)",
    order: Some(2),
    parameters: &[eta("1"), second("heun"), VARIANT, LOWER_ORDER_FINAL],
    build,
};

const fn second(default: &'static str) -> Parameter {
    Parameter {
        name: "second",
        kind: Kind::Choice(&["midpoint", "heun"]),
        default: Some(default),
        summary: "weight of the difference of denoisers in the second step",
    }
}
