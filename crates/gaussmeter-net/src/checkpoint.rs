//! The state of a training, to go on from as if nothing had happened.

use crate::error::NetError;
use crate::network::StoredParametrization;
use crate::optimiser::Optimiser;
use crate::program::Program;
use crate::tensors::{Named, Stored, write};
use crate::trainer::{LogRow, Options, Sums, Trainer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

const CONTENT: &str = "gaussmeter checkpoint";

#[derive(Serialize, Deserialize)]
struct Meta {
    content: String,
    version: u32,
    data: String,
    #[serde(default)]
    fingerprint: Option<u64>,
    network: Program,
    parametrization: StoredParametrization,
    options: Options,
    step: u64,
    sums: Sums,
    rows: Vec<LogRow>,
}

impl Trainer<'_> {
    /// Writes the state of the training.
    ///
    /// # Errors
    /// [`NetError::Io`]
    pub fn keep(&self, path: &Path) -> Result<(), NetError> {
        let meta = Meta {
            content: CONTENT.into(),
            version: 1,
            data: self.data(),
            fingerprint: Some(self.fingerprint()),
            network: self.program.clone(),
            parametrization: (&self.parametrization).into(),
            options: self.options.clone(),
            step: self.step,
            sums: self.sums,
            rows: self.rows.clone(),
        };
        let lists = [
            ("weights", &self.weights),
            ("average", &self.average),
            ("first", &self.moments.first),
            ("second", &self.moments.second),
        ];
        let tensors: Vec<Named<'_>> = lists
            .into_iter()
            .map(|(name, list)| (name.to_owned(), vec![list.len()], &list[..]))
            .collect();
        write(path, &meta, &tensors)
    }

    /// Goes on from a state that [`Trainer::keep`] has written of the same training.
    ///
    /// # Errors
    /// [`NetError`]: a damaged file, or [`NetError::Differs`] for a state of other training.
    pub fn resume(&mut self, path: &Path) -> Result<(), NetError> {
        let stored = Stored::read(path)?;
        let meta: Meta = stored.meta(CONTENT)?;
        self.same(path, &meta)?;
        // The same but for rounding, which differs among machines.
        self.parametrization = meta.parametrization.clone().read()?;
        if meta.step > self.options.steps {
            return Err(NetError::malformed(path, "more steps done than there are"));
        }
        let len = self.weights.len();
        let rest = if self.options.optimiser == Optimiser::Adam { len } else { 0 };
        let tensors = stored.tensors()?;
        let weights = tensors.get("weights", &[len])?;
        let average = tensors.get("average", &[len])?;
        let first = tensors.get("first", &[rest])?;
        let second = tensors.get("second", &[rest])?;
        if second.iter().any(|v| *v < 0.0) {
            return Err(NetError::malformed(path, "tensor 'second' has negative mean squares"));
        }
        (self.weights, self.average) = (weights, average);
        (self.moments.first, self.moments.second) = (first, second);
        (self.step, self.sums, self.rows) = (meta.step, meta.sums, meta.rows);
        self.measured = None;
        Ok(())
    }

    /// Refuses the state of another training, and says what differs.
    fn same(&self, path: &Path, meta: &Meta) -> Result<(), NetError> {
        let json = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
        let pairs = [
            (
                "the data",
                json(serde_json::to_value(&meta.data)),
                json(serde_json::to_value(self.data())),
            ),
            (
                "the network",
                json(serde_json::to_value(&meta.network)),
                json(serde_json::to_value(&self.program)),
            ),
            (
                "the parametrization",
                json(serde_json::to_value(&meta.parametrization)),
                json(serde_json::to_value(StoredParametrization::from(&self.parametrization))),
            ),
            (
                "the training",
                json(serde_json::to_value(&meta.options)),
                json(serde_json::to_value(&self.options)),
            ),
        ];
        let Some((what, stored, asked)) = pairs.into_iter().find(|(_, a, b)| !are_near(a, b))
        else {
            let own = self.fingerprint();
            return match meta.fingerprint.filter(|kept| *kept != own) {
                None => Ok(()),
                Some(kept) => Err(NetError::Differs {
                    path: path.into(),
                    what: "the data",
                    stored: format!("samples and classes of sum {kept:x}"),
                    asked: format!("of sum {own:x}"),
                }),
            };
        };
        let (stored, asked) = first_difference(stored, asked);
        Err(NetError::Differs { path: path.into(), what, stored, asked })
    }
}

/// Whether two are one but for rounding of numbers that are not whole.
fn are_near(a: &Value, b: &Value) -> bool {
    const ROUNDING: f64 = 1e-9;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            (a - b).abs() <= ROUNDING * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_near(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let near = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| are_near(a, b));
            a.len() == b.len() && a.iter().all(near)
        }
        _ => a == b,
    }
}

/// The first entry in which two objects differ, or both as they are.
fn first_difference(stored: Value, asked: Value) -> (String, String) {
    if let (Value::Object(a), Value::Object(b)) = (&stored, &asked) {
        for (key, value) in a {
            let other = b.get(key).cloned().unwrap_or_default();
            if !are_near(value, &other) {
                let (a, b) = first_difference(value.clone(), other);
                return (format!("{key} {a}"), format!("{key} {b}"));
            }
        }
    }
    (stored.to_string(), asked.to_string())
}
