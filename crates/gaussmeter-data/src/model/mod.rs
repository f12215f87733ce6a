//! Gaussian models with an eigenbasis, read from files: samples can be drawn from them.

mod empirical;
mod mixture;
mod separable;
mod stationary;
mod texture;

pub use empirical::EmpiricalModel;
pub use mixture::MixtureModel;
pub use separable::SeparableModel;
pub use stationary::StationaryModel;
pub use texture::TextureModel;

use crate::basis::BasisError;
use crate::memory::amount;
use crate::npz::{FileError, NpzReader};
use crate::samples::{SamplesError, Scale};
use crate::spectral::stored_basis;
use gaussmeter::basis::Basis;
use gaussmeter::law::DataLaw;
use gaussmeter::numeric::linear_algebra::{Matrix, MatrixError};
use gaussmeter::spectrum::{Spectrum, SpectrumError};
use gaussmeter::texture::TextureError;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Most values read of one array.
const LIMIT: usize = (gaussmeter::data::MAX_BYTES / 8) as usize;

/// A model cannot be made, read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file has only eigenvalues.
    #[error(
        "{}: no eigenvectors, so samples cannot be drawn from it: make the file with `gaussmeter spectrum DATA --basis`, or from a picture with `gaussmeter texture`",
        path.display()
    )]
    NoBasis {
        /// The path as given.
        path: PathBuf,
    },
    /// The file holds a law that is no Gaussian.
    #[error(
        "{}: {what}, not one Gaussian: `gaussmeter verify --data` takes it, and every command takes its eigenvalues",
        path.display()
    )]
    NotGaussian {
        /// The path as given.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// The numbers do not make a mixture of Gaussians.
    #[error("{}: {source}", path.display())]
    Mixture {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: gaussmeter::mixture::MixtureError,
    },
    /// The numbers do not make a data set.
    #[error("{}: {source}", path.display())]
    Empirical {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: gaussmeter::empirical::EmpiricalError,
    },
    /// The numbers do not make a law of independent coordinates.
    #[error("{}: {source}", path.display())]
    Separable {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: gaussmeter::separable::SeparableError,
    },
    /// The samples would be too many to read back.
    #[error(
        "{}: {count} samples of dimension {dim} need a file of {}, but files are read only up to {}: take fewer with --samples",
        path.display(),
        amount((*bytes).into()),
        amount(gaussmeter::data::MAX_BYTES.into())
    )]
    TooMany {
        /// The path as given.
        path: PathBuf,
        /// Number of samples.
        count: usize,
        /// Their dimension.
        dim: usize,
        /// Size of the file.
        bytes: u64,
    },
    /// The eigenvectors do not form a basis.
    #[error("{}: {source}", path.display())]
    Basis {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: BasisError,
    },
    /// The numbers do not make a stationary law.
    #[error("{}: {source}", path.display())]
    Stationary {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: TextureError,
    },
    /// Another size was asked of a model that has only one.
    #[error("only textures can be resized, and {what} is not a texture")]
    NotATexture {
        /// The name of the model.
        what: String,
    },
    /// The file would be too large to read back.
    #[error(
        "a texture of {channels}x{height}x{width} needs a file of {}, but files are read only up to {}: --resize or --crop the picture",
        amount((*bytes).into()),
        amount(gaussmeter::data::MAX_BYTES.into())
    )]
    TooLarge {
        /// Number of channels.
        channels: usize,
        /// Number of rows.
        height: usize,
        /// Number of columns.
        width: usize,
        /// Size of the file.
        bytes: u64,
    },
    /// A power-law field out of range.
    #[error(
        "a power-law field has a size from 2 to 128, an exponent alpha from 0 to 20 and a standard deviation std from 1e-6 to 1e6"
    )]
    PowerLaw,
    /// A stationary law was asked of vectors that are not images.
    #[error(
        "{description}: vectors of shape {shape:?} are not images of shape [channels, height, width]"
    )]
    NotImages {
        /// What the data are.
        description: String,
        /// Their shape.
        shape: Vec<usize>,
    },
    /// The samples cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// A stationary law cannot be computed.
    #[error(transparent)]
    Texture(#[from] TextureError),
    /// The eigenvalues do not form a spectrum.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
}

/// A Gaussian law N(μ, Σ) with an eigenbasis.
#[derive(Clone, Debug)]
pub struct Model {
    /// The eigenbasis, with eigenvalues and means.
    pub basis: Arc<dyn Basis>,
    /// A short name: that of the file.
    pub name: String,
    /// Where the law comes from, in one line.
    pub provenance: String,
    /// How stored values become data.
    pub scale: Scale,
    /// The stored value of white, if stored values are pixels; black is 0.
    pub white: Option<f64>,
    /// Whether the mean was removed, so that data are deviations from it.
    pub centred: bool,
    texture: Option<TextureModel>,
}

impl Model {
    /// Reads a model from a spectrum file with a basis, written by
    /// [`Decomposition::save`](crate::Decomposition::save), or from a file written by
    /// [`TextureModel::save`] or [`StationaryModel::save`].
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        if !is_archive(path)? {
            return Err(ModelError::NoBasis { path: path.into() });
        }
        let mut file = NpzReader::open(path)?;
        if !file.has("meta") {
            return Err(ModelError::NoBasis { path: path.into() });
        }
        let meta: serde_json::Value = file.meta()?;
        let not_gaussian = |what| Err(ModelError::NotGaussian { path: path.into(), what });
        match meta["content"].as_str() {
            Some(texture::CONTENT) => Ok(TextureModel::load(path)?.model(file_name(path))),
            Some(mixture::CONTENT) => not_gaussian("a mixture of Gaussians"),
            Some(empirical::CONTENT) => not_gaussian("a data set"),
            Some(separable::CONTENT) => not_gaussian("mixtures along its coordinates"),
            Some(stationary::CONTENT) => Ok(StationaryModel::load(path)?.model(file_name(path))),
            Some("gaussmeter spectrum") if file.has("basis") => spectrum(path, &mut file, &meta),
            _ => Err(ModelError::NoBasis { path: path.into() }),
        }
    }

    /// The texture on a larger torus; see [`gaussmeter::texture::Texture::resized`].
    ///
    /// # Errors
    /// [`ModelError::NotATexture`], [`ModelError::Texture`]
    pub fn resized(self, height: usize, width: usize) -> Result<Self, ModelError> {
        match self.texture {
            None => Err(ModelError::NotATexture { what: self.name }),
            Some(model) => {
                let texture = model.texture.resized(height, width)?;
                Ok(TextureModel { texture, ..model }.model(self.name))
            }
        }
    }

    /// `[channels, height, width]`, if data are pictures. A shape of two lengths means a grey picture.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        match *self.basis.shape() {
            [channels, height, width] => Some([channels, height, width]),
            [height, width] => Some([1, height, width]),
            _ => None,
        }
    }

    /// The data values shown as black and as white, if stored values are pixels. Deviations from a mean
    /// are shown around mid grey.
    pub fn display(&self) -> Option<[f64; 2]> {
        let (black, white) = (self.scale.apply(0.0), self.scale.apply(self.white?));
        let half = 0.5 * (white - black);
        Some(if self.centred { [-half, half] } else { [black, white] })
    }

    /// The spectrum of the law.
    ///
    /// # Errors
    /// [`SpectrumError`]
    pub fn spectrum(&self) -> Result<Spectrum, SpectrumError> {
        let (values, means) = (self.basis.eigenvalues(), self.basis.means());
        Spectrum::new(&self.name, &self.provenance, values, None, Some(means))
    }
}

/// Reads a law that is not Gaussian and whose network is known: what [`MixtureModel::save`],
/// [`EmpiricalModel::save`] or [`SeparableModel::save`] wrote.
///
/// # Errors
/// [`ModelError`]; [`FileError::Content`] for a file of anything else.
pub fn load_law(path: &Path) -> Result<Arc<dyn DataLaw>, ModelError> {
    let mut file = NpzReader::open(path)?;
    let content = match file.has("meta") {
        true => file.meta::<serde_json::Value>()?["content"].as_str().map(String::from),
        false => None,
    };
    Ok(match content.as_deref() {
        Some(empirical::CONTENT) => Arc::new(EmpiricalModel::load(path)?.law),
        Some(separable::CONTENT) => Arc::new(SeparableModel::load(path)?.law),
        _ => Arc::new(MixtureModel::load(path)?.mixture),
    })
}

/// The shape of the data vectors of such a law: `[channels, height, width]` for pictures; `None` for one that
/// was not made of data.
///
/// # Errors
/// [`ModelError`]
pub fn law_shape(path: &Path) -> Result<Option<Vec<usize>>, ModelError> {
    let mut file = NpzReader::open(path)?;
    match file.has("shape") {
        true => Ok(Some(file.shape()?)),
        false => Ok(None),
    }
}

/// A spectrum file with a basis.
fn spectrum(
    path: &Path,
    file: &mut NpzReader,
    meta: &serde_json::Value,
) -> Result<Model, ModelError> {
    let shape = file.shape()?;
    let (size, values) = file.array::<f64>("basis", LIMIT)?;
    let &[rows, columns] = size.as_slice() else {
        return Err(file.bad("basis", format!("shape {size:?} is not a matrix")).into());
    };
    let (_, eigenvalues) = file.array("eigenvalue_per_coordinate", LIMIT)?;
    let (_, means) = file.array("mean_per_coordinate", LIMIT)?;
    let (_, mean) = file.array::<f64>("pixel_mean", LIMIT)?;
    let bad = |source| ModelError::Basis { path: path.into(), source };
    let matrix = |error: MatrixError| bad(error.into());
    let rows = Matrix::new(rows, columns, values).map_err(matrix)?;
    for (name, values) in [
        ("eigenvalue_per_coordinate", &eigenvalues),
        ("mean_per_coordinate", &means),
        ("pixel_mean", &mean),
    ] {
        if values.iter().any(|v| !v.is_finite() || (name.starts_with('e') && *v < 0.0)) {
            return Err(file.bad(name, "a value is not finite, or negative").into());
        }
    }
    let basis = stored_basis(&shape, eigenvalues, means, &mean, rows).map_err(bad)?;
    let scale = serde_json::from_value(meta["scale"].clone())
        .map_err(|e| file.bad("meta", format!("scale: {e}")))?;
    Ok(Model {
        basis,
        name: file_name(path),
        provenance: meta["provenance"].as_str().unwrap_or_default().into(),
        scale,
        white: scale.white(),
        centred: meta["centred"] == true,
        texture: None,
    })
}

/// Whether a file is a ZIP archive. Any other file holds eigenvalues at most.
fn is_archive(path: &Path) -> Result<bool, FileError> {
    let failed = |source| FileError::Io { path: path.into(), source };
    let mut start = [0; 2];
    let mut file = crate::npz::open(path)?;
    match file.read_exact(&mut start) {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(failed(error)),
        _ => Ok(&start == b"PK"),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into())
}
