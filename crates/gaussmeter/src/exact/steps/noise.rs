//! Contributions of the steps of rules that draw noise, one mode at a time.

use super::local::{Arrival, LocalErrors};
use crate::exact::Init;
use crate::exact::gradient::{Place, Site};
use crate::level::Level;
use crate::network::{Factor, PARTS};
use crate::numeric::Expansion;
use crate::numeric::differentiation::Row;
use crate::spectrum::Mode;
use crate::tape::Op;

/// A number with its derivatives by the free times.
#[derive(Clone, Debug, Default)]
struct Number {
    value: f64,
    slopes: Vec<f64>,
}

impl Number {
    fn constant(value: f64, times: usize) -> Self {
        Number { value, slopes: vec![0.0; times] }
    }

    /// Adds `factor` · `other`.
    fn add(&mut self, factor: f64, other: &Number) {
        self.value += factor * other.value;
        self.add_slopes(factor, &other.slopes);
    }

    fn add_slopes(&mut self, factor: f64, slopes: &[f64]) {
        self.slopes.iter_mut().zip(slopes).for_each(|(s, d)| *s += factor * d);
    }

    fn add_row(&mut self, factor: f64, row: &Row) {
        row.iter().for_each(|(t, slope)| self.slopes[*t] += factor * slope);
    }

    fn times(&self, other: &Number) -> Number {
        let mut product = Number::constant(0.0, self.slopes.len());
        product.value = self.value * other.value;
        product.add_slopes(self.value, &other.slopes);
        product.add_slopes(other.value, &self.slopes);
        product
    }

    /// Where `of` has the given value and derivative.
    fn map(&self, value: f64, slope: f64) -> Number {
        let mut mapped = Number::constant(value, self.slopes.len());
        mapped.add_slopes(slope, &self.slopes);
        mapped
    }

    fn root(&self) -> Number {
        let root = self.value.max(0.0).sqrt();
        // Roots of variances have their minimum at 0.
        self.map(root, if root == 0.0 { 0.0 } else { 0.5 / root })
    }

    /// 1 over it, and 0 in place of 1/0.
    fn inverse(&self) -> Number {
        let inverse = if self.value == 0.0 { 0.0 } else { self.value.recip() };
        self.map(inverse, -inverse * inverse)
    }
}

/// A noise of a step: its share of the exact state there, which has variance 1.
struct Drawn {
    op: usize,
    /// The position of the exact state that it belongs to.
    position: usize,
    share: Number,
}

/// What a step reads: exact states by position (0 is the start), and noises of earlier steps.
enum Input {
    State { vector: usize, position: usize },
    Old { vector: usize, drawn: usize },
    New { vector: usize, op: usize },
}

impl Input {
    fn vector(&self) -> usize {
        let (Input::State { vector, .. } | Input::Old { vector, .. } | Input::New { vector, .. }) =
            self;
        *vector
    }
}

/// One mode.
pub(super) struct Machine<'a> {
    plan: &'a LocalErrors,
    factors: &'a [Option<Factor>],
    init: &'a Init,
    has_mean: bool,
    /// How the state of a step changes with each vector.
    adjoint: Vec<f64>,
    /// Per vector: a mean, a covariance with the state of a step, or a coefficient of a noise.
    values: Vec<f64>,
    /// Per position: standard deviation of the exact state, its mean, and the r by which it keeps the
    /// state before.
    std: Vec<Number>,
    mean: Vec<Number>,
    kept: Vec<Number>,
    drawn: Vec<Drawn>,
}

impl<'a> Machine<'a> {
    pub fn new(
        plan: &'a LocalErrors,
        factors: &'a [Option<Factor>],
        init: &'a Init,
        has_mean: bool,
    ) -> Self {
        Machine {
            plan,
            factors,
            init,
            has_mean,
            adjoint: vec![0.0; plan.var_count],
            values: vec![0.0; plan.var_count],
            std: Vec::new(),
            mean: Vec::new(),
            kept: Vec::new(),
            drawn: Vec::new(),
        }
    }

    /// Adds the squares of the contributions of mode `index`.
    pub fn run(&mut self, index: usize, mode: &Mode, sum: &mut Expansion) {
        let plan = self.plan;
        self.drawn.clear();
        self.kept = vec![self.constant(1.0)];
        let positions = std::iter::once((&plan.start, &plan.start_rows))
            .chain(plan.arrivals.iter().map(|a| (&a.level, &a.rows)));
        (self.std, self.mean) = positions.map(|(l, rows)| self.exact(mode, l, rows)).unzip();
        // Defects of standard deviations and means.
        let mut defects = Vec::with_capacity(plan.arrivals.len());
        for (j, arrival) in plan.arrivals.iter().enumerate() {
            let inputs = self.inputs(arrival);
            self.backwards(mode, arrival);
            let variance = self.variance(mode, arrival, &inputs);
            let mut std = variance.root();
            std.add(-1.0, &self.std[j + 1]);
            let mean = self.has_mean.then(|| self.mean_defect(mode, j, arrival));
            self.keep(mode, j, arrival, &inputs);
            defects.push((std, mean));
        }
        let (first, last) = (&self.std[0], &self.std[plan.arrivals.len()]);
        // What carries errors on to the end, from each position.
        let mut carry = [self.constant(1.0), self.constant(1.0)];
        for (j, (std, mean)) in defects.iter().enumerate().rev() {
            let scale = match j + 1 == plan.arrivals.len() {
                true => self.constant(1.0),
                false => last.times(&self.std[j + 1].inverse()),
            };
            add_square(&carry[0].times(&scale).times(std), mode, sum);
            if let Some(mean) = mean {
                add_square(&carry[1].times(&scale).times(mean), mode, sum);
            }
            let kept = &self.kept[j + 1];
            carry = [carry[0].times(&kept.times(kept)), carry[1].times(kept)];
        }
        let scale = last.times(&first.inverse());
        let (std, mean) = self.start(index, mode);
        add_square(&carry[0].times(&scale).times(&std), mode, sum);
        let mut truncation = last.clone();
        truncation.value -= mode.eigenvalue.sqrt();
        add_square(&truncation, mode, sum);
        if self.has_mean {
            add_square(&carry[1].times(&scale).times(&mean), mode, sum);
            let mut truncation = self.mean[plan.arrivals.len()].clone();
            truncation.value -= mode.mean;
            add_square(&truncation, mode, sum);
        }
    }

    fn constant(&self, value: f64) -> Number {
        Number::constant(value, self.plan.times)
    }

    /// Standard deviation and mean of the exact state at a level.
    fn exact(&self, mode: &Mode, level: &Level, rows: &[Row; 2]) -> (Number, Number) {
        let level = level.marginal();
        let mut variance = self.constant(level.variance(mode.eigenvalue));
        variance.add_row(2.0 * level.alpha * mode.eigenvalue, &rows[0]);
        variance.add_row(2.0 * level.sigma, &rows[1]);
        let mut mean = self.constant(level.alpha * mode.mean);
        mean.add_row(mode.mean, &rows[0]);
        (variance.root(), mean)
    }

    /// The errors of the law that sampling starts from.
    fn start(&self, index: usize, mode: &Mode) -> (Number, Number) {
        let plan = self.plan;
        let (mean, variance) = self.init.moments(&plan.start, index, mode);
        let number = |value: f64, by_mean: f64, by_variance: f64| {
            let mut number = self.constant(value);
            let slopes = self.init.start_slopes(&plan.start, mode, by_mean, by_variance);
            slopes
                .iter()
                .zip(&plan.start_rows)
                .for_each(|(slope, row)| number.add_row(*slope, row));
            number
        };
        let mut std = number(variance, 0.0, 1.0).root();
        std.add(-1.0, &self.std[0]);
        let mut mean = number(mean, 1.0, 0.0);
        mean.add(-1.0, &self.mean[0]);
        (std, mean)
    }

    fn inputs(&self, arrival: &Arrival) -> Vec<Input> {
        let states = arrival.exact.iter().map(|(v, number)| Input::State {
            vector: v.index(),
            position: number.map_or(0, |n| n + 1),
        });
        let plan = self.plan;
        let noises = arrival.cone.iter().filter_map(|&op| match &plan.ops[op] {
            Op::Noise { dst } => {
                let drawn = self.drawn.iter().position(|d| d.op == op);
                let vector = dst.index();
                Some(match drawn {
                    Some(drawn) => Input::Old { vector, drawn },
                    None => Input::New { vector, op },
                })
            }
            _ => None,
        });
        states.chain(noises).collect()
    }

    /// The adjoint of the state of a step, from its operations.
    fn backwards(&mut self, mode: &Mode, arrival: &Arrival) {
        let ops = &self.plan.ops;
        for &k in &arrival.cone {
            for v in ops[k].dst().into_iter().chain(ops[k].reads()) {
                self.adjoint[v.index()] = 0.0;
            }
        }
        self.adjoint[arrival.state.index()] = 1.0;
        for &k in &arrival.cone {
            match (&ops[k], &self.factors[k]) {
                (Op::Predict { dst, src, .. }, Some(factor)) => {
                    let weight = factor.weight(mode.eigenvalue);
                    self.adjoint[src.index()] += weight * self.adjoint[dst.index()];
                }
                (Op::Combine { dst, terms }, _) => {
                    let a = self.adjoint[dst.index()];
                    terms.iter().for_each(|(c, v)| self.adjoint[v.index()] += c.value() * a);
                }
                _ => {}
            }
        }
    }

    /// Runs the operations of a step forwards on values of what it reads; `by_mean` of the data's mean.
    fn forwards(&mut self, mode: &Mode, arrival: &Arrival, by_mean: f64) {
        for &k in arrival.cone.iter().rev() {
            match (&self.plan.ops[k], &self.factors[k]) {
                (Op::Predict { dst, src, .. }, Some(factor)) => {
                    self.values[dst.index()] = factor.weight(mode.eigenvalue)
                        * self.values[src.index()]
                        + factor.mean_weight(mode.eigenvalue) * by_mean;
                }
                (Op::Combine { dst, terms }, _) => {
                    let sum = terms.iter().map(|(c, v)| c.value() * self.values[v.index()]).sum();
                    self.values[dst.index()] = sum;
                }
                _ => {}
            }
        }
    }

    /// Adds to `number` how the coefficients of a step change Σ adjoint · value, times `factor`.
    fn collect(&self, mode: &Mode, arrival: &Arrival, by_mean: f64, factor: f64, n: &mut Number) {
        let mut of_parts = [0.0; PARTS];
        let mut last = None;
        for &site in &arrival.sites {
            let Site { op, place, row } = &self.plan.sites[site];
            match (place, &self.plan.ops[*op], &self.factors[*op]) {
                (Place::Term(term), Op::Combine { dst, terms }, _) => {
                    let worth = self.adjoint[dst.index()] * self.values[terms[*term].1.index()];
                    n.add_row(factor * worth, row);
                }
                (Place::Part(part), Op::Predict { dst, src, .. }, Some(f)) => {
                    if last != Some(*op) {
                        let (a, y) = (self.adjoint[dst.index()], self.values[src.index()]);
                        of_parts = f.slopes(mode.eigenvalue, a * y, a * by_mean);
                        last = Some(*op);
                    }
                    n.add_row(factor * of_parts[*part], row);
                }
                _ => {}
            }
        }
    }

    /// What is kept of the exact state from one position to a later one.
    fn between(&self, from: usize, to: usize) -> Number {
        let steps = self.kept[from + 1..=to].iter();
        steps.fold(self.constant(1.0), |product, kept| product.times(kept))
    }

    /// Covariance of two of the things that a step reads.
    fn covariance(&self, a: &Input, b: &Input) -> Number {
        match (a, b) {
            (Input::State { position: p, .. }, Input::State { position: q, .. }) => {
                let between = self.between(*p.min(q), *p.max(q));
                self.std[*p].times(&self.std[*q]).times(&between)
            }
            (Input::State { position, .. }, Input::Old { drawn, .. })
            | (Input::Old { drawn, .. }, Input::State { position, .. }) => {
                let drawn = &self.drawn[*drawn];
                match drawn.position <= *position {
                    true => {
                        let between = self.between(drawn.position, *position);
                        drawn.share.times(&self.std[*position]).times(&between)
                    }
                    false => self.constant(0.0),
                }
            }
            _ => self.constant(if a.vector() == b.vector() { 1.0 } else { 0.0 }),
        }
    }

    /// The variance of the state of a step.
    fn variance(&mut self, mode: &Mode, arrival: &Arrival, inputs: &[Input]) -> Number {
        let a: Vec<f64> = inputs.iter().map(|input| self.adjoint[input.vector()]).collect();
        let mut variance = self.constant(0.0);
        let mut with_state = vec![0.0; inputs.len()];
        for (i, input) in inputs.iter().enumerate() {
            for (j, other) in inputs.iter().enumerate() {
                let covariance = self.covariance(input, other);
                variance.add(a[i] * a[j], &covariance);
                with_state[i] += a[j] * covariance.value;
            }
        }
        for (input, covariance) in inputs.iter().zip(with_state) {
            self.values[input.vector()] = covariance;
        }
        self.forwards(mode, arrival, 0.0);
        self.collect(mode, arrival, 0.0, 2.0, &mut variance);
        variance
    }

    /// Follows the exact state over a step, which draws new noises.
    fn keep(&mut self, mode: &Mode, j: usize, arrival: &Arrival, inputs: &[Input]) {
        let mut drawn: Vec<(usize, Number)> = Vec::new();
        for input in inputs {
            let Input::New { vector, op } = *input else { continue };
            for input in inputs {
                self.values[input.vector()] = f64::from(input.vector() == vector);
            }
            self.forwards(mode, arrival, 0.0);
            let mut coefficient = self.constant(self.adjoint[vector]);
            self.collect(mode, arrival, 0.0, 1.0, &mut coefficient);
            drawn.push((op, coefficient));
        }
        let mut variance = self.constant(0.0);
        drawn.iter().for_each(|(_, b)| variance.add(1.0, &b.times(b)));
        let std = &self.std[j + 1];
        let new = variance.root();
        let inverse = if new.value > std.value { new.inverse() } else { std.inverse() };
        let share = variance.times(&inverse.times(&inverse));
        let rest = 1.0 - share.value;
        // Where nothing is kept, that does not change to first order.
        let kept = match rest > f64::EPSILON {
            true => share.map(rest.sqrt(), -0.5 / rest.sqrt()),
            false => self.constant(0.0),
        };
        self.kept.push(kept);
        self.drawn.extend(drawn.into_iter().map(|(op, b)| Drawn {
            op,
            position: j + 1,
            share: b.times(&inverse),
        }));
    }

    /// The mean of the state of a step minus that of the exact state; the adjoint is that of the step.
    fn mean_defect(&mut self, mode: &Mode, j: usize, arrival: &Arrival) -> Number {
        let mut defect = self.constant(0.0);
        for (v, number) in &arrival.exact {
            let exact = &self.mean[number.map_or(0, |n| n + 1)];
            self.values[v.index()] = exact.value;
            defect.add_slopes(self.adjoint[v.index()], &exact.slopes);
        }
        for &k in &arrival.cone {
            if let Op::Noise { dst } = &self.plan.ops[k] {
                self.values[dst.index()] = 0.0;
            }
        }
        self.forwards(mode, arrival, mode.mean);
        self.collect(mode, arrival, mode.mean, 1.0, &mut defect);
        defect.value = self.values[arrival.state.index()];
        defect.add(-1.0, &self.mean[j + 1]);
        defect
    }
}

/// Adds the square of a contribution to a sum: value, gradient and the upper half of the curvature.
fn add_square(error: &Number, mode: &Mode, sum: &mut Expansion) {
    let n = error.slopes.len();
    let Number { value, slopes } = error;
    sum.value += mode.multiplicity * value * value;
    for (j, slope) in slopes.iter().enumerate() {
        let weighed = 2.0 * mode.multiplicity * slope;
        sum.gradient[j] += weighed * value;
        for (k, other) in slopes.iter().enumerate().skip(j) {
            sum.curvature[j * n + k] += weighed * other;
        }
    }
}
