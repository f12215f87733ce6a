//! Times before and after.

use super::levels::Schedules;
use crate::experiment::{EtaSearch, Tuning};
use crate::report::{Axis, Estimate, Figure, Label, Marks, Panel, Series, Style};

/// Standard schedules that are drawn beside the optimum.
const SHOWN: usize = 3;

impl Tuning {
    /// Noise levels and their density: optimised, and the best standard schedules. Errors by stochasticity,
    /// where the best was sought.
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
        let mut panels: Vec<Panel> = drawn.panels().into();
        panels.extend(self.eta.as_ref().map(|found| self.by_eta(found)));
        let per_row = panels.len();
        Figure { title: title.into(), panels, per_row, notes: Vec::new() }
    }

    fn by_eta(&self, found: &EtaSearch) -> Panel {
        let values: Vec<(f64, f64, f64)> = found
            .tried
            .iter()
            .filter_map(|tried| Some((tried.eta, *tried.value.as_ref().ok()?, tried.w2)))
            .collect();
        let error = values.iter().map(|(eta, value, _)| (*eta, *value)).collect();
        let best = Estimate { x: found.eta, y: self.value, interval: None };
        let mut series = vec![
            Series::line("error", error),
            Series::of(format!("eta = {}", found.eta), Marks::Points(vec![best])),
        ];
        if self.is_robust {
            let w2 = values.iter().map(|(eta, _, w2)| (*eta, *w2)).collect();
            series.push(Series::line(Label::new("W2").with_latex("$W_2$"), w2).as_reference());
        }
        let is_signed = values.iter().any(|(_, value, _)| *value < 0.0);
        Panel {
            title: "Stochasticity, each on its best times".into(),
            x: Axis::linear(Label::new("eta").with_latex(r"$\eta$")),
            y: Axis::log_unless(is_signed, "error"),
            series,
            ..Panel::default()
        }
    }
}
