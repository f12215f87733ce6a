//! The forward process at one time: how much signal and how much noise a state has.

use crate::numeric::differentiation::Real;

/// The forward process at one time. Samplers see it with [`Real`] numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level<N = f64> {
    /// Time.
    pub t: N,
    /// Signal scale α(t).
    pub alpha: N,
    /// Noise standard deviation σ(t), in data units.
    pub sigma: N,
    /// α′(t).
    pub alpha_prime: N,
    /// σ(t) σ′(t), half the derivative of σ². Finite at t = 0 where σ′ may not be.
    pub sigma_sigma_prime: N,
    /// 1 − α(t)², formed without cancellation.
    pub one_minus_alpha2: N,
    /// α″(t), for derivatives with respect to times.
    pub alpha_second: f64,
    /// (σσ′)′(t), for the same.
    pub sigma_sigma_second: f64,
    /// Whether α² + σ² = 1 holds as an identity.
    pub variance_preserving: bool,
    /// The signal that states really have, where solvers take it for another by convention (see
    /// [`FlowCoordinates`](crate::process::FlowCoordinates)).
    pub signal: Option<Signal>,
}

/// The scale α(t) of the signal in states, where solvers work with another by convention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// α(t).
    pub alpha: f64,
    /// α′(t).
    pub alpha_prime: f64,
    /// α″(t).
    pub alpha_second: f64,
    /// 1 − α(t)², formed without cancellation.
    pub one_minus_alpha2: f64,
}

impl Level {
    /// The data themselves: no noise at t = 0. Processes write their levels as what differs from it.
    pub const DATA: Level = Level {
        t: 0.0,
        alpha: 1.0,
        sigma: 0.0,
        alpha_prime: 0.0,
        sigma_sigma_prime: 0.0,
        one_minus_alpha2: 0.0,
        alpha_second: 0.0,
        sigma_sigma_second: 0.0,
        variance_preserving: false,
        signal: None,
    };

    /// The level whose law states have; this one, unless solvers work with another signal.
    #[inline]
    pub fn marginal(&self) -> Level {
        match self.signal {
            None => *self,
            Some(Signal { alpha, alpha_prime, alpha_second, one_minus_alpha2 }) => {
                Level { alpha, alpha_prime, alpha_second, one_minus_alpha2, signal: None, ..*self }
            }
        }
    }

    /// Variance α²λ + σ² of x_t along an eigenvector of Σ with eigenvalue λ (the paper's Σ_t).
    #[inline]
    pub fn variance(&self, eigenvalue: f64) -> f64 {
        self.alpha * self.alpha * eigenvalue + self.sigma * self.sigma
    }

    /// [`Level::variance`] minus λ, without cancellation: what truncation at this level adds.
    #[inline]
    pub fn variance_error(&self, eigenvalue: f64) -> f64 {
        let sigma2 = self.sigma * self.sigma;
        if self.variance_preserving {
            sigma2 * (1.0 - eigenvalue)
        } else {
            // One rounding: the two terms may nearly cancel.
            (-self.one_minus_alpha2).mul_add(eigenvalue, sigma2)
        }
    }

    /// `std² −` [`Level::variance`], without cancellation: what a start from N(0, std² I) adds.
    #[inline]
    pub fn start_error(&self, std: f64, eigenvalue: f64) -> f64 {
        let alpha2 = self.alpha * self.alpha;
        if self.variance_preserving {
            (std - 1.0) * (std + 1.0) + alpha2 * (1.0 - eigenvalue)
        } else {
            (-alpha2).mul_add(eigenvalue, (std - self.sigma) * (std + self.sigma))
        }
    }

    /// 1 − α, without cancellation.
    pub fn one_minus_alpha(&self) -> f64 {
        self.one_minus_alpha2 / (1.0 + self.alpha)
    }

    /// This level at a time `t` that may be a variable: its numbers change as the process does.
    pub(crate) fn at(&self, t: Real) -> Level<Real> {
        let sigma_prime = self.sigma_sigma_prime / self.sigma;
        Level {
            t,
            alpha: t.with_derivative(self.alpha, self.alpha_prime),
            sigma: t.with_derivative(self.sigma, sigma_prime),
            alpha_prime: t.with_derivative(self.alpha_prime, self.alpha_second),
            sigma_sigma_prime: t.with_derivative(self.sigma_sigma_prime, self.sigma_sigma_second),
            one_minus_alpha2: t
                .with_derivative(self.one_minus_alpha2, -2.0 * self.alpha * self.alpha_prime),
            alpha_second: self.alpha_second,
            sigma_sigma_second: self.sigma_sigma_second,
            variance_preserving: self.variance_preserving,
            signal: self.signal,
        }
    }
}

impl Level<Real> {
    /// As for plain numbers.
    pub(crate) fn marginal(&self) -> Level<Real> {
        match self.signal {
            None => *self,
            Some(_) => self.value().marginal().at(self.t),
        }
    }

    /// Whether this is the other level to the last bit, and neither depends on a variable.
    pub(crate) fn is_same_constant(&self, other: &Level<Real>) -> bool {
        let numbers = |l: &Level<Real>| {
            [l.t, l.alpha, l.sigma, l.alpha_prime, l.sigma_sigma_prime, l.one_minus_alpha2]
        };
        let same = |(a, b): (Real, Real)| {
            a.is_constant() && b.is_constant() && a.value().to_bits() == b.value().to_bits()
        };
        self == other && numbers(self).into_iter().zip(numbers(other)).all(same)
    }

    /// The level as it is.
    pub fn value(&self) -> Level {
        Level {
            t: self.t.value(),
            alpha: self.alpha.value(),
            sigma: self.sigma.value(),
            alpha_prime: self.alpha_prime.value(),
            sigma_sigma_prime: self.sigma_sigma_prime.value(),
            one_minus_alpha2: self.one_minus_alpha2.value(),
            alpha_second: self.alpha_second,
            sigma_sigma_second: self.sigma_sigma_second,
            variance_preserving: self.variance_preserving,
            signal: self.signal,
        }
    }
}

impl From<&Level> for Level<Real> {
    fn from(level: &Level) -> Self {
        level.at(Real::from(level.t))
    }
}
impl From<&Level<Real>> for Level<Real> {
    fn from(level: &Level<Real>) -> Self {
        *level
    }
}

macro_rules! ratios {
    ($($number:ty),*) => {$(
        impl Level<$number> {
            /// Drift f = α′/α of the forward SDE.
            pub fn drift(&self) -> $number {
                self.alpha_prime / self.alpha
            }

            /// Squared diffusion g² = (σ²)′ − 2 f σ² of the forward SDE.
            pub fn diffusion2(&self) -> $number {
                if self.variance_preserving {
                    -2.0 * self.drift()
                } else {
                    2.0 * (self.sigma_sigma_prime - self.drift() * self.sigma * self.sigma)
                }
            }

            /// Noise ratio σ/α: the noise level of x/α, which every process has in common; ∞ at α = 0.
            pub fn noise_ratio(&self) -> $number {
                self.sigma / self.alpha
            }

            /// Half log signal-to-noise ratio ln(α/σ); +∞ at σ = 0.
            pub fn log_snr(&self) -> $number {
                (self.alpha / self.sigma).ln()
            }
        }
    )*};
}
ratios!(f64, Real);
