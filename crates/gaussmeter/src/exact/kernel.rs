//! The inner loops: blocks of modes outside, the program inside, so that everything stays in the
//! first-level cache for any number of modes.
//!
//! Only element-wise IEEE arithmetic without fused multiply-add: every instruction set gives the
//! same bits. The widest one is chosen at run time.

use super::program::{Instruction, Link, Load, Mark, MeanTerm, Program, Term};
use super::stages::{Stage, Step, shape};

/// Modes per block; the last block is padded.
pub(super) const LANES: usize = 64;

/// One number per mode of a block. Aligned to cache lines: vector accesses that straddle two lines
/// cost twice as much.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block([f64; LANES]);

impl Block {
    const ZERO: Block = Block([0.0; LANES]);
    const ONE: Block = Block([1.0; LANES]);
}

/// A program's vectors for one block of modes.
struct Machine {
    registers: Vec<Block>,
    weights: Vec<Block>,
}

impl Machine {
    fn new(program: &Program) -> Self {
        Machine {
            registers: vec![Block::ZERO; program.registers],
            weights: vec![Block::ZERO; program.slots],
        }
    }
}

/// `registers` without number `dst`, and that one separately.
struct Others<'a> {
    before: &'a [Block],
    after: &'a [Block],
}

impl Others<'_> {
    #[inline(always)]
    fn get(&self, register: u32) -> &Block {
        let r = register as usize;
        if r < self.before.len() { &self.before[r] } else { &self.after[r - self.before.len() - 1] }
    }
}

macro_rules! combinations {
    ($($name:ident: $($term:ident $weight:ident $source:ident),+;)+) => {$(
        #[inline(always)]
        fn $name(dst: &mut Block, terms: &[Term], weights: &[Block], others: &Others<'_>) {
            let &[$($term),+] = terms else { unreachable!() };
            $(let ($weight, $source) = (&weights[$term.slot as usize], others.get($term.register));)+
            for i in 0..LANES {
                dst.0[i] = combinations!(@sum i $($term $weight $source),+);
            }
        }
    )+};
    (@sum $i:ident $t:ident $w:ident $s:ident) => { ($t.c + $t.e * $w.0[$i]) * $s.0[$i] };
    (@sum $i:ident $t:ident $w:ident $s:ident, $($rest:tt)+) => {
        ($t.c + $t.e * $w.0[$i]) * $s.0[$i] + combinations!(@sum $i $($rest)+)
    };
}
combinations! {
    combine1: t0 w0 s0;
    combine2: t0 w0 s0, t1 w1 s1;
    combine3: t0 w0 s0, t1 w1 s1, t2 w2 s2;
    combine4: t0 w0 s0, t1 w1 s1, t2 w2 s2, t3 w3 s3;
    combine5: t0 w0 s0, t1 w1 s1, t2 w2 s2, t3 w3 s3, t4 w4 s4;
    combine6: t0 w0 s0, t1 w1 s1, t2 w2 s2, t3 w3 s3, t4 w4 s4, t5 w5 s5;
}

#[inline(always)]
fn combine(dst: &mut Block, terms: &[Term], weights: &[Block], others: &Others<'_>) {
    match terms.len() {
        0 => *dst = Block::ZERO,
        1 => combine1(dst, terms, weights, others),
        2 => combine2(dst, terms, weights, others),
        3 => combine3(dst, terms, weights, others),
        4 => combine4(dst, terms, weights, others),
        5 => combine5(dst, terms, weights, others),
        _ => {
            combine6(dst, &terms[..6], weights, others);
            for t in &terms[6..] {
                let (w, s) = (&weights[t.slot as usize], others.get(t.register));
                for i in 0..LANES {
                    dst.0[i] += (t.c + t.e * w.0[i]) * s.0[i];
                }
            }
        }
    }
}

/// The weights of the factors an instruction needs, for a block.
#[inline(always)]
fn load_all(program: &Program, loads: &[Load], lambda: &Block, weights: &mut [Block]) {
    for load in loads {
        let factor = &program.factors[load.factor as usize];
        let weights = &mut weights[load.slot as usize];
        if factor.is_noisy() {
            for i in 0..LANES {
                weights.0[i] = factor.noisy_weight(lambda.0[i]);
            }
        } else {
            for i in 0..LANES {
                weights.0[i] = factor.weight(lambda.0[i]);
            }
        }
    }
}

/// Modes whose state fits in the machine's vector registers.
const TILE: usize = 64;

/// Runs a chain of links: the state never leaves the vector registers.
#[inline(always)]
fn run_chain(links: &[Link], lambda: &Block, source: &Block, dst: &mut Block, sum: &mut Block) {
    let is_stochastic = links.iter().any(|l| l.noise_variance != 0.0);
    for first in (0..LANES).step_by(TILE) {
        let mut l = [0.0; TILE];
        let mut x = [0.0; TILE];
        l.copy_from_slice(&lambda.0[first..first + TILE]);
        x.copy_from_slice(&source.0[first..first + TILE]);
        if is_stochastic {
            let mut variance = [0.0; TILE];
            variance.copy_from_slice(&sum.0[first..first + TILE]);
            for link in links {
                let q = link.noise_variance;
                for i in 0..TILE {
                    x[i] *= link.c + link.e * link.factor.noisy_weight(l[i]);
                    variance[i] += q * (x[i] * x[i]);
                }
            }
            sum.0[first..first + TILE].copy_from_slice(&variance);
        } else {
            for link in links {
                for i in 0..TILE {
                    x[i] *= link.c + link.e * link.factor.noisy_weight(l[i]);
                }
            }
        }
        dst.0[first..first + TILE].copy_from_slice(&x);
    }
}

/// One term of a row.
#[inline(always)]
fn term<const SHAPE: u64>(stage: &Stage, row: usize, t: usize, weight: f64, v: f64) -> f64 {
    match shape::kind(SHAPE, row, t) {
        shape::ONE => v,
        shape::PREDICTION => stage.e[t] * weight * v,
        shape::TWICE => {
            let half = stage.e[0] * weight;
            (stage.c[t] + (half + half)) * v
        }
        _ => (stage.c[t] + stage.e[t] * weight) * v,
    }
}

/// Runs a step of `ROWS` rows in one pass over the modes. A row whose bit in `FRESH` is set takes its
/// weights from `ahead` and replaces them by those of the next step, if there is one; other rows
/// reuse the weights of the row before.
///
/// The bits are those of rows run one by one, which add the last term first.
/// Bits are those of rows that run one by one, which add the last term first.
#[inline(always)]
fn run_step<const ROWS: usize, const FRESH: u8, const SHAPE: u64, const IS_LAST: bool>(
    step: &[Stage; ROWS],
    next: &[Stage; ROWS],
    lambda: &Block,
    x: &mut Block,
    carried: &mut Block,
    ahead: &mut [Block; ROWS],
) {
    // Unrolled by hand, since compilers sometimes fail to.
    macro_rules! row {
        ($i:ident $weight:ident $row:literal: $last:literal $v:ident $(, $t:literal $u:ident)*) => {{
            if FRESH >> $row & 1 == 1 {
                $weight = ahead[$row].0[$i];
                if !IS_LAST {
                    ahead[$row].0[$i] = next[$row].factor.noisy_weight(lambda.0[$i]);
                }
            }
            let sum = term::<SHAPE>(&step[$row], $row, $last, $weight, $v);
            $(let sum = match shape::kind(SHAPE, $row, $t) {
                shape::NONE => sum,
                _ => sum + term::<SHAPE>(&step[$row], $row, $t, $weight, $u),
            };)*
            sum
        }};
    }
    for i in 0..LANES {
        let mut weight = carried.0[i];
        let v0 = x.0[i];
        let v1 = row!(i weight 0: 0 v0);
        let v2 = row!(i weight 1: 1 v1, 0 v0);
        x.0[i] = if ROWS == 2 {
            v2
        } else {
            let v3 = row!(i weight 2: 2 v2, 1 v1, 0 v0);
            if ROWS == 3 { v3 } else { row!(i weight 3: 3 v3, 2 v2, 1 v1, 0 v0) }
        };
        carried.0[i] = weight;
    }
}

/// Runs consecutive steps. Weights are computed one step ahead, so that no row waits for a division.
#[inline(always)]
fn run_stages<const ROWS: usize, const FRESH: u8, const SHAPE: u64>(
    stages: &[Stage],
    lambda: &Block,
    source: &Block,
    dst: &mut Block,
) {
    let (steps, _) = stages.as_chunks::<ROWS>();
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return };
    let weights = |stage: &Stage| {
        let mut weights = Block::ZERO;
        for i in 0..LANES {
            weights.0[i] = stage.factor.noisy_weight(lambda.0[i]);
        }
        weights
    };
    let lambda = *lambda;
    let mut x = *source;
    let mut carried = if FRESH & 1 == 0 { weights(&first[0]) } else { Block::ZERO };
    let mut ahead = [Block::ZERO; ROWS];
    for j in (0..ROWS).filter(|j| FRESH >> j & 1 == 1) {
        ahead[j] = weights(&first[j]);
    }
    for pair in steps.windows(2) {
        run_step::<ROWS, FRESH, SHAPE, false>(
            &pair[0],
            &pair[1],
            &lambda,
            &mut x,
            &mut carried,
            &mut ahead,
        );
    }
    run_step::<ROWS, FRESH, SHAPE, true>(last, last, &lambda, &mut x, &mut carried, &mut ahead);
    *dst = x;
}

/// Runs the stages of consecutive steps like this one.
#[inline(always)]
fn run_steps(step: &Step, stages: &[Stage], lambda: &Block, source: &Block, dst: &mut Block) {
    macro_rules! run {
        ($rows:literal, $fresh:literal, $shape:ident) => {
            run_stages::<$rows, $fresh, { shape::$shape }>(stages, lambda, source, dst)
        };
    }
    match (step.rows, step.fresh, step.shape) {
        (2, 0b10, shape::TRAPEZOIDAL) => run!(2, 0b10, TRAPEZOIDAL),
        (2, 0b10, _) => run!(2, 0b10, FULL),
        (2, ..) => run!(2, 0b11, FULL),
        (3, 0b110, _) => run!(3, 0b110, FULL),
        (3, ..) => run!(3, 0b111, FULL),
        (_, 0b1010, shape::RK4) => run!(4, 0b1010, RK4),
        (_, 0b1110, _) => run!(4, 0b1110, FULL),
        _ => run!(4, 0b1111, FULL),
    }
}

/// The parts of one instruction.
struct Fragment<'a> {
    instruction: &'a Instruction,
    terms: &'a [Term],
    loads: &'a [Load],
    means: &'a [MeanTerm],
}

#[inline(always)]
fn part(program: &Program, k: usize) -> Fragment<'_> {
    let instruction = &program.instructions[k];
    let (terms, loads, means) = match k.checked_sub(1).map(|k| &program.instructions[k]) {
        Some(p) => (p.terms_end as usize, p.loads_end as usize, p.means_end as usize),
        None => (0, 0, 0),
    };
    Fragment {
        instruction,
        terms: &program.terms[terms..instruction.terms_end as usize],
        loads: &program.loads[loads..instruction.loads_end as usize],
        means: &program.means[means..instruction.means_end as usize],
    }
}

#[inline(always)]
fn next_continues(program: &Program, k: usize) -> bool {
    program.instructions.get(k + 1).is_some_and(|next| next.continues)
}

#[inline(always)]
fn split(registers: &mut [Block], dst: u32) -> (&mut Block, Others<'_>) {
    let (before, rest) = registers.split_at_mut(dst as usize);
    let (dst, after) = rest.split_at_mut(1);
    (&mut dst[0], Others { before, after })
}

/// Pads a chunk of eigenvalues to a block.
#[inline(always)]
fn padded(eigenvalues: &[f64]) -> Block {
    let mut block = Block::ONE;
    block.0[..eigenvalues.len()].copy_from_slice(eigenvalues);
    block
}

/// Runs a transposed program on every block of modes: gain on the initial state, variance of the
/// fresh noises in the output, and (if `mean` is wanted) weight of the data's mean.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
pub(super) fn run_transposed(
    program: &Program,
    eigenvalues: &[f64],
    gain: &mut [f64],
    noise_variance: &mut [f64],
    mean: Option<&mut [f64]>,
) {
    let mut machine = Machine::new(program);
    let mut mean = mean;
    for (b, chunk) in eigenvalues.chunks(LANES).enumerate() {
        let lambda = padded(chunk);
        let mut variance = Block::ZERO;
        let mut mean_sum = Block::ZERO;
        machine.registers[program.seed as usize] = Block::ONE;
        let mut k = 0;
        while k < program.instructions.len() {
            let part = part(program, k);
            if let (Some(step), [term]) = (part.instruction.step, part.terms) {
                let steps = &program.steps[step as usize..];
                let first = &steps[0];
                let alike = |s: &&Step| {
                    s.continues
                        && (s.rows, s.fresh, s.shape) == (first.rows, first.fresh, first.shape)
                };
                let count = 1 + steps[1..].iter().take_while(alike).count();
                let stages = &program.stages[first.stage..][..count * first.rows];
                let source = machine.registers[term.register as usize];
                k += count - 1;
                let dst = &mut machine.registers[program.instructions[k].dst as usize];
                run_steps(first, stages, &lambda, &source, dst);
            } else if let (Some(link), [term]) = (part.instruction.link, part.terms) {
                let mut last = k;
                // The mean needs every state on the way.
                while mean.is_none() && next_continues(program, last) {
                    last += 1;
                }
                let links = &program.links[link as usize..][..=last - k];
                // A copy: the chain may end in the register it starts from.
                let source = machine.registers[term.register as usize];
                let dst = &mut machine.registers[program.instructions[last].dst as usize];
                run_chain(links, &lambda, &source, dst, &mut variance);
                k = last;
            } else {
                load_all(program, part.loads, &lambda, &mut machine.weights);
                let (dst, others) = split(&mut machine.registers, part.instruction.dst);
                if !part.instruction.is_seed {
                    combine(dst, part.terms, &machine.weights, &others);
                }
                let q = part.instruction.noise_variance;
                if q != 0.0 {
                    for i in 0..LANES {
                        variance.0[i] += q * (dst.0[i] * dst.0[i]);
                    }
                }
            }
            if mean.is_some() {
                let dst = &machine.registers[part.instruction.dst as usize];
                for term in part.means {
                    let factor = &program.factors[term.factor as usize];
                    for i in 0..LANES {
                        mean_sum.0[i] += term.e * factor.mean_weight(lambda.0[i]) * dst.0[i];
                    }
                }
            }
            k += 1;
        }
        let range = b * LANES..b * LANES + chunk.len();
        let result = &machine.registers[program.result as usize];
        gain[range.clone()].copy_from_slice(&result.0[..chunk.len()]);
        noise_variance[range.clone()].copy_from_slice(&variance.0[..chunk.len()]);
        if let Some(mean) = &mut mean {
            mean[range].copy_from_slice(&mean_sum.0[..chunk.len()]);
        }
    }
}

/// The state of a forward program for one block of modes: its registers, with their mean and their
/// covariance (due to fresh noises).
pub(super) struct Forward {
    machine: Machine,
    lambda: Block,
    /// None where the data have no mean.
    means: Vec<Block>,
    /// Without noise the diagonal alone, at zero.
    covariance: Vec<Block>,
    is_stochastic: bool,
    /// The next instruction.
    next: usize,
}

/// Gain, variance of the fresh noises and weight of the data's mean, one number per mode of a block.
pub(super) type Parts<'a> = [&'a [f64; LANES]; 3];

impl Forward {
    /// At the initial state, for at most [`LANES`] modes, of data that may have a mean.
    pub(super) fn new(program: &Program, eigenvalues: &[f64], has_mean: bool) -> Self {
        let n = program.registers;
        let is_stochastic = program.is_stochastic();
        let mut machine = Machine::new(program);
        machine.registers[program.seed as usize] = Block::ONE;
        Forward {
            machine,
            lambda: padded(eigenvalues),
            means: vec![Block::ZERO; if has_mean { n } else { 0 }],
            covariance: vec![Block::ZERO; if is_stochastic { n * n } else { n }],
            is_stochastic,
            next: 0,
        }
    }

    /// Bytes that it takes.
    pub(super) fn size(program: &Program) -> usize {
        let n = program.registers;
        let covariance = if program.is_stochastic() { n.saturating_mul(n) } else { n };
        (2 * n + program.slots).saturating_add(covariance).saturating_mul(size_of::<Block>())
    }
}

/// Continues a forward program on a block of modes up to the last of some marks, and tells every marked
/// state, with the number of its mark.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
pub(super) fn run_forward(
    program: &Program,
    forward: &mut Forward,
    marks: &[Mark],
    tell: &mut dyn FnMut(usize, Parts),
) {
    let n = program.registers;
    let Forward { machine, lambda, means, covariance, is_stochastic, next } = forward;
    for (k, mark) in marks.iter().enumerate() {
        while *next < mark.after {
            let part = part(program, *next);
            *next += 1;
            let instruction = part.instruction;
            let d = instruction.dst as usize;
            load_all(program, part.loads, lambda, &mut machine.weights);
            let (dst, others) = split(&mut machine.registers, instruction.dst);
            combine(dst, part.terms, &machine.weights, &others);
            if !means.is_empty() {
                let (dst, others) = split(means, instruction.dst);
                combine(dst, part.terms, &machine.weights, &others);
                for term in part.means {
                    let factor = &program.factors[term.factor as usize];
                    for i in 0..LANES {
                        dst.0[i] += term.e * factor.mean_weight(lambda.0[i]);
                    }
                }
            }
            if *is_stochastic {
                for other in (0..n).filter(|r| *r != d) {
                    let mut row = Block::ZERO;
                    for t in part.terms {
                        let w = &machine.weights[t.slot as usize];
                        let c = &covariance[t.register as usize * n + other];
                        for i in 0..LANES {
                            row.0[i] += (t.c + t.e * w.0[i]) * c.0[i];
                        }
                    }
                    covariance[d * n + other] = row;
                    covariance[other * n + d] = row;
                }
                let mut variance = Block([instruction.noise_variance; LANES]);
                for t in part.terms {
                    let w = &machine.weights[t.slot as usize];
                    let c = &covariance[t.register as usize * n + d];
                    for i in 0..LANES {
                        variance.0[i] += (t.c + t.e * w.0[i]) * c.0[i];
                    }
                }
                covariance[d * (n + 1)] = variance;
            }
        }
        let r = mark.register as usize;
        let noise_variance = &covariance[if *is_stochastic { r * (n + 1) } else { r }];
        let mean = means.get(r).unwrap_or(&Block::ZERO);
        tell(k, [&machine.registers[r].0, &noise_variance.0, &mean.0]);
    }
}
