use crate::failure::Failure;
use crate::output::emit;
use clap::Args;
use gaussmeter::experiment::Words;
use std::path::PathBuf;

/// BibTeX of the papers and projects behind samplers, process and grid
#[derive(Debug, Args)]
#[command(after_help = "\
The paper the method is based on and gaussmeter itself are always included.

Examples:
  gaussmeter cite
  gaussmeter cite heun,dpmpp-2m --process edm --grid karras
  gaussmeter cite em --spectrum cifar10 -o references.bib")]
pub struct Arguments {
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(value_name = "SAMPLER")]
    sampler: Vec<String>,
    /// Forward process (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME")]
    process: Option<String>,
    /// Grid rule (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME")]
    grid: Option<String>,
    /// Data preset (see `gaussmeter list spectra`)
    #[arg(long, value_name = "NAME")]
    spectrum: Option<String>,
    /// Metric (see `gaussmeter list metrics`)
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    let words = Words {
        samplers: a.sampler,
        processes: a.process.into_iter().collect(),
        grids: a.grid.into_iter().collect(),
        metric: a.metric,
        ..Words::default()
    };
    emit(a.output.as_deref(), &words.bibtex(a.spectrum.as_deref())?)
}
