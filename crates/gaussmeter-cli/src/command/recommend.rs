use crate::failure::Failure;
use crate::options::{self, NetworkOption, parse_length, parse_time};
use crate::output::{Output, write_text};
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::experiment::{Defaults, Goal, RecommendOptions, Recommendation, Words, recommend};
use gaussmeter::objective;
use std::path::PathBuf;
#[cfg(feature = "data")]
use {
    gaussmeter::experiment::{ExperimentError, VERIFIED_STARTS, VerifyOptions},
    std::path::Path,
};

/// The best sampler and schedule for given data and budget
#[derive(Debug, Args)]
#[command(after_help = "\
Every sampler takes as many steps as the budget allows, on its best standard
schedule and on times optimised for the spectrum, and is compared by the error to
expect on data that are not quite Gaussian (--objective). The answer comes first,
in one sentence; then the ranking, the lowest error against network evaluations, what
limits the winner, and the gain from replacing its first steps by the exact
solution for Gaussian data (teleportation). After Ctrl-C it compares what it has
tried so far (exit code 1). See docs/recommend.md.

Examples:
  gaussmeter recommend --spectrum my.npy --nfe 6 --front 4,8
  gaussmeter recommend --sampler ddim,dpmpp-2m,heun --nfe 10 --save sigmas.txt
  gaussmeter recommend --spectrum my.npy --error 0.5 --sampler dpmpp-2m,lms
  gaussmeter recommend --nfe 5 --sampler unipc,deis --format json
  gaussmeter recommend --nfe 10 --sampler dpmpp-2m,edm --network gain:delta=0.02
  gaussmeter recommend --spectrum my-classes.npz --nfe 10 --verify > advice.txt
  gaussmeter recommend --spectrum latents.npz > answer.txt")]
pub struct Arguments {
    /// Samplers, comma-separated (see `gaussmeter samplers`) [default: all]
    #[arg(
        long,
        value_name = "NAME,…",
        help_heading = "Setting",
        default_value = Defaults::RECOMMEND.samplers,
        hide_default_value = true
    )]
    sampler: Vec<String>,
    /// Data: a preset, such as cifar10, or a file of eigenvalues [default: cifar10]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Setting")]
    spectrum: Option<String>,
    /// Forward process (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", default_value = Defaults::RECOMMEND.process, help_heading = "Setting")]
    process: String,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::RECOMMEND.inits, help_heading = "Setting")]
    init: String,
    #[command(flatten)]
    network: NetworkOption,
    /// Time where sampling stops; 0 is the data
    #[arg(long, value_name = "E", value_parser = parse_time, default_value = "0", allow_hyphen_values = true, help_heading = "Setting")]
    eps: f64,
    /// Budget of network evaluations [default: 20]
    #[arg(long, value_name = "N", value_parser = parse_length, help_heading = "Goal", conflicts_with = "error", allow_negative_numbers = true)]
    nfe: Option<usize>,
    /// Instead of a budget, the error to reach, with the fewest of 5, 10, 15, 20, 30, 40 or 50
    /// evaluations
    #[arg(long, value_name = "ERROR", value_parser = parse_error, help_heading = "Goal", allow_negative_numbers = true)]
    error: Option<f64>,
    /// Budgets of the Pareto front, in addition to the goal's
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = parse_budget, default_value = "5,10,20,50", help_heading = "Goal", allow_negative_numbers = true)]
    front: Vec<usize>,
    /// What times are optimised for and samplers compared by: robust (the error to expect off the
    /// Gaussian), w2 (exactly Gaussian data), local, … (see `gaussmeter list objectives`)
    #[arg(long, value_name = "NAME", default_value = objective::DEFAULT, help_heading = "Goal")]
    objective: String,
    /// Smallest ratio of neighbouring noise levels in optimised times, at least 1
    #[arg(
        long,
        value_name = "R",
        default_value = "1.25",
        help_heading = "Goal",
        allow_negative_numbers = true
    )]
    min_ratio: f64,
    /// Also try the winner on the classes, clusters or samples of the data, which are not Gaussian, beside
    /// the usual default: --spectrum is then a file of `gaussmeter mixture`, `empirical` or `separable`
    #[cfg(feature = "data")]
    #[arg(long, help_heading = "Goal", requires = "spectrum")]
    verify: bool,
    /// Samplers shown by text, markdown and latex; 0 for all [default: 15]
    #[arg(long, value_name = "N", value_parser = parse_length, help_heading = "Output", allow_negative_numbers = true)]
    top: Option<usize>,
    /// Also write the winner's noise levels to a file, one per line, for `--grid sigmas:FILE`
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    save: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

fn parse_error(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(error) if error.is_finite() && error > 0.0 => Ok(error),
        _ => Err("not a positive number".into()),
    }
}

fn parse_budget(text: &str) -> Result<usize, String> {
    match parse_length(text)? {
        0 => Err("at least 1".into()),
        n => Ok(n),
    }
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.for_tables(a.top.is_some(), "--top")?;
    let words = Words {
        samplers: a.sampler,
        processes: vec![a.process],
        inits: vec![a.init],
        network: Some(a.network.network),
        ..Words::default()
    };
    let objective = objective::registry().build(&a.objective)?;
    let mut question = options::read(&words, &Defaults::RECOMMEND)?;
    let spectrum = options::load(a.spectrum.as_deref().unwrap_or(Defaults::RECOMMEND.spectrum))?;
    let diffusion = question.diffusion(spectrum);
    let options = RecommendOptions {
        network: question.network.clone(),
        goal: a.error.map_or(Goal::Nfe(a.nfe.unwrap_or(Defaults::RECOMMEND.budget())), Goal::Error),
        front: a.front,
        eps: a.eps,
        min_ratio: a.min_ratio,
        objective: (objective.label, objective.item),
        ..RecommendOptions::new(question.samplers, question.inits.swap_remove(0))
    };
    #[cfg(feature = "data")]
    let law = match (a.verify, &a.spectrum) {
        (true, Some(path)) => Some(super::verify::load(Path::new(path))?),
        _ => None,
    };
    let recommendation = watched(|watch| recommend(&diffusion, options, watch))?;
    #[cfg(feature = "data")]
    let recommendation = match law {
        Some(law) => watched(|watch| {
            let mut recommendation = recommendation;
            let options = VerifyOptions { starts: VERIFIED_STARTS, ..VerifyOptions::default() };
            match recommendation.verify(law, options, watch) {
                // What has been recommended is worth telling.
                Err(ExperimentError::Interrupted) => recommendation.interrupted = true,
                tried => tried?,
            }
            Ok::<_, ExperimentError>(recommendation)
        })?,
        None => recommendation,
    };
    if let Some(path) = &a.save {
        write_text(path, &recommendation.sigmas())?;
    }
    a.output.write(&recommendation.report(a.top.unwrap_or(Recommendation::TOP)))?;
    watch::end(recommendation.interrupted)
}
