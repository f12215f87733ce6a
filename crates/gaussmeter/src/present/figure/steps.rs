//! What each step costs.

use super::band_name;
use crate::experiment::StepErrors;
use crate::report::{Axis, Bar, Figure, Label, Marks, Panel, Series};

impl StepErrors {
    /// The share of every step in the sum of squares, by bands of eigenvalues; and where the steps are.
    pub(in crate::present) fn figure(&self) -> Figure {
        let total = self.cancellation.without.powi(2);
        let share = |size: f64| if total > 0.0 { size * size / total } else { 0.0 };
        let mut low = vec![0.0; self.levels.len()];
        let mut stacked = Vec::new();
        for (lowest, modes) in &self.bands {
            let bars = low.iter_mut().enumerate().map(|(k, low)| {
                let bar = Bar {
                    left: k as f64 - 0.4,
                    right: k as f64 + 0.4,
                    low: *low,
                    high: *low + share(self.size(k, modes.iter().copied())),
                };
                *low = bar.high;
                bar
            });
            let bars = bars.collect();
            stacked.push(Series::of(band_name(*lowest), Marks::Bars(bars)));
        }
        let shares = Panel {
            title: "Share of the error".into(),
            x: Axis::linear("step (0: the start)"),
            y: Axis::linear("share of the sum of squares"),
            series: stacked,
            ..Panel::default()
        };
        let all = |k: usize| self.size(k, 0..self.modes.len());
        let points = self.levels.iter().enumerate();
        let points =
            points.map(|(k, l)| (l.noise_ratio(), all(k))).filter(|(sigma, _)| *sigma > 0.0);
        let level =
            Label::new("noise level sigma/alpha").with_latex(r"noise level $\sigma/\alpha$");
        let sizes = Panel {
            title: "Contribution to the output".into(),
            x: Axis::log(level).reversed(),
            y: Axis::log(Label::new("contribution to W2").with_latex("contribution to $W_2$")),
            series: vec![Series::line("", points.collect()).as_reference()],
            ..Panel::default()
        };
        Figure {
            title: self.title().into(),
            panels: vec![shares, sizes],
            per_row: 2,
            notes: Vec::new(),
        }
    }
}
