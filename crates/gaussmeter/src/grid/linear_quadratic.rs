use super::range::SIGMA_MAX;
use super::{Grid, GridError, GridRule, Request, largest_sigma};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// 1 − σ/σ_max is linear in the step over the first half, up to `threshold`, then quadratic up to
/// 1, with the same slope where they meet:
///
/// y_i = i θ/m for i ≤ m = ⌊n/2⌋, then y_{m+j} = θ + j θ/m + (1 − θ n/m) (j/(n − m))² ….
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearQuadratic {
    /// θ, the range of the linear half.
    pub threshold: f64,
    /// The highest σ/α; None is the one at T.
    pub sigma_max: Option<f64>,
}

impl LinearQuadratic {
    /// 1 − σ/σ_max after `i` of `n` steps.
    fn covered(&self, i: usize, n: usize) -> f64 {
        let (half, theta) = (n / 2, self.threshold);
        if i == n {
            return 1.0;
        }
        if i <= half {
            return if half == 0 { 0.0 } else { theta * i as f64 / half as f64 };
        }
        let (m, j, rest) = (half as f64, (i - half) as f64, (n - half) as f64);
        // The slope continues, and a quadratic term covers the rest up to 1.
        let slope = theta / m;
        theta + slope * j + (1.0 - theta - slope * rest) * (j / rest).powi(2)
    }
}

impl GridRule for LinearQuadratic {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let sigma_max = self.sigma_max.unwrap_or_else(|| largest_sigma(&**process));
        if !sigma_max.is_finite() {
            return Err(GridError::NoLargest);
        }
        let sigmas: Vec<f64> =
            (0..=steps).map(|i| sigma_max * (1.0 - self.covered(i, steps))).collect();
        Grid::from_sigmas(process.clone(), &sigmas)?.exactly(steps, eps)
    }
    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(0.0)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "linear_quadratic",
    aliases: &["linear-quadratic"],
    summary: "sigma/alpha linear over the first half of the steps, quadratic to 0 over the second; for flow:coordinates=u",
    source: "Genmo, Mochi 1 (2024), linear_quadratic_schedule; ComfyUI, linear_quadratic_schedule",
    order: None,
    parameters: &[
        Parameter {
            name: "threshold",
            kind: Kind::Number { min: 0.0, max: 1.0 },
            default: Some("0.025"),
            summary: "share of sigma_max covered by the linear half",
        },
        SIGMA_MAX,
    ],
    build: |a| {
        Ok(Box::new(LinearQuadratic {
            threshold: a.number("threshold"),
            sigma_max: a.number_or("sigma_max"),
        }))
    },
};
