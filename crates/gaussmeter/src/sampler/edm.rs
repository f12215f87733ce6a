use super::transfer::{Churn, churn, contraction, needs_finite_ratio, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// The sampler of EDM: churn raises the state to ς̂ = (1 + γ) ς, ς = σ/α, then Heun's method steps
/// on dx/dς = (x − D)/ς from there. In terms of the denoisers D at ς̂ and D₁ at the Euler point,
/// with q = ς′/ς̂,
///
/// x′ = q x̂ + (1 − q) [D + (D₁ − D)/(2q)],
///
/// and an Euler step x′ = q x̂ + (1 − q) D to σ = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdmSampler {
    /// The noise added before each evaluation.
    pub churn: Churn,
    /// How the steps are taken.
    pub rule: EdmRule,
}

/// How [`EdmSampler`] takes its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EdmRule {
    /// Heun.
    #[default]
    Heun,
    /// Euler.
    Euler,
    /// Euler as in EulerDiscreteScheduler of diffusers: noise is added after the evaluation at ς
    /// and never denoised: x′ = x̂ + (ς′ − ς̂) d, d = (x − D)/ς. Without churn this is Euler.
    LateChurn,
}

fn euler(tape: &Tape, from: &Level<Real>, to: &Level<Real>, x: Var) -> Linear {
    let d = tape.predict(Prediction::Denoiser, x, from);
    transfer(from, to, to.sigma, x, d)
}

/// Heun's step in ς, to σ > 0.
pub(super) fn heun(tape: &Tape, from: &Level<Real>, to: &Level<Real>, x: Var) -> Linear {
    let d = tape.predict(Prediction::Denoiser, x, from);
    let d_next = tape.predict(Prediction::Denoiser, transfer(from, to, to.sigma, x, d), to);
    let model = d + (0.5 / contraction(from, to)) * (d_next - d);
    transfer(from, to, to.sigma, x, model)
}

impl Sampler for EdmSampler {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            if self.rule == EdmRule::LateChurn {
                needs_finite_ratio(grid, &step)?;
                let (before, to) = (step.from, step.to);
                let d = tape.predict(Prediction::Denoiser, x, before);
                let (lifted, from) = self.churn.lift(grid, &step, tape, x)?;
                let slope = x / before.sigma - d / before.noise_ratio();
                let change = to.alpha * (to.noise_ratio() - from.noise_ratio());
                x = tape.arrive(to, (to.alpha / from.alpha) * lifted + change * slope);
                continue;
            }
            let (lifted, from) = self.churn.lift(grid, &step, tape, x)?;
            x = match self.rule == EdmRule::Euler || step.to.sigma == 0.0 {
                true => tape.arrive(step.to, euler(tape, &from, step.to, lifted)),
                false => {
                    needs_finite_ratio(grid, &step)?;
                    tape.arrive(step.to, heun(tape, &from, step.to, lifted))
                }
            };
        }
        Ok(x)
    }
}

const PARAMETERS: &[Parameter] = &churn();

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "edm",
    aliases: &["heun-sigma", "sample_heun", "edm_sampler", "HeunDiscreteScheduler"],
    summary: "Heun in sigma with optional churn, the 'heun' of k-diffusion, ComfyUI and diffusers",
    source: "Karras et al. (2022), algorithm 2; algorithm 1 without churn",
    order: Some(2),
    parameters: PARAMETERS,
    build: |a| Ok(Box::new(EdmSampler { churn: Churn::of(a), rule: EdmRule::Heun })),
};

const WITH_VARIANT: &[Parameter] = &{
    let [a, b, c, d] = churn();
    let variant = Parameter {
        name: "variant",
        kind: Kind::Choice(&["paper", "diffusers"]),
        default: Some("paper"),
        summary: "diffusers: noise added after the evaluation (EulerDiscreteScheduler)",
    };
    [a, b, c, d, variant]
};

fn build_euler(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    let churn = Churn::of(a);
    let rule = match (a.text("variant"), churn.s_churn) {
        ("paper", _) => EdmRule::Euler,
        (_, 0.0) => return Err("variant=diffusers differs only in its churn: give s_churn".into()),
        _ => EdmRule::LateChurn,
    };
    Ok(Box::new(EdmSampler { churn, rule }))
}

pub(super) static EULER: Entry<dyn Sampler> = Entry {
    name: "edm-euler",
    aliases: &["sample_euler"],
    summary: "Euler in sigma with optional churn; without it the same as ddim",
    source: "Karras et al. (2022), algorithm 2 without its correction; k-diffusion",
    order: Some(1),
    parameters: WITH_VARIANT,
    build: build_euler,
};
