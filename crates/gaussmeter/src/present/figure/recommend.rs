//! The best sampler and schedule.

use super::levels::Schedules;
use crate::experiment::Recommendation;
use crate::report::{Axis, Figure, Label, Panel, Series};

impl Recommendation {
    /// Error against network evaluations: the best, the best on a standard schedule, and the usual choice;
    /// and the winner's noise levels.
    pub(in crate::present) fn figure(&self) -> Figure {
        let front = self.front();
        let best = front.iter().map(|(_, c, _)| (c.nfe as f64, c.error())).collect();
        let standard = front.iter().filter_map(|(budget, ..)| {
            let all = self.candidates[budget].iter();
            let all = all.filter_map(|c| Some((c.nfe as f64, c.standard.as_ref()?.error)));
            all.min_by(|a, b| a.1.total_cmp(&b.1))
        });
        let standard = standard.collect();
        let usual =
            self.usual.iter().map(|(budget, timed)| (*budget as f64, timed.error)).collect();
        let mut panels = vec![Panel {
            title: "Work and precision".into(),
            x: Axis::log("network evaluations"),
            y: Axis::log(self.error_name()),
            series: vec![
                Series::line("best", best),
                Series::line("best on a standard schedule", standard),
                Series::line("dpmpp-2m on karras", usual).as_reference(),
            ],
            ..Panel::default()
        }];
        if let Some((winner, timed)) = self.winner() {
            let mut drawn = Schedules::new();
            if let Some(usual) = self.usual.get(&self.budget) {
                drawn.add_grid("dpmpp-2m on karras", &usual.grid, false);
            }
            let name = Label::new(format!("{}, {}", winner.label, timed.label));
            drawn.add_grid(name, &timed.grid, true);
            let [levels, _] = drawn.panels();
            panels.push(levels);
        }
        Figure { title: self.answer().into(), panels, per_row: 2, notes: Vec::new() }
    }
}
