//! Web pages that need nothing else: one file, without a network, that also prints well.

mod page;
mod table;

pub use page::{Block, Page, Section};

use super::{Format, ReportError, Table};

pub(super) static FORMAT: Format = Format {
    name: "html",
    extensions: &["html", "htm"],
    summary: "one page with tables and interactive figures, offline",
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
