//! Which noise levels data call for: where to start, where to stop, and how far to shift.
//!
//! Levels are noise ratios σ/α. Starting from N(0, σ² I) instead of the law of noisy data, and solving the
//! probability-flow ODE exactly, leaves along an eigenvector of variance λ and mean μ
//!
//! W2² = λ (1 − (1 + λ/σ²)^(−1/2))² + μ² λ/(λ + σ²),
//!
//! which falls like λ³/(4σ⁴) + μ²λ/σ². Stopping at σ leaves (√(λ + σ²) − √λ)², and replacing the state there
//! by its denoised value, as a last step to 0 does, λ (1 − (1 + σ²/λ)^(−1/2))².

use super::ExperimentError;
use crate::grid::{Geodesic, GridRule, Weight};
use crate::process::{Edm, Process};
use crate::spectrum::{Mode, Spectrum};
use std::sync::Arc;

/// Shares of √(tr Σ) that are tolerated where nothing is said.
pub const SHARES: [f64; 3] = [0.1, 0.01, 0.001];

/// The start that costs are relative to, that of EDM.
pub const USUAL_START: f64 = 80.0;

/// Steps on which costs are counted.
const STEPS: usize = 400;

/// Where quantiles of the work are compared.
const QUANTILES: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// The noise levels that data call for.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseLevels {
    /// Root of the mean variance of a coordinate, √(tr Σ/d): σ_data of data whose mean is left out.
    pub sigma_data: f64,
    /// Root of the mean square of a coordinate, √((tr Σ + ‖μ‖²)/d).
    pub root_mean_square: f64,
    /// Starts and stops, per tolerance; those that no level reaches are left out.
    pub tolerances: Vec<Tolerance>,
    /// The error of a start at [`USUAL_START`], and the part of it that is due to the mean of the data.
    pub usual_start: (f64, f64),
    /// The level above which half of the steps belong; `None` without variance.
    pub middle: Option<f64>,
    /// Against other data.
    pub shift: Option<Shift>,
}

/// Where an error falls below a tolerance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The tolerance, as a W2.
    pub w2: f64,
    /// The lowest σ_max with an initialization error of at most that.
    pub sigma_max: f64,
    /// Steps of a grid with equal geodesic density from there, relative to one from [`USUAL_START`];
    /// `None` without variance.
    pub steps: Option<f64>,
    /// The highest σ_min with an error of at most that, if sampling stops there.
    pub stop: f64,
    /// The same if one more step goes from σ_min to 0; infinite if even that of the mean alone would do.
    pub denoised: f64,
}

/// The factor on noise ratios that makes other data as hard as these.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Name of the other data.
    pub against: String,
    /// The factor: where sampling of the other data spends its time at σ, that of these should at
    /// factor · σ. With t = σ/(1 + σ), flow models' t′ = s t/(1 + (s − 1) t).
    pub factor: f64,
    /// The smallest and largest factor over tenths of the work: one factor fits all if they agree.
    pub range: (f64, f64),
    /// √(d/d′), the rule for more pixels of the same kind of picture (Esser et al. 2024).
    pub by_dimension: f64,
}

/// What a start from pure noise leaves, whatever the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StartError {
    /// The noise ratio that sampling starts from.
    pub sigma: f64,
    /// W2 of the exact ODE from N(0, σ² I) there.
    pub w2: f64,
    /// The part of it that is due to the mean of the data.
    pub of_mean: f64,
    /// Where a start leaves a tenth of that.
    pub better: f64,
}

impl StartError {
    /// That of a process; `None` where no signal is left at its start, and of data without variance.
    pub fn of(data: &Spectrum, process: &dyn Process) -> Option<Self> {
        let sigma = process.level(process.t_max()).noise_ratio();
        let (square, of_mean) = start_error(data, sigma);
        if !(sigma.is_finite() && square > 0.0) {
            return None;
        }
        let better = crossing(|sigma| 0.01 * square - start_error(data, sigma).0);
        Some(StartError { sigma, w2: square.sqrt(), of_mean: of_mean.sqrt(), better })
    }
}

/// Σ m f(mode)
fn total(data: &Spectrum, f: impl Fn(&Mode) -> f64) -> f64 {
    data.modes().iter().map(|mode| mode.multiplicity * f(mode)).sum()
}

/// √a − √b over √a, 1 − (1 + x)^(−1/2), without cancellation.
fn shortfall(x: f64) -> f64 {
    -(-0.5 * x.ln_1p()).exp_m1()
}

/// The squared error of a start from N(0, σ² I): in all, and that of the mean.
fn start_error(data: &Spectrum, sigma: f64) -> (f64, f64) {
    let s2 = sigma * sigma;
    let of_mean = total(data, |m| match m.mean {
        0.0 => 0.0,
        mean => mean * mean * m.eigenvalue / (m.eigenvalue + s2),
    });
    let of_variance = total(data, |m| m.eigenvalue * shortfall(m.eigenvalue / s2).powi(2));
    (of_variance + of_mean, of_mean)
}

/// The squared error of stopping at σ.
fn stop_error(data: &Spectrum, sigma: f64) -> f64 {
    let s2 = sigma * sigma;
    total(data, |m| (s2 / ((m.eigenvalue + s2).sqrt() + m.eigenvalue.sqrt())).powi(2))
}

/// The squared error of the denoised value at σ.
fn denoised_error(data: &Spectrum, sigma: f64) -> f64 {
    let s2 = sigma * sigma;
    total(data, |m| match m.eigenvalue {
        0.0 => 0.0,
        lambda => lambda * shortfall(s2 / lambda).powi(2),
    })
}

/// Where an increasing function of ln σ passes 0, between the ends of the range of levels.
fn crossing(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (1e-30f64.ln(), 1e30f64.ln());
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        match f(middle.exp()) < 0.0 {
            true => low = middle,
            false => high = middle,
        }
    }
    (0.5 * (low + high)).exp()
}

/// The levels of a grid with equal geodesic density, from a highest one to 0.
fn geodesic(data: &Arc<Spectrum>, highest: f64) -> Result<Vec<f64>, ExperimentError> {
    let process: Arc<dyn Process> = Arc::new(Edm::new(highest));
    let rule = Geodesic::new(Weight::W2, Default::default());
    let grid = rule.grid_for(data, &process, STEPS, 0.0)?;
    Ok(grid.levels().iter().map(|level| level.noise_ratio()).collect())
}

/// Steps from `start` relative to those from [`USUAL_START`].
fn cost(data: &Arc<Spectrum>, start: f64) -> Result<f64, ExperimentError> {
    let (low, high) = (start.min(USUAL_START), start.max(USUAL_START));
    let levels = geodesic(data, high)?;
    // Where the lower start lies, in steps from the higher one.
    let k = levels.partition_point(|l| *l >= low).clamp(1, STEPS);
    let (above, below) = (levels[k - 1], levels[k]);
    let part = if above > below { (above - low) / (above - below) } else { 0.0 };
    let rest = 1.0 - (k as f64 - 1.0 + part) / STEPS as f64;
    Ok(if start <= USUAL_START { rest } else { 1.0 / rest })
}

/// Levels above which shares of the work lie.
fn quantiles(data: &Arc<Spectrum>) -> Result<[f64; 9], ExperimentError> {
    let highest = data.modes().iter().fold(0.0, |h: f64, m| h.max(m.eigenvalue)).sqrt();
    let levels = geodesic(data, 1e3 * highest)?;
    Ok(QUANTILES.map(|q| levels[(q * STEPS as f64).round() as usize]))
}

/// The noise levels that data call for, for errors of at most the given W2 (10, 1 and 0.1 % of √(tr Σ) if
/// there are none); with the shift against other data.
///
/// ```
/// use gaussmeter::data;
/// use gaussmeter::experiment::noise_levels;
/// use std::sync::Arc;
/// let cifar10 = Arc::new(data::load("cifar10")?);
/// let found = noise_levels(&cifar10, &[0.1], None)?;
/// assert!((found.sigma_data - 0.4979).abs() < 1e-4);
/// assert!((found.tolerances[0].sigma_max - 130.166).abs() < 0.001);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExperimentError`]
pub fn noise_levels(
    data: &Arc<Spectrum>,
    tolerances: &[f64],
    against: Option<&Arc<Spectrum>>,
) -> Result<NoiseLevels, ExperimentError> {
    let (trace, dim) = (data.trace(), data.dim());
    let mean = total(data, |m| m.mean * m.mean);
    let shares = SHARES.map(|share| share * trace.sqrt());
    let tolerances = if tolerances.is_empty() { &shares[..] } else { tolerances };
    let has_variance = trace > 0.0;
    let tolerance = |&w2: &f64| -> Result<Tolerance, ExperimentError> {
        let (square, at_most) = (w2 * w2, denoised_error(data, 1e30));
        let sigma_max = crossing(|sigma| square - start_error(data, sigma).0);
        Ok(Tolerance {
            w2,
            sigma_max,
            steps: Some(cost(data, sigma_max)?),
            stop: crossing(|sigma| stop_error(data, sigma) - square),
            denoised: match at_most <= square {
                true => f64::INFINITY,
                false => crossing(|sigma| denoised_error(data, sigma) - square),
            },
        })
    };
    let tolerances = match has_variance {
        true => tolerances.iter().map(tolerance).collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    let own = if has_variance { Some(quantiles(data)?) } else { None };
    let shift = match (against, own) {
        (Some(other), Some(own)) => {
            let others = quantiles(other)?;
            let logs: Vec<f64> = own.iter().zip(others).map(|(a, b)| (a / b).ln()).collect();
            let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
            let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            Some(Shift {
                against: other.name().into(),
                factor: (logs.iter().sum::<f64>() / logs.len() as f64).exp(),
                range: (least.exp(), most.exp()),
                by_dimension: (dim / other.dim()).sqrt(),
            })
        }
        _ => None,
    };
    let (whole, of_mean) = start_error(data, USUAL_START);
    Ok(NoiseLevels {
        sigma_data: (trace / dim).sqrt(),
        root_mean_square: ((trace + mean) / dim).sqrt(),
        tolerances,
        usual_start: (whole.sqrt(), of_mean.sqrt()),
        middle: own.map(|levels| levels[4]),
        shift,
    })
}
