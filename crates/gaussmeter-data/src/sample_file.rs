//! Samples written to disk as they are drawn.

use crate::npz::{FileError, NpzWriter};
use crate::samples::Scale;
use serde::Serialize;
use std::path::Path;

/// How the numbers of a sample file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleType {
    /// Data units, 64-bit.
    F64,
    /// Data units, 32-bit.
    F32,
    /// Stored values, rounded and clipped to 0 … 255.
    U8,
}

/// An `.npz` archive with an array `samples`, which is never in memory as a whole. It is written to a
/// temporary file and moved into place when complete.
pub struct SampleFile {
    writer: NpzWriter,
    dtype: SampleType,
    scale: Scale,
}

impl SampleFile {
    /// Begins a file. `shape` is that of the whole array; its first length is the number of samples.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn create(
        path: &Path,
        shape: &[usize],
        dtype: SampleType,
        scale: Scale,
    ) -> Result<Self, FileError> {
        let mut writer = NpzWriter::create(path)?;
        match dtype {
            SampleType::F64 => writer.start::<f64>("samples", shape)?,
            SampleType::F32 => writer.start::<f32>("samples", shape)?,
            SampleType::U8 => writer.start::<u8>("samples", shape)?,
        }
        Ok(SampleFile { writer, dtype, scale })
    }

    /// Appends samples, in data units.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn push(&mut self, data: &[f64]) -> Result<(), FileError> {
        let Scale { factor, offset } = self.scale;
        let data = data.iter().copied();
        match self.dtype {
            SampleType::F64 => self.writer.extend(data),
            SampleType::F32 => self.writer.extend(data.map(|v| v as f32)),
            SampleType::U8 => {
                self.writer.extend(data.map(|v| ((v - offset) / factor).round() as u8))
            }
        }
    }

    /// Adds the times of the data vectors of each sample and a description of how they were made, and
    /// completes the file.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn finish(mut self, times: &[f64], meta: &impl Serialize) -> Result<(), FileError> {
        self.writer.array("t", &[times.len()], times.iter().copied())?;
        self.writer.meta(meta)?;
        self.writer.finish()
    }
}
