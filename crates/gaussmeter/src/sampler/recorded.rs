//! Recorded programs in files: what `gaussmeter show` writes, read back.

use super::SamplerError;
use super::document::check_keys;
use super::transfer::undefined;
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::network::conditioning::Relation;
use crate::process::Process;
use crate::tape::{Prediction, Tape, Var};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A recorded program. Vectors are numbered in order of definition; 0 is the initial state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recorded {
    operations: Vec<Operation>,
    output: usize,
    /// The steps of its grid.
    steps: usize,
    /// The levels of its grid; `None` in a document without them, whose arrivals then serve.
    grid: Option<Vec<Place>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operation {
    Predict { of: usize, kind: Prediction, at: Place },
    Noise,
    Combine { terms: Vec<(f64, usize)> },
    Arrive { state: usize, at: Place },
}

/// A level, used to recognise a process.
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
                    text.ok_or_else(|| format!("{key} is missing or not text"))
                };
                let known = |name: &str, names: &HashMap<String, usize>| {
                    names
                        .get(name)
                        .copied()
                        .ok_or_else(|| format!("'{name}' is not defined before this operation"))
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
                            let c =
                                c.as_f64().ok_or_else(|| format!("terms.{name}: not a number"))?;
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
                        return Err(format!("'{name}' is defined twice"));
                    }
                    vectors += 1;
                }
                Ok(operation)
            };
            operations.push(read().map_err(|e| format!("operation {}: {e}", i + 1))?);
        }
        let output =
            map.get("output").and_then(Value::as_str).ok_or("output is missing or not text")?;
        let output = names.get(output).copied();
        let output = output.ok_or("output: there is no vector of this name")?;
        let grid = match map.get("grid") {
            None | Some(Value::Null) => None,
            Some(list) => {
                let list = list.as_array().filter(|list| list.len() >= 2);
                let list = list.ok_or("grid: not a list of at least two levels")?;
                let place = |(i, value): (usize, &Value)| {
                    let map = value.as_object().ok_or_else(|| "not a table".to_string());
                    map.and_then(Place::of).map_err(|e| format!("level {} of grid: {e}", i + 1))
                };
                Some(list.iter().enumerate().map(place).collect::<Result<Vec<_>, _>>()?)
            }
        };
        // Samplers may arrive more or less often than their grid has levels.
        let steps = grid.as_ref().map_or(steps, |grid| grid.len() - 1);
        Ok(Recorded { operations, output, steps, grid })
    }

    /// The number of steps of the grid it was recorded on.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Puts the program on a tape if the grid is the one it was recorded on.
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
            let reason =
                "the coefficients of a recorded program do not change with the times of a grid";
            return Err(refuse(step.as_ref(), reason.into()));
        }
        if steps != self.steps {
            let reason = format!("the program was recorded for {} steps, not {steps}", self.steps);
            return Err(refuse(step.as_ref(), reason));
        }
        for (place, level) in self.grid.iter().flatten().zip(grid.levels()) {
            place.check(level).map_err(|reason| refuse(step.as_ref(), reason))?;
        }
        for operation in &self.operations {
            match operation {
                Operation::Predict { of, kind, at } => {
                    let level =
                        at.asked(*kind, grid).map_err(|reason| refuse(step.as_ref(), reason))?;
                    vectors.push(tape.ask(*kind, vectors[*of], &level));
                }
                Operation::Noise => vectors.push(tape.noise()),
                Operation::Combine { terms } => {
                    let terms = terms.iter().map(|(c, v)| (*c, vectors[*v]));
                    let stored = tape.store(terms);
                    vectors.push(stored);
                }
                Operation::Arrive { state, at } => {
                    let to = match (&self.grid, &step) {
                        (Some(_), _) => at.level(grid),
                        (None, Some(step)) => at.check(&step.to.value()).map(|()| step.to.value()),
                        (None, None) => at.check(grid.end()).map(|()| *grid.end()),
                    };
                    let to = to.map_err(|reason| refuse(step.as_ref(), reason))?;
                    tape.arrive(&to, vectors[*state]);
                    step = walk.next();
                }
            }
        }
        Ok(vectors[self.output])
    }
}

const ANOTHER: &str = "the program was recorded with another process or grid";

impl Place {
    fn of(map: &Map<String, Value>) -> Result<Self, String> {
        let number = |key: &str| {
            map.get(key)
                .and_then(Value::as_f64)
                .ok_or_else(|| format!("{key} is missing or not a number"))
        };
        Ok(Place { t: number("t")?, alpha: number("alpha")?, sigma: number("sigma")? })
    }

    /// Whether the process is defined at this time. Churn goes beyond T where processes allow it.
    fn within(&self, process: &dyn Process) -> Result<(), String> {
        let beyond = || process.time_at(self.sigma / self.alpha).is_some();
        match self.t < 0.0 || self.t > process.t_max() && !beyond() {
            true => Err(format!(
                "the program asks for t = {}, where the process is not defined",
                self.t
            )),
            false => Ok(()),
        }
    }

    /// The level of the grid's process, if it is this one.
    fn level(&self, grid: &Grid) -> Result<Level, String> {
        self.within(&**grid.process())?;
        let level = grid.process().level(self.t);
        self.check(&level).map(|()| level)
    }

    /// The level that the network is asked for `kind` at; the network has been told this level
    /// already.
    fn asked(&self, kind: Prediction, grid: &Grid) -> Result<Level, String> {
        let process = grid.process();
        self.within(&**process)?;
        let (known, here) = (process.network_level(self.t), process.level(self.t));
        let told = process.conditioning().and_then(|c| c.told(self.t));
        let in_u = here.signal.map(|_| Prediction::Denoiser);
        if let Some(predicts) = told.map(|told| told.predicts).or(in_u) {
            let differs = |what: String| format!("{ANOTHER}: {what}, at t = {}", self.t);
            if predicts != kind {
                let (there, here) = (kind.name(), predicts.name());
                return Err(differs(format!(
                    "the network is asked for the {there} there and predicts the {here} here"
                )));
            }
            // Where solver and network agree on times, what is in the list is told as it is.
            let listed = told.filter(|told| told.relation == Relation::Listed);
            let listed = listed.filter(|_| known.sigma == here.sigma);
            if listed.is_some_and(|told| (told.level.t - self.t).abs() > 1e-9 * self.t) {
                return Err(differs(
                    "the network is told a time there that it is not told here".into(),
                ));
            }
        }
        match self.check(&known) {
            Ok(()) => Ok(known),
            Err(reason) => {
                let level = self.level(grid).map_err(|_| reason)?;
                Ok(Level { signal: None, ..level })
            }
        }
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
            Some((name, a, b)) => {
                Err(format!("{ANOTHER}: {name} is {a} there and {b} here, at t = {}", self.t))
            }
        }
    }
}
