//! What the libraries that people use compute, case by case: the recordings in
//! `../shared/golden/samplers` of k-diffusion, EDM, ComfyUI and diffusers with an exact Gaussian
//! denoiser, and a few of them beside this file, for checkouts without that folder.

use gaussmeter::prelude::*;
use gaussmeter::sampler;
use gaussmeter_testkit::{read_json, shared};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A recorded file, how its cases are written here, and how many of them are covered.
type File = (&'static str, fn(&Case) -> Option<String>, usize);

/// One recorded run of a library.
struct Case<'a>(&'a Value);

impl Case<'_> {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }
    fn is(&self, variant: &str) -> bool {
        self.0["variant"] == variant
    }
    fn variant(&self) -> &str {
        self.0["variant"].as_str().unwrap()
    }
    /// A keyword argument of the call, if it was given: in `kwargs` or `step_kwargs`.
    fn given(&self, key: &str) -> Option<f64> {
        ["kwargs", "step_kwargs"].iter().find_map(|k| self.0[*k].get(key)?.as_f64())
    }
    fn numbers(&self, key: &str) -> Vec<f64> {
        numbers(&self.0[key])
    }
    /// Noise ratios at the nodes: the recorded list; where a library has none, the ratios at the
    /// evaluations, one a step, and at the output.
    fn nodes(&self) -> Vec<f64> {
        let ratio = |pair: &Value| {
            let pair = numbers(pair);
            pair[1] / pair[0]
        };
        let given = |key, default| self.given(key).unwrap_or(default);
        let discretization = self.0["kwargs"]["discretization"].as_str().unwrap_or("edm");
        if self.0["fn"] == "ablation_sampler" && discretization != "edm" && self.is_churned() {
            // Discretization vp, the only other one with churn: uniform in the time of its schedule.
            assert_eq!(discretization, "vp");
            let steps = self.0["num_steps"].as_f64().unwrap();
            let time = |i: u32| 1.0 + f64::from(i) / (steps - 1.0) * (1e-3 - 1.0);
            let node = |t: f64| (9.95 * t * t + 0.1 * t).exp_m1().sqrt();
            return (0..steps as u32).map(|i| node(time(i))).chain([0.0]).collect();
        }
        if self.0["fn"] == "ablation_sampler" && !self.is_churned() {
            let stages = if self.0["kwargs"]["solver"] == "euler" { 1 } else { 2 };
            let evaluations = self.0["evals_alpha_sigma"].as_array().unwrap().iter();
            return evaluations.step_by(stages).map(ratio).chain([0.0]).collect();
        }
        if self.0["fn"] == "edm_sampler" || self.0["fn"] == "ablation_sampler" {
            let (low, high) = (given("sigma_min", 0.002), given("sigma_max", 80.0));
            let (rho, last) = (given("rho", 7.0), self.0["num_steps"].as_f64().unwrap() - 1.0);
            let (from, to) = (high.powf(1.0 / rho), low.powf(1.0 / rho));
            let node = |i| (from + f64::from(i) / last * (to - from)).powf(rho);
            return (0..=last as u32).map(node).chain([0.0]).collect();
        }
        if self.0["sigmas"].is_array() {
            let mut nodes = self.numbers("sigmas");
            // Two-stage schedulers of diffusers list the inner nodes twice.
            nodes.dedup();
            if self.is_flow() {
                // ComfyUI starts SDE samplers a little below u = 1.
                nodes[0] = nodes[0].min(numbers(&self.0["evals_alpha_sigma"][0])[1]);
            }
            return nodes;
        }
        let evaluations = self.0["evals_alpha_sigma"].as_array().unwrap().iter();
        evaluations.chain([&self.0["output_alpha_sigma"]]).map(ratio).collect()
    }
    fn is_churned(&self) -> bool {
        self.given("S_churn").is_some()
    }
    fn is_flow(&self) -> bool {
        self.0["state_space"].as_str().is_some_and(|s| s.starts_with("flow"))
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

/// `name` with the parameters that the call gave, by their names there and here.
fn call(name: &str, case: &Case, keys: &[(&str, &str)]) -> Option<String> {
    let given: Vec<String> = keys
        .iter()
        .filter_map(|(theirs, ours)| Some(format!("{ours}={:?}", case.given(theirs)?)))
        .collect();
    Some(format!("{name}:{}", given.join(",")))
}

/// The multistep schedulers of diffusers, by their configuration.
fn multistep(c: &Case) -> Option<String> {
    let word = |key: &str, default| c.0["config"][key].as_str().unwrap_or(default).to_string();
    let sde = match word("algorithm_type", "dpmsolver++").as_str() {
        "dpmsolver++" => "",
        "sde-dpmsolver++" => "-sde",
        _ => return None,
    };
    let order = c.0["config"]["solver_order"].as_u64().unwrap_or(2);
    let flag = |key: &str, default| c.0["config"][key].as_bool().unwrap_or(default);
    let last = match (flag("euler_at_final", false), flag("lower_order_final", true)) {
        (true, _) => "always",
        (_, true) => "under15",
        _ => "no",
    };
    let solver = word("solver_type", "midpoint");
    match order {
        1 if sde.is_empty() => Some("ddim".into()),
        1 => Some("euler-ancestral".into()),
        2 => Some(format!("dpmpp-2m{sde}:solver={solver},lower_order_final={last}")),
        // With noise, diffusers has a sign wrong (SAMPLERS.md, 5.1).
        3 if sde.is_empty() => {
            let last = if last == "no" { "no" } else { "under15" };
            Some(format!("dpmpp-3m:second={solver},lower_order_final={last}"))
        }
        _ => None,
    }
}

/// The 2M samplers of k-diffusion.
fn two_step(c: &Case) -> Option<String> {
    let text = call("dpmpp-2m-sde", c, &[("eta", "eta")])?;
    let comma = if text.ends_with(':') { "" } else { "," };
    let solver = c.0["kwargs"]["solver_type"].as_str().unwrap_or("midpoint");
    Some(format!("{text}{comma}solver={solver}"))
}

/// Churn by the names of EDM and of k-diffusion.
const CHURN: &[(&str, &str)] = &[
    ("S_churn", "s_churn"),
    ("S_min", "s_min"),
    ("S_max", "s_max"),
    ("S_noise", "s_noise"),
    ("s_churn", "s_churn"),
    ("s_tmin", "s_min"),
    ("s_tmax", "s_max"),
    ("s_noise", "s_noise"),
];

/// DPM++ SDE with the noises of the recording.
fn brownian(c: &Case) -> Option<String> {
    let text = call("dpmpp-sde", c, &[("eta", "eta"), ("r", "r")])?;
    let comma = if text.ends_with(':') { "" } else { "," };
    Some(format!("{text}{comma}noise={}", c.0["noise_model"].as_str()?))
}

/// LMS of the order in the variant's name.
fn call_lms(c: &Case, last: &str) -> Option<String> {
    let order = if c.is("order2") { 2 } else { 4 };
    Some(format!("lms:order={order},final={last}"))
}

/// The ablation sampler of EDM: its schedule vp has the range of noise levels of its grid.
fn ablation(c: &Case) -> Option<String> {
    let word = |key: &str, default| c.0["kwargs"][key].as_str().unwrap_or(default).to_string();
    let text = call("edm-ablation", c, &[CHURN, &[("alpha", "alpha")]].concat())?;
    let comma = if text.ends_with(':') { "" } else { "," };
    let (schedule, scaling) = (word("schedule", "linear"), word("scaling", "none"));
    let mut text = format!(
        "{text}{comma}solver={},schedule={schedule},scaling={scaling}",
        word("solver", "heun")
    );
    if schedule == "vp" {
        text += match word("discretization", "edm").as_str() {
            "vp" => "",
            "ve" => ",sigma_min=0.02,sigma_max=100",
            "iddpm" => ",sigma_min=0.002,sigma_max=81",
            _ => ",sigma_min=0.002,sigma_max=80",
        };
    }
    Some(text)
}

/// The files whose update rules are written here.
const FILES: &[File] = &[
    ("kdiffusion__euler", |c| call("edm-euler", c, CHURN), 15),
    ("kdiffusion__euler_ancestral", |c| call("euler-ancestral", c, &[("eta", "eta")]), 15),
    ("comfyui__euler", |_| Some("ddim".into()), 26),
    ("comfyui__euler_cfg_pp", |_| Some("ddim".into()), 14),
    ("comfyui__euler_ancestral", |c| (!c.is_flow()).then(|| "euler-ancestral".into()), 6),
    ("comfyui__euler_ancestral_cfg_pp", |c| (!c.is_flow()).then(|| "euler-ancestral".into()), 6),
    ("comfyui__ddpm", |c| (!c.is_flow()).then(|| "euler-ancestral".into()), 6),
    // Noise drawn after the network was asked (SAMPLERS.md, 5.5) is not the churn of the paper.
    ("diffusers__euler", |c| c.given("s_churn").is_none().then(|| "ddim".into()), 18),
    ("diffusers__edm_euler", |_| Some("ddim".into()), 3),
    ("diffusers__euler_ancestral", |_| Some("euler-ancestral".into()), 8),
    (
        "diffusers__flow_match_euler",
        |c| (!c.variant().contains("stochastic")).then(|| "ddim".into()),
        9,
    ),
    (
        // With linspace the state is not at the noise level that the network is told (5.4).
        "diffusers__ddim",
        |c| if c.id().contains("linspace") { None } else { call("ddim", c, &[("eta", "eta")]) },
        18,
    ),
    (
        "diffusers__ddpm",
        |c| (!c.variant().contains("fixed_large")).then(|| "euler-ancestral".into()),
        5,
    ),
    ("kdiffusion__dpmpp_2m", |_| Some("dpmpp-2m".into()), 10),
    ("kdiffusion__dpmpp_2m_sde", two_step, 25),
    // On flow models ComfyUI takes u for the noise ratio in the rules without noise.
    ("comfyui__dpmpp_2m", |c| (!c.is_flow()).then(|| "dpmpp-2m".into()), 18),
    ("comfyui__dpmpp_2m_cfg_pp", |c| (!c.is_flow()).then(|| "dpmpp-2m".into()), 6),
    ("comfyui__res_multistep", |c| (!c.is_flow()).then(|| "dpmpp-2m:heun".into()), 6),
    ("comfyui__res_multistep_cfg_pp", |c| (!c.is_flow()).then(|| "dpmpp-2m:heun".into()), 6),
    ("comfyui__dpmpp_2m_sde", |_| Some("dpmpp-2m-sde".into()), 26),
    ("comfyui__dpmpp_2m_sde_heun", |_| Some("dpmpp-2m-sde:solver=heun".into()), 14),
    ("diffusers__dpmsolver_multistep", multistep, 79),
    ("diffusers__edm_dpmsolver_multistep", multistep, 9),
    (
        "diffusers__cosine_dpmsolver_multistep",
        |c| {
            if c.is("o1") {
                Some("euler-ancestral".into())
            } else {
                Some(format!(
                    "dpmpp-2m-sde:solver={}",
                    if c.is("heun") { "heun" } else { "midpoint" }
                ))
            }
        },
        3,
    ),
    ("edm__edm_sampler", |c| call("edm", c, CHURN), 10),
    ("kdiffusion__heun", |c| call("edm", c, CHURN), 20),
    // On flow models ComfyUI takes u for the noise ratio, in which the ODE is that in t.
    ("comfyui__heun", |c| Some(if c.is_flow() { "heun:final=euler" } else { "edm" }.into()), 14),
    (
        "comfyui__heunpp2",
        |c| {
            Some(format!(
                "heunpp2:comfyui,variable={}",
                if c.is_flow() { "t" } else { "noise-ratio" }
            ))
        },
        14,
    ),
    ("edm__ablation_sampler", ablation, 31),
    ("diffusers__flow_match_heun", |_| Some("heun:final=euler".into()), 4),
    ("diffusers__heun", |_| Some("edm".into()), 10),
    ("kdiffusion__dpm_2", |c| call("dpm-2", c, CHURN), 20),
    ("kdiffusion__dpm_2_ancestral", |c| call("dpm-2-ancestral", c, &[("eta", "eta")]), 20),
    ("comfyui__dpm_2", |c| (!c.is_flow()).then(|| "dpm-2".into()), 6),
    ("comfyui__dpm_2_ancestral", |c| (!c.is_flow()).then(|| "dpm-2-ancestral".into()), 6),
    ("diffusers__kdpm2", |_| Some("dpm-2".into()), 10),
    ("diffusers__kdpm2_ancestral", |_| Some("dpm-2-ancestral".into()), 10),
    ("kdiffusion__dpmpp_2s_ancestral", |c| call("dpmpp-2s-ancestral", c, &[("eta", "eta")]), 30),
    ("comfyui__dpmpp_2s_ancestral", |c| (!c.is_flow()).then(|| "dpmpp-2s-ancestral".into()), 6),
    ("kdiffusion__dpmpp_sde", brownian, 50),
    // On flow models ComfyUI's Brownian path runs in u, not in the noise ratio.
    ("comfyui__dpmpp_sde", |c| if c.is_flow() { None } else { brownian(c) }, 6),
    ("diffusers__dpmsolver_sde", |_| Some("dpmpp-sde".into()), 10),
    ("kdiffusion__dpmpp_3m_sde", |c| call("dpmpp-3m-sde", c, &[("eta", "eta")]), 15),
    ("comfyui__dpmpp_3m_sde", |_| Some("dpmpp-3m-sde".into()), 14),
    ("kdiffusion__lms", |c| call_lms(c, "lms"), 10),
    ("comfyui__lms", |c| if c.is_flow() { None } else { call_lms(c, "denoiser") }, 6),
    ("diffusers__lms", |c| call_lms(c, "lms"), 5),
];

/// The largest error of a case in units of its tolerance, and relative to the variance; `None` if
/// it cannot be told by update rules alone: a network that is told another noise level than the
/// solver is at.
fn check(file: &Value, case: &Case, text: &str) -> Option<(f64, f64)> {
    let nodes = case.nodes();
    if !nodes.iter().all(|n| n.is_finite()) {
        return None;
    }
    let is_flow = case.is_flow();
    let process: Arc<dyn Process> = match is_flow {
        true => Arc::new(Flow),
        false => Arc::new(Edm::new(f64::max(80.0, nodes[0]))),
    };
    let grid = Grid::new(process, &nodes).ok()?;
    let plan = sampler::registry().build(text).unwrap().item.plan(&grid).ok()?;
    let told = plan.ops().iter().filter_map(|op| match op {
        gaussmeter::tape::Op::Predict { level, .. } => Some(*level),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let recorded = case.0["evals_alpha_sigma"].as_array().unwrap();
    let differs = |(level, pair): (&Level, &Value)| {
        let (alpha, sigma) = (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
        (level.sigma * alpha - level.alpha * sigma).abs() > 1e-9 * level.sigma * alpha.max(1e-3)
    };
    if told.len() != recorded.len() || told.iter().zip(recorded).any(differs) {
        return None;
    }
    let lambda = numbers(&file["lambdas"]);
    let data = Spectrum::new("golden", "", &lambda, None, Some(&vec![1.0; lambda.len()])).unwrap();
    let output = Output::of(&plan, &data);
    let std = if is_flow { 1.0 } else { case.0["init_std_edm"].as_f64().unwrap() };
    // Both sides at the scale of the recorded output.
    let alpha = if is_flow { 1.0 } else { case.0["output_alpha_sigma"][0].as_f64().unwrap() };
    let (var, gain, mean) = (case.numbers("var"), case.numbers("gain"), case.numbers("mean_gain"));
    let tolerance = case.numbers("rtol_per_lambda");
    // Steps are recorded as x + (σ′ − σ) d, which cancels in long ones: there the recordings are off
    // by more than they carry, as rational arithmetic on k-diffusion/heun/polyexponential_rho2 shows.
    let floor = match nodes.len() {
        ..=4 => 1e-9,
        _ => 5e-12,
    };
    let mut worst = (0.0f64, 0.0f64);
    for (i, eigenvalue) in lambda.iter().enumerate() {
        let mode = data.eigenvalues().iter().position(|l| l == eigenvalue).unwrap();
        let g = alpha * std * output.gain[mode];
        let v = g * g + alpha * alpha * output.noise_variance[mode];
        let std_size = var[i].sqrt().max(1e-9);
        let rtol = tolerance[i].max(floor);
        let size = rtol * var[i] + 1e-18;
        // An error of v is twice one of the standard deviation, which gains and means share.
        for (error, allowed) in [
            ((v - var[i]).abs(), size),
            ((g - gain[i]).abs(), size / std_size),
            ((alpha * output.mean_gain[mode] - mean[i]).abs(), rtol * mean[i].abs().max(1.0)),
        ] {
            worst.0 = worst.0.max(error / allowed);
        }
        // Relative, where the allowance of 1e-18 is not what counts.
        if var[i] > 1e-9 {
            worst.1 = worst.1.max((v - var[i]).abs() / var[i]);
        }
    }
    Some(worst)
}

/// Cases covered and the largest relative error of a variance; failures in words.
fn check_file(file: &Value, text: fn(&Case) -> Option<String>) -> (usize, f64, Vec<String>) {
    let (mut covered, mut worst, mut failures) = (0, 0.0f64, Vec::new());
    for case in file["cases"].as_array().unwrap().iter().map(Case) {
        if case.0.get("native_status").is_some_and(|s| s != "ok") {
            continue;
        }
        let Some(text) = text(&case) else { continue };
        let Some((error, relative)) = check(file, &case, &text) else { continue };
        covered += 1;
        worst = worst.max(relative);
        if error.is_nan() || error > 1.0 {
            failures.push(format!("{} as {text}: {error:.3e} tolerances", case.id()));
        }
    }
    (covered, worst, failures)
}

#[test]
fn libraries_compute_the_same() {
    let Some(shared) = shared() else { return };
    let mut failures = Vec::new();
    for (name, text, expected) in FILES {
        let file = read_json(&shared.join(format!("golden/samplers/{name}.json")));
        let (covered, worst, failed) = check_file(&file, *text);
        println!(
            "{name}: {covered} of {} cases, {worst:.1e}",
            file["cases"].as_array().unwrap().len()
        );
        failures.extend(failed);
        if covered != *expected {
            failures.push(format!("{name}: {covered} cases covered, not {expected}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The same for the cases beside this file, one or two of each recording.
#[test]
fn libraries_compute_the_same_in_the_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let fixture = read_json(&folder.join("samplers.json"));
    for (name, text, _) in FILES {
        let file = &fixture["files"][name];
        let (covered, _, failures) = check_file(file, *text);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert_eq!(covered, file["cases"].as_array().unwrap().len(), "{name}");
        assert!(covered > 0, "{name}");
    }
}
