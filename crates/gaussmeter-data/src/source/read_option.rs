//! Options that have no effect are errors: whoever gives a size for arrays would believe that they were
//! resized.

use super::{
    Content, Input, Labels, Latents, Layout, ReadOptions, SamplesPerFile, ScaleChoice, Split,
    pictures,
};
use crate::samples::SamplesError;

/// One of the options of [`ReadOptions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReadOption {
    Array,
    Kind,
    SamplesPerFile,
    Latents,
    Labels,
    Layout,
    Scale,
    Split,
    Suffix,
    Resize,
    Crop,
    Filter,
    Channels,
    SkipBad,
}

impl ReadOption {
    /// All of them.
    pub const ALL: [ReadOption; 14] = [
        ReadOption::Array,
        ReadOption::Kind,
        ReadOption::SamplesPerFile,
        ReadOption::Latents,
        ReadOption::Labels,
        ReadOption::Layout,
        ReadOption::Scale,
        ReadOption::Split,
        ReadOption::Suffix,
        ReadOption::Resize,
        ReadOption::Crop,
        ReadOption::Filter,
        ReadOption::Channels,
        ReadOption::SkipBad,
    ];

    /// Those for encoded pictures.
    const PICTURES: [ReadOption; 5] = [
        ReadOption::Resize,
        ReadOption::Crop,
        ReadOption::Filter,
        ReadOption::Channels,
        ReadOption::SkipBad,
    ];

    /// Those for arrays that may be one sample or several.
    pub(super) const ARRAYS: [ReadOption; 2] = [ReadOption::SamplesPerFile, ReadOption::Latents];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ReadOption::Array => "--array",
            ReadOption::Kind => "--kind",
            ReadOption::SamplesPerFile => "--samples-per-file",
            ReadOption::Latents => "--latents",
            ReadOption::Labels => "--labels",
            ReadOption::Layout => "--layout",
            ReadOption::Scale => "--scale",
            ReadOption::Split => "--split",
            ReadOption::Suffix => "--suffix",
            ReadOption::Resize => "--resize",
            ReadOption::Crop => "--crop",
            ReadOption::Filter => "--filter",
            ReadOption::Channels => "--channels",
            ReadOption::SkipBad => "--skip-bad",
        }
    }

    /// What it has an effect on.
    pub fn effect(self) -> &'static str {
        match self {
            ReadOption::Array => {
                "files of named arrays, tensors or columns: .npz, .safetensors, .pt, pickle, parquet"
            }
            ReadOption::Kind => "arrays in .npy, .npz, .safetensors, .pt and pickle files",
            ReadOption::SamplesPerFile | ReadOption::Latents => {
                "arrays of samples in .npy, .npz, .safetensors, .pt and pickle files"
            }
            ReadOption::Labels => "columns of parquet files and lists in pickles",
            ReadOption::Layout => "arrays of pictures, with three axes per sample",
            ReadOption::Scale => "samples and pictures",
            ReadOption::Split | ReadOption::Suffix => "folders and archives of several files",
            ReadOption::Resize
            | ReadOption::Crop
            | ReadOption::Filter
            | ReadOption::Channels
            | ReadOption::SkipBad => {
                "encoded pictures: png, jpeg, …, also in folders, archives and parquet"
            }
        }
    }
}

impl ReadOptions {
    /// Whether the option differs from its default.
    pub fn asks(&self, choice: ReadOption) -> bool {
        let usual = pictures::PictureOptions::default();
        match choice {
            ReadOption::Array => self.array.is_some(),
            ReadOption::Kind => self.kind.is_some(),
            ReadOption::SamplesPerFile => self.samples_per_file != SamplesPerFile::Auto,
            ReadOption::Latents => self.latents != Latents::Auto,
            ReadOption::Labels => matches!(self.labels, Labels::Named(_)),
            ReadOption::Layout => self.layout != Layout::Auto,
            ReadOption::Scale => self.scale != ScaleChoice::Auto,
            ReadOption::Split => self.split != Split::Auto,
            ReadOption::Suffix => self.suffix.is_some(),
            ReadOption::Resize => self.pictures.resize.is_some(),
            ReadOption::Crop => self.pictures.crop.is_some(),
            ReadOption::Filter => self.pictures.filter != usual.filter,
            ReadOption::Channels => self.pictures.channels != usual.channels,
            ReadOption::SkipBad => self.pictures.skip_bad,
        }
    }

    /// The same with the default for one option.
    #[must_use]
    pub fn without(&self, choice: ReadOption) -> Self {
        let (mut own, usual) = (self.clone(), ReadOptions::default());
        match choice {
            ReadOption::Array => own.array = usual.array,
            ReadOption::Kind => own.kind = usual.kind,
            ReadOption::SamplesPerFile => own.samples_per_file = usual.samples_per_file,
            ReadOption::Latents => own.latents = usual.latents,
            ReadOption::Labels => own.labels = usual.labels,
            ReadOption::Layout => own.layout = usual.layout,
            ReadOption::Scale => own.scale = usual.scale,
            ReadOption::Split => own.split = usual.split,
            ReadOption::Suffix => own.suffix = usual.suffix,
            ReadOption::Resize => own.pictures.resize = usual.pictures.resize,
            ReadOption::Crop => own.pictures.crop = usual.pictures.crop,
            ReadOption::Filter => own.pictures.filter = usual.pictures.filter,
            ReadOption::Channels => own.pictures.channels = usual.pictures.channels,
            ReadOption::SkipBad => own.pictures.skip_bad = usual.pictures.skip_bad,
        }
        own
    }

    /// Refuses options that have no effect on what was found.
    ///
    /// # Errors
    /// [`SamplesError::WithoutEffect`]
    pub(super) fn refuse(
        &self,
        input: &Input,
        found: &'static str,
        choices: &[ReadOption],
    ) -> Result<(), SamplesError> {
        match choices.iter().find(|choice| self.asks(**choice)) {
            None => Ok(()),
            Some(choice) => Err(SamplesError::WithoutEffect {
                path: input.path().into(),
                entry: input.member().map(String::from),
                option: choice.name(),
                found,
                effect: choice.effect(),
            }),
        }
    }

    /// Refuses options that have no effect on this kind of content, whatever its format.
    pub(super) fn fit(&self, input: &Input, content: &Content) -> Result<(), SamplesError> {
        let found = match content {
            Content::Samples(_) | Content::Arrays(_) => "arrays of samples",
            content => content.name(),
        };
        match content {
            Content::Samples(_) | Content::Arrays(_) => {
                self.refuse(input, found, &ReadOption::PICTURES)
            }
            Content::Pictures(_) => {
                self.refuse(input, found, &[ReadOption::Kind, ReadOption::Layout])?;
                match self.pictures.resize {
                    None => self.refuse(input, "pictures without --resize", &[ReadOption::Filter]),
                    Some(_) => Ok(()),
                }
            }
            Content::Covariance(_) | Content::Spectrum(_) | Content::Moments(_) => {
                self.refuse(input, found, &[ReadOption::Layout, ReadOption::Scale])?;
                self.refuse(input, found, &ReadOption::ARRAYS)?;
                self.refuse(input, found, &ReadOption::PICTURES)
            }
            Content::Members(_) => Ok(()),
        }
    }
}
