use super::multistep::{along, final_step};
use super::transfer::transfer;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Linear, Prediction, Tape, Var};

/// Gradient estimation: a DDIM step with a noise prediction corrected by the previous one,
///
/// x′ = x + (ς′ − ς) [γ ε + (1 − γ) ε₋], ς = σ/α.
///
/// At γ = 1 it is DDIM, at γ = 3/2 the pseudo linear multistep method of order 2; any other γ,
/// including the recommended 2, has order **1**. The first step is a DDIM step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientEstimation {
    /// γ ≥ 0: the weight of the current prediction.
    pub gamma: f64,
    /// Return D in a step to σ = 0, as ComfyUI does, instead of treating it like the others.
    pub final_denoiser: bool,
}

impl Sampler for GradientEstimation {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let mut last: Option<Linear> = None;
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            if from.alpha == 0.0 || (to.sigma == 0.0 && self.final_denoiser) {
                let d = tape.predict(Prediction::Denoiser, x, from);
                // Without signal the state is pure noise.
                last = Some(x / from.sigma);
                x = tape.arrive(to, transfer(from, to, to.sigma, x, d));
                continue;
            }
            let noise = tape.predict(Prediction::Noise, x, from);
            let before = last.unwrap_or_else(|| noise.into());
            let slope = self.gamma * noise + (1.0 - self.gamma) * before;
            x = tape.arrive(to, along(from, to, x, slope));
            last = Some(noise.into());
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "gradient-estimation",
    aliases: &["gradient_estimation", "sample_gradient_estimation"],
    summary: "gradient estimation: DDIM with a noise prediction corrected by the previous one",
    source: "Permenter & Yuan (2024), algorithm 2; ComfyUI",
    order: Some(1),
    parameters: &[
        Parameter {
            name: "gamma",
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some("2"),
            summary: "weight of the current noise prediction; 1 is ddim, 1.5 has order 2",
        },
        final_step("denoiser"),
    ],
    build: |a| {
        Ok(Box::new(GradientEstimation {
            gamma: a.number("gamma"),
            final_denoiser: a.text("final") == "denoiser",
        }))
    },
};
