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

Examples:
  gaussmeter texture fabric.png -o fabric.npz
  gaussmeter texture fabric.png --periodic --scale unit --centred -o paper.npz")]
pub struct Arguments {
    /// Picture: png, jpeg, tiff, webp, …
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
    options::exists(&a.image)?;
    let picture = Picture::open(&a.image, &a.images.build(Memory(a.memory)))?;
    let scale = a.scale.resolve(Some(picture.white)).unwrap_or(Scale::IDENTITY);
    let model = TextureModel::new(&picture, scale, a.periodic, a.centred)?;
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
