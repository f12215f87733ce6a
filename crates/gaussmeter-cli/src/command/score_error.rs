use crate::failure::Failure;
use crate::options::{self, Make, Trained, parse_length, parse_range, parse_time};
use crate::output::{Output, differs, write_text};
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::basis::{Basis, EigenCoordinates};
use gaussmeter::entry::split_list;
use gaussmeter::experiment::{
    Defaults, GROUPS, Length, Samplers, ScoreErrorOptions, Words, score_error,
};
use gaussmeter::network::{Denoiser, Learnt, LinearDenoiser, Network};
use gaussmeter::sampler;
use gaussmeter_data::{Model, ModelError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A network against the exact one of Gaussian data, and what it costs samplers
#[derive(Debug, Args)]
#[command(after_help = "\
At each noise level states are drawn from the data with noise added, where the
exact network is known. The difference of the network to it is divided into a
constant, a part that is linear in the own coordinate along an eigenvector (a
gain), one that is linear in the others (a leak), and the rest, which is not
affine. Constants and gains are then put into every sampler, whose law is exact
again: W2 with this network beside the exact one, and the score error beside
those of start, truncation and steps. --leaks puts leaks into another column, and
--samples draws with the network itself.

A trained network (onnx:FILE, docs/onnx.md) needs a spectrum with eigenvectors:
`gaussmeter spectrum DATA --basis`, a texture or a stationary model. --save-gain
writes the mean gain of each level for `--network gain:file=FILE` elsewhere.

Examples:
  gaussmeter score-error --network gain:delta=-0.05 --spectrum power-law:d=64,alpha=1.5
  gaussmeter score-error --network perturbed:delta=0.1 --spectrum power-law:d=64,alpha=1.5 \\
      --sampler ddim,em --eta 0,0.5,1 --steps 10,20 --samples 512
  gaussmeter score-error --network onnx:net.onnx --spectrum fabric.npz \\
      --save-gain gain.csv")]
pub struct Arguments {
    /// Network: onnx:FILE, or one whose error is known, such as gain:delta=-0.05 (see `gaussmeter
    /// list networks`)
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    network: String,
    /// Data: a preset or a file of eigenvalues; with eigenvectors for a trained network
    #[arg(long, value_name = "NAME|FILE", help_heading = "Setting")]
    spectrum: String,
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::SCORE_ERROR.samplers)]
    sampler: Vec<String>,
    /// Stochasticities of samplers that have a parameter eta, comma-separated
    #[arg(long, value_name = "E,…", help_heading = "Setting", value_delimiter = ',', value_parser = parse_eta, allow_hyphen_values = true)]
    eta: Vec<f64>,
    /// Forward processes, comma-separated (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::SCORE_ERROR.process)]
    process: Vec<String>,
    /// Where the times go, comma-separated (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::SCORE_ERROR.grid)]
    grid: Vec<String>,
    /// Truncation time where sampling stops [default: 0, or where a grid ends by itself]
    #[arg(long, value_name = "E", help_heading = "Setting", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Numbers of steps, comma-separated, also ranges such as 5..20:5
    #[arg(long, value_name = "N,…", help_heading = "Length", default_value = "18", allow_hyphen_values = true, value_delimiter = ',', value_parser = parse_range)]
    steps: Vec<Vec<usize>>,
    /// Noise levels sigma/alpha to measure at, comma-separated [default: 16 from 80 to 0.002]
    #[arg(long, value_name = "S,…", help_heading = "Measurement", value_delimiter = ',', value_parser = parse_level, allow_hyphen_values = true)]
    sigmas: Vec<f64>,
    /// Noised data vectors per level: at least eight per group, and as many in each
    #[arg(long, value_name = "N", help_heading = "Measurement", value_parser = parse_length, allow_negative_numbers = true, default_value = "1024")]
    per_level: usize,
    /// Groups that they are divided into, for intervals: 8, 12, 16, 20, 24 or 32
    #[arg(long, value_name = "N", help_heading = "Measurement", value_parser = parse_groups, allow_negative_numbers = true, default_value = "16")]
    groups: usize,
    /// Also draw this many samples (at least 16) with the network by every sampler
    #[arg(long, value_name = "N", help_heading = "Measurement", value_parser = parse_length, allow_negative_numbers = true, default_value = "0")]
    samples: usize,
    /// Also predict with leaks, by a matrix for every level: --per-level of at least four times the dimensions
    #[arg(long, help_heading = "Measurement")]
    leaks: bool,
    /// Seed of states and samples
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
    /// Also write the mean gain of each level, from -0.999 to 1000, for `--network gain:file=FILE`
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    save_gain: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

fn parse_eta(text: &str) -> Result<f64, String> {
    let found = text.trim().parse().ok().filter(|eta: &f64| eta.is_finite() && *eta >= 0.0);
    found.ok_or_else(|| "not a number of at least 0".into())
}

fn parse_level(text: &str) -> Result<f64, String> {
    let found = text.trim().parse().ok().filter(|sigma: &f64| sigma.is_finite() && *sigma > 0.0);
    found.ok_or_else(|| "not a positive number".into())
}

fn parse_groups(text: &str) -> Result<usize, String> {
    let known = GROUPS.map(|g| g.to_string()).join(", ");
    let found = text.trim().parse().ok().filter(|g| GROUPS.contains(g));
    found.ok_or_else(|| format!("not one of {known}"))
}

/// What is measured: the data along their eigenvectors, and the network.
struct Measured {
    label: String,
    basis: Arc<dyn Basis>,
    make: Box<Make>,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    for path in a.save_gain.iter().chain(&a.output.output) {
        let read = options::file_of_network(&a.network).into_iter();
        let read: Vec<PathBuf> = read.chain([PathBuf::from(&a.spectrum)]).collect();
        differs(path, &read)?;
    }
    let words = Words {
        processes: a.process,
        grids: a.grid,
        samplers: stochasticities(&a.sampler, &a.eta)?,
        lengths: a.steps.into_iter().flatten().map(Length::Steps).collect(),
        eps: a.eps.into_iter().collect(),
        ..Words::default()
    };
    let question = options::read(&words, &Defaults::SCORE_ERROR)?;
    let spectrum = Arc::new(options::load(&a.spectrum)?);
    let measured = match options::is_trained(&a.network) {
        true => trained(&a.network, &a.spectrum)?,
        false => {
            let network = Network::read(&a.network)?;
            let learnt = Learnt::of(&*network.item, &spectrum).map_err(|e| Failure::request(&e))?;
            if learnt.is_guided() {
                return Err(Failure::Request(format!(
                    "network {}: it guides samples to a class, and its errors are measured on the data: gaussmeter eval has what guidance does",
                    network.label
                )));
            }
            let basis = Arc::new(EigenCoordinates::of(learnt.truth()));
            let denoiser = LinearDenoiser::new(learnt);
            let make = move || Box::new(denoiser.clone()) as Box<dyn Denoiser + Send>;
            Measured { label: network.label, basis, make: Box::new(make) }
        }
    };
    let mut options = ScoreErrorOptions {
        per_level: a.per_level,
        groups: a.groups,
        samples: a.samples,
        leaks: a.leaks,
        seed: a.seed,
        ..ScoreErrorOptions::default()
    };
    if !a.sigmas.is_empty() {
        options.sigmas = a.sigmas;
    }
    let lengths = question.asked_lengths();
    let samplers = Samplers { samplers: &question.samplers, lengths: &lengths };
    let found = watched(|watch| {
        let network = (&measured.label[..], &*measured.make);
        let places = question.places(spectrum);
        score_error(network, measured.basis.clone(), places, samplers, options, watch)
    })?;
    a.output.write(&found.report())?;
    if let Some(path) = &a.save_gain {
        write_text(path, &found.gain_file()?)?;
    }
    watch::end(found.is_interrupted)
}

/// The samplers, each with a parameter eta once for every value.
fn stochasticities(samplers: &[String], etas: &[f64]) -> Result<Vec<String>, Failure> {
    if etas.is_empty() {
        return Ok(samplers.to_vec());
    }
    let registry = sampler::registry();
    let (mut all, mut is_used) = (Vec::new(), false);
    for text in samplers.iter().flat_map(|list| split_list(list)) {
        let built = registry.build(&text)?;
        let has_eta = built.arguments.iter().any(|(p, _)| p.name == "eta");
        match has_eta && !built.arguments.is_given("eta") {
            false => all.push(text),
            true => {
                is_used = true;
                for eta in etas {
                    all.push(registry.with(&built, "eta", &eta.to_string())?.label);
                }
            }
        }
    }
    match is_used {
        true => Ok(all),
        false => Err(Failure::Usage(format!(
            "--eta has no effect: {} leaves no parameter eta open (ddim, dpmpp-2m-sde and others have one: see gaussmeter samplers)",
            all.join(", ")
        ))),
    }
}

fn trained(network: &str, spectrum: &str) -> Result<Measured, Failure> {
    let path = Path::new(spectrum);
    let without = || {
        Failure::Request(format!(
            "{spectrum} has no eigenvectors, which a trained network needs: gaussmeter spectrum DATA --basis -o my.npz keeps them"
        ))
    };
    if !path.exists() {
        return Err(without());
    }
    let model = Model::load(path).map_err(|error| match error {
        ModelError::NoBasis { .. } => without(),
        error => error.into(),
    })?;
    let found = Trained::read(network, model.basis.shape())?;
    match found {
        Some(Trained { label, make }) => Ok(Measured { label, basis: model.basis, make }),
        None => Err(Failure::Usage(format!("--network {network}: not a trained network"))),
    }
}
