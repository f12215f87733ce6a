//! A page of sections.

use super::{FIGURE, FIGURE_STYLE, UPLOT, UPLOT_STYLE, escape, tables};
use crate::report::{Figure, Marks, ReportError, Table};
use std::fmt::Write as _;
use std::io::Write;

/// A page: what is written where, whatever made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A part of a [`Page`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its heading; empty for none.
    pub heading: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A piece of a [`Section`].
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Words.
    Text(String),
    /// A sentence that answers the question.
    Answer(String),
    /// Tables.
    Tables(Vec<Table>),
    /// Tables that are folded away until they are asked for, under these words. They are printed.
    Folded(String, Vec<Table>),
    /// Figures: drawn as they are printed, and on a screen so that they can be explored.
    Figures(Vec<Figure>),
    /// A text to copy, with what it is, and the name of the file that it belongs in, if any.
    Code(String, String, Option<String>),
}

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Only what is in the file itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:";

impl Page {
    /// A page of figures and tables.
    pub fn of(tables: Vec<Table>, figures: Vec<Figure>) -> Self {
        let title = tables.first().map(|table| table.title.clone()).unwrap_or_default();
        let blocks = vec![Block::Figures(figures), Block::Tables(tables)];
        Page { title, sections: vec![Section { heading: String::new(), blocks }] }
    }

    /// Writes the page.
    ///
    /// # Errors
    /// [`ReportError`]
    pub fn write(&self, out: &mut dyn Write) -> Result<(), ReportError> {
        write(self, out)
    }
}

pub(super) fn write(page: &Page, out: &mut dyn Write) -> Result<(), ReportError> {
    let title = escape(&page.title);
    let has_figures = page.sections.iter().flat_map(|s| &s.blocks).any(
        |block| matches!(block, Block::Figures(figures) if figures.iter().any(is_interactive)),
    );
    let (uplot_style, scripts) = match has_figures {
        true => (
            format!("{UPLOT_STYLE}\n{FIGURE_STYLE}"),
            format!("<script>{UPLOT}</script>\n<script>{FIGURE}</script>\n"),
        ),
        false => (String::new(), String::new()),
    };
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"gaussmeter {}\">\n<title>{title}</title>\n\
         <style>{uplot_style}\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>",
        env!("CARGO_PKG_VERSION"),
    )?;
    let named = page.sections.iter().filter(|section| !section.heading.is_empty());
    let links: Vec<String> = named
        .map(|s| format!("<li><a href=\"#{}\">{}</a></li>", id(&s.heading), escape(&s.heading)))
        .collect();
    if links.len() > 1 {
        writeln!(out, "<nav aria-label=\"Contents\"><ol>{}</ol></nav>", links.join(""))?;
    }
    for section in &page.sections {
        let heading = &section.heading;
        match heading.is_empty() {
            true => writeln!(out, "<section>")?,
            false => writeln!(
                out,
                "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>",
                id(heading),
                escape(heading)
            )?,
        }
        for block in &section.blocks {
            out.write_all(written(block)?.as_bytes())?;
        }
        writeln!(out, "</section>")?;
    }
    writeln!(out, "</main>\n{scripts}<script>{SCRIPT}</script>\n</body>\n</html>")?;
    Ok(())
}

fn written(block: &Block) -> Result<String, ReportError> {
    Ok(match block {
        Block::Text(text) => format!("<p>{}</p>\n", escape(text)),
        Block::Answer(text) => format!("<p class=\"answer\">{}</p>\n", escape(text)),
        Block::Tables(all) => scrolled(all)?,
        Block::Folded(words, all) => {
            format!("<details><summary>{}</summary>{}</details>\n", escape(words), scrolled(all)?)
        }
        Block::Figures(figures) => figures.iter().map(figure).collect(),
        Block::Code(what, text, file) => code(what, text, file.as_deref()),
    })
}

/// Tables that scroll by themselves, also by keys, where they are wider than the page.
fn scrolled(all: &[Table]) -> Result<String, ReportError> {
    let name = all.first().map_or("", |table| &table.title[..]);
    let name = if name.is_empty() { "tables" } else { name };
    Ok(format!(
        "<div class=\"tables\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div>\n",
        escape(name),
        tables(all)?
    ))
}

/// A figure as it is printed, with what a script needs to draw it for exploring.
fn figure(figure: &Figure) -> String {
    let drawn = figure.inline_svg();
    let mut out = format!("<figure>\n<div class=\"drawn\">{drawn}</div>\n");
    if is_interactive(figure) {
        // A `</script>` in a label would end the element.
        let mut data = figure.json();
        // The caption says it.
        data["title"] = "".into();
        let data = data.to_string().replace("</", "<\\/").replace("<!--", "<\\u0021--");
        let _ = writeln!(out, "<script type=\"application/json\">{data}</script>");
    }
    let _ = writeln!(out, "<figcaption>{}", escape(figure.title.plain()));
    for note in &figure.notes {
        let _ = write!(out, "<br><small>{}</small>", escape(note));
    }
    out.push_str("</figcaption>\n</figure>\n");
    out
}

/// Whether hovering and zooming say more than the drawing: not in the plane, and not where cells have their
/// values in words.
fn is_interactive(figure: &Figure) -> bool {
    figure.panels.iter().all(|panel| {
        !panel.is_plane
            && panel.series.iter().all(|series| !matches!(series.marks, Marks::Field(_)))
    })
}

fn code(what: &str, text: &str, file: Option<&str>) -> String {
    let what = escape(what);
    let name = file.map_or(String::new(), |name| format!(" data-file=\"{}\"", escape(name)));
    format!(
        "<div class=\"code\"{name}><p>{what}</p><pre tabindex=\"0\" aria-label=\"{what}\">{}</pre></div>\n",
        escape(text)
    )
}

/// What links call a heading.
fn id(heading: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    heading.chars().map(letter).collect()
}
