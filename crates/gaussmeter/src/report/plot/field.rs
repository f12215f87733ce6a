//! Fields: cells coloured by value, and the bar that says which colour is which value.

use super::axis::Placed;
use super::font::Face;
use super::layout::axis_title;
use super::marks::Frame;
use super::rich::Rich;
use super::scene::{Anchor, BLACK, Colour, Fill, Item, Place, Shape, Step, Stroke, Text, WHITE};
use super::ticks::{Room, Ticks};
use crate::report::figure::{Axis, FieldCell, Marks, Panel};
use std::collections::BTreeMap;

/// Viridis (Smith & van der Walt, 2015), even for all colour vision and in grey: nine even steps.
const COLOURS: [Colour; 10] = [
    [68, 1, 84],
    [72, 40, 120],
    [62, 73, 137],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [110, 206, 88],
    [181, 222, 43],
    [253, 231, 37],
];

/// What has no colour: infinite values.
const NONE: Colour = [217, 217, 217];

/// The colour of a part of the range.
fn colour(at: f64) -> Colour {
    let place = at.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f64;
    let first = (place as usize).min(COLOURS.len() - 2);
    let part = place - first as f64;
    std::array::from_fn(|i| {
        let (a, b) = (f64::from(COLOURS[first][i]), f64::from(COLOURS[first + 1][i]));
        (a + (b - a) * part).round() as u8
    })
}

/// Black or white, whichever is read better on a colour (WCAG's relative luminance).
pub(crate) fn ink(on: Colour) -> Colour {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * linear(on[0]) + 0.7152 * linear(on[1]) + 0.0722 * linear(on[2]);
    if luminance > 0.179 { BLACK } else { WHITE }
}

/// The cells of a panel, of all its series.
pub(crate) fn cells(panel: &Panel) -> impl Iterator<Item = &FieldCell> {
    let fields = panel.series.iter().filter_map(|series| match &series.marks {
        Marks::Field(cells) => Some(cells),
        _ => None,
    });
    fields.flatten()
}

/// The scale of the colours of a panel: logarithmic if they span more than a decade.
pub(crate) fn scale(panel: &Panel) -> Axis {
    let finite = || cells(panel).map(|cell| cell.value).filter(|v| v.is_finite());
    let (low, high) =
        finite().fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
    // Zeros have the colour of the least.
    let least = finite().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    let label = panel.series.iter().find(|s| matches!(s.marks, Marks::Field(_)));
    let label = label.map_or_else(Default::default, |series| series.name.clone());
    match low >= 0.0 && high / 10.0 > least {
        true => Axis::log(label),
        false => Axis::linear(label),
    }
}

/// The colours of a panel, if there are at least two values.
pub(crate) fn colours<'a>(panel: &Panel, axis: &'a Axis) -> Option<Placed<'a>> {
    Placed::of_colours(axis, cells(panel).map(|cell| cell.value).collect())
}

/// The cells.
pub(crate) fn draw(panel: &Panel, colours: Option<&Placed>, frame: Frame, size: f64) -> Vec<Item> {
    let mut items = Vec::new();
    // Of several cells at the same place the last one is seen.
    let seen: BTreeMap<(usize, usize), &FieldCell> =
        cells(panel).map(|cell| ((cell.y, cell.x), cell)).collect();
    for cell in seen.into_values() {
        if frame.at((cell.x as f64, cell.y as f64)).is_none() {
            continue;
        }
        let corner = |by: f64| frame.corner((cell.x as f64 + by, cell.y as f64 + by));
        let (Some(from), Some(to)) = (corner(-0.5), corner(0.5)) else { continue };
        let (width, height) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        let fill = fill(cell.value, colours);
        let edge = Stroke::solid(WHITE, 0.8_f64.min(0.1 * width.min(height)));
        items.push(Item::Shape(Shape::rectangle(from, to, Fill::solid(fill)).stroked(edge)));
        if !cell.value.is_finite() {
            items.push(Item::Shape(hatch(from, to)));
        }
        let face = if cell.is_best { Face::Bold } else { Face::Regular };
        let rich = Rich::in_face(&cell.text, face);
        // As large as there is room for, if that can be read.
        let room = (0.9 * width / rich.width(1.0).max(1e-9)).min(0.8 * height).min(size);
        if room >= LEAST && !rich.is_empty() {
            let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0 + 0.36 * room);
            let text = Text::new(middle, Anchor::Middle, room, rich);
            items.push(Item::Text(Text { colour: ink(fill), ..text }));
        }
    }
    items
}

/// Slanted lines within a rectangle, so that what has no colour is told from what is pale.
fn hatch(from: Place, to: Place) -> Shape {
    const APART: f64 = 4.0;
    let (left, top) = (from.0.min(to.0), from.1.min(to.1));
    let (width, height) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    let mut path = Vec::new();
    for k in 1..((width + height) / APART).min(1000.0) as usize {
        let s = k as f64 * APART;
        path.push(Step::Move((left + (s - height).max(0.0), top + s.min(height))));
        path.push(Step::Line((left + s.min(width), top + (s - width).max(0.0))));
    }
    Shape { path, fill: None, stroke: Some(Stroke::solid(WHITE, 0.5)) }
}

/// The smallest text that is read on paper, in points.
const LEAST: f64 = 4.0;

/// The colour of a value.
pub(crate) fn fill(value: f64, colours: Option<&Placed>) -> Colour {
    match colours {
        _ if !value.is_finite() => NONE,
        Some(colours) => colours.at_or_end(value).map_or(NONE, colour),
        // A single value.
        None => colour(0.5),
    }
}

/// Width of the bar of colours, and what is between it and the axes.
const BAR: f64 = 7.0;
const GAP: f64 = 6.0;
const TICK: f64 = 2.0;

/// The bar of colours beside the axes.
pub(crate) struct Bar {
    ticks: Ticks,
    title: Vec<Rich>,
    size: f64,
}

impl Bar {
    /// With its ticks, for axes of a height.
    pub fn new(colours: &Placed, height: f64, size: f64) -> Self {
        let ticks =
            colours.ticks(Room { length: height, size, is_horizontal: false, width: Rich::width });
        let title = axis_title(&colours.axis.label, &ticks, size, height);
        Bar { ticks, title, size }
    }

    /// The room it needs beside the axes.
    pub fn width(&self) -> f64 {
        let labels = self.ticks.major.iter().map(|tick| tick.label.width(self.size));
        let labels = labels.fold(0.0, f64::max);
        GAP + BAR + TICK + 2.0 + labels + self.title.len() as f64 * 1.3 * self.size + 2.0
    }

    /// Beside a frame.
    pub fn draw(&self, frame: Frame) -> Vec<Item> {
        const SHADES: usize = 96;
        let left = frame.left + frame.width + GAP;
        let at = |v: f64| frame.top + (1.0 - v) * frame.height;
        let mut items = Vec::new();
        for k in 0..SHADES {
            let part = |k: usize| k as f64 / SHADES as f64;
            // Each reaches below the next, so that no line is seen between them.
            let top = at(part((k + 2).min(SHADES)));
            let fill = Fill::solid(colour((part(k) + part(k + 1)) / 2.0));
            items.push(Item::Shape(Shape::rectangle((left, at(part(k))), (left + BAR, top), fill)));
        }
        let right = left + BAR;
        let mut widest: f64 = 0.0;
        for tick in &self.ticks.major {
            let y = at(tick.at);
            items.push(Item::Shape(Shape::line(
                [(right, y), (right + TICK, y)],
                Stroke::solid(BLACK, 0.5),
            )));
            widest = widest.max(tick.label.width(self.size));
            let place = (right + TICK + 2.0, y + 0.36 * self.size);
            items.push(Item::Text(Text::new(place, Anchor::Start, self.size, tick.label.clone())));
        }
        for (k, line) in self.title.iter().enumerate() {
            let x = right + TICK + 2.0 + widest + 1.3 * self.size * (k + 1) as f64;
            let text = Text::new((x, at(0.5)), Anchor::Middle, self.size, line.clone());
            items.push(Item::Text(Text { is_upwards: true, ..text }));
        }
        items
    }
}
