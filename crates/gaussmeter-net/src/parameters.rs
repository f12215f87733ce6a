//! The parameters of a network: one list of numbers, and which of them are whose.

use crate::graph::{Initial, Parameter};
use crate::random::{Purpose, stream};
use rand_distr::{Distribution, StandardNormal};
use std::collections::HashMap;
use std::ops::Range;

/// Where each parameter lies in the list of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    parameters: Vec<Parameter>,
    places: HashMap<String, Range<usize>>,
    len: usize,
}

impl Layout {
    /// Adds a parameter at the end, unless there is one of its name.
    pub(crate) fn add(&mut self, parameter: &Parameter) {
        if !self.places.contains_key(&parameter.name) {
            let end = self.len + parameter.len();
            self.places.insert(parameter.name.clone(), self.len..end);
            self.parameters.push(parameter.clone());
            self.len = end;
        }
    }

    /// Number of all values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The parameters, in the order of the list.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Which values are those of a parameter; none where it is not of this network.
    pub fn range(&self, parameter: &Parameter) -> Range<usize> {
        self.places.get(&parameter.name).cloned().unwrap_or(0..0)
    }

    /// Values before training, which depend on the seed and on the place in the list.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let of = |(index, parameter): (usize, &Parameter)| match parameter.initial {
            Initial::Constant(value) => vec![value; parameter.len()],
            Initial::Normal(deviation) => {
                let mut random = stream(seed, Purpose::Weights, index as u64);
                let draw = |_| {
                    let z: f64 = StandardNormal.sample(&mut random);
                    deviation * z as f32
                };
                (0..parameter.len()).map(draw).collect()
            }
        };
        self.parameters.iter().enumerate().flat_map(of).collect()
    }
}
