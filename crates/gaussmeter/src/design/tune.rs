use super::space::Space;
use crate::exact::gradient::Differentiable;
use crate::exact::steps::LocalErrors;
use crate::exact::{Init, LawMode, Output, Target};
use crate::grid::{Grid, GridError};
use crate::network::Learnt;
use crate::numeric::{Expansion, Minimum, minimise, slope};
use crate::objective::{Objective, Steps};
use crate::sampler::{Sampler, SamplerError};
use crate::spectrum::Mode;
use crate::tape::Plan;
use crate::watch::{Tried, Watch};
use rayon::prelude::*;
use std::ops::Range;
use thiserror::Error;

/// An optimisation problem: an objective of a sampler's output with a network, over a space of schedules.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// What the sampler calls, and what its output should be.
    pub network: &'a Learnt,
    /// The sampler.
    pub sampler: &'a dyn Sampler,
    /// The law that sampling starts from; `Normal { std: None }` follows the level of a free start.
    pub init: &'a Init,
    /// What is minimised.
    pub objective: &'a dyn Objective,
    /// The schedules.
    pub space: &'a Space,
    /// Who may end a search early.
    pub watch: Watch<'a>,
}

/// The result of a descent from one start.
#[derive(Clone, Debug)]
pub struct Descent {
    /// Objective at the start.
    pub before: f64,
    /// Objective at the end.
    pub after: f64,
    /// Parameters at the end.
    pub parameters: Vec<f64>,
    /// How far the first-order conditions are from holding there: the largest derivative of the
    /// logarithm of the objective or, if smaller, the largest cosine of the angle between the
    /// residuals and their derivative with respect to a parameter.
    pub slope: f64,
    /// Number of evaluations of value and gradient.
    pub evaluations: usize,
}

/// Slopes below this count as zero.
const TOLERANCE: f64 = 1e-10;

impl Problem<'_> {
    /// What steps add to the objective, with derivatives by the times `free`; `None` where they add nothing.
    ///
    /// # Errors
    /// [`SamplerError`]
    pub(crate) fn of_steps(
        &self,
        plan: &Plan,
        grid: &Grid,
        free: Range<usize>,
    ) -> Result<Option<Expansion>, SamplerError> {
        let steps = Steps { count: plan.steps(), multistep: plan.is_multistep() };
        let local = self.objective.steps(&steps).filter(|weight| *weight > 0.0);
        let evaluations = self.objective.evaluations(&steps).filter(|weight| *weight > 0.0);
        if local.is_none() && evaluations.is_none() {
            return Ok(None);
        }
        let mut total = Expansion::zero(free.len());
        let steps = LocalErrors::new(self.sampler, grid, free, self.network)?;
        if let Some(weight) = local {
            let mut own = steps.expand(self.init);
            own.scale(weight);
            total.add(&own);
        }
        if let Some(weight) = evaluations {
            let mut own = steps.amplification();
            own.scale(weight);
            total.add(&own);
        }
        Ok(Some(total))
    }

    /// The objective on a grid.
    ///
    /// # Errors
    /// [`SamplerError`]
    pub fn value(&self, grid: &Grid) -> Result<f64, SamplerError> {
        let plan = self.sampler.plan(grid)?;
        let Some(output) = self.output(&plan) else { return Ok(f64::INFINITY) };
        let mut value = match self.objective.counts_output() {
            true => self.shares(&output),
            false => 0.0,
        };
        if let Some(steps) = self.of_steps(&plan, grid, 0..0)? {
            value += steps.value;
        }
        Ok(if value.is_nan() { f64::INFINITY } else { value })
    }

    /// The objective on a grid and its derivatives with respect to the free times.
    fn by_time(&self, grid: &Grid) -> Result<Expansion, SamplerError> {
        let free = self.space.free();
        let steps = self.of_steps(&self.sampler.plan(grid)?, grid, free.clone())?;
        let mut total = steps.unwrap_or_else(|| Expansion::zero(free.len()));
        if self.objective.counts_output() {
            let plan = Differentiable::new(self.sampler, grid, free, self.network)?;
            let shares = |i, mode: &Mode, std, mean| self.objective.share(i, mode, std, mean);
            total.add(&plan.expand(self.init, &shares));
        }
        Ok(total)
    }

    /// The output of a program; `None` where its law is infinite, or none.
    pub(crate) fn output(&self, plan: &Plan) -> Option<Output> {
        Output::by(self.network, plan).ok().filter(|output| output.infinite.is_none())
    }

    /// The shares of all eigenvectors in the objective.
    pub(crate) fn shares(&self, output: &Output) -> f64 {
        let law = output.law_against(self.network.truth(), self.init, Target::Data);
        let pairs = law.modes.iter().zip(self.network.truth()).enumerate();
        let share = |(i, (found, mode)): (usize, (&LawMode, &Mode))| {
            let share = self.objective.share(i, mode, found.variance.sqrt(), found.mean);
            mode.multiplicity * share.value
        };
        pairs.map(share).sum()
    }

    /// The objective and its derivatives with respect to the parameters of the space; infinite if
    /// the grid or the sampler is undefined.
    pub fn expand(&self, q: &[f64]) -> Expansion {
        let n = q.len();
        let nowhere = || Expansion::infinite(n);
        let Ok(grid) = self.space.grid(q) else { return nowhere() };
        let Ok(by_time) = self.by_time(&grid) else { return nowhere() };
        if !by_time.value.is_finite() {
            return nowhere();
        }
        let rows = self.space.jacobian(q, &grid);
        let (m, mut result) = (rows.len(), nowhere());
        result.value = by_time.value;
        for (row, slope) in rows.iter().zip(&by_time.gradient) {
            for (g, d) in result.gradient.iter_mut().zip(row) {
                *g += slope * d;
            }
        }
        // JᵀHJ
        for (k, row) in rows.iter().enumerate() {
            let weights = &by_time.curvature[k * m..][..m];
            let mut product = vec![0.0; n];
            for (other, weight) in rows.iter().zip(weights) {
                for (p, d) in product.iter_mut().zip(other) {
                    *p += weight * d;
                }
            }
            for (i, d) in row.iter().enumerate() {
                for (j, p) in product.iter().enumerate() {
                    result.curvature[i * n + j] += d * p;
                }
            }
        }
        result
    }

    /// [`Problem::expand`] for whoever watches.
    fn shown(&self, q: &[f64]) -> Expansion {
        let at = self.expand(q);
        let grid = || self.space.grid(q).ok();
        self.watch.show(Tried { value: self.objective.readable(at.value), grid: &grid });
        at
    }

    /// Descends from one schedule.
    pub fn descend(&self, start: &Grid, most: usize) -> Descent {
        let (q, bounds) = (self.space.parameters(start), self.space.bounds());
        let before = self.expand(&q).value;
        let Minimum { parameters, at, evaluations } =
            minimise(&|q| self.shown(q), &q, &bounds, TOLERANCE, most, self.watch);
        let slope = slope(&at, &parameters, &bounds);
        Descent { before, after: at.value, parameters, slope, evaluations }
    }

    /// Descends from every schedule, in parallel, in order.
    pub fn descend_all(&self, starts: &[Grid], most: usize) -> Vec<Descent> {
        starts.par_iter().map(|start| self.descend(start, most)).collect()
    }

    /// Continues from where a descent ended.
    fn resume(&self, from: &Descent, most: usize) -> Descent {
        let bounds = self.space.bounds();
        let Minimum { parameters, at, evaluations } =
            minimise(&|q| self.shown(q), &from.parameters, &bounds, TOLERANCE, most, self.watch);
        let slope = slope(&at, &parameters, &bounds);
        let evaluations = from.evaluations + evaluations;
        Descent { before: from.before, after: at.value, parameters, slope, evaluations }
    }

    /// The best schedule found from `starts`: on a condensed spectrum, first a short descent from
    /// each, then long ones from the better half; the best of these is finished on the spectrum
    /// itself. If stopped, returns the best so far with its error on the spectrum itself.
    ///
    /// # Errors
    /// [`TuneError`]
    pub fn tune(&self, starts: &[Grid], effort: Effort) -> Result<Tuned, TuneError> {
        let free = self.space.dim();
        if free > MAX_FREE {
            return Err(TuneError::TooMany { free });
        }
        let small = self.network.condensed(effort.bins);
        // Values given per eigenvalue cannot be assigned to bins.
        let is_indexed = self.objective.is_indexed() || matches!(self.init, Init::Diagonal { .. });
        let coarse = match small.as_ref().filter(|_| !is_indexed) {
            Some(network) => Problem { network, ..*self },
            None => *self,
        };
        // Even if stopped at once, the first start is evaluated.
        let mut descents: Vec<Descent> = starts
            .par_iter()
            .enumerate()
            .filter(|(i, _)| (*i == 0 && !self.watch.is_abandoned()) || !self.watch.is_stopped())
            .map(|(_, start)| coarse.descend(start, effort.short))
            .collect();
        if self.watch.is_abandoned() {
            return Err(TuneError::Abandoned);
        }
        let tried = descents.len();
        descents.sort_by(|a, b| a.after.total_cmp(&b.after));
        let long = descents.len().div_ceil(2);
        let better: Vec<Descent> =
            descents[..long].par_iter().map(|d| coarse.resume(d, effort.long)).collect();
        descents.splice(..long, better);
        descents.sort_by(|a, b| a.after.total_cmp(&b.after));
        let lowest = descents.first().ok_or(TuneError::NoStart)?;
        if !lowest.after.is_finite() {
            return Err(TuneError::Infinite);
        }
        if self.watch.is_abandoned() {
            return Err(TuneError::Abandoned);
        }
        let reached = |d: &&Descent| d.after <= lowest.after * SAME;
        let reached = descents.iter().filter(reached).count();
        let best = self.resume(lowest, effort.last);
        let evaluations = descents.iter().map(|d| d.evaluations).sum::<usize>() + best.evaluations
            - lowest.evaluations;
        let at = self.expand(&best.parameters);
        let flatness = flatness(&at);
        let grid = self.space.grid(&best.parameters)?;
        let best = Descent { evaluations, ..best };
        Ok(Tuned { grid, best, starts: tried, reached, flatness })
    }
}

/// Errors within this factor count as the same.
const SAME: f64 = 1.0 + 1e-3;

/// Most times that can be tuned.
const MAX_FREE: usize = 2000;

/// How much effort a search takes: evaluations in short, long and last descents, and the number of
/// bins of the condensed spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// From every start.
    pub short: usize,
    /// From the better half.
    pub long: usize,
    /// On the spectrum itself.
    pub last: usize,
    /// Eigenvalues of the condensed spectrum.
    pub bins: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { short: 200, long: 2500, last: 60, bins: 128 }
    }
}

/// The best schedule found.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// Its times.
    pub grid: Grid,
    /// The descent that reached it, with the evaluations of all descents.
    pub best: Descent,
    /// Number of starts that were used.
    pub starts: usize,
    /// Number of starts that led to the same error within 0.1 %.
    pub reached: usize,
    /// Second derivatives of the logarithm of the objective along the principal directions of the
    /// log gaps, the flattest first: a move by δ changes the logarithm by half this value times δ².
    pub flatness: Vec<f64>,
}

impl Tuned {
    /// The better of two searches for the same, with the starts and evaluations of both.
    pub(crate) fn or(self, other: Tuned) -> Tuned {
        let starts = self.starts + other.starts;
        let evaluations = self.best.evaluations + other.best.evaluations;
        let (better, worse) = match other.best.after < self.best.after {
            true => (other, self),
            false => (self, other),
        };
        let alike = worse.best.after <= better.best.after * SAME;
        let reached = better.reached + if alike { worse.reached } else { 0 };
        Tuned { starts, reached, best: Descent { evaluations, ..better.best }, ..better }
    }
}

/// Why no schedule was found.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TuneError {
    /// It was stopped, and nobody wants what it had found.
    #[error("stopped")]
    Abandoned,
    /// There is nothing to start from.
    #[error("no schedule to start from")]
    NoStart,
    /// Every schedule tried has an infinite error.
    #[error(
        "every schedule tried has an infinite error: end above 0 with --eps, or use a sampler that does not divide by the noise there"
    )]
    Infinite,
    /// More free times than a matrix of their second derivatives can hold.
    #[error(
        "{free} free times are too many to tune: at most {MAX_FREE}, since memory grows with their square and time with their cube: ask for fewer steps"
    )]
    TooMany {
        /// The number of free times.
        free: usize,
    },
    /// The times found do not form a grid.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// Eigenvalues of the curvature divided by the value, smallest first, by Jacobi rotations.
fn flatness(at: &Expansion) -> Vec<f64> {
    let n = at.gradient.len();
    let mut a: Vec<f64> = at.curvature.iter().map(|c| c / at.value).collect();
    if a.iter().any(|c| !c.is_finite()) {
        return Vec::new();
    }
    for _ in 0..60 {
        let off = |a: &[f64]| {
            let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
            pairs.map(|(i, j)| a[i * n + j].powi(2)).sum::<f64>()
        };
        let diagonal: f64 = (0..n).map(|i| a[i * n + i].powi(2)).sum();
        if off(&a) <= 1e-30 * diagonal {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q] == 0.0 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let (c, s) = (t.hypot(1.0).recip(), t / t.hypot(1.0));
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i * n + i].max(0.0)).collect();
    values.sort_by(f64::total_cmp);
    values
}
