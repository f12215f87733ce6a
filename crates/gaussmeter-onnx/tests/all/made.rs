//! ONNX files, field by field.

use std::path::PathBuf;

fn varint(mut value: u64) -> Vec<u8> {
    let mut all = Vec::new();
    while value >= 0x80 {
        all.push(value as u8 | 0x80);
        value >>= 7;
    }
    all.push(value as u8);
    all
}

/// A field of a message, or of bytes.
pub fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2], &varint(content.len() as u64)[..], content].concat()
}

pub fn number(field: u8, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

pub fn model(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), bytes(7, graph), bytes(8, &number(2, 17))].concat()
}

/// A key of `metadata_props`.
pub fn said(key: &str, value: &str) -> Vec<u8> {
    bytes(14, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
}

/// An input (field 11), an output (12) or another value (13) of a kind; −1 stands for any size, and axis k is called nk.
pub fn port_of(field: u8, name: &[u8], kind: u64, dims: &[i64]) -> Vec<u8> {
    let dim = |(k, size): (usize, &i64)| match u64::try_from(*size) {
        Ok(size) => bytes(1, &number(1, size)),
        Err(_) => bytes(1, &bytes(2, format!("n{k}").as_bytes())),
    };
    let dims: Vec<u8> = dims.iter().enumerate().flat_map(dim).collect();
    let tensor = [number(1, kind), bytes(2, &dims)].concat();
    bytes(field, &[bytes(1, name), bytes(2, &bytes(1, &tensor))].concat())
}

/// `x` or an output, 32-bit floats of [n, 4].
pub fn port(field: u8, name: &[u8]) -> Vec<u8> {
    port_of(field, name, FLOAT, &[-1, 4])
}

pub fn node(kind: &[u8], inputs: &[&[u8]], output: &[u8]) -> Vec<u8> {
    node_with(kind, inputs, output, &[])
}

pub fn node_with(kind: &[u8], inputs: &[&[u8]], output: &[u8], about: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| bytes(1, name)).collect();
    bytes(1, &[inputs, bytes(2, output), bytes(4, kind), about.concat()].concat())
}

/// An attribute: its fields but the name and the kind.
pub fn attribute(name: &[u8], kind: u64, content: &[u8]) -> Vec<u8> {
    bytes(5, &[bytes(1, name), content.to_vec(), number(20, kind)].concat())
}

pub fn int(name: &[u8], value: i64) -> Vec<u8> {
    attribute(name, 2, &number(3, value as u64))
}

pub fn text(name: &[u8], value: &[u8]) -> Vec<u8> {
    attribute(name, 3, &bytes(4, value))
}

pub fn ints(name: &[u8], values: &[i64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|v| number(8, *v as u64)).collect();
    attribute(name, 7, &values)
}

pub const FLOAT: u64 = 1;
pub const INT32: u64 = 6;
pub const INT64: u64 = 7;

/// A TensorProto.
pub fn tensor(name: &[u8], kind: u64, dims: &[u64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|d| number(1, *d)).collect();
    [dims, number(2, kind), bytes(8, name), bytes(9, raw)].concat()
}

/// An int64 constant.
pub fn sizes(name: &[u8], values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    bytes(5, &tensor(name, INT64, &[values.len() as u64], &raw))
}

/// An int32 constant.
pub fn sizes32(name: &[u8], values: &[i32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    bytes(5, &tensor(name, INT32, &[values.len() as u64], &raw))
}

/// A constant of floats.
pub fn floats(name: &[u8], dims: &[u64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    bytes(5, &tensor(name, FLOAT, dims, &raw))
}

/// A folder for files of one test.
pub fn folder(name: &str) -> std::io::Result<PathBuf> {
    // Unit tests have no such folder, and do not ask for one.
    let all = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = all.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
