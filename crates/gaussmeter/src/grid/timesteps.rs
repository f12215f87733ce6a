use super::{Grid, GridError, GridRule, largest_sigma, time_of};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::sync::Arc;

/// Training timesteps of a network trained in discrete time, spaced as diffusers does.
///
/// With T training timesteps and n steps, k = 0 … n − 1 (round halves to even):
///
/// | | `ddim`, `euler` | `dpm` |
/// |---|---|---|
/// | leading | (n − 1 − k) ⌊T/n⌋ + offset | (n − k) ⌊T/(n + 1)⌋ + offset |
/// | linspace | round of linspace(T − 1, 0, n) | round of linspace(T − 1, 0, n + 1), without the last |
/// | trailing | round(T − k T/n) − 1 | the same |
///
/// (`euler` does not round linspace), and then the data (`zero`) or training timestep 0 (`sigma_min`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timesteps {
    /// How timesteps are spaced.
    pub spacing: Spacing,
    /// Whose convention it is.
    pub family: Family,
    /// diffusers' `steps_offset`, added with [`Spacing::Leading`].
    pub offset: usize,
    /// Whether the last step goes to the data, or to training timestep 0.
    pub to_zero: bool,
}

/// diffusers' `timestep_spacing`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spacing {
    /// Multiples from the data on.
    Leading,
    /// Equal parts of the whole range, both ends included.
    Linspace,
    /// Multiples from the noise on.
    Trailing,
}

/// The schedulers of diffusers that share a convention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// DDIM, DDPM, PNDM.
    Ddim,
    /// Euler, Heun, LMS: as [`Family::Ddim`], but `linspace` stays fractional, and between training
    /// timesteps σ/α is linear.
    Euler,
    /// DPM-Solver, DEIS, UniPC, SA-Solver.
    Dpm,
}

impl Timesteps {
    /// The training timesteps, noisiest first.
    fn timesteps(&self, total: usize, n: usize) -> Vec<f64> {
        let (all, last) = (total as f64, total.saturating_sub(1) as f64);
        let parts = match self.family {
            Family::Ddim | Family::Euler => n.saturating_sub(1),
            Family::Dpm => n,
        };
        (0..n)
            .map(|k| match self.spacing {
                Spacing::Leading => {
                    // As many parts as points that linspace would have.
                    ((parts - k) * (total / (parts + 1)) + self.offset) as f64
                }
                Spacing::Linspace => {
                    let timestep = match parts {
                        0 => last,
                        _ => last * (parts - k) as f64 / parts as f64,
                    };
                    match self.family {
                        Family::Euler => timestep,
                        _ => timestep.round_ties_even(),
                    }
                }
                Spacing::Trailing => (all - k as f64 * (all / n as f64)).round_ties_even() - 1.0,
            })
            .collect()
    }
}

/// σ/α at the training timesteps on both sides of a fractional one.
pub(super) fn around(process: &dyn Process, timestep: f64) -> [f64; 2] {
    [timestep.floor(), timestep.ceil()].map(|k| {
        let level = process.level(k + 1.0);
        level.sigma / level.alpha
    })
}

/// σ/α at a training timestep: between whole ones it is linear.
pub(crate) fn ratio_at(process: &dyn Process, timestep: f64) -> f64 {
    let [low, high] = around(process, timestep);
    low + timestep.fract() * (high - low)
}

impl GridRule for Timesteps {
    fn grid(&self, process: &Arc<dyn Process>, steps: usize, eps: f64) -> Result<Grid, GridError> {
        let total = process.training_steps().ok_or(GridError::NotDiscrete)?;
        let timesteps = self.timesteps(total, steps);
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
    summary: "training timesteps of vp-discrete, spaced as diffusers does",
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
