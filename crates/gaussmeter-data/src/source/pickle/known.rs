//! The functions and classes that stand for data, and what calling them would make.

use super::value::{Bytes, Id, Known, PickledArray, Storage, Tensor, Type, Value, Values, text};
use crate::source::records::{Number, fortran_strides, usual_strides};
use std::sync::Arc;

/// Most characters shown of the name of a type.
const SHOWN: usize = 32;

/// Most arguments of a call.
pub(super) const ARGUMENTS: usize = 16;

impl Known {
    /// The function or class of this name, if it is known.
    pub fn new(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Known::Reconstruct
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Known::Scalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Known::FromBuffer,
            ("numpy", "ndarray") => Known::NdArray,
            ("numpy", "dtype") => Known::DType,
            ("_codecs", "encode") => Known::Encode,
            ("__builtin__" | "builtins", "bytes" | "bytearray") => Known::Bytes,
            ("collections", "OrderedDict") => Known::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => Known::Tensor,
            ("torch._utils", "_rebuild_parameter") => Known::Parameter,
            ("torch", "Size") => Known::Size,
            ("torch", "device") => Known::Device,
            ("torch" | "torch.storage", name) => Known::Kind(Arc::new(torch_type(name)?)),
            _ => return None,
        })
    }
}

/// A type of torch, or the type of a class of storages.
fn torch_type(name: &str) -> Option<Type> {
    let number = match name {
        "DoubleStorage" | "float64" => Number::F64,
        "FloatStorage" | "float32" => Number::F32,
        "HalfStorage" | "float16" => Number::F16,
        "BFloat16Storage" | "bfloat16" => Number::BF16,
        "LongStorage" | "int64" => Number::I64,
        "IntStorage" | "int32" => Number::I32,
        "ShortStorage" | "int16" => Number::I16,
        "CharStorage" | "int8" => Number::I8,
        // Tensors on untyped storages name their own type.
        "ByteStorage" | "UntypedStorage" | "uint8" => Number::U8,
        "BoolStorage" | "bool" => Number::Bool,
        "uint16" => Number::U16,
        "uint32" => Number::U32,
        "uint64" => Number::U64,
        name => {
            let starts =
                ["complex", "float8", "float4", "quint", "qint", "Complex", "Quint", "QInt"];
            let is_other = starts.iter().any(|start| name.starts_with(start));
            return (is_other || name.ends_with("Storage")).then(|| Type {
                name: name.into(),
                number: None,
                big_endian: false,
            });
        }
    };
    Some(Type { name: name.into(), number: Some(number), big_endian: false })
}

/// What a call with these arguments makes; `None` if the arguments do not fit.
pub(super) fn call(values: &Values, known: &Known, arguments: &[Id]) -> Option<Value> {
    let given: Vec<&Value> = arguments.iter().map(|id| values.get(*id)).collect();
    Some(match (known, &given[..]) {
        (Known::Reconstruct, [Value::Name(Known::NdArray), ..]) => {
            let (kind, axes, strides) = (unknown_type(), vec![0], vec![1]);
            Value::Array(Box::new(PickledArray { kind, axes, strides, data: None }))
        }
        (Known::DType, [descr, ..]) => {
            let name = text(descr)?.into_owned();
            let number = Number::from_descr(&name);
            let name = name.chars().take(SHOWN).flat_map(char::escape_default).collect();
            Value::Type(Arc::new(Type { name, number, big_endian: false }))
        }
        (Known::Scalar | Known::Device, _) => Value::Other,
        (Known::Encode, [Value::Text(text), ..]) => Value::Bytes(latin1(text)?),
        (Known::Bytes, []) => Value::Bytes(Bytes::Held([].into())),
        (Known::Bytes, [Value::Bytes(bytes)]) => Value::Bytes(bytes.clone()),
        (Known::Bytes, [Value::Text(text), ..]) => Value::Bytes(latin1(text)?),
        (Known::OrderedDict, []) => Value::Dict(Vec::new()),
        (Known::OrderedDict, [pairs]) => {
            let pair = |id: &Id| match values.items(values.get(*id))? {
                &[key, value] => Some((key, value)),
                _ => None,
            };
            Value::Dict(values.items(pairs)?.iter().map(pair).collect::<Option<_>>()?)
        }
        (Known::Size, [axes]) => Value::Tuple(values.items(axes)?.to_vec()),
        (Known::FromBuffer, [Value::Bytes(data), Value::Type(kind), axes, order, rest @ ..]) => {
            let axes = values.lengths(axes)?;
            let order = text(order)?;
            let (axes, strides) = match (&order[..], rest) {
                ("F", _) => (axes.clone(), fortran_strides(&axes)),
                ("K", [order]) => {
                    let (order, strides) = (values.lengths(order)?, usual_strides(&axes));
                    let mut sorted = order.clone();
                    sorted.sort_unstable();
                    if sorted.iter().copied().ne(0..axes.len()) {
                        return None;
                    }
                    let permuted = |all: &[usize]| order.iter().map(|k| all[*k]).collect();
                    (permuted(&axes), permuted(&strides))
                }
                _ => (axes.clone(), usual_strides(&axes)),
            };
            let (kind, data) = (Arc::clone(kind), Some(data.clone()));
            Value::Array(Box::new(PickledArray { kind, axes, strides, data }))
        }
        (
            Known::Tensor,
            [Value::Storage(storage), Value::Int(offset), axes, strides, rest @ ..],
        ) => {
            let kind = match rest {
                [_, _, Value::Name(Known::Kind(kind)), ..] => kind,
                _ => &storage.kind,
            };
            let (axes, strides) = (values.lengths(axes)?, values.lengths(strides)?);
            if axes.len() != strides.len() {
                return None;
            }
            let (kind, storage) = (Arc::clone(kind), Arc::clone(storage));
            let offset = usize::try_from(*offset).ok()?;
            Value::Tensor(Box::new(Tensor { kind, storage, offset, axes, strides }))
        }
        (Known::Parameter, [Value::Tensor(tensor), ..]) => Value::Tensor(tensor.clone()),
        _ => return None,
    })
}

/// What an object becomes with this state; `None` if the state does not fit.
pub(super) fn build(values: &Values, object: &Value, state: &Value) -> Option<Value> {
    let parts = || -> Option<Vec<&Value>> {
        let parts = values.items(state).filter(|parts| parts.len() <= ARGUMENTS)?;
        Some(parts.iter().map(|id| values.get(*id)).collect())
    };
    Some(match object {
        Value::Array(_) => {
            // Arrays from before 2005 have no version.
            let parts = parts()?;
            let parts = if parts.len() == 5 { &parts[1..] } else { &parts[..] };
            let &[axes, Value::Type(kind), Value::Int(fortran), data] = parts else { return None };
            let axes = values.lengths(axes)?;
            let strides = match *fortran != 0 {
                true => fortran_strides(&axes),
                false => usual_strides(&axes),
            };
            let data = match data {
                Value::Bytes(data) => Some(data.clone()),
                Value::Text(text) => Some(latin1(text)?),
                Value::List(_) => None,
                _ => return None,
            };
            Value::Array(Box::new(PickledArray { kind: Arc::clone(kind), axes, strides, data }))
        }
        Value::Type(kind) => {
            let big_endian = parts()?.get(1).and_then(|order| text(order))? == ">";
            Value::Type(Arc::new(Type { big_endian, ..Type::clone(kind) }))
        }
        _ => return None,
    })
}

/// The storage that torch refers to as ('storage', class, key, device, size).
pub(super) fn persistent(values: &Values, id: &Value) -> Option<Value> {
    let &[tag, class, key, ..] = values.items(id)? else { return None };
    match (text(values.get(tag))?.as_ref(), values.get(class)) {
        ("storage", Value::Name(Known::Kind(kind))) => {
            let (kind, key) = (Arc::clone(kind), text(values.get(key))?.into_owned());
            Some(Value::Storage(Arc::new(Storage { kind, key })))
        }
        _ => None,
    }
}

fn unknown_type() -> Arc<Type> {
    Arc::new(Type { name: "none".into(), number: None, big_endian: false })
}

/// The bytes of a text whose characters stand for bytes.
fn latin1(text: &str) -> Option<Bytes> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    Some(Bytes::Held(bytes?.into()))
}
