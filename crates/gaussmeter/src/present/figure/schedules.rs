//! Samplers on schedules.

use super::dots;
use super::levels;
use crate::experiment::{ScheduleResult, Schedules};
use crate::report::{Axis, Figure, Label};

/// Schedules whose levels are drawn beside the optimum.
const SHOWN: usize = 3;

impl Schedules {
    /// Errors by schedule, and the levels of the best ones and of the optimum where there are most steps.
    pub(in crate::present) fn figure(&self) -> Figure {
        let labels = self.rows();
        let of = |c: usize| {
            let (sampler, length) = self.head(c);
            let results = self.columns[c].iter().enumerate();
            let points = results.filter_map(|(r, x)| Some((r, x.as_ref().ok()?.error))).collect();
            (Label::new(format!("{}, {length}", sampler.label)), points)
        };
        let series: Vec<(Label, Vec<(usize, f64)>)> = (0..self.columns.len()).map(of).collect();
        let is_signed = series.iter().flat_map(|(_, p)| p).any(|(_, error)| *error < 0.0);
        let axis = Axis::log_unless(is_signed, self.options.objective.label.as_str());
        let mut errors = dots(axis, "", series, labels.iter().map(|l| l.as_str().into()).collect());
        errors.title = "Error".into();
        let mut panels = vec![errors];
        let most = |c: &usize| self.columns[*c].iter().flatten().map(|r| r.steps).max();
        if let Some(c) = (0..self.columns.len()).rev().max_by_key(most) {
            let optimum = labels.len() - 1;
            let mut best: Vec<(usize, &ScheduleResult)> = self.columns[c]
                .iter()
                .enumerate()
                .filter_map(|(r, result)| Some((r, result.as_ref().ok()?)))
                .collect();
            best.sort_by(|a, b| {
                (a.0 != optimum).cmp(&(b.0 != optimum)).then(a.1.error.total_cmp(&b.1.error))
            });
            let (sampler, length) = self.head(c);
            let mut drawn = levels::Schedules::new();
            let has_optimum = best.first().is_some_and(|(r, _)| *r == optimum);
            for (r, result) in best.into_iter().take(SHOWN + usize::from(has_optimum)) {
                drawn.add(labels[r].as_str(), result.sigmas.clone(), r == optimum);
            }
            panels.extend(drawn.panels().map(|panel| crate::report::Panel {
                title: format!("{}, {}, {length}", panel.title.plain(), sampler.label).into(),
                ..panel
            }));
        }
        Figure { title: self.title().into(), panels, per_row: 3, notes: Vec::new() }
    }
}
