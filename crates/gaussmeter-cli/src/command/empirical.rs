use super::spectrum::ReadArguments;
use crate::failure::Failure;
use crate::options::{parse_bytes, parse_length};
use crate::output::{note, of_tables, print_report};
use crate::progress::Work;
use crate::spectra::save_path;
use clap::Args;
use gaussmeter::report::by_name;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::Memory;
use gaussmeter_data::empirical::{EmpiricalOptions, of_samples};
use gaussmeter_data::source::{self, Data, Source};
use std::path::PathBuf;

/// The data set itself as a law, whose exact network has learnt it by heart
#[derive(Debug, Args)]
#[command(after_help = "\
The law is the uniform mixture of the samples. Its exact network is the mean of
all samples, weighted by the softmax of -|x - alpha x_i|^2 / (2 sigma^2): what a
network that memorizes its training set converges to. DATA is whatever
`gaussmeter spectrum` reads.

The file written by -o is for `gaussmeter verify --data`, and for every other
command the Gaussian of the whole (--spectrum).

Examples:
  gaussmeter empirical cifar-10-batches-bin --samples 20 -o my-samples.npz
  gaussmeter empirical photos/ --size 16 -o my-samples.npz")]
pub struct Arguments {
    /// Files, folders or archives
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Write the samples to this .npz file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// As many of the samples, at random [default: all]
    #[arg(long, value_name = "N", value_parser = parse_length, help_heading = "Samples")]
    samples: Option<usize>,
    /// Seed of the choice [default: 0]
    #[arg(long, value_name = "S", requires = "samples", help_heading = "Samples")]
    seed: Option<u64>,
    /// Memory that the samples and their moments may take
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = parse_bytes)]
    memory: u64,
    #[command(flatten)]
    reading: ReadArguments,
    /// Format of the table on stdout: text, markdown, latex, csv or json
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: String,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    let format = of_tables(by_name(&a.format)?)?;
    if let Some(path) = &a.output {
        save_path(path, &a.data)?;
    }
    let memory = Memory(a.memory);
    let Source { data, notes } = source::open(&a.data, &a.reading.build(memory))?;
    notes.iter().for_each(note);
    let Data::Samples(mut samples) = data else {
        return Err(Failure::Request(
            "statistics and eigenvalues are of one Gaussian: give the samples themselves".into(),
        ));
    };
    let options = EmpiricalOptions { samples: a.samples, seed: a.seed.unwrap_or_default(), memory };
    let name = a.output.as_deref().and_then(|path| path.file_name());
    let name = name.map_or_else(|| "samples".into(), |name| name.to_string_lossy());
    let work = Work::begin(samples.size_hint())?;
    let hear = |progress: Option<Progress>| work.hear(progress);
    let model = of_samples(&name, &mut *samples, options, Watch::new(&hear))?;
    work.end("samples", samples.position());
    samples.left_out().note().iter().for_each(note);
    if let Some(path) = &a.output {
        model.save(path)?;
    }
    print_report(format, &model.report())
}
