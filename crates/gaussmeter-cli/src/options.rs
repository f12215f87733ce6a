//! Options shared by all commands that run samplers.

use crate::failure::Failure;
use crate::output::note;
use clap::Args;
use gaussmeter::entry::{Named, split_list};
use gaussmeter::exact::Init;
use gaussmeter::experiment::{Length, MAX_STEPS, NamedSampler, Place, Setting};
use gaussmeter::grid::GridRule;
use gaussmeter::metric::Metric;
use gaussmeter::process::Process;
use gaussmeter::spectrum::Spectrum;
use gaussmeter::{data, exact, grid, metric, process, sampler};
use std::sync::Arc;

/// The samplers of the paper's table.
pub const PAPER_SAMPLERS: &str = "em,ei,ddpm,euler,heun,rk4";

/// The process where none is named.
pub const PROCESS: &str = "vp-linear";

/// The grid where none is named.
pub const GRID: &str = "uniform";

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
    #[arg(long, value_name = "NAME", default_value = PROCESS)]
    pub process: String,
    /// Where the times go: uniform, karras, sigmas:FILE with its own levels, … (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME", default_value = GRID)]
    pub grid: String,
}

impl SettingOptions {
    /// Loads the data and builds process and grid; notices go to stderr.
    pub fn build(&self, default_spectrum: &str) -> Result<Setting, Failure> {
        // Names are checked before files are read.
        let build = self.dynamics.names()?;
        Ok(build(load(self.spectrum.as_deref().unwrap_or(default_spectrum))?))
    }
}

impl ProcessOptions {
    /// Builds process and grid for a spectrum.
    pub fn build(&self, spectrum: Spectrum) -> Result<Setting, Failure> {
        Ok(self.names()?(spectrum))
    }

    fn names(&self) -> Result<impl FnOnce(Spectrum) -> Setting, Failure> {
        let process = process(&self.process)?;
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

/// Data and process, for commands that place the times themselves.
pub fn setting(spectrum: Option<&str>, process: &str) -> Result<Setting, Failure> {
    let (spectrum, process) = (spectrum.map(String::from), process.to_string());
    let dynamics = ProcessOptions { process, grid: "uniform".into() };
    SettingOptions { spectrum, dynamics }.build("cifar10")
}

/// Data, and lists of processes and grids.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct PlacesOptions {
    /// Data: a preset, such as cifar10 or power-law:d=3072,alpha=1.5 (see `gaussmeter list
    /// spectra`), or a file of eigenvalues (.npy, .npz, .csv, .txt, .json)
    #[arg(long, value_name = "NAME|FILE", default_value = "cifar10")]
    pub spectrum: String,
    /// Forward processes, comma-separated, such as edm:sigma_max=80 (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME,…", default_value = "vp-linear")]
    pub process: Vec<String>,
    /// Where the times go, comma-separated: uniform, karras, … (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME,…", default_value = "uniform")]
    pub grid: Vec<String>,
    /// Truncation time where sampling stops [default: 1e-3, or where a grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    pub eps: Option<f64>,
}

impl PlacesOptions {
    /// Every process with every grid; notices go to stderr.
    pub fn build(&self) -> Result<Vec<Place>, Failure> {
        // Names are checked before files are read.
        let rules = grid::registry();
        let processes = each("--process", &self.process, process)?;
        let rules = each("--grid", &self.grid, |name| Ok(rules.build(name)?))?;
        let spectrum = Arc::new(load(&self.spectrum)?);
        let shared = |rule: Named<dyn GridRule>| (Arc::from(rule.item), rule.label);
        let rules: Vec<(Arc<dyn GridRule>, String)> = rules.into_iter().map(shared).collect();
        let mut places = Vec::new();
        for process in processes {
            let (process, process_label) = (Arc::<dyn Process>::from(process.item), process.label);
            for (rule, rule_label) in &rules {
                let setting = Setting {
                    spectrum: spectrum.clone(),
                    process: process.clone(),
                    process_label: process_label.clone(),
                    rule: rule.clone(),
                    rule_label: rule_label.clone(),
                };
                places.push(Place { eps: eps(self.eps, &setting, 1e-3), setting });
            }
        }
        Ok(places)
    }
}

/// Builds a process; notices go to stderr.
pub fn process(text: &str) -> Result<Named<dyn Process>, Failure> {
    let process = process::registry().build(text)?;
    for notice in process.item.notices() {
        note(format!("{}: {notice}", process.label));
    }
    Ok(process)
}

/// Why no spectrum is found there, and what to do about it where something else is there.
pub fn no_spectrum(name: &str, error: data::DataError) -> Failure {
    let path = std::path::Path::new(name);
    if path.is_dir() {
        return Failure::Request(format!(
            "{name} is a folder, not a spectrum: gaussmeter spectrum {name} -o my.npz makes one of the samples in it"
        ));
    }
    let sums = |archive: data::Archive| archive.content() == Some("gaussmeter moments");
    if path.is_file() && data::Archive::open(path).is_some_and(sums) {
        return Failure::Request(format!(
            "{name} holds sums over samples, not a spectrum: gaussmeter merge {name} -o my.npz makes one of them"
        ));
    }
    error.into()
}

/// Loads the data; notices go to stderr.
pub fn load(name: &str) -> Result<Spectrum, Failure> {
    let spectrum = data::load(name).map_err(|error| no_spectrum(name, error))?;
    for notice in spectrum.notices() {
        note(format!("{}: {notice}", spectrum.name()));
    }
    Ok(spectrum)
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
    /// The length asked for.
    pub fn given(&self) -> Option<Length> {
        let steps = self.steps.map(Length::Steps);
        steps.or(self.nfe.map(Length::Nfe)).or(self.points.map(Length::Points))
    }

    /// The length asked for; else that of the grid's own times; else `default`.
    pub fn length(&self, setting: &Setting, default: Length) -> Length {
        let own = || setting.rule.own_steps().map(|steps| Length::Points(steps + 1));
        self.given().or_else(own).unwrap_or(default)
    }
}

/// Refuses a path where nothing is, or what is no file.
#[cfg(feature = "data")]
pub fn exists(path: &std::path::Path) -> Result<(), Failure> {
    gaussmeter::file::check(path).map(|_| ()).map_err(|e| Failure::request(&e))
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

/// Samplers, from comma-separated lists, or `all`.
pub fn samplers(texts: &[String]) -> Result<Vec<NamedSampler>, Failure> {
    if let [all] = texts
        && all == "all"
    {
        return Ok(all_samplers());
    }
    let registry = sampler::registry();
    each("--sampler", texts, |name| Ok(registry.build(name)?))
}

/// One sampler; `all` is for commands that take several.
pub fn sampler(text: &str) -> Result<NamedSampler, Failure> {
    match text {
        "all" => Err(Failure::Usage(
            "--sampler all: this command takes one sampler (all of them: gaussmeter rank)".into(),
        )),
        text => Ok(sampler::registry().build(text)?),
    }
}

/// All samplers of the registry that need no parameter.
pub fn all_samplers() -> Vec<NamedSampler> {
    let registry = sampler::registry();
    registry.names().into_iter().filter_map(|name| registry.build(name).ok()).collect()
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

/// Parses numbers and ranges of them: `20`, `5..50` and `10..100:10` in steps of ten, both ends
/// included.
pub fn parse_range(text: &str) -> Result<Vec<usize>, String> {
    let Some((first, rest)) = text.split_once("..") else { return Ok(vec![parse_length(text)?]) };
    let (last, step) = match rest.split_once(':') {
        Some((last, step)) => (last, parse_length(step)?),
        None => (rest, 1),
    };
    let (first, last) = (parse_length(first)?, parse_length(last)?);
    match (step, first <= last) {
        (0, _) => Err("a step of 0".into()),
        (_, false) => Err(format!("ends at {last}, before {first}")),
        _ if (last - first) / step >= MAX_RANGE => Err(format!("more than {MAX_RANGE} numbers")),
        _ => Ok((first..=last).step_by(step).collect()),
    }
}

/// Most numbers of a range.
const MAX_RANGE: usize = 10_000;

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

/// Parses a number of bytes, such as 512M or 2G.
#[cfg(feature = "data")]
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim().trim_end_matches(['B', 'b']).trim_end_matches(['I', 'i']);
    let (number, unit) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (&text[..at], unit.to_ascii_uppercase()),
        _ => (text, '1'),
    };
    let shift = match unit {
        '1' => Some(0),
        'K' => Some(10),
        'M' => Some(20),
        'G' => Some(30),
        'T' => Some(40),
        _ => None,
    };
    let bytes = number
        .trim()
        .parse::<u64>()
        .ok()
        .zip(shift)
        .and_then(|(n, shift)| n.checked_mul(1 << shift));
    bytes.ok_or_else(|| "not a size such as 512M or 2G".into())
}
