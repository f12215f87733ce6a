use super::PictureOptions;
use super::decode::{Decoded, Pixels};
use super::resample::{self, Level};
use crate::source::records::push_planes;
use image::DynamicImage;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A size to resize or crop to.
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

/// A text is not a size.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("'{text}' is not a size: write N or HEIGHTxWIDTH, with sides from 1 to {MAX_SIDE}")]
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

/// Which channels samples have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// Those of the picture; an alpha channel that is opaque everywhere is dropped.
    #[default]
    Auto,
    /// One: 0.299 R + 0.587 G + 0.114 B, rounded like Pillow; alpha is dropped.
    Gray,
    /// Red, green, blue; alpha is dropped.
    Rgb,
    /// Red, green, blue, alpha.
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

/// Converts channels, then resizes and crops.
pub(super) fn apply(picture: DynamicImage, options: &PictureOptions) -> Result<Decoded, String> {
    let (width, height) = (picture.width(), picture.height());
    let size = (height, width);
    match picture {
        DynamicImage::ImageLuma8(i) => whole(i.into_raw(), 1, size, options),
        DynamicImage::ImageLumaA8(i) => whole(i.into_raw(), 2, size, options),
        DynamicImage::ImageRgb8(i) => whole(i.into_raw(), 3, size, options),
        DynamicImage::ImageRgba8(i) => whole(i.into_raw(), 4, size, options),
        DynamicImage::ImageLuma16(i) => whole(i.into_raw(), 1, size, options),
        DynamicImage::ImageLumaA16(i) => whole(i.into_raw(), 2, size, options),
        DynamicImage::ImageRgb16(i) => whole(i.into_raw(), 3, size, options),
        DynamicImage::ImageRgba16(i) => whole(i.into_raw(), 4, size, options),
        other => {
            let bits = 8 * u16::from(other.color().bytes_per_pixel())
                / u16::from(other.color().channel_count().max(1));
            Err(format!("{bits} bits per channel, but only 8 and 16 are supported"))
        }
    }
}

/// A pixel value.
trait Depth: Level + Into<u64> + PartialEq + TryFrom<u64> {
    const TOP: Self;
    fn pixels(values: Vec<Self>) -> Pixels;
}

impl Depth for u8 {
    const TOP: u8 = u8::MAX;
    fn pixels(values: Vec<u8>) -> Pixels {
        Pixels::Bytes(values)
    }
}

impl Depth for u16 {
    const TOP: u16 = u16::MAX;
    fn pixels(values: Vec<u16>) -> Pixels {
        Pixels::Deep(values)
    }
}

fn whole<T: Depth>(
    values: Vec<T>,
    channels: usize,
    size: (u32, u32),
    options: &PictureOptions,
) -> Result<Decoded, String> {
    let (values, channels) = convert(values, channels, options.channels)?;
    let (values, size) = resize(values, channels, size, options)?;
    let (values, (height, width)) = crop(values, channels, size, options)?;
    let shape = [channels, height as usize, width as usize];
    let mut planes = Vec::with_capacity(values.len());
    push_planes(&values, &shape, true, &mut planes);
    Ok(Decoded { shape, pixels: T::pixels(planes) })
}

/// Interleaved values, and their height and width.
type Sized<T> = (Vec<T>, (u32, u32));

impl PictureOptions {
    /// Height and width of a picture after it is resized.
    ///
    /// If one side is given, the other keeps the proportions, rounded down like torchvision.
    pub(super) fn resized(&self, height: u32, width: u32) -> Result<(u32, u32), String> {
        let side = match self.resize {
            None => return Ok((height, width)),
            Some(Size::Both { height, width }) => return Ok((height, width)),
            Some(Size::Side(side)) => side,
        };
        let other = |other: u32, own: u32| {
            let length = u64::from(side) * u64::from(other) / u64::from(own.max(1));
            u32::try_from(length)
                .ok()
                .filter(|n| *n <= MAX_SIDE)
                .ok_or_else(|| format!("{height}x{width} is too elongated to be resized to {side}"))
        };
        Ok(match height <= width {
            true => (side, other(width, height)?),
            false => (other(height, width)?, side),
        })
    }
}

fn resize<T: Depth>(
    values: Vec<T>,
    channels: usize,
    (height, width): (u32, u32),
    options: &PictureOptions,
) -> Result<Sized<T>, String> {
    let (new_height, new_width) = options.resized(height, width)?;
    if (new_height, new_width) == (height, width) {
        return Ok((values, (height, width)));
    }
    let size = |height: u32, width: u32| (height as usize, width as usize);
    let (from, to) = (size(height, width), size(new_height, new_width));
    if values.is_empty() || to.0 == 0 || to.1 == 0 {
        return Err(format!("{height}x{width} cannot be resized to {new_height}x{new_width}"));
    }
    Ok((resample::resize(values, channels, from, to, options.filter), (new_height, new_width)))
}

fn crop<T: Depth>(
    values: Vec<T>,
    channels: usize,
    (own_height, own_width): (u32, u32),
    options: &PictureOptions,
) -> Result<Sized<T>, String> {
    let (height, width) = match options.crop {
        None => return Ok((values, (own_height, own_width))),
        Some(Size::Side(side)) => (side, side),
        Some(Size::Both { height, width }) => (height, width),
    };
    let (Some(above), Some(left)) = (own_height.checked_sub(height), own_width.checked_sub(width))
    else {
        return Err(format!(
            "{own_height}x{own_width} is too small for a crop of {height}x{width}: resize first"
        ));
    };
    let (above, left) = (half(above) as usize, half(left) as usize);
    let rows = values.chunks_exact(own_width as usize * channels).skip(above).take(height as usize);
    let cut = left * channels..(left + width as usize) * channels;
    Ok((rows.flat_map(|row| &row[cut.clone()]).copied().collect(), (height, width)))
}

/// n / 2, with halves rounded to even, like Python.
fn half(n: u32) -> u32 {
    n / 2 + u32::from(n % 4 == 3)
}

/// Converts interleaved values to other channels.
fn convert<T: Depth>(
    values: Vec<T>,
    channels: usize,
    wanted: Channels,
) -> Result<(Vec<T>, usize), String> {
    let has_alpha = channels == 2 || channels == 4;
    let is_opaque = || values.iter().skip(channels - 1).step_by(channels).all(|a| *a == T::TOP);
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
        let [r, g, b] = [p[0], p[1], p[2]].map(Into::<u64>::into);
        let sum = 19_595 * r + 38_470 * g + 7_471 * b + (1 << 15);
        T::try_from(sum >> 16).unwrap_or(T::TOP)
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
            out.push(if has_alpha { pixel[channels - 1] } else { T::TOP });
        }
    }
    Ok((out, target))
}
