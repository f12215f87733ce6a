use super::{ExperimentError, NamedSampler, Run, Setting};
use crate::exact::continuous::Reverse;
use crate::exact::{Init, Output, Target};
use crate::grid::Grid;
use crate::level::Level;
use crate::metric::{Value, W2, Wasserstein2, wasserstein2, wasserstein2_of_output};
use crate::network::Learnt;
use crate::watch::Watch;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The sources of error of one configuration, each alone, as W2 distances.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorBudget {
    /// Wrong start alone: the continuous solution from the configured initial law, run to t = 0
    /// without truncation or discretization, against the data.
    pub initialization: Value,
    /// Stopping at eps alone: p_eps against the data.
    pub truncation: Value,
    /// Finite steps alone: the sampler from p_T, with its steps taken all the way to t = 0, against
    /// the data. An error where the sampler is not defined on that grid.
    pub discretization: Result<Value, ExperimentError>,
    /// Finite steps alone, on the configured grid: the sampler from p_T against p_eps, the law it
    /// should have where it stops.
    pub discretization_at_eps: Value,
    /// A network that is not the exact one alone: the continuous solution with its score, from p_T to
    /// eps, against p_eps. `None` for the exact one.
    pub score: Option<Value>,
    /// Which continuous solution the sampler approximates: "sde" or "ode".
    pub continuous: &'static str,
}

impl Wasserstein2 {
    /// The total as a plain value.
    pub fn value(&self) -> Value {
        Value::new(self.total, self.infinite)
    }
}

/// The error budget of a run: each source alone, the others switched off.
///
/// # Errors
/// [`ExperimentError::Network`]
pub fn error_budget(
    setting: &Setting,
    sampler: &NamedSampler,
    run: &Run,
    init: &Init,
) -> Result<ErrorBudget, ExperimentError> {
    error_budget_watched(setting, sampler, (run, None), init, &Limits::default(), Watch::NOBODY)
}

/// Numbers of continuous solutions of one setting and one initial law, which samplers beside each other have
/// in common.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<LimitKey, Value>>);

/// What is asked of which process between which levels.
type LimitKey = (&'static str, [u64; 5]);

impl Limits {
    /// A number of a process between two levels, computed unless it is known.
    pub fn value(
        &self,
        what: &'static str,
        reverse: Reverse,
        (from, to): (&Level, &Level),
        compute: impl FnOnce() -> Value,
    ) -> Value {
        let numbers = [reverse.noise, from.t, from.sigma, to.t, to.sigma];
        let key = (what, numbers.map(f64::to_bits));
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known().get(&key) {
            return *value;
        }
        // Not under the lock: others on this thread may need it.
        let value = compute();
        known().insert(key, value);
        value
    }
}

/// [`error_budget`] that may be stopped, of a run whose output with the exact network may be known.
pub(super) fn error_budget_watched(
    setting: &Setting,
    sampler: &NamedSampler,
    (run, output): (&Run, Option<&Output>),
    init: &Init,
    limits: &Limits,
    watch: Watch,
) -> Result<ErrorBudget, ExperimentError> {
    let learnt = setting.learnt(&Init::Exact)?;
    let data = &*learnt.target(&setting.spectrum);
    let (start, end, zero) = (run.grid.start(), run.grid.end(), setting.process.level(0.0));
    let (name, reverse) = run.continuous();
    let value = |output: &Output, target| {
        wasserstein2_of_output(output, data.modes(), &Init::Exact, target)
    };
    let exact = |run: &Run, target| value(&Output::of(&run.plan, data), target);
    let at_eps = match output {
        Some(output) => value(output, Target::Marginal),
        None => exact(run, Target::Marginal),
    };
    let to_zero = if end.t == 0.0 {
        Ok(at_eps)
    } else {
        let run = match setting.rule.own_end(&*setting.process) {
            // A grid with an end of its own is carried to 0 by its last time.
            Some(_) => {
                let mut times: Vec<f64> = run.grid.levels().iter().map(|l| l.t).collect();
                times.pop();
                times.push(0.0);
                let carried = Grid::new(setting.process.clone(), &times);
                carried.map_err(Into::into).and_then(|grid| Run::on(sampler, grid))
            }
            None => setting.run_steps_watched(sampler, run.grid.step_count(), 0.0, watch),
        };
        run.map(|run| exact(&run, Target::Data))
    };
    if watch.is_stopped() {
        return Err(ExperimentError::Interrupted);
    }
    let exact_network = Learnt::exact(data);
    let continuous = |what, level, init| {
        limits.value(what, reverse, (start, level), || {
            reverse.value(&exact_network, (start, level), init, Target::Data, &W2)
        })
    };
    let of_score = || {
        let law = reverse.law_by(&learnt, start, end, &Init::Exact, Target::Marginal);
        wasserstein2(&law).value()
    };
    let score = match setting.network.is_exact() {
        true => None,
        false => Some(limits.value("score", reverse, (start, end), of_score)),
    };
    Ok(ErrorBudget {
        initialization: continuous("initialization", &zero, init),
        truncation: continuous("truncation", end, &Init::Exact),
        discretization: to_zero,
        discretization_at_eps: at_eps,
        score,
        continuous: name,
    })
}
