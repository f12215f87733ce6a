//! What there is to draw of results.

mod budget;
pub(super) mod info;
mod levels;
mod modes;
mod plane;
mod rank;
mod recommend;
mod schedules;
#[cfg(feature = "dense")]
mod score_error;
mod steps;
mod table;
mod tune;
#[cfg(feature = "dense")]
mod verify;

use crate::report::{Axis, Estimate, Label, Marks, Panel, Series};

/// Names with a value each, one below the other: ranks, budgets. What has no value is left out.
fn dots(x: Axis, y: &str, series: Vec<(Label, Vec<(usize, f64)>)>, names: Vec<Label>) -> Panel {
    let point = |&(row, value): &(usize, f64)| Estimate { x: value, y: row as f64, interval: None };
    let of = |(name, values): (Label, Vec<(usize, f64)>)| {
        Series::of(name, Marks::Points(values.iter().map(point).collect()))
    };
    Panel {
        x,
        y: Axis::names(y, names),
        series: series.into_iter().map(of).collect(),
        ..Panel::default()
    }
}

/// Bands of eigenvalues by their lowest: `λ ≥ 0.12`, `λ = 0`.
fn band_name(lowest: f64) -> Label {
    use crate::report::Style;
    match lowest {
        0.0 => Label::new("λ = 0").with_latex(r"$\lambda = 0$"),
        lowest => {
            let bound = Style::Significant(2).label(lowest);
            let latex = bound.latex().replace('$', "");
            Label::new(format!("λ ≥ {}", bound.plain()))
                .with_latex(format!(r"$\lambda \geq {latex}$"))
        }
    }
}
