//! Python's pickles, read as data: nothing in them is imported, called or executed.
//!
//! A pickle is a program for a stack machine. [`machine`] runs those opcodes of protocols 0 to 5 that
//! build data. Functions and classes are only names to it. A few names stand for arrays, tensors and
//! their parts: [`known`] says what calling them would make. Any other name is an error.
//!
//! ```text
//! Pickle ─► machine ─► known ─► value
//! ```

mod known;
mod machine;
mod value;

pub(super) use value::{PickledArray, Tensor, Value};

use super::Input;
use crate::samples::SamplesError;
use std::borrow::Cow;
use std::collections::HashSet;
use value::{Id, Values, text};

/// Depth of nested containers to which arrays are looked for.
const DEPTH: usize = 32;

/// Most arrays that get names, and most bytes of a key in such a name.
const NAMED: usize = 1 << 16;
const KEY: usize = 256;

/// The content of a pickle.
pub(super) struct Pickle {
    values: Values,
    root: Id,
}

impl Pickle {
    /// Interprets the pickle at the beginning of a file.
    ///
    /// # Errors
    /// [`SamplesError`]: damaged, too large, or containing anything but data.
    pub fn load(input: &Input) -> Result<Self, SamplesError> {
        let (values, root) = machine::run(input)?;
        Ok(Pickle { values, root })
    }

    fn get(&self, id: Id) -> &Value {
        self.values.get(id)
    }

    /// The outermost value.
    pub fn root(&self) -> &Value {
        self.get(self.root)
    }

    /// The value of a key, if the pickle is a dictionary that has it.
    pub fn entry(&self, key: &str) -> Option<&Value> {
        let Value::Dict(pairs) = self.root() else { return None };
        let (_, value) =
            pairs.iter().find(|(k, _)| text(self.get(*k)).is_some_and(|k| k == key))?;
        Some(self.get(*value))
    }

    /// The entries of a list as text, if all are integers or text.
    pub fn labels(&self, value: &Value) -> Option<Vec<String>> {
        let label = |id: &Id| match self.get(*id) {
            Value::Int(label) => Some(label.to_string()),
            value => text(value).map(Cow::into_owned),
        };
        self.values.items(value)?.iter().map(label).collect()
    }

    /// All arrays and tensors in it, named by the keys and indices that lead to them.
    pub fn arrays(&self) -> Vec<(String, &Value)> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut rest = vec![(String::new(), self.root, 0)];
        while let Some((name, id, depth)) = rest.pop() {
            let value = self.get(id);
            let mut below = Vec::new();
            match value {
                Value::Array(_) | Value::Tensor(_) if found.len() < NAMED => {
                    found.push((name, value));
                    continue;
                }
                Value::Tuple(_) | Value::List(_) | Value::Dict(_)
                    if depth == DEPTH || !seen.insert(id) => {}
                Value::Tuple(all) | Value::List(all) => below.extend(
                    (all.iter().enumerate().filter(|(_, id)| self.is_inner(**id)))
                        .map(|(k, id)| (Cow::from(k.to_string()), *id)),
                ),
                Value::Dict(all) => below.extend(
                    (all.iter().filter(|(_, id)| self.is_inner(*id)))
                        .map(|(key, id)| (self.key(*key), *id)),
                ),
                _ => {}
            }
            let dot = if name.is_empty() { "" } else { "." };
            // In reverse, because the last one is taken first.
            let below = below.into_iter().rev();
            rest.extend(below.map(|(key, id)| (format!("{name}{dot}{key}"), id, depth + 1)));
        }
        found
    }

    /// Whether it is, or may hold, an array.
    fn is_inner(&self, id: Id) -> bool {
        match self.get(id) {
            Value::Array(_) | Value::Tensor(_) => true,
            Value::Tuple(all) | Value::List(all) => !all.is_empty(),
            Value::Dict(all) => !all.is_empty(),
            _ => false,
        }
    }

    fn key(&self, id: Id) -> Cow<'_, str> {
        match self.get(id) {
            Value::Int(key) => key.to_string().into(),
            key => match text(key) {
                Some(Cow::Borrowed(key)) => key[..key.floor_char_boundary(KEY)].into(),
                Some(Cow::Owned(key)) => key[..key.floor_char_boundary(KEY)].to_owned().into(),
                None => "?".into(),
            },
        }
    }
}
