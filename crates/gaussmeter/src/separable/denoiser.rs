use super::{Marginal, Separable};
use crate::level::Level;
use crate::mixture::of_mean;
use crate::network::{Denoiser, DenoiserError, Factor, Prediction};
use std::sync::Arc;

/// The exact network for independent coordinates: that of a mixture on the line for each, in the stable
/// forms of [`Factor`].
#[derive(Clone, Debug)]
pub struct SeparableDenoiser {
    law: Arc<Separable>,
}

impl SeparableDenoiser {
    /// The network of a law.
    pub fn new(law: impl Into<Arc<Separable>>) -> Self {
        SeparableDenoiser { law: law.into() }
    }

    /// The law.
    pub fn law(&self) -> &Separable {
        &self.law
    }
}

/// One component at one level.
struct Part {
    /// ln of its weight over its standard deviation.
    log_height: f64,
    /// αm, and the precision of x around it.
    centre: f64,
    precision: f64,
    /// What it predicts: `slope` (x − αm) + `shift`.
    slope: f64,
    shift: f64,
}

impl Marginal {
    /// Probabilities that x at a level comes from each component.
    fn posterior(parts: &[Part], x: f64, out: &mut Vec<f64>) {
        out.clear();
        out.extend(parts.iter().map(|p| {
            let off = x - p.centre;
            p.log_height - 0.5 * off * off * p.precision
        }));
        let highest = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY {
            // So far outside that squares overflow: nothing but the distance counts.
            let far = |p: &Part| -(x - p.centre).abs() * p.precision.sqrt();
            let nearest = parts.iter().map(far).fold(f64::NEG_INFINITY, f64::max);
            out.iter_mut().zip(parts).for_each(|(o, p)| *o = f64::from(far(p) == nearest));
        } else {
            out.iter_mut().for_each(|l| *l = (*l - highest).exp());
        }
        let sum: f64 = out.iter().sum();
        out.iter_mut().for_each(|p| *p /= sum);
    }

    fn parts(&self, kind: Prediction, level: &Level) -> Vec<Part> {
        let (factor, by_mean) = (Factor::new(kind, level), of_mean(kind, level));
        let of = |k: usize| {
            let (mean, std) = (self.means()[k], self.stds()[k]);
            let variance = level.variance(std * std).max(f64::MIN_POSITIVE);
            Part {
                log_height: self.weights()[k].ln() - 0.5 * variance.ln(),
                centre: level.alpha * mean,
                precision: 1.0 / variance,
                slope: factor.weight(std * std),
                shift: by_mean * mean,
            }
        };
        (0..self.weights().len()).map(of).collect()
    }

    /// The probabilities that values at a level come from each component, one value after another.
    pub fn probabilities(&self, x: &[f64], level: &Level) -> Vec<f64> {
        let parts = self.parts(Prediction::Denoiser, level);
        let mut posterior = Vec::new();
        let of = |x: &f64| {
            Marginal::posterior(&parts, *x, &mut posterior);
            posterior.clone()
        };
        x.iter().flat_map(of).collect()
    }

    /// The most probable component of each value at a level.
    pub fn components(&self, x: &[f64], level: &Level) -> Vec<usize> {
        let of = |posterior: &[f64]| {
            let best = posterior.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(k, _)| k)
        };
        self.probabilities(x, level).chunks(self.weights().len()).map(of).collect()
    }
}

impl Denoiser for SeparableDenoiser {
    fn dim(&self) -> usize {
        self.law.dim()
    }

    fn native(&self) -> Prediction {
        Prediction::Denoiser
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.predict(Prediction::Denoiser, x, level, out)
    }

    fn predict(
        &mut self,
        kind: Prediction,
        x: &[f64],
        level: &Level,
        out: &mut [f64],
    ) -> Result<(), DenoiserError> {
        let factor = Factor::new(kind, level);
        if !factor.is_noisy() && kind == Prediction::Denoiser {
            out.iter_mut().zip(x).for_each(|(d, x)| *d = x / level.alpha);
            return Ok(());
        }
        if factor.is_singular(kind) {
            let null = self.law.coordinates().iter().filter(|c| c.stds().contains(&0.0)).count();
            if null > 0 {
                return Err(DenoiserError::Singular { kind, t: level.t, null });
            }
        }
        let dim = self.law.dim();
        let mut posterior = Vec::new();
        for (j, marginal) in self.law.coordinates().iter().enumerate() {
            let parts = marginal.parts(kind, level);
            for (x, out) in x.iter().zip(out.iter_mut()).skip(j).step_by(dim) {
                let of = |p: &Part| p.slope * (x - p.centre) + p.shift;
                *out = match &parts[..] {
                    [one] => of(one),
                    parts => {
                        Marginal::posterior(parts, *x, &mut posterior);
                        let shares = posterior.iter().zip(parts).filter(|(share, _)| **share > 0.0);
                        shares.map(|(share, p)| share * of(p)).sum()
                    }
                };
            }
        }
        Ok(())
    }
}
