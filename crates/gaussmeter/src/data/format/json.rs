use super::{Column, Format, FormatError, Table, position, too_many, without_mark};
use crate::data::MAX_JSON;
use serde_json::Value;

pub(super) static FORMAT: Format = Format {
    name: "json",
    extensions: &["json"],
    recognises: |bytes| {
        let first = without_mark(bytes).iter().find(|b| !b.is_ascii_whitespace());
        matches!(first, Some(b'{' | b'['))
    },
    read,
};

/// Most entries of a document; each takes up to ten times the memory of a number.
const MOST: usize = 1 << 23;

fn read(bytes: &[u8], columns: &[Column]) -> Result<Table, FormatError> {
    if bytes.len() > MAX_JSON {
        let reason = format!("larger than {} MiB: use npy or npz", MAX_JSON >> 20);
        return Err(FormatError::Malformed { format: "json", reason });
    }
    if bytes.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count() > MOST {
        return Err(too_many("json", MOST));
    }
    let value: Value = serde_json::from_slice(without_mark(bytes))
        .map_err(|e| FormatError::Malformed { format: "json", reason: e.to_string() })?;
    let Value::Object(object) = value else {
        return Ok(Table::single(columns, numbers(columns[0].plural, columns[0], &value)?));
    };
    match object.get("schema") {
        Some(schema) if schema.as_u64() != Some(1) => {
            return Err(FormatError::Schema { found: schema.to_string() });
        }
        _ => {}
    }
    let text = |key| object.get(key).and_then(Value::as_str).map(String::from);
    let mut table = Table { name: text("name"), note: text("note"), ..Table::new(columns) };
    for (key, value) in &object {
        if let Some(index) = position(columns, key) {
            table.insert(columns, index, numbers(key, columns[index], value)?)?;
        }
    }
    table.checked(columns, object.keys())
}

fn numbers(key: &str, column: Column, value: &Value) -> Result<Vec<f64>, FormatError> {
    let Value::Array(entries) = value else {
        return Err(FormatError::NotAList { key: key.into(), found: kind(value) });
    };
    let entry = |(index, value): (usize, &Value)| {
        let found = kind(value);
        value.as_f64().ok_or(FormatError::Entry { what: column.singular, index, found })
    };
    entries.iter().enumerate().map(entry).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
