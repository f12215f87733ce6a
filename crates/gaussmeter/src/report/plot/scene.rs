//! What is drawn, in points on a page: what all backends draw alike.

use super::font::Face;
use super::rich::Rich;

/// A place on the page, in points from its upper left corner.
pub(crate) type Place = (f64, f64);

/// A page with everything on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scene {
    pub width: f64,
    pub height: f64,
    /// What it shows, which is not drawn.
    pub title: String,
    /// Footnotes, which are not drawn.
    pub notes: Vec<String>,
    pub items: Vec<Item>,
}

/// Something on the page; later ones cover earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Shape(Shape),
    Text(Text),
    /// What belongs together, with its name.
    Group(String, Vec<Item>),
}

/// A path with its paint.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    pub path: Vec<Step>,
    pub fill: Option<Fill>,
    pub stroke: Option<Stroke>,
}

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Move(Place),
    Line(Place),
    /// A cubic Bézier curve: two control points and its end.
    Curve(Place, Place, Place),
    Close,
}

/// Red, green and blue.
pub(crate) type Colour = [u8; 3];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fill {
    pub colour: Colour,
    pub opacity: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub colour: Colour,
    pub width: f64,
    /// Lengths of ink and gap in turn; empty for a line without gaps.
    pub dashes: &'static [f64],
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    /// The end of the baseline that `anchor` names.
    pub at: Place,
    pub anchor: Anchor,
    pub size: f64,
    pub colour: Colour,
    /// Whether it runs upwards.
    pub is_upwards: bool,
    pub rich: Rich,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Text of one face and size, without its line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glyphs<'a> {
    pub text: &'a str,
    pub face: Face,
    pub size: f64,
    /// From the start of the line.
    pub along: f64,
    /// Above the baseline.
    pub rise: f64,
}

pub(crate) const BLACK: Colour = [0, 0, 0];
pub(crate) const WHITE: Colour = [255, 255, 255];

impl Fill {
    pub fn solid(colour: Colour) -> Self {
        Fill { colour, opacity: 1.0 }
    }
}

impl Stroke {
    pub fn solid(colour: Colour, width: f64) -> Self {
        Stroke { colour, width, dashes: &[] }
    }
}

impl Shape {
    /// A line through points.
    pub fn line(points: impl IntoIterator<Item = Place>, stroke: Stroke) -> Self {
        let mut path = Vec::new();
        for point in points {
            path.push(if path.is_empty() { Step::Move(point) } else { Step::Line(point) });
        }
        Shape { path, fill: None, stroke: Some(stroke) }
    }

    /// The area within points.
    pub fn area(points: impl IntoIterator<Item = Place>, fill: Fill) -> Self {
        let mut shape = Shape::line(points, Stroke::solid(BLACK, 0.0));
        shape.path.push(Step::Close);
        Shape { fill: Some(fill), stroke: None, ..shape }
    }

    /// A rectangle, by two opposite corners.
    pub fn rectangle((x0, y0): Place, (x1, y1): Place, fill: Fill) -> Self {
        Shape::area([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)
    }

    /// A circle.
    pub fn circle((x, y): Place, radius: f64) -> Vec<Step> {
        // The usual approximation of a quarter by a cubic curve: 3 in 10,000 of the radius off.
        let (r, c) = (radius, 0.552_285 * radius);
        vec![
            Step::Move((x + r, y)),
            Step::Curve((x + r, y + c), (x + c, y + r), (x, y + r)),
            Step::Curve((x - c, y + r), (x - r, y + c), (x - r, y)),
            Step::Curve((x - r, y - c), (x - c, y - r), (x, y - r)),
            Step::Curve((x + c, y - r), (x + r, y - c), (x + r, y)),
            Step::Close,
        ]
    }

    /// The same with a line around it.
    pub fn stroked(self, stroke: Stroke) -> Self {
        Shape { stroke: Some(stroke), ..self }
    }
}

impl Text {
    pub fn new(at: Place, anchor: Anchor, size: f64, rich: Rich) -> Self {
        Text { at, anchor, size, colour: BLACK, is_upwards: false, rich }
    }

    #[cfg(any(test, feature = "figures"))]
    pub fn width(&self) -> f64 {
        self.rich.width(self.size)
    }

    /// Where its baseline starts.
    #[cfg(any(test, feature = "figures"))]
    pub fn start(&self) -> Place {
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => self.width() / 2.0,
            Anchor::End => self.width(),
        };
        match self.is_upwards {
            true => (self.at.0, self.at.1 + before),
            false => (self.at.0 - before, self.at.1),
        }
    }

    /// Its parts, from its start.
    pub fn glyphs(&self) -> impl Iterator<Item = Glyphs<'_>> {
        let mut along = 0.0;
        self.rich.runs().iter().map(move |run| {
            let size = self.size * run.script.scale();
            let rise = self.size * run.script.rise();
            let glyphs = Glyphs { text: &run.text, face: run.face, size, along, rise };
            along += run.face.width(&run.text) * size;
            glyphs
        })
    }

    /// Its box: upper left and lower right corner.
    #[cfg(test)]
    pub fn extent(&self) -> (Place, Place) {
        let (x, y) = self.start();
        let (up, down) = (self.rich.ascent(self.size), self.rich.descent(self.size));
        match self.is_upwards {
            true => ((x - up, y - self.width()), (x + down, y)),
            false => ((x, y - up), (x + self.width(), y + down)),
        }
    }
}

impl Scene {
    /// All texts, in groups too.
    pub fn texts(&self) -> Vec<&Text> {
        fn visit<'a>(items: &'a [Item], texts: &mut Vec<&'a Text>) {
            for item in items {
                match item {
                    Item::Text(text) => texts.push(text),
                    Item::Group(_, items) => visit(items, texts),
                    Item::Shape(_) => {}
                }
            }
        }
        let mut texts = Vec::new();
        visit(&self.items, &mut texts);
        texts
    }
}

impl Item {
    /// The same, further down.
    pub fn lower(&mut self, by: f64) {
        let lower = |(_, y): &mut Place| *y += by;
        match self {
            Item::Text(text) => lower(&mut text.at),
            Item::Group(_, items) => items.iter_mut().for_each(|item| item.lower(by)),
            Item::Shape(shape) => shape.path.iter_mut().for_each(|step| match step {
                Step::Move(to) | Step::Line(to) => lower(to),
                Step::Curve(a, b, to) => [a, b, to].into_iter().for_each(lower),
                Step::Close => {}
            }),
        }
    }
}
