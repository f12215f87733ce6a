//! An axis with its range: where values go between its ends.

use crate::report::figure::{Axis, Bar, Marks, Panel, Scale, Series};

/// An axis whose ends are known.
#[derive(Clone, Debug)]
pub(crate) struct Placed<'a> {
    pub axis: &'a Axis,
    /// The ends: exponents of 10 on a logarithmic axis, otherwise multiples of 10^`exponent`.
    pub low: f64,
    pub high: f64,
    /// The power of ten that values of a linear axis are multiples of, so that nothing overflows.
    pub exponent: i32,
    /// Whether the first end is at the top or at the right.
    pub is_reversed: bool,
}

/// The room beyond the outermost values, as a part of the range.
const MARGIN: f64 = 0.03;

/// A range below this part of its values is a single value: ticks of as many digits would not be read.
const SINGLE: f64 = 1e-9;

impl<'a> Placed<'a> {
    /// The horizontal axis of a panel.
    pub fn x(panel: &'a Panel) -> Self {
        let values = panel.series.iter().flat_map(|series| values(series, true));
        let mut placed = Placed::around(&panel.x, values.collect());
        placed.stand_on_zero(panel);
        placed
    }

    /// The vertical axis of a panel.
    pub fn y(panel: &'a Panel) -> Self {
        let values = panel.series.iter().flat_map(|series| values(series, false));
        let mut placed = Placed::around(&panel.y, values.collect());
        if matches!(panel.y.scale, Scale::Names(_)) {
            placed.is_reversed = !placed.is_reversed;
        }
        placed.stand_on_zero(panel);
        placed
    }

    fn around(axis: &'a Axis, values: Vec<f64>) -> Self {
        let is_reversed = axis.is_reversed;
        let mut placed = Placed { axis, low: 0.0, high: 1.0, exponent: 0, is_reversed };
        match &axis.scale {
            Scale::Names(names) => {
                (placed.low, placed.high) = (-0.5, names.len().max(1) as f64 - 0.5);
                return placed;
            }
            Scale::Log => {
                if let Some((low, high)) = range(values.iter().map(|v| v.log10())) {
                    (placed.low, placed.high) = (low, high);
                    if high - low < SINGLE {
                        (placed.low, placed.high) = (low - 0.5, high + 0.5);
                    }
                }
            }
            Scale::Linear => {
                if let Some((low, high)) = range(values.into_iter()) {
                    placed.exponent = exponent(low.abs().max(high.abs()));
                    let unit = |v: f64| scaled(v, -placed.exponent);
                    (placed.low, placed.high) = (unit(low), unit(high));
                    if placed.high - placed.low < SINGLE {
                        let half = if low == 0.0 { 1.0 } else { 0.5 * placed.low.abs() };
                        (placed.low, placed.high) = (placed.low - half, placed.high + half);
                    }
                }
            }
        }
        placed.widen(MARGIN, MARGIN);
        placed
    }

    /// An axis of colours, from its least to its largest value; `None` if there is but one.
    pub fn of_colours(axis: &'a Axis, values: Vec<f64>) -> Option<Self> {
        let own = values.iter().map(|v| if axis.is_log() { v.log10() } else { *v });
        let (low, high) = range(own)?;
        let mut placed = Placed::around(axis, values);
        placed.widen(-MARGIN / (1.0 + 2.0 * MARGIN), -MARGIN / (1.0 + 2.0 * MARGIN));
        (low < high).then_some(placed)
    }

    /// Moves the ends by parts of the range.
    fn widen(&mut self, below: f64, above: f64) {
        let range = self.high - self.low;
        self.low -= below * range;
        self.high += above * range;
    }

    /// Where all bars start at zero, it is the end of the axis; where they start at the end of a logarithmic
    /// axis, the smallest is long enough to be seen.
    fn stand_on_zero(&mut self, panel: &Panel) {
        let is_x = std::ptr::eq(self.axis, &panel.x);
        let ends = |bar: &Bar| if is_x { (bar.left, bar.right) } else { (bar.low, bar.high) };
        let bars = || {
            panel.series.iter().filter_map(|series| match &series.marks {
                Marks::Bars(bars) => Some(bars.iter().map(ends)),
                _ => None,
            })
        };
        let starts_at_zero = bars().flatten().any(|(low, high)| low == 0.0 || high == 0.0);
        match self.axis.scale {
            Scale::Log if starts_at_zero => self.widen(0.1, 0.0),
            Scale::Linear if starts_at_zero => {
                let margin = MARGIN / (1.0 + 2.0 * MARGIN) * (self.high - self.low);
                // The margin lies on the other side of zero.
                if (0.0..1.01 * margin).contains(&-self.low) {
                    self.low = 0.0;
                } else if (0.0..1.01 * margin).contains(&self.high) {
                    self.high = 0.0;
                }
            }
            _ => {}
        }
    }

    /// The length of the axis in its unit, for planes.
    pub fn length(&self) -> f64 {
        scaled(self.high - self.low, self.exponent)
    }

    /// Makes it longer about its middle. What would hardly be seen then keeps its length.
    pub fn lengthen(&mut self, factor: f64) {
        if (1.0..100.0).contains(&factor) {
            self.widen((factor - 1.0) / 2.0, (factor - 1.0) / 2.0);
        }
    }

    /// Where a value is, from 0 at the left or at the bottom to 1; `None` if it cannot be shown.
    pub fn at(&self, value: f64) -> Option<f64> {
        self.axis.place(value)?;
        let own = match self.axis.scale {
            Scale::Log => value.log10(),
            _ => scaled(value, -self.exponent),
        };
        Some(self.along(own))
    }

    /// The same for the ends of what is drawn up to the end of the axis if it is beyond: 0 on a logarithmic
    /// axis, and infinity. `None` for NaN.
    pub fn at_or_end(&self, value: f64) -> Option<f64> {
        match self.at(value) {
            Some(at) => Some(at.clamp(0.0, 1.0)),
            None if value.is_nan() => None,
            None => Some(if (value > 0.0) != self.is_reversed { 1.0 } else { 0.0 }),
        }
    }

    /// The same in the unit of `low` and `high`.
    pub fn along(&self, own: f64) -> f64 {
        let at = (own - self.low) / (self.high - self.low);
        if self.is_reversed { 1.0 - at } else { at }
    }
}

/// The values that must be within an axis, finite or not.
fn values(series: &Series, is_x: bool) -> Vec<f64> {
    let of = |(x, y): (f64, f64)| if is_x { x } else { y };
    // A point whose other half cannot be shown is not drawn.
    let is_shown = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    let corners = series.extent();
    match series.marks {
        Marks::Line(_) => corners.into_iter().filter(is_shown).map(of).collect(),
        _ => corners.into_iter().map(of).collect(),
    }
}

/// The least and the largest finite value.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let join = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), join);
    (low <= high).then_some((low, high))
}

/// The exponent of the power of ten below a value; 0 for 0.
pub(crate) fn exponent(value: f64) -> i32 {
    if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 }
}

/// `value` · 10^`exponent`, in two steps as the power may be beyond the range of floats.
pub(crate) fn scaled(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * 10f64.powi(half) * 10f64.powi(exponent - half)
}
