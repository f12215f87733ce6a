//! Levels of grids.

use crate::grid::Grid;
use crate::level::Level;
use serde_json::{Value, json};

/// A level in documents.
pub(super) fn level_json(l: &Level) -> Value {
    json!({"t": l.t, "alpha": l.alpha, "sigma": l.sigma})
}

/// The noise levels σ/α of a grid, one per line, noisiest first.
pub(super) fn sigma_lines(grid: &Grid) -> String {
    grid.levels().iter().map(|l| format!("{}\n", decimal(l.noise_ratio()))).collect()
}

/// A number without an exponent: some readers of lists do not know them.
fn decimal(value: f64) -> String {
    if value == 0.0 { "0.0".into() } else { format!("{value}") }
}
