use super::{Noticed, Process};
use crate::entry::{Entry, Kind, Parameter};
use crate::level::Level;
use crate::network::Prediction;
use crate::network::conditioning::{self, Conditioning, Relation, Timestep, TimestepRule, Told};
use crate::numeric::written;
use std::f64::consts::FRAC_PI_2;
use thiserror::Error;

/// The variance-preserving process of a network trained in discrete time:
/// ᾱ_k = Π_{i ≤ k} (1 − β_i), α = √ᾱ, σ² = 1 − ᾱ, from a table of β.
///
/// Time counts forward steps, as in Ho et al. (2020): t = 0 is the data, and t = k + 1 is the
/// **training timestep k** of diffusers and ComfyUI, from t = 1 to T = `steps`. Levels at whole t are
/// those of the table. Between them B = −½ ln ᾱ is a cubic with the slopes of fourth-order
/// differences, limited where it would not increase: smooth enough for schemes of fourth order. How a
/// project interpolates (linearly in σ/α or its logarithm) is a matter of the grid rule.
#[derive(Clone, Debug, PartialEq)]
pub struct VpDiscrete {
    /// B at t = 0, 1, …, T.
    integral: Vec<f64>,
    /// B′ there.
    slope: Vec<f64>,
    /// What the network is told and predicts, if not the level itself.
    told: Option<(TimestepRule, Prediction)>,
}

/// A table of β that does not make a process.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum VpDiscreteError {
    /// Too few steps to interpolate.
    #[error("a table of {steps} steps is too short: it needs at least 8")]
    TooShort {
        /// Their number.
        steps: usize,
    },
    /// The noise does not grow, or all signal is lost.
    #[error(
        "alpha_bar goes from {} to {} at training timestep {timestep}: it must decrease and stay positive", written(.before), written(.after))]
    NotDecreasing {
        /// The later of the two training timesteps.
        timestep: usize,
        /// ᾱ before.
        before: f64,
        /// ᾱ there.
        after: f64,
    },
}

/// ᾱ that diffusers' DPM, Euler and UniPC schedulers put in the place of 0 after a rescaling to zero
/// terminal signal-to-noise ratio.
const ALMOST_ZERO: f64 = 5.960_464_477_539_063e-8;

impl VpDiscrete {
    /// The process of a table β_0, β_1, ….
    ///
    /// # Errors
    /// [`VpDiscreteError`]
    pub fn new(betas: &[f64]) -> Result<Self, VpDiscreteError> {
        let mut sum = 0.0;
        Self::from_logs(betas.iter().map(|b| {
            sum += (-b).ln_1p();
            sum
        }))
    }

    /// The same, rescaled so that (almost) no signal is left at the end:
    /// √ᾱ ← (√ᾱ − √ᾱ_T) √ᾱ_0/(√ᾱ_0 − √ᾱ_T), with the last ᾱ = 2⁻²⁴ instead of 0 (Lin et al. 2024).
    ///
    /// # Errors
    /// [`VpDiscreteError`], also where the last but one is below 2⁻²⁴ already.
    pub fn zero_snr(betas: &[f64]) -> Result<Self, VpDiscreteError> {
        Self::new(betas)?.to_zero_snr()
    }

    /// The rescaling of [`VpDiscrete::zero_snr`].
    ///
    /// # Errors
    /// [`VpDiscreteError`], also where the last ᾱ but one is below 2⁻²⁴ already.
    pub fn to_zero_snr(&self) -> Result<Self, VpDiscreteError> {
        let root = |k: usize| (-self.integral[k]).exp();
        let (first, last) = (root(1), root(self.steps()));
        let scaled = |k| match k == self.steps() {
            true => ALMOST_ZERO.ln(),
            false => 2.0 * ((root(k) - last) * (first / (first - last))).ln(),
        };
        Self::from_logs((1..=self.steps()).map(scaled))
    }

    /// The same with all signal-to-noise ratios ᾱ/(1 − ᾱ) divided by `scale` > 0:
    /// ᾱ ← ᾱ/(s + (1 − s) ᾱ), the `snr_shift_scale` of CogVideoX (Yang et al. 2024).
    ///
    /// # Errors
    /// [`VpDiscreteError`], where ᾱ no longer decreases or underflows.
    pub fn with_snr_shift(&self, scale: f64) -> Result<Self, VpDiscreteError> {
        Self::from_logs(self.integral[1..].iter().map(|b| {
            // s + (1 − s) ᾱ = 1 + (s − 1)(1 − ᾱ)
            -2.0 * b - ((scale - 1.0) * -(-2.0 * b).exp_m1()).ln_1p()
        }))
    }

    /// From ln ᾱ at every training timestep.
    fn from_logs(logs: impl Iterator<Item = f64>) -> Result<Self, VpDiscreteError> {
        let integral: Vec<f64> = std::iter::once(0.0).chain(logs.map(|l| -0.5 * l)).collect();
        let steps = integral.len() - 1;
        if steps < 8 {
            return Err(VpDiscreteError::TooShort { steps });
        }
        let grows = |w: &[f64]| w[0] < w[1] && w[1].is_finite();
        if let Some(timestep) = integral.windows(2).position(|w| !grows(w)) {
            let [before, after] = [0, 1].map(|k| (-2.0 * integral[timestep + k]).exp());
            return Err(VpDiscreteError::NotDecreasing { timestep, before, after });
        }
        let slope = (0..=steps).map(|k| slope(&integral, k)).collect();
        Ok(VpDiscrete { integral, slope, told: None })
    }

    /// The same process with a network that is told training timesteps, and predicts `predicts`.
    pub fn told(self, rule: TimestepRule, predicts: Prediction) -> Self {
        VpDiscrete { told: Some((rule, predicts)), ..self }
    }

    /// What a network that predicts `predicts` is told at `t`; below timestep 0 that one.
    fn timestep(&self, rule: Timestep, predicts: Prediction, t: f64) -> Told {
        let t = t.clamp(1.0, self.t_max());
        let ratio = |t: f64| self.level(t).noise_ratio();
        let (low, here, high) = (ratio(t.floor()), ratio(t), ratio(t.ceil()));
        let fraction = if low < high { (here / low).ln() / (high / low).ln() } else { 0.0 };
        let (t, relation) = match rule(t.floor(), fraction) {
            Some(whole) => (whole, Relation::Listed),
            None => {
                let between = self.time_of(low + fraction * (high - low)).unwrap_or(t);
                (between, Relation::Moving)
            }
        };
        Told { level: self.level(t), predicts, relation }
    }

    /// Number of training timesteps.
    pub fn steps(&self) -> usize {
        self.integral.len() - 1
    }

    /// The interval of a time, and the distance from its left end.
    fn locate(&self, t: f64) -> (usize, f64) {
        let k = (t.max(0.0) as usize).min(self.steps() - 1);
        (k, t - k as f64)
    }

    /// Coefficients of the cubic on an interval, from B_k on: B = B_k + c₁ x + c₂ x² + c₃ x³.
    fn cubic(&self, k: usize) -> [f64; 3] {
        let rise = self.integral[k + 1] - self.integral[k];
        let (left, right) = (self.slope[k], self.slope[k + 1]);
        [left, 3.0 * rise - 2.0 * left - right, left + right - 2.0 * rise]
    }

    /// B from `t` to `u`; within one interval, factored so that close times do not cancel.
    fn beta_integral(&self, t: f64, u: f64) -> f64 {
        let ((j, x), (k, y)) = (self.locate(t), self.locate(u));
        if j == k {
            let [a, b, c] = self.cubic(k);
            return (y - x) * (a + b * (x + y) + c * (x * x + x * y + y * y));
        }
        let part = |k: usize, x: f64| {
            let [a, b, c] = self.cubic(k);
            x * (a + x * (b + x * c))
        };
        self.integral[k] - self.integral[j] + (part(k, y) - part(j, x))
    }

    /// B′(t) and B″(t).
    fn beta(&self, t: f64) -> (f64, f64) {
        let (k, x) = self.locate(t);
        let [a, b, c] = self.cubic(k);
        (a + x * (2.0 * b + 3.0 * c * x), 2.0 * b + 6.0 * c * x)
    }
}

/// The derivative at a whole time: differences of fourth order, of second order beside the ends and
/// one-sided at them, within three times the smaller neighbouring rise, so that the cubics increase.
fn slope(b: &[f64], k: usize) -> f64 {
    let last = b.len() - 1;
    let rise = |k: usize| b[k + 1] - b[k];
    let (free, limit) = match k {
        0 => ((-11.0 * b[0] + 18.0 * b[1] - 9.0 * b[2] + 2.0 * b[3]) / 6.0, rise(0)),
        k if k == last => (1.5 * rise(last - 1) - 0.5 * rise(last - 2), rise(last - 1)),
        k => {
            let near = b[k + 1] - b[k - 1];
            let free = match k == 1 || k == last - 1 {
                true => 0.5 * near,
                false => (8.0 * near - (b[k + 2] - b[k - 2])) / 12.0,
            };
            (free, rise(k - 1).min(rise(k)))
        }
    };
    free.clamp(0.0, 3.0 * limit)
}

impl Process for VpDiscrete {
    fn t_max(&self) -> f64 {
        self.steps() as f64
    }

    fn level(&self, t: f64) -> Level {
        let (beta, beta_prime) = self.beta(t);
        let integral = self.beta_integral(0.0, t);
        let alpha = (-integral).exp();
        let sigma = (-(-2.0 * integral).exp_m1()).sqrt();
        Level {
            t,
            alpha,
            sigma,
            alpha_prime: -beta * alpha,
            sigma_sigma_prime: beta * alpha * alpha,
            one_minus_alpha2: sigma * sigma,
            alpha_second: (beta * beta - beta_prime) * alpha,
            sigma_sigma_second: (beta_prime - 2.0 * beta * beta) * alpha * alpha,
            variance_preserving: true,
            ..Level::DATA
        }
    }

    fn conditioning(&self) -> Option<&dyn Conditioning> {
        self.told.is_some().then_some(self)
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    /// B = ½ ln(1 + ρ²): the interval by its ends, the cubic on it by bisection.
    fn time_of(&self, ratio: f64) -> Option<f64> {
        let wanted = 0.5 * (ratio * ratio).ln_1p();
        let end = self.integral[self.steps()];
        // The end is reached up to the rounding of its own level.
        if !(ratio >= 0.0 && wanted <= end * (1.0 + 4.0 * f64::EPSILON)) {
            return None;
        }
        let k = self.integral.partition_point(|b| *b < wanted);
        // A level of the table is a whole time, also after a rounding.
        let is_level = |k: &usize| {
            let b = self.integral.get(*k).copied().unwrap_or(end);
            (b - wanted).abs() <= 4.0 * f64::EPSILON * b
        };
        if let Some(k) = [k.saturating_sub(1), k].into_iter().find(is_level) {
            return Some(k.min(self.steps()) as f64);
        }
        let (mut low, mut high) = (0.0, 1.0);
        let left = k - 1;
        let [a, b, c] = self.cubic(left);
        let rest = wanted - self.integral[left];
        loop {
            let x = 0.5 * (low + high);
            if !(low < x && x < high) {
                return Some(left as f64 + high);
            }
            if x * (a + x * (b + x * c)) < rest { low = x } else { high = x }
        }
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        self.beta_integral(to.t, from.t)
    }

    fn t_min(&self) -> f64 {
        1.0
    }

    fn training_steps(&self) -> Option<usize> {
        Some(self.steps())
    }
}

impl Conditioning for VpDiscrete {
    fn told(&self, t: f64) -> Option<Told> {
        self.told.map(|(rule, predicts)| self.timestep(rule.within, predicts, t))
    }
    fn told_at_node(&self, t: f64) -> Option<Told> {
        self.told.map(|(rule, predicts)| self.timestep(rule.at_node, predicts, t))
    }
}

/// n numbers from `a` to `b`.
fn linspace(a: f64, b: f64, n: usize) -> impl Iterator<Item = f64> {
    let last = (n.max(2) - 1) as f64;
    (0..n).map(move |k| (a * (last - k as f64) + b * k as f64) / last)
}

/// The tables of β by the names that diffusers gives them.
pub(super) fn betas(schedule: &str, start: f64, end: f64, n: usize) -> Vec<f64> {
    match schedule {
        "linear" => linspace(start, end, n).collect(),
        "sigmoid" => {
            linspace(-6.0, 6.0, n).map(|x| start + (end - start) / (1.0 + (-x).exp())).collect()
        }
        "squaredcos_cap_v2" => {
            // 1 − ᾱ(u)/ᾱ(t) as a product of sines, by cos² a − cos² b = sin(b + a) sin(b − a).
            let angle = |k: usize| (k as f64 / n as f64 + 0.008) / 1.008 * FRAC_PI_2;
            let width = FRAC_PI_2 / (1.008 * n as f64);
            (0..n)
                .map(|k| {
                    let (a, b) = (angle(k), angle(k + 1));
                    let cosine = ((n - k) as f64 * width).sin();
                    ((a + b).sin() * width.sin() / (cosine * cosine)).min(0.999)
                })
                .collect()
        }
        "laplace" => {
            // ᾱ at time x, of a log signal-to-noise ratio with a Laplace distribution.
            let alpha_bar = |k: usize| {
                let x = k as f64 / n as f64;
                let log_snr = -0.5 * (0.5 - x).signum() * (1.0 - 2.0 * (0.5 - x).abs() + 1e-6).ln();
                (log_snr.exp() / (1.0 + log_snr.exp())).sqrt()
            };
            (0..n).map(|k| (1.0 - alpha_bar(k + 1) / alpha_bar(k)).min(0.999)).collect()
        }
        // ᾱ = e^{−12 u}
        "exp" => vec![-(-12.0 / n as f64).exp_m1(); n],
        _ => linspace(start.sqrt(), end.sqrt(), n).map(|b| b * b).collect(),
    }
}

/// What who predicts noise at zero terminal signal-to-noise ratio should know.
const BLIND_TO_DATA: &str = "zero terminal signal-to-noise ratio with a network that predicts noise: at the last training timestep the state is that noise, and data cannot be found from it as (x - sigma epsilon)/alpha: the result is that of an exact network, where a trained one's errors grow by 1/alpha = 4096; networks for this predict v (network=v)";

const BETA: Kind = Kind::NumberOr { word: "auto" };

pub(super) static ENTRY: Entry<dyn Process> = Entry {
    name: "vp-discrete",
    aliases: &["ddpm-discrete"],
    summary: "variance preserving, from a table of training betas; t = k + 1 is training timestep k, t = 0 the data",
    source: "Ho et al. (2020); Nichol & Dhariwal (2021); tables as in diffusers' scheduler configurations",
    order: None,
    parameters: &[
        Parameter {
            name: "schedule",
            kind: Kind::Choice(&[
                "scaled_linear",
                "linear",
                "squaredcos_cap_v2",
                "sigmoid",
                "laplace",
                "exp",
            ]),
            default: Some("scaled_linear"),
            summary: "beta_schedule: linear in sqrt(beta), linear in beta, cosine, laplace and exp (no beta_start and beta_end), sigmoid",
        },
        Parameter {
            name: "beta_start",
            kind: BETA,
            default: Some("auto"),
            summary: "first beta; auto is 0.00085 (Stable Diffusion) for scaled_linear, else 0.0001",
        },
        Parameter {
            name: "beta_end",
            kind: BETA,
            default: Some("auto"),
            summary: "last beta; auto is 0.012 (Stable Diffusion) for scaled_linear, else 0.02",
        },
        Parameter {
            name: "steps",
            kind: Kind::CountTo { min: 1, max: 1_000_000 },
            default: Some("1000"),
            summary: "number of training timesteps, at least 8",
        },
        Parameter {
            name: "zero_snr",
            kind: Kind::Choice(&["no", "yes"]),
            default: Some("no"),
            summary: "rescale_betas_zero_snr: yes leaves alpha_bar = 2^-24 at the end",
        },
        Parameter {
            name: "snr_shift_scale",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "divides all signal-to-noise ratios, before zero_snr (CogVideoX)",
        },
        Parameter {
            name: "conditioning",
            kind: Kind::Choice(conditioning::WORDS),
            default: Some("exact"),
            summary: "what the network is told: the solver's noise level, or its training timestep (fractional: diffusers' Euler; round: ComfyUI, Karras; truncate: others; round-at-nodes: KDPM2 with Karras)",
        },
        Parameter {
            name: "network",
            kind: Kind::Choice(&["epsilon", "v", "x0"]),
            default: Some("epsilon"),
            summary: "what the network predicts, which matters when it is told another level, and at zero_snr=yes",
        },
    ],
    build: |a| {
        let schedule = a.text("schedule");
        let (start, end) = match schedule {
            "scaled_linear" => (0.00085, 0.012),
            _ => (0.0001, 0.02),
        };
        let start = a.number_or("beta_start").unwrap_or(start);
        let end = a.number_or("beta_end").unwrap_or(end);
        let betas = betas(schedule, start, end, a.count("steps"));
        let shift = a.number("snr_shift_scale");
        let is_zero_snr = a.text("zero_snr") == "yes";
        let mut process = VpDiscrete::new(&betas)?;
        if shift != 1.0 {
            process = process.with_snr_shift(shift)?;
        }
        if is_zero_snr {
            process = process.to_zero_snr()?;
        }
        let predicts = match a.text("network") {
            "v" => Prediction::V,
            "x0" => Prediction::Denoiser,
            _ => Prediction::Noise,
        };
        let process: Box<dyn Process> = match conditioning::rule(a.text("conditioning"))? {
            Some(rule) => Box::new(process.told(rule, predicts)),
            None if predicts == Prediction::Noise || is_zero_snr => Box::new(process),
            None => return Err("what the network predicts changes nothing when it is told the solver's level: give conditioning=…".into()),
        };
        Ok(match is_zero_snr && predicts == Prediction::Noise {
            true => Box::new(Noticed::new(process, vec![BLIND_TO_DATA.into()])),
            false => process,
        })
    },
};
