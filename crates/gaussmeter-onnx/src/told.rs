//! What a network is told of the noise level, and the scale of the states that it was trained on.

use gaussmeter::level::Level;
use gaussmeter::process::Process;
use std::sync::Arc;

/// What the input for the noise level holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditioning {
    /// σ/α
    Sigma,
    /// ln(σ/α)
    LogSigma,
    /// ln(σ/α)/4, EDM's c_noise
    LogSigmaOver4,
    /// The time t of the process
    Time,
    /// 999 t
    TimeTimes999,
    /// 1000 t
    TimeTimes1000,
    /// The training timestep, fractional where the level lies between two
    Timestep,
}

impl Conditioning {
    /// All of them.
    pub const ALL: [Conditioning; 7] = [
        Conditioning::Sigma,
        Conditioning::LogSigma,
        Conditioning::LogSigmaOver4,
        Conditioning::Time,
        Conditioning::TimeTimes999,
        Conditioning::TimeTimes1000,
        Conditioning::Timestep,
    ];

    /// The name in text forms and files.
    pub const fn name(self) -> &'static str {
        match self {
            Conditioning::Sigma => "sigma",
            Conditioning::LogSigma => "log-sigma",
            Conditioning::LogSigmaOver4 => "log-sigma-over-4",
            Conditioning::Time => "time",
            Conditioning::TimeTimes999 => "time-times-999",
            Conditioning::TimeTimes1000 => "time-times-1000",
            Conditioning::Timestep => "timestep",
        }
    }

    /// Whether it is a function of the time of a process.
    pub fn needs_time(self) -> bool {
        !matches!(self, Conditioning::Sigma | Conditioning::LogSigma | Conditioning::LogSigmaOver4)
    }
}

/// How far above its highest noise ratio a network is still asked: the most churn of EDM.
const CHURNED: f64 = std::f64::consts::SQRT_2;

/// The process that a network was trained on: states αx₀ + σz. Without one states are x₀ + σz.
#[derive(Clone, Debug)]
pub struct Trained {
    /// What it is told.
    pub conditioning: Conditioning,
    /// Its process.
    pub process: Option<Arc<dyn Process>>,
}

impl Trained {
    /// The level of the network at a noise ratio σ/α, and what it is told there; `None` where its process
    /// has no such level.
    pub fn at(&self, ratio: f64) -> Option<(Level, f64)> {
        let level = match &self.process {
            Some(process) => {
                // Churn lifts states a little above where sampling starts.
                let top = process.level(process.t_max()).noise_ratio();
                let within = ratio <= CHURNED * top;
                process.network_level(process.time_at(ratio).filter(|_| within)?)
            }
            None => Level { t: ratio, sigma: ratio, sigma_sigma_prime: ratio, ..Level::DATA },
        };
        let told = match self.conditioning {
            Conditioning::Sigma => ratio,
            Conditioning::LogSigma => ratio.ln(),
            Conditioning::LogSigmaOver4 => 0.25 * ratio.ln(),
            Conditioning::Time => level.t,
            Conditioning::TimeTimes999 => 999.0 * level.t,
            Conditioning::TimeTimes1000 => 1000.0 * level.t,
            // Training timestep k is t = k + 1; below the first one it is told that.
            Conditioning::Timestep => (level.t - 1.0).max(0.0),
        };
        Some((level, told))
    }
}
