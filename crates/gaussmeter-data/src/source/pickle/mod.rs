//! Python's pickles, read as data: nothing in them is imported, called or executed.
//!
//! A pickle is a program for a stack machine; [`machine`] runs the opcodes of protocols 0 to 5 that
//! build data. Functions and classes are names to it. A few stand for arrays, tensors and what they
//! consist of, and [`known`] says what they would make; any other name is an error.

mod known;
mod machine;

use super::Input;
use super::records::{Number, Opener};
use crate::samples::SamplesError;
use known::Known;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{Cursor, Read};
use std::sync::Arc;

/// Containers within containers in which arrays are looked for.
const DEPTH: usize = 32;

/// Arrays that are told apart by name, and bytes of a key in such a name.
const NAMED: usize = 1 << 16;
const KEY: usize = 256;

/// A value, by its place among all values: lists may hold themselves.
type Id = u32;

/// What a pickle holds.
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

pub(super) enum Value {
    /// None, a floating-point number, or another value of which no array is made.
    Other,
    /// An integer or a boolean.
    Int(i64),
    Text(Arc<str>),
    Bytes(Bytes),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Known),
    Type(Arc<Type>),
    Array(Box<Array>),
    Storage(Arc<Storage>),
    Tensor(Box<Tensor>),
}

/// Bytes, in memory or where they lie in the file.
#[derive(Clone)]
pub(super) enum Bytes {
    Held(Arc<[u8]>),
    Range { start: u64, len: u64 },
}

/// How numbers are stored.
#[derive(Clone)]
pub(super) struct Type {
    /// As its library calls it.
    pub name: String,
    /// `None` if it is none that is read.
    pub number: Option<Number>,
    pub big_endian: bool,
}

/// A NumPy array.
#[derive(Clone)]
pub(super) struct Array {
    pub kind: Arc<Type>,
    pub axes: Vec<usize>,
    /// Numbers from one entry of each axis to the next.
    pub strides: Vec<usize>,
    /// `None` where they are Python objects.
    pub data: Option<Bytes>,
}

/// A tensor: numbers of a storage, from one of them on.
#[derive(Clone)]
pub(super) struct Tensor {
    pub kind: Arc<Type>,
    pub storage: Arc<Storage>,
    pub offset: usize,
    pub axes: Vec<usize>,
    pub strides: Vec<usize>,
}

/// What the numbers of tensors are kept in.
pub(super) struct Storage {
    kind: Arc<Type>,
    /// Its name in the archive.
    pub key: String,
}

impl Bytes {
    pub fn len(&self) -> u64 {
        match self {
            Bytes::Held(bytes) => bytes.len() as u64,
            Bytes::Range { len, .. } => *len,
        }
    }

    /// Opens them as a stream.
    pub fn opener(self, input: &Input) -> Opener {
        let input = input.clone();
        Box::new(move |offset| -> Result<Box<dyn Read + Send>, SamplesError> {
            match &self {
                Bytes::Held(bytes) => {
                    let mut cursor = Cursor::new(Arc::clone(bytes));
                    cursor.set_position(offset);
                    Ok(Box::new(cursor))
                }
                Bytes::Range { start, len } => {
                    let reader = input.reader_at(start + offset)?;
                    Ok(Box::new(reader.take(len.saturating_sub(offset))))
                }
            }
        })
    }
}

impl Pickle {
    /// Runs the pickle at the beginning of a file.
    ///
    /// # Errors
    /// [`SamplesError`]: damaged, too large, or made of anything but data.
    pub fn load(input: &Input) -> Result<Self, SamplesError> {
        machine::run(input)
    }

    fn get(&self, id: Id) -> &Value {
        self.values.get(id as usize).unwrap_or(&Value::Other)
    }

    /// What it is.
    pub fn root(&self) -> &Value {
        self.get(self.root)
    }

    /// The value of a key, if the pickle is a dictionary that has it.
    pub fn entry(&self, key: &str) -> Option<&Value> {
        let Value::Dict(pairs) = self.root() else { return None };
        let (_, value) =
            pairs.iter().find(|(k, _)| text(self.get(*k)).is_some_and(|k| k == key))?;
        Some(self.get(*value))
    }

    /// All arrays and tensors in it, named by the keys and indices that lead to them.
    pub fn arrays(&self) -> Vec<(String, &Value)> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut rest = vec![(String::new(), self.root, 0)];
        while let Some((name, id, depth)) = rest.pop() {
            let value = self.get(id);
            let mut below = Vec::new();
            match value {
                Value::Array(_) | Value::Tensor(_) if found.len() < NAMED => {
                    found.push((name, value));
                    continue;
                }
                Value::Tuple(_) | Value::List(_) | Value::Dict(_)
                    if depth == DEPTH || !seen.insert(id) => {}
                Value::Tuple(all) | Value::List(all) => below.extend(
                    (all.iter().enumerate().filter(|(_, id)| self.is_inner(**id)))
                        .map(|(k, id)| (Cow::from(k.to_string()), *id)),
                ),
                Value::Dict(all) => below.extend(
                    (all.iter().filter(|(_, id)| self.is_inner(*id)))
                        .map(|(key, id)| (self.key(*key), *id)),
                ),
                _ => {}
            }
            let dot = if name.is_empty() { "" } else { "." };
            // The last one first, since the last one is taken first.
            let below = below.into_iter().rev();
            rest.extend(below.map(|(key, id)| (format!("{name}{dot}{key}"), id, depth + 1)));
        }
        found
    }

    /// Whether it is, or may hold, an array.
    fn is_inner(&self, id: Id) -> bool {
        match self.get(id) {
            Value::Array(_) | Value::Tensor(_) => true,
            Value::Tuple(all) | Value::List(all) => !all.is_empty(),
            Value::Dict(all) => !all.is_empty(),
            _ => false,
        }
    }

    fn key(&self, id: Id) -> Cow<'_, str> {
        match self.get(id) {
            Value::Int(key) => key.to_string().into(),
            key => match text(key) {
                Some(Cow::Borrowed(key)) => key[..key.floor_char_boundary(KEY)].into(),
                Some(Cow::Owned(key)) => key[..key.floor_char_boundary(KEY)].to_owned().into(),
                None => "?".into(),
            },
        }
    }
}

/// A value as text: Python 2 wrote its texts as bytes.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Bytes(Bytes::Held(bytes)) => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    }
}
