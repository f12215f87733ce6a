use super::{Grid, GridError, GridRule, Request, check_decreasing, time_of};
use crate::data::{Column, DataError, read_list};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::path::Path;

/// Noise levels u = σ/(α + σ) of flow matching given one by one, noisiest first, like the `sigmas`
/// of diffusers' flow schedulers: before the scheduler's shift s, which maps u to s u/(1 + (s − 1)
/// u), and without the final 0.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSigmas {
    levels: Vec<f64>,
    shift: f64,
    file: Option<String>,
}

const NAMES: &[Column] = &[
    Column { singular: "u", plural: "flow_sigmas" },
    Column { singular: "sigma", plural: "sigmas" },
];

impl FlowSigmas {
    /// A rule that always returns these levels, shifted; 0 is appended if it is not the last.
    pub fn new(levels: Vec<f64>, shift: f64) -> Self {
        FlowSigmas { levels, shift, file: None }
    }

    /// Reads levels from any file that [`read_list`] understands.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn read(path: &Path, shift: f64) -> Result<Self, DataError> {
        let levels = read_list(path, NAMES)?;
        Ok(FlowSigmas { levels, shift, file: Some(path.display().to_string()) })
    }

    fn times(&self, process: &dyn Process) -> Result<Vec<f64>, GridError> {
        let end = self.levels.last().is_some_and(|last| *last > 0.0).then_some(0.0);
        let levels = self.levels.iter().copied().chain(end).enumerate();
        let time = |(index, level): (usize, f64)| {
            if !(0.0..=1.0).contains(&level) {
                return Err(GridError::OutOfRange { index, t: level, t_max: 1.0 });
            }
            let u = self.shift * level / (1.0 + (self.shift - 1.0) * level);
            let sigma = u / (1.0 - u);
            let largest = super::largest_sigma(process);
            time_of(process, sigma).ok_or(GridError::NoLevel { index, sigma, largest })
        };
        let times = levels.map(time).collect::<Result<_, _>>()?;
        check_decreasing("level", self.levels.iter().copied())?;
        Ok(times)
    }
}

impl GridRule for FlowSigmas {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let grid = self.times(&**process).and_then(|times| Grid::new(process.clone(), &times));
        let grid = grid.map_err(|e| e.in_file(self.file.as_deref()))?;
        grid.exactly(steps, eps)
    }

    fn own_steps(&self) -> Option<usize> {
        let ends = self.levels.last().is_some_and(|last| *last == 0.0);
        Some(self.levels.len() - usize::from(ends))
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(0.0)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "flow-sigmas",
    aliases: &["flow_sigmas"],
    summary: "levels u of flow matching read from a file (.npy, .csv, .txt, .json, .py), noisiest first, as sigmas= of diffusers' flow schedulers",
    source: "diffusers 0.42.1, FlowMatchEulerDiscreteScheduler.set_timesteps(sigmas=…)",
    order: None,
    parameters: &[
        Parameter {
            name: "file",
            kind: Kind::Text,
            default: None,
            summary: "file with one level from 1 to 0 per line, or a 1-D array; the last 0 may be left out",
        },
        Parameter {
            name: "shift",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "shift that the scheduler applies to the list",
        },
    ],
    build: |a| Ok(Box::new(FlowSigmas::read(Path::new(a.text("file")), a.number("shift"))?)),
};
