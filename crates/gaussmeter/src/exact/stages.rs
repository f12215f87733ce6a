//! Steps with several stages: consecutive rows that read one state and leave one.
//!
//! In the transposed program of a Runge–Kutta method, the rows of a step read the state after it and
//! each other, and only the state before it is read later. Such a step runs in one pass over the
//! modes: its stages stay in vector registers, overlapping the divisions of the next step.

use super::rows::{NO_FACTOR, Row, Share};
use crate::network::Factor;
use crate::tape::Var;
use smallvec::SmallVec;

/// Most stages of a step that runs in one pass.
pub(super) const MOST: usize = 4;

/// One row of a step: `Σⱼ (cⱼ + eⱼ w) vⱼ`, where w is the weight of its own factor, v_0 the state
/// that the step reads and v_j the result of its row number j, from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub factor: Factor,
    pub c: [f64; MOST],
    pub e: [f64; MOST],
}

/// How the rows of a step are formed: one octal digit per term, for term t of row j the one at
/// `MOST j + t`. Unneeded multiplications are skipped: they bound the speed of a step.
pub(super) mod shape {
    use super::MOST;

    /// There is no such term.
    pub const NONE: u64 = 0;
    /// `v`.
    pub const ONE: u64 = 1;
    /// `e w v`, a prediction alone.
    pub const PREDICTION: u64 = 2;
    /// `(c + e w) v`.
    pub const ANY: u64 = 3;
    /// The same, with twice the e of the row's first term.
    pub const TWICE: u64 = 4;

    /// The kind of a term.
    pub const fn kind(shape: u64, row: usize, term: usize) -> u64 {
        shape >> (3 * (MOST * row + term)) & 7
    }

    /// All terms of all rows, of any kind.
    pub const FULL: u64 = 0o_3333_0333_0033_0003;
    /// Euler's method, then the mean of both slopes.
    pub const TRAPEZOIDAL: u64 = 0o_0043_0002;
    /// The classical method of order 4.
    pub const RK4: u64 = 0o_3113_0202_0022_0002;
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Index of its first stage, and their number.
    pub stage: usize,
    pub rows: usize,
    /// Bit j is set if row j has another factor than the row before.
    pub fresh: u8,
    pub shape: u64,
    /// Whether it reads the state that the step before leaves.
    pub continues: bool,
}

/// The step whose first row is number `k`, if there is one; its stages are added to `stages`.
///
/// `last_read` gives the row that reads a vector last; `carried` is the factor of the row before,
/// if a step ends there.
/// step ends there.
pub(super) fn find(
    rows: &[Row],
    k: usize,
    factors: &[Factor],
    last_read: &[usize],
    carried: u32,
    stages: &mut Vec<Stage>,
) -> Option<Step> {
    let [only] = rows[k].shares[..] else { return None };
    let mut read_until = last_read[only.src.index()];
    // A single row is a link.
    if read_until == k {
        return None;
    }
    let first = stages.len();
    let mut sources = SmallVec::<[Var; MOST]>::from_slice(&[only.src]);
    let mut step = Step { stage: first, rows: 0, fresh: 0, shape: 0, continues: false };
    let mut before = carried;
    for (j, row) in rows[k..].iter().take(MOST).enumerate() {
        let Some((index, stage, shape)) = stage(row, &sources, factors) else { break };
        if index != before && before != NO_FACTOR {
            step.fresh |= 1 << j;
        }
        before = index;
        step.shape |= shape << (3 * MOST * j);
        stages.push(stage);
        if read_until <= k + j {
            step.rows = j + 1;
            return Some(step);
        }
        read_until = read_until.max(last_read[row.dst.index()]);
        sources.push(row.dst);
    }
    stages.truncate(first);
    None
}

/// A row that reads some of `sources` in order, always including the last, with the weights of one
/// factor: returns that factor, the row, and the kinds of its terms.
fn stage(row: &Row, sources: &[Var], factors: &[Factor]) -> Option<(u32, Stage, u64)> {
    let index = row.shares.iter().map(|s| s.factor).find(|f| *f != NO_FACTOR)?;
    let factor = *factors.get(index as usize)?;
    if row.noise_variance != 0.0 || !factor.is_noisy() {
        return None;
    }
    let mut stage = Stage { factor, c: [0.0; MOST], e: [0.0; MOST] };
    let mut shape = 0;
    let mut next = 0;
    for share in &row.shares {
        // They are added in this order.
        let place = next + sources[next..].iter().position(|s| *s == share.src)?;
        next = place + 1;
        let kind = match share {
            Share { factor: NO_FACTOR, c: 1.0, .. } => shape::ONE,
            Share { factor: NO_FACTOR, .. } => shape::ANY,
            Share { factor, .. } if *factor != index => return None,
            Share { c: 0.0, .. } => shape::PREDICTION,
            Share { e, .. } if place > 0 && *e == 2.0 * stage.e[0] => shape::TWICE,
            _ => shape::ANY,
        };
        shape |= kind << (3 * place);
        (stage.c[place], stage.e[place]) = (share.c, share.e);
    }
    (next == sources.len()).then_some((index, stage, shape))
}

#[cfg(test)]
mod tests {
    use super::super::Output;
    use super::super::program::Program;
    use super::shape;
    use crate::grid::{GridRule, Uniform};
    use crate::process::{Process, VpLinear};
    use crate::sampler;
    use crate::spectrum::Spectrum;
    use crate::tape::Plan;
    use std::sync::Arc;

    fn plan(name: &str, steps: usize) -> Option<Plan> {
        let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
        let grid = Uniform.grid(&process, steps, 1e-3).ok()?;
        sampler::registry().build(name).ok()?.item.plan(&grid).ok()
    }

    /// With the data's mean rows run one by one, without it steps in one pass.
    #[test]
    fn steps_and_rows_give_the_same_bits() -> Result<(), Box<dyn std::error::Error>> {
        let eigenvalues: Vec<f64> = (0..150).map(|i| 20.0 * f64::from(1 + i).powf(-1.6)).collect();
        let eigenvalues = [&eigenvalues[..], &[0.0]].concat();
        let means = vec![0.5; eigenvalues.len()];
        let alone = Spectrum::new("alone", "test", &eigenvalues, None, None)?;
        let moved = Spectrum::new("moved", "test", &eigenvalues, None, Some(&means))?;
        let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let mut in_steps = 0;
        for name in sampler::registry().names_alone() {
            for steps in [1, 2, 3, 10, 41] {
                let Some(plan) = plan(name, steps) else { continue };
                let [a, b] = [&alone, &moved].map(|spectrum| Output::of(&plan, spectrum));
                assert_eq!(bits(&a.gain), bits(&b.gain), "{name}, {steps} steps");
                assert_eq!(bits(&a.noise_variance), bits(&b.noise_variance), "{name}, {steps}");
                in_steps += usize::from(!Program::transposed(&plan, false).steps.is_empty());
            }
        }
        assert!(in_steps > 50, "{in_steps} plans have steps");
        Ok(())
    }

    /// The kernel has loops of their own for these.
    #[test]
    fn heun_and_rk4_are_recognised() -> Result<(), Box<dyn std::error::Error>> {
        for (name, rows, fresh, shape) in
            [("heun", 2, 0b10, shape::TRAPEZOIDAL), ("rk4", 4, 0b1010, shape::RK4)]
        {
            let program = Program::transposed(&plan(name, 50).ok_or(name)?, false);
            assert_eq!(program.steps.len(), 50, "{name}");
            for step in &program.steps[1..] {
                assert!(step.continues, "{name}");
                let found = (step.rows, step.fresh, step.shape);
                assert_eq!(found, (rows, fresh, shape), "{name}: {:o}", step.shape);
            }
        }
        Ok(())
    }
}
