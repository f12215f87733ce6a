//! What multistep methods share: the weights of past network outputs.

use super::transfer::contraction;
use crate::entry::{Kind, Parameter};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::Linear;

/// φₙ(z) = Σ_k z^k/(k + n)!, n ≥ 1: the functions of exponential integrators, without cancellation.
pub(super) fn phi(n: usize, z: Real) -> Real {
    let inverse_factorial = |n: usize| (1..=n).fold(1.0, |product, k| product / k as f64);
    if z.abs() < 2.0 {
        let series = (1..28).rev().fold(Real::from(1.0), |sum, k| 1.0 + z / (k + n) as f64 * sum);
        series * inverse_factorial(n)
    } else {
        (1..n).fold(z.exp_m1() / z, |phi, k| (phi - inverse_factorial(k)) / z)
    }
}

/// The weights w_k of the differences m_k − m₀ in ∫₀¹ |z| e^{z(1−θ)} P(θ) dθ, with P the polynomial
/// through m₀ at θ = 0 and m_k at θ = r_k: w_k = Σ_i c_i |z| i! φ_{i+1}(z), where Σ_i c_i θ^i is
/// the polynomial that is 1 at r_k and 0 at the others.
pub(super) fn exponential_weights(z: Real, r: &[Real]) -> Vec<Real> {
    let mut factorial = 1.0;
    let moment = |i: usize| {
        factorial *= i as f64;
        z.abs() * factorial * phi(i + 1, z)
    };
    let moments: Vec<Real> = (1..=r.len()).map(moment).collect();
    let weight = |k: usize| {
        // Coefficients, starting with that of θ.
        let mut c = vec![r[k].recip()];
        for (_, other) in r.iter().enumerate().filter(|(j, _)| *j != k) {
            c.push(Real::from(0.0));
            for i in (0..c.len()).rev() {
                let shifted = if i > 0 { c[i - 1] } else { Real::from(0.0) };
                c[i] = (shifted - *other * c[i]) / (r[k] - *other);
            }
        }
        c.iter().zip(&moments).fold(Real::from(0.0), |sum, (c, m)| sum + *c * *m)
    };
    (0..r.len()).map(weight).collect()
}

/// ∫ Lⱼ over `[from, to]`, with Lⱼ the Lagrange polynomial of `nodes[j]`: the two-point
/// Gauss–Legendre rule is exact up to degree 3.
pub(super) fn adams_weight(nodes: &[Real], j: usize, from: Real, to: Real) -> Real {
    let (middle, half) = (0.5 * (to + from), 0.5 * (to - from));
    let offset = half / 3f64.sqrt();
    half * (lagrange(nodes, j, middle - offset) + lagrange(nodes, j, middle + offset))
}

/// The polynomial that is 1 at `nodes[j]` and 0 at the others.
pub(super) fn lagrange(nodes: &[Real], j: usize, at: Real) -> Real {
    let others = nodes.iter().enumerate().filter(|(m, _)| *m != j);
    others.fold(Real::from(1.0), |product, (_, node)| product * (at - *node) / (nodes[j] - *node))
}

/// x′ = x + (ς′ − ς) ε in the coordinates of X. Not defined from α = 0.
pub(super) fn along(
    from: &Level<Real>,
    to: &Level<Real>,
    x: impl Into<Linear>,
    noise: impl Into<Linear>,
) -> Linear {
    let scale = to.alpha / from.alpha;
    // σ′ − α′ς = −α′ς (1 − q)
    scale * x.into() - (scale * from.sigma * (1.0 - contraction(from, to))) * noise.into()
}

/// What a step to σ = 0 returns.
pub(super) const fn final_step(default: &'static str) -> Parameter {
    Parameter {
        name: "final",
        kind: Kind::Choice(&["multistep", "denoiser"]),
        default: Some(default),
        summary: "how a step to sigma = 0 is taken: like all others, or returning D",
    }
}

/// The number of values in an Adams method.
pub(super) const ORDER: Parameter = Parameter {
    name: "order",
    kind: Kind::Choice(&["1", "2", "3", "4"]),
    default: Some("4"),
    summary: "number of slopes",
};

/// The weights of Adams–Bashforth methods with equal steps, for orders 1 to 4, the latest slope first.
pub(super) const ADAMS_BASHFORTH: [&[f64]; 4] = [
    &[1.0],
    &[3.0 / 2.0, -1.0 / 2.0],
    &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
    &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];
