use super::range::{FINAL, Range, SIGMA_MAX, SIGMA_MIN};
use super::{Grid, GridError, GridRule, Request, largest_sigma};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::process::Process;
use std::f64::consts::FRAC_PI_2;

/// The time steps of earlier work as EDM writes them in σ, on any process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdmSteps {
    /// σ = √(e^{β_d t²/2 + β_min t} − 1) for t equally spaced from 1 to 10⁻³, with β_d and β_min such that
    /// σ runs from σ_max to σ_min: the VP process of Song et al.
    Vp(Range),
    /// ln σ² equally spaced: their VE process.
    Ve(Range),
    /// The levels of improved DDPM, with `timesteps` + 1 of them in all:
    /// u_{j−1} = √((u_j² + 1)/max(ᾱ_{j−1}/ᾱ_j, c₁) − 1) with ᾱ_j = sin²(π j/(2 M (c₂ + 1))); of
    /// those between σ_min and σ_max, n at equal distances in j (halves rounded to even).
    Iddpm {
        /// Which levels are taken, and whether a step to 0 follows.
        range: Range,
        /// M.
        timesteps: usize,
    },
}

/// c₁ and c₂ of improved DDPM.
const IDDPM: [f64; 2] = [0.001, 0.008];

/// EDM's ε_s: the smallest time of its VP steps.
const SMALLEST: f64 = 1e-3;

fn iddpm_levels(m: usize) -> Vec<f64> {
    let alpha_bar = |j: usize| (FRAC_PI_2 * j as f64 / m as f64 / (IDDPM[1] + 1.0)).sin().powi(2);
    let mut levels = vec![0.0; m + 1];
    for j in (1..=m).rev() {
        let ratio = (alpha_bar(j - 1) / alpha_bar(j)).max(IDDPM[0]);
        levels[j - 1] = ((levels[j] * levels[j] + 1.0) / ratio - 1.0).sqrt();
    }
    levels
}

impl GridRule for EdmSteps {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        match *self {
            EdmSteps::Vp(range) => range.grid(process, steps, eps, |ramp, low, high| {
                let [low, high] = [low, high].map(|s| (s * s).ln_1p());
                let beta_d = 2.0 * (low / SMALLEST - high) / (SMALLEST - 1.0);
                let (beta_min, t) = (high - 0.5 * beta_d, 1.0 + ramp * (SMALLEST - 1.0));
                (t * (0.5 * beta_d * t + beta_min)).exp_m1().sqrt()
            }),
            EdmSteps::Ve(range) => range.grid(process, steps, eps, |ramp, low, high| {
                (high * high * (low * low / (high * high)).powf(ramp)).sqrt()
            }),
            EdmSteps::Iddpm { range, timesteps } => {
                let largest = range.sigma_max.unwrap_or_else(|| largest_sigma(&**process));
                let within = range.lowest(&**process)..=largest;
                let levels: Vec<f64> =
                    iddpm_levels(timesteps).into_iter().filter(|u| within.contains(u)).collect();
                let n = range.count(steps);
                let last = levels.len().saturating_sub(1) as f64;
                // The stride first, as in EDM: near a half its rounding decides.
                let stride = last / (n.max(2) - 1) as f64;
                let index = |i: usize| (stride * i as f64).round_ties_even() as usize;
                let mut sigmas: Vec<f64> =
                    (0..n).filter_map(|i| levels.get(index(i))).copied().collect();
                // Fewer levels than steps would leave steps of zero length.
                sigmas.dedup();
                range.finish(&mut sigmas);
                Grid::from_sigmas(process.clone(), &sigmas)?.exactly(steps, eps)
            }
        }
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        match *self {
            EdmSteps::Vp(range) | EdmSteps::Ve(range) => range.own_end(process),
            EdmSteps::Iddpm { .. } => Some(0.0),
        }
    }
}

const SOURCE: &str = "Karras et al. (2022), table 1; EDM, ablation_sampler";

fn ranged(a: &Arguments, rule: fn(Range) -> EdmSteps) -> Result<Box<dyn GridRule>, BuildError> {
    Ok(Box::new(rule(Range::from(a))))
}

pub(super) static VP: Entry<dyn GridRule> = Entry {
    name: "edm-vp",
    aliases: &[],
    summary: "the time steps of Song et al.'s VP process as sigma, EDM's discretization=vp",
    source: SOURCE,
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, FINAL],
    build: |a| ranged(a, EdmSteps::Vp),
};

pub(super) static VE: Entry<dyn GridRule> = Entry {
    name: "edm-ve",
    aliases: &[],
    summary: "log sigma^2 equally spaced, EDM's discretization=ve (there from 100 to 0.02)",
    source: SOURCE,
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, FINAL],
    build: |a| ranged(a, EdmSteps::Ve),
};

pub(super) static IDDPM_STEPS: Entry<dyn GridRule> = Entry {
    name: "edm-iddpm",
    aliases: &[],
    summary: "levels of improved DDPM between sigma_min and sigma_max, EDM's discretization=iddpm (there from 81 to 0.002), then the data",
    source: SOURCE,
    order: None,
    parameters: &[
        SIGMA_MIN,
        SIGMA_MAX,
        Parameter {
            name: "timesteps",
            kind: Kind::CountTo { min: 1, max: 1_000_000 },
            default: Some("1000"),
            summary: "M, the number of training timesteps",
        },
    ],
    build: |a| {
        let range = Range {
            sigma_min: a.number_or("sigma_min"),
            sigma_max: a.number_or("sigma_max"),
            ..Range::default()
        };
        Ok(Box::new(EdmSteps::Iddpm { range, timesteps: a.count("timesteps") }))
    },
};
