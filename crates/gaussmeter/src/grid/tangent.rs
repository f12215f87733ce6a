use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, TO_DATA};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// σ_k = √ℓ tan θ_k with equally spaced angles θ_k.
///
/// For one eigenvalue λ, a DDIM step (Euler in σ) from σ to σ′ scales the standard deviation by
/// cos(θ − θ′) relative to the exact solution, with θ = arctan(σ/√λ): for ℓ = λ, equal angles are
/// optimal for every number of steps.
///
/// For many eigenvalues and infinitely many steps from σ = ∞ to 0, DDIM's squared W2 error is
/// proportional to Σ (ℓ + 2λ + λ²/ℓ), so the best ℓ is the root mean square of the positive
/// eigenvalues, which is the default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tangent {
    lambda: Option<f64>,
    range: Range,
}

impl Tangent {
    /// The rule for a variance ℓ > 0; `None` is the root mean square of the positive eigenvalues.
    pub fn new(lambda: Option<f64>, range: Range) -> Self {
        Tangent { lambda, range }
    }
}

impl GridRule for Tangent {
    fn follows_data(&self) -> bool {
        self.lambda.is_none()
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let gamma = match self.lambda {
            Some(lambda) => lambda.sqrt(),
            None => {
                let spectrum = request.spectrum()?;
                let data = Data::with_variance(spectrum)?;
                // Squares of the smallest and the largest numbers are none.
                let largest = spectrum.highest();
                let mean = data.sum(|l| (l / largest) * (l / largest)) / data.sum(|_| 1.0);
                (mean.sqrt() * largest).sqrt()
            }
        };
        let Request { process, steps, eps, .. } = request;
        self.range.along(process, steps, eps, |span| {
            let [high, low] = [span.high, span.low].map(|s| (s / gamma).atan());
            let parts = (span.count - 1) as f64;
            let level = |k: usize| match k {
                0 => span.high,
                k if k + 1 == span.count => span.low,
                k => {
                    let rest = (span.count - 1 - k) as f64;
                    gamma * ((high * rest + low * k as f64) / parts).tan()
                }
            };
            Ok((0..span.count).map(level).collect())
        })
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "tangent",
    aliases: &["tangent-law"],
    summary: "sigma/alpha = sqrt(lambda) tan(theta), theta equally spaced: best for DDIM on one eigenvalue",
    source: "arXiv 2601.13602",
    order: None,
    parameters: &[
        Parameter {
            name: "lambda",
            kind: Kind::NumberOr { word: "auto" },
            default: Some("auto"),
            summary: "variance that defines the angles; auto: root mean square of the positive eigenvalues",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        TO_DATA,
    ],
    build: |a| Ok(Box::new(Tangent::new(a.number_or("lambda"), Range::from(a)))),
};
