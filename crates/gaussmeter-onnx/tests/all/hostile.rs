//! Damaged and hostile files are errors of one line, whatever they ask for.

use crate::fixture;
use gaussmeter_onnx::{Broken, Header, MOST_OPERATIONS, OnnxNetwork};
use std::error::Error;
use std::path::Path;

type Result = std::result::Result<(), Box<dyn Error>>;

/// A field of a message, or of bytes.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    [&field[..], content].concat()
}

fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

fn model(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), bytes(7, graph), bytes(8, &number(2, 17))].concat()
}

/// `x` or an output, 32-bit floats of [n, 4].
fn port(field: u8, name: &[u8]) -> Vec<u8> {
    let dims = [bytes(1, &bytes(2, b"n")), bytes(1, &number(1, 4))].concat();
    let tensor = [number(1, 1), bytes(2, &dims)].concat();
    bytes(field, &[bytes(1, name), bytes(2, &bytes(1, &tensor))].concat())
}

fn node(kind: &[u8], inputs: &[&[u8]], output: &[u8]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| bytes(1, name)).collect();
    bytes(1, &[inputs, bytes(2, output), bytes(4, kind)].concat())
}

/// An int64 constant.
fn sizes(name: &[u8], values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let dims = number(1, values.len() as u8);
    bytes(5, &[dims, number(2, 7), bytes(8, name), bytes(9, &raw)].concat())
}

fn read(folder: &Path, content: &[u8]) -> std::result::Result<(), String> {
    let path = folder.join("network.onnx");
    std::fs::write(&path, content).map_err(|e| e.to_string())?;
    let text = format!("onnx:{},prediction=denoiser,conditioning=sigma", path.display());
    let network = OnnxNetwork::read(&text).map_err(|e| e.to_string())?;
    network.bind(&[4]).map(|_| ()).map_err(|e| e.to_string())
}

fn folder(name: &str) -> std::io::Result<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[test]
fn truncated_and_damaged_files() -> Result {
    let folder = folder("damaged")?;
    let whole = std::fs::read(fixture("dynamo.onnx"))?;
    let mut refused = 0;
    for length in (0..whole.len()).step_by(97) {
        let error = read(&folder, &whole[..length]).err().ok_or(format!("{length} bytes"))?;
        assert!(!error.contains('\n'), "{error}");
    }
    for at in (0..whole.len()).step_by(61) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        if let Err(error) = read(&folder, &damaged) {
            assert!(!error.contains('\n'), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
    Ok(())
}

#[test]
fn what_asks_for_too_much() -> Result {
    let folder = folder("hostile")?;
    let io = || [port(11, b"x"), port(12, b"y")].concat();
    let with = |parts: &[Vec<u8>]| model(&[io(), parts.concat()].concat());
    // A graph that is sound is read, so that the others fail for the reason given.
    read(&folder, &with(&[node(b"Neg", &[b"x"], b"y")]))?;
    // A length beyond the end, which the runtime would allocate.
    let long = [number(1, 8), vec![7 << 3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
    assert!(read(&folder, &long).is_err_and(|e| e.contains("truncated")));
    // Graphs in attributes of operations in graphs.
    let mut graph = io();
    for _ in 0..60 {
        let attribute = bytes(5, &bytes(6, &graph));
        graph = [io(), bytes(1, &[bytes(4, b"If"), attribute].concat())].concat();
    }
    assert_eq!(Header::read(&model(&graph)), Err(Broken::Deep(40)));
    assert!(read(&folder, &model(&graph)).is_err_and(|e| e.contains("nested")));
    // Outputs as large as a constant says.
    for kind in [&b"ConstantOfShape"[..], b"Expand", b"Tile"] {
        let of: &[&[u8]] = match kind {
            b"ConstantOfShape" => &[b"s"],
            _ => &[b"x", b"s"],
        };
        let large = with(&[sizes(b"s", &[1 << 20, 1 << 20]), node(kind, of, b"y")]);
        let error = read(&folder, &large).err().ok_or("large")?;
        assert!(error.contains("is larger than networks are"), "{error}");
    }
    // A weight that says it has more values than it can.
    let dims: Vec<u8> = (0..6).flat_map(|_| [1 << 3, 0xff, 0xff, 0x7f]).collect();
    let weight = bytes(5, &[dims, number(2, 1), bytes(8, b"w")].concat());
    let error = read(&folder, &with(&[weight])).err().ok_or("weight")?;
    assert!(error.contains("the tensor 'w'"), "{error}");
    for kind in [&b"Loop"[..], b"Scan"] {
        let error = read(&folder, &with(&[node(kind, &[b"x"], b"y")])).err().ok_or("loop")?;
        assert!(error.contains("may run without end"), "{error}");
    }
    // A circle, which the runtime finds, and an operation that it does not have.
    let circle = with(&[node(b"Neg", &[b"a"], b"y"), node(b"Neg", &[b"y"], b"a")]);
    assert!(read(&folder, &circle).is_err_and(|e| e.contains("cannot be run")));
    let unknown = with(&[node(b"Summon", &[b"x"], b"y")]);
    assert!(read(&folder, &unknown).is_err_and(|e| e.contains("Summon")));
    Ok(())
}

#[test]
fn the_longest_chain_is_run_and_a_longer_one_is_not() -> Result {
    let folder = folder("chain")?;
    let chain = |count: usize| {
        let name = |k: usize| format!("v{k}").into_bytes();
        let mut graph = [port(11, b"x"), port(12, b"y")].concat();
        let mut last = b"x".to_vec();
        for k in 0..count - 1 {
            graph.extend(node(b"Neg", &[&last], &name(k)));
            last = name(k);
        }
        graph.extend(node(b"Neg", &[&last], b"y"));
        model(&graph)
    };
    read(&folder, &chain(MOST_OPERATIONS))?;
    let error = read(&folder, &chain(MOST_OPERATIONS + 1)).err().ok_or("no error")?;
    assert!(error.ends_with("a graph of more than 20000 operations"), "{error}");
    Ok(())
}

#[test]
fn weights_may_not_lie_elsewhere() -> Result {
    let folder = folder("elsewhere")?;
    let weights = |location: &str, length: &str| {
        let pair = |key: &str, value: &str| {
            bytes(13, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
        };
        let entries = [pair("location", location), pair("offset", "0"), pair("length", length)];
        let tensor = [number(1, 4), number(2, 1), bytes(8, b"w"), entries.concat(), number(14, 1)];
        let graph = [port(11, b"x"), port(12, b"y"), bytes(5, &tensor.concat())];
        model(&[graph.concat(), node(b"Add", &[b"x", b"w"], b"y")].concat())
    };
    std::fs::write(folder.join("w.data"), [0; 16])?;
    read(&folder, &weights("w.data", "16"))?;
    for (location, length, message) in [
        ("../elsewhere/w.data", "16", "they have to lie beside"),
        ("/etc/hostname", "4", "they have to lie beside"),
        ("network.onnx", "4", "they have to lie beside"),
        ("w.data", "17", "beyond the end"),
        ("w.data", "18446744073709551615", "beyond the end"),
    ] {
        let error = read(&folder, &weights(location, length)).err().ok_or(location)?;
        assert!(error.contains(message), "{error}");
    }
    Ok(())
}
