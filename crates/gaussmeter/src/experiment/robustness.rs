//! What is left of a schedule where data or network are not quite what they were.

use crate::design::Problem;
use crate::grid::Grid;
use std::sync::LazyLock;

/// A perturbation under which schedules are tried again. Every eigenvector has a z of its own, which is
/// standard normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Perturbation {
    /// Other data: eigenvalues times e^{δz}, for schedule, network and target alike.
    Data(f64),
    /// Another network: it believes in eigenvalues times e^{δz}, while the data are as they are.
    Network(f64),
}

/// The perturbations that a schedule is tried under.
pub const PERTURBATIONS: [Perturbation; 3] =
    [Perturbation::Data(0.1), Perturbation::Network(0.01), Perturbation::Network(0.05)];

impl std::fmt::Display for Perturbation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Perturbation::Data(delta) => write!(f, "data off by {}%", 100.0 * delta),
            Perturbation::Network(delta) => write!(f, "network off by {}%", 100.0 * delta),
        }
    }
}

/// Nodes of the rule of Gauss and Hermite. Shares are analytic in z, and δz is small.
const NODES: usize = 11;

/// Where z is taken, and with which weight: exact for polynomials up to degree 2 · [`NODES`] − 1 in a
/// standard normal z.
static NORMAL: LazyLock<[(f64, f64); NODES]> = LazyLock::new(|| {
    // He_n and He_{n−1}, over √n! and √(n−1)!, by their recurrence.
    let polynomials = |z: f64| {
        let (mut before, mut here) = (0.0, 1.0);
        for k in 0..NODES {
            let next = (z * here - (k as f64).sqrt() * before) / ((k + 1) as f64).sqrt();
            (before, here) = (here, next);
        }
        (here, before)
    };
    let n = NODES as f64;
    // All roots lie within ±2√n, further apart than 1/√n: signs change between points this dense.
    let points = 64 * NODES;
    let at = |i: usize| 2.0 * n.sqrt() * (2.0 * i as f64 / points as f64 - 1.0);
    let mut nodes = [(0.0, 0.0); NODES];
    let changes = (0..points).filter(|&i| {
        let (a, b) = (polynomials(at(i)).0, polynomials(at(i + 1)).0);
        a == 0.0 || a * b < 0.0
    });
    for (node, i) in nodes.iter_mut().zip(changes) {
        let mut z = if polynomials(at(i)).0 == 0.0 { at(i) } else { 0.5 * (at(i) + at(i + 1)) };
        // Newton's method: He_n′ = n He_{n−1}.
        for _ in 0..50 {
            let (value, before) = polynomials(z);
            z -= value / (n.sqrt() * before);
        }
        *node = (z, 1.0 / (n * polynomials(z).1.powi(2)));
    }
    nodes
});

/// The expected objective, as people read it, when data or network are off: of W2 the root of its mean
/// square. Infinite where there is none.
///
/// Objectives are sums over eigenvectors, each of which has a z of its own, so that the expected sum is
/// the sum of the expected shares, however eigenvectors are grouped into modes: Σ mᵢ E f(λᵢ e^{δz}, λᵢ),
/// by the rule of Gauss and Hermite. No number is drawn. Contributions of steps, where they count, are those
/// to the network's own exact solution.
pub(super) fn expected(problem: &Problem, grid: &Grid, perturbation: Perturbation) -> f64 {
    let (Perturbation::Data(delta) | Perturbation::Network(delta)) = perturbation;
    let Ok(plan) = problem.sampler.plan(grid) else { return f64::INFINITY };
    let mut sum = 0.0;
    for &(z, weight) in &*NORMAL {
        // All eigenvectors with the same z at once.
        let factor = (delta * z).exp();
        let other = problem.network.scaled(factor, factor);
        let own = Problem { network: &other, ..*problem };
        match own.of_steps(&plan, grid, 0..0) {
            Ok(steps) => sum += weight * steps.map_or(0.0, |steps| steps.value),
            Err(_) => return f64::INFINITY,
        }
        if !problem.objective.counts_output() {
            continue;
        }
        let off = match perturbation {
            Perturbation::Data(_) => other,
            Perturbation::Network(_) => problem.network.scaled(1.0, factor),
        };
        let off = Problem { network: &off, ..*problem };
        match off.output(&plan) {
            Some(output) => sum += weight * off.shares(&output),
            None => return f64::INFINITY,
        }
    }
    if sum.is_nan() { f64::INFINITY } else { problem.objective.readable(sum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E z^k = (k − 1)!! for even k, 0 for odd.
    #[test]
    fn moments_of_the_normal_law_are_exact() {
        let mut expected = 1.0;
        for k in 0..2 * NODES {
            let term = |(z, w): &(f64, f64)| w * z.powi(k as i32);
            let moment: f64 = NORMAL.iter().map(term).sum();
            let size: f64 = NORMAL.iter().map(|node| term(node).abs()).sum();
            if k % 2 == 0 {
                assert!((moment / expected - 1.0).abs() < 1e-12, "{k}: {moment} {expected}");
                expected *= (k + 1) as f64;
            } else {
                assert!(moment.abs() < 1e-13 * size, "{k}: {moment}");
            }
        }
    }
}
