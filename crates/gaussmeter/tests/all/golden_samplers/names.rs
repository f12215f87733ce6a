//! How the recorded runs are written here.

use super::case::Case;
use super::check::Skip;

/// A recorded file, how its cases are written here, and how many of them are covered.
pub type File = (&'static str, fn(&Case) -> Option<String>, usize);

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

/// ComfyUI's rules without noise take u of a flow model for the noise ratio, and some with noise do too,
/// wrongly.
fn in_u(c: &Case, text: &str) -> Option<String> {
    let noise = if text.contains("ancestral") { ",noise=comfyui" } else { "" };
    Some(match c.is_flow() {
        true => format!("{text} @ flow:coordinates=u{noise}"),
        false => text.into(),
    })
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
        "rhoab_max_order4" => "deis:order=4,variant=comfyui-rhoab",
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
pub const FILES: &[File] = &[
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
        24,
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
            let text = call("ddim", c, &[("eta", "eta")])?;
            let comma = if text.ends_with(':') { "" } else { "," };
            // A fifth of T, also where only four steps change something.
            let rule = if c.is_fixed_stride() { "diffusers,stride=200" } else { "paper" };
            Some(format!("{text}{comma}variant={rule}"))
        },
        24,
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
    ("diffusers__kdpm2", |c| told(c, Some("dpm-2".into()), "round-at-nodes"), 12),
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
        |c| {
            let linspace = c.is_fixed_stride();
            Some(if linspace { "plms:variant=diffusers,stride=200" } else { "plms" }.into())
        },
        8,
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

/// Recorded files that are no runs of samplers.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("schedules__comfyui", "lists of levels: tests/all/grids.rs"),
    ("schedules__diffusers", "lists of levels: tests/all/grids.rs"),
    ("diffusers__scm", "no sampler here takes its step"),
];

/// Cases that are not compared: the file, why, and how many there are.
pub const SKIPPED: &[(&str, Skip, usize)] = &[];
