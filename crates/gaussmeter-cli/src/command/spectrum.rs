use crate::failure::Failure;
use crate::images::{ImageOptions, named, parse_scale};
use crate::options::parse_length;
use crate::output::note;
use crate::progress::Work;
use crate::spectra::{SolveOptions, Summary, save_path, shape_text};
use clap::{Args, ValueEnum};
use gaussmeter::spectrum::Spectrum;
use gaussmeter_data::samples::{Cached, LeftOut, Samples, Watched};
use gaussmeter_data::source::pictures;
use gaussmeter_data::source::{Data, Kind, Layout, Part, ScaleChoice, Source, Split};
use gaussmeter_data::{
    Choice, Decomposition, LanczosOptions, Method, Moments, Options as Decompose, StationaryModel,
    choose, decompose, source,
};
use std::path::{Path, PathBuf};

/// Spectrum of a data set: mean, covariance and eigenvalues of images, arrays or latents
#[derive(Debug, Args)]
#[command(after_help = "\
DATA is one or more files, folders or archives, recognised by content:
  images        a folder or tar archive (also .tar.gz, WebDataset shards) of png,
                jpeg, webp, gif, bmp, tiff, qoi, pnm
  data sets     CIFAR-10 and CIFAR-100 (binary or python), MNIST (idx, idx.gz),
                Hugging Face parquet shards
  arrays        .npy, .npz, .safetensors, PyTorch .pt: N x d, N x C x H x W,
                N x H x W x C
  statistics    pytorch-fid .npz (mu, sigma), a covariance matrix, eigenvalues

The file written by -o is a spectrum for every other command (--spectrum); with
--basis, pictures can be drawn from it (gaussmeter sample). Sums over 8-bit data
are exact: the result is the same, bit for bit, for any number of threads and
parts. Interrupted with Ctrl-C, the sums so far are kept; --resume goes on.

Examples:
  gaussmeter spectrum cifar-10-batches-bin -o cifar.npz
  gaussmeter spectrum photos/ --resize 64 --crop 64 --channels rgb -o photos.npz
  gaussmeter spectrum train-*.tar --part 3/8 -o part3.npz   # then: merge
  gaussmeter spectrum latents.safetensors --basis -o latents.npz
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
    reading: ReadOptions,
    /// Sum over part I of N equal parts only, for `gaussmeter merge`
    #[arg(long, value_name = "I/N", help_heading = "Parts", requires = "output")]
    part: Option<Part>,
    /// Go on from the sums that an interrupted run of the same command has kept
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
    /// Memory that samples may take where all are needed at once (gram; lanczos is faster with it)
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
struct ReadOptions {
    /// Stored values to data: auto (pixels to [-1, 1], other numbers as stored), symmetric
    /// ([-1, 1]), unit ([0, 1]), none, or FACTOR,OFFSET
    #[arg(long, value_name = "SCALE", default_value = "auto", value_parser = parse_scale, allow_hyphen_values = true)]
    scale: ScaleChoice,
    /// The array, tensor or column to read, where a file has several
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
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
    images: ImageOptions,
    /// Leave out damaged images and those of another shape than the first; say how many
    #[arg(long, help_heading = "Images")]
    skip_bad: bool,
}

named!(KindName => Kind { Samples, Covariance, Eigenvalues });
named!(LayoutName => Layout { Auto, Chw, Hwc });
named!(SplitName => Split { Auto, Train, Test, All });

/// Parses a number of bytes, such as 512M or 2G.
fn parse_bytes(text: &str) -> Result<u64, String> {
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

impl ReadOptions {
    fn build(&self) -> source::Options {
        source::Options {
            array: self.array.clone(),
            kind: self.kind.map(Kind::from),
            layout: self.layout.into(),
            scale: self.scale,
            split: self.split.into(),
            pictures: pictures::Options { skip_bad: self.skip_bad, ..self.images.build() },
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
    let Source { data, notes } = source::open(&a.data, &a.reading.build())?;
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

/// Refuses a method for what is no samples any more, but for those that do the same.
fn no_method(a: &Arguments, what: &str, same: &[MethodName]) -> Result<(), Failure> {
    let method = a.method.method;
    if method != MethodName::Auto && !same.contains(&method) {
        return Err(Failure::Usage(format!("--method has no effect on {what}: it is for samples")));
    }
    of_lanczos(a, what)
}

/// Refuses the options of lanczos for something else.
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

/// Says what was left out, and that one sample has no spread.
fn say_what_was_read(count: u64, left_out: &LeftOut) {
    if count == 1 {
        note("one sample: its covariance is zero (a texture of one image: gaussmeter texture)");
    }
    if let (count @ 1.., Some(first)) = (left_out.count, &left_out.first) {
        note(format!(
            "{count} bad image{} left out; the first: {first}",
            if count == 1 { "" } else { "s" }
        ));
    }
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
    let options = Decompose {
        method: Some(chosen.method),
        basis: a.solve.basis,
        memory: a.method.memory,
        lanczos: LanczosOptions {
            probes: a.method.probes.unwrap_or(8),
            steps: a.method.passes.unwrap_or(40),
            seed: a.method.seed.unwrap_or(0),
        },
    };
    let mut found = watched(a, &mut *samples, |samples| Ok(decompose(samples, &options)?))?;
    found.reason = chosen.reason;
    if Work::is_stopped() {
        note("interrupted: the result of fewer passes, as its errors say");
        found.reason.push_str("; interrupted, with fewer passes than asked for");
    }
    a.summary.finish(&a.solve, found, a.output.as_deref())
}

/// The stationary law, which is saved as such.
fn stationary(a: &Arguments, samples: &mut dyn Samples) -> Result<(), Failure> {
    let mut model = watched(a, samples, |samples| Ok(StationaryModel::of(samples)?))?;
    if a.solve.centred {
        model = model.centred()?;
    }
    if let Some(path) = &a.output {
        model.save(path)?;
    }
    a.summary.show(a.output.as_deref(), || Ok(model.law.spectrum(&model.description)?))
}

/// Work on samples that shows how far it is, can be stopped, and reads again only what does not fit
/// into memory.
fn watched<T>(
    a: &Arguments,
    samples: &mut dyn Samples,
    work_on: impl FnOnce(&mut dyn Samples) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let work = Work::begin(samples.size_hint())?;
    let result = {
        let mut cached = Cached::new(&mut *samples, a.method.memory);
        let watch = Box::new(|progress| work.pass(progress));
        work_on(&mut Watched::new(&mut cached, watch))?
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

fn asked(method: Method) -> Choice {
    Choice { method, reason: "as asked".into() }
}

/// Sums first, which can be kept, merged and gone on from; then eigenvalues.
fn by_moments(a: &Arguments, whole: Box<dyn Samples>, chosen: &Choice) -> Result<(), Failure> {
    let mut samples = match a.part {
        Some(part) => part.of_samples(whole)?,
        None => whole,
    };
    let mut moments = Moments::new(samples.description(), samples.shape(), samples.scale())?;
    if let Some(part) = a.part {
        moments = moments.with_part(part);
    }
    let kept = a.output.as_deref().map(kept_path);
    if let Some(path) = kept.as_deref().filter(|_| a.resume) {
        moments = resumed(moments, path)?;
        note(format!("going on after {} samples", moments.position()));
    }
    let (before, moments_dim) = (moments.count(), moments.dim());
    let work = Work::begin(samples.size_hint())?;
    work.say(shape_text(samples.shape()));
    let complete = moments.extend(&mut *samples, |position| work.at(position))?;
    if !complete {
        let position = moments.position();
        return Err(Failure::Request(match kept {
            Some(path) => {
                moments.save(&path)?;
                format!(
                    "interrupted after {position} samples: their sums are kept in {}; the same command with --resume goes on",
                    path.display()
                )
            }
            None => format!("interrupted after {position} samples; with -o their sums are kept"),
        }));
    }
    work.end("samples", moments.count() - before);
    say_what_was_read(moments.count(), moments.left_out());
    match (a.part, &a.output) {
        (Some(_), Some(path)) => a.summary.finish_part(moments, path)?,
        _ => {
            note(format!("method {}: {}", chosen.method, chosen.reason));
            if let Some(path) = kept.as_deref().filter(|_| moments.dim() >= LONG) {
                moments.save(path)?;
                let (dim, path) = (moments.dim(), path.display());
                note(format!(
                    "eigenvalues of {dim}x{dim}, which takes long: until then the sums are kept in {path} for --resume"
                ));
            }
            let mut found = Decomposition::of_moments(&mut moments, a.solve.basis)?;
            found.reason = chosen.reason.clone();
            a.summary.finish(&a.solve, found, a.output.as_deref())?;
        }
    }
    if let Some(path) = kept.filter(|_| a.resume || moments_dim >= LONG) {
        // It has served its purpose; that it cannot be removed is no failure.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Dimension from which eigenvalues take so long that sums are kept meanwhile.
const LONG: usize = 4096;

/// Where an interrupted run keeps its sums: beside the file that it would have written.
fn kept_path(output: &Path) -> PathBuf {
    output.with_extension("interrupted.npz")
}

/// The sums of an interrupted run of the same command.
fn resumed(fresh: Moments, path: &Path) -> Result<Moments, Failure> {
    if !path.exists() {
        return Err(Failure::Request(format!(
            "nothing to resume: no sums of an interrupted run in {}",
            path.display()
        )));
    }
    let kept = Moments::load(path)?;
    let about = |m: &Moments| {
        (m.description().to_owned(), m.shape().to_vec(), m.scale(), m.parts().to_vec())
    };
    match about(&kept) == about(&fresh) {
        true => Ok(kept),
        false => Err(Failure::Request(format!(
            "{}: sums of another data set, or read with other options: remove it, or run that command again",
            path.display()
        ))),
    }
}
