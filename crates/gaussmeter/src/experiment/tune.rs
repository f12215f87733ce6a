use super::robustness::{PERTURBATIONS, Perturbation, expected};
use super::search::{KNOWN, TuneOptions, learnt, sought, standard_schedules};
use super::{Diffusion, ExperimentError, Length, NamedRule, NamedSampler, Run, StartError};
use crate::design::{End, Problem, Space, Start, Tuned, starts};
use crate::entry::Named;
use crate::exact::steps::{Cancellation, cancellation};
use crate::exact::{Init, Output};
use crate::grid::{Grid, Uniform};
use crate::objective::{Objective, SquaredWasserstein2};
use crate::watch::{Progress, Watch};
use std::sync::Arc;

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
        .take_while(|_| !watch.is_abandoned())
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
    let tuned = sought(problem.tune(&from, options.effort))?;
    let interrupted = watch.is_stopped();
    if watch.is_abandoned() {
        return Err(ExperimentError::Interrupted);
    }
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
