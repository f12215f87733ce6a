use super::{Channels, PictureOptions, Size, jpeg};
use crate::memory::Memory;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// A picture `[channels, height, width]`, plane by plane.
pub(crate) struct Decoded {
    pub shape: [usize; 3],
    pub pixels: Pixels,
}

/// Values of pixels.
pub(crate) enum Pixels {
    /// 8 bits each.
    Bytes(Vec<u8>),
    /// 16 bits each.
    Deep(Vec<u16>),
}

impl Pixels {
    pub fn bits(&self) -> u32 {
        match self {
            Pixels::Bytes(_) => 8,
            Pixels::Deep(_) => 16,
        }
    }
}

/// Decodes a picture; if it has several frames, the first.
pub(super) fn picture(bytes: &[u8], options: &PictureOptions) -> Result<DynamicImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let format = match image::guess_format(bytes) {
        Ok(format) => format,
        Err(_) if bytes.is_empty() => return Err("empty, not a picture".into()),
        Err(_) => return Err("not a picture: the first bytes do not match any known format".into()),
    };
    // The decoder fills missing parts with grey.
    if format == ImageFormat::Jpeg {
        jpeg::check_complete(bytes)?;
    }
    reader.set_format(format);
    let Memory(memory) = options.memory;
    let mut limits = Limits::default();
    limits.max_alloc = Some(memory);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| without_types(&e.to_string()))?;
    let needed = Needed::of(decoder.dimensions(), decoder.color_type(), options);
    let (height, width) = needed.size;
    options.memory.check(needed.bytes, format_args!("a picture of {height}x{width}"))?;
    DynamicImage::from_decoder(decoder).map_err(|e| without_types(&e.to_string()))
}

/// The memory for decoding a picture: as stored, with other channels, and resized.
pub(super) fn needed(bytes: &[u8], options: &PictureOptions) -> Option<Needed> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader.set_format(image::guess_format(bytes).ok()?);
    let decoder = reader.into_decoder().ok()?;
    Some(Needed::of(decoder.dimensions(), decoder.color_type(), options))
}

/// The size of a picture, known before it is decoded.
pub(crate) struct Needed {
    /// Rows and columns of the picture.
    pub size: (u32, u32),
    /// Bytes while it is decoded, converted and resized.
    pub bytes: u128,
    /// Number of values of the resulting sample.
    pub values: u128,
    /// The shape of that sample, if the picture is opaque.
    pub shape: [usize; 3],
}

impl Needed {
    fn of((width, height): (u32, u32), color: ColorType, options: &PictureOptions) -> Self {
        let channels = u128::from(color.channel_count());
        let depth = u128::from(color.bytes_per_pixel()) / channels.max(1);
        let target = match options.channels {
            Channels::Auto => channels,
            Channels::Gray => 1,
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        };
        let (new_height, new_width) = options.resized(height, width).unwrap_or((height, width));
        let area = |height: u32, width: u32| u128::from(height) * u128::from(width);
        let (own, new) = (area(height, width), area(new_height, new_width));
        let between = if options.resize.is_some() { area(height, new_width) } else { 0 };
        let (rows, columns) = match options.crop {
            None => (new_height, new_width),
            Some(Size::Side(side)) => (side.min(new_height), side.min(new_width)),
            Some(Size::Both { height, width }) => (height.min(new_height), width.min(new_width)),
        };
        let values = area(rows, columns) * target;
        let opaque = match options.channels {
            Channels::Auto if channels < 3 => 1,
            Channels::Auto => 3,
            _ => target as usize,
        };
        let shape = [opaque, rows as usize, columns as usize];
        let pixels = own * (channels + target) + (between + new) * target + values;
        Needed { size: (height, width), bytes: depth * pixels, values, shape }
    }
}

/// A message without the internals of the decoder: `ChunkType { type: IDAT, critical: true }` becomes
/// IDAT.
fn without_types(message: &str) -> String {
    let (mut text, mut rest) = (String::new(), message);
    while let Some((before, after)) = rest.split_once(" { ") {
        let Some((inside, end)) = after.split_once(" }") else { break };
        let name = before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        let first = inside.split(',').next().unwrap_or_default();
        text.push_str(before.get(..name).unwrap_or(before));
        text.push_str(first.split_once(": ").map_or(first, |(_, value)| value));
        rest = end;
    }
    text + rest
}
