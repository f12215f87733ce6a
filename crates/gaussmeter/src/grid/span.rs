//! What rules that depend on the data share: their modes, and the range of noise ratios.

use super::range::{FINAL, Last, Range};
use super::{Grid, GridError, largest_sigma, time_of};
use crate::entry::{Kind, Parameter};
use crate::process::Process;
use crate::spectrum::Spectrum;
use crate::spectrum::condensed;
use std::sync::Arc;

/// Most distinct eigenvalues a rule looks at: level densities are smooth in ln λ.
const MODES: usize = 256;

/// What a rule knows about the data.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Data {
    /// Multiplicities and eigenvalues above 0, in ascending order of the latter.
    pub modes: Vec<[f64; 2]>,
    /// Number of eigenvectors with eigenvalue 0.
    pub null: f64,
}

impl Data {
    /// The modes of a spectrum; larger spectra are binned with equal width in ln λ.
    pub(super) fn new(spectrum: &Spectrum) -> Self {
        let small = condensed(spectrum, MODES).ok().flatten();
        let modes = small.as_ref().unwrap_or(spectrum).modes();
        let positive = modes.iter().filter(|m| m.eigenvalue > 0.0);
        let modes = positive.map(|m| [m.multiplicity, m.eigenvalue]).collect();
        Data { modes, null: spectrum.null_dim() }
    }

    /// The modes; an error if there are none.
    pub(super) fn with_variance(spectrum: &Spectrum) -> Result<Self, GridError> {
        let data = Data::new(spectrum);
        if data.modes.is_empty() { Err(GridError::NoVariance) } else { Ok(data) }
    }

    /// Σ multiplicity · term(λ) over the positive eigenvalues.
    pub(super) fn sum(&self, term: impl Fn(f64) -> f64) -> f64 {
        self.modes.iter().map(|[n, lambda]| n * term(*lambda)).sum()
    }
}

/// A range of noise ratios s = σ/α and the number of levels to place in it, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    /// Where sampling starts; infinite where no signal is left.
    pub high: f64,
    /// The last level.
    pub low: f64,
    /// Number of levels.
    pub count: usize,
    /// Whether one more step goes from the last level to 0.
    pub then_zero: bool,
}

impl Range {
    /// The grid whose levels are placed between σ_max and 0, or σ_min if there is one: for
    /// [`Last::Zero`] with a σ_min, one more step goes from there to 0.
    pub(super) fn along(
        &self,
        process: &Arc<dyn Process>,
        steps: usize,
        eps: f64,
        place: impl FnOnce(Span) -> Result<Vec<f64>, GridError>,
    ) -> Result<Grid, GridError> {
        let low = match (self.sigma_min, self.last) {
            (Some(low), _) => low,
            (None, Last::Zero) => 0.0,
            (None, Last::SigmaMin) => lowest(&**process),
        };
        self.between(process, steps, eps, low, place)
    }

    /// The grid whose levels are placed between σ_max and σ_min, as for Karras et al.
    pub(super) fn above(
        &self,
        process: &Arc<dyn Process>,
        steps: usize,
        eps: f64,
        place: impl FnOnce(Span) -> Result<Vec<f64>, GridError>,
    ) -> Result<Grid, GridError> {
        let low = self.sigma_min.unwrap_or_else(|| lowest(&**process));
        self.between(process, steps, eps, low, place)
    }

    fn between(
        &self,
        process: &Arc<dyn Process>,
        steps: usize,
        eps: f64,
        low: f64,
        place: impl FnOnce(Span) -> Result<Vec<f64>, GridError>,
    ) -> Result<Grid, GridError> {
        let high = self.sigma_max.unwrap_or_else(|| largest_sigma(&**process));
        let then_zero = self.last == Last::Zero && low > 0.0;
        let count = if then_zero { steps } else { steps + 1 };
        if steps == 0 {
            return Err(GridError::TooShort { points: 1 });
        }
        if low >= high {
            return Err(GridError::SigmasNotDecreasing { index: 0, sigma: high, next: low });
        }
        let mut sigmas = match count {
            1 => vec![high],
            2 => vec![high, low],
            _ => place(Span { high, low, count, then_zero })?,
        };
        if then_zero {
            sigmas.push(0.0);
        }
        let index = sigmas.iter().position(|s| s.is_infinite());
        if index.is_none() {
            return Grid::from_sigmas(process.clone(), &sigmas)?.exactly(steps, eps);
        }
        // No signal is left at the start, so it is identified by its time alone.
        let largest = largest_sigma(&**process);
        let time = |(index, &sigma): (usize, &f64)| match (index, largest.is_infinite()) {
            (0, true) => Ok(process.t_max()),
            _ => time_of(&**process, sigma).ok_or(GridError::NoLevel { index, sigma, largest }),
        };
        let times: Vec<f64> = sigmas.iter().enumerate().map(time).collect::<Result<_, _>>()?;
        Grid::new(process.clone(), &times)?.exactly(steps, eps)
    }
}

/// The lowest noise ratio at which networks of a process are evaluated.
pub(super) fn lowest(process: &dyn Process) -> f64 {
    process.level(process.t_min()).noise_ratio()
}

pub(super) const SIGMA_MIN: Parameter = Parameter {
    name: "sigma_min",
    kind: Kind::NumberOr { word: "auto" },
    default: Some("auto"),
    summary: "lowest sigma/alpha above 0; auto: none with final=zero, otherwise as for karras",
};

pub(super) const TO_DATA: Parameter = Parameter {
    summary: "zero: n + 1 levels, the last one 0, or with sigma_min=… n levels, then 0; sigma_min: n + 1 levels, the last one sigma_min",
    ..FINAL
};
