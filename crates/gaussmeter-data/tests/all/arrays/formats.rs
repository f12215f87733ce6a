//! Every format gives the numbers that were saved; what cannot be read is said.

use super::{array, error, fixture, open, pixel, ramp, read, samples};
use gaussmeter_data::samples::Scale;
use gaussmeter_data::source::{ArrayKind, Data, Layout, ReadOptions, ScaleChoice};

type Value = fn(usize) -> f64;

const NUMBER: Value = |k| k as f64;
const FLAG: Value = |k| f64::from(pixel(k) >= 128.0);
const NOT_ZERO: Value = |k| f64::from(k != 0);
const TRUNCATED: Value = |k| ramp(k).trunc();
const CIFAR: Value = |k| ((37 * k + 11) % 144) as f64;

/// File, array, shape of a sample, values.
const SAMPLES: &[(&str, &str, &[usize], Value)] = &[
    ("u1.npy", "", &[6], pixel),
    ("f2.npy", "", &[6], ramp),
    ("f4.npy", "", &[6], ramp),
    ("f8.npy", "", &[6], ramp),
    ("big-f8.npy", "", &[6], ramp),
    ("big-i2.npy", "", &[6], TRUNCATED),
    ("i8.npy", "", &[6], TRUNCATED),
    ("u4.npy", "", &[6], NUMBER),
    ("bool.npy", "", &[6], FLAG),
    ("fortran.npy", "", &[6], ramp),
    ("fortran-nchw.npy", "", &[3, 5, 4], pixel),
    ("nchw.npy", "", &[3, 5, 4], pixel),
    ("nhwc.npy", "", &[3, 5, 4], pixel),
    ("stored.npz", "", &[6], ramp),
    ("compressed.npz", "", &[6], ramp),
    ("several.npz", "train", &[6], pixel),
    ("one.safetensors", "", &[6], ramp),
    ("kinds.safetensors", "u8", &[6], NUMBER),
    ("kinds.safetensors", "i8", &[6], NUMBER),
    ("kinds.safetensors", "i16", &[6], NUMBER),
    ("kinds.safetensors", "u16", &[6], NUMBER),
    ("kinds.safetensors", "i32", &[6], NUMBER),
    ("kinds.safetensors", "u32", &[6], NUMBER),
    ("kinds.safetensors", "i64", &[6], NUMBER),
    ("kinds.safetensors", "u64", &[6], NUMBER),
    ("kinds.safetensors", "f16", &[6], NUMBER),
    ("kinds.safetensors", "bf16", &[6], NUMBER),
    ("kinds.safetensors", "f32", &[6], NUMBER),
    ("kinds.safetensors", "f64", &[6], NUMBER),
    ("kinds.safetensors", "bool", &[6], NOT_ZERO),
    ("tensor.pt", "", &[6], ramp),
    ("bf16.pt", "", &[6], ramp),
    ("dict.pt", "", &[3, 5, 4], pixel),
    ("nested.pt", "images", &[3, 5, 4], pixel),
    ("nested.pt", "model.weight", &[6], ramp),
    ("nested.pt", "list.0", &[6], |k| ramp(k) + 1.0),
    ("nested.pt", "7", &[6], ramp),
    ("kinds.pt", "u8", &[6], NUMBER),
    ("kinds.pt", "i8", &[6], NUMBER),
    ("kinds.pt", "i16", &[6], NUMBER),
    ("kinds.pt", "u16", &[6], NUMBER),
    ("kinds.pt", "i32", &[6], NUMBER),
    ("kinds.pt", "u32", &[6], NUMBER),
    ("kinds.pt", "i64", &[6], NUMBER),
    ("kinds.pt", "u64", &[6], NUMBER),
    ("kinds.pt", "f16", &[6], NUMBER),
    ("kinds.pt", "bf16", &[6], NUMBER),
    ("kinds.pt", "f32", &[6], NUMBER),
    ("kinds.pt", "f64", &[6], NUMBER),
    ("kinds.pt", "bool", &[6], NOT_ZERO),
    ("offset.pt", "", &[6], |k| ramp(k + 12)),
    ("window.pt", "", &[4], |k| ramp(6 * (k / 4 + 2) + 1 + k % 4)),
    ("transposed.pt", "", &[6], ramp),
    ("channels-last.pt", "", &[3, 5, 4], pixel),
    ("expanded.pt", "", &[6], |k| ramp(k % 6)),
    ("shared.pt", "a", &[6], ramp),
    ("shared.pt", "b", &[6], |k| ramp(k + 24)),
    ("parameter.pt", "", &[6], ramp),
    ("numpy.pt", "", &[6], ramp),
    ("protocol0.pkl", "", &[6], ramp),
    ("protocol1.pkl", "", &[6], ramp),
    ("protocol2.pkl", "", &[6], ramp),
    ("protocol3.pkl", "", &[6], ramp),
    ("protocol4.pkl", "", &[6], ramp),
    ("protocol5.pkl", "", &[6], ramp),
    ("array.pkl", "", &[6], ramp),
    ("big.pkl", "", &[6], ramp),
    ("fortran2.pkl", "", &[6], ramp),
    ("fortran5.pkl", "", &[6], ramp),
    ("permuted5.pkl", "", &[3, 5, 4], pixel),
    ("python2-text.pkl", "", &[6], ramp),
    ("mnist.pkl", "0.0", &[8], pixel),
    ("mnist.pkl", "1.0", &[8], pixel),
    ("scalars.pkl", "", &[6], ramp),
    ("data_batch_1", "", &[3, 32, 32], CIFAR),
    ("data_batch_2", "", &[3, 32, 32], CIFAR),
    ("data_batch_2", "data", &[3072], CIFAR),
];

fn options(name: &str) -> ReadOptions {
    if name.is_empty() { ReadOptions::default() } else { array(name) }
}

#[test]
fn every_format_gives_what_was_saved() {
    for (file, name, shape, value) in SAMPLES {
        let mut found = samples(&fixture(file), &options(name));
        assert_eq!(found.shape(), *shape, "{file} {name}");
        let dim: usize = shape.iter().product();
        let count = found.size_hint().unwrap() as usize;
        let expected: Vec<f64> = (0..count * dim).map(value).collect();
        for max_rows in [1, 3, 100] {
            assert_eq!(read(&mut *found, max_rows).unwrap(), expected, "{file} {name}");
            assert_eq!(found.position(), count as u64);
            found.rewind().unwrap();
        }
        found.skip(1).unwrap();
        assert_eq!(read(&mut *found, 2).unwrap(), expected[dim..], "{file} {name}");
        assert!(found.description().contains(file));
    }
}

#[test]
fn covariances_and_eigenvalues_are_told_from_samples() {
    let expected = [2.0, 0.5, 0.0, 0.5, 1.0, 0.25, 0.0, 0.25, 3.0];
    let statistics = ["fid.npz", "statistics.pt", "statistics.pkl", "statistics.safetensors"];
    let files = ["covariance.npy", "covariance.safetensors", "covariance.pt"];
    let files = files.into_iter().chain(statistics);
    for file in files {
        match open(&fixture(file), &ReadOptions::default()).unwrap() {
            Data::Covariance(found) => {
                assert_eq!(found.covariance.values(), expected, "{file}");
                let mean = if statistics.contains(&file) { [1.0, -2.0, 0.5] } else { [0.0; 3] };
                assert_eq!(found.mean, mean);
            }
            _ => panic!("{file}"),
        }
        let as_samples = ReadOptions { kind: Some(ArrayKind::Samples), ..ReadOptions::default() };
        if !statistics.contains(&file) {
            let found = read(&mut *samples(&fixture(file), &as_samples), 2).unwrap();
            assert_eq!(found, expected);
        }
    }
    for file in ["eigenvalues.npy", "eigenvalues.npz", "eigenvalues.pt", "eigenvalues.pkl"] {
        match open(&fixture(file), &ReadOptions::default()).unwrap() {
            Data::Spectrum(spectrum) => {
                assert_eq!(spectrum.trace(), 5.25, "{file}");
                assert_eq!(spectrum.modes().len(), 3);
            }
            _ => panic!("{file}"),
        }
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let expected = [
        ("object.npy", "", "Python objects (pickle) are never loaded"),
        ("structured.npy", "", "structured types are not read"),
        ("complex.npy", "", "type '<c8' is not a real number"),
        ("number.npy", "", "a single number, not an array"),
        ("nan.npy", "", "nan.npy: sample 2, coordinate [0, 1, 0] is NaN"),
        ("nan.npz", "", "nan.npz: array 'x': sample 2, coordinate [0, 1, 0] is NaN"),
        ("several.npz", "", "choose one with --array (found: test, train)"),
        ("several.npz", "x", "no array 'x' (found: test, train)"),
        ("kinds.safetensors", "f8", "array 'f8': type F8_E4M3 is not a real number"),
        ("kinds.safetensors", "", "found: bf16, bool, f16"),
        ("kinds.pt", "complex", "tensor 'complex': type ComplexFloatStorage is not a real number"),
        ("nested.pt", "", "found: images, model.weight, list.0, 7)"),
        ("nested.pt", "list.1", "no array 'list.1'"),
        ("code.pt", "x", "contains Python code, a call of argparse.Namespace"),
        ("legacy.pt", "", "torch.save(torch.load(path), path)"),
        ("script.pt", "", "TorchScript programs are never run"),
        ("object.pkl", "", "array 'x': Python objects"),
        ("mnist.pkl", "", "found: 0.0, 0.1, 1.0, 1.1"),
        ("mnist.pkl", "0.1", ""),
        ("batches.meta", "", "holds no array"),
    ];
    for (file, name, message) in expected.into_iter().filter(|(_, _, message)| !message.is_empty())
    {
        let found = error(&fixture(file), &options(name));
        assert!(found.contains(message) && found.contains(file), "{found}");
    }
    let kind = |kind| ReadOptions { kind: Some(kind), ..ReadOptions::default() };
    let found = error(&fixture("eigenvalues.npy"), &kind(ArrayKind::Samples));
    assert!(found.contains("samples need two"), "{found}");
    let found = error(&fixture("f4.npy"), &kind(ArrayKind::Covariance));
    assert!(found.contains("shape [4, 6] is not square"), "{found}");
    let found = error(&fixture("nchw.npy"), &kind(ArrayKind::Eigenvalues));
    assert!(found.contains("eigenvalues must be a list"), "{found}");
}

#[test]
fn code_in_pickles_is_never_run() {
    for (file, name) in [
        ("evil.pkl", "posix.system"),
        ("evil2.pkl", "posix.system"),
        ("evil0.pkl", "os.system"),
        ("instance.pkl", "os.system"),
    ] {
        let message = error(&fixture(file), &ReadOptions::default());
        let expected = format!("contains Python code, a call of {name}, which is never run");
        assert!(message.contains(&expected), "{message}");
    }
    assert!(!std::path::Path::new("/tmp/gaussmeter-was-here").exists());
}

#[test]
fn values_are_scaled_as_asked() {
    let scale = |file: &str, scale| {
        samples(&fixture(file), &ReadOptions { scale, ..ReadOptions::default() }).scale()
    };
    assert_eq!(scale("u1.npy", ScaleChoice::Auto), Scale::SYMMETRIC);
    assert_eq!(scale("data_batch_1", ScaleChoice::Unit), Scale::UNIT);
    assert_eq!(scale("tensor.pt", ScaleChoice::Auto), Scale::IDENTITY);
    assert_eq!(scale("bool.npy", ScaleChoice::Auto), Scale { factor: 2.0, offset: -1.0 });
    assert_eq!(scale("u1.npy", ScaleChoice::None), Scale::IDENTITY);
    let options = ReadOptions { scale: ScaleChoice::Unit, ..ReadOptions::default() };
    assert!(error(&fixture("f4.npy"), &options).contains("give --scale as FACTOR,OFFSET"));
}

#[test]
fn the_order_of_axes_can_be_told() {
    let options = |layout| ReadOptions { layout, ..ReadOptions::default() };
    let found = samples(&fixture("nhwc.npy"), &options(Layout::Chw));
    assert_eq!(found.shape(), [5, 4, 3]);
    let mut found = samples(&fixture("nchw.npy"), &options(Layout::Hwc));
    assert_eq!(found.shape(), [4, 3, 5]);
    assert_eq!(read(&mut *found, 9).unwrap()[..3], [pixel(0), pixel(4), pixel(8)]);
}

#[test]
fn of_several_statistics_one_is_named() {
    let path = fixture("two-statistics.pkl");
    let refused = error(&path, &ReadOptions::default());
    assert!(refused.contains("choose one with --array (found: fid, fd_dinov2)"), "{refused}");
    for (name, scale) in [("fid", 1.0), ("fd_dinov2", 0.5)] {
        let Ok(Data::Covariance(found)) = open(&path, &array(name)) else { panic!("{name}") };
        assert_eq!(found.mean, [1.0, -2.0, 0.5].map(|v| v * scale));
        assert_eq!(found.covariance[(2, 2)], 3.0 * scale * scale);
        assert!(found.description.ends_with(&format!("statistics {name}.mu and {name}.sigma")));
    }
    // The matrix alone has no mean.
    let Ok(Data::Covariance(found)) = open(&path, &array("fid.sigma")) else { panic!("none") };
    assert_eq!(found.mean, [0.0; 3]);
}
