use super::{Grid, GridError, GridRule, Request, time_of};
use crate::data::{Column, DataError, read_list};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::path::Path;

/// Noise levels σ/α given one by one, noisiest first, as in EDM, k-diffusion and ComfyUI: t = σ on
/// the process `edm`. Sampling ends at the last level, which may be 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Sigmas {
    sigmas: Vec<f64>,
    file: Option<String>,
}

const NAMES: &[Column] = &[
    Column { singular: "sigma", plural: "sigmas" },
    Column { singular: "t_step", plural: "t_steps" },
    Column { singular: "t", plural: "times" },
];

impl Sigmas {
    /// A rule that always returns these levels.
    pub fn new(sigmas: Vec<f64>) -> Self {
        Sigmas { sigmas, file: None }
    }

    /// Reads levels from any file that [`read_list`] understands.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let sigmas = read_list(path, NAMES)?;
        Ok(Sigmas { sigmas, file: Some(path.display().to_string()) })
    }
}

impl GridRule for Sigmas {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let grid = Grid::from_sigmas(process.clone(), &self.sigmas);
        let grid = grid.map_err(|e| e.in_file(self.file.as_deref()))?;
        grid.exactly(steps, eps)
    }

    fn own_steps(&self) -> Option<usize> {
        Some(self.sigmas.len().saturating_sub(1))
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        time_of(process, *self.sigmas.last()?)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "sigmas",
    aliases: &[],
    summary: "noise levels sigma/alpha read from a file (.npy, .csv, .txt, .json, .py), noisiest first; t = sigma on edm",
    source: "user; the sigmas of EDM, k-diffusion, diffusers and ComfyUI",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "file with one level per line, or a 1-D array; the last may be 0",
    }],
    build: |a| Ok(Box::new(Sigmas::read(Path::new(a.text("file")))?)),
};
