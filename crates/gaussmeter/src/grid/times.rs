use super::{Grid, GridError, GridRule, Request};
use crate::data::{DataError, read_numbers};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::path::Path;

/// Times given one by one, noisiest first; the last one is eps.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    times: Vec<f64>,
    file: Option<String>,
}

impl Times {
    /// A rule that always returns these times.
    pub fn new(times: Vec<f64>) -> Self {
        Times { times, file: None }
    }

    /// Reads times from any file that [`read_numbers`] understands.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let times = read_numbers(path)?;
        Ok(Times { times, file: Some(path.display().to_string()) })
    }
}

impl GridRule for Times {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let grid =
            Grid::new(process.clone(), &self.times).map_err(|e| e.in_file(self.file.as_deref()))?;
        grid.exactly(steps, eps)
    }

    fn own_steps(&self) -> Option<usize> {
        Some(self.times.len().saturating_sub(1))
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        self.times.last().copied()
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "times",
    aliases: &[],
    summary: "times read from a file (.npy, .csv, .txt, .json, .py), noisiest first; the last one is eps",
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
