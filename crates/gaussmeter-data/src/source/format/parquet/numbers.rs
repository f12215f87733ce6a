//! Columns of numbers, or of lists of numbers, as samples.

use super::labels::LabelColumn;
use super::table::{Lists, ParquetColumn, ParquetTable};
use super::values::Values;
use crate::samples::{Chunk, Samples, SamplesError, Scale, dim};
use crate::source::records::push_planes;
use crate::source::{Number, ReadOption, ReadOptions};
use std::sync::Arc;

/// Values decoded at a time, if a row has fewer.
const BATCH: usize = 1 << 16;

/// Samples, one per row: a list in one column, or one number in each of several columns.
pub(super) struct Numbers {
    table: Arc<ParquetTable>,
    columns: Vec<Values>,
    is_byte: bool,
    /// Axes of one sample, as stored and as handed out.
    axes: Vec<usize>,
    shape: Vec<usize>,
    interleaved: bool,
    scale: Scale,
    next: u64,
    /// Where the classes are, and those of the last chunk.
    labels: Option<LabelColumn>,
    classes: Vec<String>,
}

impl Numbers {
    /// The lists of a column.
    pub fn lists(
        table: &Arc<ParquetTable>,
        column: ParquetColumn,
        lists: Lists,
        options: &ReadOptions,
    ) -> Result<Self, SamplesError> {
        let number = lists.number;
        let mut values = Values::new(table, column, number, Some(lists));
        let axes = match table.rows() {
            0 => Vec::new(),
            _ => values.measure()?,
        };
        Numbers::new(table, vec![values], axes, number, options)
    }

    /// One number from each of several columns.
    pub fn table(
        table: &Arc<ParquetTable>,
        columns: Vec<(ParquetColumn, Number)>,
        options: &ReadOptions,
    ) -> Result<Self, SamplesError> {
        // Bytes stay bytes only if all columns are bytes.
        let all = columns.first().map_or(Number::F64, |(_, first)| {
            if columns.iter().all(|(_, n)| n == first) { *first } else { Number::F64 }
        });
        let columns: Vec<_> =
            columns.into_iter().map(|(c, number)| Values::new(table, c, number, None)).collect();
        let axes = vec![columns.len()];
        Numbers::new(table, columns, axes, all, options)
    }

    fn new(
        table: &Arc<ParquetTable>,
        columns: Vec<Values>,
        axes: Vec<usize>,
        number: Number,
        options: &ReadOptions,
    ) -> Result<Self, SamplesError> {
        if table.rows() == 0 {
            return Err(table.input().malformed("no rows"));
        }
        if axes.len() != 3 {
            let found = "samples without three axes";
            options.refuse(table.input(), found, &[ReadOption::Layout])?;
        }
        let (shape, interleaved) = options.layout.shape(&axes);
        dim(&shape)?;
        let scale = number.scale(options.scale).map_err(|e| table.input().malformed(e))?;
        let (table, is_byte) = (Arc::clone(table), number.is_byte());
        let (next, labels, classes) = (0, None, Vec::new());
        Ok(Numbers {
            table,
            columns,
            is_byte,
            axes,
            shape,
            interleaved,
            scale,
            next,
            labels,
            classes,
        })
    }

    /// With the classes in a column.
    pub fn labelled(self, labels: Option<LabelColumn>) -> Self {
        Numbers { labels, ..self }
    }

    /// Appends the values of the rows from `row` on, as stored.
    fn read(&mut self, row: u64, rows: usize, out: &mut Vec<f64>) -> Result<usize, SamplesError> {
        let mut batches = Vec::with_capacity(self.columns.len());
        for values in &mut self.columns {
            let batch = values.read(row, rows)?;
            values.check(row, &batch, &self.axes)?;
            batches.push(batch);
        }
        let done = batches.first().map_or(0, |batch| batch.rows);
        match &mut batches[..] {
            [batch] => out.append(&mut batch.values),
            batches => {
                for k in 0..done {
                    out.extend(batches.iter().map(|batch| batch.values[k]));
                }
            }
        }
        Ok(done)
    }
}

impl Samples for Numbers {
    fn description(&self) -> String {
        let place = self.table.input().place();
        let names: Vec<&str> = self.columns.iter().map(|c| &c.column.name[..]).collect();
        match &names[..] {
            [name] => format!("{place}, column '{name}'"),
            [first, .., last] if names.len() > 8 => {
                format!("{place}, {} columns ({first} … {last})", names.len())
            }
            names => format!("{place}, columns {}", names.join(", ")),
        }
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn scale(&self) -> Scale {
        self.scale
    }
    fn size_hint(&self) -> Option<u64> {
        Some(self.table.rows())
    }
    fn position(&self) -> u64 {
        self.next
    }

    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let left = usize::try_from(self.table.rows() - self.next).unwrap_or(usize::MAX);
        let rows = left.min(max_rows.max(1));
        if rows == 0 {
            return Ok(None);
        }
        let dim = dim(&self.axes)?;
        let (mut bytes, mut floats, mut done) = (Vec::new(), Vec::new(), 0);
        while done < rows {
            let mut values = Vec::new();
            let batch = (rows - done).min((BATCH / dim).max(1));
            done += self.read(self.next + done as u64, batch, &mut values)?;
            for row in values.chunks(dim) {
                match self.is_byte {
                    true => {
                        let row: Vec<u8> = row.iter().map(|v| *v as u8).collect();
                        push_planes(&row, &self.shape, self.interleaved, &mut bytes);
                    }
                    false => push_planes(row, &self.shape, self.interleaved, &mut floats),
                }
            }
        }
        if let Some(labels) = &mut self.labels {
            self.classes = labels.read(self.next, rows)?;
        }
        self.next += rows as u64;
        Ok(Some(match self.is_byte {
            true => Chunk::Bytes { rows, values: bytes },
            false => Chunk::Floats { rows, values: floats },
        }))
    }

    fn classes(&self) -> Option<&[String]> {
        self.labels.as_ref().map(|_| &self.classes[..])
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
