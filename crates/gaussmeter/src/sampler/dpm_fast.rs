use super::dpm_singlestep::DpmStages;
use super::exponential::{Model, Solver};
use super::transfer::{ancestral, eta, level_at, needs_finite_ratio, undefined, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Tape, Var};

/// DPM-Solver-fast: n evaluations, as many as the grid has steps, spent in ⌊n/3⌋ + 1 blocks of equal
/// length in log-SNR between the ends of the grid; the nodes between them are not used. Blocks are
/// steps of DPM-Solver-3, but for the last two of order 2 and 1, or the last of order n mod 3.
///
/// With η > 0 a block leads to ς_d as in [`Ddim`](super::Ddim), but not below the end of the grid, and
/// noise is added. Without it the order is 2, from the last block, or 3 where that has order 2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DpmFast {
    /// η ≥ 0: the share of fresh noise.
    pub eta: f64,
    /// On a grid to σ = 0, stop at the last level above it, as ComfyUI does.
    pub stops_above_zero: bool,
}

impl Sampler for DpmFast {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let n = grid.step_count();
        let mut used = grid.steps().filter(|step| step.to.sigma > 0.0);
        let (first, last) = match (used.next(), grid.steps().last(), grid.end().sigma > 0.0) {
            (Some(first), Some(last), true) => (first, last.to),
            (Some(first), Some(last), false) if self.stops_above_zero => (first, last.from),
            (_, Some(step), _) => {
                let reason = "blocks are equal in log-SNR, which is infinite at sigma = 0: end above it (eps=…), or let variant=comfyui stop at the last level above it";
                return Err(undefined(grid, &step, reason.into()));
            }
            (_, None, _) => return Ok(x),
        };
        needs_finite_ratio(grid, &first)?;
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
                    level_at(grid, &first, start * (end / start).powf(part))?
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
            let mean = rule.step((grid, &first), tape, x, &from, (&to, left))?;
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
            kind: Kind::Choice(&["k-diffusion", "comfyui"]),
            default: Some("k-diffusion"),
            summary: "on a grid to sigma = 0: refuse, or stop at the last level above it (comfyui)",
        },
    ],
    build: |a| {
        let stops_above_zero = a.text("variant") == "comfyui";
        Ok(Box::new(DpmFast { eta: a.number("eta"), stops_above_zero }))
    },
};
