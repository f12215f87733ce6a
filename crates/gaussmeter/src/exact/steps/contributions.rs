use crate::exact::{Init, Output, answered};
use crate::level::Level;
use crate::network::{Factor, Learnt};
use crate::spectrum::Mode;
use crate::tape::{Op, Plan};
use crate::watch::Watch;
use rayon::prelude::*;

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
    let evaluate = |m: usize| -> Vec<[f64; 2]> {
        if network.has_answers() {
            return sites.iter().map(|site| site.at(m)).collect();
        }
        let Mode { eigenvalue, mean, .. } = network.believed().modes()[m];
        let of = |op: &Op| match op {
            Op::Predict { kind, level, .. } => {
                let factor = Factor::new(*kind, level);
                Some([factor.weight(eigenvalue), factor.mean_weight(eigenvalue) * mean])
            }
            _ => None,
        };
        program.ops().iter().filter_map(of).collect()
    };
    let of_mode = |(m, mode): (usize, &Mode)| {
        if watch.is_stopped() {
            return None;
        }
        let chain = Chain::new(&program, mode, evaluate(m));
        Some(chain.contributions(init.moments(plan.start(), m, mode)))
    };
    let modes = network.truth().par_iter().enumerate().map(of_mode);
    let modes: Vec<Vec<[f64; 2]>> = modes.collect::<Option<_>>()?;
    Some((0..=plan.steps()).map(|k| modes.iter().map(|mode| mode[k]).collect()).collect())
}

/// A sampler along one eigenvector. Vectors of the program are linear forms in the initial state, of
/// variance 1, and the noises.
struct Chain<'a> {
    plan: &'a Plan,
    mode: &'a Mode,
    /// Per evaluation, in order: the coefficient of the state, and what is added.
    evaluations: Vec<[f64; 2]>,
    /// Length of a form: one more than there are noises.
    width: usize,
    forms: Vec<f64>,
    means: Vec<f64>,
    /// u_k of the exact state, of variance 1.
    exact: Vec<f64>,
}

/// A defect: its form, and its mean.
type Defect = (Vec<f64>, f64);

impl<'a> Chain<'a> {
    fn new(plan: &'a Plan, mode: &'a Mode, evaluations: Vec<[f64; 2]>) -> Self {
        let noises = plan.ops().iter().filter(|op| matches!(op, Op::Noise { .. })).count();
        let width = 1 + noises;
        let mut exact = vec![0.0; width];
        exact[0] = 1.0;
        let vectors = plan.var_count();
        Chain {
            plan,
            mode,
            evaluations,
            width,
            forms: vec![0.0; vectors * width],
            means: vec![0.0; vectors],
            exact,
        }
    }

    /// Standard deviation and mean of the exact state.
    fn moments(&self, level: &Level) -> [f64; 2] {
        let level = level.marginal();
        [level.variance(self.mode.eigenvalue).sqrt(), level.alpha * self.mode.mean]
    }

    fn form(&self, vector: usize) -> &[f64] {
        &self.forms[vector * self.width..][..self.width]
    }

    fn set(&mut self, vector: usize, form: &[f64], mean: f64) {
        self.forms[vector * self.width..][..self.width].copy_from_slice(form);
        self.means[vector] = mean;
    }

    /// Makes a vector the exact state at a level, which the noises `new` have been drawn for.
    fn arrive(&mut self, vector: usize, level: &Level, new: std::ops::Range<usize>) -> Defect {
        let [std, mean] = self.moments(level);
        let found = self.form(vector).to_vec();
        let drawn = found[new.clone()].iter().map(|b| b * b).sum::<f64>();
        let most = std.max(drawn.sqrt());
        if drawn > 0.0 {
            let kept = (1.0 - drawn / (most * most)).max(0.0).sqrt();
            self.exact.iter_mut().for_each(|u| *u *= kept);
            new.for_each(|n| self.exact[n] = found[n] / most);
        }
        let defect = (
            found.iter().zip(&self.exact).map(|(f, u)| f - std * u).collect(),
            self.means[vector] - mean,
        );
        let state: Vec<f64> = self.exact.iter().map(|u| std * u).collect();
        self.set(vector, &state, mean);
        defect
    }

    /// Forwards, with exact states in place of the sampler's.
    fn defects(&mut self) -> Vec<Defect> {
        let plan = self.plan;
        let [std, mean] = self.moments(plan.start());
        let start: Vec<f64> = self.exact.iter().map(|u| std * u).collect();
        self.set(plan.input().index(), &start, mean);
        let (mut defects, mut drawn, mut known) = (Vec::with_capacity(plan.steps()), 1, 1);
        let mut evaluations = self.evaluations.clone().into_iter();
        for op in plan.ops() {
            match op {
                Op::Predict { dst, src, .. } => {
                    let [weight, shift] = evaluations.next().unwrap_or_default();
                    let form: Vec<f64> =
                        self.form(src.index()).iter().map(|x| weight * x).collect();
                    let mean = weight * self.means[src.index()] + shift;
                    self.set(dst.index(), &form, mean);
                }
                Op::Combine { dst, terms } => {
                    let (mut form, mut mean) = (vec![0.0; self.width], 0.0);
                    for (c, v) in terms {
                        let x = self.form(v.index());
                        form.iter_mut().zip(x).for_each(|(y, x)| *y += c * x);
                        mean += c * self.means[v.index()];
                    }
                    self.set(dst.index(), &form, mean);
                }
                Op::Noise { dst } => {
                    let mut form = vec![0.0; self.width];
                    form[drawn] = 1.0;
                    drawn += 1;
                    self.set(dst.index(), &form, 0.0);
                }
                Op::Arrive { state, level } => {
                    defects.push(self.arrive(state.index(), level, known..drawn));
                    known = drawn;
                }
            }
        }
        defects
    }

    /// How the output changes with the initial state and with the state of each step.
    fn adjoints(&self) -> Vec<f64> {
        let plan = self.plan;
        let mut adjoint = vec![0.0; plan.var_count()];
        adjoint[plan.output().index()] = 1.0;
        let mut of_states = Vec::with_capacity(plan.steps() + 1);
        let mut evaluations = self.evaluations.iter().rev();
        for op in plan.ops().iter().rev() {
            match op {
                Op::Predict { dst, src, .. } => {
                    let [weight, _] = evaluations.next().copied().unwrap_or_default();
                    adjoint[src.index()] += weight * adjoint[dst.index()];
                }
                Op::Combine { dst, terms } => {
                    let a = adjoint[dst.index()];
                    terms.iter().for_each(|(c, v)| adjoint[v.index()] += c * a);
                }
                Op::Noise { .. } => {}
                Op::Arrive { state, .. } => of_states.push(adjoint[state.index()]),
            }
        }
        of_states.push(adjoint[plan.input().index()]);
        of_states.reverse();
        of_states
    }

    /// The contributions of the start, of which mean and variance are given, and of the steps.
    fn contributions(mut self, (mean, variance): (f64, f64)) -> Vec<[f64; 2]> {
        let [std, exact_mean] = self.moments(self.plan.start());
        let mut start = vec![0.0; self.width];
        start[0] = variance.sqrt() - std;
        let mut defects = vec![(start, mean - exact_mean)];
        defects.extend(self.defects());
        let adjoints = self.adjoints();
        let steps = adjoints.iter().zip(&defects);
        if self.width == 1 {
            return steps.map(|(a, (form, mean))| [a * form[0], a * mean]).collect();
        }
        // The exact last state, and the output: its sum with all defects, carried.
        let [end, _] = self.moments(&self.plan.end());
        let last: Vec<f64> = self.exact.iter().map(|u| end * u).collect();
        let mut output = last.clone();
        for (a, (form, _)) in steps.clone() {
            output.iter_mut().zip(form).for_each(|(y, d)| *y += a * d);
        }
        let size = output.iter().map(|y| y * y).sum::<f64>().sqrt() + end;
        let of = |(a, (form, mean)): (&f64, &Defect)| {
            let pairs = output.iter().zip(&last).zip(form);
            let covariance: f64 = pairs.map(|((y, x), d)| (y + x) * d).sum();
            [if size == 0.0 { 0.0 } else { a * covariance / size }, a * mean]
        };
        steps.map(of).collect()
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
        let (mut total, mut without) = (0.0, 0.0);
        for (m, mode) in network.truth().iter().enumerate() {
            for kind in 0..2 {
                let of_steps = || steps.iter().map(|step| step[m][kind]);
                total += mode.multiplicity * of_steps().sum::<f64>().powi(2);
                without += mode.multiplicity * of_steps().map(|e| e * e).sum::<f64>();
            }
        }
        Cancellation { total: total.sqrt(), without: without.sqrt() }
    }
}

/// Sums [`contributions`]; `None` where there are none.
pub fn cancellation(plan: &Plan, network: &Learnt, init: &Init) -> Option<Cancellation> {
    Some(Cancellation::of(&contributions(plan, network, init)?, network))
}
