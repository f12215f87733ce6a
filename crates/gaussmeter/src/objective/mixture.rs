use super::{KlForward, KlReverse, Objective, Share, SquaredWasserstein2, Steps};
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::Mode;

/// w₁ W2² + w₂ KL(data ‖ output) + w₃ KL(output ‖ data) + w₄ Σ e²: W2 weights eigenvectors by their variance,
/// the divergences all equally,
/// and contributions e of steps cannot cancel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    /// Weight of W2².
    pub w2: f64,
    /// Weight of KL(data ‖ output).
    pub kl_forward: f64,
    /// Weight of KL(output ‖ data).
    pub kl_reverse: f64,
    /// Weight of the sum of squared contributions of steps.
    pub local: f64,
}

impl Objective for Mixture {
    fn share(&self, index: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        let parts: [(f64, &dyn Objective); 3] = [
            (self.w2, &SquaredWasserstein2),
            (self.kl_forward, &KlForward),
            (self.kl_reverse, &KlReverse),
        ];
        // Parts of weight 0 are not evaluated, so they may be infinite.
        parts.iter().filter(|(w, _)| *w > 0.0).fold(Share::default(), |sum, (w, part)| {
            let share = part.share(index, mode, std, mean);
            Share {
                value: sum.value + w * share.value,
                by_std: sum.by_std + w * share.by_std,
                by_mean: sum.by_mean + w * share.by_mean,
                curvature: [0, 1].map(|i| sum.curvature[i] + w * share.curvature[i]),
            }
        })
    }

    fn steps(&self, _: &Steps) -> Option<f64> {
        Some(self.local).filter(|weight| *weight > 0.0)
    }

    fn counts_output(&self) -> bool {
        self.w2 + self.kl_forward + self.kl_reverse > 0.0
    }
}

const fn weight(name: &'static str, default: &'static str, summary: &'static str) -> Parameter {
    let kind = Kind::Number { min: 0.0, max: f64::INFINITY };
    Parameter { name, kind, default: Some(default), summary }
}

pub(super) static ENTRY: Entry<dyn Objective> = Entry {
    name: "mixture",
    aliases: &[],
    summary: "weighted sum of squared W2, the two KL divergences and squared contributions of steps",
    source: "closed form for Gaussians",
    order: None,
    parameters: &[
        weight("w2", "1", "weight of W2 squared"),
        weight("kl_forward", "0", "weight of KL(data || output)"),
        weight("kl_reverse", "0", "weight of KL(output || data)"),
        weight(
            "local",
            "0",
            "weight of the squared contributions of steps, as in the objective local",
        ),
    ],
    build: |a| {
        let [w2, kl_forward, kl_reverse, local] =
            ["w2", "kl_forward", "kl_reverse", "local"].map(|key| a.number(key));
        if w2 + kl_forward + kl_reverse + local == 0.0 {
            return Err(
                "all weights are 0: give at least one of w2, kl_forward, kl_reverse, local".into(),
            );
        }
        Ok(Box::new(Mixture { w2, kl_forward, kl_reverse, local }))
    },
};
