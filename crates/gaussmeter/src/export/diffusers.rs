use super::runner::{Chosen, Runner, choose};
use super::{
    Asked, ExportError, Placed, Start, Target, flow_time, grid_at, is_flow, plain, python_list,
    sigmas, single_grid, to_data,
};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::{Grid, ratio_at};
use crate::process::Process;
use std::fmt::Write as _;

/// The list that a scheduler of diffusers accepts, and how the scheduler uses it:
///
/// | | takes |
/// |---|---|
/// | EulerDiscrete | `sigmas` σ/α, including the last |
/// | FlowMatchEulerDiscrete | `sigmas` u without the last; the scheduler applies its shift to them |
/// | EDMEuler | `sigmas` as positions on its Karras ramp from 0 to 1, without the last |
/// | HeunDiscrete | `timesteps`; σ/α is linear between whole ones |
/// | DPMSolverMultistep, DDPM | whole `timesteps` |
#[derive(Clone, Debug, PartialEq)]
struct Diffusers {
    scheduler: String,
    shift: f64,
}

/// What a scheduler is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Sigmas,
    FlowSigmas,
    Ramp,
    Timesteps { whole: bool },
}

const SOLVER: &[(&str, &str)] = &[("solver", "solver_type")];

const fn runner(
    name: &'static str,
    runs: &'static str,
    options: &'static [(&'static str, &'static str)],
    arguments: &'static str,
) -> Runner {
    Runner { name, runs, options, arguments }
}

/// Settings for every class that would otherwise convert its list; only one may be true.
const AS_LISTED: &[(&str, &str)] = &[
    ("use_karras_sigmas", "False"),
    ("use_exponential_sigmas", "False"),
    ("use_beta_sigmas", "False"),
];

/// The other keys of a class that change how it uses the list, with the values that a runner relies
/// on, except those set by a runner or by the list itself. Betas, the type of prediction, σ_data
/// and how the network is told its level belong to the model and are unchanged.
const PINNED: &[(&str, &[(&str, &str)])] = &[
    // This spacing starts at √(1 + σ²).
    ("EulerDiscreteScheduler", &[("timestep_spacing", "\"leading\"")]),
    ("HeunDiscreteScheduler", &[("timestep_spacing", "\"leading\""), ("clip_sample", "False")]),
    (
        "FlowMatchEulerDiscreteScheduler",
        &[
            ("use_dynamic_shifting", "False"),
            ("shift_terminal", "None"),
            ("invert_sigmas", "False"),
            ("stochastic_sampling", "False"),
        ],
    ),
    ("EDMEulerScheduler", &[("sigma_schedule", "\"karras\""), ("final_sigmas_type", "\"zero\"")]),
    (
        "DPMSolverMultistepScheduler",
        &[
            ("solver_type", "\"midpoint\""),
            ("lower_order_final", "True"),
            ("euler_at_final", "False"),
            ("thresholding", "False"),
            ("use_lu_lambdas", "False"),
            ("use_flow_sigmas", "False"),
        ],
    ),
    ("DDPMScheduler", &[("clip_sample", "False"), ("thresholding", "False")]),
];

/// The arguments of a configuration, one per line: those of the runner and of its list, then the
/// keys that would undo them.
fn pinned(scheduler: &str, own: &[&str]) -> String {
    let converts = !["EDMEulerScheduler", "DDPMScheduler"].contains(&scheduler);
    let others = PINNED.iter().filter(|(name, _)| *name == scheduler).flat_map(|(_, keys)| *keys);
    let all = AS_LISTED.iter().filter(|_| converts).chain(others);
    let mut lines: Vec<String> =
        own.iter().filter(|text| !text.is_empty()).map(|text| format!("    {text},\n")).collect();
    for (key, value) in all {
        let is_set = |line: &String| line.contains(&format!(" {key}="));
        if !lines.iter().any(is_set) {
            lines.push(format!("    {key}={value},\n"));
        }
    }
    lines.concat()
}

static RUNNERS: &[Runner] = &[
    runner("EulerDiscreteScheduler", "ddim", &[], ""),
    runner("FlowMatchEulerDiscreteScheduler", "ddim", &[], ""),
    runner("EDMEulerScheduler", "ddim", &[], ""),
    runner("HeunDiscreteScheduler", "edm", &[], ""),
    runner(
        "DPMSolverMultistepScheduler",
        "dpmpp-2m:lower_order_final=under15",
        SOLVER,
        "algorithm_type=\"dpmsolver++\", solver_order=2",
    ),
    runner(
        "DPMSolverMultistepScheduler",
        "dpmpp-2m-sde:lower_order_final=under15",
        SOLVER,
        "algorithm_type=\"sde-dpmsolver++\", solver_order=2",
    ),
    runner(
        "DPMSolverMultistepScheduler",
        "ddim",
        &[],
        "algorithm_type=\"dpmsolver++\", solver_order=1",
    ),
    runner("DDPMScheduler", "euler-ancestral", &[], "variance_type=\"fixed_small\""),
];

/// Schedulers that take no list, and what to use instead.
const REFUSED: &[(&str, &str)] = &[
    ("DDIMScheduler", "EulerDiscreteScheduler, which takes the same steps"),
    ("PNDMScheduler", "DPMSolverMultistepScheduler"),
    ("DEISMultistepScheduler", "DPMSolverMultistepScheduler"),
    ("SASolverScheduler", "DPMSolverMultistepScheduler"),
    ("UniPCMultistepScheduler", "DPMSolverMultistepScheduler, or FlowMatchEulerDiscreteScheduler"),
    ("LMSDiscreteScheduler", "sample_lms of k-diffusion"),
    ("IPNDMScheduler", "DPMSolverMultistepScheduler"),
    ("KDPM2DiscreteScheduler", "HeunDiscreteScheduler, or sample_dpm_2 of k-diffusion"),
    ("KDPM2AncestralDiscreteScheduler", "sample_dpm_2_ancestral of k-diffusion"),
    ("EulerAncestralDiscreteScheduler", "DDPMScheduler, which takes the same steps"),
    ("DPMSolverSDEScheduler", "sample_dpmpp_sde of k-diffusion"),
    ("EDMDPMSolverMultistepScheduler", "EDMEulerScheduler, or sample_dpmpp_2m of k-diffusion"),
    ("FlowMatchHeunDiscreteScheduler", "FlowMatchEulerDiscreteScheduler"),
    ("CosineDPMSolverMultistepScheduler", "sample_dpmpp_2m_sde of k-diffusion"),
    ("CogVideoXDDIMScheduler", "EulerDiscreteScheduler"),
    ("CogVideoXDPMScheduler", "DPMSolverMultistepScheduler"),
];

const WHAT: &str = "scheduler of diffusers";

/// The list of a scheduler, by name.
fn list_of(name: &str) -> List {
    match name {
        "FlowMatchEulerDiscreteScheduler" => List::FlowSigmas,
        "EDMEulerScheduler" => List::Ramp,
        "HeunDiscreteScheduler" => List::Timesteps { whole: false },
        "DPMSolverMultistepScheduler" | "DDPMScheduler" => List::Timesteps { whole: true },
        _ => List::Sigmas,
    }
}

impl Target for Diffusers {
    fn place(&self, asked: &Asked<'_>) -> Result<Placed, ExportError> {
        let wanted = full_name(&self.scheduler);
        let matches = |name: &&(&'static str, _)| name.0.eq_ignore_ascii_case(&wanted);
        if let Some((runner, instead)) = REFUSED.iter().find(matches) {
            return Err(ExportError::Refused { runner, instead });
        }
        let discrete = asked.grid.process().training_steps().is_some();
        let suits = |runner: &Runner| match list_of(runner.name) {
            List::FlowSigmas => is_flow(asked.grid),
            List::Ramp => !discrete && asked.grid.levels().iter().all(|l| l.alpha == 1.0),
            List::Sigmas => {
                discrete
                    || !(is_flow(asked.grid) || asked.grid.levels().iter().all(|l| l.alpha == 1.0))
            }
            List::Timesteps { .. } => discrete,
        };
        let chosen = choose(WHAT, &wanted, RUNNERS, suits, asked)?;
        match list_of(chosen.runner.name) {
            List::Sigmas => by_sigmas(asked.grid, chosen),
            List::FlowSigmas => by_flow_sigmas(asked.grid, chosen, self.shift),
            List::Ramp => by_ramp(asked.grid, chosen),
            List::Timesteps { whole } => by_timesteps(asked.grid, chosen, whole),
        }
    }
}

/// A name with the common ending.
fn full_name(name: &str) -> String {
    let is_full = name == "auto" || name.to_lowercase().ends_with("scheduler");
    if is_full { name.into() } else { format!("{name}Scheduler") }
}

/// The contents of the snippet.
struct Snippet<'a> {
    scheduler: &'a str,
    argument: &'static str,
    /// Name of the list: not that of the argument if its numbers are not σ/α.
    list: &'static str,
    digits: &'a [String],
    /// Arguments of its configuration, one per line.
    configuration: String,
    /// How it is called, if pipelines cannot pass the list on.
    call: Option<&'static str>,
}

impl Snippet<'_> {
    fn text(&self) -> String {
        let Snippet { scheduler, argument, list, digits, configuration, call } = self;
        let mut text = format!("from diffusers import {scheduler}\n");
        if call.is_some() {
            text += "import torch\n";
        }
        let assignment = python_list(list, digits, "", "");
        let _ = write!(
            text,
            "\n{assignment}\n# Whatever the pipeline's configuration says: these decide what becomes of the list.\n\
             scheduler = {scheduler}.from_config(\n    pipe.scheduler.config,\n{configuration})\n"
        );
        match call {
            Some(call) => text + call,
            None => {
                text + &format!(
                    "pipe.scheduler = scheduler\nimages = pipe(prompt, {argument}={list}).images\n"
                )
            }
        }
    }
}

fn by_sigmas(grid: &Grid, chosen: Chosen<'_>) -> Result<Placed, ExportError> {
    let name = chosen.runner.name;
    let (values, grid) = single_grid(name, grid)?;
    let digits: Vec<String> = values.iter().map(plain).collect();
    let mut changes: Vec<String> = chosen.change.into_iter().collect();
    changes.push("sigmas are rounded to float32".into());
    if grid.process().training_steps().is_some() {
        let lowest = grid.process().level(1.0).noise_ratio();
        let below = grid.levels().iter().filter(|l| l.sigma > 0.0 && l.noise_ratio() < lowest);
        match below.count() {
            0 => {}
            n => changes.push(format!(
                "{n} level(s) above 0 lie below sigma/alpha = {lowest:.6}, the level of training timestep 0, which the network is told instead"
            )),
        }
    }
    let code = Snippet {
        scheduler: name,
        argument: "sigmas",
        list: "sigmas",
        digits: &digits,
        configuration: pinned(name, &[&chosen.arguments]),
        call: None,
    };
    Ok(Placed {
        runner: name.into(),
        sampler: chosen.sampler,
        grid,
        start: Start::Unit,
        argument: "sigmas",
        values: values.into_iter().map(f64::from).collect(),
        code: code.text(),
        digits,
        changes,
    })
}

fn by_flow_sigmas(grid: &Grid, chosen: Chosen<'_>, shift: f64) -> Result<Placed, ExportError> {
    let name = chosen.runner.name;
    if grid.start().variance_preserving {
        return Err(ExportError::NotFlow { runner: name });
    }
    let (grid, change) = to_data(name, grid)?;
    let steps = grid.step_count();
    // The scheduler turns v into u = s v/(1 + (s − 1) v), in float32.
    let given = |u: f64| (u / (shift - (shift - 1.0) * u)) as f32;
    let taken = |v: f32| {
        let (v, s) = (v, shift as f32);
        f64::from(s * v / (1.0 + (s - 1.0) * v))
    };
    let values: Vec<f32> = grid.levels()[..steps].iter().map(|l| given(flow_time(l))).collect();
    let mut times: Vec<f64> = values.iter().map(|v| taken(*v)).collect();
    let mut changes: Vec<String> = chosen.change.into_iter().chain(change).collect();
    times.push(0.0);
    let process = grid.process();
    let time = |u: f64| process.time_of(u / (1.0 - u)).unwrap_or(process.t_max());
    let times: Vec<f64> = times.into_iter().map(time).collect();
    let grid = grid_at(name, &grid, &times)?;
    changes.push(match shift {
        1.0 => "the list holds u = sigma/(alpha + sigma) in float32, without the last, which the scheduler adds".into(),
        s => format!("the list holds the values that the scheduler's shift {s} turns into u = sigma/(alpha + sigma), in float32, without the last, which it adds"),
    });
    let digits: Vec<String> = values.iter().map(plain).collect();
    let configuration = pinned(name, &[&chosen.arguments, &format!("shift={}", plain(shift))]);
    let code = Snippet {
        scheduler: name,
        argument: "sigmas",
        list: "u",
        digits: &digits,
        configuration,
        call: None,
    };
    Ok(Placed {
        runner: name.into(),
        sampler: chosen.sampler,
        grid,
        start: Start::Flow,
        argument: "sigmas",
        values: values.into_iter().map(f64::from).collect(),
        code: code.text(),
        digits,
        changes,
    })
}

/// ρ of the ramp.
const RHO: f64 = 7.0;

fn by_ramp(grid: &Grid, chosen: Chosen<'_>) -> Result<Placed, ExportError> {
    let name = chosen.runner.name;
    let (grid, change) = to_data(name, grid)?;
    let levels = sigmas(name, &grid)?;
    let levels = &levels[..levels.len() - 1];
    let root = |s: f64| s.powf(RHO.recip());
    let (high, last) = (levels[0], levels[levels.len() - 1]);
    // A single level leaves the lower end of the ramp free.
    let low = if last < high { last } else { 0.5 * high };
    // σ = (h + r (l − h))^ρ with the roots h and l of the ends.
    let values: Vec<f64> =
        levels.iter().map(|s| (root(*s) - root(high)) / (root(low) - root(high))).collect();
    let taken = |r: &f64| (root(high) + r * (root(low) - root(high))).powf(RHO) as f32;
    let mut times: Vec<f64> = values.iter().map(|r| f64::from(taken(r))).collect();
    let largest = grid.process().level(grid.process().t_max()).noise_ratio();
    times[0] = times[0].min(largest);
    times.push(0.0);
    let grid = Grid::from_sigmas(grid.process().clone(), &times)
        .map_err(|source| ExportError::Grid { runner: name.into(), source })?;
    let digits: Vec<String> = values.iter().map(plain).collect();
    let mut changes: Vec<String> = chosen.change.into_iter().chain(change).collect();
    changes.push(format!(
        "the list holds positions on the scheduler's Karras ramp from sigma {high} to {low} (rho = {RHO}), which it converts to float32 sigmas, and ends with 0"
    ));
    let ramp = [high, low, RHO].map(plain);
    let ramp = format!("sigma_max={}, sigma_min={}, rho={}", ramp[0], ramp[1], ramp[2]);
    let configuration = pinned(name, &[&ramp]);
    let code = Snippet {
        scheduler: name,
        argument: "sigmas",
        list: "ramp",
        digits: &digits,
        configuration,
        call: Some(
            "sigmas = torch.tensor(ramp, dtype=torch.float64)\n\
             scheduler.set_timesteps(num_inference_steps=len(sigmas), sigmas=sigmas)\n\
             x = torch.randn(shape) * scheduler.init_noise_sigma\n\
             for t in scheduler.timesteps:\n    \
                 output = unet(scheduler.scale_model_input(x, t), t).sample\n    \
                 x = scheduler.step(output, t, x).prev_sample\n",
        ),
    };
    Ok(Placed {
        runner: name.into(),
        sampler: chosen.sampler,
        grid,
        start: Start::Unit,
        argument: "sigmas",
        code: code.text(),
        values,
        digits,
        changes,
    })
}

fn by_timesteps(grid: &Grid, chosen: Chosen<'_>, whole: bool) -> Result<Placed, ExportError> {
    let name = chosen.runner.name;
    let process = grid.process().clone();
    let total = process.training_steps().ok_or(ExportError::NotDiscrete { runner: name })?;
    let last = total as f64 - 1.0;
    let mut changes: Vec<String> = chosen.change.into_iter().collect();
    let mut arguments = chosen.arguments.clone();

    // Where it ends: at the data, or at training timestep 0 if the scheduler can end there.
    let end = grid.end();
    let keeps = name == "DPMSolverMultistepScheduler" && end.sigma > 0.0;
    let grid = if keeps {
        if end.t != 1.0 {
            changes.push(format!(
                "the last level, sigma/alpha = {}, becomes {}, the level of training timestep 0",
                end.noise_ratio(),
                process.level(1.0).noise_ratio()
            ));
        }
        grid.clone()
    } else {
        let (grid, change) = to_data(name, grid)?;
        changes.extend(change);
        grid
    };
    if name == "DPMSolverMultistepScheduler" {
        let last = if keeps { "sigma_min" } else { "zero" };
        let _ = write!(arguments, ", final_sigmas_type=\"{last}\"");
    }

    let steps = grid.step_count();
    let exact: Vec<f64> =
        grid.levels()[..steps].iter().map(|l| timestep_of(&*process, l.noise_ratio())).collect();
    let (values, digits): (Vec<f64>, Vec<String>) = if whole {
        let lowest = if keeps { 1.0 } else { 0.0 };
        let values = whole_timesteps(&*process, &exact, last, lowest)
            .ok_or(ExportError::Crowded { runner: name, steps, first: exact[0].round() })?;
        let largest = values.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        changes.push(format!(
            "timesteps are whole: {} become {}, off by at most {largest:.2}",
            short(&exact),
            short(&values)
        ));
        let digits = values.iter().map(|v| v.to_string()).collect();
        (values, digits)
    } else {
        changes.push("timesteps are rounded to float32".into());
        let single: Vec<f32> = exact.iter().map(|t| *t as f32).collect();
        (single.iter().map(|t| f64::from(*t)).collect(), single.iter().map(plain).collect())
    };
    let mut times: Vec<f64> = values
        .iter()
        .map(|k| match k.fract() == 0.0 {
            true => k + 1.0,
            false => process.time_of(ratio_at(&*process, *k)).unwrap_or(k + 1.0),
        })
        .collect();
    times.push(if keeps { 1.0 } else { 0.0 });
    let grid = grid_at(name, &grid, &times)?;
    let code = Snippet {
        scheduler: name,
        argument: "timesteps",
        list: "timesteps",
        digits: &digits,
        configuration: pinned(name, &[&arguments]),
        call: None,
    };
    Ok(Placed {
        runner: name.into(),
        sampler: chosen.sampler,
        grid,
        start: Start::Unit,
        argument: "timesteps",
        code: code.text(),
        values,
        digits,
        changes,
    })
}

/// The training timestep, linear in σ/α between whole ones; 0 below all of them.
fn timestep_of(process: &dyn Process, ratio: f64) -> f64 {
    let total = process.training_steps().unwrap_or(0);
    let level = |k: usize| process.level(k as f64 + 1.0).noise_ratio();
    let (mut low, mut high) = (0, total.saturating_sub(1));
    if ratio <= level(low) {
        return 0.0;
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if level(middle) <= ratio { low = middle } else { high = middle }
    }
    if ratio >= level(high) {
        return high as f64;
    }
    low as f64 + (ratio - level(low)) / (level(high) - level(low))
}

/// The nearest whole timesteps in log σ/α, with duplicates moved apart: towards the data, and back
/// where there is no room left.
fn whole_timesteps(
    process: &dyn Process,
    exact: &[f64],
    last: f64,
    lowest: f64,
) -> Option<Vec<f64>> {
    let mut whole: Vec<f64> = exact
        .iter()
        .map(|t| {
            let [low, here, high] = [t.floor(), *t, t.ceil()].map(|t| ratio_at(process, t).ln());
            if here - low <= high - here { t.floor() } else { t.ceil() }
        })
        .collect();
    for k in 1..whole.len() {
        whole[k] = whole[k].min(whole[k - 1] - 1.0);
    }
    let mut floor = lowest;
    for value in whole.iter_mut().rev() {
        *value = value.max(floor);
        floor = *value + 1.0;
    }
    (whole.first().is_none_or(|first| *first <= last)).then_some(whole)
}

/// A list in one line, shortened.
fn short(values: &[f64]) -> String {
    let text = |v: &f64| if v.fract() == 0.0 { v.to_string() } else { format!("{v:.2}") };
    match values {
        [a, b, c, .., z] if values.len() > 8 => {
            format!("{}, {}, {}, …, {}", text(a), text(b), text(c), text(z))
        }
        all => all.iter().map(text).collect::<Vec<_>>().join(", "),
    }
}

pub(super) static ENTRY: Entry<dyn Target> = Entry {
    name: "diffusers",
    aliases: &[],
    summary: "sigmas= or timesteps= of a scheduler of diffusers",
    source: "diffusers 0.42.1, set_timesteps of each scheduler",
    order: None,
    parameters: &[
        Parameter {
            name: "scheduler",
            kind: Kind::Text,
            default: Some("auto"),
            summary: "class of the scheduler, such as DPMSolverMultistepScheduler; auto: the one that takes the same steps",
        },
        Parameter {
            name: "shift",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "shift of a flow scheduler, which it applies to the list again: the export undoes it beforehand",
        },
    ],
    build: |a| {
        let (scheduler, shift) = (a.text("scheduler").to_string(), a.number("shift"));
        Ok(Box::new(Diffusers { scheduler, shift }))
    },
};
