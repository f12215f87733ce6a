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
        let (needs, floats) = match report.figures.is_empty() {
            true => {
                let tables = report.tables.iter().map(table::write).collect::<Result<_, _>>()?;
                (r"\usepackage{booktabs}", tables)
            }
            // The tables show the same numbers.
            false => {
                let figures: Vec<_> = report.figures.iter().map(figure::write).collect();
                (r"\usepackage{pgfplots} \pgfplotsset{compat=1.18}", figures)
            }
        };
        Ok(format!("% needs {needs}\n{}", floats.join("\n")))
    },
};
