use crate::exact::{Init, Output, answered};
use crate::level::Level;
use crate::network::{Factor, Learnt};
use crate::spectrum::Mode;
use crate::tape::{Op, Plan, Var};
use crate::watch::Watch;
use rayon::prelude::*;
use smallvec::SmallVec;

/// What every step contributes to the error of the output, with a network that may not be exact: rows are the start (its law against p_T),
/// then the steps; entries are, per mode, the contributions to the standard deviation and to the mean.
/// Both add up, over the rows, to the error of the output against the exact solution at its level. Of
/// rules without noise the standard deviation has the sign of the output's gain. `None` where the law is
/// infinite.
///
/// ```
/// use gaussmeter::exact::steps::contributions;
/// use gaussmeter::network::Learnt;
/// use gaussmeter::prelude::*;
/// use std::sync::Arc;
/// let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
/// let plan = DpmPp2M::default().plan(&Grid::from_sigmas(process, &[80.0, 10.0, 1.0, 0.1])?)?;
/// let data = Spectrum::new("one mode", "example", &[0.25], None, None)?;
/// let steps = contributions(&plan, &Learnt::exact(&data), &Init::Exact).ok_or("an infinite law")?;
/// let sum: f64 = steps.iter().map(|step| step[0][0]).sum();
/// let output = Output::of(&plan, &data);
/// let (start, end) = (plan.start().variance(0.25).sqrt(), plan.end().variance(0.25).sqrt());
/// assert!((sum - (output.gain[0] * start - end)).abs() < 1e-13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn contributions(plan: &Plan, network: &Learnt, init: &Init) -> Option<Vec<Vec<[f64; 2]>>> {
    contributions_watched(plan, network, init, Watch::NOBODY)
}

/// [`contributions`] that may be stopped: there are none then.
pub fn contributions_watched(
    plan: &Plan,
    network: &Learnt,
    init: &Init,
    watch: Watch,
) -> Option<Vec<Vec<[f64; 2]>>> {
    if Output::by(network, plan).ok()?.infinite.is_some() {
        return None;
    }
    let program = network.program(plan).ok()?;
    let sites = match network.has_answers() {
        true => answered::sites(network, &program).ok()?,
        false => Vec::new(),
    };
    let evaluations = |first: usize, count: usize| -> Vec<[Block; 2]> {
        let each = |of: &dyn Fn(usize) -> [f64; 2]| {
            let mut both = [ZERO; 2];
            for i in 0..count {
                [both[0][i], both[1][i]] = of(first + i);
            }
            both
        };
        if network.has_answers() {
            return sites.iter().map(|site| each(&|m| site.at(m))).collect();
        }
        let believed = network.believed().modes();
        let of = |op: &Op| match op {
            Op::Predict { kind, level, .. } => {
                let factor = Factor::new(*kind, level);
                Some(each(&|m| {
                    let Mode { eigenvalue, mean, .. } = believed[m];
                    [factor.weight(eigenvalue), factor.mean_weight(eigenvalue) * mean]
                }))
            }
            _ => None,
        };
        program.ops().iter().filter_map(of).collect()
    };
    let releases = program.last_uses();
    let of_block = |(block, modes): (usize, &[Mode])| {
        if watch.is_stopped() {
            return None;
        }
        let first = block * LANES;
        let evaluations = evaluations(first, modes.len());
        let moments = |i: usize| init.moments(plan.start(), first + i, &modes[i]);
        Some(of_chain(&program, &releases, modes, evaluations, &moments))
    };
    let blocks = network.truth().par_chunks(LANES).enumerate().map(of_block);
    let blocks: Vec<Vec<[Block; 2]>> = blocks.collect::<Option<_>>()?;
    let sizes = || network.truth().chunks(LANES).map(<[Mode]>::len);
    let step = |k: usize| {
        let mut of_step = Vec::with_capacity(network.truth().len());
        for (block, count) in blocks.iter().zip(sizes()) {
            let [std, mean] = &block[k];
            of_step.extend(std.iter().zip(mean).take(count).map(|(std, mean)| [*std, *mean]));
        }
        of_step
    };
    Some((0..=plan.steps()).into_par_iter().map(step).collect())
}

/// The contributions along a block of modes, of which mean and variance at the start are given.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
    "x86_64+avx2"
))]
fn of_chain(
    plan: &Plan,
    releases: &[Vec<Var>],
    modes: &[Mode],
    evaluations: Vec<[Block; 2]>,
    start: &dyn Fn(usize) -> (f64, f64),
) -> Vec<[Block; 2]> {
    Chain::new(plan, releases, modes, evaluations).contributions(start)
}

/// Modes that are taken together.
const LANES: usize = 32;
/// One number per mode.
type Block = [f64; LANES];
const ZERO: Block = [0.0; LANES];

/// What vectors of a program are sums of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The exact state of variance 1 after so many steps that draw noise.
    Exact(usize),
    /// A noise, by number.
    Noise(usize),
}

/// A linear form in exact states and noises: few of them, in order; one for rules without noise.
#[derive(Clone, Debug, Default)]
struct Form(SmallVec<[(Part, Block); 1]>);

impl Form {
    #[inline(always)]
    fn one(part: Part, block: Block) -> Self {
        Form(SmallVec::from_buf([(part, block)]))
    }
}

impl Form {
    /// Adds a multiple of another.
    #[inline(always)]
    fn add(&mut self, factor: &Block, other: &Form) {
        for (part, block) in &other.0 {
            let sum = self.entry(*part);
            for i in 0..LANES {
                sum[i] += factor[i] * block[i];
            }
        }
    }

    #[inline(always)]
    fn entry(&mut self, part: Part) -> &mut Block {
        let at = self.0.binary_search_by_key(&part, |(known, _)| *known).unwrap_or_else(|at| {
            self.0.insert(at, (part, ZERO));
            at
        });
        &mut self.0[at].1
    }

    #[inline(always)]
    fn get(&self, part: Part) -> Block {
        let at = self.0.binary_search_by_key(&part, |(known, _)| *known);
        at.map_or(ZERO, |at| self.0[at].1)
    }
}

/// How an exact state u_k comes from the one before: r u_{k−1} + Σ c_n z_n.
struct Arrival {
    kept: Block,
    noises: Vec<(usize, Block)>,
}

/// A defect: its form, and its mean.
type Defect = (Form, Block);

/// A sampler along some eigenvectors. Vectors of the program are linear forms in exact states, of variance
/// 1, and in noises; those of rules without noise are multiples of the initial state.
struct Chain<'a> {
    plan: &'a Plan,
    releases: &'a [Vec<Var>],
    modes: &'a [Mode],
    /// Per evaluation, in order: the coefficient of the state, and what is added.
    evaluations: Vec<[Block; 2]>,
    forms: Vec<Form>,
    means: Vec<Block>,
    /// Exact states after the first.
    arrivals: Vec<Arrival>,
}

impl<'a> Chain<'a> {
    fn new(
        plan: &'a Plan,
        releases: &'a [Vec<Var>],
        modes: &'a [Mode],
        evaluations: Vec<[Block; 2]>,
    ) -> Self {
        let (forms, means) =
            (vec![Form::default(); plan.var_count()], vec![ZERO; plan.var_count()]);
        Chain { plan, releases, modes, evaluations, forms, means, arrivals: Vec::new() }
    }

    /// Standard deviation and mean of the exact state.
    #[inline(always)]
    fn moments(&self, level: &Level) -> [Block; 2] {
        let level = level.marginal();
        let mut moments = [ZERO; 2];
        for (i, mode) in self.modes.iter().enumerate() {
            moments[0][i] = level.variance(mode.eigenvalue).sqrt();
            moments[1][i] = level.alpha * mode.mean;
        }
        moments
    }

    /// The exact state that was arrived at last.
    fn exact(&self) -> Part {
        Part::Exact(self.arrivals.len())
    }

    /// Makes a vector the exact state at a level, which the noises `new` have been drawn for.
    #[inline(always)]
    fn arrive(&mut self, vector: usize, level: &Level, new: std::ops::Range<usize>) -> Defect {
        let [std, mean] = self.moments(level);
        let mut defect = std::mem::take(&mut self.forms[vector]);
        let before = self.exact();
        let mut kept = [1.0; LANES];
        if !new.is_empty() {
            let found: Vec<Block> = new.clone().map(|n| defect.get(Part::Noise(n))).collect();
            let mut noises: Vec<(usize, Block)> = new.clone().map(|n| (n, ZERO)).collect();
            for i in 0..LANES {
                let drawn = found.iter().map(|b| b[i] * b[i]).sum::<f64>();
                if drawn > 0.0 {
                    let most = std[i].max(drawn.sqrt());
                    kept[i] = (1.0 - drawn / (most * most)).max(0.0).sqrt();
                    noises.iter_mut().zip(&found).for_each(|((_, c), f)| c[i] = f[i] / most);
                }
            }
            for (n, c) in &noises {
                let entry = defect.entry(Part::Noise(*n));
                for i in 0..LANES {
                    entry[i] -= std[i] * c[i];
                }
            }
            self.arrivals.push(Arrival { kept, noises });
        }
        let entry = defect.entry(before);
        for i in 0..LANES {
            entry[i] -= std[i] * kept[i];
        }
        let mut off = self.means[vector];
        for i in 0..LANES {
            off[i] -= mean[i];
        }
        self.forms[vector] = Form::one(self.exact(), std);
        self.means[vector] = mean;
        (defect, off)
    }

    /// Forwards, with exact states in place of the sampler's.
    #[inline(always)]
    fn defects(&mut self) -> Vec<Defect> {
        let plan = self.plan;
        let [std, mean] = self.moments(plan.start());
        self.forms[plan.input().index()] = Form::one(self.exact(), std);
        self.means[plan.input().index()] = mean;
        let (mut defects, mut drawn, mut known) = (Vec::with_capacity(plan.steps()), 0, 0);
        let mut evaluated = 0;
        for (op, released) in plan.ops().iter().zip(self.releases) {
            match op {
                Op::Predict { dst, src, .. } => {
                    let [weight, shift] = &self.evaluations[evaluated];
                    evaluated += 1;
                    let mut form = Form::default();
                    form.add(weight, &self.forms[src.index()]);
                    let mut mean = self.means[src.index()];
                    for i in 0..LANES {
                        mean[i] = weight[i] * mean[i] + shift[i];
                    }
                    (self.forms[dst.index()], self.means[dst.index()]) = (form, mean);
                }
                Op::Combine { dst, terms } => {
                    let (mut form, mut mean) = (Form::default(), ZERO);
                    for (c, v) in terms {
                        form.add(&[*c; LANES], &self.forms[v.index()]);
                        for i in 0..LANES {
                            mean[i] += c * self.means[v.index()][i];
                        }
                    }
                    (self.forms[dst.index()], self.means[dst.index()]) = (form, mean);
                }
                Op::Noise { dst } => {
                    self.forms[dst.index()] = Form::one(Part::Noise(drawn), [1.0; LANES]);
                    self.means[dst.index()] = ZERO;
                    drawn += 1;
                }
                Op::Arrive { state, level } => {
                    defects.push(self.arrive(state.index(), level, known..drawn));
                    known = drawn;
                }
            }
            released.iter().for_each(|v| self.forms[v.index()] = Form::default());
        }
        defects
    }

    /// How the output changes with the initial state and with the state of each step.
    #[inline(always)]
    fn adjoints(&self) -> Vec<Block> {
        let plan = self.plan;
        let mut adjoint = vec![ZERO; plan.var_count()];
        adjoint[plan.output().index()] = [1.0; LANES];
        let mut of_states = Vec::with_capacity(plan.steps() + 1);
        let mut evaluations = self.evaluations.iter().rev();
        for op in plan.ops().iter().rev() {
            match op {
                Op::Predict { dst, src, .. } => {
                    let [weight, _] = evaluations.next().copied().unwrap_or([ZERO; 2]);
                    let a = adjoint[dst.index()];
                    let sum = &mut adjoint[src.index()];
                    for i in 0..LANES {
                        sum[i] += weight[i] * a[i];
                    }
                }
                Op::Combine { dst, terms } => {
                    let a = adjoint[dst.index()];
                    for (c, v) in terms {
                        let sum = &mut adjoint[v.index()];
                        for i in 0..LANES {
                            sum[i] += c * a[i];
                        }
                    }
                }
                Op::Noise { .. } => {}
                Op::Arrive { state, .. } => of_states.push(adjoint[state.index()]),
            }
        }
        of_states.push(adjoint[plan.input().index()]);
        of_states.reverse();
        of_states
    }

    /// A form in the initial state and the noises alone, which are independent: the coefficient of the
    /// former, and those of the latter by arrival.
    #[inline(always)]
    fn independent(&self, form: &Form) -> (Block, Vec<Vec<Block>>) {
        let mut carried = form.get(self.exact());
        let mut noises: Vec<Vec<Block>> = Vec::with_capacity(self.arrivals.len());
        for (k, arrival) in self.arrivals.iter().enumerate().rev() {
            let of_noise = |(n, c): &(usize, Block)| {
                let mut b = form.get(Part::Noise(*n));
                for i in 0..LANES {
                    b[i] += c[i] * carried[i];
                }
                b
            };
            noises.push(arrival.noises.iter().map(of_noise).collect());
            let own = form.get(Part::Exact(k));
            for i in 0..LANES {
                carried[i] = own[i] + arrival.kept[i] * carried[i];
            }
        }
        noises.reverse();
        (carried, noises)
    }

    /// The covariances of every exact state and every noise with a form.
    #[inline(always)]
    fn covariances(&self, form: &Form) -> (Vec<Block>, Vec<Block>) {
        let (start, noises) = self.independent(form);
        let mut states = vec![start];
        for (arrival, b) in self.arrivals.iter().zip(&noises) {
            let mut with = states[states.len() - 1];
            for i in 0..LANES {
                with[i] *= arrival.kept[i];
                for ((_, c), b) in arrival.noises.iter().zip(b) {
                    with[i] += c[i] * b[i];
                }
            }
            states.push(with);
        }
        (states, noises.into_iter().flatten().collect())
    }

    /// The contributions of the start, of which mean and variance are given, and of the steps.
    #[inline(always)]
    fn contributions(mut self, start: &dyn Fn(usize) -> (f64, f64)) -> Vec<[Block; 2]> {
        let [std, exact_mean] = self.moments(self.plan.start());
        let (mut off, mut mean_off) = (ZERO, ZERO);
        for i in 0..self.modes.len() {
            let (mean, variance) = start(i);
            (off[i], mean_off[i]) = (variance.sqrt() - std[i], mean - exact_mean[i]);
        }
        let mut defects = vec![(Form::one(Part::Exact(0), off), mean_off)];
        defects.extend(self.defects());
        let adjoints = self.adjoints();
        let steps = || adjoints.iter().zip(&defects);
        let product = |a: &Block, b: &Block| std::array::from_fn(|i| a[i] * b[i]);
        if self.arrivals.is_empty() {
            let of = |(a, (form, mean)): (&Block, &Defect)| {
                [product(a, &form.get(Part::Exact(0))), product(a, mean)]
            };
            return steps().map(of).collect();
        }
        // The exact last state, and the output: its sum with all defects, carried.
        let [end, _] = self.moments(&self.plan.end());
        let last = Form::one(self.exact(), end);
        let mut output = last.clone();
        steps().for_each(|(a, (form, _))| output.add(a, form));
        let (first, noises) = self.independent(&output);
        let mut both = output;
        both.add(&[1.0; LANES], &last);
        let (with_states, with_noises) = self.covariances(&both);
        let size: Block = std::array::from_fn(|i| {
            let noises = noises.iter().flatten().map(|b| b[i] * b[i]);
            (first[i] * first[i] + noises.sum::<f64>()).sqrt() + end[i]
        });
        let of = |(a, (form, mean)): (&Block, &Defect)| {
            let mut covariance = ZERO;
            for (part, d) in &form.0 {
                let with = match part {
                    Part::Exact(k) => &with_states[*k],
                    Part::Noise(n) => &with_noises[*n],
                };
                for i in 0..LANES {
                    covariance[i] += with[i] * d[i];
                }
            }
            let of_std = std::array::from_fn(|i| match size[i] {
                0.0 => 0.0,
                size => a[i] * covariance[i] / size,
            });
            [of_std, product(a, mean)]
        };
        steps().map(of).collect()
    }
}

/// The error of a sampler against the exact solution where it stops, as a W2 distance, with and without
/// the cancellation of contributions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cancellation {
    /// √Σ m (Σ_k e_k)²: the distance itself.
    pub total: f64,
    /// √Σ m Σ_k e_k²: what is left if steps do not cancel.
    pub without: f64,
}

impl Cancellation {
    /// Sums [`contributions`] over all eigenvectors.
    pub fn of(steps: &[Vec<[f64; 2]>], network: &Learnt) -> Self {
        let mut sums = vec![[[0.0f64; 2]; 2]; network.truth().len()];
        for of_step in steps {
            for ([sum, squares], of_mode) in sums.iter_mut().zip(of_step) {
                for kind in 0..2 {
                    sum[kind] += of_mode[kind];
                    squares[kind] += of_mode[kind] * of_mode[kind];
                }
            }
        }
        let (mut total, mut without) = (0.0, 0.0);
        for (mode, [sum, squares]) in network.truth().iter().zip(sums) {
            for kind in 0..2 {
                total += mode.multiplicity * sum[kind].powi(2);
                without += mode.multiplicity * squares[kind];
            }
        }
        Cancellation { total: total.sqrt(), without: without.sqrt() }
    }
}

/// Sums [`contributions`]; `None` where there are none.
pub fn cancellation(plan: &Plan, network: &Learnt, init: &Init) -> Option<Cancellation> {
    Some(Cancellation::of(&contributions(plan, network, init)?, network))
}
