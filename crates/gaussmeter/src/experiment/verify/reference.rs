//! Fine solutions of the probability-flow ODE, which rules without noise are compared with.

use super::Job;
use crate::experiment::fine::fine_plan;
use crate::experiment::{ExperimentError, Place};
use crate::level::Level;
use crate::tape::Plan;

/// A fine solution of the probability-flow ODE: Heun's rule in three lengths, of which the longer two are extrapolated
/// (Richardson) from every start where differences fall as they should.
#[derive(Clone, Debug, PartialEq)]
pub struct FineSolution {
    /// Text form of the process.
    pub process: String,
    /// The level it starts from.
    pub start: Level,
    /// The level it ends at.
    pub end: Level,
    /// Root mean square distance of the solution with all steps to that with half as many, neither extrapolated.
    pub halved: f64,
    /// The same along the eigenvectors of each band.
    pub halved_bands: Vec<f64>,
    /// Its own error (root mean square), as far as the three lengths tell.
    pub error: f64,
    /// Share of the starts that reach the same group with half as many steps; `None` without groups.
    pub same_group: Option<f64>,
}

/// The lengths of a fine solution: all steps, a half and a quarter of them.
pub const LENGTHS: [usize; 3] = [1, 2, 4];

/// Differences of solutions fall to a quarter with twice the steps; where they do not fall to this, nothing is
/// extrapolated.
const FALL: f64 = 0.5;

/// What configurations that begin and end at the same levels are compared with.
pub struct FineJob {
    pub process: String,
    /// By [`LENGTHS`].
    pub plans: [Plan; 3],
    /// Intervals of the smooth part of each.
    intervals: [f64; 3],
}

/// A fine solution from every start.
pub struct Extrapolated {
    /// The states.
    pub states: Vec<f64>,
    /// The squares of their own errors.
    pub errors: Vec<f64>,
}

impl FineJob {
    pub fn all(
        places: &[Place],
        jobs: &[&Job],
        steps: usize,
    ) -> Result<Vec<Self>, ExperimentError> {
        let mut all: Vec<FineJob> = Vec::new();
        for job in jobs {
            let setting = &places[job.place].setting;
            let process = setting.process_label.clone();
            if all.iter().any(|fine| fine.is_for(job, places)) {
                continue;
            }
            let (start, end) = (job.run.plan.start(), job.run.plan.end());
            let plan = |part: usize| {
                fine_plan(job.run.grid.process(), start, &end, steps / part, ("edm", &[]))
            };
            let [full, half, quarter] = LENGTHS.map(plan);
            // The last step to no noise is beside the others.
            let to_zero = start.noise_ratio().is_finite() && end.noise_ratio() == 0.0;
            let intervals = LENGTHS.map(|part| (steps / part - usize::from(to_zero)).max(1) as f64);
            all.push(FineJob { process, plans: [full?, half?, quarter?], intervals });
        }
        Ok(all)
    }

    pub fn start(&self) -> &Level {
        self.plans[0].start()
    }

    pub fn end(&self) -> Level {
        self.plans[0].end()
    }

    pub fn is_for(&self, job: &Job, places: &[Place]) -> bool {
        let plan = &job.run.plan;
        plan.start() == self.start()
            && plan.end() == self.end()
            && places[job.place].setting.process_label == self.process
    }

    /// From the states of the three lengths: errors of Heun's rule are c h² + O(h³), of which the first is taken away
    /// from the two longer ones. What is left differs between these by what tells the rest.
    pub fn extrapolated(&self, dim: usize, [full, half, quarter]: [&[f64]; 3]) -> Extrapolated {
        let [long, short] =
            [0, 1].map(|k| self.intervals[k] / self.intervals[k + 1]).map(|r| r.max(1.0));
        let [of_long, of_short] = [long, short].map(|r| (r * r - 1.0).recip());
        let of_rest = (long.powi(3) - 1.0).recip();
        let mut found = Extrapolated { states: Vec::with_capacity(full.len()), errors: Vec::new() };
        let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let each = full.chunks(dim).zip(half.chunks(dim)).zip(quarter.chunks(dim));
        for ((full, half), quarter) in each {
            let longer = square(&mut full.iter().zip(half).map(|(a, b)| a - b));
            let shorter = square(&mut half.iter().zip(quarter).map(|(a, b)| a - b));
            // Not so where squares are not finite.
            if longer <= FALL * FALL * shorter && of_long.is_finite() && of_short.is_finite() {
                let best = full.iter().zip(half).map(|(a, b)| a + of_long * (a - b));
                let second = half.iter().zip(quarter).map(|(a, b)| a + of_short * (a - b));
                found.errors.push(
                    of_rest * of_rest * square(&mut best.clone().zip(second).map(|(a, b)| a - b)),
                );
                found.states.extend(best);
            } else {
                let own = if longer == 0.0 { 0.0 } else { of_long * of_long * longer };
                found.errors.push(if own.is_nan() { f64::INFINITY } else { own });
                found.states.extend(full);
            }
        }
        found
    }
}
