//! Plain text, for a terminal.

use super::chart::chart;
use super::sketch::COLUMNS;
use super::table::pad;
use super::{
    Align, Cell, Content, Format, Label, Report, ReportError, Row, Sketch, Table, write_parts,
};
use std::io::Write;
use unicode_width::UnicodeWidthStr;

const GAP: usize = 2;
const NOTE_WIDTH: usize = 80;

/// The narrowest page that text is fitted to.
const NARROWEST: usize = 20;

/// What text is shown on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Columns, to which tables are fitted; `None` for no limit.
    pub width: Option<usize>,
    /// Lines for each panel of the figures, drawn in characters below the tables; 0 for no figures.
    pub height: usize,
    /// Colours: 0 for none, 16, or 256.
    pub colours: usize,
    /// Whether it shows ASCII only.
    pub is_ascii: bool,
}

impl Terminal {
    /// The code of a colour between the best, 0, and the worst, 1; all are read on black and on white.
    fn of_rank(&self, rank: f64) -> Option<&'static str> {
        // From blue to red by way of grey, told apart with all colour vision.
        const MANY: [&str; 5] = ["38;5;32", "38;5;30", "38;5;101", "38;5;130", "38;5;160"];
        let step = (rank * 4.0).round() as usize;
        match self.colours {
            0 => None,
            256 => MANY.get(step).copied(),
            _ => match step {
                0 => Some("32"),
                4 => Some("31"),
                _ => None,
            },
        }
    }

    /// The code of the colour of a series.
    pub(super) fn of_series(&self, order: usize) -> Option<&'static str> {
        // Those of figures, as near as 256 colours are.
        const MANY: [&str; 6] =
            ["38;5;32", "38;5;166", "38;5;36", "38;5;169", "38;5;172", "38;5;74"];
        const FEW: [&str; 5] = ["34", "31", "32", "35", "36"];
        match self.colours {
            0 => None,
            256 => Some(MANY[order % MANY.len()]),
            _ => Some(FEW[order % FEW.len()]),
        }
    }

    /// A text in a colour.
    pub(super) fn paint(&self, text: &str, code: Option<&str>) -> String {
        match code {
            Some(code) if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.into(),
        }
    }
}

/// Header and cells of a table, each as lines, and the width that each column needs.
struct Sheet<'a> {
    table: &'a Table,
    terminal: Terminal,
    /// The codes of the colours of cells, column by column; none in columns that are not ranked.
    colours: Vec<Vec<Option<&'static str>>>,
    /// Whether a column has a best value: then all its cells leave room for the mark.
    marked: Vec<bool>,
    widths: Vec<usize>,
}

impl<'a> Sheet<'a> {
    fn new(table: &'a Table, terminal: Terminal) -> Result<Self, ReportError> {
        table.check()?;
        let columns = 0..table.columns.len();
        let cells = |i: usize| table.rows.iter().map(move |row| &row.cells[i]);
        let marked: Vec<bool> = columns.clone().map(|i| cells(i).any(Cell::is_best)).collect();
        let widths = columns
            .clone()
            .map(|i| {
                let words = cells(i).map(|cell| cell.label().plain().width());
                let words = words.chain([table.columns[i].label.plain().width()]);
                words.max().unwrap_or(0) + usize::from(marked[i])
            })
            .collect();
        let colours = columns.map(|i| colours(table, i, terminal)).collect();
        Ok(Sheet { table, terminal, colours, marked, widths })
    }

    /// The least width of a column: numbers are not broken, words only where they can be.
    fn least(&self, i: usize) -> usize {
        let longest = |text: &str| pieces(text).map(|p| p.trim_end().width()).max().unwrap_or(0);
        let cells = self.table.rows.iter().map(|row| match &row.cells[i] {
            Cell::Text(label) => longest(label.plain()),
            cell => cell.label().plain().width(),
        });
        let words = cells.chain([longest(self.table.columns[i].label.plain())]);
        words.max().unwrap_or(0) + usize::from(self.marked[i])
    }

    /// Narrows the widest of some columns until all of them fit on a page, if they can.
    fn shrink(&mut self, columns: &[usize], page: usize) {
        let least: Vec<usize> = columns.iter().map(|i| self.least(*i)).collect();
        while self.span(columns) > page {
            let candidates = columns.iter().zip(&least).filter(|(i, l)| self.widths[**i] > **l);
            match candidates.map(|(i, _)| *i).max_by_key(|i| self.widths[*i]) {
                Some(widest) => self.widths[widest] -= 1,
                None => return,
            }
        }
    }

    /// The width of some columns side by side, under their shared headers.
    fn span(&self, columns: &[usize]) -> usize {
        let mut widths: Vec<usize> = columns.iter().map(|i| self.widths[*i]).collect();
        self.groups(columns, &mut widths);
        span(&widths)
    }

    /// The columns that stand side by side on a page. If there are too many, the first ones, which
    /// identify the rows, are repeated; columns under a shared header stay together if they can.
    fn panels(&mut self, page: usize) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let natural = self.widths.clone();
        self.shrink(&all, page);
        let key = self.key(page);
        if self.span(&all) <= page || key >= all.len() {
            return vec![all];
        }
        self.widths = natural;
        let (key, rest) = all.split_at(key);
        self.shrink(key, page / 2);
        let group = |i: &usize| &self.table.columns[*i].group;
        let mut panels = vec![key.to_vec()];
        for columns in rest.chunk_by(|a, b| group(a).is_some() && group(a) == group(b)) {
            let fits = |panel: &[usize], new: &[usize]| self.span(&[panel, new].concat()) <= page;
            // A whole group here, or at the start of the next panel, or column by column.
            let parts = match fits(key, columns) {
                true => vec![columns],
                false => columns.chunks(1).collect(),
            };
            for part in parts {
                match panels.last_mut() {
                    Some(panel) if panel.len() == key.len() || fits(panel, part) => {
                        panel.extend(part);
                    }
                    _ => panels.push([key, part].concat()),
                }
            }
        }
        for panel in &panels {
            self.shrink(panel, page);
        }
        panels
    }

    /// How many of the first columns identify the rows.
    fn key(&self, page: usize) -> usize {
        let columns = &self.table.columns;
        let before_groups = columns.iter().take_while(|c| c.group.is_none()).count();
        if (1..columns.len()).contains(&before_groups) {
            return before_groups;
        }
        let mut key = columns.iter().position(|c| c.align == Align::Left).map_or(1, |i| i + 1);
        let span_of = |key: usize| span(&self.widths[..key]);
        while columns.get(key).is_some_and(|c| c.align == Align::Left)
            && span_of(key + 1) <= page / 2
        {
            key += 1;
        }
        key
    }

    /// The line of group headers, each centred over its columns, and the rules under them. Columns
    /// narrower than their shared header are widened.
    fn groups(&self, columns: &[usize], widths: &mut [usize]) -> Option<(String, String)> {
        let (mut headers, mut rules) = (Vec::new(), Vec::new());
        let mut first = 0;
        let group = |i: &usize| self.table.columns[*i].group.as_ref();
        for columns in columns.chunk_by(|a, b| group(a) == group(b)) {
            let (group, count) = (group(&columns[0]), columns.len());
            let widths = &mut widths[first..first + count];
            first += count;
            let header = group.map_or("", Label::plain);
            let missing = header.width().saturating_sub(span(widths));
            for (i, width) in widths.iter_mut().enumerate() {
                *width += missing / count + usize::from(i < missing % count);
            }
            let room = span(widths) - header.width();
            headers.push(" ".repeat(room / 2) + header + &" ".repeat(room - room / 2));
            rules.push(if group.is_some() { "─" } else { " " }.repeat(span(widths)));
        }
        let any = columns.iter().any(|i| group(i).is_some());
        any.then(|| (headers.join(&" ".repeat(GAP)), rules.join(&" ".repeat(GAP))))
    }

    /// The lines of a text in a column, with the mark or room for it.
    fn lines(&self, i: usize, text: &str, mark: &str) -> Vec<String> {
        let room = if self.marked[i] { " " } else { "" };
        let width = self.widths[i] - room.len();
        let mut lines = match text.width() <= width {
            true => vec![text.to_owned()],
            false => wrap_within(text, width),
        };
        for (at, line) in lines.iter_mut().enumerate() {
            line.push_str(if at == 0 && !mark.is_empty() { mark } else { room });
        }
        lines
    }

    /// Some columns as a table between rules.
    fn panel(&self, columns: &[usize]) -> Vec<String> {
        let mut widths: Vec<usize> = columns.iter().map(|i| self.widths[*i]).collect();
        let groups = self.groups(columns, &mut widths);
        let rule = "─".repeat(span(&widths));
        let mut lines = vec![rule.clone()];
        lines.extend(groups.into_iter().flat_map(|(headers, rules)| [headers, rules]));

        let header = columns.iter().map(|i| {
            let label = &self.table.columns[*i].label;
            self.lines(*i, label.plain(), "")
        });
        let mut header: Vec<Vec<String>> = header.collect();
        let height = header.iter().map(Vec::len).max().unwrap_or(0);
        for cell in &mut header {
            let above = vec![String::new(); height - cell.len()];
            cell.splice(..0, above);
        }
        lines.extend(self.row(columns, &widths, &header, |_| None));
        lines.push(rule.clone());
        for (index, row) in self.table.rows.iter().enumerate() {
            // A rule above the first row would double the one under the header.
            if row.rule_above && index > 0 {
                lines.push(rule.clone());
            }
            let cells = columns.iter().map(|i| {
                let cell = &row.cells[*i];
                self.lines(*i, cell.label().plain(), if cell.is_best() { "*" } else { "" })
            });
            let colour = |i: usize| self.colours[i].get(index).copied().flatten();
            lines.extend(self.row(columns, &widths, &cells.collect::<Vec<_>>(), colour));
        }
        lines.push(rule);
        lines
    }

    /// A row of cells that may have several lines.
    fn row(
        &self,
        columns: &[usize],
        widths: &[usize],
        cells: &[Vec<String>],
        colour: impl Fn(usize) -> Option<&'static str>,
    ) -> Vec<String> {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |at: usize| {
            let padded = columns.iter().zip(widths).zip(cells).map(|((i, width), cell)| {
                let text = cell.get(at).map_or("", |line| line);
                let padded = pad(text, *width, self.table.columns[*i].align);
                match (colour(*i), text.trim()) {
                    (None, _) | (_, "") => padded,
                    (code, shown) => padded.replacen(shown, &self.terminal.paint(shown, code), 1),
                }
            });
            padded.collect::<Vec<_>>().join(&" ".repeat(GAP))
        };
        (0..height).map(line).collect()
    }
}

/// The colours of a ranked column: infinite numbers are the worst.
fn colours(table: &Table, column: usize, terminal: Terminal) -> Vec<Option<&'static str>> {
    if !table.columns[column].is_ranked || terminal.colours == 0 {
        return Vec::new();
    }
    let value = |row: &Row| match row.cells[column] {
        Cell::Number { value, .. } => Some(value),
        _ => None,
    };
    let mut values: Vec<f64> = table.rows.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let rank = |value: f64| {
        let place = values.iter().position(|other| *other == value)?;
        (values.len() > 1).then(|| place as f64 / (values.len() - 1) as f64)
    };
    let colour = |row: &Row| terminal.of_rank(rank(value(row)?)?);
    table.rows.iter().map(colour).collect()
}

/// A table, on a page of a given width or without limit.
fn write(table: &Table, terminal: Terminal) -> Result<String, ReportError> {
    let page = terminal.width;
    let mut sheet = Sheet::new(table, terminal)?;
    let panels = match page {
        Some(page) => sheet.panels(page),
        None => vec![(0..table.columns.len()).collect()],
    };
    let mut lines = title(Label::new(&table.title).plain(), page);
    for (index, panel) in panels.iter().enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        lines.extend(sheet.panel(panel));
    }
    for note in &table.notes {
        lines.extend(footnote(note, page));
    }
    Ok(lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect())
}

fn title(text: &str, page: Option<usize>) -> Vec<String> {
    match page {
        _ if text.is_empty() => Vec::new(),
        Some(page) if text.width() > page => wrap_within(text, page),
        _ => vec![text.to_owned()],
    }
}

/// The width of neighbouring columns together.
fn span(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// The lines of a sketch with its title and its notes.
fn sketch(sketch: &Sketch, page: Option<usize>) -> String {
    let drawn = |columns: usize| sketch.lines(columns);
    let width = |lines: &[String]| lines.iter().map(|line| line.width()).max().unwrap_or(0);
    let mut lines = drawn(COLUMNS);
    if let Some(page) = page {
        let margin = width(&lines).saturating_sub(COLUMNS);
        if width(&lines) > page {
            lines = drawn(page.saturating_sub(margin).clamp(NARROWEST, COLUMNS));
        }
    }
    let lines = title(sketch.title.plain(), page).into_iter().chain(lines);
    let lines = lines.chain(sketch.notes.iter().flat_map(|note| footnote(note, page)));
    lines.map(|line| line + "\n").collect()
}

fn footnote(text: &str, page: Option<usize>) -> Vec<String> {
    const MARK: &str = "note: ";
    let mut lines = match page {
        Some(page) if page < NOTE_WIDTH => wrap_within(text, page - MARK.len()),
        _ => wrap(text, NOTE_WIDTH - MARK.len()),
    };
    for (i, line) in lines.iter_mut().enumerate() {
        line.insert_str(0, if i == 0 { MARK } else { "      " });
    }
    lines
}

/// Lines at most `width` wide, broken at spaces. A longer word has a line of its own.
///
/// ```
/// assert_eq!(gaussmeter::report::wrap("one two  three", 7), ["one two", "three"]);
/// ```
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if used + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
                used += 1 + word.width();
            }
            _ => {
                lines.push(word.into());
                used = word.width();
            }
        }
    }
    lines
}

/// The same, with words that are too long broken between their parts.
fn wrap_within(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        if line.width() <= width {
            lines.push(line);
            continue;
        }
        let mut parts = pieces(&line);
        let mut last = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            if last.width() + part.width() > width {
                lines.push(std::mem::take(&mut last));
            }
            last.push_str(part);
        }
        lines.push(last);
    }
    lines
}

/// Where a text may be broken: between words, and within them between the parts of names with
/// settings, such as `karras:rho=7,sigma_max=80`. Numbers are not broken.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut ends = rest.char_indices().map(|(at, c)| (at + c.len_utf8(), c));
        let end = ends.find(|(end, c)| match c {
            ',' | ':' | '=' | '/' | '_' | '-' => {
                !rest[*end..].starts_with(|next: char| next.is_ascii_digit())
            }
            c => c.is_whitespace(),
        });
        let (piece, tail) = rest.split_at(end.map_or(rest.len(), |(end, _)| end));
        rest = tail;
        Some(piece)
    })
}

/// A report as text on a page of a given width, such as a terminal: wider text is wrapped between
/// words, and tables with too many columns are split into several, one below the other. Numbers are
/// not broken, so what cannot be narrowed is wider.
///
/// # Errors
/// As [`Format::write`].
///
/// ```
/// use gaussmeter::report::{Align, Cell, Column, Forms, Row, Style, Table, text_within};
/// let table = Table {
///     columns: vec![Column::new("what it is", Align::Left), Column::new("W2", Align::Right)],
///     rows: vec![Row::new([
///         Cell::text("the error of a sampler"),
///         Cell::number(1.25, Style::Exact),
///     ])],
///     ..Table::default()
/// };
/// let report = Forms { tables: vec![table], ..Forms::default() };
/// let mut text = Vec::new();
/// text_within(&report, 20, &mut text)?;
/// let text = String::from_utf8_lossy(&text);
/// assert!(text.contains("\nthe error of a  1.25\nsampler\n"), "{text}");
/// # Ok::<(), gaussmeter::report::ReportError>(())
/// ```
pub fn text_within(
    report: &dyn Report,
    width: usize,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    text_on(&Terminal { width: Some(width), ..Terminal::default() }, report, out)
}

/// The same on a terminal: with colours, and with figures drawn in characters.
///
/// # Errors
/// As [`Format::write`].
pub fn text_on(
    terminal: &Terminal,
    report: &dyn Report,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let terminal = Terminal { width: terminal.width.map(|w| w.max(NARROWEST)), ..*terminal };
    let page = terminal.width;
    let (tables, sketches) = (report.tables(), report.sketches());
    let tables = tables.iter().map(|table| write(table, terminal));
    let figures = if terminal.height > 0 { report.figures() } else { Vec::new() };
    let charts = figures.iter().map(|figure| chart(figure, &terminal)).filter(|c| !c.is_empty());
    let charts = charts.map(|lines| Ok(lines.iter().map(|line| format!("{line}\n")).collect()));
    write_parts(tables.chain(sketches.iter().map(|s| Ok(sketch(s, page)))).chain(charts), out)
}

pub(super) static FORMAT: Format = Format {
    name: "text",
    extensions: &["txt"],
    summary: "aligned tables for a terminal",
    content: Content::Tables,
    write: |report, _, out| text_on(&Terminal::default(), report, out),
};
