//! The sources of error, each alone.

use super::dots;
use crate::experiment::{ErrorBudget, Evaluation};
use crate::report::{Axis, Figure, Label, Panel};

impl Evaluation {
    /// Sources of error, each alone, and the total.
    pub(in crate::present) fn figure(&self) -> Figure {
        let title =
            format!("Error of {} on {}, by source", self.run.sampler, self.setting.spectrum.name());
        let total = [("total", self.w2.value().value)];
        Figure::of(title, panel(&self.budget, &total))
    }
}

/// The parts of a budget, each alone, below some other values.
fn panel(budget: &ErrorBudget, others: &[(&str, f64)]) -> Panel {
    let discretization = budget.discretization.as_ref().ok().map(|v| v.value);
    let parts = [
        ("initialization alone", Some(budget.initialization.value)),
        ("truncation alone", Some(budget.truncation.value)),
        ("discretization alone", discretization),
        ("discretization, on its grid", Some(budget.discretization_at_eps.value)),
        ("score alone", budget.score.map(|v| v.value)),
    ];
    let parts: Vec<(&str, f64)> =
        parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let point = |(row, (_, value)): (usize, &(&str, f64))| (row, *value);
    let after = |(row, (_, value)): (usize, &(&str, f64))| (parts.len() + row, *value);
    let alone = parts.iter().enumerate().map(point).collect();
    let whole = others.iter().enumerate().map(after).collect();
    let names = parts.iter().chain(others).map(|(name, _)| Label::new(*name)).collect();
    let axis = Axis::log(Label::new("W2").with_latex("$W_2$"));
    dots(axis, "", vec![("each alone".into(), alone), ("together".into(), whole)], names)
}
