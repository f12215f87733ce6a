//! How images are read, for commands that read them.

use clap::{Args, ValueEnum};
use gaussmeter_data::Memory;
use gaussmeter_data::source::ScaleChoice;
use gaussmeter_data::source::pictures::{Channels, Filter, PictureOptions, Size};

/// An option whose values are those of a library type.
macro_rules! named {
    ($name:ident => $target:ty { $($(#[$attribute:meta])? $word:ident),* }) => {
        #[derive(Clone, Copy, Debug, ValueEnum)]
        enum $name { $($(#[$attribute])? $word),* }
        impl From<$name> for $target {
            fn from(name: $name) -> Self {
                match name { $($name::$word => <$target>::$word),* }
            }
        }
    };
}
pub(crate) use named;

named!(FilterName => Filter { Nearest, Bilinear, Bicubic, Lanczos });
named!(ChannelsName => Channels {
    Auto,
    #[value(alias = "grayscale", alias = "grey")]
    Gray,
    Rgb,
    Rgba
});

/// Size and channels of images.
#[derive(Debug, Args)]
#[command(next_help_heading = "Images")]
pub struct ImageOptions {
    /// Resize and crop to N by N (the same as --resize N --crop N), or to HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", group = "resized", conflicts_with = "crop")]
    size: Option<Size>,
    /// Resize: the shorter side to N, or the image to HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", group = "resized")]
    resize: Option<Size>,
    /// Then crop the centre: NxN, or HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE")]
    crop: Option<Size>,
    /// Filter for --size and --resize, as Pillow's filter of the same name
    /// [default: bicubic]
    #[arg(long, value_enum, requires = "resized")]
    filter: Option<FilterName>,
    /// Channels: auto (as stored; opaque alpha is dropped), gray (also grayscale), rgb or rgba
    #[arg(long, value_enum, default_value = "auto")]
    channels: ChannelsName,
}

impl ImageOptions {
    /// Whether anything was asked for.
    pub fn is_given(&self) -> bool {
        let sizes = [self.size, self.resize, self.crop].iter().any(Option::is_some);
        sizes || self.filter.is_some() || !matches!(self.channels, ChannelsName::Auto)
    }

    /// What was asked for.
    pub fn build(&self, memory: Memory) -> PictureOptions {
        PictureOptions {
            memory,
            resize: self.resize.or(self.size),
            crop: self.crop.or(self.size),
            filter: self.filter.map_or_else(Filter::default, Filter::from),
            channels: self.channels.into(),
            skip_bad: false,
        }
    }
}

/// Parses auto, symmetric, unit, none or FACTOR,OFFSET.
pub fn parse_scale(text: &str) -> Result<ScaleChoice, String> {
    Ok(match text {
        "auto" => ScaleChoice::Auto,
        "symmetric" => ScaleChoice::Symmetric,
        "unit" => ScaleChoice::Unit,
        "none" => ScaleChoice::None,
        text => {
            let number = |text: &str| text.trim().parse().ok().filter(|v: &f64| v.is_finite());
            let numbers = text.split_once(',').and_then(|(f, o)| number(f).zip(number(o)));
            match numbers {
                Some((factor, offset)) if factor.is_normal() => {
                    ScaleChoice::Affine { factor, offset }
                }
                _ => return Err("not auto, symmetric, unit, none or FACTOR,OFFSET".into()),
            }
        }
    })
}
