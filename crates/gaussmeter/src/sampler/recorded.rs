//! Recorded programs in files: what `gaussmeter show` writes, read back.

use super::SamplerError;
use super::document::check_keys;
use super::transfer::undefined;
use crate::grid::{Grid, Step};
use crate::process::Level;
use crate::tape::{Linear, Prediction, Tape, Var};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A recorded program. Vectors are numbered in the order they are found, 0 the initial state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recorded {
    operations: Vec<Operation>,
    output: usize,
    steps: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Operation {
    Predict { of: usize, kind: Prediction, at: Place },
    Noise,
    Combine { terms: Vec<(f64, usize)> },
    Arrive { state: usize, at: Place },
}

/// A level, by which a process is recognised.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    t: f64,
    alpha: f64,
    sigma: f64,
}

impl Recorded {
    /// Reads `operations` and `output` of a document.
    pub fn of(map: &Map<String, Value>) -> Result<Self, String> {
        let list = map.get("operations").and_then(Value::as_array);
        let list = list.ok_or("operations: not a list")?;
        let mut names: HashMap<String, usize> = HashMap::from([("x0".into(), 0)]);
        let mut vectors = 1;
        let mut steps = 0;
        let mut operations = Vec::new();
        for (i, value) in list.iter().enumerate() {
            let mut read = || {
                let map = value.as_object().ok_or("not a table")?;
                let text = |key: &str| {
                    let text = map.get(key).and_then(Value::as_str);
                    text.ok_or_else(|| format!("{key} is missing, or no text"))
                };
                let known = |name: &str, names: &HashMap<String, usize>| {
                    names.get(name).copied().ok_or_else(|| {
                        format!("'{name}' is not known here: it is found by this operation, later or never")
                    })
                };
                let (operation, keys): (_, &[&str]) = match text("op")? {
                    "predict" => {
                        let kind = text("kind")?;
                        let kind = Prediction::ALL.into_iter().find(|k| k.name() == kind);
                        let kind =
                            kind.ok_or("kind: not denoiser, score, noise, velocity, v-prediction or flow velocity")?;
                        let of = known(text("of")?, &names)?;
                        let operation = Operation::Predict { of, kind, at: Place::of(map)? };
                        (operation, &["op", "result", "kind", "of", "t", "alpha", "sigma"])
                    }
                    "noise" => (Operation::Noise, &["op", "result"]),
                    "combine" => {
                        let terms = map.get("terms").and_then(Value::as_object);
                        let terms = terms.ok_or("terms: not a table")?.iter();
                        let terms = terms.map(|(name, c)| {
                            let c = c.as_f64().ok_or_else(|| format!("terms.{name}: no number"))?;
                            Ok((c, known(name, &names)?))
                        });
                        let terms = terms.collect::<Result<_, String>>()?;
                        (Operation::Combine { terms }, &["op", "result", "terms"])
                    }
                    "arrive" => {
                        steps += 1;
                        let state = known(text("state")?, &names)?;
                        let operation = Operation::Arrive { state, at: Place::of(map)? };
                        (operation, &["op", "state", "t", "alpha", "sigma"])
                    }
                    other => {
                        return Err(format!(
                            "op: '{other}' is not predict, noise, combine or arrive"
                        ));
                    }
                };
                check_keys(map, keys)?;
                if !matches!(operation, Operation::Arrive { .. }) {
                    let name = text("result")?;
                    if names.insert(name.into(), vectors).is_some() {
                        return Err(format!("'{name}' is found twice"));
                    }
                    vectors += 1;
                }
                Ok(operation)
            };
            operations.push(read().map_err(|e| format!("operation {}: {e}", i + 1))?);
        }
        let output =
            map.get("output").and_then(Value::as_str).ok_or("output is missing, or no text")?;
        let output = names.get(output).copied();
        Ok(Recorded { operations, output: output.ok_or("output: no vector of this name")?, steps })
    }

    /// Puts the program on a tape, if the grid is the one it was recorded on.
    pub fn replay(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        let steps = grid.step_count();
        let mut vectors: Vec<Var> = vec![x];
        let mut walk = grid.steps();
        let mut step = walk.next();
        let refuse =
            |step: Option<&Step>, reason: String| match step.or(grid.steps().last().as_ref()) {
                Some(step) => undefined(grid, step, reason),
                None => SamplerError::Undefined { step: 1, steps, reason },
            };
        if grid.steps().any(|step| !step.from.t.is_constant() || !step.to.t.is_constant()) {
            let reason = "the numbers of a recorded program do not follow the times of a grid";
            return Err(refuse(step.as_ref(), reason.into()));
        }
        if steps != self.steps {
            let reason = format!("the program was recorded for {} steps, not {steps}", self.steps);
            return Err(refuse(step.as_ref(), reason));
        }
        for operation in &self.operations {
            match operation {
                Operation::Predict { of, kind, at } => {
                    let level = at.level(grid).map_err(|reason| refuse(step.as_ref(), reason))?;
                    vectors.push(tape.predict(*kind, vectors[*of], &level));
                }
                Operation::Noise => vectors.push(tape.noise()),
                Operation::Combine { terms } => {
                    let sum =
                        terms.iter().fold(Linear::default(), |sum, (c, v)| sum + *c * vectors[*v]);
                    vectors.push(tape.keep(sum));
                }
                Operation::Arrive { state, at } => {
                    let to = match &step {
                        Some(step) => *step.to,
                        None => grid.end().into(),
                    };
                    at.check(&to.value()).map_err(|reason| refuse(step.as_ref(), reason))?;
                    tape.arrive(&to, vectors[*state]);
                    step = walk.next();
                }
            }
        }
        Ok(vectors[self.output])
    }
}

impl Place {
    fn of(map: &Map<String, Value>) -> Result<Self, String> {
        let number = |key: &str| {
            map.get(key)
                .and_then(Value::as_f64)
                .ok_or_else(|| format!("{key} is missing, or no number"))
        };
        Ok(Place { t: number("t")?, alpha: number("alpha")?, sigma: number("sigma")? })
    }

    /// The level of the grid's process, if it is this one. Churn leads beyond T where processes go on.
    fn level(&self, grid: &Grid) -> Result<Level, String> {
        let process = grid.process();
        let beyond = || process.time_at(self.sigma / self.alpha).is_some();
        if self.t < 0.0 || self.t > process.t_max() && !beyond() {
            return Err(format!("the program asks for t = {}, where the process is not", self.t));
        }
        let level = process.level(self.t);
        self.check(&level).map(|()| level)
    }

    fn check(&self, level: &Level) -> Result<(), String> {
        let differs = |a: f64, b: f64| (a - b).abs() > 1e-9 * a.abs().max(b.abs()).max(1e-12);
        let pairs = [
            ("t", self.t, level.t),
            ("alpha", self.alpha, level.alpha),
            ("sigma", self.sigma, level.sigma),
        ];
        match pairs.iter().find(|(_, a, b)| differs(*a, *b)) {
            None => Ok(()),
            Some((name, a, b)) => Err(format!(
                "the program was recorded with another process or grid: {name} is {a} there and {b} here, at t = {}",
                self.t
            )),
        }
    }
}
