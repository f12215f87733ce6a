use super::on_disk;
use gaussmeter::data;
use gaussmeter_data::samples::Chunk;
use gaussmeter_data::source::{
    self, ArrayKind, Data, Input, Layout, ReadOptions, SamplesPerFile, ScaleChoice, Split, pictures,
};
use gaussmeter_data::{Memory, Model, Moments};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

/// Rows and numbers after which reading of samples stops: a short file may announce many.
const ROWS: usize = 1000;
const NUMBERS: usize = 1 << 22;

/// What reading may take: less than what ends a run.
const MEMORY: Memory = Memory(256 << 20);

/// The usual way to read.
fn usual() -> ReadOptions {
    let pictures = pictures::PictureOptions { memory: MEMORY, ..Default::default() };
    ReadOptions { memory: MEMORY, pictures, ..ReadOptions::default() }
}

/// Ways to read, chosen by the last byte: it stays a part of the file.
fn options(bytes: &[u8]) -> ReadOptions {
    let choice = bytes.last().copied().unwrap_or(0);
    ReadOptions {
        kind: [
            None,
            Some(ArrayKind::Samples),
            Some(ArrayKind::Covariance),
            Some(ArrayKind::Eigenvalues),
        ][usize::from(choice & 3)],
        layout: [Layout::Auto, Layout::Chw, Layout::Hwc][usize::from(choice >> 2 & 3).min(2)],
        scale: [ScaleChoice::Auto, ScaleChoice::Symmetric, ScaleChoice::Unit, ScaleChoice::None]
            [usize::from(choice >> 4 & 3)],
        split: if choice & 64 == 0 { Split::Auto } else { Split::All },
        samples_per_file: [SamplesPerFile::Auto, SamplesPerFile::One][usize::from(choice >> 7)],
        ..usual()
    }
}

/// Runs a reader that catches panics of the decoders of a crate, and makes errors of them: the hook of
/// libFuzzer would take each for a finding. One that is not caught is a finding here too.
fn read(read: impl FnOnce()) {
    static LAST: Mutex<String> = Mutex::new(String::new());
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            if let Ok(mut last) = LAST.lock() {
                *last = panic.to_string();
            }
        }));
    });
    if catch_unwind(AssertUnwindSafe(read)).is_err() {
        eprintln!("{}", LAST.lock().map_or_else(|_| String::new(), |last| last.clone()));
        std::process::abort();
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
    for options in [usual(), options(bytes)] {
        read(|| drain(&[path.clone()], &options));
    }
}

/// A data set in whatever format it has.
pub fn any_samples(bytes: &[u8]) {
    read(|| drain(&[on_disk(bytes, "samples")], &options(bytes)));
}

fn drain(paths: &[PathBuf], options: &ReadOptions) {
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
