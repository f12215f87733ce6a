use super::budget::{Limits, error_budget_watched};
use super::{ErrorBudget, ExperimentError, Length, NamedSampler, Run, Setting, Warning};
use crate::exact::{Init, Law, LawMode, Output, Target};
use crate::metric::{self, MetricName, Value, Wasserstein2, wasserstein2};
use crate::network::Learnt;
use crate::spectrum::{Mode, Spectrum, Spread};
use crate::watch::Watch;

/// Everything known about one configuration.
#[derive(Debug)]
pub struct Evaluation {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// The sampler on its grid.
    pub run: Run,
    /// The law of the output, beside the data.
    pub law: Law,
    /// W2 to the data, with its parts.
    pub w2: Wasserstein2,
    /// All metrics of the registry.
    pub metrics: Vec<Measured>,
    /// Each source of error alone.
    pub budget: ErrorBudget,
    /// What guidance does, where the network guides samples to a class.
    pub guidance: Option<Guidance>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What a quadrature of the spectrum leaves open of each metric, by name.
    pub spreads: Vec<(&'static str, Spread)>,
}

/// What guidance does to samples, beside their distance to the class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// Total variance of the output as a multiple of the class's.
    pub variance: f64,
    /// The same for the continuous solution that the sampler approximates, from p_T to eps.
    pub variance_of_continuous: f64,
    /// W2 of the output to the powered law p_c^w p_u^{1 − w}, if there is one.
    pub powered: Option<Value>,
}

impl Guidance {
    fn of(learnt: &Learnt, run: &Run, law: &Law, limits: &Limits) -> Option<Self> {
        if !learnt.is_guided() {
            return None;
        }
        let total = |law: &Law, of: fn(&LawMode) -> f64| -> f64 {
            law.modes.iter().map(|m| m.multiplicity * of(m)).sum()
        };
        let ratio = |law: &Law| total(law, |m| m.variance) / total(law, |m| m.eigenvalue);
        let (start, end) = (run.grid.start(), run.grid.end());
        let (_, reverse) = run.continuous();
        let of_limit = || {
            let limit = reverse.law_by(learnt, start, end, &Init::Exact, Target::Data);
            Value { value: ratio(&limit), infinite: None }
        };
        let limit = limits.value("variance", reverse, (start, end), of_limit);
        let powered = learnt.powered().map(|modes| {
            let against = |(law, target): (&LawMode, &Mode)| LawMode {
                target_variance: target.eigenvalue,
                mean_error: law.mean - target.mean,
                variance_error: law.variance - target.eigenvalue,
                ..*law
            };
            let modes = law.modes.iter().zip(&modes).map(against).collect();
            wasserstein2(&Law { modes, infinite: law.infinite }).value()
        });
        Some(Guidance { variance: ratio(law), variance_of_continuous: limit.value, powered })
    }
}

/// A metric of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Name in its registry.
    pub metric: &'static str,
    /// What it is called.
    pub name: MetricName,
    /// Its value.
    pub value: Value,
    /// Its parts: key, words and value of each.
    pub parts: Vec<(&'static str, &'static str, Value)>,
}

/// Evaluates one configuration: `init` comes with its label.
///
/// # Errors
/// [`ExperimentError`]
pub fn evaluate(
    setting: &Setting,
    sampler: &NamedSampler,
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
    watch: Watch,
) -> Result<Evaluation, ExperimentError> {
    let init = setting.init(init)?;
    let run = setting.run_watched(sampler, length, eps, watch)?;
    let learnt = setting.learnt(&init)?;
    let (with, limits) = ((init_label, &init), &Limits::default());
    evaluation_of(setting, (sampler, run), &learnt, with, &|_| true, limits, watch)
}

/// The evaluation of a run by the metrics of the registry that are wanted; `init` has the values of the
/// process filled in.
pub(super) fn evaluation_of(
    setting: &Setting,
    (sampler, run): (&NamedSampler, Run),
    learnt: &Learnt,
    (init_label, init): (&str, &Init),
    is_wanted: &dyn Fn(&str) -> bool,
    limits: &Limits,
    watch: Watch,
) -> Result<Evaluation, ExperimentError> {
    let output = Output::by(learnt, &run.plan)?;
    let law = output.law_against(learnt.truth(), init, Target::Data);
    let w2 = wasserstein2(&law);
    let registry = metric::registry();
    let mut metrics = Vec::with_capacity(registry.entries.len());
    let mut spreads = Vec::new();
    for entry in registry.entries.iter().filter(|entry| is_wanted(entry.name)) {
        // Metrics of the registry have no required parameters.
        if let Ok(named) = registry.build(entry.name) {
            let (metric, law) = (&named.item, &law);
            metrics.push(Measured {
                metric: entry.name,
                name: metric.name(),
                value: metric.evaluate(law),
                parts: metric.parts(law),
            });
            let on = |data: &Spectrum| {
                setting.on_other(data, &run, init, |law| metric.evaluate(law).value)
            };
            spreads.extend(setting.spectrum.spread(on).map(|spread| (entry.name, spread)));
        }
    }
    let guidance = Guidance::of(learnt, &run, &law, limits);
    let known = learnt.is_exact().then_some(&output);
    let budget = error_budget_watched(setting, sampler, (&run, known), init, limits, watch)?;
    let mut warnings = Vec::new();
    for (component, part) in budget.parts() {
        if part.value.is_finite() && w2.total < part.value * (1.0 - 1e-9) {
            warnings.push(Warning::BelowComponent { total: w2.total, component, part: part.value });
        }
    }
    match law.negative_gains() {
        0 => {}
        modes => warnings.push(Warning::NegativeGains { modes }),
    }
    let (setting, init_label) = (setting.clone(), init_label.to_string());
    Ok(Evaluation {
        setting,
        init_label,
        run,
        law,
        w2,
        metrics,
        budget,
        guidance,
        warnings,
        spreads,
    })
}

impl ErrorBudget {
    /// The parts that concern the configured grid, by name.
    fn parts(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let parts = [
            ("initialization", self.initialization),
            ("truncation", self.truncation),
            ("discretization", self.discretization_at_eps),
        ];
        parts.into_iter().chain(self.score.map(|value| ("score approximation", value)))
    }
}
