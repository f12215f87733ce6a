use super::numpy::{arange, linspace};
use super::{Grid, GridError, GridRule, Request, largest_sigma, time_of};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Training timesteps of a network trained in discrete time, spaced as in diffusers.
///
/// With T training timesteps and n steps, k = 0 … n − 1, in NumPy's arithmetic (halves round to
/// even, if what is a half on paper is one in double precision):
///
/// | | `ddim`, `euler` | `dpm` |
/// |---|---|---|
/// | leading | (n − 1 − k) ⌊T/n⌋ + offset | (n − k) ⌊T/(n + 1)⌋ + offset |
/// | linspace | round of linspace(T − 1, 0, n) | round of linspace(T − 1, 0, n + 1), without the last |
/// | trailing | round(T − k T/n) − 1 | the same |
///
/// (`euler` does not round linspace); then the data (`zero`) or training timestep 0 (`sigma_min`).
/// linspace with one point is timestep 0. If T/n is rounded down, n strides do not add up to T and
/// trailing has one more timestep, −1, which is an error here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timesteps {
    /// How timesteps are spaced.
    pub spacing: Spacing,
    /// Whose convention is followed.
    pub family: Family,
    /// diffusers' `steps_offset`, added with [`Spacing::Leading`].
    pub offset: usize,
    /// Whether the last step goes to the data, or to training timestep 0.
    pub to_zero: bool,
}

/// diffusers' `timestep_spacing`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spacing {
    /// Multiples of the stride, from the data on.
    Leading,
    /// Equal parts of the whole range, both ends included.
    Linspace,
    /// Multiples of the stride, from the noise on.
    Trailing,
}

/// Groups of diffusers' schedulers that share a convention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// DDIM, DDPM, PNDM.
    Ddim,
    /// Euler, Heun, LMS: as [`Family::Ddim`], but `linspace` is not rounded, and σ/α is linear
    /// between training timesteps.
    Euler,
    /// DPM-Solver, DEIS, UniPC, SA-Solver.
    Dpm,
}

impl Timesteps {
    /// The training timesteps, noisiest first.
    fn timesteps(&self, total: usize, n: usize) -> Vec<f64> {
        let last = total.saturating_sub(1) as f64;
        let points = match self.family {
            Family::Ddim | Family::Euler => n,
            Family::Dpm => n + 1,
        };
        let mut timesteps: Vec<f64> = match (self.spacing, self.family) {
            (Spacing::Leading, _) => {
                let stride = total / points.max(1);
                (0..points).map(|k| (k * stride + self.offset) as f64).rev().collect()
            }
            // linspace with one point is its first, the data end. In single precision, which
            // diffusers uses here, what is whole on paper is whole.
            (Spacing::Linspace, Family::Euler) => {
                let parts = points.saturating_sub(1).max(1) as f64;
                (0..points).map(|k| last * k as f64 / parts).rev().collect()
            }
            (Spacing::Linspace, _) => {
                linspace(0.0, last, points).into_iter().map(f64::round_ties_even).rev().collect()
            }
            (Spacing::Trailing, _) => {
                let total = total as f64;
                let multiples = arange(total, 0.0, -(total / n as f64)).into_iter();
                return multiples.map(|t| t.round_ties_even() - 1.0).collect();
            }
        };
        timesteps.truncate(n);
        timesteps
    }
}

/// σ/α at the training timesteps on both sides of a fractional one.
pub(super) fn around(process: &dyn Process, timestep: f64) -> [f64; 2] {
    [timestep.floor(), timestep.ceil()].map(|k| {
        let level = process.level(k + 1.0);
        level.sigma / level.alpha
    })
}

/// σ/α at a training timestep, linear between whole ones.
pub(crate) fn ratio_at(process: &dyn Process, timestep: f64) -> f64 {
    let [low, high] = around(process, timestep);
    low + timestep.fract() * (high - low)
}

impl GridRule for Timesteps {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let total = process.training_steps().ok_or(GridError::NotDiscrete)?;
        let timesteps = self.timesteps(total, steps);
        if timesteps.last().is_some_and(|last| *last < 0.0) {
            return Err(GridError::Surplus { made: timesteps.len(), asked: steps });
        }
        let mut times = Vec::with_capacity(steps + 1);
        for (index, timestep) in timesteps.into_iter().enumerate() {
            times.push(match timestep.fract() == 0.0 {
                true => timestep + 1.0,
                false => {
                    let sigma = ratio_at(&**process, timestep);
                    let largest = largest_sigma(&**process);
                    let unknown = GridError::NoLevel { index, sigma, largest };
                    time_of(&**process, sigma).ok_or(unknown)?
                }
            });
        }
        times.push(if self.to_zero { 0.0 } else { 1.0 });
        Grid::new(process.clone(), &times)?.exactly(steps, eps)
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(if self.to_zero { 0.0 } else { 1.0 })
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "timesteps",
    aliases: &["diffusers"],
    summary: "training timesteps of vp-discrete, spaced as in diffusers",
    source: "diffusers 0.42.1, timestep_spacing; Lin et al. (2024), table 2",
    order: None,
    parameters: &[
        Parameter {
            name: "spacing",
            kind: Kind::Choice(&["leading", "linspace", "trailing"]),
            default: Some("leading"),
            summary: "timestep_spacing of the scheduler's configuration",
        },
        Parameter {
            name: "family",
            kind: Kind::Choice(&["ddim", "euler", "dpm"]),
            default: Some("ddim"),
            summary: "ddim: DDIM, DDPM, PNDM; euler: Euler, Heun, LMS; dpm: DPM-Solver, DEIS, UniPC, SA-Solver",
        },
        Parameter {
            name: "offset",
            kind: Kind::CountTo { min: 0, max: 1_000_000 },
            default: Some("0"),
            summary: "steps_offset, added to leading timesteps; 1 for Stable Diffusion",
        },
        Parameter {
            name: "final",
            kind: Kind::Choice(&["zero", "sigma_min"]),
            default: Some("zero"),
            summary: "zero: the last step goes to the data; sigma_min: to training timestep 0",
        },
    ],
    build: |a| {
        Ok(Box::new(Timesteps {
            spacing: match a.text("spacing") {
                "linspace" => Spacing::Linspace,
                "trailing" => Spacing::Trailing,
                _ => Spacing::Leading,
            },
            family: match a.text("family") {
                "dpm" => Family::Dpm,
                "euler" => Family::Euler,
                _ => Family::Ddim,
            },
            offset: a.count("offset"),
            to_zero: a.text("final") == "zero",
        }))
    },
};
