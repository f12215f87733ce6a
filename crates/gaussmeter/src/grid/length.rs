//! Levels at equal lengths along a curve through noise ratios.

use super::span::{Data, Span};

/// Nodes per panel. Speeds are analytic in ln s, with their singularities at least π/4 off the line.
const NODES: usize = 16;

/// Width of a panel in ln s.
const WIDTH: f64 = 0.5;

/// More panels than the range of floating-point numbers needs.
const MOST: f64 = 4096.0;

/// How noise ratios s are parametrised within a panel.
#[derive(Clone, Copy, Debug)]
enum Map {
    /// s itself, next to 0.
    Linear,
    /// ln s.
    Log,
    /// s^(−1/2), out to infinity: speeds fall like powers of √s there.
    InverseRoot,
}

impl Map {
    fn of(self, s: f64) -> f64 {
        match self {
            Map::Linear => s,
            Map::Log => s.ln(),
            Map::InverseRoot => s.sqrt().recip(),
        }
    }
    fn ratio(self, y: f64) -> f64 {
        match self {
            Map::Linear => y,
            Map::Log => y.exp(),
            Map::InverseRoot => (y * y).recip(),
        }
    }
    /// |ds/dy|
    fn slope(self, y: f64) -> f64 {
        match self {
            Map::Linear => 1.0,
            Map::Log => y.exp(),
            Map::InverseRoot => 2.0 / (y * y * y),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Panel {
    map: Map,
    /// Where it starts and ends, ascending in s.
    ends: [f64; 2],
}

impl Panel {
    /// The place at x in [−1, 1].
    fn at(&self, x: f64) -> f64 {
        0.5 * (self.ends[0] * (1.0 - x) + self.ends[1] * (1.0 + x))
    }
    fn half_width(&self) -> f64 {
        0.5 * (self.ends[1] - self.ends[0]).abs()
    }
}

/// A quadrature rule on the noise ratios of a span: Gauss–Legendre on panels.
#[derive(Clone, Debug)]
pub(super) struct Quadrature {
    panels: Vec<Panel>,
    rule: ([f64; NODES], [f64; NODES]),
    /// Noise ratios, ascending, and the weights of ∫ · ds.
    pub nodes: Vec<[f64; 2]>,
}

impl Quadrature {
    pub(super) fn new(data: &Data, span: &Span) -> Self {
        let mut panels = Vec::new();
        let (mut from, mut to) = (span.low, span.high);
        let smallest = data.modes.first().map_or(to, |m| m[1].sqrt());
        let largest = data.modes.last().map_or(1.0, |m| m[1].sqrt());
        let mut add = |map: Map, from: f64, to: f64, parts: usize| {
            let [a, b] = [from, to].map(|s| map.of(s));
            let ends = |k: usize| a + (b - a) * k as f64 / parts as f64;
            panels.extend((0..parts).map(|k| Panel { map, ends: [ends(k), ends(k + 1)] }));
        };
        if from == 0.0 {
            let end = (0.25 * smallest).min(to).min(if to.is_finite() { to } else { largest });
            add(Map::Linear, 0.0, end, 1);
            from = end;
        }
        let tail = to.is_infinite().then(|| from.max(4.0 * largest));
        to = tail.unwrap_or(to);
        if from < to {
            let length = match to / from {
                ratio if ratio.is_finite() => ratio.ln(),
                _ => to.ln() - from.ln(),
            };
            let parts = (length / WIDTH).ceil().clamp(1.0, MOST);
            add(Map::Log, from, to, parts as usize);
        }
        if let Some(start) = tail {
            add(Map::InverseRoot, start, f64::INFINITY, 1);
        }
        let rule = gauss_legendre();
        let node = |panel: &Panel| {
            let panel = *panel;
            rule.0.iter().zip(rule.1).map(move |(x, w)| {
                let y = panel.at(*x);
                [panel.map.ratio(y), w * panel.half_width() * panel.map.slope(y)]
            })
        };
        let nodes = panels.iter().flat_map(node).collect();
        Quadrature { panels, rule, nodes }
    }

    /// The levels of a span at equal lengths ∫ speed ds, noisiest first.
    pub(super) fn levels(&self, speeds: &[f64], span: &Span) -> Vec<f64> {
        // Lengths of panels, and for each a Legendre series of the length from its start.
        let series: Vec<[f64; NODES]> = (self.panels.iter().enumerate())
            .map(|(p, panel)| {
                let mut series = [0.0; NODES];
                for (x, w, speed) in (0..NODES).map(|k| {
                    let slope = panel.map.slope(panel.at(self.rule.0[k]));
                    (self.rule.0[k], self.rule.1[k], speeds[p * NODES + k] * slope)
                }) {
                    let values = legendre(x);
                    for (j, s) in series.iter_mut().enumerate() {
                        *s += 0.5 * (2 * j + 1) as f64 * w * panel.half_width() * speed * values[j];
                    }
                }
                series
            })
            .collect();
        let mut ends = Vec::with_capacity(series.len());
        let mut total = 0.0;
        for s in &series {
            total += 2.0 * s[0];
            ends.push(total);
        }
        let parts = (span.count - 1) as f64;
        let level = |k: usize| match k {
            0 => span.high,
            k if k + 1 == span.count => span.low,
            k => {
                let wanted = total * (span.count - 1 - k) as f64 / parts;
                let p = ends.partition_point(|end| *end < wanted).min(series.len() - 1);
                let before = if p == 0 { 0.0 } else { ends[p - 1] };
                let x = place(&series[p], wanted - before);
                self.panels[p].map.ratio(self.panels[p].at(x))
            }
        };
        (0..span.count).map(level).collect()
    }

    /// The levels at equal lengths for a speed in closed form.
    pub(super) fn equal(&self, span: &Span, speed: impl Fn(f64) -> f64) -> Vec<f64> {
        let speeds: Vec<f64> = self.nodes.iter().map(|[s, _]| speed(*s)).collect();
        self.levels(&speeds, span)
    }
}

/// Legendre polynomials up to degree [`NODES`].
fn legendre(x: f64) -> [f64; NODES + 1] {
    let mut p = [1.0; NODES + 1];
    p[1] = x;
    for j in 2..=NODES {
        let n = j as f64;
        p[j] = ((2.0 * n - 1.0) * x * p[j - 1] - (n - 1.0) * p[j - 2]) / n;
    }
    p
}

/// Nodes, ascending, and weights on [−1, 1].
fn gauss_legendre() -> ([f64; NODES], [f64; NODES]) {
    let (mut nodes, mut weights) = ([0.0; NODES], [0.0; NODES]);
    for k in 0..NODES {
        let mut x = -((k as f64 + 0.75) / (NODES as f64 + 0.5) * std::f64::consts::PI).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let p = legendre(x);
            slope = NODES as f64 * (x * p[NODES] - p[NODES - 1]) / (x * x - 1.0);
            x -= p[NODES] / slope;
        }
        nodes[k] = x;
        weights[k] = 2.0 / ((1.0 - x * x) * slope * slope);
    }
    (nodes, weights)
}

/// Where the integral of a positive Legendre series from −1 reaches a value: Newton's method with
/// bounds.
fn place(series: &[f64; NODES], wanted: f64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0);
    let mut x = (wanted / series[0] - 1.0).clamp(-1.0, 1.0);
    for _ in 0..60 {
        let p = legendre(x);
        let (mut integral, mut value) = (series[0] * (x + 1.0), series[0]);
        for j in 1..NODES {
            integral += series[j] * (p[j + 1] - p[j - 1]) / (2 * j + 1) as f64;
            value += series[j] * p[j];
        }
        let off = integral - wanted;
        if off > 0.0 {
            high = x
        } else {
            low = x
        }
        let next = x - off / value;
        let next = if low < next && next < high { next } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-15 {
            return next;
        }
        x = next;
    }
    x
}
