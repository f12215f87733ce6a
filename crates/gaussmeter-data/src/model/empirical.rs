use super::{ModelError, file_name};
use crate::memory::amount;
use crate::npz::{NpzReader, NpzWriter};
use crate::samples::Scale;
use gaussmeter::data::MAX_BYTES;
use gaussmeter::empirical::{Empirical, EmpiricalError};
use gaussmeter::spectrum::Spectrum;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(super) const CONTENT: &str = "gaussmeter empirical";

/// A data set as a law, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct EmpiricalModel {
    /// The samples, in data units.
    pub law: Empirical,
    /// How many samples the data set has of which these are all or a random part.
    pub total: u64,
    /// What the data are, and which part of them.
    pub description: String,
    /// Shape of one sample.
    pub shape: Vec<usize>,
    /// How stored values became data.
    pub scale: Scale,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    content: String,
    version: u32,
    program: String,
    description: String,
    provenance: String,
    scale: Scale,
    total: u64,
    /// The type of the samples in the file.
    stored: Stored,
}

/// The smallest type that holds all samples exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    /// As stored values, which the scale makes data of.
    Bytes,
    /// In data units, as all others.
    Single,
    Double,
}

impl Stored {
    fn of(values: &[f64], scale: Scale) -> Self {
        if values.iter().all(|v| byte(*v, scale).is_some()) {
            Stored::Bytes
        } else if values.iter().all(|v| f64::from(*v as f32) == *v) {
            Stored::Single
        } else {
            Stored::Double
        }
    }

    fn size(self) -> u64 {
        match self {
            Stored::Bytes => 1,
            Stored::Single => 4,
            Stored::Double => 8,
        }
    }
}

/// The byte that the scale makes this datum of.
fn byte(value: f64, scale: Scale) -> Option<u8> {
    let stored = ((value - scale.offset) / scale.factor).round();
    let is_byte = (0.0..=255.0).contains(&stored) && scale.apply(stored) == value;
    is_byte.then_some(stored as u8)
}

impl EmpiricalModel {
    /// The Gaussian of the whole, as every other command takes it.
    ///
    /// # Errors
    /// [`EmpiricalError`]
    pub fn spectrum(&self) -> Result<Spectrum, EmpiricalError> {
        self.law.gaussian()
    }

    /// Writes a file that [`gaussmeter::data::load`] reads as the Gaussian of the whole and
    /// [`EmpiricalModel::load`] as the data set: an `.npz` archive of
    ///
    /// - `eigenvalue`, `multiplicity`, `mean` (along eigenvectors; left out if zero) of the whole,
    /// - `samples`, one per row: bytes where `scale` in `meta` makes the data of them, else data in the
    ///   smallest type that holds them exactly,
    /// - `shape` of a sample,
    /// - `meta`: what the data are, as the bytes of JSON text.
    ///
    /// The file is written to a temporary one and moved into place when complete.
    ///
    /// # Errors
    /// [`ModelError::File`]; [`ModelError::TooMany`] above [`gaussmeter::data::MAX_BYTES`];
    /// [`ModelError::Empirical`].
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let (values, scale) = (self.law.points().values(), self.scale);
        let (count, dim) = (self.law.count(), self.law.dim());
        let stored = Stored::of(values, scale);
        let bytes = stored.size() * values.len() as u64;
        if bytes + (1 << 20) + 24 * dim as u64 > MAX_BYTES {
            return Err(ModelError::TooMany { path: path.into(), count, dim, bytes });
        }
        let spectrum = self
            .spectrum()
            .map_err(|source| ModelError::Empirical { path: path.into(), source })?;
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            program: concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")).into(),
            description: self.description.clone(),
            provenance: spectrum.provenance().into(),
            scale,
            total: self.total,
            stored,
        };
        let mut file = NpzWriter::create(path)?;
        file.spectrum(&spectrum)?;
        let (size, all) = ([count, dim], values.iter().copied());
        match stored {
            Stored::Bytes => {
                file.array("samples", &size, all.map(|v| byte(v, scale).unwrap_or_default()))?;
            }
            Stored::Single => file.array("samples", &size, all.map(|v| v as f32))?,
            Stored::Double => file.array("samples", &size, all)?,
        }
        file.array("shape", &[self.shape.len()], self.shape.iter().map(|n| *n as i64))?;
        file.meta(&meta)?;
        Ok(file.finish()?)
    }

    /// Reads what [`EmpiricalModel::save`] wrote.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let mut file = NpzReader::open(path)?;
        if !file.has("meta") {
            return Err(file.content("something else", CONTENT).into());
        }
        let Meta { description, scale, total, stored, .. } = file.described(CONTENT)?;
        let shape = file.shape()?;
        let limit = (MAX_BYTES / stored.size()) as usize;
        let (size, values): (Vec<usize>, Vec<f64>) = match stored {
            Stored::Bytes => {
                let (size, values) = file.array::<u8>("samples", limit)?;
                (size, values.into_iter().map(|v| scale.apply(f64::from(v))).collect())
            }
            Stored::Single => {
                let (size, values) = file.array::<f32>("samples", limit)?;
                (size, values.into_iter().map(f64::from).collect())
            }
            Stored::Double => file.array("samples", limit)?,
        };
        let &[_, dim] = &size[..] else {
            return Err(file.bad("samples", format!("shape {size:?} is not a matrix")).into());
        };
        if shape.iter().try_fold(1usize, |d, n| d.checked_mul(*n)) != Some(dim) {
            let reason = format!("shape {shape:?} is not that of samples of dimension {dim}");
            return Err(file.bad("shape", reason).into());
        }
        let law = Empirical::new(file_name(path), dim, values)
            .map_err(|source| ModelError::Empirical { path: path.into(), source })?;
        Ok(EmpiricalModel { law, total, description, shape, scale })
    }

    /// Bytes that the samples take in memory, in words.
    pub fn size(&self) -> String {
        amount(8 * self.law.points().values().len() as u128)
    }
}
