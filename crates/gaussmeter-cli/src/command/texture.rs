use crate::failure::Failure;
use crate::options;
use crate::output::extension;
use clap::{Args, ValueEnum};
use gaussmeter_data::samples::Scale;
use gaussmeter_data::{Picture, TextureModel};
use std::io::Write;
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
    /// Data units: pixels to [-1, 1], pixels to [0, 1], or as stored
    #[arg(long, value_name = "SCALE", value_enum, default_value = "symmetric")]
    scale: ScaleName,
    /// Where the model goes
    #[arg(short, long, value_name = "FILE.npz")]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScaleName {
    Symmetric,
    Unit,
    None,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    extension(&a.output, &["npz"])?;
    options::exists(&a.image)?;
    let picture = Picture::open(&a.image)?;
    let scale = match a.scale {
        ScaleName::Symmetric => picture.symmetric(),
        ScaleName::Unit => picture.unit(),
        ScaleName::None => Scale::IDENTITY,
    };
    let model = TextureModel::new(&picture, scale, a.periodic, a.centred)?;
    let spectrum = model.texture.spectrum(&model.description)?;
    model.save(&a.output)?;
    let _ = writeln!(
        std::io::stderr(),
        "note: {}; total variance {:.7}, {} of {} eigenvalues are not zero",
        model.provenance(),
        spectrum.trace(),
        spectrum.dim() - spectrum.null_dim(),
        spectrum.dim()
    );
    Ok(())
}
