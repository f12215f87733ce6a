use crate::entry::Refused;

/// Samplers and options that look at the data. What runs here is a linear program with coefficients
/// that depend only on the grid: that is why laws are exact.
pub(super) const REFUSED: &[Refused] = &[
    Refused::Members {
        names: &["dpm-adaptive", "dpm_adaptive", "sample_dpm_adaptive", "rk45", "dopri5"],
        reason: "it chooses its steps from the state, so its output is not linear in the noise and has no exact law: use a sampler on a fixed grid",
    },
    Refused::Members {
        names: &["ScoreSdeVeScheduler"],
        reason: "its corrector takes its step size from the norms of score and noise, which is not linear in the state: use pc, whose corrector's step size depends on the noise level, or ei, the predictor alone (correct_steps=0); its process is ve",
    },
    Refused::Parameters {
        names: &["snr"],
        reason: "this rule takes its step size from the norms of score and noise, which is not linear in the state: give a step size relative to the noise level",
    },
    Refused::Parameters {
        names: &["clip_sample", "clip_sample_range", "clip_denoised", "use_clipped_model_output"],
        reason: "clipping the predicted data is not linear in the state, so there is no exact law: gaussmeter never clips",
    },
    Refused::Parameters {
        names: &["thresholding", "dynamic_thresholding_ratio", "sample_max_value"],
        reason: "dynamic thresholding takes a quantile of the predicted data, which is not linear in the state, so there is no exact law: gaussmeter never does it",
    },
];
