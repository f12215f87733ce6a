//! Programs run with a network whose answers are its own (see [`Answers`](crate::network::Answers)): not
//! by a factor per level that depends on the eigenvalue alone, but by numbers per level and mode.
//!
//! Slower than the kernel, and independent of it: with answers of one Gaussian both agree, which a test
//! checks for every sampler.

// Several blocks are indexed together, lane by lane.
#![allow(clippy::needless_range_loop)]

use super::{Output, Reason};
use crate::level::Level;
use crate::network::{AtLevel, Learnt, NetworkError, Prediction, conversion};
use crate::numeric::differentiation::Real;
use crate::tape::{Op, Plan, Var};
use crate::watch::Watch;
use rayon::prelude::*;

/// Modes that run together.
const LANES: usize = 16;
type Block = [f64; LANES];
const ZERO: Block = [0.0; LANES];

/// Most numbers (modes times states) kept at a time.
const WINDOW: usize = 1 << 21;

/// What one evaluation of the network is, on a block of modes.
struct Weights {
    slope: Block,
    shift: Block,
    /// Lanes where it is infinite.
    infinite: [bool; LANES],
}

/// An evaluation.
pub(super) struct Site<'a> {
    kind: Prediction,
    level: Level,
    /// The step, from 1.
    step: usize,
    at: AtLevel<'a>,
}

impl Site<'_> {
    /// The evaluation of a mode: its coefficient of the state, and what is added.
    pub fn at(&self, mode: usize) -> [f64; 2] {
        (self.at)(mode).of(self.kind, &self.level)
    }

    fn weights(&self, first: usize, count: usize) -> Weights {
        let mut weights = Weights { slope: ZERO, shift: ZERO, infinite: [false; LANES] };
        for i in 0..count {
            let [slope, shift] = self.at(first + i);
            match slope.is_finite() && shift.is_finite() {
                true => (weights.slope[i], weights.shift[i]) = (slope, shift),
                false => weights.infinite[i] = true,
            }
        }
        weights
    }

    fn reason(&self) -> Reason {
        Reason::SingularPrediction { kind: self.kind, t: self.level.t, step: self.step }
    }
}

/// Vectors that are alive share registers with those that no longer are.
#[derive(Default)]
struct Registers {
    place: Vec<Option<usize>>,
    free: Vec<usize>,
    count: usize,
}

impl Registers {
    fn new(vars: usize) -> Self {
        Registers { place: vec![None; vars], ..Registers::default() }
    }
    /// Its register, and whether it was claimed just now.
    fn of(&mut self, v: Var) -> (usize, bool) {
        if let Some(register) = self.place[v.index()] {
            return (register, false);
        }
        let register = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.place[v.index()] = Some(register);
        (register, true)
    }
    fn release(&mut self, v: Var) {
        self.free.extend(self.place[v.index()].take());
    }
}

/// Per step that arrives at a x + b D + noise, where D is the denoised state x before it: b/α at the level
/// that it arrives at.
fn shares(plan: &Plan) -> Result<Vec<f64>, NetworkError> {
    let mut shares = Vec::with_capacity(plan.steps());
    // What vectors have of D, as far as they have nothing but x, D and noises of this step.
    let mut part: Vec<Option<f64>> = vec![None; plan.var_count()];
    let mut state = plan.input();
    let mut evaluations = 0;
    part[state.index()] = Some(0.0);
    for op in plan.ops() {
        let step = shares.len() + 1;
        match op {
            Op::Predict { dst, src, kind, level } => {
                evaluations += 1;
                let (_, of_denoiser) =
                    conversion(Prediction::Denoiser, *kind, &Level::<Real>::from(&**level));
                let is_only = *src == state && evaluations == 1;
                part[dst.index()] = is_only.then_some(of_denoiser.value());
            }
            Op::Noise { dst } => part[dst.index()] = Some(0.0),
            Op::Combine { dst, terms } => {
                part[dst.index()] = terms.iter().map(|(c, v)| Some(c * part[v.index()]?)).sum();
            }
            Op::Arrive { state: next, level } => {
                let share = part[next.index()].map_or(0.0, |b| b / level.alpha);
                if !(evaluations == 1 && share != 0.0 && share.is_finite()) {
                    return Err(NetworkError::Step { step });
                }
                shares.push(share);
                (state, evaluations) = (*next, 0);
                part.iter_mut().for_each(|part| *part = None);
                part[state.index()] = Some(0.0);
            }
        }
    }
    Ok(shares)
}

/// The evaluations of a plan, in order.
pub(super) fn sites<'a>(network: &'a Learnt, plan: &Plan) -> Result<Vec<Site<'a>>, NetworkError> {
    let shares = if network.is_by_step() { Some(shares(plan)?) } else { None };
    let mut sites = Vec::with_capacity(plan.nfe());
    let mut step = 1;
    for op in plan.ops() {
        match op {
            Op::Arrive { .. } => step += 1,
            Op::Predict { kind, level, .. } => {
                let at = match &shares {
                    Some(shares) => network.in_step(level, shares[step - 1]),
                    None => network.at(level),
                };
                let site = Site { kind: *kind, level: **level, step, at };
                // Infinite with noise: no signal is left, or the network is out of range.
                if level.sigma > 0.0 {
                    let modes = 0..network.truth().len();
                    let is_infinite = |i: &usize| {
                        let [slope, shift] = site.at(*i);
                        !(slope.is_finite() && shift.is_finite())
                    };
                    if let Some(i) = modes.into_iter().find(is_infinite) {
                        let (kind, t) = (*kind, level.t);
                        let eigenvalue = network.truth()[i].eigenvalue;
                        return Err(match level.alpha == 0.0 {
                            true => NetworkError::NoSignal { kind, t },
                            false => NetworkError::Infinite { kind, t, eigenvalue },
                        });
                    }
                }
                sites.push(site);
            }
            Op::Combine { .. } | Op::Noise { .. } => {}
        }
    }
    Ok(sites)
}

/// One mode of an output: gain, noise variance, constant.
type ModeOutput = ([f64; 3], Option<Reason>);

fn output(network: &Learnt, plan: &Plan, level: Level, modes: &[ModeOutput]) -> Output {
    let mut output = Output {
        modes: network.believed().shared_modes(),
        gain: Vec::with_capacity(modes.len()),
        noise_variance: Vec::with_capacity(modes.len()),
        mean_gain: Vec::new(),
        constant: Vec::with_capacity(modes.len()),
        start: *plan.start(),
        level,
        infinite: None,
    };
    for (i, (parts, singular)) in modes.iter().enumerate() {
        let eigenvalue = network.truth()[i].eigenvalue;
        let reason = match parts.iter().all(|v| v.is_finite()) {
            true => *singular,
            false => singular.or(Some(Reason::Overflow { eigenvalue })),
        };
        let parts = if reason.is_some() { [f64::INFINITY; 3] } else { *parts };
        output.gain.push(parts[0]);
        output.noise_variance.push(parts[1]);
        output.constant.push(parts[2]);
        output.infinite = output.infinite.or(reason);
    }
    output
}

/// [`Output::by`], by the transposed program.
pub(super) fn transposed(network: &Learnt, plan: &Plan) -> Result<Output, NetworkError> {
    let sites = sites(network, plan)?;
    let registers = {
        let mut registers = Registers::new(plan.var_count());
        registers.of(plan.output());
        let mut most = 1;
        for op in plan.ops().iter().rev() {
            let Some(dst) = op.dst() else { continue };
            if registers.place[dst.index()].is_some() {
                for v in op.reads() {
                    registers.of(v);
                }
                most = most.max(registers.count);
                registers.release(dst);
            }
        }
        most + 1
    };
    let modes = network.truth().len();
    let blocks: Vec<Vec<ModeOutput>> = (0..modes.div_ceil(LANES))
        .into_par_iter()
        .map(|block| {
            let first = block * LANES;
            let count = LANES.min(modes - first);
            let mut place = Registers::new(plan.var_count());
            let mut adjoint = vec![ZERO; registers];
            let (mut noise, mut constant) = (ZERO, ZERO);
            let mut reasons = [None; LANES];
            let (output, _) = place.of(plan.output());
            adjoint[output] = [1.0; LANES];
            let mut sites = sites.iter().rev();
            for op in plan.ops().iter().rev() {
                let site = match op {
                    Op::Predict { .. } => sites.next(),
                    _ => None,
                };
                let Some(dst) = op.dst() else { continue };
                let Some(from) = place.place[dst.index()] else { continue };
                let a = adjoint[from];
                let mut add = |v: Var, weights: &dyn Fn(usize) -> f64| {
                    let (to, is_new) = place.of(v);
                    if is_new {
                        adjoint[to] = ZERO;
                    }
                    for i in 0..LANES {
                        adjoint[to][i] += weights(i) * a[i];
                    }
                };
                match op {
                    Op::Predict { src, .. } => {
                        let Some(site) = site else { continue };
                        let weights = site.weights(first, count);
                        add(*src, &|i| weights.slope[i]);
                        for i in 0..count {
                            constant[i] += weights.shift[i] * a[i];
                            if weights.infinite[i] && a[i] != 0.0 {
                                reasons[i] = Some(site.reason());
                            }
                        }
                    }
                    Op::Combine { terms, .. } => terms.iter().for_each(|(c, v)| add(*v, &|_| *c)),
                    Op::Noise { .. } => {
                        for i in 0..LANES {
                            noise[i] += a[i] * a[i];
                        }
                    }
                    Op::Arrive { .. } => {}
                }
                place.release(dst);
            }
            let gain = place.place[plan.input().index()].map_or(ZERO, |r| adjoint[r]);
            (0..count).map(|i| ([gain[i], noise[i], constant[i]], reasons[i])).collect()
        })
        .collect();
    Ok(output(network, plan, plan.end(), &blocks.concat()))
}

/// A program that runs forwards on a block of modes.
struct Forward {
    gain: Vec<Block>,
    constant: Vec<Block>,
    /// Rows of the covariance of registers, due to noises.
    covariance: Vec<Block>,
    reasons: Vec<[Option<Reason>; LANES]>,
}

/// [`along_some`](super::along_some) with a network.
pub(super) fn along<T: Send>(
    network: &Learnt,
    plan: &Plan,
    wanted: &(dyn Fn(usize) -> bool + Sync),
    watch: Watch,
    f: impl Fn(Output) -> T + Sync,
) -> Result<Vec<T>, NetworkError> {
    let sites = sites(network, plan)?;
    // Registers of every operation: where it writes, and where what it reads is.
    let mut place = Registers::new(plan.var_count());
    let (input, _) = place.of(plan.input());
    let mut steps: Vec<(Option<usize>, Vec<usize>)> = Vec::with_capacity(plan.ops().len());
    for (op, last) in plan.ops().iter().zip(plan.last_uses()) {
        let reads = op.reads().map(|v| place.of(v).0).collect();
        // Not a register that is read.
        let dst = op.dst().map(|v| place.of(v).0);
        steps.push((dst, reads));
        last.into_iter().for_each(|v| place.release(v));
    }
    let n = place.count;
    let is_stochastic = plan.is_stochastic();
    let modes = network.truth().len();
    let start = vec![([1.0, 0.0, 0.0], None); modes];
    let first = || f(output(network, plan, *plan.start(), &start));
    let mut results: Vec<T> = wanted(0).then(first).into_iter().collect();
    let mut running: Vec<Forward> = (0..modes.div_ceil(LANES))
        .map(|_| {
            let mut forward = Forward {
                gain: vec![ZERO; n],
                constant: vec![ZERO; n],
                covariance: vec![ZERO; if is_stochastic { n * n } else { n }],
                reasons: vec![[None; LANES]; n],
            };
            forward.gain[input] = [1.0; LANES];
            forward
        })
        .collect();
    let arrivals: Vec<usize> =
        (0..plan.ops().len()).filter(|k| matches!(plan.ops()[*k], Op::Arrive { .. })).collect();
    let window = (WINDOW / modes.max(1)).max(1);
    let (mut done, mut evaluated, mut arrived) = (0, 0, 0);
    for arrivals in arrivals.chunks(window).take_while(|_| !watch.is_stopped()) {
        let until = arrivals.last().map_or(done, |k| k + 1);
        let shown: Vec<Vec<Vec<ModeOutput>>> = running
            .par_iter_mut()
            .enumerate()
            .map(|(block, forward)| {
                let first = block * LANES;
                let count = LANES.min(modes - first);
                let mut sites = sites[evaluated..].iter();
                let mut states = Vec::with_capacity(arrivals.len());
                for (op, (dst, reads)) in plan.ops()[done..until].iter().zip(&steps[done..until]) {
                    let Some(dst) = *dst else {
                        let register = reads[0];
                        let variance = match is_stochastic {
                            true => forward.covariance[register * (n + 1)],
                            false => ZERO,
                        };
                        let of = |i: usize| {
                            let gain = forward.gain[register][i];
                            let parts = [gain, variance[i], forward.constant[register][i]];
                            (parts, forward.reasons[register][i])
                        };
                        states.push((0..count).map(of).collect());
                        continue;
                    };
                    let (slopes, shift, fresh) = match op {
                        Op::Predict { .. } => match sites.next() {
                            Some(site) => {
                                let w = site.weights(first, count);
                                let reason = |i: usize| w.infinite[i].then(|| site.reason());
                                forward.reasons[dst] = std::array::from_fn(reason);
                                (vec![w.slope], w.shift, 0.0)
                            }
                            None => continue,
                        },
                        Op::Combine { terms, .. } => {
                            forward.reasons[dst] = [None; LANES];
                            (terms.iter().map(|(c, _)| [*c; LANES]).collect(), ZERO, 0.0)
                        }
                        Op::Noise { .. } | Op::Arrive { .. } => {
                            forward.reasons[dst] = [None; LANES];
                            (Vec::new(), ZERO, 1.0)
                        }
                    };
                    let sum = |of: &dyn Fn(usize) -> Block, start: Block| {
                        let mut sum = start;
                        for (slope, register) in slopes.iter().zip(reads) {
                            let value = of(*register);
                            for i in 0..LANES {
                                sum[i] += slope[i] * value[i];
                            }
                        }
                        sum
                    };
                    for register in reads {
                        for i in 0..LANES {
                            let reason = forward.reasons[*register][i];
                            forward.reasons[dst][i] = forward.reasons[dst][i].or(reason);
                        }
                    }
                    forward.gain[dst] = sum(&|r| forward.gain[r], ZERO);
                    forward.constant[dst] = sum(&|r| forward.constant[r], shift);
                    if is_stochastic {
                        for other in (0..n).filter(|r| *r != dst) {
                            let row = sum(&|r| forward.covariance[r * n + other], ZERO);
                            forward.covariance[dst * n + other] = row;
                            forward.covariance[other * n + dst] = row;
                        }
                        let variance = sum(&|r| forward.covariance[r * n + dst], [fresh; LANES]);
                        forward.covariance[dst * (n + 1)] = variance;
                    }
                }
                states
            })
            .collect();
        evaluated +=
            plan.ops()[done..until].iter().filter(|op| matches!(op, Op::Predict { .. })).count();
        done = until;
        let result = |k: usize| {
            let Op::Arrive { level, .. } = &plan.ops()[arrivals[k]] else { return None };
            if !wanted(arrived + k + 1) {
                return None;
            }
            let modes: Vec<ModeOutput> = shown.iter().flat_map(|b| b[k].clone()).collect();
            Some(f(output(network, plan, **level, &modes)))
        };
        results.par_extend((0..arrivals.len()).into_par_iter().filter_map(result));
        arrived += arrivals.len();
    }
    Ok(results)
}
