//! Figures drawn with characters on a terminal.

use super::Label;
use super::figure::{Figure, Marks, Panel, Role, Series};
use super::plot::axis::Placed;
use super::plot::rich::Rich;
use super::plot::ticks::{Room, Ticks};
use super::sketch::Canvas;
use super::text::Terminal;
use unicode_width::UnicodeWidthStr;

/// The widest and the narrowest chart, in characters between the axes.
const WIDEST: usize = 100;
const NARROWEST: usize = 12;

/// What tells series apart.
const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// The lines of a series, each with its place in the list of names.
struct Curve {
    points: Vec<Option<(f64, f64)>>,
    order: usize,
}

/// The lines and points of a figure, panel by panel.
pub(super) fn chart(figure: &Figure, terminal: &Terminal) -> Vec<String> {
    let shown = |name: &&Label| {
        let mut series = figure.panels.iter().flat_map(|panel| &panel.series);
        series.any(|series| series.name == **name && points(series).is_some())
    };
    let names = figure.names().into_iter().map(|(name, _)| name).filter(shown);
    let names: Vec<&str> = names.map(Label::plain).collect();
    let mut lines = Vec::new();
    for panel in &figure.panels {
        let drawn = draw(panel, &names, terminal);
        if !drawn.is_empty() && !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(drawn);
    }
    if !lines.is_empty() {
        lines.extend(legend(&names, terminal));
    }
    lines
}

fn draw(panel: &Panel, names: &[&str], terminal: &Terminal) -> Vec<String> {
    let (x, y) = (Placed::x(panel), Placed::y(panel));
    let curves = curves(panel, names, &x, &y);
    if curves.iter().all(|curve| curve.points.iter().all(Option::is_none)) {
        return Vec::new();
    }
    let rows = terminal.height.max(4);
    let y_ticks = ticks(&y, rows, false);
    let typed = |ticks: &Ticks| ticks.major.iter().map(|tick| tick.label.typed()).collect();
    let y_labels: Vec<String> = typed(&y_ticks);
    let margin = y_labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let room = terminal.width.unwrap_or(80).saturating_sub(margin + 3);
    let columns = room.clamp(NARROWEST, WIDEST);

    let mut canvas = Canvas::new(terminal.is_ascii, columns, rows);
    let last = |count: usize| (count - 1) as f64;
    let (width, height) = (last(canvas.width()), last(canvas.height()));
    let dot = |(u, v): (f64, f64)| ((u * width).round() as usize, (v * height).round() as usize);
    for curve in &curves {
        for run in curve.points.split(Option::is_none) {
            let dots: Vec<_> = run.iter().flatten().map(|point| dot(*point)).collect();
            if let Some(first) = dots.first() {
                canvas.line(*first, *first, curve.order);
            }
            dots.windows(2).for_each(|pair| canvas.line(pair[0], pair[1], curve.order));
        }
    }
    let mut cells: Vec<Vec<(char, usize)>> = canvas.cells().collect();
    if terminal.colours == 0 {
        for curve in &curves {
            if let Some(end) = curve.points.iter().flatten().next_back().map(|point| dot(*point)) {
                name_end(&mut cells, (canvas.column(end.0), canvas.row(end.1)), curve.order);
            }
        }
    }

    let [vertical, tick_left, corner, horizontal, tick_down] = match terminal.is_ascii {
        true => ['|', '+', '+', '-', '+'],
        false => ['│', '┤', '└', '─', '┬'],
    };
    let mut lines = Vec::new();
    let exponent = y_ticks.exponent.map_or(String::new(), |e| format!(" (1e{e})"));
    lines.push(format!("{}{exponent}", panel.y.label.plain()));
    if !panel.title.plain().is_empty() {
        lines.insert(0, panel.title.plain().into());
    }
    let rows_of = |at: f64| canvas.row((at.clamp(0.0, 1.0) * height).round() as usize);
    for (row, cells) in cells.iter().enumerate() {
        let label = y_ticks.major.iter().zip(&y_labels).find(|(tick, _)| rows_of(tick.at) == row);
        let (label, edge) = match label {
            Some((_, label)) => (label.as_str(), tick_left),
            None => ("", vertical),
        };
        lines.push(format!("{label:>margin$} {edge}{}", painted(cells, terminal)));
    }
    let x_ticks = ticks(&x, columns, true);
    let x_labels: Vec<String> = typed(&x_ticks);
    let mut rule = vec![horizontal; columns];
    let mut under = String::new();
    let mut marks: Vec<(usize, &String)> = x_ticks
        .major
        .iter()
        .map(|tick| (tick.at.clamp(0.0, 1.0) * (columns - 1) as f64).round() as usize)
        .zip(&x_labels)
        .collect();
    marks.sort();
    for (column, label) in marks {
        rule[column] = tick_down;
        let start = (margin + 2 + column).saturating_sub(label.width() / 2);
        if start > under.width() || under.is_empty() {
            under.push_str(&" ".repeat(start.saturating_sub(under.width())));
            under.push_str(label);
        }
    }
    lines.push(format!("{:margin$} {corner}{}", "", rule.iter().collect::<String>()));
    lines.push(under);
    let exponent = x_ticks.exponent.map_or(String::new(), |e| format!(" (1e{e})"));
    let title = format!("{}{exponent}", panel.x.label.plain());
    let indent = (margin + 2 + columns).saturating_sub(title.width());
    lines.push(format!("{:indent$}{title}", ""));
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn curves(panel: &Panel, names: &[&str], x: &Placed, y: &Placed) -> Vec<Curve> {
    let mut curves = Vec::new();
    for series in &panel.series {
        let Some(points) = points(series) else { continue };
        let place = |(px, py): &(f64, f64)| Some((x.at(*px)?, y.at(*py)?));
        let order = names.iter().position(|name| *name == series.name.plain());
        let points = points.iter().map(place).collect();
        curves.push(Curve { points, order: order.unwrap_or(names.len()) });
    }
    curves
}

/// The points of a series that is drawn in characters.
fn points(series: &Series) -> Option<Vec<(f64, f64)>> {
    match &series.marks {
        _ if series.role == Role::Faint => None,
        Marks::Line(points) => Some(points.clone()),
        Marks::Points(points) => Some(points.iter().map(|p| (p.x, p.y)).collect()),
        _ => None,
    }
}

fn ticks(axis: &Placed, length: usize, is_horizontal: bool) -> Ticks {
    let width = |label: &Rich, _: f64| label.typed().width() as f64 + 1.0;
    axis.ticks(Room { length: length as f64, size: 1.0, is_horizontal, width })
}

/// Writes the letter of a curve at its end, or next to it where there is another.
fn name_end(cells: &mut [Vec<(char, usize)>], (column, row): (usize, usize), order: usize) {
    let Some(letter) = LETTERS.get(order) else { return };
    let columns = cells.first().map_or(0, Vec::len);
    // The end itself, and the cells before or after it.
    let near = (0..12).flat_map(|k| [column.checked_sub(k), Some(column + k)]).flatten();
    let free = near.filter(|at| *at < columns).find(|at| !cells[row][*at].0.is_ascii_lowercase());
    if let Some(at) = free {
        cells[row][at] = (char::from(*letter), order);
    }
}

fn painted(cells: &[(char, usize)], terminal: &Terminal) -> String {
    let paint = |(c, owner): &(char, usize)| match *c {
        ' ' => " ".to_string(),
        c => terminal.paint(c.encode_utf8(&mut [0; 4]), terminal.of_series(*owner)),
    };
    let text: String = cells.iter().map(paint).collect();
    text.trim_end().into()
}

/// Names in rows, each in the colour of its curve or with its letter.
fn legend(names: &[&str], terminal: &Terminal) -> Vec<String> {
    if names.len() < 2 {
        return Vec::new();
    }
    let line = if terminal.is_ascii { "--" } else { "━━" };
    let (mut lines, mut used) = (vec![String::new()], 0);
    for (order, name) in names.iter().enumerate() {
        let entry = match (terminal.colours, LETTERS.get(order)) {
            (0, Some(letter)) => format!("{} {name}", char::from(*letter)),
            (0, None) => format!("- {name}"),
            _ => format!("{line} {name}"),
        };
        let width = entry.width();
        if used > 0 && used + 2 + width > terminal.width.unwrap_or(80) {
            lines.push(String::new());
            used = 0;
        }
        if let Some(last) = lines.last_mut() {
            let gap = if used > 0 { 2 } else { 0 };
            last.push_str(&" ".repeat(gap));
            last.push_str(&terminal.paint(&entry, terminal.of_series(order)));
            used += gap + width;
        }
    }
    lines
}
