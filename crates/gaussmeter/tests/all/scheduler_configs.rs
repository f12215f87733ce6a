//! Scheduler configurations of diffusers: every class with its defaults, those of published models,
//! and what is refused.
//!
//! Levels in fixtures/scheduler_configs.json are of diffusers 0.42.1: `alphas_cumprod` at some
//! timesteps, the first and the last level above 0 of `set_timesteps(8)` (40 for consistency models), or the formulas of its
//! `step`, where it has no tables.

use gaussmeter::prelude::*;
use gaussmeter::process::{self, from_scheduler_config, scheduler_classes};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/scheduler_configs.json")).unwrap()
}

fn build(config: &str) -> Box<dyn Process> {
    from_scheduler_config(config.as_bytes()).unwrap_or_else(|e| panic!("{config}: {e}"))
}

fn error(config: &str) -> String {
    from_scheduler_config(config.as_bytes()).unwrap_err().to_string()
}

fn configured(class: &str, keys: &str) -> String {
    format!("{{\"_class_name\": \"{class}\"{}{keys}}}", if keys.is_empty() { "" } else { ", " })
}

/// The levels of a process are those that diffusers has.
fn check(name: &str, process: &dyn Process, case: &Value) {
    let axis = case["at"].as_str().unwrap();
    for row in case["levels"].as_array().unwrap() {
        let [at, alpha, sigma] = [0, 1, 2].map(|k| row[k].as_f64().unwrap());
        let t = match axis {
            "timestep" => at + 1.0,
            "ends" if at == 0.0 => process.t_max(),
            "ends" => process.t_min(),
            "top" => process.t_max(),
            _ => at,
        };
        let level = process.level(t);
        // Tables of diffusers are cumulative products in single precision.
        let near = |a: f64, b: f64, bound: f64| (a - b).abs() <= bound * f64::max(1.0, b.abs());
        // Its zero is a number here, which the notices say.
        let is_zero = axis == "timestep" && alpha == 0.0;
        let bound = if is_zero { 2.5e-4 } else { 1e-5 };
        assert!(near(level.alpha, alpha, bound), "{name} at {at}: {level:?}, not {alpha}");
        assert!(near(level.sigma, sigma, 1e-5), "{name} at {at}: {level:?}, not {sigma}");
        let says_so = process.notices().iter().any(|n| n.contains("2^-24"));
        assert_eq!(says_so, is_zero || says_so, "{name}: {:?}", process.notices());
    }
    if axis == "flow" {
        assert_eq!((process.t_max(), process.prior_std()), (1.0, 1.0), "{name}");
    }
}

#[test]
fn published_configurations_have_the_levels_of_diffusers() {
    let fixture = fixture();
    for case in fixture["published"].as_array().unwrap() {
        let (name, config) = (case["model"].as_str().unwrap(), case["config"].to_string());
        let process = build(&config);
        check(name, &*process, case);
        let class = case["config"]["_class_name"].as_str().unwrap();
        assert!(process.notices()[0].starts_with(class), "{name}: {:?}", process.notices());
        assert!(process.notices()[0].contains("--grid and --sampler"), "{name}");
    }
}

/// No class is forgotten: each has the levels of diffusers for its defaults, or is refused by name.
#[test]
fn every_class_has_its_own_defaults_or_a_reason() {
    let fixture = fixture();
    let cases = fixture["defaults"].as_array().unwrap();
    let (mut with, mut without) = (0, 0);
    for (class, process) in scheduler_classes() {
        let config = match class {
            "RFD4ProteinaScheduler" => configured(
                class,
                r#""schedule_mode": "log", "noise_mode": "1/t", "tsr_k": 1.2, "tsr_sigma": 0.5"#,
            ),
            class if class.starts_with("Helios") => configured(class, r#""stages": 1"#),
            class => configured(class, ""),
        };
        let case = cases.iter().find(|case| case["class"] == class);
        if process.is_none() {
            assert!(
                error(&config).starts_with(&format!("{class}: it masks or replaces")),
                "{class}"
            );
            without += 1;
            continue;
        }
        let process = build(&config);
        match case {
            Some(case) => check(class, &*process, case),
            // Without tables of their own: flows whose networks or stages are special.
            None => assert_eq!(process.level(0.25), Flow.level(0.25), "{class}"),
        }
        with += 1;
    }
    assert_eq!((with, without), (46, 5));
    assert_eq!(cases.len(), 43);
}

/// What was read as betas before: each is its own process.
#[test]
fn levels_start_where_they_should() {
    for (class, keys, t_max, prior) in [
        ("EDMEulerScheduler", r#""sigma_max": 100"#, 100.0, 100f64.hypot(1.0)),
        ("CosineDPMSolverMultistepScheduler", "", 500.0, 500f64.hypot(1.0)),
        ("KarrasVeScheduler", "", 100.0, 100.0),
        ("CMStochasticIterativeScheduler", "", 80.0, 80.0),
        ("ScoreSdeVeScheduler", "", 1.0, 1348.0),
        ("ScoreSdeVpScheduler", "", 1.0, 1.0),
        ("SCMScheduler", "", std::f64::consts::FRAC_PI_2, 0.5),
        ("LTXEulerAncestralRFScheduler", "", 1.0, 1.0),
        ("IPNDMScheduler", "", 1.0, 1.0),
        ("ConsistencyDecoderScheduler", "", 1024.0, 1.0),
    ] {
        let process = build(&configured(class, keys));
        assert_eq!((process.t_max(), process.prior_std()), (t_max, prior), "{class}");
    }
    let stable_audio = build(&configured("CosineDPMSolverMultistepScheduler", ""));
    assert_eq!(stable_audio.t_min(), 0.3);
    let cascade = build(&configured("DDPMWuerstchenScheduler", ""));
    assert!((cascade.level(cascade.t_max()).alpha - 0.01).abs() < 1e-12);
    assert!((cascade.level(cascade.t_min()).alpha.powi(2) - 0.9999).abs() < 1e-12);
}

/// The text form in the first notice makes the same process.
#[test]
fn the_first_notice_says_the_process() {
    let published = fixture();
    let configs =
        published["published"].as_array().unwrap().iter().map(|c| c["config"].to_string());
    let mut checked = 0;
    for config in configs {
        let ours = build(&config);
        let first = &ours.notices()[0];
        let Some((_, text)) = first.split_once("is --process ") else { continue };
        let text = text.split(';').next().unwrap();
        let other = process::registry().build(text).unwrap_or_else(|e| panic!("{text}: {e}")).item;
        assert_eq!((ours.t_max(), ours.t_min()), (other.t_max(), other.t_min()), "{text}");
        assert_eq!(ours.prior_std(), other.prior_std(), "{text}");
        for share in [0.1, 0.5, 0.9, 1.0] {
            let [a, b] = [&ours, &other].map(|p| p.level(share * p.t_max()));
            assert_eq!(a, b, "{text}");
        }
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn keys_that_change_the_process_do() {
    let level = |class: &str, keys: &str| build(&configured(class, keys)).level(500.0);
    for (class, keys) in [
        ("CogVideoXDDIMScheduler", r#""snr_shift_scale": 1.0"#),
        ("DDIMScheduler", r#""beta_end": 0.03"#),
        ("DDIMScheduler", r#""beta_start": 0.001"#),
        ("DDIMScheduler", r#""beta_schedule": "squaredcos_cap_v2""#),
        ("CogVideoXDDIMScheduler", r#""rescale_betas_zero_snr": true"#),
    ] {
        assert_ne!(level(class, ""), level(class, keys), "{class} {keys}");
    }
    // Of another class: ignored, as diffusers does, and said.
    let keys = r#""rescale_betas_zero_snr": true, "skip_prk_steps": false"#;
    let heun = build(&configured("HeunDiscreteScheduler", keys));
    assert_eq!(heun.level(500.0), level("HeunDiscreteScheduler", ""));
    assert_eq!(
        heun.notices()[1],
        "HeunDiscreteScheduler has no rescale_betas_zero_snr=true: ignored, as diffusers does"
    );
}

/// SVD: continuous timesteps from σ = 700; with other keys the levels are elsewhere.
#[test]
fn continuous_timesteps_start_at_sigma_max() {
    let with = |keys: &str| {
        let common = r#""beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "sigma_min": 0.002"#;
        configured("EulerDiscreteScheduler", &format!("{common}, {keys}"))
    };
    let svd =
        r#""sigma_max": 700.0, "timestep_type": "continuous", "prediction_type": "v_prediction""#;
    for spaced in ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"] {
        let process = build(&with(&format!("{svd}, \"{spaced}\": true")));
        assert_eq!((process.t_max(), process.t_min()), (700.0, 0.002), "{spaced}");
        assert_eq!(process.prior_std(), 700.0, "{spaced}");
        // Euler counts the variance of data to its start with leading timesteps only.
        let leading = format!("{svd}, \"{spaced}\": true, \"timestep_spacing\": \"leading\"");
        assert_eq!(build(&with(&leading)).prior_std(), 700f64.hypot(1.0), "{spaced}");
    }
    let plain = build(&with(svd));
    assert_eq!(plain.t_max(), 1000.0);
    assert!(plain.notices()[1].contains("reads sigma_min and sigma_max with use_karras_sigmas"));
    let discrete = error(&with(r#""sigma_max": 700.0, "use_karras_sigmas": true"#));
    assert!(discrete.contains("is above the highest level of its betas, 14.6146"), "{discrete}");
    let inside = build(&with(r#""sigma_max": 10.0, "use_karras_sigmas": true"#));
    assert!(inside.notices()[0].contains("--grid karras:sigma_min=0.002,sigma_max=10"));
    // Read by the conversions of other classes, too, which have no such keys.
    let config = r#""use_karras_sigmas": true, "sigma_max": 700.0"#;
    assert!(error(&configured("DPMSolverMultistepScheduler", config)).contains("sigma_max = 700"));
}

#[test]
fn times_solver_and_clipping_are_said() {
    for (class, keys, says) in [
        ("DDIMScheduler", "", "--grid timesteps, --sampler ddim"),
        (
            "DDIMScheduler",
            r#""set_alpha_to_one": false, "steps_offset": 1"#,
            "--grid timesteps:offset=1,final=sigma_min (with set_alpha_to_one=false, steps_offset=1)",
        ),
        ("DDIMScheduler", "", "clip_sample = true changes predicted data"),
        ("DDPMScheduler", r#""thresholding": true"#, "clip_sample and thresholding = true"),
        (
            "DDPMScheduler",
            r#""variance_type": "learned_range""#,
            "--sampler none here (variance_type",
        ),
        (
            "DPMSolverMultistepScheduler",
            r#""use_lu_lambdas": true"#,
            "--grid exponential (with use_lu_lambdas=true)",
        ),
        (
            "DPMSolverMultistepScheduler",
            r#""solver_type": "heun""#,
            "--sampler dpmpp-2m:solver=heun,lower_order_final=under15",
        ),
        (
            "DPMSolverMultistepScheduler",
            r#""algorithm_type": "sde-dpmsolver++", "solver_order": 3"#,
            "dpmpp-3m:eta=1,variant=diffusers,lower_order_final=under15",
        ),
        ("DPMSolverMultistepScheduler", r#""lambda_min_clipped": -5.1"#, "lambda_min_clipped=-5.1"),
        (
            "EulerDiscreteScheduler",
            r#""interpolation_type": "log_linear""#,
            "--grid exponential:final=sigma_min",
        ),
        ("EulerDiscreteScheduler", r#""use_beta_sigmas": true"#, "--grid beta:variant=diffusers"),
        (
            "EulerDiscreteScheduler",
            r#""timestep_spacing": "trailing""#,
            "--grid timesteps:spacing=trailing,family=euler",
        ),
        (
            "FlowMatchEulerDiscreteScheduler",
            r#""shift": 3.0"#,
            "--grid flow-shift:base=shifted,shift=3",
        ),
        (
            "FlowMatchEulerDiscreteScheduler",
            r#""use_dynamic_shifting": true, "shift_terminal": 0.1"#,
            "--grid flow-shift:mu=…,terminal=0.1",
        ),
        (
            "FlowMatchEulerDiscreteScheduler",
            r#""invert_sigmas": true"#,
            "levels of the file are 1 - u",
        ),
        ("FlowMatchEulerDiscreteScheduler", r#""stochastic_sampling": true"#, "--sampler lcm"),
        (
            "UniPCMultistepScheduler",
            r#""use_flow_sigmas": true, "flow_shift": 3.0, "prediction_type": "flow_prediction""#,
            "--grid flow-shift:base=unipc,shift=3",
        ),
        ("PNDMScheduler", "", "--sampler pndm"),
        ("PNDMScheduler", r#""skip_prk_steps": true"#, "--sampler plms"),
        ("KarrasVeScheduler", "", "edm:s_churn=80,s_min=0.05,s_max=50,s_noise=1.007"),
        ("KarrasVeScheduler", "", "takes the squares of its levels for levels, from 10000"),
        ("ScoreSdeVpScheduler", "", "--grid uniform with --eps 0.001, --sampler em"),
        (
            "CogVideoXDDIMScheduler",
            r#""rescale_betas_zero_snr": true, "prediction_type": "v_prediction""#,
            "where it is 2^-24",
        ),
        (
            "DDIMScheduler",
            r#""beta_strat": 0.1"#,
            "no scheduler of diffusers has the key 'beta_strat': ignored, as there (did you mean 'beta_start'?)",
        ),
    ] {
        let process = build(&configured(class, keys));
        let all = process.notices().join("\n").replace(", none here", ", --sampler none here");
        assert!(all.contains(says), "{class} {keys}: {all}");
    }
}

/// Zero terminal signal-to-noise ratio with a network that predicts noise.
#[test]
fn noise_prediction_at_zero_snr_is_warned_of() {
    let warns = |process: &dyn Process| {
        process
            .notices()
            .iter()
            .filter(|n| n.contains("zero terminal signal-to-noise ratio"))
            .count()
    };
    let (mut warned, mut not_warned) = (0, 0);
    for (class, _) in scheduler_classes() {
        for predicts in ["epsilon", "v_prediction", "sample"] {
            let keys =
                format!(r#""rescale_betas_zero_snr": true, "prediction_type": "{predicts}""#);
            let Ok(process) = from_scheduler_config(configured(class, &keys).as_bytes()) else {
                continue;
            };
            let first = build(&configured(class, ""));
            let has_key = process.t_max() == first.t_max()
                && process.level(process.t_max()) != first.level(first.t_max());
            let expected = usize::from(has_key && predicts == "epsilon");
            assert_eq!(warns(&*process), expected, "{class} {predicts}: {:?}", process.notices());
            *if expected == 1 { &mut warned } else { &mut not_warned } += 1;
            // Where alpha_bar is 0 in diffusers, it divides by it.
            if expected == 1 && class.starts_with("DDIM") {
                assert!(process.notices().iter().any(|n| n.contains("inf or NaN")), "{class}");
            }
        }
    }
    assert!(warned >= 4 && not_warned >= 95, "{warned} {not_warned}");
    for (text, expected) in [
        ("vp-discrete", 0),
        ("vp-discrete:zero_snr=yes", 1),
        ("vp-discrete:zero_snr=yes,conditioning=round", 1),
        ("vp-discrete:zero_snr=yes,network=v", 0),
        ("vp-discrete:zero_snr=yes,network=x0", 0),
        ("vp-discrete:zero_snr=yes,network=v,conditioning=round", 0),
    ] {
        let process = process::registry().build(text).unwrap().item;
        assert_eq!(warns(&*process), expected, "{text}");
    }
}

#[test]
fn what_is_no_process_is_refused_by_name() {
    for (config, words) in [
        ("[]", "not a scheduler_config.json: "),
        ("{}", "it has no '_class_name'"),
        (r#"{"beta_start": 0.1}"#, "it has no '_class_name'"),
        (r#"{"_class_name": 3}"#, "it has no '_class_name'"),
        (
            r#"{"_class_name": "UNet2DModel"}"#,
            "'UNet2DModel' is no scheduler of diffusers 0.42.1; a model's is in the file scheduler/scheduler_config.json",
        ),
        (r#"{"_class_name": "StableDiffusionPipeline"}"#, "a model's is in the file"),
        (r#"{"_class_name": "DDIMSchedular"}"#, "did you mean 'DDIMScheduler'?"),
        (
            r#"{"_class_name": "FlaxDDIMScheduler"}"#,
            "diffusers has no Flax any more: name DDIMScheduler",
        ),
        (r#"{"_class_name": "VQDiffusionScheduler"}"#, "discrete tokens"),
        (r#"{"_class_name": "HeliosScheduler"}"#, "only stages=1 is one process"),
        (
            r#"{"_class_name": "RFD4ProteinaScheduler"}"#,
            "RFD4ProteinaScheduler needs 'schedule_mode'",
        ),
        (r#"{"_class_name": "IPNDMScheduler", "trained_betas": [0.1]}"#, "not a process"),
        (r#"{"_class_name": "DDPMWuerstchenScheduler", "scaler": 0.5}"#, "infinite speed"),
        (
            r#"{"_class_name": "DDIMScheduler", "prediction_type": "flow"}"#,
            "unknown prediction_type \"flow\"",
        ),
        (
            r#"{"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction"}"#,
            "needs use_flow_sigmas=true",
        ),
        (
            r#"{"_class_name": "UniPCMultistepScheduler", "shift_terminal": 0.1}"#,
            "needs use_flow_sigmas=true",
        ),
        (
            r#"{"_class_name": "LMSDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true}"#,
            "are both true",
        ),
        (
            r#"{"_class_name": "LMSDiscreteScheduler", "use_karras_sigmas": "yes"}"#,
            "'use_karras_sigmas' is not true or false",
        ),
        (
            r#"{"_class_name": "DDIMScheduler", "beta_schedule": "sigmoid"}"#,
            "unknown beta_schedule \"sigmoid\" (known: linear, scaled_linear, squaredcos_cap_v2)",
        ),
        (
            r#"{"_class_name": "UnCLIPScheduler", "beta_schedule": "linear"}"#,
            "(known: squaredcos_cap_v2)",
        ),
        (
            r#"{"_class_name": "EDMEulerScheduler", "sigma_max": 0}"#,
            "'sigma_max' is not a positive number",
        ),
        (r#"{"_class_name": "EDMEulerScheduler", "sigma_max": 0.001}"#, "is not below sigma_max"),
        (
            r#"{"_class_name": "EDMEulerScheduler", "sigma_max": Infinity}"#,
            "'sigma_max' is not a number",
        ),
        (r#"{"_class_name": "SCMScheduler", "prediction_type": "epsilon"}"#, "(known: trigflow)"),
        (
            r#"{"_class_name": "FlowMatchLCMScheduler", "scale_factors": [1, 2]}"#,
            "changes the resolution",
        ),
    ] {
        let message = error(config);
        assert!(message.contains(words), "{config}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

/// As Python writes it: bare infinities, also in strings.
#[test]
fn python_json_is_read() {
    let process = build(
        "\u{feff}{\"_class_name\": \"DPMSolverMultistepScheduler\", \"lambda_min_clipped\": -Infinity, \"_a\": \"NaN \\\" -Infinity\", \"_b\": NaN}",
    );
    assert_eq!((process.t_max(), process.notices().len()), (1000.0, 1));
}

/// The table of the documentation is the list of classes.
#[test]
fn documentation_lists_every_class() {
    let text = include_str!("../../../../docs/scheduler-configs.md");
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("Scheduler |")).collect();
    let expected: Vec<String> = scheduler_classes()
        .map(|(class, process)| format!("| {class} | {} |", process.unwrap_or("refused")))
        .collect();
    assert_eq!(rows, expected);
}
