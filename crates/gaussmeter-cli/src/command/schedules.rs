use crate::failure::Failure;
use crate::options::{self, parse_length, parse_time};
use crate::output::Output;
use crate::stop;
use clap::Args;
use gaussmeter::entry::split_list;
use gaussmeter::experiment::{Length, NamedRule, ScheduleOptions, Setting, schedules};
use gaussmeter::grid;
use gaussmeter::objective;
use gaussmeter::process::Process;
use std::sync::Arc;

/// The schedules with a range of noise levels, whether they depend on the data or not.
const RANGED: [&str; 12] = [
    "karras",
    "exponential",
    "tangent",
    "geodesic",
    "geodesic:weight=kl",
    "w2-geodesic",
    "fisher-rao",
    "sdm",
    "ays-klub",
    "spectral",
    "spectral:error=kl-forward",
    "dynamic-programming",
];

/// Schedules for your data: in closed form, standard ones, and the optimum
#[derive(Debug, Args)]
#[command(after_help = "\
Every sampler runs on every schedule; schedules that depend on the data are
computed for the given spectrum. The last one is the optimum: times that minimise
the error itself, found by descents from the best of the others and from random
starts. After Ctrl-C it reports what it has (exit code 1). See docs/schedules.md.

Examples:
  gaussmeter schedules --sampler dpmpp-2m --steps 10,20
  gaussmeter schedules --sampler euler,heun:final=euler --nfe 9,19,39
  gaussmeter schedules --sampler ddim --steps 8 --spectrum my.npy --format json
  gaussmeter schedules --sampler ddim --steps 10 --process vp-linear --eps 1e-3
  gaussmeter schedules --sampler ddim --steps 5 --grid karras:rho=3,tangent")]
pub struct Arguments {
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = "dpmpp-2m")]
    sampler: Vec<String>,
    /// Data: a preset or a file of eigenvalues, as for the other commands
    #[arg(long, value_name = "NAME|FILE", help_heading = "Setting", default_value = "cifar10")]
    spectrum: String,
    /// Forward process, such as vp-linear (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = "edm")]
    process: String,
    /// Schedules, comma-separated (see `gaussmeter list grids`) [default: all that depend on the
    /// data, uniform, karras, exponential and, with eps 0, Align Your Steps]
    #[arg(long, value_name = "NAME,…", help_heading = "Setting")]
    grid: Vec<String>,
    /// Time where sampling stops, for schedules with a free end and for the optimum
    #[arg(long, value_name = "E", help_heading = "Setting", value_parser = parse_time, allow_hyphen_values = true, default_value = "0")]
    eps: f64,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = "normal")]
    init: String,
    /// Metric, minimised by the optimum: w2, kl-forward, kl-reverse, mixture:…
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = "w2")]
    objective: String,
    /// Smallest ratio of neighbouring noise levels in the optimum
    #[arg(
        long,
        value_name = "R",
        help_heading = "Setting",
        default_value_t = 1.25,
        allow_negative_numbers = true
    )]
    min_ratio: f64,
    /// Numbers of steps [default: 5,10,20]
    #[arg(long, value_name = "N,…", help_heading = "Length", value_delimiter = ',', value_parser = parse_length, conflicts_with = "nfe")]
    steps: Vec<usize>,
    /// Budgets of network evaluations: as many steps as fit
    #[arg(long, value_name = "N,…", help_heading = "Length", value_delimiter = ',', value_parser = parse_length)]
    nfe: Vec<usize>,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    if !(a.min_ratio >= 1.0 && a.min_ratio.is_finite()) {
        let text = format!("--min-ratio {}: the ratio must be at least 1", a.min_ratio);
        return Err(Failure::Usage(text));
    }
    let samplers = options::samplers(&a.sampler)?;
    let init = options::init(&a.init)?;
    let objective = objective::registry().build(&a.objective)?;
    let process = options::process(&a.process)?;
    let (process, process_label): (Arc<dyn Process>, _) = (process.item.into(), process.label);
    let t_max = process.t_max();
    if a.eps >= t_max {
        return Err(Failure::Request(format!("--eps {}: it must lie in [0, {t_max})", a.eps)));
    }
    let rules = rules(&a.grid, a.eps, &*process)?;
    let spectrum = options::load(&a.spectrum)?;
    objective.item.check(spectrum.modes().len()).map_err(Failure::Request)?;
    let lengths = match (&a.steps[..], &a.nfe[..]) {
        ([], []) => [5, 10, 20].map(Length::Steps).into(),
        ([], nfe) => nfe.iter().copied().map(Length::Nfe).collect(),
        (steps, _) => steps.iter().copied().map(Length::Steps).collect(),
    };
    let (rule_label, rule) = rules[0].clone();
    let setting =
        Setting { spectrum: Arc::new(spectrum), process, process_label, rule, rule_label };
    let options = ScheduleOptions {
        rules,
        samplers,
        lengths,
        eps: a.eps,
        init,
        objective,
        min_ratio: a.min_ratio,
    };
    let found = schedules(&setting, options, stop::listen()?)?;
    a.output.write(&found.report())?;
    stop::end(found.interrupted)
}

/// The schedules asked for, or those that make sense on the process.
fn rules(asked: &[String], eps: f64, process: &dyn Process) -> Result<Vec<NamedRule>, Failure> {
    let registry = grid::registry();
    let build = |text: &str, label: Option<&str>| -> Result<NamedRule, Failure> {
        let named = registry.build(text)?;
        Ok((label.map_or(named.label, String::from), named.item.into()))
    };
    if !asked.is_empty() {
        let names: Vec<String> = asked.iter().flat_map(|t| split_list(t)).collect();
        if names.is_empty() {
            return Err(Failure::Usage("--grid is an empty list".into()));
        }
        return names.iter().map(|name| build(name, None)).collect();
    }
    let mut rules = vec![build("uniform", None)?];
    for name in RANGED {
        let separator = if name.contains(':') { ',' } else { ':' };
        rules.push(match eps > 0.0 {
            true => {
                let sigma_min = process.level(eps).noise_ratio();
                let text = format!("{name}{separator}sigma_min={sigma_min},final=sigma_min");
                build(&text, Some(name))?
            }
            false => build(name, None)?,
        });
    }
    if eps == 0.0 {
        let top = process.level(process.t_max()).noise_ratio();
        if top >= 14.615 || process.training_steps().is_some() {
            rules.push(build("ays", None)?);
            rules.push(build("ays:sdxl", None)?);
        }
    }
    Ok(rules)
}
