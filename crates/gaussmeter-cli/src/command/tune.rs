use crate::failure::Failure;
use crate::options::{self, LengthOptions, NetworkOption, parse_length, parse_time};
use crate::output::{Output, write_text};
use crate::watch::{self, watched};
use clap::{Args, ValueEnum};
use gaussmeter::design::{End, Start};
use gaussmeter::experiment::{Defaults, TuneOptions, Words, tune};
use gaussmeter::objective;
use std::path::PathBuf;

/// The best times of a sampler for given data
#[derive(Debug, Args)]
#[command(after_help = "\
The error is exact and smooth in the times, so it is minimised by descents with
exact derivatives from several starts. The objective robust, the default, gives
times that hold on data that are not Gaussian and with trained networks, as far
as it was tried (docs/steps.md); w2 those that are the best for exactly Gaussian
data, where the errors of different steps may cancel. The report compares the
optimum with the standard schedules, also for slightly different data or
networks, and says how well it is determined. The default is 20 network
evaluations. Neighbouring noise levels keep a ratio of at least 1.25: without
this, levels of multistep methods coalesce and the schedule is no longer robust.
With --free eta the sampler's stochasticity is sought too, each value on times
of its own: noise costs steps, and forgets errors of the network. It takes about
as long as ten searches. After Ctrl-C it reports the best so far (exit code 1).

Examples:
  gaussmeter tune --sampler dpmpp-2m --nfe 10
  gaussmeter tune --sampler edm --nfe 39 --spectrum my.npy --save sigmas.txt
  gaussmeter tune --sampler dpmpp-2m --nfe 10 --objective w2
  gaussmeter tune --sampler dpmpp-2m --nfe 10 --network early-stopped:tau=100
  gaussmeter eval --sampler edm --process edm --grid sigmas:sigmas.txt
  gaussmeter tune --sampler ddim --process vp-linear --eps 1e-3 --steps 20
  gaussmeter tune --sampler dpmpp-2m --free start --objective kl-reverse
  gaussmeter tune --sampler ddim --free eta --network gain:delta=-0.05
  gaussmeter tune --sampler ddim --objective mixture:w2=1,kl_reverse=0.01")]
pub struct Arguments {
    /// Sampler (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    sampler: String,
    /// Data: a preset, such as cifar10, or a file of eigenvalues [default: cifar10]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Setting")]
    spectrum: Option<String>,
    /// Forward process (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", default_value = Defaults::TUNE.process, help_heading = "Setting")]
    process: String,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::TUNE.inits, help_heading = "Setting")]
    init: String,
    #[command(flatten)]
    network: NetworkOption,
    #[command(flatten)]
    length: LengthOptions,
    /// Objective to minimise: robust, w2, local, kl-forward, kl-reverse, mixture:w2=…,local=… or
    /// weighted:FILE with a weight per eigenvalue (see `gaussmeter list objectives`)
    #[arg(long, value_name = "NAME", default_value = objective::DEFAULT, help_heading = "Design")]
    objective: String,
    /// Time where sampling stops [default: 0, the data]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true, help_heading = "Design")]
    eps: Option<f64>,
    /// What to optimise too: start (up to T, from noise of that level), end, eta (the sampler's fresh
    /// noise, from 0, the ODE, to 1, the reverse SDE)
    #[arg(long, value_name = "WHAT,…", value_enum, value_delimiter = ',', help_heading = "Design")]
    free: Vec<Free>,
    /// Smallest ratio of neighbouring noise levels, at least 1
    #[arg(long, value_name = "R", default_value_t = TuneOptions::default().min_ratio, help_heading = "Design")]
    min_ratio: f64,
    /// Random schedules to start from, in addition to the three best standard ones
    #[arg(long, value_name = "N", default_value_t = TuneOptions::default().starts, value_parser = parse_count, help_heading = "Design")]
    starts: usize,
    /// Seed of the random starts
    #[arg(long, value_name = "N", default_value_t = TuneOptions::default().seed, help_heading = "Design")]
    seed: u64,
    /// Also write the noise levels to a file, one per line, for `--grid sigmas:FILE`
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    save: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Free {
    Start,
    End,
    Eta,
}

/// Most starts.
const MAX_STARTS: usize = 10_000;

fn parse_count(text: &str) -> Result<usize, String> {
    match parse_length(text)? {
        0 => Err("at least 1".into()),
        n @ 1..=MAX_STARTS => Ok(n),
        _ => Err(format!("not a whole number from 1 to {MAX_STARTS}")),
    }
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let words = Words {
        samplers: vec![a.sampler],
        processes: vec![a.process],
        inits: vec![a.init],
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        network: Some(a.network.network),
        ..Words::default()
    };
    let question = options::read(&words, &Defaults::TUNE)?;
    let objective = objective::registry().build(&a.objective)?;
    let is_free = |what| a.free.contains(&what);
    if is_free(Free::End) && a.eps.is_some() {
        return Err(Failure::Usage(
            "--free end optimises the end that --eps fixes: give only one of them".into(),
        ));
    }
    let spectrum = options::load(a.spectrum.as_deref().unwrap_or(Defaults::TUNE.spectrum))?;
    let setting = question.setting(spectrum);
    let (sampler, length) = (question.sampler()?, question.length(&setting));
    let options = TuneOptions {
        network: question.network.clone(),
        start: if is_free(Free::Start) { Start::Free } else { Start::Fixed },
        end: if is_free(Free::End) { End::Free } else { End::At(question.eps(&setting)) },
        free_eta: is_free(Free::Eta),
        min_ratio: a.min_ratio,
        starts: a.starts,
        seed: a.seed,
        ..TuneOptions::default()
    };
    let tuning = watched(|watch| {
        tune(&setting.diffusion, sampler, length, question.init(), &objective, options, watch)
    })?;
    if let Some(path) = &a.save {
        write_text(path, &tuning.sigmas())?;
    }
    a.output.write(&tuning.report())?;
    watch::end(tuning.interrupted)
}
