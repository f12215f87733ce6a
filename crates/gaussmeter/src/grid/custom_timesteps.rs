use super::timesteps::ratio_at;
use super::{Grid, GridError, GridRule, Request, check_decreasing, largest_sigma, time_of};
use crate::data::{Column, DataError, read_list};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::path::Path;

/// Training timesteps given one by one, noisiest first, like the `timesteps` of diffusers'
/// schedulers; σ/α is interpolated linearly at fractional ones. The data, or training timestep 0,
/// follow.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomTimesteps {
    timesteps: Vec<f64>,
    to_zero: bool,
    file: Option<String>,
}

const NAMES: &[Column] = &[
    Column { singular: "timestep", plural: "timesteps" },
    Column { singular: "t", plural: "times" },
];

impl CustomTimesteps {
    /// A rule that always returns these timesteps, then the data (`to_zero`) or timestep 0.
    pub fn new(timesteps: Vec<f64>, to_zero: bool) -> Self {
        CustomTimesteps { timesteps, to_zero, file: None }
    }

    /// Reads timesteps from any file that [`read_list`] understands.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn read(path: &Path, to_zero: bool) -> Result<Self, DataError> {
        let timesteps = read_list(path, NAMES)?;
        Ok(CustomTimesteps { timesteps, to_zero, file: Some(path.display().to_string()) })
    }

    fn times(&self, process: &dyn Process) -> Result<Vec<f64>, GridError> {
        let total = process.training_steps().ok_or(GridError::NotDiscrete)?;
        let last = total as f64 - 1.0;
        let mut times = Vec::with_capacity(self.timesteps.len() + 1);
        for (index, &timestep) in self.timesteps.iter().enumerate() {
            if !(0.0..=last).contains(&timestep) {
                return Err(GridError::TimestepOutOfRange { index, timestep, last });
            }
            times.push(match timestep.fract() == 0.0 {
                true => timestep + 1.0,
                false => {
                    let sigma = ratio_at(process, timestep);
                    let largest = largest_sigma(process);
                    time_of(process, sigma).ok_or(GridError::NoLevel { index, sigma, largest })?
                }
            });
        }
        times.push(if self.to_zero { 0.0 } else { 1.0 });
        let last = (!self.to_zero).then_some(0.0);
        check_decreasing("timestep", self.timesteps.iter().copied().chain(last))?;
        Ok(times)
    }
}

impl GridRule for CustomTimesteps {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let grid = self.times(&**process).and_then(|times| Grid::new(process.clone(), &times));
        let grid = grid.map_err(|e| e.in_file(self.file.as_deref()))?;
        grid.exactly(steps, eps)
    }

    fn own_steps(&self) -> Option<usize> {
        Some(self.timesteps.len())
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(if self.to_zero { 0.0 } else { 1.0 })
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "custom-timesteps",
    aliases: &["timesteps-file"],
    summary: "training timesteps of vp-discrete read from a file (.npy, .csv, .txt, .json, .py), noisiest first, as diffusers' timesteps=",
    source: "diffusers 0.42.1, set_timesteps(timesteps=…)",
    order: None,
    parameters: &[
        Parameter {
            name: "file",
            kind: Kind::Text,
            default: None,
            summary: "file with one timestep per line, or a 1-D array; fractions are allowed",
        },
        Parameter {
            name: "final",
            kind: Kind::Choice(&["zero", "sigma_min"]),
            default: Some("zero"),
            summary: "final_sigmas_type: whether the last step goes to the data or to training timestep 0",
        },
    ],
    build: |a| {
        let to_zero = a.text("final") == "zero";
        Ok(Box::new(CustomTimesteps::read(Path::new(a.text("file")), to_zero)?))
    },
};
