//! Fine solutions of the probability-flow ODE, with a network.

use super::{ExperimentError, Run};
use crate::grid::{Grid, GridRule, Uniform};
use crate::level::Level;
use crate::process::Process;
use crate::sampler;
use crate::tape::Plan;
use std::sync::Arc;

/// Fine solutions go down to this share of the lowest level that networks are asked about.
const LOWEST: f64 = 0.1;

/// How far steps keep from a break, relative to its noise ratio.
const GAP: f64 = 1e-7;

/// Exponent of the levels of fine solutions (Karras et al. 2022).
const RHO: f64 = 7.0;

/// A fine solution from one level to another, in many steps, for a network that is smooth but at some noise
/// ratios, by a rule in the noise ratio; by Heun's rule in t where that is infinite at the start.
pub(super) fn fine_plan(
    process: &Arc<dyn Process>,
    start: &Level,
    end: &Level,
    steps: usize,
    (rule, breaks): (&str, &[f64]),
) -> Result<Plan, ExperimentError> {
    let grid = fine_grid(process, start, end, steps, breaks)?;
    let rule = if start.noise_ratio().is_finite() { rule } else { "heun" };
    let sampler = sampler::registry().build(rule);
    let sampler = sampler.map_err(|e| ExperimentError::Objective(e.to_string()))?;
    Ok(Run::on(&sampler, grid)?.plan)
}

/// Dense times between two levels.
fn fine_grid(
    process: &Arc<dyn Process>,
    start: &Level,
    end: &Level,
    steps: usize,
    breaks: &[f64],
) -> Result<Grid, ExperimentError> {
    let (highest, last) = (start.noise_ratio(), end.noise_ratio());
    // A step to just before a break, and one from just behind it.
    let within = breaks.iter().filter(|b| (last..highest).contains(*b));
    let sides = within.flat_map(|b| [b * (1.0 + GAP), b * (1.0 - GAP)]);
    let sides: Vec<f64> = sides.filter_map(|ratio| process.time_of(ratio)).collect();
    let with_breaks = |mut times: Vec<f64>| {
        times.extend(&sides);
        times.sort_by(|a, b| b.total_cmp(a));
        times.dedup();
        Grid::new(process.clone(), &times)
    };
    if !highest.is_finite() {
        let grid = Uniform.grid(process, steps, end.t)?;
        return Ok(with_breaks(grid.levels().iter().map(|l| l.t).collect())?);
    }
    let (lowest, count) = match last > 0.0 {
        true => (last, steps),
        false => (LOWEST * process.level(process.t_min()).noise_ratio(), steps - 1),
    };
    let [low, high] = [lowest, highest].map(|s| s.powf(RHO.recip()));
    let mut times = vec![start.t];
    for k in 1..=count {
        let ratio = (high + (low - high) * (k as f64 / count.max(1) as f64)).powf(RHO);
        times.extend(process.time_of(ratio));
    }
    match last > 0.0 {
        true => *times.last_mut().unwrap_or(&mut 0.0) = end.t,
        false => times.push(end.t),
    }
    Ok(with_breaks(times)?)
}
