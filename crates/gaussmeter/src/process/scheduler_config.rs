use super::vp_discrete::betas;
use super::{Edm, Flow, Process, VpDiscrete, VpDiscreteError};
use crate::entry::{Entry, Kind, Parameter};
use serde_json::{Map, Value};
use std::path::Path;
use thiserror::Error;

/// The process that a `scheduler_config.json` of diffusers describes: [`VpDiscrete`] with its betas,
/// [`Edm`] up to its `sigma_max`, or [`Flow`] (whose shift places times, and is no matter of the
/// process).
///
/// # Errors
/// [`ConfigError`]
pub fn from_scheduler_config(json: &[u8]) -> Result<Box<dyn Process>, ConfigError> {
    let config: Map<String, Value> =
        serde_json::from_slice(json).map_err(|e| ConfigError::Malformed(e.to_string()))?;
    let class = config.get("_class_name").and_then(Value::as_str).unwrap_or("");
    let is_true = |key| config.get(key).and_then(Value::as_bool).unwrap_or(false);
    if class.starts_with("FlowMatch") || is_true("use_flow_sigmas") {
        return Ok(Box::new(Flow));
    }
    if class.contains("EDM") {
        return match number(&config, "sigma_max", 80.0)? {
            top if top > 0.0 => Ok(Box::new(Edm::new(top))),
            _ => Err(ConfigError::Value("sigma_max", "a positive number")),
        };
    }
    let table = match config.get("trained_betas") {
        None | Some(Value::Null) => named(&config, class)?,
        Some(Value::Array(list)) => list
            .iter()
            .map(|b| b.as_f64().ok_or(ConfigError::Value("trained_betas", "a list of numbers")))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(ConfigError::Value("trained_betas", "a list of numbers")),
    };
    let process = match is_true("rescale_betas_zero_snr") {
        true => VpDiscrete::zero_snr(&table)?,
        false => VpDiscrete::new(&table)?,
    };
    Ok(Box::new(process))
}

/// Largest file that is read, in bytes: a million betas.
const LARGEST: u64 = 32 << 20;

/// Largest number of training timesteps that is believed.
const MOST_STEPS: f64 = 1e6;

/// The table of `beta_schedule`, with the defaults of the class.
fn named(config: &Map<String, Value>, class: &str) -> Result<Vec<f64>, ConfigError> {
    const KNOWN: [&str; 4] = ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"];
    let is_latent =
        ["Heun", "KDPM2", "DPMSolverSDE", "LCM", "TCD"].iter().any(|c| class.contains(c));
    let (start, end) = if is_latent { (0.00085, 0.012) } else { (0.0001, 0.02) };
    let default = if class.contains("LCM") || class.contains("TCD") { KNOWN[1] } else { KNOWN[0] };
    let schedule = match config.get("beta_schedule") {
        None => default,
        Some(value) => value.as_str().unwrap_or(""),
    };
    if !KNOWN.contains(&schedule) {
        return Err(ConfigError::Schedule(config["beta_schedule"].to_string(), KNOWN.join(", ")));
    }
    let steps = number(config, "num_train_timesteps", 1000.0)?;
    if !(1.0..=MOST_STEPS).contains(&steps) || steps.fract() != 0.0 {
        return Err(ConfigError::Value("num_train_timesteps", "a whole number up to 1000000"));
    }
    let start = number(config, "beta_start", start)?;
    let end = number(config, "beta_end", end)?;
    Ok(betas(schedule, start, end, steps as usize))
}

fn number(
    config: &Map<String, Value>,
    key: &'static str,
    default: f64,
) -> Result<f64, ConfigError> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value.as_f64().ok_or(ConfigError::Value(key, "a number")),
    }
}

/// A `scheduler_config.json` does not describe a process.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no JSON object.
    #[error("not a scheduler_config.json: {0}")]
    Malformed(String),
    /// A key has another type, or a value out of range.
    #[error("'{0}' is not {1}")]
    Value(&'static str, &'static str),
    /// Its betas are not known.
    #[error("unknown beta_schedule {0} (known: {1})")]
    Schedule(String, String),
    /// Its betas make no process.
    #[error(transparent)]
    Betas(#[from] VpDiscreteError),
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "diffusers",
    aliases: &["scheduler-config"],
    summary: "the process of a scheduler_config.json: vp-discrete with its betas, edm, or flow",
    source: "diffusers 0.42.1, configurations of its schedulers",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "the file scheduler/scheduler_config.json of a model",
    }],
    build: |a| {
        let path = Path::new(a.text("file"));
        let file = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let bytes = crate::file::read(path, LARGEST)?;
        from_scheduler_config(&bytes).map_err(|e| file(&e).into())
    },
};
