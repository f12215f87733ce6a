//! Lists of 32-bit numbers in a safetensors file, with a JSON text that says what they are.

use crate::error::NetError;
use crate::file;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
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

pub(crate) fn write<M: Serialize>(
    path: &Path,
    meta: &M,
    tensors: &[Named<'_>],
) -> Result<(), NetError> {
    let wrong = |reason: String| NetError::malformed(path, reason);
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let view = |((name, shape, _), bytes): (&Named<'_>, &Vec<u8>)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes.as_slice());
        view.map(|view| (name.clone(), view.shape().to_vec())).map_err(|e| wrong(e.to_string()))
    };
    tensors.iter().zip(&bytes).map(view).collect::<Result<Vec<_>, _>>()?;
    let views = tensors.iter().zip(&bytes).filter_map(|((name, shape, _), bytes)| {
        Some((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).ok()?))
    });
    let text = serde_json::to_string(meta).map_err(|e| wrong(e.to_string()))?;
    let about = HashMap::from([(KEY.to_owned(), text)]);
    let all = serialize(views, Some(about)).map_err(|e| wrong(e.to_string()))?;
    file::replace(path, &all)
}

/// What a file holds.
pub(crate) struct Stored {
    bytes: Vec<u8>,
}

impl Stored {
    pub fn read(path: &Path) -> Result<Self, NetError> {
        Ok(Stored { bytes: gaussmeter::file::read(path, LIMIT)? })
    }

    /// The JSON text, whose `content` has to be `content`.
    pub fn meta<M: DeserializeOwned>(&self, path: &Path, content: &str) -> Result<M, NetError> {
        let wrong = |reason: String| NetError::malformed(path, reason);
        let (_, metadata) = SafeTensors::read_metadata(&self.bytes)
            .map_err(|e| wrong(format!("not a complete safetensors file: {e}")))?;
        let text = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
        let text = text.ok_or_else(|| wrong(format!("no {content}: written by something else")))?;
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|e| wrong(format!("its description is damaged: {e}")))?;
        match value["content"].as_str() {
            Some(found) if found == content => {}
            Some(found) => return Err(wrong(format!("{found} instead of {content}"))),
            None => return Err(wrong(format!("no {content}: it does not say what it holds"))),
        }
        match value["version"].as_u64() {
            Some(1) => {}
            _ => return Err(wrong("written by another version of gaussmeter".into())),
        }
        serde_json::from_value(value).map_err(|e| wrong(format!("its description: {e}")))
    }

    /// The values of a tensor of these axes, all finite.
    pub fn tensor(&self, path: &Path, name: &str, shape: &[usize]) -> Result<Vec<f32>, NetError> {
        let wrong = |reason: String| NetError::malformed(path, reason);
        let all = SafeTensors::deserialize(&self.bytes)
            .map_err(|e| wrong(format!("not a complete safetensors file: {e}")))?;
        let tensor = all.tensor(name).map_err(|_| wrong(format!("no tensor '{name}'")))?;
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
