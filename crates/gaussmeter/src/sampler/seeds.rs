use super::transfer::{contraction, level_at, needs_finite_ratio, phi2, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// SEEDS-2: exponential stages on the reverse SDE with noise η, with the noises of a step on one
/// Ornstein–Uhlenbeck path. With h the step in log-SNR, H = (1 + η) h, the stage at ℓ_s = ℓ + r h
/// has noise w_s of variance ς_s² (1 − e^{−2ηrh}), and
///
/// x_s = e^{−rH} x + (1 − e^{−rH}) D + w_s,
/// x′ = e^{−H} x + (1 − e^{−H}) [D + (D_s − D)/2r] + (ς′/ς_s) e^{−η(1−r)h} w_s + w′,
///
/// with fresh w′ of variance ς′² (1 − e^{−2η(1−r)h}). The step to σ = 0 returns D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seeds2 {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// r in (0, 1]: position of the second evaluation in log-SNR.
    pub r: f64,
}

/// SEEDS-3: as [`Seeds2`], with stages at r₁ = ⅓ and r₂ = ⅔ and φ₂(H) = 1 − (1 − e^{−H})/H,
///
/// x₂ = e^{−r₂H} x + (1 − e^{−r₂H}) D + (r₂/r₁) φ₂(r₂H) (D₁ − D) + w₂,
/// x′ = e^{−H} x + (1 − e^{−H}) D + φ₂(H) (D₂ − D)/r₂ + w′.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seeds3 {
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
}

/// A step with stages at shares of h, on one noise path.
struct Stages<'a> {
    from: &'a Level<Real>,
    q: Real,
    eta: f64,
    /// The share reached, and the noise there at unit scale.
    reached: f64,
    noise: Linear,
}

impl Stages<'_> {
    /// The state at share `to` with the given model, at `level`.
    fn advance(
        &mut self,
        tape: &Tape,
        to: f64,
        level: &Level<Real>,
        x: Var,
        model: Linear,
    ) -> Linear {
        if self.eta > 0.0 {
            let damping = self.q.powf(self.eta * (to - self.reached));
            let fresh = ((1.0 - damping) * (1.0 + damping)).sqrt();
            self.noise = damping * &self.noise + fresh * tape.noise();
            self.reached = to;
        }
        let left = level.sigma * self.q.powf(self.eta * to);
        transfer(self.from, level, left, x, model) + level.sigma * &self.noise
    }
}

/// Runs a step with stages; `stages` gives the share of each and combines the values so far.
fn record_steps(
    grid: &Grid,
    tape: &Tape,
    mut x: Var,
    eta: f64,
    shares: &[f64],
    model: impl Fn(usize, Real, &[Var]) -> Linear,
) -> Result<Var, SamplerError> {
    for step in grid.steps() {
        let Step { from, to, .. } = step;
        let first = tape.predict(Prediction::Denoiser, x, from);
        if to.sigma == 0.0 {
            x = tape.arrive(to, transfer(from, to, 0.0, x, first));
            continue;
        }
        needs_finite_ratio(grid, &step)?;
        let q = contraction(from, to);
        let total = -(1.0 + eta) * q.ln();
        let mut values = vec![first];
        let mut stages = Stages { from, q, eta, reached: 0.0, noise: Linear::default() };
        for (k, &share) in shares.iter().enumerate() {
            let level = level_at(grid, &step, q.powf(share) * from.noise_ratio())?;
            let stage = stages.advance(tape, share, &level, x, model(k, total, &values));
            values.push(tape.predict(Prediction::Denoiser, stage, &level));
        }
        x = tape.arrive(to, stages.advance(tape, 1.0, to, x, model(shares.len(), total, &values)));
    }
    Ok(x)
}

impl Sampler for Seeds2 {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        record_steps(grid, tape, x, self.eta, &[self.r], |_, _, values| match *values {
            [d, inner] => d + (0.5 / self.r) * (inner - d),
            _ => values[0].into(),
        })
    }
}

impl Sampler for Seeds3 {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        const R: [f64; 2] = [1.0 / 3.0, 2.0 / 3.0];
        record_steps(grid, tape, x, self.eta, &R, |_, total, values| {
            // The weight φ₂(H) of a slope, relative to the weight 1 − e^{−H} of the model.
            let slope = |total: Real| phi2(total) / -(-total).exp_m1();
            match *values {
                [d, first] => d + (R[1] / R[0] * slope(R[1] * total)) * (first - d),
                [d, _, second] => d + slope(total) / R[1] * (second - d),
                _ => values[0].into(),
            }
        })
    }
}

const ETA: Parameter = super::transfer::eta("1");

pub(super) static SEEDS_2: Entry<dyn Sampler> = Entry {
    name: "seeds-2",
    aliases: &["seeds_2", "sample_seeds_2"],
    summary: "SEEDS-2: two exponential stages on the reverse SDE",
    source: "Gonzalez et al. (2023); ComfyUI",
    order: Some(2),
    parameters: &[
        ETA,
        Parameter {
            name: "r",
            kind: Kind::Number { min: 0.05, max: 1.0 },
            default: Some("0.5"),
            summary: "position of the second evaluation, as a share of the step in log-SNR",
        },
    ],
    build: |a| Ok(Box::new(Seeds2 { eta: a.number("eta"), r: a.number("r") })),
};

pub(super) static SEEDS_3: Entry<dyn Sampler> = Entry {
    name: "seeds-3",
    aliases: &["seeds_3", "sample_seeds_3"],
    summary: "SEEDS-3: three exponential stages on the reverse SDE",
    source: "Gonzalez et al. (2023); ComfyUI",
    order: Some(2),
    parameters: &[ETA],
    build: |a| Ok(Box::new(Seeds3 { eta: a.number("eta") })),
};
