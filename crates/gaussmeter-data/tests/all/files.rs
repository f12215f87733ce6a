//! Files as other programs write them, and reproducible bytes, for all tests.

use image::{DynamicImage, ImageFormat};
use std::io::{Cursor, Write};
use std::path::PathBuf;
use tempfile::TempDir;

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures", name].iter().collect()
}

/// Writes files into a new folder.
pub fn folder<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// An array of one of NumPy's types, in C order.
pub fn npy_of(descr: &str, axes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let axes: String = axes.iter().map(|n| format!("{n},")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

/// An array of 32-bit floats.
pub fn npy(axes: &[usize], values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy_of("<f4", axes, &bytes)
}

/// A tar archive whose headers are made from this one: there are several kinds.
pub fn tar_of<N: AsRef<str>, B: AsRef<[u8]>>(header: tar::Header, files: &[(N, B)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = header.clone();
        header.set_size(bytes.as_ref().len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name.as_ref(), bytes.as_ref()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A tar archive, as POSIX has it.
pub fn tar<N: AsRef<str>, B: AsRef<[u8]>>(files: &[(N, B)]) -> Vec<u8> {
    tar_of(tar::Header::new_ustar(), files)
}

pub fn zip(files: &[(String, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An encoded picture.
pub fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.into().write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// A grey picture of two pixels.
pub fn png(shade: u8) -> Vec<u8> {
    encoded(image::GrayImage::from_pixel(2, 1, image::Luma([shade])), ImageFormat::Png)
}

/// Reproducible numbers: Marsaglia's xorshift.
pub fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}
