//! Options shared by all commands that run samplers.

use crate::failure::Failure;
use clap::{ArgAction, Args};
use gaussmeter::entry::{Named, split_list};
use gaussmeter::exact::Init;
use gaussmeter::experiment::{Length, NamedSampler, Setting};
use gaussmeter::metric::Metric;
use gaussmeter::{data, exact, grid, metric, process, sampler};
use std::io::Write;
use std::sync::Arc;

/// The samplers of the paper's table.
pub const PAPER_SAMPLERS: &str = "em,ei,ddpm,euler,heun,rk4";

/// Data, process and grid.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct SettingOptions {
    /// Data: a preset (cifar10, cifar10-icml2025, power-law:d=…,alpha=…, white:d=…, …; see
    /// `gaussmeter list spectra`) or a file of eigenvalues (.npy, .npz, .csv, .txt, .json)
    #[arg(long, value_name = "NAME|FILE")]
    pub spectrum: Option<String>,
    /// Forward process, such as vp-linear:beta_min=0.05,beta_max=10,t_max=1 (see `list processes`)
    #[arg(long, value_name = "NAME", default_value = "vp-linear")]
    pub process: String,
    /// Where the times go: uniform, times:FILE (see `list grids`)
    #[arg(long, value_name = "NAME", default_value = "uniform")]
    pub grid: String,
}

impl SettingOptions {
    /// Loads the data and builds process and grid; notices go to stderr.
    pub fn build(&self, default_spectrum: &str) -> Result<Setting, Failure> {
        let process = process::registry().build(&self.process)?;
        let rule = grid::registry().build(&self.grid)?;
        let spectrum = data::load(self.spectrum.as_deref().unwrap_or(default_spectrum))?;
        for notice in spectrum.notices() {
            let _ = writeln!(std::io::stderr(), "note: {}: {notice}", spectrum.name());
        }
        Ok(Setting {
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
    #[arg(long, value_name = "N", help_heading = "Length")]
    pub steps: Option<usize>,
    /// Budget of network evaluations: as many steps as fit
    #[arg(long, value_name = "N", help_heading = "Length")]
    pub nfe: Option<usize>,
    /// Number of grid points, one more than steps (the paper's N)
    #[arg(long, value_name = "N", help_heading = "Length")]
    pub points: Option<usize>,
}

impl LengthOptions {
    /// The length asked for; else that of the grid's own times; else `default`.
    pub fn length(&self, setting: &Setting, default: Length) -> Length {
        match (self.steps, self.nfe, self.points) {
            (Some(n), _, _) => Length::Steps(n),
            (_, Some(n), _) => Length::Nfe(n),
            (_, _, Some(n)) => Length::Points(n),
            _ => match setting.rule.own_times() {
                Some(times) => Length::Points(times.len()),
                None => default,
            },
        }
    }
}

/// The truncation time: asked for, else the end of the grid's own times, else `default`.
pub fn eps(asked: Option<f64>, setting: &Setting, default: f64) -> f64 {
    asked.or(setting.rule.own_times().and_then(|t| t.last().copied())).unwrap_or(default)
}

/// Which samplers.
#[derive(Debug, Args)]
pub struct SamplerOptions {
    /// Sampler, repeatable or as a comma-separated list (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME", action = ArgAction::Append, help_heading = "Samplers")]
    pub sampler: Vec<String>,
}

impl SamplerOptions {
    /// The samplers asked for; else `default`.
    pub fn build(&self, default: &str) -> Result<Vec<NamedSampler>, Failure> {
        let registry = sampler::registry();
        let texts = if self.sampler.is_empty() { vec![default.to_string()] } else { self.sampler.clone() };
        let names: Vec<String> = texts.iter().flat_map(|t| split_list(t)).collect();
        if names.is_empty() {
            return Err(Failure::Usage("--sampler names no sampler".into()));
        }
        names.iter().map(|name| Ok(registry.build(name)?)).collect()
    }
}

/// An initial law with its label.
pub fn init(text: &str) -> Result<(String, Init), Failure> {
    let named = exact::init_registry().build(text)?;
    Ok((named.label, *named.item))
}

/// What is measured.
#[derive(Debug, Args)]
pub struct MetricOption {
    /// What is measured: w2, kl-forward, kl-reverse, trace
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
        Ok(t) if t.is_finite() && t >= 0.0 => Ok(t),
        Ok(t) => Err(format!("{t} is not a time: times are finite and not negative")),
        Err(_) => Err("not a number".into()),
    }
}
