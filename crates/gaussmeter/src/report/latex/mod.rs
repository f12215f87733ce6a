//! LaTeX: figures with pgfplots, tables with booktabs.

mod escape;
mod figure;
mod table;

pub(super) use escape::escape;

use super::Format;

pub(super) static FORMAT: Format = Format {
    name: "latex",
    extensions: &["tex"],
    summary: "booktabs tables and pgfplots figures for a paper",
    write: |report| {
        // If there are figures, the tables would show the same numbers.
        let tables = if report.figures.is_empty() { &report.tables[..] } else { &[] };
        let mut floats = tables.iter().map(table::write).collect::<Result<Vec<_>, _>>()?;
        floats.extend(report.figures.iter().map(figure::write));
        floats.extend(report.sketches.iter().map(|sketch| figure::write(&sketch.figure())));
        let mut needs = Vec::new();
        if report.figures.is_empty() {
            needs.push("% needs \\usepackage{booktabs}\n");
        }
        if !(report.figures.is_empty() && report.sketches.is_empty()) {
            needs.push("% needs \\usepackage{pgfplots} \\pgfplotsset{compat=1.18}\n");
        }
        Ok(needs.concat() + &floats.join("\n"))
    },
};
