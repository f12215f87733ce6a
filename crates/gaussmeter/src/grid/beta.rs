use super::numpy::linspace_open;
use super::range::{FINAL, Range, SIGMA_MAX, SIGMA_MIN};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::cmp::Ordering;

/// Quantiles of a beta distribution, which put more steps near both ends: x_i = I⁻¹(1 − i/n), where
/// I is the distribution function of Beta(a, b).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    /// First shape parameter.
    pub alpha: f64,
    /// Second shape parameter.
    pub beta: f64,
    /// What the quantiles place.
    pub of: BetaOf,
}

/// What a [`Beta`] rule places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BetaOf {
    /// Times, as in the paper: t_i = T x_i for i = 0 … n. On a process with training timesteps, or
    /// if their number is given, ComfyUI's round((N − 1) x_i) for i < n, then the data.
    Times {
        /// N, for processes that are not discrete; None does not round.
        timesteps: Option<f64>,
    },
    /// Noise levels, as in diffusers: σ_min + x_i (σ_max − σ_min), with i/(n − 1) in place of i/n.
    Levels(Range),
}

impl GridRule for Beta {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let quantile = Quantile::new(self.alpha, self.beta);
        let timesteps = match self.of {
            BetaOf::Levels(range) => {
                return range.grid(process, steps, eps, |ramp, low, high| {
                    low + quantile.at(1.0 - ramp) * (high - low)
                });
            }
            BetaOf::Times { timesteps } => timesteps,
        };
        let (t_max, n) = (process.t_max(), steps as f64);
        let total = timesteps.or(process.training_steps().map(|n| n as f64));
        // Where ComfyUI is followed, its 1 − linspace(0, 1, n, endpoint=False).
        let whole = linspace_open(0.0, 1.0, steps);
        let place = |i: usize| match (total, whole.get(i)) {
            (_, None) => 0.0,
            (Some(total), Some(p)) => {
                ((quantile.at(1.0 - p) * (total - 1.0)).round_ties_even() + 1.0) * t_max / total
            }
            (None, _) => quantile.at((steps - i) as f64 / n) * t_max,
        };
        let mut times: Vec<f64> = (0..=steps).map(place).collect();
        // Times that round to the same timestep are one.
        times.dedup();
        Grid::new(process.clone(), &times)?.exactly(steps, eps)
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        match self.of {
            BetaOf::Levels(range) => range.own_end(process),
            BetaOf::Times { .. } => Some(0.0),
        }
    }
}

/// The quantile function of a beta distribution.
struct Quantile {
    a: f64,
    b: f64,
    /// ∫ x^{a−1} (1 − x)^{b−1} dx over [0, ½] and [½, 1].
    halves: [f64; 2],
}

impl Quantile {
    fn new(a: f64, b: f64) -> Self {
        Quantile { a, b, halves: [incomplete(0.5, a, b), incomplete(0.5, b, a)] }
    }

    fn at(&self, p: f64) -> f64 {
        // The end, and the uniform distribution, whose quantiles are exact.
        if p >= 1.0 || [self.a, self.b] == [1.0, 1.0] {
            return p;
        }
        let wanted = p * (self.halves[0] + self.halves[1]);
        match wanted.total_cmp(&self.halves[0]) {
            // Exactly ½, since it may be rounded to a timestep.
            Ordering::Equal => 0.5,
            Ordering::Less => root(wanted, self.a, self.b),
            Ordering::Greater => {
                let rest = (1.0 - p) * (self.halves[0] + self.halves[1]);
                1.0 - root(rest, self.b, self.a)
            }
        }
    }
}

/// The x in [0, ½] up to which the integral is `wanted`.
fn root(wanted: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 0.5);
    loop {
        let middle = 0.5 * (low + high);
        if !(low < middle && middle < high) {
            return high;
        }
        if incomplete(middle, a, b) < wanted { low = middle } else { high = middle }
    }
}

/// ∫ u^{a−1} (1 − u)^{b−1} du over [0, x] for x ≤ ½: x^a (1 − x)^b/a · F(a + b, 1; a + 1; x).
fn incomplete(x: f64, a: f64, b: f64) -> f64 {
    // Σ (a + b)_k/(a + 1)_k xᵏ: all terms are positive.
    let (mut term, mut sum, mut k) = (1.0, 1.0, 0.0);
    while term > 1e-17 * sum {
        term *= x * (a + b + k) / (a + 1.0 + k);
        sum += term;
        k += 1.0;
    }
    x.powf(a) * (1.0 - x).powf(b) / a * sum
}

const SHAPE: Kind = Kind::Number { min: 0.01, max: 100.0 };

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "beta",
    aliases: &["beta-sampling"],
    summary: "quantiles of a beta distribution: more steps near both ends of time",
    source: "Lee et al. (2024), Beta Sampling; ComfyUI, beta_scheduler; diffusers 0.42.1, use_beta_sigmas",
    order: None,
    parameters: &[
        Parameter {
            name: "alpha",
            kind: SHAPE,
            default: Some("0.6"),
            summary: "first shape parameter: smaller puts more steps near the data",
        },
        Parameter {
            name: "beta",
            kind: SHAPE,
            default: Some("0.6"),
            summary: "second shape parameter: smaller puts more steps near noise",
        },
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["paper", "diffusers"]),
            default: Some("paper"),
            summary: "paper: quantiles of times (ComfyUI); diffusers: of sigma/alpha between sigma_min and sigma_max",
        },
        Parameter {
            name: "timesteps",
            kind: Kind::NumberOr { word: "auto" },
            default: Some("auto"),
            summary: "number of timesteps to round to; auto: the training timesteps of vp-discrete, no rounding elsewhere (ComfyUI: 1000 on SD3, 10000 on Flux)",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        FINAL,
    ],
    build: |a| {
        let (range, timesteps) = (Range::from(a), a.number_or("timesteps"));
        let of = match a.text("variant") {
            "diffusers" if timesteps.is_some() => {
                return Err("variant=diffusers places sigma/alpha, not timesteps".into());
            }
            "diffusers" => BetaOf::Levels(range),
            _ if range != Range::default() => {
                return Err(
                    "sigma_min, sigma_max and final are for variant=diffusers: times run from T to the data".into(),
                );
            }
            _ if timesteps.is_some_and(|n| n.fract() != 0.0) => {
                return Err("timesteps must be a whole number".into());
            }
            _ => BetaOf::Times { timesteps },
        };
        Ok(Box::new(Beta { alpha: a.number("alpha"), beta: a.number("beta"), of }))
    },
};
