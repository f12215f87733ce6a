use super::{LIMIT, Model, ModelError};
use crate::npz::{NpzReader, NpzWriter};
use crate::samples::{Chunk, Samples, SamplesError, Scale, for_each_chunk};
use gaussmeter::texture::{MeanPeriodogram, Stationary, TextureError};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

pub(super) const CONTENT: &str = "gaussmeter stationary";

/// The stationary law of a set of images, and how they were read.
#[derive(Clone, Debug)]
pub struct StationaryModel {
    /// The law, in data units.
    pub law: Stationary,
    /// What the images are.
    pub description: String,
    /// How stored values became data.
    pub scale: Scale,
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
    count: usize,
    shape: [usize; 3],
    scale: Scale,
    #[serde(default)]
    centred: bool,
    floor: f64,
}

impl StationaryModel {
    /// The stationary law of a stream of images of shape `[channels, height, width]`, or
    /// `[height, width]`.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn of(samples: &mut dyn Samples) -> Result<Self, ModelError> {
        let shape = match *samples.shape() {
            [channels, height, width] => [channels, height, width],
            [height, width] => [1, height, width],
            ref shape => {
                let (description, shape) = (samples.description(), shape.to_vec());
                return Err(ModelError::NotImages { description, shape });
            }
        };
        let (description, scale) = (samples.description(), samples.scale());
        let mut sums = MeanPeriodogram::new(shape)?;
        let rows = ((1 << 22) / shape.iter().product::<usize>().max(1)).clamp(1, 1024);
        for_each_chunk(samples, rows, |_, chunk| -> Result<(), ModelError> {
            let data: Vec<f64> = match chunk {
                Chunk::Bytes { values, .. } => {
                    values.iter().map(|v| scale.apply(f64::from(*v))).collect()
                }
                Chunk::Floats { values, .. } => values.iter().map(|v| scale.apply(*v)).collect(),
            };
            Ok(sums.push(&data)?)
        })?;
        match sums.finish() {
            Ok(law) => Ok(StationaryModel { law, description, scale, centred: false }),
            Err(TextureError::Empty) => Err(SamplesError::Empty { description }.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The same covariance with mean zero.
    ///
    /// # Errors
    /// [`ModelError::Texture`]
    pub fn centred(self) -> Result<Self, ModelError> {
        let law = &self.law;
        let (mean, matrices) = (vec![0.0; law.mean().len()], law.spectral_matrices().to_vec());
        let law = Stationary::from_parts(law.shape(), mean, law.count(), law.floor(), matrices)?;
        Ok(StationaryModel { law, centred: true, ..self })
    }

    /// Where the law comes from, in one line.
    pub fn provenance(&self) -> String {
        let (law, scale) = (self.law.provenance(), self.scale);
        let mean = if self.centred { ", mean left out" } else { "" };
        format!("{}: {law}, {scale}{mean}", self.description)
    }

    /// The law as a model.
    pub fn model(self, name: impl Into<String>) -> Model {
        Model {
            provenance: self.provenance(),
            basis: Arc::new(self.law.basis().clone()),
            name: name.into(),
            scale: self.scale,
            white: self.scale.white(),
            centred: self.centred,
            texture: None,
        }
    }

    /// Writes a file that [`gaussmeter::data::load`] reads as a spectrum and [`StationaryModel::load`]
    /// as a law: an `.npz` archive of
    ///
    /// - `eigenvalue`, `multiplicity`, `mean` (along eigenvectors; left out if zero),
    /// - `spectral_matrix` of shape `[pairs, C, C]`: the mean periodogram at the first frequency of each
    ///   pair ±ξ, row by row; transforms are unitary,
    /// - `channel_mean` of length C, `shape`,
    /// - `meta`: what the images are and how they were read, as the bytes of JSON text.
    ///
    /// The file is written to a temporary one and moved into place when complete.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Spectrum`]
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let spectrum = self.law.spectrum(&self.description)?;
        let (shape, matrices) = (self.law.shape(), self.law.spectral_matrices());
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            program: concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")).into(),
            description: self.description.clone(),
            provenance: self.provenance(),
            count: self.law.count(),
            shape,
            scale: self.scale,
            centred: self.centred,
            floor: self.law.floor(),
        };
        let [channels, ..] = shape;
        let pairs = matrices.len() / (channels * channels);
        let mut file = NpzWriter::create(path)?;
        file.spectrum(&spectrum)?;
        file.array("spectral_matrix", &[pairs, channels, channels], matrices.iter().copied())?;
        file.array("channel_mean", &shape[..1], self.law.mean().iter().copied())?;
        file.array("shape", &[3], shape.map(|n| n as i64))?;
        file.meta(&meta)?;
        Ok(file.finish()?)
    }

    /// Reads a file written by [`StationaryModel::save`].
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let mut file = NpzReader::open(path)?;
        let meta: Meta = file.described(CONTENT)?;
        let (_, matrices) = file.array("spectral_matrix", LIMIT)?;
        let (_, mean) = file.array("channel_mean", LIMIT)?;
        let law = Stationary::from_parts(meta.shape, mean, meta.count, meta.floor, matrices)
            .map_err(|source| ModelError::Stationary { path: path.into(), source })?;
        let Meta { description, scale, centred, .. } = meta;
        Ok(StationaryModel { law, description, scale, centred })
    }
}
