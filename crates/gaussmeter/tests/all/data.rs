//! Spectra load from every format and preset, and whatever cannot be read says where and why.

use gaussmeter::data::{self, SPECTRUM, format};
use gaussmeter::spectrum::{Mode, Notice, Spectrum};
use gaussmeter_testkit::shared;
use npyz::WriterBuilder;
use npyz::half::f16;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use tempfile::TempDir;

const EIGENVALUES: [f64; 3] = [0.1, 1e-300, 2.0 / 3.0];
const MULTIPLICITIES: [f64; 3] = [1.0, 2.5, 7.0];
const MEANS: [f64; 3] = [-0.5, 0.0, 1.0 / 3.0];

fn file(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn load(name: &str, content: impl AsRef<[u8]>) -> Result<Spectrum, String> {
    let (folder, path) = file(name, content);
    data::load(path.to_str().unwrap()).map_err(|e| without_folder(&folder, &e.to_string()))
}

fn error(name: &str, content: impl AsRef<[u8]>) -> String {
    load(name, content).unwrap_err()
}

fn numbers(name: &str, content: impl AsRef<[u8]>) -> Result<Vec<f64>, String> {
    let (folder, path) = file(name, content);
    data::read_numbers(&path).map_err(|e| without_folder(&folder, &e.to_string()))
}

fn without_folder(folder: &TempDir, text: &str) -> String {
    text.replace(&format!("{}/", folder.path().display()), "")
}

/// A .npy file as NumPy writes it.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
}

fn npy_f64(values: &[f64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[values.len() as u64])
        .writer(&mut bytes)
        .begin_nd()
        .unwrap();
    writer.extend(values).unwrap();
    writer.finish().unwrap();
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = ::zip::write::SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Stored);
    for (name, content) in arrays {
        zip.start_file(format!("{name}.npy"), stored).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn modes() -> Vec<Mode> {
    let mut modes: Vec<Mode> = (0..3)
        .map(|i| Mode {
            eigenvalue: EIGENVALUES[i],
            multiplicity: MULTIPLICITIES[i],
            mean: MEANS[i],
        })
        .collect();
    modes.sort_by(|a, b| a.eigenvalue.total_cmp(&b.eigenvalue));
    modes
}

fn rows(separator: &str) -> String {
    let row = |i: usize| [EIGENVALUES[i], MULTIPLICITIES[i], MEANS[i]].map(|v| v.to_string());
    (0..3).map(|i| row(i).join(separator) + "\n").collect()
}

#[test]
fn all_formats_return_the_same_bits() {
    let json = serde_json::json!({
        "schema": 1, "name": "toy", "note": "by hand", "other": {"ignored": [true]},
        "eigenvalue": EIGENVALUES, "multiplicity": MULTIPLICITIES, "mean": MEANS,
    });
    let archive = npz(&[
        ("eigenvalues", npy_f64(&EIGENVALUES)),
        ("multiplicity", npy_f64(&MULTIPLICITIES)),
        ("mean", npy_f64(&MEANS)),
        ("basis", npy("'<f8'", "(3, 3)", &[0; 72])),
    ]);
    let header = String::from("# toy\n\n\"mean\",Eigenvalue,multiplicity\r\n");
    let csv = (0..3).fold(header, |text, i| {
        text + &format!("{}, {},{} # row\r\n", MEANS[i], EIGENVALUES[i], MULTIPLICITIES[i])
    });
    for (name, content) in [
        ("a.json", json.to_string().into_bytes()),
        ("a.npz", archive),
        ("a.csv", csv.into_bytes()),
        ("a.txt", rows(" \t").into_bytes()),
        ("a.dat", rows(",").into_bytes()),
    ] {
        let spectrum = load(name, content).unwrap();
        assert_eq!(spectrum.modes(), modes(), "{name}");
        assert_eq!(spectrum.notices(), [], "{name}");
        assert!(spectrum.has_mean());
    }
    for (name, content) in [
        ("a.npy", npy_f64(&EIGENVALUES)),
        ("a.npz", npz(&[("arr_0", npy_f64(&EIGENVALUES))])),
        ("a.json", serde_json::json!(EIGENVALUES).to_string().into_bytes()),
        ("a.txt", EIGENVALUES.map(|v| format!("{v:e}\n")).concat().into_bytes()),
    ] {
        let spectrum = load(name, content).unwrap();
        assert_eq!(spectrum.eigenvalues(), [1e-300, 0.1, 2.0 / 3.0], "{name}");
        assert_eq!(spectrum.dim(), 3.0);
    }
}

#[test]
fn the_content_decides_and_not_the_name() {
    for (content, kind) in [
        (npy_f64(&EIGENVALUES), "float64"),
        (npz(&[("x", npy_f64(&EIGENVALUES))]), "float64"),
        (b"\xef\xbb\xbf \n[0.5, 1, 2]".to_vec(), "json"),
        (b"\xef\xbb\xbf0.5\n1\n2".to_vec(), "text"),
    ] {
        let spectrum = load("spectrum.tar.xz", content).unwrap();
        assert_eq!(spectrum.name(), "spectrum.tar");
        let provenance = spectrum.provenance();
        assert!(
            provenance.ends_with(&format!("spectrum.tar.xz: 3 values, {kind}")),
            "{provenance}"
        );
    }
}

#[test]
fn a_json_file_names_itself() {
    let spectrum =
        load("a.json", r#"{"eigenvalue": [1], "name": "toy", "note": "by hand"}"#).unwrap();
    assert_eq!(spectrum.name(), "toy");
    assert!(spectrum.provenance().ends_with("a.json: 1 values, json; by hand"));
}

#[test]
fn every_real_type_and_byte_order() {
    fn bytes<const N: usize>(values: [[u8; N]; 2]) -> Vec<u8> {
        values.concat()
    }
    let half = [f16::from_f32(0.5), f16::from_f32(3.0)];
    for (descr, data, expected, dtype) in [
        ("'<f8'", bytes([0.5f64, 3.0].map(f64::to_le_bytes)), [0.5, 3.0], "float64"),
        ("'>f8'", bytes([0.5f64, 3.0].map(f64::to_be_bytes)), [0.5, 3.0], "float64"),
        ("'<f4'", bytes([0.5f32, 3.0].map(f32::to_le_bytes)), [0.5, 3.0], "float32"),
        ("\">f4\"", bytes([0.5f32, 3.0].map(f32::to_be_bytes)), [0.5, 3.0], "float32"),
        ("'<f2'", bytes(half.map(f16::to_le_bytes)), [0.5, 3.0], "float16"),
        ("'>f2'", bytes(half.map(f16::to_be_bytes)), [0.5, 3.0], "float16"),
        ("'|i1'", vec![1, 100], [1.0, 100.0], "int8"),
        ("'|u1'", vec![1, 200], [1.0, 200.0], "uint8"),
        ("'>i2'", bytes([1i16, 300].map(i16::to_be_bytes)), [1.0, 300.0], "int16"),
        ("'<u2'", bytes([1u16, 60_000].map(u16::to_le_bytes)), [1.0, 60_000.0], "uint16"),
        ("'<i4'", bytes([1i32, 3].map(i32::to_le_bytes)), [1.0, 3.0], "int32"),
        ("'>u4'", bytes([1u32, u32::MAX].map(u32::to_be_bytes)), [1.0, 4_294_967_295.0], "uint32"),
        ("'<i8'", bytes([1i64, 1 << 40].map(i64::to_le_bytes)), [1.0, 2f64.powi(40)], "int64"),
        ("'<u8'", bytes([1u64, 1 << 63].map(u64::to_le_bytes)), [1.0, 2f64.powi(63)], "uint64"),
    ] {
        let spectrum = load("a.npy", npy(descr, "(2,)", &data)).unwrap();
        assert_eq!(spectrum.eigenvalues(), expected, "{descr}");
        assert!(spectrum.provenance().ends_with(dtype), "{descr}");
        let low = matches!(dtype, "float16" | "float32").then(|| Notice::LowPrecision {
            dtype: dtype.into(),
            lowest: expected[0],
            highest: expected[1],
        });
        assert_eq!(spectrum.notices(), low.as_slice(), "{descr}");
    }
}

#[test]
fn the_type_of_the_eigenvalues_counts_in_an_archive() {
    let single = npy("'<f4'", "(2,)", &[0f32.to_le_bytes(), 2f32.to_le_bytes()].concat());
    let double = npy_f64(&[1.0, 2.0]);
    let low = load("a.npz", npz(&[("mean", double.clone()), ("eigenvalue", single.clone())]));
    let dtype = "float32".into();
    assert_eq!(low.unwrap().notices(), [Notice::LowPrecision { dtype, lowest: 2.0, highest: 2.0 }]);
    let high = load("a.npz", npz(&[("mean", single), ("eigenvalue", double)]));
    assert_eq!(high.unwrap().notices(), []);
}

#[test]
fn newer_headers_and_fortran_order() {
    let header = "{'shape':(1,),'fortran_order':True,'descr':'<f8'}";
    for version in [2, 3] {
        let length = (header.len() as u32).to_le_bytes();
        let start = [b"\x93NUMPY", [version, 0].as_slice(), &length].concat();
        let content = [&start, header.as_bytes(), &2.5f64.to_le_bytes()].concat();
        assert_eq!(load("a.npy", content).unwrap().eigenvalues(), [2.5]);
    }
}

#[test]
fn zeros_are_plain_clipped_and_merged() {
    let spectrum = load("a.npy", npy_f64(&[-1e-9, -0.0, 0.0, 2.0, 2.0])).unwrap();
    assert_eq!(spectrum.lowest().to_bits(), 0.0f64.to_bits());
    let merged: Vec<_> = spectrum.modes().iter().map(|m| (m.eigenvalue, m.multiplicity)).collect();
    assert_eq!(merged, [(0.0, 3.0), (2.0, 2.0)]);
    let clipped = Notice::Clipped { count: 1, lowest: -1e-9, positive: 0, highest: 2.0 };
    assert_eq!(spectrum.notices(), [clipped]);

    let spectrum = load("a.csv", "0.5,2\n0.5,3\n0.25,1").unwrap();
    assert_eq!(spectrum.modes().len(), 2);
    assert_eq!(spectrum.modes()[1].multiplicity, 5.0);
}

#[test]
fn spectrum_errors_name_the_file() {
    for (content, message) in [
        ("", "a.csv: no eigenvalues"),
        ("# nothing\n", "a.csv: no eigenvalues"),
        ("eigenvalue,mean\n", "a.csv: no eigenvalues"),
        ("1\n2\nnan\n", "a.csv: eigenvalue 2 is NaN"),
        ("1\ninf\n", "a.csv: eigenvalue 1 is inf"),
        (
            "eigenvalue,multiplicity\n1,0",
            "a.csv: multiplicity 0 is 0, but multiplicities must be positive",
        ),
        ("eigenvalue,multiplicity,mean\n1,1,NaN", "a.csv: mean 0 is NaN"),
        (
            "1\n-0.1",
            "a.csv: eigenvalue 1 is -1e-1, too negative to be a rounding error (largest eigenvalue 1e0): not a covariance",
        ),
    ] {
        assert_eq!(error("a.csv", content), message);
    }
    assert_eq!(error("a.npy", npy_f64(&[])), "a.npy: no eigenvalues");
    assert_eq!(error("a.npy", npy_f64(&[1.0, f64::NAN])), "a.npy: eigenvalue 1 is NaN");
    assert_eq!(error("a.json", "[]"), "a.json: no eigenvalues");
    assert_eq!(
        error("a.json", r#"{"eigenvalue": [1, 2], "mean": [0]}"#),
        "a.json: 1 values of mean for 2 eigenvalues"
    );
}

#[test]
fn npy_errors() {
    let cut = &npy_f64(&[1.0, 2.0])[..40];
    for (content, message) in [
        (
            npy("'<f8'", "(3, 4)", &[0; 96]),
            "expected a 1-D array of eigenvalues, found shape (3, 4)",
        ),
        (
            npy("'<f8'", "(2, 1)", &[0; 16]),
            "expected a 1-D array of eigenvalues, found shape (2, 1)",
        ),
        (npy("'<f8'", "()", &[0; 8]), "expected a 1-D array of eigenvalues, found shape ()"),
        (
            npy("'<f8'", "(4294967296, 4294967296)", &[]),
            "expected a 1-D array of eigenvalues, found shape (4294967296, 4294967296)",
        ),
        (npy("'<f8'", "(3,)", &[0; 20]), "truncated: 24 bytes of data announced, 20 found"),
        (
            npy("'<f8'", "(1000000000000000,)", &[0; 8]),
            "truncated: 8000000000000000 bytes of data announced, 8 found",
        ),
        (
            npy("'<f8'", "(18446744073709551615,)", &[]),
            "truncated: 18446744073709551615 bytes of data announced, 0 found",
        ),
        (
            npy("'<f8'", "(99999999999999999999,)", &[]),
            "not a valid npy file: the header cannot be read",
        ),
        (npy("'<f8'", "(-1,)", &[]), "not a valid npy file: the header cannot be read"),
        (npy("'<f8'", &"[".repeat(60_000), &[]), "not a valid npy file: the header cannot be read"),
        (cut.to_vec(), "not a valid npy file: the header is cut off"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(),
            "not a valid npy file: the header is cut off",
        ),
        (b"\x93NUMPY".to_vec(), "not a valid npy file: the header is cut off"),
        (
            npy("'|O'", "(2,)", b"cos\nsystem"),
            "holds Python objects (pickle), which are never loaded: save the array as float64",
        ),
        (
            npy("'<c16'", "(1,)", &[0; 16]),
            "type '<c16' is not a float or integer of at most 64 bits: save the array as float64",
        ),
        (
            npy("'<U3'", "(1,)", &[0; 12]),
            "type '<U3' is not a float or integer of at most 64 bits: save the array as float64",
        ),
        (
            npy("'?'", "(1,)", &[1]),
            "type '?' is not a float or integer of at most 64 bits: save the array as float64",
        ),
        (
            npy("[('a', '<f8')]", "(1,)", &[0; 8]),
            "type 'structured' is not a float or integer of at most 64 bits: save the array as float64",
        ),
    ] {
        assert_eq!(error("a.npy", content), format!("a.npy: {message}"));
    }
}

#[test]
fn npz_errors() {
    let list = || npy_f64(&[1.0, 2.0]);
    for (content, message) in [
        (npz(&[("b", list()), ("a", list())]), "no 'eigenvalue' or 'eigenvalues' (found: a, b)"),
        (npz(&[("mean", list())]), "no 'eigenvalue' or 'eigenvalues' (found: mean)"),
        (npz(&[]), "no 'eigenvalue' or 'eigenvalues' (found: nothing)"),
        (
            npz(&[("eigenvalue", list()), ("eigenvalues", list())]),
            "'eigenvalue' or 'eigenvalues' occurs twice",
        ),
        (
            npz(&[("x", npy("'<f8'", "(1, 2)", &[0; 16]))]),
            "array 'x': expected a 1-D array of eigenvalues, found shape (1, 2)",
        ),
        (
            npz(&[("eigenvalue", list()), ("mean", npy("'<f8'", "(1, 2)", &[0; 16]))]),
            "array 'mean': expected a 1-D array of means, found shape (1, 2)",
        ),
        (
            npz(&[("x", npy("'|O'", "(2,)", b"cos\nsystem"))]),
            "array 'x': holds Python objects (pickle), which are never loaded: save the array as float64",
        ),
        (
            npz(&[("x", npy("'<f8'", "(1000000000000000,)", &[]))]),
            "array 'x': truncated: 8000000000000000 bytes of data announced, 0 found",
        ),
        (npz(&[("x", b"text".to_vec())]), "array 'x': not a valid npy file: the header is cut off"),
        (b"PK\x03\x04".to_vec(), "not a valid npz file: Could not find EOCD"),
    ] {
        let found = error("a.npz", content).replace("invalid Zip archive: ", "");
        assert_eq!(found, format!("a.npz: {message}"));
    }
    let at = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|w| w == part).unwrap();
    let mut corrupt = npz(&[("eigenvalue", list())]);
    let value = at(&corrupt, &2f64.to_le_bytes());
    corrupt[value] ^= 1;
    assert_eq!(
        error("a.npz", corrupt),
        "a.npz: array 'eigenvalue': not a valid npz file: Invalid checksum"
    );
    let mut huge = npz(&[("eigenvalue", list())]);
    let size = at(&huge, b"PK\x01\x02") + 24;
    huge[size..size + 4].copy_from_slice(&(data::MAX_BYTES as u32 + 1).to_le_bytes());
    assert_eq!(error("a.npz", huge), "a.npz: array 'eigenvalue': larger than 1024 MiB");
}

#[test]
fn huge_files_are_refused() {
    let (folder, path) = file("a.npy", "");
    std::fs::File::create(&path).unwrap().set_len(data::MAX_BYTES + 1).unwrap();
    let message = data::read(&path).unwrap_err().to_string();
    assert_eq!(
        without_folder(&folder, &message),
        "a.npy: larger than 1024 MiB: merge equal eigenvalues with a multiplicity column"
    );
}

#[test]
fn json_errors() {
    for (content, message) in [
        (r#"{"eigenvalue": [1], "schema": 2}"#, "schema 2, but this version reads schema 1"),
        (r#"{"eigenvalue": [1], "schema": "x"}"#, "schema \"x\", but this version reads schema 1"),
        (r#"{"eigenvalue": [1, null]}"#, "eigenvalue 1 is null, not a number"),
        (
            r#"{"eigenvalue": [1], "multiplicity": ["2"]}"#,
            "multiplicity 0 is a string, not a number",
        ),
        ("[[1, 2], [3, 4]]", "eigenvalue 0 is a list, not a number"),
        (r#"{"eigenvalue": 1}"#, "'eigenvalue' is a number, not a list of numbers"),
        (r#"{"values": [1], "dim": 1}"#, "no 'eigenvalue' or 'eigenvalues' (found: values, dim)"),
        ("{}", "no 'eigenvalue' or 'eigenvalues' (found: nothing)"),
        ("[1, NaN]", "not a valid json file: expected value at line 1 column 5"),
        (
            "{\"eigenvalue\": [1,\n2",
            "not a valid json file: EOF while parsing a list at line 2 column 1",
        ),
    ] {
        assert_eq!(error("a.json", content), format!("a.json: {message}"));
    }
    let deep = error("a.json", "[".repeat(1 << 20));
    assert!(deep.contains("recursion limit exceeded"), "{deep}");
}

/// Lists as programs print them and people paste them.
#[test]
fn printed_lists_are_read() {
    let expected = [999.0, 850.5, 24.0, 0.0];
    for text in [
        "tensor([999.0, 850.5,\n         24, 0], device='cuda:0')\n",
        "tensor([9.9900e+02, 8.5050e+02, 2.4000e+01, 0.0000e+00], dtype=torch.float64)",
        "timesteps: tensor([999., 850.5, 24., 0.], device='cuda:0', grad_fn=<SelectBackward0>)",
        "np.array(torch.tensor([999, 850.5, 24, 0]))",
        "array([999. , 850.5,  24. ,   0. ])",
        "[999.  850.5  24.    0. ]",
        "[999, 850.5,\n 24, 0,]",
        "[999; 850.5; 24; 0;]",
        "(999, 850.5, 24, 0)",
        "[np.float64(999.0), np.float64(850.5), np.float64(24.0), np.float64(0.0)]",
        "[tensor(999., device='cuda:0'), tensor(850.5, device='cuda:0'), tensor(24), tensor(0)]",
        "999, 850.5, 24, 0,",
        "999;850.5;24;0",
        "999; 850.5; 24; 0;\n",
        "999, 850.5,\n24,\n0",
        "999,\n850.5,\n24,\n0,\n",
        "t = torch.tensor([999, 850.5, 24, 0], device='cuda:0')",
    ] {
        assert_eq!(numbers("a.txt", text).as_deref(), Ok(&expected[..]), "{text}");
    }
    assert_eq!(load("a.txt", "4,\n1,\n0.5,\n").unwrap().eigenvalues(), [0.5, 1.0, 4.0]);
    for (text, message) in [
        ("tensor([999, x, 24])", "line 1: 'x' is not a number"),
        ("tensor([999,\n 0x3, 24])", "line 2: '0x3' is not a number"),
        ("tensor([[999, 850], [24, 0]])", "several lists, or a list of lists"),
        ("tensor([9, 8]), tensor([7])", "several lists"),
        ("tensor([999, 998, ..., 1, 0])", "abbreviated by '...'"),
        ("999;850,5;24", "'850,5' is not a number"),
        ("999, , 24", "line 1: '' is not a number"),
        (",", "'' is not a number"),
        ("tensor([])", "no numbers"),
    ] {
        let found = numbers("a.txt", text).expect_err(text);
        assert!(found.contains(message), "{text}: {found}");
    }
}

#[test]
fn text_errors() {
    for (content, message) in [
        ("1\n\n# two\n0x2\n", "line 4: '0x2' is not a number"),
        ("1,2\n1,\n", "line 2: '' is not a number"),
        ("1 2\n1 2 3\n", "line 2: 3 columns instead of 2"),
        ("1 2 3 4\n", "line 1: 4 columns instead of 1 to 3"),
        ("eigenvalue,multiplicity\n1\n", "line 2: 1 columns instead of 2"),
        (
            "eigenvalue,weight\n1,2\n",
            "line 1: unknown column 'weight' (known: eigenvalue, multiplicity, mean)",
        ),
        ("lambda\n1\n", "line 1: unknown column 'lambda' (known: eigenvalue, multiplicity, mean)"),
        ("mean\n1\n", "no 'eigenvalue' or 'eigenvalues' (found: mean)"),
        ("mean,Mean,eigenvalue\n1,2,3\n", "'mean' or 'means' occurs twice"),
        (
            "0\x1b[31m1234567890123456789012345678901234567890\n",
            "line 1: '0\\u{1b}[31m1234567890123456789012345678901234…' is not a number",
        ),
    ] {
        assert_eq!(error("a.csv", content), format!("a.csv: {message}"));
    }
    assert_eq!(
        error("a.csv", b"1\x00\x00"),
        "a.csv: not recognised as npy, npz, printed, json, python, text"
    );
    assert!(error("a.csv", b"\xff\xfe").starts_with("a.csv: line 1: '"));
}

#[test]
fn numpy_writes_its_header_as_a_comment() {
    let means = |content: &str| load("a.csv", content).map(|s| s.modes()[0].mean);
    assert_eq!(means("# eigenvalue,mean\n1,2\n"), Ok(2.0));
    assert_eq!(means("# by hand\n#mean eigenvalue\n2 1\n"), Ok(2.0));
    // A comment of one word names no columns, and three numbers on a line may be a list.
    assert!(means("# eigenvalues\n1,3,2\n").unwrap_err().contains("one line: a list"));
    assert_eq!(
        means("# mean\n1\n").unwrap_err(),
        "a.csv: no 'eigenvalue' or 'eigenvalues' (found: mean)"
    );
}

#[test]
fn a_text_is_a_file_or_a_preset() {
    let load = |text: &str| data::load(text).unwrap_err().to_string();
    assert_eq!(load("no/cifar10"), "no such file 'no/cifar10'");
    assert_eq!(load("cifar10.NPY"), "no such file 'cifar10.NPY'");
    assert_eq!(
        load("cifar1"),
        "no such file, and unknown spectrum 'cifar1': did you mean 'cifar10'?"
    );
    assert_eq!(
        load("power-law:d=3"),
        "spectrum 'power-law' needs alpha=… (decay exponent; the trace stays finite as d grows for alpha > 1)"
    );
    let folder = TempDir::new().unwrap();
    let name = folder.path().display().to_string();
    assert!(load(&name).starts_with(&format!("{name}: ")), "{}", load(&name));

    // A file wins over a preset of the same name, and needs no extension.
    let (_folder, path) = file("white", "1\n2\n3\n4\n");
    assert_eq!(data::load(path.to_str().unwrap()).unwrap().dim(), 4.0);
}

#[test]
fn cifar10_presets() {
    let spectrum = data::load("cifar10").unwrap();
    assert!((spectrum.dim() - 3072.0).abs() < 1e-9);
    assert_eq!(spectrum.name(), "cifar10");
    assert!(spectrum.provenance().starts_with("weighted summary"));
    assert!(spectrum.null_dim() == 0.0 && spectrum.lowest() > 6e-6);
    let other = data::load("cifar10-icml2025").unwrap();
    assert!((other.dim() - 3072.0).abs() < 1e-9);
    assert_eq!(other.name(), "cifar10-icml2025");
    assert_eq!(other.null_dim(), 9.0);
    assert!((other.trace() / spectrum.trace() - 1.0).abs() < 1e-5);
}

#[test]
fn parametrised_presets() {
    let pairs = |text: &str| -> Vec<(f64, f64)> {
        let spectrum = data::load(text).unwrap();
        assert_eq!(spectrum.name(), text);
        spectrum.modes().iter().map(|m| (m.eigenvalue, m.multiplicity)).collect()
    };
    assert_eq!(pairs("white:d=100"), [(1.0, 100.0)]);
    assert_eq!(pairs("white:d=100,variance=0.5"), [(0.5, 100.0)]);
    assert_eq!(
        pairs("power-law:d=4,alpha=2,scale=3"),
        [(0.1875, 1.0), (3.0 / 9.0, 1.0), (0.75, 1.0), (3.0, 1.0)]
    );
    let geometric = pairs("geometric:d=5,lowest=1e-300,highest=1e300");
    assert_eq!((geometric[0].0, geometric[4].0), (1e-300, 1e300));
    assert!((geometric[2].0 - 1.0).abs() < 1e-12);
    assert_eq!(pairs("geometric:d=1,lowest=1,highest=2"), [(2.0, 1.0)]);
    assert_eq!(pairs("spiked:d=1000000000000,rank=3"), [(0.0, 999_999_999_997.0), (1.0, 3.0)]);
    assert_eq!(pairs("spiked:d=5,rank=2,variance=4,noise=0.25"), [(0.25, 3.0), (4.0, 2.0)]);
    assert_eq!(pairs("spiked:d=5,rank=5"), [(1.0, 5.0)]);
}

#[test]
fn preset_errors() {
    let load = |text: &str| data::load(text).unwrap_err().to_string();
    for (text, message) in [
        ("white:d=0", "spectrum 'white': d = '0' is not a whole number of at least 1"),
        ("white:d=3,variance=0", "spectrum 'white': variance = '0' is not a positive number"),
        (
            "power-law:d=18446744073709551615,alpha=1",
            "spectrum 'power-law': d = 18446744073709551615 distinct eigenvalues exceed the limit of 16777216",
        ),
        (
            "geometric:d=3,lowest=2,highest=1e-9",
            "spectrum 'geometric': lowest = 2.0 is larger than highest = 1e-9",
        ),
        ("spiked:d=3,rank=4", "spectrum 'spiked': rank = 4 is larger than d = 3"),
        (
            "spiked:d=3,rank=1,noise=2",
            "spectrum 'spiked': noise = 2.0 is larger than variance = 1.0",
        ),
    ] {
        assert_eq!(load(text), message);
    }
}

#[test]
fn the_registry_builds_what_it_lists() {
    let registry = data::registry();
    assert_eq!(
        registry.names(),
        ["cifar10", "cifar10-icml2025", "white", "power-law", "geometric", "spiked"]
    );
    for entry in registry.entries {
        assert!(entry.order.is_none());
        let values = [("d", "7"), ("alpha", "1"), ("lowest", "1"), ("highest", "2"), ("rank", "2")];
        let required = entry.parameters.iter().filter(|p| p.default.is_none());
        let given: Vec<String> = required
            .map(|p| values.iter().find(|(key, _)| *key == p.name).unwrap())
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let named = data::registry().build(&format!("{}:{}", entry.name, given.join(","))).unwrap();
        assert_eq!(named.label, named.item.name());
    }
}

#[test]
fn plain_numbers() {
    let times = [1.0, 0.1, 1e-3];
    for (name, content) in [
        ("a.npy", npy_f64(&times)),
        ("a.npz", npz(&[("anything", npy_f64(&times))])),
        ("a.npz", npz(&[("times", npy_f64(&times)), ("x", npy_f64(&[]))])),
        ("a.json", b"[1, 0.1, 0.001]".to_vec()),
        ("a.json", br#"{"times": [1, 0.1, 0.001]}"#.to_vec()),
        ("a.json", br#"{"t": [1, 0.1, 0.001], "eigenvalue": [1]}"#.to_vec()),
        ("a.txt", b"1\n0.1\n1e-3\n".to_vec()),
        ("a.csv", b"t\n1\n0.1\n1e-3\n".to_vec()),
        ("a.csv", b"1, 0.1, 1e-3 # one line\n".to_vec()),
        ("a.txt", b"1 0.1 1e-3".to_vec()),
    ] {
        assert_eq!(numbers(name, content).unwrap(), times, "{name}");
    }
    for (content, message) in [
        ("", "a.txt: no numbers"),
        ("[]", "a.txt: no numbers"),
        ("1 2\n3 4\n", "a.txt: line 1: 2 columns instead of 1"),
        ("1\n2 3\n", "a.txt: line 2: 2 columns instead of 1"),
        ("{\"eigenvalue\": [1]}", "a.txt: no 't' or 'times' (found: eigenvalue)"),
        ("[1, true]", "a.txt: t 1 is a boolean, not a number"),
    ] {
        assert_eq!(numbers("a.txt", content).unwrap_err(), message);
    }
    assert_eq!(
        numbers("a.npy", npy("'<f8'", "(2, 2)", &[0; 32])).unwrap_err(),
        "a.npy: expected a 1-D array of times, found shape (2, 2)"
    );
    let missing = data::read_numbers("no/such.txt".as_ref()).unwrap_err();
    assert_eq!(missing.to_string(), "no such file 'no/such.txt'");
}

#[test]
fn published_lists() {
    let shared = shared();
    // Dimension, zeros and sum of the lists, which their summaries have too.
    for (name, preset, dim, null_dim, trace) in [
        ("cifar10-2024", Some("cifar10"), 3072.0, 0.0, 761.619_535_218_034_8),
        ("cifar10-icml2025", Some("cifar10-icml2025"), 3072.0, 9.0, 761.619_548_119_817_5),
        ("adsn-fabric-icml2025", None, 196_608.0, 131_072.0, 1_805.144_484_140_399_8),
    ] {
        let path = shared.as_ref().map(|s| s.join(format!("data/spectra/{name}.npy")));
        let full = path.map(|path| data::read(&path).unwrap());
        let summary = preset.map(|preset| data::load(preset).unwrap());
        if let Some(full) = &full {
            assert_eq!(full.name(), name);
            let zeros = full.modes().iter().filter(|m| m.eigenvalue == 0.0).count();
            assert_eq!(zeros, usize::from(null_dim > 0.0), "{name}");
        }
        for spectrum in full.iter().chain(&summary) {
            assert_eq!((spectrum.dim(), spectrum.null_dim()), (dim, null_dim), "{name}");
            assert!((spectrum.trace() / trace - 1.0).abs() < 1e-12, "{name}");
        }
    }
}

fn never_panics(bytes: &[u8]) {
    for columns in [SPECTRUM, data::NUMBERS] {
        let _ = format::read(bytes, columns);
        for format in format::formats() {
            let _ = (format.read)(bytes, columns);
        }
    }
}

proptest! {
    #[test]
    fn decimal_numbers_keep_their_bits(values in prop::collection::vec(prop::num::f64::NORMAL, 1..50)) {
        let json = serde_json::to_vec(&values).unwrap();
        let text: String = values.iter().map(|v| format!("{v:e}\n")).collect();
        for bytes in [json.as_slice(), text.as_bytes()] {
            let (table, _) = format::read(bytes, data::NUMBERS).unwrap();
            prop_assert_eq!(table.values(0), Some(values.as_slice()));
        }
    }

    #[test]
    fn random_bytes_never_panic(
        start in prop::sample::select(vec![
            &b""[..], b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"PK\x03\x04", b"[", b"{\"eigenvalue\":",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        never_panics(&[start, &rest].concat());
    }

    #[test]
    fn damaged_files_never_panic(
        kind in 0..4usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let list = npy_f64(&EIGENVALUES);
        let mut bytes = match kind {
            0 => list,
            1 => npz(&[("eigenvalue", list.clone()), ("mean", list)]),
            2 => rows(",").into_bytes(),
            _ => serde_json::json!({"eigenvalue": EIGENVALUES}).to_string().into_bytes(),
        };
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        never_panics(&bytes);
    }
}
