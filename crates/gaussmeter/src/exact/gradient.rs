//! Exact gradients: how the law of a sampler's output changes with the times of its grid.
//!
//! The transposed program of [`Output::of`](super::Output::of) gives, for every vector, its adjoint
//! a: the coefficient with which it enters the output. Gain, noise and mean are made of adjoints, so
//! the derivative of an error with respect to a coefficient needs the adjoint of *that* linear
//! program, which is the program itself, run forwards from seeds that the error's derivatives give:
//!
//! ∂L/∂c = Σ_modes a(dst) y(src) for a term c · src of dst.
//!
//! Two sweeps a mode, whatever the number of times; what follows from the coefficients to the times
//! is the chain rule along the recorded [`Graph`].

use super::factor::parts;
use super::{Factor, Init};
use crate::grid::Grid;
use crate::process::Level;
use crate::real::{Graph, Real, record};
use crate::sampler::{Sampler, SamplerError};
use crate::spectrum::{Mode, Spectrum};
use crate::tape::{Op, Tape, Var};
use rayon::prelude::*;
use std::ops::Range;

/// Modes that are run together.
const LANES: usize = 32;
/// Modes per task; sums run over tasks in order, so that results do not depend on threads.
const TASK: usize = 8 * LANES;

type Block = [f64; LANES];

/// The share of one eigenvector in an error, and how it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// The share; infinite where the error is.
    pub value: f64,
    /// Its derivative with respect to the variance of the output.
    pub by_variance: f64,
    /// Its derivative with respect to the mean of the output.
    pub by_mean: f64,
}

/// An error that adds up over eigenvectors: the share of one (without the multiplicity) from its place
/// in the spectrum, itself, and variance and mean of the output.
pub type Shares<'a> = &'a (dyn Fn(usize, &Mode, f64, f64) -> Share + Sync);

/// A sampler on a grid of which some times are variables.
#[derive(Debug)]
pub struct Differentiable {
    ops: Vec<Op<Real>>,
    /// Per operation: the parts of the factor of a prediction.
    factors: Vec<Option<[Real; 5]>>,
    var_count: usize,
    start: Level<Real>,
    output: Var,
    graph: Graph,
    times: Vec<Real>,
}

/// A coefficient of the program that depends on the times, and where it stands.
enum Site {
    /// Term `term` of operation `op`.
    Term { op: usize, term: usize },
    /// The factor of prediction `op`.
    Factor { op: usize },
}

impl Differentiable {
    /// Records a sampler with the times `free` of its grid as variables. A time where σ = 0 cannot
    /// be one.
    ///
    /// # Errors
    /// [`SamplerError`]: the sampler has no meaning on this grid.
    pub fn new(
        sampler: &dyn Sampler,
        grid: &Grid,
        free: Range<usize>,
    ) -> Result<Self, SamplerError> {
        let (recorded, graph) = record(|| {
            let (grid, times) = grid.with_variables(free);
            let start = grid.steps().next().map(|s| *s.from);
            let (tape, x) = Tape::new();
            let output = sampler.record(&grid, &tape, x)?;
            let (ops, var_count) = tape.into_ops();
            let factors = ops.iter().map(|op| match op {
                Op::Predict { kind, level, .. } => Some(parts(*kind, level)),
                _ => None,
            });
            let factors = factors.collect();
            Ok::<_, SamplerError>((ops, factors, var_count, start, output, times))
        });
        let (ops, factors, var_count, start, output, times) = recorded?;
        let start = start.unwrap_or_else(|| grid.start().into());
        // The plan checks that every coefficient is finite.
        sampler.plan(grid)?;
        Ok(Differentiable { ops, factors, var_count, start, output, graph, times })
    }

    /// The objective, and its derivatives with respect to the free times. The value is infinite, and
    /// the derivatives 0, where the law is infinite.
    pub fn gradient(
        &self,
        spectrum: &Spectrum,
        init: &Init,
        shares: Shares<'_>,
    ) -> (f64, Vec<f64>) {
        let sites = self.sites();
        let factors: Vec<Option<Factor>> = self.ops.iter().map(factor_of).collect();
        let start = self.start.value();
        let tasks: Vec<Sums> = spectrum
            .modes()
            .par_chunks(TASK)
            .enumerate()
            .map(|(task, modes)| {
                let mut sums = Sums::new(&sites);
                let mut machine = Machine::new(self);
                for (k, block) in modes.chunks(LANES).enumerate() {
                    let first = task * TASK + k * LANES;
                    let run = Run { plan: self, factors: &factors, start: &start, init, shares };
                    machine.run(&run, first, block, &sites, &mut sums);
                }
                sums
            })
            .collect();
        let mut total = Sums::new(&sites);
        tasks.iter().for_each(|task| total.add(task));
        if !total.value.is_finite() {
            return (f64::INFINITY, vec![0.0; self.times.len()]);
        }
        let outputs = self.outputs(&sites, &total);
        (total.value, self.graph.gradient(outputs, &self.times))
    }

    fn sites(&self) -> Vec<Site> {
        let mut sites = Vec::new();
        for (op, operation) in self.ops.iter().enumerate() {
            match operation {
                Op::Combine { terms, .. } => {
                    let varying = terms.iter().enumerate().filter(|(_, t)| !t.0.is_constant());
                    sites.extend(varying.map(|(term, _)| Site::Term { op, term }));
                }
                Op::Predict { level, .. } if !level.t.is_constant() => {
                    sites.push(Site::Factor { op });
                }
                _ => {}
            }
        }
        sites
    }

    /// The numbers that the objective depends on, and its derivatives with respect to them.
    fn outputs(&self, sites: &[Site], sums: &Sums) -> Vec<(Real, f64)> {
        let mut outputs = Vec::new();
        for (site, sum) in sites.iter().zip(&sums.sites) {
            match (site, &self.ops[site.op()], self.factors[site.op()]) {
                (Site::Term { term, .. }, Op::Combine { terms, .. }, _) => {
                    outputs.push((terms[*term].0, sum[0]));
                }
                (Site::Factor { .. }, _, Some(parts)) => {
                    outputs.extend(parts.into_iter().zip(*sum));
                }
                _ => {}
            }
        }
        outputs.push((self.start.alpha, sums.start[0]));
        outputs.push((self.start.sigma, sums.start[1]));
        outputs
    }
}

impl Site {
    fn op(&self) -> usize {
        match self {
            Site::Term { op, .. } | Site::Factor { op } => *op,
        }
    }
}

fn factor_of(op: &Op<Real>) -> Option<Factor> {
    match op {
        Op::Predict { kind, level, .. } => Some(Factor::new(*kind, &level.value())),
        _ => None,
    }
}

/// Derivatives, summed over modes: one number for a term, five for the parts of a factor.
struct Sums {
    value: f64,
    sites: Vec<[f64; 5]>,
    /// With respect to α and σ at the start.
    start: [f64; 2],
}

impl Sums {
    fn new(sites: &[Site]) -> Self {
        Sums { value: 0.0, sites: vec![[0.0; 5]; sites.len()], start: [0.0; 2] }
    }
    fn add(&mut self, other: &Sums) {
        self.value += other.value;
        for (a, b) in self.sites.iter_mut().flatten().zip(other.sites.iter().flatten()) {
            *a += b;
        }
        for (a, b) in self.start.iter_mut().zip(other.start) {
            *a += b;
        }
    }
}

/// What does not change from block to block.
struct Run<'a> {
    plan: &'a Differentiable,
    factors: &'a [Option<Factor>],
    start: &'a Level,
    init: &'a Init,
    shares: Shares<'a>,
}

/// One block of modes.
struct Machine {
    /// Coefficient of each vector in the output.
    adjoint: Vec<Block>,
    /// Derivative of the objective with respect to that coefficient.
    response: Vec<Block>,
    /// Per operation: weight w of a prediction.
    weight: Vec<Block>,
}

impl Machine {
    fn new(plan: &Differentiable) -> Self {
        let blocks = |n| vec![[0.0; LANES]; n];
        Machine {
            adjoint: blocks(plan.var_count),
            response: blocks(plan.var_count),
            weight: blocks(plan.ops.len()),
        }
    }

    fn run(&mut self, run: &Run, first: usize, modes: &[Mode], sites: &[Site], sums: &mut Sums) {
        let mut lambda = [1.0; LANES];
        for (l, mode) in lambda.iter_mut().zip(modes) {
            *l = mode.eigenvalue;
        }
        let singular =
            run.plan.ops.iter().zip(run.factors).any(|(op, factor)| match (op, factor) {
                (Op::Predict { kind, .. }, Some(f)) => f.is_singular(*kind),
                _ => false,
            });
        if singular && lambda[..modes.len()].contains(&0.0) {
            sums.value = f64::INFINITY;
            return;
        }
        let (noise, mean_gain) = self.backwards(run, &lambda);
        let gain = self.adjoint[0];
        let (mut by_variance, mut by_mean) = ([0.0; LANES], [0.0; LANES]);
        let mut seed = [0.0; LANES];
        for (i, mode) in modes.iter().enumerate() {
            let (m0, v0) = run.init.moments(run.start, first + i, mode);
            let variance = gain[i] * gain[i] * v0 + noise[i];
            let mean = gain[i] * m0 + mean_gain[i] * mode.mean;
            let Share { value, by_variance: dv, by_mean: dm } =
                (run.shares)(first + i, mode, variance, mean);
            let times = mode.multiplicity;
            sums.value += times * value;
            (by_variance[i], by_mean[i]) = (times * dv, times * dm * mode.mean);
            seed[i] = 2.0 * times * dv * gain[i] * v0 + times * dm * m0;
            let (dm0, dv0) = (times * dm * gain[i], times * dv * gain[i] * gain[i]);
            let [alpha, sigma] = run.init.start_slopes(run.start, mode, dm0, dv0);
            sums.start[0] += alpha;
            sums.start[1] += sigma;
        }
        self.forwards(run, &lambda, &seed, &by_variance, &by_mean);
        self.collect(run, &lambda, &by_mean, sites, sums);
    }

    /// Adjoints; the variance of the noises and the coefficient of the data's mean.
    fn backwards(&mut self, run: &Run, lambda: &Block) -> (Block, Block) {
        let (mut noise, mut mean_gain) = ([0.0; LANES], [0.0; LANES]);
        self.adjoint.fill([0.0; LANES]);
        self.adjoint[run.plan.output.index()] = [1.0; LANES];
        for (k, op) in run.plan.ops.iter().enumerate().rev() {
            match (op, &run.factors[k]) {
                (Op::Predict { dst, src, .. }, Some(factor)) => {
                    let a = self.adjoint[dst.index()];
                    let w = &mut self.weight[k];
                    let target = &mut self.adjoint[src.index()];
                    for i in 0..LANES {
                        w[i] = factor.weight(lambda[i]);
                        target[i] += w[i] * a[i];
                        mean_gain[i] += factor.mean_weight(lambda[i]) * a[i];
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
        (noise, mean_gain)
    }

    fn forwards(
        &mut self,
        run: &Run,
        lambda: &Block,
        seed: &Block,
        by_variance: &Block,
        by_mean: &Block,
    ) {
        self.response[0] = *seed;
        for (k, op) in run.plan.ops.iter().enumerate() {
            let mut y = [0.0; LANES];
            let dst = match (op, &run.factors[k]) {
                (Op::Predict { dst, src, .. }, Some(factor)) => {
                    let (w, x) = (&self.weight[k], &self.response[src.index()]);
                    for i in 0..LANES {
                        y[i] = w[i] * x[i] + factor.mean_weight(lambda[i]) * by_mean[i];
                    }
                    dst
                }
                (Op::Noise { dst }, _) => {
                    let a = &self.adjoint[dst.index()];
                    for i in 0..LANES {
                        y[i] = 2.0 * by_variance[i] * a[i];
                    }
                    dst
                }
                (Op::Combine { dst, terms }, _) => {
                    for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                        let (c, x) = (c.value(), &self.response[v.index()]);
                        for i in 0..LANES {
                            y[i] += c * x[i];
                        }
                    }
                    dst
                }
                _ => continue,
            };
            self.response[dst.index()] = y;
        }
    }

    fn collect(&self, run: &Run, lambda: &Block, by_mean: &Block, sites: &[Site], sums: &mut Sums) {
        for (site, sum) in sites.iter().zip(&mut sums.sites) {
            let op = site.op();
            match (site, &run.plan.ops[op], &run.factors[op]) {
                (Site::Term { term, .. }, Op::Combine { dst, terms }, _) => {
                    let a = &self.adjoint[dst.index()];
                    let y = &self.response[terms[*term].1.index()];
                    sum[0] += (0..LANES).map(|i| a[i] * y[i]).sum::<f64>();
                }
                (Site::Factor { .. }, Op::Predict { dst, src, .. }, Some(factor)) => {
                    let (a, y) = (&self.adjoint[dst.index()], &self.response[src.index()]);
                    for i in 0..LANES {
                        // Of w x and of d μ, each over α²λ + σ².
                        let slopes = factor.slopes(lambda[i], a[i] * y[i], a[i] * by_mean[i]);
                        for (s, slope) in sum.iter_mut().zip(slopes) {
                            *s += slope;
                        }
                    }
                }
                _ => {}
            }
        }
    }
}
