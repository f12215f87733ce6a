//! The values of a pickle.

use crate::samples::SamplesError;
use crate::source::Input;
use crate::source::records::{Number, Opener};
use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::sync::Arc;

/// Most axes of an array.
pub(super) const AXES: usize = 64;

/// The index of a value among all values: lists may contain themselves.
pub(super) type Id = u32;

/// All values of a pickle. They refer to each other by index.
#[derive(Default)]
pub(super) struct Values(Vec<Value>);

impl Values {
    /// Adds a value; `None` if there are too many to index.
    pub fn push(&mut self, value: Value) -> Option<Id> {
        let id = Id::try_from(self.0.len()).ok()?;
        self.0.push(value);
        Some(id)
    }

    pub fn get(&self, id: Id) -> &Value {
        self.0.get(id as usize).unwrap_or(&Value::Other)
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.0.get_mut(id as usize)
    }

    /// The entries of a tuple or list.
    pub fn items<'a>(&self, value: &'a Value) -> Option<&'a [Id]> {
        match value {
            Value::Tuple(all) | Value::List(all) => Some(all),
            _ => None,
        }
    }

    /// A tuple of lengths.
    pub fn lengths(&self, value: &Value) -> Option<Vec<usize>> {
        let all = self.items(value).filter(|all| all.len() <= AXES)?;
        let length = |id: &Id| match self.get(*id) {
            Value::Int(length) => usize::try_from(*length).ok(),
            _ => None,
        };
        all.iter().map(length).collect()
    }
}

/// A value.
pub(in crate::source) enum Value {
    /// None, a floating-point number, or another value that no array is made of.
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
    Array(Box<PickledArray>),
    Storage(Arc<Storage>),
    Tensor(Box<Tensor>),
}

/// Bytes, in memory or by their place in the file.
#[derive(Clone)]
pub(in crate::source) enum Bytes {
    Held(Arc<[u8]>),
    Range { start: u64, len: u64 },
}

/// How numbers are stored.
#[derive(Clone)]
pub(in crate::source) struct Type {
    /// As its library names it.
    pub name: String,
    /// `None` if the type is not supported.
    pub number: Option<Number>,
    pub big_endian: bool,
}

/// A NumPy array.
#[derive(Clone)]
pub(in crate::source) struct PickledArray {
    pub kind: Arc<Type>,
    pub axes: Vec<usize>,
    /// Distance between consecutive entries along each axis, in numbers.
    pub strides: Vec<usize>,
    /// `None` if entries are Python objects.
    pub data: Option<Bytes>,
}

/// A tensor: numbers of a storage, starting at `offset`.
#[derive(Clone)]
pub(in crate::source) struct Tensor {
    pub kind: Arc<Type>,
    pub storage: Arc<Storage>,
    pub offset: usize,
    pub axes: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A sequence of numbers, shared by tensors.
pub(in crate::source) struct Storage {
    pub kind: Arc<Type>,
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

    /// Opens streams of the bytes.
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

/// A function or class that stands for data.
#[derive(Clone)]
pub(in crate::source) enum Known {
    /// `numpy.core.multiarray._reconstruct`: an array without content.
    Reconstruct,
    /// `numpy.ndarray`
    NdArray,
    /// `numpy.dtype`
    DType,
    /// `numpy.core.multiarray.scalar`
    Scalar,
    /// `numpy.core.numeric._frombuffer`
    FromBuffer,
    /// `_codecs.encode`: bytes, in protocols that have no bytes.
    Encode,
    /// `bytes`, `bytearray`
    Bytes,
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2` and `_v3`: a tensor.
    Tensor,
    /// `torch._utils._rebuild_parameter`: a trainable tensor.
    Parameter,
    /// A class of storages, or a type.
    Kind(Arc<Type>),
    /// `torch.Size`
    Size,
    /// `torch.device`
    Device,
}

/// A value as text. Python 2 wrote text as bytes.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Bytes(Bytes::Held(bytes)) => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    }
}
