use super::Options;
use super::decode::{Decoded, Pixels};
use crate::source::records::push_planes;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, Pixel};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A size of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The length of the shorter side; for a crop, of both sides.
    Side(u32),
    /// Both sides.
    Both {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
}

/// A text is no size.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("'{text}' is no size: write N, or HEIGHTxWIDTH, with sides from 1 to {MAX_SIDE}")]
pub struct SizeError {
    /// What was given.
    pub text: String,
}

const MAX_SIDE: u32 = 1 << 15;

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let side = |text: &str| text.trim().parse().ok().filter(|n| (1..=MAX_SIDE).contains(n));
        let size = match text.split_once(['x', 'X']) {
            None => side(text).map(Size::Side),
            Some((height, width)) => {
                side(height).zip(side(width)).map(|(height, width)| Size::Both { height, width })
            }
        };
        size.ok_or_else(|| SizeError { text: text.into() })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Side(n) => write!(f, "{n}"),
            Size::Both { height, width } => write!(f, "{height}x{width}"),
        }
    }
}

/// How pixels are averaged when a picture is resized. All but the first widen with the step when the
/// picture shrinks, as Pillow's and torchvision's antialiased ones do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear weights.
    Bilinear,
    /// Cubic weights, a = −1/2.
    #[default]
    Bicubic,
    /// A windowed sinc of three lobes.
    Lanczos,
}

impl Filter {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Filter::Nearest => "nearest",
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
            Filter::Lanczos => "lanczos",
        }
    }

    fn kernel(self) -> FilterType {
        match self {
            Filter::Nearest => FilterType::Nearest,
            Filter::Bilinear => FilterType::Triangle,
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Lanczos => FilterType::Lanczos3,
        }
    }
}

/// Which channels samples have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// Those of the picture; an alpha channel that is opaque everywhere is dropped.
    #[default]
    Auto,
    /// One: 0.299 R + 0.587 G + 0.114 B, rounded, as Pillow has it; alpha is dropped.
    Gray,
    /// Three; alpha is dropped.
    Rgb,
    /// Four.
    Rgba,
}

impl Channels {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Channels::Auto => "auto",
            Channels::Gray => "gray",
            Channels::Rgb => "rgb",
            Channels::Rgba => "rgba",
        }
    }
}

/// Channels, then size.
pub(super) fn apply(picture: DynamicImage, options: &Options) -> Result<Decoded, String> {
    match picture {
        DynamicImage::ImageLuma8(i) => whole(i, options, 1, u8::MAX, Pixels::Bytes),
        DynamicImage::ImageLumaA8(i) => whole(i, options, 2, u8::MAX, Pixels::Bytes),
        DynamicImage::ImageRgb8(i) => whole(i, options, 3, u8::MAX, Pixels::Bytes),
        DynamicImage::ImageRgba8(i) => whole(i, options, 4, u8::MAX, Pixels::Bytes),
        DynamicImage::ImageLuma16(i) => whole(i, options, 1, u16::MAX, Pixels::Deep),
        DynamicImage::ImageLumaA16(i) => whole(i, options, 2, u16::MAX, Pixels::Deep),
        DynamicImage::ImageRgb16(i) => whole(i, options, 3, u16::MAX, Pixels::Deep),
        DynamicImage::ImageRgba16(i) => whole(i, options, 4, u16::MAX, Pixels::Deep),
        other => {
            Err(format!("{:?} pixels: only 8 and 16 bits per channel are read", other.color()))
        }
    }
}

/// A value of a pixel.
trait Depth: Copy + Into<u32> + PartialEq + TryFrom<u32> {}
impl<T: Copy + Into<u32> + PartialEq + TryFrom<u32>> Depth for T {}

fn whole<P: Pixel + 'static>(
    picture: ImageBuffer<P, Vec<P::Subpixel>>,
    options: &Options,
    channels: usize,
    top: P::Subpixel,
    pixels: fn(Vec<P::Subpixel>) -> Pixels,
) -> Result<Decoded, String>
where
    P::Subpixel: Depth + 'static,
{
    let picture = crop(resize(picture, options), options)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (values, channels) = convert(picture.into_raw(), channels, options.channels, top)?;
    let shape = [channels, height, width];
    let mut planes = Vec::with_capacity(values.len());
    push_planes(&values, &shape, true, &mut planes);
    Ok(Decoded { shape, pixels: pixels(planes) })
}

/// With one side given, the other keeps the proportions, rounded down, as torchvision has it.
fn resize<P: Pixel + 'static>(
    picture: ImageBuffer<P, Vec<P::Subpixel>>,
    options: &Options,
) -> ImageBuffer<P, Vec<P::Subpixel>>
where
    P::Subpixel: 'static,
{
    let (width, height) = picture.dimensions();
    let (new_height, new_width) = match options.resize {
        None => return picture,
        Some(Size::Both { height, width }) => (height, width),
        Some(Size::Side(side)) => {
            let other = |other: u32, own: u32| {
                let length = u64::from(side) * u64::from(other) / u64::from(own.max(1));
                u32::try_from(length).unwrap_or(u32::MAX).min(MAX_SIDE)
            };
            if height <= width {
                (side, other(width, height))
            } else {
                (other(height, width), side)
            }
        }
    };
    match (new_height, new_width) == (height, width) {
        true => picture,
        false => imageops::resize(&picture, new_width, new_height, options.filter.kernel()),
    }
}

fn crop<P: Pixel + 'static>(
    picture: ImageBuffer<P, Vec<P::Subpixel>>,
    options: &Options,
) -> Result<ImageBuffer<P, Vec<P::Subpixel>>, String>
where
    P::Subpixel: 'static,
{
    let (height, width) = match options.crop {
        None => return Ok(picture),
        Some(Size::Side(side)) => (side, side),
        Some(Size::Both { height, width }) => (height, width),
    };
    let (own_width, own_height) = picture.dimensions();
    match (own_height.checked_sub(height), own_width.checked_sub(width)) {
        (Some(0), Some(0)) => Ok(picture),
        (Some(y), Some(x)) => {
            let (x, y) = (half(x), half(y));
            Ok(imageops::crop_imm(&picture, x, y, width, height).to_image())
        }
        _ => Err(format!(
            "{own_height}x{own_width} is too small for a crop of {height}x{width}: resize first"
        )),
    }
}

/// n / 2, a half to the even number, as Python rounds.
fn half(n: u32) -> u32 {
    n / 2 + u32::from(n % 4 == 3)
}

/// Interleaved values with other channels.
fn convert<T: Depth>(
    values: Vec<T>,
    channels: usize,
    wanted: Channels,
    top: T,
) -> Result<(Vec<T>, usize), String> {
    let has_alpha = channels == 2 || channels == 4;
    let is_opaque = || values.iter().skip(channels - 1).step_by(channels).all(|a| *a == top);
    let colours = if channels < 3 { 1 } else { 3 };
    let target = match wanted {
        Channels::Gray => 1,
        Channels::Rgb => 3,
        Channels::Rgba => 4,
        Channels::Auto if !has_alpha || is_opaque() => colours,
        Channels::Auto => {
            return Err(
                "partly transparent: choose --channels rgb or gray, which drop alpha, or rgba"
                    .into(),
            );
        }
    };
    if target == channels {
        return Ok((values, channels));
    }
    let luma = |p: &[T]| -> T {
        let [r, g, b] = [p[0], p[1], p[2]].map(Into::<u32>::into).map(u64::from);
        let sum = 19_595 * r + 38_470 * g + 7_471 * b + (1 << 15);
        T::try_from((sum >> 16) as u32).unwrap_or(top)
    };
    let mut out = Vec::with_capacity(values.len() / channels * target);
    for pixel in values.chunks_exact(channels) {
        match (colours, target) {
            (1, 1) => out.push(pixel[0]),
            (1, _) => out.extend([pixel[0]; 3]),
            (_, 1) => out.push(luma(pixel)),
            _ => out.extend_from_slice(&pixel[..3]),
        }
        if target == 4 {
            out.push(if has_alpha { pixel[channels - 1] } else { top });
        }
    }
    Ok((out, target))
}
