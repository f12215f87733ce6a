use super::transfer::{contraction, needs_finite_ratio, transfer, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// The noise scale function φ of [`ErSde`]: it selects one of the reverse processes with the right
/// marginals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseScale {
    /// ς (e^{ς^0.3} + 10), "ER SDE 5".
    #[default]
    ErSde,
    /// ς², the reverse SDE.
    Sde,
    /// ς, the ODE.
    Ode,
}

impl NoiseScale {
    /// ln φ(ς).
    fn ln(self, ratio: Real) -> Real {
        match self {
            NoiseScale::ErSde => ratio.ln() + (ratio.powf(0.3).exp() + 10.0).ln(),
            NoiseScale::Sde => 2.0 * ratio.ln(),
            NoiseScale::Ode => ratio.ln(),
        }
    }
}

/// ER-SDE-Solver: Taylor steps in ς = σ/α for an extended reverse SDE with noise scale φ. With
/// ρ = φ(ς′)/φ(ς), Δ = ς′ − ς and divided differences D′ = (D − D₋)/(ς − ς₋), D″ = 2 (D′ − D′₋)/(ς − ς₌),
///
/// x′ = ρ x + (1 − ρ) D + I₁ D′ + I₂ D″ + √(ς′² − ρ² ς²) z,
/// I₁ = ∫ (φ(ς′)/φ(s) − 1) ds, I₂ = ∫ (s − ς)(φ(ς′)/φ(s) − 1) ds from ς′ to ς.
///
/// The first step has one term, the second two; a step to σ = 0 returns D.
///
/// Even with three terms the order is **2**: D′ is the slope midway to the previous node, and D″
/// does not extrapolate it to ς.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErSde {
    /// Number of terms, from 1 to 3.
    pub stages: usize,
    /// φ.
    pub scale: NoiseScale,
    /// Integrate as ComfyUI does: 200 rectangles, each with the height at its lower end.
    pub rectangles: bool,
}

impl ErSde {
    /// I₁ and I₂ for a step.
    fn integrals(&self, from: Real, to: Real) -> [Real; 2] {
        let end = self.scale.ln(to);
        let integrand = |s: Real, weight: Real| {
            let value = weight * (end - self.scale.ln(s)).exp_m1();
            [value, (s - from) * value]
        };
        let zero = [Real::from(0.0); 2];
        let add = |a: [Real; 2], b: [Real; 2]| [a[0] + b[0], a[1] + b[1]];
        if self.rectangles {
            let width = (from - to) / 200.0;
            let sum =
                (0..200).fold(zero, |sum, k| add(sum, integrand(to + f64::from(k) * width, width)));
            // The rectangle rule is for φ(ς′)/φ only; applied to (s − ς) it
            // does not give −½ Δ².
            return [sum[0], sum[1] - 0.5 * width * (from - to)];
        }
        // Smooth in ln s: panels of the six-point Gauss–Legendre rule.
        const NODES: [(f64, f64); 3] = [
            (0.238_619_186_083_196_9, 0.467_913_934_572_691),
            (0.661_209_386_466_264_5, 0.360_761_573_048_138_6),
            (0.932_469_514_203_152, 0.171_324_492_379_170_36),
        ];
        const PANELS: u32 = 8;
        let half = (from / to).ln() / f64::from(2 * PANELS);
        (0..PANELS).fold(zero, |sum, panel| {
            let middle = f64::from(2 * panel + 1);
            NODES.iter().fold(sum, |sum, &(node, weight)| {
                let at = |u: f64| {
                    let s = to * (half * (middle + u)).exp();
                    integrand(s, half * weight * s)
                };
                add(add(sum, at(-node)), at(node))
            })
        })
    }
}

impl Sampler for ErSde {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        // Noise ratios, values and first differences of the last two nodes.
        let mut last: Option<(Real, Var, Option<Linear>)> = None;
        let mut before: Option<Real> = None;
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let d = tape.predict(Prediction::Denoiser, x, from);
            if to.sigma == 0.0 {
                x = tape.arrive(to, transfer(from, to, 0.0, x, d));
                continue;
            }
            needs_finite_ratio(grid, &step)?;
            let (ratio, next) = (from.noise_ratio(), to.noise_ratio());
            let kept = (self.scale.ln(next) - self.scale.ln(ratio)).exp();
            // The remaining noise of ς, at the scale of `to`, over σ′.
            let share = kept / contraction(from, to);
            let mut mean = transfer(from, to, to.sigma * share, x, d);
            let mut difference: Option<Linear> = None;
            if let (Some((ratio_last, d_last, difference_last)), true) = (&last, self.stages > 1) {
                let [first, second] = self.integrals(ratio, next);
                let slope = (d - *d_last) / (ratio - *ratio_last);
                mean = mean + to.alpha * first * &slope;
                if let (Some(slope_last), Some(two_before), 3) =
                    (difference_last, before, self.stages)
                {
                    let curvature = 2.0 / (ratio - two_before) * (&slope - slope_last);
                    mean = mean + to.alpha * second * curvature;
                }
                difference = Some(slope);
            }
            let std = match self.scale {
                NoiseScale::Ode => Real::from(0.0),
                _ => to.sigma * ((1.0 - share).max(0.0) * (1.0 + share)).sqrt(),
            };
            x = tape.arrive(to, with_noise(tape, mean, std));
            before = last.as_ref().map(|(ratio, ..)| *ratio);
            last = Some((ratio, d, difference));
        }
        Ok(x)
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "er-sde",
    aliases: &["er_sde", "sample_er_sde"],
    summary: "extended reverse SDE, Taylor steps of up to three terms",
    source: "Cui et al. (2023), algorithm 2 and equation 19; ComfyUI",
    order: Some(2),
    parameters: &[
        Parameter {
            name: "stages",
            kind: Kind::Choice(&["1", "2", "3"]),
            default: Some("3"),
            summary: "number of terms",
        },
        Parameter {
            name: "scale",
            kind: Kind::Choice(&["er-sde", "sde", "ode"]),
            default: Some("er-sde"),
            summary: "noise scale function: s (exp(s^0.3) + 10), s^2 or s",
        },
        Parameter {
            name: "integral",
            kind: Kind::Choice(&["exact", "rectangles"]),
            default: Some("exact"),
            summary: "how the weights of the differences are integrated; rectangles uses 200 (ComfyUI)",
        },
    ],
    build: |a| {
        let stages = a.text("stages").parse()?;
        let rectangles = a.text("integral") == "rectangles";
        if rectangles && stages == 1 {
            return Err("one stage has nothing to integrate".into());
        }
        let scale = match a.text("scale") {
            "sde" => NoiseScale::Sde,
            "ode" => NoiseScale::Ode,
            _ => NoiseScale::ErSde,
        };
        Ok(Box::new(ErSde { stages, scale, rectangles }))
    },
};
