//! Lines without the points that nobody sees.

use super::figure::{Axis, Bar, Estimate, FieldCell, Marks, Panel, Scale, Series};

/// A line with at most this many points shows each of them.
pub(super) const FEW: usize = 30;

/// The part of a line that is drawn.
pub(super) struct Drawn {
    /// The points between gaps.
    pub runs: Vec<Vec<(f64, f64)>>,
    /// How far omitted points may lie from the line, as a fraction of the figure.
    pub tolerance: f64,
    /// The number of points that cannot be shown.
    pub without_place: usize,
}

impl Axis {
    /// Where a value goes, before the axis is scaled; `None` if it cannot be shown.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = if self.scale == Scale::Log { value.log10() } else { value };
        let is_there = match &self.scale {
            Scale::Names(names) => (-0.5..=names.len() as f64 - 0.5).contains(&place),
            _ => place.is_finite(),
        };
        is_there.then_some(place)
    }
}

impl Series {
    /// The corners of everything that is drawn.
    pub(super) fn extent(&self) -> Vec<(f64, f64)> {
        match &self.marks {
            Marks::Line(points) => points.clone(),
            Marks::Points(points) => {
                let ends = |p: &Estimate| {
                    let (low, high) = p.interval.unwrap_or((p.y, p.y));
                    [(p.x, p.y), (p.x, low), (p.x, high)]
                };
                points.iter().flat_map(ends).collect()
            }
            Marks::Band(points) => {
                points.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]).collect()
            }
            Marks::Bars(bars) => {
                let corners = |b: &Bar| [(b.left, b.low), (b.right, b.high)];
                bars.iter().flat_map(corners).collect()
            }
            Marks::Field(cells) => {
                let corner = |c: &FieldCell, by: f64| (c.x as f64 + by, c.y as f64 + by);
                cells.iter().flat_map(|c| [corner(c, -0.5), corner(c, 0.5)]).collect()
            }
        }
    }
}

impl Panel {
    /// The lines without visually redundant points, with about `most` points each: one for each series
    /// that is a line.
    pub(super) fn lines(&self, most: usize) -> Vec<Option<Drawn>> {
        let place = |p: (f64, f64)| Some((self.x.place(p.0)?, self.y.place(p.1)?));
        let places: Vec<(f64, f64)> =
            self.series.iter().flat_map(Series::extent).filter_map(place).collect();
        let x = unit(places.iter().map(|(x, _)| *x));
        let y = unit(places.iter().map(|(_, y)| *y));
        let unit = |p: &(f64, f64)| place(*p).map(|(u, v)| (x(u), y(v)));
        let line = |series: &Series| match &series.marks {
            Marks::Line(points) => Some(drawn(points, unit, most)),
            _ => None,
        };
        self.series.iter().map(line).collect()
    }
}

/// `unit` maps a point to the unit square.
fn drawn(
    points: &[(f64, f64)],
    unit: impl Fn(&(f64, f64)) -> Option<(f64, f64)>,
    most: usize,
) -> Drawn {
    // A tenth of a point on a page.
    const INVISIBLE: f64 = 2.5e-4;
    let placed: Vec<_> = points.iter().map(|p| Some((*p, unit(p)?))).collect();
    let runs: Vec<Vec<_>> = placed
        .split(Option::is_none)
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().flatten().copied().collect())
        .collect();
    let without_place = placed.iter().filter(|p| p.is_none()).count();
    let mut tolerance = if points.len() <= FEW { 0.0 } else { INVISIBLE };
    loop {
        let runs: Vec<_> = runs.iter().map(|run| thin(run, tolerance)).collect();
        if runs.iter().map(Vec::len).sum::<usize>() <= most.max(FEW) || tolerance > 1.0 {
            return Drawn { runs, tolerance, without_place };
        }
        tolerance *= 1.5;
    }
}

/// Maps the range of the values to the unit interval.
fn unit(values: impl Iterator<Item = f64>) -> impl Fn(f64) -> f64 {
    let (min, max) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), v| (min.min(v), max.max(v)));
    // Halves, as the range of finite values may be infinite.
    let width = max / 2.0 - min / 2.0;
    let width = if width > 0.0 { width } else { 1.0 };
    move |v| (v / 2.0 - min / 2.0) / width
}

/// The points, each with its position, needed for a line within `tolerance` of all of them (Ramer,
/// Douglas & Peucker). The first, last, smallest and largest are kept.
fn thin<P: Copy>(run: &[(P, (f64, f64))], tolerance: f64) -> Vec<P> {
    let height = |i: &usize| run[*i].1.1;
    let by_height = |a: &usize, b: &usize| height(a).total_cmp(&height(b));
    let extremes = [(0..run.len()).min_by(by_height), (0..run.len()).max_by(by_height)];
    let mut kept: Vec<usize> = extremes.into_iter().flatten().chain([0, run.len() - 1]).collect();
    kept.sort_unstable();
    kept.dedup();
    let mut open: Vec<(usize, usize)> = kept.windows(2).map(|w| (w[0], w[1])).collect();
    while let Some((a, b)) = open.pop() {
        let distances = (a + 1..b).map(|i| (i, distance(run[i].1, run[a].1, run[b].1)));
        match distances.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((farthest, distance)) if distance >= tolerance => {
                kept.push(farthest);
                open.extend([(a, farthest), (farthest, b)]);
            }
            _ => {}
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|i| run[i].0).collect()
}

/// Distance from a point to a segment.
fn distance(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = (dx * dx + dy * dy).max(f64::MIN_POSITIVE);
    let along = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length2).clamp(0.0, 1.0);
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}
