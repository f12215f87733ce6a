//! The numbers of a column, decoded and checked.

use super::table::{Leaf, Lists, ParquetColumn, ParquetTable};
use crate::samples::SamplesError;
use crate::source::Number;
use crate::source::records::position;
use half::f16;
use parquet::column::reader::ColumnReader;
use parquet::data_type::AsBytes;
use parquet::errors::ParquetError;
use std::sync::Arc;

/// A column of numbers, or of lists of numbers.
pub(super) struct Values {
    pub column: ParquetColumn,
    pub number: Number,
    leaf: Leaf,
    present: i16,
    /// How entries of lists are marked, if there are lists.
    pub lists: Option<Lists>,
    /// Repetition levels of a row: 0 for the first value, the number of levels for a value that does not
    /// begin a new list.
    pub pattern: Vec<i16>,
}

/// The values of some rows, with their levels.
#[derive(Default)]
pub(super) struct Batch {
    pub rows: usize,
    pub values: Vec<f64>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl Values {
    pub fn new(
        table: &Arc<ParquetTable>,
        column: ParquetColumn,
        number: Number,
        lists: Option<Lists>,
    ) -> Self {
        let (leaf, present) = (Leaf::new(table, column.leaf), table.present(column.leaf));
        Values { column, number, leaf, present, lists, pattern: vec![0] }
    }

    pub fn malformed(&self, reason: impl std::fmt::Display) -> SamplesError {
        self.leaf.input().malformed(format!("column '{}': {reason}", self.column.name))
    }

    pub fn read(&mut self, row: u64, rows: usize) -> Result<Batch, SamplesError> {
        let mut batch = Batch::default();
        let number = self.number;
        batch.rows = self.leaf.read(row, rows, |reader, rows| batch.read(reader, number, rows))?;
        Ok(batch)
    }

    /// The numbers of the rows from `row` on, at most so many and at least one.
    pub fn checked(&mut self, row: u64, rows: usize) -> Result<Vec<f64>, SamplesError> {
        let batch = self.read(row, rows)?;
        self.check(row, &batch, &[])?;
        match batch.values.is_empty() {
            false => Ok(batch.values),
            true => Err(self.malformed(format!("no row {row}"))),
        }
    }

    /// The shape of the first row, which all others must share.
    pub fn measure(&mut self) -> Result<Vec<usize>, SamplesError> {
        let batch = self.read(0, 1)?;
        self.check_present(0, &batch.definition)?;
        let axes = self.axes(&batch.repetition);
        let Some(axes) = axes else { return Err(self.ragged(0)) };
        self.pattern = batch.repetition;
        Ok(axes)
    }

    /// The shape of a row with these repetition levels; `None` if lists differ in length.
    fn axes(&self, repetition: &[i16]) -> Option<Vec<usize>> {
        let depth = self.lists.as_ref().map_or(0, |lists| lists.entries.len());
        // A level k value begins an entry of the lists at level k, counted from the outside.
        let entries = |k: usize| repetition.iter().filter(|r| **r as usize <= k).count();
        let axes: Vec<usize> = (1..=depth).map(|k| entries(k) / entries(k - 1).max(1)).collect();
        let mut strides = vec![1; depth + 1];
        for k in (0..depth).rev() {
            strides[k] = strides[k + 1] * axes[k];
        }
        let level = |i: usize| strides.iter().position(|stride| i.is_multiple_of(*stride));
        let is_regular = repetition.len() == strides[0]
            && repetition.iter().enumerate().all(|(i, r)| level(i) == Some(*r as usize));
        is_regular.then_some(axes)
    }

    pub fn ragged(&self, row: u64) -> SamplesError {
        self.malformed(format!(
            "row {row} has lists of different lengths, which do not make an array"
        ))
    }

    fn check_present(&self, row: u64, definition: &[i16]) -> Result<(), SamplesError> {
        let Some(level) = definition.iter().find(|level| **level != self.present) else {
            return Ok(());
        };
        let entries = self.lists.as_ref().map_or(&[][..], |lists| &lists.entries[..]);
        Err(self.malformed(match entries.contains(&(level + 1)) {
            true => format!("row {row} has an empty list"),
            false => format!("row {row} is null or contains null: leave out such rows"),
        }))
    }

    /// Checks that all rows have all of their values, and that these are finite.
    pub fn check(&self, first: u64, batch: &Batch, axes: &[usize]) -> Result<(), SamplesError> {
        let width = self.pattern.len();
        let is_whole = batch.values.len() == batch.rows * width
            && batch.definition.iter().all(|level| *level == self.present)
            && batch.repetition.chunks(width).all(|row| row == self.pattern);
        if !is_whole {
            return Err(self.diagnose(first, batch, axes));
        }
        if let Some(k) = batch.values.iter().position(|v| !v.is_finite()) {
            let (row, value) = (first + (k / width) as u64, batch.values[k]);
            let at = match self.lists {
                Some(_) => format!(", coordinate {:?}", position(k % width, axes)),
                None => String::new(),
            };
            return Err(self.malformed(format!("row {row}{at} is {value}: samples must be finite")));
        }
        let is_no_byte = |v: &f64| !(0.0..=255.0).contains(v);
        match batch.values.iter().position(is_no_byte).filter(|_| self.number.is_byte()) {
            None => Ok(()),
            Some(k) => {
                let (row, value) = (first + (k / width) as u64, batch.values[k]);
                let name = self.number.name();
                Err(self.malformed(format!("row {row} has {value}, which is not of type {name}")))
            }
        }
    }

    /// What is wrong with the first row that differs from the others.
    fn diagnose(&self, first: u64, batch: &Batch, axes: &[usize]) -> SamplesError {
        let mut starts: Vec<usize> = match batch.repetition.is_empty() {
            true => (0..batch.rows).collect(),
            false => (0..batch.repetition.len()).filter(|i| batch.repetition[*i] == 0).collect(),
        };
        starts.push(batch.repetition.len().max(batch.definition.len()));
        for (row, range) in (first..).zip(starts.windows(2)) {
            let range = range[0]..range[1];
            let definition = batch.definition.get(range.clone()).unwrap_or_default();
            if let Err(error) = self.check_present(row, definition) {
                return error;
            }
            let repetition = batch.repetition.get(range).unwrap_or_default();
            if !repetition.is_empty() && repetition != self.pattern {
                let Some(found) = self.axes(repetition) else { return self.ragged(row) };
                let input = self.leaf.input();
                let entry = format!("{}, row {row}", self.column.name);
                return SamplesError::Shape {
                    path: input.path().into(),
                    entry: Some(match input.member() {
                        Some(member) => format!("{member}: {entry}"),
                        None => entry,
                    }),
                    found,
                    expected: axes.to_vec(),
                };
            }
        }
        self.malformed(format!("rows after {first} have too few values"))
    }
}

impl Batch {
    /// Appends rows.
    fn read(
        &mut self,
        reader: &mut ColumnReader,
        number: Number,
        rows: usize,
    ) -> Result<usize, ParquetError> {
        macro_rules! read {
            ($reader:expr, $convert:expr) => {{
                let mut stored = Vec::new();
                let (definition, repetition) = (&mut self.definition, &mut self.repetition);
                let (rows, ..) =
                    $reader.read_records(rows, Some(definition), Some(repetition), &mut stored)?;
                self.values.extend(stored.iter().map($convert));
                Ok(rows)
            }};
        }
        match (reader, number) {
            (ColumnReader::BoolColumnReader(reader), _) => {
                read!(reader, |v| f64::from(u8::from(*v)))
            }
            (ColumnReader::Int32ColumnReader(reader), Number::U32) => {
                read!(reader, |v| f64::from(*v as u32))
            }
            (ColumnReader::Int32ColumnReader(reader), _) => read!(reader, |v| f64::from(*v)),
            (ColumnReader::Int64ColumnReader(reader), Number::U64) => {
                read!(reader, |v| *v as u64 as f64)
            }
            (ColumnReader::Int64ColumnReader(reader), _) => read!(reader, |v| *v as f64),
            (ColumnReader::FloatColumnReader(reader), _) => read!(reader, |v| f64::from(*v)),
            (ColumnReader::DoubleColumnReader(reader), _) => read!(reader, |v| *v),
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Number::F16) => {
                read!(reader, |v| match v.as_bytes() {
                    &[low, high] => f16::from_le_bytes([low, high]).to_f64(),
                    _ => f64::NAN,
                })
            }
            _ => Ok(0),
        }
    }
}
