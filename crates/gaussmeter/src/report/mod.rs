//! Results as text, Markdown, LaTeX, CSV or JSON.
//!
//! A [`Report`] holds the same results in up to four forms: [`tables`](Report::tables) for people,
//! possibly with a [sketch](Report::sketches), [`figures`](Report::figures) for papers, flat
//! [`records`](Report::records) at full precision, and a [`json`](Report::json) document. A
//! [`Format`] writes the form it needs; nothing is computed here.
//!
//! A new format is one file that ends in a `FORMAT`, and one line in [`formats`]; a new way to write
//! a number is one [`Style`].
//!
//! ```
//! use gaussmeter::report::{Align, Cell, Column, Label, Report, Row, Style, Table, by_name};
//! let table = Table {
//!     title: "W₂ of Heun".into(),
//!     columns: vec![
//!         Column::new(Label::new("eps").with_latex(r"$\varepsilon$"), Align::Left),
//!         Column::new("50", Align::Right).in_group("evaluations"),
//!         Column::new("250", Align::Right).in_group("evaluations"),
//!     ],
//!     rows: vec![Row::new([
//!         Cell::number(1e-5, Style::Exact),
//!         Cell::number(23.42, Style::Published),
//!         Cell::best(2.86, Style::Published),
//!     ])],
//!     notes: vec![],
//! };
//! let report = Report { tables: vec![table], ..Report::default() };
//! let text = by_name("text")?.write(&report)?;
//! assert!(text.contains("\n1e-5  23.42  2.86*\n"), "{text}");
//! let latex = by_name("latex")?.write(&report)?;
//! assert!(latex.contains(r"$10^{-5}$     & 23.42 & \textbf{2.86} \\"), "{latex}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod csv;
mod figure;
mod json;
mod latex;
mod markdown;
mod records;
mod sketch;
mod style;
mod table;
mod text;

pub use figure::{Axis, Curve, Figure};
pub use json::number;
pub use records::{Field, Records};
pub use sketch::Sketch;
pub use style::Style;
pub use table::{Align, Cell, Column, Label, Row, Table};
pub use text::{text_within, wrap};

use crate::entry::{EntryError, nearest};
use std::path::Path;
use thiserror::Error;

/// The formats that ship with the library.
pub fn formats() -> Vec<&'static Format> {
    vec![&text::FORMAT, &markdown::FORMAT, &latex::FORMAT, &csv::FORMAT, &json::FORMAT]
}

/// The results of an experiment, ready to be written in any [`Format`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// For people: text, Markdown and LaTeX.
    pub tables: Vec<Table>,
    /// For people: drawings shown after the tables.
    pub sketches: Vec<Sketch>,
    /// For papers: LaTeX writes these instead of the tables, if there are any.
    pub figures: Vec<Figure>,
    /// For machines: CSV, at full precision, one row per result.
    pub records: Records,
    /// For machines: JSON, with a versioned schema. See [`number`] for infinite values.
    pub json: serde_json::Value,
}

/// Why a report cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A row has more or fewer cells than there are columns.
    #[error("{part}, row {row}: {cells} cells for {columns} columns")]
    Ragged {
        /// The table, by its title, or the records.
        part: String,
        /// The row, from 1.
        row: usize,
        /// Its number of cells.
        cells: usize,
        /// The number of columns.
        columns: usize,
    },
    /// The CSV writer failed.
    #[error("records: {0}")]
    Csv(#[from] ::csv::Error),
    /// A file name does not determine a format.
    #[error(
        "no format has the extension of '{path}' (known: {known}): rename the file or give a format"
    )]
    Extension {
        /// The file name.
        path: String,
        /// The known extensions.
        known: String,
    },
}

/// A way to write a [`Report`].
#[derive(Debug)]
pub struct Format {
    /// Name, as in `--format`.
    pub name: &'static str,
    /// Extensions of its files, without the dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// One line of help.
    pub summary: &'static str,
    /// Writes a report; every line ends in a newline.
    pub write: fn(&Report) -> Result<String, ReportError>,
}

impl Format {
    /// Writes a report; every line ends in a newline.
    ///
    /// # Errors
    /// [`ReportError::Ragged`] if a row does not fit its columns.
    pub fn write(&self, report: &Report) -> Result<String, ReportError> {
        (self.write)(report)
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.extensions.iter().any(|e| e.eq_ignore_ascii_case(extension))
    }
}

/// The format with this name or extension (case does not matter).
///
/// # Errors
/// [`EntryError::UnknownName`], with the nearest known name.
///
/// ```
/// use gaussmeter::report::by_name;
/// assert_eq!(by_name("tex")?.name, "latex");
/// let error = by_name("markdwon").unwrap_err();
/// assert_eq!(error.to_string(), "unknown format 'markdwon': did you mean 'markdown'?");
/// # Ok::<(), gaussmeter::entry::EntryError>(())
/// ```
pub fn by_name(name: &str) -> Result<&'static Format, EntryError> {
    formats()
        .into_iter()
        .find(|f| f.name.eq_ignore_ascii_case(name) || f.has_extension(name))
        .ok_or_else(|| {
            let known: Vec<_> = formats().iter().map(|f| f.name).collect();
            EntryError::UnknownName {
                family: "format",
                name: name.into(),
                nearest: nearest(name, known.iter().copied()),
                known,
            }
        })
}

/// The format for a file's extension.
///
/// # Errors
/// [`ReportError::Extension`] if there is no extension, or no format has it.
///
/// ```
/// use gaussmeter::report::by_extension;
/// assert_eq!(by_extension("results/table.tex")?.name, "latex");
/// # Ok::<(), gaussmeter::report::ReportError>(())
/// ```
pub fn by_extension(path: impl AsRef<Path>) -> Result<&'static Format, ReportError> {
    let path = path.as_ref();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    formats().into_iter().find(|f| f.has_extension(extension)).ok_or_else(|| {
        let known: Vec<_> =
            formats().iter().flat_map(|f| f.extensions).map(|e| format!(".{e}")).collect();
        ReportError::Extension { path: path.display().to_string(), known: known.join(", ") }
    })
}
