use super::SeparableError;
use crate::level::Level;
use crate::numeric::normal::{self, log_cdf};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Weights may differ from a sum of 1 by this much; they are divided by their sum.
const WEIGHTS: f64 = 1e-6;

/// A mixture of Gaussians on the line. Standard deviations may be 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Marginal {
    weights: Vec<f64>,
    means: Vec<f64>,
    stds: Vec<f64>,
}

impl Marginal {
    /// From weights, means and standard deviations of at least one component. Weights must be positive
    /// and sum to 1 but for rounding, and are normalised.
    ///
    /// # Errors
    /// [`SeparableError`]
    pub fn new(
        mut weights: Vec<f64>,
        means: Vec<f64>,
        stds: Vec<f64>,
    ) -> Result<Self, SeparableError> {
        if weights.is_empty() {
            return Err(SeparableError::Empty { what: "components" });
        }
        if means.len() != weights.len() || stds.len() != weights.len() {
            let (weights, means, stds) = (weights.len(), means.len(), stds.len());
            return Err(SeparableError::Length { weights, means, stds });
        }
        let bad = |what, values: &[f64], is_good: fn(f64) -> bool| {
            let component = values.iter().position(|v| !(v.is_finite() && is_good(*v)))?;
            Some(SeparableError::Value { what, component, value: values[component] })
        };
        let found = bad("weight", &weights, |w| w > 0.0)
            .or_else(|| bad("mean", &means, |_| true))
            .or_else(|| bad("standard deviation", &stds, |s| s >= 0.0));
        if let Some(error) = found {
            return Err(error);
        }
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > WEIGHTS {
            return Err(SeparableError::Weights { sum });
        }
        weights.iter_mut().for_each(|w| *w /= sum);
        Ok(Marginal { weights, means, stds })
    }

    /// One Gaussian.
    ///
    /// # Errors
    /// [`SeparableError`]
    pub fn gaussian(mean: f64, std: f64) -> Result<Self, SeparableError> {
        Marginal::new(vec![1.0], vec![mean], vec![std])
    }

    /// The weights of its components.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Their means.
    pub fn means(&self) -> &[f64] {
        &self.means
    }
    /// Their standard deviations.
    pub fn stds(&self) -> &[f64] {
        &self.stds
    }

    /// Its mean.
    pub fn mean(&self) -> f64 {
        self.weights.iter().zip(&self.means).map(|(w, m)| w * m).sum()
    }

    /// Its variance.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let of = |k: usize| {
            let (std, off) = (self.stds[k], self.means[k] - mean);
            self.weights[k] * (std * std + off * off)
        };
        (0..self.weights.len()).map(of).sum()
    }

    /// The law of αx_0 + σz.
    pub fn noisy(&self, level: &Level) -> Marginal {
        let std = |s: &f64| (level.alpha * s).hypot(level.sigma);
        Marginal {
            weights: self.weights.clone(),
            means: self.means.iter().map(|m| level.alpha * m).collect(),
            stds: self.stds.iter().map(std).collect(),
        }
    }

    /// ln of the probability of values up to x or, mirrored, from x on.
    fn log_tail(&self, x: f64, is_upper: bool) -> f64 {
        let of = |k: usize| {
            let off = if is_upper { self.means[k] - x } else { x - self.means[k] };
            let log = match self.stds[k] {
                0.0 if off >= 0.0 => 0.0,
                0.0 => f64::NEG_INFINITY,
                std => log_cdf(off / std),
            };
            self.weights[k].ln() + log
        };
        let logs: Vec<f64> = (0..self.weights.len()).map(of).collect();
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match highest {
            f64::NEG_INFINITY => highest,
            _ => highest + logs.iter().map(|l| (l - highest).exp()).sum::<f64>().ln(),
        }
    }

    /// The probability of values up to x.
    pub fn cdf(&self, x: f64) -> f64 {
        self.log_tail(x, false).exp()
    }

    /// ln of the density.
    fn log_density(&self, x: f64) -> f64 {
        let of = |k: usize| {
            let std = self.stds[k];
            let z = (x - self.means[k]) / std;
            let log = -0.5 * z * z - std.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln();
            self.weights[k].ln() + if log.is_nan() { f64::NEG_INFINITY } else { log }
        };
        let logs: Vec<f64> = (0..self.weights.len()).map(of).collect();
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match highest.is_finite() {
            true => highest + logs.iter().map(|l| (l - highest).exp()).sum::<f64>().ln(),
            false => highest,
        }
    }

    /// The quantile Q(Φ(z)), in both tails to all digits.
    ///
    /// ```
    /// use gaussmeter::separable::Marginal;
    /// let two = Marginal::new(vec![0.5, 0.5], vec![-2.0, 2.0], vec![0.5, 0.5])?;
    /// assert!(two.quantile(0.0).abs() < 1e-12);
    /// assert!((two.cdf(two.quantile(-1.0)) - 0.15865525393145707).abs() < 1e-14);
    /// # Ok::<(), gaussmeter::separable::SeparableError>(())
    /// ```
    pub fn quantile(&self, z: f64) -> f64 {
        let of = |k: usize| self.means[k] + self.stds[k] * z;
        let all = (0..self.weights.len()).map(of);
        // Between the smallest and the largest of the components.
        let (mut low, mut high) =
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), q| (a.min(q), b.max(q)));
        let is_upper = z > 0.0;
        let target = log_cdf(-z.abs());
        let mut x = 0.5 * (low + high);
        for _ in 0..200 {
            if !(low < x && x < high) {
                break;
            }
            let log = self.log_tail(x, is_upper);
            // Increasing in x.
            let off = if is_upper { target - log } else { log - target };
            if off == 0.0 {
                return x;
            }
            if off > 0.0 {
                high = x
            } else {
                low = x
            }
            let slope = (self.log_density(x) - log).exp();
            let next = x - off / slope;
            if (next - x).abs() <= f64::EPSILON * x.abs() {
                break;
            }
            x = if low < next && next < high { next } else { 0.5 * (low + high) };
        }
        let x = x.clamp(low, high);
        // At an atom bisection ends beside it.
        let is_at = |k: &usize| {
            let mean = self.means[*k];
            self.stds[*k] == 0.0 && (x - mean).abs() <= 4.0 * f64::EPSILON * mean.abs().max(x.abs())
        };
        (0..self.weights.len()).find(is_at).map_or(x, |k| self.means[k])
    }

    /// The standard normal scores of the shares of values below the gaps between components, where the
    /// quantile is steep.
    pub(super) fn gaps(&self) -> Vec<f64> {
        let mut order: Vec<usize> = (0..self.weights.len()).collect();
        order.sort_by(|a, b| self.means[*a].total_cmp(&self.means[*b]));
        let mut below = 0.0;
        let all = order.iter().take(order.len() - 1).map(|k| {
            below += self.weights[*k];
            normal::score(below)
        });
        all.collect()
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        let mut at = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let chosen = self.weights.iter().position(|w| {
            at -= w;
            at < 0.0
        });
        let k = chosen.unwrap_or(self.weights.len() - 1);
        let z: f64 = StandardNormal.sample(rng);
        self.means[k] + self.stds[k] * z
    }
}
