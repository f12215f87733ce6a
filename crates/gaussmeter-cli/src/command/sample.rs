use crate::failure::Failure;
use crate::options::{
    self, LengthOptions, ProcessOptions, Trained, parse_bytes, parse_length, parse_time,
};
use crate::output::{differs, extension, note};
use crate::progress::Work;
use clap::{Args, ValueEnum};
use gaussmeter::data;
use gaussmeter::experiment::{Defaults, Frame, Sampling, States, Words};
use gaussmeter::paths::Draw;
use gaussmeter_data::{Memory, Model, SampleFile, SampleType, Sheet, fitting_gain};
use serde_json::json;
use std::path::PathBuf;

/// Bytes per value of a resized texture: the law, its eigenvalues, a sample and its transforms.
const PER_VALUE: u128 = 64;

const PROGRAM: &str = concat!("gaussmeter ", env!("CARGO_PKG_VERSION"));

/// Samples from a model, exact or by a sampler, as pictures or numbers
#[derive(Debug, Args)]
#[command(after_help = "\
FILE is a texture (`gaussmeter texture`), a spectrum with its eigenvectors
(`gaussmeter spectrum DATA --basis`) or a stationary model. Without --sampler
samples are exact: mean + root of the covariance times white noise z. A sampler
uses the exact score and starts from the same z, so one seed means the same
noise for every model and sampler.

PNG shows data as the pixels they come from; states at noisy times are divided
by sqrt(alpha^2 + sigma^2). NPZ has an array 'samples' in data units, written
batch by batch.

Examples:
  gaussmeter sample fabric.npz -o fabric-16.png
  gaussmeter sample fabric.npz --size 512x512 --count 1 -o large.png
  gaussmeter sample fabric.npz --times 6 --count 3 -o strip.png
  gaussmeter sample fabric.npz --sampler heun --nfe 20 --compare -o heun.png
  gaussmeter sample fabric.npz --sampler em --count 100 --dtype f32 -o em.npz")]
pub struct Arguments {
    /// Model with eigenvectors (.npz)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Output: pictures in rows (.png), or numbers (.npz)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Number of samples
    #[arg(long, value_name = "N", value_parser = parse_length, allow_negative_numbers = true, default_value = "16")]
    count: usize,
    /// Seed of the sequence of samples
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
    /// Size of the pictures, for textures
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    size: Option<[usize; 2]>,
    /// Memory limit for a texture of another size
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = parse_bytes)]
    memory: u64,

    /// Sampler with the exact score (see `gaussmeter samplers`) [default: exact samples]
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    sampler: Option<String>,
    /// Trained network that the sampler calls in place of the exact one: onnx:FILE (docs/onnx.md)
    #[arg(long, value_name = "onnx:FILE", help_heading = "Setting", requires = "sampler")]
    network: Option<String>,
    #[command(flatten)]
    dynamics: ProcessOptions,
    /// Truncation time, where the sampler stops [default: 1e-3, or where the grid ends by itself]
    #[arg(long, value_name = "E", help_heading = "Setting", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`) [default: normal]
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    init: Option<String>,
    #[command(flatten)]
    length: LengthOptions,

    /// Each sample along time, from noise to data: at these times (with --sampler, the nearest of its
    /// grid), or at this many times of the grid; without --sampler by the probability-flow ODE
    #[arg(long, value_name = "T,…|K", help_heading = "Show", value_parser = parse_times, allow_hyphen_values = true, conflicts_with = "compare")]
    times: Option<Times>,
    /// Show the exact solution of the probability-flow ODE, the sampler's output from the same
    /// noise, and their difference
    #[arg(long, help_heading = "Show", requires = "sampler")]
    compare: bool,
    /// Amplification of the difference [default: fitted to the first sample]
    #[arg(long, value_name = "G", help_heading = "Show", requires = "compare", value_parser = parse_gain, allow_hyphen_values = true)]
    gain: Option<f64>,
    /// Samples per row [default: a square; 1 with --times and --compare]
    #[arg(long, value_name = "N", help_heading = "Show", value_parser = parse_length, allow_negative_numbers = true)]
    columns: Option<usize>,
    /// Data values shown as black and white [default: the range of pixels]
    #[arg(long, value_name = "LO,HI", help_heading = "Show", value_parser = parse_range, allow_hyphen_values = true)]
    range: Option<[f64; 2]>,
    /// Type of numbers in an npz: data units in 64 or 32 bits, or pixels as stored [default: f64]
    #[arg(long, value_name = "TYPE", help_heading = "Show", value_enum)]
    dtype: Option<DtypeName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DtypeName {
    F64,
    F32,
    U8,
}

#[derive(Clone, Debug, PartialEq)]
enum Times {
    Count(usize),
    List(Vec<f64>),
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    let format = extension(&a.output, &["png", "npz"])?;
    check(&a, format)?;
    differs(&a.output, std::slice::from_ref(&a.file))?;
    let name = a.file.to_string_lossy();
    if !a.file.exists() && data::registry().build(&name).is_ok() {
        return Err(Failure::Usage(format!(
            "{name} is a list of eigenvalues without eigenvectors: sample from a file made by `gaussmeter texture` or `gaussmeter spectrum DATA --basis`"
        )));
    }
    options::exists(&a.file)?;
    let words = Words {
        samplers: a.sampler.clone().into_iter().collect(),
        inits: a.init.clone().into_iter().collect(),
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        ..a.dynamics.words()
    };
    let question = options::read(&words, &Defaults::SAMPLE)?;
    let (init_label, init) = question.init();
    let mut model = Model::load(&a.file)?;
    let mut window = None;
    if let Some([height, width]) = a.size {
        // Pictures smaller than the texton are cut out of one of its size: the law does not change.
        let [_, own_height, own_width] = model.image_shape().unwrap_or([0; 3]);
        let [channels, ..] = model.image_shape().unwrap_or([1; 3]);
        let values = [channels, height.max(own_height), width.max(own_width)];
        let needed = PER_VALUE * values.iter().map(|n| *n as u128).product::<u128>();
        let what = format!("a texture of {height}x{width}");
        Memory(a.memory).check(needed, what).map_err(Failure::Request)?;
        model = model.resized(height.max(own_height), width.max(own_width))?;
        window = (height < own_height || width < own_width).then_some([height, width]);
    }
    let setting = question.setting(model.spectrum()?);
    let init = setting.init(init)?;
    let run = match question.samplers.first() {
        Some(sampler) => {
            Some(setting.run(sampler, question.length(&setting), question.eps(&setting))?)
        }
        None => None,
    };
    let states = match (a.compare, &a.times) {
        (true, _) => States::Comparison,
        (false, None) => States::Output,
        (false, Some(Times::Count(count))) => States::Spread(*count),
        (false, Some(Times::List(times))) => States::Times(times.clone()),
    };
    let trained = match &a.network {
        None => None,
        Some(text) => match Trained::read(text, model.basis.shape())? {
            Some(trained) => Some(trained),
            None => {
                return Err(Failure::Usage(format!(
                    "--network {text}: sample takes trained networks, onnx:FILE"
                )));
            }
        },
    };
    let sampling = Sampling::of(&*model.basis, &setting, run.as_ref(), &init, &states)?;
    let sampling = match &trained {
        Some(trained) => sampling.with_network(&*trained.make),
        None => sampling,
    };
    let how = match &run {
        None => "exact".into(),
        Some(run) => format!(
            "{}{}, {} steps, {} NFE, init {init_label}, {}, {}, t from {} to {}",
            run.sampler,
            trained.as_ref().map_or_else(String::new, |t| format!(", network {}", t.label)),
            run.grid.step_count(),
            run.plan.nfe(),
            setting.process_label,
            setting.rule_label,
            run.grid.start().t,
            run.grid.end().t
        ),
    };
    if a.times.is_some() {
        let times: Vec<String> = sampling.frames().iter().map(|f| short(f.level.t)).collect();
        note(format!("times taken: {}", times.join(", ")));
    }
    let about = match &run {
        Some(_) if a.compare && trained.is_some() => {
            "the difference contains the errors of the network and of the sampler"
        }
        Some(run) if a.compare => run.about_difference(&init),
        _ => "",
    };
    match format {
        "png" => picture(&a, &model, &Drawn { sampling, window }, &how, about),
        _ => numbers(&a, &model, &Drawn { sampling, window }, &how, about),
    }
}

/// Checks options that need others.
fn check(a: &Arguments, format: &str) -> Result<(), Failure> {
    let refuse = |given: bool, option: &str, needs: &str| match given {
        true => Err(Failure::Usage(format!("{option} needs {needs}"))),
        false => Ok(()),
    };
    let (exact, png) = (a.sampler.is_none(), format == "png");
    refuse(exact && !a.length.given().is_empty(), "a length", "--sampler")?;
    refuse(exact && a.eps.is_some(), "--eps", "--sampler")?;
    refuse(exact && a.init.is_some(), "--init", "--sampler")?;
    let takes_grid = matches!(a.times, Some(Times::Count(_)));
    let process = exact && a.times.is_none() && a.dynamics.process != Defaults::SAMPLE.process;
    let grid = exact && !takes_grid && a.dynamics.grid != Defaults::SAMPLE.grid;
    refuse(grid, "--grid", "--sampler, or --times with a number")?;
    refuse(process, "--process", "--sampler or --times")?;
    refuse(png && a.dtype.is_some(), "--dtype", "an .npz file")?;
    refuse(!png && a.columns.is_some(), "--columns", "a .png file")?;
    refuse(!png && a.range.is_some(), "--range", "a .png file")?;
    refuse(!png && a.gain.is_some(), "--gain", "a .png file")?;
    refuse(a.count == 0, "--count", "at least one sample")?;
    refuse(a.columns == Some(0), "--columns", "at least one sample")
}

/// Samples, or a window at the top left of each.
struct Drawn<'a> {
    sampling: Sampling<'a>,
    window: Option<[usize; 2]>,
}

impl Drawn<'_> {
    /// The shape of one frame.
    fn shape(&self, model: &Model) -> Vec<usize> {
        let shape = model.basis.shape();
        match self.window {
            Some([height, width]) => [&shape[..shape.len() - 2], &[height, width]].concat(),
            None => shape.to_vec(),
        }
    }

    fn batch(&self, model: &Model, draw: Draw) -> Result<Vec<f64>, Failure> {
        let whole = self.sampling.batch(draw)?;
        let (Some([height, width]), Some([_, own_height, own_width])) =
            (self.window, model.image_shape())
        else {
            return Ok(whole);
        };
        let planes = whole.chunks_exact(own_height * own_width);
        let rows = planes.flat_map(|plane| plane.chunks_exact(own_width).take(height));
        Ok(rows.flat_map(|row| &row[..width]).copied().collect())
    }
}

/// Passes batches of samples to `each`, with the number of samples before them.
fn batches(
    a: &Arguments,
    model: &Model,
    drawn: &Drawn<'_>,
    mut each: impl FnMut(usize, &[f64]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let size = drawn.sampling.batch_size();
    let work = Work::begin(Some(a.count as u64))?;
    for first in (0..a.count).step_by(size) {
        let count = size.min(a.count - first);
        let draw = Draw { seed: a.seed, first: first as u64, count };
        each(first, &drawn.batch(model, draw)?)?;
        let done = first + count;
        if work.at(done as u64).is_break() && done < a.count {
            let (count, output) = (a.count, a.output.display());
            return Err(Failure::Request(format!(
                "interrupted after {done} of {count} samples: {output} is not written"
            )));
        }
    }
    work.done();
    Ok(())
}

fn picture(
    a: &Arguments,
    model: &Model,
    drawn: &Drawn<'_>,
    how: &str,
    about: &str,
) -> Result<(), Failure> {
    let Some(shape) = model.image_shape() else {
        return Err(Failure::Request(format!(
            "{}: vectors of shape {:?} are not pictures: write them to an .npz file",
            model.name,
            model.basis.shape()
        )));
    };
    let Some([black, white]) = a.range.or(model.display()) else {
        return Err(Failure::Request(format!(
            "{}: it is not known whether the values are pixels: give the values of black and white with --range LO,HI",
            model.name
        )));
    };
    if model.centred && a.range.is_none() {
        note("the model has mean zero: samples are shown around mid grey");
    }
    let frames = drawn.sampling.frames();
    let [height, width] = drawn.window.unwrap_or([shape[1], shape[2]]);
    let shape = [shape[0], height, width];
    let dim: usize = shape.iter().product();
    let square = (a.count as f64).sqrt().ceil() as usize;
    let columns = a.columns.unwrap_or(match frames.len() {
        1 if shape[0] == 1 || shape[0] == 3 => square,
        _ => 1,
    });
    let mut sheet =
        Sheet::new(shape, a.count * frames.len(), columns.saturating_mul(frames.len()))?;
    let mut made = format!("{} samples of {}: {how}, seed {}", a.count, model.provenance, a.seed);
    let gain = match (a.compare, a.gain) {
        (false, _) => 1.0,
        (true, Some(gain)) => gain,
        (true, None) => {
            let first = drawn.batch(model, Draw { seed: a.seed, first: 0, count: 1 })?;
            fitting_gain(&first[2 * dim..], [black, white])
        }
    };
    if a.compare {
        let text = format!("difference around mid grey, amplified {gain} times");
        note(format!("from left to right: exact ODE solution, sampler, {text}; {about}"));
        made = format!("{made}; exact ODE solution, sampler, {text}; {about}");
    }
    batches(a, model, drawn, |first, data| {
        sheet.place_frames(first, frames, data, [black, white], gain);
        Ok(())
    })?;
    Ok(sheet.write(&a.output, &[("Software", PROGRAM), ("Description", &made)])?)
}

fn numbers(
    a: &Arguments,
    model: &Model,
    drawn: &Drawn<'_>,
    how: &str,
    about: &str,
) -> Result<(), Failure> {
    let dtype = match a.dtype.unwrap_or(DtypeName::F64) {
        DtypeName::F64 => SampleType::F64,
        DtypeName::F32 => SampleType::F32,
        DtypeName::U8 => SampleType::U8,
    };
    let frames = drawn.sampling.frames();
    if dtype == SampleType::U8 && (model.white != Some(255.0) || model.centred || frames.len() > 1)
    {
        return Err(Failure::Request(format!(
            "{}: --dtype u8 is for samples of 8-bit pixels with their mean: use f32",
            model.name
        )));
    }
    if a.compare {
        note(about);
    }
    let several = (a.times.is_some() || a.compare).then_some(frames.len());
    let shape: Vec<usize> =
        [Some(a.count), several].into_iter().flatten().chain(drawn.shape(model)).collect();
    let mut file = SampleFile::create(&a.output, &shape, dtype, model.scale)?;
    batches(a, model, drawn, |_, data| Ok(file.push(data)?))?;
    let times: Vec<f64> = frames.iter().map(|f| f.level.t).collect();
    let frame = |f: &Frame| json!({"kind": f.kind.name(), "t": f.level.t, "alpha": f.level.alpha, "sigma": f.level.sigma});
    let meta = json!({
        "content": "gaussmeter samples",
        "version": 1,
        "program": PROGRAM,
        "model": model.provenance,
        "made": how,
        "seed": a.seed,
        "shape": shape,
        "scale": model.scale,
        "frames": frames.iter().map(frame).collect::<Vec<_>>(),
    });
    Ok(file.finish(&times, &meta)?)
}

/// At most 7 digits.
fn short(t: f64) -> String {
    format!("{t:.6e}").parse().map_or_else(|_| t.to_string(), |t: f64| t.to_string())
}

fn parse_size(text: &str) -> Result<[usize; 2], String> {
    let number = |n: &str| n.trim().parse().ok().filter(|n: &usize| *n > 0);
    match text.split_once(['x', 'X']).map(|(h, w)| (number(h), number(w))) {
        Some((Some(height), Some(width))) => Ok([height, width]),
        _ => Err("not HEIGHTxWIDTH, such as 512x512".into()),
    }
}

/// A whole number is a count; anything else a list of times.
fn parse_times(text: &str) -> Result<Times, String> {
    match text.trim().parse() {
        Ok(count @ 2..=10_000) => return Ok(Times::Count(count)),
        Ok(_) => {
            return Err("must be 2 to 10000 times; write a single time with a decimal point".into());
        }
        Err(_) => {}
    }
    let times: Result<Vec<f64>, String> = text.split(',').map(parse_time).collect();
    Ok(Times::List(times?))
}

fn parse_gain(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(gain) if gain.is_finite() && gain > 0.0 => Ok(gain),
        _ => Err("not a positive number".into()),
    }
}

fn parse_range(text: &str) -> Result<[f64; 2], String> {
    let number = |n: &str| n.trim().parse().ok().filter(|n: &f64| n.is_finite());
    match text.split_once(',').map(|(lo, hi)| (number(lo), number(hi))) {
        Some((Some(lo), Some(hi))) if lo != hi => Ok([lo, hi]),
        _ => Err("not two different numbers LO,HI".into()),
    }
}
