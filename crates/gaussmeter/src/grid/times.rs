use super::{Grid, GridError, GridRule};
use crate::data::{DataError, read_numbers};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::path::Path;
use std::sync::Arc;

/// Times given one by one, noisiest first; the last one is eps.
#[derive(Clone, Debug, PartialEq)]
pub struct Times(Vec<f64>);

impl Times {
    /// A rule that always returns these times.
    pub fn new(times: Vec<f64>) -> Self {
        Times(times)
    }

    /// Reads times from any file that [`read_numbers`] understands.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn read(path: &Path) -> Result<Self, DataError> {
        read_numbers(path).map(Times)
    }
}

impl GridRule for Times {
    fn grid(&self, process: &Arc<dyn Process>, steps: usize, eps: f64) -> Result<Grid, GridError> {
        let grid = Grid::new(process.clone(), &self.0)?;
        if steps != grid.step_count() {
            let (own, asked) = (grid.step_count() as f64, steps as f64);
            return Err(GridError::Fixed { what: "steps", own, asked });
        }
        if eps != grid.end().t {
            return Err(GridError::Fixed { what: "final time", own: grid.end().t, asked: eps });
        }
        Ok(grid)
    }

    fn own_times(&self) -> Option<&[f64]> {
        Some(&self.0)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "times",
    aliases: &[],
    summary: "times read from a file (.npy, .csv, .txt, .json), noisiest first; the last one is eps",
    source: "user",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "file with one time per line, or a 1-D array",
    }],
    build: |a| Ok(Box::new(Times::read(Path::new(a.text("file")))?)),
};
