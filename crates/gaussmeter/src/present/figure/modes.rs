//! The error per eigenvalue.

use super::band_name;
use crate::exact::{Law, LawMode};
use crate::experiment::{ModeErrors, Run, bands, contribution, std_error};
use crate::report::{Axis, Bar, Figure, Label, Marks, Panel, Series};

impl ModeErrors {
    /// Relative errors of the standard deviation against the eigenvalue, and the share of bands of
    /// eigenvalues in W2².
    pub(in crate::present) fn figure(&self) -> Figure {
        let title = format!(
            "Error per eigenvalue on {}{}, init {}",
            self.setting.spectrum.name(),
            self.setting.with_network(),
            self.init_label
        );
        let caption = format!(
            "Relative error of the standard deviation per eigenvalue, and shares of $W_2^2$: {}, {} process.",
            Label::new(self.setting.spectrum.name()).latex(),
            Label::new(self.setting.process_label.as_str()).latex()
        );
        let infinite = self.runs.iter().filter_map(|(run, law)| {
            Some(format!("{} is infinite: {}", run.sampler, law.infinite?))
        });
        Figure {
            title: Label::new(title).with_latex(caption),
            panels: vec![self.errors(), self.shares()],
            per_row: 2,
            notes: infinite.collect(),
        }
    }

    fn errors(&self) -> Panel {
        let point = |m: &LawMode| (m.eigenvalue, std_error(m).abs());
        let line = |(run, law): &(Run, Law)| {
            let shown = law.modes.iter().filter(|m| m.eigenvalue > 0.0);
            Series::line(run.sampler.as_str(), shown.map(point).collect())
        };
        Panel {
            title: "Standard deviation".into(),
            x: Axis::log(Label::new("eigenvalue").with_latex(r"eigenvalue $\lambda$")),
            y: Axis::log(
                Label::new("relative error |sqrt(v/λ) - 1|")
                    .with_latex(r"relative error $|\sqrt{v/\lambda} - 1|$"),
            ),
            series: self.runs.iter().map(line).collect(),
            ..Panel::default()
        }
    }

    fn shares(&self) -> Panel {
        let modes = self.setting.spectrum.modes();
        let bands = bands(&modes.iter().map(|m| m.eigenvalue).collect::<Vec<f64>>());
        let width = 0.8 / self.runs.len() as f64;
        let bars = |(k, (run, law)): (usize, &(Run, Law))| {
            let of = |modes: &[usize]| modes.iter().map(|i| contribution(&law.modes[*i])).sum();
            let sizes: Vec<f64> = bands.iter().map(|(_, modes)| of(modes)).collect();
            let total: f64 = sizes.iter().sum();
            let bar = |(band, size): (usize, &f64)| {
                let left = band as f64 - 0.4 + width * k as f64;
                let share = match *size {
                    size if size.is_infinite() => 1.0,
                    size if total > 0.0 => size / total,
                    _ => 0.0,
                };
                Bar { left, right: left + width, low: 0.0, high: share }
            };
            let bars = sizes.iter().enumerate().map(bar).collect();
            Series::of(run.sampler.as_str(), Marks::Bars(bars))
        };
        let name = |(lowest, inside): &(f64, Vec<usize>)| {
            let dim = inside.iter().map(|i| modes[*i].multiplicity).sum::<f64>().round();
            let name = band_name(*lowest);
            Label::new(format!("{} ({dim})", name.plain()))
                .with_latex(format!("{} ({dim})", name.latex()))
        };
        Panel {
            title: "Share of the error".into(),
            x: Axis::names("band of eigenvalues (dimensions)", bands.iter().map(name).collect()),
            y: Axis::linear(Label::new("share of W2²").with_latex("share of $W_2^2$")),
            series: self.runs.iter().enumerate().map(bars).collect(),
            ..Panel::default()
        }
    }
}
