//! A plan as a sparse linear system: network outputs eliminated, noises folded into their readers.

use crate::level::Level;
use crate::network::Factor;
use crate::tape::{Op, Plan, Prediction, Var};
use smallvec::SmallVec;
use std::sync::Arc;

/// No factor: a plain coefficient.
pub(super) const NO_FACTOR: u32 = u32::MAX;

/// `(c + e w) · src`, with w the weight of a factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub src: Var,
    pub c: f64,
    pub e: f64,
    pub factor: u32,
}

/// `dst = Σ shares + √noise_variance · z`, with a z of its own.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub dst: Var,
    pub shares: SmallVec<[Share; 4]>,
    pub noise_variance: f64,
}

impl Row {
    pub fn new(dst: Var) -> Self {
        Row { dst, shares: SmallVec::new(), noise_variance: 0.0 }
    }

    fn add(&mut self, share: Share) {
        let same_source = |t: &&mut Share| {
            t.src == share.src
                && (t.factor == share.factor || t.factor == NO_FACTOR || share.factor == NO_FACTOR)
        };
        match self.shares.iter_mut().find(same_source) {
            Some(t) => {
                t.c += share.c;
                t.e += share.e;
                t.factor = t.factor.min(share.factor);
            }
            None => self.shares.push(share),
        }
    }
}

/// Where an infinite prediction is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Singular {
    pub kind: Prediction,
    pub t: f64,
    pub step: usize,
}

/// A state along the way.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub state: Var,
    pub level: Arc<Level>,
    /// Number of rows that precede it.
    pub after: usize,
}

#[derive(Debug)]
pub(super) struct Rows {
    pub rows: Vec<Row>,
    pub factors: Vec<Factor>,
    /// Per factor: set if it is infinite along null directions.
    pub singular: Vec<Option<Singular>>,
    pub arrivals: Vec<Arrival>,
    pub input: Var,
    pub output: Var,
    pub var_count: usize,
}

/// What a variable stands for while rows are built.
#[derive(Clone, Copy)]
enum Meaning {
    Vector,
    Prediction { src: Var, factor: u32 },
    FoldedNoise,
}

impl Rows {
    pub fn of(plan: &Plan) -> Self {
        let needs_row = needs_row(plan);
        let mut meaning = vec![Meaning::Vector; plan.var_count()];
        let mut rows = Rows {
            rows: Vec::with_capacity(plan.ops().len()),
            factors: Vec::new(),
            singular: Vec::new(),
            arrivals: Vec::new(),
            input: plan.input(),
            output: plan.output(),
            var_count: plan.var_count(),
        };
        for op in plan.ops() {
            match op {
                Op::Noise { dst } if !needs_row[dst.index()] => {
                    meaning[dst.index()] = Meaning::FoldedNoise;
                }
                Op::Noise { dst } => {
                    let mut row = Row::new(*dst);
                    row.noise_variance = 1.0;
                    rows.rows.push(row);
                }
                Op::Predict { dst, src, kind, level } => {
                    let factor = rows.factor(*kind, level);
                    if needs_row[dst.index()] {
                        let mut row = Row::new(*dst);
                        row.add(Share { src: *src, c: 0.0, e: 1.0, factor });
                        rows.rows.push(row);
                    } else {
                        meaning[dst.index()] = Meaning::Prediction { src: *src, factor };
                    }
                }
                Op::Combine { dst, terms } => {
                    let mut row = Row::new(*dst);
                    for &(c, v) in terms {
                        match meaning[v.index()] {
                            Meaning::FoldedNoise => row.noise_variance += c * c,
                            Meaning::Prediction { src, factor } => {
                                row.add(Share { src, c: 0.0, e: c, factor });
                            }
                            Meaning::Vector => {
                                row.add(Share { src: v, c, e: 0.0, factor: NO_FACTOR });
                            }
                        }
                    }
                    rows.rows.push(row);
                }
                Op::Arrive { state, level } => {
                    let after = rows.rows.len();
                    rows.arrivals.push(Arrival { state: *state, level: level.clone(), after });
                }
            }
        }
        rows
    }

    fn factor(&mut self, kind: Prediction, level: &Level) -> u32 {
        let factor = Factor::new(kind, level);
        // Stages share levels only with their neighbours.
        let recent = self.factors.len().saturating_sub(4);
        let index = match self.factors[recent..].iter().position(|f| *f == factor) {
            Some(i) => recent + i,
            None => {
                let step = self.arrivals.len() + 1;
                let singular = factor.is_singular(kind);
                self.factors.push(factor);
                self.singular.push(singular.then_some(Singular { kind, t: level.t, step }));
                self.factors.len() - 1
            }
        };
        index as u32
    }

    /// Which rows the output depends on.
    pub fn reachable(&self) -> Vec<bool> {
        let mut used = vec![false; self.var_count];
        used[self.output.index()] = true;
        let mut reachable = vec![false; self.rows.len()];
        for (k, row) in self.rows.iter().enumerate().rev() {
            if used[row.dst.index()] {
                reachable[k] = true;
                row.shares.iter().for_each(|s| used[s.src.index()] = true);
            }
        }
        reachable
    }
}

/// Which variables must be vectors of their own: arguments of the network, states, the output, and
/// noises that are read more than once.
fn needs_row(plan: &Plan) -> Vec<bool> {
    let mut needs = vec![false; plan.var_count()];
    let mut read = vec![false; plan.var_count()];
    let mut is_noise = vec![false; plan.var_count()];
    needs[plan.output().index()] = true;
    for op in plan.ops() {
        match op {
            Op::Noise { dst } => is_noise[dst.index()] = true,
            Op::Predict { src, .. } => needs[src.index()] = true,
            Op::Arrive { state, .. } => needs[state.index()] = true,
            Op::Combine { terms, .. } => {
                for (_, v) in terms {
                    if is_noise[v.index()] && std::mem::replace(&mut read[v.index()], true) {
                        needs[v.index()] = true;
                    }
                }
            }
        }
    }
    needs
}
