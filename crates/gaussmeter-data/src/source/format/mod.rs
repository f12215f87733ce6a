//! File formats of data sets, recognised by content. A new format is one file here and one line in
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
use gaussmeter::families::Listed;

/// The formats as lists show them.
pub fn listed() -> Vec<Listed> {
    let item = |f: &&'static SampleFormat| Listed {
        family: "format",
        name: f.name,
        aliases: &[],
        order: None,
        parameters: &[],
        summary: f.summary,
        source: "",
    };
    formats().iter().map(item).collect()
}

/// All formats, in the order in which they are tried.
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

/// Name of the format that recognises any text.
pub(super) const TEXT: &str = text::FORMAT.name;

/// A file format of data sets.
#[derive(Debug)]
pub struct SampleFormat {
    /// Its name.
    pub name: &'static str,
    /// What it holds, in one line.
    pub summary: &'static str,
    /// Whether the content of a file looks like this format.
    pub recognises: fn(&Input) -> bool,
    /// Opens a file.
    pub open: fn(&Input, &ReadOptions) -> Result<Content, SamplesError>,
}

/// The format of a file, if it is recognised.
pub(super) fn of(input: &Input) -> Option<&'static SampleFormat> {
    formats().iter().copied().find(|f| (f.recognises)(input))
}

/// Whether files of this format contain other files.
pub(super) fn is_archive(format: &SampleFormat) -> bool {
    [tar::FORMAT.name, zip::FORMAT.name].contains(&format.name)
}

/// Whether files of a format list classes under a name.
pub(super) fn has_labels(format: &SampleFormat) -> bool {
    [parquet::FORMAT.name, pickle::FORMAT.name].contains(&format.name)
}

/// An error: no format recognises the file.
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

/// Whether a file that no format recognises has the name or the beginning of a file of data.
pub(super) fn should_be_data(input: &Input) -> bool {
    const EXTENSIONS: [&str; 9] =
        [".npy", ".npz", ".pt", ".pth", ".safetensors", ".parquet", ".pkl", ".pickle", ".tar"];
    let name = input.name().to_lowercase();
    let is_called = EXTENSIONS.iter().any(|extension| name.ends_with(extension));
    of(input).is_none() && (is_called || cut_off(input).is_some())
}

/// What is missing from a file that has the name or the beginning of a format.
fn cut_off(input: &Input) -> Option<String> {
    const AGAIN: &str = "truncated, or still being written: copy or make it again";
    if input.head().starts_with(b"PK") {
        let error = npz::names(input).err()?;
        let reason = match &error {
            SamplesError::Malformed { reason, .. } => reason.clone(),
            error => error.to_string(),
        };
        return Some(format!("a ZIP archive (.npz, .pt) without its end ({reason}): {AGAIN}"));
    }
    cifar::cut_off(input).map(|sizes| format!("{sizes}: {AGAIN}"))
}

/// The files that hold more than labels; all, if there are none.
pub(super) fn without_labels(
    files: Vec<(String, Input)>,
) -> Result<Vec<(String, Input)>, SamplesError> {
    let (labels, data): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, input)| idx::is_list(input) || pickle::is_list(input));
    Ok(if data.is_empty() { labels } else { data })
}
