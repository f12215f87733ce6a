use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, Span, TO_DATA};
use super::{Geodesic, Grid, GridError, GridRule, Request, Weight};
use crate::entry::{Entry, Kind, Parameter};
use crate::numeric::{Expansion, minimise};
use crate::objective::{KlForward, KlReverse, Objective, SquaredWasserstein2};
use crate::process::Process;
use crate::spectrum::Mode;
use crate::watch::Watch;

/// The levels that minimise the error of DDIM's output on this spectrum, whatever sampler they are
/// then used with.
///
/// Benita et al. write DDIM on Gaussian data as a transfer function per eigenvector and choose the levels
/// that minimise the W2 or KL error of its output. Here the transfer function is
/// √(λ + s_n²) · s_0/√(λ + s_0²) · ∏ cos(θ_k − θ_{k+1}) with θ = arctan(s/√λ), starting from N(0,
/// s_0² I). The minimum is found with exact derivatives by the Levenberg–Marquardt method, started
/// at the [`Geodesic`]. The mean is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spectral {
    error: SpectralError,
    range: Range,
}

/// The error that a [`Spectral`] rule minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpectralError {
    /// W2.
    #[default]
    W2,
    /// KL(data ‖ output).
    KlForward,
    /// KL(output ‖ data).
    KlReverse,
}

impl Spectral {
    /// The rule for an error, in a range of noise ratios.
    pub fn new(error: SpectralError, range: Range) -> Self {
        Spectral { error, range }
    }

    fn objective(&self) -> &'static dyn Objective {
        match self.error {
            SpectralError::W2 => &SquaredWasserstein2,
            SpectralError::KlForward => &KlForward,
            SpectralError::KlReverse => &KlReverse,
        }
    }
}

/// cos and tan of θ − θ′, for noise ratios s > s′; s may be infinite.
fn turn(lambda: f64, from: f64, to: f64) -> [f64; 2] {
    let norm = |s: f64| (lambda + s * s).sqrt();
    match from.is_infinite() {
        true => [to / norm(to), lambda.sqrt() / to],
        false => {
            let common = lambda + from * to;
            [common / (norm(from) * norm(to)), lambda.sqrt() * (from - to) / common]
        }
    }
}

/// Levels parametrised by shares of the angle arctan(s/γ), a softmax with last logit 0.
struct Angles<'a> {
    data: &'a Data,
    span: &'a Span,
    objective: &'a dyn Objective,
    gamma: f64,
}

impl Angles<'_> {
    /// The angles of both ends.
    fn ends(&self) -> [f64; 2] {
        [self.span.high, self.span.low].map(|s| (s / self.gamma).atan())
    }

    fn shares(q: &[f64]) -> Vec<f64> {
        let largest = q.iter().fold(0.0f64, |m, q| m.max(*q));
        let powers: Vec<f64> = q.iter().chain([&0.0]).map(|q| (q - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|p| p / sum).collect()
    }

    fn levels(&self, q: &[f64]) -> Vec<f64> {
        let [high, low] = self.ends();
        let shares = Self::shares(q);
        // From the cleanest up: its small angles would be lost in a sum.
        let mut levels = vec![self.span.low];
        let mut rest = 0.0;
        for share in shares[1..].iter().rev() {
            rest += share;
            levels.push(self.gamma * (low + (high - low) * rest).tan());
        }
        levels.push(self.span.high);
        levels.reverse();
        levels
    }

    fn parameters(&self, levels: &[f64]) -> Vec<f64> {
        let angles: Vec<f64> = levels.iter().map(|s| (s / self.gamma).atan()).collect();
        let gaps: Vec<f64> = angles.windows(2).map(|w| (w[0] - w[1]).max(1e-12).ln()).collect();
        match gaps.split_last() {
            Some((last, rest)) => rest.iter().map(|gap| gap - last).collect(),
            None => Vec::new(),
        }
    }

    fn expand(&self, q: &[f64]) -> Expansion {
        let n = q.len();
        let (levels, shares) = (self.levels(q), Self::shares(q));
        let [high, low] = self.ends();
        // dφ_{k+1}/dq_j
        let above: Vec<f64> = shares[..n]
            .iter()
            .scan(0.0, |sum, share| {
                *sum += share;
                Some(*sum)
            })
            .collect();
        let by_parameter = |k: usize, j: usize| {
            (high - low) * shares[j] * (above[k] - if j <= k { 1.0 } else { 0.0 })
        };
        let start = levels[0];
        let end = if self.span.then_zero { 0.0 } else { self.span.low };
        let mut value = 0.0;
        let (mut gradient, mut curvature) = (vec![0.0; n], vec![0.0; n * n]);
        let (mut by_angle, mut slopes) = (vec![0.0; n], vec![0.0; n]);
        for [count, lambda] in &self.data.modes {
            let normal =
                if start.is_finite() { start / (lambda + start * start).sqrt() } else { 1.0 };
            let mut std = (lambda + end * end).sqrt() * normal;
            let mut before = 0.0;
            for (k, w) in levels.windows(2).enumerate() {
                let [cos, tan] = turn(*lambda, w[0], w[1]);
                std *= cos;
                if k > 0 {
                    // dθ/dφ
                    let angle = lambda.sqrt() * (self.gamma * self.gamma + w[0] * w[0])
                        / (self.gamma * (lambda + w[0] * w[0]));
                    by_angle[k - 1] = (before - tan) * angle;
                }
                before = tan;
            }
            if self.span.then_zero {
                std *= turn(*lambda, self.span.low, 0.0)[0];
            }
            let mode = Mode { eigenvalue: *lambda, multiplicity: *count, mean: 0.0 };
            let share = self.objective.share(0, &mode, std, 0.0);
            value += count * share.value;
            for (j, slope) in slopes.iter_mut().enumerate() {
                let terms = by_angle.iter().enumerate().map(|(k, d)| d * by_parameter(k, j));
                *slope = std * terms.sum::<f64>();
                gradient[j] += count * share.by_std * *slope;
            }
            for i in 0..n {
                for j in 0..n {
                    curvature[i * n + j] += count * share.curvature[0] * slopes[i] * slopes[j];
                }
            }
        }
        Expansion { value, gradient, curvature }
    }
}

impl GridRule for Spectral {
    fn follows_data(&self) -> bool {
        true
    }

    fn variants(&self) -> &'static [&'static str] {
        &["error=kl-forward"]
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = Data::with_variance(request.spectrum()?)?;
        let weight = if self.error == SpectralError::W2 { Weight::W2 } else { Weight::Kl };
        self.range.along(process, steps, eps, |span| {
            let start = Geodesic::new(weight, self.range).levels(&data, &span);
            // Half of the levels lie on either side of the middle angle.
            let gamma = start[start.len() / 2];
            let angles = Angles { data: &data, span: &span, objective: self.objective(), gamma };
            let q = angles.parameters(&start);
            let bounds = vec![f64::NEG_INFINITY; q.len()];
            let found = minimise(&|q| angles.expand(q), &q, &bounds, 1e-9, 300, Watch::NOBODY);
            Ok(angles.levels(&found.parameters))
        })
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "spectral",
    aliases: &[],
    summary: "the levels that minimise the error of DDIM's output on this spectrum",
    source: "Benita et al. (2025), arXiv 2502.00180, with exact derivatives",
    order: None,
    parameters: &[
        Parameter {
            name: "error",
            kind: Kind::Choice(&["w2", "kl-forward", "kl-reverse"]),
            default: Some("w2"),
            summary: "the error to minimise: W2, KL(data || output) or KL(output || data)",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        TO_DATA,
    ],
    build: |a| {
        let error = match a.text("error") {
            "kl-forward" => SpectralError::KlForward,
            "kl-reverse" => SpectralError::KlReverse,
            _ => SpectralError::W2,
        };
        Ok(Box::new(Spectral::new(error, Range::from(a))))
    },
};
