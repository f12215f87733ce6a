//! Byte strings of a column.

use super::table::{Leaf, ParquetTable};
use crate::samples::SamplesError;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use std::sync::Arc;

/// A leaf of byte strings, read one at a time, so that only a page and its dictionary are held.
pub(super) struct Strings {
    leaf: Leaf,
    present: i16,
}

impl Strings {
    pub fn new(table: &Arc<ParquetTable>, leaf: usize) -> Self {
        Strings { leaf: Leaf::new(table, leaf), present: table.present(leaf) }
    }

    /// The string of a row; `None` if it is null.
    pub fn read(&mut self, row: u64) -> Result<Option<ByteArray>, SamplesError> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        self.leaf.read(row, 1, |reader, rows| match reader {
            ColumnReader::ByteArrayColumnReader(reader) => {
                Ok(reader.read_records(rows, Some(&mut levels), None, &mut values)?.0)
            }
            _ => Ok(0),
        })?;
        let is_null = levels.first().is_some_and(|level| *level != self.present);
        Ok(values.pop().filter(|_| !is_null))
    }
}
