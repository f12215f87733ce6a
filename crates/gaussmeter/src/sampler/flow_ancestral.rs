use super::transfer::{level_at, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Prediction, Tape, Var};

/// The deterministic part of a step of [`FlowAncestral`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowSolver {
    /// Euler.
    #[default]
    Euler,
    /// The midpoint method in ln u.
    Dpm2,
    /// DPM-Solver++(2S), at the midpoint in log-SNR.
    DpmPp2S,
}

/// Ancestral sampling of flow models: the noise is split in terms of u = σ/(α + σ), the σ of the
/// flow process (1 − u) x_0 + u z with this noise ratio,
///
/// u_d = u′ (1 − η (1 − u′/u)), X′ = (α′/α_d) X_d + σ_u z, σ_u² = σ′² − (α′/α_d)² σ_d²,
///
/// where X_d is the result of a deterministic step to u_d:
///
/// - Euler: X_d = (u_d/u) X + (1 − u_d/u) D;
/// - DPM-2: the same with D + (D_m − D)/√(u_d/u) in place of D, D_m at u_m = √(u u_d);
/// - DPM-Solver++(2S): the same with D_m in place of D, midway in log-SNR (from u = 1:
///   u_m = 0.9999).
///
/// With more steps it approaches the reverse SDE with √η of its noise. A step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FlowAncestral {
    /// η in [0, 1]: the amount of fresh noise.
    pub eta: f64,
    /// The deterministic part.
    pub solver: FlowSolver,
}

/// u and 1 − u.
fn flow(level: &Level<Real>) -> (Real, Real) {
    let sum = level.alpha + level.sigma;
    (level.sigma / sum, level.alpha / sum)
}

impl FlowAncestral {
    /// The level of the second evaluation and the factor of D_m − D.
    fn middle(
        &self,
        grid: &Grid,
        step: &Step,
        down: (Real, Real),
    ) -> Result<(Level<Real>, Real), SamplerError> {
        let (u, rest) = flow(step.from);
        let middle = match self.solver {
            FlowSolver::DpmPp2S if rest == 0.0 => (Real::from(0.9999), Real::from(1e-4)),
            // 1 − u_m without cancellation.
            FlowSolver::Dpm2 => {
                let middle = (u * down.0).sqrt();
                (middle, (rest + u * down.1) / (1.0 + middle))
            }
            _ => ((u / rest * down.0 / down.1).sqrt(), Real::from(1.0)),
        };
        let level = level_at(grid, step, middle.0 / middle.1)?;
        let weight = match self.solver {
            FlowSolver::Dpm2 => (u / down.0).sqrt(),
            _ => Real::from(1.0),
        };
        Ok((level, weight))
    }
}

impl Sampler for FlowAncestral {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let mut model = tape.predict(Prediction::Denoiser, x, from).into();
            let ((u, _), (next, next_rest)) = (flow(from), flow(to));
            let drop = self.eta * next * (1.0 - next / u);
            let down = (next - drop, next_rest + drop);
            // Noise ratios at the scale of `to`.
            let left = to.alpha * down.0 / down.1;
            if left > 0.0 && self.solver != FlowSolver::Euler {
                let (middle, weight) = self.middle(grid, &step, down)?;
                let x_m = transfer(from, &middle, middle.sigma, x, &model);
                let d_m = tape.predict(Prediction::Denoiser, x_m, &middle);
                model = &model + weight * (d_m - &model);
            }
            let more = to.alpha * drop / (next_rest * down.1);
            let drawn = (more * (to.sigma + left)).sqrt();
            let mean = transfer(from, to, left, x, model);
            x = tape.arrive(to, with_noise(tape, mean, drawn));
        }
        Ok(x)
    }
}

const ETA: Parameter = Parameter {
    name: "eta",
    kind: Kind::Number { min: 0.0, max: 1.0 },
    default: Some("1"),
    summary: "fresh noise: 0 is the ODE, 1 the reverse SDE",
};

fn of(a: &Arguments, solver: FlowSolver) -> Box<dyn Sampler> {
    Box::new(FlowAncestral { eta: a.number("eta"), solver })
}

pub(super) static EULER: Entry<dyn Sampler> = Entry {
    name: "euler-ancestral-rf",
    aliases: &["euler_ancestral_RF", "sample_euler_ancestral_RF", "LTXEulerAncestralRFScheduler"],
    summary: "ancestral sampling of flow models: ComfyUI's 'euler_ancestral' on such models",
    source: "ComfyUI, diffusers (LTXEulerAncestralRFScheduler)",
    order: Some(1),
    parameters: &[ETA],
    build: |a| Ok(of(a, FlowSolver::Euler)),
};

pub(super) static DPM_2: Entry<dyn Sampler> = Entry {
    name: "dpm-2-ancestral-rf",
    aliases: &["dpm_2_ancestral_RF", "sample_dpm_2_ancestral_RF"],
    summary: "euler-ancestral-rf with the midpoint method in ln u: ComfyUI's 'dpm_2_ancestral' on flow models",
    source: "ComfyUI",
    order: Some(1),
    parameters: &[ETA],
    build: |a| Ok(of(a, FlowSolver::Dpm2)),
};

pub(super) static DPMPP_2S: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2s-ancestral-rf",
    aliases: &["dpmpp_2s_ancestral_RF", "sample_dpmpp_2s_ancestral_RF"],
    summary: "euler-ancestral-rf with DPM-Solver++(2S): ComfyUI's 'dpmpp_2s_ancestral' on flow models",
    source: "Lu et al. (2022b), algorithm 1 with r = 1/2; ComfyUI",
    order: Some(1),
    parameters: &[ETA],
    build: |a| Ok(of(a, FlowSolver::DpmPp2S)),
};
