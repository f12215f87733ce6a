use crate::failure::Failure;
use crate::options::{self, MetricOption, NetworkOption, PlacesOptions, parse_length};
use crate::output::Output;
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::experiment::{Defaults, Length, Words};

/// All samplers at one budget of network evaluations, the best first
#[derive(Debug, Args)]
#[command(after_help = "\
Every sampler takes as many steps as the budget allows; the evaluations actually
spent are shown. Samplers that cannot run are listed below with the reason. With
several grids or processes each sampler is ranked on all of them.

Examples:
  gaussmeter rank --nfe 20
  gaussmeter rank --nfe 20 --process edm --grid karras,exponential,beta
  gaussmeter rank --nfe 10 --sampler ddim,dpmpp-2m,lms --init exact -o rank.csv
  gaussmeter rank --nfe 30 --spectrum my.npy --process vp-discrete --grid simple")]
pub struct Arguments {
    /// Budget of network evaluations (NFE) for each sampler
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true, default_value_t = Defaults::RANK.budget())]
    nfe: usize,
    /// Samplers, comma-separated (see `gaussmeter samplers`) [default: all]
    #[arg(long, value_name = "NAME,…", help_heading = "Setting")]
    sampler: Vec<String>,
    #[command(flatten)]
    places: PlacesOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::RANK.inits)]
    init: String,
    #[command(flatten)]
    metric: MetricOption,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let words = Words {
        samplers: a.sampler,
        inits: vec![a.init],
        metric: Some(a.metric.metric),
        lengths: vec![Length::Nfe(a.nfe)],
        network: Some(a.network.network),
        ..a.places.words()
    };
    let question = options::read(&words, &Defaults::RANK)?;
    let spectrum = options::load(&a.places.spectrum)?;
    let ranking = watched(|watch| question.rank(spectrum, watch))?;
    a.output.write(&ranking.report())?;
    watch::end(ranking.is_interrupted())
}
