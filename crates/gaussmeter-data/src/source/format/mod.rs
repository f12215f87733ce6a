//! File formats of data, recognised by content. A new format is one file and one line in
//! [`formats`].

mod array;
mod arrow;
mod choose;
mod cifar;
mod idx;
mod npy;
mod npz;
mod parquet;
mod pickle;
mod picture;
mod safetensors;
mod tar;
mod text;
mod torch;
mod zip;

pub use array::Undecided;

use super::{Content, Input, ReadOptions};
use crate::samples::SamplesError;

/// The formats that are read, in the order in which they are tried.
pub fn formats() -> &'static [&'static SampleFormat] {
    static ALL: &[&SampleFormat] = &[
        &picture::FORMAT,
        &npy::FORMAT,
        &torch::FORMAT,
        &npz::FORMAT,
        &safetensors::FORMAT,
        &pickle::FORMAT,
        &parquet::FORMAT,
        &idx::FORMAT,
        &tar::FORMAT,
        &cifar::FORMAT,
        &zip::FORMAT,
        &arrow::FORMAT,
        &text::FORMAT,
    ];
    ALL
}

/// Name of the format of everything that is text.
pub(super) const TEXT: &str = text::FORMAT.name;

/// One file format.
#[derive(Debug)]
pub struct SampleFormat {
    /// Its name.
    pub name: &'static str,
    /// What it holds, in one line.
    pub summary: &'static str,
    /// Whether a file looks like this format, by its content.
    pub recognises: fn(&Input) -> bool,
    /// Opens a file.
    pub open: fn(&Input, &ReadOptions) -> Result<Content, SamplesError>,
}

/// The format of a file.
pub(super) fn of(input: &Input) -> Option<&'static SampleFormat> {
    formats().iter().copied().find(|f| (f.recognises)(input))
}

/// Whether files are in files of this format.
pub(super) fn is_archive(format: &SampleFormat) -> bool {
    [tar::FORMAT.name, zip::FORMAT.name].contains(&format.name)
}

/// No format recognises the file.
pub(super) fn unrecognised(input: &Input) -> SamplesError {
    if input.head().is_empty() {
        return input.malformed("empty");
    }
    if let Some(reason) = cut_off(input) {
        return input.malformed(reason);
    }
    let names: Vec<_> = formats().iter().map(|f| f.name).collect();
    input.malformed(format!("not recognised as any of {}", names.join(", ")))
}

/// Whether a file that no format recognises is called, or begins, as one that holds data.
pub(super) fn should_be_data(input: &Input) -> bool {
    const EXTENSIONS: [&str; 9] =
        [".npy", ".npz", ".pt", ".pth", ".safetensors", ".parquet", ".pkl", ".pickle", ".tar"];
    let name = input.name().to_lowercase();
    let is_called = EXTENSIONS.iter().any(|extension| name.ends_with(extension));
    of(input).is_none() && (is_called || cut_off(input).is_some())
}

/// What is missing of a file that begins or is called as one of a format.
fn cut_off(input: &Input) -> Option<String> {
    const AGAIN: &str = "truncated, or still being written: copy or make it again";
    if input.head().starts_with(b"PK") {
        let error = npz::names(input).err()?;
        let reason = match &error {
            SamplesError::Malformed { reason, .. } => reason.clone(),
            error => error.to_string(),
        };
        return Some(format!("a zip archive (.npz, .pt) without its end ({reason}): {AGAIN}"));
    }
    cifar::cut_off(input).map(|sizes| format!("{sizes}: {AGAIN}"))
}

/// Files without those that hold nothing but labels.
pub(super) fn without_labels(
    files: Vec<(String, Input)>,
) -> Result<Vec<(String, Input)>, SamplesError> {
    let (labels, data): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, input)| idx::is_list(input) || pickle::is_list(input));
    Ok(if data.is_empty() { labels } else { data })
}
