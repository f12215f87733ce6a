//! Trials in words, in records and in documents.

use super::quadrature::{left_open, spread_json};
use crate::experiment::{ExperimentError, Outcome, Place, Setting, Trial};
use crate::report::{Field, number};
use serde_json::json;

/// What distinguishes trials: which of process and grid rule differ among their places.
pub(super) struct Names<'a> {
    places: &'a [Place],
    /// Whether there is more than one process.
    pub has_processes: bool,
    /// Whether there is more than one grid rule.
    pub has_rules: bool,
}

impl<'a> Names<'a> {
    pub fn of(places: &'a [Place]) -> Self {
        let differ = |label: fn(&Setting) -> &str| {
            places.windows(2).any(|w| label(&w[0].setting) != label(&w[1].setting))
        };
        Names {
            places,
            has_processes: differ(|s| &s.process_label),
            has_rules: differ(|s| &s.rule_label),
        }
    }

    pub fn process(&self, place: usize) -> &'a str {
        &self.places[place].setting.process_label
    }

    pub fn rule(&self, place: usize) -> &'a str {
        &self.places[place].setting.rule_label
    }

    /// `heun`, `heun, karras`, `heun, karras, edm`: the sampler and what differs.
    pub fn full(&self, sampler: &str, place: usize) -> String {
        let mut name = sampler.to_string();
        for (differs, label) in
            [(self.has_rules, self.rule(place)), (self.has_processes, self.process(place))]
        {
            if differs {
                name = format!("{name}, {label}");
            }
        }
        name
    }

    /// Process and grid rule where all places share them, and a network that is not exact, for titles.
    pub fn shared(&self) -> String {
        let mut parts = Vec::new();
        if !self.has_processes {
            parts.push(self.process(0).to_string());
        }
        if !self.has_rules {
            parts.push(format!("{} grid", self.rule(0)));
        }
        let network = self.places[0].setting.with_network();
        parts.iter().map(|p| format!(", {p}")).chain([network]).collect()
    }
}

/// The reason, without the name of the sampler.
pub(super) fn reason(error: &ExperimentError) -> String {
    match error {
        ExperimentError::Sampler { source, .. } => source.to_string(),
        ExperimentError::Interrupted => "interrupted before it was tried".into(),
        ExperimentError::Budget { needed, .. } => {
            format!("needs at least {needed} network evaluations")
        }
        ExperimentError::NoGrowth { spent, .. } => {
            format!(
                "spends {spent} network evaluations however long it runs, so that a budget does not determine its length"
            )
        }
        other => other.to_string(),
    }
}

/// One line per reason for which trials failed, with who failed and, of several `budgets`, at which
/// ones. A reason may tell the budget: then it is that of the largest.
pub(super) fn failures(trials: &[Trial], names: &Names<'_>, budgets: &[usize]) -> Vec<String> {
    let mut failed: Vec<(String, Vec<usize>, String)> = Vec::new();
    for trial in trials {
        let Err(error) = &trial.result else { continue };
        // Without a grid it does not matter who would run on it.
        let sampler = match error {
            ExperimentError::Grid(_) => "all samplers",
            _ => &trial.sampler,
        };
        let (name, reason) = (names.full(sampler, trial.place), reason(error));
        match failed.iter_mut().find(|(n, _, _)| *n == name) {
            Some((_, at, why)) => {
                if at.last().is_some_and(|last| *last < trial.budget) {
                    *why = reason;
                }
                if !at.contains(&trial.budget) {
                    at.push(trial.budget);
                }
            }
            None => failed.push((name, vec![trial.budget], reason)),
        }
    }
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for (name, at, reason) in failed {
        let who = match at.len() == budgets.len() {
            true => name,
            false => format!("{name} at NFE {}", spans(&at, budgets)),
        };
        match lines.iter_mut().find(|(r, _)| *r == reason) {
            Some((_, group)) => group.push(who),
            None => lines.push((reason, vec![who])),
        }
    }
    let line =
        |(reason, who): (String, Vec<String>)| format!("cannot run: {}: {reason}", who.join("; "));
    lines.into_iter().map(line).collect()
}

/// Some of the budgets in words: neighbours as `5 to 12`.
fn spans(some: &[usize], budgets: &[usize]) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut previous = None;
    for (position, budget) in budgets.iter().enumerate().filter(|(_, b)| some.contains(b)) {
        match spans.last_mut() {
            Some(last) if previous.is_some_and(|p| p + 1 == position) => last.1 = *budget,
            _ => spans.push((*budget, *budget)),
        }
        previous = Some(position);
    }
    let words =
        |(a, b): &(usize, usize)| if a == b { a.to_string() } else { format!("{a} to {b}") };
    spans.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// Why errors are infinite, one line per configuration, and what uncertainty a quadrature leaves.
pub(super) fn infinite(trials: &[Trial], names: &Names<'_>) -> Vec<String> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for trial in trials {
        let Ok(Outcome { value, .. }) = trial.result else { continue };
        let name = names.full(&trial.sampler, trial.place);
        if let Some(reason) = value.infinite
            && !lines.iter().any(|(n, _)| *n == name)
        {
            lines.push((name, reason.to_string()));
        }
    }
    let lines = lines.into_iter().map(|(name, reason)| format!("{name} is infinite: {reason}"));
    let outcomes = trials.iter().filter_map(|t| t.result.as_ref().ok());
    lines.chain(left_open(outcomes.map(|o| (o.value.value, o.spread)))).collect()
}

/// The columns of [`fields`].
pub(super) const COLUMNS: [&str; 7] =
    ["sampler", "process", "grid", "eps", "budget", "steps", "nfe"];

/// What a row of CSV says of a trial, but for its error.
pub(super) fn fields(trial: &Trial, places: &[Place]) -> Vec<Field> {
    let place = &places[trial.place];
    let count = |f: fn(&Outcome) -> usize| {
        trial.result.as_ref().map_or(Field::Missing, |o| Field::Count(f(o) as u64))
    };
    vec![
        Field::Text(trial.sampler.clone()),
        Field::Text(place.setting.process_label.clone()),
        Field::Text(place.setting.rule_label.clone()),
        Field::Number(place.eps),
        Field::Count(trial.budget as u64),
        count(|o| o.steps),
        count(|o| o.nfe),
    ]
}

/// What JSON says of a trial; the error under `value_name`.
pub(super) fn trial_json(trial: &Trial, places: &[Place], value_name: &str) -> serde_json::Value {
    let place = &places[trial.place];
    let mut document = json!({
        "sampler": trial.sampler,
        "process": place.setting.process_label,
        "grid_rule": place.setting.rule_label,
        "eps": place.eps,
        "budget": trial.budget,
    });
    match &trial.result {
        Ok(outcome) => {
            document["steps"] = json!(outcome.steps);
            document["nfe"] = json!(outcome.nfe);
            document[value_name] = number(outcome.value.value);
            if let Some(spread) = &outcome.spread {
                document["quadrature"] = spread_json(spread);
            }
            if let Some(reason) = outcome.value.infinite {
                document["reason"] = json!(reason.to_string());
            }
        }
        Err(error) => document["reason"] = json!(reason(error)),
    }
    document
}

/// What the documents of several places say of their setting.
pub(super) fn shared_json(places: &[Place]) -> serde_json::Map<String, serde_json::Value> {
    let mut document = places.first().map(|p| p.setting.diffusion.json()).unwrap_or_default();
    if let Some(place) = places.first() {
        place.setting.add_network(&mut document);
    }
    document.remove("process");
    document
}
