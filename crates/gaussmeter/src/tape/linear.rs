use super::Var;
use smallvec::SmallVec;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Terms of a linear combination: coefficient and vector.
pub(super) type Terms = SmallVec<[(f64, Var); 4]>;

/// A linear combination Σ cⱼ vⱼ, built with ordinary arithmetic and folded on the fly.
///
/// ```
/// use gaussmeter::tape::Tape;
/// let (tape, x) = Tape::new();
/// let z = tape.noise();
/// let sum = x + 2.0 * z - 0.5 * (x + z);
/// assert_eq!(sum.terms(), [(0.5, x), (1.5, z)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linear(Terms);

impl Linear {
    /// The terms, each vector once.
    pub fn terms(&self) -> &[(f64, Var)] {
        &self.0
    }
    /// The terms that count: a vector with coefficient zero is not read.
    pub(super) fn into_terms(mut self) -> Terms {
        self.0.retain(|t| t.0 != 0.0);
        self.0
    }
    /// The vector that this combination is, if it is just that.
    pub(super) fn as_var(&self) -> Option<Var> {
        match self.0[..] {
            [(1.0, var)] => Some(var),
            _ => None,
        }
    }
    fn plus(mut self, scale: f64, other: &Linear) -> Linear {
        for &(c, v) in &other.0 {
            match self.0.iter_mut().find(|t| t.1 == v) {
                Some(t) => t.0 += scale * c,
                None => self.0.push((scale * c, v)),
            }
        }
        self
    }
    fn scaled(mut self, scale: f64) -> Linear {
        self.0.iter_mut().for_each(|t| t.0 *= scale);
        self
    }
}

impl From<Var> for Linear {
    fn from(v: Var) -> Self {
        Linear(SmallVec::from_slice(&[(1.0, v)]))
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
        impl Mul<$operand> for f64 {
            type Output = Linear;
            fn mul(self, other: $operand) -> Linear {
                Linear::from(other).scaled(self)
            }
        }
        impl Div<f64> for $operand {
            type Output = Linear;
            fn div(self, by: f64) -> Linear {
                Linear::from(self).scaled(1.0 / by)
            }
        }
        impl Neg for $operand {
            type Output = Linear;
            fn neg(self) -> Linear {
                Linear::from(self).scaled(-1.0)
            }
        }
    )*};
}
scalings!(Var, Linear, &Linear);
