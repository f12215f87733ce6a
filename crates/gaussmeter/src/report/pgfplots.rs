//! Figures for LaTeX.

use super::{Content, Format, drawn, latex, write_parts};

pub(super) static FORMAT: Format = Format {
    name: "pgfplots",
    extensions: &["pgf"],
    summary: "figures for LaTeX, drawn by pgfplots in the fonts of the document",
    content: Content::Figures,
    write: |report, page, out| {
        let figures = drawn(report)?;
        out.write_all(latex::needs(&figures).as_bytes())?;
        write_parts(figures.iter().map(|figure| Ok(latex::figure(figure, page.width))), out)
    },
};
