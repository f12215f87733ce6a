//! What a network is asked and told, what its output means, and the noise levels that it is trained on.

use crate::error::NetError;
use gaussmeter::level::Level;
use gaussmeter::network::Prediction;
use gaussmeter::process::{self, Process};
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Below this part of σ_data a network is told this: ln 0 is no number.
pub(crate) const LEAST: f64 = 1e-6;

/// What the output F of a network means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// D = c_skip x + c_out F(c_in x, ln σ/4), with c_skip = σ_d²/(σ² + σ_d²), c_out = σσ_d/√(σ² + σ_d²),
    /// c_in = 1/√(σ² + σ_d²) and the loss weighted by 1/c_out² (Karras et al. 2022).
    Edm,
    /// F is the noise ε, and the network is told the time t of a variance-preserving process (Ho, Jain & Abbeel
    /// 2020).
    Eps,
    /// F is D, told ln σ/4, with a loss of one weight.
    X0,
}

impl Kind {
    /// All kinds, by the names that the command line takes.
    pub const ALL: [(&'static str, Kind); 3] =
        [("edm", Kind::Edm), ("eps", Kind::Eps), ("x0", Kind::X0)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// The law of the noise levels that a network is trained on, as times of the process (of `edm`, σ itself).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "law", rename_all = "kebab-case")]
pub enum NoiseLaw {
    /// ln σ is normal.
    LogNormal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
    },
    /// Every time of a range is as likely.
    Uniform {
        /// The least.
        from: f64,
        /// The largest.
        to: f64,
    },
    /// Every one of a list is as likely.
    Levels {
        /// The list.
        times: Vec<f64>,
    },
}

/// Scores of the normal law at (k + 1/2)/8.
const EIGHTHS: [f64; 8] = [
    -1.534_120_544,
    -0.887_146_559,
    -0.488_776_411,
    -0.157_310_685,
    0.157_310_685,
    0.488_776_411,
    0.887_146_559,
    1.534_120_544,
];

impl NoiseLaw {
    /// A time.
    pub(crate) fn draw(&self, random: &mut rand_chacha::ChaCha8Rng) -> f64 {
        match self {
            NoiseLaw::LogNormal { mean, deviation } => {
                let z: f64 = StandardNormal.sample(random);
                (mean + deviation * z).exp()
            }
            NoiseLaw::Uniform { from, to } => {
                let u: f64 = StandardUniform.sample(random);
                from + (to - from) * u
            }
            NoiseLaw::Levels { times } => {
                let u: f64 = StandardUniform.sample(random);
                let at = (u * times.len() as f64) as usize;
                times[at.min(times.len() - 1)]
            }
        }
    }

    /// The middles of eight parts of the law that are equally likely, or the whole list.
    pub fn representatives(&self) -> Vec<f64> {
        match self {
            NoiseLaw::LogNormal { mean, deviation } => {
                EIGHTHS.map(|z| (mean + deviation * z).exp()).to_vec()
            }
            NoiseLaw::Uniform { from, to } => {
                (0..8).map(|k| from + (to - from) * (f64::from(k) + 0.5) / 8.0).collect()
            }
            NoiseLaw::Levels { times } => times.clone(),
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            NoiseLaw::LogNormal { mean, deviation } => {
                mean.abs() <= 30.0 && (0.0..=10.0).contains(deviation)
            }
            NoiseLaw::Uniform { from, to } => 0.0 < *from && from < to && to.is_finite(),
            NoiseLaw::Levels { times } => {
                !times.is_empty() && times.iter().all(|t| *t > 0.0 && t.ln().abs() <= 30.0)
            }
        }
    }
}

/// What a network is asked and told, what its output means, and its noise levels.
#[derive(Clone, Debug)]
pub struct Parametrization {
    /// What its output means.
    pub kind: Kind,
    /// The process whose states it sees, as the command line spells it.
    pub name: String,
    /// The process.
    pub process: Arc<dyn Process>,
    /// Root mean square of a value of the data.
    pub sigma_data: f64,
    /// The noise levels.
    pub law: NoiseLaw,
}

/// Numbers of a parametrization at one level: the network sees `input` · x, is `told` one number, and its output
/// F gives D = `skip` · x + `output` · F.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// c_in.
    pub input: f64,
    /// c_noise.
    pub told: f64,
    /// c_skip.
    pub skip: f64,
    /// c_out.
    pub output: f64,
}

impl Parametrization {
    /// Checks that the pieces fit.
    ///
    /// # Errors
    /// [`NetError::Option`], and [`NetError::Entry`] for a process that does not exist.
    pub fn new(kind: Kind, name: &str, sigma_data: f64, law: NoiseLaw) -> Result<Self, NetError> {
        let process: Arc<dyn Process> = Arc::from(process::registry().build(name)?.item);
        if !(sigma_data.is_normal() && (1e-6..=1e6).contains(&sigma_data)) {
            return Err(NetError::Option(format!(
                "sigma_data is {sigma_data}: networks are for data of a size from 1e-6 to 1e6"
            )));
        }
        let found = Parametrization { kind, name: name.into(), process, sigma_data, law };
        if !found.law.is_sound() {
            return Err(NetError::Option(
                "noise levels have to be positive, their logarithms not beyond 30, and their spread at most 10".into(),
            ));
        }
        let largest = found.law.representatives().into_iter().fold(0.0, f64::max);
        let level = found.level(largest.min(found.process.t_max()));
        let fits = match kind {
            Kind::Eps => level.variance_preserving && largest <= found.process.t_max(),
            Kind::Edm | Kind::X0 => level.alpha == 1.0 && level.sigma == level.t,
        };
        match fits {
            true => Ok(found),
            false if kind == Kind::Eps && level.variance_preserving => {
                Err(NetError::Option(format!(
                    "time {largest} is beyond the last one of {name}, {}",
                    found.process.t_max()
                )))
            }
            false if kind == Kind::Eps => Err(NetError::Option(format!(
                "--parametrization eps is for a variance-preserving process, such as vp-linear, and its times, not for {name}"
            ))),
            false => Err(NetError::Option(format!(
                "--parametrization {} sees x + σn, which is --process edm, not {name}",
                kind.name()
            ))),
        }
    }

    /// The level of a training time.
    pub fn level(&self, t: f64) -> Level {
        self.process.level(t)
    }

    /// What is asked and told at a level.
    pub fn at(&self, level: &Level) -> Coefficients {
        let (sigma, data) = (level.sigma, self.sigma_data);
        let told = 0.25 * sigma.max(LEAST * data).ln();
        match self.kind {
            Kind::Edm => {
                let total = sigma.hypot(data);
                Coefficients {
                    input: 1.0 / total,
                    told,
                    skip: (data / total) * (data / total),
                    output: sigma * (data / total),
                }
            }
            Kind::Eps => Coefficients {
                input: 1.0,
                told: level.t,
                skip: 1.0 / level.alpha,
                output: -sigma / level.alpha,
            },
            Kind::X0 => Coefficients { input: 1.0, told, skip: 0.0, output: 1.0 },
        }
    }

    /// What it predicts.
    pub fn prediction(&self) -> Prediction {
        match self.kind {
            Kind::Eps => Prediction::Noise,
            Kind::Edm | Kind::X0 => Prediction::Denoiser,
        }
    }

    /// The frequencies at which a network sees what it is told: of times from 1 to 1,000 per range of times, as is
    /// usual; of ln σ/4 from 0.5 to 50.
    pub fn frequencies(&self) -> Vec<f32> {
        const COUNT: usize = 16;
        let spaced = |from: f64, to: f64| {
            (0..COUNT)
                .map(move |i| (from * (to / from).powf(i as f64 / (COUNT - 1) as f64)) as f32)
                .collect()
        };
        match self.kind {
            Kind::Eps => {
                let range = self.process.t_max();
                spaced(1.0 / range, 1000.0 / range)
            }
            Kind::Edm | Kind::X0 => spaced(0.5, 50.0),
        }
    }

    /// The least expected square of F − target, per value, at a level, where the data have these eigenvalues: that
    /// of the exact network, (1/d) Σ λσ²/(α²λ + σ²)/c_out².
    pub fn floor(&self, level: &Level, eigenvalues: &[f64]) -> f64 {
        let output = self.at(level).output;
        let sigma2 = level.sigma * level.sigma;
        let posterior = |lambda: &f64| match *lambda {
            0.0 => 0.0,
            lambda => lambda * sigma2 / level.variance(lambda),
        };
        eigenvalues.iter().map(posterior).sum::<f64>()
            / eigenvalues.len() as f64
            / (output * output)
    }
}
