use super::lms::Lms;
use super::multistep::{ORDER, along};
use super::transfer::transfer;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// iPNDM-v with the weights that ComfyUI computes. For steps h, h₁, h₂, h₃ in ς, the latest first,
/// the weights of [`Lms`] add to those of two slopes the divided differences of order 2 and 3,
/// times
///
/// t₁ = ½ (1 − h/(3(h + h₁))) · h (h + h₁)/(h₁ (h₁ + h₂)),
///
/// t₂ = [½ (1 − h/(3(h + h₁))) − (1 − h/(2(h + h₁))) h/(6(h + h₁ + h₂))] ·
/// h (h + h₁)(h + h₁ + h₂)/(h₁ (h₁ + h₂)(h₁ + h₂ + h₃)).
///
/// ComfyUI's code has the last factor of t₁ inside the bracket, which is the same only for equal
/// steps, and a wrong sign within t₂, which makes it 11/24 instead of 3/8 for equal steps. The
/// weight of the last slope has h₁/h₂ for h₂/h₃, so that the four weights do not sum to 1: with 4
/// slopes the order is **2** where steps vary smoothly, and 1 where the ratio of neighbouring steps
/// jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComfyUiIpndmV {
    /// Number of slopes, from 1 to 4.
    pub order: usize,
}

/// The weights of the slopes for steps `h`, the latest first.
fn weights(h: &[Real]) -> Vec<Real> {
    let one = Real::from(1.0);
    match *h {
        [h, h1] => vec![1.0 + 0.5 * h / h1, -0.5 * h / h1],
        [h, h1, h2] => {
            let t1 = first(h, h1, h2);
            let ratio = h1 / h2;
            vec![1.0 + 0.5 * h / h1 + t1, -0.5 * h / h1 - (1.0 + ratio) * t1, ratio * t1]
        }
        [h, h1, h2, h3] => {
            let t1 = first(h, h1, h2);
            let two = h + h1;
            let three = two + h2;
            let inner = 0.5 * (1.0 - h / (3.0 * two)) + (1.0 - h / (2.0 * two)) * h / (6.0 * three);
            let t2 = inner * (h * two * three) / (h1 * (h1 + h2) * (h1 + h2 + h3));
            let (a, b) = (h1 / h2, h1 * (h1 + h2) / (h2 * (h2 + h3)));
            vec![
                1.0 + 0.5 * h / h1 + t1 + t2,
                -0.5 * h / h1 - (1.0 + a) * t1 - (1.0 + a + b) * t2,
                a * t1 + (a + b * (1.0 + h2 / h3)) * t2,
                -t2 * b * a,
            ]
        }
        _ => vec![one],
    }
}

fn first(h: Real, h1: Real, h2: Real) -> Real {
    0.5 * (1.0 - h / (3.0 * (h + h1)) * (h * (h + h1)) / (h1 * (h1 + h2)))
}

impl Sampler for ComfyUiIpndmV {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        // Steps in ς and slopes, the latest first.
        let mut steps: Vec<Real> = Vec::new();
        let mut slopes: Vec<Var> = Vec::new();
        for step in grid.steps() {
            super::transfer::needs_finite_ratio(grid, &step)?;
            let (from, to) = (step.from, step.to);
            if to.sigma == 0.0 {
                let d = tape.predict(Prediction::Denoiser, x, from);
                x = tape.arrive(to, transfer(from, to, 0.0, x, d));
                continue;
            }
            steps.insert(0, to.noise_ratio() - from.noise_ratio());
            slopes.insert(0, tape.predict(Prediction::Noise, x, from));
            steps.truncate(self.order);
            slopes.truncate(self.order);
            let terms = slopes.iter().zip(weights(&steps));
            let slope = terms.fold(Linear::default(), |sum, (slope, w)| sum + w * *slope);
            x = tape.arrive(to, along(from, to, x, slope));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "ipndm-v",
    aliases: &["ipndm_v", "sample_ipndm_v"],
    summary: "iPNDM for steps of any length: lms with a last step that returns D",
    source: "Zhang & Chen (2023), section 4; ComfyUI",
    order: Some(4),
    parameters: &[
        ORDER,
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["paper", "comfyui"]),
            default: Some("paper"),
            summary: "comfyui: its wrong weights, which leave order 2 with 4 slopes",
        },
    ],
    build: |a| {
        let order = a.text("order").parse()?;
        match a.text("variant") {
            "comfyui" => Ok(Box::new(ComfyUiIpndmV { order })),
            _ => Ok(Box::new(Lms { order, final_denoiser: true })),
        }
    },
};
