use super::{LIMIT, ModelError, file_name};
use crate::npz::{FileError, NpzReader, NpzWriter};
use crate::samples::Scale;
use gaussmeter::mixture::{Component, Mixture, MixtureError};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::spectrum::Spectrum;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(super) const CONTENT: &str = "gaussmeter mixture";

/// A Gaussian per class or cluster of a data set, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct MixtureModel {
    /// The mixture, in data units.
    pub mixture: Mixture,
    /// Number of samples per component.
    pub counts: Vec<u64>,
    /// What the data are, and what the components are of them.
    pub description: String,
    /// Shape of one data vector.
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
    classes: Vec<String>,
    counts: Vec<u64>,
}

impl MixtureModel {
    /// The Gaussian of the whole, as every other command takes it.
    ///
    /// # Errors
    /// [`MixtureError`]
    pub fn spectrum(&self) -> Result<Spectrum, MixtureError> {
        self.mixture.gaussian()
    }

    /// Writes a file that [`gaussmeter::data::load`] reads as the Gaussian of the whole and
    /// [`MixtureModel::load`] as a mixture: an `.npz` archive of
    ///
    /// - `eigenvalue`, `multiplicity`, `mean` (along eigenvectors; left out if zero) of the whole,
    /// - per component `component_weight`, `component_mean`, `component_rank` (its number of eigenvectors)
    ///   and `component_rest` (the variance along all other directions),
    /// - `component_eigenvalue` and `component_basis` (eigenvectors as rows) of all, one after the other,
    /// - `shape` of the data,
    /// - `meta`: what the data are, names and sample numbers of the classes, as the bytes of JSON text.
    ///
    /// The file is written to a temporary one and moved into place when complete.
    ///
    /// # Errors
    /// [`ModelError::File`], also for eigenvectors above [`gaussmeter::data::MAX_BYTES`];
    /// [`ModelError::Mixture`].
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let (all, dim) = (self.mixture.components(), self.mixture.dim());
        let ranks: Vec<usize> = all.iter().map(|c| c.eigenvalues().len()).collect();
        let rank: usize = ranks.iter().sum();
        let (bytes, limit) = (8 * (rank * dim) as u64, gaussmeter::data::MAX_BYTES);
        if bytes > limit {
            let (path, name) = (path.into(), "component_basis");
            return Err(FileError::TooLarge { path, name, bytes, limit }.into());
        }
        let bad = |source| ModelError::Mixture { path: path.into(), source };
        let spectrum = self.spectrum().map_err(bad)?;
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            program: concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")).into(),
            description: self.description.clone(),
            provenance: spectrum.provenance().into(),
            scale: self.scale,
            classes: all.iter().map(|c| c.name().to_owned()).collect(),
            counts: self.counts.clone(),
        };
        let count = [all.len()];
        let mut file = NpzWriter::create(path)?;
        file.spectrum(&spectrum)?;
        file.array("component_weight", &count, all.iter().map(Component::weight))?;
        let means = all.iter().flat_map(|c| c.mean()).copied();
        file.array("component_mean", &[all.len(), dim], means)?;
        file.array("component_rank", &count, ranks.iter().map(|n| *n as i64))?;
        file.array("component_rest", &count, all.iter().map(Component::rest))?;
        let eigenvalues = all.iter().flat_map(|c| c.eigenvalues()).copied();
        file.array("component_eigenvalue", &[rank], eigenvalues)?;
        let rows = all.iter().flat_map(|c| c.eigenvectors().values()).copied();
        file.array("component_basis", &[rank, dim], rows)?;
        file.array("shape", &[self.shape.len()], self.shape.iter().map(|n| *n as i64))?;
        file.meta(&meta)?;
        Ok(file.finish()?)
    }

    /// Reads what [`MixtureModel::save`] wrote.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let mut file = NpzReader::open(path)?;
        if !file.has("meta") {
            return Err(file.content("something else", CONTENT).into());
        }
        let Meta { description, scale, classes, counts, .. } = file.described(CONTENT)?;
        let shape = file.shape()?;
        let (_, weights) = file.array::<f64>("component_weight", LIMIT)?;
        let (size, means) = file.array::<f64>("component_mean", LIMIT)?;
        let (_, ranks) = file.array::<i64>("component_rank", LIMIT)?;
        let (_, rests) = file.array::<f64>("component_rest", LIMIT)?;
        let (_, eigenvalues) = file.array::<f64>("component_eigenvalue", LIMIT)?;
        let (_, rows) = file.array::<f64>("component_basis", LIMIT)?;
        let number = weights.len();
        for (name, found) in [
            ("component_mean", size.first().copied().unwrap_or(0)),
            ("component_rank", ranks.len()),
            ("component_rest", rests.len()),
            ("meta", classes.len()),
            ("meta", counts.len()),
        ] {
            if found != number || number == 0 {
                let reason = format!("{found} entries for {number} classes");
                return Err(file.bad(name, reason).into());
            }
        }
        let dim = means.len() / number;
        if shape.iter().try_fold(1usize, |d, n| d.checked_mul(*n)) != Some(dim) || dim == 0 {
            return Err(file.bad("shape", format!("{shape:?} for {dim} dimensions")).into());
        }
        let bad = |source| ModelError::Mixture { path: path.into(), source };
        let mut components = Vec::with_capacity(number);
        let mut at = 0usize;
        for k in 0..number {
            let rank = usize::try_from(ranks[k]).ok().filter(|rank| *rank <= dim);
            let rank = rank.ok_or_else(|| file.bad("component_rank", ranks[k]))?;
            let values = eigenvalues.get(at..at + rank);
            let vectors = rows.get(at * dim..(at + rank) * dim);
            let (Some(values), Some(vectors)) = (values, vectors) else {
                let reason = "fewer eigenvectors than the ranks of the classes say";
                return Err(file.bad("component_basis", reason).into());
            };
            at += rank;
            let vectors = Matrix::new(rank, dim, vectors.to_vec());
            let vectors = vectors.map_err(|e| file.bad("component_basis", e))?;
            let mean = means[k * dim..(k + 1) * dim].to_vec();
            let component =
                Component::new(&classes[k], weights[k], mean, values.to_vec(), vectors, rests[k]);
            components.push(component.map_err(bad)?);
        }
        let mixture = Mixture::new(file_name(path), components).map_err(bad)?;
        Ok(MixtureModel { mixture, counts, description, shape, scale })
    }
}
