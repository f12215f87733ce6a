//! Sums in files: an `.npz` archive with a JSON description.

use super::{CENTRE, Exact, Float, MAX_COUNT, Moments, MomentsError, Products, Sums};
use crate::npz::{NpzReader, NpzWriter};
use crate::samples::{LeftOut, Part, Scale};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const CONTENT: &str = "gaussmeter moments";
const VERSION: u32 = 1;

/// Extension of the file in which an interrupted run keeps its sums.
const KEPT: &str = "interrupted.npz";

#[derive(Serialize, Deserialize)]
struct Meta {
    content: String,
    version: u32,
    /// "u8", "f64", or "none".
    values: String,
    count: u64,
    shape: Vec<usize>,
    scale: Scale,
    description: String,
    position: Option<u64>,
    #[serde(default)]
    parts: Vec<Part>,
    /// Whether the run came to its end. Files of earlier versions do not say.
    complete: Option<bool>,
    #[serde(default)]
    left_out: LeftOut,
}

impl Moments {
    /// Writes the sums to an `.npz` file, so that parts of a data set can be summed separately:
    /// `meta` (JSON, as bytes), `first` (d), `second` (lower triangle, row by row), and for values
    /// other than bytes `shift` (d). Sums of bytes are of type int64 and relative to 128.
    ///
    /// # Errors
    /// [`MomentsError`]
    pub fn save(&mut self, path: &Path) -> Result<(), MomentsError> {
        self.settle()?;
        let values = match &self.sums {
            Sums::None => "none",
            Sums::Exact(_) => "u8",
            Sums::Float(_) => "f64",
        };
        let meta = Meta {
            content: CONTENT.into(),
            version: VERSION,
            values: values.into(),
            count: self.count,
            shape: self.shape.clone(),
            scale: self.scale,
            description: self.description.clone(),
            position: Some(self.position),
            parts: self.parts.clone(),
            complete: Some(self.complete),
            left_out: self.left_out.clone(),
        };
        let (dim, packed) = (self.dim, self.dim * (self.dim + 1) / 2);
        let mut file = NpzWriter::create(path)?;
        file.meta(&meta)?;
        match &self.sums {
            Sums::None => {}
            Sums::Exact(sums) => {
                file.array("first", &[dim], sums.first.iter().copied())?;
                file.array("second", &[packed], sums.second.packed())?;
            }
            Sums::Float(sums) => {
                file.array("shift", &[dim], sums.shift.iter().copied())?;
                file.array("first", &[dim], sums.first.iter().copied())?;
                file.array("second", &[packed], sums.second.packed())?;
            }
        }
        Ok(file.finish()?)
    }

    /// Reads what [`Moments::save`] wrote.
    ///
    /// # Errors
    /// [`MomentsError::File`]: no such file, a damaged one, or sums that no data can have.
    pub fn load(path: &Path) -> Result<Self, MomentsError> {
        let mut file = NpzReader::open(path)?;
        let meta: Meta = file.described(CONTENT)?;
        let mut moments = Moments::new(meta.description, &meta.shape, meta.scale)?;
        let (dim, count) = (moments.dim, meta.count);
        if count > MAX_COUNT || (count == 0) != (meta.values == "none") {
            let reason = format!("count {count} of {} values", meta.values);
            return Err(file.bad("meta", reason).into());
        }
        let of = meta.parts.first().map_or(0, |part| part.of);
        if let Some(part) = meta.parts.iter().find(|part| !part.is_valid() || part.of != of) {
            return Err(file.bad("meta", format!("part {part}")).into());
        }
        moments.count = count;
        moments.position = meta.position.unwrap_or(count);
        moments.complete = meta.complete.unwrap_or_else(|| !is_kept(path));
        (moments.parts, moments.left_out) = (meta.parts, meta.left_out);
        let packed = dim * (dim + 1) / 2;
        moments.sums = match meta.values.as_str() {
            "none" => Sums::None,
            "u8" => {
                let first = list::<i64>(&mut file, "first", dim)?;
                let second = list::<i64>(&mut file, "second", packed)?;
                // |x − 128| ≤ 128, and sums of squares are not negative.
                let most = CENTRE as u64;
                if let Some(k) = first.iter().position(|v| v.unsigned_abs() > most * count) {
                    return Err(impossible(&file, "first", k));
                }
                let wrong = |(k, v): (usize, &i64)| {
                    v.unsigned_abs() > most * most * count || (*v < 0 && is_diagonal(k))
                };
                if let Some(k) = second.iter().enumerate().position(wrong) {
                    return Err(impossible(&file, "second", k));
                }
                Sums::Exact(Exact {
                    first,
                    second: Products::from_packed(dim, &second),
                    ..Exact::zero(dim)
                })
            }
            "f64" => {
                let shift = list::<f64>(&mut file, "shift", dim)?;
                let first = list::<f64>(&mut file, "first", dim)?;
                let second = list::<f64>(&mut file, "second", packed)?;
                for (name, values) in [("shift", &shift), ("first", &first), ("second", &second)] {
                    if let Some(k) = values.iter().position(|v| !v.is_finite()) {
                        return Err(impossible(&file, name, k));
                    }
                }
                let second = Products::from_packed(dim, &second);
                Sums::Float(Float { first, second, ..Float::zero(shift) })
            }
            other => return Err(file.bad("meta", format!("values of type '{other}'")).into()),
        };
        Ok(moments)
    }
}

/// The file in which an interrupted run keeps its sums.
pub(super) fn kept_path(output: &Path) -> PathBuf {
    output.with_extension(KEPT)
}

/// Whether a file is named as one in which an interrupted run keeps its sums.
fn is_kept(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&format!(".{KEPT}")))
}

fn list<T: crate::npz::Element>(
    file: &mut NpzReader,
    name: &'static str,
    expected: usize,
) -> Result<Vec<T>, MomentsError> {
    let (shape, values) = file.array(name, expected)?;
    match shape == [expected] {
        true => Ok(values),
        false => Err(file.bad(name, format!("shape {shape:?} instead of [{expected}]")).into()),
    }
}

fn impossible(file: &NpzReader, name: &'static str, index: usize) -> MomentsError {
    file.bad(name, format!("value {index} cannot be a sum over so many samples")).into()
}

/// Whether entry k of a packed lower triangle is (i, i): k = i (i + 3)/2.
fn is_diagonal(k: usize) -> bool {
    let i = ((8 * k + 9).isqrt() - 3) / 2;
    i * (i + 3) / 2 == k
}
