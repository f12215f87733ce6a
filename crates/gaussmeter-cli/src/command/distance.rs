use super::spectrum::ReadArguments;
use crate::failure::Failure;
use crate::images::parse_scale;
use crate::options::parse_bytes;
use crate::output::{Output, differs};
use crate::watch::watched;
use clap::Args;
use gaussmeter_data::Memory;
use gaussmeter_data::distance::{Opener, Subject, distance};
use gaussmeter_data::source::{ReadOption, ScaleChoice};
use std::path::PathBuf;

/// Gaussian W2 (FID, Fréchet distance) of samples or features to a reference
#[derive(Debug, Args)]
#[command(after_help = "\
W2² = |m - mu|² + tr(C + S - 2 (C^½ S C^½)^½), the Fréchet distance of the
Gaussians: FID, if the data are features of the Inception network. Beside the
number that pytorch-fid computes stands W2 without what a finite number of
samples adds, with an interval of 95 %. That needs about two samples per
dimension: for the 2048 features of FID 3,600, and better 10,000.

REFERENCE and SAMPLES are what `gaussmeter spectrum` reads (features or samples
in .npy, .npz, .safetensors, .pt; folders and archives of images), statistics (mu
and sigma, as of pytorch-fid and EDM), or models with eigenvectors (`gaussmeter
spectrum --basis`, `texture`, `mixture`, …), which are known exactly.

Statistics do not say how many samples they are of: --reference-count and --count
do, and fourth moments are then taken as those of a Gaussian.

Options of reading are for whatever can take them: --resize for pictures, also
where the reference is statistics.

Examples:
  gaussmeter distance train-features.npy em-features.npy heun-features.npy
  gaussmeter distance cifar10.npz features.npz --reference-count 50000
  gaussmeter distance edm2.pkl features.npz --reference-array fid
  gaussmeter distance fabric.npz em.npz -o distance.csv
  gaussmeter distance photos/ generated/ --resize 16 --crop 16")]
pub struct Arguments {
    /// What the others are compared with: a file, a folder or an archive
    #[arg(value_name = "REFERENCE")]
    reference: PathBuf,
    /// One or more files, folders or archives, a row of the table each
    #[arg(required = true, value_name = "SAMPLES")]
    samples: Vec<PathBuf>,
    /// Number of samples that REFERENCE's statistics are of
    #[arg(long, value_name = "N")]
    reference_count: Option<u64>,
    /// Number of samples that statistics among SAMPLES are of
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// The array to read of REFERENCE, if another than --array
    #[arg(long, value_name = "NAME")]
    reference_array: Option<String>,
    /// Stored values of REFERENCE to data, if otherwise than --scale
    #[arg(long, value_name = "SCALE", value_parser = parse_scale, allow_hyphen_values = true)]
    reference_scale: Option<ScaleChoice>,
    /// Memory for samples: what fits is read once, the rest again for its fourth moments. Matrices, about
    /// ten of d x d (n x d of n < d samples), come on top
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = parse_bytes)]
    memory: u64,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format_of_tables()?;
    if let Some(path) = &a.output.output {
        let inputs = [std::slice::from_ref(&a.reference), &a.samples].concat();
        differs(path, &inputs)?;
    }
    let memory = Memory(a.memory);
    let options = a.reading.build(memory);
    let (mut opener, mut own) = (Opener::default(), Vec::new());
    let mut of_reference = options.clone();
    if let Some(array) = a.reference_array {
        of_reference.array = Some(array);
        own.push(ReadOption::Array);
    }
    if let Some(scale) = a.reference_scale {
        of_reference.scale = scale;
        own.push(ReadOption::Scale);
    }
    let mut reference = opener.open(&a.reference, &of_reference, &own)?;
    let sets = a.samples.iter().map(|path| opener.open(path, &options, &[]));
    let mut sets = sets.collect::<Result<Vec<_>, _>>()?;
    opener.finish()?;
    if let Some(count) = a.reference_count {
        reference = reference.with_count(count)?;
    }
    if let Some(count) = a.count {
        if !sets.iter().any(Subject::is_uncounted) {
            return Err(Failure::Usage(
                "--count has no effect: it is for statistics (mu and sigma) among SAMPLES".into(),
            ));
        }
        sets = sets
            .into_iter()
            .map(|set| if set.is_uncounted() { set.with_count(count) } else { Ok(set) })
            .collect::<Result<_, _>>()?;
    }
    let found = watched(|watch| distance(&mut reference, &mut sets, memory, watch))?;
    a.output.write(&found.report())?;
    match found.is_interrupted {
        false => Ok(()),
        true => Err(Failure::Request(format!(
            "interrupted: {} of {} sets compared",
            found.sets.len(),
            a.samples.len()
        ))),
    }
}
