//! Files as other programs write them.

use std::io::Write;

/// A version 1 header of NumPy and the values.
pub fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut all = b"\x93NUMPY\x01\x00".to_vec();
    all.extend((text.len() as u16).to_le_bytes());
    all.extend(text.as_bytes());
    all.extend(bytes);
    all
}

pub fn f64s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        file.start_file(format!("{name}.npy"), options).unwrap();
        file.write_all(bytes).unwrap();
    }
    file.finish().unwrap().into_inner()
}

/// Numbers of no structure in [−1, 1].
pub fn noise(count: usize) -> Vec<f64> {
    let mut state = 1u64;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(next).collect()
}

/// A picture of noise, as a PNG.
pub fn picture(width: u32, height: u32, seed: usize) -> Vec<u8> {
    let count = (3 * width * height) as usize;
    let pixels = noise(count + 97 * seed).split_off(97 * seed);
    let pixels: Vec<u8> = pixels.into_iter().map(|v| (127.5 + 100.0 * v) as u8).collect();
    coloured(width, height, &pixels)
}

/// A picture of these colours.
pub fn coloured(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}
