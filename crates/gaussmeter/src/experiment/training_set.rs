use super::{ExperimentError, Length, NamedSampler, Run, Setting};
use crate::exact::Init;
use crate::exact::training_set::{Expected, expected};
use crate::metric::Wasserstein2;
use crate::network::TrainingSet;
use crate::watch::Watch;

/// What a sampler does with the exact network of a finite training set.
#[derive(Debug)]
pub struct TrainingSetErrors {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// The initial law.
    pub init_label: String,
    /// The sampler on its grid.
    pub run: Run,
    /// Number of samples.
    pub samples: usize,
    /// The errors.
    pub errors: OfTrainingSet,
}

/// The errors of a training set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OfTrainingSet {
    /// Expected over all training sets.
    Expected(Expected),
    /// Of one that is drawn.
    Drawn {
        /// W2 of the output to the data.
        w2: Wasserstein2,
        /// W2 of the continuous solution with its network, from p_T to eps, to p_eps.
        score: Wasserstein2,
    },
}

/// Evaluates one configuration with the network of a finite training set. One that is drawn takes dense
/// matrices, and the feature `dense`.
///
/// # Errors
/// [`ExperimentError`]
pub fn training_set_errors(
    setting: &Setting,
    set: TrainingSet,
    sampler: &NamedSampler,
    length: Length,
    eps: f64,
    (init_label, init): (&str, &Init),
    watch: Watch,
) -> Result<TrainingSetErrors, ExperimentError> {
    let init = setting.init(init)?;
    let run = setting.run(sampler, length, eps)?;
    let errors = match set.draw {
        None => {
            let of = expected(&run.plan, &setting.spectrum, &init, set.samples);
            OfTrainingSet::Expected(of.map_err(ExperimentError::Expected)?)
        }
        Some(seed) => drawn(setting, &run, &init, (set.samples, seed), watch)?,
    };
    let (setting, init_label) = (setting.clone(), init_label.to_string());
    Ok(TrainingSetErrors { setting, init_label, run, samples: set.samples, errors })
}

#[cfg(feature = "dense")]
fn drawn(
    setting: &Setting,
    run: &Run,
    init: &Init,
    set: (usize, u64),
    watch: Watch,
) -> Result<OfTrainingSet, ExperimentError> {
    use crate::exact::training_set::{DrawError, Drawn, drawn};
    let (_, reverse) = run.continuous();
    let Drawn { w2, score } = drawn(&run.plan, &reverse, &setting.spectrum, init, set, watch)
        .map_err(|error| match error {
            DrawError::Interrupted => ExperimentError::Interrupted,
            error => ExperimentError::Drawn(error.to_string()),
        })?;
    Ok(OfTrainingSet::Drawn { w2, score })
}

#[cfg(not(feature = "dense"))]
fn drawn(
    _: &Setting,
    _: &Run,
    _: &Init,
    _: (usize, u64),
    _: Watch,
) -> Result<OfTrainingSet, ExperimentError> {
    let reason = "drawn training sets need dense matrices, which this build is without";
    Err(ExperimentError::Drawn(reason.into()))
}
