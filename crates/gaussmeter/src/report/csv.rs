//! CSV (RFC 4180, except that lines end in a line feed alone).

use super::{Format, Records, ReportError};

fn write(records: &Records) -> Result<String, ReportError> {
    let columns = records.columns.len();
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    if columns > 0 {
        csv.write_record(&records.columns)?;
    }
    for (index, row) in records.rows.iter().enumerate() {
        if row.len() != columns {
            let part = "records".into();
            return Err(ReportError::Ragged { part, row: index + 1, cells: row.len(), columns });
        }
        csv.write_record(row.iter().map(ToString::to_string))?;
    }
    let bytes = csv.into_inner().map_err(|e| ::csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) static FORMAT: Format = Format {
    name: "csv",
    extensions: &["csv"],
    summary: "one row per result, at full precision",
    write: |report| write(&report.records),
};
