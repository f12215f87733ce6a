use super::blobs::Blobs;
use super::format::Undecided;
use super::input::Input;
use crate::moments::Moments;
use crate::samples::Samples;
use crate::spectral::GivenCovariance;
use gaussmeter::spectrum::Spectrum;

/// What a file holds.
pub enum Content {
    /// Data vectors.
    Samples(Box<dyn Samples>),
    /// Encoded pictures.
    Pictures(Box<dyn Blobs>),
    /// A mean and a covariance.
    Covariance(Box<GivenCovariance>),
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
    pub(super) fn has_parts(&self) -> bool {
        match self {
            Content::Pictures(blobs) => blobs.has_parts(),
            _ => false,
        }
    }

    pub(super) fn name(&self) -> &'static str {
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
