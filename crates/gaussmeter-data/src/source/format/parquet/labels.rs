//! Classes in a column of their own.

use super::strings::Strings;
use super::table::{ColumnKind, ParquetColumn, ParquetTable};
use super::values::Values;
use crate::samples::SamplesError;
use crate::source::{Labels, Number};
use std::sync::Arc;

/// Names of columns that hold classes, the first that is there.
const NAMES: [&str; 10] = [
    "label",
    "labels",
    "class",
    "fine_label",
    "fine_labels",
    "target",
    "cls",
    "category",
    "label_id",
    "class_id",
];

/// A column of labels.
pub(super) struct LabelColumn {
    name: String,
    table: Arc<ParquetTable>,
    values: Stored,
    /// The names that the `datasets` library gives numbers.
    names: Vec<String>,
}

enum Stored {
    Numbers(Box<Values>),
    Text(Box<Strings>),
}

impl LabelColumn {
    /// The column that is asked for, or that has the name of one; `None` if there is none.
    pub fn choose(
        table: &Arc<ParquetTable>,
        labels: &Labels,
    ) -> Result<Option<Self>, SamplesError> {
        match labels {
            Labels::Ignore => Ok(None),
            Labels::Named(name) => {
                let column = super::named(table, name)?;
                let found = LabelColumn::of(table, column);
                found.map(Some).ok_or_else(|| {
                    let reason = format!(
                        "column '{name}' holds {}: labels are integers or text",
                        column.kind
                    );
                    table.input().malformed(reason)
                })
            }
            Labels::Auto => {
                let of = |name: &&str| {
                    let column = table.columns.iter().find(|c| c.name == **name)?;
                    LabelColumn::of(table, column)
                };
                Ok(NAMES.iter().find_map(of))
            }
        }
    }

    fn of(table: &Arc<ParquetTable>, column: &ParquetColumn) -> Option<Self> {
        let is_whole = |n: Number| !matches!(n, Number::F16 | Number::F32 | Number::F64);
        let values = match column.kind {
            ColumnKind::Number(number) if is_whole(number) => {
                Stored::Numbers(Box::new(Values::new(table, column.clone(), number, None)))
            }
            ColumnKind::Other("text") => Stored::Text(Box::new(Strings::new(table, column.leaf))),
            _ => return None,
        };
        let (name, names) = (column.name.clone(), table.class_names(&column.name));
        Some(LabelColumn { name, table: Arc::clone(table), values, names })
    }

    /// The labels of the rows from `row` on.
    pub fn read(&mut self, row: u64, rows: usize) -> Result<Vec<String>, SamplesError> {
        let mut all = Vec::with_capacity(rows);
        while all.len() < rows {
            let at = row + all.len() as u64;
            match &mut self.values {
                Stored::Numbers(values) => {
                    let found = values.checked(at, rows - all.len())?;
                    let names = &self.names;
                    let label = |v: f64| {
                        let named = names.get(v as usize).filter(|_| v >= 0.0);
                        named.map_or_else(|| v.to_string(), String::clone)
                    };
                    all.extend(found.into_iter().map(label));
                }
                Stored::Text(strings) => {
                    let text = strings.read(at)?.ok_or_else(|| {
                        let name = &self.name;
                        self.table.input().malformed(format!(
                            "column '{name}': row {at} is null: leave out such rows"
                        ))
                    })?;
                    all.push(String::from_utf8_lossy(text.data()).into_owned());
                }
            }
        }
        Ok(all)
    }
}
