use super::{LIMIT, Model, ModelError};
use crate::npz::{NpzReader, NpzWriter};
use crate::picture::Picture;
use crate::samples::Scale;
use gaussmeter::texture::Texture;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

pub(super) const CONTENT: &str = "gaussmeter texture";

/// The largest side of a texture that is made of a formula.
const MAX_SIZE: usize = 128;

/// The spot-noise model of a picture, and how the picture was read.
#[derive(Clone, Debug, PartialEq)]
pub struct TextureModel {
    /// The texture, in data units.
    pub texture: Texture,
    /// What the picture is.
    pub description: String,
    /// How pixels became data.
    pub scale: Scale,
    /// The stored value of white: 255 or 65,535.
    pub white: f64,
    /// Whether the picture was replaced by its periodic component.
    pub periodic: bool,
    /// Whether the mean was removed.
    pub centred: bool,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    content: String,
    version: u32,
    program: String,
    description: String,
    provenance: String,
    shape: [usize; 3],
    scale: Scale,
    white: f64,
    periodic: bool,
    centred: bool,
    rounding: f64,
}

impl TextureModel {
    /// The texture of a picture whose pixels become data by `scale`: of its periodic component if
    /// `periodic`, with mean zero if `centred`.
    ///
    /// # Errors
    /// [`ModelError::Texture`]; [`ModelError::TooLarge`] where the file could not be read back.
    pub fn new(
        picture: &Picture,
        scale: Scale,
        periodic: bool,
        centred: bool,
    ) -> Result<Self, ModelError> {
        let [channels, height, width] = picture.shape;
        let bytes = file_size(picture.shape);
        if bytes > gaussmeter::data::MAX_BYTES {
            return Err(ModelError::TooLarge { channels, height, width, bytes });
        }
        let data: Vec<f64> = picture.values.iter().map(|v| scale.apply(*v)).collect();
        let texture = Texture::adsn(&data, picture.shape, periodic)?;
        Ok(TextureModel {
            texture: if centred { texture.centred() } else { texture },
            description: picture.description.clone(),
            scale,
            white: picture.white,
            periodic,
            centred,
        })
    }

    /// The grey texture on a torus of `size` rows and columns whose eigenvalue at frequency ξ falls as |ξ|^−`alpha`,
    /// and is 0 at frequency 0, with pixels of mean 0 and standard deviation `deviation`: a model of natural images for
    /// `alpha` = 2 (Field 1987) that takes no data.
    ///
    /// ```
    /// use gaussmeter::basis::Basis;
    /// use gaussmeter_data::TextureModel;
    /// let texture = TextureModel::power_law_field(8, 2.0, 0.5)?.texture;
    /// let eigenvalues = texture.basis().eigenvalues().to_vec();
    /// assert!((eigenvalues.iter().sum::<f64>() - 64.0 * 0.25).abs() < 1e-12);
    /// let largest = eigenvalues.iter().copied().fold(0.0, f64::max);
    /// let positive = eigenvalues.iter().copied().filter(|lambda| *lambda > 0.0);
    /// let least = positive.fold(f64::INFINITY, f64::min);
    /// assert!((largest / least - 32.0).abs() < 1e-9, "the corner is at |ξ|² = 4² + 4²");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ModelError::PowerLaw`] for a size that is not from 2 to 128, or other numbers out of range.
    pub fn power_law_field(size: usize, alpha: f64, deviation: f64) -> Result<Self, ModelError> {
        let is_sound = (2..=MAX_SIZE).contains(&size)
            && (0.0..=20.0).contains(&alpha)
            && (1e-6..=1e6).contains(&deviation);
        if !is_sound {
            return Err(ModelError::PowerLaw);
        }
        let pixels = (size * size) as f64;
        let signed = |k: usize| if 2 * k > size { k as f64 - size as f64 } else { k as f64 };
        let power = |at: usize| {
            let (y, x) = (signed(at / size), signed(at % size));
            if at == 0 { 0.0 } else { (y * y + x * x).powf(-0.5 * alpha) }
        };
        let total: f64 = (0..size * size).map(power).sum();
        // |t̂|² summed over frequencies is the number of pixels times their variance.
        let unit = deviation * (pixels / total).sqrt();
        let amplitudes: Vec<f64> = (0..size * size).map(|at| unit * power(at).sqrt()).collect();
        let turn = std::f64::consts::TAU / size as f64;
        let cosines: Vec<f64> = (0..size).map(|k| (turn * k as f64).cos()).collect();
        let value = |pixel: usize| {
            let (y, x) = (pixel / size, pixel % size);
            let wave = |(at, a): (usize, &f64)| a * cosines[(at / size * y + at % size * x) % size];
            amplitudes.iter().enumerate().map(wave).sum::<f64>() / pixels
        };
        let texton: Vec<f64> = (0..size * size).map(value).collect();
        let provenance = format!("eigenvalues falling as |frequency|^-{alpha} on {size}x{size}");
        let rounding = unit * f64::EPSILON;
        let texture =
            Texture::from_parts([1, size, size], vec![0.0], texton, rounding, provenance)?;
        Ok(TextureModel {
            texture,
            description: format!("power-law-field:size={size},alpha={alpha},std={deviation}"),
            scale: Scale::SYMMETRIC,
            white: 255.0,
            periodic: false,
            centred: false,
        })
    }

    /// Where the law comes from, in one line.
    pub fn provenance(&self) -> String {
        let mean = if self.centred { ", mean taken away" } else { "" };
        format!("{}: {}, {}{mean}", self.description, self.texture.provenance(), self.scale)
    }

    /// The texture as a model.
    pub fn model(self, name: impl Into<String>) -> Model {
        Model {
            basis: Arc::new(self.texture.basis()),
            name: name.into(),
            provenance: self.provenance(),
            scale: self.scale,
            white: Some(self.white),
            centred: self.centred,
            texture: Some(self),
        }
    }

    /// Writes a file that [`gaussmeter::data::load`] reads as a spectrum and [`TextureModel::load`] as
    /// a texture: an `.npz` archive of
    ///
    /// - `eigenvalue`, `multiplicity`, `mean` (along eigenvectors; left out if zero),
    /// - `texton` of shape `[C, H, W]`, `channel_mean` of length C, `shape`,
    /// - `meta`: what the picture is and how it was read, as the bytes of JSON text.
    ///
    /// The file is written to a temporary one and moved into place when complete.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Spectrum`]
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let spectrum = self.texture.spectrum(&self.description)?;
        let shape = self.texture.shape();
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            program: concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")).into(),
            description: self.description.clone(),
            provenance: self.texture.provenance().into(),
            shape,
            scale: self.scale,
            white: self.white,
            periodic: self.periodic,
            centred: self.centred,
            rounding: self.texture.rounding(),
        };
        let mut file = NpzWriter::create(path)?;
        file.spectrum(&spectrum)?;
        file.array("texton", &shape, self.texture.texton().iter().copied())?;
        file.array("channel_mean", &shape[..1], self.texture.mean().iter().copied())?;
        file.array("shape", &[3], shape.map(|n| n as i64))?;
        file.meta(&meta)?;
        Ok(file.finish()?)
    }

    /// Reads a file written by [`TextureModel::save`].
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let mut file = NpzReader::open(path)?;
        let meta: Meta = file.described(CONTENT)?;
        if !(meta.scale.factor.is_normal() && meta.scale.offset.is_finite() && meta.white > 0.0) {
            return Err(file.bad("meta", "the scale is degenerate").into());
        }
        let (_, texton) = file.array("texton", LIMIT)?;
        let (_, mean) = file.array("channel_mean", LIMIT)?;
        let texture = Texture::from_parts(meta.shape, mean, texton, meta.rounding, meta.provenance)
            .map_err(|source| ModelError::Stationary { path: path.into(), source })?;
        Ok(TextureModel {
            texture,
            description: meta.description,
            scale: meta.scale,
            white: meta.white,
            periodic: meta.periodic,
            centred: meta.centred,
        })
    }
}

/// An upper bound on the size of a texture's file: the texton, and the eigenvalue, multiplicity and
/// mean of half the frequencies.
fn file_size([channels, height, width]: [usize; 3]) -> u64 {
    let pixels = (height as u64).saturating_mul(width as u64);
    let texton = pixels.saturating_mul(channels as u64);
    texton.saturating_mul(8).saturating_add(pixels.saturating_mul(12)).saturating_add(1 << 16)
}
