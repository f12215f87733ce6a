use crate::failure::Failure;
use crate::options::no_spectrum;
use crate::output::Output;
use clap::Args;
use gaussmeter::data::info;

/// A spectrum at a glance
#[derive(Debug, Args)]
#[command(after_help = "\
Dimension, variance, condition number, effective ranks, how many modes hold the
variance, percentiles, the exponent of a power law if there is one, a sketch of
eigenvalues by rank, and what the file says about the data. For a file of
moments: what has been summed so far.

  effective rank       exp(-sum p ln p), p = eigenvalue / total variance
                       (Roy & Vetterli 2007)
  participation ratio  (tr S)^2 / tr S^2, S the covariance (Bell & Dean 1970)
  stable rank          tr S / largest eigenvalue (Rudelson & Vershynin 2007)
  power law            least squares of ln eigenvalue on ln rank, over the
                       middle half of ln rank

Examples:
  gaussmeter info cifar10
  gaussmeter info my.npy --ascii
  gaussmeter info spiked:d=784,rank=20 --format json
  gaussmeter info power-law:d=3072,alpha=1.5 -o power-law.tex")]
pub struct Arguments {
    /// A file of eigenvalues (.npy, .npz, .csv, .txt, .json), or a preset such as
    /// power-law:d=3072,alpha=1.5 (see `gaussmeter list spectra`)
    #[arg(value_name = "FILE|PRESET")]
    spectrum: String,
    /// Draw the sketch in ASCII instead of Braille characters
    #[arg(long, help_heading = "Output")]
    ascii: bool,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.for_tables(a.ascii, "--ascii")?;
    let width = a.output.width()?;
    let found = info(&a.spectrum).map_err(|error| no_spectrum(&a.spectrum, error))?;
    a.output.write(&found.report(width, a.ascii))
}
