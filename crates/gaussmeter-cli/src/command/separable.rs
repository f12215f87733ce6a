use super::spectrum::ReadArguments;
use crate::failure::Failure;
use crate::options::{parse_bytes, parse_length};
use crate::output::{note, of_tables, print_report};
use crate::progress::Work;
use crate::spectra::save_path;
use clap::Args;
use gaussmeter::data::MAX_BYTES;
use gaussmeter::file;
use gaussmeter::report::by_name;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::empirical::EmpiricalOptions;
use gaussmeter_data::separable::of_samples;
use gaussmeter_data::source::{self, Data, Source};
use gaussmeter_data::{Memory, SeparableModel};
use std::path::{Path, PathBuf};

/// Independent coordinates, each a mixture of Gaussians: not Gaussian, and W2 is exact
#[derive(Debug, Args)]
#[command(after_help = r#"DATA is a law written as JSON,
  {"coordinates": [{"weights": [0.3, 0.7], "means": [-1, 1], "stds": [0.2, 0.3]},
                   {"weights": [1], "means": [0], "stds": [0.1], "copies": 15}]},
or a data set that `gaussmeter spectrum` reads. Its coordinates along the
eigenvectors are then taken as independent, each a mixture of two Gaussians where
that has the better Bayesian information criterion, one Gaussian elsewhere.

The file written by -o is for `gaussmeter verify --data`, which computes the exact
W2 of rules without noise on it, and for every other command the Gaussian of the
whole (--spectrum).

Examples:
  gaussmeter separable two-modes.json -o my-law.npz
  gaussmeter separable photos/ --size 8 -o my-law.npz"#)]
pub struct Arguments {
    /// A law as .json, or the files, folders or archives of a data set
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Write the law to this .npz file
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
    let name = a.output.as_deref().and_then(|path| path.file_name());
    let name = name.map_or_else(|| "law".into(), |name| name.to_string_lossy());
    let model = match &a.data[..] {
        [path] if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) => {
            written(path)?
        }
        _ => fitted(&a, &name)?,
    };
    if let Some(path) = &a.output {
        model.save(path)?;
    }
    print_report(format, &model.report())
}

/// A law as JSON.
fn written(path: &Path) -> Result<SeparableModel, Failure> {
    let text = file::read_text(path, MAX_BYTES).map_err(|e| Failure::request(&e))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    SeparableModel::parse(&name, &text)
        .map_err(|reason| Failure::Request(format!("{}: {reason}", path.display())))
}

/// A law of a data set.
fn fitted(a: &Arguments, name: &str) -> Result<SeparableModel, Failure> {
    let memory = Memory(a.memory);
    let Source { data, notes } = source::open(&a.data, &a.reading.build(memory))?;
    notes.iter().for_each(note);
    let Data::Samples(mut samples) = data else {
        return Err(Failure::Request(
            "statistics and eigenvalues are of one Gaussian: give the samples themselves".into(),
        ));
    };
    let options = EmpiricalOptions { samples: a.samples, seed: a.seed.unwrap_or_default(), memory };
    let work = Work::begin(samples.size_hint())?;
    let hear = |progress: Option<Progress>| work.hear(progress);
    let model = of_samples(name, &mut *samples, options, Watch::new(&hear))?;
    work.end("samples", samples.position());
    samples.left_out().note().iter().for_each(note);
    Ok(model)
}
