use crate::failure::Failure;
use crate::options::{self, LengthOptions, ProcessOptions, parse_time};
use crate::output::Output;
use clap::Args;
use gaussmeter::experiment::{Defaults, PlaneData, PlaneView, Words, plane};
use gaussmeter::paths::Draw;

/// A Gaussian in the plane: what samplers do to it, as a picture
#[derive(Debug, Args)]
#[command(after_help = "\
Per sampler, the continuous solution that it approximates and the sampler itself:
ellipses of the laws on the way from noise to data, dashed the ones that they
should have, and samples. With --errors the four sources of error side by side:
initialization (the start alone), truncation (stopping at eps alone),
discretization (the steps alone), score (a network that is not exact alone). All
laws are exact; the defaults are coarse so that errors can be seen.

Examples:
  gaussmeter plane -o plane.svg
  gaussmeter plane --errors --init normal:std=0.7 -o errors.pdf
  gaussmeter plane --covariance 1,0.8,0.9 --mean 1,0 --sampler ddpm,heun --steps 5")]
pub struct Arguments {
    /// Covariance of the data: variance of the first coordinate, covariance, variance of the second
    #[arg(long, value_name = "XX,XY,YY", value_delimiter = ',', num_args = 1, default_values_t = [1.0, 0.7, 0.6], allow_negative_numbers = true, help_heading = "Setting")]
    covariance: Vec<f64>,
    /// Mean of the data
    #[arg(long, value_name = "X,Y", value_delimiter = ',', num_args = 1, default_values_t = [0.0, 0.0], allow_negative_numbers = true, help_heading = "Setting")]
    mean: Vec<f64>,
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::PLANE.samplers)]
    sampler: Vec<String>,
    #[command(flatten)]
    dynamics: ProcessOptions,
    /// Network of the score error; the samples are those of the exact one (see `gaussmeter list networks`)
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = "gain:delta=-0.1")]
    network: String,
    /// Truncation time, where sampling stops [default: 0.1, or where the grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::PLANE.inits)]
    init: String,
    #[command(flatten)]
    length: LengthOptions,
    /// Draw the four sources of error instead of the way
    #[arg(long, help_heading = "Output")]
    errors: bool,
    /// Samples on their way
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(..=1000), help_heading = "Output")]
    paths: u16,
    /// Determines the samples
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Output")]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let (Ok(covariance), Ok(mean)) = (a.covariance.try_into(), a.mean.try_into()) else {
        let text = "--covariance takes three numbers (xx,xy,yy) and --mean two (x,y)";
        return Err(Failure::Usage(text.into()));
    };
    let words = Words {
        samplers: a.sampler,
        inits: vec![a.init],
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        network: Some(a.network),
        ..a.dynamics.words()
    };
    let question = options::read(&words, &Defaults::PLANE)?;
    let data = PlaneData::new(covariance, mean).map_err(|e| Failure::Usage(e.to_string()))?;
    let setting = question.setting(data.spectrum.clone());
    let (length, eps) = (question.length(&setting), question.eps(&setting));
    let draw = Draw { seed: a.seed, first: 0, count: a.paths.into() };
    let found = plane(&data, &setting, &question.samplers, length, eps, question.init(), draw)?;
    let view = if a.errors { PlaneView::Errors } else { PlaneView::Paths };
    a.output.write(&found.report(view))
}
