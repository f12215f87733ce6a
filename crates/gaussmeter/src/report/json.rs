//! JSON.

use super::{Content, Format, Report, ReportError};
use serde_json::Value;
use std::io::{self, Write};

/// A number for JSON, which has no infinities: `"inf"` and `"-inf"` are strings. NaN, which no
/// result is, becomes null.
///
/// ```
/// use gaussmeter::report::number;
/// assert_eq!(number(0.1).to_string(), "0.1");
/// assert_eq!(number(f64::INFINITY), "inf");
/// ```
pub fn number(value: f64) -> Value {
    match value {
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        _ => value.into(),
    }
}

fn write(report: &dyn Report, out: &mut dyn Write) -> Result<(), ReportError> {
    serde_json::to_writer_pretty(&mut *out, &report.json()).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

pub(super) static FORMAT: Format = Format {
    name: "json",
    extensions: &["json"],
    summary: "everything, at full precision, with a versioned schema",
    content: Content::Data,
    write: |report, _, out| write(report, out),
};
