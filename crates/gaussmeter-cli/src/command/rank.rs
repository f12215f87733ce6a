use crate::failure::Failure;
use crate::options::{self, MetricOption, PlacesOptions, parse_length};
use crate::output::Output;
use clap::Args;
use gaussmeter::experiment::rank;

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
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true, default_value = "20")]
    nfe: usize,
    /// Samplers, comma-separated (see `gaussmeter samplers`) [default: all]
    #[arg(long, value_name = "NAME,…", help_heading = "Setting")]
    sampler: Vec<String>,
    #[command(flatten)]
    places: PlacesOptions,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = "normal")]
    init: String,
    #[command(flatten)]
    metric: MetricOption,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let samplers = match a.sampler.is_empty() {
        true => options::all_samplers(),
        false => options::samplers(&a.sampler)?,
    };
    let metric = a.metric.build()?;
    let (init_label, init) = options::init(&a.init)?;
    let places = a.places.build()?;
    let ranking = rank(places, &samplers, a.nfe, (&init_label, &init), metric)?;
    a.output.write(&ranking.report())
}
