//! The scheduler classes of diffusers.

/// A scheduler class.
#[derive(Debug)]
pub(super) struct Class {
    pub name: &'static str,
    pub family: Family,
}

/// What the levels of a class come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// A table of betas, with these schedules besides [`COMMON`].
    Betas(&'static [&'static str], Spacing),
    /// σ from sigma_max to sigma_min, the signal unscaled.
    Exploding,
    /// Flow matching.
    Flow,
    /// Flow matching that joins stages of different resolution, unless there is one only.
    Stages,
    /// Song's variance-exploding SDE.
    ScoreSdeVe,
    /// Song's variance-preserving SDE.
    ScoreSdeVp,
    /// TrigFlow.
    Trig,
    /// A cosine whose ends are clamped.
    Wuerstchen,
    /// σ = sin²(πt/2).
    SineSquared,
    /// No process, and why.
    Refused(&'static str),
}

/// Who rounds timesteps as [`timesteps`](crate::grid) does by `family=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    Ddim,
    Euler,
    Dpm,
    /// In a way of its own.
    Own,
}

/// The tables that nearly all classes with betas know.
pub(super) const COMMON: &[&str] = &["linear", "scaled_linear", "squaredcos_cap_v2"];

/// The class of this name.
pub(super) fn class(name: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.name == name)
}

const TOKENS: Family = Family::Refused(
    "it masks or replaces discrete tokens: there is no Gaussian noise, and no such law",
);
const PLAIN: &[&str] = &[];
const DDPM: &[&str] = &["laplace", "sigmoid"];

const fn betas(name: &'static str, spacing: Spacing) -> Class {
    Class { name, family: Family::Betas(PLAIN, spacing) }
}

const fn of(name: &'static str, family: Family) -> Class {
    Class { name, family }
}

use Family::{
    Betas, Exploding, Flow, ScoreSdeVe, ScoreSdeVp, SineSquared, Stages, Trig, Wuerstchen,
};
use Spacing::{Ddim, Dpm, Euler, Own};

/// Every scheduler class of diffusers 0.42.1, by name.
pub(super) const CLASSES: &[Class] = &[
    of("AmusedScheduler", TOKENS),
    of("BlockRefinementScheduler", TOKENS),
    of("CMStochasticIterativeScheduler", Exploding),
    betas("CogVideoXDDIMScheduler", Ddim),
    betas("CogVideoXDPMScheduler", Ddim),
    betas("ConsistencyDecoderScheduler", Own),
    of("CosineDPMSolverMultistepScheduler", Exploding),
    betas("DDIMInverseScheduler", Ddim),
    betas("DDIMParallelScheduler", Ddim),
    betas("DDIMScheduler", Ddim),
    of("DDPMParallelScheduler", Betas(DDPM, Ddim)),
    of("DDPMScheduler", Betas(DDPM, Ddim)),
    of("DDPMWuerstchenScheduler", Wuerstchen),
    betas("DEISMultistepScheduler", Dpm),
    betas("DPMSolverMultistepInverseScheduler", Dpm),
    betas("DPMSolverMultistepScheduler", Dpm),
    betas("DPMSolverSDEScheduler", Euler),
    betas("DPMSolverSinglestepScheduler", Dpm),
    of("DiscreteDDIMScheduler", TOKENS),
    of("EDMDPMSolverMultistepScheduler", Exploding),
    of("EDMEulerScheduler", Exploding),
    of("EntropyBoundScheduler", TOKENS),
    betas("EulerAncestralDiscreteScheduler", Euler),
    betas("EulerDiscreteScheduler", Euler),
    of("FlowMapEulerDiscreteScheduler", Flow),
    of("FlowMatchEulerDiscreteScheduler", Flow),
    of("FlowMatchHeunDiscreteScheduler", Flow),
    of("FlowMatchLCMScheduler", Flow),
    of("HeliosDMDScheduler", Stages),
    of("HeliosScheduler", Stages),
    of("HeunDiscreteScheduler", Betas(&["exp"], Euler)),
    of("IPNDMScheduler", SineSquared),
    betas("KDPM2AncestralDiscreteScheduler", Euler),
    betas("KDPM2DiscreteScheduler", Euler),
    of("KarrasVeScheduler", Exploding),
    betas("LCMScheduler", Own),
    betas("LMSDiscreteScheduler", Euler),
    of("LTXEulerAncestralRFScheduler", Flow),
    of("MiniMaxH3Scheduler", Flow),
    betas("PNDMScheduler", Ddim),
    of("PiflowScheduler", Flow),
    of("RFD4ProteinaScheduler", Flow),
    of("RePaintScheduler", Betas(&["sigmoid"], Own)),
    betas("SASolverScheduler", Dpm),
    of("SCMScheduler", Trig),
    of("ScoreSdeVeScheduler", ScoreSdeVe),
    of("ScoreSdeVpScheduler", ScoreSdeVp),
    betas("TCDScheduler", Own),
    betas("UnCLIPScheduler", Own),
    betas("UniPCMultistepScheduler", Dpm),
    of("VQDiffusionScheduler", TOKENS),
];
