use crate::failure::Failure;
use crate::images::{ImageOptions, parse_scale};
use crate::options::{self, parse_bytes};
use crate::output::{differs, extension, note};
use clap::Args;
use gaussmeter_data::samples::Scale;
use gaussmeter_data::source::ScaleChoice;
use gaussmeter_data::{Memory, Picture, TextureModel};
use std::path::PathBuf;

/// Texture model (ADSN) of a picture: a spectrum, and a model to sample from
#[derive(Debug, Args)]
#[command(after_help = "\
The asymptotic discrete spot noise of a picture is the stationary Gaussian law
with the mean and the autocorrelation of the picture (Galerne, Gousseau, Morel
2011). The file is a spectrum for every other command, and `gaussmeter sample`
draws pictures from it, also larger ones.

Pictures have 8 or 16 bits per channel, grey or RGB; alpha is dropped where all
pixels are opaque, and refused otherwise.

Without a picture, power-law-field:size=32,alpha=2,std=0.5 is the grey texture
whose eigenvalues fall as those of natural images do, |frequency|^-alpha.

Examples:
  gaussmeter texture fabric.png -o fabric.npz
  gaussmeter texture fabric.png --periodic --scale unit --centred -o paper.npz
  gaussmeter texture power-law-field:size=32,alpha=2 -o clouds.npz")]
pub struct Arguments {
    /// Picture: png, jpeg, tiff, webp, …; or power-law-field:size=N,alpha=A,std=S
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// Take the periodic component first: opposite edges that do not match would put a cross into
    /// the texture
    #[arg(long)]
    periodic: bool,
    /// Take the mean away, as the paper does
    #[arg(long)]
    centred: bool,
    /// Pixels to data: symmetric ([-1, 1]), unit ([0, 1]), none, or FACTOR,OFFSET
    #[arg(long, value_name = "SCALE", default_value = "symmetric", value_parser = parse_scale, allow_hyphen_values = true)]
    scale: ScaleChoice,
    #[command(flatten)]
    images: ImageOptions,
    /// Memory that the picture and its texture may take
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = parse_bytes)]
    memory: u64,
    /// Where the model goes
    #[arg(short, long, value_name = "FILE.npz")]
    output: PathBuf,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    extension(&a.output, &["npz"])?;
    differs(&a.output, std::slice::from_ref(&a.image))?;
    if let Some(name) = power_law_name(&a) {
        return power_law(&a, name);
    }
    options::exists(&a.image)?;
    let picture = Picture::open(&a.image, &a.images.build(Memory(a.memory)))?;
    let scale = a.scale.resolve(Some(picture.white)).unwrap_or(Scale::IDENTITY);
    let model = TextureModel::new(&picture, scale, a.periodic, a.centred)?;
    finish(&a, &model)
}

fn finish(a: &Arguments, model: &TextureModel) -> Result<(), Failure> {
    let spectrum = model.texture.spectrum(&model.description)?;
    model.save(&a.output)?;
    note(format!(
        "{}; total variance {:.7}, {} of {} eigenvalues are not zero",
        model.provenance(),
        spectrum.trace(),
        spectrum.dim() - spectrum.null_dim(),
        spectrum.dim()
    ));
    Ok(())
}

/// What follows `power-law-field`, if that is what the picture is called, and no file is.
fn power_law_name(a: &Arguments) -> Option<&str> {
    let name = a.image.to_str()?.strip_prefix("power-law-field")?;
    let is_name = name.is_empty() || name.starts_with(':');
    (is_name && !a.image.exists()).then(|| name.strip_prefix(':').unwrap_or(name))
}

fn power_law(a: &Arguments, parameters: &str) -> Result<(), Failure> {
    let given = [
        (a.periodic, "--periodic"),
        (a.centred, "--centred"),
        (a.scale != ScaleChoice::Symmetric, "--scale"),
        (a.images.is_given(), "--resize, --crop or --channels"),
    ];
    if let Some((_, option)) = given.iter().find(|(given, _)| *given) {
        return Err(Failure::Usage(format!(
            "{option} has no effect on power-law-field: it is for pictures"
        )));
    }
    let (mut size, mut alpha, mut std) = (32, 2.0, 0.5);
    for pair in parameters.split(',').filter(|pair| !pair.is_empty()) {
        let wrong = || {
            let text = format!(
                "'{pair}' is no parameter of power-law-field: it takes size=32, alpha=2 and std=0.5"
            );
            Failure::Usage(text)
        };
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        match key.trim() {
            "size" => size = value.trim().parse().map_err(|_| wrong())?,
            "alpha" => alpha = value.trim().parse().map_err(|_| wrong())?,
            "std" => std = value.trim().parse().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        }
    }
    finish(a, &TextureModel::power_law_field(size, alpha, std)?)
}
