//! Files of arrays become the samples they hold, whoever wrote them; damaged, hostile and mixed ones
//! become errors. The fixtures are written by the libraries themselves: see fixtures/arrays/make.py.

mod folders;
mod formats;
mod hostile;
mod options;
mod parts;
mod single;
mod together;
mod truncated;
mod zips;

use gaussmeter_data::samples::{Chunk, Samples, SamplesError};
use gaussmeter_data::source::{self, Data, Options};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/arrays").join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// Writes files into a new folder.
fn folder<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// A file of NumPy's, as it writes it.
fn npy(axes: &[usize], values: &[f32]) -> Vec<u8> {
    let axes: Vec<String> = axes.iter().map(|n| format!("{n},")).collect();
    let axes = axes.concat();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(String, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut writer, bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn array(name: &str) -> Options {
    Options { array: Some(name.into()), ..Options::default() }
}

fn open(path: &Path, options: &Options) -> Result<Data, SamplesError> {
    source::open(&[path.to_path_buf()], options).map(|source| source.data)
}

#[track_caller]
fn samples(path: &Path, options: &Options) -> Box<dyn Samples> {
    match open(path, options) {
        Ok(Data::Samples(samples)) => samples,
        Ok(_) => panic!("{} holds no samples", path.display()),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn error(path: &Path, options: &Options) -> String {
    let message = match open(path, options) {
        Err(error) => error.to_string(),
        Ok(Data::Samples(mut samples)) => read(&mut *samples, 7).unwrap_err().to_string(),
        Ok(_) => panic!("{} is accepted", path.display()),
    };
    assert!(!message.contains('\n'), "{message}");
    message
}

/// All values of the rest of a stream, as stored.
fn read(samples: &mut dyn Samples, max_rows: usize) -> Result<Vec<f64>, SamplesError> {
    let (dim, mut all) = (samples.shape().iter().product::<usize>(), Vec::new());
    while let Some(chunk) = samples.next_chunk(max_rows)? {
        assert!(chunk.rows() <= max_rows);
        let before = all.len();
        match &chunk {
            Chunk::Bytes { values, .. } => all.extend(values.iter().map(|v| f64::from(*v))),
            Chunk::Floats { values, .. } => all.extend(values),
        }
        assert_eq!(all.len() - before, chunk.rows() * dim);
    }
    Ok(all)
}

/// The value that fixtures of floating-point numbers have at place k.
fn ramp(k: usize) -> f64 {
    k as f64 / 4.0 - 3.0
}

/// The value that fixtures of pixels have at place k.
fn pixel(k: usize) -> f64 {
    ((37 * k + 11) % 256) as f64
}
