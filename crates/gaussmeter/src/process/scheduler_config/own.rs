//! The grid and the sampler that a configuration asks for, in our words.

use super::classes::{Family, Spacing};
use super::config::Config;
use super::keys::Role;
use super::made::{Made, made};

impl Family {
    /// The process in one word.
    pub fn process(self) -> Option<&'static str> {
        match self {
            Family::Betas(..) => Some("vp-discrete"),
            Family::Exploding => Some("edm"),
            Family::Flow => Some("flow"),
            Family::Stages => Some("flow (stages=1)"),
            Family::ScoreSdeVe => Some("ve"),
            Family::ScoreSdeVp => Some("vp-linear"),
            Family::Trig => Some("trig"),
            Family::Wuerstchen => Some("vp-cosine, clamped"),
            Family::SineSquared => Some("sigma = sin^2(pi t/2)"),
            Family::Refused(_) => None,
        }
    }
}

/// What users should know about a configuration whose process is `text`.
pub(super) fn notices(config: &Config, text: Option<&str>) -> Vec<String> {
    let class = config.class.name;
    let process = text.map_or_else(|| own_process(config), |text| format!("--process {text}"));
    let unsaid = |list: Vec<String>| match list[..] {
        [] => String::new(),
        _ => format!(" (with {})", list.join(", ")),
    };
    let grid = match grid(config) {
        Some(grid) => format!("--grid {grid}"),
        None => "given by its own rule (--grid times:FILE or sigmas:FILE)".into(),
    };
    let sampler = match sampler(config) {
        Ok(sampler) => format!("--sampler {sampler}"),
        Err(reason) => format!("none here ({reason})"),
    };
    let mut all = vec![format!(
        "{class} is {process}; times and solver are those of --grid and --sampler, not the file's, which are {grid}{}, {sampler}{}",
        unsaid(times(config)),
        unsaid(config.changed(Role::Nowhere)),
    )];
    match config.set(Role::Clip)[..] {
        [] => {}
        ref keys => all.push(format!(
            "{} = true changes predicted data in a way that is not linear, and is never done here",
            keys.join(" and ")
        )),
    }
    all
}

fn own_process(config: &Config) -> String {
    match config.class.family {
        Family::Betas(..) => "vp-discrete with its trained_betas".into(),
        family => format!("its own process, {}", family.process().unwrap_or("none")),
    }
}

/// The keys behind the grid, where the file sets them.
fn times(config: &Config) -> Vec<String> {
    config.changed(Role::Times)
}

/// Adds parameters to a name.
fn call(name: &str, arguments: Vec<String>) -> String {
    match arguments[..] {
        [] => name.into(),
        _ => format!("{name}:{}", arguments.join(",")),
    }
}

fn final_sigma(config: &Config) -> Option<String> {
    (config.text("final_sigmas_type") == "sigma_min").then(|| "final=sigma_min".into())
}

/// The levels of flow matching by the list before the shift.
fn flow_grid(config: &Config, base: &str, key: &str) -> String {
    let value = |key: &str| config.number(key).ok().flatten();
    let mut arguments = Vec::new();
    match config.is("use_dynamic_shifting") {
        true => arguments.push("mu=…".into()),
        false => {
            if base != "inverse-steps" {
                arguments.push(format!("base={base}"));
            }
            arguments.extend(
                value(key).filter(|shift| *shift != 1.0).map(|shift| format!("shift={shift}")),
            );
        }
    }
    arguments.extend(value("shift_terminal").map(|level| format!("terminal={level}")));
    call("flow-shift", arguments)
}

/// The text form of the grid; `None` where no rule is the same.
fn grid(config: &Config) -> Option<String> {
    let class = config.class.name;
    let converts = config.conversion().ok().flatten();
    let value = |key: &str| config.number(key).ok().flatten();
    let ends = || {
        let end = |key: &str| value(key).map(|level| format!("{key}={level}"));
        [end("sigma_min"), end("sigma_max"), final_sigma(config)].into_iter().flatten()
    };
    match config.class.family {
        Family::Betas(..) if config.is("use_flow_sigmas") => match converts {
            Some(_) => None,
            None if class == "UniPCMultistepScheduler" => {
                Some(flow_grid(config, "unipc", "flow_shift"))
            }
            None => Some(flow_grid(config, "dpm", "flow_shift")),
        },
        Family::Betas(_, spacing) => match converts {
            Some("use_karras_sigmas") => Some(call("karras", ends().collect())),
            Some("use_beta_sigmas") => {
                Some(call("beta", ["variant=diffusers".into()].into_iter().chain(ends()).collect()))
            }
            Some(_) => Some(call("exponential", ends().collect())),
            None if config.text("interpolation_type") == "log_linear" => {
                Some("exponential:final=sigma_min".into())
            }
            None => timesteps(config, spacing),
        },
        Family::Exploding => match class {
            "KarrasVeScheduler" => Some("exponential".into()),
            _ if config.text("sigma_schedule") == "exponential" => {
                Some(call("exponential", final_sigma(config).into_iter().collect()))
            }
            _ => {
                let rho = value("rho").filter(|rho| *rho != 7.0).map(|rho| format!("rho={rho}"));
                Some(call("karras", rho.into_iter().chain(final_sigma(config)).collect()))
            }
        },
        Family::Flow | Family::Stages => match class {
            "FlowMatchEulerDiscreteScheduler" | "FlowMatchLCMScheduler" if converts.is_none() => {
                Some(flow_grid(config, "shifted", "shift"))
            }
            "FlowMatchHeunDiscreteScheduler" => Some(flow_grid(config, "shifted", "shift")),
            "LTXEulerAncestralRFScheduler" => Some("flow-shift:base=shifted".into()),
            "FlowMapEulerDiscreteScheduler" | "MiniMaxH3Scheduler" => {
                Some(flow_grid(config, "inverse-steps", "shift"))
            }
            _ => None,
        },
        Family::ScoreSdeVe => Some(call(
            "exponential",
            value("sigma_min").map(|s| format!("sigma_min={s}")).into_iter().collect(),
        )),
        Family::ScoreSdeVp => {
            Some(format!("uniform with --eps {}", value("sampling_eps").unwrap_or(0.0)))
        }
        Family::Wuerstchen | Family::SineSquared | Family::Trig => Some("uniform".into()),
        Family::Refused(_) => None,
    }
}

/// The rule of spaced timesteps; `None` for classes with their own.
fn timesteps(config: &Config, spacing: Spacing) -> Option<String> {
    let family = match spacing {
        Spacing::Ddim => None,
        Spacing::Euler => Some("family=euler".to_string()),
        Spacing::Dpm => Some("family=dpm".to_string()),
        Spacing::Own => return None,
    };
    // A class without the key has linspace.
    let kind = match config.text("timestep_spacing") {
        "" => "linspace",
        kind => kind,
    };
    let mut arguments: Vec<String> = Vec::new();
    if kind != "leading" {
        arguments.push(format!("spacing={kind}"));
    }
    arguments.extend(family);
    let offset = config.number("steps_offset").ok().flatten().unwrap_or(0.0);
    if offset > 0.0 && kind == "leading" {
        arguments.push(format!("offset={offset}"));
    }
    let ends_above_zero = spacing == Spacing::Ddim && config.shown("set_alpha_to_one") == "false"
        || config.text("final_sigmas_type") == "sigma_min";
    if ends_above_zero {
        arguments.push("final=sigma_min".into());
    }
    Some(call("timesteps", arguments))
}

/// The text form of the sampler, or why there is none.
fn sampler(config: &Config) -> Result<String, &'static str> {
    let class = config.class.name;
    let value = |key: &str| config.number(key).ok().flatten();
    let given = |name: &str, keys: &[&str]| {
        let argument = |key: &&str| value(key).map(|value| format!("{key}={value}"));
        call(name, keys.iter().filter_map(argument).collect())
    };
    Ok(match class {
        "DDPMScheduler" | "DDPMParallelScheduler" => match config.text("variance_type") {
            "fixed_small" => "ddpm-ancestral".into(),
            "fixed_large" => "ddpm-ancestral:variance=fixed_large".into(),
            _ => return Err("variance_type is another variance than those of ddpm-ancestral"),
        },
        "UnCLIPScheduler" => match config.text("variance_type") {
            "fixed_small_log" => "ddpm-ancestral".into(),
            _ => return Err("variance_type is another variance than those of ddpm-ancestral"),
        },
        "DDPMWuerstchenScheduler" => "ddpm-ancestral".into(),
        "PNDMScheduler" if config.is("skip_prk_steps") => "plms".into(),
        "PNDMScheduler" => "pndm".into(),
        "EulerAncestralDiscreteScheduler" => "euler-ancestral".into(),
        "HeunDiscreteScheduler" | "FlowMatchHeunDiscreteScheduler" => "edm".into(),
        "LMSDiscreteScheduler" => "lms".into(),
        "KDPM2DiscreteScheduler" => "dpm-2".into(),
        "KDPM2AncestralDiscreteScheduler" => "dpm-2-ancestral".into(),
        "DPMSolverSDEScheduler" => "dpmpp-sde".into(),
        "DPMSolverMultistepScheduler"
        | "EDMDPMSolverMultistepScheduler"
        | "CosineDPMSolverMultistepScheduler" => return multistep(config),
        "DPMSolverSinglestepScheduler" => {
            let order = value("solver_order").unwrap_or(2.0);
            match config.text("algorithm_type") {
                "sde-dpmsolver++" if order == 1.0 => "ddim:eta=1".into(),
                _ if order == 1.0 => "ddim".into(),
                "sde-dpmsolver++" => format!("dpm-solver-singlestep-sde:order={order}"),
                "dpmsolver++" => format!("dpm-solver-singlestep:order={order}"),
                _ => format!("dpm-solver-singlestep:order={order},model=noise"),
            }
        }
        "DEISMultistepScheduler" => {
            let order = value("solver_order").unwrap_or(2.0);
            let mut arguments = vec![format!("order={order}")];
            if order > 1.0 && config.is("lower_order_final") {
                arguments.push("lower_order_final=under15".into());
            }
            call("deis", arguments)
        }
        "UniPCMultistepScheduler" => {
            let order = value("solver_order").unwrap_or(2.0);
            let mut arguments = vec![format!("order={order}")];
            if config.text("solver_type") == "bh1" {
                arguments.push("solver=bh1".into());
            }
            if !config.is("predict_x0") {
                arguments.push("prediction=noise".into());
            }
            if order > 1.0 && config.is("lower_order_final") {
                arguments.push("lower_order_final=always".into());
            }
            call("unipc", arguments)
        }
        "SASolverScheduler" => {
            // Noise is drawn at timesteps from 200 to 800.
            let ratio = |timestep: f64| match made(config) {
                Ok(Made { process, .. }) if process.training_steps().is_some() => {
                    process.level(timestep + 1.0).noise_ratio()
                }
                _ => timestep / (1000.0 - timestep),
            };
            format!(
                "sa-solver:predictor={},corrector={},tau_at=start,tau_min={:.4},tau_max={:.4},order_2=simple,lower_order_final=diffusers",
                value("predictor_order").unwrap_or(2.0),
                value("corrector_order").unwrap_or(2.0),
                ratio(199.5),
                ratio(800.5)
            )
        }
        "CogVideoXDPMScheduler" => "dpmpp-2m-sde".into(),
        "LCMScheduler" => "lcm:c_skip=yes".into(),
        "TCDScheduler" => "tcd".into(),
        "FlowMatchEulerDiscreteScheduler" if config.is("stochastic_sampling") => "lcm".into(),
        "CMStochasticIterativeScheduler"
        | "ConsistencyDecoderScheduler"
        | "FlowMatchLCMScheduler"
        | "SCMScheduler" => "lcm".into(),
        "LTXEulerAncestralRFScheduler" => given("euler-ancestral-rf", &["eta"]),
        "KarrasVeScheduler" => given("edm", &["s_churn", "s_min", "s_max", "s_noise"]),
        "IPNDMScheduler" => "ipndm:variant=diffusers".into(),
        "ScoreSdeVpScheduler" => "em".into(),
        "ScoreSdeVeScheduler" => {
            return Err("its corrector steps by norms of the state; near it: ei alone, or pc");
        }
        "DDIMInverseScheduler" | "DPMSolverMultistepInverseScheduler" => {
            return Err("it goes from data to noise");
        }
        "RePaintScheduler" => return Err("it repeats steps around known pixels"),
        "PiflowScheduler" => return Err("its network predicts a policy"),
        "RFD4ProteinaScheduler" => return Err("it rescales scores in time"),
        "HeliosScheduler" | "HeliosDMDScheduler" => return Err("its rule depends on the stage"),
        _ => "ddim".into(),
    })
}

/// DPM-Solver in several steps.
fn multistep(config: &Config) -> Result<String, &'static str> {
    let order = config.number("solver_order").ok().flatten().unwrap_or(2.0);
    // The cosine scheduler has the SDE only.
    let algorithm = match config.text("algorithm_type") {
        "" => "sde-dpmsolver++",
        "deis" => "dpmsolver++",
        algorithm => algorithm,
    };
    let (name, has_solver) = match (algorithm, order as u8) {
        ("dpmsolver++" | "dpmsolver", 1) => ("ddim", false),
        ("dpmsolver++", 2) => ("dpmpp-2m", true),
        ("dpmsolver++", 3) => ("dpmpp-3m", false),
        ("dpmsolver", 2) => ("dpm-solver-2m", true),
        ("dpmsolver", 3) => ("dpm-solver-3m", false),
        ("sde-dpmsolver++", 1) => ("euler-ancestral", false),
        ("sde-dpmsolver++", 2) => ("dpmpp-2m-sde", true),
        ("sde-dpmsolver++", 3) => ("dpmpp-3m:eta=1,variant=diffusers", false),
        ("sde-dpmsolver", 1) => ("dpm-solver-1-sde", false),
        ("sde-dpmsolver", 2) => ("dpm-solver-2m-sde", true),
        _ => return Err("no such algorithm_type and solver_order"),
    };
    let mut arguments = Vec::new();
    if has_solver && config.text("solver_type") == "heun" {
        arguments.push("solver=heun".to_string());
    }
    if order > 1.0 && config.is("euler_at_final") {
        arguments.push("lower_order_final=always".into());
    } else if order > 1.0 && config.is("lower_order_final") {
        arguments.push("lower_order_final=under15".into());
    }
    Ok(match name.contains(':') && !arguments.is_empty() {
        true => format!("{name},{}", arguments.join(",")),
        false => call(name, arguments),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grid, sampler};

    /// What notices name can be typed.
    #[test]
    fn grids_and_samplers_exist() -> Result<(), Box<dyn std::error::Error>> {
        let published: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/scheduler_configs.json"))?;
        let published = published["published"].as_array().ok_or("no list")?.iter();
        let mut configs: Vec<String> = published.map(|case| case["config"].to_string()).collect();
        for class in super::super::classes::CLASSES {
            for keys in [
                "\"solver_order\": 1",
                "\"solver_order\": 2, \"euler_at_final\": true",
                "\"solver_order\": 3, \"algorithm_type\": \"dpmsolver\"",
                "\"solver_order\": 2, \"solver_type\": \"heun\", \"algorithm_type\": \"sde-dpmsolver++\"",
                "\"solver_order\": 3, \"algorithm_type\": \"sde-dpmsolver++\"",
                "\"use_karras_sigmas\": true, \"final_sigmas_type\": \"sigma_min\", \"sigma_min\": 0.1, \"sigma_max\": 5",
                "\"use_exponential_sigmas\": true",
                "\"use_beta_sigmas\": true",
                "\"sigma_schedule\": \"exponential\"",
                "\"timestep_spacing\": \"trailing\", \"steps_offset\": 1",
                "\"timestep_spacing\": \"leading\", \"steps_offset\": 1, \"set_alpha_to_one\": false",
                "\"use_flow_sigmas\": true, \"flow_shift\": 3",
                "\"shift\": 3, \"shift_terminal\": 0.1",
                "\"variance_type\": \"fixed_large\", \"predict_x0\": false",
            ] {
                configs.push(format!("{{\"_class_name\": \"{}\", {keys}}}", class.name));
            }
        }
        let (mut grids, mut samplers) = (0, 0);
        for text in configs {
            let Ok(config) = Config::read(text.as_bytes()) else { continue };
            if let Some(text) = grid(&config) {
                let name = text.replace('…', "1");
                let name = name.split(" with ").next().unwrap_or(&name);
                assert!(grid::registry().build(name).is_ok(), "{}: {text}", config.class.name);
                grids += 1;
            }
            if let Ok(text) = sampler(&config) {
                assert!(sampler::registry().build(&text).is_ok(), "{}: {text}", config.class.name);
                samplers += 1;
            }
        }
        assert!(grids > 300 && samplers > 300, "{grids} {samplers}");
        Ok(())
    }
}
