use super::multistep::{adams_weight, along};
use super::transfer::needs_finite_ratio;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// The Adams–Bashforth–Moulton predictor–corrector method in ς = σ/α, with variable steps. It
/// integrates dx/dς = ε: the predictor interpolates the last p slopes and gives x′; the corrector
/// interpolates the slope at that x′ and the last p − 1,
///
/// x′ = x + Σⱼ cⱼ εⱼ, cⱼ = ∫ Lⱼ dς from ς to ς′.
///
/// With two evaluations a step (PECE) the next slope is evaluated at the corrected state; with one
/// (PEC) the slope at the predicted state is reused and the last state is not corrected. The first
/// steps use as many terms as there are slopes; a step to σ = 0 is not corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdamsBashforthMoulton {
    /// p, from 1 to 4.
    pub order: usize,
    /// Evaluate at the corrected states too.
    pub evaluates_twice: bool,
}

/// x + Σⱼ cⱼ εⱼ over the step, through `slopes` at their noise ratios.
fn integrated(from: &Level<Real>, to: &Level<Real>, x: Var, slopes: &[(Real, Var)]) -> Linear {
    let nodes: Vec<Real> = slopes.iter().map(|(node, _)| *node).collect();
    let (start, end) = (from.noise_ratio(), to.noise_ratio());
    if let [(_, slope)] = slopes {
        return along(from, to, x, *slope);
    }
    let terms = slopes.iter().enumerate();
    terms.fold((to.alpha / from.alpha) * x, |sum, (j, (_, slope))| {
        sum + (to.alpha * adams_weight(&nodes, j, start, end)) * *slope
    })
}

impl Sampler for AdamsBashforthMoulton {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        // Noise ratios and slopes, the latest first.
        let mut past: Vec<(Real, Var)> = Vec::new();
        // The last step and its start, if it waits for its correction.
        let mut open: Option<(Level<Real>, Var)> = None;
        for step in grid.steps() {
            needs_finite_ratio(grid, &step)?;
            let (from, to) = (step.from, step.to);
            let slope = tape.predict(Prediction::Noise, x, from);
            past.insert(0, (from.noise_ratio(), slope));
            if let Some((before, start)) = open.take() {
                let behind = &past[..past.len().min(self.order)];
                x = tape.keep(integrated(&before, from, start, behind));
            }
            past.truncate(self.order);
            let mut next = integrated(from, to, x, &past);
            if to.sigma > 0.0 {
                if self.evaluates_twice {
                    let slope = tape.predict(Prediction::Noise, next, to);
                    let mut corrected = vec![(to.noise_ratio(), slope)];
                    corrected.extend(past.iter().take(self.order - 1));
                    next = integrated(from, to, x, &corrected);
                } else {
                    open = Some((*from, x));
                }
            }
            x = tape.arrive(to, next);
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "adams-bashforth-moulton",
    aliases: &["abm"],
    summary: "predictor-corrector method in sigma/alpha",
    source: "Hairer, Norsett & Wanner (1993), section III.1",
    order: Some(4),
    parameters: &[
        Parameter {
            name: "order",
            kind: Kind::Choice(&["2", "3", "4"]),
            default: Some("4"),
            summary: "number of slopes in predictor and corrector",
        },
        Parameter {
            name: "mode",
            kind: Kind::Choice(&["pece", "pec"]),
            default: Some("pece"),
            summary: "pece evaluates at the corrected states too, two evaluations a step; pec takes one",
        },
    ],
    build: |a| {
        Ok(Box::new(AdamsBashforthMoulton {
            order: a.text("order").parse()?,
            evaluates_twice: a.text("mode") == "pece",
        }))
    },
};
