//! Schedules: where the steps go.

use crate::grid::Grid;
use crate::report::{Axis, Label, Panel, Series};

/// What there is to draw of schedules: noise levels against the step, and how many steps there are per
/// unit of log-SNR, ln(α²/σ²). The level 0 has no place on either.
pub(super) struct Schedules(Vec<(Label, Vec<f64>, bool)>);

impl Schedules {
    pub fn new() -> Self {
        Schedules(Vec::new())
    }

    /// Adds one, as a result or to compare with; noise ratios σ/α, noisiest first.
    pub fn add(&mut self, name: impl Into<Label>, sigmas: Vec<f64>, is_result: bool) {
        self.0.push((name.into(), sigmas, is_result));
    }

    pub fn add_grid(&mut self, name: impl Into<Label>, grid: &Grid, is_result: bool) {
        self.add(name, grid.levels().iter().map(|l| l.noise_ratio()).collect(), is_result);
    }

    pub fn panels(&self) -> [Panel; 2] {
        let panel = |title: &str, x: Axis, y: Axis, of: fn(&[f64]) -> Vec<(f64, f64)>| {
            let series = self.0.iter().map(|(name, sigmas, is_result)| {
                let line = Series::line(name.clone(), of(sigmas));
                if *is_result { line } else { line.as_reference() }
            });
            Panel { title: title.into(), x, y, series: series.collect(), ..Panel::default() }
        };
        let level =
            Label::new("noise level sigma/alpha").with_latex(r"noise level $\sigma/\alpha$");
        [
            panel("Noise levels", Axis::linear("step"), Axis::log(level), levels),
            panel(
                "Density of steps",
                Axis::linear("log-SNR"),
                Axis::log("steps per unit of log-SNR"),
                density,
            ),
        ]
    }
}

fn levels(sigmas: &[f64]) -> Vec<(f64, f64)> {
    sigmas.iter().enumerate().map(|(k, s)| (k as f64, *s)).filter(|(_, s)| *s > 0.0).collect()
}

/// In the middle between neighbouring levels, the inverse of their distance in log-SNR.
fn density(sigmas: &[f64]) -> Vec<(f64, f64)> {
    let snr: Vec<f64> = sigmas.iter().map(|s| -2.0 * s.ln()).filter(|u| u.is_finite()).collect();
    snr.windows(2).map(|w| ((w[0] + w[1]) / 2.0, 1.0 / (w[1] - w[0]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_add_up_to_the_number_of_steps() {
        let sigmas = [80.0, 10.0, 3.0, 0.2, 0.01, 0.0];
        let points = density(&sigmas);
        let steps: f64 = points
            .iter()
            .zip(sigmas.windows(2))
            .map(|((_, density), w)| density * 2.0 * (w[0] / w[1]).ln())
            .sum();
        assert!(points.len() == 4 && (steps - 4.0).abs() < 1e-12, "{points:?}");
        assert_eq!(levels(&sigmas).len(), 5);
    }
}
