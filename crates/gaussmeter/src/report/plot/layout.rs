//! Figures on a page: panels in rows with aligned axes, and a legend below them.

use super::axis::Placed;
use super::field::{self, Bar};
use super::font::Face;
use super::legend::Legend;
use super::marks::{Frame, POINTS, lost};
use super::rich::{Rich, Script};
use super::scene::{Anchor, Colour, Item, Place, Scene, Shape, Stroke, Text};
use super::ticks::{Room, Tick, Ticks};
use crate::report::Label;
use crate::report::figure::{Axis, Figure, Marks, Panel, Scale};
use crate::report::thin::Drawn;

/// Width of a column of a paper, and of a page of two, in points.
const COLUMN: f64 = 8.6 * CENTIMETRE;
const PAGE: f64 = 17.4 * CENTIMETRE;
const CENTIMETRE: f64 = 72.0 / 2.54;

/// Sizes of text.
pub(super) const LABEL: f64 = 8.0;
const NUMBER: f64 = 7.0;
const NOTE: f64 = 6.5;

/// Height of a line, as a multiple of its size.
pub(super) const LINE: f64 = 1.3;

/// Around everything.
const EDGE: f64 = 2.0;

/// Lengths of ticks, and between them and their labels.
const TICK: f64 = 3.0;
const MINOR: f64 = 1.8;
const GAP: f64 = 2.0;

/// Between labels and the title of their axis, and between panels.
const APART: f64 = 3.0;
const BETWEEN: f64 = 8.0;

/// The narrowest axes.
const NARROWEST: f64 = 40.0;

const AXIS: Colour = [40, 40, 40];
const GRID: Colour = [225, 225, 225];

/// Figures, one below the other, on a page of a width in points (by default, that of a column of a paper, or
/// of a page for several columns). The page is wider if the axes need it.
pub(crate) fn scene(figures: &[Figure], width: Option<f64>) -> Scene {
    let width = width.unwrap_or_else(|| figures.iter().map(natural_width).fold(COLUMN, f64::max));
    let is_one = figures.len() == 1;
    let mut scenes = figures.iter().map(|figure| one(figure, width, !is_one));
    let Some(mut all) = scenes.next() else { return Scene::default() };
    for mut scene in scenes {
        scene.items.iter_mut().for_each(|item| item.lower(all.height));
        all.items.append(&mut scene.items);
        all.height += scene.height;
        all.width = all.width.max(scene.width);
        all.title = format!("{}; {}", all.title, scene.title);
        all.notes.append(&mut scene.notes);
    }
    all
}

fn natural_width(figure: &Figure) -> f64 {
    let is_wide = |panel: &Panel| match &panel.x.scale {
        Scale::Names(names) => names.len() > 8,
        _ => false,
    };
    match columns(figure) > 1 || figure.panels.iter().any(is_wide) {
        true => PAGE,
        false => COLUMN,
    }
}

/// Panels side by side.
fn columns(figure: &Figure) -> usize {
    let all = figure.panels.len().max(1);
    if figure.per_row == 0 { all } else { figure.per_row.min(all) }
}

/// A figure, with its title above if it is one of several.
fn one(figure: &Figure, width: f64, is_titled: bool) -> Scene {
    let columns = columns(figure);
    let scales: Vec<Axis> = figure.panels.iter().map(field::scale).collect();
    let colours: Vec<Option<Placed>> = figure
        .panels
        .iter()
        .zip(&scales)
        .map(|(panel, axis)| field::colours(panel, axis))
        .collect();
    let grid = Grid::new(figure, &colours, width - 2.0 * EDGE, columns);

    let drawn: Vec<_> = figure.panels.iter().map(|panel| panel.lines(POINTS)).collect();
    let mut items = Vec::new();
    let mut top = EDGE;
    let page = grid.width + 2.0 * EDGE;
    if is_titled {
        for line in Rich::plain(figure.title.plain()).wrap(LABEL, grid.width, 3) {
            top += LINE * LABEL;
            let place = (page / 2.0, top - 0.3 * LABEL);
            items.push(Item::Text(Text::new(place, Anchor::Middle, LABEL, line)));
        }
        top += APART;
    }
    for (k, axes) in grid.axes.iter().enumerate() {
        let (row, column) = (k / columns, k % columns);
        let frame = Frame {
            x: &axes.x,
            y: &axes.y,
            left: EDGE + grid.left_of(column),
            top: top + grid.top_of(row),
            width: grid.inner,
            height: grid.heights[row],
        };
        items.extend(axes.draw(figure, &drawn[k], frame, colours[k].as_ref()));
    }
    top += grid.height();

    let legend = Legend::new(figure, &drawn, grid.width);
    items.extend(legend.draw((EDGE, top + APART), grid.width));
    top += if legend.is_empty() { 0.0 } else { APART + legend.height() };
    for text in lost_points(figure) {
        for line in Rich::plain(&text).wrap(NOTE, grid.width, 4) {
            top += LINE * NOTE;
            items.push(Item::Text(Text::new((EDGE, top), Anchor::Start, NOTE, line)));
        }
    }
    Scene {
        width: page,
        height: top + EDGE + 1.0,
        title: figure.title.plain().into(),
        notes: figure.notes.clone(),
        items,
    }
}

/// What the panels cannot show.
pub(crate) fn lost_points(figure: &Figure) -> Vec<String> {
    let mut notes = Vec::new();
    for panel in &figure.panels {
        for series in &panel.series {
            let Some((lost, all)) = lost(panel, &series.marks) else { continue };
            let why = match panel.x.is_log() || panel.y.is_log() {
                true => "infinite, or not positive on a logarithmic axis",
                false => "infinite",
            };
            let title = panel.title.plain();
            let place = if title.is_empty() { String::new() } else { format!("{title}, ") };
            let name = series.name.plain();
            notes.push(format!("{place}{name}: {lost} of {all} points not shown ({why})"));
        }
    }
    notes.dedup();
    notes
}

/// Panels in rows and columns: the axes of a column start below each other, those of a row beside each other.
struct Grid<'a> {
    axes: Vec<Axes<'a>>,
    columns: usize,
    width: f64,
    /// The width of all axes.
    inner: f64,
    /// The heights of the axes, of every row.
    heights: Vec<f64>,
    /// What is around the axes.
    left: Vec<f64>,
    right: Vec<f64>,
    top: Vec<f64>,
    bottom: Vec<f64>,
}

impl<'a> Grid<'a> {
    fn new(
        figure: &'a Figure,
        colours: &'a [Option<Placed<'a>>],
        width: f64,
        columns: usize,
    ) -> Self {
        let rows = figure.panels.len().div_ceil(columns);
        let inner = ((width / columns as f64) - 45.0).max(NARROWEST);
        let mut grid = Grid {
            axes: Vec::new(),
            columns,
            width,
            inner,
            heights: vec![0.0; rows],
            left: vec![0.0; columns],
            right: vec![0.0; columns],
            top: vec![0.0; rows],
            bottom: vec![0.0; rows],
        };
        // Labels take room from the axes, and the room for the axes decides on the labels: margins grow until
        // they are enough.
        for _ in 0..8 {
            let heights = figure.panels.chunks(columns).map(|row| {
                row.iter().map(|panel| height(panel, grid.inner, columns)).fold(0.0, f64::max)
            });
            grid.heights = heights.collect();
            let axes =
                figure.panels.iter().zip(colours).enumerate().map(|(k, (panel, colours))| {
                    Axes::new(panel, colours.as_ref(), grid.inner, grid.heights[k / columns])
                });
            grid.axes = axes.collect();
            let is_enough = grid.is_enough();
            if is_enough {
                break;
            }
            let margins: f64 = grid.left.iter().chain(&grid.right).sum();
            let between = BETWEEN * (columns - 1) as f64;
            grid.inner = ((width - margins - between) / columns as f64).max(NARROWEST);
        }
        grid.width = width.max(grid.left_of(columns) - BETWEEN - grid.left_margin(columns));
        grid
    }

    /// Whether the margins were enough for the axes; they are afterwards.
    fn is_enough(&mut self) -> bool {
        let mut is_enough = true;
        let mut grow = |margin: &mut f64, needed: f64| {
            if needed > *margin + 1e-9 {
                (*margin, is_enough) = (needed, false);
            }
        };
        for (k, axes) in self.axes.iter().enumerate() {
            let (row, column) = (k / self.columns, k % self.columns);
            grow(&mut self.left[column], axes.left);
            grow(&mut self.right[column], axes.right);
            grow(&mut self.top[row], axes.top);
            grow(&mut self.bottom[row], axes.bottom);
        }
        is_enough
    }

    fn left_margin(&self, column: usize) -> f64 {
        self.left.get(column).copied().unwrap_or(0.0)
    }

    /// Where the axes of a column start.
    fn left_of(&self, column: usize) -> f64 {
        let before = |k: usize| self.left[k] + self.inner + self.right[k] + BETWEEN;
        (0..column).map(before).sum::<f64>() + self.left_margin(column)
    }

    /// Where the axes of a row start.
    fn top_of(&self, row: usize) -> f64 {
        let before = |k: usize| self.top[k] + self.heights[k] + self.bottom[k] + BETWEEN;
        (0..row).map(before).sum::<f64>() + self.top.get(row).copied().unwrap_or(0.0)
    }

    fn height(&self) -> f64 {
        match self.heights.len() {
            0 => 0.0,
            rows => self.top_of(rows) - BETWEEN,
        }
    }
}

/// The height of the axes of a panel.
fn height(panel: &Panel, width: f64, columns: usize) -> f64 {
    let usual = (width * if columns > 1 { 0.75 } else { 0.66 }).min(200.0);
    match &panel.y.scale {
        Scale::Names(names) => (names.len() as f64 * 1.9 * NUMBER).max(2.0 * NUMBER),
        _ if is_plane(panel) => {
            let ratio = Placed::y(panel).length() / Placed::x(panel).length();
            width * if ratio.is_finite() { ratio.clamp(0.5, 1.25) } else { 1.0 }
        }
        _ => usual.max(NARROWEST),
    }
}

/// Whether units are as long on both axes: they are only where values go evenly.
fn is_plane(panel: &Panel) -> bool {
    panel.is_plane && [&panel.x, &panel.y].iter().all(|axis| axis.scale == Scale::Linear)
}

/// The axes of a panel, with what is written around them.
struct Axes<'a> {
    panel: &'a Panel,
    x: Placed<'a>,
    y: Placed<'a>,
    x_ticks: Ticks,
    y_ticks: Ticks,
    /// The names below, in lines.
    x_names: Option<Names>,
    x_title: Vec<Rich>,
    y_title: Vec<Rich>,
    title: Vec<Rich>,
    bar: Option<Bar>,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl<'a> Axes<'a> {
    fn new(panel: &'a Panel, colours: Option<&'a Placed<'a>>, width: f64, height: f64) -> Self {
        let (mut x, mut y) = (Placed::x(panel), Placed::y(panel));
        if is_plane(panel) {
            // The same length of axis for each unit.
            let (of_x, of_y) = (x.length() / width, y.length() / height);
            x.lengthen(of_y / of_x);
            y.lengthen(of_x / of_y);
        }
        let x_ticks =
            x.ticks(Room { length: width, size: NUMBER, is_horizontal: true, width: Rich::width });
        let mut y_ticks = y.ticks(Room {
            length: height,
            size: NUMBER,
            is_horizontal: false,
            width: Rich::width,
        });
        if matches!(panel.y.scale, Scale::Names(_)) {
            let longest = (0.8 * width).max(NARROWEST);
            let cut = |label: &mut Rich| *label = label.cut(NUMBER, longest);
            y_ticks.major.iter_mut().for_each(|tick| cut(&mut tick.label));
        }
        let x_names = Names::below(&panel.x, &x_ticks, width);
        let mut axes = Axes {
            panel,
            x_title: axis_title(&panel.x.label, &x_ticks, LABEL, width),
            y_title: axis_title(&panel.y.label, &y_ticks, LABEL, height),
            title: Rich::of(&panel.title).wrap(LABEL, width, 2),
            bar: colours.map(|colours| Bar::new(colours, height, NUMBER)),
            x,
            y,
            x_ticks,
            y_ticks,
            x_names,
            left: 0.0,
            right: 0.0,
            top: 0.0,
            bottom: 0.0,
        };
        axes.margins(width);
        axes
    }

    /// Whether the axes are rows and columns, without lines.
    fn is_field(&self) -> bool {
        self.panel.series.iter().any(|series| matches!(series.marks, Marks::Field(_)))
    }

    fn margins(&mut self, width: f64) {
        let lines = |lines: &[Rich]| lines.len() as f64 * LINE * LABEL;
        let titled = |title: &[Rich]| if title.is_empty() { 0.0 } else { APART + lines(title) };
        self.left = TICK + GAP + self.y_width() + titled(&self.y_title);
        self.bottom = TICK + GAP + self.x_height() + titled(&self.x_title);
        // Labels reach beyond the ends of the axes.
        self.top = NUMBER / 2.0 + titled(&self.title);
        self.right = self.bar.as_ref().map_or(0.0, Bar::width).max(1.0);
        if self.x_names.is_none() {
            for tick in &self.x_ticks.major {
                let half = tick.label.width(NUMBER) / 2.0;
                self.left = self.left.max(half - tick.at * width);
                self.right = self.right.max(half - (1.0 - tick.at) * width);
            }
        }
    }

    fn y_width(&self) -> f64 {
        let widths = self.y_ticks.major.iter().map(|tick| tick.label.width(NUMBER));
        widths.fold(0.0, f64::max)
    }

    fn x_height(&self) -> f64 {
        self.x_names.as_ref().map_or(LINE * NUMBER, Names::height)
    }

    fn draw(
        &self,
        figure: &Figure,
        drawn: &[Option<Drawn>],
        frame: Frame,
        colours: Option<&Placed>,
    ) -> Vec<Item> {
        let mut items = Vec::new();
        if !self.is_field() {
            items.extend(self.grid(frame));
        }
        items.extend(field::draw(self.panel, colours, frame, NUMBER));
        for (series, drawn) in self.panel.series.iter().zip(drawn) {
            let own = frame.series(&series.marks, drawn.as_ref(), figure.look(series));
            if !own.is_empty() {
                items.push(Item::Group(series.name.plain().into(), own));
            }
        }
        items.extend(self.lines(frame));
        items.extend(self.x_labels(frame));
        items.extend(self.y_labels(frame));
        items.extend(self.titles(frame));
        items.extend(self.bar.iter().flat_map(|bar| bar.draw(frame)));
        items
    }

    /// Faint lines at the ticks.
    fn grid(&self, frame: Frame) -> Vec<Item> {
        let line = |from, to| {
            let ends = [frame.place(from), frame.place(to)];
            Item::Shape(Shape::line(ends, Stroke::solid(GRID, 0.4)))
        };
        let has = |axis: &Axis| !matches!(axis.scale, Scale::Names(_));
        let x = self.x_ticks.major.iter().filter(|_| has(&self.panel.x));
        let y = self.y_ticks.major.iter().filter(|_| has(&self.panel.y));
        let x = x.map(|tick| line((tick.at, 0.0), (tick.at, 1.0)));
        x.chain(y.map(|tick| line((0.0, tick.at), (1.0, tick.at)))).collect()
    }

    /// The axes themselves, with their ticks.
    fn lines(&self, frame: Frame) -> Vec<Item> {
        if self.is_field() {
            return Vec::new();
        }
        let stroke = |width: f64| Stroke::solid(AXIS, width);
        let corners: &[(f64, f64)] = match is_plane(self.panel) {
            true => &[(0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
            false => &[(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)],
        };
        let corners = corners.iter().map(|corner| frame.place(*corner));
        let mut items = vec![Item::Shape(Shape::line(corners, stroke(0.6)))];
        let mut tick = |at: (f64, f64), (dx, dy): (f64, f64)| {
            let (x, y) = frame.place(at);
            let width = if dx + dy > MINOR { 0.6 } else { 0.4 };
            items.push(Item::Shape(Shape::line([(x, y), (x - dx, y + dy)], stroke(width))));
        };
        if !matches!(self.panel.x.scale, Scale::Names(_)) {
            self.x_ticks.major.iter().for_each(|t| tick((t.at, 0.0), (0.0, TICK)));
            self.x_ticks.minor.iter().for_each(|at| tick((*at, 0.0), (0.0, MINOR)));
        }
        if !matches!(self.panel.y.scale, Scale::Names(_)) {
            self.y_ticks.major.iter().for_each(|t| tick((0.0, t.at), (TICK, 0.0)));
            self.y_ticks.minor.iter().for_each(|at| tick((0.0, *at), (MINOR, 0.0)));
        }
        items
    }

    fn x_labels(&self, frame: Frame) -> Vec<Item> {
        let mut items = Vec::new();
        for (k, tick) in self.x_ticks.major.iter().enumerate() {
            let (x, y) = frame.place((tick.at, 0.0));
            let place = (x, y + TICK + GAP);
            match &self.x_names {
                Some(names) => items.extend(names.draw(k, place)),
                None => {
                    let place = (x, place.1 + 0.8 * NUMBER);
                    let text = Text::new(place, Anchor::Middle, NUMBER, tick.label.clone());
                    items.push(Item::Text(text));
                }
            }
        }
        items
    }

    fn y_labels(&self, frame: Frame) -> Vec<Item> {
        let label = |(at, label): (f64, &Rich)| {
            let (x, y) = frame.place((0.0, at));
            let place = (x - TICK - GAP, y + 0.36 * NUMBER);
            Item::Text(Text::new(place, Anchor::End, NUMBER, label.clone()))
        };
        self.y_ticks.major.iter().map(|tick| label((tick.at, &tick.label))).collect()
    }

    fn titles(&self, frame: Frame) -> Vec<Item> {
        let mut items = Vec::new();
        let middle = frame.left + frame.width / 2.0;
        let below = frame.top + frame.height + TICK + GAP + self.x_height() + APART;
        for (k, line) in self.x_title.iter().enumerate() {
            let place = (middle, below + (0.8 + LINE * k as f64) * LABEL);
            items.push(Item::Text(Text::new(place, Anchor::Middle, LABEL, line.clone())));
        }
        let lines = self.y_title.len() as f64;
        let left = frame.left - TICK - GAP - self.y_width() - APART;
        for (k, line) in self.y_title.iter().enumerate() {
            let x = left - (0.3 + LINE * (lines - 1.0 - k as f64)) * LABEL;
            let place = (x, frame.top + frame.height / 2.0);
            let text = Text::new(place, Anchor::Middle, LABEL, line.clone());
            items.push(Item::Text(Text { is_upwards: true, ..text }));
        }
        let above = frame.top - NUMBER / 2.0 - APART;
        let lines = self.title.len() as f64;
        for (k, line) in self.title.iter().enumerate() {
            let y = above - (LINE * (lines - 1.0 - k as f64) + 0.1) * LABEL;
            let text = Text::new((middle, y), Anchor::Middle, LABEL, line.clone());
            items.push(Item::Text(text));
        }
        items
    }
}

/// The longest line that is written upwards, in points.
const LONGEST: f64 = 90.0;

/// Names below an axis, each in lines.
struct Names {
    lines: Vec<Vec<Rich>>,
    is_upwards: bool,
}

impl Names {
    /// In at most three lines each if all of them fit, otherwise upwards.
    fn below(axis: &Axis, ticks: &Ticks, width: f64) -> Option<Self> {
        let Scale::Names(names) = &axis.scale else { return None };
        let every = names.len().max(1).div_ceil(ticks.major.len().max(1));
        let room = width / names.len().max(1) as f64 * every as f64;
        let wrapped = |length: f64, most: usize| -> Vec<Vec<Rich>> {
            ticks.major.iter().map(|tick| tick.label.wrap(NUMBER, length, most)).collect()
        };
        let lines = wrapped(room - 0.6 * NUMBER, 3);
        let is_cut = |(lines, tick): (&Vec<Rich>, &Tick)| {
            !tick.label.ends_with('…') && lines.last().is_some_and(|line| line.ends_with('…'))
        };
        if room > 2.0 * NUMBER && !lines.iter().zip(&ticks.major).any(is_cut) {
            return Some(Names { lines, is_upwards: false });
        }
        let most = if room > 3.5 * NUMBER { 2 } else { 1 };
        Some(Names { lines: wrapped(LONGEST, most), is_upwards: true })
    }

    fn height(&self) -> f64 {
        match self.is_upwards {
            true => self.lines.iter().flatten().map(|l| l.width(NUMBER)).fold(0.0, f64::max),
            false => {
                let most = self.lines.iter().map(Vec::len).max().unwrap_or(0);
                most as f64 * LINE * NUMBER
            }
        }
    }

    /// A name below a place.
    fn draw(&self, name: usize, (x, y): Place) -> Vec<Item> {
        let lines = self.lines.get(name).map_or(&[][..], Vec::as_slice);
        let line = |(k, line): (usize, &Rich)| {
            let down = LINE * k as f64;
            let text = match self.is_upwards {
                true => {
                    let x = x + (0.36 + down - LINE * (lines.len() - 1) as f64 / 2.0) * NUMBER;
                    Text::new((x, y), Anchor::End, NUMBER, line.clone())
                }
                false => {
                    let y = y + (0.8 + down) * NUMBER;
                    Text::new((x, y), Anchor::Middle, NUMBER, line.clone())
                }
            };
            Item::Text(Text { is_upwards: self.is_upwards, ..text })
        };
        lines.iter().enumerate().map(line).collect()
    }
}

/// The title of an axis in lines, with the power of ten that its numbers are multiples of.
pub(super) fn axis_title(label: &Label, ticks: &Ticks, size: f64, width: f64) -> Vec<Rich> {
    let mut lines = Rich::of(label).wrap(size, width, 3);
    if let Some(exponent) = ticks.exponent {
        let mut power = Rich::plain("(×");
        power.extend(&Rich::power("1", exponent));
        power.push(")", Face::Regular, Script::Base);
        match lines.last_mut() {
            Some(last) if last.width(size) + 3.0 + power.width(size) <= width => {
                last.push(" ", Face::Regular, Script::Base);
                last.extend(&power);
            }
            _ => lines.push(power),
        }
    }
    lines
}
