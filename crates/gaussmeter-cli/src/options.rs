//! Options shared by all commands that run samplers: what they say in words goes to the library, which
//! has the defaults and the checks.

use crate::failure::Failure;
use crate::output::note;
use clap::Args;
use gaussmeter::data;
use gaussmeter::experiment::{Defaults, Length, MAX_STEPS, Question, QuestionError, Words};
use gaussmeter::spectrum::Spectrum;

/// Data, process and grid.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct SettingOptions {
    /// Data: a preset, such as cifar10 or power-law:d=3072,alpha=1.5 (see `gaussmeter list
    /// spectra`), or a file of eigenvalues (.npy, .npz, .csv, .txt, .json) [default: cifar10]
    #[arg(long, value_name = "NAME|FILE")]
    pub spectrum: Option<String>,
    #[command(flatten)]
    pub dynamics: ProcessOptions,
}

/// Process and grid.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct ProcessOptions {
    /// Forward process, such as edm:sigma_max=80 (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", default_value = Defaults::EVAL.process)]
    pub process: String,
    /// Where the times go: uniform, karras, sigmas:FILE with its own levels, … (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME", default_value = Defaults::EVAL.grid)]
    pub grid: String,
}

impl SettingOptions {
    /// What they say of process and grid.
    pub fn words(&self) -> Words {
        self.dynamics.words()
    }

    /// Loads the data; notices go to stderr.
    pub fn load(&self, defaults: &Defaults) -> Result<Spectrum, Failure> {
        load(self.spectrum.as_deref().unwrap_or(defaults.spectrum))
    }
}

impl ProcessOptions {
    /// What they say.
    pub fn words(&self) -> Words {
        let (process, grid) = (self.process.clone(), self.grid.clone());
        Words { processes: vec![process], grids: vec![grid], ..Words::default() }
    }
}

/// Reads a question; what users of its process should know goes to stderr.
pub fn read(words: &Words, defaults: &'static Defaults) -> Result<Question, Failure> {
    let question = words.read(defaults)?;
    question.notices().for_each(note);
    Ok(question)
}

impl From<QuestionError> for Failure {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Entry(error) => error.into(),
            error => Failure::Usage(format!("--{error}")),
        }
    }
}

/// Data, and lists of processes and grids.
#[derive(Debug, Args)]
#[command(next_help_heading = "Setting")]
pub struct PlacesOptions {
    /// Data: a preset, such as cifar10 or power-law:d=3072,alpha=1.5 (see `gaussmeter list
    /// spectra`), or a file of eigenvalues (.npy, .npz, .csv, .txt, .json)
    #[arg(long, value_name = "NAME|FILE", default_value = Defaults::RANK.spectrum)]
    pub spectrum: String,
    /// Forward processes, comma-separated, such as edm:sigma_max=80 (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME,…", default_value = Defaults::RANK.process)]
    pub process: Vec<String>,
    /// Where the times go, comma-separated: uniform, karras, … (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME,…", default_value = Defaults::RANK.grid)]
    pub grid: Vec<String>,
    /// Truncation time where sampling stops [default: 1e-3, or where a grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    pub eps: Option<f64>,
}

impl PlacesOptions {
    /// What they say of processes, grids and eps.
    pub fn words(&self) -> Words {
        let (processes, grids) = (self.process.clone(), self.grid.clone());
        Words { processes, grids, eps: self.eps.into_iter().collect(), ..Words::default() }
    }
}

/// Why no spectrum is found there, and what to do about it where something else is there.
pub fn no_spectrum(name: &str, error: data::DataError) -> Failure {
    let path = std::path::Path::new(name);
    if path.is_dir() {
        return Failure::Request(format!(
            "{name} is a folder, not a spectrum: gaussmeter spectrum {name} -o my.npz makes one of the samples in it"
        ));
    }
    let sums = |archive: data::Archive| archive.content() == Some("gaussmeter moments");
    if path.is_file() && data::Archive::open(path).is_some_and(sums) {
        return Failure::Request(format!(
            "{name} holds sums over samples, not a spectrum: gaussmeter merge {name} -o my.npz makes one of them"
        ));
    }
    error.into()
}

/// Loads the data; notices go to stderr.
pub fn load(name: &str) -> Result<Spectrum, Failure> {
    let spectrum = data::load(name).map_err(|error| no_spectrum(name, error))?;
    for notice in spectrum.notices() {
        note(format!("{}: {notice}", spectrum.name()));
    }
    Ok(spectrum)
}

/// How long samplers run.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct LengthOptions {
    /// Number of steps
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Budget of network evaluations: as many steps as fit
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true)]
    pub nfe: Option<usize>,
    /// Number of grid points, one more than steps (the paper's N)
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true)]
    pub points: Option<usize>,
}

impl LengthOptions {
    /// The length asked for.
    pub fn given(&self) -> Vec<Length> {
        let steps = self.steps.map(Length::Steps);
        let length = steps.or(self.nfe.map(Length::Nfe)).or(self.points.map(Length::Points));
        length.into_iter().collect()
    }
}

/// Refuses a path where nothing is, or what is no file.
#[cfg(feature = "data")]
pub fn exists(path: &std::path::Path) -> Result<(), Failure> {
    gaussmeter::file::check(path).map(|_| ()).map_err(|e| Failure::request(&e))
}

/// What samplers call.
#[derive(Debug, Args)]
pub struct NetworkOption {
    /// Network that samplers call, while the data stay as they are: exact, gain:delta=-0.05,
    /// perturbed:delta=0.1, … (see `gaussmeter list networks`); onnx:FILE in verify, sample and score-error
    #[arg(long, value_name = "NAME", help_heading = "Setting", default_value = "exact")]
    pub network: String,
}

/// Makes networks, one per thread.
#[cfg(feature = "data")]
pub type Make = dyn Fn() -> Box<dyn gaussmeter::network::Denoiser + Send> + Sync;

/// A trained network in a file, that `--network` may name.
#[cfg(feature = "data")]
#[cfg_attr(not(feature = "onnx"), allow(dead_code))]
pub struct Trained {
    /// What it is called.
    pub label: String,
    /// Makes it, for each thread.
    pub make: Box<Make>,
}

#[cfg(feature = "data")]
impl Trained {
    /// The trained network that a text names, for data vectors of a shape; `None` for a linear network.
    #[cfg(feature = "onnx")]
    pub fn read(text: &str, shape: &[usize]) -> Result<Option<Self>, Failure> {
        if !gaussmeter_onnx::is_onnx(text) {
            return Ok(None);
        }
        let network = gaussmeter_onnx::OnnxNetwork::read(text)?;
        let denoiser = network.bind(shape)?;
        let make = Box::new(move || Box::new(denoiser.clone()) as _);
        Ok(Some(Trained { label: network.label().into(), make }))
    }

    /// The same where the build has no trained networks.
    #[cfg(not(feature = "onnx"))]
    pub fn read(text: &str, _: &[usize]) -> Result<Option<Self>, Failure> {
        match is_trained(text) {
            true => Err(Failure::Usage(
                "this build does not include trained networks: build with the feature onnx".into(),
            )),
            false => Ok(None),
        }
    }
}

/// Whether a text names a trained network.
#[cfg(feature = "data")]
pub fn is_trained(text: &str) -> bool {
    text.split(':').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("onnx"))
}

/// The file that a network is read from, if there is one.
#[cfg(feature = "data")]
pub fn file_of_network(text: &str) -> Option<std::path::PathBuf> {
    let (_, rest) = text.split_once(':')?;
    let mut words = rest.split(',').map(str::trim);
    let file = match is_trained(text) {
        true => words.next(),
        false => words.find_map(|word| word.strip_prefix("file=")),
    };
    file.map(Into::into)
}

#[cfg(feature = "data")]
impl NetworkOption {
    /// What is read as one of the networks that have a closed law: nothing, where a trained one is named.
    pub fn closed(&self) -> Option<String> {
        (!is_trained(&self.network)).then(|| self.network.clone())
    }
}

/// What is measured.
#[derive(Debug, Args)]
pub struct MetricOption {
    /// What is measured: w2, kl-forward, kl-reverse, trace (see `gaussmeter list metrics`)
    #[arg(long, value_name = "NAME", default_value = Defaults::EVAL.metric)]
    pub metric: String,
}

/// Parses numbers and ranges of them: `20`, `5..50` and `10..100:10` in steps of ten, both ends
/// included.
pub fn parse_range(text: &str) -> Result<Vec<usize>, String> {
    let Some((first, rest)) = text.split_once("..") else { return Ok(vec![parse_length(text)?]) };
    let (last, step) = match rest.split_once(':') {
        Some((last, step)) => (last, parse_length(step)?),
        None => (rest, 1),
    };
    let (first, last) = (parse_length(first)?, parse_length(last)?);
    match (step, first <= last) {
        (0, _) => Err("a step of 0".into()),
        (_, false) => Err(format!("ends at {last}, before {first}")),
        _ if (last - first) / step >= MAX_RANGE => Err(format!("more than {MAX_RANGE} numbers")),
        _ => Ok((first..=last).step_by(step).collect()),
    }
}

/// Most numbers of a range.
const MAX_RANGE: usize = 10_000;

/// Parses a truncation time.
pub fn parse_time(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        // `+ 0.0` turns -0 into 0.
        Ok(t) if t.is_finite() && t >= 0.0 => Ok(t + 0.0),
        Ok(_) => Err("times are finite and not negative".into()),
        Err(_) => Err("not a number".into()),
    }
}

/// Parses a number of steps, points, evaluations or rows.
pub fn parse_length(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(n) if n <= MAX_STEPS => Ok(n),
        _ => Err(format!("not a whole number from 0 to {MAX_STEPS}")),
    }
}

/// Parses a number of bytes, such as 512M or 2G.
#[cfg(feature = "data")]
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim().trim_end_matches(['B', 'b']).trim_end_matches(['I', 'i']);
    let (number, unit) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (&text[..at], unit.to_ascii_uppercase()),
        _ => (text, '1'),
    };
    let shift = match unit {
        '1' => Some(0),
        'K' => Some(10),
        'M' => Some(20),
        'G' => Some(30),
        'T' => Some(40),
        _ => None,
    };
    let bytes = number
        .trim()
        .parse::<u64>()
        .ok()
        .zip(shift)
        .and_then(|(n, shift)| n.checked_mul(1 << shift));
    bytes.ok_or_else(|| "not a size such as 512M or 2G".into())
}
