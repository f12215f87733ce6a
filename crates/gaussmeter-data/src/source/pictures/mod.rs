//! Encoded pictures become samples of one shape.

mod decode;
mod jpeg;
mod resample;
mod transform;

pub use resample::Filter;
pub use transform::{Channels, Size, SizeError};

use super::{Blob, Blobs};
use crate::memory::Memory;
use crate::samples::{Chunk, LeftOut, Samples, SamplesError, Scale, dim};
use crate::spectral;
pub(crate) use decode::{Decoded, Needed, Pixels};
use gaussmeter::file;
use image::ImageFormat;
use rayon::prelude::*;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of encoded pictures held at a time.
const MAX_ENCODED: usize = 64 << 20;

/// How pictures become samples of one shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PictureOptions {
    /// First resize: the shorter side to a length, or both sides.
    pub resize: Option<Size>,
    /// Then crop to the centre.
    pub crop: Option<Size>,
    /// How pixels are averaged when resizing.
    pub filter: Filter,
    /// Which channels samples have.
    pub channels: Channels,
    /// Leave out pictures that are damaged or differ in shape from the first.
    pub skip_bad: bool,
    /// Memory that pictures may take while they are decoded.
    pub memory: Memory,
}

impl PictureOptions {
    /// What is done to pictures, in words; empty if nothing is.
    pub fn describe(&self) -> String {
        let mut steps = Vec::new();
        if let Some(size) = self.resize {
            steps.push(format!("resized to {size} ({})", self.filter.name()));
        }
        if let Some(size) = self.crop {
            steps.push(format!("centre {size}"));
        }
        if self.channels != Channels::Auto {
            steps.push(self.channels.name().into());
        }
        steps.join(", ")
    }
}

/// Whether a file has the extension of a picture.
pub(crate) fn has_extension(path: &Path) -> bool {
    image::ImageFormat::from_path(path).is_ok_and(|f| f.reading_enabled())
}

/// Whether a file begins like a picture.
pub(crate) fn is_picture(head: &[u8]) -> bool {
    image::guess_format(head).is_ok_and(|f| f.reading_enabled())
}

/// Whether a file is a picture, by its name, otherwise by its first bytes. False if it cannot be read.
pub(crate) fn is_picture_file(path: &Path) -> bool {
    let begins = |mut file: File| {
        let mut head = [0; 32];
        file.read(&mut head).is_ok_and(|n| is_picture(&head[..n]))
    };
    has_extension(path) || file::open(path).is_ok_and(begins)
}

/// Pictures as samples `[channels, height, width]`. All must have the shape and depth of the first.
pub struct Pictures {
    blobs: Box<dyn Blobs>,
    options: PictureOptions,
    like: Like,
    scale: Scale,
    position: u64,
    left_out: LeftOut,
    /// The classes of the last chunk; fewer than pictures if some have none.
    classes: Vec<String>,
    chunk: usize,
    /// A picture that was read ahead and is too large for the current chunk.
    waiting: Option<Blob>,
}

impl Pictures {
    /// Opens a stream of pictures and decodes the first.
    ///
    /// # Errors
    /// [`SamplesError`]: there are no pictures, or the first one is damaged.
    pub fn open(
        mut blobs: Box<dyn Blobs>,
        options: &super::ReadOptions,
    ) -> Result<Self, SamplesError> {
        let choice = options.scale;
        let options = options.pictures.clone();
        let mut first_error = None;
        let first = loop {
            let Some(blob) = blobs.next_blob()? else {
                let path = blobs.description().into();
                return Err(first_error.unwrap_or(SamplesError::Nothing { path }));
            };
            match check_sample(&blob, &options).and_then(|()| decode(&blob, &options)) {
                Ok(decoded) => break decoded,
                Err(error) if options.skip_bad => first_error = first_error.or(Some(error)),
                Err(error) => return Err(error),
            }
        };
        blobs.rewind()?;
        let like = Like { shape: first.shape, is_deep: matches!(first.pixels, Pixels::Deep(_)) };
        dim(&like.shape)?;
        let top = if like.is_deep { 65_535.0 } else { 255.0 };
        let scale = choice.resolve(Some(top)).unwrap_or(Scale::IDENTITY);
        let (position, left_out, waiting) = (0, LeftOut::default(), None);
        let (classes, chunk) = (Vec::new(), 0);
        Ok(Pictures { blobs, options, like, scale, position, left_out, classes, chunk, waiting })
    }

    /// What was done to the pictures.
    pub(super) fn notes(&self) -> Option<String> {
        let what = self.options.describe();
        (!what.is_empty()).then(|| format!("{}: pictures {what}", self.blobs.description()))
    }

    /// The encoded pictures of one chunk.
    fn take(&mut self, max_rows: usize) -> Result<Vec<Blob>, SamplesError> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < max_rows.max(1) {
            let next = match self.waiting.take() {
                Some(blob) => Some(blob),
                None => self.blobs.next_blob()?,
            };
            let Some(blob) = next else { break };
            bytes += blob.bytes.len();
            if bytes > MAX_ENCODED && !taken.is_empty() {
                self.waiting = Some(blob);
                break;
            }
            taken.push(blob);
        }
        Ok(taken)
    }
}

/// What all pictures must share with the first.
#[derive(Clone, Debug)]
struct Like {
    shape: [usize; 3],
    is_deep: bool,
}

impl Like {
    /// A picture as a sample.
    fn sample(&self, blob: &Blob, options: &PictureOptions) -> Result<Pixels, SamplesError> {
        let differs = |found: [usize; 3]| SamplesError::Picture {
            path: blob.path.clone(),
            entry: blob.entry.clone(),
            found,
            expected: self.shape,
        };
        // The header already shows what decoding would show only later.
        if let Some(Needed { shape, .. }) = large(blob, options)
            && shape[1..] != self.shape[1..]
        {
            return Err(differs(shape));
        }
        let decoded = decode(blob, options)?;
        if decoded.shape != self.shape {
            return Err(differs(decoded.shape));
        }
        match (&decoded.pixels, self.is_deep) {
            (Pixels::Bytes(_), false) | (Pixels::Deep(_), true) => Ok(decoded.pixels),
            (found, _) => Err(blob.malformed(format!(
                "{} bits per channel, but the first picture has {}",
                found.bits(),
                if self.is_deep { 16 } else { 8 }
            ))),
        }
    }
}

fn decode(blob: &Blob, options: &PictureOptions) -> Result<Decoded, SamplesError> {
    one(&blob.bytes, options).map_err(|reason| blob.malformed(reason))
}

/// Bytes needed for decoding from which the header of a picture is checked first.
const LARGE: u128 = 1 << 24;

/// The size of a picture, from its header, if it is large.
fn large(blob: &Blob, options: &PictureOptions) -> Option<Needed> {
    if most(blob, options) < LARGE {
        return None;
    }
    let needed = needed(&blob.bytes, options)?;
    (LARGE..=options.memory.0.into()).contains(&needed.bytes).then_some(needed)
}

/// Refuses a picture too large for any method, before it is decoded.
fn check_sample(blob: &Blob, options: &PictureOptions) -> Result<(), SamplesError> {
    let Some(Needed { shape, .. }) = large(blob, options) else { return Ok(()) };
    let values = shape.iter().fold(1u128, |n, axis| n * *axis as u128);
    let [channels, height, width] = shape;
    let memory = Memory(options.memory.0.max(spectral::SMALL));
    memory
        .check(
            spectral::LEAST * values,
            format_args!("the spectrum of pictures {channels}x{height}x{width}"),
        )
        .map_err(|reason| blob.malformed(format!("{reason}, or make them smaller with --resize")))
}

/// Decodes one picture; an error says why it cannot be decoded.
pub(crate) fn one(bytes: &[u8], options: &PictureOptions) -> Result<Decoded, String> {
    transform::apply(decode::picture(bytes, options)?, options)
}

/// The size of a picture, from its header; `None` if it cannot be read.
pub(crate) fn needed(bytes: &[u8], options: &PictureOptions) -> Option<Needed> {
    decode::needed(bytes, options)
}

/// Encoded size up to which the header need not be checked.
const SMALL: usize = 1 << 15;

/// An upper bound on the memory for decoding a picture: fixed for small ones, from the header for
/// others.
fn most(blob: &Blob, options: &PictureOptions) -> u128 {
    let is_dense = || {
        let format = image::guess_format(&blob.bytes);
        matches!(format, Ok(ImageFormat::Jpeg | ImageFormat::Png))
    };
    match blob.bytes.len() < SMALL && options.resize.is_none() && is_dense() {
        // In these formats no pixel takes less than a thousandth of a byte.
        true => 4096 * blob.bytes.len() as u128,
        false => needed(&blob.bytes, options).map_or(0, |needed| needed.bytes),
    }
}

/// Decodes pictures in parallel, as many at a time as memory allows.
fn decode_all<T: Send>(
    blobs: &[Blob],
    options: &PictureOptions,
    decode: impl Fn(&Blob) -> T + Sync,
) -> Vec<T> {
    let sizes: Vec<u128> = blobs.par_iter().with_max_len(16).map(|b| most(b, options)).collect();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let memory = u128::from(options.memory.0);
    let together = memory / largest.max(1);
    let group = match together >= rayon::current_num_threads() as u128 {
        true => blobs.len(),
        false => together.max(1) as usize,
    };
    let mut all = Vec::with_capacity(blobs.len());
    for blobs in blobs.chunks(group.max(1)) {
        all.par_extend(blobs.par_iter().with_max_len(16.min(group)).map(&decode));
    }
    all
}

impl Samples for Pictures {
    fn description(&self) -> String {
        let what = self.options.describe();
        let comma = if what.is_empty() { "" } else { ", " };
        format!("{}{comma}{what}", self.blobs.description())
    }
    fn shape(&self) -> &[usize] {
        &self.like.shape
    }
    fn scale(&self) -> Scale {
        self.scale
    }
    fn size_hint(&self) -> Option<u64> {
        self.blobs.count()
    }
    fn is_bytes(&self) -> Option<bool> {
        Some(!self.like.is_deep)
    }
    fn position(&self) -> u64 {
        self.position
    }

    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let blobs = self.take(max_rows)?;
        if blobs.is_empty() {
            return Ok(None);
        }
        self.position += blobs.len() as u64;
        let (like, options) = (&self.like, &self.options);
        let decoded: Vec<Result<Pixels, SamplesError>> =
            decode_all(&blobs, options, |blob| like.sample(blob, options));
        let (mut rows, mut bytes, mut deep) = (0, Vec::new(), Vec::new());
        self.classes.clear();
        for (pixels, blob) in decoded.into_iter().zip(blobs) {
            match pixels {
                Ok(Pixels::Bytes(values)) => bytes.extend(values),
                Ok(Pixels::Deep(values)) => deep.extend(values.into_iter().map(f64::from)),
                Err(error) if self.options.skip_bad => {
                    self.left_out.count += 1;
                    self.left_out.first.get_or_insert_with(|| error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            }
            rows += 1;
            self.classes.extend(blob.class);
        }
        self.chunk = rows;
        Ok(Some(match self.like.is_deep {
            false => Chunk::Bytes { rows, values: bytes },
            true => Chunk::Floats { rows, values: deep },
        }))
    }

    fn classes(&self) -> Option<&[String]> {
        (self.classes.len() == self.chunk).then_some(&self.classes)
    }

    fn skip(&mut self, mut count: u64) -> Result<(), SamplesError> {
        if count > 0 && self.waiting.take().is_some() {
            count -= 1;
            self.position += 1;
        }
        self.blobs.skip(count)?;
        self.position += count;
        if let Some(size) = self.blobs.count() {
            self.position = self.position.min(size);
        }
        Ok(())
    }

    fn left_out(&self) -> LeftOut {
        self.left_out.clone()
    }

    fn rewind(&mut self) -> Result<(), SamplesError> {
        (self.position, self.left_out, self.waiting) = (0, LeftOut::default(), None);
        self.blobs.rewind()
    }
}
