//! Parquet, as written by pandas and by the `datasets` library of Hugging Face:
//! <https://parquet.apache.org/docs/file-format>.
//!
//! ```text
//! File ─ thrift, codec ─► Pages ─► reader of the parquet crate ─► Leaf ─► PictureColumn (pictures)
//!                                                                     └─► Numbers (samples)
//! ```
//!
//! The parquet crate decodes footers, levels and values. What comes before is our own, because the crate
//! trusts the sizes stated in files.

mod codec;
mod labels;
mod numbers;
mod pages;
mod pictures;
mod strings;
mod table;
mod thrift;
mod values;

use super::SampleFormat;
use crate::samples::SamplesError;
use crate::source::{Content, Input, Labels, Number, ReadOption, ReadOptions};
use labels::LabelColumn;
use numbers::Numbers;
use std::sync::Arc;
use table::{ColumnKind, ENCRYPTED, MAGIC, ParquetColumn, ParquetTable};

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "parquet",
    summary: "Parquet (Hugging Face): a column of pictures or of lists (--array), a table of numbers",
    recognises: |input| input.head().starts_with(MAGIC) || input.head().starts_with(ENCRYPTED),
    open,
};

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    options.refuse(input, "a parquet file", &[ReadOption::Kind])?;
    let table = ParquetTable::open(input)?;
    let column = match &options.array {
        Some(name) => Some(named(&table, name)?),
        None => pictures(&table)?.map_or_else(|| lists(&table), |column| Ok(Some(column)))?,
    };
    let labels = LabelColumn::choose(&table, &options.labels)?;
    let samples = match column.map(|column| (column.kind.clone(), column.clone())) {
        Some((ColumnKind::Binary { names }, column)) => {
            let rows = pictures::PictureColumn::new(&table, column, names, labels);
            return Ok(Content::Pictures(Box::new(rows)));
        }
        Some((ColumnKind::Lists(lists), column)) => {
            Numbers::lists(&table, column, lists, options)?.labelled(labels)
        }
        Some((ColumnKind::Number(number), column)) => {
            Numbers::table(&table, vec![(column, number)], options)?.labelled(labels)
        }
        Some((ColumnKind::Other(what), column)) => {
            let name = column.name;
            return Err(input
                .malformed(format!("column '{name}' holds {what}, which cannot be read as data")));
        }
        // All columns are data, but for one that is named as that of labels.
        None => match &options.labels {
            Labels::Named(name) => {
                Numbers::table(&table, numbers(&table, Some(name))?, options)?.labelled(labels)
            }
            _ => Numbers::table(&table, numbers(&table, None)?, options)?,
        },
    };
    Ok(Content::Samples(Box::new(samples)))
}

/// The column of this name.
fn named<'a>(table: &'a Arc<ParquetTable>, name: &str) -> Result<&'a ParquetColumn, SamplesError> {
    let is_named = |c: &&ParquetColumn| c.name == name || c.path == name;
    table.columns.iter().find(is_named).ok_or_else(|| {
        table.input().malformed(format!("no column '{name}' (found: {})", table.listing(|_| true)))
    })
}

/// The only one of these columns; an error if there are several.
fn only<'a>(
    table: &ParquetTable,
    what: &str,
    columns: Vec<&'a ParquetColumn>,
) -> Result<Option<&'a ParquetColumn>, SamplesError> {
    match columns[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => {
            let names: Vec<_> = columns.iter().map(|c| &c.name[..]).collect();
            Err(table.input().malformed(format!(
                "several columns of {what}: choose one with --array ({})",
                names.join(", ")
            )))
        }
    }
}

/// The column of pictures: one declared as such, otherwise one whose entries have names, otherwise any
/// binary one.
fn pictures(table: &Arc<ParquetTable>) -> Result<Option<&ParquetColumn>, SamplesError> {
    let rank = |column: &ParquetColumn| match (table.declared(&column.name), &column.kind) {
        (Some("Image"), ColumnKind::Binary { .. }) => Some(2),
        (Some("Audio" | "Video" | "Pdf"), _) => None,
        (_, ColumnKind::Binary { names: Some(_) }) => Some(1),
        (_, ColumnKind::Binary { names: None }) => Some(0),
        _ => None,
    };
    let ranked: Vec<_> = table.columns.iter().filter_map(|c| Some((rank(c)?, c))).collect();
    let highest = ranked.iter().map(|(rank, _)| *rank).max();
    let best = ranked.into_iter().filter(|(rank, _)| Some(*rank) == highest);
    only(table, "pictures", best.map(|(_, column)| column).collect())
}

fn lists(table: &Arc<ParquetTable>) -> Result<Option<&ParquetColumn>, SamplesError> {
    let is_lists = |c: &&ParquetColumn| matches!(c.kind, ColumnKind::Lists(_));
    only(table, "lists", table.columns.iter().filter(is_lists).collect())
}

/// All columns but that of labels, if they are numbers. Those that pandas writes for its index do not
/// count.
fn numbers(
    table: &ParquetTable,
    labels: Option<&str>,
) -> Result<Vec<(ParquetColumn, Number)>, SamplesError> {
    let is_data = |column: &&ParquetColumn| {
        let is_labels = labels.is_some_and(|name| column.name == name || column.path == name);
        !is_labels && !column.name.starts_with("__index_level_")
    };
    let data = table.columns.iter().filter(is_data);
    let numbers: Option<Vec<_>> = data
        .map(|column| match column.kind {
            ColumnKind::Number(number) => Some((column.clone(), number)),
            _ => None,
        })
        .collect();
    numbers.filter(|numbers| !numbers.is_empty()).ok_or_else(|| {
        let is_data = |c: &&ParquetColumn| !matches!(c.kind, ColumnKind::Other(_));
        table.input().malformed(match table.columns.iter().any(|c| is_data(&c)) {
            true => format!(
                "no column of pictures or lists, and not all columns are numbers: choose one with --array ({})",
                table.listing(is_data)
            ),
            false => format!(
                "no column can be read: rows must hold a picture, a list of numbers or a number ({})",
                table.listing(|_| true)
            ),
        })
    })
}
