//! Reverse-mode automatic differentiation.
//!
//! Grids hand their levels to samplers as [`Real`]s, and samplers compute the coefficients of their
//! linear programs with ordinary arithmetic. Within [`record`], everything computed from a variable
//! is written to a [`Graph`], and the chain rule along it gives the derivatives of every
//! coefficient with respect to the times of a grid, for every sampler, without any code in the
//! sampler. Elsewhere a `Real` is a plain number.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// The node of a constant.
const CONSTANT: u32 = u32::MAX;

/// A number and, if it depends on a variable, its node in the graph being recorded.
#[derive(Clone, Copy)]
pub struct Real {
    value: f64,
    node: u32,
}

/// How a number was computed: from at most two others, with the partial derivatives.
#[derive(Clone, Copy, Debug)]
struct Node {
    parents: [u32; 2],
    partials: [f64; 2],
}

thread_local! {
    static RECORDING: RefCell<Option<Vec<Node>>> = const { RefCell::new(None) };
}

/// What was computed from variables during [`record`].
#[derive(Debug, Default)]
pub struct Graph(Vec<Node>);

/// Runs `f` and records what it computes from the [`variable`]s it creates. The resulting `Real`s
/// are meaningful only with the returned graph.
pub fn record<T>(f: impl FnOnce() -> T) -> (T, Graph) {
    /// Restores the recording that this one interrupts, even if `f` panics.
    struct Restore(Option<Vec<Node>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.with(|r| *r.borrow_mut() = self.0.take());
        }
    }
    let _restore = Restore(RECORDING.with(|r| r.borrow_mut().replace(Vec::new())));
    let result = f();
    let nodes = RECORDING.with(|r| r.borrow_mut().take()).unwrap_or_default();
    (result, Graph(nodes))
}

/// Whether a recording is in progress: otherwise all numbers are constants.
pub(crate) fn is_recording() -> bool {
    RECORDING.with(|r| r.borrow().is_some())
}

fn push(value: f64, parents: [Real; 2], partials: [f64; 2]) -> Real {
    RECORDING.with(|r| {
        let mut recording = r.borrow_mut();
        let Some(nodes) = recording.as_mut() else { return Real::from(value) };
        nodes.push(Node { parents: parents.map(|p| p.node), partials });
        Real { value, node: (nodes.len() - 1) as u32 }
    })
}

/// A number to differentiate with respect to. A constant outside of [`record`].
pub fn variable(value: f64) -> Real {
    push(value, [Real::from(0.0); 2], [0.0; 2])
}

/// Derivatives of one number with respect to variables: (index of the variable, derivative).
pub type Row = Vec<(usize, f64)>;

impl Graph {
    /// The nonzero derivatives of every number with respect to `variables`.
    pub fn jacobian(&self, outputs: &[Real], variables: &[Real]) -> Vec<Row> {
        let mut rows: Vec<Row> = vec![Row::new(); self.0.len()];
        for (k, node) in self.0.iter().enumerate() {
            let mut row = Row::new();
            let own = variables.iter().position(|v| v.node as usize == k);
            row.extend(own.map(|position| (position, 1.0)));
            for (parent, partial) in node.parents.into_iter().zip(node.partials) {
                // What has no influence keeps none, even if the partial derivative is infinite.
                if parent == CONSTANT || partial == 0.0 {
                    continue;
                }
                for &(position, slope) in rows[parent as usize].iter().filter(|e| e.1 != 0.0) {
                    match row.iter_mut().find(|e| e.0 == position) {
                        Some(entry) => entry.1 += partial * slope,
                        None => row.push((position, partial * slope)),
                    }
                }
            }
            rows[k] = row;
        }
        let row = |x: &Real| rows.get(x.node as usize).cloned().unwrap_or_default();
        outputs.iter().map(row).collect()
    }
}

impl Real {
    /// The number itself.
    pub fn value(self) -> f64 {
        self.value
    }
    /// Whether it depends on no variable.
    pub fn is_constant(self) -> bool {
        self.node == CONSTANT
    }
    /// A function of this number, with its derivative.
    fn map(self, value: f64, derivative: impl FnOnce() -> f64) -> Real {
        match self.is_constant() {
            true => Real::from(value),
            false => push(value, [self, Real::from(0.0)], [derivative(), 0.0]),
        }
    }
    /// A function of two numbers, with its partial derivatives.
    pub(crate) fn combine(self, other: Real, value: f64, partials: [f64; 2]) -> Real {
        match self.is_constant() && other.is_constant() {
            true => Real::from(value),
            false => push(value, [self, other], partials),
        }
    }
    /// The number `value`, with a known derivative with respect to this one.
    pub(crate) fn with_derivative(self, value: f64, derivative: f64) -> Real {
        self.map(value, || derivative)
    }

    /// eˣ.
    pub fn exp(self) -> Real {
        let value = self.value.exp();
        self.map(value, || value)
    }
    /// eˣ − 1.
    pub fn exp_m1(self) -> Real {
        self.map(self.value.exp_m1(), || self.value.exp())
    }
    /// ln x.
    pub fn ln(self) -> Real {
        self.map(self.value.ln(), || self.value.recip())
    }
    /// ln(1 + x).
    pub fn ln_1p(self) -> Real {
        self.map(self.value.ln_1p(), || (1.0 + self.value).recip())
    }
    /// √x.
    pub fn sqrt(self) -> Real {
        let root = self.value.sqrt();
        self.map(root, || 0.5 / root)
    }
    /// 1/x.
    pub fn recip(self) -> Real {
        let value = self.value.recip();
        self.map(value, || -value * value)
    }
    /// xⁿ.
    pub fn powi(self, n: i32) -> Real {
        self.map(self.value.powi(n), || f64::from(n) * self.value.powi(n - 1))
    }
    /// xᵖ.
    pub fn powf(self, p: f64) -> Real {
        self.map(self.value.powf(p), || if p == 0.0 { 0.0 } else { p * self.value.powf(p - 1.0) })
    }
    /// |x|.
    pub fn abs(self) -> Real {
        self.map(self.value.abs(), || self.value.signum())
    }
    /// sin x.
    pub fn sin(self) -> Real {
        self.map(self.value.sin(), || self.value.cos())
    }
    /// cos x.
    pub fn cos(self) -> Real {
        self.map(self.value.cos(), || -self.value.sin())
    }
    /// tan x.
    pub fn tan(self) -> Real {
        let value = self.value.tan();
        self.map(value, || 1.0 + value * value)
    }
    /// arctan x.
    pub fn atan(self) -> Real {
        self.map(self.value.atan(), || (1.0 + self.value * self.value).recip())
    }
    /// The smaller of two numbers.
    pub fn min(self, other: impl Into<Real>) -> Real {
        let other = other.into();
        if other.value < self.value { other } else { self }
    }
    /// The larger of two numbers.
    pub fn max(self, other: impl Into<Real>) -> Real {
        let other = other.into();
        if other.value > self.value { other } else { self }
    }
    /// Whether it is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.value.is_finite()
    }
    /// Whether it is NaN.
    pub fn is_nan(self) -> bool {
        self.value.is_nan()
    }
}

impl Default for Real {
    fn default() -> Self {
        Real::from(0.0)
    }
}
impl From<f64> for Real {
    fn from(value: f64) -> Self {
        Real { value, node: CONSTANT }
    }
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}
impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}
impl fmt::LowerExp for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerExp::fmt(&self.value, f)
    }
}

// Numbers compare by value.
macro_rules! comparisons {
    ($(($left:ty, $right:ty, $l:expr, $r:expr)),*) => {$(
        impl PartialEq<$right> for $left {
            fn eq(&self, other: &$right) -> bool {
                $l(*self) == $r(*other)
            }
        }
        impl PartialOrd<$right> for $left {
            fn partial_cmp(&self, other: &$right) -> Option<Ordering> {
                $l(*self).partial_cmp(&$r(*other))
            }
        }
    )*};
}
fn itself(x: f64) -> f64 {
    x
}
comparisons!(
    (Real, Real, Real::value, Real::value),
    (Real, f64, Real::value, itself),
    (f64, Real, itself, Real::value)
);

macro_rules! arithmetic {
    ($($trait:ident, $method:ident, |$a:ident, $b:ident| $value:expr, $partials:expr);*) => {$(
        impl $trait for Real {
            type Output = Real;
            fn $method(self, other: Real) -> Real {
                let ($a, $b) = (self.value, other.value);
                self.combine(other, $value, $partials)
            }
        }
        impl $trait<f64> for Real {
            type Output = Real;
            fn $method(self, other: f64) -> Real {
                $trait::$method(self, Real::from(other))
            }
        }
        impl $trait<Real> for f64 {
            type Output = Real;
            fn $method(self, other: Real) -> Real {
                $trait::$method(Real::from(self), other)
            }
        }
    )*};
}
arithmetic!(
    Add, add, |a, b| a + b, [1.0, 1.0];
    Sub, sub, |a, b| a - b, [1.0, -1.0];
    Mul, mul, |a, b| a * b, [b, a];
    Div, div, |a, b| a / b, [1.0 / b, -(a / b) / b]
);

impl Neg for Real {
    type Output = Real;
    fn neg(self) -> Real {
        self.map(-self.value, || -1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivative(x: f64, f: impl Fn(Real) -> Real) -> f64 {
        let ((x, y), graph) = record(|| {
            let x = variable(x);
            (x, f(x))
        });
        graph.jacobian(&[y], &[x])[0].iter().map(|e| e.1).sum()
    }

    #[test]
    fn derivatives_are_differences() {
        type Case = (&'static str, fn(Real) -> Real);
        let cases: &[Case] = &[
            ("exp", Real::exp),
            ("exp_m1", Real::exp_m1),
            ("ln", Real::ln),
            ("ln_1p", Real::ln_1p),
            ("sqrt", Real::sqrt),
            ("recip", Real::recip),
            ("powi", |x| x.powi(-3)),
            ("powf", |x| x.powf(1.7)),
            ("powf 0", |x| x.powf(0.0)),
            ("abs", |x| (x - 2.0).abs()),
            ("sin", Real::sin),
            ("cos", Real::cos),
            ("tan", Real::tan),
            ("atan", Real::atan),
            ("min", |x| x.min(x * x)),
            ("max", |x| x.max(3.0 * x)),
            ("sum", |x| x + x * x - 0.3 * x + (2.0 - x)),
            ("quotient", |x| (1.0 - x) / (x + 2.0) / 3.0 - 1.0 / x),
            ("shared", |x| {
                let y = x.exp();
                y * y / (y + 1.0)
            }),
        ];
        for (name, f) in cases {
            let x = 0.7;
            // Richardson: differences of fourth order.
            let slope = |h: f64| (f(Real::from(x + h)) - f(Real::from(x - h))).value() / (2.0 * h);
            let expected = (4.0 * slope(5e-4) - slope(1e-3)) / 3.0;
            let found = derivative(x, f);
            assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{name}: {found}");
        }
    }

    /// √ has an infinite derivative at 0; what does not depend on a variable stays without one.
    #[test]
    fn an_infinite_derivative_times_nothing_is_nothing() {
        assert_eq!(derivative(2.0, |x| (0.0 * x).sqrt() + x), 1.0);
        assert_eq!(derivative(0.0, Real::sqrt), f64::INFINITY);
    }

    #[test]
    fn nothing_is_recorded_outside() {
        let x = variable(1.0);
        assert!(x.is_constant() && (2.0 * x).exp().is_constant());
        let ((), graph) = record(|| {
            let _ = Real::from(1.0).exp() + 2.0;
        });
        assert!(graph.0.is_empty());
        // A recording inside another leaves that one as it was.
        let ((x, y), outer) = record(|| {
            let x = variable(3.0);
            assert_eq!(derivative(1.0, |y| y * y), 2.0);
            (x, x * x)
        });
        assert_eq!(outer.jacobian(&[y], &[x]), [[(0, 6.0)]]);
    }
}
