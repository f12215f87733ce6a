use crate::exact::continuous::ODE;
use crate::exact::{Init, Law, Output, Target};
use crate::grid::Grid;
use crate::network::{Learnt, NetworkError};
use crate::sampler::{Sampler, SamplerError};
use crate::spectrum::Spectrum;
use thiserror::Error;

/// Why a sampler cannot start in the middle of its grid.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TeleportError {
    /// It is undefined there.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The network does not go with it.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// A sampler that starts in the middle of its grid.
#[derive(Clone, Debug)]
pub struct Teleported {
    /// Remaining network evaluations.
    pub nfe: usize,
    /// The law of the output, with the data as target.
    pub law: Law,
}

/// Skips the first steps of a grid: the state is taken to level `skipped` by the exact solution of
/// the probability-flow ODE for Gaussian data,
///
/// x_s = α_s μ + U diag √(s_s/s_T) Uᵀ (x_T − α_T μ), s_t = α_t² λ + σ_t²,
///
/// which needs no network, and the sampler runs from there with one, where `spectrum` is what samples should be (Wang & Vastola, arXiv 2412.09726). With
/// `skipped` 0 this is the sampler itself; with all steps skipped, the continuous solution.
///
/// # Errors
/// [`TeleportError`]: the sampler is undefined on the rest of the grid, or the network there.
///
/// # Panics
/// If the grid has no level of that number.
pub fn teleport(
    sampler: &dyn Sampler,
    grid: &Grid,
    skipped: usize,
    (network, spectrum): (&Learnt, &Spectrum),
    init: &Init,
) -> Result<Teleported, TeleportError> {
    let levels = grid.levels();
    let there = &levels[skipped];
    if skipped == 0 {
        let plan = sampler.plan(grid)?;
        let law = Output::by(network, &plan)?.law_against(network.truth(), init, Target::Data);
        return Ok(Teleported { nfe: plan.nfe(), law });
    }
    let law = ODE.law(spectrum, grid.start(), there, init, Target::Data);
    let Some(rest) = grid.from_step(skipped) else { return Ok(Teleported { nfe: 0, law }) };
    let init = Init::Diagonal {
        mean: law.modes.iter().map(|m| m.mean).collect(),
        variance: law.modes.iter().map(|m| m.variance).collect(),
    };
    let plan = sampler.plan(&rest)?;
    let law = Output::by(network, &plan)?.law_against(network.truth(), &init, Target::Data);
    Ok(Teleported { nfe: plan.nfe(), law })
}
