use super::{LIMIT, Model, ModelError};
use crate::npz::{NpzReader, NpzWriter};
use crate::picture::Picture;
use crate::samples::Scale;
use gaussmeter::texture::Texture;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

pub(super) const CONTENT: &str = "gaussmeter texture";

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
