//! What a file says of its network, read before the runtime sees it. The runtime trusts lengths and
//! nesting: a hostile file could have it allocate or recurse without bound, which no error can end.

use crate::error::Broken;
use crate::wire::{Fields, Value, message, numbers, text};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Depth of messages in messages: a graph of a graph's attribute is four deeper.
const DEEPEST: usize = 40;

/// Operations of all graphs: large networks have thousands.
pub const MOST_OPERATIONS: usize = 20_000;

/// Values of one tensor: 1 GiB of weights.
pub const MOST_VALUES: u64 = 1 << 28;

/// Values that an operation makes out of nothing but a constant: a quarter of a GiB.
const MOST_MADE: u64 = 1 << 26;

/// An input or output of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Whether it holds whole numbers.
    pub is_whole: bool,
    /// Its sizes: `None` where they may be any.
    pub shape: Option<Vec<Option<usize>>>,
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
}

/// What is counted over all graphs.
#[derive(Default)]
struct Tally {
    operations: usize,
    external: Vec<External>,
}

/// Constants of a graph that may be sizes: how many values they stand for.
type Sizes<'a> = HashMap<&'a str, u128>;

impl Header {
    /// Reads and checks the bytes of a file.
    ///
    /// # Errors
    /// [`Broken`]
    pub fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let mut header = Header::default();
        let mut tally = Tally::default();
        let mut has_graph = false;
        for field in Fields::of(bytes) {
            match field? {
                (7, value) => {
                    has_graph = true;
                    let graph = message(value)?;
                    tally.graph(graph, 0)?;
                    header.ports(graph)?;
                }
                (14, value) => {
                    let (key, value) = pair(message(value)?)?;
                    header.metadata.insert(key.into(), value.into());
                }
                _ => {}
            }
        }
        header.external = tally.external;
        match has_graph {
            true => Ok(header),
            false => Err(Broken::NoGraph),
        }
    }

    fn ports(&mut self, graph: &[u8]) -> Result<(), Broken> {
        let (mut inputs, mut weights) = (Vec::new(), BTreeSet::new());
        for field in Fields::of(graph) {
            match field? {
                (11, value) => inputs.push(port(message(value)?)?),
                (12, value) => self.outputs.push(port(message(value)?)?),
                (5, value) => {
                    for field in Fields::of(message(value)?) {
                        if let (8, name) = field? {
                            weights.insert(text(name)?);
                        }
                    }
                }
                _ => {}
            }
        }
        // Files of old versions list weights among the inputs.
        inputs.retain(|port| !weights.contains(&port.name[..]));
        self.inputs.extend(inputs);
        Ok(())
    }
}

impl Tally {
    fn graph(&mut self, graph: &[u8], depth: usize) -> Result<(), Broken> {
        if depth > DEEPEST {
            return Err(Broken::Deep(DEEPEST));
        }
        let mut sizes = Sizes::new();
        for field in Fields::of(graph) {
            match field? {
                (5, value) => {
                    if let (Some(name), Some(size)) = self.tensor(message(value)?)? {
                        sizes.insert(name, size);
                    }
                }
                (11..=13, value) => nested_types(message(value)?, depth + 1)?,
                _ => {}
            }
        }
        for field in Fields::of(graph) {
            if let (1, value) = field? {
                self.node(message(value)?, depth + 1, &mut sizes)?;
            }
        }
        Ok(())
    }

    fn node<'a>(
        &mut self,
        node: &'a [u8],
        depth: usize,
        sizes: &mut Sizes<'a>,
    ) -> Result<(), Broken> {
        self.operations += 1;
        if self.operations > MOST_OPERATIONS {
            return Err(Broken::Operations(MOST_OPERATIONS));
        }
        let (mut kind, mut inputs, mut output, mut constant) = ("", Vec::new(), None, None);
        for field in Fields::of(node) {
            match field? {
                (1, value) => inputs.push(text(value)?),
                (2, value) => output = output.or(Some(text(value)?)),
                (4, value) => kind = text(value)?,
                (5, value) => {
                    constant = self.attribute(message(value)?, depth + 1)?.or(constant);
                }
                _ => {}
            }
        }
        if matches!(kind, "Loop" | "Scan") {
            return Err(Broken::Loop(kind.into()));
        }
        if let ("Constant", Some(name), Some(size)) = (kind, output, constant) {
            sizes.insert(name, size);
        }
        // Operations whose output is as large as a constant says.
        let told = match kind {
            "ConstantOfShape" => &[0][..],
            "Expand" | "Tile" | "Pad" | "OneHot" => &[1],
            "Range" => &[0, 1, 2],
            "Resize" | "Upsample" => &[1, 2, 3],
            _ => &[],
        };
        for name in told.iter().filter_map(|k| inputs.get(*k)) {
            if let Some(size) = sizes.get(name).filter(|size| **size > u128::from(MOST_MADE)) {
                let elements = size.to_string();
                return Err(Broken::Large { what: format!("a {kind}"), elements, most: MOST_MADE });
            }
        }
        Ok(())
    }

    /// The size that a tensor of the attribute stands for, if it has one.
    fn attribute(&mut self, attribute: &[u8], depth: usize) -> Result<Option<u128>, Broken> {
        let mut size = None;
        for field in Fields::of(attribute) {
            match field? {
                (5 | 10, value) => size = self.tensor(message(value)?)?.1.or(size),
                (6 | 11, value) => self.graph(message(value)?, depth + 1)?,
                (8, value) => size = Some(product(&numbers(value)?)),
                _ => {}
            }
        }
        Ok(size)
    }

    /// The name of a tensor, and the product of its values where it may be a shape.
    fn tensor<'a>(&mut self, tensor: &'a [u8]) -> Result<(Option<&'a str>, Option<u128>), Broken> {
        let (mut name, mut dims, mut whole, mut raw, mut kind) =
            (None, Vec::new(), Vec::new(), &[][..], 0);
        let (mut location, mut offset, mut length) = (None, 0, 0);
        for field in Fields::of(tensor) {
            match field? {
                (1, value) => dims.extend(numbers(value)?),
                (2, Value::Number(number)) => kind = number,
                (7, value) => whole.extend(numbers(value)?),
                (8, value) => name = Some(text(value)?),
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
        let elements = dims.iter().map(|d| u128::from(*d));
        let elements = elements.fold(1u128, u128::saturating_mul);
        if elements > u128::from(MOST_VALUES) {
            let what = format!("the tensor '{}'", name.unwrap_or_default());
            return Err(Broken::Large { what, elements: elements.to_string(), most: MOST_VALUES });
        }
        if let Some(location) = location {
            let end = u64::checked_add(offset, length).ok_or(Broken::Wire)?;
            self.external.push(External { location: location.into(), end });
        }
        const INT64: u64 = 7;
        const FEW: u128 = 64;
        if kind != INT64 || elements > FEW {
            return Ok((name, None));
        }
        let of_raw =
            raw.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().unwrap_or([0; 8])));
        whole.extend(of_raw);
        Ok((name, Some(product(&whole))))
    }
}

/// The product of sizes; those that are negative stand for others.
fn product(sizes: &[u64]) -> u128 {
    let positive = sizes.iter().filter(|s| (**s as i64) > 0);
    positive.map(|s| u128::from(*s)).fold(1, u128::saturating_mul)
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

fn pair(entry: &[u8]) -> Result<(&str, &str), Broken> {
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

/// A ValueInfo: name, type.tensor_type.{elem_type, shape.dim.dim_value}.
fn port(info: &[u8]) -> Result<Port, Broken> {
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
                let mut sizes = Vec::new();
                for field in Fields::of(message(value)?) {
                    if let (1, value) = field? {
                        sizes.push(size(message(value)?)?);
                    }
                }
                port.shape = Some(sizes);
            }
            _ => {}
        }
    }
    Ok(())
}

fn size(dim: &[u8]) -> Result<Option<usize>, Broken> {
    let mut size = None;
    for field in Fields::of(dim) {
        if let (1, Value::Number(value)) = field? {
            if value > MOST_VALUES {
                let what = "an input or output".into();
                let elements = value.to_string();
                return Err(Broken::Large { what, elements, most: MOST_VALUES });
            }
            size = Some(value as usize);
        }
    }
    Ok(size)
}
