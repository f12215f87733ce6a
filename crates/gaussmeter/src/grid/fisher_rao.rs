use super::length::Quadrature;
use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, TO_DATA};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Levels at equal Fisher–Rao distances along the path of the laws of x/α, N(μ, Σ + s² I), whose
/// speed is √(Σ 2 s²/(λ + s²)²) in the noise ratio s. Along eigenvectors with λ = 0 the data are
/// infinitely far away, unless these are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherRao {
    range: Range,
    has_null: bool,
}

impl FisherRao {
    /// The rule in a range of noise ratios.
    pub fn new(range: Range) -> Self {
        FisherRao { range, has_null: true }
    }

    /// The same without the eigenvectors along which the data do not vary.
    pub fn without_null(self) -> Self {
        FisherRao { has_null: false, ..self }
    }
}

impl GridRule for FisherRao {
    fn follows_data(&self) -> bool {
        true
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = match self.has_null {
            true => Data::new(request.spectrum()?),
            false => Data::with_variance(request.spectrum()?)?,
        };
        let null = if self.has_null { data.null } else { 0.0 };
        self.range.along(process, steps, eps, |span| {
            if span.high.is_infinite() {
                return Err(GridError::NoLargest);
            }
            if span.low == 0.0 && null > 0.0 {
                return Err(GridError::InfiniteLength);
            }
            let speed = |s: f64| {
                let null = if null > 0.0 { null / (s * s) } else { 0.0 };
                (2.0 * (data.sum(|l| (s / (l + s * s)).powi(2)) + null)).sqrt()
            };
            Ok(Quadrature::new(&data, &span).equal(&span, speed))
        })
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "fisher-rao",
    aliases: &["fisher-rao-geodesic"],
    summary: "equal Fisher-Rao lengths of the path of marginals",
    source: "Rao (1945); Fisher information of Gaussians",
    order: None,
    parameters: &[
        SIGMA_MIN,
        SIGMA_MAX,
        TO_DATA,
        Parameter {
            name: "null",
            kind: Kind::Choice(&["with", "without"]),
            default: Some("with"),
            summary: "eigenvectors along which the data do not vary, and are infinitely far from any noise: 'without' leaves them out",
        },
    ],
    build: |a| {
        let rule = FisherRao::new(Range::from(a));
        Ok(Box::new(if a.text("null") == "with" { rule } else { rule.without_null() }))
    },
};
