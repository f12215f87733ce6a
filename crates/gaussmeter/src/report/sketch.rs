//! Curves drawn with characters.

use super::style::exact;
use super::{Axis, Figure, Label, Panel, Series};
use unicode_width::UnicodeWidthStr;

/// Characters between the axes, if there is room.
pub(super) const COLUMNS: usize = 60;
const ROWS: usize = 12;

/// One curve on logarithmic axes, shown with the tables: drawn in characters in text and Markdown,
/// with pgfplots in LaTeX.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// What it shows; the caption in LaTeX.
    pub title: Label,
    /// What the horizontal axis measures.
    pub x: Label,
    /// What the vertical axis measures.
    pub y: Label,
    /// Points (x, y), in the order in which they are joined. Values that are not positive cannot be
    /// shown on logarithmic axes and are left out.
    pub points: Vec<(f64, f64)>,
    /// Footnotes.
    pub notes: Vec<String>,
    /// Whether the drawing in characters uses only ASCII, for terminals that cannot show Braille.
    pub ascii: bool,
}

impl Sketch {
    /// The same for a paper.
    pub fn figure(&self) -> Figure {
        let panel = Panel {
            x: Axis::log(self.x.clone()),
            y: Axis::log(self.y.clone()),
            series: vec![Series::line(self.y.clone(), self.points.clone())],
            ..Panel::default()
        };
        Figure { notes: self.notes.clone(), ..Figure::of(self.title.clone(), panel) }
    }

    /// The drawing, `columns` characters wide between its axes, without title and notes; no lines
    /// if no point can be shown.
    pub(super) fn lines(&self, columns: usize) -> Vec<String> {
        let points: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|(x, y)| (x.log10(), y.log10()))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        if points.is_empty() {
            return Vec::new();
        }
        // Ranks and other counts start at 1: a single one is at the left end.
        let x = Decades::around(points.iter().map(|p| p.0), 0.0);
        let y = Decades::around(points.iter().map(|p| p.1), 1.0);
        let mut canvas = Canvas::new(self.ascii, columns, ROWS);
        let (width, height) = (canvas.width(), canvas.height());
        let mut pen = None;
        for point in points {
            let dot = (x.dot(point.0, width), y.dot(point.1, height));
            canvas.line(pen.unwrap_or(dot), dot, 0);
            pen = Some(dot);
        }
        canvas.fill_lone();

        let [vertical, tick_left, corner, horizontal, tick_down] = if self.ascii {
            ['|', '+', '+', '-', '+']
        } else {
            ['│', '┤', '└', '─', '┬']
        };
        let labels: Vec<(usize, String)> = y
            .ticks(2.0 / (ROWS - 1) as f64)
            .map(|e| (canvas.row(y.dot(f64::from(e), height)), power(e)))
            .collect();
        let margin = labels.iter().map(|(_, label)| label.len()).max().unwrap_or(0);
        let mut lines = vec![self.y.plain().to_owned()];
        for (row, drawn) in canvas.rows().enumerate() {
            lines.push(match labels.iter().find(|(at, _)| *at == row) {
                Some((_, label)) => format!("{label:>margin$} {tick_left}{drawn}"),
                None => format!("{:margin$} {vertical}{drawn}", ""),
            });
        }

        let mut rule = vec![horizontal; columns];
        let mut under = " ".repeat(margin + 2);
        // Seven characters, and two between labels.
        for e in x.ticks(9.0 / (columns - 1) as f64) {
            let (column, label) = (canvas.column(x.dot(f64::from(e), width)), power(e));
            rule[column] = tick_down;
            let start = (margin + 2 + column).saturating_sub((label.len() - 1) / 2);
            under.push_str(&" ".repeat(start.saturating_sub(under.len())));
            under.push_str(&label);
        }
        lines.push(format!("{:margin$} {corner}{}", "", rule.iter().collect::<String>()));
        let room = margin + 2 + columns - self.x.plain().width().min(columns);
        if under.len() + 2 > room {
            lines.push(std::mem::take(&mut under));
        }
        lines.push(format!("{under:room$}{}", self.x.plain()));
        lines.iter().map(|line| line.trim_end().to_owned()).collect()
    }
}

/// 10^exponent, or a shorter form where tables use one.
fn power(exponent: i32) -> String {
    let text = format!("1e{exponent}");
    match (-2..5).contains(&exponent) {
        true => text.parse().map_or(text, exact),
        false => text,
    }
}

/// The range of a logarithmic axis.
struct Decades {
    low: f64,
    high: f64,
}

impl Decades {
    /// The range of the values, widened to whole decades if it contains fewer than two powers of
    /// ten. If all values are the same power, one decade above it and `below` decades below it.
    fn around(values: impl Iterator<Item = f64>, below: f64) -> Self {
        let (low, high) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        match (low.floor(), high.ceil()) {
            _ if low.ceil() < high.floor() => Decades { low, high },
            (low, high) if low < high => Decades { low, high },
            (low, high) => Decades { low: low - below, high: high + 1.0 },
        }
    }

    /// The position of a value among `count`, from 0.
    fn dot(&self, value: f64, count: usize) -> usize {
        ((value - self.low) / (self.high - self.low) * (count - 1) as f64).round() as usize
    }

    /// Exponents of the powers of ten to label, at least the fraction `gap` of the axis apart.
    fn ticks(&self, gap: f64) -> impl Iterator<Item = i32> + use<> {
        let least = gap * (self.high - self.low);
        let step = [1, 2, 5, 10, 20, 50, 100].into_iter().find(|s| f64::from(*s) >= least);
        let step = step.unwrap_or(200);
        let (low, high) = (self.low.ceil() as i32, self.high.floor() as i32);
        (low..=high).filter(move |e| e % step == 0)
    }
}

/// Characters as dots: 2 × 4 in Braille, one in ASCII.
pub(super) struct Canvas {
    ascii: bool,
    columns: usize,
    rows: usize,
    cells: Vec<u8>,
    /// Who has drawn in each cell last.
    owners: Vec<usize>,
}

impl Canvas {
    pub fn new(ascii: bool, columns: usize, rows: usize) -> Self {
        let count = columns * rows;
        Canvas { ascii, columns, rows, cells: vec![0; count], owners: vec![0; count] }
    }
    pub fn width(&self) -> usize {
        if self.ascii { self.columns } else { 2 * self.columns }
    }
    pub fn height(&self) -> usize {
        if self.ascii { self.rows } else { 4 * self.rows }
    }

    /// The cell that a dot is in.
    pub fn column(&self, x: usize) -> usize {
        x * self.columns / self.width()
    }
    pub fn row(&self, y: usize) -> usize {
        (self.height() - 1 - y) * self.rows / self.height()
    }

    /// Marks a dot, counted from the lower left.
    fn dot(&mut self, x: usize, y: usize, owner: usize) {
        // Bits of Unicode's Braille patterns, the upper row first.
        const BITS: [[u8; 2]; 4] = [[0, 3], [1, 4], [2, 5], [6, 7]];
        let bit = if self.ascii { 0 } else { BITS[(self.height() - 1 - y) % 4][x % 2] };
        let cell = self.row(y) * self.columns + self.column(x);
        self.cells[cell] |= 1 << bit;
        self.owners[cell] = owner;
    }

    pub fn line(&mut self, from: (usize, usize), to: (usize, usize), owner: usize) {
        let length = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
        for i in 0..=length {
            let between = |a: usize, b: usize| {
                let (a, b) = (a as f64, b as f64);
                (a + (b - a) * i as f64 / length.max(1) as f64).round() as usize
            };
            self.dot(between(from.0, to.0), between(from.1, to.1), owner);
        }
    }

    /// Fills the cell of the only dot, if there is just one.
    fn fill_lone(&mut self) {
        let mut lit = self.cells.iter_mut().filter(|bits| **bits != 0);
        if let (Some(bits), None) = (lit.next(), lit.next()) {
            *bits = u8::MAX;
        }
    }

    /// The characters of each row, with their owners.
    pub fn cells(&self) -> impl Iterator<Item = Vec<(char, usize)>> {
        let character = |cell: &u8| match (*cell, self.ascii) {
            (0, _) => ' ',
            (_, true) => '*',
            (bits, false) => char::from_u32(0x2800 + u32::from(bits)).unwrap_or('*'),
        };
        let rows = self.cells.chunks(self.columns).zip(self.owners.chunks(self.columns));
        rows.map(move |(cells, owners)| {
            cells.iter().map(character).zip(owners.iter().copied()).collect()
        })
    }

    fn rows(&self) -> impl Iterator<Item = String> {
        self.cells().map(|row| row.into_iter().map(|(c, _)| c).collect())
    }
}
