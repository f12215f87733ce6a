use super::{LIMIT, ModelError, file_name};
use crate::npz::{NpzReader, NpzWriter};
use gaussmeter::separable::{Marginal, Separable, SeparableError};
use gaussmeter::spectrum::Spectrum;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(super) const CONTENT: &str = "gaussmeter separable";

/// A law of independent coordinates, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableModel {
    /// The law.
    pub law: Separable,
    /// Where it comes from.
    pub description: String,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    content: String,
    version: u32,
    program: String,
    description: String,
    provenance: String,
}

/// A law as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    coordinates: Vec<WrittenCoordinate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCoordinate {
    weights: Vec<f64>,
    means: Vec<f64>,
    stds: Vec<f64>,
    #[serde(default = "once")]
    copies: usize,
}

fn once() -> usize {
    1
}

impl SeparableModel {
    /// The Gaussian of the whole, as every other command takes it.
    ///
    /// # Errors
    /// [`SeparableError`]
    pub fn spectrum(&self) -> Result<Spectrum, SeparableError> {
        self.law.gaussian()
    }

    /// Reads a law from JSON text: a list `coordinates` of objects with the lists `weights`, `means` and
    /// `stds`, and a number of `copies` (1 if left out).
    ///
    /// ```
    /// let text = r#"{"coordinates": [{"weights": [0.3, 0.7], "means": [-1, 1], "stds": [0.2, 0.3]},
    ///     {"weights": [1], "means": [0], "stds": [0.1], "copies": 15}]}"#;
    /// let model = gaussmeter_data::SeparableModel::parse("two modes", text).unwrap();
    /// assert_eq!(model.law.dim(), 16);
    /// ```
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let mut coordinates = Vec::new();
        for (coordinate, written) in written.coordinates.into_iter().enumerate() {
            let WrittenCoordinate { weights, means, stds, copies } = written;
            if copies == 0 || coordinates.len() + copies > LIMIT {
                return Err(format!("coordinate {coordinate}: {copies} copies"));
            }
            let marginal = Marginal::new(weights, means, stds)
                .map_err(|source| format!("coordinate {coordinate}: {source}"))?;
            coordinates.extend(std::iter::repeat_n(marginal, copies));
        }
        let law = Separable::new(name, coordinates).map_err(|e| e.to_string())?;
        Ok(SeparableModel { law, description: name.to_owned() })
    }

    /// Writes a file that [`gaussmeter::data::load`] reads as the Gaussian of the whole and
    /// [`SeparableModel::load`] as the law: an `.npz` archive of
    ///
    /// - `eigenvalue`, `multiplicity`, `mean` of the whole,
    /// - `component_count`, the number of components of each coordinate,
    /// - `component_weight`, `component_mean` and `component_std` of all, one coordinate after another,
    /// - `meta`: where the law comes from, as the bytes of JSON text.
    ///
    /// The file is written to a temporary one and moved into place when complete.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Separable`]
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let bad = |source| ModelError::Separable { path: path.into(), source };
        let spectrum = self.spectrum().map_err(bad)?;
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            program: concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")).into(),
            description: self.description.clone(),
            provenance: spectrum.provenance().into(),
        };
        let all = self.law.coordinates();
        let count: usize = all.iter().map(|m| m.weights().len()).sum();
        let of = |list: fn(&Marginal) -> &[f64]| all.iter().flat_map(list).copied();
        let mut file = NpzWriter::create(path)?;
        file.spectrum(&spectrum)?;
        let counts = all.iter().map(|m| m.weights().len() as i64);
        file.array("component_count", &[all.len()], counts)?;
        file.array("component_weight", &[count], of(Marginal::weights))?;
        file.array("component_mean", &[count], of(Marginal::means))?;
        file.array("component_std", &[count], of(Marginal::stds))?;
        file.meta(&meta)?;
        Ok(file.finish()?)
    }

    /// Reads what [`SeparableModel::save`] wrote.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let mut file = NpzReader::open(path)?;
        if !file.has("meta") {
            return Err(file.content("something else", CONTENT).into());
        }
        let Meta { description, .. } = file.described(CONTENT)?;
        let (_, counts) = file.array::<i64>("component_count", LIMIT)?;
        let (_, weights) = file.array::<f64>("component_weight", LIMIT)?;
        let (_, means) = file.array::<f64>("component_mean", LIMIT)?;
        let (_, stds) = file.array::<f64>("component_std", LIMIT)?;
        let (mut at, mut coordinates) = (0usize, Vec::new());
        for (coordinate, count) in counts.into_iter().enumerate() {
            let end = usize::try_from(count).ok().and_then(|count| at.checked_add(count));
            let end = end.ok_or_else(|| file.bad("component_count", count))?;
            let part = |name, all: &[f64]| {
                let fewer = || file.bad(name, "fewer components than counted");
                all.get(at..end).map(<[f64]>::to_vec).ok_or_else(fewer)
            };
            let weights = part("component_weight", &weights)?;
            let means = part("component_mean", &means)?;
            let stds = part("component_std", &stds)?;
            at = end;
            let marginal = Marginal::new(weights, means, stds).map_err(|source| {
                let source = SeparableError::Coordinate { coordinate, source: source.into() };
                ModelError::Separable { path: path.into(), source }
            })?;
            coordinates.push(marginal);
        }
        let law = Separable::new(file_name(path), coordinates)
            .map_err(|source| ModelError::Separable { path: path.into(), source })?;
        Ok(SeparableModel { law, description })
    }
}
