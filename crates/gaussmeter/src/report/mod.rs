//! Results as text, Markdown, LaTeX, CSV or JSON.
//!
//! A [`Report`] makes the same results in up to four forms: [`tables`](Report::tables) for people,
//! possibly with a [sketch](Report::sketches), [`figures`](Report::figures) for papers, flat
//! [`records`](Report::records) at full precision, and a [`json`](Report::json) document. A
//! [`Format`] asks for the form it needs, so that the others are never made, and writes it as bytes.
//!
//! A new format is one file that ends in a `FORMAT`, and one line in [`formats`]; a new way to write
//! a number is one [`Style`].
//!
//! ```
//! use gaussmeter::report::{Align, Cell, Column, Forms, Label, Row, Style, Table, by_name};
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
//! let report = Forms { tables: vec![table], ..Forms::default() };
//! let text = by_name("text")?.to_string(&report)?;
//! assert!(text.contains("\n1e-5  23.42  2.86*\n"), "{text}");
//! let latex = by_name("latex")?.to_string(&report)?;
//! assert!(latex.contains(r"$10^{-5}$     & 23.42 & \textbf{2.86} \\"), "{latex}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chart;
mod csv;
mod figure;
pub mod html;
mod json;
mod latex;
mod markdown;
mod matplotlib;
mod pdf;
mod pgfplots;
mod plot;
mod png;
mod records;
mod sketch;
mod style;
mod svg;
mod table;
mod text;
mod thin;

pub use figure::{Axis, Bar, Estimate, FieldCell, Figure, Marks, Panel, Role, Scale, Series};
pub use json::number;
pub use records::{Field, Records};
pub use sketch::Sketch;
pub use style::Style;
pub use table::{Align, Cell, Column, Label, Row, Table};
pub use text::{Terminal, text_on, text_within, wrap};

use crate::entry::{EntryError, nearest};
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;
use thiserror::Error;

/// The formats that ship with the library.
pub fn formats() -> Vec<&'static Format> {
    vec![
        &text::FORMAT,
        &markdown::FORMAT,
        &latex::FORMAT,
        &csv::FORMAT,
        &json::FORMAT,
        &html::FORMAT,
        &svg::FORMAT,
        &pdf::FORMAT,
        &png::FORMAT,
        &pgfplots::FORMAT,
        &matplotlib::FORMAT,
    ]
}

/// Results that can be written in any [`Format`]. Each form is made when it is asked for.
pub trait Report {
    /// For people: text, Markdown and LaTeX.
    fn tables(&self) -> Vec<Table>;

    /// For people: drawings shown after the tables.
    fn sketches(&self) -> Vec<Sketch> {
        Vec::new()
    }

    /// For people: what there is to draw.
    fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }

    /// Whether papers show it as a figure: then LaTeX writes the figures instead of the tables, which would
    /// show the same numbers.
    fn is_figure(&self) -> bool {
        false
    }

    /// For people: the page that HTML writes.
    fn page(&self) -> html::Page {
        html::Page::of(self.tables(), self.figures())
    }

    /// For machines: CSV, at full precision, one row per result.
    fn records(&self) -> Records;

    /// For machines: JSON, with a versioned schema. See [`number`] for infinite values.
    fn json(&self) -> Value;
}

impl<R: Report + ?Sized> Report for &R {
    fn tables(&self) -> Vec<Table> {
        (**self).tables()
    }
    fn sketches(&self) -> Vec<Sketch> {
        (**self).sketches()
    }
    fn figures(&self) -> Vec<Figure> {
        (**self).figures()
    }
    fn is_figure(&self) -> bool {
        (**self).is_figure()
    }
    fn page(&self) -> html::Page {
        (**self).page()
    }
    fn records(&self) -> Records {
        (**self).records()
    }
    fn json(&self) -> Value {
        (**self).json()
    }
}

/// A report whose forms are already made: for small ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forms {
    /// See [`Report::tables`].
    pub tables: Vec<Table>,
    /// See [`Report::sketches`].
    pub sketches: Vec<Sketch>,
    /// See [`Report::figures`].
    pub figures: Vec<Figure>,
    /// See [`Report::records`].
    pub records: Records,
    /// See [`Report::json`].
    pub json: Value,
}

impl Report for Forms {
    fn tables(&self) -> Vec<Table> {
        self.tables.clone()
    }
    fn sketches(&self) -> Vec<Sketch> {
        self.sketches.clone()
    }
    fn figures(&self) -> Vec<Figure> {
        self.figures.clone()
    }
    fn is_figure(&self) -> bool {
        !self.figures.is_empty()
    }
    fn records(&self) -> Records {
        self.records.clone()
    }
    fn json(&self) -> Value {
        self.json.clone()
    }
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
    /// A format of figures, for a report that has none.
    #[error(
        "there is no figure of this result: write it as text, markdown, latex, html, csv or json"
    )]
    NoFigure,
    /// A format that this build lacks.
    #[error("this build does not write {0}: build with the feature 'figures', or write svg")]
    NotBuilt(&'static str),
    /// The bytes cannot be written where they should go.
    #[error(transparent)]
    Io(#[from] io::Error),
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

/// Columns for words on a terminal of 80.
pub const WORDS: usize = 52;

/// A way to write a [`Report`].
#[derive(Debug)]
pub struct Format {
    /// Name, as in `--format`.
    pub name: &'static str,
    /// Extensions of its files, without the dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// One line of help.
    pub summary: &'static str,
    /// What it contains.
    pub content: Content,
    /// Writes a report, in many small pieces; every line of text ends in a newline.
    pub write: fn(&dyn Report, &Page, &mut dyn Write) -> Result<(), ReportError>,
}

/// What a [`Format`] contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Tables for people, of what matters.
    Tables,
    /// Everything.
    Data,
    /// Figures, as text.
    Figures,
    /// Figures, as bytes that terminals do not show. Written by builds with the feature `figures`.
    Pictures,
}

/// What figures are drawn on. Tables do without.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Page {
    /// Its width in points (72 to an inch); `None` for that of a column of a paper, 8.6 cm, or of a page of two
    /// columns, 17.4 cm, where panels are side by side.
    pub width: Option<f64>,
}

impl Format {
    /// Writes a report; every line of text ends in a newline. The pieces are small: a file wants a
    /// [`BufWriter`](io::BufWriter).
    ///
    /// # Errors
    /// [`ReportError::Ragged`] if a row does not fit its columns, [`ReportError::NoFigure`] if there is nothing
    /// to draw, and [`ReportError::Io`].
    pub fn write(&self, report: &dyn Report, out: &mut dyn Write) -> Result<(), ReportError> {
        self.write_on(&Page::default(), report, out)
    }

    /// The same on a page.
    ///
    /// # Errors
    /// As [`Format::write`].
    pub fn write_on(
        &self,
        page: &Page,
        report: &dyn Report,
        out: &mut dyn Write,
    ) -> Result<(), ReportError> {
        (self.write)(report, page, out)
    }

    /// Whether it is of figures.
    pub fn is_drawing(&self) -> bool {
        matches!(self.content, Content::Figures | Content::Pictures)
    }

    /// Refuses a format that this build lacks.
    ///
    /// # Errors
    /// [`ReportError::NotBuilt`].
    pub fn check_built(&self) -> Result<(), ReportError> {
        match self.content {
            Content::Pictures if !cfg!(feature = "figures") => {
                Err(ReportError::NotBuilt(self.name))
            }
            _ => Ok(()),
        }
    }

    /// What [`Format::write`] writes, as text.
    ///
    /// # Errors
    /// As [`Format::write`]; [`ReportError::Io`] if the format is not text.
    pub fn to_string(&self, report: &dyn Report) -> Result<String, ReportError> {
        let mut bytes = Vec::new();
        self.write(report, &mut bytes)?;
        String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e).into())
    }

    /// Width in characters to which reports wrap words in their tables: with 52, text fits a terminal of
    /// 80 columns and LaTeX a page. Markdown wraps by itself.
    pub fn width_of_words(&self) -> usize {
        if self.name == markdown::FORMAT.name { usize::MAX } else { WORDS }
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

/// What there is to draw: figures, or what is drawn beside tables.
///
/// # Errors
/// [`ReportError::NoFigure`] if there is neither.
pub fn drawn(report: &dyn Report) -> Result<Vec<Figure>, ReportError> {
    let mut figures = report.figures();
    if figures.is_empty() {
        figures = report.sketches().iter().map(Sketch::figure).collect();
    }
    if figures.is_empty() { Err(ReportError::NoFigure) } else { Ok(figures) }
}

/// Writes parts of a text with a blank line between them, each as soon as it is made.
fn write_parts(
    parts: impl Iterator<Item = Result<String, ReportError>>,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.write_all(b"\n")?;
        }
        out.write_all(part?.as_bytes())?;
    }
    Ok(())
}
