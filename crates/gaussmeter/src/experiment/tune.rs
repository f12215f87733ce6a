use super::eta::{EtaSearch, Etas, sampler_with};
use super::robustness::{PERTURBATIONS, Perturbation, expected};
use super::search::{KNOWN, TuneOptions, learnt, sought, standard_schedules};
use super::{Diffusion, ExperimentError, Length, NamedRule, NamedSampler, Run, StartError};
use crate::design::{Effort, End, Problem, Space, Start, Tuned, starts};
use crate::entry::Named;
use crate::exact::steps::{Cancellation, cancellation};
use crate::exact::{Init, Output};
use crate::grid::{Grid, GridError, Uniform};
use crate::network::Learnt;
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
    /// What stochasticities were tried, where the best was sought.
    pub eta: Option<EtaSearch>,
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

/// Seeks the times that minimise an objective, and the stochasticity of the sampler where that is
/// [free](TuneOptions::free_eta); `init` and `objective` come with their labels. Where `watch` stops it, the
/// search ends with the best so far.
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
    let etas = options.free_eta.then(|| Etas::of(sampler)).transpose()?;
    let steps = diffusion.steps(sampler, length, eps)?;
    let space =
        Space::new(&diffusion.process, steps, options.start, options.end, options.min_ratio)?;
    let objective_item = &*objective.item;
    let search = Search {
        diffusion,
        network: &network,
        init: &init,
        objective: objective_item,
        space: &space,
        eps,
        standard: standard_schedules(diffusion, steps, eps, watch),
        others: starts(&space, data, options.starts, options.seed)?,
        effort: options.effort,
        watch,
    };
    let found = match etas {
        None => {
            watch.tell(Progress { what: "tune", unit: "searches", done: 0, total: Some(1) });
            search.thorough(sampler).map(|tuned| (tuned, None))
        }
        Some(etas) => search.with_eta(&etas).map(|(tuned, found)| (tuned, Some(found))),
    };
    let (tuned, eta) = found?;
    let interrupted = watch.is_stopped();
    if watch.is_abandoned() {
        return Err(ExperimentError::Interrupted);
    }
    let varied =
        eta.as_ref().map(|found: &EtaSearch| sampler_with(sampler, found.eta)).transpose()?;
    let sampler = varied.as_ref().unwrap_or(sampler);
    let run = Run::on(sampler, tuned.grid.clone())?;
    if let Length::Nfe(budget) = length
        && run.plan.nfe() > budget
    {
        let (sampler, nfe) = (run.sampler, run.plan.nfe());
        return Err(ExperimentError::OverBudget { sampler, nfe, budget });
    }
    let rivals = search.rivals(sampler);
    let best = rivals.first().and_then(|r| r.grid.as_ref());
    let (value, w2) = (objective_item.readable(tuned.best.after), search.w2(sampler, &tuned.grid)?);
    let cancellation = cancellation(&run.plan, &network, &init);
    let is_robust = objective_item.compared_by().is_some();
    // What is left of it elsewhere is told in W2 where the objective is a weighted sum.
    let measured = if is_robust { search.of_w2(sampler) } else { search.problem(sampler) };
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
        run,
        tuned,
        eta,
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
        options,
    })
}

/// Times of samplers, sought under the same conditions.
pub(super) struct Search<'a> {
    diffusion: &'a Diffusion,
    pub(super) network: &'a Learnt,
    init: &'a Init,
    pub(super) objective: &'a dyn Objective,
    space: &'a Space,
    eps: f64,
    /// The standard schedules of as many steps.
    standard: Vec<(String, Result<Grid, GridError>)>,
    /// What descents start from beside the best of these.
    others: Vec<Grid>,
    effort: Effort,
    pub(super) watch: Watch<'a>,
}

impl Search<'_> {
    pub(super) fn problem<'a>(&'a self, sampler: &'a NamedSampler) -> Problem<'a> {
        let Search { network, init, objective, space, watch, .. } = *self;
        Problem { network, sampler: &*sampler.item, init, objective, space, watch }
    }

    fn of_w2<'a>(&'a self, sampler: &'a NamedSampler) -> Problem<'a> {
        Problem { objective: &SquaredWasserstein2, ..self.problem(sampler) }
    }

    /// W2 of a sampler on given times.
    pub(super) fn w2(&self, sampler: &NamedSampler, grid: &Grid) -> Result<f64, ExperimentError> {
        let failed = |source| ExperimentError::Sampler { sampler: sampler.label.clone(), source };
        self.of_w2(sampler).value(grid).map(f64::sqrt).map_err(failed)
    }

    /// A sampler on the standard schedules, the best first.
    fn rivals(&self, sampler: &NamedSampler) -> Vec<Rival> {
        let problem = self.problem(sampler);
        let failed = |source| ExperimentError::Sampler { sampler: sampler.label.clone(), source };
        let rival = |(label, grid): &(String, Result<Grid, GridError>)| match grid {
            Ok(grid) => {
                let value = problem.value(grid).map_err(failed);
                Rival {
                    label: label.clone(),
                    value: value.map(|sum| self.objective.readable(sum)),
                    w2: self.w2(sampler, grid).unwrap_or(f64::INFINITY),
                    grid: Some(grid.clone()),
                }
            }
            Err(error) => Rival {
                label: label.clone(),
                value: Err(error.clone().into()),
                w2: f64::INFINITY,
                grid: None,
            },
        };
        let known = self.standard.iter().take_while(|_| !self.watch.is_abandoned());
        let mut rivals: Vec<Rival> = known.map(rival).collect();
        rivals.sort_by(|a, b| a.key().total_cmp(&b.key()));
        rivals
    }

    /// The best times of a sampler, from the best standard schedules and all others.
    pub(super) fn thorough(&self, sampler: &NamedSampler) -> Result<Tuned, ExperimentError> {
        // Whether the network has answers for the sampler at all.
        let uniform: NamedRule = ("uniform".into(), Arc::new(Uniform));
        let plain =
            self.diffusion.with(uniform).run_steps(sampler, self.space.steps(), self.eps)?;
        Output::by(self.network, &plain.plan)?;
        let rivals = self.rivals(sampler);
        let t_max = self.diffusion.process.t_max();
        let known = rivals.into_iter().filter(|r| r.key().is_finite()).filter_map(|r| r.grid);
        let known = known.filter(|g| g.start().t == t_max && g.end().t == self.eps);
        let from: Vec<Grid> = known.take(KNOWN).chain(self.others.iter().cloned()).collect();
        self.near(sampler, &from)
    }

    /// The best times of a sampler that descents from given ones lead to.
    pub(super) fn near(
        &self,
        sampler: &NamedSampler,
        from: &[Grid],
    ) -> Result<Tuned, ExperimentError> {
        sought(self.problem(sampler).tune(from, self.effort))
    }
}

impl Rival {
    /// What they are sorted by.
    fn key(&self) -> f64 {
        self.value.as_ref().map_or(f64::INFINITY, |v| *v)
    }
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
