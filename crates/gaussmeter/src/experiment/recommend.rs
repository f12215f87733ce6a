use super::robustness::expected;
use super::search::learnt;
use super::{
    Defaults, Diffusion, ErrorBudget, ExperimentError, Length, NamedSampler, Perturbation, Run,
    Setting, StartError, TuneOptions, error_budget, standard_schedules,
};
#[cfg(feature = "dense")]
use super::{Place, Verification, VerifyOptions, verify::verify_runs};
use crate::design::{self, Effort, End, Problem, Space, Start, teleport};
use crate::exact::continuous::ODE;
use crate::exact::steps::{Cancellation, cancellation};
use crate::exact::{Init, Output, Target};
use crate::grid::{self, Grid, GridRule, Uniform};
#[cfg(feature = "dense")]
use crate::law::DataLaw;
use crate::metric::wasserstein2;
use crate::network::{Learnt, Network, towards_half};
use crate::objective::{self, Objective, Robust, SquaredWasserstein2};
use crate::spectrum::condensed;
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a recommendation is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The least error within so many network evaluations.
    Nfe(usize),
    /// The fewest network evaluations, of [`BUDGETS`], for so small an error.
    Error(f64),
}

/// The budgets among which the smallest is sought that reaches an error.
pub const BUDGETS: [usize; 7] = [5, 10, 15, 20, 30, 40, 50];

/// What is compared.
#[derive(Debug)]
pub struct RecommendOptions {
    /// The network that samplers call.
    pub network: Network,
    /// Samplers, in order.
    pub samplers: Vec<NamedSampler>,
    /// Budget or error.
    pub goal: Goal,
    /// Budgets of the front.
    pub front: Vec<usize>,
    /// Initial law with its label.
    pub init: (String, Init),
    /// Where sampling stops.
    pub eps: f64,
    /// Smallest ratio of neighbouring noise levels in optimised times.
    pub min_ratio: f64,
    /// What times are optimised for. Candidates are compared by it, or by what it is
    /// [compared by](Objective::compared_by).
    pub objective: (String, Box<dyn Objective>),
}

impl RecommendOptions {
    /// What is compared where nothing is said but samplers and the initial law.
    pub fn new(samplers: Vec<NamedSampler>, init: (String, Init)) -> Self {
        let goal = Goal::Nfe(Defaults::RECOMMEND.budget());
        let (eps, min_ratio) = (Defaults::RECOMMEND.eps[0], TuneOptions::default().min_ratio);
        let objective: (String, Box<dyn Objective>) =
            (objective::DEFAULT.into(), Box::new(Robust::default()));
        let front = FRONT.to_vec();
        let network = Network::default();
        RecommendOptions { network, samplers, goal, front, init, eps, min_ratio, objective }
    }
}

/// The budgets of the front where none are given.
pub const FRONT: [usize; 4] = [5, 10, 20, 50];

/// Times with the errors they have.
#[derive(Clone, Debug)]
pub struct Timed {
    /// Name of the schedule; `optimised` for optimised times.
    pub label: String,
    /// The times.
    pub grid: Grid,
    /// What candidates are compared by.
    pub error: f64,
    /// W2 to the data, if these and the network are exactly Gaussian.
    pub w2: f64,
}

/// What a sampler does within a budget.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its position among the samplers compared.
    pub(super) sampler: usize,
    /// Its label.
    pub label: String,
    /// Steps.
    pub steps: usize,
    /// True number of network evaluations.
    pub nfe: usize,
    /// The best standard schedule.
    pub standard: Option<Timed>,
    /// Optimised times.
    pub optimised: Option<Timed>,
}

/// Where another sampler becomes better than the winner, because the network is not exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    /// How far the eigenvalues that the network believes in are off: factors e^{δz}, every eigenvector
    /// with a standard normal z of its own.
    pub delta: f64,
    /// The sampler that is better from there on.
    pub sampler: String,
    /// Its schedule.
    pub schedule: String,
    /// Its error there: the root of the mean square over z.
    pub error: f64,
    /// The winner's.
    pub winner: f64,
    /// The same for W2 alone: that of the sampler, and the winner's.
    pub w2: [f64; 2],
}

/// What it is worth to begin at a level of the winner's grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    /// Noise ratio of that level.
    pub sigma: f64,
    /// Steps skipped.
    pub steps: usize,
    /// Network evaluations saved.
    pub saved: usize,
    /// W2 to the data.
    pub error: f64,
}

/// The best sampler and schedule for given data, and what limits it.
#[derive(Debug)]
pub struct Recommendation {
    /// Data and process.
    pub diffusion: Diffusion,
    /// What was compared.
    pub options: RecommendOptions,
    /// The budget of the recommendation.
    pub budget: usize,
    /// Per budget, all that run within it, the best first.
    pub candidates: BTreeMap<usize, Vec<Candidate>>,
    /// What does not run within the budget, and why.
    pub failures: Vec<(String, ExperimentError)>,
    /// Per budget: the usual default, DPM-Solver++(2M) on Karras's schedule.
    pub usual: BTreeMap<usize, Timed>,
    /// Sources of the winner's error, each alone.
    pub limits: ErrorBudget,
    /// Per candidate of the budget, as far as tried: the error when the network is off by 1 %, the root of its
    /// mean square as in [`Challenge`].
    pub off: Vec<f64>,
    /// Per candidate of the budget, as far as tried: how far the law of its output is from the exact solution
    /// under classifier-free guidance of scale [`GUIDANCE`], towards a class that has half of the
    /// variance of every eigenvector; `None` for rules that draw noise, whose solutions differ.
    pub guided: Vec<Option<f64>>,
    /// Whether it was stopped: the best of what was tried so far, not tried with other
    /// networks.
    pub interrupted: bool,
    /// What cancels among the steps of the winner; `None` for rules that draw noise.
    pub cancellation: Option<Cancellation>,
    /// What the start alone leaves, where that is pure noise.
    pub start: Option<StartError>,
    /// Where another becomes better; `None` if nowhere up to [`DELTAS`]' last.
    pub challenge: Option<Challenge>,
    /// Beginning at each level of the winner's grid.
    pub skips: Vec<Skip>,
    /// What became of the winner and of what it is compared with on data that are not Gaussian, where
    /// that was [asked for](Recommendation::verify).
    #[cfg(feature = "dense")]
    pub verification: Option<Verification>,
}

/// The guidance scale that candidates are tried with.
pub const GUIDANCE: f64 = 2.0;

/// How far networks are off that candidates are tried with.
pub const DELTAS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
/// Candidates whose times are finished on the spectrum itself, and tried with other networks.
const FINALISTS: usize = 15;
/// Modes of the spectrum on which times are sought.
const BINS: usize = 96;
/// How hard they are sought there.
const EFFORT: Effort = Effort { short: 40, long: 160, last: 0, bins: 0 };
/// Evaluations that finish a finalist.
const FINISH: usize = 25;
/// What differs by less is not called better.
const EQUAL: f64 = 0.01;

impl Candidate {
    /// The better of its schedules.
    pub fn best(&self) -> Option<&Timed> {
        let both = [&self.optimised, &self.standard].into_iter().flatten();
        both.min_by(|a, b| a.error.total_cmp(&b.error))
    }

    /// The error there; infinite if there is none.
    pub fn error(&self) -> f64 {
        self.best().map_or(f64::INFINITY, |t| t.error)
    }
}

/// Data that schedules are sought on, and data they are measured on.
struct Search<'a> {
    diffusion: &'a Diffusion,
    options: &'a RecommendOptions,
    /// What candidates are compared by.
    measure: &'a dyn Objective,
    /// Whether that is not the objective itself.
    is_robust: bool,
    init: Init,
    network: Learnt,
    /// A condensed spectrum, on which times are placed.
    small: Diffusion,
    /// What the network has learnt, condensed: on it times are sought.
    small_network: Learnt,
    watch: Watch<'a>,
}

impl Search<'_> {
    fn problem<'a>(
        &'a self,
        sampler: &'a NamedSampler,
        network: &'a Learnt,
        space: &'a Space,
    ) -> Problem<'a> {
        let objective = match self.is_robust && self.draws_noise(sampler) {
            // Contributions of steps with noise take many times as long.
            true => &SquaredWasserstein2,
            false => &*self.options.objective.1,
        };
        let sampler = &*sampler.item;
        Problem { network, sampler, init: &self.init, objective, space, watch: self.watch }
    }

    fn draws_noise(&self, sampler: &NamedSampler) -> bool {
        let process = &self.diffusion.process;
        let plan = Uniform.grid(process, 4, 0.0).ok().and_then(|g| sampler.item.plan(&g).ok());
        plan.is_none_or(|plan| plan.is_stochastic())
    }

    fn space(&self, steps: usize, min_ratio: f64) -> Result<Space, ExperimentError> {
        let end = End::At(self.options.eps);
        Ok(Space::new(&self.diffusion.process, steps, Start::Fixed, end, min_ratio)?)
    }

    /// Steps of a sampler within a budget.
    fn steps(&self, sampler: &NamedSampler, budget: usize) -> Result<usize, ExperimentError> {
        self.small.steps(sampler, Length::Nfe(budget), self.options.eps)
    }

    /// The error of a sampler on a grid.
    fn error(&self, sampler: &NamedSampler, network: &Learnt, grid: &Grid) -> f64 {
        self.value(sampler, network, grid, self.measure)
    }

    fn value(
        &self,
        sampler: &NamedSampler,
        network: &Learnt,
        grid: &Grid,
        objective: &dyn Objective,
    ) -> f64 {
        let Ok(space) = self.space(grid.step_count(), 1.0) else { return f64::INFINITY };
        let problem = Problem { objective, ..self.problem(sampler, network, &space) };
        let value = problem.value(grid).unwrap_or(f64::INFINITY);
        if value.is_nan() { f64::INFINITY } else { objective.readable(value) }
    }

    fn timed(&self, sampler: &NamedSampler, label: &str, grid: Grid) -> Option<Timed> {
        let error = self.error(sampler, &self.network, &grid);
        let w2 = self.value(sampler, &self.network, &grid, &SquaredWasserstein2);
        error.is_finite().then(|| Timed { label: label.into(), grid, error, w2 })
    }

    /// A sampler within a budget, on the best of `schedules` and on times that descents from the best
    /// of them lead to.
    fn candidate(
        &self,
        index: usize,
        budget: usize,
        steps: usize,
        schedules: &[(String, Grid)],
    ) -> Result<Candidate, ExperimentError> {
        let sampler = &self.options.samplers[index];
        let nfe_on = |grid: &Grid| sampler.item.plan(grid).map(|plan| plan.nfe());
        let mut tried: Vec<(f64, &String, &Grid)> = schedules
            .iter()
            .filter(|(_, grid)| nfe_on(grid).is_ok_and(|nfe| nfe <= budget))
            .map(|(label, grid)| (self.error(sampler, &self.small_network, grid), label, grid))
            .filter(|(error, ..)| error.is_finite())
            .collect();
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let standard = tried.first().and_then(|(_, l, g)| self.timed(sampler, l, (*g).clone()));
        let (t_max, eps) = (self.diffusion.process.t_max(), self.options.eps);
        let mut from: Vec<Grid> = tried
            .iter()
            .map(|(.., grid)| (*grid).clone())
            .filter(|g| g.start().t == t_max && g.end().t == eps)
            .take(3)
            .collect();
        let optimised = self.space(steps, self.options.min_ratio).and_then(|space| {
            from.extend(design::starts(&space, &self.small.spectrum, 2, 0)?);
            let tuned = self.problem(sampler, &self.small_network, &space).tune(&from, EFFORT)?;
            Ok(tuned.grid)
        });
        let (optimised, failure) = match optimised {
            Ok(grid) if nfe_on(&grid).is_ok_and(|nfe| nfe <= budget) => {
                (self.timed(sampler, OPTIMISED, grid), None)
            }
            Ok(_) => (None, None),
            Err(error) => (None, Some(error)),
        };
        let label = sampler.label.clone();
        let mut candidate = Candidate { sampler: index, label, steps, nfe: 0, standard, optimised };
        match (candidate.best(), failure) {
            (Some(best), _) => {
                let failed =
                    |source| ExperimentError::Sampler { sampler: sampler.label.clone(), source };
                candidate.nfe = nfe_on(&best.grid).map_err(failed)?;
                Ok(candidate)
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(design::TuneError::Infinite.into()),
        }
    }

    /// Finishes optimised times on the spectrum itself.
    fn finish(&self, candidate: &mut Candidate) {
        let sampler = &self.options.samplers[candidate.sampler];
        let Some(optimised) = &mut candidate.optimised else { return };
        let Ok(space) = self.space(candidate.steps, self.options.min_ratio) else { return };
        let problem = self.problem(sampler, &self.network, &space);
        let descent = problem.descend(&optimised.grid, FINISH);
        if descent.after < descent.before
            && let Ok(grid) = space.grid(&descent.parameters)
            && let Some(better) = self.timed(sampler, OPTIMISED, grid)
        {
            *optimised = better;
        }
    }

    fn off(&self, sampler: usize, grid: &Grid, delta: f64) -> f64 {
        self.off_by(sampler, grid, delta, self.measure)
    }

    /// W2 between the law of a rule without noise and the exact solution, both under guidance.
    fn guided(&self, sampler: usize, grid: &Grid) -> Option<f64> {
        let plan = self.options.samplers[sampler].item.plan(grid).ok()?;
        // Guidance has a network of its own.
        if plan.is_stochastic() || !self.network.is_exact() {
            return None;
        }
        let data = &*self.small.spectrum;
        let learnt = Learnt::of(&*towards_half(data, GUIDANCE), data).ok()?;
        let output = Output::by(&learnt, &plan).ok()?;
        let law = output.law_against(learnt.truth(), &self.init, Target::Marginal);
        let (start, end) = (plan.start(), plan.end());
        let exact = ODE.law_by(&learnt, start, &end, &self.init, Target::Marginal);
        let pairs = law.modes.iter().zip(&exact.modes).zip(data.modes());
        let square = pairs.map(|((a, b), mode)| {
            let (std, mean) = (a.variance.sqrt() - b.variance.sqrt(), a.mean - b.mean);
            mode.multiplicity * (std * std + mean * mean)
        });
        Some(square.sum::<f64>().sqrt()).filter(|w2| w2.is_finite())
    }

    fn off_by(&self, sampler: usize, grid: &Grid, delta: f64, objective: &dyn Objective) -> f64 {
        let Ok(space) = self.space(grid.step_count(), 1.0) else { return f64::INFINITY };
        let sampler = &self.options.samplers[sampler];
        let problem = Problem { objective, ..self.problem(sampler, &self.network, &space) };
        expected(&problem, grid, Perturbation::Network(delta))
    }
}

/// The label of optimised times.
pub(crate) const OPTIMISED: &str = "optimised";

/// Recommends a sampler and its times for given data and a given process. `watch` hears, per budget, how
/// many of how many samplers are done; where it stops the work, what has been tried so far is all
/// that is compared.
///
/// # Errors
/// [`ExperimentError`]: nothing to compare, nothing that runs within the budget, or an error that no
/// budget reaches.
pub fn recommend(
    diffusion: &Diffusion,
    options: RecommendOptions,
    watch: Watch,
) -> Result<Recommendation, ExperimentError> {
    if options.samplers.is_empty() {
        return Err(ExperimentError::Empty { what: "sampler" });
    }
    let init = diffusion.init(&options.init.1)?;
    let network = learnt(&options.network, &diffusion.spectrum, &init)?;
    // Values given per eigenvalue cannot be assigned to bins.
    let is_indexed = options.objective.1.is_indexed() || matches!(init, Init::Diagonal { .. });
    let small_network = network.condensed(BINS).filter(|_| !is_indexed);
    let small_network = small_network.unwrap_or_else(|| network.clone());
    let small = match options.objective.1.is_indexed() {
        true => None,
        false => condensed(&diffusion.spectrum, BINS).unwrap_or_default(),
    };
    let small = match small {
        Some(spectrum) => Diffusion { spectrum: spectrum.into(), ..diffusion.clone() },
        None => diffusion.clone(),
    };
    let item = &options.objective.1;
    item.check(network.truth().len()).map_err(ExperimentError::Objective)?;
    let compared_by = item.compared_by();
    let measure = compared_by.as_deref().unwrap_or(&**item);
    let is_robust = compared_by.is_some();
    let search = Search {
        diffusion,
        options: &options,
        measure,
        is_robust,
        init,
        network,
        small,
        small_network,
        watch,
    };
    // A ratio that is none is refused at once.
    search.space(1, options.min_ratio)?;
    let mut candidates = BTreeMap::new();
    let mut failures = BTreeMap::new();
    let mut try_budget = |budget: usize| -> Result<(), ExperimentError> {
        let (found, failed) = within(&search, budget)?;
        candidates.insert(budget, found);
        failures.insert(budget, failed);
        Ok(())
    };
    let budget = match options.goal {
        Goal::Nfe(budget) => {
            try_budget(budget)?;
            budget
        }
        Goal::Error(error) => {
            let mut least: Option<(f64, String, usize)> = None;
            let mut reached = None;
            for budget in BUDGETS {
                if watch.is_stopped() {
                    break;
                }
                let Ok((found, failed)) = within(&search, budget) else { continue };
                if let Some(best) = found.first() {
                    let is_less = least.as_ref().is_none_or(|(e, ..)| best.error() < *e);
                    if is_less {
                        least = Some((best.error(), best.label.clone(), budget));
                    }
                    if best.error() <= error {
                        reached = Some(budget);
                    }
                }
                candidates.insert(budget, found);
                failures.insert(budget, failed);
                if reached.is_some() {
                    break;
                }
            }
            let nfe = BUDGETS[BUDGETS.len() - 1];
            match (reached, least) {
                (Some(budget), _) => budget,
                (None, Some((.., budget))) if watch.is_stopped() => budget,
                (None, None) if watch.is_stopped() => return Err(ExperimentError::Interrupted),
                (None, least) => {
                    let (least, sampler) =
                        least.map_or((f64::INFINITY, "none".into()), |(e, s, _)| (e, s));
                    return Err(ExperimentError::Unreached { error, nfe, least, sampler });
                }
            }
        }
    };
    for &other in &options.front {
        if !watch.is_stopped()
            && !candidates.contains_key(&other)
            && let Ok((found, failed)) = within(&search, other)
        {
            candidates.insert(other, found);
            failures.insert(other, failed);
        }
    }
    let usual = candidates.keys().filter_map(|b| Some((*b, usual(&search, *b)?))).collect();
    let finalists = &candidates[&budget];
    let Some((winner, best)) = finalists.first().and_then(|c| Some((c, c.best()?))) else {
        return Err(ExperimentError::Empty { what: "sampler" });
    };
    // What networks do to an unfinished comparison is not worth waiting for.
    let tried = if watch.is_stopped() { 0 } else { FINALISTS };
    let off = finalists
        .par_iter()
        .take(tried)
        .map(|c| c.best().map_or(f64::INFINITY, |t| search.off(c.sampler, &t.grid, 0.01)))
        .collect();
    let guided = finalists
        .par_iter()
        .take(tried)
        .map(|c| c.best().and_then(|t| search.guided(c.sampler, &t.grid)))
        .collect();
    let challenge = match watch.is_stopped() {
        true => None,
        false => challenge(&search, finalists),
    };
    let sampler = &options.samplers[winner.sampler];
    let skips = skips(&search, sampler, &best.grid);
    let times = best.grid.levels().iter().map(|l| l.t).collect();
    let rule: Arc<dyn GridRule> = Arc::new(grid::Times::new(times));
    let run = Run::on(sampler, best.grid.clone())?;
    let on_it = diffusion.with((best.label.clone(), rule));
    let on_it = Setting { network: options.network.clone(), ..on_it };
    let cancellation = cancellation(&run.plan, &search.network, &search.init);
    let limits = error_budget(&on_it, sampler, &run, &search.init)?;
    let failures = failures.remove(&budget).unwrap_or_default();
    let start = match search.init {
        Init::Normal { .. } => {
            StartError::of(&search.network.target(&diffusion.spectrum), &*diffusion.process)
        }
        _ => None,
    };
    let (diffusion, interrupted) = (diffusion.clone(), watch.is_stopped());
    Ok(Recommendation {
        diffusion,
        interrupted,
        budget,
        candidates,
        failures,
        usual,
        limits,
        cancellation,
        start,
        off,
        guided,
        challenge,
        skips,
        #[cfg(feature = "dense")]
        verification: None,
        options,
    })
}

/// Candidates, the best first, and what cannot run with its reason.
type Within = (Vec<Candidate>, Vec<(String, ExperimentError)>);

/// All samplers within a budget.
fn within(search: &Search, budget: usize) -> Result<Within, ExperimentError> {
    let samplers = &search.options.samplers;
    let steps: Vec<Result<usize, ExperimentError>> =
        samplers.par_iter().map(|s| search.steps(s, budget)).collect();
    let mut lengths: Vec<usize> = steps.iter().filter_map(|s| s.as_ref().ok().copied()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let schedules: BTreeMap<usize, Vec<(String, Grid)>> = lengths
        .par_iter()
        .map(|&steps| {
            let all = standard_schedules(&search.small, steps, search.options.eps, search.watch);
            (steps, all.into_iter().filter_map(|(label, grid)| Some((label, grid.ok()?))).collect())
        })
        .collect();
    let done = AtomicU64::new(0);
    let what = format!("{budget} NFE");
    let tell = |done: u64| {
        let total = Some(samplers.len() as u64);
        search.watch.tell(Progress { what: &what, unit: "samplers", done, total });
    };
    tell(0);
    let results: Vec<Result<Candidate, ExperimentError>> = steps
        .into_par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(index, steps)| {
            if search.watch.is_stopped() {
                return Err(ExperimentError::Interrupted);
            }
            let result =
                steps.and_then(|steps| search.candidate(index, budget, steps, &schedules[&steps]));
            tell(done.fetch_add(1, Ordering::Relaxed) + 1);
            result
        })
        .collect();
    let (mut found, mut failed, mut first) = (Vec::new(), Vec::new(), None);
    for (sampler, result) in samplers.iter().zip(results) {
        match result {
            Ok(candidate) => found.push(candidate),
            Err(error) => {
                failed.push((sampler.label.clone(), error.clone()));
                first = first.or(Some(error));
            }
        }
    }
    if let (true, Some(error)) = (found.is_empty(), first) {
        return Err(error);
    }
    let sort = |found: &mut Vec<Candidate>| found.sort_by(|a, b| a.error().total_cmp(&b.error()));
    sort(&mut found);
    found
        .par_iter_mut()
        .take(FINALISTS)
        .with_max_len(1)
        .filter(|_| !search.watch.is_stopped())
        .for_each(|c| search.finish(c));
    sort(&mut found);
    Ok((found, failed))
}

/// The usual sampler.
pub(crate) const USUAL: &str = "dpmpp-2m";

/// DPM-Solver++(2M) on Karras's schedule within a budget.
fn usual(search: &Search, budget: usize) -> Option<Timed> {
    let sampler = crate::sampler::registry().build(USUAL).ok()?;
    let rule: Arc<dyn GridRule> = grid::registry().build("karras").ok()?.item.into();
    let eps = rule.own_end(&*search.diffusion.process).unwrap_or(search.options.eps);
    let setting = search.diffusion.with(("karras".into(), rule));
    let run = setting.run(&sampler, Length::Nfe(budget), eps).ok()?;
    search.timed(&sampler, "karras", run.grid)
}

/// From where on another of the finalists, or the winner on its standard schedule, is better than the
/// winner with a network that is not exact.
fn challenge(search: &Search, candidates: &[Candidate]) -> Option<Challenge> {
    let winner = candidates.first()?;
    let best = winner.best()?;
    let rivals: Vec<(&Candidate, &Timed)> = candidates
        .iter()
        .take(FINALISTS)
        .flat_map(|c| [&c.optimised, &c.standard].into_iter().flatten().map(move |t| (c, t)))
        .filter(|(c, t)| !(c.sampler == winner.sampler && t.label == best.label))
        .collect();
    let at = |delta: f64| -> (f64, Option<Challenge>) {
        let own = search.off(winner.sampler, &best.grid, delta);
        let errors: Vec<f64> =
            rivals.par_iter().map(|(c, t)| search.off(c.sampler, &t.grid, delta)).collect();
        let least = (0..rivals.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b]));
        let better = least.filter(|i| errors[*i] < own * (1.0 - EQUAL)).map(|i| Challenge {
            delta,
            sampler: rivals[i].0.label.clone(),
            schedule: rivals[i].1.label.clone(),
            error: errors[i],
            winner: own,
            w2: [(rivals[i].0.sampler, &rivals[i].1.grid), (winner.sampler, &best.grid)]
                .map(|(s, grid)| search.off_by(s, grid, delta, &SquaredWasserstein2)),
        });
        (own, better)
    };
    let (mut below, mut found) = (None, None);
    for delta in DELTAS {
        found = at(delta).1;
        if found.is_some() {
            break;
        }
        below = Some(delta);
    }
    let mut found = found?;
    for _ in 0..6 {
        let Some(low) = below else { break };
        let middle = (low * found.delta).sqrt();
        match at(middle).1 {
            Some(earlier) => found = earlier,
            None => below = Some(middle),
        }
    }
    Some(found)
}

/// Beginning at each level of a grid.
fn skips(search: &Search, sampler: &NamedSampler, grid: &Grid) -> Vec<Skip> {
    let target = search.network.target(&search.diffusion.spectrum);
    let with = (&search.network, &*target);
    let at = |skipped: usize| teleport(&*sampler.item, grid, skipped, with, &search.init).ok();
    let Some(whole) = at(0) else { return Vec::new() };
    (0..grid.levels().len())
        .into_par_iter()
        .filter_map(|steps| {
            let there = at(steps)?;
            Some(Skip {
                sigma: grid.levels()[steps].noise_ratio(),
                steps,
                saved: whole.nfe.saturating_sub(there.nfe),
                error: wasserstein2(&there.law).total,
            })
        })
        .collect()
}

impl Recommendation {
    /// Whether candidates are compared by the error to expect, not by the objective itself.
    pub fn is_expected(&self) -> bool {
        self.options.objective.1.compared_by().is_some()
    }

    /// The candidates within the budget, the best first.
    pub fn ranking(&self) -> &[Candidate] {
        &self.candidates[&self.budget]
    }

    /// The winner and its times.
    pub fn winner(&self) -> Option<(&Candidate, &Timed)> {
        let winner = self.ranking().first()?;
        Some((winner, winner.best()?))
    }

    /// The winner on its times, recorded.
    pub fn run(&self) -> Option<Run> {
        let (winner, best) = self.winner()?;
        Run::on(&self.options.samplers[winner.sampler], best.grid.clone()).ok()
    }

    /// Tries the winner on data that are not Gaussian, on its optimised times and on its best standard
    /// schedule, beside the usual default.
    ///
    /// # Errors
    /// [`ExperimentError`]
    #[cfg(feature = "dense")]
    pub fn verify(
        &mut self,
        law: Arc<dyn DataLaw>,
        options: VerifyOptions,
        watch: Watch,
    ) -> Result<(), ExperimentError> {
        let Some((winner, _)) = self.winner() else { return Ok(()) };
        let usual = crate::sampler::registry().build(USUAL).ok();
        let own = &self.options.samplers[winner.sampler];
        let mut runs = Vec::new();
        for (sampler, timed) in [
            (Some(own), winner.optimised.as_ref()),
            (Some(own), winner.standard.as_ref()),
            (usual.as_ref(), self.usual.get(&self.budget)),
        ] {
            let (Some(sampler), Some(timed)) = (sampler, timed) else { continue };
            let times = timed.grid.levels().iter().map(|l| l.t).collect();
            let rule: Arc<dyn GridRule> = Arc::new(grid::Times::new(times));
            let setting = self.diffusion.with((timed.label.clone(), rule));
            let eps = timed.grid.end().t;
            let run = Run::on(sampler, timed.grid.clone())?;
            let is_new = |(place, other): &(Place, Run)| {
                place.setting.rule_label != timed.label || other.sampler != run.sampler
            };
            if runs.iter().all(is_new) {
                runs.push((Place { setting, eps }, run));
            }
        }
        self.verification = Some(verify_runs(law, runs, options, watch)?);
        Ok(())
    }

    /// Per budget, the best candidate that no smaller budget has bettered.
    pub fn front(&self) -> Vec<(usize, &Candidate, bool)> {
        let mut least = f64::INFINITY;
        let best = self.candidates.iter().filter_map(|(b, found)| Some((*b, found.first()?)));
        best.map(|(budget, candidate)| {
            let is_new = candidate.error() < least;
            least = least.min(candidate.error());
            (budget, candidate, is_new)
        })
        .collect()
    }
}
