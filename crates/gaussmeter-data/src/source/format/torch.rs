//! PyTorch files: ZIP archives of a pickle and the storages that it refers to.

use super::array::{StoredArray, span};
use super::{SampleFormat, npz, pickle};
use crate::samples::SamplesError;
use crate::source::pickle::{Pickle, PickledArray, Tensor, Value};
use crate::source::{Content, Input, ReadOptions};
use std::collections::HashMap;
use std::io::Read;

/// Longest pickle that is read; the numbers of tensors are elsewhere.
const MAX_PICKLE: u64 = 64 << 20;

/// The beginning of files written before PyTorch 1.6: a pickled number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "torch",
    summary: "PyTorch file (.pt): a tensor (--array); code is never run",
    recognises: |input| is_legacy(input) || root(input).is_some(),
    open,
};

fn is_legacy(input: &Input) -> bool {
    input.head().starts_with(LEGACY)
}

/// The common beginning of the names of all entries, and those names.
fn root(input: &Input) -> Option<(String, Vec<String>)> {
    let names = npz::names(input).ok()?;
    let is_root =
        |name: &&str| name.is_empty() || name.ends_with('/') && name.matches('/').count() == 1;
    let root = names.iter().filter_map(|n| n.strip_suffix("data.pkl")).find(is_root)?.to_owned();
    Some((root, names))
}

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    if is_legacy(input) {
        return Err(input.malformed(
            "in the format before PyTorch 1.6: save it again with torch.save(torch.load(path), path)",
        ));
    }
    let (root, names) = root(input).ok_or_else(|| input.malformed("not an archive of PyTorch"))?;
    let inner: Vec<&str> = names.iter().filter_map(|n| n.strip_prefix(&root[..])).collect();
    if inner.iter().any(|name| *name == "constants.pkl" || name.starts_with("code/")) {
        return Err(input.malformed(
            "TorchScript programs are never run: save the tensors with torch.save(module.state_dict(), path)",
        ));
    }
    let big_endian =
        inner.contains(&"byteorder") && small(input, &format!("{root}byteorder"))? == b"big";
    let name = format!("{root}data.pkl");
    let bytes = small(input, &name)?;
    let place = match input.member() {
        Some(member) => format!("{member}: {name}"),
        None => name,
    };
    let pickled = Input::memory(input.path(), &place, bytes)?;
    let loaded = Pickle::load(&pickled)?;
    let archive = TorchArchive { input, root: &root, places: npz::places(input)? };
    pickle::read(input, &loaded, options, |name, value| match value {
        Value::Tensor(tensor) => tensor_stored(&archive, big_endian, name, tensor),
        Value::Array(array) => pickle::stored(&pickled, name, PickledArray::clone(array)),
        _ => Err(input.malformed("contains no tensor")),
    })
}

/// The content of a small entry.
fn small(input: &Input, name: &str) -> Result<Vec<u8>, SamplesError> {
    let mut bytes = Vec::new();
    let mut entry = npz::entry(input, name, 0)?.take(MAX_PICKLE + 1);
    entry.read_to_end(&mut bytes).map_err(|e| input.malformed(format!("'{name}': {e}")))?;
    match bytes.len() as u64 > MAX_PICKLE {
        true => Err(input.malformed(format!("'{name}' has more than {} MiB", MAX_PICKLE >> 20))),
        false => Ok(bytes),
    }
}

/// A file of PyTorch, and where its entries are.
struct TorchArchive<'a> {
    input: &'a Input,
    root: &'a str,
    places: HashMap<String, npz::Place>,
}

fn tensor_stored(
    archive: &TorchArchive<'_>,
    big_endian: bool,
    name: Option<&str>,
    tensor: &Tensor,
) -> Result<StoredArray, SamplesError> {
    let TorchArchive { input, root, places } = archive;
    let bad = |reason: String| match name {
        Some(name) => input.malformed(format!("tensor '{name}': {reason}")),
        None => input.malformed(reason),
    };
    let Tensor { kind, storage, offset, axes, strides } = tensor;
    let number = kind.number.ok_or_else(|| {
        bad(format!("type {} is not a real number of 8 to 64 bits: save tensor.float()", kind.name))
    })?;
    let file = format!("{root}data/{}", storage.key);
    let held = match places.get(&file) {
        Some(place) => place.size,
        None => npz::entry_size(input, &file)?,
    };
    let bytes = |numbers: usize| numbers.checked_mul(number.size());
    let end = span(axes, strides).and_then(|span| bytes(span.checked_add(*offset)?));
    let (Some(start), Some(_)) = (bytes(*offset), end.filter(|end| *end as u64 <= held)) else {
        return Err(bad(format!(
            "shape {axes:?} from number {offset} on does not fit in its storage of {held} bytes"
        )));
    };
    let open = npz::entry_opener(input, file, places, start as u64);
    let (axes, strides) = (axes.clone(), Some(strides.clone()));
    Ok(StoredArray { number, big_endian, axes, strides, open })
}
