use super::minimise::{Minimum, minimise, slope};
use super::objective::{Objective, Share};
use super::space::Space;
use crate::exact::Init;
use crate::exact::gradient::{Differentiable, Expansion};
use crate::grid::Grid;
use crate::sampler::{Sampler, SamplerError};
use crate::spectrum::{Mode, Spectrum};
use rayon::prelude::*;

/// What is minimised: an objective of a sampler's output on a spectrum, over the schedules of a space.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// The data.
    pub spectrum: &'a Spectrum,
    /// The sampler.
    pub sampler: &'a dyn Sampler,
    /// The law that sampling starts from; `Normal { std: None }` follows the level of a free start.
    pub init: &'a Init,
    /// What is minimised.
    pub objective: &'a dyn Objective,
    /// The schedules.
    pub space: &'a Space,
}

/// Where one start led.
#[derive(Clone, Debug)]
pub struct Descent {
    /// Objective at the start.
    pub before: f64,
    /// Objective at the end.
    pub after: f64,
    /// Parameters at the end.
    pub parameters: Vec<f64>,
    /// How far the conditions of first order are from holding there: the largest cosine of the angle
    /// between the residuals and what a parameter changes in them.
    pub slope: f64,
    /// Number of values and gradients computed.
    pub evaluations: usize,
}

/// Slopes below this are as good as zero.
const TOLERANCE: f64 = 1e-10;

impl Problem<'_> {
    /// The objective on a grid.
    ///
    /// # Errors
    /// [`SamplerError`]
    pub fn value(&self, grid: &Grid) -> Result<f64, SamplerError> {
        let plan = Differentiable::new(self.sampler, grid, 0..0)?;
        Ok(plan.expand(self.spectrum, self.init, &self.shares()).value)
    }

    fn shares(&self) -> impl Fn(usize, &Mode, f64, f64) -> Share {
        |index, mode, std, mean| self.objective.share(index, mode, std, mean)
    }

    /// The objective, and its derivatives by the parameters of the space; infinite where there is no
    /// grid or no sampler.
    pub fn expand(&self, q: &[f64]) -> Expansion {
        let n = q.len();
        let nowhere = || Expansion {
            value: f64::INFINITY,
            gradient: vec![0.0; n],
            curvature: vec![0.0; n * n],
        };
        let Ok(grid) = self.space.grid(q) else { return nowhere() };
        let Ok(plan) = Differentiable::new(self.sampler, &grid, self.space.free()) else {
            return nowhere();
        };
        let by_time = plan.expand(self.spectrum, self.init, &self.shares());
        if !by_time.value.is_finite() {
            return nowhere();
        }
        let rows = self.space.jacobian(q, &grid);
        let (m, mut result) = (rows.len(), nowhere());
        result.value = by_time.value;
        for (row, slope) in rows.iter().zip(&by_time.gradient) {
            for (g, d) in result.gradient.iter_mut().zip(row) {
                *g += slope * d;
            }
        }
        // JᵀHJ
        for (k, row) in rows.iter().enumerate() {
            let weights = &by_time.curvature[k * m..][..m];
            let mut product = vec![0.0; n];
            for (other, weight) in rows.iter().zip(weights) {
                for (p, d) in product.iter_mut().zip(other) {
                    *p += weight * d;
                }
            }
            for (i, d) in row.iter().enumerate() {
                for (j, p) in product.iter().enumerate() {
                    result.curvature[i * n + j] += d * p;
                }
            }
        }
        result
    }

    /// Descends from one schedule.
    pub fn descend(&self, start: &Grid, most: usize) -> Descent {
        let (q, bounds) = (self.space.parameters(start), self.space.bounds());
        let before = self.expand(&q).value;
        let Minimum { parameters, at, evaluations } =
            minimise(&|q| self.expand(q), &q, &bounds, TOLERANCE, most);
        let slope = slope(&at, &parameters, &bounds);
        Descent { before, after: at.value, parameters, slope, evaluations }
    }

    /// Descends from every schedule, in parallel, in order.
    pub fn descend_all(&self, starts: &[Grid], most: usize) -> Vec<Descent> {
        starts.par_iter().map(|start| self.descend(start, most)).collect()
    }
}
