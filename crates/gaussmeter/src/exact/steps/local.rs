use super::noise;
use super::recorded::{LocalErrors, times_of};
use crate::exact::Init;
use crate::exact::gradient::Place;
use crate::exact::response::{Block, LANES, Learning, Response, ZERO, is_singular, responses};
use crate::level::Level;
use crate::network::PARTS;
use crate::numeric::Expansion;
use crate::numeric::differentiation::Row;
use crate::spectrum::Mode;
use crate::tape::Op;
use rayon::prelude::*;

/// Modes per task; sums run over tasks in order, so that results do not depend on the threads.
const TASK: usize = 8 * LANES;

impl LocalErrors<'_> {
    /// The sum of squared contributions and its derivatives with respect to the free times. If a
    /// prediction is infinite, the value is infinite and the derivatives are 0.
    pub fn expand(&self, init: &Init) -> Expansion {
        let (n, network) = (self.times, self.network);
        let responses = responses(network, &self.ops);
        if is_singular(network, &self.ops, &responses) {
            return Expansion::infinite(n);
        }
        let run = |(task, modes): (usize, &[Mode])| {
            let mut sum = Expansion::zero(n);
            if self.noisy {
                let mut machine = noise::Machine::new(self, &responses, init, network.has_mean());
                for (k, block) in modes.chunks(LANES).enumerate() {
                    machine.run(task * TASK + k * LANES, block, &mut sum);
                }
            } else {
                let mut machine = Machine::new(self, &responses, init, network.has_mean());
                for (k, block) in modes.chunks(LANES).enumerate() {
                    machine.run(task * TASK + k * LANES, block, &mut sum);
                }
            }
            sum
        };
        let modes = network.truth();
        let tasks: Vec<Expansion> = modes.par_chunks(TASK).enumerate().map(run).collect();
        Expansion::of_parts(n, &tasks)
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
    plan: &'a LocalErrors<'a>,
    responses: &'a [Option<Response<'a>>],
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
        plan: &'a LocalErrors<'a>,
        responses: &'a [Option<Response<'a>>],
        init: &'a Init,
        has_mean: bool,
    ) -> Self {
        let blocks = |n| vec![ZERO; n];
        Machine {
            plan,
            responses,
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
        let learning = Learning::of(plan.network, first, modes.len());
        let start = Exact::at(&plan.start.marginal(), &lambda, &mu);
        let exact: Vec<Exact> =
            plan.arrivals.iter().map(|a| Exact::at(&a.level, &lambda, &mu)).collect();
        let (Some(end), Some(last)) = (exact.last(), plan.arrivals.last()) else { return };
        let defects = self.forwards(&learning, &start, &exact);
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
                self.derive(&learning, (&start, &exact), j, kind);
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
    fn forwards(&mut self, learning: &Learning, start: &Exact, exact: &[Exact]) -> Vec<[Block; 2]> {
        let mut defects = Vec::with_capacity(exact.len());
        for kind in 0..self.kinds {
            self.values[kind][0] = start.value[kind];
        }
        for (k, op) in self.plan.ops.iter().enumerate() {
            match (op, &self.responses[k]) {
                (Op::Predict { dst, src, .. }, Some(response)) => {
                    self.weight[k] = response.weight(learning);
                    for kind in 0..self.kinds {
                        let x = self.values[kind][src.index()];
                        let y = &mut self.values[kind][dst.index()];
                        for i in 0..LANES {
                            y[i] = self.weight[k][i] * x[i];
                        }
                        if kind == 1 {
                            let shift = response.shift(learning);
                            for i in 0..LANES {
                                y[i] += shift[i];
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
        learning: &Learning,
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
        let Machine { adjoint, values, slopes, responses, .. } = self;
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
            match (&site.place, &plan.ops[site.op], &responses[site.op]) {
                (Place::Term(term), Op::Combine { dst, terms }, _) => {
                    let (a, y) = (&adjoint[dst.index()], &values[kind][terms[*term].1.index()]);
                    let mut worth = ZERO;
                    for i in 0..LANES {
                        worth[i] = a[i] * y[i];
                    }
                    add(&site.row, &worth);
                }
                (Place::Part(part), Op::Predict { dst, src, .. }, Some(response)) => {
                    if last != Some(site.op) {
                        let (a, y) = (&adjoint[dst.index()], &values[kind][src.index()]);
                        let mut worth = ZERO;
                        for i in 0..LANES {
                            worth[i] = a[i] * y[i];
                        }
                        of_parts = response.slopes(learning, &worth, (kind == 1).then_some(a));
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
