use super::length::Quadrature;
use super::range::{FINAL, Range, SIGMA_MAX, SIGMA_MIN};
use super::span::{Data, Span};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::Entry;
use crate::process::Process;
use crate::spectrum::Spectrum;

/// Align Your Steps for this spectrum: the levels from σ_max to σ_min that minimise its bound on the KL
/// divergence between the reverse SDE and the one whose denoiser is frozen over every step.
///
/// For Gaussian data ∫ s⁻³ E‖D(x_s, s) − D(x_{s_k}, s_k)‖² ds over a step from s_k to s_{k+1} is
/// Σ ½ (x − ln(1 + x)) with x = λ (s_k² − s_{k+1}²)/(s_{k+1}² (λ + s_k²)). A step to σ = 0 has
/// infinite cost, so the last level above it is given, as in the published tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AysKlub {
    range: Range,
}

impl AysKlub {
    /// The rule in a range of noise ratios.
    pub fn new(range: Range) -> Self {
        AysKlub { range }
    }

    /// The bound for noise ratios in descending order, the last above 0; the first may be infinite.
    pub fn bound(spectrum: &Spectrum, sigmas: &[f64]) -> f64 {
        let step = |w: &[f64]| spectrum.sum(|_, m| excess(m.eigenvalue, w[0], w[1]).1);
        sigmas.windows(2).map(step).sum()
    }
}

/// x, and ½ (x − ln(1 + x)), of a step between two noise ratios.
fn excess(lambda: f64, from: f64, to: f64) -> (f64, f64) {
    let (a, b) = (to * to, from * from);
    let share = if b.is_finite() { (from - to) * (from + to) / (lambda + b) } else { 1.0 };
    let x = lambda / a * share;
    // Without cancellation for short steps.
    let value = if x < 1e-2 {
        (2..12).rev().fold(0.0, |tail, k| x * (1.0 / f64::from(k) - tail)) * x
    } else {
        x - x.ln_1p()
    };
    (x, 0.5 * value)
}

/// The bound with its gradient and the diagonal and superdiagonal of its Hessian, in the logarithms
/// of the inner levels.
struct Expansion {
    value: f64,
    gradient: Vec<f64>,
    diagonal: Vec<f64>,
    above: Vec<f64>,
}

fn expand(data: &Data, sigmas: &[f64]) -> Expansion {
    let n = sigmas.len();
    let mut at = Expansion {
        value: 0.0,
        gradient: vec![0.0; n],
        diagonal: vec![0.0; n],
        above: vec![0.0; n],
    };
    for [count, lambda] in &data.modes {
        // −d ln(1 + λ/s²)/d ln s²
        let share = |s: f64| lambda / (lambda + s * s);
        for (k, w) in sigmas.windows(2).enumerate() {
            let (x, value) = excess(*lambda, w[0], w[1]);
            let (b, a) = (share(w[0]), share(w[1]));
            at.value += count * value;
            // Derivatives with respect to ln s are twice those with respect to ln s².
            at.gradient[k] += count * x * b;
            at.gradient[k + 1] -= count * x * a;
            at.diagonal[k] += 2.0 * count * ((1.0 + x) * b * b - x * b * (1.0 - b));
            at.diagonal[k + 1] += 2.0 * count * ((1.0 + x) * a * a + x * a * (1.0 - a));
            at.above[k] -= 2.0 * count * (1.0 + x) * a * b;
        }
    }
    at
}

/// −(H + damping · diag |H|)⁻¹ g over the inner levels; `None` if it is not a descent direction.
fn step(at: &Expansion, damping: f64) -> Option<Vec<f64>> {
    let n = at.gradient.len();
    let (mut pivots, mut right) = (vec![0.0; n], vec![0.0; n]);
    for k in 1..n - 1 {
        let diagonal = at.diagonal[k] + damping * at.diagonal[k].abs();
        let lower = if k > 1 { at.above[k - 1] / pivots[k - 1] } else { 0.0 };
        pivots[k] = diagonal - if k > 1 { lower * at.above[k - 1] } else { 0.0 };
        right[k] = -at.gradient[k] - lower * right[k - 1];
        if pivots[k].is_nan() || pivots[k] <= 0.0 {
            return None;
        }
    }
    let mut step = vec![0.0; n];
    for k in (1..n - 1).rev() {
        step[k] = (right[k] - at.above[k] * step[k + 1]) / pivots[k];
    }
    Some(step)
}

/// Newton's method, started from equal lengths of the bound's short-step limit.
fn minimise(data: &Data, span: &Span) -> Vec<f64> {
    let density = |s: f64| {
        let v = |l: f64| l + s * s;
        data.sum(|l| (l / v(l)).powi(2)).sqrt() / s
    };
    let mut sigmas = Quadrature::new(data, span).equal(span, density);
    let mut at = expand(data, &sigmas);
    let mut damping = 1e-3;
    for _ in 0..200 {
        let slope = at.gradient[1..sigmas.len() - 1].iter().fold(0.0f64, |m, g| m.max(g.abs()));
        if slope <= 1e-12 * at.value || damping > 1e12 {
            break;
        }
        let next = step(&at, damping).map(|step| {
            let moved = sigmas.iter().zip(step).map(|(s, d)| s * d.clamp(-1.0, 1.0).exp());
            moved.collect::<Vec<f64>>()
        });
        let lower = next.filter(|next| next.windows(2).all(|w| w[0] > w[1])).and_then(|next| {
            let there = expand(data, &next);
            (there.value < at.value).then_some((next, there))
        });
        match lower {
            Some(better) => {
                (sigmas, at) = better;
                damping *= 0.1;
            }
            None => damping = (damping * 10.0).max(1e-8),
        }
    }
    sigmas
}

impl GridRule for AysKlub {
    fn follows_data(&self) -> bool {
        true
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = Data::with_variance(request.spectrum()?)?;
        self.range.above(process, steps, eps, |span| Ok(minimise(&data, &span)))
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "ays-klub",
    aliases: &["klub"],
    summary: "Align Your Steps for this spectrum: minimises its KL bound, in closed form",
    source: "Sabour et al. (2024), KL upper bound, for Gaussian data",
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, FINAL],
    build: |a| Ok(Box::new(AysKlub::new(Range::from(a)))),
};
