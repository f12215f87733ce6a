//! Contributions of the steps of rules that draw noise, a block of modes at a time.

use super::recorded::{Arrival, LocalErrors};
use crate::exact::Init;
use crate::exact::gradient::{Place, Site};
use crate::exact::response::{Block, LANES, Learning, Response, ZERO};
use crate::level::Level;
use crate::network::PARTS;
use crate::numeric::Expansion;
use crate::numeric::differentiation::Row;
use crate::spectrum::Mode;
use crate::tape::Op;

/// One number per mode, with its derivatives by the free times.
#[derive(Clone, Debug)]
struct Number {
    value: Block,
    slopes: Vec<Block>,
}

fn map(block: &Block, f: impl Fn(f64) -> f64) -> Block {
    let mut mapped = ZERO;
    for i in 0..LANES {
        mapped[i] = f(block[i]);
    }
    mapped
}

fn product(a: &Block, b: &Block) -> Block {
    let mut product = ZERO;
    for i in 0..LANES {
        product[i] = a[i] * b[i];
    }
    product
}

/// Adds `factor` · `other`.
fn add(block: &mut Block, factor: &Block, other: &Block) {
    for i in 0..LANES {
        block[i] += factor[i] * other[i];
    }
}

impl Number {
    fn constant(value: Block, times: usize) -> Self {
        Number { value, slopes: vec![ZERO; times] }
    }

    /// Adds `factor` · `other`.
    fn add(&mut self, factor: &Block, other: &Number) {
        add(&mut self.value, factor, &other.value);
        self.add_slopes(factor, &other.slopes);
    }

    fn add_slopes(&mut self, factor: &Block, slopes: &[Block]) {
        self.slopes.iter_mut().zip(slopes).for_each(|(s, d)| add(s, factor, d));
    }

    fn add_row(&mut self, factor: &Block, row: &Row) {
        for (t, slope) in row {
            add(&mut self.slopes[*t], factor, &[*slope; LANES]);
        }
    }

    fn times(&self, other: &Number) -> Number {
        let slopes = self.slopes.iter().zip(&other.slopes).map(|(a, b)| {
            let mut slope = ZERO;
            for i in 0..LANES {
                slope[i] = a[i] * other.value[i] + self.value[i] * b[i];
            }
            slope
        });
        Number { value: product(&self.value, &other.value), slopes: slopes.collect() }
    }

    /// A function of it, with the derivative by it.
    fn map(&self, value: Block, slope: Block) -> Number {
        Number { value, slopes: self.slopes.iter().map(|d| product(&slope, d)).collect() }
    }

    fn root(&self) -> Number {
        let root = map(&self.value, |v| v.max(0.0).sqrt());
        // Roots of variances have their minimum at 0.
        self.map(root, map(&root, |root| if root == 0.0 { 0.0 } else { 0.5 / root }))
    }

    /// 1 over it, and 0 in place of 1/0.
    fn inverse(&self) -> Number {
        let inverse = map(&self.value, |v| if v == 0.0 { 0.0 } else { v.recip() });
        self.map(inverse, map(&inverse, |v| -v * v))
    }

    /// Per mode, this one where `first` is not 0, and `other` elsewhere.
    fn or(mut self, first: &Block, other: &Number) -> Number {
        let pairs = self.slopes.iter_mut().zip(&other.slopes);
        for (own, other) in std::iter::once((&mut self.value, &other.value)).chain(pairs) {
            for i in 0..LANES {
                own[i] = if first[i] != 0.0 { own[i] } else { other[i] };
            }
        }
        self
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

/// One block of modes.
pub(super) struct Machine<'a> {
    plan: &'a LocalErrors<'a>,
    responses: &'a [Option<Response<'a>>],
    init: &'a Init,
    has_mean: bool,
    lambda: Block,
    mu: Block,
    count: Block,
    learning: Learning,
    /// Per operation: weight w of a prediction.
    weight: Vec<Block>,
    /// How the state of a step changes with each vector.
    adjoint: Vec<Block>,
    /// Per vector: a mean, a covariance with the state of a step, or a coefficient of a noise.
    values: Vec<Block>,
    /// Per position: standard deviation of the exact state, its mean, and the r by which it keeps the
    /// state before.
    std: Vec<Number>,
    mean: Vec<Number>,
    kept: Vec<Number>,
    drawn: Vec<Drawn>,
}

impl<'a> Machine<'a> {
    pub fn new(
        plan: &'a LocalErrors<'a>,
        responses: &'a [Option<Response<'a>>],
        init: &'a Init,
        has_mean: bool,
    ) -> Self {
        Machine {
            plan,
            responses,
            init,
            has_mean,
            lambda: ZERO,
            mu: ZERO,
            count: ZERO,
            learning: Learning::of(plan.network, 0, 0),
            weight: vec![ZERO; plan.ops.len()],
            adjoint: vec![ZERO; plan.var_count],
            values: vec![ZERO; plan.var_count],
            std: Vec::new(),
            mean: Vec::new(),
            kept: Vec::new(),
            drawn: Vec::new(),
        }
    }

    /// Adds the squares of the contributions of modes, the first of which has this index.
    pub fn run(&mut self, first: usize, modes: &[Mode], sum: &mut Expansion) {
        let plan = self.plan;
        (self.lambda, self.mu, self.count) = ([1.0; LANES], ZERO, ZERO);
        for (i, mode) in modes.iter().enumerate() {
            (self.lambda[i], self.mu[i]) = (mode.eigenvalue, mode.mean);
            self.count[i] = mode.multiplicity;
        }
        self.learning = Learning::of(plan.network, first, modes.len());
        for (weight, response) in self.weight.iter_mut().zip(self.responses) {
            if let Some(response) = response {
                *weight = response.weight(&self.learning);
            }
        }
        self.drawn.clear();
        self.kept = vec![self.constant(1.0)];
        let positions = std::iter::once((&plan.start, &plan.start_rows))
            .chain(plan.arrivals.iter().map(|a| (&a.level, &a.rows)));
        (self.std, self.mean) = positions.map(|(level, rows)| self.exact(level, rows)).unzip();
        let minus = [-1.0; LANES];
        // Defects of standard deviations and means.
        let mut defects = Vec::with_capacity(plan.arrivals.len());
        for (j, arrival) in plan.arrivals.iter().enumerate() {
            let inputs = self.inputs(arrival);
            self.backwards(arrival);
            let mut std = self.variance(arrival, &inputs).root();
            std.add(&minus, &self.std[j + 1]);
            let mean = self.has_mean.then(|| self.mean_defect(j, arrival));
            self.keep(j, arrival, &inputs);
            defects.push((std, mean));
        }
        let last = &self.std[plan.arrivals.len()];
        // What carries errors on to the end, from each position.
        let mut carry = [self.constant(1.0), self.constant(1.0)];
        for (j, (std, mean)) in defects.iter().enumerate().rev() {
            let scale = match j + 1 == plan.arrivals.len() {
                true => self.constant(1.0),
                false => last.times(&self.std[j + 1].inverse()),
            };
            self.add_square(&carry[0].times(&scale).times(std), sum);
            if let Some(mean) = mean {
                self.add_square(&carry[1].times(&scale).times(mean), sum);
            }
            let kept = &self.kept[j + 1];
            carry = [carry[0].times(&kept.times(kept)), carry[1].times(kept)];
        }
        let scale = last.times(&self.std[0].inverse());
        let (std, mean) = self.start(first, modes);
        self.add_square(&carry[0].times(&scale).times(&std), sum);
        let mut truncation = last.clone();
        add(&mut truncation.value, &minus, &map(&self.lambda, f64::sqrt));
        self.add_square(&truncation, sum);
        if self.has_mean {
            self.add_square(&carry[1].times(&scale).times(&mean), sum);
            let mut truncation = self.mean[plan.arrivals.len()].clone();
            add(&mut truncation.value, &minus, &self.mu);
            self.add_square(&truncation, sum);
        }
    }

    fn constant(&self, value: f64) -> Number {
        Number::constant([value; LANES], self.plan.times)
    }

    /// Standard deviation and mean of the exact state at a level.
    fn exact(&self, level: &Level, rows: &[Row; 2]) -> (Number, Number) {
        let level = level.marginal();
        let number = |value: Block| Number::constant(value, self.plan.times);
        let mut variance = number(map(&self.lambda, |lambda| level.variance(lambda)));
        variance.add_row(&map(&self.lambda, |lambda| 2.0 * level.alpha * lambda), &rows[0]);
        variance.add_row(&[2.0 * level.sigma; LANES], &rows[1]);
        let mut mean = number(map(&self.mu, |mu| level.alpha * mu));
        mean.add_row(&self.mu, &rows[0]);
        (variance.root(), mean)
    }

    /// The errors of the law that sampling starts from.
    fn start(&self, first: usize, modes: &[Mode]) -> (Number, Number) {
        let plan = self.plan;
        let (mut std, mut mean) = (self.constant(0.0), self.constant(0.0));
        // Lanes without a mode have no error.
        (std.value, mean.value) = (self.std[0].value, self.mean[0].value);
        let mut slopes = [[ZERO; 2]; 2];
        for (i, mode) in modes.iter().enumerate() {
            let (own, variance) = self.init.moments(&plan.start, first + i, mode);
            (std.value[i], mean.value[i]) = (variance.sqrt(), own);
            let per_std = if variance == 0.0 { 0.0 } else { 0.5 / variance.sqrt() };
            for (k, weights) in [(0.0, per_std), (1.0, 0.0)].into_iter().enumerate() {
                let own = self.init.start_slopes(&plan.start, mode, weights.0, weights.1);
                (slopes[k][0][i], slopes[k][1][i]) = (own[0], own[1]);
            }
        }
        for (number, slopes) in [&mut std, &mut mean].into_iter().zip(&slopes) {
            slopes.iter().zip(&plan.start_rows).for_each(|(slope, row)| number.add_row(slope, row));
        }
        std.add(&[-1.0; LANES], &self.std[0]);
        mean.add(&[-1.0; LANES], &self.mean[0]);
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
    fn backwards(&mut self, arrival: &Arrival) {
        let ops = &self.plan.ops;
        for &k in &arrival.cone {
            for v in ops[k].dst().into_iter().chain(ops[k].reads()) {
                self.adjoint[v.index()] = ZERO;
            }
        }
        self.adjoint[arrival.state.index()] = [1.0; LANES];
        for &k in &arrival.cone {
            match &ops[k] {
                Op::Predict { dst, src, .. } => {
                    let a = self.adjoint[dst.index()];
                    add(&mut self.adjoint[src.index()], &self.weight[k], &a);
                }
                Op::Combine { dst, terms } => {
                    let a = self.adjoint[dst.index()];
                    for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                        add(&mut self.adjoint[v.index()], &[c.value(); LANES], &a);
                    }
                }
                Op::Noise { .. } | Op::Arrive { .. } => {}
            }
        }
    }

    /// Runs the operations of a step forwards on values of what it reads, with the data's mean or
    /// without.
    fn forwards(&mut self, arrival: &Arrival, with_mean: bool) {
        for &k in arrival.cone.iter().rev() {
            match (&self.plan.ops[k], &self.responses[k]) {
                (Op::Predict { dst, src, .. }, Some(response)) => {
                    let mut y = product(&self.weight[k], &self.values[src.index()]);
                    if with_mean {
                        add(&mut y, &[1.0; LANES], &response.shift(&self.learning));
                    }
                    self.values[dst.index()] = y;
                }
                (Op::Combine { dst, terms }, _) => {
                    let mut y = ZERO;
                    for (c, v) in terms.iter().filter(|t| t.0 != 0.0) {
                        add(&mut y, &[c.value(); LANES], &self.values[v.index()]);
                    }
                    self.values[dst.index()] = y;
                }
                _ => {}
            }
        }
    }

    /// Adds to `number` how the coefficients of a step change Σ adjoint · value, times `factor`.
    fn collect(&self, arrival: &Arrival, with_mean: bool, factor: f64, number: &mut Number) {
        let mut of_parts = [ZERO; PARTS];
        let mut last = None;
        for &site in &arrival.sites {
            let Site { op, place, row } = &self.plan.sites[site];
            match (place, &self.plan.ops[*op], &self.responses[*op]) {
                (Place::Term(term), Op::Combine { dst, terms }, _) => {
                    let value = &self.values[terms[*term].1.index()];
                    let worth = product(&self.adjoint[dst.index()], value);
                    number.add_row(&map(&worth, |w| factor * w), row);
                }
                (Place::Part(part), Op::Predict { dst, src, .. }, Some(response)) => {
                    if last != Some(*op) {
                        let a = &self.adjoint[dst.index()];
                        let worth = product(a, &self.values[src.index()]);
                        let by_shift = with_mean.then_some(a);
                        of_parts = response
                            .slopes(&self.learning, &worth, by_shift)
                            .map(|slope| map(&slope, |slope| factor * slope));
                        last = Some(*op);
                    }
                    number.add_row(&of_parts[*part], row);
                }
                _ => {}
            }
        }
    }

    /// What is kept of the exact state from one position to a later one; `None` if they are the same.
    fn between(&self, from: usize, to: usize) -> Option<Number> {
        self.kept[from + 1..=to].iter().cloned().reduce(|product, kept| product.times(&kept))
    }

    /// Covariance of two of the things that a step reads; `None` if it is 0.
    fn covariance(&self, a: &Input, b: &Input) -> Option<Number> {
        let joined = |product: Number, between: Option<Number>| match between {
            Some(between) => product.times(&between),
            None => product,
        };
        match (a, b) {
            (Input::State { position: p, .. }, Input::State { position: q, .. }) => {
                let between = self.between(*p.min(q), *p.max(q));
                Some(joined(self.std[*p].times(&self.std[*q]), between))
            }
            (Input::State { position, .. }, Input::Old { drawn, .. })
            | (Input::Old { drawn, .. }, Input::State { position, .. }) => {
                let drawn = &self.drawn[*drawn];
                (drawn.position <= *position).then(|| {
                    let between = self.between(drawn.position, *position);
                    joined(drawn.share.times(&self.std[*position]), between)
                })
            }
            _ => (a.vector() == b.vector()).then(|| self.constant(1.0)),
        }
    }

    /// The variance of the state of a step.
    fn variance(&mut self, arrival: &Arrival, inputs: &[Input]) -> Number {
        let a: Vec<Block> = inputs.iter().map(|input| self.adjoint[input.vector()]).collect();
        let mut variance = self.constant(0.0);
        let mut with_state = vec![ZERO; inputs.len()];
        for i in 0..inputs.len() {
            for j in i..inputs.len() {
                let Some(covariance) = self.covariance(&inputs[i], &inputs[j]) else { continue };
                let twice = if i == j { 1.0 } else { 2.0 };
                variance.add(&map(&product(&a[i], &a[j]), |w| twice * w), &covariance);
                add(&mut with_state[i], &a[j], &covariance.value);
                if i != j {
                    add(&mut with_state[j], &a[i], &covariance.value);
                }
            }
        }
        if self.plan.times == 0 {
            return variance;
        }
        for (input, covariance) in inputs.iter().zip(with_state) {
            self.values[input.vector()] = covariance;
        }
        self.forwards(arrival, false);
        self.collect(arrival, false, 2.0, &mut variance);
        variance
    }

    /// Follows the exact state over a step, which draws new noises.
    fn keep(&mut self, j: usize, arrival: &Arrival, inputs: &[Input]) {
        let mut drawn: Vec<(usize, Number)> = Vec::new();
        for input in inputs {
            let Input::New { vector, op } = *input else { continue };
            let mut coefficient = Number::constant(self.adjoint[vector], self.plan.times);
            if self.plan.times > 0 {
                for input in inputs {
                    self.values[input.vector()] = [f64::from(input.vector() == vector); LANES];
                }
                self.forwards(arrival, false);
                self.collect(arrival, false, 1.0, &mut coefficient);
            }
            drawn.push((op, coefficient));
        }
        if drawn.is_empty() {
            self.kept.push(self.constant(1.0));
            return;
        }
        let mut variance = self.constant(0.0);
        drawn.iter().for_each(|(_, b)| variance.add(&[1.0; LANES], &b.times(b)));
        let std = &self.std[j + 1];
        let new = variance.root();
        let mut is_more = ZERO;
        for i in 0..LANES {
            is_more[i] = f64::from(new.value[i] > std.value[i]);
        }
        let inverse = new.inverse().or(&is_more, &std.inverse());
        let share = variance.times(&inverse.times(&inverse));
        // Where nothing is kept, that does not change to first order.
        let rest = map(&share.value, |share| 1.0 - share);
        let kept = map(&rest, |rest| if rest > f64::EPSILON { rest.sqrt() } else { 0.0 });
        let slope = map(&kept, |kept| if kept == 0.0 { 0.0 } else { -0.5 / kept });
        self.kept.push(share.map(kept, slope));
        self.drawn.extend(drawn.into_iter().map(|(op, b)| Drawn {
            op,
            position: j + 1,
            share: b.times(&inverse),
        }));
    }

    /// The mean of the state of a step minus that of the exact state; the adjoint is that of the step.
    fn mean_defect(&mut self, j: usize, arrival: &Arrival) -> Number {
        let mut defect = self.constant(0.0);
        for (v, number) in &arrival.exact {
            let exact = &self.mean[number.map_or(0, |n| n + 1)];
            self.values[v.index()] = exact.value;
            defect.add_slopes(&self.adjoint[v.index()], &exact.slopes);
        }
        for &k in &arrival.cone {
            if let Op::Noise { dst } = &self.plan.ops[k] {
                self.values[dst.index()] = ZERO;
            }
        }
        self.forwards(arrival, true);
        self.collect(arrival, true, 1.0, &mut defect);
        defect.value = self.values[arrival.state.index()];
        defect.add(&[-1.0; LANES], &self.mean[j + 1]);
        defect
    }

    /// Adds the square of a contribution to a sum: value, gradient and the upper half of the curvature.
    fn add_square(&self, error: &Number, sum: &mut Expansion) {
        let n = error.slopes.len();
        let dot = |a: &Block, b: &Block| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let Number { value, slopes } = error;
        let weighed = product(&self.count, value);
        sum.value += dot(&weighed, value);
        for (j, slope) in slopes.iter().enumerate() {
            sum.gradient[j] += 2.0 * dot(&weighed, slope);
            let own = map(&product(&self.count, slope), |v| 2.0 * v);
            for (k, other) in slopes.iter().enumerate().skip(j) {
                sum.curvature[j * n + k] += dot(&own, other);
            }
        }
    }
}
