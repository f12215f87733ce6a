//! Exact W2 on the line: the output's quantile function is the sampler's map of that of the start.

use super::{Marginal, Separable, SeparableDenoiser};
use crate::exact::Init;
use crate::level::Level;
use crate::network::DenoiserError;
use crate::numeric::normal::{cdf, density};
use crate::numeric::written;
use crate::paths::{self, Draw, Streams};
use crate::spectrum::Mode;
use crate::tape::Plan;
use rayon::prelude::*;
use std::sync::Arc;
use thiserror::Error;

/// Standard normal scores that are integrated over: beyond are 1.5e-23 of the mass.
const REACH: f64 = 10.0;

/// Intervals at the beginning.
const PANELS: usize = 20;

/// An interval is accepted if both rules agree to this share of the whole.
const ACCURACY: f64 = 1e-12;

/// Most intervals.
const MOST: usize = 20_000;

/// A map that falls where it should rise is not monotone if that may change W2 by more than this share,
/// or by more than this share of the sizes of starts and outputs, whose rounding it may be.
const VISIBLE: f64 = 1e-8;
const ROUNDING: f64 = 1e-12;

/// Positive nodes of the Kronrod extension of Lobatto's rule (Gander & Gautschi 2000), and their weights;
/// the last node is 0.
const NODES: [f64; 7] = [
    1.0,
    0.942_882_415_695_479_7,
    0.816_496_580_927_726,
    0.641_853_342_345_781_3,
    0.447_213_595_499_957_9,
    0.236_383_199_662_149_88,
    0.0,
];
const WEIGHTS: [f64; 7] = [
    0.015_827_191_973_480_183,
    0.094_273_840_218_850_05,
    0.155_071_987_336_585_4,
    0.188_821_573_960_182_45,
    0.199_773_405_226_858_52,
    0.224_926_465_333_339_53,
    0.242_611_071_901_407_73,
];
/// The weights of the rule of seven of these nodes, to compare with: every other one.
const COARSE: [f64; 7] =
    [77.0 / 1470.0, 0.0, 432.0 / 1470.0, 0.0, 625.0 / 1470.0, 0.0, 672.0 / 1470.0];

/// Nodes of an interval.
const COUNT: usize = 13;

/// Quantiles do not give the W2 of a sampler.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum QuantileError {
    /// The sampler draws noise.
    #[error("draws noise, and exact W2 by quantiles is for rules without noise")]
    Stochastic,
    /// The order of outputs is not that of the starts.
    #[error(
        "coordinate {coordinate}: its outputs are not in the order of the starts (they turn at {}), so quantiles give no exact W2: take more steps, or a rule of first order",
        written(.at)
    )]
    NotMonotone {
        /// The coordinate, from 0.
        coordinate: usize,
        /// The start where the order turns.
        at: f64,
    },
    /// The map is too steep at too many places.
    #[error("coordinate {coordinate}: not resolved by {MOST} intervals")]
    Unresolved {
        /// The coordinate, from 0.
        coordinate: usize,
    },
    /// The network failed.
    #[error("{0}")]
    Network(String),
}

impl From<DenoiserError> for QuantileError {
    fn from(error: DenoiserError) -> Self {
        QuantileError::Network(error.to_string())
    }
}

/// W2 between the output of a sampler and data of independent coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableDistance {
    /// W2.
    pub total: f64,
    /// A bound on the error of the integrals, as an error of W2.
    pub error: f64,
    /// W2² per coordinate.
    pub squares: Vec<f64>,
    /// Evaluations of the sampler's map, over all coordinates.
    pub evaluations: usize,
}

/// The exact W2 of a sampler without noise on data of independent coordinates. Each is integrated in
/// the standard normal score z of the start, by adaptive panels: the map is steep where starts part for
/// one mode or another.
///
/// # Errors
/// [`QuantileError`], in particular [`QuantileError::NotMonotone`]: with large steps, rules of higher
/// order may exchange starts.
pub fn wasserstein2(
    plan: &Plan,
    law: &Separable,
    init: &Init,
) -> Result<SeparableDistance, QuantileError> {
    if plan.is_stochastic() {
        return Err(QuantileError::Stochastic);
    }
    let of = |(j, marginal): (usize, &Marginal)| Map::new(plan, marginal, init, j)?.integrate();
    let found: Vec<Integral> =
        law.coordinates().par_iter().enumerate().map(of).collect::<Result<_, _>>()?;
    let squares: Vec<f64> = found.iter().map(|f| f.value).collect();
    let total = squares.iter().sum::<f64>().sqrt();
    let error: f64 = found.iter().map(|f| f.error).sum();
    let error = if total > 0.0 && total.is_finite() { 0.5 * error / total } else { error.sqrt() };
    let evaluations = found.iter().map(|f| f.evaluations).sum();
    Ok(SeparableDistance { total, error, squares, evaluations })
}

/// Shares of outputs, and of data, in the regions where each component of a mixture on the line is the
/// most probable.
#[derive(Clone, Debug, PartialEq)]
pub struct Masses {
    /// Of the output, per component.
    pub output: Vec<f64>,
    /// Of the data: the weights, but for the overlap of components.
    pub data: Vec<f64>,
}

impl Masses {
    /// Σ |output − data|, the error of the masses.
    pub fn error(&self) -> f64 {
        self.output.iter().zip(&self.data).map(|(a, b)| (a - b).abs()).sum()
    }
}

/// The masses of the modes that a sampler without noise gives a mixture on the line, exactly.
///
/// # Errors
/// [`QuantileError`]
pub fn masses(plan: &Plan, law: &Marginal, init: &Init) -> Result<Masses, QuantileError> {
    if plan.is_stochastic() {
        return Err(QuantileError::Stochastic);
    }
    let mut map = Map::new(plan, law, init, 0)?;
    map.integrate()?;
    let regions = law.regions();
    let mut masses =
        Masses { output: vec![0.0; law.weights().len()], data: vec![0.0; law.weights().len()] };
    let (mut below, mut data_below) = (0.0, 0.0);
    for (class, end) in regions {
        let (up_to, data_up_to) = match end {
            f64::INFINITY => (1.0, 1.0),
            end => (map.share_below(end)?, law.cdf(end)),
        };
        masses.output[class] += up_to - below;
        masses.data[class] += data_up_to - data_below;
        (below, data_below) = (up_to, data_up_to);
    }
    Ok(masses)
}

impl Marginal {
    /// The most probable components of data from −∞ to ∞, each with the end of its region.
    fn regions(&self) -> Vec<(usize, f64)> {
        const POINTS: usize = 4096;
        // Without noise, but for what lets atoms be compared.
        let spread = self.variance().sqrt();
        let level = Level { alpha: 1.0, sigma: 1e-12 * spread, ..Level::DATA };
        let ends = |sign: f64| {
            let of = move |k: usize| self.means()[k] + sign * 10.0 * self.stds()[k];
            (0..self.weights().len()).map(of)
        };
        let low = ends(-1.0).fold(f64::INFINITY, f64::min);
        let high = ends(1.0).fold(f64::NEG_INFINITY, f64::max);
        let at = |i: usize| low + (high - low) * i as f64 / (POINTS - 1) as f64;
        let points: Vec<f64> = (0..POINTS).map(at).collect();
        let classes = self.components(&points, &level);
        let mut regions = Vec::new();
        for (pair, x) in classes.windows(2).zip(points.windows(2)) {
            if pair[0] == pair[1] {
                continue;
            }
            let (mut a, mut b) = (x[0], x[1]);
            for _ in 0..80 {
                let middle = 0.5 * (a + b);
                match self.components(&[middle], &level)[0] == pair[0] {
                    true => a = middle,
                    false => b = middle,
                }
            }
            regions.push((pair[0], b));
        }
        regions.push((classes[POINTS - 1], f64::INFINITY));
        regions
    }
}

/// The map of one coordinate from the score of its start to the output.
struct Map<'a> {
    plan: &'a Plan,
    marginal: &'a Marginal,
    denoiser: SeparableDenoiser,
    start: StartLaw,
    coordinate: usize,
    /// Whether outputs fall where starts rise.
    is_falling: bool,
}

/// The law of the start of a coordinate.
enum StartLaw {
    Normal { mean: f64, std: f64 },
    Exact(Marginal),
}

/// An integral over all scores.
struct Integral {
    value: f64,
    error: f64,
    evaluations: usize,
}

/// An interval of scores, with the values at its nodes.
struct Panel {
    ends: (f64, f64),
    starts: [f64; COUNT],
    outputs: [f64; COUNT],
    /// By the rule of all nodes, and its difference from that of half of them.
    value: f64,
    error: f64,
    /// The integral of the squares of outputs and data.
    size: f64,
}

/// The places of the nodes in [−1, 1], with both weights.
fn rule() -> [(f64, f64, f64); COUNT] {
    std::array::from_fn(|i| {
        let k = i.min(COUNT - 1 - i);
        let sign = if i < COUNT / 2 { -1.0 } else { 1.0 };
        (sign * NODES[k], WEIGHTS[k], COARSE[k])
    })
}

impl<'a> Map<'a> {
    fn new(
        plan: &'a Plan,
        marginal: &'a Marginal,
        init: &Init,
        coordinate: usize,
    ) -> Result<Self, QuantileError> {
        let law = Separable { name: String::new(), coordinates: vec![marginal.clone()] };
        let start = match init {
            Init::Exact => StartLaw::Exact(marginal.noisy(&plan.start().marginal())),
            init => {
                let (eigenvalue, mean) = (marginal.variance(), marginal.mean());
                let mode = Mode { eigenvalue, multiplicity: 1.0, mean };
                let (mean, variance) = init.moments(plan.start(), coordinate, &mode);
                StartLaw::Normal { mean, std: variance.sqrt() }
            }
        };
        let denoiser = SeparableDenoiser::new(Arc::new(law));
        let mut map = Map { plan, marginal, denoiser, start, coordinate, is_falling: false };
        let ends = map.outputs(&[-REACH, REACH])?;
        map.is_falling = ends[1] < ends[0];
        Ok(map)
    }

    fn start(&self, z: f64) -> f64 {
        match &self.start {
            StartLaw::Normal { mean, std } => mean + std * z,
            StartLaw::Exact(law) => law.quantile(z),
        }
    }

    fn outputs(&mut self, scores: &[f64]) -> Result<Vec<f64>, QuantileError> {
        let x: Vec<f64> = scores.iter().map(|z| self.start(*z)).collect();
        let mut none = Streams::new(Draw { seed: 0, first: 0, count: 0 });
        Ok(paths::run(self.plan, &mut self.denoiser, x, &mut none, &mut paths::go_on)?)
    }

    fn panels(&mut self, ends: &[(f64, f64)]) -> Result<Vec<Panel>, QuantileError> {
        let rule = rule();
        let scores =
            |(a, b): (f64, f64)| rule.map(|(node, ..)| 0.5 * (a + b) + 0.5 * (b - a) * node);
        let all: Vec<f64> = ends.iter().flat_map(|ends| scores(*ends)).collect();
        let outputs = self.outputs(&all)?;
        let panel = |ends: &(f64, f64), z: &[f64], out: &[f64]| {
            let half = 0.5 * (ends.1 - ends.0);
            let (mut value, mut coarse, mut size) = (0.0, 0.0, 0.0);
            for ((z, y), (_, weight, other)) in z.iter().zip(out).zip(rule) {
                let datum = self.marginal.quantile(if self.is_falling { -z } else { *z });
                let mass = half * density(*z);
                let square = (y - datum) * (y - datum);
                value += weight * mass * square;
                coarse += other * mass * square;
                size += weight * mass * (y * y + datum * datum);
            }
            Panel {
                ends: *ends,
                starts: std::array::from_fn(|i| z[i]),
                outputs: std::array::from_fn(|i| out[i]),
                value,
                error: (value - coarse).abs(),
                size,
            }
        };
        let parts = ends.iter().zip(all.chunks(COUNT)).zip(outputs.chunks(COUNT));
        Ok(parts.map(|((ends, z), out)| panel(ends, z, out)).collect())
    }

    fn integrate(&mut self) -> Result<Integral, QuantileError> {
        let step = 2.0 * REACH / PANELS as f64;
        let mut cuts: Vec<f64> = (0..=PANELS).map(|i| -REACH + step * i as f64).collect();
        cuts.extend(self.marginal.gaps().into_iter().filter(|z| z.abs() < REACH));
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let mut open: Vec<(f64, f64)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
        let mut done: Vec<Panel> = Vec::new();
        let mut evaluations = 0;
        while !open.is_empty() {
            let new = self.panels(&open)?;
            evaluations += COUNT * new.len();
            let all = || done.iter().chain(&new);
            let total: f64 = all().map(|p| p.value).sum();
            if !total.is_finite() {
                return Ok(Integral { value: f64::INFINITY, error: 0.0, evaluations });
            }
            // Outputs and quantiles are rounded.
            let noise = 2.0 * f64::EPSILON * all().map(|p| p.size).sum::<f64>().sqrt();
            let allowed = ACCURACY * total + noise * (total.sqrt() + noise);
            open.clear();
            for panel in new {
                let (a, b) = panel.ends;
                let middle = 0.5 * (a + b);
                if panel.error <= allowed || !(a < middle && middle < b) {
                    done.push(panel);
                } else {
                    open.extend([(a, middle), (middle, b)]);
                }
            }
            if done.len() + open.len() > MOST {
                return Err(QuantileError::Unresolved { coordinate: self.coordinate });
            }
        }
        let sum = |of: fn(&Panel) -> f64| done.iter().map(of).sum::<f64>();
        let (value, error, size) = (sum(|p| p.value), sum(|p| p.error), sum(|p| p.size));
        let (disorder, at) = self.disorder(&mut done);
        let scale = size.sqrt() + (self.start(1.0) - self.start(-1.0)).abs();
        if disorder > VISIBLE * value.sqrt() + ROUNDING * scale {
            let (coordinate, at) = (self.coordinate, self.start(at));
            return Err(QuantileError::NotMonotone { coordinate, at });
        }
        let error = error + disorder * (2.0 * value.sqrt() + disorder);
        Ok(Integral { value, error, evaluations })
    }

    /// How much outputs that are not in the order of the starts may change W2, and the score where they
    /// are so most: twice the distance of the map from its running maximum, which is in their order.
    fn disorder(&self, panels: &mut [Panel]) -> (f64, f64) {
        panels.sort_by(|a, b| a.ends.0.total_cmp(&b.ends.0));
        let sign = if self.is_falling { -1.0 } else { 1.0 };
        let (mut highest, mut sum, mut most) = (f64::NEG_INFINITY, 0.0, (0.0, 0.0));
        for panel in panels.iter() {
            let half = 0.5 * (panel.ends.1 - panel.ends.0);
            for ((z, y), (_, weight, _)) in panel.starts.iter().zip(panel.outputs).zip(rule()) {
                highest = highest.max(sign * y);
                let behind = highest - sign * y;
                let share = half * weight * density(*z) * behind * behind;
                sum += share;
                if share > most.1 {
                    most = (*z, share);
                }
            }
        }
        (2.0 * f64::sqrt(sum), most.0)
    }

    /// The share of outputs below a value.
    fn share_below(&mut self, value: f64) -> Result<f64, QuantileError> {
        let (mut low, mut high) = (-REACH, REACH);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            let is_below = self.outputs(&[middle])?[0] < value;
            match is_below != self.is_falling {
                true => low = middle,
                false => high = middle,
            }
        }
        Ok(cdf(if self.is_falling { -low } else { low }))
    }
}
