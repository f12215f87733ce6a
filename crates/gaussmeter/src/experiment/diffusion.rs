//! Data on a process, and what a network has learnt of them.

use super::ExperimentError;
use crate::entry::Named;
use crate::exact::Init;
use crate::grid::GridRule;
use crate::network::{Learnt, Network, NetworkError};
use crate::process::Process;
use crate::sampler::Sampler;
use crate::spectrum::Spectrum;
use std::sync::Arc;

/// A sampler with its name.
pub type NamedSampler = Named<dyn Sampler>;

/// A grid rule with its text form.
pub type NamedRule = (String, Arc<dyn GridRule>);

/// Data and the process that turns them into noise: what times are placed on.
#[derive(Clone, Debug)]
pub struct Diffusion {
    /// The data.
    pub spectrum: Arc<Spectrum>,
    /// The forward process.
    pub process: Arc<dyn Process>,
    /// Its text form.
    pub process_label: String,
}

impl Diffusion {
    /// Given data on a process of the registry.
    pub fn new(spectrum: impl Into<Arc<Spectrum>>, process: Named<dyn Process>) -> Self {
        let (process, process_label) = (process.item.into(), process.label);
        Diffusion { spectrum: spectrum.into(), process, process_label }
    }

    /// An initial law with the process's own values filled in.
    ///
    /// # Errors
    /// [`ExperimentError::Init`]
    pub fn init(&self, init: &Init) -> Result<Init, ExperimentError> {
        Ok(init.resolve(&*self.process, &self.spectrum)?)
    }
}

/// What a network has learnt of data, where an initial law fits it.
pub(super) fn learnt(
    network: &Network,
    data: &Spectrum,
    init: &Init,
) -> Result<Learnt, ExperimentError> {
    let found = Learnt::of(&*network.item, data)?;
    match (init, found.truth().len()) {
        (Init::Diagonal { mean, .. }, modes) if modes != mean.len() => {
            Err(NetworkError::Init { given: mean.len(), modes }.into())
        }
        _ => Ok(found),
    }
}
