use super::multistep::adams_weight;
use super::transfer::{needs_finite_ratio, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};
use std::collections::VecDeque;

/// The Adams–Bashforth method in ς = σ/α with variable steps: it integrates dx/dς = d with the last
/// `order` values of d = (x − D)/ς,
///
/// x′ = x + Σⱼ cⱼ dⱼ, cⱼ = ∫ Lⱼ dς from ς to ς′, where Lⱼ are the Lagrange polynomials of their
/// nodes.
///
/// The first steps use as many terms as there are values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lms {
    /// Number of values, from 1 to 4.
    pub order: usize,
    /// Return D in a step to σ = 0, as ComfyUI does, instead of integrating up to it.
    pub final_denoiser: bool,
}

impl Sampler for Lms {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let mut history: VecDeque<(Real, Linear)> = VecDeque::new();
        for step in grid.steps() {
            needs_finite_ratio(grid, &step)?;
            let (from, to) = (step.from, step.to);
            let model = tape.predict(Prediction::Denoiser, x, from);
            if to.sigma == 0.0 && self.final_denoiser {
                x = tape.arrive(to, transfer(from, to, 0.0, x, model));
                continue;
            }
            // d = (x − D)/ς.
            let d = tape.keep(x / from.sigma - model / from.noise_ratio());
            history.push_front((from.noise_ratio(), d.into()));
            history.truncate(self.order);
            let nodes: Vec<Real> = history.iter().map(|(node, _)| *node).collect();
            let terms = history.iter().enumerate();
            let slope = terms.fold(Linear::default(), |sum, (j, (_, d))| {
                sum + adams_weight(&nodes, j, from.noise_ratio(), to.noise_ratio()) * d
            });
            x = tape.arrive(to, (to.alpha / from.alpha) * x + to.alpha * slope);
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "lms",
    aliases: &["sample_lms", "LMSDiscreteScheduler"],
    summary: "linear multistep (Adams-Bashforth) in sigma",
    source: "k-diffusion (sample_lms), diffusers",
    order: Some(4),
    parameters: &[
        Parameter {
            name: "order",
            kind: Kind::Choice(&["1", "2", "3", "4"]),
            default: Some("4"),
            summary: "number of slopes",
        },
        Parameter {
            name: "final",
            kind: Kind::Choice(&["lms", "denoiser"]),
            default: Some("lms"),
            summary: "how a step to sigma = 0 is taken: like all others, or returning D (ComfyUI)",
        },
    ],
    build: |a| {
        let order = a.text("order").parse()?;
        Ok(Box::new(Lms { order, final_denoiser: a.text("final") == "denoiser" }))
    },
};
