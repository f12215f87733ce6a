//! CSV (RFC 4180, except that lines end in a line feed alone).

use super::{Content, Format, Records, ReportError};
use std::io::{self, Write};

fn write(records: &Records, out: &mut dyn Write) -> Result<(), ReportError> {
    let columns = records.columns.len();
    let mut csv = ::csv::Writer::from_writer(out);
    if columns > 0 {
        csv.write_record(&records.columns).map_err(cause)?;
    }
    for (index, row) in records.rows.iter().enumerate() {
        if row.len() != columns {
            let part = "records".into();
            return Err(ReportError::Ragged { part, row: index + 1, cells: row.len(), columns });
        }
        csv.write_record(row.iter().map(ToString::to_string)).map_err(cause)?;
    }
    Ok(csv.flush()?)
}

/// Rows fit, so that only the writer behind it can fail.
fn cause(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

pub(super) static FORMAT: Format = Format {
    name: "csv",
    extensions: &["csv"],
    summary: "one row per result, at full precision",
    content: Content::Data,
    write: |report, _, out| write(&report.records(), out),
};
