//! Options without an effect on what was given are errors: who names a size for arrays believes that
//! they have been resized.

use super::{
    Content, Input, Latents, Layout, Options, SamplesPerFile, ScaleChoice, Split, pictures,
};
use crate::samples::SamplesError;

/// An option of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Choice {
    Array,
    Kind,
    SamplesPerFile,
    Latents,
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

impl Choice {
    /// All of them.
    pub const ALL: [Choice; 13] = [
        Choice::Array,
        Choice::Kind,
        Choice::SamplesPerFile,
        Choice::Latents,
        Choice::Layout,
        Choice::Scale,
        Choice::Split,
        Choice::Suffix,
        Choice::Resize,
        Choice::Crop,
        Choice::Filter,
        Choice::Channels,
        Choice::SkipBad,
    ];

    /// Those of encoded pictures.
    const PICTURES: [Choice; 5] =
        [Choice::Resize, Choice::Crop, Choice::Filter, Choice::Channels, Choice::SkipBad];

    /// Those of arrays that may be a sample each, or several.
    pub(super) const ARRAYS: [Choice; 2] = [Choice::SamplesPerFile, Choice::Latents];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Choice::Array => "--array",
            Choice::Kind => "--kind",
            Choice::SamplesPerFile => "--samples-per-file",
            Choice::Latents => "--latents",
            Choice::Layout => "--layout",
            Choice::Scale => "--scale",
            Choice::Split => "--split",
            Choice::Suffix => "--suffix",
            Choice::Resize => "--resize",
            Choice::Crop => "--crop",
            Choice::Filter => "--filter",
            Choice::Channels => "--channels",
            Choice::SkipBad => "--skip-bad",
        }
    }

    /// What it has an effect on.
    pub fn effect(self) -> &'static str {
        match self {
            Choice::Array => {
                "files of named arrays, tensors or columns: .npz, .safetensors, .pt, pickle, parquet"
            }
            Choice::Kind => "arrays in .npy, .npz, .safetensors, .pt and pickle files",
            Choice::SamplesPerFile | Choice::Latents => {
                "arrays of samples in .npy, .npz, .safetensors, .pt and pickle files"
            }
            Choice::Layout => "arrays of pictures, with three axes per sample",
            Choice::Scale => "samples and pictures",
            Choice::Split | Choice::Suffix => "folders and archives of several files",
            Choice::Resize | Choice::Crop | Choice::Filter | Choice::Channels | Choice::SkipBad => {
                "encoded pictures: png, jpeg, …, also in folders, archives and parquet"
            }
        }
    }
}

impl Options {
    /// Whether the option asks for something else than what is done without it.
    pub fn asks(&self, choice: Choice) -> bool {
        let usual = pictures::Options::default();
        match choice {
            Choice::Array => self.array.is_some(),
            Choice::Kind => self.kind.is_some(),
            Choice::SamplesPerFile => self.samples_per_file != SamplesPerFile::Auto,
            Choice::Latents => self.latents != Latents::Auto,
            Choice::Layout => self.layout != Layout::Auto,
            Choice::Scale => self.scale != ScaleChoice::Auto,
            Choice::Split => self.split != Split::Auto,
            Choice::Suffix => self.suffix.is_some(),
            Choice::Resize => self.pictures.resize.is_some(),
            Choice::Crop => self.pictures.crop.is_some(),
            Choice::Filter => self.pictures.filter != usual.filter,
            Choice::Channels => self.pictures.channels != usual.channels,
            Choice::SkipBad => self.pictures.skip_bad,
        }
    }

    /// Refuses options that have no effect on what was found.
    ///
    /// # Errors
    /// [`SamplesError::WithoutEffect`]
    pub(super) fn refuse(
        &self,
        input: &Input,
        found: &'static str,
        choices: &[Choice],
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

    /// Refuses options that have no effect on content of this kind, whatever its format.
    pub(super) fn fit(&self, input: &Input, content: &Content) -> Result<(), SamplesError> {
        let found = match content {
            Content::Samples(_) | Content::Arrays(_) => "arrays of samples",
            content => content.name(),
        };
        match content {
            Content::Samples(_) | Content::Arrays(_) => {
                self.refuse(input, found, &Choice::PICTURES)
            }
            Content::Pictures(_) => {
                self.refuse(input, found, &[Choice::Kind, Choice::Layout])?;
                match self.pictures.resize {
                    None => self.refuse(input, "pictures without --resize", &[Choice::Filter]),
                    Some(_) => Ok(()),
                }
            }
            Content::Covariance(_) | Content::Spectrum(_) | Content::Moments(_) => {
                self.refuse(input, found, &[Choice::Layout, Choice::Scale])?;
                self.refuse(input, found, &Choice::ARRAYS)?;
                self.refuse(input, found, &Choice::PICTURES)
            }
            Content::Members(_) => Ok(()),
        }
    }
}
