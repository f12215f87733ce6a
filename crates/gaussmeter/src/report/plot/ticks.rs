//! Where axes have ticks, and what is written there.

use super::axis::{Placed, exponent};
use super::rich::{Rich, minus};
use crate::report::Label;
use crate::report::figure::Scale;

/// The ticks of an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    pub major: Vec<Tick>,
    /// Places without a label.
    pub minor: Vec<f64>,
    /// The power of ten that labels are multiples of.
    pub exponent: Option<i32>,
}

/// A tick with a label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// From 0 to 1 along the axis.
    pub at: f64,
    pub label: Rich,
}

/// The room for labels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// The length of the axis in points.
    pub length: f64,
    pub size: f64,
    /// Whether labels stand beside each other, not above each other.
    pub is_horizontal: bool,
    /// The width of a label of a size.
    pub width: fn(&Rich, f64) -> f64,
}

impl Room {
    /// The length that a label takes, with what separates it from the next.
    pub fn of(&self, label: &Rich) -> f64 {
        match self.is_horizontal {
            true => (self.width)(label, self.size) + 0.8 * self.size,
            false => 1.35 * self.size,
        }
    }

    /// Whether no two labels collide, and none are crowded.
    fn fits(&self, ticks: &[Tick]) -> bool {
        let least = self.size * if self.is_horizontal { 3.2 } else { 2.2 };
        let mut sorted: Vec<&Tick> = ticks.iter().collect();
        sorted.sort_by(|a, b| a.at.total_cmp(&b.at));
        sorted.windows(2).all(|pair| {
            let apart = (pair[1].at - pair[0].at) * self.length;
            apart >= (self.of(&pair[0].label) + self.of(&pair[1].label)) / 2.0
                && apart >= least.min(self.length / 2.5)
        })
    }

    /// The first of some candidates that fits with two ticks at least; otherwise the one with most ticks
    /// that fits, or where none does, a single tick of the last one.
    fn choose(&self, candidates: impl IntoIterator<Item = Ticks>) -> Ticks {
        let (mut best, mut last) = (Ticks::default(), Ticks::default());
        for candidate in candidates {
            let count = candidate.major.len();
            match self.fits(&candidate.major) {
                true if count >= 2 => return candidate,
                true if count > best.major.len() => best = candidate,
                false => last = candidate,
                true => {}
            }
        }
        if best.major.is_empty() {
            let from_middle = |tick: &Tick| (tick.at - 0.5).abs();
            last.major.sort_by(|a, b| from_middle(a).total_cmp(&from_middle(b)));
            last.major.truncate(1);
            return last;
        }
        best
    }
}

impl Placed<'_> {
    /// Ticks of which no two collide.
    pub fn ticks(&self, room: Room) -> Ticks {
        match &self.axis.scale {
            Scale::Names(names) => self.names(names, room),
            Scale::Linear => room.choose(self.linear(room)),
            Scale::Log => self.log(room),
        }
    }

    /// As many names as there is room for, evenly chosen. Labels are written by others, who may have other
    /// room.
    fn names(&self, names: &[Label], room: Room) -> Ticks {
        let each = room.length / names.len().max(1) as f64;
        let every = ((1.35 * room.size / each).ceil() as usize).max(1);
        let tick =
            |(k, name): (usize, &Label)| Tick { at: self.along(k as f64), label: Rich::of(name) };
        let major = names.iter().enumerate().step_by(every).map(tick).collect();
        Ticks { major, ..Ticks::default() }
    }

    /// From narrow steps to wide ones, of 1, 2 or 5 times a power of ten, and one that has ticks on any axis.
    fn linear(&self, room: Room) -> impl Iterator<Item = Ticks> {
        let range = self.high - self.low;
        // No more than an inch of a page has in matplotlib's style.
        let most = (room.length / (room.size * 2.2)).clamp(2.0, 12.0);
        let first = exponent(range / most);
        let steps = (first..first + 3).flat_map(|e| [(1.0, e), (2.0, e), (5.0, e)]);
        let steps = steps.filter(move |(m, e)| range / (m * 10f64.powi(*e)) <= most);
        let any = std::iter::once((1.0, exponent(range)));
        steps.chain(any).map(move |(mantissa, e)| self.steps(mantissa, e))
    }

    /// Multiples of `mantissa` · 10^`power` (in the unit of the axis).
    fn steps(&self, mantissa: f64, power: i32) -> Ticks {
        let step = mantissa * 10f64.powi(power);
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        let count = (last - first + 1.0).max(0.0) as usize;
        let values: Vec<f64> = (0..count).map(|k| (first + k as f64) * step).collect();
        let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let e = self.exponent + exponent(largest);
        // A shared power of ten where numbers would be long.
        let shared = (largest > 0.0 && !(-3..5).contains(&e)).then_some(e);
        let shift = self.exponent - shared.unwrap_or(0);
        let decimals = (-(power + shift)).max(0) as usize;
        let tick = |value: &f64| {
            let shown = value * 10f64.powi(shift);
            let text = format!("{:.decimals$}", if shown.abs() < 1e-12 { 0.0 } else { shown });
            Tick { at: self.along(*value), label: Rich::plain(&minus(&text)) }
        };
        Ticks { major: values.iter().map(tick).collect(), minor: Vec::new(), exponent: shared }
    }

    fn log(&self, room: Room) -> Ticks {
        let decades = self.high.floor() - self.low.ceil() + 1.0;
        let chosen = match decades >= 3.0 {
            true => room.choose(self.decades(room)),
            false => room.choose(self.few_decades(room)),
        };
        match chosen.major.len() {
            0 | 1 => {
                let within = room.choose(self.within_a_decade(room));
                if within.major.len() > chosen.major.len() { within } else { chosen }
            }
            _ => chosen,
        }
    }

    /// Powers of ten.
    fn decades(&self, room: Room) -> impl Iterator<Item = Ticks> {
        let per_decade = room.length / (self.high - self.low);
        [1, 2, 3, 5, 10, 20, 50, 100, 200, 500].into_iter().map(move |every| {
            let (first, last) = (self.low.ceil() as i32, self.high.floor() as i32);
            let (shown, others): (Vec<i32>, Vec<i32>) =
                (first..=last).partition(|e| e.rem_euclid(every) == 0);
            let tick =
                |e: &i32| Tick { at: self.along(f64::from(*e)), label: Rich::power("1", *e) };
            let minor = match every {
                1 if per_decade >= 14.0 => self.between(&[1.0]),
                1 => Vec::new(),
                _ if per_decade >= 3.0 => {
                    others.iter().map(|e| self.along(f64::from(*e))).collect()
                }
                _ => Vec::new(),
            };
            Ticks { major: shown.iter().map(tick).collect(), minor, exponent: None }
        })
    }

    /// 1, 2 and 5 times powers of ten.
    fn few_decades(&self, room: Room) -> impl Iterator<Item = Ticks> {
        let sets: [&[f64]; 4] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0, 5.0], &[1.0]];
        let per_decade = room.length / (self.high - self.low);
        sets.into_iter().map(move |set| {
            let factors = self.factors().filter(|(m, _)| set.contains(m));
            let tick = |(m, e): (f64, i32)| Tick {
                at: self.along(m.log10() + f64::from(e)),
                label: number(m, e, self),
            };
            let minor = if per_decade >= 20.0 { self.between(set) } else { Vec::new() };
            Ticks { major: factors.map(tick).collect(), minor, exponent: None }
        })
    }

    /// Even steps on an axis of less than a decade.
    fn within_a_decade(&self, room: Room) -> Vec<Ticks> {
        let exponent = self.low.floor() as i32;
        let unit = |own: f64| 10f64.powf(own - f64::from(exponent));
        let (low, high) = (unit(self.low), unit(self.high));
        if high > 100.0 {
            return Vec::new();
        }
        let linear = Placed { low, high, exponent, ..self.clone() };
        let mut candidates: Vec<Ticks> = linear.linear(room).collect();
        let from = |tick: &mut Tick| {
            tick.at = self.along(linear.back(tick.at).log10() + f64::from(exponent));
        };
        candidates.iter_mut().for_each(|ticks| ticks.major.iter_mut().for_each(from));
        candidates.retain(|ticks| ticks.major.iter().all(|tick| tick.at.is_finite()));
        candidates
    }

    /// The place that is at a part of the axis, in the unit of its ends.
    fn back(&self, at: f64) -> f64 {
        let start = self.along(self.low);
        self.low + (at - start).abs() * (self.high - self.low)
    }

    /// Whole multiples of powers of ten within the axis.
    fn factors(&self) -> impl Iterator<Item = (f64, i32)> {
        let exponents = self.low.floor() as i32..=self.high.floor() as i32;
        let all = exponents.flat_map(|e| (1..10).map(move |m| (f64::from(m), e)));
        all.filter(|(m, e)| (self.low..=self.high).contains(&(m.log10() + f64::from(*e))))
    }

    /// Places of whole multiples of powers of ten, without some factors.
    fn between(&self, without: &[f64]) -> Vec<f64> {
        let others = self.factors().filter(|(m, _)| !without.contains(m));
        others.map(|(m, e)| self.along(m.log10() + f64::from(e))).collect()
    }
}

/// A factor and a power of ten: as a plain number where all numbers of the axis are short.
fn number(factor: f64, power: i32, axis: &Placed) -> Rich {
    let is_short = axis.low >= -3.0 && axis.high < 5.0;
    match is_short {
        true => {
            let decimals = (-power).max(0) as usize;
            Rich::plain(&format!("{:.decimals$}", factor * 10f64.powi(power)))
        }
        false => Rich::power(&factor.to_string(), power),
    }
}
