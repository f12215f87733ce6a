//! Files of arrays become the samples they hold, whoever wrote them; damaged, hostile and mixed ones
//! become errors. The fixtures are written by the libraries themselves: see ../fixtures/arrays/make.py.

mod folders;
mod formats;
mod hostile;
mod options;
mod parts;
mod single;
mod together;
mod truncated;
mod zips;

use crate::files::{folder, gzip, npy, png, tar, zip};
use gaussmeter_data::samples::{Chunk, Samples, SamplesError};
use gaussmeter_data::source::{self, Data, ReadOptions};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    crate::files::fixture("arrays").join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn array(name: &str) -> ReadOptions {
    ReadOptions { array: Some(name.into()), ..ReadOptions::default() }
}

fn open(path: &Path, options: &ReadOptions) -> Result<Data, SamplesError> {
    source::open(&[path.to_path_buf()], options).map(|source| source.data)
}

#[track_caller]
fn samples(path: &Path, options: &ReadOptions) -> Box<dyn Samples> {
    match open(path, options) {
        Ok(Data::Samples(samples)) => samples,
        Ok(_) => panic!("{} holds no samples", path.display()),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn error(path: &Path, options: &ReadOptions) -> String {
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
