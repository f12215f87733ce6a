use super::length::Quadrature;
use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, TO_DATA};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::Entry;
use crate::process::Process;

/// Equidistribution: the level density for which all Euler steps in the noise ratio s err equally.
///
/// The probability-flow ODE is x′ = s x/(λ + s²) along an eigenvector, with E x″² = λ²/(λ + s²)³. The
/// local error of a step h is ½ h² √(Σ λ²/(λ + s²)³), so the density of levels is the fourth root
/// of the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sdm {
    range: Range,
}

impl Sdm {
    /// The rule in a range of noise ratios.
    pub fn new(range: Range) -> Self {
        Sdm { range }
    }
}

impl GridRule for Sdm {
    fn follows_data(&self) -> bool {
        true
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = Data::with_variance(request.spectrum()?)?;
        self.range.along(process, steps, eps, |span| {
            let curvature = |s: f64| {
                data.sum(|l| {
                    let v = l + s * s;
                    (l / v).powi(2) / v
                })
            };
            let speed = |s: f64| curvature(s).sqrt().sqrt();
            Ok(Quadrature::new(&data, &span).equal(&span, speed))
        })
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "sdm",
    aliases: &[],
    summary: "equal shares of the local error of Euler in sigma",
    source: "arXiv 2602.12624",
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, TO_DATA],
    build: |a| Ok(Box::new(Sdm::new(Range::from(a)))),
};
