//! What a file says of its network, read before the runtime sees it. The runtime trusts lengths and
//! nesting: a hostile file could have it allocate or recurse without bound, which no error can end.

use crate::error::Broken;
use crate::graph::{Graph, Reader, pair};
use crate::sizes::{self, MOST_AXES, Tensor};
use crate::wire::{Fields, Value, message, text};
use std::collections::BTreeMap;

/// Operations of all graphs: large networks have thousands.
pub const MOST_OPERATIONS: usize = 20_000;

/// Values of one tensor: 1 GiB of weights.
pub const MOST_VALUES: u64 = 1 << 28;

/// An input or output of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Whether it holds whole numbers.
    pub is_whole: bool,
    /// Its sizes: `None` where they may be any.
    pub shape: Option<Vec<Option<usize>>>,
    /// What the file calls those that may be any, and nothing for the others.
    pub axes: Vec<String>,
}

impl Port {
    /// What the file says of it.
    pub(crate) fn tensor(&self) -> Tensor {
        let size = |size: &Option<usize>| size.map(|size| size as u64);
        let dims = self.shape.as_ref().map(|shape| shape.iter().map(size).collect());
        Tensor { dims, is_whole: self.is_whole, ..Tensor::default() }
    }
}

/// Where weights lie that are not in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct External {
    /// Name of the file.
    pub location: String,
    /// First byte behind them.
    pub end: u64,
}

/// What a file says of its network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Inputs that are not weights.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// `metadata_props`.
    pub metadata: BTreeMap<String, String>,
    /// Weights in other files.
    pub external: Vec<External>,
    /// Its graph.
    pub(crate) graph: Graph,
}

impl Header {
    /// Reads and checks the bytes of a file.
    ///
    /// # Errors
    /// [`Broken`]
    pub fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let mut header = Header::default();
        let mut reader = Reader::default();
        let mut has_graph = false;
        for field in Fields::of(bytes) {
            match field? {
                (7, value) => {
                    if has_graph {
                        return Err(Broken::Twice("graph".into()));
                    }
                    has_graph = true;
                    let graph = message(value)?;
                    header.graph = reader.graph(graph, 0)?;
                    header.ports(graph)?;
                }
                (14, value) => {
                    let (key, value) = pair(message(value)?)?;
                    header.metadata.insert(key.into(), value.into());
                }
                _ => {}
            }
        }
        header.external = reader.external;
        match has_graph {
            true => header.folded().map(|()| header),
            false => Err(Broken::NoGraph),
        }
    }

    fn ports(&mut self, graph: &[u8]) -> Result<(), Broken> {
        for field in Fields::of(graph) {
            match field? {
                (11, value) => self.inputs.push(port(message(value)?)?),
                (12, value) => self.outputs.push(port(message(value)?)?),
                _ => {}
            }
        }
        // Files of old versions list weights among the inputs.
        self.inputs.retain(|port| !self.graph.constants.contains_key(&port.name));
        Ok(())
    }

    /// Checks what the runtime computes when it reads the file: all that depends on constants only, and on those
    /// sizes of inputs that the file says.
    fn folded(&self) -> Result<(), Broken> {
        let inputs = self.inputs.iter().map(|port| (&port.name[..], port.tensor()));
        sizes::check(&self.graph, inputs, false)
    }
}

/// A ValueInfo: name, type.tensor_type.{elem_type, shape.dim.dim_value}.
pub(crate) fn port(info: &[u8]) -> Result<Port, Broken> {
    let mut port = Port::default();
    for field in Fields::of(info) {
        match field? {
            (1, value) => port.name = text(value)?.into(),
            (2, value) => {
                for field in Fields::of(message(value)?) {
                    if let (1, value) = field? {
                        tensor_type(&mut port, message(value)?)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(port)
}

fn tensor_type(port: &mut Port, bytes: &[u8]) -> Result<(), Broken> {
    /// Unsigned and signed whole numbers, of TensorProto.DataType.
    const WHOLE: [u64; 8] = [2, 3, 4, 5, 6, 7, 12, 13];
    for field in Fields::of(bytes) {
        match field? {
            (1, Value::Number(kind)) => port.is_whole = WHOLE.contains(&kind),
            (2, value) => {
                let (mut sizes, mut names) = (Vec::new(), Vec::new());
                for field in Fields::of(message(value)?) {
                    if let (1, value) = field? {
                        let (size, name) = axis(message(value)?)?;
                        sizes.push(size);
                        names.push(name);
                    }
                }
                if sizes.len() > MOST_AXES {
                    let what = format!("'{}'", port.name);
                    return Err(Broken::Axes { what, most: MOST_AXES });
                }
                (port.shape, port.axes) = (Some(sizes), names);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The size of an axis, or what the file calls it.
fn axis(dim: &[u8]) -> Result<(Option<usize>, String), Broken> {
    let (mut size, mut name) = (None, String::new());
    for field in Fields::of(dim) {
        match field? {
            (1, Value::Number(value)) => {
                if value > MOST_VALUES {
                    let (what, elements) = ("an input or output".into(), value.to_string());
                    return Err(Broken::Large { what, elements, most: MOST_VALUES, advice: "" });
                }
                size = Some(value as usize);
            }
            (2, value) => name = text(value)?.into(),
            _ => {}
        }
    }
    // What the runtime calls axes without a name.
    match (size, name.starts_with("unnamed_")) {
        (Some(_), _) => Ok((size, String::new())),
        (None, true) => Err(Broken::Declared(name)),
        (None, false) => Ok((None, name)),
    }
}
