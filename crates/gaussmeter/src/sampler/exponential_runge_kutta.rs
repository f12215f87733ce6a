use super::exponential::Solver;
use super::transfer::{contraction, level_at, needs_finite_ratio, phi2, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::tape::{Linear, Prediction, Tape, Var};

/// The weights of the later stages.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stages {
    /// Two stages: c₂ and how the difference is weighted.
    Two(f64, Solver),
    /// Three stages: c₂, c₃ and γ.
    Three(f64, f64, f64),
}

/// Explicit exponential Runge–Kutta methods in log-SNR, where dx/dℓ = −x + D: with h = ln(ς/ς′),
/// Dᵢ = D(xᵢ) at ςᵢ = ς e^{−cᵢh}, x₁ = x and φₖ = φₖ(−h), φₖ,ᵢ = φₖ(−cᵢh), two stages are
///
/// x₂ = e^{−c₂h} x + c₂h φ₁,₂ D₁, x′ = e^{−h} x + h φ₁ D₁ + h φ₂ (D₂ − D₁)/c₂,
///
/// and three, with a₃₂ = γ c₂ φ₂,₂ + c₃² φ₂,₃/c₂ and γ = c₃ (3c₃ − 2)/(c₂ (2 − 3c₂)),
///
/// x₃ = e^{−c₃h} x + c₃h φ₁,₃ D₁ + h a₃₂ (D₂ − D₁),
/// x′ = e^{−h} x + h φ₁ D₁ + h φ₂ [γ (D₂ − D₁) + (D₃ − D₁)]/(γ c₂ + c₃).
///
/// The Refined Exponential Solver has c₂ = ½ and c₃ = 1. DPM-Solver++(2S) replaces φ₂ by φ₁/2
/// (`solver=midpoint`): it has order 2 too, but not stiff order 2. The step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialRungeKutta {
    stages: Stages,
}

impl ExponentialRungeKutta {
    /// Two stages, the second at share `c2` of the step in log-SNR.
    pub fn two_stages(c2: f64, solver: Solver) -> Self {
        ExponentialRungeKutta { stages: Stages::Two(c2, solver) }
    }

    /// Three stages, at shares 0, `c2` and `c3`; `None` if no such method has order 3:
    /// c₂ = ⅔ needs c₃ = ⅔, and γ c₂ + c₃ must not vanish.
    pub fn three_stages(c2: f64, c3: f64) -> Option<Self> {
        let numerator = c3 * (3.0 * c3 - 2.0);
        let gamma = match numerator.abs() < 1e-12 {
            true => 0.0,
            false => numerator / (c2 * (2.0 - 3.0 * c2)),
        };
        let sound = gamma.abs() < 1e6 && (gamma * c2 + c3).abs() > 1e-6;
        sound.then_some(ExponentialRungeKutta { stages: Stages::Three(c2, c3, gamma) })
    }
}

impl Sampler for ExponentialRungeKutta {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let d = tape.predict(Prediction::Denoiser, x, from);
            let mean = transfer(from, to, to.sigma, x, d);
            if to.sigma == 0.0 {
                x = tape.arrive(to, mean);
                continue;
            }
            needs_finite_ratio(grid, &step)?;
            let q = contraction(from, to);
            let h = -q.ln();
            // The denoiser at share c of the step; `off` is xᵢ minus the exponential Euler step.
            let stage = |c: f64, off: Linear| -> Result<Var, SamplerError> {
                let level = match c {
                    1.0 => *to,
                    c => level_at(grid, &step, q.powf(c) * from.noise_ratio())?,
                };
                let state = transfer(from, &level, level.sigma, x, d) + level.alpha * off;
                Ok(tape.predict(Prediction::Denoiser, state, &level))
            };
            let correction = match self.stages {
                Stages::Two(c2, solver) => {
                    let d2 = stage(c2, Linear::default())?;
                    let weight = match solver {
                        Solver::Midpoint => -0.5 * (-h).exp_m1(),
                        Solver::Heun => phi2(h),
                    };
                    (weight / c2) * (d2 - d)
                }
                Stages::Three(c2, c3, gamma) => {
                    let d2 = stage(c2, Linear::default())? - d;
                    let a32 = gamma * phi2(c2 * h) + c3 / c2 * phi2(c3 * h);
                    let d3 = stage(c3, a32 * &d2)? - d;
                    (phi2(h) / (gamma * c2 + c3)) * (gamma * d2 + d3)
                }
            };
            x = tape.arrive(to, mean + to.alpha * correction);
        }
        Ok(x)
    }
}

const fn share(name: &'static str, default: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Number { min: 0.01, max: 1.0 }, default: Some(default), summary }
}

const C2: Parameter =
    share("c2", "0.5", "position of the second evaluation, as a share of the step in log-SNR");

pub(super) static TWO: Entry<dyn Sampler> = Entry {
    name: "res-2s",
    aliases: &["res_2s", "etd2rk"],
    summary: "exponential Runge-Kutta with two stages in log-SNR, Refined Exponential Solver",
    source: "Hochbruck & Ostermann (2005), section 5; Zhang, Song & Chen (2023)",
    order: Some(2),
    parameters: &[
        C2,
        Parameter {
            name: "solver",
            kind: Kind::Choice(&["heun", "midpoint"]),
            default: Some("heun"),
            summary: "weight of the difference of denoisers: phi_2, or phi_1/2 as in DPM-Solver++(2S)",
        },
    ],
    build: |a| {
        let solver = Solver::of(a.text("solver"));
        Ok(Box::new(ExponentialRungeKutta::two_stages(a.number("c2"), solver)))
    },
};

pub(super) static THREE: Entry<dyn Sampler> = Entry {
    name: "res-3s",
    aliases: &["res_3s"],
    summary: "exponential Runge-Kutta with three stages in log-SNR, Refined Exponential Solver",
    source: "Hochbruck & Ostermann (2005), section 5; Zhang, Song & Chen (2023)",
    order: Some(3),
    parameters: &[
        C2,
        share("c3", "1", "position of the third evaluation, as a share of the step in log-SNR"),
    ],
    build: |a| {
        let (c2, c3) = (a.number("c2"), a.number("c3"));
        match ExponentialRungeKutta::three_stages(c2, c3) {
            Some(sampler) => Ok(Box::new(sampler)),
            None => {
                let reason = format!("there is no method of order 3 with c2 = {c2} and c3 = {c3}");
                Err(BuildError::from(reason))
            }
        }
    },
};
