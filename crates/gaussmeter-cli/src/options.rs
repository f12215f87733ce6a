//! Options shared by all commands that run samplers.

use crate::failure::Failure;
use crate::output::note;
use clap::Args;
use gaussmeter::entry::{Named, split_list};
use gaussmeter::exact::Init;
use gaussmeter::experiment::{Length, MAX_STEPS, NamedSampler, Setting};
use gaussmeter::metric::Metric;
use gaussmeter::spectrum::Spectrum;
use gaussmeter::{data, exact, grid, metric, process, sampler};
use std::sync::Arc;

/// The samplers of the paper's table.
pub const PAPER_SAMPLERS: &str = "em,ei,ddpm,euler,heun,rk4";

/// Data, process and grid.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct SettingOptions {
    /// Data: a preset, such as cifar10 or power-law:d=3072,alpha=1.5 (see `gaussmeter list
    /// spectra`), or a file of eigenvalues (.npy, .npz, .csv, .txt, .json) [default: cifar10]
    #[arg(long, value_name = "NAME|FILE")]
    pub spectrum: Option<String>,
    #[command(flatten)]
    pub dynamics: ProcessOptions,
}

/// Process and grid.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct ProcessOptions {
    /// Forward process, such as edm:sigma_max=80 (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", default_value = "vp-linear")]
    pub process: String,
    /// Where the times go: uniform, karras, sigmas:FILE with its own levels, … (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME", default_value = "uniform")]
    pub grid: String,
}

impl SettingOptions {
    /// Loads the data and builds process and grid; notices go to stderr.
    pub fn build(&self, default_spectrum: &str) -> Result<Setting, Failure> {
        // Names are checked before files are read.
        let build = self.dynamics.names()?;
        let spectrum = data::load(self.spectrum.as_deref().unwrap_or(default_spectrum))?;
        for notice in spectrum.notices() {
            note(format!("{}: {notice}", spectrum.name()));
        }
        Ok(build(spectrum))
    }
}

impl ProcessOptions {
    /// Builds process and grid for a spectrum.
    pub fn build(&self, spectrum: Spectrum) -> Result<Setting, Failure> {
        Ok(self.names()?(spectrum))
    }

    fn names(&self) -> Result<impl FnOnce(Spectrum) -> Setting, Failure> {
        let process = process::registry().build(&self.process)?;
        let rule = grid::registry().build(&self.grid)?;
        Ok(|spectrum| Setting {
            spectrum: Arc::new(spectrum),
            process: process.item.into(),
            process_label: process.label,
            rule: rule.item.into(),
            rule_label: rule.label,
        })
    }
}

/// How long samplers run.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct LengthOptions {
    /// Number of steps
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Budget of network evaluations: as many steps as fit
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true)]
    pub nfe: Option<usize>,
    /// Number of grid points, one more than steps (the paper's N)
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true)]
    pub points: Option<usize>,
}

impl LengthOptions {
    /// Whether a length was asked for.
    #[cfg(feature = "data")]
    pub fn is_given(&self) -> bool {
        self.steps.or(self.nfe).or(self.points).is_some()
    }

    /// The length asked for; else that of the grid's own times; else `default`.
    pub fn length(&self, setting: &Setting, default: Length) -> Length {
        match (self.steps, self.nfe, self.points) {
            (Some(n), _, _) => Length::Steps(n),
            (_, Some(n), _) => Length::Nfe(n),
            (_, _, Some(n)) => Length::Points(n),
            _ => match setting.rule.own_steps() {
                Some(steps) => Length::Points(steps + 1),
                None => default,
            },
        }
    }
}

/// Refuses a path where nothing is.
#[cfg(feature = "data")]
pub fn exists(path: &std::path::Path) -> Result<(), Failure> {
    match path.exists() {
        true => Ok(()),
        false => Err(data::DataError::NoSuchFile { path: path.into() }.into()),
    }
}

/// The truncation time: asked for, else where the grid ends by itself, else `default`.
pub fn eps(asked: Option<f64>, setting: &Setting, default: f64) -> f64 {
    asked.or_else(|| setting.rule.own_end(&*setting.process)).unwrap_or(default)
}

/// The members of comma-separated lists, each given to `build`.
fn each<T>(
    option: &str,
    texts: &[String],
    build: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let names: Vec<String> = texts.iter().flat_map(|t| split_list(t)).collect();
    if names.is_empty() {
        return Err(Failure::Usage(format!("{option} is an empty list")));
    }
    names.iter().map(|name| build(name)).collect()
}

/// Samplers, from comma-separated lists.
pub fn samplers(texts: &[String]) -> Result<Vec<NamedSampler>, Failure> {
    let registry = sampler::registry();
    each("--sampler", texts, |name| Ok(registry.build(name)?))
}

/// Initial laws with their labels, from comma-separated lists.
pub fn inits(texts: &[String]) -> Result<Vec<(String, Init)>, Failure> {
    each("--init", texts, init)
}

/// An initial law with its label.
pub fn init(text: &str) -> Result<(String, Init), Failure> {
    let named = exact::init_registry().build(text)?;
    Ok((named.label, *named.item))
}

/// What is measured.
#[derive(Debug, Args)]
pub struct MetricOption {
    /// What is measured: w2, kl-forward, kl-reverse, trace (see `gaussmeter list metrics`)
    #[arg(long, value_name = "NAME", default_value = "w2")]
    pub metric: String,
}

impl MetricOption {
    /// The metric.
    pub fn build(&self) -> Result<Named<dyn Metric>, Failure> {
        Ok(metric::registry().build(&self.metric)?)
    }
}

/// Parses a truncation time.
pub fn parse_time(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        // `+ 0.0` turns -0 into 0.
        Ok(t) if t.is_finite() && t >= 0.0 => Ok(t + 0.0),
        Ok(_) => Err("times are finite and not negative".into()),
        Err(_) => Err("not a number".into()),
    }
}

/// Parses a number of steps, points, evaluations or rows.
pub fn parse_length(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(n) if n <= MAX_STEPS => Ok(n),
        _ => Err(format!("not a whole number from 0 to {MAX_STEPS}")),
    }
}
