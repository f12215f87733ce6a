use super::linear::Terms;
use super::{Prediction, Var};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::numeric::written;
use std::sync::Arc;
use thiserror::Error;

/// One operation of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Op<N = f64> {
    /// `dst` = network output of `kind` at `src`, noisy at `level`.
    Predict {
        /// The output.
        dst: Var,
        /// The point of evaluation.
        src: Var,
        /// What is predicted.
        kind: Prediction,
        /// The level the network is told.
        level: Arc<Level<N>>,
    },
    /// `dst` = fresh N(0, I).
    Noise {
        /// The noise.
        dst: Var,
    },
    /// `dst` = Σ cⱼ vⱼ.
    Combine {
        /// The result.
        dst: Var,
        /// Coefficients and vectors.
        terms: Terms<N>,
    },
    /// `state` is the sampler's state at `level`.
    Arrive {
        /// The state.
        state: Var,
        /// Where it is.
        level: Arc<Level<N>>,
    },
}

impl<N> Op<N> {
    /// The vector that it writes; an arrival writes none.
    pub fn dst(&self) -> Option<Var> {
        match self {
            Op::Predict { dst, .. } | Op::Noise { dst } | Op::Combine { dst, .. } => Some(*dst),
            Op::Arrive { .. } => None,
        }
    }

    /// The vectors that it reads, in order.
    pub fn reads(&self) -> impl Iterator<Item = Var> + '_ {
        let (one, terms): (_, &[(N, Var)]) = match self {
            Op::Predict { src, .. } => (Some(*src), &[]),
            Op::Arrive { state, .. } => (Some(*state), &[]),
            Op::Noise { .. } => (None, &[]),
            Op::Combine { terms, .. } => (None, terms),
        };
        one.into_iter().chain(terms.iter().map(|(_, v)| *v))
    }
}

/// The last level, and its value. Operations that share one go on doing so.
#[derive(Debug, Default)]
pub(super) struct Values(Option<(Arc<Level<Real>>, Arc<Level>)>);

impl Values {
    fn of(&mut self, level: Arc<Level<Real>>) -> Arc<Level> {
        match &self.0 {
            Some((last, value)) if Arc::ptr_eq(last, &level) => value.clone(),
            _ => {
                let value = Arc::new(level.value());
                self.0 = Some((level, value.clone()));
                value
            }
        }
    }
}

impl Op<Real> {
    /// The numbers as they are.
    pub(super) fn value(self, levels: &mut Values) -> Op {
        match self {
            Op::Predict { dst, src, kind, level } => {
                Op::Predict { dst, src, kind, level: levels.of(level) }
            }
            Op::Noise { dst } => Op::Noise { dst },
            Op::Combine { dst, terms } => {
                let values = terms.into_iter().map(|(c, v)| (c.value(), v));
                Op::Combine { dst, terms: values.collect() }
            }
            Op::Arrive { state, level } => Op::Arrive { state, level: levels.of(level) },
        }
    }
}

/// A recorded program that is not a sampler.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// A coefficient is NaN or infinite.
    #[error("step {step} (towards t = {}) has a coefficient {}", written(.t), written(.value))]
    NotFinite {
        /// The step, from 1.
        step: usize,
        /// The time it leads to.
        t: f64,
        /// The coefficient.
        value: f64,
    },
    /// More operations than are recorded.
    #[error(
        "it takes more than {most} operations, which is as many as are recorded (about 2 GB): ask for fewer steps or repeats"
    )]
    TooLong {
        /// The most that is recorded.
        most: usize,
    },
}

/// A sampler on a grid, recorded: the linear program that all interpreters run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    ops: Vec<Op>,
    vars: usize,
    start: Level,
    output: Var,
}

impl Plan {
    pub(super) fn new(
        ops: Vec<Op>,
        vars: u32,
        start: Level,
        output: Var,
    ) -> Result<Self, PlanError> {
        let mut plan = Plan { ops, vars: vars as usize, start, output };
        plan.check()?;
        plan.remove_unused();
        Ok(plan)
    }

    fn check(&self) -> Result<(), PlanError> {
        let mut bad: Option<f64> = None;
        let mut step = 1;
        for op in &self.ops {
            match op {
                Op::Combine { terms, .. } => {
                    bad = bad.or(terms.iter().map(|(c, _)| *c).find(|c| !c.is_finite()));
                }
                Op::Arrive { level, .. } => {
                    if let Some(value) = bad {
                        return Err(PlanError::NotFinite { step, t: level.t, value });
                    }
                    step += 1;
                }
                Op::Predict { .. } | Op::Noise { .. } => {}
            }
        }
        match bad {
            Some(value) => Err(PlanError::NotFinite { step, t: f64::NAN, value }),
            None => Ok(()),
        }
    }

    /// Drops what the output does not depend on, except network evaluations: they are paid for.
    fn remove_unused(&mut self) {
        let mut used = vec![false; self.vars];
        used[self.output.index()] = true;
        let mut keep = vec![true; self.ops.len()];
        for (k, op) in self.ops.iter().enumerate().rev() {
            if let Op::Noise { dst } | Op::Combine { dst, .. } = op {
                keep[k] = used[dst.index()];
            }
            if keep[k] {
                op.reads().for_each(|v| used[v.index()] = true);
            }
        }
        let mut keep = keep.into_iter();
        self.ops.retain(|_| keep.next().unwrap_or(true));
        self.ops.shrink_to_fit();
    }

    /// The program in which a x + b y stands for the network's output y at x, with (a, b) as `change`
    /// has them for its kind and level; `None` leaves it as it is.
    ///
    /// # Errors
    /// [`PlanError::NotFinite`]
    pub(crate) fn with_outputs(
        &self,
        change: impl Fn(Prediction, &Level) -> Option<(f64, f64)>,
    ) -> Result<Self, PlanError> {
        let mut vars = self.vars;
        let mut ops = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            match op {
                Op::Predict { dst, src, kind, level } => match change(*kind, level) {
                    Some((a, b)) => {
                        let output = Var(vars as u32);
                        vars += 1;
                        let (src, kind, level) = (*src, *kind, level.clone());
                        ops.push(Op::Predict { dst: output, src, kind, level });
                        let terms = [(a, src), (b, output)].into_iter().filter(|t| t.0 != 0.0);
                        ops.push(Op::Combine { dst: *dst, terms: terms.collect() });
                    }
                    None => ops.push(op.clone()),
                },
                _ => ops.push(op.clone()),
            }
        }
        let plan = Plan { ops, vars, start: self.start, output: self.output };
        plan.check()?;
        Ok(plan)
    }

    /// The operations, in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }
    /// Number of vectors the operations speak of.
    pub fn var_count(&self) -> usize {
        self.vars
    }
    /// The level of the initial state.
    pub fn start(&self) -> &Level {
        &self.start
    }
    /// The level of the last state.
    pub fn end(&self) -> Level {
        let arrival = |op: &Op| match op {
            Op::Arrive { level, .. } => Some(**level),
            _ => None,
        };
        self.ops.iter().rev().find_map(arrival).unwrap_or(self.start)
    }
    /// The levels of the states that steps arrive at.
    pub fn arrivals(&self) -> impl Iterator<Item = Level> + '_ {
        self.ops.iter().filter_map(|op| match op {
            Op::Arrive { level, .. } => Some(**level),
            _ => None,
        })
    }
    /// The initial state.
    pub fn input(&self) -> Var {
        Var(0)
    }
    /// The result.
    pub fn output(&self) -> Var {
        self.output
    }

    /// Per operation, the vectors that are neither read nor returned afterwards: their memory is free.
    pub fn last_uses(&self) -> Vec<Vec<Var>> {
        let mut last = vec![Vec::new(); self.ops.len()];
        let mut seen = vec![false; self.vars];
        seen[self.output.index()] = true;
        for (k, op) in self.ops.iter().enumerate().rev() {
            for v in op.dst().into_iter().chain(op.reads()) {
                if !std::mem::replace(&mut seen[v.index()], true) {
                    last[k].push(v);
                }
            }
        }
        last
    }

    /// Number of network evaluations.
    pub fn nfe(&self) -> usize {
        self.ops.iter().filter(|op| matches!(op, Op::Predict { .. })).count()
    }
    /// Number of steps: states arrived at.
    pub fn steps(&self) -> usize {
        self.ops.iter().filter(|op| matches!(op, Op::Arrive { .. })).count()
    }
    /// Whether steps use what earlier steps have found, besides the state that they start from.
    pub fn is_multistep(&self) -> bool {
        // The number of arrivals before a vector was last written; states are new where they arrive.
        let (mut written, mut arrivals) = (vec![0; self.vars], 0);
        for op in &self.ops {
            let is_old = |v: Var| written[v.index()] < arrivals;
            match op {
                Op::Arrive { state, .. } => {
                    arrivals += 1;
                    written[state.index()] = arrivals;
                }
                Op::Combine { terms, .. } if terms.iter().any(|(c, v)| *c != 0.0 && is_old(*v)) => {
                    return true;
                }
                Op::Predict { src, .. } if is_old(*src) => return true,
                _ => {}
            }
            if let Some(dst) = op.dst() {
                written[dst.index()] = arrivals;
            }
        }
        false
    }
    /// Whether any noise enters.
    pub fn is_stochastic(&self) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Noise { .. }))
    }
}
