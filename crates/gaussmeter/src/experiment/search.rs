//! The times that are the best for a sampler, without a report.

use super::ExperimentError;
use super::diffusion::{self, Diffusion, NamedSampler};
use crate::design::{Effort, End, Problem, Space, Start, TuneError, Tuned, starts};
use crate::exact::Init;
use crate::grid::{self, Grid, GridError, Optimised};
use crate::network::{Learnt, Network};
use crate::spectrum::Spectrum;
use crate::watch::Watch;

/// How a schedule is sought.
#[derive(Clone, Debug)]
pub struct TuneOptions {
    /// The network that the sampler calls.
    pub network: Network,
    /// Whether it starts at T.
    pub start: Start,
    /// Where it ends.
    pub end: End,
    /// Whether the stochasticity η of the sampler is sought too, between the ODE and the reverse SDE.
    pub free_eta: bool,
    /// The smallest ratio of neighbouring noise levels.
    pub min_ratio: f64,
    /// Number of schedules to descend from, beside the three best standard ones.
    pub starts: usize,
    /// Seed of the random ones.
    pub seed: u64,
    /// How hard it is sought.
    pub effort: Effort,
}

impl Default for TuneOptions {
    fn default() -> Self {
        TuneOptions {
            network: Network::default(),
            start: Start::Fixed,
            end: End::At(0.0),
            free_eta: false,
            min_ratio: 1.25,
            starts: 10,
            seed: 0,
            effort: Effort::default(),
        }
    }
}

/// Standard schedules to descend from, the best ones.
pub(super) const KNOWN: usize = 3;

/// What a network has learnt of data, where times can be sought for it and an initial law fits it.
pub(super) fn learnt(
    network: &Network,
    data: &Spectrum,
    init: &Init,
) -> Result<Learnt, ExperimentError> {
    let found = diffusion::learnt(network, data, init)?;
    match found.is_by_step() {
        true => Err(ExperimentError::NoTimes { network: network.label.clone() }),
        false => Ok(found),
    }
}

/// The times that are the best for a sampler from N(0, σ²) at T, sought from the three best standard
/// schedules and as many others as `gaussmeter tune` takes.
pub(super) fn optimised_times(
    (diffusion, network): (&Diffusion, &Network),
    sampler: &NamedSampler,
    steps: usize,
    eps: f64,
    wanted: &Optimised,
    watch: Watch,
) -> Result<Grid, ExperimentError> {
    let Optimised { objective, min_ratio, by_network } = wanted;
    let options = TuneOptions { end: End::At(eps), min_ratio: *min_ratio, ..Default::default() };
    let data = &*diffusion.spectrum;
    let init = diffusion.init(&Init::Normal { std: None })?;
    let network = match by_network {
        true => learnt(network, data, &init)?,
        false => Learnt::exact(data),
    };
    objective.check(network.truth().len()).map_err(ExperimentError::Objective)?;
    let space = Space::new(&diffusion.process, steps, options.start, options.end, *min_ratio)?;
    let (sampler, objective, network) = (&*sampler.item, &**objective, &network);
    let problem = Problem { network, sampler, init: &init, objective, space: &space, watch };
    let mut known: Vec<(f64, Grid)> = standard_schedules(diffusion, steps, eps, watch)
        .into_iter()
        .filter_map(|(_, grid)| grid.ok())
        .filter(|g| g.start().t == diffusion.process.t_max() && g.end().t == eps)
        .take_while(|_| !watch.is_abandoned())
        .filter_map(|grid| Some((problem.value(&grid).ok().filter(|v| v.is_finite())?, grid)))
        .collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut from: Vec<Grid> = known.into_iter().take(KNOWN).map(|(_, grid)| grid).collect();
    from.extend(starts(&space, data, options.starts, options.seed)?);
    let found = sought(problem.tune(&from, options.effort))?.grid;
    match watch.is_stopped() {
        // What a stopped search has is not the best.
        true => Err(ExperimentError::Interrupted),
        false => Ok(found),
    }
}

/// What a search has found, where somebody wants it.
pub(super) fn sought(found: Result<Tuned, TuneError>) -> Result<Tuned, ExperimentError> {
    found.map_err(|error| match error {
        TuneError::Abandoned => ExperimentError::Interrupted,
        error => error.into(),
    })
}

/// The rules of the registry that need nothing but a number of steps, on given data and a given
/// process, from T to eps; those that there was time for.
pub fn standard_schedules(
    diffusion: &Diffusion,
    steps: usize,
    eps: f64,
    watch: Watch,
) -> Vec<(String, Result<Grid, GridError>)> {
    let (process, registry) = (&diffusion.process, grid::registry());
    let lowest = process.level(eps).noise_ratio();
    registry
        .entries
        .iter()
        .take_while(|_| !watch.is_stopped())
        .filter_map(|entry| {
            let has = |key: &str| entry.parameters.iter().any(|p| p.name == key);
            let text = match eps > 0.0 && has("sigma_min") && has("final") {
                true => format!("{}:sigma_min={lowest},final=sigma_min", entry.name),
                false => entry.name.to_string(),
            };
            // Lists from files are no rule.
            let rule = registry.build(&text).ok()?.item;
            if rule.own_steps().is_some() {
                return None;
            }
            let end = rule.own_end(&**process).unwrap_or(eps);
            let grid = rule.grid_for(&diffusion.spectrum, process, steps, end);
            match &grid {
                // Rules for other processes.
                Err(GridError::NotDiscrete | GridError::NotFlow | GridError::NeedsSampler) => None,
                _ => Some((entry.name.to_string(), grid)),
            }
        })
        .collect()
}
