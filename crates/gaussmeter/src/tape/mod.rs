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

use crate::denoiser::conversion;
use crate::process::Level;
use crate::real::{Real, is_recording};
use plan::Values;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Most operations of a plan. A step of DDIM is three: evaluate, combine, arrive.
pub const MAX_OPS: usize = 6_000_000;

/// A vector known to a tape: the initial state, a network output, a noise, a kept combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Var(pub(crate) u32);

impl Var {
    /// Position in the plan, from 0 (the initial state).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the network is asked for. With x = αx_0 + σz and an exact network all carry the same
/// information; each is a primitive of the tape because each has its own stable form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// D(x) = E[x_0 | x].
    Denoiser,
    /// ∇ log p_t(x) = (αD − x)/σ².
    Score,
    /// ε(x) = E[z | x] = (x − αD)/σ.
    Noise,
    /// v(x) = α′D + σ′ε, the right side of the probability-flow ODE dx/dt = v.
    Velocity,
    /// αε − σD, the "v" of v-prediction (Salimans & Ho 2022): the velocity in the angle
    /// arctan(σ/α) of a variance-preserving process.
    V,
    /// ε − D, the velocity of flow matching in σ.
    Flow,
}

impl Prediction {
    /// All kinds.
    pub const ALL: [Prediction; 6] = [
        Prediction::Denoiser,
        Prediction::Score,
        Prediction::Noise,
        Prediction::Velocity,
        Prediction::V,
        Prediction::Flow,
    ];

    /// The name in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Prediction::Denoiser => "denoiser",
            Prediction::Score => "score",
            Prediction::Noise => "noise",
            Prediction::Velocity => "velocity",
            Prediction::V => "v-prediction",
            Prediction::Flow => "flow velocity",
        }
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
pub struct Tape {
    ops: RefCell<Ops>,
    vars: Cell<u32>,
    /// The last level that was spoken of.
    level: RefCell<Option<Arc<Level<Real>>>>,
}

impl Tape {
    /// An empty tape and its initial state.
    pub fn new() -> (Self, Var) {
        let ops = match is_recording() {
            true => Ops::Reals(Vec::new()),
            false => Ops::Values(Vec::new(), Values::default()),
        };
        let tape = Tape { ops: ops.into(), vars: Cell::new(0), level: RefCell::default() };
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
    /// Where the network is [told](Level::told) another level, the output of what it predicts there,
    /// turned into `kind` with the α and σ of `level`.
    pub fn predict<'a, N>(&self, kind: Prediction, x: impl Into<Linear>, level: &'a Level<N>) -> Var
    where
        Level<Real>: From<&'a Level<N>>,
    {
        let (src, level): (Var, Level<Real>) = (self.keep(x), level.into());
        let Some(told) = level.told else {
            let level = self.level(level);
            return self.push(|dst| Op::Predict { dst, src, kind, level });
        };
        let (native, told) = (told.predicts, told.level_from(level.t));
        let told = self.level(told);
        let output = self.push(|dst| Op::Predict { dst, src, kind: native, level: told });
        let (a, b) = conversion(native, kind, &level);
        self.keep(a * src + b * output)
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

    /// Stores the state that a step arrives at: like [`Tape::keep`], and marks it as the state at
    /// `level`, so that laws along time and trajectories can be told.
    pub fn arrive<'a, N>(&self, level: &'a Level<N>, combination: impl Into<Linear>) -> Var
    where
        Level<Real>: From<&'a Level<N>>,
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
