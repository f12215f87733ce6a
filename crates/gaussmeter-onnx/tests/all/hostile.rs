//! Damaged and hostile files are errors of one line, whatever they ask for.

use crate::fixture;
use crate::made::{
    FLOAT, INT64, attribute, bytes, floats, folder, int, ints, model, node, node_with, number,
    port, port_of, sizes, sizes32, tensor, text,
};
use gaussmeter::level::Level;
use gaussmeter::network::Denoiser;
use gaussmeter_onnx::{Broken, Header, MOST_OPERATIONS, OnnxNetwork};
use std::error::Error;
use std::path::Path;

type Result = std::result::Result<(), Box<dyn Error>>;

fn read(folder: &Path, content: &[u8]) -> std::result::Result<(), String> {
    let path = folder.join("network.onnx");
    std::fs::write(&path, content).map_err(|e| e.to_string())?;
    let text = format!("onnx:{},prediction=denoiser,conditioning=sigma", path.display());
    let network = OnnxNetwork::read(&text).map_err(|e| e.to_string())?;
    network.bind(&[4]).map(|_| ()).map_err(|e| e.to_string())
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
    // A circle, and an operation that the runtime does not have.
    let circle = with(&[node(b"Neg", &[b"a"], b"y"), node(b"Neg", &[b"y"], b"a")]);
    assert!(read(&folder, &circle).is_err_and(|e| e.contains("'a', which is not made before it")));
    let unknown = with(&[node(b"Summon", &[b"x"], b"y")]);
    assert!(read(&folder, &unknown).is_err_and(|e| e.contains("Summon")));
    Ok(())
}

/// What a constant may be told by: also in 32 bits, in floats, and in attributes.
#[test]
fn constants_of_every_kind_are_held_against_the_limit() -> Result {
    let folder = folder("constants")?;
    let with =
        |parts: &[Vec<u8>]| model(&[port(11, b"x"), port(12, b"y"), parts.concat()].concat());
    let refused = |parts: &[Vec<u8>], message: &str| {
        let error = read(&folder, &with(parts)).err().ok_or(message.to_string())?;
        assert!(error.contains(message), "{error} instead of {message}");
        Ok::<(), Box<dyn Error>>(())
    };
    let large = "is larger than networks are";
    for (kind, of) in [(&b"ConstantOfShape"[..], &[&b"s"[..]][..]), (b"Tile", &[b"x", b"s"])] {
        refused(&[sizes32(b"s", &[1 << 17, 1 << 16]), node(kind, of, b"y")], large)?;
    }
    let square = [sizes(b"a", &[-1, 1, 2, 2]), node(b"Reshape", &[b"x", b"a"], b"p")].concat();
    let scales = floats(b"s", &[4], &[1.0, 1.0, 3e4, 3e4]);
    let resize = |of: &[&[u8]]| node(b"Resize", of, b"y");
    refused(&[square.clone(), scales.clone(), resize(&[b"p", b"", b"s"])], large)?;
    let to = sizes(b"s", &[1, 1, 60_000, 60_000]);
    refused(&[square, to, resize(&[b"p", b"", b"", b"s"])], large)?;
    let constant = |about: Vec<u8>| node_with(b"Constant", &[], b"s", &[about]);
    let filled = node(b"ConstantOfShape", &[b"s"], b"y");
    let raw = (1i64 << 40).to_le_bytes();
    let value = attribute(b"value", 4, &bytes(5, &tensor(b"", INT64, &[1], &raw)));
    for about in [crate::made::ints(b"value_ints", &[1 << 30]), value] {
        refused(&[constant(about), filled.clone()], large)?;
    }
    // Ranges that are long, that stand still in rounding, that wrap around, and one that is not.
    let range =
        |of: [Vec<u8>; 3]| [of.concat(), node(b"Range", &[b"a", b"b", b"c"], b"r")].concat();
    let real = |v: [f32; 3]| {
        let names = [b"a", b"b", b"c"];
        range([0, 1, 2].map(|k| floats(names[k], &[], &[v[k]])))
    };
    let ended = || node(b"Add", &[b"x", b"r"], b"y");
    refused(&[real([0.0, 1e30, 1.0]), ended()], "cannot be told")?;
    refused(&[real([1e8, 1e8 + 16.0, 1e-3]), ended()], "cannot be told")?;
    let scalar = |name: &[u8], v: i64| node_with(b"Constant", &[], name, &[int(b"value_int", v)]);
    let whole = |v: [i64; 3]| range([scalar(b"a", v[0]), scalar(b"b", v[1]), scalar(b"c", v[2])]);
    let most = i64::from(i32::MAX);
    refused(&[whole([0, most - 10, 1]), ended()], large)?;
    refused(&[whole([most - 10, most, 100]), ended()], "cannot be told")?;
    read(&folder, &with(&[real([0.0, 4.0, 1.0]), ended()]))?;
    let float = attribute(b"value_float", 1, &[&[0x15][..], &1e30f32.to_le_bytes()].concat());
    let limit = node_with(b"Constant", &[], b"b", &[float]);
    let parts = [floats(b"a", &[], &[0.0]), limit, floats(b"c", &[], &[1.0])];
    refused(&[range(parts), ended()], "cannot be told")?;
    // What makes something out of nothing, or doubles it, however often.
    let pads = sizes(b"s", &[0, 0, 0, 1 << 30]);
    refused(&[pads, node(b"Pad", &[b"x", b"s"], b"y")], large)?;
    let wide = crate::made::ints(b"pads", &[1 << 29, 1 << 29]);
    let conv = [
        sizes(b"a", &[-1, 1, 4]),
        node(b"Reshape", &[b"x", b"a"], b"p"),
        floats(b"w", &[1, 1, 1], &[1.0]),
        node_with(b"Conv", &[b"p", b"w"], b"y", &[crate::made::ints(b"kernel_shape", &[1]), wide]),
    ];
    refused(&conv, large)?;
    let mut twice = Vec::new();
    let mut last = b"x".to_vec();
    for k in 0..40 {
        let name = format!("v{k}").into_bytes();
        twice.extend(node_with(b"Concat", &[&last, &last], &name, &[int(b"axis", 1)]));
        last = name;
    }
    refused(&[twice, node(b"Neg", &[&last], b"y")], large)?;
    Ok(())
}

/// Sizes that a graph computes are followed, on the samples that it runs on.
#[test]
fn computed_sizes_are_held_against_the_limit() -> Result {
    let folder = folder("computed")?;
    let with =
        |parts: &[Vec<u8>]| model(&[port(11, b"x"), port(12, b"y"), parts.concat()].concat());
    // Zeros of [n, factor · 4], of which the first four columns are added to x.
    let computed = |factor: i64| {
        with(&[
            sizes(b"zero", &[0]),
            sizes(b"one", &[1]),
            sizes(b"four", &[4]),
            sizes(b"factor", &[factor]),
            node(b"Shape", &[b"x"], b"shape"),
            node(b"Gather", &[b"shape", b"zero"], b"n"),
            node(b"Gather", &[b"shape", b"one"], b"d"),
            node_with(b"Cast", &[b"d"], b"real", &[int(b"to", FLOAT as i64)]),
            node_with(b"Cast", &[b"real"], b"whole", &[int(b"to", INT64 as i64)]),
            node(b"Mul", &[b"whole", b"factor"], b"wide"),
            node_with(b"Concat", &[b"n", b"wide"], b"to", &[int(b"axis", 0)]),
            node(b"ConstantOfShape", &[b"to"], b"zeros"),
            node(b"Slice", &[b"zeros", b"zero", b"four", b"one"], b"few"),
            node(b"Add", &[b"x", b"few"], b"y"),
        ])
    };
    read(&folder, &computed(1000))?;
    let error = read(&folder, &computed(1 << 27)).err().ok_or("large")?;
    assert!(error.contains("what ConstantOfShape 'zeros' makes of 536870912 values"), "{error}");
    // 32 bits of the runtime wrap around: what leaves them is not known, and not run.
    let error = read(&folder, &computed(1 << 30)).err().ok_or("large")?;
    assert!(error.contains("how much a ConstantOfShape makes cannot be told"), "{error}");
    // Sizes that depend on values.
    let valued = with(&[
        node_with(b"Cast", &[b"x"], b"whole", &[int(b"to", INT64 as i64)]),
        sizes(b"axes", &[0, 1]),
        node_with(b"ReduceSum", &[b"whole", b"axes"], b"sum", &[int(b"keepdims", 0)]),
        sizes(b"flat", &[1]),
        node(b"Reshape", &[b"sum", b"flat"], b"to"),
        node(b"ConstantOfShape", &[b"to"], b"zeros"),
        node(b"ReduceSum", &[b"zeros"], b"zero"),
        node(b"Add", &[b"x", b"zero"], b"y"),
    ]);
    let error = read(&folder, &valued).err().ok_or("valued")?;
    assert!(error.contains("how much a ConstantOfShape makes cannot be told"), "{error}");
    // Columns against rows.
    let outer = |side: i64| {
        with(&[
            sizes(b"column", &[side, 1]),
            sizes(b"row", &[1, side]),
            node(b"ConstantOfShape", &[b"column"], b"a"),
            node(b"ConstantOfShape", &[b"row"], b"b"),
            node(b"Add", &[b"a", b"b"], b"c"),
            sizes(b"axes", &[0, 1]),
            node_with(b"ReduceSum", &[b"c", b"axes"], b"sum", &[int(b"keepdims", 1)]),
            node(b"Add", &[b"x", b"sum"], b"y"),
        ])
    };
    read(&folder, &outer(10))?;
    assert!(read(&folder, &outer(1 << 17)).is_err_and(|e| e.contains("is larger than")));
    // The file says of a value that it is large: the runtime would believe it.
    let lie = |side: i64| {
        with(&[
            port_of(13, b"e", FLOAT, &[side, 4]),
            node_with(b"Einsum", &[b"x"], b"e", &[text(b"equation", b"ij")]),
            node(b"Shape", &[b"e"], b"shape"),
            node(b"ConstantOfShape", &[b"shape"], b"y"),
        ])
    };
    let error = Header::read(&lie(1 << 27)).err().ok_or("a lie")?;
    assert!(error.to_string().contains("is larger than"), "{error}");
    Ok(())
}

/// The runtime takes what `Shape` gives from what the file says, by the names of axes.
#[test]
fn sizes_that_the_file_says_have_to_be_true() -> Result {
    let folder = folder("declared")?;
    let reshaped = |rows: i64, declared: &[Vec<u8>]| {
        let parts = [
            sizes(b"to", &[rows, -1]),
            node(b"Reshape", &[b"x", b"to"], b"e"),
            node(b"Shape", &[b"e"], b"shape"),
            node(b"ConstantOfShape", &[b"shape"], b"zeros"),
            sizes(b"axes", &[0, 1]),
            node(b"ReduceSum", &[b"zeros", b"axes"], b"zero"),
            node(b"Add", &[b"x", b"zero"], b"y"),
        ];
        let ports = [port(11, b"x"), port(12, b"y"), declared.concat()];
        model(&[ports.concat(), parts.concat()].concat())
    };
    let said = |dims: &[i64]| vec![port_of(13, b"e", FLOAT, dims)];
    for (rows, declared) in
        [(2, vec![]), (2, said(&[2, 2])), (1, said(&[-1, 4])), (2, said(&[2, -1]))]
    {
        read(&folder, &reshaped(rows, &declared))?;
    }
    // Axis 0 is called as that of x, which is one.
    for wrong in [&[2i64, 3][..], &[-1, 2], &[2, 2, 1]] {
        let error = read(&folder, &reshaped(2, &said(wrong))).err().ok_or("a lie")?;
        assert!(error.contains("the file says sizes of 'e' that it does not have"), "{error}");
    }
    Ok(())
}

#[test]
fn a_batch_that_the_file_fixes_is_bounded() -> Result {
    let folder = folder("fixed")?;
    let of = |batch: i64| {
        let ports =
            [11, 12].map(|f| port_of(f, if f == 11 { b"x" } else { b"y" }, FLOAT, &[batch, 4]));
        model(&[ports.concat(), node(b"Neg", &[b"x"], b"y")].concat())
    };
    read(&folder, &of(7))?;
    let error = read(&folder, &of(1 << 27)).err().ok_or("large")?;
    assert!(error.contains("it takes batches of 134217728 samples: at most 4096"), "{error}");
    // A level of many values: one for each sample, or one.
    let level = |batch: i64, axes: &[i64]| {
        let ports = [
            port_of(11, b"x", FLOAT, &[batch, 4]),
            port_of(11, b"sigma", FLOAT, axes),
            port(12, b"y"),
        ];
        read(&folder, &model(&[ports.concat(), node(b"Neg", &[b"x"], b"y")].concat()))
    };
    for (batch, axes) in [(7, &[7i64, 1][..]), (-1, &[-1]), (-1, &[1, 1])] {
        level(batch, axes)?;
    }
    for (batch, axes, size) in [(-1, &[1 << 28, 8][..], 1 << 28), (-1, &[2], 2), (7, &[6], 6)] {
        let error = level(batch, axes).err().ok_or("large")?;
        assert!(error.contains(&format!("'sigma' has an axis of {size}")), "{error}");
    }
    Ok(())
}

/// Axes are few, also of what is never asked for, and lists that are joined are short or none that is followed.
#[test]
fn axes_are_few() -> Result {
    let folder = folder("axes")?;
    let io = [port(11, b"x"), port(12, b"y"), node(b"Neg", &[b"x"], b"y")].concat();
    let constant = bytes(5, &tensor(b"c", FLOAT, &[1; 17], &1f32.to_le_bytes()));
    let error = read(&folder, &model(&[io.clone(), constant].concat())).err().ok_or("17 axes")?;
    assert!(error.contains("the tensor 'c' has more than 16 axes"), "{error}");
    let error = read(&folder, &model(&[io, port_of(13, b"v", FLOAT, &[1; 17])].concat()));
    assert!(error.clone().is_err_and(|e| e.contains("'v' has more than 16 axes")), "{error:?}");
    // Joined a thousand times.
    let lists: Vec<&[u8]> = vec![b"list"; 1000];
    let joined = [
        port(11, b"x"),
        port(12, b"y"),
        sizes(b"list", &[1; 64]),
        node_with(b"Concat", &lists, b"long", &[int(b"axis", 0)]),
        node(b"Neg", &[b"x"], b"y"),
    ];
    read(&folder, &model(&joined.concat()))?;
    Ok(())
}

/// An output of as many values in another order is not one sample after another.
#[test]
fn outputs_have_the_axes_of_samples() -> Result {
    let folder = folder("order")?;
    let of = |permutation: &[i64]| {
        let ports =
            [11, 12].map(|f| port_of(f, if f == 11 { b"x" } else { b"y" }, FLOAT, &[-1, 1, 2, 3]));
        let node = node_with(b"Transpose", &[b"x"], b"y", &[ints(b"perm", permutation)]);
        let path = folder.join("network.onnx");
        std::fs::write(&path, model(&[ports.concat(), node].concat()))?;
        let text = format!("onnx:{},prediction=denoiser,conditioning=sigma", path.display());
        let mut bound = OnnxNetwork::read(&text)?.bind(&[1, 2, 3])?;
        let level = Level { t: 1.0, sigma: 1.0, ..Level::DATA };
        let x: Vec<f64> = (0..12).map(f64::from).collect();
        let mut out = vec![0.0; 12];
        bound.evaluate(&x, &level, &mut out)?;
        Ok::<_, Box<dyn Error>>(out == x)
    };
    assert!(of(&[0, 1, 2, 3])?);
    for wrong in [&[3i64, 2, 1, 0][..], &[0, 1, 3, 2], &[1, 0, 2, 3]] {
        let error = of(wrong).err().ok_or("another order")?;
        let error =
            format!("{error}: {}", error.source().map_or_else(String::new, |e| e.to_string()));
        assert!(error.contains("[2, 1, 2, 3]") || error.contains("[1, 1, 2, 3]"), "{error}");
    }
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
