use super::document::{self, check_keys};
use super::expression::{Expression, excerpt};
use super::transfer::transfer;
use super::variable::Variable;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::numeric::written;
use crate::tape::{Linear, Prediction, Tape, Var};
use serde_json::{Map, Value};
use std::path::Path;
use thiserror::Error;

/// An explicit Runge–Kutta method given by its Butcher tableau (c, A, b): for dξ/dw = f(ξ, w) and a
/// step Δw,
///
/// kᵢ = f(ξ + Δw Σⱼ aᵢⱼ kⱼ, w + cᵢ Δw), ξ′ = ξ + Δw Σᵢ bᵢ kᵢ.
#[derive(Clone, Debug, PartialEq)]
pub struct Tableau {
    c: Vec<f64>,
    a: Vec<Vec<f64>>,
    b: Vec<f64>,
    order: u8,
}

/// The numbers do not form an explicit Runge–Kutta method.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{key}: {reason}")]
pub struct TableauError {
    /// The part that is wrong.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

fn wrong<T>(key: &'static str, reason: impl Into<String>) -> Result<T, TableauError> {
    Err(TableauError { key, reason: reason.into() })
}

/// Most stages, far more than any method has; A holds the square of their number.
const MOST_STAGES: usize = 1000;

/// Tolerance on sums: the rounding of a tableau written in decimals.
const TOLERANCE: f64 = 1e-10;

impl Tableau {
    /// A tableau of the declared order, which is checked against all conditions up to order 4.
    ///
    /// # Errors
    /// [`TableauError`]: inconsistent numbers of stages, c outside [0, 1], an implicit method, a
    /// row of A that does not sum to its c, a b that does not sum to 1, a failed condition of the
    /// declared order.
    ///
    /// ```
    /// use gaussmeter::sampler::Tableau;
    /// let midpoint = Tableau::new(vec![0.0, 0.5], vec![vec![], vec![0.5]], vec![0.0, 1.0], 2)?;
    /// assert_eq!(midpoint.stages(), 2);
    /// let error = Tableau::new(vec![0.0, 0.5], vec![vec![], vec![0.5]], vec![0.5, 0.5], 2).unwrap_err();
    /// assert_eq!(error.to_string(), "order: 2 is declared, but sum b c is 0.25, not 0.5");
    /// # Ok::<(), gaussmeter::sampler::TableauError>(())
    /// ```
    pub fn new(
        c: Vec<f64>,
        mut a: Vec<Vec<f64>>,
        b: Vec<f64>,
        order: u8,
    ) -> Result<Self, TableauError> {
        let stages = b.len();
        if stages == 0 {
            return wrong("b", "there are no stages");
        }
        if stages > MOST_STAGES {
            return wrong("b", format!("{stages} stages are too many: at most {MOST_STAGES}"));
        }
        for (key, length) in [("c", c.len()), ("A", a.len())] {
            if length != stages {
                return wrong(key, format!("{length} stages, but b has {stages}"));
            }
        }
        let numbers = [("c", &c), ("b", &b)].into_iter().chain(a.iter().map(|row| ("A", row)));
        for (key, numbers) in numbers {
            if let Some(value) = numbers.iter().find(|v| !v.is_finite()) {
                return wrong(key, format!("{value} is not finite"));
            }
        }
        if let Some(value) = c.iter().find(|c| !(0.0..=1.0).contains(*c)) {
            return wrong("c", format!("{} is outside [0, 1], the step", written(value)));
        }
        for (i, row) in a.iter_mut().enumerate() {
            let (stage, length) = (i + 1, row.len());
            if length > stages {
                return wrong("A", format!("row {stage} has {length} entries for {stages} stages"));
            }
            if let Some(j) = (i..length).find(|j| row[*j] != 0.0) {
                return wrong(
                    "A",
                    format!(
                        "row {stage} uses stage {} ({}): only explicit methods, whose stages use earlier ones only, can be run",
                        j + 1,
                        written(&row[j])
                    ),
                );
            }
            row.resize(i, 0.0);
            let sum = row.iter().fold(0.0, |sum, v| sum + v);
            if (sum - c[i]).abs() > TOLERANCE {
                return wrong(
                    "A",
                    format!("row {stage} sums to {}, but c is {}", written(&sum), written(&c[i])),
                );
            }
        }
        let tableau = Tableau { c, a, b, order };
        if order == 0 {
            return wrong("order", "0 is not an order of convergence");
        }
        for (of, name, value, expected) in tableau.conditions() {
            if (value - expected).abs() > TOLERANCE && of <= order {
                return match of {
                    1 => wrong(
                        "b",
                        format!(
                            "the sum is {}, not 1: the method is not consistent",
                            written(&value)
                        ),
                    ),
                    _ => wrong(
                        "order",
                        format!(
                            "{order} is declared, but {name} is {}, not {}",
                            written(&value),
                            written(&expected)
                        ),
                    ),
                };
            }
        }
        Ok(tableau)
    }

    /// A tableau of this file, checked by its tests.
    fn of(c: &[f64], a: &[&[f64]], b: &[f64], order: u8) -> Self {
        Tableau { c: c.into(), a: a.iter().map(|row| row.to_vec()).collect(), b: b.into(), order }
    }

    /// Euler's method.
    pub fn euler() -> Self {
        Tableau::of(&[0.0], &[&[]], &[1.0], 1)
    }
    /// The two-stage methods of order 2, with the second stage at share `at` of the step: Heun's at
    /// 1, Ralston's at 2/3, the midpoint method at 1/2.
    pub fn two_stages(at: f64) -> Self {
        let share = 0.5 / at;
        Tableau::of(&[0.0, at], &[&[], &[at]], &[1.0 - share, share], 2)
    }
    /// Kutta's method of order 3.
    pub fn kutta3() -> Self {
        let b = [1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0];
        Tableau::of(&[0.0, 0.5, 1.0], &[&[], &[0.5], &[-1.0, 2.0]], &b, 3)
    }
    /// Heun's method of order 3.
    pub fn heun3() -> Self {
        let (a, b) = (1.0 / 3.0, 2.0 / 3.0);
        Tableau::of(&[0.0, a, b], &[&[], &[a], &[0.0, b]], &[0.25, 0.0, 0.75], 3)
    }
    /// Ralston's method of order 3, with the smallest error bound.
    pub fn ralston3() -> Self {
        let b = [2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0];
        Tableau::of(&[0.0, 0.5, 0.75], &[&[], &[0.5], &[0.0, 0.75]], &b, 3)
    }
    /// The strong-stability-preserving method of order 3 by Shu & Osher.
    pub fn ssp3() -> Self {
        let b = [1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0];
        Tableau::of(&[0.0, 1.0, 0.5], &[&[], &[1.0], &[0.25, 0.25]], &b, 3)
    }
    /// The classical method of order 4.
    pub fn classical() -> Self {
        let b = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];
        let a: [&[f64]; 4] = [&[], &[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]];
        Tableau::of(&[0.0, 0.5, 0.5, 1.0], &a, &b, 4)
    }

    /// Number of stages: evaluations per step.
    pub fn stages(&self) -> usize {
        self.b.len()
    }
    /// The declared order.
    pub fn order(&self) -> u8 {
        self.order
    }

    /// The order conditions up to order 4: order, name, value, and required value.
    fn conditions(&self) -> Vec<(u8, &'static str, f64, f64)> {
        let (a, c) = (&self.a, &self.c);
        let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).fold(0.0, |sum, (x, y)| sum + x * y);
        let times = |v: &[f64]| a.iter().map(|row| dot(row, v)).collect::<Vec<f64>>();
        let map = |f: &dyn Fn(f64) -> f64| c.iter().map(|c| f(*c)).collect::<Vec<f64>>();
        let by_c = |v: &[f64]| v.iter().zip(c).map(|(x, c)| x * c).collect::<Vec<f64>>();
        let (c2, c3) = (map(&|c| c * c), map(&|c| c * c * c));
        let ac = times(c);
        let b = |v: &[f64]| dot(&self.b, v);
        vec![
            (1, "sum b", b(&map(&|_| 1.0)), 1.0),
            (2, "sum b c", b(c), 0.5),
            (3, "sum b c^2", b(&c2), 1.0 / 3.0),
            (3, "sum b A c", b(&ac), 1.0 / 6.0),
            (4, "sum b c^3", b(&c3), 0.25),
            (4, "sum b c A c", b(&by_c(&ac)), 0.125),
            (4, "sum b A c^2", b(&times(&c2)), 1.0 / 12.0),
            (4, "sum b A A c", b(&times(&ac)), 1.0 / 24.0),
        ]
    }

    /// Reads `c`, `A`, `b` and `order` from a TOML or JSON file; numbers may be written as text, "1/3".
    ///
    /// # Errors
    /// One line that names the file and the key.
    pub fn read(path: &Path) -> Result<Self, String> {
        document::read(path)
            .and_then(|map| Self::of_document(&map))
            .map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The tableau in a TOML or JSON text, as in [`Tableau::read`].
    ///
    /// # Errors
    /// One line that names the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::of_document(&document::parse(text)?)
    }

    fn of_document(map: &Map<String, Value>) -> Result<Self, String> {
        check_keys(map, &["name", "source", "order", "c", "A", "b"])?;
        let key = |key: &str| map.get(key).ok_or_else(|| format!("{key} is missing"));
        let order = key("order")?;
        let order = order.as_u64().and_then(|order| u8::try_from(order).ok());
        let order = order.ok_or("order: not a whole number")?;
        let list = |key: &str, value: &Value| {
            let list = value.as_array().ok_or_else(|| format!("{key}: not a list"))?;
            list.iter()
                .map(number)
                .collect::<Result<Vec<f64>, String>>()
                .map_err(|e| format!("{key}: {e}"))
        };
        let rows = key("A")?.as_array().ok_or("A: not a list of rows")?;
        let rows = rows.iter().map(|row| list("A", row)).collect::<Result<_, _>>()?;
        let (c, b) = (list("c", key("c")?)?, list("b", key("b")?)?);
        Tableau::new(c, rows, b, order).map_err(|e| e.to_string())
    }

    /// One step from `from` to `step.to`.
    ///
    /// A step to σ = 0 with a stage there is Euler's if the variable w does not reach the data.
    pub(super) fn step(
        &self,
        variable: Variable,
        (grid, step): (&Grid, &Step),
        tape: &Tape,
        (x, from): (Var, &Level<Real>),
    ) -> Result<Linear, SamplerError> {
        variable.check(grid, step)?;
        let to = step.to;
        let ends = to.sigma == 0.0 && !variable.reaches_data();
        if ends && self.c.contains(&1.0) {
            return Tableau::euler().step(variable, (grid, step), tape, (x, from));
        }
        if variable == Variable::NoiseRatio && self.stages() == 1 {
            // Without the rounding of x − (x − D).
            let d = tape.predict(Prediction::Denoiser, x, from);
            return Ok(transfer(from, to, to.sigma, x, d));
        }
        let (start, xi) = (variable.at(from), x / variable.scale(from));
        let length = variable.at(to) - start;
        let mut slopes: Vec<Linear> = Vec::with_capacity(self.stages());
        let along = |weights: &[f64], slopes: &[Linear]| {
            let terms = weights.iter().zip(slopes).filter(|(weight, _)| **weight != 0.0);
            terms.fold(xi.clone(), |sum, (weight, slope)| sum + (length * *weight) * slope)
        };
        for (c, row) in self.c.iter().zip(&self.a) {
            let level = match *c {
                0.0 => *from,
                1.0 => *to,
                c => variable.level(grid, step, start + c * length)?,
            };
            slopes.push(variable.slope(tape, &along(row, &slopes), &level));
        }
        Ok(variable.scale(to) * along(&self.b, &slopes))
    }
}

/// A number, or text that evaluates to one.
fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::String(text) => Expression::parse(text)
            .and_then(|e| e.constant())
            .map_err(|reason| format!("'{}': {reason}", excerpt(text))),
        other => {
            other.as_f64().ok_or_else(|| format!("{} is not a number", excerpt(&other.to_string())))
        }
    }
}

/// An explicit Runge–Kutta method on the probability-flow ODE, in t or in the noise ratio.
///
/// In the noise ratio, a step to σ = 0 with a stage there is Euler's, as in EDM.
///
/// On Gaussian data the midpoint method in the noise ratio has order 3 instead of 2. There the ODE is
/// dξ/dς = a ξ with a = ς/(λ + ς²) along each eigenvector, and the h³ term of a step's error,
/// a³/6 + a a′/4 + a″/24, vanishes for every λ. The same holds in the time of flow matching.
#[derive(Clone, Debug, PartialEq)]
pub struct RungeKutta {
    /// The method.
    pub tableau: Tableau,
    /// The variable it steps in.
    pub variable: Variable,
}

impl Sampler for RungeKutta {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            if tape.is_full() {
                return Ok(x);
            }
            let state = self.tableau.step(self.variable, (grid, &step), tape, (x, step.from))?;
            x = tape.arrive(step.to, state);
        }
        Ok(x)
    }

    fn own_order(&self) -> Option<u8> {
        Some(self.tableau.order)
    }
}

const PARAMETERS: &[Parameter] = &[Variable::PARAMETER];

pub(super) static MIDPOINT: Entry<dyn Sampler> = Entry {
    name: "midpoint",
    aliases: &["runge-kutta-2"],
    summary: "explicit midpoint method on the probability-flow ODE",
    source: "Hairer, Norsett & Wanner (1993), section II.1",
    order: Some(2),
    parameters: PARAMETERS,
    build: |a| {
        let tableau = Tableau::two_stages(0.5);
        Ok(Box::new(RungeKutta { tableau, variable: Variable::of(a.text("variable")) }))
    },
};

pub(super) static RALSTON: Entry<dyn Sampler> = Entry {
    name: "ralston",
    aliases: &[],
    summary: "Ralston's second-order method on the probability-flow ODE",
    source: "Ralston (1962)",
    order: Some(2),
    parameters: PARAMETERS,
    build: |a| {
        let tableau = Tableau::two_stages(2.0 / 3.0);
        Ok(Box::new(RungeKutta { tableau, variable: Variable::of(a.text("variable")) }))
    },
};

pub(super) static RK3: Entry<dyn Sampler> = Entry {
    name: "rk3",
    aliases: &["runge-kutta-3"],
    summary: "third-order Runge-Kutta methods with three stages on the probability-flow ODE",
    source: "Hairer, Norsett & Wanner (1993), section II.1; Ralston (1962); Shu & Osher (1988)",
    order: Some(3),
    parameters: &[
        Parameter {
            name: "method",
            kind: Kind::Choice(&["kutta", "heun", "ralston", "ssp"]),
            default: Some("kutta"),
            summary: "Kutta's, Heun's, Ralston's, or the strong-stability-preserving method",
        },
        Variable::PARAMETER,
    ],
    build: |a| {
        let tableau = match a.text("method") {
            "heun" => Tableau::heun3(),
            "ralston" => Tableau::ralston3(),
            "ssp" => Tableau::ssp3(),
            _ => Tableau::kutta3(),
        };
        Ok(Box::new(RungeKutta { tableau, variable: Variable::of(a.text("variable")) }))
    },
};

pub(super) static BUTCHER: Entry<dyn Sampler> = Entry {
    name: "butcher",
    aliases: &[],
    summary: "an explicit Runge-Kutta method with its Butcher tableau in a file",
    source: "user",
    order: None,
    parameters: &[
        Parameter {
            name: "file",
            kind: Kind::Text,
            default: None,
            summary: "TOML or JSON file with c, A, b and order",
        },
        Variable::PARAMETER,
    ],
    build: |a| {
        let tableau = Tableau::read(Path::new(a.text("file")))?;
        Ok(Box::new(RungeKutta { tableau, variable: Variable::of(a.text("variable")) }))
    },
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn own_tableaus_are_what_they_say() {
        for t in [
            Tableau::euler(),
            Tableau::two_stages(0.5),
            Tableau::two_stages(2.0 / 3.0),
            Tableau::two_stages(1.0),
            Tableau::kutta3(),
            Tableau::heun3(),
            Tableau::ralston3(),
            Tableau::ssp3(),
            Tableau::classical(),
        ] {
            assert_eq!(Tableau::new(t.c.clone(), t.a.clone(), t.b.clone(), t.order), Ok(t.clone()));
            // And no more.
            if t.order < 4 {
                let more = Tableau::new(t.c.clone(), t.a.clone(), t.b.clone(), t.order + 1);
                assert_eq!(more.unwrap_err().key, "order", "{t:?}");
            }
        }
    }
}
