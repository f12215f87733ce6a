//! A spectrum.

use crate::report::{Axis, Figure, Label, Panel, Series};
use crate::spectrum::Spectrum;
use crate::summary::{Summary, ranked};

/// Eigenvalues by rank, and the part of the variance that the largest of them have.
pub(in crate::present) fn spectrum(spectrum: &Spectrum, summary: &Summary) -> Figure {
    let rank = || Label::new("rank").with_latex("rank $k$");
    let points = ranked(spectrum);
    let eigenvalues = Panel {
        title: "Eigenvalues".into(),
        x: Axis::log(rank()),
        y: Axis::log(Label::new("eigenvalue").with_latex(r"eigenvalue $\lambda_k$")),
        series: vec![Series::line("", points)],
        ..Panel::default()
    };
    let mut modes: Vec<(f64, f64)> =
        spectrum.modes().iter().map(|m| (m.eigenvalue, m.multiplicity)).collect();
    modes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total: f64 = modes.iter().map(|(l, m)| l * m).sum();
    let (mut rank_so_far, mut left) = (0.0, total);
    let mut rest = Vec::new();
    for (eigenvalue, multiplicity) in modes.iter().filter(|(l, _)| *l > 0.0) {
        rank_so_far += multiplicity;
        left -= eigenvalue * multiplicity;
        // What is left of a difference of nearly equal sums is rounding.
        if left > 1e-13 * total {
            rest.push((rank_so_far, left / total));
        }
    }
    let variance = Panel {
        title: "Variance".into(),
        x: Axis::log(rank()),
        y: Axis::log("share of the variance beyond"),
        series: vec![Series::line("", rest)],
        ..Panel::default()
    };
    let caption = format!("Eigenvalues by rank: {}.", Label::new(spectrum.name()).latex());
    let null = summary.null_dim;
    Figure {
        title: Label::new(format!("Eigenvalues of {} by rank", spectrum.name()))
            .with_latex(caption),
        panels: vec![eigenvalues, variance],
        per_row: 2,
        notes: match null > 0.0 {
            true => vec![format!("{null} eigenvalues that are 0 are not shown")],
            false => Vec::new(),
        },
    }
}
