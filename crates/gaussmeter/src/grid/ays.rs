use super::{Grid, GridError, GridRule};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;
use std::sync::Arc;

/// Align Your Steps: the published schedules of ten steps, the last to the data. On `vp-discrete` the
/// training timesteps of Stable Diffusion 1 and XL, elsewhere the noise levels σ/α.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlignYourSteps {
    /// Stable Diffusion 1.
    Sd1,
    /// Stable Diffusion XL.
    Sdxl,
    /// Stable Video Diffusion.
    Svd,
}

impl AlignYourSteps {
    fn sigmas(self) -> &'static [f64] {
        match self {
            AlignYourSteps::Sd1 => {
                &[14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
            }
            AlignYourSteps::Sdxl => {
                &[14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.0]
            }
            AlignYourSteps::Svd => {
                &[700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.0]
            }
        }
    }

    fn timesteps(self) -> Option<&'static [u16]> {
        match self {
            AlignYourSteps::Sd1 => Some(&[999, 850, 736, 645, 545, 455, 343, 233, 124, 24]),
            AlignYourSteps::Sdxl => Some(&[999, 845, 730, 587, 443, 310, 193, 116, 53, 13]),
            AlignYourSteps::Svd => None,
        }
    }
}

impl GridRule for AlignYourSteps {
    fn grid(&self, process: &Arc<dyn Process>, steps: usize, eps: f64) -> Result<Grid, GridError> {
        let grid = match (process.training_steps(), self.timesteps()) {
            (Some(_), Some(timesteps)) => {
                let times = timesteps.iter().map(|k| f64::from(*k) + 1.0);
                Grid::new(process.clone(), &times.chain([0.0]).collect::<Vec<_>>())
            }
            _ => Grid::from_sigmas(process.clone(), self.sigmas()),
        };
        grid?.exactly(steps, eps)
    }

    fn own_steps(&self) -> Option<usize> {
        Some(self.sigmas().len() - 1)
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(0.0)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "ays",
    aliases: &["align-your-steps"],
    summary: "Align Your Steps, the published 10 steps: training timesteps on vp-discrete, sigma/alpha elsewhere",
    source: "Sabour et al. (2024); tables of diffusers 0.42.1, AysSchedules",
    order: None,
    parameters: &[Parameter {
        name: "model",
        kind: Kind::Choice(&["sd1", "sdxl", "svd"]),
        default: Some("sd1"),
        summary: "Stable Diffusion 1, XL or Stable Video Diffusion (from sigma = 700)",
    }],
    build: |a| {
        Ok(Box::new(match a.text("model") {
            "sdxl" => AlignYourSteps::Sdxl,
            "svd" => AlignYourSteps::Svd,
            _ => AlignYourSteps::Sd1,
        }))
    },
};
