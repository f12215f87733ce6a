//! Figures: what is to be seen, in the units of the data, whatever draws it.

use super::Label;
use serde_json::{Value, json};

/// A figure: panels that share a legend. What it shows is said here once; formats lay it out and draw it
/// (`svg`, `pdf`, `png`), or write it for others to draw (`latex`, `matplotlib`, `html`).
///
/// Series of the same name are the same thing: they have one colour in all panels, and one place in the
/// legend.
///
/// ```
/// use gaussmeter::report::{Axis, Figure, Panel, Series};
/// let panel = Panel {
///     x: Axis::linear("t"),
///     y: Axis::log("W2 to p_t"),
///     series: vec![
///         Series::line("heun", vec![(1.0, 0.3), (0.5, 0.1), (0.0, 2.0)]),
///         Series::line("ode", vec![(1.0, 0.3), (0.5, 0.05), (0.0, 0.01)]).as_reference(),
///     ],
///     ..Panel::default()
/// };
/// let figure = Figure::of("Error along time", panel);
/// assert_eq!(figure.names().len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What it shows; the caption in LaTeX.
    pub title: Label,
    /// Panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels side by side; 0 for as many as there are.
    pub per_row: usize,
    /// Footnotes.
    pub notes: Vec<String>,
}

/// A pair of axes, and what is drawn between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What sets it apart from the other panels; empty if it is the only one.
    pub title: Label,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn, the lowermost first.
    pub series: Vec<Series>,
    /// Whether a unit is as long on both axes: for the plane.
    pub is_plane: bool,
}

/// An axis of a [`Panel`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it measures, with its unit if it has one.
    pub label: Label,
    /// Where values go.
    pub scale: Scale,
    /// Whether it runs from the largest value to the smallest.
    pub is_reversed: bool,
}

/// Where the values of an [`Axis`] go.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm: zero and negative values cannot be shown.
    Log,
    /// Value k is the place of the kth name, from 0: for rows and columns. On the vertical axis the first is
    /// at the top.
    Names(Vec<Label>),
}

/// Something drawn in a [`Panel`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend; without a name it is not in the legend.
    pub name: Label,
    /// How much attention it asks for.
    pub role: Role,
    /// How it is drawn, and where.
    pub marks: Marks,
}

/// How much attention a [`Series`] asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// A result: coloured.
    #[default]
    Main,
    /// Something to compare results with: short dashes, black or grey.
    Reference,
    /// One of many that are seen together, such as paths: thin.
    Faint,
}

/// How a [`Series`] is drawn. What cannot be shown (infinite, or not positive on a logarithmic axis) leaves
/// a gap, and is counted in a note.
#[derive(Clone, Debug, PartialEq)]
pub enum Marks {
    /// Points (x, y), joined in this order. With few of them, each is marked.
    Line(Vec<(f64, f64)>),
    /// Points that are not joined, with an interval each.
    Points(Vec<Estimate>),
    /// The area between the second and the third value, along the first.
    Band(Vec<(f64, f64, f64)>),
    /// Filled rectangles, such as the bars of a histogram.
    Bars(Vec<Bar>),
    /// A field of rows and columns (both axes have names), coloured by value; all series of a panel share the
    /// colours.
    Field(Vec<FieldCell>),
}

impl Default for Marks {
    fn default() -> Self {
        Marks::Line(Vec::new())
    }
}

/// A point of [`Marks::Points`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Place on the horizontal axis.
    pub x: f64,
    /// Place on the vertical axis.
    pub y: f64,
    /// The interval on the vertical axis; `None` if y is exact.
    pub interval: Option<(f64, f64)>,
}

/// A rectangle of [`Marks::Bars`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bar {
    /// From here on the horizontal axis. The kth name of an axis extends from k − 0.5 to k + 0.5.
    pub left: f64,
    /// To here.
    pub right: f64,
    /// From here on the vertical axis: 0 is the end of a logarithmic axis.
    pub low: f64,
    /// To here.
    pub high: f64,
}

/// A cell of [`Marks::Field`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldCell {
    /// Column.
    pub x: usize,
    /// Row.
    pub y: usize,
    /// What its colour says, on a logarithmic scale if the colours of the panel span more than a decade.
    pub value: f64,
    /// What is written in it.
    pub text: String,
    /// Whether it is the best of its column.
    pub is_best: bool,
}

impl Figure {
    /// A figure of one panel.
    pub fn of(title: impl Into<Label>, panel: Panel) -> Self {
        Figure { title: title.into(), panels: vec![panel], ..Figure::default() }
    }

    /// Names in the order of the legend, with the role of the first series of that name.
    pub fn names(&self) -> Vec<(&Label, Role)> {
        let mut names: Vec<(&Label, Role)> = Vec::new();
        for series in self.panels.iter().flat_map(|panel| &panel.series) {
            let is_new = names.iter().all(|(name, _)| *name != &series.name);
            if is_new && !series.name.plain().is_empty() && !series.marks.is_empty() {
                names.push((&series.name, series.role));
            }
        }
        names
    }
}

impl Figure {
    /// The figure as data, for programs that draw it: `title`, `latex_title`, `per_row`, `panels` and `notes`.
    /// Every list of a series has a number per point, null where it is not finite.
    ///
    /// ```
    /// use gaussmeter::report::{Axis, Figure, Panel, Series};
    /// let line = Series::line("heun", vec![(1.0, 0.5), (0.0, f64::INFINITY)]);
    /// let panel = Panel { x: Axis::linear("t"), y: Axis::log("W2"), series: vec![line], ..Panel::default() };
    /// let json = Figure::of("Error", panel).json();
    /// assert_eq!(json["panels"][0]["y"]["scale"], "log");
    /// assert_eq!(json["panels"][0]["series"][0]["y"].to_string(), "[0.5,null]");
    /// ```
    pub fn json(&self) -> Value {
        let per_row = if self.per_row == 0 { self.panels.len() } else { self.per_row };
        json!({
            "title": self.title.plain(),
            "latex_title": self.title.latex(),
            "per_row": per_row,
            "panels": self.panels.iter().map(Panel::json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl Panel {
    fn json(&self) -> Value {
        json!({
            "title": self.title.plain(),
            "latex_title": self.title.latex(),
            "x": self.x.json(),
            "y": self.y.json(),
            "plane": self.is_plane,
            "series": self.series.iter().map(Series::json).collect::<Vec<_>>(),
        })
    }
}

impl Axis {
    fn json(&self) -> Value {
        let mut axis = json!({
            "label": self.label.plain(),
            "latex": self.label.latex(),
            "scale": match self.scale {
                Scale::Linear => "linear",
                Scale::Log => "log",
                Scale::Names(_) => "names",
            },
            "reversed": self.is_reversed,
        });
        if let Scale::Names(names) = &self.scale {
            axis["names"] = names.iter().map(Label::plain).collect();
            axis["latex_names"] = names.iter().map(|name| name.latex().into_owned()).collect();
        }
        axis
    }
}

impl Series {
    fn json(&self) -> Value {
        let mut series = json!({
            "name": self.name.plain(),
            "latex": self.name.latex(),
            "role": match self.role {
                Role::Main => "main",
                Role::Reference => "reference",
                Role::Faint => "faint",
            },
            "marks": match self.marks {
                Marks::Line(_) => "line",
                Marks::Points(_) => "points",
                Marks::Band(_) => "band",
                Marks::Bars(_) => "bars",
                Marks::Field(_) => "field",
            },
        });
        // JSON has no infinite numbers: they become null.
        let mut set = |key: &str, values: Vec<f64>| series[key] = values.into();
        match &self.marks {
            Marks::Line(points) => {
                set("x", points.iter().map(|p| p.0).collect());
                set("y", points.iter().map(|p| p.1).collect());
            }
            Marks::Points(points) => {
                let end = |upper: bool| {
                    let of = move |p: &Estimate| {
                        p.interval.map_or(p.y, |(low, high)| if upper { high } else { low })
                    };
                    points.iter().map(of).collect()
                };
                set("x", points.iter().map(|p| p.x).collect());
                set("y", points.iter().map(|p| p.y).collect());
                set("low", end(false));
                set("high", end(true));
            }
            Marks::Band(points) => {
                set("x", points.iter().map(|p| p.0).collect());
                set("low", points.iter().map(|p| p.1).collect());
                set("high", points.iter().map(|p| p.2).collect());
            }
            Marks::Bars(bars) => {
                set("x", bars.iter().map(|b| (b.left + b.right) / 2.0).collect());
                set("y", bars.iter().map(|b| b.high).collect());
                set("left", bars.iter().map(|b| b.left).collect());
                set("right", bars.iter().map(|b| b.right).collect());
                set("low", bars.iter().map(|b| b.low).collect());
                set("high", bars.iter().map(|b| b.high).collect());
            }
            Marks::Field(cells) => {
                set("x", cells.iter().map(|c| c.x as f64).collect());
                set("y", cells.iter().map(|c| c.y as f64).collect());
                set("value", cells.iter().map(|c| c.value).collect());
                series["text"] = cells.iter().map(|c| c.text.as_str()).collect();
                series["best"] = cells.iter().map(|c| c.is_best).collect();
            }
        }
        series
    }
}

impl Axis {
    /// Values go evenly.
    pub fn linear(label: impl Into<Label>) -> Self {
        Axis { label: label.into(), ..Axis::default() }
    }

    /// Values go by their logarithm.
    pub fn log(label: impl Into<Label>) -> Self {
        Axis { label: label.into(), scale: Scale::Log, ..Axis::default() }
    }

    /// Names, in this order.
    pub fn names(label: impl Into<Label>, names: Vec<Label>) -> Self {
        Axis { label: label.into(), scale: Scale::Names(names), ..Axis::default() }
    }

    /// Logarithmic unless some value is negative.
    pub fn log_unless(is_signed: bool, label: impl Into<Label>) -> Self {
        if is_signed { Axis::linear(label) } else { Axis::log(label) }
    }

    /// From the largest value to the smallest.
    pub fn reversed(mut self) -> Self {
        self.is_reversed = true;
        self
    }

    /// Whether it is logarithmic.
    pub fn is_log(&self) -> bool {
        self.scale == Scale::Log
    }
}

impl Series {
    /// Points, joined.
    pub fn line(name: impl Into<Label>, points: Vec<(f64, f64)>) -> Self {
        Series::of(name, Marks::Line(points))
    }

    /// A result.
    pub fn of(name: impl Into<Label>, marks: Marks) -> Self {
        Series { name: name.into(), role: Role::Main, marks }
    }

    /// As something to compare with.
    pub fn as_reference(mut self) -> Self {
        self.role = Role::Reference;
        self
    }

    /// As one of many.
    pub fn as_faint(mut self) -> Self {
        self.role = Role::Faint;
        self
    }
}

impl Marks {
    /// Whether nothing is there to draw.
    pub fn is_empty(&self) -> bool {
        match self {
            Marks::Line(points) => points.is_empty(),
            Marks::Points(points) => points.is_empty(),
            Marks::Band(points) => points.is_empty(),
            Marks::Bars(bars) => bars.is_empty(),
            Marks::Field(cells) => cells.is_empty(),
        }
    }
}
