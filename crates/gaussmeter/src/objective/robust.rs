use super::{Objective, Share, SquaredWasserstein2, Steps};
use crate::entry::{Entry, Kind, Parameter};
use crate::spectrum::Mode;

/// W2² plus a multiple of the sum of squared contributions of steps ([`Local`](super::Local)): to leading order in
/// these the mean square of W2 where the contribution e of every step is e (1 + ξ), with independent ξ of mean 0,
///
/// E Σ m (Σ_k e_k (1 + ξ_k))² = W2² + deviation² Σ m Σ_k e_k².
///
/// (That is exact for contributions that the sampler carries to the output; the sum has those that the exact solution
/// carries, on which later steps have no influence.)
/// For exactly Gaussian data and an exact network ξ = 0. On other data steps do not quite do what they do
/// to these, and their errors do not quite cancel. How much cancellation may be trusted was found by
/// trying (docs/steps.md): less, the more steps a multistep rule takes. To that comes what steps make of errors of
/// single evaluations ([`LocalErrors::amplification`](crate::exact::steps::LocalErrors::amplification)): multistep
/// rules extrapolate, from levels that are close together far beyond what a trained network's errors allow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Robust {
    /// Standard deviation of ξ; `None` for what holds best where it was tried. For N steps of a
    /// multistep rule that is N/5 up to 10, 2 from there to 20, and N/10 above; for rules of single steps 0.3.
    pub deviation: Option<f64>,
    /// Errors of single evaluations, relative to the standard deviation of what is unknown of the data there;
    /// `None` for 0.02 with multistep rules, and 0 with others.
    pub evaluation: Option<f64>,
}

/// Steps of a multistep rule whose contributions deviate as much as they are, if there are few, and if there are
/// many; between them the deviation is the same.
const STEPS: [f64; 2] = [5.0, 10.0];

/// The deviation between few and many steps.
const DEVIATION: f64 = 2.0;

/// Errors of single evaluations, with multistep rules.
const EVALUATION: f64 = 0.02;

/// The deviation of rules of single steps.
const SINGLE: f64 = 0.3;

impl Robust {
    /// The error to expect, by which different samplers are compared: what errors on a mixture of the classes
    /// of CIFAR-10 exceed their Gaussian prediction by is what deviations from 0.2 to 0.6 give, of
    /// multistep rules whose errors cancel (docs/steps.md).
    pub const EXPECTED: Robust = Robust { deviation: Some(0.5), evaluation: Some(0.0) };

    /// The standard deviation of ξ for given steps.
    pub fn deviation(&self, steps: &Steps) -> f64 {
        let count = steps.count as f64;
        self.deviation.unwrap_or(match steps.multistep {
            true => (count / STEPS[0]).min(DEVIATION).max(count / STEPS[1]),
            false => SINGLE,
        })
    }

    /// Errors of single evaluations for given steps.
    pub fn evaluation(&self, steps: &Steps) -> f64 {
        self.evaluation.unwrap_or(if steps.multistep { EVALUATION } else { 0.0 })
    }
}

impl Objective for Robust {
    fn share(&self, index: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        SquaredWasserstein2.share(index, mode, std, mean)
    }
    fn steps(&self, steps: &Steps) -> Option<f64> {
        Some(self.deviation(steps).powi(2))
    }
    fn evaluations(&self, steps: &Steps) -> Option<f64> {
        Some(self.evaluation(steps).powi(2))
    }
    fn compared_by(&self) -> Option<Box<dyn Objective>> {
        Some(Box::new(Robust::EXPECTED))
    }
    fn readable(&self, sum: f64) -> f64 {
        sum.sqrt()
    }
}

pub(super) static ENTRY: Entry<dyn Objective> = Entry {
    name: "robust",
    aliases: &[],
    summary: "W2 where steps are off from what they do to Gaussian data, so that errors cancel less: times that hold on other data",
    source: "a mean square over deviations of steps; see docs/steps.md",
    order: None,
    parameters: &[
        Parameter {
            name: "deviation",
            kind: Kind::NonNegativeOr { word: "auto" },
            default: Some("auto"),
            summary: "by how much contributions of steps deviate, relative to them; 'auto': steps/5 up to 10 steps of multistep rules, 2 up to 20, steps/10 above; 0.3 for others",
        },
        Parameter {
            name: "evaluation",
            kind: Kind::NonNegativeOr { word: "auto" },
            default: Some("auto"),
            summary: "errors of single evaluations of the network, relative to what is unknown of the data; 'auto': 0.02 for multistep rules, 0 for others",
        },
    ],
    build: |a| {
        let (deviation, evaluation) = (a.number_or("deviation"), a.number_or("evaluation"));
        for (name, value) in [("deviation", deviation), ("evaluation", evaluation)] {
            if value.is_some_and(|value| value > 1e6) {
                return Err(format!("{name} must be at most 1e6").into());
            }
        }
        Ok(Box::new(Robust { deviation, evaluation }))
    },
};
