//! What outputs of samplers are measured by: distances to fine solutions, and moments.

use super::moments::{Coordinates, Moments, PER_DIMENSION, Shares, root_mean};
use super::{Band, Checked, Distances, ExperimentError, Found, InBand, Job};
use crate::basis::Basis;
use crate::exact::continuous::ODE;
use crate::exact::{Init, Law, Output, Target};
use crate::law::{DataLaw, Groups};
use crate::level::Level;
use crate::metric::{wasserstein2, wasserstein2_terms};
use crate::spectrum::{Mode, Spectrum};

/// What outputs are measured by.
pub struct Measured<'a> {
    pub dim: usize,
    pub law: Option<&'a dyn DataLaw>,
    /// Whether samplers call the network of the law.
    pub is_exact: bool,
    pub groups: &'a Groups,
    pub basis: Option<&'a dyn Basis>,
    pub bands: &'a [Band],
}

/// Squared distances per start, of the whole and along the eigenvectors of each band.
pub struct Squares {
    pub whole: Vec<f64>,
    pub bands: Vec<Vec<f64>>,
}

impl Measured<'_> {
    pub fn classes(&self, x: &[f64], level: &Level) -> Option<Vec<usize>> {
        let law = self.law.filter(|_| !self.groups.members.is_empty())?;
        Some(law.classes(x, level))
    }

    pub fn squares(&self, a: &[f64], b: &[f64]) -> Squares {
        let dim = self.dim;
        let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let square = |v: f64| v * v;
        // States that have overflown.
        let finite = |sum: f64| if sum.is_nan() { f64::INFINITY } else { sum };
        let whole = difference.chunks(dim).map(|x| finite(x.iter().map(|v| square(*v)).sum()));
        let whole = whole.collect();
        let Some(basis) = self.basis else { return Squares { whole, bands: Vec::new() } };
        let mut along = vec![0.0; difference.len()];
        basis.analyze(&difference, &mut along);
        let of_band = |band: &Band| {
            let own = |x: &[f64]| finite(band.coordinates.iter().map(|j| square(x[*j])).sum());
            along.chunks(dim).map(own).collect()
        };
        Squares { whole, bands: self.bands.iter().map(of_band).collect() }
    }

    /// What a rule without noise makes of the starts, beside what the Gaussian predicts of it.
    pub fn distances(
        &self,
        job: &Job,
        data: &Spectrum,
        (reference, squares): (usize, &Squares),
        same_group: Option<f64>,
    ) -> Checked {
        let plan = &job.run.plan;
        let output = Output::of(plan, data);
        let (start, end) = (plan.start(), plan.end());
        let variance = start_std(start).powi(2);
        let (alpha_start, alpha_end) = (start.marginal().alpha, end.marginal().alpha);
        // Both are linear maps of the same starts, which have mean 0.
        let gaussian = |i: usize, mode: &Mode| {
            let exact = ODE.propagator(mode.eigenvalue, start, &end);
            let gain = output.gain[i] - exact;
            let of_mean = output.mean_gain.get(i).copied().unwrap_or(0.0);
            let shift = match mode.mean {
                0.0 => 0.0,
                mean => (of_mean - (alpha_end - exact * alpha_start)) * mean,
            };
            mode.multiplicity * (gain * gain * variance + shift * shift)
        };
        let among = |modes: &mut dyn Iterator<Item = usize>| {
            modes.map(|i| gaussian(i, &data.modes()[i])).sum::<f64>().sqrt()
        };
        let in_band = |(band, squares): (&Band, &Vec<f64>)| {
            let (found, standard_error) = root_mean(squares);
            InBand { found, standard_error, gaussian: among(&mut band.modes.iter().copied()) }
        };
        let (rms, standard_error) = root_mean(&squares.whole);
        let found = Found::Distances(Distances {
            reference,
            rms,
            standard_error,
            median: median(&squares.whole),
            squares: squares.whole.clone(),
            same_group,
            gaussian_rms: among(&mut (0..data.modes().len())),
            exact_w2: self
                .law
                .filter(|_| self.is_exact)
                .and_then(|law| law.wasserstein2(plan, &START)),
            bands: self.bands.iter().zip(&squares.bands).map(in_band).collect(),
        });
        let w2 = wasserstein2(&law_of(&output)).total;
        Checked { steps: job.run.grid.step_count(), nfe: plan.nfe(), found, w2 }
    }

    /// What a rule with noise makes of the law, beside what the Gaussian predicts of it.
    pub fn moments(
        &self,
        job: &Job,
        data: &Spectrum,
        x: &[f64],
    ) -> Result<Checked, ExperimentError> {
        let plan = &job.run.plan;
        let law = law_of(&Output::of(plan, data));
        let Some(basis) = self.basis else {
            return Err(ExperimentError::NoBasis { sampler: job.run.sampler.clone() });
        };
        let samples = x.len() / basis.dim();
        let coordinates = Coordinates::of(basis, x);
        let in_band = |band: &Band| {
            let term = |i: usize| {
                let (mean, covariance) = wasserstein2_terms(&law.modes[i]);
                law.modes[i].multiplicity * (mean + covariance)
            };
            let predicted: f64 = band.modes.iter().map(|i| term(*i)).sum();
            let found =
                coordinates.as_ref().map(|c| c.along(basis, band.coordinates.iter().copied()));
            InBand {
                found: found.map_or(f64::INFINITY, |e| e.value()),
                standard_error: found.map_or(f64::INFINITY, |e| e.standard_error()),
                gaussian: predicted.sqrt(),
            }
        };
        let bands: Vec<InBand> = self.bands.iter().map(in_band).collect();
        let found = match &coordinates {
            None => Moments::infinite(samples, bands),
            Some(c) => {
                let full = match samples >= PER_DIMENSION * basis.dim() {
                    true => c.full(basis).map_err(|e| ExperimentError::Law(e.to_string()))?,
                    false => None,
                };
                let shares = self.law.filter(|_| !self.groups.members.is_empty()).map(|law| {
                    let weights: Vec<f64> = self.groups.members.iter().map(|g| g.weight).collect();
                    let shares = law.shares(x, &told_at(&plan.end(), data));
                    Shares::new(&shares, &weights, samples)
                });
                Moments { samples, along: c.along(basis, 0..basis.dim()), full, bands, shares }
            }
        };
        let w2 = wasserstein2(&law).total;
        let found = Found::Moments(found);
        Ok(Checked { steps: job.run.grid.step_count(), nfe: plan.nfe(), found, w2 })
    }
}

/// The level at which outputs are told apart: that of their end, with as much noise at least as groups without
/// variance along some direction need for it, relative to the standard deviation of the data. It is the same for all
/// samplers.
pub fn told_at(end: &Level, data: &Spectrum) -> Level {
    const LEAST: f64 = 1e-3;
    let variance = |m: &Mode| m.multiplicity * m.eigenvalue;
    let trace: f64 = data.modes().iter().map(variance).sum();
    let least = LEAST * end.marginal().alpha * (trace / data.dim()).sqrt();
    Level { sigma: end.sigma.max(least), ..*end }
}

/// Where all samplers begin.
const START: Init = Init::Normal { std: None };

/// From N(0, σ²), against the data.
fn law_of(output: &Output) -> Law {
    output.law(&START, Target::Data)
}

/// The deviation of pure noise at the level where a plan begins.
pub fn start_std(start: &Level) -> f64 {
    let mode = Mode { eigenvalue: 0.0, multiplicity: 1.0, mean: 0.0 };
    START.moments(start, 0, &mode).1.sqrt()
}

pub fn share(a: Option<&[usize]>, b: Option<&[usize]>) -> Option<f64> {
    let (a, b) = (a?, b?);
    Some(a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64)
}

fn median(squares: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = squares.iter().map(|q| q.sqrt()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    0.5 * (sorted[(n - 1) / 2] + sorted[n / 2])
}
