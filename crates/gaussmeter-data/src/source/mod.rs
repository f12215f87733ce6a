//! Reading data sets: files, folders and archives, recognised by content.
//!
//! Each file of [`format`](mod@format) reads one file format and ends in a [`SampleFormat`]; a new format
//! is one such file and one line in [`formats`]. Arrays of numbers become [`Records`]; encoded pictures
//! are [`Blobs`] until [`pictures`] decodes them.
//!
//! The words: a *format* is a file format of data sets, an *array* is numbers with axes, a *record* is
//! one sample of an array as stored, a *blob* is one encoded picture, a *member* is a file inside an
//! archive, a *read option* is one of [`ReadOptions`].

mod arrays;
pub mod blobs;
mod content;
pub mod format;
mod input;
mod labels;
mod many;
mod members;
mod options;
mod pickle;
pub mod pictures;
mod read_option;
pub mod records;
mod suffix;

pub use blobs::{Blob, Blobs};
pub use content::Content;
pub use format::{SampleFormat, Undecided, formats, listed};
pub use input::{Input, ReadSeek};
pub use options::{
    ArrayKind, Labels, Latents, Layout, ReadOptions, SamplesPerFile, ScaleChoice, Split,
};
pub use read_option::ReadOption;
pub use records::{Number, RecordArray, Records};

use crate::moments::Moments;
use crate::samples::{Samples, SamplesError};
use crate::spectral::GivenCovariance;
use gaussmeter::spectrum::Spectrum;
use std::path::{Path, PathBuf};

/// Data of which a spectrum can be made.
pub enum Data {
    /// Data vectors.
    Samples(Box<dyn Samples>),
    /// A mean and a covariance.
    Covariance(Box<GivenCovariance>),
    /// Eigenvalues.
    Spectrum(Box<Spectrum>),
    /// Sums over a part of a data set.
    Moments(Box<Moments>),
}

/// An opened source.
pub struct Source {
    /// What it holds.
    pub data: Data,
    /// What to tell the user about how it was read.
    pub notes: Vec<String>,
}

/// Opens files, folders and archives as one source.
///
/// A folder stands for all files in it and in its subfolders, in the order of their names, without
/// hidden files. All files together must hold one kind of data of one shape.
///
/// # Errors
/// [`SamplesError`]: a file that is missing, not recognised, damaged, or does not fit the others.
pub fn open(paths: &[PathBuf], options: &ReadOptions) -> Result<Source, SamplesError> {
    let mut notes = Vec::new();
    let mut contents = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => open_folder(path, options, &mut notes, &mut contents)?,
            false => {
                let before = contents.len();
                open_input(Input::file(path)?, 0, options, &mut notes, &mut contents)?;
                // The members of an archive have already been chosen.
                match contents.get(before) {
                    Some((input, content)) if input.member().is_none() && !content.has_parts() => {
                        options.refuse(input, "a single file", &[ReadOption::Split])?;
                    }
                    _ => {}
                }
            }
        }
    }
    if options.suffix.is_some() && !paths.iter().any(|path| path.is_dir()) {
        check_suffix(paths, options)?;
    }
    let contents = arrays::settle(describe(paths), contents, options, &mut notes)?;
    contents.iter().try_for_each(|(input, content)| options.fit(input, content))?;
    let data = match whole(paths, contents)? {
        Content::Samples(samples) => Data::Samples(samples),
        Content::Covariance(covariance) => Data::Covariance(covariance),
        Content::Spectrum(spectrum) => Data::Spectrum(spectrum),
        Content::Moments(moments) => Data::Moments(moments),
        Content::Pictures(blobs) => {
            notes.extend(blobs.note());
            let pictures = pictures::Pictures::open(blobs, options)?;
            notes.extend(pictures.notes());
            Data::Samples(Box::new(pictures))
        }
        // By now members have been opened and arrays decided.
        Content::Members(_) | Content::Arrays(_) => {
            return Err(SamplesError::Nothing { path: describe(paths).into() });
        }
    };
    Ok(Source { data, notes })
}

/// Refuses a suffix for a file that is not an archive.
fn check_suffix(paths: &[PathBuf], options: &ReadOptions) -> Result<(), SamplesError> {
    let found = if paths.len() == 1 { "a single file" } else { "files named one by one" };
    for path in paths {
        let input = Input::file(path)?;
        if format::of(&input).is_some_and(|format| !format::is_archive(format)) {
            options.refuse(&input, found, &[ReadOption::Suffix])?;
        }
    }
    Ok(())
}

/// One content from all files.
fn whole(paths: &[PathBuf], contents: Vec<(Input, Content)>) -> Result<Content, SamplesError> {
    let nothing = || SamplesError::Nothing { path: paths.first().cloned().unwrap_or_default() };
    let mut contents = contents.into_iter();
    let (first, content) = contents.next().ok_or_else(nothing)?;
    let rest: Vec<(Input, Content)> = contents.collect();
    if rest.is_empty() {
        return Ok(content);
    }
    let description = describe(paths);
    let mixed = |(input, other): &(Input, Content), kind: &str| {
        let name = other.name();
        input.malformed(format!(
            "holds {name}, but {} holds {kind}: give them separately",
            first.place()
        ))
    };
    match content {
        Content::Samples(samples) => {
            let mut all = vec![(first.clone(), samples)];
            for (input, content) in rest {
                match content {
                    Content::Samples(samples) => all.push((input, samples)),
                    other => return Err(mixed(&(input, other), "samples")),
                }
            }
            Ok(Content::Samples(Box::new(many::JoinedSamples::new(description, all)?)))
        }
        Content::Pictures(blobs) => {
            let mut all = vec![blobs];
            for (input, content) in rest {
                match content {
                    Content::Pictures(blobs) => all.push(blobs),
                    other => return Err(mixed(&(input, other), "pictures")),
                }
            }
            Ok(Content::Pictures(Box::new(blobs::JoinedPictures::new(description, all))))
        }
        content => {
            let (input, name) = (&rest[0].0, content.name());
            Err(input
                .malformed(format!("{} holds {name}: give one such file at a time", first.place())))
        }
    }
}

fn describe(paths: &[PathBuf]) -> String {
    match paths {
        [one] => one.display().to_string(),
        [first, .., last] => {
            format!("{} … {} ({} files)", first.display(), last.display(), paths.len())
        }
        [] => String::new(),
    }
}

/// Depth to which archives within archives are opened: some contain themselves.
const DEPTH: usize = 3;

/// Opens one file or member, and its own members.
fn open_input(
    input: Input,
    depth: usize,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    contents: &mut Vec<(Input, Content)>,
) -> Result<(), SamplesError> {
    let format = format::of(&input).ok_or_else(|| format::unrecognised(&input))?;
    let content = (format.open)(&input, options)?;
    if !(matches!(content, Content::Members(_)) || format::has_labels(format)) {
        options.refuse(&input, content.name(), &[ReadOption::Labels])?;
    }
    match content {
        Content::Members(_) if depth == DEPTH => {
            Err(input.malformed("archives nested too deeply: unpack them"))
        }
        Content::Members(members) => {
            let files = members.into_iter().map(|m| (m.member().unwrap_or("").to_owned(), m));
            open_files(&input.place(), files.collect(), depth + 1, options, notes, contents)
        }
        content => {
            options.fit(&input, &content)?;
            contents.push((input, content));
            Ok(())
        }
    }
}

fn open_folder(
    path: &Path,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    contents: &mut Vec<(Input, Content)>,
) -> Result<(), SamplesError> {
    let blobs::Listing { mut files, others: endless } = blobs::list(path)?;
    if let Some(first) = endless.first() {
        let (place, count, first) = (path.display(), endless.len(), first.display());
        notes.push(format!(
            "{place}: {count} pipes, sockets or devices were left out (first: {first})"
        ));
    }
    let name = |file: &Path| file.strip_prefix(path).unwrap_or(file).to_string_lossy().into_owned();
    let place = path.display().to_string();
    if let Some(suffix) = &options.suffix {
        let names = files.iter().map(|file| name(file)).collect();
        let kept = suffix::chosen(&place, names, suffix)?;
        let mut kept = kept.into_iter();
        files.retain(|_| kept.next().unwrap_or(false));
    }
    let (pictures, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| pictures::is_picture_file(file));
    if !pictures.is_empty() {
        let named: Vec<_> = pictures.into_iter().map(|p| (name(&p), p)).collect();
        let (chosen, note) = options.split.choose(&place, named, true)?;
        notes.extend(note);
        suffix::check(&place, chosen.iter().map(|(name, _)| &name[..]), options, notes)?;
        if !others.is_empty() {
            let (count, first) = (others.len(), others[0].display());
            notes.push(format!(
                "{place}: {count} files that are not pictures were left out (first: {first})"
            ));
        }
        let blobs = blobs::PictureFiles::new(path, chosen.into_iter().map(|(_, p)| p).collect());
        let (first, content) = (Input::file(blobs.first())?, Content::Pictures(Box::new(blobs)));
        options.refuse(&first, content.name(), &[ReadOption::Array, ReadOption::Labels])?;
        options.fit(&first, &content)?;
        contents.push((first, content));
        return Ok(());
    }
    let mut named = Vec::new();
    for file in others {
        named.push((name(&file), Input::file(&file)?));
    }
    open_files(&place, named, 0, options, notes, contents)
}

/// Opens the data among several files.
fn open_files(
    place: &str,
    files: Vec<(String, Input)>,
    depth: usize,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    contents: &mut Vec<(Input, Content)>,
) -> Result<(), SamplesError> {
    // Text beside data is a description, a licence or a list of labels.
    let (data, others): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(_, input)| format::of(input).is_some_and(|f| f.name != format::TEXT));
    // A file with the name of data that cannot be read must not be left out silently.
    if let Some((_, input)) = others.iter().find(|(_, input)| format::should_be_data(input)) {
        return Err(format::unrecognised(input));
    }
    let path = || PathBuf::from(place);
    if data.is_empty() {
        return Err(match others.first() {
            None => SamplesError::Nothing { path: path() },
            Some((name, _)) => SamplesError::Malformed {
                path: path(),
                entry: None,
                reason: format!("no data among its {} files (first: {name})", others.len()),
            },
        });
    }
    let data = format::without_labels(data)?;
    let (chosen, note) = options.split.choose(place, data, false)?;
    notes.extend(note);
    suffix::check(place, chosen.iter().map(|(name, _)| &name[..]), options, notes)?;
    for (_, input) in chosen {
        open_input(input, depth, options, notes, contents)?;
    }
    Ok(())
}
