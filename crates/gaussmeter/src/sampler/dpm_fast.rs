use super::dpm_singlestep::DpmStages;
use super::exponential::{Model, Solver};
use super::transfer::{ancestral, eta, level_at, needs_finite_ratio, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Prediction, Tape, Var};

/// DPM-Solver-fast: n evaluations, as many as the grid has steps, spent in ⌊n/3⌋ + 1 blocks of equal
/// length in log-SNR between the ends of the grid, whose inner nodes are not used. The blocks are
/// steps of DPM-Solver-3, except the last two, of orders 2 and 1, or the last, of order n mod 3. On
/// a grid to σ = 0 the blocks end at the last level above it, and one more step, counted in n,
/// returns D.
///
/// With η > 0 a block goes to ς_d as in [`Ddim`](super::Ddim), but not below the end of the last
/// block, and noise is added. At η = 0 the order is 2, limited by the last block, or 3 if that has
/// order 2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmFast {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// On a grid to σ = 0, spend all evaluations above it and return x = X/α with its remaining
    /// noise, as ComfyUI does.
    pub stops_above_zero: bool,
}

impl Sampler for DpmFast {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let steps: Vec<_> = grid.steps().collect();
        let above = steps.iter().filter(|step| step.to.sigma > 0.0).count();
        let n = if self.stops_above_zero { steps.len() } else { above };
        if let (Some(first), Some(last)) = (steps.first(), steps[..above].last()) {
            x = self.blocks(grid, (first, last.to), n, tape, x)?;
        }
        let Some(last) = steps.last().filter(|step| step.to.sigma == 0.0) else { return Ok(x) };
        if !self.stops_above_zero {
            let d = tape.predict(Prediction::Denoiser, x, last.from);
            return Ok(tape.arrive(last.to, transfer(last.from, last.to, 0.0, x, d)));
        }
        needs_finite_ratio(grid, last)?;
        if above == 0 {
            // A block from the level to itself still calls the network.
            tape.predict(Prediction::Noise, x, last.from);
        }
        // The remaining noise stays in x, the state that ComfyUI works with on every model.
        Ok(tape.arrive(last.to, (last.to.alpha / last.from.alpha) * x))
    }
}

impl DpmFast {
    fn blocks(
        &self,
        grid: &Grid,
        (first, last): (&Step, &Level<Real>),
        n: usize,
        tape: &Tape,
        mut x: Var,
    ) -> Result<Var, SamplerError> {
        needs_finite_ratio(grid, first)?;
        let blocks = n / 3 + 1;
        let order = |block: usize| match (n % 3, blocks - block) {
            (0, left @ (1 | 2)) => left,
            (0, _) => 3,
            (rest, 1) => rest,
            _ => 3,
        };
        let (start, end) = (first.from.noise_ratio(), last.noise_ratio());
        let mut from = *first.from;
        for block in 0..blocks {
            let is_last = block + 1 == blocks;
            let to = match is_last {
                true => *last,
                false => {
                    let part = (block + 1) as f64 / blocks as f64;
                    level_at(grid, first, start * (end / start).powf(part))?
                }
            };
            let (left, _) = ancestral(&from, &to, self.eta);
            let left = match is_last {
                true => to.sigma,
                false => left.max(end * to.alpha),
            };
            let rule = DpmStages {
                model: Model::Noise,
                order: order(block),
                solver: Solver::Midpoint,
                r1: if order(block) == 2 { 0.5 } else { 1.0 / 3.0 },
                r2: 2.0 / 3.0,
            };
            let mean = rule.step((grid, first), tape, x, &from, (&to, left))?;
            let drawn = ((to.sigma - left) * (to.sigma + left)).sqrt();
            x = tape.arrive(&to, with_noise(tape, mean, drawn));
            from = to;
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm-fast",
    aliases: &["dpm_fast", "sample_dpm_fast"],
    summary: "DPM-Solver-fast: blocks of DPM-Solver-3 between the ends of the grid, as many evaluations as steps",
    source: "Lu et al. (2022a), section 3.4; k-diffusion (sample_dpm_fast)",
    order: Some(2),
    parameters: &[
        eta("0"),
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["corrected", "comfyui"]),
            default: Some("corrected"),
            summary: "on a grid to sigma = 0: the last step returns D, or is left out, and its noise stays in x (comfyui)",
        },
    ],
    build: |a| {
        let stops_above_zero = a.text("variant") == "comfyui";
        Ok(Box::new(DpmFast { eta: a.number("eta"), stops_above_zero }))
    },
};
