use super::length::Quadrature;
use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, TO_DATA};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::Entry;
use crate::process::Process;

/// Levels at equal Wasserstein-2 distances along the path of the laws of x/α, N(μ, Σ + s² I), whose
/// speed is √(Σ s²/(λ + s²)) in the noise ratio s. Eigenvectors with λ = 0 are included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct W2Geodesic {
    range: Range,
}

impl W2Geodesic {
    /// The rule in a range of noise ratios.
    pub fn new(range: Range) -> Self {
        W2Geodesic { range }
    }
}

impl GridRule for W2Geodesic {
    fn follows_data(&self) -> bool {
        true
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = Data::new(request.spectrum()?);
        self.range.along(process, steps, eps, |span| {
            if span.high.is_infinite() {
                return Err(GridError::NoLargest);
            }
            let speed = |s: f64| {
                let terms = data.sum(|l| (s / (l + s * s).sqrt()).powi(2));
                (terms + data.null).sqrt()
            };
            Ok(Quadrature::new(&data, &span).equal(&span, speed))
        })
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "w2-geodesic",
    aliases: &[],
    summary: "equal Wasserstein-2 lengths of the path of marginals",
    source: "W2 between Gaussians; Dowson & Landau (1982)",
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, TO_DATA],
    build: |a| Ok(Box::new(W2Geodesic::new(Range::from(a)))),
};
