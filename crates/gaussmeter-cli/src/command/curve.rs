use crate::failure::Failure;
use crate::options::{
    self, LengthOptions, MetricOption, NetworkOption, SettingOptions, parse_length, parse_time,
};
use crate::output::Output;
use crate::watch::watched;
use clap::{Args, ValueEnum};
use gaussmeter::exact::Target;
use gaussmeter::experiment::{Along, Curve, Defaults, Words};

/// Error along time, or against the truncation time, beside both continuous solutions
#[derive(Debug, Args)]
#[command(after_help = "\
Along time: the law of the state at every time of the grid, against its target
p_t. Along eps: the law of the final sample against the data, one run per eps.
The default is 1000 network evaluations per sampler.

Examples:
  gaussmeter curve                                figure 1 of the paper, left
  gaussmeter curve --against eps -o figure.tex    figure 1, right, for LaTeX
  gaussmeter curve --against both -o figure.pdf   figure 1, both panels
  gaussmeter curve --sampler heun --nfe 50 --target data -o heun.csv")]
pub struct Arguments {
    /// Horizontal axis of the curve
    #[arg(long, value_name = "WHAT", help_heading = "Setting", value_enum, default_value = "time")]
    against: Against,
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(
        long,
        value_name = "NAME,…",
        help_heading = "Setting",
        default_value = Defaults::CURVE.samplers
    )]
    sampler: Vec<String>,
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Truncation time; with --against eps a comma-separated list [default: 1e-3, or the last time
    /// of times:FILE; with --against eps 17 values from 1e-5 to 0.1]. With --against both one value is for
    /// the curve along time, a list for the other
    #[arg(long, value_name = "E,…", value_delimiter = ',', value_parser = parse_time, allow_hyphen_values = true)]
    eps: Vec<f64>,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::CURVE.inits)]
    init: String,
    #[command(flatten)]
    metric: MetricOption,
    /// Target: p_t (p_eps) or the data [default: marginal along time, data along eps]
    #[arg(long, value_name = "LAW", value_enum)]
    target: Option<TargetName>,
    #[command(flatten)]
    length: LengthOptions,
    /// Points shown in text and markdown; 0 for all [default: 25]
    #[arg(long, value_name = "N", help_heading = "Output", value_parser = parse_length, allow_negative_numbers = true)]
    rows: Option<usize>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Against {
    Time,
    Eps,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TargetName {
    Marginal,
    Data,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.for_tables(a.rows.is_some(), "--rows")?;
    let words = Words {
        samplers: a.sampler,
        inits: vec![a.init],
        metric: Some(a.metric.metric),
        lengths: a.length.given(),
        eps: a.eps,
        network: Some(a.network.network),
        ..a.setting.words()
    };
    let question = options::read(&words, &Defaults::CURVE)?;
    let spectrum = a.setting.load(&Defaults::CURVE)?;
    let target = a.target.map(|target| match target {
        TargetName::Marginal => Target::Marginal,
        TargetName::Data => Target::Data,
    });
    let rows = a.rows.unwrap_or(Curve::ROWS);
    let along = match a.against {
        Against::Time => Along::Time,
        Against::Eps => Along::Eps,
        Against::Both => {
            let curves = watched(|watch| question.curves(spectrum, target, watch))?;
            return a.output.write_with_chart(&curves.report(rows));
        }
    };
    let curve = watched(|watch| question.curve(spectrum, along, target, watch))?;
    a.output.write_with_chart(&curve.report(rows))
}
