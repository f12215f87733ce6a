use super::{Metric, MetricName, Value};
use crate::entry::Entry;
use crate::exact::continuous::Reverse;
use crate::exact::{BLOCK, Init, Law, LawMode, Output, Reason, Target, along_some, blocks_along};
use crate::level::Level;
use crate::network::{Learnt, NetworkError};
use crate::spectrum::Mode;
use crate::tape::Plan;
use crate::watch::Watch;
use rayon::prelude::*;

/// The Wasserstein-2 distance with its parts: total² = mean² + covariance².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wasserstein2 {
    /// W2, in data units.
    pub total: f64,
    /// Euclidean distance of the means.
    pub mean: f64,
    /// Bures distance of the covariances.
    pub covariance: f64,
    /// Why it is infinite.
    pub infinite: Option<Reason>,
}

/// What one eigenvector contributes to W2²: (m − μ)² and (√v − √λ)², each once (without the
/// multiplicity). The difference of roots is formed as (v − λ)/(√v + √λ).
pub fn wasserstein2_terms(mode: &LawMode) -> (f64, f64) {
    let mean = mode.mean_error * mode.mean_error;
    let roots = mode.variance.sqrt() + mode.target_variance.sqrt();
    let covariance = if roots == 0.0 {
        0.0
    } else if roots.is_infinite() {
        f64::INFINITY
    } else {
        (mode.variance_error / roots).powi(2)
    };
    (mean, covariance)
}

/// W2 between a law and its target, whose covariances commute:
/// W2² = Σ multiplicity · [(m − μ)² + (√v − √λ)²].
pub fn wasserstein2(law: &Law) -> Wasserstein2 {
    of_modes(law.modes.iter().copied(), law.infinite)
}

/// The same, mode by mode.
///
/// Sums are taken over blocks of modes, then over these: also where blocks are computed at once.
fn of_modes(modes: impl Iterator<Item = LawMode>, known: Option<Reason>) -> Wasserstein2 {
    let ([mut mean, mut covariance], mut of_block) = ([0.0; 2], [0.0; 2]);
    let (mut overflow, mut last) = (None, None);
    for (i, m) in modes.enumerate() {
        if i % LANES == 0 {
            mean += of_block[0];
            covariance += of_block[1];
            of_block = [0.0; 2];
        }
        let (a, b) = wasserstein2_terms(&m);
        of_block[0] += m.multiplicity * a;
        of_block[1] += m.multiplicity * b;
        if overflow.is_none() && !(m.multiplicity * (a + b)).is_finite() {
            overflow = Some(m.eigenvalue);
        }
        last = Some(m.eigenvalue);
    }
    mean += of_block[0];
    covariance += of_block[1];
    // Infinities of opposite sign.
    let [mean, covariance] =
        [mean, covariance].map(|sum: f64| if sum.is_nan() { f64::INFINITY } else { sum });
    let overflow = overflow.or(last).map(|eigenvalue| Reason::Overflow { eigenvalue });
    let infinite = match (mean + covariance).is_finite() {
        true => None,
        false => known.or(overflow),
    };
    Wasserstein2 {
        total: (mean + covariance).sqrt(),
        mean: mean.sqrt(),
        covariance: covariance.sqrt(),
        infinite,
    }
}

/// Modes that are taken together.
const LANES: usize = BLOCK;

/// (√v − √λ)² of a block of modes, of states with these gains on a start of these variances, and these
/// variances due to noise.
#[inline(always)]
fn squares(
    gain: &[f64; LANES],
    noise: &[f64; LANES],
    start: &[f64; LANES],
    goal: &[f64; LANES],
) -> [f64; LANES] {
    let mut square = [0.0; LANES];
    for i in 0..LANES {
        let carried = if start[i] == 0.0 { 0.0 } else { gain[i] * gain[i] * start[i] };
        let variance = carried + noise[i];
        let roots = variance.sqrt() + goal[i].sqrt();
        let root = (variance - goal[i]) / roots;
        square[i] = if roots == 0.0 { 0.0 } else { root * root };
    }
    square
}

/// Modes of data without a mean that are taken together, with the variances they start from. Padded by modes
/// that do not count.
struct Block {
    eigenvalue: [f64; LANES],
    multiplicity: [f64; LANES],
    start: [f64; LANES],
}

impl Block {
    /// From this mode on.
    fn new(truth: &[Mode], first: usize, init: &Init, start: &Level) -> Self {
        let [eigenvalue, multiplicity] = [[0.0; LANES]; 2];
        let mut block = Block { eigenvalue, multiplicity, start: [0.0; LANES] };
        for (i, mode) in truth[first..].iter().take(LANES).enumerate() {
            (block.eigenvalue[i], block.multiplicity[i]) = (mode.eigenvalue, mode.multiplicity);
            block.start[i] = init.moments(start, first + i, mode).1;
        }
        block
    }
}

/// The same for continuous solutions: their starts are compared with p_T.
struct Start {
    block: Block,
    /// Variance at the start minus that of p_T.
    error: [f64; LANES],
}

impl Start {
    fn new(truth: &[Mode], first: usize, init: &Init, start: &Level) -> Self {
        let mut error = [0.0; LANES];
        for (i, mode) in truth[first..].iter().take(LANES).enumerate() {
            error[i] = init.variance_error(start, first + i, mode);
        }
        Start { block: Block::new(truth, first, init, start), error }
    }
}

/// The sum over a block of (√v − √λ)², of the ODE or the SDE between two levels: with the bits of
/// [`Reverse::law`].
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn sum_of_continuous(
    is_sde: bool,
    start: &Start,
    (from, to): (&Level, &Level),
    target: Target,
) -> f64 {
    let scale2 = (from.alpha / to.alpha) * (from.alpha / to.alpha);
    let Start { block, error } = start;
    let mut square = [0.0; LANES];
    for i in 0..LANES {
        let lambda = block.eigenvalue[i];
        let (before, marginal) = (from.variance(lambda), to.variance(lambda));
        let ratio = marginal / before;
        let r = scale2 * ratio;
        let (kept, fresh) = if is_sde { (r, 1.0 - r) } else { (1.0, 0.0) };
        let is_null = before == 0.0;
        let carried = if is_null { error[i] } else { marginal * (kept * (error[i] / before)) };
        let gain = if is_null { 1.0 } else { (ratio * kept).sqrt() };
        let fresh = if is_null { 0.0 } else { fresh };
        let moved = gain * gain * block.start[i] + marginal * fresh;
        let variance = if carried == 0.0 { marginal } else { moved };
        let (goal, truncation) = match target {
            Target::Data => (lambda, to.variance_error(lambda)),
            Target::Marginal => (marginal, 0.0),
        };
        let roots = variance.sqrt() + goal.sqrt();
        let root = (truncation + carried) / roots;
        square[i] = if roots == 0.0 { 0.0 } else { root * root };
    }
    let counted = square.iter().zip(&block.multiplicity).filter(|(_, m)| **m != 0.0);
    counted.fold(0.0, |sum, (square, m)| sum + m * square)
}

/// The sum over a block of (√v − √λ)², at a level that is compared with its own marginal or with the data.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn sum_at(
    block: &Block,
    level: &Level,
    (gain, noise): (&[f64; LANES], &[f64; LANES]),
    target: Target,
) -> f64 {
    let level = level.marginal();
    let (alpha2, sigma2) = (level.alpha * level.alpha, level.sigma * level.sigma);
    let mut goal = block.eigenvalue;
    if target == Target::Marginal {
        goal.iter_mut().for_each(|goal| *goal = alpha2 * *goal + sigma2);
    }
    let square = squares(gain, noise, &block.start, &goal);
    let counted = square.iter().zip(&block.multiplicity).filter(|(_, m)| **m != 0.0);
    counted.fold(0.0, |sum, (square, m)| sum + m * square)
}

/// The sums of [`wasserstein2`] for the state of a sampler, to the same bits, without its law: the mean's and
/// the covariance's share.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn of_state(state: &Output, truth: &[Mode], init: &Init, target: Target) -> [f64; 2] {
    let level = state.level.marginal();
    let (alpha2, sigma2) = (level.alpha * level.alpha, level.sigma * level.sigma);
    let is_centred = state.mean_gain.is_empty()
        && state.constant.is_empty()
        && !matches!(init, Init::Diagonal { .. })
        && truth.iter().all(|mode| mode.mean == 0.0);
    let mut sums = [0.0; 2];
    for (block, modes) in truth.chunks(LANES).enumerate() {
        let first = block * LANES;
        let (gain, noise) = (&state.gain[first..], &state.noise_variance[first..]);
        let (mut g, mut q, mut v0, mut goal) =
            ([0.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let mut off = [0.0; LANES];
        for (i, mode) in modes.iter().enumerate() {
            let (mean, variance) = init.moments(&state.start, first + i, mode);
            (g[i], q[i], v0[i], goal[i]) = (gain[i], noise[i], variance, mode.eigenvalue);
            if !is_centred {
                off[i] = state.mean_error(first + i, mode, mean, target);
            }
        }
        if target == Target::Marginal {
            goal.iter_mut().for_each(|goal| *goal = alpha2 * *goal + sigma2);
        }
        let square = squares(&g, &q, &v0, &goal);
        let mut of_block = [0.0; 2];
        for (i, mode) in modes.iter().enumerate() {
            of_block[0] += mode.multiplicity * (off[i] * off[i]);
            of_block[1] += mode.multiplicity * square[i];
        }
        sums[0] += of_block[0];
        sums[1] += of_block[1];
    }
    sums
}

/// W2 of the state of a sampler to its target.
pub(crate) fn wasserstein2_of_output(
    state: &Output,
    truth: &[Mode],
    init: &Init,
    target: Target,
) -> Value {
    let [mean, covariance] = of_state(state, truth, init, target);
    match (mean + covariance).is_finite() && state.infinite.is_none() {
        true => Value::new((mean + covariance).sqrt(), None),
        // The reason is in the law.
        false => wasserstein2(&state.law_against(truth, init, target)).value(),
    }
}

/// [`wasserstein2`] as a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct W2;

impl Metric for W2 {
    fn evaluate(&self, law: &Law) -> Value {
        let w2 = wasserstein2(law);
        Value::new(w2.total, w2.infinite)
    }

    fn of_output(&self, state: &Output, truth: &[Mode], init: &Init, target: Target) -> Value {
        wasserstein2_of_output(state, truth, init, target)
    }

    fn along(
        &self,
        network: &Learnt,
        plan: &Plan,
        (init, target): (&Init, Target),
        wanted: &(dyn Fn(usize) -> bool + Sync),
        watch: Watch,
    ) -> Result<Vec<(f64, Value)>, NetworkError> {
        let truth = network.truth();
        let is_centred =
            truth.iter().all(|m| m.mean == 0.0) && !matches!(init, Init::Diagonal { .. });
        let prepare = |first: usize| Block::new(truth, first, init, plan.start());
        let of_block = |block: &Block, level: &Level, gain: &_, noise: &_| {
            sum_at(block, level, (gain, noise), target)
        };
        let found = match is_centred {
            true => blocks_along(network, plan, wanted, watch, prepare, of_block)?,
            false => None,
        };
        let of_states = |(levels, blocks): (Vec<Level>, Vec<Vec<f64>>)| {
            let of_state = |(k, level): (usize, &Level)| {
                let sum = blocks.iter().fold(0.0, |sum, block| sum + block[k]);
                sum.is_finite().then(|| (level.t, Value::new(sum.sqrt(), None)))
            };
            levels.iter().enumerate().map(of_state).collect::<Option<Vec<_>>>()
        };
        match found.and_then(of_states) {
            Some(states) => Ok(states),
            None => along_some(network, plan, wanted, watch, |state| {
                (state.level.t, wasserstein2_of_output(&state, truth, init, target))
            }),
        }
    }

    fn of_continuous(
        &self,
        processes: &[Reverse],
        network: &Learnt,
        (from, levels): (&Level, &[Level]),
        (init, target): (&Init, Target),
        watch: Watch,
    ) -> Option<Vec<Vec<Value>>> {
        let truth = network.truth();
        let is_centred =
            truth.iter().all(|m| m.mean == 0.0) && !matches!(init, Init::Diagonal { .. });
        let is_usual = |p: &Reverse| p.noise == 0.0 || p.noise == 1.0;
        if !(network.is_exact() && is_centred && processes.iter().all(is_usual)) {
            return None;
        }
        let firsts = (0..truth.len()).step_by(LANES);
        let blocks: Vec<Start> = firsts.map(|first| Start::new(truth, first, init, from)).collect();
        let from = from.marginal();
        let of_level = |to: &Level| {
            if watch.is_stopped() {
                return None;
            }
            let to = to.marginal();
            let of_process = |process: &Reverse| {
                let is_sde = process.noise == 1.0;
                let sums = blocks
                    .iter()
                    .map(|block| sum_of_continuous(is_sde, block, (&from, &to), target));
                let sum: f64 = sums.fold(0.0, |sum, of_block| sum + of_block);
                sum.is_finite().then(|| Value::new(sum.sqrt(), None))
            };
            processes.iter().map(of_process).collect()
        };
        levels.par_iter().map(of_level).collect()
    }

    fn of_modes(&self, modes: &mut dyn Iterator<Item = LawMode>) -> Value {
        of_modes(modes, None).value()
    }

    fn name(&self) -> MetricName {
        MetricName {
            key: "w2",
            summary: "W2 to the data",
            symbol: "W2",
            latex: "$W_2$",
            title: "W2 error",
        }
    }

    fn is_triangular(&self) -> bool {
        true
    }

    fn parts(&self, law: &Law) -> Vec<(&'static str, &'static str, Value)> {
        let w2 = wasserstein2(law);
        let dim: f64 = law.modes.iter().map(|m| m.multiplicity).sum();
        let part = |value| Value { value, infinite: w2.infinite };
        vec![
            ("w2_mean", "  of the mean", part(w2.mean)),
            ("w2_cov", "  of the covariance", part(w2.covariance)),
            ("w2_per_dim", "W2 / sqrt(d)", part(w2.total / dim.sqrt())),
        ]
    }
}

pub(super) static ENTRY: Entry<dyn Metric> = Entry {
    name: "w2",
    aliases: &["wasserstein", "wasserstein2"],
    summary: "Wasserstein-2 distance, in data units",
    source: "Dowson & Landau (1982), for commuting covariances",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(W2)),
};
