//! Continuous solutions with a network whose answers depend on the level in any way, by quadrature to
//! rounding.
//!
//! In u = y/α and τ = σ²/α², the network's score is −P(τ) u + F(τ) along an eigenvector, and the family of
//! [`Reverse`](super::continuous::Reverse) processes is, with k = 1 + h² and τ decreasing,
//!
//! du = ½ k (P u − F) dτ + h dw_τ.
//!
//! With the exact P₀ = 1/(λ + τ), L₀(τ) = ln((λ + τ)/(λ + τ_t)) and ΔL(τ) = ∫_{τ_t}^τ (P − P₀), the solution
//! from τ_T to τ_t has the propagator e^{−½k(L₀ + ΔL)(τ_T)}, the fresh variance h² ∫ e^{−k(L₀ + ΔL)} dτ, and
//! its mean differs from μ by what is left of the difference at the start and ½k ∫ e^{−½k(L₀ + ΔL)} (F − Pμ) dτ.
//!
//! Integrands are analytic in ln τ with poles at distance π (those of training, e^{−cτ}, decay within ½π),
//! so that Gauss–Legendre rules of 16 nodes on panels of length 1 are exact to rounding between the levels
//! where answers are not smooth.

use crate::level::Level;
use crate::network::{AtLevel, Learnt};
use crate::spectrum::Mode;
use std::sync::LazyLock;

/// Nodes per panel.
const NODES: usize = 16;

/// The rule of Gauss and Legendre on [0, 1], with integrals from 0 up to every node.
struct Rule {
    nodes: [f64; NODES],
    weights: [f64; NODES],
    /// Integral from 0 to node i is Σ_j partial[i][j] f(node j).
    partial: [[f64; NODES]; NODES],
}

/// P_0 to P_{NODES} at x in [−1, 1].
fn legendre(x: f64) -> [f64; NODES + 1] {
    let mut p = [1.0; NODES + 1];
    p[1] = x;
    for k in 1..NODES {
        let n = k as f64;
        p[k + 1] = ((2.0 * n + 1.0) * x * p[k] - n * p[k - 1]) / (n + 1.0);
    }
    p
}

static RULE: LazyLock<Rule> = LazyLock::new(|| {
    let n = NODES as f64;
    let mut rule =
        Rule { nodes: [0.0; NODES], weights: [0.0; NODES], partial: [[0.0; NODES]; NODES] };
    let derivative =
        |x: f64, p: &[f64; NODES + 1]| n * (p[NODES - 1] - x * p[NODES]) / (1.0 - x * x);
    let mut roots = [0.0; NODES];
    for (i, root) in roots.iter_mut().enumerate() {
        let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        // Newton's method converges from here in a few steps.
        for _ in 0..20 {
            let p = legendre(x);
            x -= p[NODES] / derivative(x, &p);
        }
        *root = x;
        rule.nodes[i] = 0.5 * (1.0 + x);
        rule.weights[i] = 1.0 / ((1.0 - x * x) * derivative(x, &legendre(x)).powi(2));
    }
    // The interpolant is Σ_k c_k P_k with c_k = (2k + 1)/2 Σ_j w_j f_j P_k(x_j), and the integral of P_k up to
    // x is (P_{k+1} − P_{k−1})/(2k + 1).
    for (i, x) in roots.iter().enumerate() {
        let at = legendre(*x);
        for (j, y) in roots.iter().enumerate() {
            let other = legendre(*y);
            let rest: f64 = (1..NODES).map(|k| other[k] * (at[k + 1] - at[k - 1])).sum();
            rule.partial[i][j] = 0.5 * rule.weights[j] * (1.0 + x + rest);
        }
    }
    rule
});

/// What a continuous solution does along one mode, in units of u = y/α.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// ΔL over the whole way: the network's propagator is e^{−½kΔL} times the exact one.
    pub log_excess: f64,
    /// ∫ e^{−k(L₀ + ΔL)} dτ; not computed for k = 1, where there is no noise.
    pub spread: f64,
    /// That minus the same with ΔL = 0.
    pub spread_excess: f64,
    /// ½k ∫ e^{−½k(L₀ + ΔL)} (F − Pμ) dτ.
    pub drift: f64,
}

impl Moments {
    /// Of no way at all.
    pub(super) const NOTHING: Moments =
        Moments { log_excess: 0.0, spread: 0.0, spread_excess: 0.0, drift: 0.0 };

    /// Along a way and the one before it, with k = 1 + h² and L₀ over this one.
    pub(super) fn after(self, before: &Moments, k: f64, log: f64) -> Moments {
        if self.log_excess == f64::INFINITY {
            // Whatever came before is forgotten.
            return self;
        }
        let times = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let kept = (-k * (log + self.log_excess)).exp();
        let excess = times((-k * self.log_excess).exp_m1(), before.spread) + before.spread_excess;
        Moments {
            log_excess: before.log_excess + self.log_excess,
            spread: self.spread + times(kept, before.spread),
            spread_excess: self.spread_excess + times((-k * log).exp(), excess),
            drift: self.drift + times(kept.sqrt(), before.drift),
        }
    }
}

/// The noise ratio squared τ is `level`'s only number: α = 1.
fn at_variance(tau: f64) -> Level {
    Level { sigma: tau.sqrt(), ..Level::DATA }
}

/// What differences of numbers up to 1 have.
const ROUNDING: f64 = 1e-15;
/// Variances beyond all data.
const FARTHEST: f64 = 1e200;

/// Whether nothing of the start is left where no noise is: τP does not vanish with τ.
fn clears_all(network: &Learnt, i: usize) -> bool {
    at_zero(network, i).0.abs() > 1e-12
}

/// The limits of τP and of τ(F − Pμ).
fn at_zero(network: &Learnt, i: usize) -> (f64, f64) {
    let tau = 1.0 / FARTHEST;
    let [slope, shift] = network.at(&at_variance(tau))(i).score;
    (-tau * slope, tau * (shift + slope * network.truth()[i].mean))
}

/// The panels of an integral over τ, with the network's answers at their nodes.
pub(super) struct Way<'a> {
    network: &'a Learnt,
    /// τ_t and τ_T.
    ends: [f64; 2],
    /// Lower end and length of each panel in ln τ.
    panels: Vec<(f64, f64)>,
    /// τ and the answers of every node, by panel.
    nodes: Vec<(f64, AtLevel<'a>)>,
}

impl<'a> Way<'a> {
    /// From the noisier level to the cleaner one.
    pub fn new(network: &'a Learnt, from: &Level, to: &Level) -> Self {
        let square = |level: &Level| (level.sigma / level.alpha).powi(2);
        let ends = [square(to), square(from)];
        let [mut low, mut high] = ends;
        // The largest of |τ(P − P₀)|, which vanishes at both ends of the axis if the integral converges.
        let pinned = |i: usize| clears_all(network, i);
        let rest = |tau: f64, counts: &dyn Fn(usize) -> bool| {
            let at = network.at(&at_variance(tau));
            let modes = network.truth().iter().enumerate().filter(|(i, _)| counts(*i));
            let of = |(i, mode): (usize, &Mode)| {
                (-tau * at(i).score[0] - tau / (mode.eigenvalue + tau)).abs()
            };
            modes.map(of).fold(0.0, f64::max)
        };
        let positive = || network.truth().iter().map(|m| m.eigenvalue).filter(|l| *l > 0.0);
        if low == 0.0 {
            let free: Vec<bool> = (0..network.truth().len()).map(|i| !pinned(i)).collect();
            low = 1e-18 * positive().fold(high.min(1.0), f64::min);
            while low > 1.0 / FARTHEST && rest(low, &|i| free[i]) > 1e-18 {
                low *= 1e-2;
            }
        }
        if high.is_infinite() {
            high = 1e18 * positive().fold(low.max(1.0), f64::max);
            while high < FARTHEST && rest(high, &|_| true) > ROUNDING {
                high *= 1e2;
            }
        }
        let (bottom, top) = (low.ln(), high.ln());
        let inner = |z: &f64| *z > bottom && *z < top;
        let mut cuts = vec![bottom];
        cuts.extend(network.breaks().iter().map(|n| 2.0 * n.ln()).filter(inner));
        cuts.push(top);
        cuts.sort_by(f64::total_cmp);
        let mut panels = Vec::new();
        for pair in cuts.windows(2) {
            let count = (pair[1] - pair[0]).ceil().max(1.0);
            let length = (pair[1] - pair[0]) / count;
            panels.extend((0..count as usize).map(|p| (pair[0] + length * p as f64, length)));
        }
        panels.retain(|panel| panel.1 > 0.0);
        let node = |&(start, length): &(f64, f64)| {
            RULE.nodes.map(|x| {
                let tau = (start + length * x).exp();
                (tau, network.at(&at_variance(tau)))
            })
        };
        let nodes = panels.iter().flat_map(node).collect();
        Way { network, ends, panels, nodes }
    }

    /// L₀ over the whole way, along the mode of this number: infinite where τ_t = λ = 0.
    pub fn exact_log(&self, i: usize) -> f64 {
        let [clean, noisy] = self.ends;
        match clean == noisy {
            true => 0.0,
            false => ((noisy - clean) / (self.network.truth()[i].eigenvalue + clean)).ln_1p(),
        }
    }

    /// Along the mode of this number, for some k = 1 + h².
    pub fn along<const N: usize>(&self, i: usize, k: [f64; N]) -> [Moments; N] {
        let rule = &*RULE;
        let mode = self.network.truth()[i];
        let lambda = mode.eigenvalue;
        let mut sums = [Moments::NOTHING; N];
        let (clean, noisy) = (self.ends[0], self.ends[1]);
        if clean == noisy {
            return sums;
        }
        // L₀, where τ_t = λ = 0 leaves nothing of the start.
        let log = |tau: f64| ((tau - clean) / (lambda + clean)).ln_1p();
        let mut last = (clean, 0.0, 0.0);
        let limit = (clean == 0.0).then(|| at_zero(self.network, i)).filter(|r| r.0.abs() > 1e-12);
        let mut log_excess = match limit {
            Some((share, _)) => f64::INFINITY.copysign(share),
            None => 0.0,
        };
        let mut top_excess = 0.0;
        for (&(_, length), nodes) in self.panels.iter().zip(self.nodes.chunks(NODES)) {
            let mut excess = [0.0; NODES];
            let mut pull = [0.0; NODES];
            for (j, (tau, at)) in nodes.iter().enumerate() {
                let [slope, shift] = at(i).score;
                excess[j] = tau * (-slope - 1.0 / (lambda + tau));
                top_excess = excess[j];
                pull[j] = tau * (shift + slope * mode.mean);
            }
            for (j, (tau, _)) in nodes.iter().enumerate() {
                let here: f64 = rule.partial[j].iter().zip(&excess).map(|(a, f)| a * f).sum();
                let (exact, more) = (log(*tau), log_excess + length * here);
                let weight = length * rule.weights[j];
                for (sum, k) in sums.iter_mut().zip(k) {
                    // Without noise there is none to spread.
                    if k > 1.0 {
                        let (kept, less) = ((-k * exact).exp(), (-k * more).exp_m1());
                        sum.spread += weight * tau * (-k * (exact + more)).exp();
                        sum.spread_excess += weight * tau * kept * less;
                    }
                    if pull[j] != 0.0 {
                        sum.drift += weight * 0.5 * k * (-0.5 * k * (exact + more)).exp() * pull[j];
                    }
                }
                last = (*tau, pull[j], more);
            }
            let whole: f64 = rule.weights.iter().zip(&excess).map(|(w, f)| w * f).sum();
            log_excess += length * whole;
        }
        for (sum, k) in sums.iter_mut().zip(k) {
            sum.log_excess = log_excess;
            if noisy.is_infinite() && k > 1.0 {
                // Beyond the last panel P is P₀, and e^{−kL₀} integrates to (λ + τ) e^{−kL₀}/(k − 1).
                let top = self.panels.last().map_or(0.0, |p| (p.0 + p.1).exp());
                let left = (lambda + top) / (k - 1.0) * (-k * log(top)).exp();
                sum.spread += left * (-k * log_excess).exp();
                sum.spread_excess += left * (-k * log_excess).exp_m1();
            }
            if let Some((share, pull)) = limit {
                // Whatever came before is forgotten.
                sum.drift = pull / share;
                continue;
            }
            if noisy.is_infinite() && top_excess.abs() > 1e-12 {
                // A factor on the score, where it has no end.
                sum.log_excess = f64::NAN;
            }
            if noisy.is_infinite() {
                let (tau, pull, more) = last;
                sum.drift += pull * (-0.5 * k * (log(tau) + more)).exp();
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::{NODES, RULE};

    #[test]
    fn the_rule_integrates_polynomials_up_to_every_node() {
        let rule = &*RULE;
        for degree in 0..NODES as i32 {
            let f = rule.nodes.map(|x| x.powi(degree));
            let integral = |x: f64| x.powi(degree + 1) / f64::from(degree + 1);
            let whole: f64 = rule.weights.iter().zip(&f).map(|(w, f)| w * f).sum();
            assert!((whole - integral(1.0)).abs() < 1e-15, "{degree}: {whole}");
            for (x, row) in rule.nodes.iter().zip(&rule.partial) {
                let part: f64 = row.iter().zip(&f).map(|(a, f)| a * f).sum();
                assert!((part - integral(*x)).abs() < 1e-14, "{degree} {x}: {part}");
            }
        }
    }
}
