//! The legend: what has which name, in rows below the panels.

use super::layout::{LABEL, LINE};
use super::marks::{is_marked, mark};
use super::rich::Rich;
use super::scene::{Anchor, Fill, Item, Place, Shape, Stroke, Text, WHITE};
use super::style::Look;
use crate::report::Label;
use crate::report::figure::{Figure, Marks};
use crate::report::thin::Drawn;

/// Length of what is drawn before a name, and between them.
const HANDLE: f64 = 21.0;
const GAP: f64 = 4.0;

/// Between columns.
const APART: f64 = 12.0;

/// Names in rows.
pub(crate) struct Legend {
    entries: Vec<Entry>,
    /// The place of each: from the left, and its row.
    places: Vec<(f64, usize)>,
}

struct Entry {
    name: Rich,
    look: Look,
    has_line: bool,
    has_marks: bool,
    has_interval: bool,
    has_band: bool,
    has_bars: bool,
}

impl Legend {
    /// On a page of a width.
    pub fn new(figure: &Figure, drawn: &[Vec<Option<Drawn>>], width: f64) -> Self {
        let mut entries = entries(figure, drawn);
        let most = width - HANDLE - GAP;
        for entry in &mut entries {
            entry.name = entry.name.cut(LABEL, most.max(0.0));
        }
        let (aligned, ragged) = (in_columns(&entries, width), in_rows(&entries, width));
        // Names below each other are found sooner, unless that takes many more rows.
        let is_short = rows(&aligned) <= rows(&ragged) + 1;
        Legend { places: if is_short { aligned } else { ragged }, entries }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn height(&self) -> f64 {
        rows(&self.places) as f64 * LINE * LABEL
    }

    /// Centred below a place.
    pub fn draw(&self, (left, top): Place, width: f64) -> Vec<Item> {
        let ends = self.entries.iter().zip(&self.places).map(|(entry, (x, _))| x + entry.width());
        let left = left + (width - ends.fold(0.0, f64::max)).max(0.0) / 2.0;
        let mut items = Vec::new();
        for (entry, (x, row)) in self.entries.iter().zip(&self.places) {
            let x = left + x;
            let y = top + (*row as f64 + 0.5) * LINE * LABEL;
            items.extend(entry.handle((x, y)).into_iter().map(Item::Shape));
            let place = (x + HANDLE + GAP, y + 0.3 * LABEL);
            items.push(Item::Text(Text::new(place, Anchor::Start, LABEL, entry.name.clone())));
        }
        items
    }
}

fn rows(places: &[(f64, usize)]) -> usize {
    places.last().map_or(0, |(_, row)| row + 1)
}

/// As many columns as fit, and no more than rows of equal length need.
fn in_columns(entries: &[Entry], width: f64) -> Vec<(f64, usize)> {
    let widths = |count: usize| {
        let mut widths = vec![0.0; count];
        for (k, entry) in entries.iter().enumerate() {
            widths[k % count] = f64::max(widths[k % count], entry.width());
        }
        widths
    };
    let fits =
        |count: &usize| widths(*count).iter().sum::<f64>() + APART * (count - 1) as f64 <= width;
    let most = (1..=entries.len()).rev().find(fits).unwrap_or(1);
    let rows = |count: usize| entries.len().div_ceil(count);
    // Fewer columns have other names below each other, and may be wider.
    let count = (1..=most).find(|count| rows(*count) == rows(most) && fits(count)).unwrap_or(most);
    let widths = widths(count);
    let left = |column: usize| widths[..column].iter().map(|width| width + APART).sum();
    (0..entries.len()).map(|k| (left(k % count), k / count)).collect()
}

/// As many in each row as fit.
fn in_rows(entries: &[Entry], width: f64) -> Vec<(f64, usize)> {
    let (mut left, mut row) = (0.0, 0);
    let place = |entry: &Entry| {
        if left > 0.0 && left + entry.width() > width {
            (left, row) = (0.0, row + 1);
        }
        let place = (left, row);
        left += entry.width() + APART;
        place
    };
    entries.iter().map(place).collect()
}

impl Entry {
    fn width(&self) -> f64 {
        HANDLE + GAP + self.name.width(LABEL)
    }

    /// What is before the name, to the right of a place.
    fn handle(&self, (x, y): Place) -> Vec<Shape> {
        let mut shapes = Vec::new();
        let colour = self.look.colour();
        if self.has_band {
            let fill = Fill { colour, opacity: 0.2 };
            shapes.push(Shape::rectangle((x, y - 3.0), (x + HANDLE, y + 3.0), fill));
        }
        if self.has_bars {
            let (from, to) = ((x + 5.0, y - 3.0), (x + HANDLE - 5.0, y + 3.0));
            let edge = Stroke::solid(WHITE, 0.3);
            shapes.push(Shape::rectangle(from, to, Fill::solid(colour)).stroked(edge));
        }
        if self.has_line {
            shapes.push(Shape::line([(x, y), (x + HANDLE, y)], self.look.stroke()));
        }
        let middle = x + HANDLE / 2.0;
        if self.has_interval {
            let ends = [(middle, y - 4.5), (middle, y + 4.5)];
            shapes.push(Shape::line(ends, Stroke::solid(colour, 0.8)));
        }
        if self.has_marks {
            shapes.push(mark((middle, y), self.look));
        }
        shapes
    }
}

/// What the legend says: nothing if there is but one name, which the vertical axis has too.
fn entries(figure: &Figure, drawn: &[Vec<Option<Drawn>>]) -> Vec<Entry> {
    let names = figure.names();
    let named: Vec<&Label> = names.iter().map(|(name, _)| *name).collect();
    let is_told =
        |name: &Label| figure.panels.iter().all(|panel| panel.y.label.plain() == name.plain());
    if let [name] = named[..]
        && is_told(name)
    {
        return Vec::new();
    }
    named.into_iter().filter_map(|name| entry(figure, drawn, name)).collect()
}

fn entry(figure: &Figure, drawn: &[Vec<Option<Drawn>>], name: &Label) -> Option<Entry> {
    let mut entry: Option<Entry> = None;
    for (panel, drawn) in figure.panels.iter().zip(drawn) {
        for (series, drawn) in panel.series.iter().zip(drawn) {
            if series.name != *name || matches!(series.marks, Marks::Field(_)) {
                continue;
            }
            let entry = entry.get_or_insert_with(|| Entry {
                name: Rich::of(name),
                look: figure.look(series),
                has_line: false,
                has_marks: false,
                has_interval: false,
                has_band: false,
                has_bars: false,
            });
            match &series.marks {
                Marks::Line(points) => {
                    entry.has_line = true;
                    entry.has_marks |=
                        drawn.as_ref().is_some_and(|d| is_marked(points.len(), d, series.role));
                }
                Marks::Points(points) => {
                    entry.has_marks = true;
                    entry.has_interval |= points.iter().any(|p| p.interval.is_some());
                }
                Marks::Band(_) => entry.has_band = true,
                Marks::Bars(_) => entry.has_bars = true,
                Marks::Field(_) => {}
            }
        }
    }
    entry
}
