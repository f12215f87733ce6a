use super::{Objective, Share};
use crate::entry::Entry;
use crate::numeric::excess;
use crate::spectrum::Mode;

/// If only one of the laws has variance 0: infinite, without a gradient.
const INFINITE: Share =
    Share { value: f64::INFINITY, by_std: 0.0, by_mean: 0.0, curvature: [0.0, 0.0] };

/// KL(data ‖ output) in nats: ½ [λ/v − 1 − ln(λ/v) + (m − μ)²/v] per eigenvector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KlForward;

impl Objective for KlForward {
    fn share(&self, _: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        let (v, shift) = (std * std, mean - mode.mean);
        match (v == 0.0, mode.eigenvalue == 0.0) {
            (true, true) if shift == 0.0 => return Share::default(),
            (false, false) => {}
            _ => return INFINITE,
        }
        let ratio = mode.eigenvalue / v;
        Share {
            value: 0.5 * (excess(ratio.ln()) + shift * shift / v),
            by_std: (v - mode.eigenvalue - shift * shift) / (v * std),
            by_mean: shift / v,
            // Positive even where the divergence is concave in the standard deviation.
            curvature: [(1.0 + (mode.eigenvalue + shift * shift) / v) / v, 1.0 / v],
        }
    }
}

/// KL(output ‖ data) in nats: ½ [v/λ − 1 − ln(v/λ) + (m − μ)²/λ] per eigenvector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KlReverse;

impl Objective for KlReverse {
    fn share(&self, _: usize, mode: &Mode, std: f64, mean: f64) -> Share {
        let (v, lambda, shift) = (std * std, mode.eigenvalue, mean - mode.mean);
        match (v == 0.0, lambda == 0.0) {
            (true, true) if shift == 0.0 => return Share::default(),
            (false, false) => {}
            _ => return INFINITE,
        }
        Share {
            value: 0.5 * (excess((v / lambda).ln()) + shift * shift / lambda),
            by_std: (v - lambda) / (std * lambda),
            by_mean: shift / lambda,
            curvature: [1.0 / lambda + 1.0 / v, 1.0 / lambda],
        }
    }
}

pub(super) static FORWARD: Entry<dyn Objective> = Entry {
    name: "kl-forward",
    aliases: &["kl"],
    summary: "KL(data || output), in nats",
    source: "closed form for Gaussians",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(KlForward)),
};

pub(super) static REVERSE: Entry<dyn Objective> = Entry {
    name: "kl-reverse",
    aliases: &[],
    summary: "KL(output || data), in nats",
    source: "closed form for Gaussians",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(KlReverse)),
};
