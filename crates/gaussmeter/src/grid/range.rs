//! Rules that place noise levels σ/α between a highest and a lowest one, and how they end.

use super::{Grid, GridError, largest_sigma, time_of};
use crate::entry::{Arguments, Kind, Parameter};
use crate::process::Process;
use std::sync::Arc;

/// Where a rule starts and ends, as noise levels σ/α.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The lowest level above 0; `None` is the one at [`Process::t_min`].
    pub sigma_min: Option<f64>,
    /// The level where sampling starts; `None` is the one at T.
    pub sigma_max: Option<f64>,
    /// Where the last step goes.
    pub last: Last,
}

/// Where the last step of a rule goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Last {
    /// n levels from σ_max to σ_min, and 0: the last of n steps goes from σ_min to the data.
    #[default]
    Zero,
    /// n + 1 levels from σ_max to σ_min.
    SigmaMin,
}

impl Range {
    pub(super) fn from(a: &Arguments) -> Self {
        Range {
            sigma_min: a.number_or("sigma_min"),
            sigma_max: a.number_or("sigma_max"),
            last: match a.text("final") {
                "sigma_min" => Last::SigmaMin,
                _ => Last::Zero,
            },
        }
    }

    /// The lowest level above 0.
    pub(super) fn lowest(&self, process: &dyn Process) -> f64 {
        self.sigma_min.unwrap_or_else(|| {
            let level = process.level(process.t_min());
            level.sigma / level.alpha
        })
    }

    /// See [`GridRule::own_end`](super::GridRule::own_end).
    pub(super) fn own_end(&self, process: &dyn Process) -> Option<f64> {
        match self.last {
            Last::Zero => Some(0.0),
            Last::SigmaMin => time_of(process, self.lowest(process)),
        }
    }

    /// Number of levels above 0.
    pub(super) fn count(&self, steps: usize) -> usize {
        if self.last == Last::Zero { steps } else { steps + 1 }
    }

    /// Appends the level 0 if the last step goes there.
    pub(super) fn finish(&self, sigmas: &mut Vec<f64>) {
        if self.last == Last::Zero {
            sigmas.push(0.0);
        }
    }

    /// The grid whose levels are `place(ramp, σ_min, σ_max)` for ramps from 0 to 1.
    pub(super) fn grid(
        &self,
        process: &Arc<dyn Process>,
        steps: usize,
        eps: f64,
        place: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<Grid, GridError> {
        let sigma_max = self.sigma_max.unwrap_or_else(|| largest_sigma(&**process));
        let sigma_min = self.lowest(&**process);
        if !sigma_max.is_finite() {
            return Err(GridError::NoLargest);
        }
        let n = self.count(steps);
        let ramp = |k: usize| k as f64 / (n.max(2) - 1) as f64;
        let mut sigmas: Vec<f64> = (0..n)
            .map(|k| match k {
                0 => sigma_max,
                k if k + 1 == n => sigma_min,
                k => place(ramp(k), sigma_min, sigma_max),
            })
            .collect();
        self.finish(&mut sigmas);
        Grid::from_sigmas(process.clone(), &sigmas)?.exactly(steps, eps)
    }
}

const LEVEL: Kind = Kind::NumberOr { word: "auto" };

pub(super) const SIGMA_MIN: Parameter = Parameter {
    name: "sigma_min",
    kind: LEVEL,
    default: Some("auto"),
    summary: "lowest sigma/alpha above 0; auto: 0.002 on edm, training timestep 0 on vp-discrete, elsewhere the level at T/1000 (ve: 1e-5)",
};

pub(super) const SIGMA_MAX: Parameter = Parameter {
    name: "sigma_max",
    kind: LEVEL,
    default: Some("auto"),
    summary: "highest sigma/alpha; auto: the level at T",
};

pub(super) const FINAL: Parameter = Parameter {
    name: "final",
    kind: Kind::Choice(&["zero", "sigma_min"]),
    default: Some("zero"),
    summary: "zero: n levels, then a last step to 0; sigma_min: n + 1 levels, the last one sigma_min",
};
