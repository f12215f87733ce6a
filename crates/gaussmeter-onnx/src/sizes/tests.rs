//! Sizes that are found are those of the runtime.

use super::{Check, Scope, Tensor};
use crate::header::Header;
use made::{
    FLOAT, INT64, attribute, bytes, floats, int, ints, model, node, node_with, port_of, sizes,
    tensor, text,
};
use rten::{Model, Value};
use rten_tensor::prelude::*;
use std::collections::HashMap;
use std::error::Error;

#[path = "../../tests/all/made.rs"]
#[allow(dead_code)]
mod made;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// What is known of `y`, made of `x` of this shape, and what the runtime makes.
fn both(parts: &[Vec<u8>], shape: &[usize]) -> Result<(Tensor, Value)> {
    let dims = vec![-1; shape.len()];
    let ports = [port_of(11, b"x", FLOAT, &dims), port_of(12, b"y", FLOAT, &[])].concat();
    let file = model(&[ports, parts.concat()].concat());
    let header = Header::read(&file)?;
    let known = shape.iter().map(|size| Some(*size as u64)).collect();
    let values = HashMap::from([("x", Tensor::new(known, None, false))]);
    let mut check = Check::of(&values, true);
    let found = check.graph(Scope { values, graph: &header.graph, outer: None })?;
    let x: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32).collect();
    let runtime = Model::load(file)?;
    let inputs = vec![(runtime.node_id("x")?, Value::from_shape(shape, x)?.into())];
    let made = runtime.run(inputs, &[runtime.node_id("y")?], None)?.pop();
    Ok((found.into_iter().next().ok_or("no y")?, made.ok_or("no y")?))
}

fn zero(kind: &[u8], about: &[Vec<u8>]) -> Vec<u8> {
    node_with(kind, &[b"x"], b"y", about)
}

#[test]
fn operations_make_what_the_runtime_makes() -> Result {
    let one = |kind: &[u8]| node(kind, &[b"x", b"s"], b"y");
    let w = |dims: &[u64]| floats(b"w", dims, &vec![0.5; dims.iter().product::<u64>() as usize]);
    let conv = |kind: &[u8], about: &[Vec<u8>]| node_with(kind, &[b"x", b"w"], b"y", about);
    let scalar =
        |name: &[u8], value: i64| node_with(b"Constant", &[], name, &[int(b"value_int", value)]);
    let (flat, matrix, picture) = (&[24usize][..], &[4usize, 6][..], &[2usize, 4, 6, 8][..]);
    type Case<'a> = (&'a str, Vec<Vec<u8>>, &'a [usize]);
    let cases: Vec<Case<'_>> = vec![
        ("Neg", vec![zero(b"Neg", &[])], picture),
        ("Add, broadcast", vec![floats(b"s", &[6, 1], &[0.0; 6]), one(b"Add")], picture),
        ("Shape", vec![zero(b"Shape", &[int(b"start", 1), int(b"end", -1)])], picture),
        ("Size", vec![zero(b"Size", &[])], picture),
        ("Reshape", vec![sizes(b"s", &[0, -1, 3]), one(b"Reshape")], picture),
        ("Flatten", vec![zero(b"Flatten", &[int(b"axis", 2)])], picture),
        ("Transpose", vec![zero(b"Transpose", &[ints(b"perm", &[2, 0, 3, 1])])], picture),
        ("Transpose, turned", vec![zero(b"Transpose", &[])], matrix),
        ("Unsqueeze", vec![sizes(b"s", &[0, -1]), one(b"Unsqueeze")], matrix),
        ("Squeeze", vec![sizes(b"s", &[1]), one(b"Squeeze")], &[4, 1, 6]),
        ("Squeeze, all", vec![zero(b"Squeeze", &[])], &[4, 1, 6, 1]),
        ("Concat", vec![node_with(b"Concat", &[b"x", b"x"], b"y", &[int(b"axis", -2)])], picture),
        (
            "Slice",
            vec![
                sizes(b"a", &[1, -1]),
                sizes(b"b", &[i64::MAX, i64::MIN]),
                sizes(b"c", &[2, 3]),
                sizes(b"d", &[2, -3]),
                node(b"Slice", &[b"x", b"a", b"b", b"c", b"d"], b"y"),
            ],
            picture,
        ),
        (
            "Gather",
            vec![
                sizes(b"i", &[0, 1, 0]),
                node_with(b"Gather", &[b"x", b"i"], b"y", &[int(b"axis", 1)]),
            ],
            picture,
        ),
        ("Expand", vec![sizes(b"s", &[3, 1, 1, 6, 1]), one(b"Expand")], picture),
        ("Tile", vec![sizes(b"s", &[2, 3]), one(b"Tile")], matrix),
        ("Pad", vec![sizes(b"s", &[0, 1, 2, 3]), one(b"Pad")], matrix),
        (
            "Resize by scales",
            vec![
                floats(b"s", &[4], &[1.0, 1.0, 1.5, 0.4]),
                node(b"Resize", &[b"x", b"", b"s"], b"y"),
            ],
            picture,
        ),
        (
            "Resize to sizes",
            vec![sizes(b"s", &[2, 4, 9, 5]), node(b"Resize", &[b"x", b"", b"", b"s"], b"y")],
            picture,
        ),
        (
            "ConstantOfShape",
            vec![node(b"Shape", &[b"x"], b"s"), node(b"ConstantOfShape", &[b"s"], b"y")],
            picture,
        ),
        (
            "Range",
            vec![
                scalar(b"a", 7),
                scalar(b"b", -4),
                scalar(b"c", -3),
                node(b"Range", &[b"a", b"b", b"c"], b"y"),
            ],
            flat,
        ),
        ("MatMul", vec![w(&[3, 1, 8, 5]), conv(b"MatMul", &[])], &[4, 6, 8]),
        ("MatMul, a vector", vec![w(&[6]), conv(b"MatMul", &[])], matrix),
        ("Gemm", vec![w(&[5, 4]), conv(b"Gemm", &[int(b"transA", 1), int(b"transB", 1)])], matrix),
        (
            "Einsum",
            vec![w(&[2, 4, 5, 8]), conv(b"Einsum", &[text(b"equation", b"bhid,bhjd->bhij")])],
            picture,
        ),
        (
            "Conv",
            vec![
                w(&[6, 2, 3, 3]),
                conv(
                    b"Conv",
                    &[
                        int(b"group", 2),
                        ints(b"kernel_shape", &[3, 3]),
                        ints(b"pads", &[1, 0, 2, 3]),
                        ints(b"strides", &[2, 3]),
                        ints(b"dilations", &[1, 2]),
                    ],
                ),
            ],
            &[2, 4, 6, 8],
        ),
        (
            "Conv, same",
            vec![
                w(&[3, 4, 3, 3]),
                conv(
                    b"Conv",
                    &[
                        ints(b"kernel_shape", &[3, 3]),
                        text(b"auto_pad", b"SAME_UPPER"),
                        ints(b"strides", &[4, 3]),
                    ],
                ),
            ],
            picture,
        ),
        (
            "Conv of lists",
            vec![
                w(&[3, 4, 3]),
                conv(b"Conv", &[ints(b"kernel_shape", &[3]), ints(b"pads", &[1, 1])]),
            ],
            &[2, 4, 6],
        ),
        (
            "ConvTranspose",
            vec![
                w(&[4, 3, 3, 3]),
                conv(
                    b"ConvTranspose",
                    &[
                        ints(b"kernel_shape", &[3, 3]),
                        ints(b"pads", &[1, 0, 1, 1]),
                        ints(b"strides", &[2, 3]),
                        ints(b"output_padding", &[1, 0]),
                    ],
                ),
            ],
            picture,
        ),
        (
            "AveragePool",
            vec![zero(
                b"AveragePool",
                &[
                    ints(b"kernel_shape", &[3, 2]),
                    ints(b"strides", &[2, 3]),
                    ints(b"pads", &[1, 0, 0, 1]),
                ],
            )],
            picture,
        ),
        (
            "MaxPool, up",
            vec![zero(
                b"MaxPool",
                &[ints(b"kernel_shape", &[3, 3]), ints(b"strides", &[2, 2]), int(b"ceil_mode", 1)],
            )],
            picture,
        ),
        ("GlobalAveragePool", vec![zero(b"GlobalAveragePool", &[])], picture),
        ("DepthToSpace", vec![zero(b"DepthToSpace", &[int(b"blocksize", 2)])], picture),
        ("ReduceMean", vec![zero(b"ReduceMean", &[ints(b"axes", &[1, -1])])], picture),
        (
            "ReduceSum",
            vec![
                sizes(b"s", &[2]),
                node_with(b"ReduceSum", &[b"x", b"s"], b"y", &[int(b"keepdims", 0)]),
            ],
            picture,
        ),
        ("ReduceMax, all", vec![zero(b"ReduceMax", &[int(b"keepdims", 0)])], picture),
        ("ArgMax", vec![zero(b"ArgMax", &[int(b"axis", -1), int(b"keepdims", 0)])], picture),
        (
            "TopK",
            vec![sizes(b"s", &[3]), node_with(b"TopK", &[b"x", b"s"], b"y", &[int(b"axis", 1)])],
            matrix,
        ),
        (
            "Split",
            vec![node_with(
                b"Split",
                &[b"x"],
                b"y",
                &[int(b"axis", 3), int(b"num_outputs", 2), bytes(2, b"z")],
            )],
            picture,
        ),
        (
            "OneHot",
            vec![
                zero_of(b"ArgMax", b"i"),
                scalar(b"d", 5),
                floats(b"v", &[2], &[0.0, 1.0]),
                node_with(b"OneHot", &[b"i", b"d", b"v"], b"y", &[int(b"axis", 1)]),
            ],
            matrix,
        ),
        (
            "Where",
            vec![
                floats(b"s", &[1], &[3.0]),
                node(b"Greater", &[b"x", b"s"], b"g"),
                node(b"Where", &[b"g", b"x", b"s"], b"y"),
            ],
            matrix,
        ),
    ];
    for (name, parts, shape) in cases {
        let (found, made) = both(&parts, shape).map_err(|error| format!("{name}: {error}"))?;
        let expected = made.shape().to_vec();
        let dims: Option<Vec<u64>> = found.dims.clone().and_then(|d| d.into_iter().collect());
        let dims: Vec<usize> = dims.ok_or(name)?.into_iter().map(|size| size as usize).collect();
        assert_eq!(dims, expected, "{name}");
    }
    Ok(())
}

fn zero_of(kind: &[u8], output: &[u8]) -> Vec<u8> {
    node(kind, &[b"x"], output)
}

/// Numbers that sizes are computed from, beside what the runtime computes.
#[test]
fn numbers_are_those_of_the_runtime() -> Result {
    let shape = || node(b"Shape", &[b"x"], b"s");
    let with =
        |kind: &[u8], by: &[i64]| vec![shape(), sizes(b"c", by), node(kind, &[b"s", b"c"], b"y")];
    let cast = |from: &[u8], to: u64, output: &[u8]| {
        node_with(b"Cast", &[from], output, &[int(b"to", to as i64)])
    };
    let raw: Vec<u8> = 7i64.to_le_bytes().to_vec();
    let seven = attribute(b"value", 4, &bytes(5, &tensor(b"", INT64, &[1], &raw)));
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("Shape", vec![node(b"Shape", &[b"x"], b"y")]),
        ("Shape and Neg", vec![shape(), node(b"Neg", &[b"s"], b"y")]),
        ("Add", with(b"Add", &[1, -2, 3])),
        ("Mul", with(b"Mul", &[3])),
        ("Sub", with(b"Sub", &[7, 7, 7])),
        ("Div", with(b"Div", &[2, -2, 3])),
        ("Mod", with(b"Mod", &[4])),
        ("Max", with(b"Max", &[6])),
        ("Min", with(b"Min", &[6])),
        ("Equal", with(b"Equal", &[5, 6, 7])),
        ("Gather", with(b"Gather", &[-1, 0])),
        ("Reshape", with(b"Reshape", &[3, 1])),
        ("Expand", with(b"Expand", &[2, 3])),
        (
            "Slice backwards",
            vec![
                shape(),
                sizes(b"a", &[-1]),
                sizes(b"b", &[i64::MIN]),
                sizes(b"c", &[0]),
                sizes(b"d", &[-1]),
                node(b"Slice", &[b"s", b"a", b"b", b"c", b"d"], b"y"),
            ],
        ),
        // As PyTorch writes pads: in pairs, from the last axis to the first.
        (
            "pads",
            vec![
                sizes(b"p", &[1, 2, 3, 4, 5, 6]),
                sizes(b"pairs", &[-1, 2]),
                node(b"Reshape", &[b"p", b"pairs"], b"q"),
                sizes(b"a", &[-1]),
                sizes(b"b", &[i64::MIN]),
                sizes(b"c", &[0]),
                sizes(b"d", &[-1]),
                node(b"Slice", &[b"q", b"a", b"b", b"c", b"d"], b"r"),
                node_with(b"Transpose", &[b"r"], b"t", &[ints(b"perm", &[1, 0])]),
                sizes(b"list", &[-1]),
                node(b"Reshape", &[b"t", b"list"], b"u"),
                shape(),
                sizes(b"first", &[0]),
                node(b"Gather", &[b"s", b"first"], b"g"),
                node(b"Mul", &[b"u", b"g"], b"y"),
            ],
        ),
        (
            "by floats",
            vec![
                shape(),
                cast(b"s", FLOAT, b"f"),
                floats(b"h", &[], &[1.5]),
                node(b"Mul", &[b"f", b"h"], b"m"),
                node(b"Floor", &[b"m"], b"l"),
                cast(b"l", INT64, b"y"),
            ],
        ),
        (
            "Where",
            vec![
                shape(),
                sizes(b"c", &[6]),
                node(b"Less", &[b"s", b"c"], b"l"),
                node(b"Where", &[b"l", b"s", b"c"], b"y"),
            ],
        ),
        ("ReduceProd", vec![shape(), node(b"ReduceProd", &[b"s"], b"y")]),
        (
            "ConstantOfShape",
            vec![
                shape(),
                node(b"Shape", &[b"s"], b"t"),
                node_with(b"ConstantOfShape", &[b"t"], b"y", &[seven]),
            ],
        ),
        (
            "Concat and Split",
            vec![
                shape(),
                node_with(b"Concat", &[b"s", b"s"], b"t", &[int(b"axis", 0)]),
                node_with(b"Split", &[b"t"], b"u", &[int(b"num_outputs", 2), bytes(2, b"y")]),
            ],
        ),
    ];
    for (name, parts) in cases {
        let (found, made) = both(&parts, &[5, 6, 8]).map_err(|error| format!("{name}: {error}"))?;
        let made = made.into_tensor::<i32>().ok_or(name)?;
        let expected: Vec<i64> = made.to_vec().into_iter().map(i64::from).collect();
        assert_eq!(found.ints(), Some(expected), "{name}");
        assert!(found.is_whole, "{name}");
    }
    Ok(())
}
