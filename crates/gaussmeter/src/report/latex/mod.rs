//! LaTeX: figures with pgfplots, tables with booktabs.

mod escape;
mod figure;
mod table;

pub(super) use escape::escape;

use super::{Content, Figure, Format, write_parts};

pub(super) use figure::write as figure;

/// What the preamble of a document with figures has.
pub(super) fn needs(figures: &[Figure]) -> String {
    let mut needs = "% needs \\usepackage{pgfplots} \\pgfplotsset{compat=1.18}\n".to_string();
    if figures.iter().any(|figure| figure.panels.len() > 1) {
        needs.push_str("% needs \\usepgfplotslibrary{groupplots}\n");
    }
    needs
}

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
            out.write_all(needs(&figures).as_bytes())?;
        }
        let tables = tables.iter().map(table::write);
        let figures = figures.iter().map(|f| figure(f, None));
        let sketches = sketches.iter().map(|sketch| figure(&sketch.figure(), None));
        write_parts(tables.chain(figures.chain(sketches).map(Ok)), out)
    },
};
