//! Gaussians in the plane, as ellipses.

use crate::experiment::{Plane, PlaneLaw, PlanePanel};
use crate::report::{Axis, Figure, Label, Panel, Series, Style};
use std::f64::consts::TAU;

/// Ellipses are at so many standard deviations.
const DEVIATIONS: f64 = 2.0;

/// Points of an ellipse.
const POINTS: usize = 90;

/// What the dashed ellipses are.
fn target_name() -> Label {
    "what it should be".into()
}

impl Plane {
    /// Per sampler, side by side: the continuous solution and the sampler, with the marginals that they should
    /// have, and samples on their way.
    pub(in crate::present) fn paths(&self) -> Figure {
        let panels = self.panels.iter().flatten().map(PlanePanel::panel).collect();
        Figure {
            title: format!("From noise to data in the plane: {}", self.about()).into(),
            panels,
            per_row: 2,
            notes: vec![format!("ellipses: {DEVIATIONS} standard deviations")],
        }
    }

    /// Per sampler, side by side: the four sources of error, each alone.
    pub(in crate::present) fn errors(&self) -> Figure {
        let rows = self.sources.iter().flat_map(|(sampler, sources)| {
            sources.iter().map(move |source| Panel {
                title: Label::new(format!("{}, {sampler}", source.name)),
                x: Axis::linear(w2(source.w2)),
                series: vec![
                    ellipse(target_name(), &source.target).as_reference(),
                    ellipse("what comes out", &source.law),
                ],
                ..plane()
            })
        });
        Figure {
            title: format!("Sources of error in the plane, each alone: {}", self.about()).into(),
            panels: rows.collect(),
            per_row: 4,
            notes: vec![format!("ellipses: {DEVIATIONS} standard deviations")],
        }
    }

    fn about(&self) -> String {
        let s = &self.setting;
        format!(
            "{}, {}, {} grid{}",
            s.spectrum.provenance(),
            s.process_label,
            s.rule_label,
            s.with_network()
        )
    }
}

impl PlanePanel {
    fn panel(&self) -> Panel {
        let mut series: Vec<Series> = self
            .paths
            .iter()
            .map(|path| Series::line("", path.iter().map(|p| (p[0], p[1])).collect()).as_faint())
            .collect();
        for (_, law, target) in &self.states {
            series.push(ellipse(target_name(), target).as_reference());
            series.push(ellipse("what comes out", law));
        }
        let kind = if self.is_exact { ", continuous" } else { "" };
        let name = Label::new(self.name.as_str());
        Panel {
            title: Label::new(format!("{}{kind}: {}", self.name, w2(self.w2).plain()))
                .with_latex(format!("{}{kind}: {}", name.latex(), w2(self.w2).latex())),
            series,
            ..plane()
        }
    }
}

fn w2(value: f64) -> Label {
    let value = Style::Significant(2).label(value);
    Label::new(format!("W2 {}", value.plain())).with_latex(format!("$W_2$ {}", value.latex()))
}

fn plane() -> Panel {
    let axis = |k: usize| Axis::linear(Label::new(format!("x{k}")).with_latex(format!("$x_{k}$")));
    Panel { x: axis(1), y: axis(2), is_plane: true, ..Panel::default() }
}

fn ellipse(name: impl Into<Label>, law: &PlaneLaw) -> Series {
    let point = |k: usize| {
        let (sin, cos) = (TAU * k as f64 / POINTS as f64).sin_cos();
        let place =
            |c: usize| law.mean[c] + DEVIATIONS * (cos * law.axes[0][c] + sin * law.axes[1][c]);
        (place(0), place(1))
    };
    Series::line(name, (0..=POINTS).map(point).collect())
}
