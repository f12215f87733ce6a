use crate::failure::Failure;
use crate::options::{self, LengthOptions, NetworkOption, SettingOptions, parse_time};
use crate::output::Output;
use crate::watch::watched;
use clap::Args;
use gaussmeter::experiment::{Defaults, Words};

/// What each step contributes to the error
#[derive(Debug, Args)]
#[command(after_help = "\
Each step is taken from exact states and an exact history; its error, carried to
the output, is its contribution, in all and per band of eigenvalues. They add up
to the error of the output, and may cancel there; the root of their sum of squares
cannot (`gaussmeter tune --objective local`). csv has every eigenvalue. The
default is 10 network evaluations. See docs/steps.md.

Examples:
  gaussmeter steps --sampler dpmpp-2m --process edm --grid karras
  gaussmeter steps --sampler heun --nfe 20 --init exact --format json
  gaussmeter steps --sampler heun --nfe 20 --network gain:delta=-0.05
  gaussmeter steps --sampler ddim --steps 8 --eps 1e-2 -o steps.csv")]
pub struct Arguments {
    /// Sampler (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    sampler: String,
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Truncation time, where sampling stops [default: 1e-3, or where the grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::STEPS.inits)]
    init: String,
    #[command(flatten)]
    length: LengthOptions,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let words = Words {
        samplers: vec![a.sampler],
        inits: vec![a.init],
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        network: Some(a.network.network),
        ..a.setting.words()
    };
    let question = options::read(&words, &Defaults::STEPS)?;
    let spectrum = a.setting.load(&Defaults::STEPS)?;
    let errors = watched(|watch| question.steps(spectrum, watch))?;
    a.output.write(&errors.report())
}
