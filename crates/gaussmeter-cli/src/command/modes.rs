use crate::failure::Failure;
use crate::options::{
    self, LengthOptions, NetworkOption, SettingOptions, parse_length, parse_time,
};
use crate::output::Output;
use crate::watch::watched;
use clap::Args;
use gaussmeter::experiment::{Defaults, ModeErrors, Words};

/// Error per eigenvalue
#[derive(Debug, Args)]
#[command(after_help = "\
The relative error of the standard deviation along the eigenvectors of each
eigenvalue, and its share of W2 squared; csv and json also have the gain on the
initial state, mean, variance and contribution. The default is 50 network
evaluations.

Examples:
  gaussmeter modes --nfe 100
  gaussmeter modes --sampler euler,heun,rk4 --eps 1e-4 -o modes.csv")]
pub struct Arguments {
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::MODES.samplers)]
    sampler: Vec<String>,
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Truncation time, where sampling stops [default: 1e-3, or where the grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::MODES.inits)]
    init: String,
    #[command(flatten)]
    length: LengthOptions,
    /// Eigenvalues shown in text, markdown and latex; 0 for all [default: 25]
    #[arg(long, value_name = "N", help_heading = "Output", value_parser = parse_length, allow_negative_numbers = true)]
    rows: Option<usize>,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.for_tables(a.rows.is_some(), "--rows")?;
    let words = Words {
        samplers: a.sampler,
        inits: vec![a.init],
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        network: Some(a.network.network),
        ..a.setting.words()
    };
    let question = options::read(&words, &Defaults::MODES)?;
    let spectrum = a.setting.load(&Defaults::MODES)?;
    let errors = watched(|watch| question.modes(spectrum, watch))?;
    a.output.write_with_chart(&errors.report(a.rows.unwrap_or(ModeErrors::ROWS)))
}
