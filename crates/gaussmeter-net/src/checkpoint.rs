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
        let Some((what, stored, asked)) = pairs.into_iter().find(|(_, a, b)| a != b) else {
            return Ok(());
        };
        let (stored, asked) = first_difference(stored, asked);
        Err(NetError::Differs { path: path.into(), what, stored, asked })
    }
}

/// The first entry in which two objects differ, or both as they are.
fn first_difference(stored: Value, asked: Value) -> (String, String) {
    if let (Value::Object(a), Value::Object(b)) = (&stored, &asked) {
        for (key, value) in a {
            let other = b.get(key).cloned().unwrap_or_default();
            if *value != other {
                let (a, b) = first_difference(value.clone(), other);
                return (format!("{key} {a}"), format!("{key} {b}"));
            }
        }
    }
    (stored.to_string(), asked.to_string())
}
