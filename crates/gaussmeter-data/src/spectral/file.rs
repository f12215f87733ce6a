use super::{Channel, Checks, Decomposition, DecompositionError, Estimate};
use crate::npz::{FileError, NpzWriter};
use crate::samples::Scale;
use gaussmeter::spectrum::{Mode, Spectrum};
use serde::Serialize;
use std::path::Path;

const PROGRAM: &str = concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION"));

#[derive(Serialize)]
struct Meta<'a> {
    content: &'static str,
    version: u32,
    program: &'static str,
    description: &'a str,
    provenance: String,
    count: Option<u64>,
    shape: &'a [usize],
    scale: Scale,
    method: String,
    reason: &'a str,
    trace: f64,
    rank: Option<usize>,
    rounding: f64,
    checks: Checks,
    centred: bool,
    channels: &'a [Channel],
    /// Traces of Σ and of its root, with errors.
    quadrature: Option<[(&'static str, Estimate); 2]>,
}

impl Decomposition {
    /// Writes a spectrum file, which [`gaussmeter::data::load`] reads: an `.npz` archive of
    ///
    /// - `eigenvalue`, `multiplicity`, `mean` (along eigenvectors; left out if all are zero),
    /// - `pixel_mean` and `shape` of the data,
    /// - with a basis, `basis` (eigenvectors as rows; d of them, or those of nonzero eigenvalues),
    ///   `eigenvalue_per_coordinate` and `mean_per_coordinate` in the order of its rows,
    /// - by Lanczos, `alternative_eigenvalue`, `alternative_multiplicity`, `alternative_mean` and
    ///   `alternative_size`: the spectra that leave out one probe each, and that after half of the steps,
    /// - `meta`: what the data are and how they were decomposed, as the bytes of JSON text.
    ///
    /// The file is written to a temporary one and moved into place when complete.
    ///
    /// # Errors
    /// [`DecompositionError::File`], also for a basis above [`gaussmeter::data::MAX_BYTES`].
    pub fn save(&self, path: &Path) -> Result<(), DecompositionError> {
        let (count, dim) = (self.eigenvalues.len(), self.mean.len());
        let rank = self.basis.as_ref().map_or(0, |rows| rows.rows());
        let limit = gaussmeter::data::MAX_BYTES;
        let bytes = 8 * dim as u64 * (rank as u64 + 16) + (1 << 20);
        if self.basis.is_some() && bytes > limit {
            let (path, name) = (path.into(), "basis");
            return Err(FileError::TooLarge { path, name, bytes, limit }.into());
        }
        let traces = |q: &super::Quadrature| {
            let root = |s: &gaussmeter::spectrum::Spectrum| s.sum(|_, m| m.eigenvalue.sqrt());
            [("trace", q.estimate(|s| s.trace())), ("trace of the root", q.estimate(root))]
        };
        let meta = Meta {
            content: "gaussmeter spectrum",
            version: 1,
            program: PROGRAM,
            description: &self.description,
            provenance: self.provenance(),
            count: self.count,
            shape: &self.shape,
            scale: self.scale,
            method: self.method.to_string(),
            reason: &self.reason,
            trace: self.trace,
            rank: self.rank,
            rounding: self.rounding,
            checks: self.checks,
            centred: self.centred,
            channels: &self.channels,
            quadrature: self.quadrature.as_ref().map(traces),
        };

        let mut file = NpzWriter::create(path)?;
        file.array("eigenvalue", &[count], self.eigenvalues.iter().copied())?;
        match &self.multiplicities {
            Some(all) => file.array("multiplicity", &[count], all.iter().copied())?,
            None => file.array("multiplicity", &[count], std::iter::repeat_n(1.0, count))?,
        }
        if self.means.iter().any(|m| *m != 0.0) {
            file.array("mean", &[count], self.means.iter().copied())?;
        }
        file.array("pixel_mean", &self.shape, self.mean.iter().copied())?;
        file.array("shape", &[self.shape.len()], self.shape.iter().map(|n| *n as i64))?;
        if let Some(rows) = &self.basis {
            let first = |list: &[f64]| list[..rank].to_vec();
            file.array("basis", &[rank, dim], rows.values().iter().copied())?;
            file.array("eigenvalue_per_coordinate", &[rank], first(&self.eigenvalues))?;
            file.array("mean_per_coordinate", &[rank], first(&self.means))?;
        }
        if let Some(quadrature) = &self.quadrature {
            let all: Vec<&Spectrum> = quadrature.alternatives().collect();
            let modes: Vec<&Mode> = all.iter().flat_map(|s| s.modes()).collect();
            let kept = if self.centred { 0.0 } else { 1.0 };
            let count = [modes.len()];
            let of = |value: fn(&Mode) -> f64| modes.iter().map(move |mode| value(mode));
            file.array("alternative_eigenvalue", &count, of(|m| m.eigenvalue))?;
            file.array("alternative_multiplicity", &count, of(|m| m.multiplicity))?;
            file.array("alternative_mean", &count, of(|m| m.mean).map(|mean| kept * mean))?;
            let sizes = all.iter().map(|s| s.modes().len() as i64);
            file.array("alternative_size", &[all.len()], sizes)?;
        }
        file.meta(&meta)?;
        Ok(file.finish()?)
    }
}

/// Writes a spectrum of which only eigenvalues, multiplicities and means are known. The file has the
/// format of [`Decomposition::save`].
///
/// # Errors
/// [`FileError`]
pub fn save_spectrum(spectrum: &Spectrum, path: &Path) -> Result<(), FileError> {
    let mut file = NpzWriter::create(path)?;
    file.spectrum(spectrum)?;
    file.meta(&serde_json::json!({
        "content": "gaussmeter spectrum",
        "version": 1,
        "program": PROGRAM,
        "description": spectrum.name(),
        "provenance": spectrum.provenance(),
        "trace": spectrum.trace(),
    }))?;
    file.finish()
}
