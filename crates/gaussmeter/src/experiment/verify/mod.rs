//! Advice on data that are not Gaussian: samplers on data whose exact network is known, or on a user's own
//! network, beside what the Gaussian of the whole predicts.

mod agreement;
mod measured;
pub(super) mod moments;
mod reference;
pub(super) mod runs;

pub use agreement::{Agreement, Correlation, Misled};
pub use moments::{Estimate, Moments, Shares};
pub use reference::FineSolution;

use super::steps::bands;
use super::{ExperimentError, Length, NamedSampler, Place, Run, Setting};
use crate::basis::Basis;
use crate::exact::Init;
use crate::law::{DataLaw, Groups};
use crate::network::Denoiser;
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use crate::watch::{Progress, Watch};
use measured::{Measured, share, told_at};
use moments::{PER_DIMENSION, root_mean};
use reference::{FineJob, LENGTHS};
use runs::{Networks, Runs};
use std::sync::Arc;

/// Eigenvectors of more dimensions are not computed: 4096 take minutes and half a gigabyte.
pub const MOST_DIMENSIONS: usize = 4096;

/// How samplers are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Number of starts, for rules without noise.
    pub starts: usize,
    /// Steps of the fine solution, to which solutions of a half and a quarter of them come, to extrapolate.
    pub reference: usize,
    /// Number of samples of rules with noise.
    pub samples: usize,
    /// Seed of starts and noises.
    pub seed: u64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions { starts: 128, reference: 300, samples: 1024, seed: 0 }
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
    /// What was found.
    pub found: Found,
    /// The exact W2 for the Gaussian of the whole.
    pub w2: f64,
}

/// What is measured of outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Of a rule without noise: how far they are from the solution from the same start.
    Distances(Distances),
    /// Of a rule with noise: how far their law is from the data.
    Moments(Moments),
}

/// How far the outputs of a rule without noise are from the fine solution.
#[derive(Clone, Debug, PartialEq)]
pub struct Distances {
    /// Position of the fine solution that they are compared with: distances to others, which begin or end elsewhere, say
    /// nothing beside these.
    pub reference: usize,
    /// Squared distance to the fine solution, per start.
    pub squares: Vec<f64>,
    /// Root of their mean.
    pub rms: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The median distance.
    pub median: f64,
    /// Share of the starts that reach the same group as the fine solution; `None` where there are no
    /// groups.
    pub same_group: Option<f64>,
    /// The exact root mean square distance to the exact solution, from the same starts, for the Gaussian
    /// of the whole.
    pub gaussian_rms: f64,
    /// The exact W2 to the data themselves, or why there is none; `None` for a law of which none is known.
    pub exact_w2: Option<Result<f64, String>>,
    /// The same along the eigenvectors of each band: squares add up to those of the whole.
    pub bands: Vec<InBand>,
}

/// An error along the eigenvectors of one band of eigenvalues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InBand {
    /// The distance, or W2 of moments.
    pub found: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The exact value for the Gaussian of the whole.
    pub gaussian: f64,
}

/// Some of the eigenvectors of the Gaussian of the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The lowest eigenvalue.
    pub lowest: f64,
    /// Positions in the spectrum.
    pub modes: Vec<usize>,
    /// Positions in the basis.
    pub coordinates: Vec<usize>,
}

/// Samplers on data that are not Gaussian, beside their predictions.
#[derive(Debug)]
pub struct Verification {
    /// Where they are tried; the data are the Gaussian of the whole.
    pub places: Vec<Place>,
    /// Name of the data.
    pub law: String,
    /// Their groups: none for a user's own network, unless it is tried on a law.
    pub groups: Groups,
    /// The trained network that is tried on a law; `None` for the law's own, or without a law.
    pub network: Option<String>,
    /// The same with the law's own network, from the same starts, where a trained one is tried.
    pub exact: Option<Box<Verification>>,
    /// How they are tried.
    pub options: VerifyOptions,
    /// Bands of eigenvalues, from the largest down; none where eigenvectors are not known.
    pub bands: Vec<Band>,
    /// By sampler, by length, by place.
    pub checks: Vec<Check>,
    /// What rules without noise are compared with.
    pub references: Vec<FineSolution>,
    /// What predictions are worth among rules without noise.
    pub distances: Agreement,
    /// The same among rules with noise.
    pub moments: Agreement,
}

/// Tries samplers on data that are not Gaussian, at every place, of every length, from N(0, σ²) at the
/// level where each begins. Rules without noise are compared with the fine solution of the
/// probability-flow ODE from the same starts; of rules with noise, mean and covariance are compared with
/// those of the data, and the shares of groups. The data of the places are the Gaussian of the whole. Where
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
    let make = || law.clone().denoiser();
    let tried = Tried {
        name: law.name().into(),
        law: Some(&*law),
        trained: None,
        basis: None,
        places,
        options,
        networks: Networks::new(&make),
    };
    tried.run(samplers, lengths, watch)
}

/// [`verify`] of a trained network on a law, beside the law's own network from the same starts and with the
/// same noises. Rules without noise are compared with the fine solution of each network's own ODE: what
/// the steps cost, not what the network gets wrong. `make` is asked for a network, with its name in words,
/// by every thread that runs.
///
/// # Errors
/// [`ExperimentError`]
pub fn verify_trained(
    law: Arc<dyn DataLaw>,
    (name, make): (&str, &(dyn Fn() -> Box<dyn Denoiser + Send> + Sync)),
    places: Vec<Place>,
    samplers: &[NamedSampler],
    lengths: &[Length],
    options: VerifyOptions,
    watch: Watch,
) -> Result<Verification, ExperimentError> {
    let exact = verify(law.clone(), places.clone(), samplers, lengths, options, watch)?;
    let tried = Tried {
        name: law.name().into(),
        law: Some(&*law),
        trained: Some(name.into()),
        basis: None,
        places,
        options,
        networks: Networks::new(make),
    };
    let found = tried.run(samplers, lengths, watch)?;
    Ok(Verification { exact: Some(Box::new(exact)), ..found })
}

/// [`verify`] of given runs, each at its own place, in order.
///
/// # Errors
/// [`ExperimentError`]
pub fn verify_runs(
    law: Arc<dyn DataLaw>,
    runs: Vec<(Place, Run)>,
    options: VerifyOptions,
    watch: Watch,
) -> Result<Verification, ExperimentError> {
    let make = || law.clone().denoiser();
    let (places, runs): (Vec<Place>, Vec<Run>) = runs.into_iter().unzip();
    let job = |(place, run): (usize, Run)| Job {
        order: place,
        place,
        length: Length::Steps(run.grid.step_count()),
        run,
    };
    let jobs = runs.into_iter().enumerate().map(job).collect();
    let tried = Tried {
        name: law.name().into(),
        law: Some(&*law),
        trained: None,
        basis: None,
        places,
        options,
        networks: Networks::new(&make),
    };
    tried.check()?;
    tried.measure(jobs, Vec::new(), watch)
}

/// [`verify`] on any network: `make` is asked for one by every thread that runs. The data of the places are
/// the Gaussian that has the mean and the covariance of what the network was trained on, and `basis`
/// are its eigenvectors, in the network's coordinates. Without a basis there are no bands, and rules with
/// noise cannot be compared.
///
/// # Errors
/// [`ExperimentError`]
///
/// ```
/// use gaussmeter::experiment::{Defaults, Length, VerifyOptions, Words, verify_network};
/// use gaussmeter::level::Level;
/// use gaussmeter::network::{DenoiserFn, Prediction};
/// use gaussmeter::prelude::*;
/// use gaussmeter::watch::Watch;
/// // What a network that was trained on ±1 predicts: the posterior mean.
/// let signs = || {
///     let posterior_mean = |x: &[f64], level: &Level, out: &mut [f64]| {
///         for (out, x) in out.iter_mut().zip(x) {
///             *out = (level.alpha * x / level.sigma.powi(2)).tanh();
///         }
///         Ok(())
///     };
///     Box::new(DenoiserFn::new(1, Prediction::Denoiser, posterior_mean)) as _
/// };
/// let words = Words {
///     samplers: vec!["ddim,edm".into()],
///     grids: vec!["karras".into()],
///     lengths: vec![Length::Steps(10)],
///     ..Words::default()
/// };
/// let question = words.read(&Defaults::VERIFY)?;
/// let places = question.places(Spectrum::new("signs", "example", &[1.0], None, None)?);
/// let options = VerifyOptions { starts: 64, ..VerifyOptions::default() };
/// let lengths = question.asked_lengths();
/// let found =
///     verify_network(&signs, None, places, &question.samplers, &lengths, options, Watch::NOBODY)?;
/// let distances = found.checks[1].result.as_ref().unwrap().distances().unwrap();
/// assert!(distances.median < 1e-3 && distances.rms < 0.4, "{distances:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_network(
    make: &(dyn Fn() -> Box<dyn Denoiser + Send> + Sync),
    basis: Option<Arc<dyn Basis>>,
    places: Vec<Place>,
    samplers: &[NamedSampler],
    lengths: &[Length],
    options: VerifyOptions,
    watch: Watch,
) -> Result<Verification, ExperimentError> {
    let name = places.first().map_or("", |p| p.setting.spectrum.name()).to_owned();
    let networks = Networks::new(make);
    Tried { name, law: None, trained: None, basis, places, options, networks }
        .run(samplers, lengths, watch)
}

impl Verification {
    /// Whether it was stopped, so that configurations are missing.
    pub fn is_interrupted(&self) -> bool {
        let is_missing = |check: &Check| check.result == Err(ExperimentError::Interrupted);
        self.checks.iter().any(is_missing)
            || self.exact.as_ref().is_some_and(|e| e.is_interrupted())
    }

    /// What a configuration does with the law's own network, where a trained one is tried.
    pub fn exact_of(&self, check: &Check) -> Option<&Checked> {
        let exact = self.exact.as_ref()?;
        let is_same = |other: &&Check| {
            (&other.sampler, other.place, other.length)
                == (&check.sampler, check.place, check.length)
        };
        exact.checks.iter().find(is_same)?.result.as_ref().ok()
    }

    /// Spearman's rank correlation of what the trained network was found to do without noise with what the
    /// law's own does.
    pub fn agreement_with_exact(&self) -> Option<f64> {
        let pairs = self.checks.iter().filter_map(|check| {
            let own = check.result.as_ref().ok()?.distances()?.rms;
            Some((own, self.exact_of(check)?.distances()?.rms))
        });
        let (own, exact): (Vec<f64>, Vec<f64>) = pairs.unzip();
        agreement::spearman(&own, &exact)
    }

    /// Whether full covariances were compared, of all rules with noise.
    pub fn compares_covariances(&self) -> bool {
        let ran = self.checks.iter().filter_map(|check| check.result.as_ref().ok());
        ran.filter_map(Checked::moments).all(|moments| moments.full.is_some())
    }

    /// The number of samples from which full covariances are compared.
    pub fn least_samples(&self) -> f64 {
        PER_DIMENSION as f64 * self.places.first().map_or(0.0, |p| p.setting.spectrum.dim())
    }

    /// Positions of the configurations of whose distances the fine solution's own error is more than a tenth.
    pub fn blurred(&self) -> Vec<usize> {
        let is_blurred = |check: &Check| {
            let Some(d) = check.result.as_ref().ok().and_then(Checked::distances) else {
                return false;
            };
            self.references.get(d.reference).is_some_and(|fine| fine.error > 0.1 * d.rms)
        };
        (0..self.checks.len()).filter(|i| is_blurred(&self.checks[*i])).collect()
    }
}

/// What samplers are tried on.
struct Tried<'a> {
    name: String,
    law: Option<&'a dyn DataLaw>,
    /// The network, if it is not that of the law.
    trained: Option<String>,
    basis: Option<Arc<dyn Basis>>,
    places: Vec<Place>,
    options: VerifyOptions,
    networks: Networks<'a>,
}

impl Tried<'_> {
    fn run(
        self,
        samplers: &[NamedSampler],
        lengths: &[Length],
        watch: Watch,
    ) -> Result<Verification, ExperimentError> {
        for (is_empty, what) in
            [(samplers.is_empty(), "sampler"), (lengths.is_empty(), "number of steps")]
        {
            if is_empty {
                return Err(ExperimentError::Empty { what });
            }
        }
        self.check()?;
        let (jobs, checks) = planned(&self.places, samplers, lengths);
        self.measure(jobs, checks, watch)
    }

    fn measure(
        self,
        jobs: Vec<Job>,
        mut checks: Vec<(usize, Check)>,
        watch: Watch,
    ) -> Result<Verification, ExperimentError> {
        let Tried { name, law, trained, basis, places, options, networks } = self;
        if jobs.is_empty() {
            return Err(match checks.into_iter().next().map(|(_, check)| check.result) {
                Some(Err(error)) => error,
                _ => ExperimentError::Empty { what: "sampler" },
            });
        }
        let groups = law.map_or_else(Groups::none, |law| law.groups());
        let basis = match (basis, law) {
            (None, Some(law)) if law.knows_basis() || law.dim() <= MOST_DIMENSIONS => {
                let (what, unit) = ("eigenvectors of the whole", "dimensions");
                let (done, total) = (0, Some(law.dim() as u64));
                if !watch.tell(Progress { what, unit, done, total }) {
                    return Err(ExperimentError::Interrupted);
                }
                Some(law.basis().map_err(|e| ExperimentError::Law(e.to_string()))?)
            }
            (basis, _) => basis,
        };
        let bands = basis
            .as_deref()
            .map_or_else(Vec::new, |basis| bands_of(&places[0].setting.spectrum, basis));
        let dim = networks.dim();
        let runs = Runs { networks, seed: options.seed, watch };
        let measured = Measured {
            dim,
            law,
            is_exact: trained.is_none(),
            groups: &groups,
            basis: basis.as_deref(),
            bands: &bands,
        };

        let (with_noise, without): (Vec<&Job>, Vec<&Job>) =
            jobs.iter().partition(|job| job.run.plan.is_stochastic());
        let fine = FineJob::all(&places, &without, options.reference)?;
        let mut references = Vec::new();
        let mut states = Vec::new();
        let plans: Vec<&Plan> = fine.iter().flat_map(|f| &f.plans).collect();
        let solutions = runs.all("fine solution", &plans, options.starts);
        let of_whole = &places[0].setting.spectrum;
        for (job, solutions) in fine.iter().zip(solutions.chunks(LENGTHS.len())) {
            let [full, half, quarter] = solutions else { continue };
            let (full, half, quarter) = (full.clone()?, half.clone()?, quarter.clone()?);
            let level = told_at(&job.end(), of_whole);
            let found = job.extrapolated(dim, [&full, &half, &quarter]);
            let own = measured.classes(&found.states, &level);
            let distances = measured.squares(&full, &half);
            let root = |squares: &Vec<f64>| root_mean(squares).0;
            references.push(FineSolution {
                process: job.process.clone(),
                start: *job.start(),
                end: job.end(),
                halved: root(&distances.whole),
                halved_bands: distances.bands.iter().map(root).collect(),
                error: root(&found.errors),
                same_group: share(own.as_deref(), measured.classes(&half, &level).as_deref()),
            });
            states.push((found.states, own, level));
        }

        let plans: Vec<&Plan> = without.iter().map(|job| &job.run.plan).collect();
        let outputs = runs.all("samplers", &plans, options.starts);
        for (job, output) in without.iter().zip(outputs) {
            let own = fine.iter().position(|f| f.is_for(job, &places)).unwrap_or(0);
            let result = output.map(|x| {
                let (full, classes, level) = &states[own];
                let same = share(classes.as_deref(), measured.classes(&x, level).as_deref());
                let spectrum = &places[job.place].setting.spectrum;
                let squares = measured.squares(&x, full);
                measured.distances(job, spectrum, (own, &squares), same)
            });
            checks.push(told(job, result));
        }
        for (k, job) in with_noise.iter().enumerate() {
            let what = format!("samplers with noise, {} of {}", k + 1, with_noise.len());
            let output = match measured.basis {
                None => Err(ExperimentError::NoBasis { sampler: job.run.sampler.clone() }),
                Some(_) => runs.all(&what, &[&job.run.plan], options.samples).remove(0),
            };
            let spectrum = &places[job.place].setting.spectrum;
            let result = output.and_then(|x| measured.moments(job, spectrum, &x));
            checks.push(told(job, result));
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
            law: name,
            groups,
            network: trained,
            exact: None,
            options,
            references,
            distances: Agreement::of_distances(&checks),
            moments: Agreement::of_moments(&checks),
            bands,
            checks,
            places,
        })
    }

    fn check(&self) -> Result<(), ExperimentError> {
        if self.places.is_empty() {
            return Err(ExperimentError::Empty { what: "grid" });
        }
        let options = self.options;
        for (what, found, least) in [
            ("starts, for a standard error", options.starts, 2),
            ("steps of the fine solution, to halve them twice", options.reference, 8),
            ("samples, for moments and their standard errors", options.samples, 16),
        ] {
            if found < least {
                return Err(ExperimentError::TooFew { what, found, least });
            }
        }
        let found = self.networks.dim();
        let of_places = self.places.iter().map(|p| p.setting.spectrum.dim());
        let of_basis = self.basis.iter().map(|basis| basis.dim() as f64);
        match of_places.chain(of_basis).find(|dim| *dim != found as f64) {
            Some(other) => Err(ExperimentError::Dimension { found, expected: other as usize }),
            None => Ok(()),
        }
    }
}

/// The configurations that can run, and those that cannot, each with its position.
fn planned(
    places: &[Place],
    samplers: &[NamedSampler],
    lengths: &[Length],
) -> (Vec<Job>, Vec<(usize, Check)>) {
    let (mut jobs, mut failures) = (Vec::new(), Vec::new());
    let mut order = 0;
    for sampler in samplers {
        for (position, &length) in lengths.iter().enumerate() {
            for (place, Place { setting, eps }) in places.iter().enumerate() {
                let length = match setting.rule.own_steps() {
                    // Times from a file have one length.
                    Some(_) if position > 0 => continue,
                    Some(steps) => Length::Steps(steps),
                    None => length,
                };
                let run = setting.run(sampler, length, *eps);
                match run.and_then(|run| with_factor(setting, run)) {
                    Ok(run) => jobs.push(Job { order, place, length, run }),
                    Err(error) => {
                        let (sampler, result) = (sampler.label.clone(), Err(error));
                        failures.push((order, Check { sampler, place, length, result }));
                    }
                }
                order += 1;
            }
        }
    }
    (jobs, failures)
}

/// A run with the factor on the score in its program that the asked network has.
fn with_factor(setting: &Setting, run: Run) -> Result<Run, ExperimentError> {
    if setting.network.is_exact() {
        return Ok(run);
    }
    let network = setting.learnt(&Init::Exact)?;
    if network.has_answers() || network.truth() != network.believed().modes() {
        return Err(ExperimentError::NotOfLaw { network: setting.network.label.clone() });
    }
    let plan = network.program(&run.plan)?.into_owned();
    Ok(Run { plan, ..run })
}

fn told(job: &Job, result: Result<Checked, ExperimentError>) -> (usize, Check) {
    let (sampler, place, length) = (job.run.sampler.clone(), job.place, job.length);
    let result = result.map_err(|error| match error {
        ExperimentError::Evaluation { reason, .. } => {
            ExperimentError::Evaluation { sampler: sampler.clone(), reason }
        }
        error => error,
    });
    (job.order, Check { sampler, place, length, result })
}

/// The bands of a spectrum, and the vectors of a basis in them, by the order of their eigenvalues.
fn bands_of(spectrum: &Spectrum, basis: &dyn Basis) -> Vec<Band> {
    let mut sorted: Vec<usize> = (0..basis.dim()).collect();
    sorted.sort_by(|a, b| basis.eigenvalues()[*b].total_cmp(&basis.eigenvalues()[*a]));
    let mut rest = &sorted[..];
    let of = |(lowest, modes): (f64, Vec<usize>)| {
        let count: f64 = modes.iter().map(|i| spectrum.modes()[*i].multiplicity).sum();
        let (own, others) = rest.split_at((count.round() as usize).min(rest.len()));
        rest = others;
        Band { lowest, modes, coordinates: own.to_vec() }
    };
    bands(spectrum.eigenvalues()).into_iter().map(of).collect()
}

/// A configuration that can run.
struct Job {
    order: usize,
    place: usize,
    length: Length,
    run: Run,
}
