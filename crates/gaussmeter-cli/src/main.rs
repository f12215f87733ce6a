//! The `gaussmeter` command line.

#![warn(clippy::unwrap_used, clippy::expect_used)]

mod command;
#[cfg(test)]
mod documents;
mod failure;
#[cfg(feature = "data")]
mod images;
mod options;
mod output;
#[cfg(feature = "data")]
mod progress;
#[cfg(feature = "data")]
mod spectra;
mod watch;

use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Exact errors of diffusion samplers on Gaussian data
#[derive(Debug, Parser)]
#[command(
    name = "gaussmeter",
    version,
    max_term_width = 100,
    after_help = "\
When the data are Gaussian, every usual sampler outputs a Gaussian whose law has
a closed recursion per eigenvalue of the covariance: the Wasserstein-2 error is
a number, not an estimate.

Examples:
  gaussmeter table                           ablation table at equal NFE
  gaussmeter table --paper                   the table as published (ICML 2025)
  gaussmeter eval --sampler heun --nfe 50    everything about one configuration
  gaussmeter rank --nfe 20                   all samplers, the best first
  gaussmeter pareto --nfe 5..50              error against network evaluations
  gaussmeter recommend --nfe 20              sampler and schedule for your data
  gaussmeter report -o report.html           all of that on a page, with figures
  gaussmeter curve --format csv              error along time, for plotting
  gaussmeter modes --sampler em,heun         error per eigenvalue
  gaussmeter tune --sampler dpmpp-2m --nfe 10   the best times for given data
  gaussmeter show heun --steps 2             a sampler as a linear program
  gaussmeter schedules --sampler dpmpp-2m    where to place the steps
  gaussmeter info cifar10                    a spectrum at a glance
  gaussmeter export --to comfyui --sampler ddim --process edm --grid karras
  gaussmeter serve                           a page to explore all of this
  gaussmeter list                            samplers, processes, spectra, …

Your own data: 'gaussmeter spectrum DATA -o my.npz' makes a spectrum of images,
arrays or latents, and every command takes it with --spectrum my.npz. Samples or
features are compared by 'gaussmeter distance REFERENCE SAMPLES' (W2, FID).

Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 the request cannot be met, 2 it was not understood."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Table(command::table::Arguments),
    Curve(command::curve::Arguments),
    Modes(command::modes::Arguments),
    Steps(command::steps::Arguments),
    Eval(command::eval::Arguments),
    Tune(command::tune::Arguments),
    Rank(command::rank::Arguments),
    Pareto(command::pareto::Arguments),
    Plane(command::plane::Arguments),
    Recommend(command::recommend::Arguments),
    Report(command::report::Arguments),
    Export(command::export::Arguments),
    #[cfg(feature = "data")]
    Spectrum(Box<command::spectrum::Arguments>),
    #[cfg(feature = "data")]
    Merge(command::merge::Arguments),
    #[cfg(feature = "data")]
    Mixture(Box<command::mixture::Arguments>),
    #[cfg(feature = "data")]
    Empirical(Box<command::empirical::Arguments>),
    #[cfg(feature = "data")]
    Separable(Box<command::separable::Arguments>),
    #[cfg(feature = "data")]
    Verify(command::verify::Arguments),
    #[cfg(feature = "data")]
    ScoreError(Box<command::score_error::Arguments>),
    #[cfg(feature = "data")]
    Distance(Box<command::distance::Arguments>),
    Info(command::info::Arguments),
    #[cfg(feature = "data")]
    Texture(command::texture::Arguments),
    #[cfg(feature = "data")]
    Sample(command::sample::Arguments),
    #[cfg(feature = "train")]
    Train(Box<command::train::Arguments>),
    Show(command::show::Arguments),
    Schedules(command::schedules::Arguments),
    #[cfg(feature = "serve")]
    Serve(command::serve::Arguments),
    List(command::list::Arguments),
    Samplers(command::list::SamplersArguments),
    Cite(command::cite::Arguments),
    Completions(command::completions::Arguments),
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Table(a) => command::table::run(a),
        Command::Curve(a) => command::curve::run(a),
        Command::Modes(a) => command::modes::run(a),
        Command::Steps(a) => command::steps::run(a),
        Command::Eval(a) => command::eval::run(a),
        Command::Tune(a) => command::tune::run(a),
        Command::Rank(a) => command::rank::run(a),
        Command::Pareto(a) => command::pareto::run(a),
        Command::Plane(a) => command::plane::run(a),
        Command::Recommend(a) => command::recommend::run(a),
        Command::Report(a) => command::report::run(a),
        Command::Export(a) => command::export::run(a),
        #[cfg(feature = "data")]
        Command::Spectrum(a) => command::spectrum::run(*a),
        #[cfg(feature = "data")]
        Command::Merge(a) => command::merge::run(a),
        #[cfg(feature = "data")]
        Command::Mixture(a) => command::mixture::run(*a),
        #[cfg(feature = "data")]
        Command::Empirical(a) => command::empirical::run(*a),
        #[cfg(feature = "data")]
        Command::Separable(a) => command::separable::run(*a),
        #[cfg(feature = "data")]
        Command::Verify(a) => command::verify::run(a),
        #[cfg(feature = "data")]
        Command::ScoreError(a) => command::score_error::run(*a),
        #[cfg(feature = "data")]
        Command::Distance(a) => command::distance::run(*a),
        Command::Info(a) => command::info::run(a),
        #[cfg(feature = "data")]
        Command::Texture(a) => command::texture::run(a),
        #[cfg(feature = "data")]
        Command::Sample(a) => command::sample::run(a),
        #[cfg(feature = "train")]
        Command::Train(a) => command::train::run(*a),
        Command::Show(a) => command::show::run(a),
        Command::Schedules(a) => command::schedules::run(a),
        #[cfg(feature = "serve")]
        Command::Serve(a) => command::serve::run(a),
        Command::List(a) => command::list::run(a),
        Command::Samplers(a) => command::list::run(a.into()),
        Command::Cite(a) => command::cite::run(a),
        Command::Completions(a) => command::completions::run(a, &mut Cli::command()),
    }
}

fn main() -> ExitCode {
    let result = Cli::try_parse().map_err(Failure::from_clap).and_then(run);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
