//! Plain text, for a terminal.

use super::{Cell, Format, Label, ReportError, Sketch, Table};
use unicode_width::UnicodeWidthStr;

const GAP: usize = 2;
const NOTE_WIDTH: usize = 80;

fn write(table: &Table) -> Result<String, ReportError> {
    // Where a column has a best value, all its cells leave room for the mark.
    let marked: Vec<bool> = (0..table.columns.len())
        .map(|i| table.rows.iter().any(|row| row.cells.get(i).is_some_and(Cell::is_best)))
        .collect();
    let room = |i: usize| if marked[i] { " " } else { "" };
    let mut layout = table.layout(
        |column, i| column.label.plain().to_owned() + room(i),
        |cell, i| cell.label().plain().to_owned() + if cell.is_best() { "*" } else { room(i) },
    )?;
    let (groups, partial_rule) = groups(table, &mut layout.widths);
    let rule = "─".repeat(span(&layout.widths));

    let mut lines = vec![Label::new(&table.title).plain().to_owned()];
    lines.retain(|title| !title.is_empty());
    lines.push(rule.clone());
    if table.groups().any(|(group, _)| group.is_some()) {
        lines.extend([groups, partial_rule]);
    }
    for (index, (rule_above, line)) in layout.lines(&" ".repeat(GAP)).enumerate() {
        if rule_above || index == 1 {
            lines.push(rule.clone());
        }
        lines.push(line);
    }
    lines.push(rule);
    for note in &table.notes {
        lines.extend(footnote(note));
    }
    Ok(lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// The line of group headers, each centred over its columns, and the rules under them. Columns
/// narrower than the header they share are widened.
fn groups(table: &Table, widths: &mut [usize]) -> (String, String) {
    let (mut headers, mut rules) = (Vec::new(), Vec::new());
    let mut first = 0;
    for (group, columns) in table.groups() {
        let widths = &mut widths[first..first + columns];
        first += columns;
        let header = group.map_or("", Label::plain);
        let missing = header.width().saturating_sub(span(widths));
        for (i, width) in widths.iter_mut().enumerate() {
            *width += missing / columns + usize::from(i < missing % columns);
        }
        let room = span(widths) - header.width();
        headers.push(" ".repeat(room / 2) + header + &" ".repeat(room - room / 2));
        rules.push(if group.is_some() { "─" } else { " " }.repeat(span(widths)));
    }
    (headers.join(&" ".repeat(GAP)), rules.join(&" ".repeat(GAP)))
}

/// The width of neighbouring columns together.
fn span(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// The lines of a sketch with its title and its notes.
fn sketch(sketch: &Sketch) -> String {
    let title = Some(sketch.title.plain().to_owned()).filter(|title| !title.is_empty());
    let lines = title.into_iter().chain(sketch.lines());
    let lines = lines.chain(sketch.notes.iter().flat_map(|note| footnote(note)));
    lines.map(|line| line + "\n").collect()
}

fn footnote(text: &str) -> Vec<String> {
    const MARK: &str = "note: ";
    let mut lines = wrap(text, NOTE_WIDTH - MARK.len());
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

pub(super) static FORMAT: Format = Format {
    name: "text",
    extensions: &["txt"],
    summary: "aligned tables for a terminal",
    write: |report| {
        let mut parts = report.tables.iter().map(write).collect::<Result<Vec<_>, _>>()?;
        parts.extend(report.sketches.iter().map(sketch));
        Ok(parts.join("\n"))
    },
};
