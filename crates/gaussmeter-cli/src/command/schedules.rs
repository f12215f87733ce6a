use crate::failure::Failure;
use crate::options::{self, parse_length, parse_time};
use crate::output::Output;
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::experiment::{Defaults, Length, TuneOptions, Words};
use gaussmeter::objective;

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
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::SCHEDULES.samplers)]
    sampler: Vec<String>,
    /// Data: a preset or a file of eigenvalues, as for the other commands
    #[arg(long, value_name = "NAME|FILE", help_heading = "Setting", default_value = Defaults::SCHEDULES.spectrum)]
    spectrum: String,
    /// Forward process, such as vp-linear (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = Defaults::SCHEDULES.process)]
    process: String,
    /// Schedules, comma-separated (see `gaussmeter list grids`) [default: all that depend on the
    /// data, uniform, karras, exponential and, with eps 0, Align Your Steps]
    #[arg(long, value_name = "NAME,…", help_heading = "Setting")]
    grid: Vec<String>,
    /// Time where sampling stops, for schedules with a free end and for the optimum
    #[arg(long, value_name = "E", help_heading = "Setting", value_parser = parse_time, allow_hyphen_values = true, default_value = "0")]
    eps: f64,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = Defaults::SCHEDULES.inits)]
    init: String,
    /// Metric, minimised by the optimum: w2, local, kl-forward, kl-reverse, mixture:…
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = "w2")]
    objective: String,
    /// Smallest ratio of neighbouring noise levels in the optimum
    #[arg(
        long,
        value_name = "R",
        help_heading = "Setting",
        default_value_t = TuneOptions::default().min_ratio,
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
    let steps = a.steps.into_iter().map(Length::Steps);
    let words = Words {
        samplers: a.sampler,
        processes: vec![a.process],
        grids: a.grid,
        inits: vec![a.init],
        lengths: steps.chain(a.nfe.into_iter().map(Length::Nfe)).collect(),
        eps: vec![a.eps],
        ..Words::default()
    };
    let objective = objective::registry().build(&a.objective)?;
    let question = options::read(&words, &Defaults::SCHEDULES)?;
    let spectrum = options::load(&a.spectrum)?;
    let has_rules = !words.grids.is_empty();
    let found =
        watched(|watch| question.schedules(spectrum, has_rules, objective, a.min_ratio, watch))?;
    a.output.write(&found.report())?;
    watch::end(found.interrupted)
}
