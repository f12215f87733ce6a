//! Everything that a page shows of several samplers at once, in one pass: what the single questions say.

use super::budget::Limits;
use super::curve::continuous;
use super::eval::evaluation_of;
use super::steps::step_errors_of;
use super::{
    Diffusion, Evaluation, ExperimentError, NamedSampler, Point, Question, Run, Series, Setting,
    StepErrors,
};
use crate::exact::{Init, Target};
use crate::grid::Kept;
use crate::metric::Metric;
use crate::network::Learnt;
use crate::spectrum::Spectrum;
use crate::watch::Watch;
use rayon::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How much of each sampler is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExploreOptions {
    /// Position of the sampler whose steps and eigenvalues are wanted too.
    pub detail: Option<usize>,
    /// What laws along time are compared with.
    pub target: Target,
    /// Most points of a curve.
    pub curve_points: usize,
    /// Most points of the curves of the continuous solutions, which are smooth.
    pub continuous_points: usize,
    /// Most eigenvalues of the detail.
    pub mode_points: usize,
}

impl Default for ExploreOptions {
    fn default() -> Self {
        ExploreOptions {
            detail: Some(0),
            target: Target::Marginal,
            curve_points: 120,
            continuous_points: 32,
            mode_points: 200,
        }
    }
}

/// What is kept between explorations: the grids of the settings asked about last.
///
/// One per process will do; it can be asked from several threads.
#[derive(Debug, Default)]
pub struct Explorer {
    rules: Mutex<VecDeque<(RuleKey, Arc<Kept>)>>,
}

/// Settings whose grids are kept.
const SETTINGS: usize = 16;

/// What the grids of a rule depend on.
#[derive(Debug)]
struct RuleKey {
    /// Not kept alive.
    spectrum: Weak<Spectrum>,
    process: String,
    rule: String,
}

/// Samplers beside each other, and one of them in detail.
#[derive(Debug)]
pub struct Explored {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// Name of the metric in its registry.
    pub metric: &'static str,
    /// Where sampling was asked to stop.
    pub eps: f64,
    /// What laws along time are compared with.
    pub target: Target,
    /// Per sampler, in the order asked for: its label, and what was found or why it cannot run.
    pub samplers: Vec<(String, Result<Seen, ExperimentError>)>,
    /// The SDE and the ODE along time.
    pub continuous: Vec<Series>,
    /// The sampler in detail: its position, and its steps or why there are none.
    pub detail: Option<(usize, Result<StepErrors, ExperimentError>)>,
    /// Most eigenvalues that its document shows.
    pub mode_points: usize,
}

/// One sampler.
#[derive(Debug)]
pub struct Seen {
    /// As of `gaussmeter eval`.
    pub evaluation: Evaluation,
    /// The error along time.
    pub points: Vec<Point>,
}

impl Explorer {
    /// The setting with a rule that keeps its grids, where placing them is worth keeping.
    fn keeping(&self, setting: Setting) -> Setting {
        let is_worth = setting.rule.follows_data() || setting.rule.optimised().is_some();
        if !is_worth || setting.rule.own_steps().is_some() {
            return setting;
        }
        let Diffusion { spectrum, process_label, .. } = &setting.diffusion;
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |(key, _): &(RuleKey, _)| {
            key.spectrum.as_ptr() == Arc::as_ptr(spectrum)
                && key.process == *process_label
                && key.rule == setting.rule_label
        };
        let kept = match rules.iter().position(is_same).and_then(|at| rules.remove(at)) {
            Some(known) => known,
            None => {
                let (process, rule) = (process_label.clone(), setting.rule_label.clone());
                let key = RuleKey { spectrum: Arc::downgrade(spectrum), process, rule };
                (key, Arc::new(Kept::new(setting.rule.clone())))
            }
        };
        let rule = kept.1.clone();
        rules.push_back(kept);
        if rules.len() > SETTINGS {
            rules.pop_front();
        }
        Setting { rule, ..setting }
    }
}

/// At most `most` of `count` positions, evenly spread, the first and the last among them.
pub(crate) fn spread(count: usize, most: usize) -> Vec<usize> {
    match (count, most.max(2)) {
        (count, most) if count <= most => (0..count).collect(),
        // Rounded, so that neighbours are at most one apart in their distance.
        (count, most) => {
            (0..most).map(|k| (k * (count - 1) + (most - 1) / 2) / (most - 1)).collect()
        }
    }
}

/// What all samplers share.
struct Shared<'a> {
    setting: &'a Setting,
    question: &'a Question,
    init: &'a Init,
    learnt: &'a Learnt,
    limits: &'a Limits,
    options: ExploreOptions,
    eps: f64,
    watch: Watch<'a>,
}

impl Shared<'_> {
    fn metric(&self) -> &dyn Metric {
        &*self.question.metric.item
    }

    fn seen(&self, sampler: &NamedSampler) -> Result<Seen, ExperimentError> {
        let Shared { setting, init, learnt, limits, watch, .. } = *self;
        let run = setting.run_watched(sampler, self.question.length(setting), self.eps, watch)?;
        let points = self.curve(&run)?;
        let is_wanted = |name: &str| name == "w2" || name == self.question.metric.name;
        let init = (self.question.init().0, init);
        let evaluation =
            evaluation_of(setting, (sampler, run), learnt, init, &is_wanted, limits, watch)?;
        Ok(Seen { evaluation, points })
    }

    fn curve(&self, run: &Run) -> Result<Vec<Point>, ExperimentError> {
        let states = spread(run.grid.step_count() + 1, self.options.curve_points);
        let is_wanted = |state: usize| states.binary_search(&state).is_ok();
        let against = (self.init, self.options.target);
        let found = self.metric().along(self.learnt, &run.plan, against, &is_wanted, self.watch)?;
        let points = found.into_iter().map(|(at, error)| Point { at, error }).collect();
        match self.watch.is_stopped() {
            true => Err(ExperimentError::Interrupted),
            false => Ok(points),
        }
    }

    /// Both continuous solutions at some of the times of all curves.
    fn continuous(&self, seen: &[&Seen]) -> Result<Vec<Series>, ExperimentError> {
        let points = seen.iter().flat_map(|seen| &seen.points);
        let mut times: Vec<f64> = points.map(|point| point.at).collect();
        times.sort_by(|a, b| b.total_cmp(a));
        times.dedup();
        let times: Vec<f64> = spread(times.len(), self.options.continuous_points)
            .into_iter()
            .map(|k| times[k])
            .collect();
        let Some(&first) = times.first() else { return Ok(Vec::new()) };
        let Shared { init, learnt, watch, options: ExploreOptions { target, .. }, .. } = *self;
        let process = &*self.setting.process;
        let start = (process.level(first), &times[..]);
        continuous(learnt, process, start, (init, target), self.metric(), watch)
    }
}

impl Question {
    /// Several samplers beside each other, and one of them in detail: the numbers of
    /// [`Question::curve`], [`Question::evaluate`], [`Question::modes`] and [`Question::steps`], of which
    /// fewer points are shown. What one sampler cannot do does not concern the others.
    ///
    /// # Errors
    /// [`ExperimentError`] where nothing can run; [`ExperimentError::Interrupted`].
    pub fn explore(
        self,
        spectrum: impl Into<Arc<Spectrum>>,
        options: ExploreOptions,
        explorer: &Explorer,
        watch: Watch,
    ) -> Result<Explored, ExperimentError> {
        if self.samplers.is_empty() {
            return Err(ExperimentError::Empty { what: "sampler" });
        }
        let setting = explorer.keeping(self.setting(spectrum));
        let init = setting.init(self.init().1)?;
        let learnt = setting.learnt(&init)?;
        let eps = self.eps(&setting);
        let (question, learnt) = (&self, &learnt);
        let limits = &Limits::default();
        let shared = Shared {
            setting: &setting,
            question,
            init: &init,
            learnt,
            limits,
            options,
            eps,
            watch,
        };
        let of = |sampler: &NamedSampler| (sampler.label.clone(), shared.seen(sampler));
        let samplers: Vec<_> = self.samplers.par_iter().map(of).collect();
        let seen: Vec<&Seen> = samplers.iter().filter_map(|(_, seen)| seen.as_ref().ok()).collect();
        let detailed = options.detail.and_then(|at| Some((at, samplers.get(at)?.1.as_ref().ok()?)));
        let steps = |(at, seen): (usize, &Seen)| {
            let (run, label) = (seen.evaluation.run.clone(), question.init().0);
            (at, step_errors_of(&setting, run, learnt, (label, &init), watch))
        };
        let (continuous, detail) = rayon::join(|| shared.continuous(&seen), || detailed.map(steps));
        if watch.is_stopped() {
            return Err(ExperimentError::Interrupted);
        }
        Ok(Explored {
            continuous: continuous?,
            detail,
            samplers,
            init_label: self.init().0.into(),
            metric: self.metric.name,
            eps,
            target: options.target,
            mode_points: options.mode_points,
            setting,
        })
    }
}
