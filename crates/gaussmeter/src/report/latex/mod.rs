//! LaTeX: figures with pgfplots, tables with booktabs.

mod escape;
mod figure;
mod table;

pub(super) use escape::escape;

use super::{Content, Format, write_parts};

pub(super) static FORMAT: Format = Format {
    name: "latex",
    extensions: &["tex"],
    summary: "booktabs tables and pgfplots figures for a paper",
    content: Content::Tables,
    write: |report, _, out| {
        let (figures, tables) = match report.is_figure() {
            true => (report.figures(), Vec::new()),
            false => (Vec::new(), report.tables()),
        };
        let sketches = report.sketches();
        if figures.is_empty() {
            out.write_all(b"% needs \\usepackage{booktabs}\n")?;
        }
        if !(figures.is_empty() && sketches.is_empty()) {
            out.write_all(b"% needs \\usepackage{pgfplots} \\pgfplotsset{compat=1.18}\n")?;
        }
        let tables = tables.iter().map(table::write);
        let figures = figures.iter().map(figure::write);
        let sketches = sketches.iter().map(|sketch| figure::write(&sketch.figure()));
        write_parts(tables.chain(figures.chain(sketches).map(Ok)), out)
    },
};
