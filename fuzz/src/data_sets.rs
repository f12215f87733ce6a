use super::on_disk;
use gaussmeter::data;
use gaussmeter_data::samples::Chunk;
use gaussmeter_data::source::{self, Data, Input, Kind, Layout, Options, ScaleChoice, Split};
use gaussmeter_data::{Model, Moments};
use std::path::{Path, PathBuf};

/// Rows and numbers after which reading of samples stops: a short file may announce many.
const ROWS: usize = 1000;
const NUMBERS: usize = 1 << 22;

/// Ways to read, chosen by the last byte: it stays a part of the file.
fn options(bytes: &[u8]) -> Options {
    let choice = bytes.last().copied().unwrap_or(0);
    Options {
        kind: [None, Some(Kind::Samples), Some(Kind::Covariance), Some(Kind::Eigenvalues)]
            [usize::from(choice & 3)],
        layout: [Layout::Auto, Layout::Chw, Layout::Hwc][usize::from(choice >> 2 & 3).min(2)],
        scale: [ScaleChoice::Auto, ScaleChoice::Symmetric, ScaleChoice::Unit, ScaleChoice::None]
            [usize::from(choice >> 4 & 3)],
        split: if choice & 64 == 0 { Split::Auto } else { Split::All },
        ..Options::default()
    }
}

/// A data set in the format of this name: opened both as its bytes tell and as options ask for.
pub fn samples(format: &str, bytes: &[u8]) {
    let Ok(input) = Input::memory(Path::new("fuzz"), "file", bytes.to_vec()) else { return };
    let found = source::formats().iter().find(|f| (f.recognises)(&input));
    if found.is_none_or(|f| f.name != format) {
        return;
    }
    let path = on_disk(bytes, "samples");
    for options in [Options::default(), options(bytes)] {
        drain(&[path.clone()], &options);
    }
}

/// A data set in whatever format it has.
pub fn any_samples(bytes: &[u8]) {
    drain(&[on_disk(bytes, "samples")], &options(bytes));
}

fn drain(paths: &[PathBuf], options: &Options) {
    let Ok(source) = source::open(paths, options) else { return };
    let Data::Samples(mut samples) = source.data else { return };
    let (mut rows, mut numbers) = (0, 0);
    while let Ok(Some(chunk)) = samples.next_chunk(16) {
        rows += chunk.rows().max(1);
        numbers += match &chunk {
            Chunk::Bytes { values, .. } => values.len(),
            Chunk::Floats { values, .. } => values.len(),
        };
        if rows > ROWS || numbers > NUMBERS {
            return;
        }
    }
}

/// Sums of a part of a data set.
pub fn parts(bytes: &[u8]) {
    let _ = Moments::load(&on_disk(bytes, "part.npz"));
}

/// A model: spectrum, eigenvectors, textures.
pub fn model(bytes: &[u8]) {
    let path = on_disk(bytes, "model.npz");
    if let Ok(model) = Model::load(&path) {
        let _ = model.spectrum();
    }
    let _ = data::Archive::open(&path);
}
