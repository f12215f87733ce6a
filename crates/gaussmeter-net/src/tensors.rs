//! Lists of 32-bit numbers in a safetensors file, with a JSON text that says what they are.

use crate::error::NetError;
use crate::file;
use gaussmeter::message::one_line;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors, serialize};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::Path;

/// The key of the JSON text.
const KEY: &str = "gaussmeter";

/// The largest file that is read: four lists of as many values as a network may have.
const LIMIT: u64 = 2 << 30;

/// A tensor to write: its name, its axes and its values.
pub(crate) type Named<'a> = (String, Vec<usize>, &'a [f32]);

/// Writes a file, whole or not at all.
pub(crate) fn write<M: Serialize>(
    path: &Path,
    meta: &M,
    tensors: &[Named<'_>],
) -> Result<(), NetError> {
    let wrong = |reason: String| NetError::malformed(path, reason);
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let all: Vec<Vec<u8>> = tensors.iter().map(|(_, _, values)| bytes(values)).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, shape, _), bytes) in tensors.iter().zip(&all) {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        views.push((name, view.map_err(|e| wrong(e.to_string()))?));
    }
    let text = serde_json::to_string(meta).map_err(|e| wrong(e.to_string()))?;
    let about = HashMap::from([(KEY.to_owned(), text)]);
    let file = serialize(views, Some(about)).map_err(|e| wrong(e.to_string()))?;
    file::replace(path, &file)
}

/// A file with tensors.
pub(crate) struct Stored<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

/// The tensors of a file.
pub(crate) struct Tensors<'a> {
    path: &'a Path,
    all: SafeTensors<'a>,
}

impl<'a> Stored<'a> {
    pub fn read(path: &'a Path) -> Result<Self, NetError> {
        Ok(Stored { path, bytes: gaussmeter::file::read(path, LIMIT)? })
    }

    fn wrong(&self, reason: impl Into<String>) -> NetError {
        NetError::malformed(self.path, reason)
    }

    fn incomplete(&self, error: SafeTensorError) -> NetError {
        self.wrong(format!("not a complete safetensors file: {}", one_line(&error.to_string())))
    }

    /// The JSON text, whose `content` has to be `content`.
    pub fn meta<M: DeserializeOwned>(&self, content: &str) -> Result<M, NetError> {
        let read = SafeTensors::read_metadata(&self.bytes);
        let (_, metadata) = read.map_err(|e| self.incomplete(e))?;
        let text = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
        let nothing = || self.wrong(format!("no {content}: written by something else"));
        let text = text.ok_or_else(nothing)?;
        let damaged = |e: serde_json::Error| {
            self.wrong(format!("its description is damaged: {}", one_line(&e.to_string())))
        };
        let value: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
        match (value["content"].as_str(), value["version"].as_u64()) {
            (Some(found), _) if found != content => {
                Err(self.wrong(format!("{} instead of {content}", one_line(found))))
            }
            (Some(_), Some(1)) => serde_json::from_value(value).map_err(damaged),
            (Some(_), _) => Err(self.wrong("written by another version of gaussmeter")),
            (None, _) => Err(self.wrong(format!("no {content}: it does not say what it holds"))),
        }
    }

    /// The tensors.
    pub fn tensors(&self) -> Result<Tensors<'_>, NetError> {
        let all = SafeTensors::deserialize(&self.bytes).map_err(|e| self.incomplete(e))?;
        Ok(Tensors { path: self.path, all })
    }
}

impl Tensors<'_> {
    /// The values of a tensor of these axes, all finite.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, NetError> {
        let wrong = |reason: String| NetError::malformed(self.path, reason);
        let tensor = self.all.tensor(name).map_err(|_| wrong(format!("no tensor '{name}'")))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let (kind, found) = (tensor.dtype(), tensor.shape());
            return Err(wrong(format!(
                "tensor '{name}' is {kind:?} {found:?} instead of F32 {shape:?}"
            )));
        }
        let value = |b: &[u8]| b.try_into().map(f32::from_le_bytes).unwrap_or(f32::NAN);
        let values: Vec<f32> = tensor.data().chunks_exact(4).map(value).collect();
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(values),
            false => Err(wrong(format!("tensor '{name}' has values that are not finite"))),
        }
    }
}
