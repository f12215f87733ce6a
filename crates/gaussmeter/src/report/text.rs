//! Plain text, for a terminal.

use super::{Cell, Format, Label, ReportError, Table};
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
        lines.extend(wrap("note: ", note));
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

fn wrap(mark: &str, text: &str) -> Vec<String> {
    let mut lines = vec![mark.to_owned()];
    let mut used = mark.width();
    for word in text.split_whitespace() {
        if used + word.width() > NOTE_WIDTH && used > mark.width() {
            lines.push(" ".repeat(mark.width()));
            used = mark.width();
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
            line.push(' ');
        }
        used += word.width() + 1;
    }
    lines
}

pub(super) static FORMAT: Format = Format {
    name: "text",
    extensions: &["txt"],
    summary: "aligned tables for a terminal",
    write: |report| Ok(report.tables.iter().map(write).collect::<Result<Vec<_>, _>>()?.join("\n")),
};
