//! The laws of a sampler's states along the way.

use super::kernel::{Forward, LANES, run_forward};
use super::program::{Mark, Program};
use super::{Output, answered, mark_infinite};
use crate::level::Level;
use crate::network::{Learnt, NetworkError};
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use crate::watch::Watch;
use rayon::prelude::*;

/// Most numbers (modes times states) kept at a time.
const WINDOW: usize = 1 << 21;

/// Most bytes of running programs kept at a time.
const RUNNING: usize = 1 << 28;

/// The laws of a sampler's states along the way: the initial state, then one per step.
///
/// Memory is 3 numbers per mode and step; [`along_with`] keeps only a few states at a time.
pub fn along(plan: &Plan, spectrum: &Spectrum) -> Vec<Output> {
    along_with(plan, spectrum, |output| output)
}

/// Applies `f` to the states of [`along`], in order.
///
/// Steps run a few at a time on all modes, so that memory does not grow with their number.
pub fn along_with<T: Send>(
    plan: &Plan,
    spectrum: &Spectrum,
    f: impl Fn(Output) -> T + Sync,
) -> Vec<T> {
    of_some(plan, spectrum, &|_| true, Watch::NOBODY, f)
}

/// [`along_with`] for the states whose numbers are `wanted`: 0 is the initial state. Where `watch` stops it,
/// those so far.
fn of_some<T: Send>(
    plan: &Plan,
    spectrum: &Spectrum,
    wanted: &(dyn Fn(usize) -> bool + Sync),
    watch: Watch,
    f: impl Fn(Output) -> T + Sync,
) -> Vec<T> {
    let program = Program::forward(plan);
    let lambda = spectrum.eigenvalues();
    let has_mean = spectrum.has_mean();
    let at = |level: Level, gain: Vec<f64>| Output {
        modes: spectrum.shared_modes(),
        noise_variance: vec![0.0; gain.len()],
        mean_gain: vec![0.0; if has_mean { gain.len() } else { 0 }],
        constant: Vec::new(),
        gain,
        start: *plan.start(),
        level,
        infinite: None,
    };
    let numbered = program.marks.iter().enumerate();
    let marks: Vec<Mark> =
        numbered.filter(|(k, _)| wanted(k + 1)).map(|(_, m)| m.clone()).collect();
    let mut results = Vec::with_capacity(marks.len() + 1);
    if wanted(0) {
        results.push(f(at(*plan.start(), vec![1.0; lambda.len()])));
    }

    let blocks: Vec<&[f64]> = lambda.chunks(LANES).collect();
    let window = (WINDOW / (blocks.len() * LANES).max(1)).max(1);
    let is_kept = blocks.len().saturating_mul(Forward::size(&program)) <= RUNNING;
    let mut running: Vec<Forward> = match is_kept && window < marks.len() {
        true => blocks.par_iter().map(|l| Forward::new(&program, l, has_mean)).collect(),
        false => Vec::new(),
    };
    // A program too large to be kept for all blocks runs from start to end, block by block.
    let window = if running.is_empty() { marks.len().max(1) } else { window };
    for marks in marks.chunks(window).take_while(|_| !watch.is_stopped()) {
        let shown_by = |running: &mut Forward| {
            let mut shown: Vec<[[f64; LANES]; 3]> = Vec::with_capacity(marks.len());
            run_forward(&program, running, marks, &mut |_, parts| shown.push(parts.map(|p| *p)));
            shown
        };
        let shown: Vec<Vec<_>> = match running.is_empty() {
            true => (blocks.par_iter())
                .map(|l| shown_by(&mut Forward::new(&program, l, has_mean)))
                .collect(),
            false => running.par_iter_mut().map(shown_by).collect(),
        };
        let result = |k: usize| {
            let mark = &marks[k];
            let mut output = at(*mark.level, vec![0.0; lambda.len()]);
            for (b, snapshots) in shown.iter().enumerate() {
                let range = b * LANES..b * LANES + blocks[b].len();
                let parts = snapshots[k].each_ref().map(|part| &part[..range.len()]);
                output.gain[range.clone()].copy_from_slice(parts[0]);
                output.noise_variance[range.clone()].copy_from_slice(parts[1]);
                if has_mean {
                    output.mean_gain[range].copy_from_slice(parts[2]);
                }
            }
            let Output { gain, noise_variance, mean_gain, .. } = &mut output;
            output.infinite = mark_infinite(lambda, mark.singular, gain, noise_variance, mean_gain);
            f(output)
        };
        results.par_extend((0..marks.len()).into_par_iter().map(result));
    }
    results
}

/// [`along_with`] with a network that has learnt other modes than the data have, or answers otherwise: per
/// mode of [`Learnt::truth`], as [`Output::by`].
///
/// # Errors
/// [`NetworkError`]
pub fn along_by<T: Send>(
    network: &Learnt,
    plan: &Plan,
    f: impl Fn(Output) -> T + Sync,
) -> Result<Vec<T>, NetworkError> {
    along_some(network, plan, &|_| true, Watch::NOBODY, f)
}

/// [`along_by`] for the states whose numbers are `wanted`: 0 is the initial state. Where `watch` stops it,
/// those so far.
///
/// # Errors
/// [`NetworkError`]
pub fn along_some<T: Send>(
    network: &Learnt,
    plan: &Plan,
    wanted: &(dyn Fn(usize) -> bool + Sync),
    watch: Watch,
    f: impl Fn(Output) -> T + Sync,
) -> Result<Vec<T>, NetworkError> {
    if network.has_answers() {
        return answered::along(network, plan, wanted, watch, f);
    }
    Ok(of_some(&*network.program(plan)?, network.believed(), wanted, watch, f))
}

/// Modes of a block of [`blocks_along`].
pub(crate) const BLOCK: usize = LANES;

/// Levels of states, and what was made of each block of modes in each state.
type Blocks<T> = (Vec<Level>, Vec<Vec<T>>);

/// What `f` makes of the states whose numbers are `wanted`, per block of modes and state: it is given what
/// `prepare` has made of the number of the block's first mode, the level, and gain and noise variance of every
/// mode of the block. For data without a mean; `None` where a state may be infinite, where a network has
/// answers of its own, and where `watch` stops it.
pub(crate) fn blocks_along<P, T: Send>(
    network: &Learnt,
    plan: &Plan,
    wanted: &(dyn Fn(usize) -> bool + Sync),
    watch: Watch,
    prepare: impl Fn(usize) -> P + Sync,
    f: impl Fn(&P, &Level, &[f64; BLOCK], &[f64; BLOCK]) -> T + Sync,
) -> Result<Option<Blocks<T>>, NetworkError> {
    let lambda = network.believed().eigenvalues();
    if network.has_answers() || network.has_mean() {
        return Ok(None);
    }
    let plan = network.program(plan)?;
    let program = Program::forward(&plan);
    let numbered = program.marks.iter().enumerate();
    let marks: Vec<Mark> =
        numbered.filter(|(k, _)| wanted(k + 1)).map(|(_, m)| m.clone()).collect();
    if marks.iter().any(|mark| mark.singular.is_some()) && lambda.contains(&0.0) {
        return Ok(None);
    }
    let begins = wanted(0).then_some(*plan.start());
    let levels: Vec<Level> =
        begins.into_iter().chain(marks.iter().map(|mark| *mark.level)).collect();
    let of_block = |(b, lambda): (usize, &[f64])| {
        if watch.is_stopped() {
            return None;
        }
        let prepared = prepare(b * BLOCK);
        let mut found = Vec::with_capacity(levels.len());
        found.extend(begins.map(|start| f(&prepared, &start, &[1.0; BLOCK], &[0.0; BLOCK])));
        let mut running = Forward::new(&program, lambda, false);
        run_forward(&program, &mut running, &marks, &mut |k, [gain, noise, _]| {
            found.push(f(&prepared, &marks[k].level, gain, noise));
        });
        Some(found)
    };
    let blocks = lambda.par_chunks(BLOCK).enumerate().map(of_block);
    let blocks = blocks.collect::<Option<Vec<Vec<T>>>>();
    Ok(blocks.map(|blocks| (levels, blocks)))
}
