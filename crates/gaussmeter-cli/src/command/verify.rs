use crate::failure::Failure;
use crate::options::{self, NetworkOption, Trained, parse_length, parse_range, parse_time};
use crate::output::Output;
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::experiment::{
    Defaults, Length, Verification, VerifyOptions, Words, verify_network,
};
use gaussmeter::law::DataLaw;
use gaussmeter_data::{FileError, Model, ModelError, load_law};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Samplers and schedules on data that are not Gaussian: a mixture, whose score is exact
#[derive(Debug, Args)]
#[command(after_help = "\
The data are a Gaussian per class (`gaussmeter mixture`), a data set itself
(`empirical`) or independent coordinates (`separable`, with the exact W2 of
samplers without noise): their network is exact, and they are not Gaussian. From
the same starts N(0, sigma_max^2) each sampler without noise is compared with the
fine solution of the probability-flow ODE: root mean square and median distance,
and the share of starts that reach the same class. Of samplers with noise, mean
and covariance of the outputs are compared with those of the data (W2, without
what a finite number of samples adds), and the shares of the classes. Beside it
stands what the Gaussian of the whole predicts, exactly, also per band of
eigenvalues. Grids that follow the data follow the Gaussian of the whole. With
--network onnx:FILE samplers call a trained network, beside the exact one: the
fine solution is then that of its own ODE (docs/onnx.md). FILE may then be a
Gaussian too: a texture, or a spectrum with eigenvectors (`spectrum --basis`).

Examples:
  gaussmeter verify --data my-classes.npz
  gaussmeter verify --data my-classes.npz --sampler dpmpp-2m,edm --steps 5,10
  gaussmeter verify --data my-classes.npz --sampler dpmpp-sde,euler-ancestral
  gaussmeter verify --data my-classes.npz --grid fisher-rao -o verify.csv
  gaussmeter verify --data my-classes.npz --network gain:delta=-0.02
  gaussmeter verify --data cifar10.npz --network onnx:net.onnx")]
pub struct Arguments {
    /// The law (.npz), by `gaussmeter mixture`, `empirical` or `separable`; with a trained network also
    /// a texture or a spectrum with eigenvectors
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Samplers, comma-separated (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::VERIFY.samplers)]
    sampler: Vec<String>,
    /// Forward processes, comma-separated (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::VERIFY.process)]
    process: Vec<String>,
    /// Where the times go, comma-separated: karras, sigmas:FILE with its own levels, … (see `gaussmeter
    /// list grids`)
    #[arg(long, value_name = "NAME,…", help_heading = "Setting", default_value = Defaults::VERIFY.grid)]
    grid: Vec<String>,
    #[command(flatten)]
    network: NetworkOption,
    /// Truncation time where sampling stops [default: 0, or where a grid ends by itself]
    #[arg(long, value_name = "E", help_heading = "Setting", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Numbers of steps, comma-separated, also ranges such as 5..20:5
    #[arg(long, value_name = "N,…", help_heading = "Length", default_value = "5,10,20", allow_hyphen_values = true, value_delimiter = ',', value_parser = parse_range)]
    steps: Vec<Vec<usize>>,
    /// Number of starts of samplers without noise
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true, default_value = "128")]
    starts: usize,
    /// Steps of the fine solution, at least 8: others of a half and a quarter of them tell its error
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true, default_value = "300")]
    reference: usize,
    /// Number of samples of samplers with noise; full covariances are compared from four per dimension
    #[arg(long, value_name = "N", help_heading = "Length", value_parser = parse_length, allow_negative_numbers = true, default_value = "1024")]
    samples: usize,
    /// Seed of starts and noises
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let words = Words {
        processes: a.process,
        grids: a.grid,
        samplers: a.sampler,
        lengths: a.steps.into_iter().flatten().map(Length::Steps).collect(),
        eps: a.eps.into_iter().collect(),
        network: a.network.closed(),
        ..Words::default()
    };
    let question = options::read(&words, &Defaults::VERIFY)?;
    let options = VerifyOptions {
        starts: a.starts,
        reference: a.reference,
        samples: a.samples,
        seed: a.seed,
    };
    options::exists(&a.data)?;
    // A Gaussian, of which a network has been trained.
    if options::is_trained(&a.network.network)
        && let Ok(model) = Model::load(&a.data)
    {
        let spectrum = options::load(&a.data.to_string_lossy())?;
        let Some(trained) = Trained::read(&a.network.network, model.basis.shape())? else {
            return Err(not_one(&a.data));
        };
        let (samplers, lengths) = (&question.samplers, question.asked_lengths());
        let places = question.places(spectrum);
        let found = watched(|watch| {
            let basis = Some(model.basis.clone());
            verify_network(&*trained.make, basis, places, samplers, &lengths, options, watch)
        })?;
        let found = Verification { network: Some(trained.label), ..found };
        a.output.write(&found.report())?;
        return watch::end(found.is_interrupted());
    }
    let law = load(&a.data)?;
    let spectrum = options::load(&a.data.to_string_lossy())?;
    let shape = gaussmeter_data::law_shape(&a.data)?.unwrap_or_else(|| vec![law.dim()]);
    let found = match Trained::read(&a.network.network, &shape)? {
        None => watched(|watch| question.verify(law, spectrum, options, watch))?,
        Some(trained) => {
            let network = (&trained.label[..], &*trained.make);
            watched(|watch| question.verify_trained(law, network, spectrum, options, watch))?
        }
    };
    a.output.write(&found.report())?;
    watch::end(found.is_interrupted())
}

/// The law in a file; if there is none, what to do.
pub fn load(path: &Path) -> Result<Arc<dyn DataLaw>, Failure> {
    options::exists(path)?;
    load_law(path).map_err(|error| match error {
        ModelError::File(FileError::Content { .. } | FileError::Archive { .. }) => not_one(path),
        error => error.into(),
    })
}

fn not_one(path: &Path) -> Failure {
    Failure::Request(format!(
        "{} holds no law that is not Gaussian: gaussmeter mixture DATA -o my-classes.npz makes one of a data set (also: empirical, separable)",
        path.display()
    ))
}
