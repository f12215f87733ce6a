//! The graph of a file: its operations, and what of its constants may be a size.

use crate::error::Broken;
use crate::header::{External, MOST_OPERATIONS, MOST_VALUES, Port, port};
use crate::sizes::{FEW, MOST_AXES, Tensor};
use crate::wire::{Fields, Value, floats, message, numbers, text};
use std::collections::HashMap;

/// Depth of messages in messages: a graph of a graph's attribute is four deeper.
const DEEPEST: usize = 40;

/// A graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Its operations, in the order of the file.
    pub nodes: Vec<Node>,
    /// Its constants.
    pub constants: HashMap<String, Tensor>,
    /// Names of its outputs.
    pub outputs: Vec<String>,
    /// Names of its inputs.
    pub inputs: Vec<String>,
    /// What the file says of its values.
    pub declared: HashMap<String, Port>,
}

/// An operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its name in ONNX, such as `Conv`.
    pub kind: String,
    /// Names of its inputs; those that are left out are empty.
    pub inputs: Vec<String>,
    /// Names of its outputs.
    pub outputs: Vec<String>,
    attributes: HashMap<String, Attribute>,
}

/// What an operation is told besides its inputs. Which one it holds is told by its name.
#[derive(Clone, Debug, Default, PartialEq)]
struct Attribute {
    int: i64,
    ints: Vec<i64>,
    float: f32,
    floats: Vec<f32>,
    text: String,
    tensor: Option<Tensor>,
    graph: Option<Graph>,
}

impl Node {
    /// A whole number.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attributes.get(name).map_or(default, |a| a.int)
    }

    /// Whole numbers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attributes.get(name).map(|a| &a.ints[..])
    }

    /// A text, or nothing.
    pub fn text(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", |a| &a.text)
    }

    /// A graph.
    pub fn graph(&self, name: &str) -> Option<&Graph> {
        self.attributes.get(name)?.graph.as_ref()
    }

    /// The value of a `Constant`.
    pub fn constant(&self) -> Option<Tensor> {
        let (name, a) = self.attributes.iter().find(|(name, _)| name.starts_with("value"))?;
        let whole = |all: &[i64]| all.iter().map(|v| Some(*v as f64)).collect();
        let real = |all: &[f32]| all.iter().map(|v| Some(f64::from(*v))).collect();
        match &name[..] {
            "value" => a.tensor.clone(),
            "value_int" => Some(Tensor::scalar(a.int as f64, true)),
            "value_ints" => Some(Tensor::list(whole(&a.ints), true)),
            "value_float" => Some(Tensor::scalar(a.float.into(), false)),
            "value_floats" => Some(Tensor::list(real(&a.floats), false)),
            _ => None,
        }
    }

    /// The value that a `ConstantOfShape` fills its output with.
    pub fn filling(&self) -> Option<&Tensor> {
        self.attributes.get("value")?.tensor.as_ref()
    }
}

/// What is counted over all graphs.
#[derive(Default)]
pub struct Reader {
    operations: usize,
    /// Weights in other files.
    pub external: Vec<External>,
}

impl Reader {
    /// Reads a graph, at a depth of messages.
    ///
    /// # Errors
    /// [`Broken`]
    pub fn graph(&mut self, graph: &[u8], depth: usize) -> Result<Graph, Broken> {
        if depth > DEEPEST {
            return Err(Broken::Deep(DEEPEST));
        }
        let mut read = Graph::default();
        for field in Fields::of(graph) {
            match field? {
                (1, value) => read.nodes.push(self.node(message(value)?, depth + 1)?),
                (5, value) => {
                    let (name, tensor) = self.tensor(message(value)?)?;
                    if read.constants.insert(name.clone(), tensor).is_some() {
                        return Err(Broken::Twice(name));
                    }
                }
                (number @ 11..=13, value) => {
                    let info = message(value)?;
                    nested_types(info, depth + 1)?;
                    let port = port(info)?;
                    match number {
                        11 => read.inputs.push(port.name.clone()),
                        12 => read.outputs.push(port.name.clone()),
                        _ => {}
                    }
                    if let Some(other) = read.declared.insert(port.name.clone(), port.clone())
                        && other != port
                    {
                        return Err(Broken::Twice(port.name));
                    }
                }
                _ => {}
            }
        }
        Ok(read)
    }

    fn node(&mut self, bytes: &[u8], depth: usize) -> Result<Node, Broken> {
        self.operations += 1;
        if self.operations > MOST_OPERATIONS {
            return Err(Broken::Operations(MOST_OPERATIONS));
        }
        let mut node = Node::default();
        for field in Fields::of(bytes) {
            match field? {
                (1, value) => node.inputs.push(text(value)?.into()),
                (2, value) => node.outputs.push(text(value)?.into()),
                (4, value) => node.kind = text(value)?.into(),
                (5, value) => {
                    let (name, attribute) = self.attribute(message(value)?, depth + 1)?;
                    if node.attributes.insert(name.clone(), attribute).is_some() {
                        return Err(Broken::Twice(name));
                    }
                }
                _ => {}
            }
        }
        match &node.kind[..] {
            "Loop" | "Scan" => Err(Broken::Loop(node.kind)),
            _ => Ok(node),
        }
    }

    fn attribute(&mut self, bytes: &[u8], depth: usize) -> Result<(String, Attribute), Broken> {
        let (mut name, mut read) = (String::new(), Attribute::default());
        for field in Fields::of(bytes) {
            match field? {
                (1, value) => name = text(value)?.into(),
                (2, value) => read.float = floats(value)?.last().copied().unwrap_or(0.0),
                (3, Value::Number(number)) => read.int = number as i64,
                // A text need not be UTF-8: one that is not is none that is known.
                (4, value) => read.text = text(value).unwrap_or_default().into(),
                (5, value) => read.tensor = Some(self.tensor(message(value)?)?.1),
                (6, value) => read.graph = Some(self.graph(message(value)?, depth + 1)?),
                (7, value) => read.floats.extend(floats(value)?),
                (8, value) => read.ints.extend(numbers(value)?.into_iter().map(|n| n as i64)),
                (10, value) => drop(self.tensor(message(value)?)?),
                (11, value) => drop(self.graph(message(value)?, depth + 1)?),
                _ => {}
            }
        }
        Ok((name, read))
    }

    fn tensor(&mut self, bytes: &[u8]) -> Result<(String, Tensor), Broken> {
        let (mut name, mut kind, mut dims) = (String::new(), 0, Vec::new());
        let (mut raw, mut whole, mut real) = (&[][..], Vec::new(), Vec::new());
        let (mut location, mut offset, mut length) = (None, 0, 0);
        for field in Fields::of(bytes) {
            match field? {
                (1, value) => dims.extend(numbers(value)?),
                (2, Value::Number(number)) => kind = number,
                (4, value) => real.extend(floats(value)?),
                (5 | 7, value) => whole.extend(numbers(value)?),
                (8, value) => name = text(value)?.into(),
                (9, value) => raw = message(value)?,
                (13, value) => {
                    let (key, value) = pair(message(value)?)?;
                    match key {
                        "location" => location = Some(value),
                        "offset" => offset = value.parse().map_err(|_| Broken::Wire)?,
                        "length" => length = value.parse().map_err(|_| Broken::Wire)?,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        if dims.len() > MOST_AXES {
            return Err(Broken::Axes { what: format!("the tensor '{name}'"), most: MOST_AXES });
        }
        let elements = dims.iter().map(|d| u128::from(*d)).fold(1u128, u128::saturating_mul);
        if elements > u128::from(MOST_VALUES) {
            let (what, elements) = (format!("the tensor '{name}'"), elements.to_string());
            return Err(Broken::Large { what, elements, most: MOST_VALUES, advice: "" });
        }
        let is_here = location.is_none();
        if let Some(location) = location {
            let end = u64::checked_add(offset, length).ok_or(Broken::Wire)?;
            self.external.push(External { location: location.into(), end });
        }
        let dims: Vec<Option<u64>> = dims.into_iter().map(Some).collect();
        let few = is_here && elements <= FEW as u128;
        let values = if few { small(kind, raw, &whole, &real) } else { None };
        let is_whole = !matches!(kind, FLOAT | DOUBLE);
        Ok((name, Tensor::new(dims, values, is_whole)))
    }
}

/// Kinds of numbers, of TensorProto.DataType, that sizes are written in.
const FLOAT: u64 = 1;
const INT32: u64 = 6;
const INT64: u64 = 7;
const BOOL: u64 = 9;
const DOUBLE: u64 = 11;

/// The few numbers of a tensor.
fn small(kind: u64, raw: &[u8], whole: &[u64], real: &[f32]) -> Option<Vec<Option<f64>>> {
    let values: Vec<f64> = match (kind, raw.is_empty()) {
        (FLOAT, true) => real.iter().map(|v| f64::from(*v)).collect(),
        (FLOAT, false) => {
            raw.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        }
        // Numbers of 32 bits are written as those of 64 with the same sign.
        (INT32 | INT64 | BOOL, true) => whole.iter().map(|v| *v as i64 as f64).collect(),
        (INT32, false) => {
            raw.as_chunks().0.iter().map(|b| f64::from(i32::from_le_bytes(*b))).collect()
        }
        (INT64, false) => raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        (BOOL, false) => raw.iter().map(|b| f64::from(u8::from(*b != 0))).collect(),
        _ => return None,
    };
    Some(values.into_iter().map(Some).collect())
}

/// A key and its value.
///
/// # Errors
/// [`Broken`]
pub fn pair(entry: &[u8]) -> Result<(&str, &str), Broken> {
    let (mut key, mut value) = ("", "");
    for field in Fields::of(entry) {
        match field? {
            (1, found) => key = text(found)?,
            (2, found) => value = text(found)?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Types of sequences of sequences, in a ValueInfo.
fn nested_types(info: &[u8], depth: usize) -> Result<(), Broken> {
    for field in Fields::of(info) {
        if let (2, value) = field? {
            nested_type(message(value)?, depth)?;
        }
    }
    Ok(())
}

fn nested_type(kind: &[u8], depth: usize) -> Result<(), Broken> {
    if depth > DEEPEST {
        return Err(Broken::Deep(DEEPEST));
    }
    for field in Fields::of(kind) {
        let (4, sequence) = field? else { continue };
        for field in Fields::of(message(sequence)?) {
            if let (1, element) = field? {
                nested_type(message(element)?, depth + 1)?;
            }
        }
    }
    Ok(())
}
