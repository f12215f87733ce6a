//! A recorded run beside ours.

use super::case::{Case, numbers};
use gaussmeter::prelude::*;
use gaussmeter::{process, sampler};
use serde_json::Value;

/// Why a case is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// The library fails, or its numbers are none.
    LibraryFails,
    /// No sampler here is what the case runs.
    NotWritten,
    /// Its levels are not a grid.
    NoGrid,
    /// Our sampler is not defined on its levels.
    Undefined,
    /// The library asks its network at other levels than our sampler.
    OtherLevels,
}

/// The largest error of a case in units of its tolerance, and relative to the variance.
fn check(file: &Value, case: &Case, text: &str) -> Result<(f64, f64), Skip> {
    let (text, process) = match text.split_once(" @ ") {
        Some((text, process)) => (text, Some(process::registry().build(process).unwrap().item)),
        None => (text, None),
    };
    let is_flow = case.is_flow();
    let as_recorded = process.is_none() && case.is_as_recorded() || is_flow;
    let grid = match process {
        None => case.grid(),
        Some(process) => case.grid_on(process.into()),
    };
    let grid = grid.ok_or(Skip::NoGrid)?;
    let plan = sampler::registry().build(text).unwrap().item.plan(&grid);
    let plan = plan.map_err(|_| Skip::Undefined)?;
    let told = plan.ops().iter().filter_map(|op| match op {
        gaussmeter::tape::Op::Predict { level, .. } => Some(**level),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let recorded = &case.0["evals_alpha_sigma"].as_array().unwrap()[..];
    // An evaluation at the level of the output, or in a step of no length, changes nothing.
    let ratio = |pair: &Value| pair[1].as_f64().unwrap() / pair[0].as_f64().unwrap();
    let sigmas = case.0["sigmas"].as_array().map(|s| &s[..]);
    let is_repeated = matches!(sigmas, Some([.., a, b]) if a == b);
    let recorded = match recorded {
        [others @ .., last]
            if told.len() == others.len()
                && (is_repeated || ratio(last) == ratio(&case.output())) =>
        {
            others
        }
        all => all,
    };
    let differs = |(level, pair): (&Level, &Value)| {
        let (alpha, sigma) = (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
        (level.sigma * alpha - level.alpha * sigma).abs() > 1e-9 * level.sigma * alpha.max(1e-3)
    };
    if told.len() != recorded.len() || told.iter().zip(recorded).any(differs) {
        return Err(Skip::OtherLevels);
    }
    let lambda = numbers(&file["lambdas"]);
    let data = Spectrum::new("golden", "", &lambda, None, Some(&vec![1.0; lambda.len()])).unwrap();
    let output = Output::of(&plan, &data);
    let std = match as_recorded {
        true => 1.0,
        false => case.0["init_std_edm"].as_f64().unwrap() * plan.start().alpha,
    };
    // Both sides at the scale of the recorded output.
    let alpha = match as_recorded {
        // ComfyUI divides by 1 − u at the end, and its UniPC has made that u 0.001.
        true if is_flow && text.starts_with("unipc") && case.id().starts_with("comfyui") => {
            1.0 / (1.0 - 0.001)
        }
        true => 1.0,
        false => case.output()[0].as_f64().unwrap(),
    };
    let (var, gain, mean) = (case.numbers("var"), case.numbers("gain"), case.numbers("mean_gain"));
    let tolerance = case.numbers("rtol_per_lambda");
    // Steps are recorded as x + (σ′ − σ) d, which cancels in long ones: there the recordings are off
    // by more than they carry, as exact arithmetic on k-diffusion/heun/polyexponential_rho2 and
    // dpm_fast/range_edm shows.
    let floor = match grid.levels().len() {
        ..=4 => 1e-9,
        // Two blocks.
        6 if case.0["fn"] == "sample_dpm_fast" => 1e-10,
        // Means are recorded as 1 − 6e-12, where every rule has 1: a small constant in a denominator.
        _ if case.id().starts_with("diffusers/ltx") => 1e-11,
        _ => 5e-12,
    };
    let mut worst = (0.0f64, 0.0f64);
    for (i, eigenvalue) in lambda.iter().enumerate() {
        let mode = data.eigenvalues().iter().position(|l| l == eigenvalue).unwrap();
        let g = alpha * std * output.gain[mode];
        let v = g * g + alpha * alpha * output.noise_variance[mode];
        let std_size = var[i].sqrt().max(1e-9);
        let rtol = tolerance[i].max(floor);
        let size = rtol * var[i] + 1e-18;
        // An error of v is twice one of the standard deviation, which gains and means share.
        for (error, allowed) in [
            ((v - var[i]).abs(), size),
            ((g - gain[i]).abs(), size / std_size),
            ((alpha * output.mean_gain[mode] - mean[i]).abs(), rtol * mean[i].abs().max(1.0)),
        ] {
            worst.0 = worst.0.max(error / allowed);
        }
        // Relative, where the allowance of 1e-18 is not what counts.
        if var[i] > 1e-9 {
            worst.1 = worst.1.max((v - var[i]).abs() / var[i]);
        }
    }
    Ok(worst)
}

/// What came of a file.
pub struct Checked {
    /// Cases compared.
    pub covered: usize,
    /// The largest relative error of a variance.
    pub worst: f64,
    /// Failures in words.
    pub failures: Vec<String>,
    /// Cases that were not compared, and why.
    pub skipped: Vec<(String, Skip)>,
}

/// Compares all cases of a file.
pub fn check_file(file: &Value, text: fn(&Case) -> Option<String>) -> Checked {
    let mut checked = Checked { covered: 0, worst: 0.0, failures: vec![], skipped: vec![] };
    for case in file["cases"].as_array().unwrap().iter().map(Case) {
        let result = match case.0.get("native_status").is_some_and(|s| s != "ok") {
            true => Err(Skip::LibraryFails),
            false => text(&case)
                .ok_or(Skip::NotWritten)
                .and_then(|text| Ok((check(file, &case, &text)?, text))),
        };
        match result {
            Err(skip) => checked.skipped.push((case.id().into(), skip)),
            Ok(((error, relative), text)) => {
                checked.covered += 1;
                checked.worst = checked.worst.max(relative);
                if error.is_nan() || error > 1.0 {
                    let failure = format!("{} as {text}: {error:.3e} tolerances", case.id());
                    checked.failures.push(failure);
                }
            }
        }
    }
    checked
}
