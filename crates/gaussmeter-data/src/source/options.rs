use super::pictures::PictureOptions;
use crate::memory::Memory;
use crate::samples::{SamplesError, Scale};
use std::collections::BTreeMap;

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
    /// Whether lists and columns of labels are read as classes.
    pub labels: Labels,
    /// Read only those files of a folder or archive whose names end in this; all if `None`.
    pub suffix: Option<String>,
    /// The order of the axes of pictures in arrays.
    pub layout: Layout,
    /// How stored values become data.
    pub scale: ScaleChoice,
    /// Which files are read of a folder or archive that has a training and a test part.
    pub split: Split,
    /// How pictures become samples of one shape.
    pub pictures: PictureOptions,
    /// Memory that one sample may take while it is read.
    pub memory: Memory,
}

/// Whether classes are read that are listed beside the samples: in a list of a pickle, in a column of a
/// parquet file, in `.cls` files of a compressed archive. Folders of pictures and the labels within
/// records always say a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// They are not read.
    #[default]
    Ignore,
    /// Those with a name that is usual for labels.
    Auto,
    /// The list or column of this name.
    Named(String),
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

/// Named files, and what to say about those left out.
type Chosen<T> = (Vec<(String, T)>, Option<String>);

impl Split {
    /// The named files that belong to the split, and a note if some do not. For pictures only the names
    /// of folders count, not their own.
    pub(super) fn choose<T>(
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
