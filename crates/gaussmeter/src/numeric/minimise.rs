//! The Levenberg–Marquardt method on the Gauss–Newton curvature, plus a secant estimate of the rest
//! of the Hessian when that predicts better.
//!
//! Errors are sums of squares with small residuals, for which quasi-Newton methods are slow: on the
//! CIFAR-10 spectrum, L-BFGS takes 1800 evaluations for 20 steps of DPM-Solver++(2M) without
//! reaching the minimum.

use crate::watch::Watch;

/// A local model of a function: of an error, in the free times of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// Its value.
    pub value: f64,
    /// Its derivatives with respect to the parameters.
    pub gradient: Vec<f64>,
    /// The Gauss–Newton matrix, row by row: the part of the second derivatives that comes from
    /// first derivatives of standard deviations and means.
    pub curvature: Vec<f64>,
}

impl Expansion {
    /// 0 in `n` parameters, to add to.
    pub(crate) fn zero(n: usize) -> Self {
        Expansion { value: 0.0, gradient: vec![0.0; n], curvature: vec![0.0; n * n] }
    }

    /// An infinite value, without derivatives.
    pub(crate) fn infinite(n: usize) -> Self {
        Expansion { value: f64::INFINITY, ..Self::zero(n) }
    }

    /// The sum of parts, in order, of whose curvatures the upper halves are known; without derivatives if
    /// it is infinite.
    pub(crate) fn of_parts(n: usize, parts: &[Expansion]) -> Self {
        let mut total = Self::zero(n);
        for part in parts {
            total.add(part);
        }
        if !total.value.is_finite() {
            return Self::infinite(n);
        }
        for i in 0..n {
            for j in 0..i {
                total.curvature[i * n + j] = total.curvature[j * n + i];
            }
        }
        total
    }

    /// Adds another.
    pub(crate) fn add(&mut self, other: &Expansion) {
        let add = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        self.value += other.value;
        add(&mut self.gradient, &other.gradient);
        add(&mut self.curvature, &other.curvature);
    }

    /// Multiplies it by a factor.
    pub(crate) fn scale(&mut self, factor: f64) {
        let Expansion { value, gradient, curvature } = self;
        *value *= factor;
        gradient.iter_mut().chain(curvature).for_each(|v| *v *= factor);
    }
}

/// Where a minimisation ended.
#[derive(Clone, Debug)]
pub(crate) struct Minimum {
    pub parameters: Vec<f64>,
    pub at: Expansion,
    pub evaluations: usize,
}

/// Largest change of a parameter in one step.
const LONGEST: f64 = 2.0;

/// Whether a parameter is at its bound and would not gain by moving inside.
fn is_held(q: f64, bound: f64, slope: f64) -> bool {
    q <= bound + 1e-12 && slope >= 0.0
}

/// How far the first-order conditions are from holding, over the parameters not held by a bound:
/// the largest derivative g_i of the logarithm of the value f or, if smaller, the largest cosine of
/// the angle between the residuals and their derivative with respect to a parameter, |g_i|/√(2 H_ii
/// f). Both are 0 at a minimum, in any units; the second suits small residuals, the first few of
/// them.
pub(crate) fn slope(at: &Expansion, q: &[f64], bounds: &[f64]) -> f64 {
    let n = q.len();
    let free = (0..n)
        .filter(|&i| !is_held(q[i], bounds[i], at.gradient[i]) && at.gradient[i] != 0.0)
        .map(|i| {
            let g = at.gradient[i].abs();
            (g / at.value, g / (2.0 * at.curvature[i * n + i] * at.value).sqrt())
        });
    let (of_log, cosine) = free.fold((0.0, 0.0), |m: (f64, f64), g| (m.0.max(g.0), m.1.max(g.1)));
    of_log.min(cosine)
}

/// The second derivatives missing in the Gauss–Newton matrix, estimated from changes of the
/// gradient: the secant update of Dennis, Gay and Welsch (NL2SOL, 1981).
struct Rest(Vec<f64>);

impl Rest {
    /// Updates the estimate after a step from one point to another.
    fn learn(&mut self, step: &[f64], from: &Expansion, to: &Expansion) {
        let n = step.len();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let y: Vec<f64> = to.gradient.iter().zip(&from.gradient).map(|(a, b)| a - b).collect();
        let unexplained: Vec<f64> =
            y.iter().zip(times(&to.curvature, step)).map(|(y, h)| y - h).collect();
        let old = times(&self.0, step);
        let (along, curved) = (dot(&y, step), dot(step, &old));
        if along <= 1e-12 * dot(&y, &y).sqrt() * dot(step, step).sqrt() {
            return;
        }
        // What was learnt far away counts less.
        let size = (dot(step, &unexplained) / curved).abs().min(1.0);
        let size = if size.is_finite() { size } else { 1.0 };
        let off: Vec<f64> = unexplained.iter().zip(&old).map(|(u, o)| u - size * o).collect();
        let twice = dot(&off, step) / (along * along);
        for i in 0..n {
            for j in 0..n {
                let update = (off[i] * y[j] + y[i] * off[j]) / along - twice * y[i] * y[j];
                self.0[i * n + j] = size * self.0[i * n + j] + update;
            }
        }
    }
}

/// A square matrix, row by row, times a vector.
fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks(x.len().max(1)).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
}

/// Descends from `start`, never below `bounds`, until the [`slope`] is below `tolerance`, no step leads
/// lower, `most` evaluations are spent, or `watch` stops it.
pub(crate) fn minimise(
    f: &dyn Fn(&[f64]) -> Expansion,
    start: &[f64],
    bounds: &[f64],
    tolerance: f64,
    most: usize,
    watch: Watch,
) -> Minimum {
    let n = start.len();
    let mut parameters = start.to_vec();
    let mut at = f(&parameters);
    let mut evaluations = 1;
    let (mut damping, mut growth) = (1e-3, 2.0);
    let mut rest = Rest(vec![0.0; n * n]);
    // Which of the two models predicted the last change better.
    let mut with_rest = false;
    while evaluations < most
        && !watch.is_stopped()
        && at.value.is_finite()
        && damping < 1e20
        && slope(&at, &parameters, bounds) > tolerance
    {
        let full: Vec<f64> = at.curvature.iter().zip(&rest.0).map(|(h, r)| h + r).collect();
        let model = if with_rest { &full } else { &at.curvature };
        let Some(step) = step(&at, model, &parameters, bounds, damping) else {
            // The model has no minimum.
            (damping, growth) = (damping * growth, growth * 2.0);
            with_rest = false;
            continue;
        };
        let next: Vec<f64> = parameters
            .iter()
            .zip(&step)
            .zip(bounds)
            .map(|((q, d), bound)| (q + d).max(*bound))
            .collect();
        let step: Vec<f64> = next.iter().zip(&parameters).map(|(a, b)| a - b).collect();
        let gain = |model: &[f64]| {
            let bend = times(model, &step);
            let terms = step.iter().zip(at.gradient.iter().zip(bend));
            -terms.map(|(d, (g, h))| d * (g + 0.5 * h)).sum::<f64>()
        };
        let (predicted, others) = (gain(model), [gain(&at.curvature), gain(&full)]);
        if predicted.abs() <= 1e-17 * at.value {
            break;
        }
        if predicted < 0.0 {
            // The bounds have bent the step.
            (damping, growth) = (damping * growth, growth * 2.0);
            continue;
        }
        let there = f(&next);
        evaluations += 1;
        let gained = at.value - there.value;
        if gained > 0.0 {
            with_rest = (gained - others[1]).abs() < (gained - others[0]).abs();
            rest.learn(&step, &at, &there);
            (parameters, at) = (next, there);
            let ratio = gained / predicted;
            damping *= (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(1.0 / 3.0, 2.0);
            growth = 2.0;
        } else {
            (damping, growth) = (damping * growth, growth * 2.0);
        }
    }
    Minimum { parameters, at, evaluations }
}

/// −(M + damping · diag H)⁻¹ g for a model M of the second derivatives, over the parameters not
/// held by a bound, by Cholesky, no longer than [`LONGEST`].
fn step(
    at: &Expansion,
    model: &[f64],
    q: &[f64],
    bounds: &[f64],
    damping: f64,
) -> Option<Vec<f64>> {
    let n = at.gradient.len();
    let held: Vec<bool> = (0..n).map(|i| is_held(q[i], bounds[i], at.gradient[i])).collect();
    let largest = (0..n).fold(0.0f64, |m, i| m.max(at.curvature[i * n + i]));
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let mut sum = match held[i] || held[j] {
                true => f64::from(i == j),
                false => model[i * n + j],
            };
            if i == j {
                let scale = at.curvature[i * n + i] + 1e-12 * largest;
                sum += damping * scale + f64::MIN_POSITIVE;
            }
            for k in 0..j {
                sum -= l[i * n + k] * l[j * n + k];
            }
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                l[i * n + i] = sum.sqrt();
            } else {
                l[i * n + j] = sum / l[j * n + j];
            }
        }
    }
    let mut x: Vec<f64> =
        at.gradient.iter().zip(&held).map(|(g, held)| if *held { 0.0 } else { -g }).collect();
    for i in 0..n {
        for k in 0..i {
            x[i] -= l[i * n + k] * x[k];
        }
        x[i] /= l[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            x[i] -= l[k * n + i] * x[k];
        }
        x[i] /= l[i * n + i];
    }
    let longest = x.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    if !longest.is_finite() {
        return None;
    }
    let scale = if longest > LONGEST { LONGEST / longest } else { 1.0 };
    Some(x.iter().map(|d| scale * d).collect())
}
