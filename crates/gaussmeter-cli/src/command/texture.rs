use crate::failure::Failure;
use crate::images::{ImageOptions, parse_scale};
use crate::options::{self, parse_bytes};
use crate::output::{differs, extension, note};
use clap::Args;
use gaussmeter_data::samples::Scale;
use gaussmeter_data::source::ScaleChoice;
use gaussmeter_data::{Memory, Picture, TextureModel};
use std::path::{Path, PathBuf};

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
  gaussmeter texture fabric.png --size 64 -o fabric.npz
  gaussmeter texture fabric.png --periodic --scale unit --centred -o paper.npz
  gaussmeter texture power-law-field:size=32,alpha=2 -o clouds.npz")]
pub struct Arguments {
    /// Picture: png, jpeg, tiff, webp, …; or power-law-field:size=N,alpha=A,std=S
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    #[command(flatten)]
    options: TextureOptions,
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

/// How a picture becomes a texture.
#[derive(Clone, Copy, Debug, Args)]
pub struct TextureOptions {
    /// Take the periodic component first: opposite edges that do not match would put a cross into
    /// the texture
    #[arg(long)]
    pub periodic: bool,
    /// Take the mean away, as the paper does
    #[arg(long)]
    pub centred: bool,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    extension(&a.output, &["npz"])?;
    differs(&a.output, std::slice::from_ref(&a.image))?;
    let memory = Memory(a.memory);
    save(&model(&a.image, a.options, a.scale, &a.images, memory)?, &a.output)
}

/// The texture of a picture, or of the name of a law.
pub fn model(
    image: &Path,
    options: TextureOptions,
    scale: ScaleChoice,
    images: &ImageOptions,
    memory: Memory,
) -> Result<TextureModel, Failure> {
    if let Some(parameters) = power_law_name(image) {
        let given = [
            (options.periodic, "--periodic"),
            (options.centred, "--centred"),
            (!matches!(scale, ScaleChoice::Symmetric | ScaleChoice::Auto), "--scale"),
            (images.is_given(), "--size, --resize, --crop or --channels"),
        ];
        return match given.iter().find(|(given, _)| *given) {
            None => power_law(parameters),
            Some((_, option)) => Err(Failure::Usage(format!(
                "{option} has no effect on power-law-field: it is for pictures"
            ))),
        };
    }
    options::exists(image)?;
    let picture = Picture::open(image, &images.build(memory))?;
    let scale = scale.resolve(Some(picture.white)).unwrap_or(Scale::IDENTITY);
    Ok(TextureModel::new(&picture, scale, options.periodic, options.centred)?)
}

/// Writes a texture, and says what it is.
pub fn save(model: &TextureModel, output: &Path) -> Result<(), Failure> {
    let spectrum = model.texture.spectrum(&model.description)?;
    model.save(output)?;
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
fn power_law_name(image: &Path) -> Option<&str> {
    let name = image.to_str()?.strip_prefix("power-law-field")?;
    let is_name = name.is_empty() || name.starts_with(':');
    (is_name && !image.exists()).then(|| name.strip_prefix(':').unwrap_or(name))
}

fn power_law(parameters: &str) -> Result<TextureModel, Failure> {
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
    Ok(TextureModel::power_law_field(size, alpha, std)?)
}
