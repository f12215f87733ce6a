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
pub mod format;
mod input;
mod many;
mod members;
mod pickle;
pub mod pictures;
mod read_option;
pub mod records;
mod suffix;

pub use blobs::{Blob, Blobs};
pub use format::{SampleFormat, Undecided, formats};
pub use input::{Input, ReadSeek};
pub use read_option::ReadOption;
pub use records::{Number, RecordArray, Records};

use crate::memory::Memory;
use crate::moments::Moments;
use crate::samples::{Samples, SamplesError, Scale};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::spectrum::Spectrum;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How data are read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The array, tensor or column to read, where a file has several.
    pub array: Option<String>,
    /// What an array of numbers is; decided by its shape and values if `None`.
    pub kind: Option<ArrayKind>,
    /// Whether an array is one sample, or several.
    pub samples_per_file: SamplesPerFile,
    /// Which part of an encoder's latents is read.
    pub latents: Latents,
    /// Read only those files of a folder or archive whose names end in this; all if `None`.
    pub suffix: Option<String>,
    /// The order of the axes of pictures in arrays.
    pub layout: Layout,
    /// How stored values become data.
    pub scale: ScaleChoice,
    /// Which files are read of a folder or archive that has a training and a test part.
    pub split: Split,
    /// How pictures become samples of one shape.
    pub pictures: pictures::PictureOptions,
    /// Memory that one sample may take while it is read.
    pub memory: Memory,
}

/// What an array of numbers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayKind {
    /// Samples along the first axis.
    Samples,
    /// The covariance of the data.
    Covariance,
    /// The eigenvalues of the covariance.
    Eigenvalues,
}

/// Whether an array of numbers in a file, archive or list is one sample, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SamplesPerFile {
    /// Decided by the number and the shapes of all arrays.
    #[default]
    Auto,
    /// Each array is one sample.
    One,
    /// Each entry of the first axis is one sample.
    Rows,
}

/// What is read of latents that are stored as means and deviations, one after the other along the
/// channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latents {
    /// The means, where a name says that there are both (`mean-std`, `moments`).
    #[default]
    Auto,
    /// The means: the first half of the channels.
    Mean,
    /// All that is stored.
    All,
}

/// The order of the axes of pictures in arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Channels last if the last axis has 1, 3 or 4 entries and the first does not.
    #[default]
    Auto,
    /// Channel, height, width.
    Chw,
    /// Height, width, channel.
    Hwc,
}

/// How stored values become data.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ScaleChoice {
    /// 8-bit values and pixels to [−1, 1], as Normalize(0.5, 0.5); other numbers as stored.
    #[default]
    Auto,
    /// Pixels to [−1, 1].
    Symmetric,
    /// Pixels to [0, 1].
    Unit,
    /// As stored.
    None,
    /// data = factor · stored + offset.
    Affine {
        /// Data units per stored unit.
        factor: f64,
        /// The datum stored as 0.
        offset: f64,
    },
}

impl ScaleChoice {
    /// The map to data, given the value of white if stored values are pixels. `None` if the map needs
    /// that value and there is none.
    pub fn resolve(self, top: Option<f64>) -> Option<Scale> {
        match (self, top) {
            (ScaleChoice::Auto | ScaleChoice::Symmetric, Some(top)) => {
                Some(Scale { factor: 2.0 / top, offset: -1.0 })
            }
            (ScaleChoice::Unit, Some(top)) => Some(Scale { factor: 1.0 / top, offset: 0.0 }),
            (ScaleChoice::Auto | ScaleChoice::None, _) => Some(Scale::IDENTITY),
            (ScaleChoice::Affine { factor, offset }, _) => Some(Scale { factor, offset }),
            (ScaleChoice::Symmetric | ScaleChoice::Unit, None) => None,
        }
    }
}

/// Which files are read of a folder or archive that has a training and a test part. Names of files and
/// folders tell: `train…` and `data_batch…`; `test…`, `t10k…`, `val…` and `eval…`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// The training part, if there are both.
    #[default]
    Auto,
    /// The training part.
    Train,
    /// The test part.
    Test,
    /// Everything.
    All,
}

/// What a file holds.
pub enum Content {
    /// Data vectors.
    Samples(Box<dyn Samples>),
    /// Encoded pictures.
    Pictures(Box<dyn Blobs>),
    /// A mean and a covariance.
    Covariance(Box<Covariance>),
    /// Eigenvalues.
    Spectrum(Box<Spectrum>),
    /// Sums over a part of a data set.
    Moments(Box<Moments>),
    /// Arrays of which it is not yet decided whether each is one sample or several.
    Arrays(Vec<Undecided>),
    /// Files within the file.
    Members(Vec<Input>),
}

impl Content {
    /// Whether there are several files among which a part can be chosen.
    fn has_parts(&self) -> bool {
        match self {
            Content::Pictures(blobs) => blobs.has_parts(),
            _ => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Content::Samples(_) => "samples",
            Content::Pictures(_) => "pictures",
            Content::Covariance(_) => "a covariance",
            Content::Spectrum(_) => "eigenvalues",
            Content::Moments(_) => "partial sums",
            Content::Arrays(_) => "arrays",
            Content::Members(_) => "files",
        }
    }
}

/// Mean and covariance of data, computed elsewhere.
#[derive(Clone, Debug)]
pub struct Covariance {
    /// What the data are.
    pub description: String,
    /// Their mean; zero if unknown.
    pub mean: Vec<f64>,
    /// Their covariance.
    pub covariance: Matrix,
    /// How its entries were stored: eigenvalues that this rounding could explain count as zero.
    pub number: Number,
}

/// Data of which a spectrum can be made.
pub enum Data {
    /// Data vectors.
    Samples(Box<dyn Samples>),
    /// A mean and a covariance.
    Covariance(Box<Covariance>),
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
    match (format.open)(&input, options)? {
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
        options.refuse(&first, content.name(), &[ReadOption::Array])?;
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

/// Named files, and what to say about those left out.
type Chosen<T> = (Vec<(String, T)>, Option<String>);

impl Split {
    /// The named files that belong to the split, and a note if some do not. For pictures only the names
    /// of folders count, not their own.
    fn choose<T>(
        self,
        place: &str,
        files: Vec<(String, T)>,
        pictures: bool,
    ) -> Result<Chosen<T>, SamplesError> {
        let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in &files {
            *parts.entry(Split::part(name, pictures)).or_default() += 1;
        }
        let both = parts.contains_key("train") && parts.contains_key("test");
        let wanted = match self {
            Split::All => return Ok((files, None)),
            Split::Auto if !both => return Ok((files, None)),
            Split::Auto | Split::Train => "train",
            Split::Test => "test",
        };
        let total = files.len();
        let chosen: Vec<_> =
            files.into_iter().filter(|(name, _)| Split::part(name, pictures) == wanted).collect();
        if chosen.is_empty() {
            return Err(SamplesError::Malformed {
                path: place.into(),
                entry: None,
                reason: format!("no file or folder is named as a {wanted} part: use --split all"),
            });
        }
        let left = total - chosen.len();
        let note = (left > 0 && self == Split::Auto).then(|| {
            format!(
                "{place}: reading the {wanted} part, {} of {total} files (--split all reads all)",
                chosen.len()
            )
        });
        Ok((chosen, note))
    }

    fn part(name: &str, pictures: bool) -> &'static str {
        let mut words: Vec<&str> = name.split(['/', '\\']).collect();
        if pictures {
            words.pop();
        }
        let starts = |starts: &[&str]| {
            words.iter().any(|w| {
                let w = w.to_ascii_lowercase();
                starts.iter().any(|s| w.starts_with(s))
            })
        };
        match (starts(&["train", "data_batch"]), starts(&["test", "t10k", "val", "eval"])) {
            (true, false) => "train",
            (false, true) => "test",
            _ => "",
        }
    }
}
