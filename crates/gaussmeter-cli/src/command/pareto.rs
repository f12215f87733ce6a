use crate::failure::Failure;
use crate::options::{self, MetricOption, NetworkOption, PlacesOptions, parse_length, parse_range};
use crate::output::Output;
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::experiment::{Defaults, Length, Pareto, Words};

/// Error against network evaluations, and which runs are on the Pareto front
#[derive(Debug, Args)]
#[command(after_help = "\
Every sampler runs on every grid and process with as many steps as each budget
allows; the evaluations actually spent are shown. A run is on the Pareto front
if no other run has a smaller error with as many evaluations, or an error as
small with fewer.
LaTeX draws a figure; csv and json have all runs.

Examples:
  gaussmeter pareto
  gaussmeter pareto --sampler ddim,heun,dpmpp-2m --nfe 5..50 -o front.tex
  gaussmeter pareto --process edm --grid karras,exponential --nfe 10..100:10
  gaussmeter pareto --spectrum my.npy --nfe 5,10,20 --format csv")]
pub struct Arguments {
    /// Samplers, comma-separated (see `gaussmeter samplers`), or all
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::PARETO.samplers)]
    sampler: Vec<String>,
    #[command(flatten)]
    places: PlacesOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::PARETO.inits)]
    init: String,
    #[command(flatten)]
    metric: MetricOption,
    /// Budgets of network evaluations (NFE): numbers, ranges A..B, ranges A..B:STEP
    #[arg(long, value_name = "N,A..B,…", value_delimiter = ',', help_heading = "Length", value_parser = parse_range, allow_hyphen_values = true, default_value = "5,10,20,50,100,200")]
    nfe: Vec<Vec<usize>>,
    /// Budgets shown in the table of text and markdown; 0 for all [default: 6]
    #[arg(long, value_name = "N", help_heading = "Output", value_parser = parse_length, allow_negative_numbers = true)]
    columns: Option<usize>,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.for_tables(a.columns.is_some(), "--columns")?;
    let words = Words {
        samplers: a.sampler,
        inits: vec![a.init],
        metric: Some(a.metric.metric),
        lengths: a.nfe.into_iter().flatten().map(Length::Nfe).collect(),
        network: Some(a.network.network),
        ..a.places.words()
    };
    let question = options::read(&words, &Defaults::PARETO)?;
    let spectrum = options::load(&a.places.spectrum)?;
    let front = watched(|watch| question.pareto(spectrum, watch))?;
    a.output.write_with_chart(&front.report(a.columns.unwrap_or(Pareto::COLUMNS)))?;
    watch::end(front.is_interrupted())
}
