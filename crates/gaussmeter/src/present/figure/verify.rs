//! Samplers tried on data that are not Gaussian.

use crate::experiment::{Check, Checked, Verification};
use crate::report::{Axis, Estimate, Figure, Label, Marks, Panel, Series};

/// A schedule's name, what was found of it, and what the Gaussian has.
type Schedule = (String, Vec<Estimate>, Vec<(f64, f64)>);

impl Verification {
    /// A panel per sampler: the error found against network evaluations, with ± two standard errors, by
    /// schedule; dashed, what the Gaussian of the whole has.
    pub(in crate::present) fn figure(&self) -> Figure {
        let mut panels: Vec<(&str, Vec<(&Check, &Checked)>)> = Vec::new();
        for (check, checked) in self.sorted() {
            match panels.iter_mut().find(|(sampler, _)| *sampler == check.sampler) {
                Some((_, runs)) => runs.push((check, checked)),
                None => panels.push((&check.sampler, vec![(check, checked)])),
            }
        }
        let panels: Vec<Panel> =
            panels.into_iter().map(|(sampler, runs)| self.panel(sampler, &runs)).collect();
        Figure {
            title: format!("Errors found on {}", self.law).into(),
            per_row: panels.len().clamp(1, 3),
            panels,
            notes: vec![
                "intervals: two standard errors; dashed: the exact value for the Gaussian of the whole".into(),
            ],
        }
    }

    fn panel(&self, sampler: &str, runs: &[(&Check, &Checked)]) -> Panel {
        let names = self.names();
        let mut series: Vec<Schedule> = Vec::new();
        for (check, checked) in runs {
            let name = match names.has_processes {
                true => format!("{}, {}", names.rule(check.place), names.process(check.place)),
                false => names.rule(check.place).to_string(),
            };
            let (y, error) = checked.error();
            let x = checked.nfe as f64;
            let estimate = Estimate { x, y, interval: Some((y - 2.0 * error, y + 2.0 * error)) };
            let gaussian = match checked.distances() {
                Some(distances) => distances.gaussian_rms,
                None => checked.w2,
            };
            match series.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, found, exact)) => {
                    found.push(estimate);
                    exact.push((x, gaussian));
                }
                None => series.push((name, vec![estimate], vec![(x, gaussian)])),
            }
        }
        let has_distances = runs.iter().all(|(_, checked)| checked.distances().is_some());
        let measured = match has_distances {
            true => "RMS distance to the fine solution".into(),
            false => Label::new("W2 of moments").with_latex("$W_2$ of moments"),
        };
        let mut drawn = Vec::new();
        for (name, found, exact) in series {
            let line = found.iter().map(|p| (p.x, p.y)).collect();
            drawn.push(Series::line("Gaussian", exact).as_reference());
            drawn.push(Series::line(name.as_str(), line));
            drawn.push(Series::of(name.as_str(), Marks::Points(found)));
        }
        Panel {
            title: sampler.into(),
            x: Axis::log("network evaluations"),
            y: Axis::log(measured),
            series: drawn,
            ..Panel::default()
        }
    }
}
