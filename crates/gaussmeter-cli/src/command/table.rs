use crate::failure::Failure;
use crate::options::{self, MetricOption, PAPER_SAMPLERS, SamplerOptions, SettingOptions, parse_time};
use crate::output::Output;
use clap::{Args, ValueEnum};
use gaussmeter::experiment::{Column, Length, TableOptions, table};

/// Error of samplers for all combinations of truncation time, length and initial law
///
/// By default: the six schemes and four truncation times of the paper's ablation table (Pierret &
/// Galerne, ICML 2025), on the accurate CIFAR-10 spectrum, at EQUAL numbers of network evaluations.
/// The published table is not at equal NFE: its Heun column spends about twice the evaluations of
/// the others, its RK4 column has N/4 points. `--paper` reproduces it as printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gaussmeter table
  gaussmeter table --paper --format latex -o table.tex
  gaussmeter table --spectrum my.npy --sampler em,heun --eps 1e-3 --nfe 20,50,100 --show-nfe
  gaussmeter table --count steps --columns 25,50 --format csv | column -s, -t")]
pub struct Arguments {
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    samplers: SamplerOptions,
    /// Truncation times, comma-separated [default: 0,1e-5,1e-4,1e-3]
    #[arg(long, value_name = "E,…", value_delimiter = ',', value_parser = parse_time)]
    eps: Vec<f64>,
    /// Initial laws, repeatable: exact, normal, normal:std=S [default: exact and normal]
    #[arg(long, value_name = "NAME")]
    init: Vec<String>,
    #[command(flatten)]
    metric: MetricOption,

    /// What the numbers of the columns mean [default: nfe]
    #[arg(long, value_enum, help_heading = "Length")]
    count: Option<Count>,
    /// Numbers of the columns [default: 50,250,500,1000]
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length")]
    columns: Vec<usize>,
    /// Short for --count steps --columns N,…
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", conflicts_with_all = ["count", "columns"])]
    steps: Vec<usize>,
    /// Short for --count nfe --columns N,…
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", conflicts_with_all = ["count", "columns", "steps"])]
    nfe: Vec<usize>,
    /// Short for --count points --columns N,…
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Length", conflicts_with_all = ["count", "columns", "steps", "nfe"])]
    points: Vec<usize>,
    /// The table as published: spectrum cifar10-icml2025, N grid points (N/4 for rk4), its number
    /// format
    #[arg(long, help_heading = "Length", conflicts_with_all = ["count", "steps", "nfe", "points"])]
    paper: bool,
    /// Add the true steps and evaluations of every cell (csv and json always have them)
    #[arg(long)]
    show_nfe: bool,

    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Count {
    /// Grid points, one more than steps
    Points,
    /// Steps
    Steps,
    /// Network evaluations
    Nfe,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let samplers = a.samplers.build(PAPER_SAMPLERS)?;
    let metric = a.metric.build()?;
    let inits = match a.init.is_empty() {
        true => vec!["exact".to_string(), "normal".to_string()],
        false => a.init.clone(),
    };
    let inits = inits.iter().map(|text| options::init(text)).collect::<Result<_, _>>()?;
    let setting = a.setting.build(if a.paper { "cifar10-icml2025" } else { "cifar10" })?;

    let columns: Vec<Column> = match (&a.steps[..], &a.nfe[..], &a.points[..], &a.columns[..]) {
        ([], [], [], numbers) => {
            let length = match a.count.unwrap_or(Count::Nfe) {
                Count::Points => Length::Points,
                Count::Steps => Length::Steps,
                Count::Nfe => Length::Nfe,
            };
            let own = setting.rule.own_times().map(|times| Length::Points(times.len()));
            match (numbers, own) {
                ([], Some(length)) => vec![Column::new(length)],
                ([], None) => column_list(&[50, 250, 500, 1000], a.paper, length),
                (numbers, _) => column_list(numbers, a.paper, length),
            }
        }
        (numbers @ [_, ..], _, _, _) => column_list(numbers, false, Length::Steps),
        (_, numbers @ [_, ..], _, _) => column_list(numbers, false, Length::Nfe),
        (_, _, numbers, _) => column_list(numbers, false, Length::Points),
    };
    let eps = match (a.eps.is_empty(), setting.rule.own_times().and_then(|t| t.last())) {
        (false, _) => a.eps,
        (true, Some(&eps)) => vec![eps],
        (true, None) => vec![0.0, 1e-5, 1e-4, 1e-3],
    };
    let options = TableOptions {
        samplers,
        eps,
        columns,
        inits,
        metric,
        as_published: a.paper,
        show_nfe: a.show_nfe,
    };
    a.output.write(&table(&setting, options)?.report())
}

fn column_list(numbers: &[usize], paper: bool, length: fn(usize) -> Length) -> Vec<Column> {
    let column = |&n: &usize| if paper { Column::published(n) } else { Column::new(length(n)) };
    numbers.iter().map(column).collect()
}
