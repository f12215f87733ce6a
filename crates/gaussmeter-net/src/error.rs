use gaussmeter::network::DenoiserError;
use gaussmeter::spectrum::SpectrumError;
use gaussmeter_data::ModelError;
use gaussmeter_data::samples::SamplesError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A network cannot be made, trained, read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetError {
    /// Sizes that do not fit, or are too large.
    #[error("{0}")]
    Size(String),
    /// An option that makes no sense, with the reason and what to do.
    #[error("{0}")]
    Option(String),
    /// Training needs more memory than allowed.
    #[error("{0}")]
    Memory(String),
    /// A file cannot be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file cannot be opened or read.
    #[error(transparent)]
    Read(#[from] gaussmeter::file::FileError),
    /// A file is not what it should be, or is damaged.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The path as given.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Training that would go on is not that of the checkpoint.
    #[error(
        "{}: a checkpoint of other training: {what} is {stored} there, but {asked} now: give the options it was made with, or leave out --resume",
        path.display()
    )]
    Differs {
        /// The path as given.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// As it is in the file.
        stored: String,
        /// As it was asked for.
        asked: String,
    },
    /// A loss or weights that are not finite any more.
    #[error(
        "training diverged at step {step}: the loss or the weights are not finite: take a smaller --rate, a longer --warm-up or --clip 1"
    )]
    Diverged {
        /// The step, from 1.
        step: u64,
    },
    /// Data cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// A model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The process does not exist.
    #[error(transparent)]
    Entry(#[from] gaussmeter::entry::EntryError),
    /// The exact network has no value.
    #[error(transparent)]
    Denoiser(#[from] DenoiserError),
    /// The eigenvalues do not form a spectrum.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
}

impl NetError {
    /// A file is not what it should be.
    pub(crate) fn malformed(path: &std::path::Path, reason: impl Into<String>) -> Self {
        NetError::Malformed { path: path.into(), reason: reason.into() }
    }
}
