use super::{ExperimentError, Length, NamedSampler, Run, Setting};
use crate::exact::steps::{Cancellation, contributions_watched};
use crate::exact::{Init, Output};
use crate::level::Level;
use crate::network::Learnt;
use crate::spectrum::Mode;
use crate::watch::Watch;

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
    /// The modes: those of the data, or of the class that samples are guided to.
    pub modes: Vec<Mode>,
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
    watch: Watch,
) -> Result<StepErrors, ExperimentError> {
    let init = setting.init(init)?;
    let network = setting.learnt(&init)?;
    let run = setting.run_watched(sampler, length, eps, watch)?;
    step_errors_of(setting, run, &network, (init_label, &init), watch)
}

/// The contributions of the steps of a run; `init` has the values of the process filled in.
pub(super) fn step_errors_of(
    setting: &Setting,
    run: Run,
    network: &Learnt,
    (init_label, init): (&str, &Init),
    watch: Watch,
) -> Result<StepErrors, ExperimentError> {
    Output::by(network, &run.plan)?;
    let Some(steps) = contributions_watched(&run.plan, network, init, watch) else {
        if watch.is_stopped() {
            return Err(ExperimentError::Interrupted);
        }
        return Err(ExperimentError::InfiniteSteps { sampler: run.sampler });
    };
    let levels = std::iter::once(*run.plan.start()).chain(run.plan.arrivals()).collect();
    let (setting, init_label) = (setting.clone(), init_label.into());
    let modes = network.truth().to_vec();
    let bands = bands(&modes.iter().map(|m| m.eigenvalue).collect::<Vec<f64>>());
    let cancellation = Cancellation::of(&steps, network);
    Ok(StepErrors { setting, init_label, run, levels, steps, modes, cancellation, bands })
}

/// Equal ranges of ln λ, and a band of null directions.
pub(crate) fn bands(eigenvalues: &[f64]) -> Vec<(f64, Vec<usize>)> {
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
            let lowest = modes.iter().map(|&i| eigenvalues[i]).reduce(f64::min)?;
            Some((lowest, modes))
        })
        .collect()
}

impl StepErrors {
    /// The contribution of a step over some modes, as a distance: √Σ m (e_std² + e_mean²).
    pub fn size(&self, step: usize, modes: impl IntoIterator<Item = usize>) -> f64 {
        let term = |m: usize| {
            let [std, mean] = self.steps[step][m];
            self.modes[m].multiplicity * (std * std + mean * mean)
        };
        modes.into_iter().map(term).sum::<f64>().sqrt()
    }
}
