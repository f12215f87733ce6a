//! The processes of diffusers' scheduler configurations.
//!
//! Every class of diffusers is in [`classes`], with its keys and defaults in `classes.json`, and has a
//! process of one of the families of [`made`], or a reason why not. What a file says about times and
//! solver is no matter of the process: [`own`] says by which grid and sampler it is had.

mod classes;
mod config;
mod keys;
mod made;
mod own;
mod sine_squared;
mod wuerstchen;

use super::{Noticed, Process, VpDiscreteError};
use crate::entry::{Entry, EntryError, Kind, Parameter};
use config::Config;
use made::{Made, made};
use std::path::Path;
use thiserror::Error;

/// The process that a `scheduler_config.json` of diffusers describes: every class of diffusers with
/// its own defaults, on its own levels. Its [`Process::notices`] say what else the file asks for.
///
/// # Errors
/// [`ConfigError`]
pub fn from_scheduler_config(json: &[u8]) -> Result<Box<dyn Process>, ConfigError> {
    let config = Config::read(json)?;
    let Made { process, text, notices } = made(&config)?;
    let mut all = own::notices(&config, text.as_deref());
    all.extend(notices);
    all.extend(config.strangers);
    Ok(Box::new(Noticed::new(process, all)))
}

/// The scheduler classes of diffusers, each with its process in one word, or `None` where it has none.
pub fn scheduler_classes() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    classes::CLASSES.iter().map(|class| (class.name, class.family.process()))
}

/// A `scheduler_config.json` does not describe a process.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no JSON object.
    #[error("not a scheduler_config.json: {0}")]
    Malformed(String),
    /// It does not say what it configures.
    #[error(
        "not a scheduler_config.json: it has no '_class_name', such as \"EulerDiscreteScheduler\""
    )]
    NoClass,
    /// Its class is no scheduler of diffusers.
    #[error(
        "'{0}' is no scheduler of diffusers 0.42.1{hint}",
        hint = match .1 {
            Some(name) => format!(": did you mean '{name}'?"),
            None => "; a model's is in the file scheduler/scheduler_config.json".into(),
        }
    )]
    Class(String, Option<String>),
    /// Its class, or a value of it, has no Gaussian process.
    #[error("{0}: {1}")]
    Refused(String, String),
    /// A key without default is not there.
    #[error("{0} needs '{1}'")]
    Missing(String, String),
    /// A key has another type, or a value out of range.
    #[error("'{0}' is not {1}")]
    Value(String, &'static str),
    /// A value is none of the words that the class knows.
    #[error("unknown {0} {1} (known: {2})")]
    Word(String, String, String),
    /// Its values make no process.
    #[error(transparent)]
    Process(Box<EntryError>),
    /// Its betas make no process.
    #[error(transparent)]
    Betas(#[from] VpDiscreteError),
}

/// Largest file that is read.
const LARGEST: u64 = 1 << 26;

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "diffusers",
    aliases: &["scheduler-config"],
    summary: "the process of a scheduler_config.json, whatever its class; notes say what else it asks for",
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
