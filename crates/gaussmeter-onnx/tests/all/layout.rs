//! Axes of samples and outputs, and what a file says of them.

use crate::level;
use crate::made::{
    FLOAT, INT64, floats, folder, int, model, node, node_with, port_of, said, sizes,
};
use gaussmeter::network::Denoiser;
use gaussmeter_onnx::OnnxNetwork;
use std::error::Error;

type Result = std::result::Result<(), Box<dyn Error>>;

/// What a network in a file answers for samples of a shape.
fn answer(
    name: &str,
    content: &[u8],
    options: &str,
    shape: &[usize],
    x: &[f64],
) -> std::result::Result<Vec<f64>, Box<dyn Error>> {
    let path = folder("layout")?.join(format!("{name}.onnx"));
    std::fs::write(&path, content)?;
    let text = format!("onnx:{},prediction=denoiser,conditioning=sigma{options}", path.display());
    let mut out = vec![0.0; x.len()];
    OnnxNetwork::read(&text)?.bind(shape)?.evaluate(x, &level(0.5), &mut out)?;
    Ok(out)
}

/// Pictures of two channels, three rows and two columns, whose network multiplies channel 0 by 2 and row 1 by 10, in
/// the order of its axes.
#[test]
fn channels_may_be_last_in_pictures_and_in_lists() -> Result {
    let (channels, rows, columns) = (2, 3, 2);
    let factor = |c: usize, r: usize| (2 - c) as f64 * if r == 1 { 10.0 } else { 1.0 };
    let mut last = Vec::new();
    for r in 0..rows {
        for _ in 0..columns {
            last.extend((0..channels).map(|c| factor(c, r) as f32));
        }
    }
    let shape = [channels, rows, columns];
    let x: Vec<f64> = (0..24).map(|i| f64::from(i) - 3.5).collect();
    let expected: Vec<f64> =
        x.iter().enumerate().map(|(i, x)| x * factor(i % 12 / 6, i % 6 / 2)).collect();
    for axes in [&[3i64, 2, 2][..], &[12]] {
        let dims: Vec<i64> = [&[-1], axes].concat();
        let ones: Vec<u64> = [&[1], axes].concat().into_iter().map(|n| n as u64).collect();
        let file = model(
            &[
                port_of(11, b"x", FLOAT, &dims),
                port_of(12, b"y", FLOAT, &dims),
                floats(b"k", &ones, &last),
                node(b"Mul", &[b"x", b"k"], b"y"),
            ]
            .concat(),
        );
        let found = answer("last", &file, ",layout=hwc", &shape, &x)?;
        assert_eq!(found, expected, "{axes:?}");
        let error = answer("last", &file, ",layout=hwc", &[12], &x).err().ok_or("no error")?;
        assert!(error.to_string().ends_with("layout=hwc is for pictures"), "{error}");
    }
    Ok(())
}

/// Of outputs with twice the channels the first half is the prediction.
#[test]
fn a_predicted_variance_is_left_out() -> Result {
    let x: Vec<f64> = (0..24).map(|i| f64::from(i) - 3.5).collect();
    for axes in [&[2i64, 3, 2][..], &[12]] {
        let dims: Vec<i64> = [&[-1], axes].concat();
        let twice: Vec<i64> = [&[-1, 2 * axes[0]], &axes[1..]].concat();
        let file = model(
            &[
                port_of(11, b"x", FLOAT, &dims),
                port_of(12, b"y", FLOAT, &twice),
                floats(b"k", &[], &[7.0]),
                node(b"Mul", &[b"x", b"k"], b"v"),
                node_with(b"Concat", &[b"x", b"v"], b"y", &[int(b"axis", 1)]),
            ]
            .concat(),
        );
        assert_eq!(answer("variance", &file, "", &[2, 3, 2], &x)?, x);
    }
    Ok(())
}

/// A network that answers the number of its class, in a file with these metadata.
fn of_classes(metadata: &[(&str, &str)]) -> Vec<u8> {
    let graph = [
        port_of(11, b"x", FLOAT, &[-1, 4]),
        port_of(11, b"class", INT64, &[-1]),
        port_of(12, b"y", FLOAT, &[-1, 4]),
        floats(b"zero", &[], &[0.0]),
        sizes(b"axes", &[-1, 1]),
        node(b"Mul", &[b"x", b"zero"], b"zeros"),
        node_with(b"Cast", &[b"class"], b"number", &[int(b"to", FLOAT as i64)]),
        node(b"Reshape", &[b"number", b"axes"], b"column"),
        node(b"Add", &[b"zeros", b"column"], b"y"),
    ];
    let said = metadata.iter().flat_map(|(key, value)| said(&format!("gaussmeter.{key}"), value));
    [model(&graph.concat()), said.collect()].concat()
}

#[test]
fn classes_that_a_network_does_not_have_are_refused() -> Result {
    let file = of_classes(&[("version", "1"), ("classes", "3"), ("null_class", "3")]);
    let ask = |file: &[u8], options: &str| answer("classes", file, options, &[4], &[0.0; 4]);
    assert_eq!(ask(&file, "")?, [3.0; 4]);
    assert_eq!(ask(&file, ",class=2")?, [2.0; 4]);
    assert_eq!(ask(&file, ",class=2,guidance=3")?, [0.0; 4]);
    for options in [",class=3", ",class=4", ",class=3,guidance=2"] {
        let error = ask(&file, options).err().ok_or(options)?.to_string();
        assert!(error.ends_with("class: it has 3 classes, from 0"), "{error}");
    }
    // Others do not say how many they have.
    assert_eq!(ask(&of_classes(&[]), ",class=4")?, [4.0; 4]);
    Ok(())
}

#[test]
fn files_of_other_versions_and_shapes_are_refused() -> Result {
    let ask = |metadata: &[(&str, &str)], shape: &[usize]| {
        answer("facts", &of_classes(metadata), ",class=0", shape, &[0.0; 4]).map(drop)
    };
    ask(&[("shape", "1,2,2")], &[1, 2, 2])?;
    ask(&[("shape", "1,2,2")], &[2, 2])?;
    ask(&[("shape", "1,2,2")], &[4])?;
    ask(&[("shape", "1,1,4")], &[4])?;
    let cases: [(&str, &str, &[usize], &str); 5] = [
        ("version", "2", &[4], "it is of version 2 of gaussmeter's networks, and this is 1"),
        ("classes", "many", &[4], "gaussmeter.classes is 'many', no number of it"),
        ("shape", "1,x", &[4], "gaussmeter.shape is '1,x', no number of it"),
        ("shape", "1,4,1", &[1, 2, 2], "it is of samples of 1x4x1, and the data have 1x2x2"),
        ("shape", "1,2,3", &[4], "it is of samples of 1x2x3, and the data have 4"),
    ];
    for (key, value, shape, message) in cases {
        let error = ask(&[(key, value)], shape).err().ok_or(message)?.to_string();
        assert!(error.ends_with(message), "{error}");
    }
    Ok(())
}
