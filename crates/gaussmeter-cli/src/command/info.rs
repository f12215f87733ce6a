use crate::failure::Failure;
use crate::options::{self, no_spectrum};
use crate::output::Output;
use clap::Args;
use gaussmeter::data::info;
use gaussmeter::experiment::noise_levels;
use std::sync::Arc;

/// A spectrum at a glance
#[derive(Debug, Args)]
#[command(after_help = "\
Dimension, variance, σ_data, condition number, effective ranks, how many modes
hold the variance, percentiles, the exponent of a power law if there is one, the
noise levels that the data call for, a sketch of eigenvalues by rank, and what
the file says about the data (of images also σ_data per channel). For a file of
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
  gaussmeter info cifar10 --tolerance 0.1,0.01
  gaussmeter info my.npy --against cifar10
  gaussmeter info spiked:d=784,rank=20 --format json
  gaussmeter info power-law:d=3072,alpha=1.5 -o power-law.tex")]
pub struct Arguments {
    /// A file of eigenvalues (.npy, .npz, .csv, .txt, .json), or a preset such as
    /// power-law:d=3072,alpha=1.5 (see `gaussmeter list spectra`)
    #[arg(value_name = "FILE|PRESET")]
    spectrum: String,
    /// Errors (W2) that a start and a stop may leave [default: 10, 1 and 0.1% of the root of the total
    /// variance]
    #[arg(long, value_name = "W2,…", value_delimiter = ',', value_parser = parse_tolerance, help_heading = "Noise levels", allow_negative_numbers = true)]
    tolerance: Vec<f64>,
    /// Other data: by which factor to shift noise levels so that both are equally hard
    #[arg(long, value_name = "FILE|PRESET", help_heading = "Noise levels")]
    against: Option<String>,
    /// Draw the sketch in ASCII instead of Braille characters
    #[arg(long, help_heading = "Output")]
    ascii: bool,
    #[command(flatten)]
    output: Output,
}

fn parse_tolerance(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(w2) if w2.is_finite() && w2 > 0.0 => Ok(w2),
        _ => Err("not a positive number".into()),
    }
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.for_tables(a.ascii, "--ascii")?;
    let width = a.output.width()?;
    let found = info(&a.spectrum).map_err(|error| no_spectrum(&a.spectrum, error))?;
    let Some(spectrum) = found.spectrum() else {
        return match (a.against, &a.tolerance[..]) {
            (None, []) => a.output.write(&found.report(None, width, a.ascii)),
            _ => {
                let what = "moments have no noise levels yet: make a spectrum of them first (gaussmeter merge)";
                Err(Failure::Request(format!("{}: {what}", a.spectrum)))
            }
        };
    };
    let against = a.against.as_deref().map(options::load).transpose()?.map(Arc::new);
    let levels = noise_levels(&Arc::new(spectrum.clone()), &a.tolerance, against.as_ref())?;
    a.output.write(&found.report(Some(&levels), width, a.ascii))
}
