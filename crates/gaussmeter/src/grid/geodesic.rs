use super::length::Quadrature;
use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, Span, TO_DATA};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// The best levels for DDIM in the limit of infinitely many steps: equal parts of the time u on the
/// curve s(u) from noise to data that minimises Σ w (∫ λ s′²/(λ + s²)² du)².
///
/// With the angles θ = arctan(s/√λ), DDIM scales the standard deviation √λ by ∏ cos(θ_k − θ_{k+1}), which
/// falls short of 1 by (1/2n) ∫ θ′² du to leading order in the number of steps n. The curve satisfies
/// ds/du ∝ [Σ w I λ/(λ + s²)²]^(−1/2) with I = ∫ λ s′²/(λ + s²)² du, which is solved by iteration.
/// The functional is convex in du/ds, so the solution is unique.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geodesic {
    weight: Weight,
    range: Range,
}

/// How a [`Geodesic`] weights the relative errors of eigenvectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// By their variance λ, for W2.
    #[default]
    W2,
    /// All equally, for KL.
    Kl,
}

impl Geodesic {
    /// The rule for a weight, in a range of noise ratios.
    pub fn new(weight: Weight, range: Range) -> Self {
        Geodesic { weight, range }
    }

    /// The levels of a span.
    pub(super) fn levels(&self, data: &Data, span: &Span) -> Vec<f64> {
        let quadrature = Quadrature::new(data, span);
        quadrature.levels(&self.speeds(data, &quadrature), span)
    }

    /// du/ds at the nodes of a quadrature rule, up to a constant.
    fn speeds(&self, data: &Data, quadrature: &Quadrature) -> Vec<f64> {
        let nodes = &quadrature.nodes;
        // λ/(λ + s²)², a row per eigenvalue.
        let angles: Vec<Vec<f64>> = (data.modes.iter())
            .map(|[_, l]| {
                let angle = |s: f64| {
                    let root = l.sqrt() / (l + s * s);
                    root * root
                };
                nodes.iter().map(|[s, _]| angle(*s)).collect()
            })
            .collect();
        let weights: Vec<f64> = (data.modes.iter())
            .map(|[n, l]| match self.weight {
                Weight::W2 => n * l,
                Weight::Kl => *n,
            })
            .collect();
        let root = |costs: &[f64]| -> Vec<f64> {
            let mut sums = vec![0.0; nodes.len()];
            for (row, cost) in angles.iter().zip(costs) {
                for (sum, angle) in sums.iter_mut().zip(row) {
                    *sum += cost * angle;
                }
            }
            sums.into_iter().map(f64::sqrt).collect()
        };
        let mut speeds = root(&weights);
        // The map scales differences of ln du/ds by factors between 0 and −1/2; with this share of
        // it, by at most a fifth.
        const SHARE: f64 = 0.8;
        for _ in 0..60 {
            let costs: Vec<f64> = (angles.iter().zip(&weights))
                .map(|(row, weight)| {
                    let terms = row.iter().zip(nodes).zip(&speeds);
                    weight * terms.map(|((angle, [_, w]), speed)| w * angle / speed).sum::<f64>()
                })
                .collect();
            let mut off = 0.0f64;
            for (speed, next) in speeds.iter_mut().zip(root(&costs)) {
                let ratio = next / *speed;
                *speed *= ratio.powf(SHARE);
                off = off.max((ratio - 1.0).abs());
            }
            if off < 1e-14 {
                break;
            }
        }
        speeds
    }
}

impl GridRule for Geodesic {
    fn follows_data(&self) -> bool {
        true
    }

    fn variants(&self) -> &'static [&'static str] {
        &["weight=kl"]
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = Data::with_variance(request.spectrum()?)?;
        self.range.along(process, steps, eps, |span| Ok(self.levels(&data, &span)))
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "geodesic",
    aliases: &[],
    summary: "the best levels for DDIM in the limit of infinitely many steps, for the W2 or KL error",
    source: "leading order of DDIM's exact error; see docs/schedules.md",
    order: None,
    parameters: &[
        Parameter {
            name: "weight",
            kind: Kind::Choice(&["w2", "kl"]),
            default: Some("w2"),
            summary: "w2: eigenvectors weighted by their variance; kl: all equally",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        TO_DATA,
    ],
    build: |a| {
        let weight = if a.text("weight") == "kl" { Weight::Kl } else { Weight::W2 };
        Ok(Box::new(Geodesic::new(weight, Range::from(a))))
    },
};
