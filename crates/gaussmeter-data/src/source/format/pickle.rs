//! Pickled NumPy arrays, such as those of the Python version of CIFAR-10 and CIFAR-100.

use super::SampleFormat;
use super::array::StoredArray;
use super::choose::{self, Named};
use crate::samples::SamplesError;
use crate::source::pickle::{Pickle, PickledArray, Value};
use crate::source::records::{Number, usual_strides};
use crate::source::{Content, Input, Labels, ReadOption, ReadOptions};
use std::collections::HashMap;

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "pickle",
    summary: "pickled NumPy array (--array), CIFAR-10 and CIFAR-100 for Python; code is never run",
    recognises: |input| is_pickle(input.head()),
    open,
};

fn is_pickle(head: &[u8]) -> bool {
    // Before protocol 2 nothing marks a pickle: look for how arrays, lists and dictionaries begin.
    match head {
        [0x80, 2..=5, opcode, ..] => *opcode != 0,
        [b'(', b'd' | b'l', b'p', b'0' | b'1', b'\n', ..] => true,
        [b'}' | b']', b'q', 0 | 1, ..] => true,
        [b'c', rest @ ..] => is_global(rest).unwrap_or(false),
        _ => false,
    }
}

/// Whether a module name, a function name and arguments follow.
fn is_global(rest: &[u8]) -> Option<bool> {
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let mut is_name = || {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._".contains(byte);
        Some(lines.next()?.iter().all(is_part))
    };
    Some(is_name()? && is_name()? && matches!(lines.next()?.first()?, b'(' | b'p' | b'q'))
}

/// Whether the file is a pickle without arrays, such as the names of classes.
pub(super) fn is_list(input: &Input) -> bool {
    is_pickle(input.head()) && Pickle::load(input).is_ok_and(|pickle| pickle.arrays().is_empty())
}

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    let pickle = Pickle::load(input)?;
    let content = content(input, &pickle, options)?;
    match labels(input, &pickle, options)? {
        Some(found) => labelled(input, content, found),
        None => Ok(content),
    }
}

fn content(input: &Input, pickle: &Pickle, options: &ReadOptions) -> Result<Content, SamplesError> {
    if let Some(pictures) = cifar(pickle).filter(|_| options.array.is_none()) {
        options.refuse(input, "pictures of CIFAR, which are planes", &[ReadOption::Layout])?;
        return stored(input, Some("data"), pictures)?.content(input, Some("data"), options);
    }
    read(input, pickle, options, |name, value| match value {
        Value::Array(array) => stored(input, name, PickledArray::clone(array)),
        _ => {
            Err(input
                .malformed("a tensor whose numbers are in another file: save it with torch.save"))
        }
    })
}

/// Keys of labels, the first that is there.
const LABELS: [&str; 2] = ["labels", "fine_labels"];

/// The labels that the options ask for, and their key.
fn labels(
    input: &Input,
    pickle: &Pickle,
    options: &ReadOptions,
) -> Result<Option<(String, Vec<String>)>, SamplesError> {
    let entry = |key: &str| pickle.entry(key).map(|value| (key.to_owned(), value));
    let found = match &options.labels {
        Labels::Ignore => None,
        Labels::Auto => LABELS.iter().find_map(|key| entry(key)),
        Labels::Named(key) => {
            let missing = || input.malformed(format!("no labels '{key}'"));
            Some(entry(key).ok_or_else(missing)?)
        }
    };
    let Some((key, value)) = found else { return Ok(None) };
    let labels = match value {
        Value::Array(array) if array.axes.len() == 1 => {
            let stored = stored(input, Some(&key), PickledArray::clone(array))?;
            let values = stored.array(input, Some(&key))?.values()?;
            let is_whole = values.iter().all(|v| v.fract() == 0.0);
            is_whole.then(|| values.iter().map(f64::to_string).collect())
        }
        value => pickle.labels(value),
    };
    let no_list =
        || input.malformed(format!("'{key}' is no list of labels, which are integers or text"));
    Ok(Some((key.clone(), labels.ok_or_else(no_list)?)))
}

/// The one array of a file, with a label per sample.
fn labelled(
    input: &Input,
    content: Content,
    (key, labels): (String, Vec<String>),
) -> Result<Content, SamplesError> {
    let count = labels.len();
    match content {
        Content::Arrays(mut all) if all.len() == 1 => {
            for array in &mut all {
                let samples = array.axes().first().copied().unwrap_or(0);
                if samples != count {
                    return Err(
                        input.malformed(format!("{count} labels in '{key}' for {samples} samples"))
                    );
                }
                array.labels = Some(labels.clone());
            }
            Ok(Content::Arrays(all))
        }
        content => Ok(content),
    }
}

/// Reads the arrays and tensors of a pickle that the options choose; `stored` finds the numbers of one.
pub(super) fn read(
    input: &Input,
    pickle: &Pickle,
    options: &ReadOptions,
    stored: impl Fn(Option<&str>, &Value) -> Result<StoredArray, SamplesError>,
) -> Result<Content, SamplesError> {
    let root = pickle.root();
    if let Value::Array(_) | Value::Tensor(_) = root {
        options.refuse(input, "one array without a name", &[ReadOption::Array])?;
        return stored(None, root)?.content(input, None, options);
    }
    let values = pickle.arrays();
    let named = |(name, value): &(String, &Value)| {
        let (axes, kind) = match value {
            Value::Array(array) => (array.axes.clone(), array.kind.name.clone()),
            Value::Tensor(tensor) => (tensor.axes.clone(), tensor.kind.name.clone()),
            _ => (Vec::new(), String::new()),
        };
        Named { name: name.clone(), axes, kind }
    };
    let arrays: Vec<Named> = values.iter().map(named).collect();
    // Keys such as 1 and '1' give two values the same name: the first is read.
    let mut by_name: HashMap<&str, &Value> = HashMap::new();
    for (name, value) in &values {
        by_name.entry(name).or_insert(value);
    }
    choose::content(input, &arrays, options, |name| match by_name.get(name) {
        Some(value) => stored(Some(name), value),
        None => Err(input.malformed("holds no array")),
    })
}

/// The numbers of an array of a pickle.
pub(super) fn stored(
    input: &Input,
    name: Option<&str>,
    array: PickledArray,
) -> Result<StoredArray, SamplesError> {
    let bad = |reason: String| match name {
        Some(name) => input.malformed(format!("array '{name}': {reason}")),
        None => input.malformed(reason),
    };
    let PickledArray { kind, axes, strides, data } = array;
    let data =
        data.ok_or_else(|| bad("Python objects are not read: save an array of numbers".into()))?;
    let number = kind.number.ok_or_else(|| {
        bad(format!("type '{}' is not a real number of up to 64 bits", kind.name))
    })?;
    let size = axes.iter().try_fold(number.size(), |all, n| all.checked_mul(*n));
    if size.map(|size| size as u64) != Some(data.len()) {
        return Err(bad(format!("{} bytes for {} of shape {axes:?}", data.len(), number.name())));
    }
    let (big_endian, strides) = (kind.big_endian, Some(strides));
    Ok(StoredArray { number, big_endian, axes, strides, open: data.opener(input) })
}

/// The pictures in a dictionary like those of CIFAR and of ImageNet reduced to small sizes: rows of
/// planes, beside labels.
fn cifar(pickle: &Pickle) -> Option<PickledArray> {
    let is_set = LABELS.iter().any(|key| pickle.entry(key).is_some());
    match pickle.entry("data")? {
        Value::Array(array) if is_set && array.kind.number == Some(Number::U8) => {
            let &[n, d] = &array.axes[..] else { return None };
            let side = [8, 16, 32, 64].into_iter().find(|side| 3 * side * side == d)?;
            let axes = vec![n, 3, side, side];
            // Rows must be contiguous.
            let strides = usual_strides(&axes);
            (array.strides == usual_strides(&array.axes)).then(|| PickledArray {
                axes,
                strides,
                ..PickledArray::clone(array)
            })
        }
        _ => None,
    }
}
