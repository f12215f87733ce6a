use crate::failure::Failure;
use crate::options::{self, MetricOption, NetworkOption, SettingOptions, parse_length, parse_time};
use crate::output::Output;
use crate::watch::{self, watched};
use clap::{Args, ValueEnum};
use gaussmeter::experiment::{Defaults, Length, Words};

/// Error of samplers for all combinations of truncation time, length and initial law
#[derive(Debug, Args)]
#[command(after_help = "\
By default: the six schemes and four truncation times of the paper's ablation
table (Pierret & Galerne, ICML 2025), on the accurate CIFAR-10 spectrum, at
equal numbers of network evaluations (NFE). The published table is not at equal
NFE: its Heun column spends about twice the evaluations of the others, its RK4
column has N/4 points. --paper reproduces it as printed.

Cells are empty where a sampler is undefined; a note gives the reason.

Examples:
  gaussmeter table
  gaussmeter table --paper --format latex -o table.tex
  gaussmeter table --spectrum my.npy --sampler em,heun --eps 1e-3 --nfe 20,50
  gaussmeter table --steps 25,50 --show-nfe
  gaussmeter table --format csv | column -s, -t")]
pub struct Arguments {
    /// The table as published: spectrum cifar10-icml2025, N grid points (N/4 for rk4), its number
    /// format
    #[arg(long, help_heading = "Setting", conflicts_with_all = ["count", "steps", "nfe", "points"])]
    paper: bool,
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::TABLE.samplers)]
    sampler: Vec<String>,
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Truncation times, where sampling stops [default: 0,1e-5,1e-4,1e-3, or the last time of
    /// times:FILE]
    #[arg(long, value_name = "E,…", value_delimiter = ',', value_parser = parse_time, allow_hyphen_values = true)]
    eps: Vec<f64>,
    /// Initial laws, comma-separated: exact, normal, normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME,…", default_value = Defaults::TABLE.inits)]
    init: Vec<String>,
    #[command(flatten)]
    metric: MetricOption,

    /// One column per number of steps
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", value_parser = parse_length, allow_hyphen_values = true, conflicts_with_all = ["count", "columns"])]
    steps: Vec<usize>,
    /// One column per budget of network evaluations: as many steps as fit
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", value_parser = parse_length, allow_hyphen_values = true, conflicts_with_all = ["count", "columns", "steps"])]
    nfe: Vec<usize>,
    /// One column per number of grid points, one more than steps (the paper's N)
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", value_parser = parse_length, allow_hyphen_values = true, conflicts_with_all = ["count", "columns", "steps", "nfe"])]
    points: Vec<usize>,
    /// Numbers for the columns, in the unit of --count [default: 50,250,500,1000, or the length of
    /// times:FILE]
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", value_parser = parse_length, allow_hyphen_values = true)]
    columns: Vec<usize>,
    /// Unit of --columns [default: nfe]
    #[arg(long, value_name = "UNIT", value_enum, help_heading = "Length")]
    count: Option<Count>,

    /// Add the actual steps and evaluations to every cell (csv and json always have them)
    #[arg(long, help_heading = "Output")]
    show_nfe: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Count {
    Points,
    Steps,
    Nfe,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let defaults = if a.paper { &Defaults::PUBLISHED } else { &Defaults::TABLE };
    let (unit, numbers): (fn(usize) -> Length, _) = match (a.steps, a.nfe, a.points, a.count) {
        (numbers, _, _, _) if !numbers.is_empty() => (Length::Steps, numbers),
        (_, numbers, _, _) if !numbers.is_empty() => (Length::Nfe, numbers),
        (_, _, numbers, _) if !numbers.is_empty() => (Length::Points, numbers),
        // The numbers of the default table, in this unit.
        (_, _, _, Some(count)) if a.columns.is_empty() => (count.unit(), defaults.numbers()),
        (_, _, _, count) => (count.unwrap_or(Count::Nfe).unit(), a.columns.clone()),
    };
    let words = Words {
        samplers: a.sampler,
        inits: a.init,
        metric: Some(a.metric.metric),
        lengths: numbers.into_iter().map(unit).collect(),
        eps: a.eps,
        network: Some(a.network.network),
        ..a.setting.words()
    };
    let question = options::read(&words, defaults)?;
    let own_steps = question.rules[0].1.own_steps().filter(|_| a.columns.is_empty());
    if let (Some(steps), Some(_)) = (own_steps, a.count) {
        return Err(Failure::Usage(format!(
            "--count has no effect on a grid with a fixed number of steps ({steps}): it is for --columns"
        )));
    }
    let spectrum = a.setting.load(defaults)?;
    let table = watched(|watch| question.table(spectrum, a.paper, a.show_nfe, watch))?;
    a.output.write(&table.report())?;
    watch::end(table.is_interrupted())
}

impl Count {
    fn unit(self) -> fn(usize) -> Length {
        match self {
            Count::Points => Length::Points,
            Count::Steps => Length::Steps,
            Count::Nfe => Length::Nfe,
        }
    }
}
