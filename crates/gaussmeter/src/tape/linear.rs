use super::Var;
use crate::numeric::differentiation::Real;
use smallvec::SmallVec;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Terms of a linear combination: coefficient and vector.
pub(super) type Terms<N = f64> = SmallVec<[(N, Var); 4]>;

/// A linear combination Σ cⱼ vⱼ, built with ordinary arithmetic and folded on the fly.
///
/// ```
/// use gaussmeter::tape::Tape;
/// let (tape, x) = Tape::new();
/// let z = tape.noise();
/// let sum = x + 2.0 * z - 0.5 * (x + z);
/// assert!(sum.terms() == [(0.5.into(), x), (1.5.into(), z)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linear(Terms<Real>);

impl Linear {
    /// The terms, each vector once.
    pub fn terms(&self) -> &[(Real, Var)] {
        &self.0
    }
    /// The terms that count: a vector whose coefficient is zero, and stays so, is not read.
    pub(super) fn into_terms(mut self) -> Terms<Real> {
        self.0.retain(|t| t.0 != 0.0 || !t.0.is_constant());
        self.0
    }
    /// The vector that this combination is, if it is just that.
    pub(super) fn as_var(&self) -> Option<Var> {
        match self.0[..] {
            [(c, var)] if c == 1.0 && c.is_constant() => Some(var),
            _ => None,
        }
    }
    fn plus(mut self, scale: f64, other: &Linear) -> Linear {
        for &(c, v) in &other.0 {
            match self.0.iter_mut().find(|t| t.1 == v) {
                Some(t) => t.0 = t.0 + scale * c,
                None => self.0.push((scale * c, v)),
            }
        }
        self
    }
    fn scaled(mut self, scale: Real) -> Linear {
        self.0.iter_mut().for_each(|t| t.0 = scale * t.0);
        self
    }
}

impl From<Var> for Linear {
    fn from(v: Var) -> Self {
        Linear(SmallVec::from_slice(&[(Real::from(1.0), v)]))
    }
}
impl From<&Linear> for Linear {
    fn from(l: &Linear) -> Self {
        l.clone()
    }
}

macro_rules! sums {
    ($($left:ty, $right:ty);*) => {$(
        impl Add<$right> for $left {
            type Output = Linear;
            fn add(self, other: $right) -> Linear {
                Linear::from(self).plus(1.0, &other.into())
            }
        }
        impl Sub<$right> for $left {
            type Output = Linear;
            fn sub(self, other: $right) -> Linear {
                Linear::from(self).plus(-1.0, &other.into())
            }
        }
    )*};
}
sums!(Var, Var; Var, Linear; Var, &Linear; Linear, Var; Linear, Linear; Linear, &Linear;
      &Linear, Var; &Linear, Linear; &Linear, &Linear);

macro_rules! scalings {
    ($($operand:ty),*) => {$(
        impl Mul<$operand> for Real {
            type Output = Linear;
            fn mul(self, other: $operand) -> Linear {
                Linear::from(other).scaled(self)
            }
        }
        impl Mul<$operand> for f64 {
            type Output = Linear;
            fn mul(self, other: $operand) -> Linear {
                Real::from(self) * other
            }
        }
        impl Div<Real> for $operand {
            type Output = Linear;
            fn div(self, by: Real) -> Linear {
                Linear::from(self).scaled(1.0 / by)
            }
        }
        impl Div<f64> for $operand {
            type Output = Linear;
            fn div(self, by: f64) -> Linear {
                self / Real::from(by)
            }
        }
        impl Neg for $operand {
            type Output = Linear;
            fn neg(self) -> Linear {
                Linear::from(self).scaled(Real::from(-1.0))
            }
        }
    )*};
}
scalings!(Var, Linear, &Linear);
