//! A network against the exact one of Gaussian data: level by level and eigenvalue by eigenvalue, and what
//! that costs samplers.

mod leaks;
mod level;
mod measured;
mod parts;

pub use level::LevelError;
pub use measured::Measured;
pub use parts::{Known, Parts};

use super::budget::error_budget;
use super::steps::bands;
use super::verify::moments::{Coordinates, Estimate, PER_DIMENSION};
use super::verify::runs::{Make, Networks, Runs};
use super::{
    Band, ErrorBudget, ExperimentError, Length, NamedSampler, Place, Run, Setting, affordable,
};
use crate::basis::Basis;
use crate::exact::dense::{DenseGaussian, dense_law};
use crate::exact::{Init, Output, Target};
use crate::metric::{wasserstein2, wasserstein2_dense};
use crate::network::{Learnt, LinearNetwork, Network, is_gain};
use crate::spectrum::Spectrum;
use crate::watch::{Progress, Watch};
use leaks::{AffineMaps, Leaking};
use level::Drawn;
use parts::{Jackknife, student};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a network is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreErrorOptions {
    /// Noise levels σ/α.
    pub sigmas: Vec<f64>,
    /// Noised data vectors per level.
    pub per_level: usize,
    /// Groups that they are divided into: intervals come from the differences between these.
    pub groups: usize,
    /// Samples that are drawn with the network by every sampler; 0 for none.
    pub samples: usize,
    /// Whether leaks are in predictions too, by a matrix of d × d for every level: from four vectors per level
    /// and dimension.
    pub leaks: bool,
    /// Seed of all of them.
    pub seed: u64,
}

/// Numbers of groups for which the quantile of Student's t is known.
pub const GROUPS: [usize; 6] = [8, 12, 16, 20, 24, 32];

impl Default for ScoreErrorOptions {
    /// Sixteen levels from 80 down to 0.002.
    fn default() -> Self {
        let ratio = (80.0f64 / 0.002).powf(1.0 / 15.0);
        let sigmas = (0..16).map(|k| 80.0 / ratio.powi(k)).collect();
        ScoreErrorOptions { sigmas, per_level: 1024, groups: 16, samples: 0, leaks: false, seed: 0 }
    }
}

/// A sampler with the network, at one place, of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredRun {
    /// Label of the sampler.
    pub sampler: String,
    /// Position of its place.
    pub place: usize,
    /// The length that was asked for.
    pub length: Length,
    /// What came of it.
    pub result: Result<Scored, ExperimentError>,
}

/// What a sampler makes of the data with the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Number of steps.
    pub steps: usize,
    /// Number of network evaluations.
    pub nfe: usize,
    /// W2 to the data with the exact network.
    pub exact: f64,
    /// W2 to the data with the constant and the linear error of every eigenvector, with what their own
    /// sampling errors add subtracted. The interval also has what lies between levels, as far as every other
    /// level tells.
    pub predicted: Known,
    /// The same with all that is affine, leaks too, where [`ScoreErrorOptions::leaks`] asked for it.
    pub with_leaks: Option<Known>,
    /// W2 of means and covariances (or variances) of samples drawn with the network.
    pub sampled: Option<Sampled>,
    /// Initialization, truncation, discretization and score, each alone.
    pub budget: ErrorBudget,
}

/// What samples show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// W2, without what a finite number of samples adds.
    pub w2: Estimate,
    /// Whether full covariances are compared, or variances along the eigenvectors.
    pub is_full: bool,
}

/// A network against the exact one of Gaussian data.
#[derive(Clone, Debug)]
pub struct ScoreError {
    /// The network, in words.
    pub network: String,
    /// The data.
    pub spectrum: Arc<Spectrum>,
    /// How it was measured.
    pub options: ScoreErrorOptions,
    /// The levels, the noisiest first: those that were done.
    pub levels: Vec<LevelError>,
    /// Bands of eigenvalues, from the largest down.
    pub bands: Vec<Band>,
    /// The Kullback–Leibler divergence of the path of the reverse SDE with the exact network from that
    /// with this one, between the levels, in nats: ∫ E|r|²/σ² d ln σ (Girsanov). It bounds that of the
    /// outputs.
    pub path_kl: Known,
    /// The part of it that constant and linear errors cause.
    pub path_kl_affine: f64,
    /// The share of every level (outer) and band in it.
    pub shares: Vec<Vec<f64>>,
    /// Where samplers run.
    pub places: Vec<Place>,
    /// By sampler, by length, by place.
    pub runs: Vec<ScoredRun>,
    /// Whether it was stopped before it was done.
    pub is_interrupted: bool,
    measured: Arc<Measured>,
    /// With all leaks, level by level.
    maps: Vec<AffineMaps>,
    /// The mode of each coordinate.
    coordinates: Vec<usize>,
}

/// What is run with the network.
#[derive(Clone, Copy, Debug)]
pub struct Samplers<'a> {
    /// The samplers; there may be none.
    pub samplers: &'a [NamedSampler],
    /// How long they run.
    pub lengths: &'a [Length],
}

/// Measures a network on noised data of a Gaussian law, whose exact network is known.
///
/// At each level σ states are x = μ + (Λ + σ²)^½ z in the eigenbasis, and r(x) = D_network(x) − D(x). Its
/// mean square is divided, per eigenvector, into (E r)², the part g²(λ + σ²) that is linear in the own
/// coordinate (a gain), the part that is linear in the others (a leak), and the rest, which is not affine.
/// The first three are averages of products over pairs of different groups, each beside what the others show to
/// be affine, so that sampling errors add nothing; intervals are those of the jackknife over groups, with Student's t (95 %). Constant errors and
/// gains are then put into every sampler, whose law is exact again.
///
/// `make` is asked for a network, on data vectors in the space of `basis`, by every thread that runs;
/// `name` is its name in words. The data of the places are the Gaussian of the basis. Where `watch` stops
/// it, the levels that were done, and no samplers.
///
/// # Errors
/// [`ExperimentError`]: levels that are not positive, too few samples, or a network that fails.
///
/// ```
/// use gaussmeter::basis::EigenCoordinates;
/// use gaussmeter::experiment::{Defaults, Samplers, ScoreErrorOptions, Words, score_error};
/// use gaussmeter::network::{Denoiser, Learnt, LinearDenoiser, Network};
/// use gaussmeter::prelude::*;
/// use gaussmeter::watch::Watch;
/// use std::sync::Arc;
/// // A score that is 5 % too small at every level, as if it were not known.
/// let data = Arc::new(Spectrum::new("two", "example", &[0.25, 1.0], None, None)?);
/// let learnt = Learnt::of(&*Network::read("gain:delta=-0.05")?.item, &data)?;
/// let network = LinearDenoiser::new(learnt);
/// let make = || Box::new(network.clone()) as Box<dyn Denoiser + Send>;
/// let question = Words::default().read(&Defaults::SCORE_ERROR)?;
/// let places = question.places(data.clone());
/// let basis = Arc::new(EigenCoordinates::of(data.modes()));
/// let samplers = Samplers { samplers: &[], lengths: &[] };
/// let options = ScoreErrorOptions { sigmas: vec![1.0, 0.1], ..ScoreErrorOptions::default() };
/// let found = score_error(("a network", &make), basis, places, samplers, options, Watch::NOBODY)?;
/// assert!((found.levels[0].score_gain.value + 0.05).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn score_error(
    (name, make): (&str, &Make<'_>),
    basis: Arc<dyn Basis>,
    places: Vec<Place>,
    Samplers { samplers, lengths }: Samplers<'_>,
    options: ScoreErrorOptions,
    watch: Watch,
) -> Result<ScoreError, ExperimentError> {
    let Some(first) = places.first() else { return Err(ExperimentError::Empty { what: "grid" }) };
    let spectrum = first.setting.spectrum.clone();
    let basis = &*basis;
    let coordinates = coordinates(&spectrum, basis)?;
    let options = checked(options, basis.dim())?;
    let bands = bands_of(&spectrum, &coordinates);
    let networks = Networks::new(make);
    if networks.dim() != basis.dim() {
        let (found, expected) = (networks.dim(), basis.dim());
        return Err(ExperimentError::Dimension { found, expected });
    }
    let drawn = Drawn { basis, networks: &networks, options: &options, watch };
    let (mut levels, mut groups, mut maps) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_interrupted = false;
    for (k, sigma) in options.sigmas.iter().enumerate() {
        match drawn.level(k, *sigma) {
            Ok(found) => {
                levels.push(found.summary(&spectrum, basis, &coordinates, &bands, &options));
                let (affine, with_leaks) = found.into_affine();
                groups.push(affine);
                maps.extend(with_leaks);
            }
            Err(ExperimentError::Interrupted) if !levels.is_empty() => {
                is_interrupted = true;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let measured = Arc::new(Measured::new(basis, &options.sigmas, groups));
    let (path_kl, path_kl_affine, shares) = path_kl(&levels);
    let mut found = ScoreError {
        network: name.into(),
        spectrum,
        levels,
        bands,
        path_kl,
        path_kl_affine,
        shares,
        places,
        runs: Vec::new(),
        is_interrupted,
        measured,
        maps,
        coordinates,
        options,
    };
    drop(networks);
    found.run(samplers, lengths, (basis, make), watch);
    Ok(found)
}

impl ScoreError {
    /// The affine part, as a network: with it every question about this network's samples has an exact
    /// answer.
    pub fn affine(&self) -> Network {
        let item: Arc<dyn LinearNetwork> = self.measured.clone();
        Network { label: format!("the affine part of {}", self.network), item }
    }

    /// The rows σ, δ of [`LevelError::score_gain`], as `gain:file=` reads them.
    ///
    /// # Errors
    /// [`ExperimentError::Gain`] where the score is no positive multiple of the exact one, or too large.
    pub fn gain_file(&self) -> Result<String, ExperimentError> {
        let row = |l: &LevelError| match (l.sigma, l.score_gain.value) {
            (sigma, delta) if !is_gain(delta) => Err(ExperimentError::Gain { sigma, delta }),
            (sigma, delta) => Ok(format!("{sigma:e},{delta:e}\n")),
        };
        let header = Ok("sigma,delta\n".to_string());
        std::iter::once(header).chain(self.levels.iter().map(row)).collect()
    }

    /// The run with the smallest W2 that is predicted for the network, with leaks where these were asked for.
    pub fn best(&self) -> Option<&ScoredRun> {
        let value = |run: &&ScoredRun| match &run.result {
            Ok(scored) => scored.with_leaks.unwrap_or(scored.predicted).value,
            Err(_) => f64::INFINITY,
        };
        let ran = self.runs.iter().filter(|run| value(run).is_finite());
        ran.min_by(|a, b| value(a).total_cmp(&value(b)))
    }

    fn run(
        &mut self,
        samplers: &[NamedSampler],
        lengths: &[Length],
        (basis, make): (&dyn Basis, &Make<'_>),
        watch: Watch,
    ) {
        if self.is_interrupted {
            return;
        }
        let known = self.known();
        let coarse = self.measured.coarse().into_iter();
        let coarse = coarse.map(|network| Learnt::of(&network, &self.spectrum));
        let Ok(coarse) = coarse.collect::<Result<Vec<Learnt>, _>>() else { return };
        let known = (&known[..], &coarse[..]);
        let jobs: Vec<(&NamedSampler, usize, Length)> = samplers
            .iter()
            .flat_map(|s| lengths.iter().map(move |l| (s, *l)))
            .flat_map(|(s, l)| (0..self.places.len()).map(move |p| (s, p, l)))
            .collect();
        for (k, (sampler, place, length)) in jobs.iter().enumerate() {
            let what = Progress {
                what: "samplers",
                unit: "runs",
                done: k as u64,
                total: Some(jobs.len() as u64),
            };
            let result = match watch.tell(what) {
                false => Err(ExperimentError::Interrupted),
                true => {
                    let Place { setting, eps } = &self.places[*place];
                    let length = setting.rule.own_steps().map_or(*length, Length::Steps);
                    self.scored((setting, *eps), sampler, length, known, (basis, make), watch)
                }
            };
            self.is_interrupted |= result == Err(ExperimentError::Interrupted);
            let (sampler, place, length) = (sampler.label.clone(), *place, *length);
            self.runs.push(ScoredRun { sampler, place, length, result });
        }
    }

    /// The network as it was measured, and with each group left out.
    fn known(&self) -> Vec<Learnt> {
        let all = (0..=self.options.groups).map(|g| self.measured.without(g.checked_sub(1)));
        all.filter_map(|network| Learnt::of(&network, &self.spectrum).ok()).collect()
    }

    fn scored(
        &self,
        (setting, eps): (&Setting, f64),
        sampler: &NamedSampler,
        length: Length,
        (known, coarse): (&[Learnt], &[Learnt]),
        (basis, make): (&dyn Basis, &Make<'_>),
        watch: Watch,
    ) -> Result<Scored, ExperimentError> {
        let setting = Setting { network: self.affine(), ..setting.clone() };
        let init = setting.init(&Init::Normal { std: None })?;
        let run = setting.run_watched(sampler, length, eps, watch)?;
        let squared = |learnt: &Learnt| -> Result<f64, ExperimentError> {
            let law = run.law(learnt, &init, Target::Data)?;
            Ok(wasserstein2(&law).total.powi(2))
        };
        let all = known.iter().map(squared).collect::<Result<Vec<f64>, _>>()?;
        let between = coarse.iter().map(squared).collect::<Result<Vec<f64>, _>>()?;
        let predicted = predicted(all, &between);
        let with_leaks = match self.options.leaks {
            true => Some(self.with_leaks(&run, &init, watch)?),
            false => None,
        };
        let exact = Output::of(&run.plan, &self.spectrum).law(&init, Target::Data);
        let sampled = match self.options.samples {
            0 => None,
            _ => Some(self.sampled(&run, (basis, make), watch)?),
        };
        Ok(Scored {
            steps: run.grid.step_count(),
            nfe: run.plan.nfe(),
            exact: wasserstein2(&exact).total,
            predicted,
            with_leaks,
            sampled,
            budget: error_budget(&setting, sampler, &run, &init)?,
        })
    }

    /// W2 to the data with all that is affine, leaks too.
    fn with_leaks(&self, run: &Run, init: &Init, watch: Watch) -> Result<Known, ExperimentError> {
        let modes = self.measured.modes();
        let of = |j: usize| init.moments(run.grid.start(), self.coordinates[j], &modes[j]);
        let (mean, variance): (Vec<f64>, Vec<f64>) = (0..modes.len()).map(of).unzip();
        let start = DenseGaussian::diagonal(mean, &variance)?;
        let (means, eigenvalues): (Vec<f64>, Vec<f64>) =
            modes.iter().map(|mode| (mode.mean, mode.eigenvalue)).unzip();
        let data = DenseGaussian::diagonal(means, &eigenvalues)?;
        let groups = self.options.groups;
        let of_group =
            |g: Option<usize>| Leaking::new(&self.measured, &self.options.sigmas, &self.maps, g);
        let coarse = of_group(None).coarse();
        let what = format!("{} with leaks", run.sampler);
        let done = AtomicU64::new(0);
        let total = Some(((groups + 1 + coarse.len()) * run.plan.nfe()) as u64);
        let hear = |_: Option<Progress>| {
            let done = done.fetch_add(1, Ordering::Relaxed);
            match watch.tell(Progress { what: &what, unit: "evaluations", done, total }) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let squared = |network: &Leaking| -> Result<f64, ExperimentError> {
            match dense_law(&run.plan, network, &start, Watch::new(&hear)) {
                Ok(law) => Ok(wasserstein2_dense(&law, &data)?.total.powi(2)),
                Err(error) if error.is_infinite() => Ok(f64::INFINITY),
                Err(error) => Err(error.into()),
            }
        };
        let all = (0..groups + 1).into_par_iter().with_max_len(1);
        let all = all.map(|g| squared(&of_group(g.checked_sub(1))));
        let all = all.collect::<Result<Vec<f64>, _>>()?;
        let between = coarse.par_iter().map(squared).collect::<Result<Vec<f64>, _>>()?;
        Ok(predicted(all, &between))
    }

    /// Draws samples with the network, along the eigenvectors.
    fn sampled(
        &self,
        run: &Run,
        (basis, make): (&dyn Basis, &Make<'_>),
        watch: Watch,
    ) -> Result<Sampled, ExperimentError> {
        let runs = Runs { networks: Networks::new(make), seed: self.options.seed, watch };
        let what = format!("samples by {}", run.sampler);
        let x = runs.all(&what, &[&run.plan], self.options.samples).remove(0)?;
        let Some(found) = Coordinates::of(basis, &x) else {
            return Ok(Sampled { w2: Estimate::INFINITE, is_full: false });
        };
        let full = match self.options.samples >= PER_DIMENSION * basis.dim() {
            true => found.full(basis)?,
            false => None,
        };
        let is_full = full.is_some();
        let w2 = full.unwrap_or_else(|| found.along(basis, 0..basis.dim()));
        Ok(Sampled { w2, is_full })
    }
}

/// An error from its squares: of all groups and of all but each one, and from every other level.
///
/// What lies between levels is no more than what every other one leaves out, of which the error of a cubic is a
/// sixteenth at best. Less than three levels tell nothing of it.
fn predicted(squares: Vec<f64>, coarse: &[f64]) -> Known {
    let mut all = squares.into_iter();
    let whole = all.next().unwrap_or(f64::NAN);
    let mut known = Jackknife { whole, without: all.collect() }.debiased_root();
    let off = coarse.iter().map(|square| (square.sqrt() - whole.sqrt()).abs());
    known.half = known.half.hypot(off.reduce(f64::max).unwrap_or(f64::INFINITY));
    known
}

/// The mode of each coordinate: both sorted by eigenvalue and mean.
fn coordinates(spectrum: &Spectrum, basis: &dyn Basis) -> Result<Vec<usize>, ExperimentError> {
    let modes = spectrum.modes();
    let key = |a: (f64, f64), b: (f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
    let of_mode = |i: usize| (modes[i].eigenvalue, modes[i].mean);
    let of_coordinate = |i: usize| (basis.eigenvalues()[i], basis.means()[i]);
    let mut sorted: Vec<usize> = (0..modes.len()).collect();
    sorted.sort_by(|a, b| key(of_mode(*a), of_mode(*b)));
    let repeated = sorted
        .iter()
        .flat_map(|i| std::iter::repeat_n(*i, modes[*i].multiplicity.round() as usize));
    let repeated: Vec<usize> = repeated.collect();
    if modes.iter().any(|m| m.multiplicity.fract() != 0.0) {
        return Err(ExperimentError::Objective(format!(
            "{} is a summary, with multiplicities that are no whole numbers: give the spectrum with all its eigenvalues",
            spectrum.name()
        )));
    }
    if repeated.len() != basis.dim() {
        let (found, expected) = (basis.dim(), spectrum.dim() as usize);
        return Err(ExperimentError::Dimension { found, expected });
    }
    let mut own: Vec<usize> = (0..basis.dim()).collect();
    own.sort_by(|a, b| key(of_coordinate(*a), of_coordinate(*b)));
    let mut of = vec![0; basis.dim()];
    own.into_iter().zip(repeated).for_each(|(coordinate, mode)| of[coordinate] = mode);
    Ok(of)
}

fn bands_of(spectrum: &Spectrum, coordinates: &[usize]) -> Vec<Band> {
    let of = |(lowest, modes): (f64, Vec<usize>)| {
        let is_own = |j: &usize| modes.contains(&coordinates[*j]);
        let coordinates = (0..coordinates.len()).filter(is_own).collect();
        Band { lowest, modes, coordinates }
    };
    bands(spectrum.eigenvalues()).into_iter().map(of).collect()
}

/// The options, with levels sorted and samples that divide into groups.
fn checked(
    mut options: ScoreErrorOptions,
    dim: usize,
) -> Result<ScoreErrorOptions, ExperimentError> {
    if options.sigmas.is_empty() {
        return Err(ExperimentError::Empty { what: "noise level" });
    }
    // Squares of variances are finite, and not 0.
    let is_bad = |sigma: &&f64| !(1e-60..=1e60).contains(*sigma);
    if let Some(sigma) = options.sigmas.iter().find(is_bad) {
        return Err(ExperimentError::Objective(format!(
            "noise levels have to be from 1e-60 to 1e60, not {sigma}"
        )));
    }
    if student(options.groups).is_none() {
        return Err(ExperimentError::Objective(format!(
            "{} groups: take one of {}",
            options.groups,
            GROUPS.map(|g| g.to_string()).join(", ")
        )));
    }
    options.sigmas.sort_by(|a, b| b.total_cmp(a));
    options.sigmas.dedup();
    let least = 8 * options.groups;
    if options.per_level < least {
        let (what, found) = ("samples per noise level, eight for each group", options.per_level);
        return Err(ExperimentError::TooFew { what, found, least });
    }
    options.per_level -= options.per_level % options.groups;
    if (1..16).contains(&options.samples) {
        let (what, found) = ("samples, for moments and their standard errors", options.samples);
        return Err(ExperimentError::TooFew { what, found, least: 16 });
    }
    let what = || format!("{} noised vectors of {dim} dimensions", options.per_level);
    affordable(what, options.per_level.saturating_mul(dim), 32, "take fewer per level")?;
    if options.leaks {
        let least = leaks::PER_DIMENSION * dim;
        if options.per_level < least {
            let what =
                "samples per noise level, four for each dimension, for predictions with leaks";
            return Err(ExperimentError::TooFew { what, found: options.per_level, least });
        }
        // Of every group, and where two threads put such together.
        let kept = (options.sigmas.len() * (options.groups + 4)).saturating_mul(dim);
        let what = || format!("matrices of {dim} dimensions at {} levels", options.sigmas.len());
        affordable(what, kept.saturating_mul(dim), 8, "take fewer levels or groups")?;
    }
    let kept = (options.sigmas.len() * options.groups).saturating_mul(dim);
    let what = || format!("errors of {dim} dimensions at {} levels", options.sigmas.len());
    affordable(what, kept, 32, "take fewer levels or groups")?;
    let what = || format!("{} samples of {dim} dimensions", options.samples);
    affordable(what, options.samples.saturating_mul(dim), 24, "draw fewer samples")?;
    Ok(options)
}

/// The path KL by the trapezoidal rule in ln σ, its affine part, and the shares of levels and bands.
fn path_kl(levels: &[LevelError]) -> (Known, f64, Vec<Vec<f64>>) {
    let logs: Vec<f64> = levels.iter().map(|l| l.sigma.ln()).collect();
    let weight = |k: usize| {
        let (above, below) = (logs[k.saturating_sub(1)], logs[(k + 1).min(logs.len() - 1)]);
        0.5 * (above - below) / levels[k].sigma.powi(2)
    };
    let weights: Vec<f64> = (0..levels.len()).map(weight).collect();
    let each = || levels.iter().zip(&weights);
    let value: f64 = each().map(|(l, w)| w * l.whole.squared.value).sum();
    let half = each().map(|(l, w)| (w * l.whole.squared.half).powi(2)).sum::<f64>().sqrt();
    let rest: f64 = each().map(|(l, w)| w * l.whole.rest.value.max(0.0)).sum();
    let share = |(l, w): (&LevelError, &f64)| {
        l.bands
            .iter()
            .map(|b| if value > 0.0 { w * b.squared.value / value } else { 0.0 })
            .collect()
    };
    (Known { value, half }, value - rest, each().map(share).collect())
}
