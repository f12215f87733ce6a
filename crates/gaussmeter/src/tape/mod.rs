//! The tape: how a sampler is written down, once.
//!
//! Every fixed-grid sampler is linear in its state, the network's outputs and its noises, with
//! coefficients that depend on the grid only. A sampler *records* this linear program on a
//! [`Tape`]; the result, a [`Plan`], is plain data that interpreters run exactly per eigenvalue
//! ([`crate::exact`]), on real vectors with any network ([`crate::paths`]), count and print.
//!
//! A tape has four verbs: [`Tape::predict`], [`Tape::noise`], [`Tape::keep`] and [`Tape::arrive`].
//! A [`Var`] is a vector known to the tape; arithmetic on it builds
//! [`Linear`] combinations.

mod linear;
mod plan;

pub use linear::Linear;
pub use plan::{Op, Plan, PlanError};

pub use crate::network::Prediction;

use crate::level::Level;
use crate::network::{Conditioning, conversion};
use crate::numeric::differentiation::{Real, is_recording};
use plan::Values;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Most operations of a plan. A step of DDIM is three: evaluate, combine, arrive.
pub const MAX_OPS: usize = 6_000_000;

/// A vector known to a tape: the initial state, a network output, a noise, a kept combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Var(pub(crate) u32);

impl Var {
    pub(crate) fn new(index: usize) -> Self {
        Var(index as u32)
    }

    /// Position in the plan, from 0 (the initial state).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Operations with numbers that may be variables, where such are recorded, or else with plain ones,
/// which take half the memory.
#[derive(Debug)]
enum Ops {
    Reals(Vec<Op<Real>>),
    Values(Vec<Op>, Values),
}

impl Ops {
    fn len(&self) -> usize {
        match self {
            Ops::Reals(ops) => ops.len(),
            Ops::Values(ops, _) => ops.len(),
        }
    }
    fn push(&mut self, op: Op<Real>) {
        match self {
            Ops::Reals(ops) => ops.push(op),
            Ops::Values(ops, levels) => ops.push(op.value(levels)),
        }
    }
}

/// Records what a sampler does. Methods take `&self`, so that calls nest:
/// `tape.keep(x + 0.5 * tape.noise())`.
#[derive(Debug)]
pub struct Tape<'a> {
    ops: RefCell<Ops>,
    vars: Cell<u32>,
    /// What the network is told, if not the levels that solvers speak of.
    conditioning: Option<&'a dyn Conditioning>,
    /// The levels of the grid, where networks may be told otherwise than within steps.
    nodes: &'a [Level],
    /// The last level that was spoken of.
    level: RefCell<Option<Arc<Level<Real>>>>,
}

impl<'a> Tape<'a> {
    /// An empty tape and its initial state. The network is told the levels of solvers.
    pub fn new() -> (Self, Var) {
        Tape::conditioned(None, &[])
    }

    /// The same for a network that is told what `conditioning` says, at the levels `nodes` of a grid
    /// and within its steps.
    pub fn conditioned(
        conditioning: Option<&'a dyn Conditioning>,
        nodes: &'a [Level],
    ) -> (Self, Var) {
        let ops = match is_recording() {
            true => Ops::Reals(Vec::new()),
            false => Ops::Values(Vec::new(), Values::default()),
        };
        let (vars, level) = (Cell::new(0), RefCell::default());
        let tape = Tape { ops: ops.into(), vars, conditioning, nodes, level };
        let x = tape.fresh();
        (tape, x)
    }

    fn fresh(&self) -> Var {
        Var(self.vars.replace(self.vars.get() + 1))
    }

    /// A level to be kept: steps end where the next ones start, so that many operations share one.
    fn level(&self, level: Level<Real>) -> Arc<Level<Real>> {
        let mut last = self.level.borrow_mut();
        match &*last {
            Some(last) if last.is_same_constant(&level) => last.clone(),
            _ => last.insert(Arc::new(level)).clone(),
        }
    }

    fn push(&self, op: impl FnOnce(Var) -> Op<Real>) -> Var {
        let dst = self.fresh();
        self.write(op(dst));
        dst
    }

    fn write(&self, op: Op<Real>) {
        let mut ops = self.ops.borrow_mut();
        // One more tells that it was too long.
        if ops.len() <= MAX_OPS {
            ops.push(op);
        }
    }

    /// Whether more was recorded than a plan may hold, so that nothing more is: rules that repeat
    /// themselves stop then. [`Tape::finish`] tells.
    pub fn is_full(&self) -> bool {
        self.ops.borrow().len() > MAX_OPS
    }

    /// The network's output of the given kind at `x`, which is noisy at `level`.
    ///
    /// Where the network is told another level (see [`Conditioning`]), the output of what it predicts
    /// there, turned into `kind` with the α and σ of `level`.
    pub fn predict<'l, N>(&self, kind: Prediction, x: impl Into<Linear>, level: &'l Level<N>) -> Var
    where
        Level<Real>: From<&'l Level<N>>,
    {
        let level: Level<Real> = level.into();
        let Some((native, told)) = self.told(&level) else {
            return self.evaluate(kind, x.into(), level);
        };
        let src = self.keep(x);
        let output = self.evaluate(native, src.into(), told);
        let (a, b) = conversion(native, kind, &level);
        self.keep(a * src + b * output)
    }

    /// As [`Tape::predict`], by a network that knows `level` as it is.
    pub fn ask<'l, N>(&self, kind: Prediction, x: impl Into<Linear>, level: &'l Level<N>) -> Var
    where
        Level<Real>: From<&'l Level<N>>,
    {
        self.evaluate(kind, x.into(), level.into())
    }

    fn evaluate(&self, kind: Prediction, x: Linear, level: Level<Real>) -> Var {
        let (src, level) = (self.keep(x), self.level(level));
        self.push(|dst| Op::Predict { dst, src, kind, level })
    }

    /// What the network predicts at which level, where that is not the level of solvers.
    fn told(&self, level: &Level<Real>) -> Option<(Prediction, Level<Real>)> {
        if level.signal.is_some() {
            return Some((Prediction::Denoiser, level.marginal()));
        }
        let (conditioning, t) = (self.conditioning?, level.t.value());
        let told = match self.nodes.binary_search_by(|node| t.total_cmp(&node.t)) {
            Ok(_) => conditioning.told_at_node(t),
            Err(_) => conditioning.told(t),
        }?;
        Some((told.predicts, told.level_from(level.t)))
    }

    /// A fresh z ~ N(0, I), independent of all others.
    pub fn noise(&self) -> Var {
        self.push(|dst| Op::Noise { dst })
    }

    /// Stores a linear combination as a vector.
    pub fn keep(&self, combination: impl Into<Linear>) -> Var {
        let combination = combination.into();
        match combination.as_var() {
            Some(var) => var,
            None => self.push(|dst| Op::Combine { dst, terms: combination.into_terms() }),
        }
    }

    /// Stores a combination of numbers as it stands, no term left out and none merged: what a recorded
    /// program is written down again with.
    pub(crate) fn store(&self, terms: impl IntoIterator<Item = (f64, Var)>) -> Var {
        let terms = terms.into_iter().map(|(c, v)| (Real::from(c), v)).collect();
        self.push(|dst| Op::Combine { dst, terms })
    }

    /// Stores the state that a step arrives at: like [`Tape::keep`], and marks it as the state at
    /// `level`, so that laws along time and trajectories can be told.
    pub fn arrive<'l, N>(&self, level: &'l Level<N>, combination: impl Into<Linear>) -> Var
    where
        Level<Real>: From<&'l Level<N>>,
    {
        let level = self.level(level.into());
        let state = self.keep(combination);
        self.write(Op::Arrive { state, level });
        state
    }

    /// What was recorded with numbers that may be variables, and the number of vectors. Nothing where
    /// none were recorded.
    pub(crate) fn into_ops(self) -> (Vec<Op<Real>>, usize) {
        match self.ops.into_inner() {
            Ops::Reals(ops) => (ops, self.vars.get() as usize),
            Ops::Values(..) => (Vec::new(), self.vars.get() as usize),
        }
    }

    /// Ends the recording with its result.
    ///
    /// # Errors
    /// [`PlanError`]: a coefficient that is not finite, more than [`MAX_OPS`] operations.
    pub fn finish(self, start: Level, output: Var) -> Result<Plan, PlanError> {
        if self.is_full() {
            return Err(PlanError::TooLong { most: MAX_OPS });
        }
        let ops = match self.ops.into_inner() {
            Ops::Values(ops, _) => ops,
            Ops::Reals(ops) => {
                let mut levels = Values::default();
                ops.into_iter().map(|op| op.value(&mut levels)).collect()
            }
        };
        Plan::new(ops, self.vars.get(), start, output)
    }
}
