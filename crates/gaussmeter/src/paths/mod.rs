//! The simulating interpreter: runs a [`Plan`] on real vectors, with any network.
//!
//! Every sample has its own random stream, so that results depend only on the seed, not on batch
//! sizes or threads.

use crate::basis::Basis;
use crate::exact::Init;
use crate::level::Level;
use crate::network::{Denoiser, DenoiserError};
use crate::spectrum::{Mode, Spectrum};
use crate::tape::{Op, Plan, Var};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::ops::ControlFlow;

/// The law N(mean, diag std²) that initial states are drawn from, one entry per coordinate.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Means.
    pub mean: Vec<f64>,
    /// Standard deviations.
    pub std: Vec<f64>,
}

impl Start {
    /// An initial law of a spectrum at the level where sampling starts, one coordinate per mode.
    pub fn per_mode(spectrum: &Spectrum, init: &Init, level: &Level) -> Self {
        let moments =
            spectrum.modes().iter().enumerate().map(|(i, mode)| init.moments(level, i, mode));
        let (mean, std) = moments.map(|(m, v)| (m, v.sqrt())).unzip();
        Start { mean, std }
    }

    /// An initial law at the level where sampling starts, one coordinate per vector of a basis. The
    /// lists of an [`Init::Diagonal`] are per coordinate too.
    pub fn in_basis(basis: &dyn Basis, init: &Init, level: &Level) -> Self {
        let moments = basis.eigenvalues().iter().zip(basis.means()).enumerate().map(
            |(i, (&eigenvalue, &mean))| {
                init.moments(level, i, &Mode { eigenvalue, multiplicity: 1.0, mean })
            },
        );
        let (mean, std) = moments.map(|(m, v)| (m, v.sqrt())).unzip();
        Start { mean, std }
    }

    /// Turns standard normal numbers z into a state: mean + std · z.
    pub fn place(&self, z: &mut [f64]) {
        for ((x, m), s) in z.iter_mut().zip(&self.mean).zip(&self.std) {
            *x = m + s * *x;
        }
    }
}

/// Which samples to draw: numbers `first .. first + count` of the sequence determined by `seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Determines the sequence of samples.
    pub seed: u64,
    /// Number of the first sample.
    pub first: u64,
    /// Number of samples.
    pub count: usize,
}

/// Where the noises of samplers come from: random streams, or what a test or another program has drawn.
pub trait NoiseSource {
    /// Fills `out`, a batch of vectors one after another, with the next standard normal numbers.
    fn fill(&mut self, out: &mut [f64]);
}

/// One random stream per sample.
#[derive(Clone, Debug)]
pub struct Streams(Vec<ChaCha8Rng>);

impl Streams {
    /// The streams of the samples of a draw, at their start.
    pub fn new(draw: Draw) -> Self {
        let stream = |i: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(draw.seed);
            rng.set_stream(draw.first.wrapping_add(i));
            rng
        };
        Streams((0..draw.count as u64).map(stream).collect())
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Consecutive parts of at most `count` samples.
    pub(crate) fn split(self, count: usize) -> Vec<Streams> {
        let mut rest = self.0.into_iter();
        std::iter::from_fn(|| {
            let part: Vec<ChaCha8Rng> = rest.by_ref().take(count.max(1)).collect();
            (!part.is_empty()).then_some(Streams(part))
        })
        .collect()
    }
}

impl NoiseSource for Streams {
    /// Fills `out`, in equal parts per sample, with the next standard normal numbers of each
    /// stream.
    fn fill(&mut self, out: &mut [f64]) {
        let dim = (out.len() / self.0.len().max(1)).max(1);
        self.0.par_iter_mut().zip(out.par_chunks_mut(dim)).for_each(|(rng, sample)| {
            sample.fill_with(|| StandardNormal.sample(rng));
        });
    }
}

/// Called with a state along the way: step number (0 for the initial state), level, `count · dim`
/// values. Where it breaks off, the run ends with this state.
pub type OnArrival<'a> = &'a mut dyn FnMut(usize, &Level, &[f64]) -> ControlFlow<()>;

/// The [`OnArrival`] of who only wants the result.
pub fn go_on(_: usize, _: &Level, _: &[f64]) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Draws samples as one batch with any network: `count · dim` values, one sample after another.
/// `on_arrival` is called with every state.
///
/// # Errors
/// The network's own [`DenoiserError`], unchanged.
pub fn sample_batch(
    plan: &Plan,
    denoiser: &mut dyn Denoiser,
    start: &Start,
    draw: Draw,
    on_arrival: OnArrival<'_>,
) -> Result<Vec<f64>, DenoiserError> {
    let mut streams = Streams::new(draw);
    let mut x = vec![0.0; draw.count * start.mean.len()];
    streams.fill(&mut x);
    for sample in x.chunks_mut(start.mean.len().max(1)) {
        start.place(sample);
    }
    run(plan, denoiser, x, &mut streams, on_arrival)
}

/// Runs a batch of initial states through a plan: `count · dim` values, one sample after another,
/// with fresh noises from `noises`. `on_arrival` is called with every state.
///
/// # Errors
/// The network's own [`DenoiserError`], unchanged.
pub fn run(
    plan: &Plan,
    denoiser: &mut dyn Denoiser,
    x: Vec<f64>,
    noises: &mut dyn NoiseSource,
    on_arrival: OnArrival<'_>,
) -> Result<Vec<f64>, DenoiserError> {
    let size = x.len();
    let last_use = plan.last_uses();
    let mut vectors: Vec<Option<Vec<f64>>> = vec![None; plan.var_count()];
    let mut spare: Vec<Vec<f64>> = Vec::new();
    if on_arrival(0, plan.start(), &x).is_break() {
        return Ok(x);
    }
    vectors[plan.input().index()] = Some(x);

    let mut arrivals = 0;
    for (k, op) in plan.ops().iter().enumerate() {
        let mut out = match op {
            Op::Arrive { .. } => Vec::new(),
            _ => spare.pop().unwrap_or_else(|| vec![0.0; size]),
        };
        let vector = |v: Var| vectors[v.index()].as_deref().unwrap_or(&[]);
        match op {
            Op::Predict { src, kind, level, .. } => {
                denoiser.predict(*kind, vector(*src), level, &mut out)?;
            }
            Op::Noise { .. } => noises.fill(&mut out),
            Op::Combine { terms, .. } => {
                out.fill(0.0);
                for (c, v) in terms {
                    for (y, x) in out.iter_mut().zip(vector(*v)) {
                        *y += c * x;
                    }
                }
            }
            Op::Arrive { state, level } => {
                arrivals += 1;
                if on_arrival(arrivals, level, vector(*state)).is_break() {
                    return Ok(vector(*state).to_vec());
                }
            }
        }
        if let Some(dst) = op.dst() {
            vectors[dst.index()] = Some(out);
        }
        spare.extend(last_use[k].iter().filter_map(|v| vectors[v.index()].take()));
    }
    Ok(vectors[plan.output().index()].take().unwrap_or_default())
}

/// Values per vector of a batch: 2 MiB, for any dimension.
const VALUES: usize = 1 << 18;

/// Number of samples of a given dimension that run through a plan together.
pub(crate) fn batch_size(dim: usize) -> usize {
    (VALUES / dim.max(1)).clamp(1, 256)
}

/// Draws samples in parallel with a network that can be cloned: `count · dim` values, one sample
/// after another, the same for any number of threads.
///
/// # Errors
/// The network's own [`DenoiserError`].
///
/// ```
/// use gaussmeter::{network::GaussianDenoiser, paths, prelude::*};
/// use std::sync::Arc;
/// let data = Spectrum::new("one mode", "example", &[0.25], None, None)?;
/// let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
/// let plan = EulerMaruyama.plan(&Uniform.grid(&process, 100, 1e-3)?)?;
/// let start = paths::Start::per_mode(&data, &Init::Exact, plan.start());
/// let draw = paths::Draw { seed: 1, first: 0, count: 20_000 };
/// let x = paths::sample(&plan, &GaussianDenoiser::per_mode(&data), &start, draw)?;
/// let sampled = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
/// let exact = Output::of(&plan, &data).law(&Init::Exact, Target::Data).modes[0].variance;
/// // Five standard errors of a variance from 20,000 samples.
/// assert!((sampled / exact - 1.0).abs() < 5.0 * (2.0 / 20_000f64).sqrt());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sample<D: Denoiser + Clone + Send + Sync>(
    plan: &Plan,
    denoiser: &D,
    start: &Start,
    draw: Draw,
) -> Result<Vec<f64>, DenoiserError> {
    let dim = start.mean.len().max(1);
    let size = batch_size(dim);
    let mut samples = vec![0.0; draw.count * start.mean.len()];
    samples.par_chunks_mut(size * dim).enumerate().try_for_each(|(b, out)| {
        let batch = Draw { first: draw.first + (b * size) as u64, count: out.len() / dim, ..draw };
        let mut denoiser = denoiser.clone();
        out.copy_from_slice(&sample_batch(plan, &mut denoiser, start, batch, &mut go_on)?);
        Ok(())
    })?;
    Ok(samples)
}
