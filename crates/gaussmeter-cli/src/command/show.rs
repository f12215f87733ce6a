use crate::failure::Failure;
use crate::options::{self, LengthOptions, ProcessOptions, parse_time};
use crate::output::Output;
use clap::Args;
use gaussmeter::experiment::{Defaults, Words};

/// A sampler as a linear program: every operation with its coefficients
#[derive(Debug, Args)]
#[command(after_help = "\
Step by step, what the network is asked at which level, the noises, and the
linear combinations: x2 is the state after two steps; d, s, e or v a network
output (denoiser, score, noise, velocity); z a noise; y an intermediate point.
The default is 4 steps.

The json document is itself a sampler: 'plan:FILE' runs it with these numbers,
on the same process and grid.

Examples:
  gaussmeter show heun
  gaussmeter show dpmpp-2m --steps 3 --process edm --grid karras
  gaussmeter show dpmpp-sde --steps 10 --eps 1e-2 -o program.json
  gaussmeter eval --sampler plan:program.json --steps 10 --eps 1e-2")]
pub struct Arguments {
    /// Sampler (see `gaussmeter samplers`)
    #[arg(value_name = "SAMPLER")]
    sampler: String,
    #[command(flatten)]
    dynamics: ProcessOptions,
    /// Truncation time, where sampling stops [default: 1e-3, or where the grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    #[command(flatten)]
    length: LengthOptions,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format_of_tables()?;
    let width = a.output.width()?;
    let words = Words {
        samplers: vec![a.sampler],
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        ..a.dynamics.words()
    };
    let question = options::read(&words, &Defaults::SHOW)?;
    a.output.write(&question.program()?.report(width))
}
