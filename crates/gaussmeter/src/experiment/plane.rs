//! A Gaussian in the plane: what samplers do to it, to look at.

use super::{ExperimentError, Length, NamedSampler, Run, Setting, error_budget};
use crate::exact::continuous::Reverse;
use crate::exact::{Init, Law, LawMode, Target, along_by};
use crate::level::Level;
use crate::metric::wasserstein2;
use crate::network::{GaussianDenoiser, Learnt, Network};
use crate::numeric::evenly;
use crate::paths::{Draw, NoiseSource, Start, Streams, sample_batch};
use crate::spectrum::{Spectrum, SpectrumError};
use std::ops::ControlFlow;
use std::sync::Arc;
use thiserror::Error;

/// A Gaussian law in the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneLaw {
    /// Its mean.
    pub mean: [f64; 2],
    /// Standard deviations along its axes, as vectors.
    pub axes: [[f64; 2]; 2],
}

/// Data in the plane: N(mean, covariance).
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneData {
    /// The spectrum, with the mean in the eigenbasis.
    pub spectrum: Arc<Spectrum>,
    /// Orthonormal eigenvectors.
    vectors: [[f64; 2]; 2],
    /// Eigenvalue and mean along each of them.
    along: [(f64, f64); 2],
}

/// Data that are none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlaneError {
    /// Not a number.
    #[error("covariance and mean in the plane are finite numbers")]
    Infinite,
    /// A direction has a negative variance.
    #[error(
        "covariance {xx}, {xy}, {yy}: not a covariance, because |xy| is larger than sqrt(xx yy) or a variance is negative"
    )]
    Indefinite {
        /// Variance of the first coordinate.
        xx: f64,
        /// Covariance of both.
        xy: f64,
        /// Variance of the second.
        yy: f64,
    },
    /// Without any variance.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
}

impl PlaneData {
    /// N(mean, [[xx, xy], [xy, yy]]).
    ///
    /// # Errors
    /// [`PlaneError`]
    pub fn new([xx, xy, yy]: [f64; 3], mean: [f64; 2]) -> Result<Self, PlaneError> {
        if [xx, xy, yy, mean[0], mean[1]].iter().any(|v| !v.is_finite()) {
            return Err(PlaneError::Infinite);
        }
        if xx < 0.0 || yy < 0.0 || xy * xy > xx * yy * (1.0 + 1e-12) {
            return Err(PlaneError::Indefinite { xx, xy, yy });
        }
        let half = (xx - yy) / 2.0;
        let radius = half.hypot(xy);
        let high = (xx + yy) / 2.0 + radius;
        // det/high has no cancellation.
        let low = if high > 0.0 { ((xx * yy - xy * xy) / high).max(0.0) } else { 0.0 };
        let angle = xy.atan2(half) / 2.0;
        let vectors = [[angle.cos(), angle.sin()], [-angle.sin(), angle.cos()]];
        let dot = |v: [f64; 2]| v[0] * mean[0] + v[1] * mean[1];
        let along = [(high, dot(vectors[0])), (low, dot(vectors[1]))];
        let means = along.map(|(_, mean)| mean);
        let provenance = format!("N(({}, {}), [[{xx}, {xy}], [{xy}, {yy}]])", mean[0], mean[1]);
        let spectrum = Spectrum::new("plane", provenance, &[high, low], None, Some(&means))?;
        Ok(PlaneData { spectrum: spectrum.into(), vectors, along })
    }

    /// Of a law per eigenvalue, its own or what it should be.
    fn law(&self, law: &Law, of: impl Fn(&LawMode) -> (f64, f64)) -> PlaneLaw {
        let known = self.spectrum.modes();
        let found = self.along.map(|(eigenvalue, mean)| {
            // Modes are merged and sorted.
            let off = |i: &usize| {
                (known[*i].eigenvalue - eigenvalue).abs() + (known[*i].mean - mean).abs()
            };
            let at = (0..known.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0);
            of(&law.modes[at])
        });
        let place = |c: usize| (0..2).map(|k| found[k].0 * self.vectors[k][c]).sum();
        let axis = |k: usize| self.vectors[k].map(|v| v * found[k].1.sqrt());
        PlaneLaw { mean: [place(0), place(1)], axes: [axis(0), axis(1)] }
    }

    fn own(&self, law: &Law) -> PlaneLaw {
        self.law(law, |m| (m.mean, m.variance))
    }

    fn target(&self, law: &Law) -> PlaneLaw {
        self.law(law, |m| (m.mean - m.mean_error, m.target_variance))
    }

    /// From coordinates along the eigenvectors.
    fn point(&self, along: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|c| along[0] * self.vectors[0][c] + along[1] * self.vectors[1][c])
    }
}

/// A process on its way from noise to data.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanePanel {
    /// `SDE`, `ODE` or the label of a sampler.
    pub name: String,
    /// Whether it is a continuous solution.
    pub is_exact: bool,
    /// Some levels on the way, noisiest first: t, the law there, and p_t.
    pub states: Vec<(f64, PlaneLaw, PlaneLaw)>,
    /// Samples along the way.
    pub paths: Vec<Vec<[f64; 2]>>,
    /// W2 from the last law to p_eps.
    pub w2: f64,
}

/// One source of error, the others switched off.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneSource {
    /// `initialization`, `truncation`, `discretization` or `score`.
    pub name: &'static str,
    /// The law that comes out.
    pub law: PlaneLaw,
    /// The law that should come out: of the data, or p_eps.
    pub target: PlaneLaw,
    /// W2 between them.
    pub w2: f64,
}

/// What samplers do in the plane.
#[derive(Debug)]
pub struct Plane {
    /// Process, grid rule, and the network whose error is shown.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// Where sampling stops.
    pub eps: f64,
    /// Per sampler: the continuous solution that it approximates, and the sampler.
    pub panels: Vec<[PlanePanel; 2]>,
    /// Per sampler: its label, and the four errors.
    pub sources: Vec<(String, Vec<PlaneSource>)>,
}

/// What of it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneView {
    /// Laws and samples on their way.
    Paths,
    /// Sources of error, each alone.
    Errors,
}

/// Parts of a step of the grid in which continuous paths are drawn.
const PARTS: usize = 16;

/// Ellipses that are drawn of a process.
const STATES: usize = 5;

/// Runs samplers in the plane. Paths are those of the exact network; sources of error take that of the
/// setting.
///
/// # Errors
/// [`ExperimentError`]
pub fn plane(
    data: &PlaneData,
    setting: &Setting,
    samplers: &[NamedSampler],
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
    draw: Draw,
) -> Result<Plane, ExperimentError> {
    if samplers.is_empty() {
        return Err(ExperimentError::Empty { what: "sampler" });
    }
    let init = setting.init(init)?;
    let exact = Setting { network: Network::default(), ..setting.clone() };
    let learnt = exact.learnt(&init)?;
    let (mut panels, mut sources) = (Vec::new(), Vec::new());
    for sampler in samplers {
        let run = exact.run(sampler, length, eps)?;
        let (name, reverse) = run.continuous();
        let continuous = continuous(data, &exact, &run, &name.to_uppercase(), reverse, &init, draw);
        panels.push([continuous, discrete(data, &learnt, &run, &init, draw)?]);
        let run = setting.run(sampler, length, eps)?;
        sources.push((run.sampler.clone(), errors(data, setting, sampler, &run, &init)?));
    }
    let init_label = init_label.into();
    Ok(Plane { setting: setting.clone(), init_label, eps, panels, sources })
}

fn continuous(
    data: &PlaneData,
    setting: &Setting,
    run: &Run,
    name: &str,
    reverse: Reverse,
    init: &Init,
    draw: Draw,
) -> PlanePanel {
    let (start, levels) = (run.grid.start(), run.grid.levels());
    let law = |to: &Level| reverse.law(&data.spectrum, start, to, init, Target::Marginal);
    let shown = evenly(levels.len(), STATES);
    let states = shown.iter().map(|&k| {
        let law = law(&levels[k]);
        (levels[k].t, data.own(&law), data.target(&law))
    });
    let part = |w: &[Level]| {
        let (from, to) = (w[0].t, w[1].t);
        let between = move |k: usize| from + (to - from) * (k as f64 / PARTS as f64);
        (1..=PARTS).map(between).collect::<Vec<f64>>()
    };
    let times: Vec<Level> = std::iter::once(*start)
        .chain(levels.windows(2).flat_map(part).map(|t| setting.process.level(t)))
        .collect();
    let mut paths = vec![vec![[0.0; 2]; times.len()]; draw.count];
    for (c, (eigenvalue, mean)) in data.along.into_iter().enumerate() {
        let mut streams = Streams::new(coordinate(draw, c));
        let mut x = vec![0.0; draw.count];
        streams.fill(&mut x);
        start_of(eigenvalue, mean, init, start).place(&mut x);
        for (path, x) in paths.iter_mut().zip(&x) {
            path[0][c] = *x;
        }
        let mut z = vec![0.0; draw.count];
        for (k, w) in times.windows(2).enumerate() {
            streams.fill(&mut z);
            let (from, to) = (&w[0], &w[1]);
            let gain = reverse.propagator(eigenvalue, from, to);
            let noise = reverse.noise_variance(eigenvalue, from, to).sqrt();
            for ((path, x), z) in paths.iter_mut().zip(&mut x).zip(&z) {
                *x = to.alpha * mean + gain * (*x - from.alpha * mean) + noise * z;
                path[k + 1][c] = *x;
            }
        }
    }
    PlanePanel {
        name: name.into(),
        is_exact: true,
        states: states.collect(),
        paths: placed(data, paths),
        w2: wasserstein2(&law(run.grid.end())).total,
    }
}

fn discrete(
    data: &PlaneData,
    learnt: &Learnt,
    run: &Run,
    init: &Init,
    draw: Draw,
) -> Result<PlanePanel, ExperimentError> {
    let laws: Vec<(f64, Law)> = along_by(learnt, &run.plan, |state| {
        (state.level.t, state.law_against(learnt.truth(), init, Target::Marginal))
    })?;
    let shown = evenly(laws.len(), STATES);
    let states = shown.iter().map(|&k| (laws[k].0, data.own(&laws[k].1), data.target(&laws[k].1)));
    let mut paths = vec![Vec::new(); draw.count];
    for (c, (eigenvalue, mean)) in data.along.into_iter().enumerate() {
        let alone = Spectrum::new("one", "one direction", &[eigenvalue], None, Some(&[mean]));
        let alone = alone.map_err(|error| ExperimentError::Law(error.to_string()))?;
        let start = start_of(eigenvalue, mean, init, run.plan.start());
        let mut step = 0;
        let mut keep = |_: usize, _: &Level, x: &[f64]| {
            for (path, x) in paths.iter_mut().zip(x) {
                if path.len() <= step {
                    path.push([0.0; 2]);
                }
                path[step][c] = *x;
            }
            step += 1;
            ControlFlow::Continue(())
        };
        let mut network = GaussianDenoiser::per_mode(&alone);
        sample_batch(&run.plan, &mut network, &start, coordinate(draw, c), &mut keep)
            .map_err(|error| ExperimentError::Law(error.to_string()))?;
    }
    Ok(PlanePanel {
        name: run.sampler.clone(),
        is_exact: false,
        states: states.collect(),
        paths: placed(data, paths),
        w2: laws.last().map_or(0.0, |(_, law)| wasserstein2(law).total),
    })
}

fn errors(
    data: &PlaneData,
    setting: &Setting,
    sampler: &NamedSampler,
    run: &Run,
    init: &Init,
) -> Result<Vec<PlaneSource>, ExperimentError> {
    let budget = error_budget(setting, sampler, run, init)?;
    let learnt = setting.learnt(&Init::Exact)?;
    let (_, reverse) = run.continuous();
    let (start, end, zero) = (run.grid.start(), run.grid.end(), setting.process.level(0.0));
    let spectrum = &data.spectrum;
    let exact = Learnt::exact(spectrum);
    let sampled = run.law(&exact, &Init::Exact, Target::Marginal)?;
    let laws = [
        (
            "initialization",
            reverse.law(spectrum, start, &zero, init, Target::Data),
            budget.initialization.value,
        ),
        (
            "truncation",
            reverse.law(spectrum, start, end, &Init::Exact, Target::Data),
            budget.truncation.value,
        ),
        ("discretization", sampled, budget.discretization_at_eps.value),
        (
            "score",
            reverse.law_by(&learnt, start, end, &Init::Exact, Target::Marginal),
            budget.score.map_or(0.0, |value| value.value),
        ),
    ];
    let source = |(name, law, w2): (&'static str, Law, f64)| PlaneSource {
        name,
        law: data.own(&law),
        target: data.target(&law),
        w2,
    };
    Ok(laws.into_iter().map(source).collect())
}

/// Coordinates are independent: each has streams of its own, which sampler and continuous solution start
/// from alike.
fn coordinate(draw: Draw, c: usize) -> Draw {
    Draw { first: draw.first + ((c as u64) << 32), ..draw }
}

fn start_of(eigenvalue: f64, mean: f64, init: &Init, level: &Level) -> Start {
    let mode = crate::spectrum::Mode { eigenvalue, multiplicity: 1.0, mean };
    let (mean, variance) = init.moments(level, 0, &mode);
    Start { mean: vec![mean], std: vec![variance.sqrt()] }
}

fn placed(data: &PlaneData, paths: Vec<Vec<[f64; 2]>>) -> Vec<Vec<[f64; 2]>> {
    paths.into_iter().map(|path| path.into_iter().map(|p| data.point(p)).collect()).collect()
}
