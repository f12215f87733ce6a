//! Tables for people.

use super::{ReportError, Style, latex};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// A table for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows; the caption in LaTeX.
    pub title: String,
    /// Columns, from left to right.
    pub columns: Vec<Column>,
    /// Rows, one cell per column.
    pub rows: Vec<Row>,
    /// Footnotes.
    pub notes: Vec<String>,
}

/// A column of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Header above the label, shared by neighbouring columns with the same group.
    pub group: Option<Label>,
    /// Header.
    pub label: Label,
    /// Alignment of header and cells.
    pub align: Align,
    /// Whether its numbers can be ranked, the least being the best: terminals colour them by rank.
    pub is_ranked: bool,
}

/// The side of a column that its cells are aligned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A row of a [`Table`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Whether a rule separates it from the row above. Markdown cannot show it.
    pub rule_above: bool,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

/// A cell of a [`Table`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Words.
    Text(Label),
    /// A number.
    Number {
        /// Its value.
        value: f64,
        /// Its style.
        style: Style,
        /// Whether it is the best of its column: bold, in text followed by `*`.
        best: bool,
    },
}

/// A line of text in plain form and, where it differs, in LaTeX form.
///
/// ```
/// use gaussmeter::report::Label;
/// assert_eq!(Label::new("σ_max = 50%").latex(), r"$\sigma$\_max = 50\%");
/// assert_eq!(Label::new("eps").with_latex(r"$\varepsilon$").plain(), "eps");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Label {
    plain: String,
    latex: Option<String>,
}

impl Label {
    /// Plain text. Its LaTeX form is the same text with special characters escaped and
    /// mathematical symbols (Greek, `∞`, `²`, `≤`, …) in math mode.
    pub fn new(plain: impl Into<String>) -> Self {
        let plain = plain.into().replace(char::is_control, " ");
        Label { plain, latex: None }
    }
    /// The same with another LaTeX form, used unchanged.
    pub fn with_latex(self, latex: impl Into<String>) -> Self {
        Label { latex: Some(latex.into()), ..self }
    }
    /// The plain form.
    pub fn plain(&self) -> &str {
        &self.plain
    }
    /// The LaTeX form, if it is not that of the plain text.
    pub(super) fn own_latex(&self) -> Option<&str> {
        self.latex.as_deref()
    }
    /// The LaTeX form.
    pub fn latex(&self) -> Cow<'_, str> {
        match &self.latex {
            Some(latex) => latex.into(),
            None => latex::escape(&self.plain).into(),
        }
    }
}

impl<T: Into<String>> From<T> for Label {
    fn from(plain: T) -> Self {
        Label::new(plain)
    }
}

impl Column {
    /// A column outside any group.
    pub fn new(label: impl Into<Label>, align: Align) -> Self {
        Column { group: None, label: label.into(), align, is_ranked: false }
    }
    /// The same with numbers of which the least is the best.
    pub fn ranked(self) -> Self {
        Column { is_ranked: true, ..self }
    }
    /// The same column under a shared header.
    pub fn in_group(self, group: impl Into<Label>) -> Self {
        Column { group: Some(group.into()), ..self }
    }
}

impl Row {
    /// A row without a rule above it.
    pub fn new(cells: impl Into<Vec<Cell>>) -> Self {
        Row { rule_above: false, cells: cells.into() }
    }
}

impl Cell {
    /// Words.
    pub fn text(label: impl Into<Label>) -> Self {
        Cell::Text(label.into())
    }
    /// A number.
    pub fn number(value: f64, style: Style) -> Self {
        Cell::Number { value, style, best: false }
    }
    /// The best number of its column.
    pub fn best(value: f64, style: Style) -> Self {
        Cell::Number { value, style, best: true }
    }
    /// Whether this is the best number of its column.
    pub fn is_best(&self) -> bool {
        matches!(self, Cell::Number { best: true, .. })
    }
    /// The content of the cell as a label.
    pub fn label(&self) -> Label {
        match self {
            Cell::Empty => Label::default(),
            Cell::Text(label) => label.clone(),
            Cell::Number { value, style, .. } => style.label(*value),
        }
    }
}

impl Table {
    /// Neighbouring columns with the same group, or without one, from left to right.
    pub(super) fn groups(&self) -> impl Iterator<Item = (Option<&Label>, usize)> {
        self.columns
            .chunk_by(|a, b| a.group == b.group)
            .map(|columns| (columns[0].group.as_ref(), columns.len()))
    }

    /// Checks that every row has a cell for every column.
    pub(super) fn check(&self) -> Result<(), ReportError> {
        let columns = self.columns.len();
        match self.rows.iter().position(|row| row.cells.len() != columns) {
            None => Ok(()),
            Some(index) => {
                let part = format!("table '{}'", self.title);
                let cells = self.rows[index].cells.len();
                Err(ReportError::Ragged { part, row: index + 1, cells, columns })
            }
        }
    }

    /// Header and cells, each as `header` and `cell` write it (given the number of its column).
    pub(super) fn layout(
        &self,
        header: impl Fn(&Column, usize) -> String,
        cell: impl Fn(&Cell, usize) -> String,
    ) -> Result<Layout<'_>, ReportError> {
        self.check()?;
        let columns = self.columns.len();
        let mut lines: Vec<Vec<String>> =
            vec![self.columns.iter().enumerate().map(|(i, c)| header(c, i)).collect()];
        for row in &self.rows {
            lines.push(row.cells.iter().enumerate().map(|(i, c)| cell(c, i)).collect());
        }
        let widths = (0..columns)
            .map(|i| lines.iter().map(|line| line[i].width()).max().unwrap_or(0))
            .collect();
        Ok(Layout { table: self, lines, widths })
    }
}

/// A table as lines of cells, and the width each column needs.
pub(super) struct Layout<'a> {
    table: &'a Table,
    lines: Vec<Vec<String>>,
    pub(super) widths: Vec<usize>,
}

impl Layout<'_> {
    /// The header (without groups), then the rows, each with its `rule_above`; columns are aligned.
    pub(super) fn lines(&self, separator: &str) -> impl Iterator<Item = (bool, String)> {
        // A rule above the first row would double the one under the header.
        let rules = self.table.rows.iter().skip(1).map(|row| row.rule_above);
        let rules = [false, false].into_iter().chain(rules);
        rules.zip(&self.lines).map(move |(rule, cells)| {
            let padded = cells.iter().zip(&self.widths).zip(&self.table.columns);
            let padded = padded.map(|((cell, &width), column)| pad(cell, width, column.align));
            (rule, padded.collect::<Vec<_>>().join(separator))
        })
    }
}

/// A text padded to the width of its column.
pub(super) fn pad(text: &str, width: usize, align: Align) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => text.to_owned() + &space,
        Align::Right => space + text,
    }
}
