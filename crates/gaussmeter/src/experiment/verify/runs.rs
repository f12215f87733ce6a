//! Running plans on real vectors, with networks that are made per thread, and what they are compared with.

use crate::experiment::ExperimentError;
use crate::level::Level;
use crate::network::{Denoiser, DenoiserError};
use crate::paths::{self, Draw, NoiseSource, Streams};
use crate::tape::Plan;
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Starts that run together: one product of matrices per class.
const BATCH: usize = 64;

/// Makes networks.
pub(in crate::experiment) type Make<'a> = dyn Fn() -> Box<dyn Denoiser + Send> + Sync + 'a;

/// Networks, of which every thread has its own.
pub(in crate::experiment) struct Networks<'a> {
    make: &'a Make<'a>,
    dim: usize,
    idle: Mutex<Vec<Box<dyn Denoiser + Send>>>,
}

impl<'a> Networks<'a> {
    pub fn new(make: &'a Make<'a>) -> Self {
        let first = make();
        Networks { make, dim: first.dim(), idle: Mutex::new(vec![first]) }
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn with<T>(&self, f: impl FnOnce(&mut dyn Denoiser) -> T) -> T {
        let lock = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = lock().pop();
        let mut own = idle.unwrap_or_else(|| (self.make)());
        let result = f(&mut *own);
        lock().push(own);
        result
    }
}

/// The starts of all configurations, in batches of one size: what is computed does not depend on the
/// number of threads.
pub(in crate::experiment) struct Runs<'a> {
    pub networks: Networks<'a>,
    pub seed: u64,
    pub watch: Watch<'a>,
}

impl Runs<'_> {
    /// Runs a number of starts through each plan.
    pub fn all(
        &self,
        what: &str,
        plans: &[&Plan],
        count: usize,
    ) -> Vec<Result<Vec<f64>, ExperimentError>> {
        let draw = |first: usize| Draw {
            seed: self.seed,
            first: first as u64,
            count: BATCH.min(count - first),
        };
        let batches: Vec<Draw> = (0..count).step_by(BATCH).map(draw).collect();
        let steps: u64 = plans.iter().map(|p| p.steps() as u64).sum();
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
        let mut stopped = self.watch.is_stopped();
        if stopped {
            return Err(ExperimentError::Interrupted);
        }
        let mut streams = Streams::new(draw);
        let mut x = vec![0.0; draw.count * self.networks.dim()];
        streams.fill(&mut x);
        let std = super::measured::start_std(plan.start());
        x.iter_mut().for_each(|z| *z *= std);
        let mut on_arrival = |step: usize, _: &Level, _: &[f64]| {
            stopped |= step > 0 && !tell();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ran = self
            .networks
            .with(|network| paths::run(plan, network, x, &mut streams, &mut on_arrival));
        match (ran, stopped) {
            (_, true) => Err(ExperimentError::Interrupted),
            (Ok(x), false) => Ok(x),
            (Err(error), false) => Err(network_error(&error)),
        }
    }
}

/// With all that it comes from.
pub(in crate::experiment) fn network_error(error: &DenoiserError) -> ExperimentError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    ExperimentError::Evaluation { sampler: "the fine solution".into(), reason }
}
