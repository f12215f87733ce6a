use crate::failure::Failure;
use crate::options::{self, LengthOptions, PAPER_SAMPLERS, SamplerOptions, SettingOptions, parse_time};
use crate::output::Output;
use clap::Args;
use gaussmeter::experiment::{Length, mode_errors};

/// Error per eigenvalue: how it depends on the data
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gaussmeter modes --nfe 100
  gaussmeter modes --sampler em,heun --nfe 50 --eps 1e-4 --format csv -o modes.csv")]
pub struct Arguments {
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    samplers: SamplerOptions,
    #[command(flatten)]
    length: LengthOptions,
    /// Truncation time where sampling stops [default: 1e-3, or the last time of times:FILE]
    #[arg(long, value_name = "E", value_parser = parse_time)]
    eps: Option<f64>,
    /// Initial law: exact, normal or normal:std=S
    #[arg(long, value_name = "NAME", default_value = "normal")]
    init: String,
    /// Eigenvalues shown in text, markdown and latex
    #[arg(long, value_name = "N", default_value_t = 25)]
    rows: usize,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let samplers = a.samplers.build(PAPER_SAMPLERS)?;
    let (init_label, init) = options::init(&a.init)?;
    let setting = a.setting.build("cifar10")?;
    let length = a.length.length(&setting, Length::Nfe(50));
    let eps = options::eps(a.eps, &setting, 1e-3);
    let errors = mode_errors(&setting, &samplers, length, eps, (&init_label, &init))?;
    a.output.write(&errors.report(a.rows))
}
