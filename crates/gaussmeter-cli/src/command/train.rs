use super::spectrum::ReadArguments;
use super::texture::{self, TextureOptions};
use crate::failure::Failure;
use crate::images::named;
use crate::options::{parse_bytes, parse_length};
use crate::output::{differs, extension, note, of_tables, print_report, replaceable};
use crate::progress::Work;
use clap::{Args, ValueEnum};
use gaussmeter::data::Archive;
use gaussmeter::report::by_name;
use gaussmeter::shell::quoted;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::source::{Data, Labels, ReadOptions, Source};
use gaussmeter_data::{Memory, Model, TextureModel, source};
use gaussmeter_net::data::{GaussianData, StoredData, TrainingData};
use gaussmeter_net::graph::Padding;
use gaussmeter_net::parametrization::{Kind, NoiseLaw, Parametrization};
use gaussmeter_net::program::{Architecture, Linear, Program, Unet};
use gaussmeter_net::{Decay, NetError, Optimiser, Options, Trainer, file, report};
use std::path::{Path, PathBuf};

/// Network trained on a model, whose exact denoiser and least loss are known, or on a data set
#[derive(Debug, Args)]
#[command(after_help = "\
DATA is a model with eigenvectors (`gaussmeter texture`, `gaussmeter spectrum
DATA --basis`): every step draws fresh exact samples, and the loss is shown
beside that of the exact network. --texture makes such a model of a picture. Or
DATA is anything else that `gaussmeter spectrum` reads: then samples are kept in
memory.

Beside net.safetensors (the weights) lie net.onnx (the same network for other
programs), net.csv (the log), with --texture net.texture.npz (the model, for
`gaussmeter score-error --spectrum`) and, until training has ended, the
checkpoint net.checkpoint.safetensors. Interrupted with Ctrl-C, --resume goes
on, with the same result, bit for bit, as without interruption.

Examples:
  gaussmeter train --texture fabric.png --size 16 --width 8 --steps 5 -o fabric
  gaussmeter texture power-law-field:size=8 -o clouds.npz
  gaussmeter train clouds.npz --width 8,16 --steps 20 -o net.safetensors
  gaussmeter train clouds.npz --parametrization eps --steps 5 -o e.safetensors
  gaussmeter train clouds.npz --network linear --levels 1 -o l.safetensors")]
pub struct Arguments {
    /// A model with eigenvectors, or files, folders or archives of samples
    #[arg(required_unless_present = "texture", value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Train on the texture of a picture, or of power-law-field:size=N,alpha=A,std=S, as `gaussmeter texture`
    /// makes it
    #[arg(long, value_name = "IMAGE", conflicts_with = "data")]
    texture: Option<PathBuf>,
    #[command(flatten)]
    of_texture: TextureOptions,
    /// Where the weights go, NET.safetensors; the other files lie beside it
    #[arg(short, long, value_name = "NET")]
    output: PathBuf,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    noise: NoiseOptions,
    #[command(flatten)]
    training: TrainingOptions,
    /// Go on from the checkpoint of an interrupted training
    #[arg(long)]
    resume: bool,
    /// Memory that samples and training may take
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = parse_bytes)]
    memory: u64,
    #[command(flatten)]
    reading: ReadArguments,
    /// Format of the result on stdout: text, markdown, latex, csv or json
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: String,
}

/// What is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
struct NetworkOptions {
    /// unet: convolutions at several sizes; linear: a matrix per noise level, for at most 1024 values
    #[arg(long, value_enum, value_name = "NAME", default_value = "unet")]
    network: NetworkName,
    /// Channels of the U-Net at each size, the full size first [default: 32,64]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = parse_length)]
    width: Vec<usize>,
    /// Residual blocks of the U-Net per size [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_length)]
    blocks: Option<usize>,
    /// What the U-Net sees beyond the border [default: periodic for models on a torus, else zero]
    #[arg(long, value_enum, value_name = "WHAT")]
    padding: Option<PaddingName>,
    /// Noise levels sigma of the linear network, or their times with eps
    #[arg(long, value_name = "S,…", value_delimiter = ',', value_parser = parse_positive, allow_negative_numbers = true)]
    levels: Vec<f64>,
    /// Tell the network the class of every sample, from the data
    #[arg(long)]
    classes: bool,
}

/// What it is asked, and at which noise levels.
#[derive(Debug, Args)]
#[command(next_help_heading = "Noise")]
struct NoiseOptions {
    /// What the network learns: edm (EDM's preconditioned denoiser), eps (the noise), x0 (the data)
    #[arg(long, value_enum, value_name = "NAME", default_value = "edm")]
    parametrization: ParametrizationName,
    /// Process of eps, variance-preserving; all its times are as likely
    #[arg(long, value_name = "NAME", default_value = "vp-linear")]
    process: String,
    /// Mean of ln sigma for edm and x0 [default: ln(2 sigma_data) - 1.2]
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    noise_mean: Option<f64>,
    /// Standard deviation of ln sigma for edm and x0 [default: 1.2]
    #[arg(long, value_name = "S", value_parser = parse_positive, allow_negative_numbers = true)]
    noise_std: Option<f64>,
}

/// How it is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
struct TrainingOptions {
    /// Number of steps
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true)]
    steps: u64,
    /// Samples of a step
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true)]
    batch: usize,
    /// Size of a step
    #[arg(long, value_name = "R", default_value_t = 2e-3, allow_negative_numbers = true)]
    rate: f64,
    /// Steps over which the rate rises
    #[arg(long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    warm_up: u64,
    /// How the rate goes on: to zero as half a cosine, or none
    #[arg(long, value_enum, value_name = "HOW", default_value = "cosine")]
    decay: DecayName,
    /// adam, or plain descent (sgd)
    #[arg(long, value_enum, value_name = "NAME", default_value = "adam")]
    optimiser: OptimiserName,
    /// Weight of the past in the average of the weights, which is what is kept; 0 for the last
    #[arg(long, value_name = "W", default_value_t = 0.999, allow_negative_numbers = true)]
    average: f64,
    /// The longest gradient; longer ones are shortened (inf: none is)
    #[arg(long, value_name = "NORM", default_value_t = 1.0, allow_negative_numbers = true)]
    clip: f64,
    /// Share of samples whose class is not told [default: 0.1]
    #[arg(long, value_name = "P", requires = "classes", allow_negative_numbers = true)]
    drop_class: Option<f64>,
    /// Seed of weights, samples and noise
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Steps between rows of the log
    #[arg(long, value_name = "N", default_value_t = 500, allow_negative_numbers = true)]
    every: u64,
    /// Samples per noise level on which the network is measured
    #[arg(long, value_name = "N", default_value_t = 128, allow_negative_numbers = true)]
    held_out: usize,
    /// Steps between checkpoints (0: only where training is interrupted)
    #[arg(long, value_name = "N", default_value_t = 1000, allow_negative_numbers = true)]
    save_every: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NetworkName {
    Unet,
    Linear,
}

named!(PaddingName => Padding { Zero, Periodic });
named!(ParametrizationName => Kind { Edm, Eps, X0 });
named!(DecayName => Decay { Cosine, None });
named!(OptimiserName => Optimiser { Adam, Sgd });

fn parse_positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_normal() && value > 0.0 => Ok(value),
        _ => Err("not a positive number".into()),
    }
}

impl TrainingOptions {
    fn build(&self) -> Options {
        Options {
            batch: self.batch,
            steps: self.steps,
            rate: self.rate,
            warm_up: self.warm_up,
            decay: self.decay.into(),
            average: self.average,
            clip: self.clip,
            optimiser: self.optimiser.into(),
            drop_class: self.drop_class.unwrap_or(0.1),
            seed: self.seed,
            every: self.every,
            held_out: self.held_out,
        }
    }
}

impl NetworkOptions {
    /// Refuses options of the other network.
    fn check(&self) -> Result<(), Failure> {
        let refuse = |given: bool, option: &str, network: &str| match given {
            true => Err(Failure::Usage(format!("{option} is for --network {network}"))),
            false => Ok(()),
        };
        match self.network {
            NetworkName::Unet => refuse(!self.levels.is_empty(), "--levels", "linear"),
            NetworkName::Linear if self.levels.is_empty() => Err(Failure::Usage(
                "--network linear needs its noise levels: --levels 0.02,0.1,0.5,2,10".into(),
            )),
            NetworkName::Linear => {
                refuse(!self.width.is_empty(), "--width", "unet")?;
                refuse(self.blocks.is_some(), "--blocks", "unet")?;
                refuse(self.padding.is_some(), "--padding", "unet")
            }
        }
    }

    fn build(&self, parametrization: &Parametrization, is_torus: bool) -> Architecture {
        let torus = if is_torus { Padding::Periodic } else { Padding::Zero };
        match self.network {
            NetworkName::Unet => Architecture::Unet(Unet {
                channels: match &self.width[..] {
                    [] => Unet::default().channels,
                    channels => channels.to_vec(),
                },
                blocks: self.blocks.unwrap_or(1),
                padding: self.padding.map_or(torus, Padding::from),
            }),
            NetworkName::Linear => {
                let told = |t: &f64| parametrization.at(&parametrization.level(*t)).told;
                let mut nodes: Vec<f64> = self.levels.iter().map(told).collect();
                nodes.sort_by(f64::total_cmp);
                Architecture::Linear(Linear { nodes })
            }
        }
    }
}

impl NoiseOptions {
    fn build(&self, levels: &[f64], sigma_data: f64) -> Result<Parametrization, Failure> {
        let kind = Kind::from(self.parametrization);
        let log_normal = self.noise_mean.is_some() || self.noise_std.is_some();
        if log_normal && (kind == Kind::Eps || !levels.is_empty()) {
            let what = if levels.is_empty() { "eps, whose times are uniform" } else { "--levels" };
            return Err(Failure::Usage(format!(
                "--noise-mean and --noise-std have no effect on {what}"
            )));
        }
        let process = if kind == Kind::Eps { &self.process } else { "edm" };
        if kind != Kind::Eps && self.process != "vp-linear" {
            return Err(Failure::Usage("--process is for --parametrization eps".into()));
        }
        let law = match (levels, kind) {
            ([], Kind::Eps) => {
                let process = gaussmeter::process::registry().build(process)?.item;
                NoiseLaw::Uniform { from: process.t_min(), to: process.t_max() }
            }
            ([], _) => NoiseLaw::LogNormal {
                mean: self.noise_mean.unwrap_or((2.0 * sigma_data).ln() - 1.2),
                deviation: self.noise_std.unwrap_or(1.2),
            },
            (levels, _) => {
                let mut times = levels.to_vec();
                times.sort_by(f64::total_cmp);
                NoiseLaw::Levels { times }
            }
        };
        Ok(Parametrization::new(kind, process, sigma_data, law)?)
    }
}

/// A file beside the weights.
fn beside(weights: &Path, ending: &str) -> PathBuf {
    let mut name = weights.with_extension("").into_os_string();
    name.push(ending);
    name.into()
}

/// What is trained on.
struct Opened {
    data: Box<dyn TrainingData>,
    /// Whether it lives on a torus.
    is_torus: bool,
    /// The texture that it is of, to be kept in a file.
    texture: Option<TextureModel>,
}

fn open(a: &Arguments) -> Result<Opened, Failure> {
    let of_a_gaussian = |other: Option<&str>| match (a.network.classes, other) {
        (true, _) => Err(Failure::Usage(
            "--classes is for samples that have some, not for a Gaussian".into(),
        )),
        (false, Some(option)) => {
            Err(Failure::Usage(format!("{option} is for samples, and has no effect on a Gaussian")))
        }
        (false, None) => Ok(()),
    };
    if let Some(image) = &a.texture {
        of_a_gaussian(a.reading.given_of_arrays())?;
        let (scale, images) = (a.reading.scale, &a.reading.images);
        let model = texture::model(image, a.of_texture, scale, images, Memory(a.memory))?;
        let data = Box::new(GaussianData::from(model.clone().model("texture")));
        return Ok(Opened { data, is_torus: true, texture: Some(model) });
    }
    if a.of_texture.periodic || a.of_texture.centred {
        return Err(Failure::Usage("--periodic and --centred are for --texture".into()));
    }
    if let [path] = &a.data[..]
        && let Some(archive) = Archive::open(path)
        && let Some(content) = archive.content()
    {
        of_a_gaussian(a.reading.given())?;
        let model = Model::load(path)?;
        let is_torus = content != "gaussmeter spectrum";
        let data = Box::new(GaussianData::from(model));
        return Ok(Opened { data, is_torus, texture: None });
    }
    let memory = Memory(a.memory);
    let labels = if a.network.classes { Labels::Auto } else { Labels::Ignore };
    let reading = ReadOptions { labels, ..a.reading.build(memory) };
    let Source { data, notes } = source::open(&a.data, &reading)?;
    notes.iter().for_each(note);
    let Data::Samples(mut samples) = data else {
        return Err(Failure::Request(
            "statistics and eigenvalues are no samples: give the samples, or a model with eigenvectors (`gaussmeter spectrum DATA --basis`)".into(),
        ));
    };
    let work = Work::begin(samples.size_hint())?;
    let hear = |progress: Option<Progress>| work.hear(progress);
    let stored = StoredData::read(&mut *samples, a.network.classes, memory, Watch::new(&hear))?;
    work.end("samples", stored.count() as u64);
    samples.left_out().note().iter().for_each(note);
    Ok(Opened { data: Box::new(stored), is_torus: false, texture: None })
}

/// Keeps the texture beside the network. Training that goes on has kept it: it has to be the same.
fn keep_texture(model: &TextureModel, path: &Path, resumes: bool) -> Result<(), Failure> {
    if !(resumes && path.exists()) {
        return texture::save(model, path);
    }
    let kept = TextureModel::load(path)?;
    match are_same(&kept, model) {
        true => Ok(()),
        false => Err(Failure::Request(format!(
            "{}: the training began on this texture, and the picture has another one now: give the picture it was made of, or leave out --resume",
            path.display()
        ))),
    }
}

/// Whether two textures are one but for rounding, which differs among machines.
fn are_same(a: &TextureModel, b: &TextureModel) -> bool {
    const ROUNDING: f64 = 1e-9;
    let values = |model: &TextureModel| {
        let texture = &model.texture;
        texture.texton().iter().chain(texture.mean()).copied().collect::<Vec<f64>>()
    };
    let (x, y) = (values(a), values(b));
    let size = x.iter().fold(0.0, |size: f64, x| size.max(x.abs()));
    let is_near = |(x, y): (&f64, &f64)| (x - y).abs() <= ROUNDING * size;
    a.texture.shape() == b.texture.shape() && a.scale == b.scale && x.iter().zip(&y).all(is_near)
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    let format = of_tables(by_name(&a.format)?)?;
    a.network.check()?;
    let weights = &match a.output.extension() {
        None => a.output.with_extension("safetensors"),
        Some(_) => a.output.clone(),
    };
    extension(weights, &["safetensors"])?;
    let [onnx, log, checkpoint, of_texture] =
        [".onnx", ".csv", ".checkpoint.safetensors", ".texture.npz"]
            .map(|ending| beside(weights, ending));
    let read: Vec<PathBuf> = a.data.iter().chain(&a.texture).cloned().collect();
    let of_texture = a.texture.is_some().then_some(of_texture);
    for path in [weights, &onnx, &log, &checkpoint].into_iter().chain(&of_texture) {
        replaceable(path)?;
        differs(path, &read)?;
    }
    let Opened { data, is_torus, texture } = open(&a)?;
    let parametrization = a.noise.build(&a.network.levels, data.sigma_data())?;
    let program = Program {
        architecture: a.network.build(&parametrization, is_torus),
        shape: data.shape(),
        classes: data.classes().len(),
        frequencies: parametrization.frequencies(),
    };
    let options = a.training.build();
    let mut trainer = Trainer::new(&*data, program, parametrization, options, Memory(a.memory))?;
    match (a.resume, checkpoint.exists()) {
        (true, _) => trainer.resume(&checkpoint)?,
        (false, true) => {
            return Err(Failure::Request(format!(
                "{} is there, of an interrupted training: go on with --resume, or remove it",
                checkpoint.display()
            )));
        }
        (false, false) => {}
    }
    if let (Some(texture), Some(path)) = (&texture, &of_texture) {
        keep_texture(texture, path, a.resume)?;
    }
    let work = Work::begin(Some(a.training.steps))?;
    work.say(format!("{} parameters", trainer.parameters()));
    let hear = |progress: Option<Progress>| work.hear(progress);
    let mut rows = trainer.rows().to_vec();
    let mut each = |row: &gaussmeter_net::LogRow| -> Result<(), NetError> {
        rows.push(row.clone());
        file::replace(&log, report::log(&rows).as_bytes())
    };
    let mut keep = |trainer: &Trainer<'_>| trainer.keep(&checkpoint);
    let ended = trainer.run(Watch::new(&hear), a.training.save_every, &mut each, &mut keep)?;
    work.done();
    let command = gaussmeter_command();
    let network = trainer.network(&command)?;
    let summary = trainer.summary(ended)?;
    if !ended.is_interrupted {
        network.save(weights)?;
        network.save_onnx(&onnx)?;
        if checkpoint.exists() {
            std::fs::remove_file(&checkpoint)
                .map_err(|source| NetError::Io { path: checkpoint.clone(), source })?;
        }
    }
    print_report(format, &summary.report())?;
    match ended.is_interrupted {
        false => Ok(()),
        true => Err(Failure::Request(format!(
            "interrupted after {} of {} steps: --resume goes on from {}",
            trainer.steps(),
            a.training.steps,
            checkpoint.display()
        ))),
    }
}

/// The command line that makes the same again: with the name of the program instead of its path, without --resume, and
/// with quotes where a shell needs them.
fn gaussmeter_command() -> String {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words = words.filter(|word| word != "--resume").map(|word| quoted(&word));
    std::iter::once("gaussmeter".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
