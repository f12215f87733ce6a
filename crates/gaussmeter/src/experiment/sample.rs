//! Samples of a Gaussian model as data vectors: exact ones, and those of a sampler with the exact
//! score.

use super::{ExperimentError, Run, Setting};
use crate::basis::Basis;
use crate::exact::{Init, InitError};
use crate::grid::{Grid, GridError};
use crate::level::Level;
use crate::network::{Denoiser, DenoiserError, Factor, GaussianDenoiser, InBasis};
use crate::numeric::{evenly, written};
use crate::paths::{self, Draw, NoiseSource, Start, Streams};
use crate::tape::{Op, Prediction};
use rayon::prelude::*;
use std::fmt;
use std::ops::ControlFlow;
use thiserror::Error;

/// Samples cannot be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The configuration cannot be run.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The sampler asks for an infinite prediction.
    #[error(
        "sampler '{sampler}' evaluates the {} at t = {}, which is infinite along {null} null directions of the data: stop at some eps > 0, or use one that does not evaluate there, such as euler or heun:final=euler",
        .kind.name(), written(.t)
    )]
    Singular {
        /// Label of the sampler.
        sampler: String,
        /// What it asks for.
        kind: Prediction,
        /// The time.
        t: f64,
        /// Number of coordinates with λ = 0.
        null: usize,
    },
    /// A value left the range of 64-bit floats.
    #[error("sampler '{sampler}' diverges: sample {sample} is not finite; take more steps")]
    Diverged {
        /// Label of the sampler.
        sampler: String,
        /// The sample, from 0.
        sample: u64,
    },
    /// A prediction failed.
    #[error("sampler '{sampler}': {}", crate::message::line(.source))]
    Denoiser {
        /// Label of the sampler.
        sampler: String,
        /// The reason.
        source: DenoiserError,
    },
}

/// What a data vector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The exact solution α μ + Σ_t^½ z of the probability-flow ODE from the noise z; at t = 0 a
    /// sample μ + Σ^½ z of the data.
    Exact,
    /// A state of the sampler started from the same z.
    Sampler,
    /// The sampler's state minus the exact solution.
    Difference,
}

impl FrameKind {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            FrameKind::Exact => "exact",
            FrameKind::Sampler => "sampler",
            FrameKind::Difference => "difference",
        }
    }
}

/// One of the data vectors of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// Where along the process it is.
    pub level: Level,
}

/// A recipe for samples of a model N(μ, Σ) given by its eigenbasis: per sample a few data vectors,
/// all from one white noise z.
///
/// Sample i of a seed has a random stream of its own. First come the d values of z as a data vector,
/// so that the same seed means the same noise whatever the model and the sampler; then the noises
/// that a stochastic sampler draws, in coordinates of the basis. Samples do not depend on batches and
/// threads.
///
/// ```
/// use gaussmeter::experiment::Sampling;
/// use gaussmeter::paths::Draw;
/// use gaussmeter::texture::Texture;
/// let picture: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17) / 17.0).collect();
/// let basis = Texture::adsn(&picture, [2, 4, 5], false)?.basis();
/// let sampling = Sampling::data(&basis);
/// let both = sampling.batch(Draw { seed: 7, first: 0, count: 2 })?;
/// assert_eq!(both[40..], sampling.batch(Draw { seed: 7, first: 1, count: 1 })?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sampling<'a> {
    basis: &'a dyn Basis,
    frames: Vec<Frame>,
    sampler: Option<Simulation<'a>>,
}

/// What samplers call.
enum Called<'a> {
    Exact(GaussianDenoiser),
    /// A network on data vectors: each thread makes its own.
    Trained(&'a (dyn Fn() -> Box<dyn Denoiser + Send> + Sync)),
}

impl fmt::Debug for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Called::Exact(exact) => exact.fmt(f),
            Called::Trained(_) => f.write_str("a network"),
        }
    }
}

/// A sampler, and the states of it that are kept.
#[derive(Debug)]
struct Simulation<'a> {
    run: &'a Run,
    start: Start,
    called: Called<'a>,
    /// Per frame, the number of the state; `None` for what is no state.
    states: Vec<Option<usize>>,
}

/// Values of one array of a batch: 32 MiB.
const VALUES: usize = 1 << 22;

impl<'a> Sampling<'a> {
    /// Exact samples of the data, μ + Σ^½ z.
    pub fn data(basis: &'a dyn Basis) -> Self {
        Sampling::exact(basis, &[Level::DATA])
    }

    /// The exact solution of the probability-flow ODE at some levels: α μ + (α² Σ + σ²)^½ z.
    pub fn exact(basis: &'a dyn Basis, levels: &[Level]) -> Self {
        let frame = |level: &Level| Frame { kind: FrameKind::Exact, level: *level };
        Sampling { basis, frames: levels.iter().map(frame).collect(), sampler: None }
    }

    /// Some states of a sampler with the exact score, by number: 0 is the initial state, the number
    /// of steps the output. An [`Init::Diagonal`] has one entry per coordinate.
    ///
    /// # Errors
    /// [`SampleError::Singular`], and [`InitError`] for an initial law of another dimension.
    pub fn sampler(
        basis: &'a dyn Basis,
        run: &'a Run,
        init: &Init,
        states: &[usize],
    ) -> Result<Self, SampleError> {
        let levels = run.grid.levels();
        let states = states.iter().map(|k| (*k).min(levels.len() - 1));
        let (frames, states) =
            states.map(|k| (Frame { kind: FrameKind::Sampler, level: levels[k] }, Some(k))).unzip();
        Sampling::simulation(basis, run, init, frames, states)
    }

    /// The exact solution where a sampler stops, the output of the sampler, and their difference.
    ///
    /// For a sampler of the probability-flow ODE started from p_T the difference is its
    /// discretization error.
    ///
    /// # Errors
    /// As [`Sampling::sampler`].
    pub fn comparison(
        basis: &'a dyn Basis,
        run: &'a Run,
        init: &Init,
    ) -> Result<Self, SampleError> {
        let level = *run.grid.end();
        let frames = [FrameKind::Exact, FrameKind::Sampler, FrameKind::Difference]
            .map(|kind| Frame { kind, level });
        let states = vec![None, Some(run.grid.step_count()), None];
        Sampling::simulation(basis, run, init, frames.into(), states)
    }

    /// Samples of a model by a sampler, or exact ones without: those of the data, or states on the way to
    /// them. Exact states are at the levels of the setting's process, and spread over its grid.
    ///
    /// # Errors
    /// As [`Sampling::sampler`], and [`ExperimentError`] for times where there are no states.
    pub fn of(
        basis: &'a dyn Basis,
        setting: &Setting,
        run: Option<&'a Run>,
        init: &Init,
        states: &States,
    ) -> Result<Self, SampleError> {
        let Some(run) = run else {
            return Ok(match states {
                States::Output | States::Comparison => Sampling::data(basis),
                States::Spread(count) => Sampling::exact(basis, &setting.spread_over_grid(*count)?),
                States::Times(times) => Sampling::exact(basis, &setting.levels_at(times)?),
            });
        };
        let states = match states {
            States::Comparison => return Sampling::comparison(basis, run, init),
            States::Output => vec![run.grid.step_count()],
            States::Spread(count) => spread_levels(&run.grid, *count),
            States::Times(times) => nearest_levels(&run.grid, times)?,
        };
        Sampling::sampler(basis, run, init, &states)
    }

    fn simulation(
        basis: &'a dyn Basis,
        run: &'a Run,
        init: &Init,
        frames: Vec<Frame>,
        states: Vec<Option<usize>>,
    ) -> Result<Self, SampleError> {
        if let Init::Diagonal { mean, variance } = init
            && (mean.len(), variance.len()) != (basis.dim(), basis.dim())
        {
            let (mean, variance, modes) = (mean.len(), variance.len(), basis.dim());
            return Err(ExperimentError::from(InitError::Length { mean, variance, modes }).into());
        }
        let null = basis.eigenvalues().iter().filter(|l| **l == 0.0).count();
        let singular = run.plan.ops().iter().find_map(|op| match op {
            Op::Predict { kind, level, .. } if Factor::new(*kind, level).is_singular(*kind) => {
                Some((*kind, level.t))
            }
            _ => None,
        });
        if let Some((kind, t)) = singular.filter(|_| null > 0) {
            return Err(SampleError::Singular { sampler: run.sampler.clone(), kind, t, null });
        }
        let start = Start::in_basis(basis, init, run.plan.start());
        let called = Called::Exact(GaussianDenoiser::in_basis(basis));
        Ok(Sampling { basis, frames, sampler: Some(Simulation { run, start, called, states }) })
    }

    /// The same where the sampler calls another network, on data vectors. Exact samples stay as they are.
    pub fn with_network(mut self, make: &'a (dyn Fn() -> Box<dyn Denoiser + Send> + Sync)) -> Self {
        if let Some(simulation) = &mut self.sampler {
            simulation.called = Called::Trained(make);
        }
        self
    }

    /// What the data vectors of each sample are.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Samples that are best drawn at a time: as many as keep the threads busy in little memory.
    pub fn batch_size(&self) -> usize {
        (VALUES / (self.basis.dim() * self.frames.len()).max(1)).max(1)
    }

    /// Draws samples: `count` · frames · d values.
    ///
    /// # Errors
    /// [`SampleError`]
    pub fn batch(&self, draw: Draw) -> Result<Vec<f64>, SampleError> {
        let (dim, frames) = (self.basis.dim(), self.frames.len());
        let mut streams = Streams::new(draw);
        let mut noise = vec![0.0; draw.count * dim];
        streams.fill(&mut noise);
        let mut z = vec![0.0; noise.len()];
        self.basis.analyze(&noise, &mut z);
        drop(noise);

        let mut coordinates = vec![0.0; frames * z.len()];
        for (k, frame) in self.frames.iter().enumerate() {
            if frame.kind == FrameKind::Exact {
                let start = Start::in_basis(self.basis, &Init::Exact, &frame.level);
                let samples = coordinates.par_chunks_exact_mut(frames * dim);
                samples.zip(z.par_chunks_exact(dim)).for_each(|(out, z)| {
                    let out = &mut out[k * dim..][..dim];
                    out.copy_from_slice(z);
                    start.place(out);
                });
            }
        }
        if let Some(simulation) = &self.sampler {
            simulation.run((self.basis, &z), streams, frames, &mut coordinates)?;
        }
        drop(z);
        for (k, frame) in self.frames.iter().enumerate() {
            if frame.kind == FrameKind::Difference {
                coordinates.par_chunks_exact_mut(frames * dim).for_each(|sample| {
                    let (before, out) = sample.split_at_mut(k * dim);
                    let (exact, sampler) = before[(k - 2) * dim..].split_at(dim);
                    for ((out, a), b) in out.iter_mut().zip(sampler).zip(exact) {
                        *out = a - b;
                    }
                });
            }
        }

        let mut data = vec![0.0; coordinates.len()];
        self.basis.synthesize(&coordinates, &mut data);
        match (data.iter().position(|v| !v.is_finite()), &self.sampler) {
            (Some(at), Some(simulation)) => Err(SampleError::Diverged {
                sampler: simulation.run.sampler.clone(),
                sample: draw.first + (at / (frames * dim)) as u64,
            }),
            _ => Ok(data),
        }
    }
}

impl Run {
    /// What the difference of its output to the exact solution from the same noise is, in words.
    pub fn about_difference(&self, init: &Init) -> &'static str {
        match init {
            _ if self.plan.is_stochastic() => {
                "the difference is not a discretization error: the sampler adds its own noise"
            }
            Init::Exact => "the difference is the discretization error where it stops",
            _ => "the difference contains the errors of initialization and discretization",
        }
    }
}

impl Simulation<'_> {
    /// Writes the states that are kept into their places among `frames` per sample.
    fn run(
        &self,
        (basis, z): (&dyn Basis, &[f64]),
        streams: Streams,
        frames: usize,
        coordinates: &mut [f64],
    ) -> Result<(), SampleError> {
        let dim = self.start.mean.len();
        let size = paths::batch_size(dim);
        let last = self.run.grid.step_count();
        streams
            .split(size)
            .into_par_iter()
            .zip(z.par_chunks(size * dim))
            .zip(coordinates.par_chunks_mut(size * frames * dim))
            .try_for_each(|((mut streams, z), out)| {
                let mut keep = |step: usize, x: &[f64]| {
                    for k in (0..frames).filter(|k| self.states[*k] == Some(step)) {
                        for (out, x) in out.chunks_exact_mut(frames * dim).zip(x.chunks_exact(dim))
                        {
                            out[k * dim..][..dim].copy_from_slice(x);
                        }
                    }
                };
                let mut x = z.to_vec();
                x.chunks_exact_mut(dim).for_each(|x| self.start.place(x));
                let mut network: Box<dyn Denoiser + '_> = match &self.called {
                    Called::Exact(exact) => Box::new(exact.clone()),
                    Called::Trained(make) => Box::new(InBasis::new(basis, make())),
                };
                let output =
                    paths::run(&self.run.plan, &mut *network, x, &mut streams, &mut |k, _, x| {
                        keep(k, x);
                        ControlFlow::Continue(())
                    })?;
                keep(last, &output);
                Ok(())
            })
            .map_err(|source| SampleError::Denoiser { sampler: self.run.sampler.clone(), source })
    }
}

/// Which states of samples are wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum States {
    /// The last one: samples of the data, as far as the sampler makes them.
    Output,
    /// So many, evenly spread over the grid, from noise to data.
    Spread(usize),
    /// Those at some times; of a sampler, the nearest ones of its grid.
    Times(Vec<f64>),
    /// The exact solution, the sampler's output, and their difference.
    Comparison,
}

impl Setting {
    /// The levels of the process at some times, from noise to data, each once.
    fn levels_at(&self, times: &[f64]) -> Result<Vec<Level>, ExperimentError> {
        let t_max = self.process.t_max();
        if let Some(&t) = times.iter().find(|t| !(0.0..=t_max).contains(*t)) {
            return Err(ExperimentError::NoSuchTime { t, t_max });
        }
        let mut times = times.to_vec();
        times.sort_by(|a, b| b.total_cmp(a));
        times.dedup();
        Ok(times.into_iter().map(|t| self.process.level(t)).collect())
    }

    /// At most `count` levels of the rule's grid, which has as many if it has no number of its own.
    fn spread_over_grid(&self, count: usize) -> Result<Vec<Level>, ExperimentError> {
        let steps = self.rule.own_steps().unwrap_or(count.saturating_sub(1));
        let end = self.rule.own_end(&*self.process).unwrap_or(0.0);
        let grid = self.rule.grid_for(&self.spectrum, &self.process, steps, end)?;
        Ok(spread_levels(&grid, count).into_iter().map(|k| grid.levels()[k]).collect())
    }
}

/// The levels of a grid nearest to some times, by number, from noise to data, each once.
///
/// # Errors
/// [`GridError::OutOfRange`]
pub fn nearest_levels(grid: &Grid, times: &[f64]) -> Result<Vec<usize>, ExperimentError> {
    let t_max = grid.process().t_max();
    if let Some(index) = times.iter().position(|t| !(0.0..=t_max).contains(t)) {
        return Err(GridError::OutOfRange { index, t: times[index], t_max }.into());
    }
    let nearest = |t: &f64| {
        let distance = |k: &usize| (grid.levels()[*k].t - t).abs();
        (0..grid.levels().len())
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or_default()
    };
    let mut levels: Vec<usize> = times.iter().map(nearest).collect();
    levels.sort_unstable();
    levels.dedup();
    Ok(levels)
}

/// At most `count` levels of a grid, evenly spaced among them, first and last included.
pub fn spread_levels(grid: &Grid, count: usize) -> Vec<usize> {
    evenly(grid.levels().len(), count)
}
