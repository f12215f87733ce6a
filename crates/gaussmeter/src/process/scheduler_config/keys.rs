//! What the keys of configurations are about.

/// What a key is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The process, or what the network predicts: honoured.
    Process,
    /// Where the times go, which `--grid` says.
    Times,
    /// The solver, which `--sampler` says.
    Solver,
    /// Changes the predicted data in a way that is not linear.
    Clip,
    /// Times or solver, without counterpart here.
    Nowhere,
    /// Nothing that exact networks and laws depend on.
    Idle,
}

/// Keys of old files that no class has any more.
pub(super) const OUT_OF_USE: &[&str] = &["tensor_format", "predict_epsilon", "timestep_values"];

/// The role of a key of a class that has a process.
pub(super) fn role(key: &str) -> Option<Role> {
    ROLES.iter().find(|(_, keys)| keys.contains(&key)).map(|(role, _)| *role)
}

pub(super) const ROLES: &[(Role, &[&str])] = &[
    (
        Role::Process,
        &[
            "num_train_timesteps",
            "beta_start",
            "beta_end",
            "beta_schedule",
            "trained_betas",
            "rescale_betas_zero_snr",
            "snr_shift_scale",
            "use_flow_sigmas",
            "prediction_type",
            "timestep_type",
            "sigma_min",
            "sigma_max",
            "sigma_data",
            "beta_min",
            "beta_max",
            "s",
            "scaler",
            "stages",
            "stage_range",
            "gamma",
            "scale_factors",
        ],
    ),
    (
        Role::Times,
        &[
            "timestep_spacing",
            "steps_offset",
            "set_alpha_to_one",
            "final_sigmas_type",
            "use_karras_sigmas",
            "use_exponential_sigmas",
            "use_beta_sigmas",
            "use_lu_lambdas",
            "interpolation_type",
            "sigma_schedule",
            "rho",
            "shift",
            "flow_shift",
            "use_dynamic_shifting",
            "shift_terminal",
            "sampling_eps",
            "original_inference_steps",
        ],
    ),
    (
        Role::Solver,
        &[
            "solver_order",
            "solver_type",
            "algorithm_type",
            "lower_order_final",
            "euler_at_final",
            "predict_x0",
            "predictor_order",
            "corrector_order",
            "skip_prk_steps",
            "eta",
            "s_churn",
            "s_min",
            "s_max",
            "s_noise",
            "variance_type",
            "stochastic_sampling",
            "scheduler_type",
        ],
    ),
    (Role::Clip, &["clip_sample", "thresholding", "clip_denoised"]),
    (
        Role::Nowhere,
        &[
            "lambda_min_clipped",
            "invert_sigmas",
            "time_shift_type",
            "base_shift",
            "max_shift",
            "base_image_seq_len",
            "max_image_seq_len",
            "final_step_size_scale",
            "schedule_mode",
            "tail_steps",
            "tail_step_multiplier",
            "disable_corrector",
            "solver_p",
            "tau_func",
            "timestep_scaling",
            "snr",
            "correct_steps",
            "noise_mode",
            "tsr_k",
            "tsr_sigma",
            "t_lim_ode",
            "t_lim_ode_below",
            "n_grid",
            "eps",
            "num_policy_substeps",
        ],
    ),
    (
        Role::Idle,
        &[
            // Of what is never done here.
            "clip_sample_range",
            "dynamic_thresholding_ratio",
            "sample_max_value",
            "noise_sampler_seed",
            "upscale_mode",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::scheduler_config::classes::{CLASSES, Family};
    use serde_json::{Map, Value};

    /// The file is the list of classes, and each key of a class with a process has one role.
    #[test]
    fn every_key_of_every_class_has_a_role() -> Result<(), Box<dyn std::error::Error>> {
        let all: Map<String, Value> = serde_json::from_str(include_str!("classes.json"))?;
        let listed: Vec<&str> = CLASSES.iter().map(|class| class.name).collect();
        let mut names: Vec<&str> = all.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, listed);
        let mut seen = std::collections::BTreeSet::new();
        for class in CLASSES {
            if matches!(class.family, Family::Refused(_)) {
                continue;
            }
            for key in all[class.name].as_object().ok_or(class.name)?.keys() {
                assert!(role(key).is_some(), "{}: {key}", class.name);
                seen.insert(key.clone());
            }
        }
        let roles: Vec<&str> = ROLES.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
        for key in &roles {
            assert!(seen.contains(*key), "{key} is of no class");
            assert_eq!(roles.iter().filter(|other| *other == key).count(), 1, "{key}");
        }
        Ok(())
    }
}
