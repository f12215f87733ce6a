use crate::failure::Failure;
use crate::options::{self, MetricOption, NetworkOption, SettingOptions, parse_length, parse_time};
use crate::output::Output;
use crate::watch::{self, watched};
use clap::{Args, ValueEnum};
use gaussmeter::experiment::{Column, Defaults, Length, TableOptions, Words, table};

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
    let words = Words {
        samplers: a.sampler,
        inits: a.init,
        metric: Some(a.metric.metric),
        eps: a.eps,
        network: Some(a.network.network),
        ..a.setting.words()
    };
    let question = options::read(&words, defaults)?;
    let setting = question.setting(a.setting.load(defaults)?);

    let columns: Vec<Column> = match (&a.steps[..], &a.nfe[..], &a.points[..], &a.columns[..]) {
        ([], [], [], numbers) => {
            let length = match a.count.unwrap_or(Count::Nfe) {
                Count::Points => Length::Points,
                Count::Steps => Length::Steps,
                Count::Nfe => Length::Nfe,
            };
            let own = setting.rule.own_steps().map(|steps| Length::Points(steps + 1));
            if a.count.is_some() && numbers.is_empty() && own.is_some() {
                return Err(Failure::Usage(format!(
                    "--count has no effect on a grid with a fixed number of steps ({}): it is for --columns",
                    setting.rule.own_steps().unwrap_or(0)
                )));
            }
            match (numbers, own) {
                ([], Some(length)) => vec![Column::new(length)],
                ([], None) => column_list(&defaults.numbers(), a.paper, length),
                (numbers, _) => column_list(numbers, a.paper, length),
            }
        }
        (numbers @ [_, ..], _, _, _) => column_list(numbers, false, Length::Steps),
        (_, numbers @ [_, ..], _, _) => column_list(numbers, false, Length::Nfe),
        (_, _, numbers, _) => column_list(numbers, false, Length::Points),
    };
    let eps = question.all_eps(&setting);
    let options = TableOptions {
        samplers: question.samplers,
        eps,
        columns,
        inits: question.inits,
        metric: question.metric,
        as_published: a.paper,
        show_nfe: a.show_nfe,
    };
    let table = watched(|watch| table(&setting, options, watch))?;
    a.output.write(&table.report())?;
    watch::end(table.is_interrupted())
}

fn column_list(numbers: &[usize], paper: bool, length: fn(usize) -> Length) -> Vec<Column> {
    let column = |&n: &usize| if paper { Column::published(n) } else { Column::new(length(n)) };
    numbers.iter().map(column).collect()
}
