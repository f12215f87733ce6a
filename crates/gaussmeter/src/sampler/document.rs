//! Files that describe samplers: TOML, or JSON of the same shape.

use super::expression::excerpt;
use crate::file;
use serde_json::{Map, Value};
use std::path::Path;

/// Size limit of a file, in bytes.
const LARGEST: u64 = 64 << 20;

/// The file's top-level table. Errors do not name the file.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>, String> {
    parse(&file::read_text(path, LARGEST).map_err(|e| e.problem.to_string())?)
}

/// Most entries; each takes some hundred bytes of memory.
const MOST: usize = 1 << 22;

pub(super) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let entry = |b: &&u8| matches!(b, b',' | b':' | b'=' | b'[' | b'{');
    if text.as_bytes().iter().filter(entry).count() > MOST {
        return Err(format!("it has more than {MOST} entries"));
    }
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"));
    }
    toml::from_str(text).map_err(|e| {
        let before = e.span().and_then(|span| text.get(..span.start));
        let line =
            before.map_or(String::new(), |b| format!("line {}: ", b.matches('\n').count() + 1));
        format!("not TOML: {line}{}", e.message().replace('\n', ", "))
    })
}

/// Refuses unknown keys.
pub(super) fn check_keys(map: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(match crate::entry::nearest(key, known.iter().copied()) {
            Some(near) => format!("unknown key '{key}': did you mean '{near}'?"),
            None => format!("unknown key '{}' (known: {})", excerpt(key), known.join(", ")),
        }),
    }
}
