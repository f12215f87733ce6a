use super::{Level, Process};
use crate::entry::{Entry, Kind, Parameter};

/// The variance-preserving process whose α² falls along a sigmoid:
/// α² = 1 − (1 − γ) F(t), F(t) = (s(b(t)) − s(b(0)))/(s(b(1)) − s(b(0))), s(b) = 1/(1 + e^{−b}),
/// b(t) = (start + t (end − start))/τ, on [0, 1].
///
/// γ, which the paper's code clips α² at, is what is left of it at t = 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VpSigmoid {
    /// b(0) and b(1).
    ends: [f64; 2],
    /// γ.
    floor: f64,
}

impl VpSigmoid {
    /// The process with b from `start`/`tau` to `end`/`tau`, start < end, and γ > 0.
    pub fn new(start: f64, end: f64, tau: f64, floor: f64) -> Self {
        VpSigmoid { ends: [start / tau, end / tau], floor }
    }

    fn width(&self) -> f64 {
        self.ends[1] - self.ends[0]
    }

    fn argument(&self, t: f64) -> f64 {
        self.ends[0] + t * self.width()
    }

    /// F(u) − F(t): s(a) − s(b) = sinh((a − b)/2)/(2 cosh(a/2) cosh(b/2)).
    fn difference(&self, t: f64, u: f64) -> f64 {
        let half_cosh = |b: f64| (0.5 * b).cosh();
        let share = (0.5 * (u - t) * self.width()).sinh() / (0.5 * self.width()).sinh();
        share
            * (half_cosh(self.ends[0]) / half_cosh(self.argument(t)))
            * (half_cosh(self.ends[1]) / half_cosh(self.argument(u)))
    }

    fn alpha2(&self, t: f64) -> f64 {
        self.floor + (1.0 - self.floor) * self.difference(t, 1.0)
    }
}

impl Process for VpSigmoid {
    fn t_max(&self) -> f64 {
        1.0
    }

    fn level(&self, t: f64) -> Level {
        let scale = 1.0 - self.floor;
        let sigma2 = scale * self.difference(0.0, t);
        let alpha = self.alpha2(t).sqrt();
        let half_cosh = |b: f64| (0.5 * b).cosh();
        let b = self.argument(t);
        // Half the derivatives of σ².
        let ends =
            (half_cosh(self.ends[0]) / half_cosh(b)) * (half_cosh(self.ends[1]) / half_cosh(b));
        let slope = scale * 0.25 * self.width() / (0.5 * self.width()).sinh() * ends;
        let second = -self.width() * (0.5 * b).tanh() * slope;
        let alpha_prime = -slope / alpha;
        Level {
            t,
            alpha,
            sigma: sigma2.sqrt(),
            alpha_prime,
            sigma_sigma_prime: slope,
            one_minus_alpha2: sigma2,
            alpha_second: -(second + alpha_prime * alpha_prime) / alpha,
            sigma_sigma_second: second,
            variance_preserving: true,
            ..Level::DATA
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    /// ½ ln(1 + (α_to² − α²)/α²).
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        let gained = (1.0 - self.floor) * self.difference(to.t, from.t);
        0.5 * (gained / self.alpha2(from.t)).ln_1p()
    }
}

const END: Kind = Kind::Number { min: -20.0, max: 20.0 };

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "vp-sigmoid",
    aliases: &[],
    summary: "variance preserving, alpha^2 along a sigmoid, on [0, 1]",
    source: "Jabri et al. (2023), Scalable Adaptive Computation, algorithm 1; Chen (2023)",
    order: None,
    parameters: &[
        Parameter {
            name: "start",
            kind: END,
            default: Some("-3"),
            summary: "where the sigmoid begins (0 in Chen 2023)",
        },
        Parameter { name: "end", kind: END, default: Some("3"), summary: "where it ends" },
        Parameter {
            name: "tau",
            kind: Kind::Number { min: 0.1, max: f64::INFINITY },
            default: Some("1"),
            summary: "temperature: smaller is steeper",
        },
        Parameter {
            name: "floor",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: 1.0 },
            default: Some("1e-9"),
            summary: "alpha^2 at t = 1",
        },
    ],
    build: |a| {
        let [start, end, tau, floor] = ["start", "end", "tau", "floor"].map(|key| a.number(key));
        if start >= end {
            return Err(format!("end = {end} must be larger than start = {start}").into());
        }
        if floor == 1.0 {
            return Err("floor = 1 leaves no noise".into());
        }
        Ok(Box::new(VpSigmoid::new(start, end, tau, floor)))
    },
};
