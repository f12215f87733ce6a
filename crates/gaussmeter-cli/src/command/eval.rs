use crate::failure::Failure;
use crate::options::{self, LengthOptions, NetworkOption, SettingOptions, parse_time};
use crate::output::Output;
#[cfg(feature = "data")]
use crate::output::note;
use crate::watch::watched;
use clap::Args;
use gaussmeter::experiment::{Defaults, Words};
use std::sync::Arc;
#[cfg(feature = "data")]
use {gaussmeter_data::Model, std::path::Path};

/// Everything about one configuration
#[derive(Debug, Args)]
#[command(after_help = "\
W2 and its parts, KL both ways, trace error, the error budget (initialization,
truncation, discretization, and the score of a --network that is not exact, each
alone), the grid (in json), and with --modes the law per eigenvalue. The default
is 50 network evaluations.

Examples:
  gaussmeter eval --sampler heun --nfe 50 --eps 1e-3
  gaussmeter eval --sampler em --points 1000 --init exact --format json
  gaussmeter eval --sampler euler --spectrum my.npy --process edm:sigma_max=80
  gaussmeter eval --sampler heun --network gain:delta=-0.05
  gaussmeter eval --sampler heun --network early-stopped:tau=100
  gaussmeter eval --sampler heun --network samples:n=50000
  gaussmeter eval --sampler heun:final=euler --eps 0 --modes -o modes.csv")]
pub struct Arguments {
    /// Sampler (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    sampler: String,
    #[command(flatten)]
    setting: SettingOptions,
    #[command(flatten)]
    network: NetworkOption,
    /// Truncation time, where sampling stops [default: 1e-3, or where the grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::EVAL.inits)]
    init: String,
    #[command(flatten)]
    length: LengthOptions,
    /// Add the law per distinct eigenvalue; csv then contains only that
    #[arg(long, help_heading = "Output")]
    modes: bool,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let words = Words {
        samplers: vec![a.sampler],
        inits: vec![a.init],
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        network: Some(a.network.network),
        ..a.setting.words()
    };
    let question = options::read(&words, &Defaults::EVAL)?;
    let spectrum = Arc::new(a.setting.load(&Defaults::EVAL)?);
    #[cfg(feature = "data")]
    if let Some(guiding) = question.network.item.guidance() {
        let name = a.setting.spectrum.as_deref().unwrap_or(Defaults::EVAL.spectrum);
        let models = [&guiding.class[..], name].map(|name| Model::load(Path::new(name)));
        if let [Ok(class), Ok(all)] = models {
            if a.modes {
                return Err(Failure::Usage("--modes: class and data have eigenvectors of their own, so that there is no law per eigenvalue".into()));
            }
            let bases = (&*class.basis, &*all.basis);
            if let Some(errors) = watched(|watch| question.guided(spectrum.clone(), bases, watch))?
            {
                return a.output.write(&errors.report());
            }
        }
    }
    // Only dense matrices take long.
    if question.network.item.training_set().is_some()
        && let Some(errors) = watched(|watch| question.training_set(spectrum.clone(), watch))?
    {
        return a.output.write(&errors.report());
    }
    let evaluation = watched(|watch| question.evaluate(spectrum, watch))?;
    #[cfg(feature = "data")]
    if evaluation.guidance.is_some() {
        note(
            "class and data are taken to have the same eigenvectors, in the order of their eigenvalues: spectra made with --basis bring their own",
        );
    }
    a.output.write(&evaluation.report(a.modes))
}
