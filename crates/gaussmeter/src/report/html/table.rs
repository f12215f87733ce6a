//! Tables in HTML.

use super::escape;
use crate::report::{Align, Cell, ReportError, Table};
use std::fmt::Write;

/// A table with its notes.
pub(super) fn write(table: &Table) -> Result<String, ReportError> {
    table.check()?;
    let mut out = String::from("<table class=\"gaussmeter\">\n");
    let _ = writeln!(out, "<caption>{}</caption>", escape(&table.title));
    out.push_str("<thead>\n");
    if table.columns.iter().any(|c| c.group.is_some()) {
        out.push_str("<tr>");
        for columns in table.columns.chunk_by(|a, b| a.group == b.group) {
            let label = columns[0].group.as_ref().map_or("", |label| label.plain());
            let _ = write!(out, "<th colspan=\"{}\">{}</th>", columns.len(), escape(label));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("<tr>");
    for column in &table.columns {
        let _ = write!(out, "<th{}>{}</th>", side(column.align), escape(column.label.plain()));
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    for (k, row) in table.rows.iter().enumerate() {
        let rule = if row.rule_above && k > 0 { " style=\"border-top: 1px solid\"" } else { "" };
        let _ = write!(out, "<tr{rule}>");
        for (cell, column) in row.cells.iter().zip(&table.columns) {
            let text = content(cell);
            let text = if cell.is_best() { format!("<b>{text}</b>") } else { text };
            let _ = write!(out, "<td{}>{text}</td>", side(column.align));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
    for note in &table.notes {
        let _ = writeln!(out, "<p class=\"gaussmeter\"><small>{}</small></p>", escape(note));
    }
    Ok(out)
}

fn content(cell: &Cell) -> String {
    escape(cell.label().plain()).replace("  ", "&nbsp;&nbsp;")
}

fn side(align: Align) -> &'static str {
    match align {
        Align::Left => " style=\"text-align: left\"",
        Align::Right => " style=\"text-align: right\"",
    }
}
