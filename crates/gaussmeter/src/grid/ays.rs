use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Align Your Steps: the published schedules of ten steps, the last of which goes to the data. On
/// `vp-discrete` these are the training timesteps of Stable Diffusion 1 and XL, elsewhere the noise
/// levels σ/α.
///
/// For other numbers of steps, ln σ is interpolated linearly along the list extended by σ_min, as
/// the authors recommend and ComfyUI does; the last level is then replaced by 0.
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

    /// The level appended to the published list, in place of 0.
    fn sigma_min(self) -> f64 {
        match self {
            AlignYourSteps::Sd1 | AlignYourSteps::Sdxl => 0.029_167_158_2,
            AlignYourSteps::Svd => 0.002,
        }
    }

    /// The levels interpolated for other numbers of steps.
    fn nodes(self, process: &dyn Process) -> Vec<f64> {
        if let (Some(_), Some(timesteps)) = (process.training_steps(), self.timesteps()) {
            let ratio = |k: &u16| process.level(f64::from(*k) + 1.0).noise_ratio();
            return timesteps.iter().chain([&0]).map(ratio).collect();
        }
        let published = self.sigmas().iter().copied();
        published.take_while(|s| *s > 0.0).chain([self.sigma_min()]).collect()
    }
}

/// The level at position x in [0, 1] along `nodes`, log-linear between them.
fn along(nodes: &[f64], x: f64) -> f64 {
    let place = x * (nodes.len() - 1) as f64;
    let k = (place as usize).min(nodes.len() - 2);
    let fraction = place - k as f64;
    match fraction == 0.0 {
        true => nodes[k],
        false => (nodes[k].ln() * (1.0 - fraction) + nodes[k + 1].ln() * fraction).exp(),
    }
}

impl GridRule for AlignYourSteps {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        if steps + 1 != self.sigmas().len() {
            let nodes = self.nodes(&**process);
            let level = |k: usize| match k == steps {
                true => 0.0,
                false => along(&nodes, k as f64 / steps as f64),
            };
            let sigmas: Vec<f64> = (0..=steps).map(level).collect();
            return Grid::from_sigmas(process.clone(), &sigmas)?.exactly(steps, eps);
        }
        let grid = match (process.training_steps(), self.timesteps()) {
            (Some(_), Some(timesteps)) => {
                let times = timesteps.iter().map(|k| f64::from(*k) + 1.0);
                Grid::new(process.clone(), &times.chain([0.0]).collect::<Vec<_>>())
            }
            _ => Grid::from_sigmas(process.clone(), self.sigmas()),
        };
        grid?.exactly(steps, eps)
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(0.0)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "ays",
    aliases: &["align-your-steps"],
    summary: "Align Your Steps: the published 10 steps, training timesteps on vp-discrete, sigma/alpha elsewhere; interpolated log-linearly for other numbers of steps",
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
