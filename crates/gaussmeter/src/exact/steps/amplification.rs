//! What errors of single evaluations of the network do to the output.

use super::recorded::{Arrival, LocalErrors};
use crate::exact::gradient::Place;
use crate::level::Level;
use crate::network::Prediction;
use crate::numeric::Expansion;
use crate::numeric::differentiation::Row;
use crate::spectrum::Mode;
use crate::tape::Op;
use rayon::prelude::*;

/// Modes per task; sums run over tasks in order, so that results do not depend on the threads.
const TASK: usize = 256;

/// Times that are as near, relatively, are the same.
const NEAR: f64 = 1e-9;

/// An evaluation at a level of the grid that a step uses.
struct Use<'a> {
    kind: Prediction,
    level: Level,
    /// How α and σ there depend on the times.
    rows: &'a [Row; 2],
    /// How the state of the step changes with it, by the step's own combinations.
    coefficient: f64,
    /// How that depends on the times.
    row: Row,
}

impl LocalErrors<'_> {
    /// Σ m Σ_k Σ_i (c_ki ν_i s_N/s_k)², over the evaluations i that step k takes with the coefficients c_ki,
    /// and its derivatives with respect to the free times. With ν² = λσ²/(α²λ + σ²), the variance of the data that
    /// is left in a state (for a denoiser; the same error for other predictions), this times ε² is the mean square
    /// of what every step adds to the output if each evaluation that it uses is off by a random part ε of
    /// what is unknown there, independently. Steps that extrapolate from evaluations that are close together
    /// magnify such errors.
    ///
    /// Evaluations between levels of the grid, and errors that pass through a second evaluation of the same
    /// step, are left out.
    pub fn amplification(&self) -> Expansion {
        let n = self.times;
        let uses: Vec<Vec<Use<'_>>> = self.arrivals.iter().map(|a| self.uses(a)).collect();
        let run = |modes: &[Mode]| {
            let mut sum = Expansion::zero(n);
            modes.iter().for_each(|mode| self.amplified(&uses, mode, &mut sum));
            sum
        };
        let tasks: Vec<Expansion> = self.network.truth().par_chunks(TASK).map(run).collect();
        Expansion::of_parts(n, &tasks)
    }

    fn uses<'a>(&'a self, arrival: &Arrival) -> Vec<Use<'a>> {
        let mut by_vector = vec![0.0; self.var_count];
        by_vector[arrival.state.index()] = 1.0;
        let combine = |k: usize| match &self.ops[k] {
            Op::Combine { dst, terms } => Some((*dst, terms)),
            _ => None,
        };
        for &k in &arrival.cone {
            let Some((dst, terms)) = combine(k) else { continue };
            for (c, v) in terms {
                by_vector[v.index()] += c.value() * by_vector[dst.index()];
            }
        }
        let of = |&k: &usize| {
            let Op::Predict { dst, kind, level, .. } = &self.ops[k] else { return None };
            let coefficient = by_vector[dst.index()];
            let t = level.value().t;
            let nodes = self.arrivals.iter().map(|a| (a.level, &a.rows));
            let start = (self.start.marginal(), &self.start_rows);
            let mut nodes = std::iter::once(start).chain(nodes);
            // Some reach a level of the grid by a formula of their own, up to rounding.
            let (level, rows) = nodes.find(|(node, _)| (node.t - t).abs() <= NEAR * t.abs())?;
            if coefficient == 0.0 || level.sigma == 0.0 {
                return None;
            }
            // The vectors that it moves, by how much.
            let mut moved = vec![0.0; self.var_count];
            moved[dst.index()] = 1.0;
            let mut row = Row::new();
            for &later in arrival.cone.iter().rev().filter(|later| **later > k) {
                let Some((dst, terms)) = combine(later) else { continue };
                moved[dst.index()] =
                    terms.iter().map(|(c, v)| c.value() * moved[v.index()]).sum::<f64>();
            }
            for site in arrival.sites.iter().map(|s| &self.sites[*s]) {
                if let (Place::Term(term), Some((dst, terms))) = (&site.place, combine(site.op)) {
                    let worth = by_vector[dst.index()] * moved[terms[*term].1.index()];
                    row.extend(site.row.iter().map(|(t, slope)| (*t, slope * worth)));
                }
            }
            Some(Use { kind: *kind, level, rows, coefficient, row })
        };
        arrival.cone.iter().filter_map(of).collect()
    }

    fn amplified(&self, uses: &[Vec<Use<'_>>], mode: &Mode, sum: &mut Expansion) {
        let n = self.times;
        let Some(last) = self.arrivals.last() else { return };
        let mut slopes = vec![0.0; n];
        for (j, (arrival, uses)) in self.arrivals.iter().zip(uses).enumerate() {
            let is_last = j + 1 == self.arrivals.len();
            let std = arrival.level.variance(mode.eigenvalue).sqrt();
            let carry = match std {
                _ if is_last => 1.0,
                0.0 => 0.0,
                std => last.level.variance(mode.eigenvalue).sqrt() / std,
            };
            for used in uses {
                let [unknown, by_alpha, by_sigma] = unknown(used, mode.eigenvalue);
                let error = carry * used.coefficient * unknown;
                let touched = &arrival.touched;
                touched.iter().for_each(|t| slopes[*t] = 0.0);
                let mut add = |row: &Row, worth: f64| {
                    row.iter().for_each(|(t, slope)| slopes[*t] += slope * worth);
                };
                add(&used.row, carry * unknown);
                add(&used.rows[0], carry * used.coefficient * by_alpha);
                add(&used.rows[1], carry * used.coefficient * by_sigma);
                if !is_last {
                    for (at, sign) in [(last, 1.0), (arrival, -1.0)] {
                        let [alpha, sigma] = relative(&at.level, mode.eigenvalue);
                        add(&at.rows[0], sign * error * alpha);
                        add(&at.rows[1], sign * error * sigma);
                    }
                }
                sum.value += mode.multiplicity * error * error;
                for (at, &a) in touched.iter().enumerate() {
                    let weighed = 2.0 * mode.multiplicity * slopes[a];
                    sum.gradient[a] += weighed * error;
                    for &b in &touched[at..] {
                        sum.curvature[a * n + b] += weighed * slopes[b];
                    }
                }
            }
        }
    }
}

/// How ln s changes with α and σ.
fn relative(level: &Level, lambda: f64) -> [f64; 2] {
    match level.variance(lambda) {
        0.0 => [0.0; 2],
        variance => [level.alpha * lambda / variance, level.sigma / variance],
    }
}

/// ν of a prediction, and its derivatives by α and σ: an error of the denoiser is one of as many times of it.
fn unknown(used: &Use, lambda: f64) -> [f64; 3] {
    let Level { alpha, sigma, .. } = used.level;
    let [times, by_alpha, by_sigma] = match used.kind {
        Prediction::Denoiser => [1.0, 0.0, 0.0],
        Prediction::Noise => [-alpha / sigma, -1.0 / sigma, alpha / (sigma * sigma)],
        Prediction::Score => {
            let square = sigma * sigma;
            [alpha / square, 1.0 / square, -2.0 * alpha / (square * sigma)]
        }
        Prediction::V => {
            let ratio = alpha / sigma;
            [-(alpha * ratio + sigma), -2.0 * ratio, ratio * ratio - 1.0]
        }
        Prediction::Flow => [-1.0 - alpha / sigma, -1.0 / sigma, alpha / (sigma * sigma)],
        Prediction::Velocity => of_velocity(&used.level),
    };
    let std = used.level.variance(lambda).sqrt();
    let left = lambda.sqrt() * sigma / std;
    let cube = std * std * std;
    let left_by_alpha = -lambda.sqrt() * sigma * alpha * lambda / cube;
    let left_by_sigma = lambda.sqrt() * alpha * alpha * lambda / cube;
    [times * left, by_alpha * left + times * left_by_alpha, by_sigma * left + times * left_by_sigma]
}

/// α′ − αr with r = σσ′/σ², which the velocity α′D + r (x − αD) is of D; by α and σ as these change with t, along
/// the one that changes faster.
fn of_velocity(level: &Level) -> [f64; 3] {
    let Level { alpha, sigma, alpha_prime, sigma_sigma_prime, .. } = *level;
    let square = sigma * sigma;
    let rate = sigma_sigma_prime / square;
    let rate_by_t = level.sigma_sigma_second / square - 2.0 * rate * rate;
    let by_t = level.alpha_second - alpha_prime * rate - alpha * rate_by_t;
    let times = alpha_prime - alpha * rate;
    let sigma_prime = sigma_sigma_prime / sigma;
    match sigma_prime.abs() >= alpha_prime.abs() {
        true if sigma_prime == 0.0 => [times, 0.0, 0.0],
        true => [times, 0.0, by_t / sigma_prime],
        false => [times, by_t / alpha_prime, 0.0],
    }
}
