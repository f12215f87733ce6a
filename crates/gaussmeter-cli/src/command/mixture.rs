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
use gaussmeter_data::mixture::{MixtureOptions, of_samples};
use gaussmeter_data::source::{self, Data, Labels, ReadOptions, Source};
use std::path::PathBuf;

/// A Gaussian per class of a labelled data set, or per cluster of any: data on which advice is verified
#[derive(Debug, Args)]
#[command(after_help = "\
Classes are the sub-folders of pictures (of a folder, tar or ZIP archive), the
.cls files of a WebDataset tar, the labels of CIFAR's files (binary and Python)
and the column of labels of a parquet file (label, class, target, …). With
--clusters any data that `gaussmeter spectrum` reads will do: k-means on at most
10,000 random samples, then all samples go to the nearest centre.

The file written by -o is for `gaussmeter verify --data`, and for every other
command the Gaussian of the whole (--spectrum).

Examples:
  gaussmeter mixture cifar-10-batches-bin -o my-classes.npz
  gaussmeter mixture photos/ --size 16 --clusters 3 -o my-classes.npz
  gaussmeter verify --data my-classes.npz --sampler dpmpp-2m,edm --steps 10,20")]
pub struct Arguments {
    /// Files, folders or archives
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Write the mixture to this .npz file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// As many clusters, whatever the data say of classes
    #[arg(long, value_name = "K", value_parser = parse_length, help_heading = "Classes")]
    clusters: Option<usize>,
    /// The column of a parquet file, or list of a pickle, that holds the classes: integers or text
    #[arg(long, value_name = "NAME", conflicts_with = "clusters", help_heading = "Classes")]
    labels: Option<String>,
    /// Seed of the clusters [default: 0]
    #[arg(long, value_name = "S", requires = "clusters", help_heading = "Classes")]
    seed: Option<u64>,
    /// Memory that samples and the sums of all classes may take
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
    let labels = match (a.clusters, a.labels) {
        (Some(_), _) => Labels::Ignore,
        (None, None) => Labels::Auto,
        (None, Some(name)) => Labels::Named(name),
    };
    let reading = ReadOptions { labels, ..a.reading.build(memory) };
    let Source { data, notes } = source::open(&a.data, &reading)?;
    notes.iter().for_each(note);
    let Data::Samples(mut samples) = data else {
        return Err(Failure::Request(
            "statistics and eigenvalues are of one Gaussian: give the samples themselves".into(),
        ));
    };
    let options = MixtureOptions { clusters: a.clusters, seed: a.seed.unwrap_or_default(), memory };
    let name = a.output.as_deref().and_then(|path| path.file_name());
    let name = name.map_or_else(|| "mixture".into(), |name| name.to_string_lossy());
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
