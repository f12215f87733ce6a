//! Samplers at one budget, one below the other.

use super::dots;
use crate::experiment::Ranking;
use crate::present::trials::{Names, failures, infinite};
use crate::report::{Axis, Figure, Label};

/// Samplers that are drawn: more do not fit a page.
const MOST: usize = 60;

impl Ranking {
    /// The error of every sampler, the best first; one series per place.
    pub(in crate::present) fn figure(&self) -> Figure {
        let names = Names::of(&self.places);
        let mut samplers: Vec<&str> = Vec::new();
        let mut series: Vec<(Label, Vec<(usize, f64)>)> = Vec::new();
        let mut is_signed = false;
        for trial in &self.trials {
            let Ok(outcome) = &trial.result else { continue };
            let row = match samplers.iter().position(|s| *s == trial.sampler) {
                Some(row) => row,
                None if samplers.len() < MOST => {
                    samplers.push(&trial.sampler);
                    samplers.len() - 1
                }
                None => continue,
            };
            let place = match (names.has_rules, names.has_processes) {
                (false, false) => String::new(),
                (true, false) => names.rule(trial.place).to_string(),
                (false, true) => names.process(trial.place).to_string(),
                (true, true) => {
                    format!("{}, {}", names.rule(trial.place), names.process(trial.place))
                }
            };
            is_signed |= outcome.value.value < 0.0;
            let point = (row, outcome.value.value);
            match series.iter_mut().find(|(name, _)| name.plain() == place) {
                Some((_, points)) => points.push(point),
                None => series.push((place.into(), vec![point])),
            }
        }
        let mut notes = infinite(&self.trials, &names);
        notes.extend(failures(&self.trials, &names, &[self.budget]));
        let measured = self.metric_name.label();
        let measured = Label::new(format!("{} to the data", measured.plain()))
            .with_latex(format!("{} to the data", measured.latex()));
        let rows = samplers.iter().map(|s| Label::new(*s)).collect();
        let panel = dots(Axis::log_unless(is_signed, measured), "", series, rows);
        Figure { notes, ..Figure::of(self.title(), panel) }
    }
}
