//! Times before and after.

use super::levels::Schedules;
use crate::experiment::Tuning;
use crate::report::{Figure, Label, Style};

/// Standard schedules that are drawn beside the optimum.
const SHOWN: usize = 3;

impl Tuning {
    /// Noise levels and their density: optimised, and the best standard schedules.
    pub(in crate::present) fn figure(&self) -> Figure {
        let with = |name: &str, value: f64| {
            let value = Style::Significant(3).label(value);
            Label::new(format!("{name} ({})", value.plain())).with_latex(format!(
                "{} ({})",
                Label::new(name).latex(),
                value.latex()
            ))
        };
        let mut drawn = Schedules::new();
        let rivals = self.rivals.iter().filter_map(|rival| {
            Some((&rival.label, *rival.value.as_ref().ok()?, rival.grid.as_ref()?))
        });
        for (label, value, grid) in rivals.take(SHOWN) {
            drawn.add_grid(with(label, value), grid, false);
        }
        drawn.add_grid(with("optimised", self.value), &self.run.grid, true);
        let s = &self.diffusion.spectrum;
        let title = format!(
            "Best schedule of {} on {}, {} steps; in parentheses: {}",
            self.run.sampler,
            s.name(),
            self.run.grid.step_count(),
            self.objective
        );
        Figure { title: title.into(), panels: drawn.panels().into(), per_row: 2, notes: Vec::new() }
    }
}
