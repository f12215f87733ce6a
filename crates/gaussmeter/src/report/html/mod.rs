//! Web pages that need nothing else: one file, without a network, that also prints well.

mod page;
mod table;

pub use page::{Block, Page, Section};

use super::{Content, Format, ReportError, Table};

const UPLOT_STYLE: &str = include_str!("assets/uPlot.min.css");
const UPLOT: &str = include_str!("assets/uPlot.iife.min.js");
const FIGURE_STYLE: &str = include_str!("assets/figure.css");
const FIGURE: &str = include_str!("assets/figure.js");

/// What draws figures on pages: names and contents of files. Scripts define `gaussmeterFigure`, whose `draw`
/// takes [`Figure::json`](super::Figure::json); the head of `figure.js` says more.
pub const ASSETS: [(&str, &str); 5] = [
    ("uPlot.min.css", UPLOT_STYLE),
    ("uPlot.iife.min.js", UPLOT),
    ("uPlot.LICENSE.txt", include_str!("assets/uPlot.LICENSE.txt")),
    ("figure.css", FIGURE_STYLE),
    ("figure.js", FIGURE),
];

pub(super) static FORMAT: Format = Format {
    name: "html",
    extensions: &["html", "htm"],
    summary: "one page with tables and interactive figures, offline",
    content: Content::Tables,
    write: |report, _, out| report.page().write(out),
};

/// Tables in HTML, to be shown inside of a page.
///
/// # Errors
/// [`ReportError::Ragged`]
pub fn tables(tables: &[Table]) -> Result<String, ReportError> {
    Ok(tables.iter().map(table::write).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// A text that is no markup, also within double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
