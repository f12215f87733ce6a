use super::{Column, Format, FormatError, Table, could_hold, position, too_many, without_mark};
use crate::data::MAX_VALUES;

/// Lists of numbers that Python assigns to names: `sigmas = torch.tensor([14.6, 1.0, 0.0])`.
/// Nothing else in the program is read, and nothing is run.
pub(super) static FORMAT: Format = Format {
    name: "python",
    extensions: &["py"],
    recognises: |bytes| {
        let text = String::from_utf8_lossy(without_mark(bytes));
        text.lines().any(|line| assigned(line).is_some())
    },
    read,
};

/// The name that a line assigns a list to, and what follows the opening bracket.
fn assigned(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let (call, list) = value.split_once('[')?;
    let is_call = call.trim().chars().all(|c| c.is_ascii_alphanumeric() || "_.(".contains(c));
    (is_name && is_call).then_some((name, list))
}

fn read(bytes: &[u8], columns: &[Column]) -> Result<Table, FormatError> {
    if could_hold(bytes) > MAX_VALUES {
        return Err(too_many("python", MAX_VALUES));
    }
    let text = String::from_utf8_lossy(without_mark(bytes));
    let lines: Vec<&str> = text.lines().collect();
    let mut table = Table::new(columns);
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some((name, rest)) = assigned(line) else { continue };
        found.push(name);
        let Some(index) = position(columns, name) else { continue };
        let mut values = Vec::new();
        let following = std::iter::once(rest).chain(lines[first + 1..].iter().copied());
        let mut closed = false;
        for (number, line) in following.enumerate() {
            let (list, end) = match line.split_once(']') {
                Some((list, _)) => (list, true),
                None => (line, false),
            };
            let list = list.split('#').next().unwrap_or("");
            let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            for entry in entries {
                values.push(super::text::number(first + number + 1, entry)?);
            }
            if end {
                closed = true;
                break;
            }
        }
        if !closed {
            let reason = format!("the list '{name}' has no end");
            return Err(FormatError::Malformed { format: "python", reason });
        }
        table.insert(columns, index, values)?;
    }
    table.checked(columns, found)
}
