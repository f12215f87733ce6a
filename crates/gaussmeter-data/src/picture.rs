//! Reading one picture, writing sheets of pictures.

use crate::npz::{FileError, beside, linked};
use crate::samples::SamplesError;
use crate::source::blobs::read_picture;
use crate::source::pictures::{self, Pixels};
use gaussmeter::experiment::{Frame, FrameKind};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Pixels between the pictures of a sheet.
const GAP: usize = 2;

/// Largest sheet, in bytes.
const MOST: usize = 1 << 28;

/// Bytes per pixel value while a picture becomes a texture: the pixels, the data, the texton and
/// transforms.
const PER_VALUE: u128 = 40;

/// A picture cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The file cannot be opened or read.
    #[error(transparent)]
    Read(#[from] SamplesError),
    /// The file is not a picture, or is damaged.
    #[error("{}: {reason}", path.display())]
    Decode {
        /// The path as given.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A sheet would be larger than 256 MiB, or empty.
    #[error(
        "a sheet of {rows} rows of {columns} pictures of {height}x{width} pixels is too large: ask for fewer samples"
    )]
    Sheet {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
        /// Rows of a picture.
        height: usize,
        /// Columns of a picture.
        width: usize,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The name of its file.
    pub description: String,
    /// `[channels, height, width]`
    pub shape: [usize; 3],
    /// Pixels as stored, channel by channel.
    pub values: Vec<f64>,
    /// The stored value of white: 255 or 65,535.
    pub white: f64,
}

impl Picture {
    /// Reads a picture in any format that the crate `image` was built with, recognised by content.
    ///
    /// Pixels keep their 8 or 16 bits. Unless `options` choose channels, an alpha channel is dropped if
    /// every pixel is opaque, and refused otherwise: the background is not in the file. Colour
    /// profiles and orientation are not applied.
    ///
    /// # Errors
    /// [`PictureError`]
    pub fn open(path: &Path, options: &pictures::PictureOptions) -> Result<Self, PictureError> {
        Picture::decode(path, &read_picture(path)?, options)
    }

    /// The size of an encoded picture, as rows and columns; `None` where the bytes are no picture.
    pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
        let (height, width) = pictures::needed(bytes, &pictures::PictureOptions::default())?.size;
        Some([height, width])
    }

    /// The picture in the bytes of a file, as [`Picture::open`] reads it.
    ///
    /// # Errors
    /// [`PictureError::Decode`]
    pub fn decode(
        path: &Path,
        bytes: &[u8],
        options: &pictures::PictureOptions,
    ) -> Result<Self, PictureError> {
        let refused = |reason| PictureError::Decode { path: path.into(), reason };
        if let Some(needed) = pictures::needed(bytes, options) {
            let all = needed.bytes + PER_VALUE * needed.values;
            let (height, width) = needed.size;
            let what = format_args!("the texture of a picture of {height}x{width}");
            options.memory.check(all, what).map_err(refused)?;
        }
        let decoded = pictures::one(bytes, options).map_err(refused)?;
        let (values, white) = match decoded.pixels {
            Pixels::Bytes(values) => (values.into_iter().map(f64::from).collect(), 255.0),
            Pixels::Deep(values) => (values.into_iter().map(f64::from).collect(), 65_535.0),
        };
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
        let what = options.describe();
        let comma = if what.is_empty() { "" } else { ", " };
        Ok(Picture {
            description: format!("{name}{comma}{what}"),
            shape: decoded.shape,
            values,
            white,
        })
    }
}

/// Pictures of one shape in rows and columns, for viewing: 8-bit, grey or colour. Pictures with other
/// than 1 or 3 channels are shown as grey channels side by side.
#[derive(Clone, Debug)]
pub struct Sheet {
    shape: [usize; 3],
    columns: usize,
    /// 1 or 3.
    samples: usize,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Sheet {
    /// A white sheet for `count` pictures of shape `[channels, height, width]` in rows of `columns`.
    ///
    /// # Errors
    /// [`PictureError::Sheet`]
    pub fn new(shape: [usize; 3], count: usize, columns: usize) -> Result<Self, PictureError> {
        let [channels, tile_height, tile_width] = shape;
        let columns = columns.clamp(1, count.max(1));
        let rows = count.div_ceil(columns);
        let (samples, across) = if channels == 3 { (3, 1) } else { (1, channels) };
        let length = |tiles: usize, size: usize| {
            let with_gap = size.checked_add(GAP).filter(|_| size > 0)?;
            tiles.checked_mul(with_gap)?.checked_sub(GAP)
        };
        let width = columns.checked_mul(across).and_then(|tiles| length(tiles, tile_width));
        let height = length(rows, tile_height);
        let size = width.zip(height).and_then(|(w, h)| w.checked_mul(h)?.checked_mul(samples));
        match (width, height, size) {
            (Some(width), Some(height), Some(1..=MOST)) => {
                let pixels = vec![255; width * height * samples];
                Ok(Sheet { shape, columns, samples, width, height, pixels })
            }
            _ => Err(PictureError::Sheet { rows, columns, height: tile_height, width: tile_width }),
        }
    }

    /// Puts a picture in its place, counted row by row from the top left. `shown` maps data to grey
    /// levels, which are rounded and clipped to 0 … 255.
    ///
    /// # Panics
    /// If the picture does not have the right shape, or there is no such place.
    pub fn place(&mut self, index: usize, data: &[f64], shown: impl Fn(f64) -> f64) {
        let [channels, height, width] = self.shape;
        assert_eq!(data.len(), channels * height * width, "values of a picture");
        let across = if self.samples == 3 { 1 } else { channels };
        let (top, left) =
            (index / self.columns * (height + GAP), index % self.columns * across * (width + GAP));
        for (k, value) in data.iter().enumerate() {
            let (c, i, j) = (k / (height * width), k / width % height, k % width);
            let (shift, sample) = if self.samples == 3 { (0, c) } else { (c * (width + GAP), 0) };
            let pixel = (top + i) * self.width + left + shift + j;
            self.pixels[pixel * self.samples + sample] = shown(*value).round() as u8;
        }
    }

    /// Puts the frames of consecutive samples in their places, the first at number `first`: data between
    /// `black` and `white`, states at noisy times divided by √(α² + σ²), differences around mid grey,
    /// amplified `gain` times.
    ///
    /// # Panics
    /// If the data are not of the shape of the sheet's pictures, or there are no such places.
    pub fn place_frames(
        &mut self,
        first: usize,
        frames: &[Frame],
        data: &[f64],
        [black, white]: [f64; 2],
        gain: f64,
    ) {
        let dim: usize = self.shape.iter().product();
        for (k, data) in data.chunks_exact(dim).enumerate() {
            let Frame { kind, level } = frames[k % frames.len()];
            let unit = level.alpha.hypot(level.sigma);
            let (zero, scale) = match kind {
                FrameKind::Difference => (127.5, 255.0 * gain / (white - black)),
                _ => (255.0 * black / (black - white), 255.0 / (white - black)),
            };
            self.place(first * frames.len() + k, data, |v| zero + scale * (v / unit));
        }
    }

    /// Its width and height in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// Writes the sheet as PNG with texts such as ("Description", …). Characters outside Latin-1 become
    /// '?'.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn encode(&self, out: impl Write, texts: &[(&str, &str)]) -> io::Result<()> {
        let failed = |error: png::EncodingError| match error {
            png::EncodingError::IoError(error) => error,
            error => error.into(),
        };
        let mut encoder = png::Encoder::new(out, self.width as u32, self.height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_color(match self.samples {
            3 => png::ColorType::Rgb,
            _ => png::ColorType::Grayscale,
        });
        for (keyword, text) in texts {
            let latin = |c: char| if (c as u32) < 256 && !c.is_control() { c } else { '?' };
            let text = text.chars().map(latin).collect();
            encoder.add_text_chunk((*keyword).into(), text).map_err(failed)?;
        }
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.pixels).map_err(failed)?;
        writer.finish().map_err(failed)
    }

    /// [`Sheet::encode`] to a temporary file that is moved into place when complete.
    ///
    /// # Errors
    /// [`PictureError::File`]
    pub fn write(&self, path: &Path, texts: &[(&str, &str)]) -> Result<(), PictureError> {
        let failed = |source: io::Error| {
            PictureError::File(FileError::Io { path: path.into(), source: source.kind().into() })
        };
        let path = &linked(path);
        let mut file = BufWriter::new(beside(path)?);
        self.encode(&mut file, texts).map_err(failed)?;
        file.flush().map_err(failed)?;
        let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        file.persist(path).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

/// The amplification of a difference that shows three of its standard deviations as black and white: 1, 2 or
/// 5 times a power of ten.
pub fn fitting_gain(difference: &[f64], [black, white]: [f64; 2]) -> f64 {
    let half = 0.5 * (white - black);
    let square: f64 = difference.iter().map(|v| v * v).sum();
    let wanted = half.abs() / (3.0 * (square / difference.len() as f64).sqrt());
    if !wanted.is_finite() {
        return 1.0;
    }
    let power = wanted.log10().floor();
    let digit = [5.0, 2.0, 1.0].into_iter().find(|d| d * 10f64.powf(power) <= wanted);
    // Parsing decimal text gives 0.1 and not 0.1000…1.
    format!("{}e{power}", digit.unwrap_or(1.0)).parse().unwrap_or(1.0)
}
