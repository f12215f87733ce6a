use super::{Level, Process};
use crate::entry::{Entry, Kind, Parameter};
use crate::numeric::written;

/// Variance exploding with time equal to noise level: α = 1, σ(t) = t, on [0, σ_max].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edm {
    sigma_min: f64,
    sigma_max: f64,
    prior_std: f64,
}

impl Edm {
    /// The process up to `sigma_max` > 0, in data units.
    pub fn new(sigma_max: f64) -> Self {
        // 0.002, as in Karras et al., table 1.
        Edm { sigma_min: 0.002f64.min(1e-3 * sigma_max), sigma_max, prior_std: sigma_max }
    }

    /// The same with a network that is asked about levels down to `sigma_min` > 0.
    pub fn down_to(self, sigma_min: f64) -> Self {
        Edm { sigma_min, ..self }
    }

    /// The same where samplers start from N(0, `prior_std`² I), such as (σ_max² + 1)^½ for data of unit
    /// variance.
    pub fn starting_from(self, prior_std: f64) -> Self {
        Edm { prior_std, ..self }
    }
}

impl Process for Edm {
    fn t_max(&self) -> f64 {
        self.sigma_max
    }
    fn level(&self, t: f64) -> Level {
        Level { t, sigma: t, sigma_sigma_prime: t, sigma_sigma_second: 1.0, ..Level::DATA }
    }
    fn prior_std(&self) -> f64 {
        self.prior_std
    }
    fn t_min(&self) -> f64 {
        self.sigma_min
    }
    fn time_at(&self, ratio: f64) -> Option<f64> {
        (ratio >= 0.0 && ratio.is_finite()).then_some(ratio)
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        (0.0..=self.sigma_max).contains(&ratio).then_some(ratio)
    }
}

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "edm",
    aliases: &["karras"],
    summary: "variance exploding, alpha = 1 and sigma = t",
    source: "Karras et al. (2022), table 1",
    order: None,
    parameters: &[
        Parameter {
            name: "sigma_max",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("80"),
            summary: "noise level where sampling starts, in data units",
        },
        Parameter {
            name: "sigma_min",
            kind: Kind::NumberOr { word: "auto" },
            default: Some("auto"),
            summary: "cleanest level of the network, where grids put their lowest; auto: 0.002",
        },
        Parameter {
            name: "prior_std",
            kind: Kind::NumberOr { word: "auto" },
            default: Some("auto"),
            summary: "standard deviation of the law that samplers start from; auto: sigma_max",
        },
    ],
    build: |a| {
        let sigma_max = a.number("sigma_max");
        let mut process = Edm::new(sigma_max);
        if let Some(sigma_min) = a.number_or("sigma_min") {
            if sigma_min >= sigma_max {
                let error = format!(
                    "sigma_min = {} is not below sigma_max = {}",
                    written(&sigma_min),
                    written(&sigma_max)
                );
                return Err(error.into());
            }
            process = process.down_to(sigma_min);
        }
        if let Some(prior_std) = a.number_or("prior_std") {
            process = process.starting_from(prior_std);
        }
        Ok(Box::new(process))
    },
};
