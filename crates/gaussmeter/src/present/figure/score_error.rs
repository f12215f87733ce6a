//! A network against the exact one.

use crate::experiment::{Known, LevelError, ScoreError};
use crate::present::score_error::PARTS;
use crate::report::{Axis, Estimate, Figure, Label, Marks, Panel, Series};

impl ScoreError {
    /// The parts of the error by noise level, the factor on the score, and W2 by sampler.
    pub(in crate::present) fn figure(&self) -> Figure {
        let mut panels = vec![self.errors(), self.factors()];
        panels.extend(self.samplers());
        Figure {
            title: format!("{} against the exact network", self.network).into(),
            per_row: panels.len(),
            panels,
            notes: vec!["bars: 95 % intervals, of samples two standard errors".into()],
        }
    }

    fn errors(&self) -> Panel {
        let line = |of: &dyn Fn(&LevelError) -> f64| {
            self.levels.iter().map(|l| (l.sigma, of(l) / l.floor)).collect::<Vec<_>>()
        };
        let mut series = vec![Series::line("all of it", line(&|l| l.whole.squared.value))];
        let parts = PARTS.map(|(name, part)| Series::line(name, line(&|l| part(&l.whole).value)));
        series.extend(parts);
        Panel {
            title: "Error by noise level".into(),
            x: Axis::log(level_label()),
            y: Axis::log(Label::new("E|r|² / floor").with_latex(r"$E|r|^2$ / floor")),
            series,
            ..Panel::default()
        }
    }

    fn factors(&self) -> Panel {
        let point = |l: &LevelError| known(l.sigma, l.score_gain);
        let points: Vec<Estimate> = self.levels.iter().map(point).collect();
        let line = points.iter().map(|p| (p.x, p.y)).collect();
        Panel {
            title: "Factor on the score".into(),
            x: Axis::log(level_label()),
            y: Axis::linear(Label::new("δ").with_latex(r"$\delta$")),
            series: vec![
                Series::line("score times 1 + δ", line),
                Series::of("score times 1 + δ", Marks::Points(points)),
            ],
            ..Panel::default()
        }
    }

    fn samplers(&self) -> Option<Panel> {
        let names = self.names();
        let (mut labels, mut exact, mut own, mut drawn) = (Vec::new(), vec![], vec![], vec![]);
        for (k, (run, scored)) in self.ran().enumerate() {
            let x = k as f64;
            labels.push(Label::new(names.full(&run.sampler, run.place)));
            exact.push(Estimate { x, y: scored.exact, interval: None });
            own.push(known(x, scored.predicted));
            if let Some(sampled) = &scored.sampled {
                let half = 2.0 * sampled.w2.standard_error();
                drawn.push(known(x, Known { value: sampled.w2.value(), half }));
            }
        }
        let series = [
            ("exact network", exact),
            ("this network, predicted", own),
            ("this network, samples", drawn),
        ];
        let series = series.into_iter().filter(|(_, points)| !points.is_empty());
        (!labels.is_empty()).then(|| Panel {
            title: "W2 by sampler".into(),
            x: Axis::names("sampler", labels),
            y: Axis::log(Label::new("W2 to the data").with_latex("$W_2$ to the data")),
            series: series.map(|(name, points)| Series::of(name, Marks::Points(points))).collect(),
            ..Panel::default()
        })
    }
}

fn level_label() -> Label {
    Label::new("noise level sigma/alpha").with_latex(r"noise level $\sigma/\alpha$")
}

fn known(x: f64, Known { value, half }: Known) -> Estimate {
    Estimate { x, y: value, interval: Some((value - half, value + half)) }
}
