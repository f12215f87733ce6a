use crate::failure::Failure;
use crate::options;
use crate::output::emit;
use clap::Args;
use gaussmeter::bibliography::bibtex;
use gaussmeter::experiment::{Defaults, Words};
use gaussmeter::{data, grid, metric, process, sampler};
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
    let mut sources = Vec::new();
    if !a.sampler.is_empty() {
        let words = Words { samplers: a.sampler, ..Words::default() };
        for named in options::read(&words, &Defaults::RANK)?.samplers {
            sources.push(sampler::registry().find(named.name)?.source);
        }
    }
    // The part before the parameters; a bare name is enough.
    let name = |text: &str| text.split(':').next().unwrap_or_default().trim().to_string();
    if let Some(text) = &a.process {
        sources.push(process::registry().find(&name(text))?.source);
    }
    if let Some(text) = &a.grid {
        sources.push(grid::registry().find(&name(text))?.source);
    }
    if let Some(text) = &a.spectrum {
        sources.push(data::registry().find(&name(text))?.source);
    }
    if let Some(text) = &a.metric {
        sources.push(metric::registry().find(&name(text))?.source);
    }
    emit(a.output.as_deref(), &bibtex(sources))
}
