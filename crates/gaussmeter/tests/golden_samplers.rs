//! What the libraries that people use compute, case by case: the recordings in
//! `../shared/golden/samplers` of k-diffusion, EDM, ComfyUI and diffusers with an exact Gaussian
//! denoiser, and a few of them beside this file, for checkouts without that folder.

use gaussmeter::prelude::*;
use gaussmeter::{process, sampler};
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
    /// A keyword argument of the call or of the constructor, if it was given.
    fn given(&self, key: &str) -> Option<f64> {
        ["kwargs", "step_kwargs", "config"].iter().find_map(|k| self.0[*k].get(key)?.as_f64())
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
        if let (true, Some(n)) = (self.0["fn"] == "sample_dpm_fast", self.given("n")) {
            // Called with the ends and the number of evaluations.
            let ends = self.numbers("sigmas");
            let node = |i| ends[0] * (ends[1] / ends[0]).powf(f64::from(i) / n);
            return (0..n as u32).map(node).chain([ends[1]]).collect();
        }
        if self.0["sigmas"].is_array() {
            let mut nodes = self.numbers("sigmas");
            // Two-stage schedulers of diffusers list the inner nodes twice.
            nodes.dedup();
            if self.0["sampler"].as_str().is_some_and(|s| s.starts_with("uni_pc")) {
                // Its last level is 0.001, with a σ that it forms as √(1 − e^{2 ln α}).
                let log_alpha = 0.5 * (1.0f64 / (0.001 * 0.001 + 1.0)).ln();
                nodes.pop();
                nodes.push((1.0 - (2.0 * log_alpha).exp()).sqrt() / log_alpha.exp());
            }
            if self.is_flow() && self.id().starts_with("comfyui") {
                // ComfyUI starts SDE samplers a little below u = 1.
                nodes[0] = nodes[0].min(numbers(&self.0["evals_alpha_sigma"][0])[1]);
            }
            return nodes;
        }
        let evaluations = self.0["evals_alpha_sigma"].as_array().unwrap().iter();
        let mut nodes: Vec<f64> = evaluations.chain([&self.output()]).map(ratio).collect();
        // A level where the network is asked twice.
        nodes.dedup();
        nodes
    }
    /// α and σ of the output; where they are not recorded, it is clean.
    fn output(&self) -> Value {
        match &self.0["output_alpha_sigma"] {
            Value::Null => serde_json::json!([1.0, 0.0]),
            output => output.clone(),
        }
    }
    fn is_churned(&self) -> bool {
        self.given("S_churn").is_some()
    }
    fn is_flow(&self) -> bool {
        self.0["state_space"].as_str().is_some_and(|s| s.starts_with("flow"))
    }
    /// Schedulers whose rule depends on the training timestep, not on the noise ratio alone.
    fn is_discrete(&self) -> bool {
        ["LCMScheduler", "TCDScheduler"].iter().any(|cls| self.0["cls"] == *cls)
            || self.is_fixed_stride()
    }
    /// Steps of T/n timesteps that do not lead to the next one (SAMPLERS.md, 5.4).
    fn is_fixed_stride(&self) -> bool {
        self.id().starts_with("diffusers/ddim/sd_linspace")
    }
    /// Whether the recorded states are those of the process in [`Case::grid`], and not x = X/α.
    fn is_as_recorded(&self) -> bool {
        self.is_flow() || self.is_discrete() || self.is_trigonometric()
    }
    /// From no signal at all, on a variance-preserving process.
    fn is_trigonometric(&self) -> bool {
        self.0["state_space"].as_str().is_some_and(|s| s.starts_with("VP"))
            && self.0["evals_alpha_sigma"][0][0] == 0.0
    }
    /// The nodes on a process with the recorded states, or else on one with X = x.
    fn grid(&self) -> Option<Grid> {
        if self.is_discrete() {
            let config = &self.0["config"];
            let text = format!(
                "vp-discrete:schedule={},beta_start={},beta_end={}",
                config["beta_schedule"].as_str()?,
                config["beta_start"],
                config["beta_end"]
            );
            // Timestep k is time k + 1; the end is the data, or timestep 0 by its name.
            let end = if self.0["output_alpha_sigma"][1] == 0.0 { 0.0 } else { 1.0 };
            let times = self.numbers("timesteps").into_iter().map(|k| k + 1.0).chain([end]);
            let mut times: Vec<f64> = times.collect();
            times.dedup();
            let process = process::registry().build(&text).unwrap().item;
            return Grid::new(process.into(), &times).ok();
        }
        let nodes = self.nodes();
        if self.is_trigonometric() {
            let times: Vec<f64> = nodes.into_iter().map(f64::atan).collect();
            return Grid::new(Arc::new(process::Trig), &times).ok();
        }
        if !nodes.iter().all(|n| n.is_finite()) {
            return None;
        }
        let process: Arc<dyn Process> = match self.is_flow() {
            true => Arc::new(Flow),
            false => Arc::new(Edm::new(f64::max(80.0, nodes[0]))),
        };
        Grid::new(process, &nodes).ok()
    }
}

impl Case<'_> {
    /// The nodes on a process whose networks may be told other levels.
    fn grid_on(&self, process: Arc<dyn Process>) -> Option<Grid> {
        let nodes = self.nodes();
        if process.training_steps().is_none() {
            return Grid::new(process, &nodes).ok();
        }
        let grid = Grid::from_sigmas(process.clone(), &nodes).ok()?;
        if !self.id().contains("kdpm2") {
            return Some(grid);
        }
        let times: Vec<f64> = grid.levels().iter().map(|l| l.t).collect();
        let fractional = process::registry().build("vp-discrete:conditioning=fractional");
        let fractional = fractional.unwrap().item.into();
        let nodes = times.clone();
        Grid::new(Arc::new(WholeAtNodes { whole: process, fractional, nodes }), &times).ok()
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
    let separator = if name.contains(':') { "," } else { ":" };
    Some(format!("{name}{separator}{}", given.join(",")))
}

/// A word of the configuration of a diffusers scheduler.
fn word<'a>(c: &'a Case, key: &str, default: &'a str) -> &'a str {
    c.0["config"][key].as_str().unwrap_or(default)
}
/// A switch of it.
fn flag(c: &Case, key: &str, default: bool) -> bool {
    c.0["config"][key].as_bool().unwrap_or(default)
}
/// What is integrated, and the ending of names with noise.
fn algorithm(c: &Case) -> (&'static str, &'static str) {
    match word(c, "algorithm_type", "dpmsolver++") {
        "dpmsolver++" => ("denoiser", ""),
        "sde-dpmsolver++" => ("denoiser", "-sde"),
        "dpmsolver" => ("noise", ""),
        "sde-dpmsolver" => ("noise", "-sde"),
        other => panic!("{other}"),
    }
}

/// The multistep schedulers of diffusers, by their configuration.
fn multistep(c: &Case) -> Option<String> {
    let (model, sde) = algorithm(c);
    let family = if model == "noise" { "dpm-solver" } else { "dpmpp" };
    let order = c.0["config"]["solver_order"].as_u64().unwrap_or(2);
    let (euler, lower) = (flag(c, "euler_at_final", false), flag(c, "lower_order_final", true));
    let is_short = c.numbers("sigmas").len() <= 15;
    let last = match (euler, lower) {
        (_, true) if is_short => "under15",
        (true, _) => "always",
        (_, true) => "under15",
        _ => "no",
    };
    let solver = word(c, "solver_type", "midpoint");
    Some(match (order, model, sde) {
        (1, _, "") => "ddim".into(),
        (1, "denoiser", _) => "euler-ancestral".into(),
        (1, ..) => "dpm-solver-1-sde".into(),
        (2, ..) => format!("{family}-2m{sde}:solver={solver},lower_order_final={last}"),
        _ => format!("{family}-3m{sde}:second={solver},variant=diffusers,lower_order_final={last}"),
    })
}

/// The singlestep scheduler of diffusers.
fn singlestep(c: &Case) -> Option<String> {
    let (model, sde) = algorithm(c);
    let order = c.0["config"]["solver_order"].as_u64().unwrap_or(2);
    if order == 1 {
        return Some(if sde.is_empty() { "ddim".into() } else { "euler-ancestral".into() });
    }
    let last = if flag(c, "lower_order_final", false) { "yes" } else { "no" };
    let variant = if sde.is_empty() { "" } else { ",variant=diffusers" };
    let solver = word(c, "solver_type", "midpoint");
    Some(format!(
        "dpm-solver-singlestep{sde}:{order},model={model},solver={solver},lower_order_final={last}{variant}"
    ))
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

/// An ancestral sampler of ComfyUI, which takes another rule on flow models.
fn rectified(c: &Case, name: &str) -> Option<String> {
    Some(format!("{name}{}", if c.is_flow() { "-rf" } else { "" }))
}

/// DPM++ SDE with the noises of the recording.
fn brownian(c: &Case) -> Option<String> {
    let text = call("dpmpp-sde", c, &[("eta", "eta"), ("r", "r")])?;
    let comma = if text.ends_with(':') { "" } else { "," };
    Some(format!("{text}{comma}noise={}", c.0["noise_model"].as_str()?))
}

/// SA-Solver with its noise in an interval of noise ratios, given by some that it contains.
fn sa_solver(name: &str, options: &str, inside: &[f64]) -> Option<String> {
    let bound = |grow: f64, pick: fn(f64, f64) -> f64| {
        inside.iter().copied().reduce(pick).map(|ratio| ratio * grow)
    };
    let (low, high) = (bound(0.999, f64::min)?, bound(1.001, f64::max)?);
    Some(format!("{name}:{options},tau_min={low},tau_max={high}"))
}

fn sa_solver_of_diffusers(c: &Case) -> Option<String> {
    let config = &c.0["config"];
    let orders =
        ["predictor_order", "corrector_order"].map(|key| config[key].as_u64().unwrap_or(2));
    let simple = orders != [1, 1] && config["algorithm_type"] != "noise_prediction";
    let sigmas = c.numbers("sigmas");
    let options = format!(
        "predictor={},corrector={},order_2={},prediction={},lower_order_final=diffusers,last={}",
        orders[0],
        orders[1],
        if simple { "simple" } else { "lagrange" },
        if config["algorithm_type"] == "noise_prediction" { "noise" } else { "data" },
        // The last level is listed twice: the evaluation there corrects.
        if sigmas.windows(2).any(|w| w[0] == w[1]) { "corrected" } else { "predicted" },
    );
    if !c.variant().ends_with("tau_default") {
        let tau = if c.variant().ends_with("tau0") { 0 } else { 1 };
        return Some(format!("sa-solver:{options},tau={tau}"));
    }
    let times = c.numbers("timesteps");
    let inside = c.nodes().into_iter().zip(times).filter(|(_, t)| (200.0..=800.0).contains(t));
    let ratio = |u: f64| if c.is_flow() { u / (1.0 - u) } else { u };
    let inside: Vec<f64> = inside.map(|(node, _)| ratio(node)).collect();
    sa_solver("sa-solver", &format!("{options},tau_at=start"), &inside)
}

fn sa_solver_of_comfyui(c: &Case, name: &str) -> Option<String> {
    let [predictor, corrector] = [("predictor_order", 3.0), ("corrector_order", 4.0)]
        .map(|(key, default)| c.given(key).unwrap_or(default));
    let simple = c.0["kwargs"]["simple_order_2"] == true;
    let options = format!(
        "predictor={predictor},corrector={corrector},order_2={},lower_order_final=comfyui",
        if simple { "simple" } else { "lagrange" },
    );
    // Between 20 and 80 % of the way in the model's time.
    let (inside, ratio): (_, fn(f64) -> f64) = match c.id().split('/').nth(2)? {
        id if id.starts_with("flux") => (COMFYUI_INSIDE[0], |u| u / (1.0 - u)),
        id if id.starts_with("sd3") => (COMFYUI_INSIDE[1], |u| u / (1.0 - u)),
        _ => (COMFYUI_INSIDE[2], |ratio| ratio),
    };
    let inside: Vec<f64> =
        c.nodes().into_iter().filter(|n| (inside[0]..=inside[1]).contains(n)).map(ratio).collect();
    sa_solver(name, &options, &inside)
}

/// σ of ComfyUI at 80 and 20 % of the way: of Flux with shift 1.15, u = e^1.15/(e^1.15 + 1/v − 1); of
/// SD3 with shift 3, u = 3v/(1 + 2v), v = 0.2 and 0.8; and of Stable Diffusion 1.5, timesteps 199.8
/// and 799.2.
const COMFYUI_INSIDE: [[f64; 2]; 3] =
    [[0.441199748, 0.926647345], [3.0 / 7.0, 12.0 / 13.0], [0.571, 5.096]];

/// LMS of the order in the variant's name.
fn call_lms(c: &Case, last: &str) -> Option<String> {
    let order = if c.is("order2") { 2 } else { 4 };
    Some(format!("lms:order={order},final={last}"))
}

/// ComfyUI's rules without noise take u of a flow model for the noise ratio.
fn in_u(c: &Case, text: &str) -> Option<String> {
    Some(if c.is_flow() { format!("{text} @ flow:coordinates=u") } else { text.into() })
}

/// A network of Stable Diffusion, or of a flow model, that is told a training timestep.
fn told(c: &Case, text: Option<String>, conditioning: &str) -> Option<String> {
    let process = if c.is_flow() { "flow" } else { "vp-discrete" };
    let told = c.variant().contains("timestep_cond");
    Some(if told { format!("{} @ {process}:conditioning={conditioning}", text?) } else { text? })
}

/// diffusers rounds the timesteps of Karras' and Lu's levels, and cuts others down.
fn rounding(c: &Case) -> &'static str {
    let rounds = ["use_karras_sigmas", "use_lu_lambdas"].iter().any(|k| c.0["config"][*k] == true);
    if rounds { "round" } else { "truncate" }
}

/// KDPM2 of diffusers: the network is told whole timesteps at the nodes, fractional ones within steps.
#[derive(Debug)]
struct WholeAtNodes {
    whole: Arc<dyn Process>,
    fractional: Arc<dyn Process>,
    nodes: Vec<f64>,
}

impl Process for WholeAtNodes {
    fn t_max(&self) -> f64 {
        self.whole.t_max()
    }
    fn level(&self, t: f64) -> Level {
        if self.nodes.contains(&t) { self.whole.level(t) } else { self.fractional.level(t) }
    }
    fn prior_std(&self) -> f64 {
        self.whole.prior_std()
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.whole.time_of(ratio)
    }
}

/// UniPC of diffusers, by its configuration.
fn unipc(c: &Case) -> Option<String> {
    let config = &c.0["config"];
    let order = config["solver_order"].as_u64().unwrap_or(2);
    let solver = config["solver_type"].as_str().unwrap_or("bh2");
    let corrector = if config["disable_corrector"].is_array() { "no" } else { "yes" };
    let prediction = if config["predict_x0"] == false { "noise" } else { "denoiser" };
    let lower = if order == 1 { "no" } else { "always" };
    let text = format!(
        "unipc:order={order},solver={solver},corrector={corrector},prediction={prediction},lower_order_final={lower}"
    );
    told(c, Some(text), rounding(c))
}

/// UniPC of ComfyUI, which has order 3 unless there are fewer steps.
fn comfyui_unipc(c: &Case, solver: &str) -> Option<String> {
    let order = c.0["steps"].as_u64()?.saturating_sub(1).clamp(1, 3);
    let lower = if order == 1 { "no" } else { "always" };
    let text = format!("unipc:order={order},solver={solver},lower_order_final={lower}");
    in_u(c, &text)
}

/// DEIS of diffusers, by its configuration.
fn deis(c: &Case) -> Option<String> {
    let config = &c.0["config"];
    let order = config["solver_order"].as_u64().unwrap_or(2);
    let is_lowered = order > 1 && config["lower_order_final"] != false;
    let lower = if is_lowered { "under15" } else { "no" };
    let sigmas = c.numbers("sigmas");
    let repeated = if sigmas[sigmas.len() - 1] == sigmas[sigmas.len() - 2] { "yes" } else { "no" };
    Some(format!("deis:order={order},lower_order_final={lower},repeated_end={repeated}"))
}

/// DEIS of ComfyUI.
fn comfyui_deis(c: &Case) -> Option<String> {
    let text = match c.variant() {
        "default" => "deis:variant=comfyui",
        // Polynomials in σ.
        "rhoab_max_order4" => "lms:final=denoiser",
        _ => return None,
    };
    in_u(c, text)
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
    ("comfyui__euler", |c| in_u(c, "ddim"), 26),
    ("comfyui__euler_cfg_pp", |c| in_u(c, "ddim"), 14),
    ("comfyui__euler_ancestral", |c| rectified(c, "euler-ancestral"), 14),
    ("comfyui__euler_ancestral_cfg_pp", |_| Some("euler-ancestral".into()), 14),
    (
        // On flow models it is wrong.
        "comfyui__ddpm",
        |c| Some(format!("ddpm-ancestral{}", if c.is_flow() { ":variant=comfyui" } else { "" })),
        14,
    ),
    (
        // Noise is drawn after the network was asked (SAMPLERS.md, 5.5).
        "diffusers__euler",
        |c| match c.given("s_churn") {
            None => told(c, Some("ddim".into()), "fractional"),
            Some(_) => Some(format!("{},variant=diffusers", call("edm-euler", c, CHURN)?)),
        },
        23,
    ),
    ("diffusers__edm_euler", |_| Some("ddim".into()), 4),
    ("diffusers__euler_ancestral", |_| Some("euler-ancestral".into()), 8),
    ("diffusers__flow_match_heun", |c| in_u(c, "edm"), 4),
    (
        "diffusers__flow_match_euler",
        |c| Some(if c.variant().contains("stochastic") { "lcm" } else { "ddim" }.into()),
        10,
    ),
    (
        "diffusers__ddim",
        |c| {
            if c.is_fixed_stride() && c.id().contains("set_alpha_to_one_False") {
                // A fifth of T in each of the four steps that change something.
                return None;
            }
            let text = call("ddim", c, &[("eta", "eta")])?;
            let comma = if text.ends_with(':') { "" } else { "," };
            let variant = if c.is_fixed_stride() { "diffusers" } else { "paper" };
            Some(format!("{text}{comma}variant={variant}"))
        },
        23,
    ),
    (
        "diffusers__ddpm",
        |c| {
            if c.is("fixed_small") {
                return Some("ddpm-ancestral".into());
            }
            let last = if c.numbers("timesteps").last() == Some(&0.0) { "mean" } else { "noise" };
            Some(format!("ddpm-ancestral:variance=fixed_large,last={last}"))
        },
        10,
    ),
    ("kdiffusion__dpmpp_2m", |_| Some("dpmpp-2m".into()), 10),
    ("kdiffusion__dpmpp_2m_sde", two_step, 25),
    ("comfyui__dpmpp_2m", |c| in_u(c, "dpmpp-2m"), 26),
    ("comfyui__dpmpp_2m_cfg_pp", |c| in_u(c, "dpmpp-2m"), 14),
    ("comfyui__res_multistep", |c| in_u(c, "res-multistep"), 14),
    ("comfyui__res_multistep_cfg_pp", |c| in_u(c, "res-multistep"), 14),
    (
        "comfyui__res_multistep_ancestral",
        |c| in_u(c, &call("res-multistep-ancestral", c, &[("eta", "eta")])?),
        15,
    ),
    ("comfyui__res_multistep_ancestral_cfg_pp", |c| in_u(c, "res-multistep-ancestral"), 14),
    ("comfyui__dpmpp_2m_sde", |_| Some("dpmpp-2m-sde".into()), 26),
    ("comfyui__dpmpp_2m_sde_heun", |_| Some("dpmpp-2m-sde-heun".into()), 14),
    ("diffusers__dpmsolver_multistep", |c| told(c, multistep(c), rounding(c)), 108),
    ("diffusers__edm_dpmsolver_multistep", multistep, 9),
    (
        "diffusers__cosine_dpmsolver_multistep",
        |c| {
            let solver = word(c, "solver_type", "midpoint");
            let second = format!("dpmpp-2m-sde:solver={solver}");
            Some(if c.is("o1") { "euler-ancestral".into() } else { second })
        },
        4,
    ),
    (
        "diffusers__cogvideox",
        |c| Some(if c.variant().starts_with("dpm") { "dpmpp-2m-sde" } else { "ddim" }.into()),
        4,
    ),
    ("diffusers__dpmsolver_singlestep", singlestep, 26),
    ("edm__edm_sampler", |c| call("edm", c, CHURN), 10),
    ("kdiffusion__heun", |c| call("edm", c, CHURN), 20),
    ("comfyui__heun", |c| in_u(c, "edm"), 14),
    // On flow models u is the noise ratio, in which the ODE is that in t.
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
    ("diffusers__heun", |c| told(c, Some("edm".into()), "fractional"), 12),
    ("kdiffusion__dpm_2", |c| call("dpm-2", c, CHURN), 20),
    ("kdiffusion__dpm_2_ancestral", |c| call("dpm-2-ancestral", c, &[("eta", "eta")]), 20),
    ("comfyui__dpm_2", |c| in_u(c, "dpm-2"), 14),
    ("comfyui__dpm_2_ancestral", |c| rectified(c, "dpm-2-ancestral"), 14),
    ("diffusers__kdpm2", |c| told(c, Some("dpm-2".into()), "round"), 12),
    ("diffusers__kdpm2_ancestral", |_| Some("dpm-2-ancestral".into()), 10),
    ("kdiffusion__dpmpp_2s_ancestral", |c| call("dpmpp-2s-ancestral", c, &[("eta", "eta")]), 30),
    ("comfyui__dpmpp_2s_ancestral", |c| rectified(c, "dpmpp-2s-ancestral"), 14),
    (
        "comfyui__dpmpp_2s_ancestral_cfg_pp",
        |c| in_u(c, "dpmpp-2s-ancestral-cfg-pp:variant=comfyui"),
        14,
    ),
    ("kdiffusion__dpmpp_sde", brownian, 50),
    (
        // On flow models ComfyUI's Brownian path runs in u, not in the noise ratio.
        "comfyui__dpmpp_sde",
        |c| if c.is_flow() { Some("dpmpp-sde:noise=brownian-sigma".into()) } else { brownian(c) },
        14,
    ),
    ("diffusers__dpmsolver_sde", |_| Some("dpmpp-sde".into()), 10),
    (
        "kdiffusion__dpmpp_3m_sde",
        |c| call("dpmpp-3m-sde:variant=k-diffusion", c, &[("eta", "eta")]),
        15,
    ),
    ("comfyui__dpmpp_3m_sde", |_| Some("dpmpp-3m-sde:variant=k-diffusion".into()), 14),
    ("kdiffusion__dpm_fast", |c| call("dpm-fast", c, &[("eta", "eta")]), 4),
    ("comfyui__dpm_fast", |c| in_u(c, "dpm-fast:variant=comfyui"), 14),
    ("kdiffusion__lms", |c| call_lms(c, "lms"), 10),
    ("comfyui__lms", |c| in_u(c, &call_lms(c, "denoiser")?), 14),
    ("diffusers__lms", |c| call_lms(c, "lms"), 5),
    ("diffusers__unipc", unipc, 39),
    ("comfyui__uni_pc", |c| comfyui_unipc(c, "bh1"), 14),
    ("comfyui__uni_pc_bh2", |c| comfyui_unipc(c, "bh2"), 14),
    ("diffusers__deis", deis, 19),
    ("comfyui__deis", comfyui_deis, 15),
    (
        "diffusers__pndm",
        // With linspace the state is not at the noise level that the network is told (5.4).
        |c| if c.id().contains("linspace") { None } else { Some("plms".into()) },
        6,
    ),
    ("diffusers__ipndm", |_| Some("ipndm:variant=diffusers".into()), 1),
    ("comfyui__ipndm", |c| in_u(c, "ipndm:final=denoiser"), 14),
    ("comfyui__ipndm_v", |c| in_u(c, "ipndm-v:variant=comfyui"), 14),
    ("comfyui__gradient_estimation", |c| in_u(c, "gradient-estimation"), 14),
    ("comfyui__gradient_estimation_cfg_pp", |c| in_u(c, "gradient-estimation"), 14),
    ("diffusers__ltx_euler_ancestral_rf", |c| call("euler-ancestral-rf", c, &[("eta", "eta")]), 3),
    ("comfyui__lcm", |_| Some("lcm".into()), 14),
    ("diffusers__lcm", |_| Some("lcm:c_skip=yes".into()), 2),
    ("diffusers__flow_match_lcm", |_| Some("lcm".into()), 2),
    ("diffusers__tcd", |c| call("tcd", c, &[("eta", "eta")]), 3),
    ("diffusers__sasolver", sa_solver_of_diffusers, 20),
    ("comfyui__sa_solver", |c| sa_solver_of_comfyui(c, "sa-solver"), 15),
    ("comfyui__sa_solver_pece", |c| sa_solver_of_comfyui(c, "sa-solver-pece"), 14),
    ("comfyui__seeds_2", |_| Some("seeds-2".into()), 14),
    ("comfyui__seeds_3", |_| Some("seeds-3".into()), 14),
    (
        "comfyui__er_sde",
        |c| match c.given("max_stage").unwrap_or(3.0) {
            1.0 => Some("er-sde:stages=1".into()),
            stages => Some(format!("er-sde:stages={stages},integral=rectangles")),
        },
        16,
    ),
];

/// The largest error of a case in units of its tolerance, and relative to the variance; `None` if
/// the evaluations are at other levels than those recorded.
fn check(file: &Value, case: &Case, text: &str) -> Option<(f64, f64)> {
    let (text, process) = match text.split_once(" @ ") {
        Some((text, process)) => (text, Some(process::registry().build(process).unwrap().item)),
        None => (text, None),
    };
    let is_flow = case.is_flow();
    let as_recorded = process.is_none() && case.is_as_recorded() || is_flow;
    let grid = match process {
        None => case.grid()?,
        Some(process) => case.grid_on(process.into())?,
    };
    let plan = sampler::registry().build(text).unwrap().item.plan(&grid).ok()?;
    let told = plan.ops().iter().filter_map(|op| match op {
        gaussmeter::tape::Op::Predict { level, .. } => Some(**level),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let recorded = &case.0["evals_alpha_sigma"].as_array().unwrap()[..];
    // An evaluation at the level of the output, or in a step of no length, changes nothing.
    let ratio = |pair: &Value| pair[1].as_f64().unwrap() / pair[0].as_f64().unwrap();
    let sigmas = case.0["sigmas"].as_array().map(|s| &s[..]);
    let is_repeated = matches!(sigmas, Some([.., a, b]) if a == b);
    let recorded = match recorded {
        [others @ .., last]
            if told.len() == others.len()
                && (is_repeated || ratio(last) == ratio(&case.output())) =>
        {
            others
        }
        all => all,
    };
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
    let std = match as_recorded {
        true => 1.0,
        false => case.0["init_std_edm"].as_f64().unwrap() * plan.start().alpha,
    };
    // Both sides at the scale of the recorded output.
    let alpha = match as_recorded {
        // ComfyUI divides by 1 − u at the end, and its UniPC has made that u 0.001.
        true if is_flow && text.starts_with("unipc") && case.id().starts_with("comfyui") => {
            1.0 / (1.0 - 0.001)
        }
        true => 1.0,
        false => case.output()[0].as_f64().unwrap(),
    };
    let (var, gain, mean) = (case.numbers("var"), case.numbers("gain"), case.numbers("mean_gain"));
    let tolerance = case.numbers("rtol_per_lambda");
    // Steps are recorded as x + (σ′ − σ) d, which cancels in long ones: there the recordings are off
    // by more than they carry, as exact arithmetic on k-diffusion/heun/polyexponential_rho2 and
    // dpm_fast/range_edm shows.
    let floor = match grid.levels().len() {
        ..=4 => 1e-9,
        // Two blocks.
        6 if case.0["fn"] == "sample_dpm_fast" => 1e-10,
        // Means are recorded as 1 − 6e-12, where every rule has 1: a small constant in a denominator.
        _ if case.id().starts_with("diffusers/ltx") => 1e-11,
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
