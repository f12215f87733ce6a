//! Which noise levels data call for.

use crate::experiment::{NoiseLevels, Shift, USUAL_START};
use crate::report::{Align, Cell, Column, Row, Style, Table, number};
use serde_json::{Value, json};

fn short(value: f64) -> String {
    Style::Significant(3).label(value).plain().to_string()
}

impl NoiseLevels {
    /// Starts and stops by tolerance.
    pub(super) fn table(&self) -> Table {
        let cell = |value: f64| Cell::number(value, Style::Significant(4));
        let rows = self.tolerances.iter().map(|t| {
            Row::new([
                cell(t.w2),
                cell(t.sigma_max),
                t.steps.map_or(Cell::Empty, cell),
                cell(t.stop),
                cell(t.denoised),
            ])
        });
        Table {
            title: "Noise levels σ/α that these data call for".into(),
            columns: vec![
                Column::new("W2 at most", Align::Right),
                Column::new("start from", Align::Right),
                Column::new(format!("steps, {USUAL_START} = 1"), Align::Right),
                Column::new("stop at", Align::Right),
                Column::new("denoise at", Align::Right),
            ],
            rows: rows.collect(),
            notes: self.notes(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "start from: the lowest σ_max at which N(0, σ² I), carried to the data by the exact ODE, is that close: W2² = Σ λ (1 − (1 + λ/σ²)^(−1/2))² + μ²λ/(λ + σ²)".to_string(),
            "steps: of a grid of equal geodesic density, relative to one from 80".into(),
            "stop at: the highest σ_min at which the law of noisy data is that close: W2² = Σ (√(λ + σ²) − √λ)²; denoise at: the same after a last step to 0, Σ λ (1 − (1 + σ²/λ)^(−1/2))²".into(),
        ];
        let (whole, of_mean) = self.usual_start;
        let mean = match of_mean > 0.5 * whole {
            true => format!(
                ", most of it ({}) from the mean of the data, at any number of steps: start higher, add the mean to the initial noise, or leave it out of the data",
                short(of_mean)
            ),
            false => String::new(),
        };
        notes.push(format!(
            "a start from N(0, {USUAL_START}² I) leaves W2 = {}{mean}",
            short(whole)
        ));
        if let Some(middle) = self.middle {
            notes.push(format!(
                "half of the work (of a grid of equal geodesic density) lies above σ/α = {}",
                short(middle)
            ));
        }
        if let Some(shift) = &self.shift {
            notes.push(shift.note());
        }
        notes
    }

    pub(super) fn json(&self) -> Value {
        let tolerances = self.tolerances.iter().map(|t| {
            json!({
                "w2": number(t.w2),
                "sigma_max": number(t.sigma_max),
                "relative_steps": t.steps.map(number),
                "sigma_min": number(t.stop),
                "sigma_min_denoised": number(t.denoised),
            })
        });
        json!({
            "sigma_data": number(self.sigma_data),
            "root_mean_square": number(self.root_mean_square),
            "tolerances": tolerances.collect::<Vec<_>>(),
            "start_at_80": number(self.usual_start.0),
            "start_at_80_mean": number(self.usual_start.1),
            "middle": self.middle.map(number),
            "shift": self.shift.as_ref().map(|s| json!({
                "against": s.against,
                "factor": number(s.factor),
                "log_factor": number(s.factor.ln()),
                "range": [number(s.range.0), number(s.range.1)],
                "by_dimension": number(s.by_dimension),
            })),
        })
    }
}

impl Shift {
    fn note(&self) -> String {
        let (low, high) = self.range;
        format!(
            "as hard as {} if its noise ratios σ/α are multiplied by {} (from {} to {} over tenths of the work; √(d/d′) = {}): for flow models shift = {}, or mu = {} where shifts are exponential",
            self.against,
            short(self.factor),
            short(low),
            short(high),
            short(self.by_dimension),
            short(self.factor),
            short(self.factor.ln())
        )
    }
}
