use crate::failure::Failure;
use crate::images::{ImageOptions, named, parse_scale};
use crate::options::{parse_bytes, parse_length};
use crate::output::note;
use crate::progress::Work;
use crate::spectra::{SolveOptions, Summary, save_path, shape_text};
use clap::{Args, ValueEnum};
use gaussmeter::spectrum::Spectrum;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::samples::{Cached, LeftOut, Part, Samples, Watched};
use gaussmeter_data::source::pictures;
use gaussmeter_data::source::{
    ArrayKind, Data, Latents, Layout, SamplesPerFile, ScaleChoice, Source, Split,
};
use gaussmeter_data::{
    DecomposeOptions, Decomposition, LanczosOptions, Memory, Method, MethodChoice, StationaryModel,
    Summation, SummationOptions, choose, decompose, source,
};
use std::path::PathBuf;

/// Spectrum of a data set: mean, covariance and eigenvalues of images, arrays or latents
#[derive(Debug, Args)]
#[command(after_help = "\
DATA is one or more files, folders or archives, recognised by content:
  images        a folder, tar archive (also .tar.gz, WebDataset shards) or ZIP
                archive (EDM, StyleGAN) of png, jpeg, webp, gif, bmp, tiff, qoi,
                pnm
  data sets     CIFAR-10 and CIFAR-100 (binary or python), MNIST (idx, idx.gz),
                Hugging Face parquet shards
  arrays        .npy, .npz, .safetensors, PyTorch .pt: N x d, N x C x H x W,
                N x H x W x C; also many files of one sample each, in folders and
                archives, and lists of arrays
  statistics    mu and sigma (.npz, .pt, .pkl, .safetensors), a covariance matrix,
                eigenvalues

The file written by -o is a spectrum for every other command (--spectrum); with
--basis, pictures can be drawn from it (gaussmeter sample). Sums over 8-bit data
are exact: the result is the same, bit for bit, for any number of threads and
parts. Interrupted with Ctrl-C, the sums so far are kept; --resume continues.

Examples:
  gaussmeter spectrum cifar-10-batches-bin -o cifar.npz
  gaussmeter spectrum photos/ --size 64 --channels rgb -o photos.npz
  gaussmeter spectrum train-*.tar --part 3/8 -o part3.npz   # then: merge
  gaussmeter spectrum latents.safetensors --basis -o latents.npz
  gaussmeter spectrum cache/ --samples-per-file one -o cache.npz
  gaussmeter table --spectrum cifar.npz")]
pub struct Arguments {
    /// Files, folders or archives
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Write the spectrum (or the sums of a part) to this .npz file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    solve: SolveOptions,
    #[command(flatten)]
    method: MethodOptions,
    #[command(flatten)]
    reading: ReadArguments,
    /// Sum over part I of N equal parts only, for `gaussmeter merge`
    #[arg(long, value_name = "I/N", help_heading = "Parts", requires = "output")]
    part: Option<Part>,
    /// Continue from the sums that an interrupted run of the same command has kept
    #[arg(long, help_heading = "Parts", requires = "output")]
    resume: bool,
    #[command(flatten)]
    summary: Summary,
}

/// How eigenvalues are found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Method")]
struct MethodOptions {
    /// dense: all of the d x d covariance; gram: from n x n inner products, if n < d; lanczos: a
    /// quadrature with stated errors, for any size; stationary: the circulant model of images
    #[arg(long, value_enum, default_value = "auto")]
    method: MethodName,
    /// Random vectors of lanczos: their spread is its statistical error [default: 8]
    #[arg(long, value_name = "N", value_parser = parse_length)]
    probes: Option<usize>,
    /// Passes of lanczos over the data [default: 40]
    #[arg(long, value_name = "N", value_parser = parse_length)]
    passes: Option<usize>,
    /// Seed of lanczos's random vectors [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Memory that samples and vectors of their length may take: while pictures are decoded, all
    /// samples (gram), the vectors of all passes (lanczos, which is faster with more). Covariance
    /// and Gram matrices come on top
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = parse_bytes)]
    memory: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MethodName {
    Auto,
    Dense,
    Gram,
    Lanczos,
    Stationary,
}

/// How data are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub struct ReadArguments {
    /// Stored values to data: auto (pixels to [-1, 1], other numbers as stored), symmetric
    /// ([-1, 1]), unit ([0, 1]), none, or FACTOR,OFFSET
    #[arg(long, value_name = "SCALE", default_value = "auto", value_parser = parse_scale, allow_hyphen_values = true)]
    pub scale: ScaleChoice,
    /// The array, tensor or column to read, where a file has several
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
    /// What arrays of numbers in several files, archives or lists are: one sample each, one sample per
    /// entry (row) of their first axis, or auto (by their shapes and number; a note says so)
    #[arg(long, value_enum, value_name = "WHAT", default_value = "auto")]
    samples_per_file: SamplesPerFileName,
    /// Latents stored as means and deviations: the mean (half of the channels), all, or auto (the mean
    /// where names say mean-std or moments)
    #[arg(long, value_enum, value_name = "PART", default_value = "auto")]
    latents: LatentsName,
    /// Read only files of a folder or archive whose names end in this, where each sample has several
    #[arg(long, value_name = "SUFFIX")]
    suffix: Option<String>,
    /// What an array is [default: by its shape; a symmetric square one is a covariance]
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Option<KindName>,
    /// Axes of images in arrays: chw, hwc, or auto (channels last if that axis has 1, 3 or 4 entries)
    #[arg(long, value_enum, default_value = "auto")]
    layout: LayoutName,
    /// Which part of a data set with a training and a test part: auto (training, if there are both),
    /// train, test or all
    #[arg(long, value_enum, default_value = "auto")]
    split: SplitName,
    #[command(flatten)]
    pub images: ImageOptions,
    /// Leave out damaged images and those of another shape than the first; say how many
    #[arg(long, help_heading = "Images")]
    skip_bad: bool,
}

named!(KindName => ArrayKind { Samples, Covariance, Eigenvalues });
named!(SamplesPerFileName => SamplesPerFile { Auto, One, Rows });
named!(LatentsName => Latents { Auto, Mean, All });
named!(LayoutName => Layout { Auto, Chw, Hwc });
named!(SplitName => Split { Auto, Train, Test, All });

impl MethodOptions {
    /// Memory left to keep samples for further passes.
    fn cache(&self, method: Method, samples: &dyn Samples) -> u64 {
        if method != Method::Lanczos {
            return 0;
        }
        let dim = samples.shape().iter().product::<usize>() as u128;
        let vectors = self.lanczos().memory(samples.size_hint(), dim);
        self.memory.saturating_sub(u64::try_from(vectors).unwrap_or(u64::MAX))
    }

    fn lanczos(&self) -> LanczosOptions {
        let usual = LanczosOptions::default();
        LanczosOptions {
            probes: self.probes.unwrap_or(usual.probes),
            steps: self.passes.unwrap_or(usual.steps),
            seed: self.seed.unwrap_or(usual.seed),
        }
    }
}

impl ReadArguments {
    /// The first of the options that was given and is not about pictures.
    pub fn given_of_arrays(&self) -> Option<&'static str> {
        let given = [
            (self.array.is_some(), "--array"),
            (!matches!(self.samples_per_file, SamplesPerFileName::Auto), "--samples-per-file"),
            (!matches!(self.latents, LatentsName::Auto), "--latents"),
            (self.suffix.is_some(), "--suffix"),
            (self.kind.is_some(), "--kind"),
            (!matches!(self.layout, LayoutName::Auto), "--layout"),
            (!matches!(self.split, SplitName::Auto), "--split"),
            (self.skip_bad, "--skip-bad"),
        ];
        given.iter().find(|(given, _)| *given).map(|(_, option)| *option)
    }

    /// The first of the options that was given.
    pub fn given(&self) -> Option<&'static str> {
        let of_pictures = [
            (self.scale != ScaleChoice::Auto, "--scale"),
            (self.images.is_given(), "--size, --resize, --crop or --channels"),
        ];
        let found = of_pictures.iter().find(|(given, _)| *given).map(|(_, option)| *option);
        found.or(self.given_of_arrays())
    }

    /// What was asked for.
    pub fn build(&self, memory: Memory) -> source::ReadOptions {
        source::ReadOptions {
            memory,
            array: self.array.clone(),
            kind: self.kind.map(ArrayKind::from),
            samples_per_file: self.samples_per_file.into(),
            latents: self.latents.into(),
            labels: source::Labels::Ignore,
            suffix: self.suffix.clone(),
            layout: self.layout.into(),
            scale: self.scale,
            split: self.split.into(),
            pictures: pictures::PictureOptions {
                skip_bad: self.skip_bad,
                ..self.images.build(memory)
            },
        }
    }
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.summary.format()?;
    let keeps_none = a.method.method == MethodName::Lanczos;
    if a.solve.basis && a.output.is_none() && !keeps_none {
        return Err(Failure::Usage("--basis keeps eigenvectors in a file: name it with -o".into()));
    }
    if a.part.is_some() {
        a.summary.of_sums(&a.solve, "sums of a part")?;
    }
    if let Some(path) = &a.output {
        save_path(path, &a.data)?;
    }
    let Source { data, notes } = source::open(&a.data, &a.reading.build(Memory(a.method.memory)))?;
    notes.iter().for_each(note);
    match data {
        Data::Samples(samples) => of_samples(&a, samples),
        Data::Covariance(given) => {
            no_part(&a, "a covariance")?;
            no_method(&a, "a covariance", &[MethodName::Dense])?;
            let found = Decomposition::of_covariance(*given, a.solve.basis)?;
            a.summary.finish(&a.solve, found, a.output.as_deref())
        }
        Data::Moments(moments) => {
            no_part(&a, "sums")?;
            no_method(&a, "sums", &[MethodName::Dense])?;
            a.summary.merge(&a.solve, *moments, a.output.as_deref())
        }
        Data::Spectrum(spectrum) => {
            no_part(&a, "eigenvalues")?;
            spectrum.notices().iter().for_each(note);
            no_method(&a, "eigenvalues", &[])?;
            if a.solve.basis {
                return Err(Failure::Request("a list of eigenvalues has no basis".into()));
            }
            let spectrum = match (a.solve.centred, spectrum.has_mean()) {
                (false, _) => spectrum,
                (true, true) => Box::new(centred(&spectrum)?),
                (true, false) => {
                    return Err(Failure::Usage(
                        "--centred has no effect on eigenvalues without a mean".into(),
                    ));
                }
            };
            if let Some(path) = &a.output {
                gaussmeter_data::save_spectrum(&spectrum, path)?;
            }
            a.summary.show(a.output.as_deref(), || Ok(*spectrum))
        }
    }
}

/// A spectrum without its mean.
fn centred(spectrum: &Spectrum) -> Result<Spectrum, Failure> {
    let modes = spectrum.modes();
    let eigenvalues: Vec<f64> = modes.iter().map(|m| m.eigenvalue).collect();
    let multiplicities: Vec<f64> = modes.iter().map(|m| m.multiplicity).collect();
    let origin = format!("{}, mean left out", spectrum.provenance());
    Ok(Spectrum::new(spectrum.name(), origin, &eigenvalues, Some(&multiplicities), None)?)
}

/// Refuses a method for data that are not samples, unless it makes no difference.
fn no_method(a: &Arguments, what: &str, same: &[MethodName]) -> Result<(), Failure> {
    let method = a.method.method;
    if method != MethodName::Auto && !same.contains(&method) {
        return Err(Failure::Usage(format!("--method has no effect on {what}: it is for samples")));
    }
    of_lanczos(a, what)
}

/// Refuses the options of lanczos for anything else.
fn of_lanczos(a: &Arguments, what: &str) -> Result<(), Failure> {
    let MethodOptions { probes, passes, seed, .. } = &a.method;
    let given = [
        (probes.is_some(), "--probes"),
        (passes.is_some(), "--passes"),
        (seed.is_some(), "--seed"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(Failure::Usage(format!(
            "{option} has no effect on {what}: it is for --method lanczos"
        ))),
        None => Ok(()),
    }
}

fn no_part(a: &Arguments, what: &str) -> Result<(), Failure> {
    match a.part.is_some() || a.resume {
        true => Err(Failure::Usage(format!("--part and --resume are for samples, not for {what}"))),
        false => Ok(()),
    }
}

/// Notes on what was left out, and on a single sample.
fn say_what_was_read(count: u64, left_out: &LeftOut) {
    if count == 1 {
        note("one sample: its covariance is zero (a texture of one image: gaussmeter texture)");
    }
    left_out.note().iter().for_each(note);
}

fn of_samples(a: &Arguments, mut samples: Box<dyn Samples>) -> Result<(), Failure> {
    let (count, dim) = (samples.size_hint(), samples.shape().iter().product::<usize>());
    let chosen = match a.method.method {
        MethodName::Auto => choose(count, dim),
        MethodName::Dense => asked(Method::Dense),
        MethodName::Gram => asked(Method::Gram),
        MethodName::Lanczos => asked(Method::Lanczos),
        MethodName::Stationary => {
            no_sums(a, "stationary")?;
            of_lanczos(a, "method stationary")?;
            // Covariances of channels at half the frequencies, an image and its transform.
            let channels = samples.shape().first().map_or(1, |n| *n as u128);
            let needed = dim as u128 * (8 * channels + 64);
            let what = format!("the stationary law of images of {}", shape_text(samples.shape()));
            Memory(a.method.memory).check(needed, what).map_err(Failure::Request)?;
            return stationary(a, &mut *samples);
        }
    };
    if chosen.method != Method::Lanczos {
        of_lanczos(a, &format!("method {}", chosen.method))?;
    }
    if chosen.method == Method::Dense {
        return by_moments(a, samples, &chosen);
    }
    if a.part.is_some() && a.method.method == MethodName::Auto {
        // Sums over a part are those of the covariance, whatever is made of the whole.
        return by_moments(a, samples, &chosen);
    }
    no_sums(a, &chosen.method.to_string())?;
    note(format!("method {}: {}", chosen.method, chosen.reason));
    let options = DecomposeOptions {
        method: Some(chosen.method),
        basis: a.solve.basis,
        memory: a.method.memory,
        lanczos: a.method.lanczos(),
    };
    let cache = a.method.cache(chosen.method, &*samples);
    let mut found = watched(&mut *samples, cache, |samples| Ok(decompose(samples, &options)?))?;
    found.reason = chosen.reason;
    if Work::is_stopped() {
        note("interrupted: the result of fewer passes, as its errors say");
        found.reason.push_str("; interrupted, with fewer passes than asked for");
    }
    a.summary.finish(&a.solve, found, a.output.as_deref())
}

/// Computes the stationary law and saves it as such.
fn stationary(a: &Arguments, samples: &mut dyn Samples) -> Result<(), Failure> {
    let mut model = watched(samples, 0, |samples| Ok(StationaryModel::of(samples)?))?;
    if a.solve.centred {
        model = model.centred()?;
    }
    if let Some(path) = &a.output {
        model.save(path)?;
    }
    a.summary.show(a.output.as_deref(), || Ok(model.law.spectrum(&model.description)?))
}

/// Works on samples with a progress bar, until stopped, and reads again only what does not fit into
/// memory.
fn watched<T>(
    samples: &mut dyn Samples,
    cache: u64,
    work_on: impl FnOnce(&mut dyn Samples) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let work = Work::begin(samples.size_hint())?;
    let result = {
        let mut cached = Cached::new(&mut *samples, cache);
        let hear = |progress: Option<Progress>| work.hear(progress);
        work_on(&mut Watched::new(&mut cached, Watch::new(&hear)))?
    };
    work.end("samples", samples.position());
    say_what_was_read(samples.position() - samples.left_out().count, &samples.left_out());
    Ok(result)
}

fn no_sums(a: &Arguments, method: &str) -> Result<(), Failure> {
    match a.part.is_some() || a.resume {
        true => Err(Failure::Usage(format!(
            "--part and --resume need sums, which method {method} does not keep: use --method dense"
        ))),
        false => Ok(()),
    }
}

fn asked(method: Method) -> MethodChoice {
    MethodChoice { method, reason: "as asked".into() }
}

/// Sums the samples, then finds eigenvalues. The sums can be kept, merged and resumed.
fn by_moments(
    a: &Arguments,
    samples: Box<dyn Samples>,
    chosen: &MethodChoice,
) -> Result<(), Failure> {
    let (part, output, resume) = (a.part, a.output.clone(), a.resume);
    let mut sums = Summation::begin(samples, SummationOptions { part, output, resume })?;
    sums.note().iter().for_each(note);
    let work = Work::begin(sums.samples().size_hint())?;
    work.say(shape_text(sums.samples().shape()));
    let hear = |progress: Option<Progress>| work.hear(progress);
    sums.run(Watch::new(&hear))?;
    work.end("samples", sums.added());
    say_what_was_read(sums.moments().count(), sums.moments().left_out());
    match (a.part, &a.output) {
        (Some(_), Some(path)) => a.summary.finish_part(sums.moments_mut(), path)?,
        _ => {
            note(format!("method {}: {}", chosen.method, chosen.reason));
            sums.keep_meanwhile()?.iter().for_each(note);
            let mut found = Decomposition::of_moments(sums.moments_mut(), a.solve.basis)?;
            found.reason = chosen.reason.clone();
            a.summary.finish(&a.solve, found, a.output.as_deref())?;
        }
    }
    sums.finish();
    Ok(())
}
