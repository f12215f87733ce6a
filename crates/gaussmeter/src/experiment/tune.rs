use super::robustness::{PERTURBATIONS, Perturbation, expected};
use super::{
    Diffusion, ExperimentError, Length, NamedRule, NamedSampler, Run, Setting, StartError, setting,
};
use crate::design::{Effort, End, Problem, Space, Start, Tuned, starts};
use crate::entry::Named;
use crate::exact::steps::{Cancellation, cancellation};
use crate::exact::{Init, Output};
use crate::grid::{self, Grid, GridError, Optimised, Uniform};
use crate::network::{Learnt, Network};
use crate::objective::{Objective, SquaredWasserstein2};
use crate::spectrum::Spectrum;
use crate::watch::{Progress, Watch};
use std::sync::Arc;

/// How a schedule is sought.
#[derive(Clone, Debug)]
pub struct TuneOptions {
    /// The network that the sampler calls.
    pub network: Network,
    /// Whether it starts at T.
    pub start: Start,
    /// Where it ends.
    pub end: End,
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
            min_ratio: 1.25,
            starts: 10,
            seed: 0,
            effort: Effort::default(),
        }
    }
}

/// A schedule with its error; the reason if it has none.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Its text form.
    pub label: String,
    /// The objective, as people read it.
    pub value: Result<f64, ExperimentError>,
    /// W2 to the data.
    pub w2: f64,
    /// Its times.
    pub grid: Option<Grid>,
}

/// The best schedule of a sampler for given data, and what it is worth.
#[derive(Debug)]
pub struct Tuning {
    /// Data and process.
    pub diffusion: Diffusion,
    /// The initial law.
    pub init_label: String,
    /// What is minimised, in words.
    pub objective: String,
    /// Whether the objective is a weighted sum of W2² and contributions of steps: perturbations are then told
    /// in W2.
    pub is_robust: bool,
    /// How it was sought.
    pub options: TuneOptions,
    /// The sampler on the optimal times.
    pub run: Run,
    /// How they were found.
    pub tuned: Tuned,
    /// The objective there, as people read it.
    pub value: f64,
    /// W2 to the data there.
    pub w2: f64,
    /// Standard schedules of as many steps, the best first.
    pub rivals: Vec<Rival>,
    /// Whether the search was stopped: what it has found is the best so far.
    pub interrupted: bool,
    /// What cancels among the steps of the optimum; `None` for rules that draw noise.
    pub cancellation: Option<Cancellation>,
    /// What the start alone leaves, where that is pure noise.
    pub start: Option<StartError>,
    /// Per perturbation: the expected error of the optimum, and of the best rival.
    pub robustness: Vec<(Perturbation, f64, Option<f64>)>,
}

/// Seeks the times that minimise an objective; `init` and `objective` come with their labels.
/// Where `watch` stops it, the search ends with the best so far.
///
/// # Errors
/// [`ExperimentError`]
pub fn tune(
    diffusion: &Diffusion,
    sampler: &NamedSampler,
    length: Length,
    (init_label, init): (&str, &Init),
    objective: &Named<dyn Objective>,
    options: TuneOptions,
    watch: Watch,
) -> Result<Tuning, ExperimentError> {
    let data = &*diffusion.spectrum;
    let network = learnt(&options.network, data, init)?;
    objective.item.check(network.truth().len()).map_err(ExperimentError::Objective)?;
    // The law of a free start is that of pure noise at its level.
    let init = match (options.start, init) {
        (Start::Free, Init::Normal { std: None }) => init.clone(),
        (Start::Free, Init::Exact) => return Err(ExperimentError::FreeExactStart),
        _ => diffusion.init(init)?,
    };
    let eps = match options.end {
        End::At(eps) => eps,
        End::Free => diffusion.process.t_min(),
    };
    let steps = diffusion.steps(sampler, length, eps)?;
    let space =
        Space::new(&diffusion.process, steps, options.start, options.end, options.min_ratio)?;
    let objective_item = &*objective.item;
    let problem = Problem {
        network: &network,
        sampler: &*sampler.item,
        init: &init,
        objective: objective_item,
        space: &space,
        watch,
    };
    watch.tell(Progress { what: "tune", unit: "searches", done: 0, total: Some(1) });
    // Whether the network has answers for the sampler at all.
    let uniform: NamedRule = ("uniform".into(), Arc::new(Uniform));
    let plain = diffusion.with(uniform).run_steps(sampler, steps, eps)?;
    Output::by(&network, &plain.plan)?;
    let failed = |source| ExperimentError::Sampler { sampler: sampler.label.clone(), source };
    let is_robust = objective_item.compared_by().is_some();
    // What is left of it elsewhere is told in W2 where the objective is a weighted sum.
    let of_w2 = Problem { objective: &SquaredWasserstein2, ..problem };
    let measured = if is_robust { of_w2 } else { problem };
    let evaluate =
        |grid: &Grid| problem.value(grid).map(|sum| objective_item.readable(sum)).map_err(failed);
    let w2 = |grid: &Grid| of_w2.value(grid).map(f64::sqrt).map_err(failed);
    let mut rivals: Vec<Rival> = standard_schedules(diffusion, steps, eps, watch)
        .into_iter()
        .map(|(label, grid)| match grid {
            Ok(grid) => {
                let w2 = w2(&grid).unwrap_or(f64::INFINITY);
                Rival { label, value: evaluate(&grid), w2, grid: Some(grid) }
            }
            Err(error) => Rival { label, value: Err(error.into()), w2: f64::INFINITY, grid: None },
        })
        .collect();
    let key = |r: &Rival| r.value.as_ref().map_or(f64::INFINITY, |v| *v);
    rivals.sort_by(|a, b| key(a).total_cmp(&key(b)));
    // The best of them, and others.
    let t_max = diffusion.process.t_max();
    let known = rivals.iter().filter_map(|r| r.grid.clone().filter(|_| key(r).is_finite()));
    let known = known.filter(|g| g.start().t == t_max && g.end().t == eps);
    let mut from: Vec<Grid> = known.take(KNOWN).collect();
    from.extend(starts(&space, data, options.starts, options.seed)?);
    let tuned = problem.tune(&from, options.effort)?;
    let interrupted = watch.is_stopped();
    let run = Run::on(sampler, tuned.grid.clone())?;
    if let Length::Nfe(budget) = length
        && run.plan.nfe() > budget
    {
        let (sampler, nfe) = (run.sampler, run.plan.nfe());
        return Err(ExperimentError::OverBudget { sampler, nfe, budget });
    }
    let best = rivals.first().and_then(|r| r.grid.as_ref());
    let (value, w2) = (objective_item.readable(tuned.best.after), w2(&tuned.grid)?);
    let cancellation = cancellation(&run.plan, &network, &init);
    let robustness = PERTURBATIONS
        .iter()
        .map(|p| {
            let under = |grid: &Grid| expected(&measured, grid, *p);
            (*p, under(&tuned.grid), best.map(under))
        })
        .collect();
    Ok(Tuning {
        diffusion: diffusion.clone(),
        init_label: init_label.into(),
        objective: objective.label.clone(),
        is_robust,
        options,
        run,
        tuned,
        value,
        w2,
        rivals,
        interrupted,
        cancellation,
        start: match init {
            Init::Normal { .. } => StartError::of(&network.target(data), &*diffusion.process),
            _ => None,
        },
        robustness,
    })
}

/// What a network has learnt of data, where times can be sought for it and an initial law fits it.
pub(super) fn learnt(
    network: &Network,
    data: &Spectrum,
    init: &Init,
) -> Result<Learnt, ExperimentError> {
    let found = setting::learnt(network, data, init)?;
    match found.is_by_step() {
        true => Err(ExperimentError::NoTimes { network: network.label.clone() }),
        false => Ok(found),
    }
}

/// The times that are the best for a sampler from N(0, σ²) at T, sought from the three best standard
/// schedules and as many others as `gaussmeter tune` takes.
pub(super) fn optimised_times(
    setting: &Setting,
    sampler: &NamedSampler,
    steps: usize,
    eps: f64,
    wanted: &Optimised,
) -> Result<Grid, ExperimentError> {
    let Optimised { objective, min_ratio, by_network } = wanted;
    let diffusion = &setting.diffusion;
    let options = TuneOptions { end: End::At(eps), min_ratio: *min_ratio, ..Default::default() };
    let (data, watch) = (&*diffusion.spectrum, Watch::NOBODY);
    let init = diffusion.init(&Init::Normal { std: None })?;
    let network = match by_network {
        true => learnt(&setting.network, data, &init)?,
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
        .filter_map(|grid| Some((problem.value(&grid).ok().filter(|v| v.is_finite())?, grid)))
        .collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut from: Vec<Grid> = known.into_iter().take(KNOWN).map(|(_, grid)| grid).collect();
    from.extend(starts(&space, data, options.starts, options.seed)?);
    Ok(problem.tune(&from, options.effort)?.grid)
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

/// Standard schedules to descend from, the best ones.
const KNOWN: usize = 3;

impl Tuning {
    /// Directions of log gaps along which 10 % change the error by less than 1 %.
    pub fn flat_directions(&self) -> usize {
        // The objective is a square: ½ h δ² of its logarithm is half as much of that of the error.
        self.tuned.flatness.iter().filter(|h| 0.25 * *h * 0.01 < 0.01).count()
    }

    /// The best standard schedule, if it has an error.
    pub fn best_rival(&self) -> Option<(&str, f64)> {
        let rival = self.rivals.first()?;
        Some((&rival.label, *rival.value.as_ref().ok()?))
    }
}
