//! Damaged files give an error or the right samples: no panic, no hang, no memory that the file does
//! not fill: see `watched.rs`.

use super::{error, folder, samples};
use gaussmeter_data::samples::{Chunk, SamplesError};
use gaussmeter_data::source::{Content, Input, ReadOptions, formats};
use proptest::prelude::*;
use std::path::Path;

/// Rows after which reading stops: damage may make a valid file that repeats its numbers.
const ROWS: usize = 1000;

fn read(bytes: Vec<u8>) -> Result<Vec<f64>, SamplesError> {
    let input = Input::memory(Path::new("damaged"), "file", bytes)?;
    let Some(format) = formats().iter().find(|f| (f.recognises)(&input)) else {
        return Err(input.malformed("not recognised"));
    };
    let content = (format.open)(&input, &ReadOptions::default())?;
    let Content::Samples(mut samples) = content.settled(&input, &ReadOptions::default())? else {
        return Err(input.malformed("no samples"));
    };
    let (mut rows, mut all) = (0, Vec::new());
    while let Some(chunk) = samples.next_chunk(16)? {
        rows += chunk.rows();
        match chunk {
            Chunk::Bytes { values, .. } => all.extend(values.into_iter().map(f64::from)),
            Chunk::Floats { values, .. } => all.extend(values),
        }
        if rows > ROWS {
            break;
        }
    }
    Ok(all)
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = super::fixture("");
    let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into(), std::fs::read(&path).unwrap())
        })
        .filter(|(name, _): &(String, _)| name != "make.py")
        .collect();
    all.sort();
    assert!(all.len() > 60);
    all
}

/// All places near the ends of a file, where its structure is, and some in between.
fn places(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |at| *at < 1200 || len - at < 400 || at % 61 == 0)
}

#[test]
fn the_beginning_of_a_file_is_an_error_or_right() {
    for (name, bytes) in fixtures() {
        let whole = read(bytes.clone()).ok();
        for len in places(bytes.len()) {
            if let Ok(values) = read(bytes[..len].to_vec()) {
                assert_eq!(Some(values), whole, "{name}: {len} of {} bytes", bytes.len());
            }
        }
    }
}

#[test]
fn a_wrong_byte_does_no_harm() {
    let mut state = 1u64;
    for (name, bytes) in fixtures() {
        for at in places(bytes.len()) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (state >> 56) as u8;
            for wrong in [random, bytes[at] ^ 0x80, bytes[at].wrapping_add(1), 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = wrong;
                if let Err(error) = read(damaged) {
                    let error = error.to_string();
                    assert!(error.len() < 1000 && !error.contains('\n'), "{name}: {error}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Opcodes in any order, most of them with small arguments.
    #[test]
    fn any_opcodes_are_an_error_or_data(
        codes in prop::collection::vec((prop::sample::select(OPCODES), 0u8..4), 0..60),
    ) {
        let mut bytes = b"\x80\x04".to_vec();
        for (code, argument) in codes {
            bytes.extend_from_slice(code);
            bytes.extend(code.last().filter(|c| b"qhKU\x8c\x8a".contains(c)).map(|_| argument));
        }
        bytes.push(b'.');
        let _ = read(bytes);
    }
}

const OPCODES: &[&[u8]] = &[
    b"(",
    b"0",
    b"1",
    b"2",
    b"N",
    b"K",
    b"U",
    b"\x8c",
    b"\x8a",
    b"q",
    b"h",
    b"R",
    b"b",
    b"Q",
    b"t",
    b"l",
    b"d",
    b"a",
    b"e",
    b"s",
    b"u",
    b"]",
    b"}",
    b")",
    b"\x85",
    b"\x86",
    b"\x87",
    b"\x93",
    b"\x94",
    b"\x81",
    b"\x8f",
    b"\x90",
    b"\x91",
    b"Va\n",
    b"Vdata\n",
    b"Vlabels\n",
    b"Vf4\n",
    b"V<\n",
    b"Vstorage\n",
    b"I6\n",
    b"C\x08abcdefgh",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy._core.numeric\n_frombuffer\n",
    b"ccollections\nOrderedDict\n",
    b"c_codecs\nencode\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nSize\n",
];

/// Headers that promise more than there is.
#[test]
fn promises_take_no_memory() {
    let npy = |shape: &str, kind: &str| {
        let header =
            format!("{{'descr': '{kind}', 'fortran_order': True, 'shape': ({shape}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend([0; 64]);
        bytes
    };
    let huge = u64::MAX / 2;
    let c_order = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes[10..]).replace("True, ", "False,");
        [&bytes[..10], text.as_bytes()].concat()
    };
    let shapes = [
        "1000000000, 2",
        "2, 1000000000",
        "1, 9000000000000000000",
        "0, 9000000000000000000, 3",
        "9000000000000000000, 0, 2",
        "4294967296, 4294967296",
        "3, 3000000000, 0",
        "16384, 16384",
        "16000000000",
        "0, 0",
        "0",
    ];
    let mut files: Vec<Vec<u8>> = Vec::new();
    for shape in shapes {
        for kind in ["|u1", "<f8"] {
            files.push(npy(shape, kind));
            files.push(c_order(npy(shape, kind)));
        }
    }
    // idx
    files.push([&[0, 0, 8, 3][..], &[0xff; 12], &[0; 64]].concat());
    files.push([&[0, 0, 14, 6][..], &[0xff; 24], &[0; 64]].concat());
    files.push([&[0, 0, 8, 2][..], &[0, 0, 0, 1], &[0xff; 4], &[0; 64]].concat());
    // safetensors
    let header =
        format!(r#"{{"x":{{"dtype":"U8","shape":[1,{huge}],"data_offsets":[0,{huge}]}}}}"#);
    files.push([&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat());
    files.push([&huge.to_le_bytes()[..], b"{"].concat());
    // pickles: long texts, bytes, many axes, self-reference, deep nesting
    files.push(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.".to_vec());
    files.push(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.".to_vec());
    files.push(b"\x80\x02X\xff\xff\xff\xffabc.".to_vec());
    files.push(b"\x80\x02]q\x00h\x00a.".to_vec());
    files.push([&b"\x80\x02"[..], &b"]".repeat(100_000), &b"a".repeat(99_999), b"."].concat());
    files.push([&b"\x80\x02]q\x00"[..], &b"h\x00\x86q\x00".repeat(100_000), b"."].concat());
    files.push([&b"\x80\x02}q\x00("[..], &b"h\x00h\x00".repeat(100_000), b"u."].concat());
    files.push([&b"\x80\x02"[..], &b"N".repeat(20_000_000), b"."].concat());
    for bytes in files {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(90)]).into_owned();
        assert!(read(bytes).is_err(), "{start}");
    }
}

#[test]
fn a_file_that_shrinks_is_an_error() {
    for name in ["f4.npy", "stored.npz", "one.safetensors", "tensor.pt", "data_batch_1"] {
        let bytes = super::bytes_of(name);
        let files = folder([(name, bytes.clone())]);
        let path = files.path().join(name);
        let mut samples = samples(&path, &ReadOptions::default());
        std::fs::write(&path, &bytes[..bytes.len() / 8]).unwrap();
        let found = super::read(&mut *samples, 1);
        let error = found.expect_err(name).to_string();
        assert!(error.contains(name), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let files = folder([("f4.npy", super::bytes_of("f4.npy"))]);
    let path = files.path().join("f4.npy");
    let mut samples = samples(&path, &ReadOptions::default());
    std::fs::write(&path, &super::bytes_of("f4.npy")[..128 + 60]).unwrap();
    let message = super::read(&mut *samples, 1).unwrap_err().to_string();
    assert!(message.contains("ends in sample 2 of 4: truncated, or still being written"));
    std::fs::remove_file(&path).unwrap();
    assert!(error(&super::fixture("nan.npy"), &ReadOptions::default()).contains("must be finite"));
}
