//! Exact derivatives of the law of a sampler's output with respect to the times of its grid.
//!
//! The transposed program of [`Output::of`](super::Output::of) gives the adjoint a of every vector:
//! its coefficient in the output. Standard deviation and mean are functions of adjoints, so their
//! derivatives with respect to a coefficient need the adjoint of *that* linear program, which is
//! the program itself, run forwards from seeds:
//!
//! ∂s/∂c = a(dst) y(src) for a term c · src of dst.
//!
//! That makes two sweeps per mode for any number of times; the chain rule along the recorded
//! [`Graph`](crate::numeric::differentiation::Graph) leads from coefficients to times.

use super::Init;
use super::response::{Block, LANES, Learning, Response, ZERO, is_singular, numbers, responses};
use crate::grid::Grid;
use crate::level::Level;
use crate::network::{Learnt, PARTS};
use crate::numeric::Expansion;
use crate::numeric::differentiation::{Real, Row, record};
use crate::objective::Share;
use crate::sampler::{self, Sampler, SamplerError};
use crate::spectrum::Mode;
use crate::tape::{Op, Var};
use rayon::prelude::*;
use std::ops::Range;

/// Modes per task; sums run over tasks in order, so that results do not depend on the threads.
const TASK: usize = 8 * LANES;

/// An error that is a sum over eigenvectors: computes the share of one (without the multiplicity)
/// from its index, the mode of the data, and the standard deviation and mean of the output.
pub type Shares<'a> = &'a (dyn Fn(usize, &Mode, f64, f64) -> Share + Sync);

/// A sampler on a grid, some of whose times are variables, with the network that it calls.
#[derive(Debug)]
pub struct Differentiable<'n> {
    network: &'n Learnt,
    ops: Vec<Op<Real>>,
    var_count: usize,
    start: Level,
    output: Var,
    /// Number of free times.
    times: usize,
    /// The coefficients of the program that depend on the times.
    sites: Vec<Site>,
    /// How α and σ at the start depend on the times.
    start_rows: [Row; 2],
}

/// A coefficient of the program that depends on the times.
#[derive(Debug)]
pub(super) struct Site {
    pub op: usize,
    pub place: Place,
    /// Its derivatives with respect to the times.
    pub row: Row,
}

#[derive(Debug)]
pub(super) enum Place {
    /// A term of a combination.
    Term(usize),
    /// One of the numbers that a prediction depends on.
    Part(usize),
}

/// A program, and how its coefficients depend on the free times of its grid.
pub(super) struct Recorded {
    pub ops: Vec<Op<Real>>,
    pub var_count: usize,
    pub start: Level,
    pub output: Var,
    /// Number of free times.
    pub times: usize,
    /// The coefficients that depend on them.
    pub sites: Vec<Site>,
    /// How α and σ of states depend on them: at the start, and in every arrival.
    pub start_rows: [Row; 2],
    pub arrival_rows: Vec<[Row; 2]>,
}

impl Recorded {
    /// Records a sampler with the times `free` of its grid as variables; if `with_arrivals`, also how the
    /// levels of its arrivals depend on them.
    pub fn new(
        sampler: &dyn Sampler,
        grid: &Grid,
        free: Range<usize>,
        with_arrivals: bool,
        network: &Learnt,
    ) -> Result<Self, SamplerError> {
        // This checks that every coefficient is finite.
        sampler.plan(grid)?;
        let (recorded, graph) = record(|| {
            let (grid, times) = grid.with_variables(free);
            let start = grid.steps().next().map(|s| s.from.marginal());
            let start = start.map(|level| [level.alpha, level.sigma]);
            let (tape, x) = sampler::tape(&grid);
            let output = sampler.record(&grid, &tape, x)?;
            let (ops, var_count) = tape.into_ops();
            let (ops, var_count) = network.rewrite(ops, var_count);
            let mut sites: Vec<(usize, Place, Real)> = Vec::new();
            let mut levels = vec![start.unwrap_or_default()];
            for (op, operation) in ops.iter().enumerate() {
                match operation {
                    Op::Combine { terms, .. } => {
                        let places = terms.iter().enumerate();
                        sites.extend(places.map(|(term, (c, _))| (op, Place::Term(term), *c)));
                    }
                    Op::Predict { kind, level, .. } => {
                        let places = numbers(network, *kind, level).into_iter().enumerate();
                        sites.extend(places.map(|(part, c)| (op, Place::Part(part), c)));
                    }
                    Op::Arrive { level, .. } if with_arrivals => {
                        let level = level.marginal();
                        levels.push([level.alpha, level.sigma]);
                    }
                    Op::Noise { .. } | Op::Arrive { .. } => {}
                }
            }
            sites.retain(|(_, _, c)| !c.is_constant());
            Ok::<_, SamplerError>((ops, var_count, levels, output, times, sites))
        });
        let (ops, var_count, levels, output, times, sites) = recorded?;
        let of_levels = levels.iter().flatten().copied();
        let numbers: Vec<Real> = sites.iter().map(|s| s.2).chain(of_levels).collect();
        let mut rows = graph.jacobian(&numbers, &times).into_iter();
        let sites = sites
            .into_iter()
            .map(|(op, place, _)| Site { op, place, row: rows.next().unwrap_or_default() })
            .collect();
        let mut pairs = levels.iter().map(|_| [0, 1].map(|_| rows.next().unwrap_or_default()));
        let start_rows = pairs.next().unwrap_or_default();
        let arrival_rows = pairs.collect();
        let (start, times) = (*grid.start(), times.len());
        Ok(Recorded { ops, var_count, start, output, times, sites, start_rows, arrival_rows })
    }
}

impl<'n> Differentiable<'n> {
    /// Records a sampler with the times `free` of its grid as variables. A time where σ = 0 cannot
    /// be a variable. The network may be any whose answers do not depend on the step (cfg++).
    ///
    /// # Errors
    /// [`SamplerError`]: the sampler is undefined on this grid.
    pub fn new(
        sampler: &dyn Sampler,
        grid: &Grid,
        free: Range<usize>,
        network: &'n Learnt,
    ) -> Result<Self, SamplerError> {
        let Recorded { ops, var_count, start, output, times, sites, start_rows, .. } =
            Recorded::new(sampler, grid, free, false, network)?;
        Ok(Differentiable { network, ops, var_count, start, output, times, sites, start_rows })
    }

    /// An error and its derivatives with respect to the free times. If the law is infinite, the
    /// value is infinite and the derivatives are 0.
    pub fn expand(&self, init: &Init, shares: Shares<'_>) -> Expansion {
        let n = self.times;
        let responses = responses(self.network, &self.ops);
        if is_singular(self.network, &self.ops, &responses) {
            return Expansion::infinite(n);
        }
        let run = Run { plan: self, responses, init, shares };
        let of = |(task, modes): (usize, &[Mode])| {
            let mut sum = Expansion::zero(n);
            let mut machine = Machine::new(self, self.network.has_mean());
            for (k, block) in modes.chunks(LANES).enumerate() {
                machine.run(&run, task * TASK + k * LANES, block, &mut sum);
            }
            sum
        };
        let modes = self.network.truth();
        let tasks: Vec<Expansion> = modes.par_chunks(TASK).enumerate().map(of).collect();
        Expansion::of_parts(n, &tasks)
    }
}

/// What is the same for all blocks.
struct Run<'a> {
    plan: &'a Differentiable<'a>,
    responses: Vec<Option<Response<'a>>>,
    init: &'a Init,
    shares: Shares<'a>,
}

/// One block of modes.
struct Machine {
    has_mean: bool,
    /// Coefficient of each vector in the output.
    adjoint: Vec<Block>,
    /// Derivative of the standard deviation, or the mean, with respect to that coefficient.
    response: Vec<Block>,
    /// Per operation: weight w of a prediction.
    weight: Vec<Block>,
    /// Per operation: what a prediction adds.
    shift: Vec<Block>,
    /// Per time: derivative of the standard deviation, and of the mean.
    slopes: [Vec<Block>; 2],
}

impl Machine {
    fn new(plan: &Differentiable, has_mean: bool) -> Self {
        let blocks = |n| vec![ZERO; n];
        Machine {
            has_mean,
            adjoint: blocks(plan.var_count),
            response: blocks(plan.var_count),
            weight: blocks(plan.ops.len()),
            shift: blocks(if has_mean { plan.ops.len() } else { 0 }),
            slopes: [blocks(plan.times), blocks(plan.times)],
        }
    }

    fn run(&mut self, run: &Run, first: usize, modes: &[Mode], sum: &mut Expansion) {
        let learning = Learning::of(run.plan.network, first, modes.len());
        let (noise, shift) = self.backwards(run, &learning);
        let gain = self.adjoint[0];

        let mut by = [ZERO; 2];
        let mut curvature = [ZERO; 2];
        let (mut of_std, mut of_mean) =
            (Seed::default(), Seed { with_shift: true, ..Seed::default() });
        for (i, mode) in modes.iter().enumerate() {
            let (m0, v0) = run.init.moments(&run.plan.start, first + i, mode);
            let std = (gain[i] * gain[i] * v0 + noise[i]).sqrt();
            let mean = gain[i] * m0 + shift[i];
            let share = (run.shares)(first + i, mode, std, mean);
            let times = mode.multiplicity;
            sum.value += times * share.value;
            for (k, slope) in [share.by_std, share.by_mean].into_iter().enumerate() {
                by[k][i] = times * slope;
                curvature[k][i] = times * share.curvature[k];
            }
            // The standard deviation has its minimum at s = 0.
            let per_std = if std == 0.0 { 0.0 } else { 1.0 / std };
            of_std.initial[i] = per_std * gain[i] * v0;
            of_std.per_noise[i] = per_std;
            of_mean.initial[i] = m0;
            let start = |by_mean: f64, by_variance: f64| {
                run.init.start_slopes(&run.plan.start, mode, by_mean, by_variance)
            };
            let by_variance = 0.5 * per_std * gain[i] * gain[i];
            let starts = [start(0.0, by_variance), start(gain[i], 0.0)];
            for (seed, slopes) in [&mut of_std, &mut of_mean].into_iter().zip(starts) {
                (seed.start[0][i], seed.start[1][i]) = (slopes[0], slopes[1]);
            }
        }
        self.forwards(run, &of_std);
        self.collect(run, &learning, &of_std, 0);
        if self.has_mean {
            self.forwards(run, &of_mean);
            self.collect(run, &learning, &of_mean, 1);
        }
        self.accumulate(&by, &curvature, sum);
    }

    /// Computes the adjoints; returns the variance of the noises and what the network adds.
    fn backwards(&mut self, run: &Run, learning: &Learning) -> (Block, Block) {
        let (mut noise, mut shift) = (ZERO, ZERO);
        self.adjoint.fill(ZERO);
        self.adjoint[run.plan.output.index()] = [1.0; LANES];
        for (k, op) in run.plan.ops.iter().enumerate().rev() {
            match (op, &run.responses[k]) {
                (Op::Predict { dst, src, .. }, Some(response)) => {
                    let a = self.adjoint[dst.index()];
                    self.weight[k] = response.weight(learning);
                    let w = &self.weight[k];
                    let target = &mut self.adjoint[src.index()];
                    for i in 0..LANES {
                        target[i] += w[i] * a[i];
                    }
                    if self.has_mean {
                        self.shift[k] = response.shift(learning);
                        for i in 0..LANES {
                            shift[i] += self.shift[k][i] * a[i];
                        }
                    }
                }
                (Op::Noise { dst }, _) => {
                    let a = &self.adjoint[dst.index()];
                    for i in 0..LANES {
                        noise[i] += a[i] * a[i];
                    }
                }
                (Op::Combine { dst, terms }, _) => {
                    let a = self.adjoint[dst.index()];
                    for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                        let (c, target) = (c.value(), &mut self.adjoint[v.index()]);
                        for i in 0..LANES {
                            target[i] += c * a[i];
                        }
                    }
                }
                _ => {}
            }
        }
        (noise, shift)
    }

    /// Runs the program forwards from a seed.
    fn forwards(&mut self, run: &Run, seed: &Seed) {
        self.response[0] = seed.initial;
        for (k, op) in run.plan.ops.iter().enumerate() {
            let mut y = ZERO;
            let dst = match op {
                Op::Predict { dst, src, .. } => {
                    let (w, x) = (&self.weight[k], &self.response[src.index()]);
                    for i in 0..LANES {
                        y[i] = w[i] * x[i];
                    }
                    if seed.with_shift {
                        y.iter_mut().zip(&self.shift[k]).for_each(|(y, shift)| *y += shift);
                    }
                    dst
                }
                Op::Noise { dst } => {
                    let a = &self.adjoint[dst.index()];
                    for i in 0..LANES {
                        y[i] = seed.per_noise[i] * a[i];
                    }
                    dst
                }
                Op::Combine { dst, terms } => {
                    for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                        let (c, x) = (c.value(), &self.response[v.index()]);
                        for i in 0..LANES {
                            y[i] += c * x[i];
                        }
                    }
                    dst
                }
                Op::Arrive { .. } => continue,
            };
            self.response[dst.index()] = y;
        }
    }

    /// Derivatives with respect to the times: those of the coefficients, weighted.
    fn collect(&mut self, run: &Run, learning: &Learning, seed: &Seed, which: usize) {
        let Machine { adjoint, response, slopes, .. } = self;
        let slopes = &mut slopes[which];
        slopes.fill(ZERO);
        let mut add = |row: &Row, worth: &Block| {
            for &(time, slope) in row {
                for i in 0..LANES {
                    slopes[time][i] += slope * worth[i];
                }
            }
        };
        let mut of_parts = [ZERO; PARTS];
        let mut last = None;
        for site in &run.plan.sites {
            match (&site.place, &run.plan.ops[site.op], &run.responses[site.op]) {
                (Place::Term(term), Op::Combine { dst, terms }, _) => {
                    let (a, y) = (&adjoint[dst.index()], &response[terms[*term].1.index()]);
                    let mut worth = ZERO;
                    for i in 0..LANES {
                        worth[i] = a[i] * y[i];
                    }
                    add(&site.row, &worth);
                }
                (Place::Part(part), Op::Predict { dst, src, .. }, Some(evaluation)) => {
                    if last != Some(site.op) {
                        let (a, y) = (&adjoint[dst.index()], &response[src.index()]);
                        let mut worth = ZERO;
                        for i in 0..LANES {
                            worth[i] = a[i] * y[i];
                        }
                        let by_shift = seed.with_shift.then_some(a);
                        of_parts = evaluation.slopes(learning, &worth, by_shift);
                        last = Some(site.op);
                    }
                    add(&site.row, &of_parts[*part]);
                }
                _ => {}
            }
        }
        for (row, worth) in run.plan.start_rows.iter().zip(&seed.start) {
            add(row, worth);
        }
    }

    /// Adds gradient and curvature (upper half) of the error.
    fn accumulate(&self, by: &[Block; 2], curvature: &[Block; 2], sum: &mut Expansion) {
        let kinds = if self.has_mean { 2 } else { 1 };
        for kind in 0..kinds {
            let slopes = &self.slopes[kind];
            let n = slopes.len();
            for (j, a) in slopes.iter().enumerate() {
                let mut weighed = ZERO;
                for i in 0..LANES {
                    sum.gradient[j] += by[kind][i] * a[i];
                    weighed[i] = curvature[kind][i] * a[i];
                }
                for (k, b) in slopes.iter().enumerate().skip(j) {
                    let mut dot = 0.0;
                    for i in 0..LANES {
                        dot += weighed[i] * b[i];
                    }
                    sum.curvature[j * n + k] += dot;
                }
            }
        }
    }
}

/// The start of a forward sweep: derivatives of a standard deviation or a mean.
#[derive(Default)]
struct Seed {
    /// With respect to the coefficient of the initial state.
    initial: Block,
    /// With respect to the coefficient of a noise, per unit of it.
    per_noise: Block,
    /// Whether what the network adds counts.
    with_shift: bool,
    /// With respect to α and σ at the start.
    start: [Block; 2],
}
