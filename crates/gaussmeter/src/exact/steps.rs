//! Errors by step: what each step of a sampler contributes to the error of its output.
//!
//! Along one eigenvector with eigenvalue λ, the exact solution of the probability-flow ODE has the
//! standard deviation s_k = (α_k²λ + σ_k²)^½ at level k, and carries a small error e at level k on to
//! e s_N/s_k at the end. The **defect** δ_k of a step is its result from exact states and an exact
//! history (network outputs at exact states), minus the exact state; the same for the mean, α_k μ. Its
//! contribution to the error of the output is
//!
//! e_k = (s_N/s_k) δ_k
//!
//! to leading order: the sampler's own program carries it by its adjoint a_k instead of s_N/s_k, and with
//! a_k the contributions add up to the error of the output exactly ([`contributions`]). W2² takes the
//! square of their sum over k; their sum of squares ([`LocalErrors`]) is an error in which steps cannot
//! cancel. Cancellation belongs to Gaussian data and an exact network; defects do not.
//!
//! All of this is for rules without noise.

// Several blocks are indexed together, lane by lane.
#![allow(clippy::needless_range_loop)]

use super::gradient::{Place, Recorded, Site, factor_of};
use super::{Init, Output};
use crate::grid::Grid;
use crate::level::Level;
use crate::network::{Factor, PARTS};
use crate::numeric::Expansion;
use crate::numeric::differentiation::{Real, Row};
use crate::sampler::{Sampler, SamplerError};
use crate::spectrum::{Mode, Spectrum};
use crate::tape::{Op, Plan, Var};
use rayon::prelude::*;
use std::ops::Range;

/// Modes that run together.
const LANES: usize = 32;
/// Modes per task; sums run over tasks in order, so that results do not depend on the threads.
const TASK: usize = 8 * LANES;

type Block = [f64; LANES];
const ZERO: Block = [0.0; LANES];

/// What every step contributes to the error of the output: rows are the start (its law against p_T),
/// then the steps; entries are, per mode, the contributions to the standard deviation and to the mean.
/// Both add up, over the rows, to the error of the output against the exact solution at its level, where
/// the standard deviation has the sign of the output's gain. `None` for rules that draw noise, and where
/// the law is infinite.
///
/// ```
/// use gaussmeter::exact::steps::contributions;
/// use gaussmeter::prelude::*;
/// use std::sync::Arc;
/// let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
/// let plan = DpmPp2M::default().plan(&Grid::from_sigmas(process, &[80.0, 10.0, 1.0, 0.1])?)?;
/// let data = Spectrum::new("one mode", "example", &[0.25], None, None)?;
/// let steps = contributions(&plan, &data, &Init::Exact).ok_or("it draws noise")?;
/// let sum: f64 = steps.iter().map(|step| step[0][0]).sum();
/// let output = Output::of(&plan, &data);
/// let (start, end) = (plan.start().variance(0.25).sqrt(), plan.end().variance(0.25).sqrt());
/// assert!((sum - (output.gain[0] * start - end)).abs() < 1e-13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn contributions(plan: &Plan, spectrum: &Spectrum, init: &Init) -> Option<Vec<Vec<[f64; 2]>>> {
    if plan.is_stochastic() || Output::of(plan, spectrum).infinite.is_some() {
        return None;
    }
    let mut steps = vec![vec![[0.0; 2]; spectrum.modes().len()]; plan.steps() + 1];
    for (m, mode) in spectrum.modes().iter().enumerate() {
        let exact = |level: &Level| {
            let level = level.marginal();
            [level.variance(mode.eigenvalue).sqrt(), level.alpha * mode.mean]
        };
        // Forwards, with exact states in place of the sampler's.
        let mut values = vec![[0.0; 2]; plan.var_count()];
        values[plan.input().index()] = exact(plan.start());
        let mut defects = Vec::with_capacity(plan.steps());
        for op in plan.ops() {
            match op {
                Op::Predict { dst, src, kind, level } => {
                    let factor = Factor::new(*kind, level);
                    let weight = factor.weight(mode.eigenvalue);
                    let [std, mean] = values[src.index()];
                    let shift = factor.mean_weight(mode.eigenvalue) * mode.mean;
                    values[dst.index()] = [weight * std, weight * mean + shift];
                }
                Op::Combine { dst, terms } => {
                    let sum = |k: usize| terms.iter().map(|(c, v)| c * values[v.index()][k]).sum();
                    values[dst.index()] = [sum(0), sum(1)];
                }
                Op::Noise { .. } => {}
                Op::Arrive { state, level } => {
                    let (found, exact) = (values[state.index()], exact(level));
                    defects.push([found[0] - exact[0], found[1] - exact[1]]);
                    values[state.index()] = exact;
                }
            }
        }
        // Backwards: how the output changes with each state.
        let mut adjoint = vec![0.0; plan.var_count()];
        adjoint[plan.output().index()] = 1.0;
        for op in plan.ops().iter().rev() {
            match op {
                Op::Predict { dst, src, kind, level } => {
                    let weight = Factor::new(*kind, level).weight(mode.eigenvalue);
                    adjoint[src.index()] += weight * adjoint[dst.index()];
                }
                Op::Combine { dst, terms } => {
                    let a = adjoint[dst.index()];
                    terms.iter().for_each(|(c, v)| adjoint[v.index()] += c * a);
                }
                Op::Noise { .. } => {}
                Op::Arrive { state, .. } => {
                    let a = adjoint[state.index()];
                    let step = defects.len();
                    let [std, mean] = defects.pop().unwrap_or_default();
                    steps[step][m] = [a * std, a * mean];
                }
            }
        }
        let a = adjoint[plan.input().index()];
        let (mean, variance) = init.moments(plan.start(), m, mode);
        let [std, exact_mean] = exact(plan.start());
        steps[0][m] = [a * (variance.sqrt() - std), a * (mean - exact_mean)];
    }
    Some(steps)
}

/// The error of a sampler without noise against the exact solution where it stops, as a W2 distance, with
/// and without the cancellation of contributions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cancellation {
    /// √Σ m (Σ_k e_k)²: the distance itself.
    pub total: f64,
    /// √Σ m Σ_k e_k²: what is left if steps do not cancel.
    pub without: f64,
}

/// Sums [`contributions`]; `None` where there are none.
pub fn cancellation(plan: &Plan, spectrum: &Spectrum, init: &Init) -> Option<Cancellation> {
    let steps = contributions(plan, spectrum, init)?;
    let (mut total, mut without) = (0.0, 0.0);
    for (m, mode) in spectrum.modes().iter().enumerate() {
        for kind in 0..2 {
            let of_steps = || steps.iter().map(|step| step[m][kind]);
            total += mode.multiplicity * of_steps().sum::<f64>().powi(2);
            without += mode.multiplicity * of_steps().map(|e| e * e).sum::<f64>();
        }
    }
    Some(Cancellation { total: total.sqrt(), without: without.sqrt() })
}

/// A sampler without noise on a grid, some of whose times are variables: the sum of the squared
/// contributions of its steps, of its start and of its end, with derivatives.
#[derive(Debug)]
pub struct LocalErrors {
    ops: Vec<Op<Real>>,
    var_count: usize,
    start: Level,
    /// Number of free times.
    times: usize,
    sites: Vec<Site>,
    start_rows: [Row; 2],
    arrivals: Vec<Arrival>,
}

/// A step: where it arrives, and the operations between exact states and there.
#[derive(Debug)]
struct Arrival {
    state: Var,
    /// The level of the exact state.
    level: Level,
    /// How α and σ there depend on the times.
    rows: [Row; 2],
    /// Operations that its state depends on, back to exact states, the last one first.
    cone: Vec<usize>,
    /// The exact states that they read: the vector, and the arrival (`None` for the start).
    exact: Vec<(Var, Option<usize>)>,
    /// Sites in the cone.
    sites: Vec<usize>,
    /// Times that the contribution depends on.
    touched: Vec<usize>,
}

fn times_of<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<usize> {
    let mut times: Vec<usize> = rows.flatten().map(|entry| entry.0).collect();
    times.sort_unstable();
    times.dedup();
    times
}

impl LocalErrors {
    /// Records a sampler with the times `free` of its grid as variables; `None` if it draws noise.
    ///
    /// # Errors
    /// [`SamplerError`]: the sampler is undefined on this grid.
    pub fn new(
        sampler: &dyn Sampler,
        grid: &Grid,
        free: Range<usize>,
    ) -> Result<Option<Self>, SamplerError> {
        let recorded = Recorded::new(sampler, grid, free, true)?;
        let Recorded { ops, var_count, start, times, sites, start_rows, arrival_rows, .. } =
            recorded;
        if ops.iter().any(|op| matches!(op, Op::Noise { .. })) {
            return Ok(None);
        }
        let mut sites_of: Vec<Vec<usize>> = vec![Vec::new(); ops.len()];
        for (k, site) in sites.iter().enumerate() {
            sites_of[site.op].push(k);
        }
        // The operation that writes a vector, and the arrival that makes it an exact state.
        let mut written: Vec<Option<usize>> = vec![None; var_count];
        let mut state_of: Vec<Option<Option<usize>>> = vec![None; var_count];
        state_of[0] = Some(None);
        let mut arrivals: Vec<Arrival> = Vec::new();
        let mut arrival_rows = arrival_rows.into_iter();
        for (k, op) in ops.iter().enumerate() {
            if let Some(dst) = op.dst() {
                written[dst.index()] = Some(k);
            }
            let Op::Arrive { state, level } = op else { continue };
            let (mut cone, mut exact) = (Vec::new(), Vec::new());
            let mut seen = vec![false; var_count];
            let mut open = vec![*state];
            while let Some(v) = open.pop() {
                if std::mem::replace(&mut seen[v.index()], true) {
                    continue;
                }
                match (state_of[v.index()], written[v.index()]) {
                    (Some(arrival), _) => exact.push((v, arrival)),
                    (None, Some(op)) => {
                        cone.push(op);
                        open.extend(ops[op].reads());
                    }
                    (None, None) => {}
                }
            }
            cone.sort_unstable_by(|a, b| b.cmp(a));
            let sites = cone.iter().flat_map(|op| sites_of[*op].iter().copied()).collect();
            state_of[state.index()] = Some(Some(arrivals.len()));
            arrivals.push(Arrival {
                state: *state,
                level: level.value().marginal(),
                rows: arrival_rows.next().unwrap_or_default(),
                cone,
                exact,
                sites,
                touched: Vec::new(),
            });
        }
        let touched = |arrival: &Arrival| {
            let of_sites = arrival.sites.iter().map(|site| &sites[*site].row);
            let of_exact = arrival.exact.iter().flat_map(|(_, number)| match number {
                Some(number) => &arrivals[*number].rows,
                None => &start_rows,
            });
            let of_end = arrivals.last().into_iter().flat_map(|last| &last.rows);
            times_of(of_sites.chain(of_exact).chain(&arrival.rows).chain(of_end))
        };
        let touched: Vec<Vec<usize>> = arrivals.iter().map(touched).collect();
        for (arrival, touched) in arrivals.iter_mut().zip(touched) {
            arrival.touched = touched;
        }
        Ok(Some(LocalErrors { ops, var_count, start, times, sites, start_rows, arrivals }))
    }

    /// The sum of squared contributions and its derivatives with respect to the free times. If a
    /// prediction is infinite, the value is infinite and the derivatives are 0.
    pub fn expand(&self, spectrum: &Spectrum, init: &Init) -> Expansion {
        let n = self.times;
        let nothing =
            || Expansion { value: 0.0, gradient: vec![0.0; n], curvature: vec![0.0; n * n] };
        let factors: Vec<Option<Factor>> = self.ops.iter().map(factor_of).collect();
        let is_singular = self.ops.iter().zip(&factors).any(|(op, factor)| match (op, factor) {
            (Op::Predict { kind, .. }, Some(f)) => f.is_singular(*kind),
            _ => false,
        });
        if is_singular && spectrum.eigenvalues().contains(&0.0) {
            return Expansion { value: f64::INFINITY, ..nothing() };
        }
        let tasks: Vec<Expansion> = spectrum
            .modes()
            .par_chunks(TASK)
            .enumerate()
            .map(|(task, modes)| {
                let mut sum = nothing();
                let mut machine = Machine::new(self, &factors, init, spectrum.has_mean());
                for (k, block) in modes.chunks(LANES).enumerate() {
                    machine.run(task * TASK + k * LANES, block, &mut sum);
                }
                sum
            })
            .collect();
        let mut total = nothing();
        for task in &tasks {
            total.value += task.value;
            let add = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            add(&mut total.gradient, &task.gradient);
            add(&mut total.curvature, &task.curvature);
        }
        if !total.value.is_finite() {
            return Expansion { value: f64::INFINITY, ..nothing() };
        }
        for i in 0..n {
            for j in 0..i {
                total.curvature[i * n + j] = total.curvature[j * n + i];
            }
        }
        total
    }
}

/// A state of the exact solution on a block of modes. Index 0 is the standard deviation, 1 the mean.
struct Exact {
    value: [Block; 2],
    /// Derivatives with respect to α and σ.
    by_level: [[Block; 2]; 2],
}

impl Exact {
    fn at(level: &Level, lambda: &Block, mu: &Block) -> Self {
        let mut exact = Exact { value: [ZERO; 2], by_level: [[ZERO; 2]; 2] };
        for i in 0..LANES {
            let std = level.variance(lambda[i]).sqrt();
            exact.value[0][i] = std;
            exact.value[1][i] = level.alpha * mu[i];
            // At σ = λ = 0 the standard deviation has its minimum.
            let per_std = if std == 0.0 { 0.0 } else { 1.0 / std };
            exact.by_level[0][0][i] = level.alpha * lambda[i] * per_std;
            exact.by_level[0][1][i] = level.sigma * per_std;
            exact.by_level[1][0][i] = mu[i];
        }
        exact
    }

    /// Derivative of ln s with respect to α or σ.
    fn relative(&self, which: usize, i: usize) -> f64 {
        let std = self.value[0][i];
        if std == 0.0 { 0.0 } else { self.by_level[0][which][i] / std }
    }
}

/// One block of modes.
struct Machine<'a> {
    plan: &'a LocalErrors,
    factors: &'a [Option<Factor>],
    init: &'a Init,
    /// 1 without means, otherwise 2.
    kinds: usize,
    /// Standard deviations and means, with exact states in place of the sampler's.
    values: [Vec<Block>; 2],
    /// Per operation: weight w of a prediction.
    weight: Vec<Block>,
    /// How the state of a step changes with each vector.
    adjoint: Vec<Block>,
    /// Per time: derivative of a contribution.
    slopes: Vec<Block>,
}

impl<'a> Machine<'a> {
    fn new(
        plan: &'a LocalErrors,
        factors: &'a [Option<Factor>],
        init: &'a Init,
        has_mean: bool,
    ) -> Self {
        let blocks = |n| vec![ZERO; n];
        Machine {
            plan,
            factors,
            init,
            kinds: if has_mean { 2 } else { 1 },
            values: [blocks(plan.var_count), blocks(plan.var_count)],
            weight: blocks(plan.ops.len()),
            adjoint: blocks(plan.var_count),
            slopes: blocks(plan.times),
        }
    }

    fn run(&mut self, first: usize, modes: &[Mode], sum: &mut Expansion) {
        let plan = self.plan;
        let (mut lambda, mut mu, mut count) = ([1.0; LANES], ZERO, ZERO);
        for (i, mode) in modes.iter().enumerate() {
            (lambda[i], mu[i], count[i]) = (mode.eigenvalue, mode.mean, mode.multiplicity);
        }
        let start = Exact::at(&plan.start.marginal(), &lambda, &mu);
        let exact: Vec<Exact> =
            plan.arrivals.iter().map(|a| Exact::at(&a.level, &lambda, &mu)).collect();
        let (Some(end), Some(last)) = (exact.last(), plan.arrivals.last()) else { return };
        let defects = self.forwards(&lambda, &mu, &start, &exact);
        for (j, arrival) in plan.arrivals.iter().enumerate() {
            let is_last = j + 1 == exact.len();
            let mut carry = [1.0; LANES];
            for i in 0..LANES {
                let std = exact[j].value[0][i];
                carry[i] = match std {
                    _ if is_last => 1.0,
                    0.0 => 0.0,
                    std => end.value[0][i] / std,
                };
            }
            for kind in 0..self.kinds {
                self.derive(&lambda, &mu, (&start, &exact), j, kind);
                let mut error = ZERO;
                for i in 0..LANES {
                    error[i] = carry[i] * defects[j][kind][i];
                }
                for &t in &arrival.touched {
                    for i in 0..LANES {
                        self.slopes[t][i] *= carry[i];
                    }
                }
                if !is_last {
                    // d ln(s_N/s_j)
                    self.scale(&last.rows, end, &error, 1.0);
                    self.scale(&arrival.rows, &exact[j], &error, -1.0);
                }
                self.add(&arrival.touched, &count, &error, sum);
            }
        }
        self.ends(first, modes, (&start, end), sum);
    }

    /// Adds `sign` · error · d ln s to the slopes.
    fn scale(&mut self, rows: &[Row; 2], exact: &Exact, error: &Block, sign: f64) {
        for (which, row) in rows.iter().enumerate() {
            for &(t, slope) in row {
                for i in 0..LANES {
                    self.slopes[t][i] += sign * slope * exact.relative(which, i) * error[i];
                }
            }
        }
    }

    /// Adds the square of a contribution, whose slopes are known.
    fn add(&self, touched: &[usize], count: &Block, error: &Block, sum: &mut Expansion) {
        let n = self.plan.times;
        for i in 0..LANES {
            sum.value += count[i] * error[i] * error[i];
        }
        for (at, &j) in touched.iter().enumerate() {
            let mut weighed = ZERO;
            for i in 0..LANES {
                weighed[i] = 2.0 * count[i] * self.slopes[j][i];
                sum.gradient[j] += weighed[i] * error[i];
            }
            for &k in &touched[at..] {
                let mut dot = 0.0;
                for i in 0..LANES {
                    dot += weighed[i] * self.slopes[k][i];
                }
                sum.curvature[j * n + k] += dot;
            }
        }
    }

    /// Values with exact states in place of the sampler's; returns the defects of the steps.
    fn forwards(
        &mut self,
        lambda: &Block,
        mu: &Block,
        start: &Exact,
        exact: &[Exact],
    ) -> Vec<[Block; 2]> {
        let mut defects = Vec::with_capacity(exact.len());
        for kind in 0..self.kinds {
            self.values[kind][0] = start.value[kind];
        }
        for (k, op) in self.plan.ops.iter().enumerate() {
            match (op, &self.factors[k]) {
                (Op::Predict { dst, src, .. }, Some(factor)) => {
                    for i in 0..LANES {
                        self.weight[k][i] = factor.weight(lambda[i]);
                    }
                    for kind in 0..self.kinds {
                        let x = self.values[kind][src.index()];
                        let y = &mut self.values[kind][dst.index()];
                        for i in 0..LANES {
                            y[i] = self.weight[k][i] * x[i];
                        }
                        if kind == 1 {
                            for i in 0..LANES {
                                y[i] += factor.mean_weight(lambda[i]) * mu[i];
                            }
                        }
                    }
                }
                (Op::Combine { dst, terms }, _) => {
                    for values in &mut self.values[..self.kinds] {
                        let mut y = ZERO;
                        for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                            let (c, x) = (c.value(), &values[v.index()]);
                            for i in 0..LANES {
                                y[i] += c * x[i];
                            }
                        }
                        values[dst.index()] = y;
                    }
                }
                (Op::Arrive { state, .. }, _) => {
                    let exact = &exact[defects.len()];
                    let mut defect = [ZERO; 2];
                    for kind in 0..self.kinds {
                        let x = &mut self.values[kind][state.index()];
                        for i in 0..LANES {
                            defect[kind][i] = x[i] - exact.value[kind][i];
                        }
                        *x = exact.value[kind];
                    }
                    defects.push(defect);
                }
                _ => {}
            }
        }
        defects
    }

    /// How the defect of a step changes with the times, into `slopes`.
    fn derive(
        &mut self,
        lambda: &Block,
        mu: &Block,
        (start, exact): (&Exact, &[Exact]),
        j: usize,
        kind: usize,
    ) {
        let plan = self.plan;
        let arrival = &plan.arrivals[j];
        for &t in &arrival.touched {
            self.slopes[t] = ZERO;
        }
        for &k in &arrival.cone {
            for v in plan.ops[k].dst().into_iter().chain(plan.ops[k].reads()) {
                self.adjoint[v.index()] = ZERO;
            }
        }
        self.adjoint[arrival.state.index()] = [1.0; LANES];
        for &k in &arrival.cone {
            match &plan.ops[k] {
                Op::Predict { dst, src, .. } => {
                    let a = self.adjoint[dst.index()];
                    let target = &mut self.adjoint[src.index()];
                    for i in 0..LANES {
                        target[i] += self.weight[k][i] * a[i];
                    }
                }
                Op::Combine { dst, terms } => {
                    let a = self.adjoint[dst.index()];
                    for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                        let (c, target) = (c.value(), &mut self.adjoint[v.index()]);
                        for i in 0..LANES {
                            target[i] += c * a[i];
                        }
                    }
                }
                Op::Noise { .. } | Op::Arrive { .. } => {}
            }
        }
        let Machine { adjoint, values, slopes, factors, .. } = self;
        let mut add = |row: &Row, worth: &Block| {
            for &(t, slope) in row {
                for i in 0..LANES {
                    slopes[t][i] += slope * worth[i];
                }
            }
        };
        let mut of_parts = [ZERO; PARTS];
        let mut last = None;
        for &site in &arrival.sites {
            let site = &plan.sites[site];
            match (&site.place, &plan.ops[site.op], &factors[site.op]) {
                (Place::Term(term), Op::Combine { dst, terms }, _) => {
                    let (a, y) = (&adjoint[dst.index()], &values[kind][terms[*term].1.index()]);
                    let mut worth = ZERO;
                    for i in 0..LANES {
                        worth[i] = a[i] * y[i];
                    }
                    add(&site.row, &worth);
                }
                (Place::Part(part), Op::Predict { dst, src, .. }, Some(factor)) => {
                    if last != Some(site.op) {
                        let (a, y) = (&adjoint[dst.index()], &values[kind][src.index()]);
                        for i in 0..LANES {
                            let by_mean = if kind == 1 { a[i] * mu[i] } else { 0.0 };
                            let slopes = factor.slopes(lambda[i], a[i] * y[i], by_mean);
                            for (part, slope) in of_parts.iter_mut().zip(slopes) {
                                part[i] = slope;
                            }
                        }
                        last = Some(site.op);
                    }
                    add(&site.row, &of_parts[*part]);
                }
                _ => {}
            }
        }
        // Exact states move with their levels, and so does the one that the step should have led to.
        for (v, number) in &arrival.exact {
            let (rows, exact) = match number {
                Some(number) => (&plan.arrivals[*number].rows, &exact[*number]),
                None => (&plan.start_rows, start),
            };
            for (row, by) in rows.iter().zip(&exact.by_level[kind]) {
                let mut worth = ZERO;
                for i in 0..LANES {
                    worth[i] = adjoint[v.index()][i] * by[i];
                }
                add(row, &worth);
            }
        }
        for (row, by) in arrival.rows.iter().zip(&exact[j].by_level[kind]) {
            add(row, &by.map(|by| -by));
        }
    }

    /// The contributions of the start, whose law is not p_T, and of the end, where noise is left.
    fn ends(
        &self,
        first: usize,
        modes: &[Mode],
        (start, end): (&Exact, &Exact),
        sum: &mut Expansion,
    ) {
        let plan = self.plan;
        let Some(last) = plan.arrivals.last() else { return };
        let touched = times_of(plan.start_rows.iter().chain(&last.rows));
        for (i, mode) in modes.iter().enumerate() {
            let (m0, v0) = self.init.moments(&plan.start, first + i, mode);
            let std = v0.sqrt();
            let (s, s_end) = (start.value[0][i], end.value[0][i]);
            let carry = if s == 0.0 { 0.0 } else { s_end / s };
            let off = [std - s, m0 - start.value[1][i]];
            // How the law that sampling starts from moves with its level.
            let per_std = if std == 0.0 { 0.0 } else { 0.5 / std };
            let moves = [
                self.init.start_slopes(&plan.start, mode, 0.0, per_std),
                self.init.start_slopes(&plan.start, mode, 1.0, 0.0),
            ];
            let truncation = [s_end - mode.eigenvalue.sqrt(), end.value[1][i] - mode.mean];
            for kind in 0..self.kinds {
                let mut slopes = [vec![0.0; plan.times], vec![0.0; plan.times]];
                for which in 0..2 {
                    let by_start = moves[kind][which]
                        - start.by_level[kind][which][i]
                        - start.relative(which, i) * off[kind];
                    for &(t, slope) in &plan.start_rows[which] {
                        slopes[0][t] += slope * carry * by_start;
                    }
                    for &(t, slope) in &last.rows[which] {
                        slopes[0][t] += slope * carry * end.relative(which, i) * off[kind];
                        slopes[1][t] += slope * end.by_level[kind][which][i];
                    }
                }
                for (error, slopes) in [carry * off[kind], truncation[kind]].iter().zip(&slopes) {
                    sum.value += mode.multiplicity * error * error;
                    for (at, &j) in touched.iter().enumerate() {
                        let weighed = 2.0 * mode.multiplicity * slopes[j];
                        sum.gradient[j] += weighed * error;
                        for &k in &touched[at..] {
                            sum.curvature[j * plan.times + k] += weighed * slopes[k];
                        }
                    }
                }
            }
        }
    }
}
