use super::{ExperimentError, Length, NamedSampler, Run, Setting};
use crate::exact::{Init, Law, LawMode, Target};
use crate::metric::wasserstein2_terms;
use crate::watch::Watch;
use rayon::prelude::*;

/// The error of samplers per eigenvalue: how it depends on the data.
#[derive(Debug)]
pub struct ModeErrors {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// Each sampler on its grid, with the law of its output.
    pub runs: Vec<(Run, Law)>,
}

/// Computes the laws of several samplers on the same data.
///
/// # Errors
/// [`ExperimentError`]
pub fn mode_errors(
    setting: &Setting,
    samplers: &[NamedSampler],
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
    watch: Watch,
) -> Result<ModeErrors, ExperimentError> {
    if samplers.is_empty() {
        return Err(ExperimentError::Empty { what: "sampler" });
    }
    let init = setting.init(init)?;
    let learnt = setting.learnt(&init)?;
    let runs = samplers
        .par_iter()
        .map(|sampler| {
            let run = setting.run_watched(sampler, length, eps, watch)?;
            let law = run.law(&learnt, &init, Target::Data)?;
            Ok((run, law))
        })
        .collect::<Result<_, ExperimentError>>()?;
    Ok(ModeErrors { setting: setting.clone(), init_label: init_label.into(), runs })
}

/// What a mode adds to W2², multiplicity included.
pub(crate) fn contribution(mode: &LawMode) -> f64 {
    let (mean, covariance) = wasserstein2_terms(mode);
    mode.multiplicity * (mean + covariance)
}

/// √v/√λ − 1: relative error of the standard deviation; infinite where only λ is 0.
pub(crate) fn std_error(m: &LawMode) -> f64 {
    match (m.variance, m.target_variance) {
        (v, l) if v == l => 0.0,
        (v, l) => (v / l).sqrt() - 1.0,
    }
}
