//! How gradients become steps.

use serde::{Deserialize, Serialize};

/// A rule for steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// Adam with β = (0.9, 0.999) and ε = 1e-8 (Kingma & Ba 2015).
    #[default]
    Adam,
    /// Against the gradient, rate by rate: gradient flow, in the limit of small steps.
    Sgd,
}

/// How the rate goes on after warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// To zero at the last step, as half a cosine.
    #[default]
    Cosine,
    /// As it is.
    None,
}

const BETAS: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// Running means of the gradient and of its square; empty for plain descent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl Optimiser {
    pub(crate) fn moments(self, len: usize) -> Moments {
        let len = if self == Optimiser::Adam { len } else { 0 };
        Moments { first: vec![0.0; len], second: vec![0.0; len] }
    }

    /// One step, number `step` from 0.
    pub(crate) fn step(
        self,
        weights: &mut [f32],
        gradient: &[f32],
        moments: &mut Moments,
        rate: f64,
        step: u64,
    ) {
        let rate = rate as f32;
        match self {
            Optimiser::Sgd => weights.iter_mut().zip(gradient).for_each(|(w, g)| *w -= rate * g),
            Optimiser::Adam => {
                let done = (step + 1).min(1 << 24) as i32;
                let unbiased = BETAS.map(|b| (1.0 - f64::from(b).powi(done)) as f32);
                let all = weights.iter_mut().zip(gradient);
                let moments = moments.first.iter_mut().zip(&mut moments.second);
                for ((w, g), (m, v)) in all.zip(moments) {
                    *m = BETAS[0] * *m + (1.0 - BETAS[0]) * g;
                    *v = BETAS[1] * *v + (1.0 - BETAS[1]) * g * g;
                    *w -= rate * (*m / unbiased[0]) / ((*v / unbiased[1]).sqrt() + EPSILON);
                }
            }
        }
    }
}
