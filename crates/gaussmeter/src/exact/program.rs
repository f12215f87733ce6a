//! Rows with registers assigned, ready for the kernel.

use super::rows::{NO_FACTOR, Row, Rows, Share, Singular};
use super::stages::{self, Stage, Step};
use crate::level::Level;
use crate::network::Factor;
use crate::tape::{Plan, Var};
use std::sync::Arc;

/// `(c + e · weights[slot]) · registers[register]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub c: f64,
    pub e: f64,
    pub slot: u32,
    pub register: u32,
}

/// Compute the weights of a factor into a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub factor: u32,
    pub slot: u32,
}

/// A row with one term whose factor no other row uses: `registers[dst] = (c + e w) · source`. The
/// steps of a one-stage sampler form a chain of links, which runs without touching memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub factor: Factor,
    pub c: f64,
    pub e: f64,
    pub noise_variance: f64,
}

/// `e · d(λ) μ` enters the row: `e` times the mean weight of `factor`.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeanTerm {
    pub e: f64,
    pub factor: u32,
}

/// One row: loads, then `registers[dst] = Σ terms`, then noise and mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub dst: u32,
    /// The register holds the seed already; there is nothing to combine.
    pub is_seed: bool,
    /// Index of its link, if the row is one: `terms` and `loads` are not needed then.
    pub link: Option<u32>,
    /// Whether it is the next link of a chain: the previous instruction is a link too, and only
    /// this one reads its result.
    pub continues: bool,
    /// Index of its step, if it stands for several rows that run in one pass.
    pub step: Option<u32>,
    /// One past the last term, load and mean term; the first is where the previous one ended.
    pub terms_end: u32,
    pub loads_end: u32,
    pub means_end: u32,
    pub noise_variance: f64,
}

/// The state register after some instruction.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub register: u32,
    /// Number of instructions that precede it.
    pub after: usize,
    pub level: Arc<Level>,
    /// Set if the state depends on a prediction that is infinite along null directions.
    pub singular: Option<Singular>,
}

#[derive(Debug)]
pub(super) struct Program {
    pub instructions: Vec<Instruction>,
    pub terms: Vec<Term>,
    pub loads: Vec<Load>,
    pub means: Vec<MeanTerm>,
    pub links: Vec<Link>,
    pub steps: Vec<Step>,
    pub stages: Vec<Stage>,
    pub factors: Vec<Factor>,
    pub registers: usize,
    pub slots: usize,
    /// Register seeded with one: the initial state (forward) or the output (transposed).
    pub seed: u32,
    /// Register of the result: the output (forward) or the initial state (transposed).
    pub result: u32,
    pub marks: Vec<Mark>,
    /// Set if the result depends on a prediction that is infinite along null directions.
    pub singular: Option<Singular>,
}

impl Program {
    /// Whether fresh noise enters.
    pub fn is_stochastic(&self) -> bool {
        self.instructions.iter().any(|i| i.noise_variance != 0.0)
    }

    /// Registers hold vectors; marks point to the states along the way.
    pub fn forward(plan: &Plan) -> Self {
        let rows = Rows::of(plan);
        let mut tainted: Vec<Option<Singular>> = vec![None; rows.var_count];
        for row in &rows.rows {
            tainted[row.dst.index()] = row.shares.iter().find_map(|s| {
                tainted[s.src.index()].or_else(|| *rows.singular.get(s.factor as usize)?)
            });
        }
        // A state must outlive its mark.
        let mut keep_until = vec![0; rows.var_count];
        for a in &rows.arrivals {
            keep_until[a.state.index()] = a.after;
        }
        let mut assembly = Assembly::new(&rows, rows.input, rows.output, keep_until);
        assembly.count_uses(&rows.rows);
        for (k, row) in rows.rows.iter().enumerate() {
            assembly.emit(k, row, Some(row));
        }
        let marks = rows
            .arrivals
            .iter()
            .map(|a| Mark {
                register: assembly.place[a.state.index()],
                after: a.after,
                level: a.level.clone(),
                singular: tainted[a.state.index()],
            })
            .collect();
        let singular = tainted[rows.output.index()];
        Program { marks, singular, ..assembly.finish(rows.factors, rows.input, rows.output) }
    }

    /// Registers hold adjoints, the coefficients of the output: the adjoint of a row with noise is
    /// the coefficient of that noise, the adjoint of the initial state is the gain.
    ///
    /// Without the data's mean, steps with several stages run in one pass; the mean needs every
    /// state along the way.
    pub fn transposed(plan: &Plan, with_mean: bool) -> Self {
        let rows = Rows::of(plan);
        let mut reachable = rows.reachable();
        reachable.reverse();
        // The reachable rows, last first: the order in which adjoints are known.
        let reversed =
            || rows.rows.iter().rev().zip(&reachable).filter(|(_, r)| **r).map(|(row, _)| row);
        let mut adjoints: Vec<Row> = Vec::with_capacity(rows.rows.len() + 1);
        let mut position = vec![usize::MAX; rows.var_count];
        for row in reversed() {
            position[row.dst.index()] = adjoints.len();
            adjoints.push(Row { noise_variance: row.noise_variance, ..Row::new(row.dst) });
        }
        if position[rows.input.index()] == usize::MAX {
            position[rows.input.index()] = adjoints.len();
            adjoints.push(Row::new(rows.input));
        }
        let mut singular = None;
        let is_ever_singular = rows.singular.iter().any(Option::is_some);
        for row in reversed() {
            for s in &row.shares {
                adjoints[position[s.src.index()]].shares.push(Share { src: row.dst, ..*s });
                if is_ever_singular && singular.is_none() {
                    singular = rows.singular.get(s.factor as usize).copied().flatten();
                }
            }
        }
        let mut assembly = Assembly::new(&rows, rows.output, rows.input, vec![0; rows.var_count]);
        assembly.count_uses(&adjoints);
        assembly.linkable = rows.factors.iter().map(|f| f.is_noisy().then_some(*f)).collect();
        let mut originals = reversed();
        let mut k = 0;
        while k < adjoints.len() {
            let taken = if with_mean { 0 } else { assembly.emit_step(k, &adjoints, &rows.factors) };
            if taken == 0 {
                let original = originals.next().filter(|_| with_mean);
                assembly.emit(k, &adjoints[k], original);
            }
            k += taken.max(1);
        }
        drop(originals);
        Program { singular, ..assembly.finish(rows.factors, rows.output, rows.input) }
    }
}

fn mean_terms(row: &Row) -> impl Iterator<Item = MeanTerm> + '_ {
    row.shares
        .iter()
        .filter(|s| s.factor != NO_FACTOR && s.e != 0.0)
        .map(|s| MeanTerm { e: s.e, factor: s.factor })
}

/// Numbers handed out, and taken back after their last use.
#[derive(Default)]
struct Pool {
    count: u32,
    free: Vec<u32>,
}

impl Pool {
    fn claim(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}

const NOWHERE: u32 = u32::MAX;

/// Linear-scan allocation of registers (vectors) and slots (weights of factors). A destination
/// never shares a register with a source of its row.
struct Assembly {
    /// Per variable: the last row that reads it.
    last_read: Vec<usize>,
    /// Per factor: the last row that uses it.
    last_use: Vec<usize>,
    place: Vec<u32>,
    slot: Vec<u32>,
    registers: Pool,
    slots: Pool,
    instructions: Vec<Instruction>,
    terms: Vec<Term>,
    loads: Vec<Load>,
    means: Vec<MeanTerm>,
    links: Vec<Link>,
    steps: Vec<Step>,
    stages: Vec<Stage>,
    /// The factor of the last row and the state, if a step was just emitted.
    before: Option<(u32, Var)>,
    /// Variables to release once a row index is reached, because a mark reads them until then.
    waiting: Vec<(usize, Var)>,
    keep_until: Vec<usize>,
    /// The factors that links may use.
    linkable: Vec<Option<Factor>>,
}

impl Assembly {
    fn new(rows: &Rows, seed: Var, result: Var, keep_until: Vec<usize>) -> Self {
        let mut assembly = Assembly {
            last_read: vec![0; rows.var_count],
            last_use: vec![0; rows.factors.len()],
            place: vec![NOWHERE; rows.var_count],
            slot: vec![NOWHERE; rows.factors.len()],
            registers: Pool::default(),
            slots: Pool::default(),
            instructions: Vec::with_capacity(rows.rows.len() + 1),
            terms: Vec::with_capacity(2 * rows.rows.len()),
            loads: Vec::with_capacity(rows.factors.len()),
            means: Vec::new(),
            links: Vec::new(),
            steps: Vec::new(),
            stages: Vec::new(),
            before: None,
            waiting: Vec::new(),
            keep_until,
            linkable: vec![None; rows.factors.len()],
        };
        assembly.keep_until[result.index()] = usize::MAX;
        assembly.place[seed.index()] = assembly.registers.claim();
        // Slot 0 always exists: terms without a factor read it with e = 0.
        assembly.slots.claim();
        assembly.slots.free.push(0);
        assembly
    }

    fn count_uses(&mut self, rows: &[Row]) {
        for (k, row) in rows.iter().enumerate() {
            for s in &row.shares {
                self.last_read[s.src.index()] = k;
                if s.factor != NO_FACTOR {
                    self.last_use[s.factor as usize] = k;
                }
            }
        }
    }

    /// Emits row `k`; `original` is the row of the plan whose predictions bring in the mean.
    fn emit(&mut self, k: usize, row: &Row, original: Option<&Row>) {
        self.waiting.retain(|&(until, var)| {
            let release = until <= k;
            if release {
                self.registers.free.push(self.place[var.index()]);
            }
            !release
        });
        let (dst, is_seed) = match self.place[row.dst.index()] {
            NOWHERE => (self.registers.claim(), false),
            seed => (seed, true),
        };
        self.place[row.dst.index()] = dst;
        let link = match row.shares[..] {
            [Share { c, e, factor, .. }] => self.only_use(factor, k).map(|factor| Link {
                factor,
                c,
                e,
                noise_variance: row.noise_variance,
            }),
            _ => None,
        };
        let continues = match (&row.shares[..], self.instructions.last()) {
            ([only], Some(previous)) => {
                link.is_some()
                    && previous.link.is_some()
                    && previous.dst == self.place[only.src.index()]
                    && self.last_read[only.src.index()] == k
                    && self.keep_until[only.src.index()] == 0
            }
            _ => false,
        };
        for s in &row.shares {
            let slot = match s.factor {
                NO_FACTOR => 0,
                _ if link.is_some() => 0,
                factor => {
                    let slot = &mut self.slot[factor as usize];
                    if *slot == NOWHERE {
                        *slot = self.slots.claim();
                        self.loads.push(Load { factor, slot: *slot });
                    }
                    *slot
                }
            };
            self.terms.push(Term { c: s.c, e: s.e, slot, register: self.place[s.src.index()] });
        }
        for (i, s) in row.shares.iter().enumerate() {
            let repeated = row.shares[..i].iter().any(|t| t.src == s.src);
            if self.last_read[s.src.index()] == k && !repeated {
                self.release(s.src, k);
            }
            let repeated = row.shares[..i].iter().any(|t| t.factor == s.factor);
            let has_slot = s.factor != NO_FACTOR && link.is_none();
            if has_slot && self.last_use[s.factor as usize] == k && !repeated {
                self.slots.free.push(self.slot[s.factor as usize]);
            }
        }
        // What no later row reads, such as the adjoint of a noise, frees its register at once.
        if self.last_read[row.dst.index()] <= k {
            self.release(row.dst, k);
        }
        self.means.extend(original.into_iter().flat_map(mean_terms));
        self.links.extend(link);
        self.instructions.push(Instruction {
            dst,
            is_seed,
            link: link.map(|_| self.links.len() as u32 - 1),
            continues,
            step: None,
            terms_end: self.terms.len() as u32,
            loads_end: self.loads.len() as u32,
            means_end: self.means.len() as u32,
            noise_variance: row.noise_variance,
        });
    }

    /// Emits the rows from `k` on that run in one pass, and returns their number, which may be 0.
    fn emit_step(&mut self, k: usize, rows: &[Row], factors: &[Factor]) -> usize {
        let before = self.before.take();
        let carried = before.map_or(NO_FACTOR, |(factor, _)| factor);
        let found = stages::find(rows, k, factors, &self.last_read, carried, &mut self.stages);
        let Some(mut step) = found else { return 0 };
        let last = k + step.rows - 1;
        let (source, state) = (rows[k].shares[0].src, rows[last].dst);
        step.continues = before.is_some_and(|(_, state)| state == source);
        let used = || rows[k..=last].iter().flat_map(|r| &r.shares).map(|s| s.factor);
        let used = || used().filter(|f| *f != NO_FACTOR);
        // What rows before this step loaded.
        for factor in used() {
            let slot = &mut self.slot[factor as usize];
            if self.last_use[factor as usize] <= last && *slot != NOWHERE {
                self.slots.free.push(std::mem::replace(slot, NOWHERE));
            }
        }
        self.before = used().next_back().map(|factor| (factor, state));
        let dst = self.registers.claim();
        self.place[state.index()] = dst;
        self.terms.push(Term { c: 0.0, e: 0.0, slot: 0, register: self.place[source.index()] });
        self.release(source, last);
        if self.last_read[state.index()] <= last {
            self.release(state, last);
        }
        self.instructions.push(Instruction {
            dst,
            is_seed: false,
            link: None,
            continues: false,
            step: Some(self.steps.len() as u32),
            terms_end: self.terms.len() as u32,
            loads_end: self.loads.len() as u32,
            means_end: self.means.len() as u32,
            noise_variance: 0.0,
        });
        let rows = step.rows;
        self.steps.push(step);
        rows
    }

    /// Frees the register of a vector that no row after `k` reads, once no mark reads it either.
    fn release(&mut self, var: Var, k: usize) {
        match self.keep_until[var.index()] {
            usize::MAX => {}
            until if until > k => self.waiting.push((until, var)),
            _ => self.registers.free.push(self.place[var.index()]),
        }
    }

    /// The factor, if links may use it and no other row does.
    fn only_use(&self, factor: u32, k: usize) -> Option<Factor> {
        let index = factor as usize;
        let is_only =
            factor != NO_FACTOR && self.slot[index] == NOWHERE && self.last_use[index] == k;
        if is_only { self.linkable[index] } else { None }
    }

    fn finish(self, factors: Vec<Factor>, seed: Var, result: Var) -> Program {
        Program {
            registers: self.registers.count as usize,
            slots: self.slots.count as usize,
            seed: self.place[seed.index()],
            result: self.place[result.index()],
            instructions: self.instructions,
            terms: self.terms,
            loads: self.loads,
            means: self.means,
            links: self.links,
            steps: self.steps,
            stages: self.stages,
            factors,
            marks: Vec::new(),
            singular: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Program;
    use crate::grid::{GridRule, Uniform};
    use crate::process::{Process, VpLinear};
    use crate::sampler;
    use std::sync::Arc;

    /// What no row reads any more gives its register back, also noises and states.
    #[test]
    fn registers_do_not_grow_with_steps() -> Result<(), Box<dyn std::error::Error>> {
        let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
        let registry = sampler::registry();
        for name in registry.names_alone() {
            let sampler = registry.build(name)?.item;
            let sizes = |steps: usize| {
                let grid = Uniform.grid(&process, steps, 1e-3).ok()?;
                let plan = sampler.plan(&grid).ok()?;
                let sizes = |p: Program| [p.registers, p.slots];
                let transposed = |with_mean| sizes(Program::transposed(&plan, with_mean));
                Some([sizes(Program::forward(&plan)), transposed(true), transposed(false)])
            };
            let (short, long) = (sizes(40), sizes(120));
            assert_eq!(short, long, "{name}: registers and slots, forwards and transposed");
            assert!(long.is_none_or(|l| l.iter().all(|[r, _]| *r <= 24)), "{name}: {long:?}");
        }
        Ok(())
    }
}
