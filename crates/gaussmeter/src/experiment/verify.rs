//! Advice on data that are not Gaussian: samplers on a mixture of Gaussians, whose network is exact,
//! beside what the Gaussian of the whole predicts.

use super::{ExperimentError, Length, NamedSampler, Place, Run};
use crate::exact::continuous::ODE;
use crate::exact::{Init, Output, Target};
use crate::grid::{Grid, GridRule, Uniform};
use crate::law::{DataLaw, Groups};
use crate::level::Level;
use crate::metric::wasserstein2;
use crate::network::DenoiserError;
use crate::paths::{self, Draw, NoiseSource, Streams};
use crate::sampler;
use crate::spectrum::{Mode, Spectrum};
use crate::tape::Plan;
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Starts that run together: one product of matrices per class.
const BATCH: usize = 32;

/// Fine solutions go down to this share of the lowest level that networks are asked about.
const LOWEST: f64 = 0.1;

/// Exponent of the levels of fine solutions (Karras et al. 2022).
const RHO: f64 = 7.0;

/// How samplers are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Number of starts.
    pub starts: usize,
    /// Steps of the fine solution.
    pub reference: usize,
    /// Seed of the starts.
    pub seed: u64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions { starts: 128, reference: 300, seed: 0 }
    }
}

/// A sampler at one place, of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Label of the sampler.
    pub sampler: String,
    /// Position of its place.
    pub place: usize,
    /// The length that was asked for.
    pub length: Length,
    /// What came of it.
    pub result: Result<Checked, ExperimentError>,
}

/// What a sampler makes of the starts, and what was predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Number of steps.
    pub steps: usize,
    /// Number of network evaluations.
    pub nfe: usize,
    /// Squared distance to the fine solution, per start.
    pub squares: Vec<f64>,
    /// Root of their mean.
    pub rms: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The median distance.
    pub median: f64,
    /// Share of the starts that reach the same class as the fine solution.
    pub same_class: f64,
    /// The exact root mean square distance to the exact solution, from the same starts, for the Gaussian
    /// of the whole.
    pub gaussian_rms: f64,
    /// The exact W2 for the Gaussian of the whole.
    pub w2: f64,
}

/// A fine solution of the probability-flow ODE.
#[derive(Clone, Debug, PartialEq)]
pub struct FineSolution {
    /// Text form of the process.
    pub process: String,
    /// The level it starts from.
    pub start: Level,
    /// The level it ends at.
    pub end: Level,
    /// Root mean square distance to the solution of half as many steps.
    pub halved: f64,
    /// Share of the starts that reach the same class with half as many steps.
    pub same_class: f64,
}

/// Two configurations that the Gaussian puts in the wrong order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misled {
    /// Position of the one with the smaller W2.
    pub predicted: usize,
    /// Position of the one with the smaller distance, by more than two standard errors.
    pub better: usize,
}

/// Samplers on a mixture, beside their predictions.
#[derive(Debug)]
pub struct Verification {
    /// Where they are tried; the data are the Gaussian of the whole.
    pub places: Vec<Place>,
    /// Name of the law.
    pub law: String,
    /// Its groups.
    pub groups: Groups,
    /// How they are tried.
    pub options: VerifyOptions,
    /// By sampler, by length, by place.
    pub checks: Vec<Check>,
    /// What they are compared with.
    pub references: Vec<FineSolution>,
    /// Spearman's rank correlation of the distance with W2 and with its own Gaussian prediction;
    /// `None` for fewer than three configurations.
    pub correlation: Option<(f64, f64)>,
    /// The pair that the Gaussian W2 misleads about most, if any.
    pub misled: Option<Misled>,
}

/// Tries samplers without noise on a mixture: at every place, of every length, from the same starts
/// N(0, σ²) at the level where each begins. The data of the places are the Gaussian of the whole. Where
/// `watch` stops it, the configurations that had been tried until then.
///
/// # Errors
/// [`ExperimentError`]: nothing was given, no configuration can run, or it was stopped before any had.
pub fn verify(
    law: Arc<dyn DataLaw>,
    places: Vec<Place>,
    samplers: &[NamedSampler],
    lengths: &[Length],
    options: VerifyOptions,
    watch: Watch,
) -> Result<Verification, ExperimentError> {
    for (is_empty, what) in [
        (places.is_empty(), "grid"),
        (samplers.is_empty(), "sampler"),
        (lengths.is_empty(), "number of steps"),
    ] {
        if is_empty {
            return Err(ExperimentError::Empty { what });
        }
    }
    for (what, found, least) in [
        ("starts, for a standard error", options.starts, 2),
        ("steps of the fine solution, to halve them", options.reference, 4),
    ] {
        if found < least {
            return Err(ExperimentError::TooFew { what, found, least });
        }
    }
    let expected = places[0].setting.spectrum.dim();
    if expected != law.dim() as f64 {
        let (found, expected) = (law.dim(), expected as usize);
        return Err(ExperimentError::Dimension { found, expected });
    }
    let (mut jobs, mut failures) = (Vec::new(), Vec::new());
    let mut order = 0;
    for sampler in samplers {
        for (position, &length) in lengths.iter().enumerate() {
            for (p, Place { setting, eps }) in places.iter().enumerate() {
                let length = match setting.rule.own_steps() {
                    // Times from a file have one length.
                    Some(_) if position > 0 => continue,
                    Some(steps) => Length::Steps(steps),
                    None => length,
                };
                let planned = match setting.run(sampler, length, *eps) {
                    Ok(run) if run.plan.is_stochastic() => {
                        Err(ExperimentError::Stochastic { sampler: run.sampler })
                    }
                    planned => planned,
                };
                let sampler = sampler.label.clone();
                match planned {
                    Ok(run) => jobs.push(Job { order, place: p, length, run }),
                    Err(error) => {
                        let result = Err(error);
                        failures.push((order, Check { sampler, place: p, length, result }));
                    }
                }
                order += 1;
            }
        }
    }
    if jobs.is_empty() {
        return Err(match failures.into_iter().next().map(|(_, check)| check.result) {
            Some(Err(error)) => error,
            _ => ExperimentError::Empty { what: "sampler" },
        });
    }
    let fine = FineJob::all(&places, &jobs, options.reference)?;
    let starts = Starts { law: law.clone(), options, watch };
    let total =
        |plans: &mut dyn Iterator<Item = &Plan>| plans.map(|p| p.steps() as u64).sum::<u64>();
    let fine_plans: Vec<&Plan> = fine.iter().flat_map(|f| [&f.full, &f.half]).collect();
    let solutions =
        starts.run("fine solution", &fine_plans, total(&mut fine_plans.iter().copied()));
    let mut references = Vec::new();
    let mut states = Vec::new();
    for (job, pair) in fine.iter().zip(solutions.chunks(2)) {
        let [full, half] = pair else { continue };
        let (full, half) = (full.clone()?, half.clone()?);
        let squares = squared_distances(&full, &half, law.dim());
        let classes = starts.classes(&full, job);
        references.push(FineSolution {
            process: job.process.clone(),
            start: *job.full.start(),
            end: job.full.end(),
            halved: mean(&squares).sqrt(),
            same_class: share(&classes, &starts.classes(&half, job)),
        });
        states.push((full, classes));
    }

    let plans: Vec<&Plan> = jobs.iter().map(|job| &job.run.plan).collect();
    let outputs = starts.run("samplers", &plans, total(&mut plans.iter().copied()));
    let mut checks = failures;
    for (job, output) in jobs.iter().zip(outputs) {
        let own = fine.iter().position(|f| f.is_for(job, &places)).unwrap_or(0);
        let result = output.map(|x| {
            let (full, classes) = &states[own];
            let squares = squared_distances(&x, full, law.dim());
            let reached = starts.classes(&x, &fine[own]);
            let same_class = share(classes, &reached);
            checked(job, &places[job.place].setting.spectrum, squares, same_class)
        });
        let (sampler, place, length) = (job.run.sampler.clone(), job.place, job.length);
        let result = result.map_err(|error| match error {
            ExperimentError::Evaluation { reason, .. } => {
                ExperimentError::Evaluation { sampler: sampler.clone(), reason }
            }
            error => error,
        });
        checks.push((job.order, Check { sampler, place, length, result }));
    }
    checks.sort_by_key(|(order, _)| *order);
    let checks: Vec<Check> = checks.into_iter().map(|(_, check)| check).collect();
    if checks.iter().all(|check| check.result.is_err()) {
        let own = |check: &Check| {
            check.result.clone().err().filter(|e| *e != ExperimentError::Interrupted)
        };
        let stopped = watch.is_stopped();
        let error = checks.iter().find_map(own).filter(|_| !stopped);
        return Err(error.unwrap_or(ExperimentError::Interrupted));
    }
    Ok(Verification {
        law: law.name().into(),
        groups: law.groups(),
        options,
        references,
        correlation: correlations(&checks),
        misled: misled(&checks),
        checks,
        places,
    })
}

impl Verification {
    /// Whether it was stopped, so that configurations are missing.
    pub fn is_interrupted(&self) -> bool {
        self.checks.iter().any(|check| check.result == Err(ExperimentError::Interrupted))
    }
}

/// A configuration that can run.
struct Job {
    order: usize,
    place: usize,
    length: Length,
    run: Run,
}

/// What configurations that begin and end at the same levels are compared with.
struct FineJob {
    process: String,
    full: Plan,
    half: Plan,
}

impl FineJob {
    fn all(places: &[Place], jobs: &[Job], steps: usize) -> Result<Vec<Self>, ExperimentError> {
        let mut all: Vec<FineJob> = Vec::new();
        for job in jobs {
            let setting = &places[job.place].setting;
            let process = setting.process_label.clone();
            if all.iter().any(|fine| fine.is_for(job, places)) {
                continue;
            }
            let (start, end) = (job.run.plan.start(), job.run.plan.end());
            let plan = |steps: usize| -> Result<Plan, ExperimentError> {
                let (grid, name) = fine_grid(job.run.grid.process(), start, &end, steps)?;
                let sampler = sampler::registry().build(name);
                let sampler = sampler.map_err(|e| ExperimentError::Objective(e.to_string()))?;
                Ok(Run::on(&sampler, grid)?.plan)
            };
            all.push(FineJob { process, full: plan(steps)?, half: plan(steps / 2)? });
        }
        Ok(all)
    }

    fn is_for(&self, job: &Job, places: &[Place]) -> bool {
        let (plan, own) = (&job.run.plan, &self.full);
        plan.start() == own.start()
            && plan.end() == own.end()
            && places[job.place].setting.process_label == self.process
    }
}

/// Dense times between two levels, and the sampler for them: Heun's rule in the noise ratio, or in t
/// where that is infinite at the start.
fn fine_grid(
    process: &Arc<dyn crate::process::Process>,
    start: &Level,
    end: &Level,
    steps: usize,
) -> Result<(Grid, &'static str), ExperimentError> {
    let (highest, last) = (start.noise_ratio(), end.noise_ratio());
    if !highest.is_finite() {
        return Ok((Uniform.grid(process, steps, end.t)?, "heun"));
    }
    let (lowest, count) = match last > 0.0 {
        true => (last, steps),
        false => (LOWEST * process.level(process.t_min()).noise_ratio(), steps - 1),
    };
    let [low, high] = [lowest, highest].map(|s| s.powf(RHO.recip()));
    let mut times = vec![start.t];
    for k in 1..=count {
        let ratio = (high + (low - high) * (k as f64 / count.max(1) as f64)).powf(RHO);
        times.extend(process.time_of(ratio));
    }
    match last > 0.0 {
        true => *times.last_mut().unwrap_or(&mut 0.0) = end.t,
        false => times.push(end.t),
    }
    Ok((Grid::new(process.clone(), &times)?, "edm"))
}

/// The starts of all configurations, in batches of one size: what is computed does not depend on the
/// number of threads.
struct Starts<'a> {
    law: Arc<dyn DataLaw>,
    options: VerifyOptions,
    watch: Watch<'a>,
}

impl Starts<'_> {
    /// Runs all starts through each plan.
    fn run(
        &self,
        what: &str,
        plans: &[&Plan],
        steps: u64,
    ) -> Vec<Result<Vec<f64>, ExperimentError>> {
        let count = self.options.starts;
        let batches: Vec<Draw> = (0..count)
            .step_by(BATCH)
            .map(|first| Draw {
                seed: self.options.seed,
                first: first as u64,
                count: BATCH.min(count - first),
            })
            .collect();
        let jobs: Vec<(usize, Draw)> =
            (0..plans.len()).flat_map(|p| batches.iter().map(move |draw| (p, *draw))).collect();
        let (done, total) = (AtomicU64::new(0), steps * batches.len() as u64);
        let tell = || {
            let done = done.fetch_add(1, Ordering::Relaxed);
            self.watch.tell(Progress { what, unit: "steps", done, total: Some(total) })
        };
        let of = |&(p, draw): &(usize, Draw)| self.batch(plans[p], draw, &tell);
        let parts: Vec<Result<Vec<f64>, ExperimentError>> =
            jobs.par_iter().with_max_len(1).map(of).collect();
        let whole = |parts: &[Result<Vec<f64>, ExperimentError>]| {
            let parts: Result<Vec<&Vec<f64>>, _> = parts.iter().map(Result::as_ref).collect();
            parts.map(|parts| parts.into_iter().flatten().copied().collect()).map_err(Clone::clone)
        };
        parts.chunks(batches.len()).map(whole).collect()
    }

    fn batch(
        &self,
        plan: &Plan,
        draw: Draw,
        tell: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, ExperimentError> {
        let mut streams = Streams::new(draw);
        let mut x = vec![0.0; draw.count * self.law.dim()];
        streams.fill(&mut x);
        let std = start_std(plan.start());
        x.iter_mut().for_each(|z| *z *= std);
        let mut stopped = self.watch.is_stopped();
        let mut on_arrival = |step: usize, _: &Level, _: &[f64]| {
            stopped |= step > 0 && !tell();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut denoiser = self.law.clone().denoiser();
        let ran = paths::run(plan, &mut *denoiser, x, &mut streams, &mut on_arrival);
        match (ran, stopped) {
            (_, true) => Err(ExperimentError::Interrupted),
            (Ok(x), false) => Ok(x),
            (Err(error), false) => Err(network_error(&error)),
        }
    }

    /// The class that each output belongs to, at the least noise that networks are asked about.
    fn classes(&self, x: &[f64], job: &FineJob) -> Vec<usize> {
        let end = job.full.end();
        let before = job.full.ops().iter().filter_map(|op| match op {
            crate::tape::Op::Arrive { level, .. } if level.sigma > 0.0 => Some(level.noise_ratio()),
            _ => None,
        });
        let least = before.fold(f64::INFINITY, f64::min);
        let sigma = end.sigma.max(if least.is_finite() { end.alpha * least } else { 0.0 });
        self.law.classes(x, &Level { sigma, ..end })
    }
}

/// The deviation of pure noise at the level where a plan begins.
fn start_std(start: &Level) -> f64 {
    let mode = Mode { eigenvalue: 0.0, multiplicity: 1.0, mean: 0.0 };
    Init::Normal { std: None }.moments(start, 0, &mode).1.sqrt()
}

fn network_error(error: &DenoiserError) -> ExperimentError {
    ExperimentError::Evaluation { sampler: "the fine solution".into(), reason: error.to_string() }
}

fn squared_distances(a: &[f64], b: &[f64], dim: usize) -> Vec<f64> {
    let of = |(a, b): (&[f64], &[f64])| {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
        // States that have overflown.
        if sum.is_nan() { f64::INFINITY } else { sum }
    };
    a.chunks(dim).zip(b.chunks(dim)).map(of).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean.
fn error_of_mean(values: &[f64]) -> f64 {
    let (n, mean) = (values.len() as f64, mean(values));
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}

fn share(a: &[usize], b: &[usize]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
}

fn median(squares: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = squares.iter().map(|q| q.sqrt()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    0.5 * (sorted[(n - 1) / 2] + sorted[n / 2])
}

/// What became of a configuration, beside what the Gaussian predicts of it.
fn checked(job: &Job, data: &Spectrum, squares: Vec<f64>, same_class: f64) -> Checked {
    let plan = &job.run.plan;
    let output = Output::of(plan, data);
    let init = Init::Normal { std: None };
    let w2 = wasserstein2(&output.law(&init, Target::Data)).total;
    let (start, end) = (plan.start(), plan.end());
    let variance = start_std(start).powi(2);
    let (alpha_start, alpha_end) = (start.marginal().alpha, end.marginal().alpha);
    // Both are linear maps of the same starts, which have mean 0.
    let gaussian = data.sum(|i, mode| {
        let exact = ODE.propagator(mode.eigenvalue, start, &end);
        let gain = output.gain[i] - exact;
        let of_mean = output.mean_gain.get(i).copied().unwrap_or(0.0);
        let shift = match mode.mean {
            0.0 => 0.0,
            mean => (of_mean - (alpha_end - exact * alpha_start)) * mean,
        };
        gain * gain * variance + shift * shift
    });
    let rms = mean(&squares).sqrt();
    let standard_error = match rms {
        0.0 => 0.0,
        rms if rms.is_finite() => 0.5 * error_of_mean(&squares) / rms,
        _ => f64::INFINITY,
    };
    Checked {
        steps: job.run.grid.step_count(),
        nfe: plan.nfe(),
        rms,
        standard_error,
        median: median(&squares),
        squares,
        same_class,
        gaussian_rms: gaussian.sqrt(),
        w2,
    }
}

fn correlations(checks: &[Check]) -> Option<(f64, f64)> {
    let ran: Vec<&Checked> = checks.iter().filter_map(|c| c.result.as_ref().ok()).collect();
    let of = |value: fn(&Checked) -> f64| ran.iter().map(|c| value(c)).collect::<Vec<f64>>();
    let rms = of(|c| c.rms);
    Some((spearman(&rms, &of(|c| c.w2))?, spearman(&rms, &of(|c| c.gaussian_rms))?))
}

/// Spearman's rank correlation; `None` for fewer than three pairs, or if all values of a list are equal.
pub(super) fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() < 3 {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let (ma, mb) = (mean(&a), mean(&b));
    let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum()
    };
    let scale = (product(&a, ma, &a, ma) * product(&b, mb, &b, mb)).sqrt();
    (scale > 0.0).then(|| product(&a, ma, &b, mb) / scale)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |v: &f64| {
        let below = values.iter().filter(|o| o.total_cmp(v).is_lt()).count();
        let equal = values.iter().filter(|o| o.total_cmp(v).is_eq()).count();
        below as f64 + 0.5 * (equal as f64 + 1.0)
    };
    values.iter().map(rank).collect()
}

/// The pair in the wrong order for which the product of the logarithms of both ratios is largest.
fn misled(checks: &[Check]) -> Option<Misled> {
    let ran =
        |i: usize| checks[i].result.as_ref().ok().filter(|c| c.w2.is_finite() && c.rms.is_finite());
    let mut worst: Option<(f64, Misled)> = None;
    for predicted in 0..checks.len() {
        for better in 0..checks.len() {
            let (Some(a), Some(b)) = (ran(predicted), ran(better)) else { continue };
            if !(a.w2 < b.w2 && b.rms < a.rms) {
                continue;
            }
            // From the same starts.
            let differences: Vec<f64> =
                a.squares.iter().zip(&b.squares).map(|(a, b)| a - b).collect();
            if mean(&differences) <= 2.0 * error_of_mean(&differences) {
                continue;
            }
            let size = (b.w2 / a.w2).ln() * (a.rms / b.rms).ln();
            if worst.is_none_or(|(found, _)| size > found) {
                worst = Some((size, Misled { predicted, better }));
            }
        }
    }
    worst.map(|(_, misled)| misled)
}

#[cfg(test)]
mod tests {
    use super::spearman;

    #[test]
    fn rank_correlations() {
        let close =
            |a: &[f64], b: &[f64], r: f64| (spearman(a, b).unwrap_or(9.0) - r).abs() < 1e-15;
        assert!(close(&[1.0, 2.0, 3.0, 10.0], &[0.1, 0.2, 5.0, 7.0], 1.0));
        assert!(close(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0], -1.0));
        // Computed by hand: 1 − 6 Σd²/(n(n² − 1)) = 1 − 6·6/(4·15).
        assert!(close(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0], 0.6));
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    }
}
