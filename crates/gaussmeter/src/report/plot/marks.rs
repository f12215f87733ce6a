//! Series as shapes between the axes.

use super::axis::Placed;
use super::scene::{Fill, Item, Place, Shape, Step, Stroke, WHITE};
use super::style::{Look, Mark};
use crate::report::figure::{Bar, Estimate, Marks, Panel, Role};
use crate::report::thin::{Drawn, FEW};
use std::f64::consts::TAU;

/// The rectangle between the axes, and where values are in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub x: &'a Placed<'a>,
    pub y: &'a Placed<'a>,
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// Points that a line is drawn with, at most.
pub(crate) const POINTS: usize = 1000;

/// Half the width of a mark, in points.
const RADIUS: f64 = 2.0;

/// Half the width of the end of an interval.
const CAP: f64 = 1.8;

impl Frame<'_> {
    /// A place between the axes, by its parts of them.
    pub fn place(&self, (u, v): (f64, f64)) -> Place {
        (self.left + u * self.width, self.top + (1.0 - v) * self.height)
    }

    /// Where a point is.
    pub fn at(&self, (x, y): (f64, f64)) -> Option<Place> {
        Some(self.place((self.x.at(x)?, self.y.at(y)?)))
    }

    /// Where a corner is that may lie beyond the ends of the axes.
    pub fn corner(&self, (x, y): (f64, f64)) -> Option<Place> {
        Some(self.place((self.x.at_or_end(x)?, self.y.at_or_end(y)?)))
    }

    /// What a series looks like; `drawn` is the part of a line that is drawn.
    pub fn series(&self, marks: &Marks, drawn: Option<&Drawn>, look: Look) -> Vec<Item> {
        let shapes = match marks {
            Marks::Line(points) => match drawn {
                Some(drawn) => self.line(points.len(), drawn, look),
                None => Vec::new(),
            },
            Marks::Points(points) => points.iter().flat_map(|p| self.estimate(p, look)).collect(),
            Marks::Band(points) => self.bands(points, look),
            Marks::Bars(bars) => bars.iter().filter_map(|bar| self.bar(bar, look)).collect(),
            // All fields of a panel share their colours: drawn elsewhere.
            Marks::Field(_) => Vec::new(),
        };
        shapes.into_iter().map(Item::Shape).collect()
    }

    fn line(&self, points: usize, drawn: &Drawn, look: Look) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for run in drawn.runs.iter().filter(|run| run.len() > 1) {
            shapes.push(Shape::line(run.iter().filter_map(|p| self.at(*p)), look.stroke()));
        }
        if is_marked(points, drawn, look.role) {
            let places = drawn.runs.iter().flatten().filter_map(|p| self.at(*p));
            shapes.extend(places.map(|at| mark(at, look)));
        }
        shapes
    }

    /// A mark, with its interval. The part of an interval beyond the axis is not drawn.
    fn estimate(&self, p: &Estimate, look: Look) -> Vec<Shape> {
        let Some(at) = self.at((p.x, p.y)) else { return Vec::new() };
        let mut shapes = Vec::new();
        if let Some((low, high)) = p.interval {
            let ends = (self.corner((p.x, low)), self.corner((p.x, high)));
            if let (Some(low), Some(high)) = ends {
                let stroke = || Stroke::solid(look.colour(), 0.8);
                shapes.push(Shape::line([low, high], stroke()));
                shapes.extend(
                    [low, high].map(|(x, y)| Shape::line([(x - CAP, y), (x + CAP, y)], stroke())),
                );
            }
        }
        shapes.push(mark(at, look));
        shapes
    }

    /// One area between gaps each.
    fn bands(&self, points: &[(f64, f64, f64)], look: Look) -> Vec<Shape> {
        let ends = |&(x, low, high): &(f64, f64, f64)| {
            x.is_finite().then_some(())?;
            self.x.at(x)?;
            Some((self.corner((x, low))?, self.corner((x, high))?))
        };
        let ends: Vec<_> = points.iter().map(ends).collect();
        let area = |run: &[Option<(Place, Place)>]| {
            let low = run.iter().flatten().map(|(low, _)| *low);
            let high = run.iter().flatten().rev().map(|(_, high)| *high);
            Shape::area(low.chain(high), Fill { colour: look.colour(), opacity: 0.2 })
        };
        ends.split(Option::is_none).filter(|run| run.len() > 1).map(area).collect()
    }

    fn bar(&self, bar: &Bar, look: Look) -> Option<Shape> {
        let from = self.corner((bar.left, bar.low))?;
        let to = self.corner((bar.right, bar.high))?;
        // White between neighbours.
        let edge = Stroke::solid(WHITE, (0.1 * (to.0 - from.0).abs()).min(0.5));
        Some(Shape::rectangle(from, to, Fill::solid(look.colour())).stroked(edge))
    }
}

/// Whether the points of a line are seen: if there are few, or one between two gaps, which has no line.
pub(crate) fn is_marked(points: usize, drawn: &Drawn, role: Role) -> bool {
    let alone = drawn.runs.iter().any(|run| run.len() == 1);
    alone || (role == Role::Main && points <= FEW)
}

/// How many points cannot be shown, and of how many; `None` if all can.
pub(crate) fn lost(panel: &Panel, marks: &Marks) -> Option<(usize, usize)> {
    let is_lost = |x: f64, y: f64| panel.x.place(x).is_none() || panel.y.place(y).is_none();
    let (lost, all) = match marks {
        Marks::Line(points) => {
            (points.iter().filter(|(x, y)| is_lost(*x, *y)).count(), points.len())
        }
        Marks::Points(points) => {
            (points.iter().filter(|p| is_lost(p.x, p.y)).count(), points.len())
        }
        Marks::Band(points) => {
            let is_gap = |(x, low, high): &&(f64, f64, f64)| {
                panel.x.place(*x).is_none() || low.is_nan() || high.is_nan()
            };
            (points.iter().filter(is_gap).count(), points.len())
        }
        Marks::Bars(bars) => {
            let is_gap = |b: &&Bar| [b.left, b.right, b.low, b.high].iter().any(|v| v.is_nan());
            (bars.iter().filter(is_gap).count(), bars.len())
        }
        Marks::Field(_) => (0, 0),
    };
    (lost > 0).then_some((lost, all))
}

impl Look {
    /// The line of a series.
    pub fn stroke(self) -> Stroke {
        let width = match self.role {
            Role::Main => 1.3,
            Role::Reference => 1.0,
            Role::Faint => 0.4,
        };
        Stroke { colour: self.colour(), width, dashes: self.dashes() }
    }
}

/// The mark of a series at a place: white within, so that what is below is seen.
pub(crate) fn mark((x, y): Place, look: Look) -> Shape {
    let corners = |count: u32, radius: f64, turn: f64| {
        (0..count).map(move |k| {
            let angle = TAU * (f64::from(k) / f64::from(count) + turn);
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
    };
    let path = match look.mark() {
        Mark::Circle => Shape::circle((x, y), RADIUS),
        Mark::Square => closed(corners(4, 1.25 * RADIUS, 0.125)),
        Mark::Triangle => closed(corners(3, 1.35 * RADIUS, -0.25)),
        Mark::Diamond => closed(corners(4, 1.35 * RADIUS, 0.0)),
        Mark::Pentagon => closed(corners(5, 1.2 * RADIUS, -0.25)),
    };
    let stroke = Stroke::solid(look.colour(), 0.9);
    Shape { path, fill: Some(Fill::solid(WHITE)), stroke: Some(stroke) }
}

fn closed(corners: impl Iterator<Item = Place>) -> Vec<Step> {
    Shape::area(corners, Fill::solid(WHITE)).path
}
