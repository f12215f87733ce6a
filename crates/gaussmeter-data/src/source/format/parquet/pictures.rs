//! A column of encoded pictures.

use super::labels::LabelColumn;
use super::strings::Strings;
use super::table::{ParquetColumn, ParquetTable};
use crate::samples::SamplesError;
use crate::source::{Blob, Blobs};
use std::sync::Arc;

/// The pictures of a column, row by row.
pub(super) struct PictureColumn {
    table: Arc<ParquetTable>,
    column: ParquetColumn,
    bytes: Strings,
    names: Option<Strings>,
    labels: Option<LabelColumn>,
    next: u64,
}

impl PictureColumn {
    pub fn new(
        table: &Arc<ParquetTable>,
        column: ParquetColumn,
        names: Option<usize>,
        labels: Option<LabelColumn>,
    ) -> Self {
        let bytes = Strings::new(table, column.leaf);
        let names = names.map(|leaf| Strings::new(table, leaf));
        PictureColumn { table: Arc::clone(table), column, bytes, names, labels, next: 0 }
    }

    /// The name of a row. If names are damaged, pictures are read without them.
    fn name(&mut self, row: u64) -> Option<String> {
        match self.names.as_mut()?.read(row) {
            Ok(name) => name.map(|name| String::from_utf8_lossy(name.data()).into_owned()),
            Err(_) => {
                self.names = None;
                None
            }
        }
    }
}

impl Blobs for PictureColumn {
    fn description(&self) -> String {
        format!("{}, column '{}'", self.table.input().place(), self.column.name)
    }
    fn has_parts(&self) -> bool {
        false
    }
    fn count(&self) -> Option<u64> {
        Some(self.table.rows())
    }
    fn next_blob(&mut self) -> Result<Option<Blob>, SamplesError> {
        let row = self.next;
        if row >= self.table.rows() {
            return Ok(None);
        }
        let bytes = self.bytes.read(row)?;
        let class = match &mut self.labels {
            Some(labels) => labels.read(row, 1)?.pop(),
            None => None,
        };
        self.next += 1;
        let entry = match (self.name(row), &bytes) {
            (Some(name), Some(_)) => format!("row {row} ('{name}')"),
            (Some(name), None) => format!("row {row} (no bytes, only the path '{name}')"),
            (None, Some(_)) => format!("row {row}"),
            (None, None) => format!("row {row} (null)"),
        };
        let input = self.table.input();
        let entry = match input.member() {
            Some(member) => format!("{member}: {entry}"),
            None => entry,
        };
        let bytes = bytes.map_or(Vec::new(), |bytes| bytes.data().to_vec());
        Ok(Some(Blob { path: input.path().into(), entry: Some(entry), class, bytes }))
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.next = self.next.saturating_add(count).min(self.table.rows());
        Ok(())
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.next = 0;
        Ok(())
    }
}
