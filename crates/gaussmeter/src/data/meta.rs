//! The description that files written by gaussmeter contain.

use super::format::{npy, npz};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use zip::ZipArchive;

/// Longest description that is read, in bytes.
const MAX_META: u64 = 1 << 20;

/// Most array names listed.
const MAX_NAMES: usize = 64;

/// An `.npz` archive without its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// Names of its arrays, in alphabetical order: the first 64.
    pub arrays: Vec<String>,
    /// Its description, if it has one: the JSON object in its array `meta`, or why that cannot be
    /// read.
    pub meta: Option<Result<Map<String, Value>, String>>,
}

impl Archive {
    /// Opens a file. `None` if it is not an archive or cannot be read: [`read`](super::read) gives
    /// the reason.
    pub fn open(path: &Path) -> Option<Self> {
        // A pipe can be read only once.
        if !crate::file::check(path).ok()?.is_file() {
            return None;
        }
        let mut file = crate::file::open(path).ok()?;
        let mut start = [0; 4];
        file.read_exact(&mut start).ok()?;
        if !(npz::FORMAT.recognises)(&start) {
            return None;
        }
        file.rewind().ok()?;
        let mut zip = ZipArchive::new(BufReader::new(file)).ok()?;
        let mut arrays: Vec<String> = zip
            .file_names()
            .filter_map(|name| name.ok()?.strip_suffix(".npy").map(String::from))
            .collect();
        arrays.sort_unstable();
        let has_meta = arrays.iter().any(|name| name == "meta");
        let meta = has_meta.then(|| meta(&mut zip));
        arrays.truncate(MAX_NAMES);
        Some(Archive { arrays, meta })
    }

    /// Whether one of the arrays has this name.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.iter().any(|array| array == name)
    }

    /// What the file says it holds, such as "gaussmeter spectrum".
    pub fn content(&self) -> Option<&str> {
        self.meta.as_ref()?.as_ref().ok()?.get("content")?.as_str()
    }
}

fn meta(zip: &mut ZipArchive<BufReader<File>>) -> Result<Map<String, Value>, String> {
    let file = zip.by_name("meta.npy").map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_META + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_META {
        return Err(format!("larger than {} KiB", MAX_META >> 10));
    }
    let (values, dtype) = npy::array(&bytes, "bytes").map_err(|e| e.to_string())?;
    if dtype != "uint8" {
        return Err(format!("type {dtype} instead of the bytes of a text"));
    }
    let text: Vec<u8> = values.iter().map(|v| *v as u8).collect();
    serde_json::from_slice(&text).map_err(|e| format!("not a JSON object: {e}"))
}
