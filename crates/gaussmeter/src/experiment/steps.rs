use super::{ExperimentError, Length, NamedSampler, Run, Setting};
use crate::exact::Init;
use crate::exact::steps::{Cancellation, contributions};
use crate::level::Level;

/// What each step of a sampler contributes to the error of its output.
#[derive(Debug)]
pub struct StepErrors {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// The sampler on its grid.
    pub run: Run,
    /// The levels that steps arrive at; the first is the start.
    pub levels: Vec<Level>,
    /// Per step, the start first, and per mode: contributions to the standard deviation and to the mean of
    /// one eigenvector, which add up over the steps (see [`crate::exact::steps`]).
    pub steps: Vec<Vec<[f64; 2]>>,
    /// Their sums over steps and eigenvectors.
    pub cancellation: Cancellation,
    /// Bands of eigenvalues, from the largest down: their lowest eigenvalue, and the modes.
    pub bands: Vec<(f64, Vec<usize>)>,
}

/// Most bands of eigenvalues.
const BANDS: usize = 4;

/// Computes the contributions of the steps of a sampler.
///
/// # Errors
/// [`ExperimentError`]: also where the law is infinite.
pub fn step_errors(
    setting: &Setting,
    sampler: &NamedSampler,
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
) -> Result<StepErrors, ExperimentError> {
    let init = setting.init(init)?;
    let run = setting.run(sampler, length, eps)?;
    let Some(steps) = contributions(&run.plan, &setting.spectrum, &init) else {
        return Err(ExperimentError::InfiniteSteps { sampler: run.sampler });
    };
    let levels = std::iter::once(*run.plan.start()).chain(run.plan.arrivals()).collect();
    let (setting, init_label) = (setting.clone(), init_label.into());
    let bands = bands(setting.spectrum.eigenvalues());
    let cancellation = Cancellation::of(&steps, &setting.spectrum);
    Ok(StepErrors { setting, init_label, run, levels, steps, cancellation, bands })
}

/// Equal ranges of ln λ, and a band of null directions.
pub(super) fn bands(eigenvalues: &[f64]) -> Vec<(f64, Vec<usize>)> {
    let positive = eigenvalues.iter().copied().filter(|l| *l > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0f64), |(a, b), l| (a.min(l), b.max(l)));
    let width = (high / low).ln() / BANDS as f64;
    let band = |lambda: f64| match lambda {
        0.0 => BANDS,
        _ if width > 0.0 => (((high / lambda).ln() / width) as usize).min(BANDS - 1),
        _ => 0,
    };
    (0..=BANDS)
        .filter_map(|b| {
            let modes: Vec<usize> =
                (0..eigenvalues.len()).filter(|&i| band(eigenvalues[i]) == b).collect();
            let lowest = eigenvalues[*modes.first()?];
            Some((lowest, modes))
        })
        .collect()
}

impl StepErrors {
    /// The contribution of a step over some modes, as a distance: √Σ m (e_std² + e_mean²).
    pub fn size(&self, step: usize, modes: impl IntoIterator<Item = usize>) -> f64 {
        let term = |m: usize| {
            let [std, mean] = self.steps[step][m];
            self.setting.spectrum.modes()[m].multiplicity * (std * std + mean * mean)
        };
        modes.into_iter().map(term).sum::<f64>().sqrt()
    }
}
