mod coordinates;
mod timesteps;

pub use coordinates::FlowCoordinates;

use super::Process;
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::level::Level;
use crate::network::conditioning;
use timesteps::FlowTimesteps;

/// Flow matching with the straight path: α(t) = 1 − t, σ(t) = t, on [0, 1].
///
/// At t = 1 no signal is left (α = 0): the drift α′/α of the SDE is infinite there, the velocity
/// of the ODE is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow;

impl Process for Flow {
    fn t_max(&self) -> f64 {
        1.0
    }
    fn level(&self, t: f64) -> Level {
        Level {
            t,
            alpha: 1.0 - t,
            sigma: t,
            alpha_prime: -1.0,
            sigma_sigma_prime: t,
            one_minus_alpha2: t * (2.0 - t),
            alpha_second: 0.0,
            sigma_sigma_second: 1.0,
            variance_preserving: false,
            ..Level::DATA
        }
    }
    fn prior_std(&self) -> f64 {
        1.0
    }

    /// t = ρ/(1 + ρ); pure noise has the ratio ∞.
    fn time_of(&self, ratio: f64) -> Option<f64> {
        match ratio {
            f64::INFINITY => Some(1.0),
            _ => (ratio >= 0.0).then(|| ratio / (1.0 + ratio)),
        }
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        growth(from, to).ln_1p()
    }

    /// α_to² (σ²/α² − σ_to²/α_to²), where α_to σ/α − σ_to = α_to/α − 1.
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        growth(from, to) * (to.alpha / from.alpha * from.sigma + to.sigma)
    }

    /// 2 [y − α_to ln(1 + y)] with y = α_to/α − 1: its pole at α = 0 is out of reach of quadrature.
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        let y = growth(from, to);
        2.0 * (above_its_log(y) + to.sigma * y.ln_1p())
    }
}

/// [`Flow`] at the time u = s t/(1 + (s − 1) t) that a resolution shift s makes of t: more steps near
/// noise for s > 1, as larger pictures need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShiftedFlow {
    shift: f64,
}

impl ShiftedFlow {
    /// The process with this `shift` > 0; 1 is [`Flow`].
    pub fn new(shift: f64) -> Self {
        ShiftedFlow { shift }
    }
}

impl Process for ShiftedFlow {
    fn t_max(&self) -> f64 {
        1.0
    }
    fn level(&self, t: f64) -> Level {
        let scale = 1.0 - t + self.shift * t;
        let (alpha, sigma) = ((1.0 - t) / scale, self.shift * t / scale);
        let slope = self.shift / (scale * scale);
        let growth = (self.shift - 1.0) / scale;
        Level {
            t,
            alpha,
            sigma,
            alpha_prime: -slope,
            sigma_sigma_prime: sigma * slope,
            one_minus_alpha2: sigma * (1.0 + alpha),
            alpha_second: 2.0 * growth * slope,
            sigma_sigma_second: slope * (slope - 2.0 * growth * sigma),
            variance_preserving: false,
            ..Level::DATA
        }
    }
    fn prior_std(&self) -> f64 {
        1.0
    }
    /// σ/α = s t/(1 − t)
    fn time_of(&self, ratio: f64) -> Option<f64> {
        Flow.time_of(ratio / self.shift)
    }
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        growth(from, to).ln_1p()
    }
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        Flow.reverse_noise_variance(from, to)
    }
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        Flow.score_weight(from, to)
    }
}

/// α_to/α − 1, without cancellation.
fn growth(from: &Level, to: &Level) -> f64 {
    (from.sigma - to.sigma) / from.alpha
}

/// y − ln(1 + y) for y ≥ 0, without cancellation.
fn above_its_log(y: f64) -> f64 {
    if y < 0.5 {
        // ln(1 + y) = 2 artanh z; twelve terms reach full precision at z = 1/5.
        let z = y / (2.0 + y);
        let series = (0..12).rev().fold(0.0, |tail, k| 1.0 / f64::from(2 * k + 3) + z * z * tail);
        z * (y - 2.0 * z * z * series)
    } else {
        y - y.ln_1p()
    }
}

pub(in crate::process) static ENTRY: Entry<dyn Process> = Entry {
    name: "flow",
    aliases: &["flow-matching", "rectified-flow"],
    summary: "flow matching / rectified flow, alpha = 1 - t and sigma = t",
    source: "Lipman et al. (2023), optimal-transport path; Liu et al. (2023); Esser et al. (2024), shift",
    order: None,
    parameters: &[
        Parameter {
            name: "shift",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "resolution shift s: t becomes s t/(1 + (s - 1) t)",
        },
        Parameter {
            name: "coordinates",
            kind: Kind::Choice(&["flow", "u"]),
            default: Some("flow"),
            summary: "what solvers work with: alpha = 1 - u and sigma = u, or u: alpha = 1 and sigma = u (ComfyUI)",
        },
        Parameter {
            name: "noise",
            kind: Kind::Choice(&["refused", "comfyui"]),
            default: Some("refused"),
            summary: "rules that draw noise, which coordinates=u makes wrong: refused, or run all the same (ComfyUI's ddpm and res_multistep_ancestral)",
        },
        Parameter {
            name: "conditioning",
            kind: Kind::Choice(conditioning::WORDS),
            default: Some("exact"),
            summary: "what a network that predicts the velocity is told: u, or a whole multiple of 1/steps",
        },
        Parameter {
            name: "steps",
            kind: Kind::NumberOr { word: "auto" },
            default: Some("auto"),
            summary: "number of timesteps of the network; auto is 1000 (needs conditioning)",
        },
    ],
    build: |a| match a.number("shift") {
        1.0 => in_coordinates(Flow, a),
        shift => in_coordinates(ShiftedFlow::new(shift), a),
    },
};

fn in_coordinates(
    process: impl Process + 'static,
    a: &Arguments,
) -> Result<Box<dyn Process>, BuildError> {
    let steps = a.number_or("steps");
    let noise = a.text("noise") == "comfyui";
    if noise && a.text("coordinates") != "u" {
        return Err(
            "noise=comfyui is for coordinates=u: otherwise rules that draw noise are right".into(),
        );
    }
    match (a.text("coordinates"), conditioning::rule(a.text("conditioning"))?) {
        (_, None) if steps.is_some() => {
            Err("steps counts the timesteps that conditioning=round or truncate tells".into())
        }
        ("u", Some(_)) => {
            Err("coordinates=u and conditioning are two answers to what the network is told".into())
        }
        ("u", None) => Ok(Box::new(FlowCoordinates { flow: process, noise })),
        (_, None) => Ok(Box::new(process)),
        (_, Some(rule)) if (rule.at_node)(0.0, 0.5).is_none() => Err(format!(
            "conditioning={} tells a flow's network u itself, as exact does",
            rule.name
        )
        .into()),
        (_, Some(rule)) => {
            let steps = steps.unwrap_or(1000.0);
            Ok(Box::new(FlowTimesteps { process, rule, steps }))
        }
    }
}
