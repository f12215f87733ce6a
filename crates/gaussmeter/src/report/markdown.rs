//! Markdown, with GitHub's tables.

use super::sketch::COLUMNS;
use super::{Align, Column, Content, Format, ReportError, Sketch, Table, write_parts};

fn write(table: &Table) -> Result<String, ReportError> {
    let mut layout = table.layout(
        |column, _| escape(&header(column)),
        |cell, _| match escape(cell.label().plain()) {
            text if cell.is_best() => format!("**{text}**"),
            text => text,
        },
    )?;
    // The delimiter row needs three dashes, or two and a colon.
    layout.widths.iter_mut().for_each(|width| *width = 3.max(*width));
    let mut lines: Vec<String> =
        layout.lines(" | ").map(|(_, line)| format!("| {line} |\n")).collect();
    let delimiters = layout.widths.iter().zip(&table.columns).map(|(width, column)| {
        let dashes = "-".repeat(width - 1);
        match column.align {
            Align::Left => format!(" :{dashes} |"),
            Align::Right => format!(" {dashes}: |"),
        }
    });
    lines.insert(1, format!("|{}\n", delimiters.collect::<String>()));

    Ok(blocks(&table.title, lines.concat(), &table.notes))
}

/// A drawing in a code fence.
fn sketch(sketch: &Sketch) -> String {
    let lines: String = sketch.lines(COLUMNS).iter().map(|line| format!("{line}\n")).collect();
    let drawing = if lines.is_empty() { lines } else { format!("```text\n{lines}```\n") };
    blocks(sketch.title.plain(), drawing, &sketch.notes)
}

/// Title, body and footnotes, if any.
fn blocks(title: &str, body: String, notes: &[String]) -> String {
    let title = Some(title).filter(|title| !title.is_empty());
    let title = title.map(|title| format!("**{}**\n", escape(title)));
    let notes = notes.iter().map(|note| format!("- {}\n", escape(note))).collect::<String>();
    let blocks = title.into_iter().chain([body, notes]);
    blocks.filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Pipe tables have one header row: the group goes in front of the label.
fn header(column: &Column) -> String {
    let group = column.group.as_ref().map_or("", |group| group.plain());
    format!("{group} {}", column.label.plain()).trim().to_owned()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\`*_~$<&[|".contains(c) {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}

pub(super) static FORMAT: Format = Format {
    name: "markdown",
    extensions: &["md"],
    summary: "tables for GitHub and notebooks",
    content: Content::Tables,
    write: |report, _, out| {
        let (tables, sketches) = (report.tables(), report.sketches());
        write_parts(tables.iter().map(write).chain(sketches.iter().map(|s| Ok(sketch(s)))), out)
    },
};
