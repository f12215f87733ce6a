//! Networks whose errors are known in closed form, measured.

mod leaks;

use crate::mixture::rotation;
use gaussmeter::basis::EigenCoordinates;
use gaussmeter::experiment::{
    Defaults, ExperimentError, Known, Length, Samplers, ScoreError, ScoreErrorOptions, Scored,
    Words, score_error,
};
use gaussmeter::level::Level;
use gaussmeter::network::{
    Denoiser, DenoiserError, DenoiserFn, Learnt, LinearDenoiser, Network, Prediction,
};
use gaussmeter::prelude::*;
use gaussmeter::report::Report;
use gaussmeter::watch::{Progress, Watch};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type Made = Box<dyn Denoiser + Send>;

const LAMBDA: [f64; 4] = [0.01, 0.25, 1.0, 4.0];
const MEAN: [f64; 4] = [0.0, 1.0, 0.0, 2.0];

fn data() -> Spectrum {
    Spectrum::new("four", "example", &LAMBDA, None, Some(&MEAN)).unwrap()
}

fn measured(
    data: &Spectrum,
    make: &(dyn Fn() -> Made + Sync),
    samplers: &str,
    steps: &[usize],
    options: ScoreErrorOptions,
    watch: Watch,
) -> Result<ScoreError, ExperimentError> {
    let words = Words { samplers: vec![samplers.into()], ..Words::default() };
    asked(data, make, &words, steps, options, watch)
}

fn asked(
    data: &Spectrum,
    make: &(dyn Fn() -> Made + Sync),
    words: &Words,
    steps: &[usize],
    options: ScoreErrorOptions,
    watch: Watch,
) -> Result<ScoreError, ExperimentError> {
    let question = words.read(&Defaults::SCORE_ERROR).unwrap();
    let lengths: Vec<Length> = steps.iter().map(|n| Length::Steps(*n)).collect();
    let samplers = Samplers { samplers: &question.samplers, lengths: &lengths };
    let basis = Arc::new(EigenCoordinates::of(data.modes()));
    let places = question.places(data.clone());
    score_error(("a network", make), basis, places, samplers, options, watch)
}

/// A linear network of the registry, on vectors.
fn linear(name: &str, data: &Spectrum) -> LinearDenoiser {
    let network = Network::read(name).unwrap();
    LinearDenoiser::new(Learnt::of(&*network.item, data).unwrap())
}

fn options(sigmas: &[f64], per_level: usize, seed: u64) -> ScoreErrorOptions {
    let sigmas = sigmas.to_vec();
    ScoreErrorOptions { sigmas, per_level, seed, ..ScoreErrorOptions::default() }
}

/// Where all is affine along the eigenvectors, matrices of leaks change nothing.
fn is_without_leaks(scored: &Scored) {
    let with_leaks = scored.with_leaks.unwrap();
    let off = (with_leaks.value - scored.predicted.value).abs();
    assert!(off < 1e-9 * (1.0 + scored.predicted.value), "{scored:?}");
    let off = (with_leaks.half - scored.predicted.half).abs();
    assert!(off < 1e-6 * (1.0 + scored.predicted.half), "{scored:?}");
}

/// How many of 95 % intervals miss the truth; nothing that is exact may be off at all.
#[derive(Debug, Default)]
struct Misses {
    count: usize,
    of: usize,
}

impl Misses {
    fn add(&mut self, found: Known, truth: f64) {
        let off = (found.value - truth).abs();
        let rounding = 1e-9 * truth.abs() + 1e-12;
        self.of += 1;
        self.count += usize::from(off > found.half + rounding);
    }
}

/// x sits along eigenvectors: a gain of 3 % of D, a constant, a leak from the last coordinate to the first,
/// and a sine.
fn mixed(x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
    let s2 = level.sigma * level.sigma;
    for (x, out) in x.chunks(4).zip(out.chunks_mut(4)) {
        for j in 0..4 {
            let c = x[j] - MEAN[j];
            let weight = LAMBDA[j] / (LAMBDA[j] + s2);
            out[j] = MEAN[j] + 1.03 * weight * c + 0.1 + 0.05 * (3.0 * c).sin();
        }
        out[0] += 0.02 * (x[3] - MEAN[3]);
    }
    Ok(())
}

#[test]
fn the_parts_of_a_known_error_lie_in_their_intervals() {
    let data = data();
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, mixed)) as Made;
    let mut misses: [Misses; 6] = Default::default();
    for seed in 0..20 {
        let options = options(&[1.0, 0.1], 2048, seed);
        let found = measured(&data, &make, "edm", &[], options, Watch::NOBODY).unwrap();
        for level in &found.levels {
            for (i, mode) in data.modes().iter().enumerate() {
                let lambda = mode.eigenvalue;
                let v = lambda + level.sigma * level.sigma;
                // By Stein's lemma, E sin(3z) z / v = 3 E cos(3z).
                let sine = 0.15 * (-4.5 * v).exp();
                let gain = 0.03 * lambda / v + sine;
                let from = LAMBDA[3] + level.sigma * level.sigma;
                let leak = if lambda == LAMBDA[0] { 4e-4 * from } else { 0.0 };
                let rest = 0.0025 * (1.0 - (-18.0 * v).exp()) / 2.0 - sine * sine * v;
                let own = level.modes[i];
                let all = [
                    (level.gains[i], gain),
                    (own.constant, 0.01),
                    (own.gain, gain * gain * v),
                    (own.leak, leak),
                    (own.rest, rest),
                    (own.squared, gain * gain * v + 0.01 + leak + rest),
                ];
                for (misses, (found, truth)) in misses.iter_mut().zip(all) {
                    misses.add(found, truth);
                }
            }
        }
    }
    // 160 intervals each, of which 8 miss on average: more than 20 are a chance of 1 in 20 000.
    assert!(misses.iter().all(|m| m.of == 160 && m.count <= 20), "{misses:?}");
    assert!(misses.iter().map(|m| m.count).sum::<usize>() > 6, "too wide: {misses:?}");
}

/// The sine of twice the own coordinate, whose regression on few samples is biased.
#[test]
fn errors_that_are_not_affine_are_found_without_bias() {
    let dim = 96;
    let eigenvalues: Vec<f64> = (0..dim).map(|j| 2.0 * 0.95f64.powi(j as i32)).collect();
    let data = Spectrum::new("many", "example", &eigenvalues, None, None).unwrap();
    let own = data.eigenvalues().to_vec();
    let network = move |x: &[f64], level: &Level, out: &mut [f64]| {
        for (x, out) in x.chunks(dim).zip(out.chunks_mut(dim)) {
            let s2 = level.sigma * level.sigma;
            for ((out, x), l) in out.iter_mut().zip(x).zip(&own) {
                *out = x * l / (l + s2) + (2.0 * x / (l + s2).sqrt()).sin();
            }
        }
        Ok(())
    };
    let make = || Box::new(DenoiserFn::new(dim, Prediction::Denoiser, network.clone())) as Made;
    // By Stein's lemma, E sin(2z) z = 2 E cos(2z).
    let gain = (2.0 * (-2.0f64).exp()).powi(2) * dim as f64;
    let squared = 0.5 * (1.0 - (-8.0f64).exp()) * dim as f64;
    let truths = [squared, 0.0, gain, 0.0, squared - gain];
    for (per_level, groups) in [(1024, 16), (64, 8)] {
        let mut misses: [Misses; 5] = Default::default();
        let mut found: [Vec<f64>; 5] = Default::default();
        for seed in 0..20 {
            let options = ScoreErrorOptions { groups, ..options(&[0.5], per_level, seed) };
            let whole = measured(&data, &make, "edm", &[], options, Watch::NOBODY).unwrap();
            let whole = whole.levels[0].whole;
            let all = [whole.squared, whole.constant, whole.gain, whole.leak, whole.rest];
            for (k, known) in all.into_iter().enumerate() {
                misses[k].add(known, truths[k]);
                found[k].push(known.value);
            }
        }
        assert!(misses.iter().all(|m| m.count <= 4), "{per_level}: {misses:?}");
        for (found, truth) in found.iter().zip(truths) {
            let mean = found.iter().sum::<f64>() / 20.0;
            let spread: f64 = found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 19.0;
            let z = (mean - truth) / (spread / 20.0).sqrt();
            assert!(z.abs() < 3.5, "{per_level}: {mean} for {truth}, {z} standard errors");
        }
    }
}

/// In one dimension there is no other coordinate that could leak.
#[test]
fn one_dimension_has_no_leak() {
    let data = Spectrum::new("one", "example", &[0.7], None, None).unwrap();
    let cube = |x: &[f64], level: &Level, out: &mut [f64]| {
        let v = 0.7 + level.sigma * level.sigma;
        out.iter_mut().zip(x).for_each(|(out, x)| *out = 0.7 * x / v + (x / v.sqrt()).powi(3));
        Ok(())
    };
    let make = || Box::new(DenoiserFn::new(1, Prediction::Denoiser, cube)) as Made;
    let options = options(&[1.0], 4096, 0);
    let found = measured(&data, &make, "edm", &[], options, Watch::NOBODY).unwrap();
    let whole = found.levels[0].whole;
    assert!(whole.leak.value.abs() < 1e-12 * whole.squared.value, "{:?}", whole.leak);
    assert!((whole.rest.value - 6.0).abs() < 2.0 * whole.rest.half, "{:?}", whole.rest);
}

/// δ is the regression of the network's score on the exact one, over all coordinates; the floor is the error of
/// the exact denoiser.
#[test]
fn the_gain_of_the_score_weights_coordinates_by_their_scores() {
    let data = data();
    let gains = [0.02, -0.01, 0.05, 0.004];
    let network = move |x: &[f64], level: &Level, out: &mut [f64]| {
        let s2 = level.sigma * level.sigma;
        for (x, out) in x.chunks(4).zip(out.chunks_mut(4)) {
            for j in 0..4 {
                let c = x[j] - MEAN[j];
                out[j] = MEAN[j] + (LAMBDA[j] / (LAMBDA[j] + s2) + gains[j]) * c;
            }
        }
        Ok(())
    };
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, network)) as Made;
    let options = options(&[1.5, 0.2], 128, 0);
    let found = measured(&data, &make, "edm", &[], options, Watch::NOBODY).unwrap();
    for level in &found.levels {
        let s2 = level.sigma * level.sigma;
        let v = LAMBDA.map(|l| l + s2);
        // E s ŝ and E s² with s = −c/v and ŝ = s + g c/σ², E c² = v.
        let both: f64 = (0..4).map(|j| 1.0 / v[j] - gains[j] / s2).sum();
        let own: f64 = v.iter().map(|v| 1.0 / v).sum();
        let expected = both / own - 1.0;
        assert!((level.score_gain.value - expected).abs() < 1e-12, "{expected} {level:?}");
        let floor: f64 = LAMBDA.iter().map(|l| l * s2 / (l + s2)).sum();
        assert!((level.floor - floor).abs() < 1e-12 * floor);
    }
}

/// More dimensions than samples of a group: no matrix of d × d is made, and the leak is found.
#[test]
fn a_leak_in_many_dimensions() {
    let dim = 96;
    let eigenvalues: Vec<f64> = (0..dim).map(|j| 2.0 * 0.95f64.powi(j as i32)).collect();
    let data = Spectrum::new("many", "example", &eigenvalues, None, None).unwrap();
    // A rotation of the first and the last coordinates of D.
    let (turn, own) = (rotation(dim, 0.05), data.eigenvalues().to_vec());
    let network = move |x: &[f64], level: &Level, out: &mut [f64]| {
        for (x, out) in x.chunks(dim).zip(out.chunks_mut(dim)) {
            let s2 = level.sigma * level.sigma;
            let exact: Vec<f64> = x.iter().zip(&own).map(|(x, l)| x * l / (l + s2)).collect();
            out.copy_from_slice(&turn.apply(&exact).unwrap());
        }
        Ok(())
    };
    let turn = rotation(dim, 0.05);
    let make = || Box::new(DenoiserFn::new(dim, Prediction::Denoiser, network.clone())) as Made;
    let mut misses = Misses::default();
    for seed in 0..20 {
        let found =
            measured(&data, &make, "edm", &[], options(&[0.5], 384, seed), Watch::NOBODY).unwrap();
        let of = |i: usize, j: usize| {
            let lambda = data.eigenvalues()[j];
            let weight = lambda / (lambda + 0.25);
            (turn[(i, j)] * weight).powi(2) * (lambda + 0.25)
        };
        let leak: f64 = (0..dim)
            .flat_map(|i| (0..dim).map(move |j| (i, j)))
            .filter(|(i, j)| i != j)
            .map(|(i, j)| of(i, j))
            .sum();
        let all = found.levels[0].whole.squared.value;
        assert!(leak > 0.1 * all, "{leak} of {all}");
        misses.add(found.levels[0].whole.leak, leak);
        misses.add(found.levels[0].whole.rest, 0.0);
    }
    // Of 40 intervals 2 miss on average: more than 7 are a chance of 1 in 1000.
    assert!(misses.of == 40 && misses.count <= 7, "{misses:?}");
}

/// What products of groups have in common does not pull leaks down, nor the rest up: means over seeds.
#[test]
fn leaks_are_not_biased_by_few_samples() {
    let dim = 256;
    let data = Spectrum::new("many", "example", &vec![1.0; dim], None, None).unwrap();
    // Beside the exact network, a tenth of the next coordinate.
    let network = move |x: &[f64], level: &Level, out: &mut [f64]| {
        let gain = 1.0 / (1.0 + level.sigma * level.sigma);
        for (x, out) in x.chunks(dim).zip(out.chunks_mut(dim)) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = gain * x[i] + 0.1 * x[(i + 1) % dim];
            }
        }
        Ok(())
    };
    let make = || Box::new(DenoiserFn::new(dim, Prediction::Denoiser, network)) as Made;
    let leak = 0.01 * dim as f64 * 1.25;
    let (mut leaks, mut rests) = (Vec::new(), Vec::new());
    for seed in 0..24 {
        let found =
            measured(&data, &make, "edm", &[], options(&[0.5], 128, seed), Watch::NOBODY).unwrap();
        leaks.push(found.levels[0].whole.leak.value / leak);
        rests.push(found.levels[0].whole.rest.value / leak);
    }
    for (values, exact) in [(leaks, 1.0), (rests, 0.0)] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let error = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()).sqrt() / n;
        println!("{mean} ± {error}, {exact}");
        assert!((mean - exact).abs() < 3.5 * error, "{mean} ± {error} instead of {exact}");
        assert!(error < 0.01, "{error}");
    }
}

#[test]
fn noise_levels_whose_squares_overflow_are_refused() {
    let data = data();
    let exact = linear("exact", &data);
    let make = || Box::new(exact.clone()) as Made;
    for sigma in [0.0, -1.0, 1e-170, 1e200, f64::NAN, f64::INFINITY] {
        let found = measured(&data, &make, "edm", &[], options(&[sigma], 128, 1), Watch::NOBODY);
        let text = found.unwrap_err().to_string();
        assert!(text.contains("from 1e-60 to 1e60"), "{text}");
    }
    let huge = ScoreErrorOptions { per_level: usize::MAX - 7, ..options(&[1.0], 128, 1) };
    let text = measured(&data, &make, "edm", &[], huge, Watch::NOBODY).unwrap_err().to_string();
    assert!(text.contains("take fewer per level"), "{text}");
}

#[test]
fn the_exact_network_has_no_error() {
    let data = data();
    let exact = linear("exact", &data);
    let make = || Box::new(exact.clone()) as Made;
    let usual = ScoreErrorOptions { per_level: 128, ..ScoreErrorOptions::default() };
    let found = measured(&data, &make, "edm,em", &[18], usual, Watch::NOBODY).unwrap();
    assert!(found.path_kl.value.abs() < 1e-20, "{:?}", found.path_kl);
    for run in &found.runs {
        let scored = run.result.as_ref().unwrap();
        assert!((scored.predicted.value / scored.exact - 1.0).abs() < 1e-9);
        assert!(scored.budget.score.is_some_and(|score| score.value < 1e-6));
    }
}

/// What is predicted from sixteen levels is what the network is known to do.
#[test]
fn predictions_are_those_of_the_network_itself() {
    let eigenvalues: Vec<f64> = (0..24).map(|j| 3.0 * 0.7f64.powi(j)).collect();
    let mut misses = 0;
    let data = Spectrum::new("steep", "example", &eigenvalues, None, None).unwrap();
    for name in ["gain:delta=-0.05", "gain:delta=0.1", "perturbed:delta=0.3", "shrunk:rho=0.05"] {
        let network = linear(name, &data);
        let make = || Box::new(network.clone()) as Made;
        let usual = ScoreErrorOptions { per_level: 256, ..ScoreErrorOptions::default() };
        let found = measured(&data, &make, "edm,ddim,em,dpmpp-2m", &[10, 18], usual, Watch::NOBODY)
            .unwrap();
        assert_eq!(found.runs.len(), 8);
        for run in &found.runs {
            let scored = run.result.as_ref().unwrap();
            let words = Words {
                samplers: vec![run.sampler.clone()],
                network: Some(name.into()),
                lengths: vec![run.length],
                ..Words::default()
            };
            let question = words.read(&Defaults::SCORE_ERROR).unwrap();
            let known = question.evaluate(data.clone(), Watch::NOBODY).unwrap().w2.total;
            let Known { value, half } = scored.predicted;
            let off = (value - known).abs();
            misses += usize::from(off > half + 1e-6);
            assert!(off < 2.0 * half + 1e-6, "{name} {run:?} {known}");
            assert!(half < 0.2 * known, "{name} {run:?}");
        }
    }
    // Of 32 intervals of 95 %.
    assert!(misses <= 2, "{misses}");
}

/// The same where signals are scaled, data have means, and the first level may be nothing but noise.
#[test]
fn predictions_on_other_processes() {
    let data = data();
    let sigmas = {
        let mut sigmas = ScoreErrorOptions::default().sigmas;
        sigmas.insert(0, 200.0);
        sigmas
    };
    for (process, grid, network) in [
        ("vp-linear", "uniform", "perturbed:delta=0.3"),
        ("vp-linear", "uniform", "gain:delta=-0.05"),
        ("vp-cosine", "uniform", "exact"),
        ("flow", "uniform", "exact"),
        ("trig", "uniform", "exact"),
    ] {
        let words = Words {
            samplers: vec!["ddim,em".into()],
            processes: vec![process.into()],
            grids: vec![grid.into()],
            eps: vec![1e-3],
            ..Words::default()
        };
        let linear = linear(network, &data);
        let make = || Box::new(linear.clone()) as Made;
        let options = ScoreErrorOptions { leaks: true, ..options(&sigmas, 256, 1) };
        let found = asked(&data, &make, &words, &[12], options, Watch::NOBODY).unwrap();
        for run in &found.runs {
            // EM has no finite step from pure noise.
            let Ok(scored) = &run.result else {
                assert!(run.sampler == "em" && process != "vp-linear", "{run:?}");
                continue;
            };
            let words = Words {
                samplers: vec![run.sampler.clone()],
                network: Some(network.into()),
                lengths: vec![run.length],
                ..words.clone()
            };
            let question = words.read(&Defaults::SCORE_ERROR).unwrap();
            let known = question.evaluate(data.clone(), Watch::NOBODY).unwrap().w2.total;
            let Known { value, half } = scored.predicted;
            assert!((value - known).abs() <= half + 1e-9 * known, "{process} {run:?} {known}");
            assert!(half < 0.02 * known, "{process} {run:?} {known}");
            is_without_leaks(scored);
        }
        assert!(found.runs[0].result.is_ok(), "{process} {:?}", found.runs[0]);
    }
}

/// Above the highest level measured the error is the same function of (x − αμ)/√V; the network has one that is,
/// from pure noise on, and its samples are as predicted.
#[test]
fn above_the_highest_level_the_error_stays() {
    let data = data();
    let network = |x: &[f64], level: &Level, out: &mut [f64]| {
        let (alpha, s2) = (level.alpha, level.sigma * level.sigma);
        for (x, out) in x.chunks(4).zip(out.chunks_mut(4)) {
            for j in 0..4 {
                let (c, v) = (x[j] - alpha * MEAN[j], alpha * alpha * LAMBDA[j] + s2);
                out[j] = MEAN[j] + alpha * LAMBDA[j] / v * c + 0.2 + 0.3 * c / v.sqrt();
            }
        }
        Ok(())
    };
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, network)) as Made;
    let words = Words {
        samplers: vec!["ddim".into()],
        processes: vec!["flow".into()],
        grids: vec!["uniform".into()],
        eps: vec![0.2],
        ..Words::default()
    };
    let options = ScoreErrorOptions {
        samples: 20_000,
        leaks: true,
        ..options(&[3.0, 1.7, 1.0, 0.6, 0.3, 0.2], 128, 0)
    };
    let found = asked(&data, &make, &words, &[6], options, Watch::NOBODY).unwrap();
    let scored = found.runs[0].result.as_ref().unwrap();
    let w2 = scored.sampled.unwrap().w2;
    is_without_leaks(scored);
    assert!(scored.predicted.half < 0.06 * scored.predicted.value, "{scored:?}");
    let off = (w2.value() - scored.predicted.value).abs();
    assert!(off < 4.0 * w2.standard_error() + scored.predicted.half, "{scored:?}");
    assert!((scored.predicted.value - scored.exact).abs() > 0.1 * scored.exact, "{scored:?}");
}

/// Two levels do not tell what lies between them.
#[test]
fn the_interval_of_a_prediction_has_what_lies_between_levels() {
    let data = data();
    let network = linear("perturbed:delta=0.3", &data);
    let make = || Box::new(network.clone()) as Made;
    let of = |sigmas: &[f64]| {
        let options = options(sigmas, 128, 0);
        let found = measured(&data, &make, "edm", &[18], options, Watch::NOBODY).unwrap();
        let all = found.runs[0].result.as_ref().unwrap().predicted;
        let tables = found.report().tables();
        (all, tables.iter().flat_map(|table| table.notes.clone()).collect::<String>())
    };
    for few in [&[80.0, 0.002][..], &[1.0]] {
        let (known, text) = of(few);
        assert!(known.half == f64::INFINITY && known.value.is_finite(), "{known:?}");
        assert!(text.contains("less than three noise levels"), "{text}");
    }
    let words = Words {
        network: Some("perturbed:delta=0.3".into()),
        samplers: vec!["edm".into()],
        lengths: vec![Length::Steps(18)],
        ..Words::default()
    };
    let question = words.read(&Defaults::SCORE_ERROR).unwrap();
    let truth = question.evaluate(data.clone(), Watch::NOBODY).unwrap().w2.total;
    let six = [80.0, 9.0, 1.0, 0.1, 0.01, 0.002];
    let eight = [80.0, 20.0, 5.0, 1.0, 0.3, 0.1, 0.03, 0.002];
    for some in [&six[..], &eight] {
        let (known, _) = of(some);
        assert!((known.value - truth).abs() < known.half, "{known:?} {truth}");
    }
}

/// W2 of samples that the exact network draws, beside the theory: 25 repeats.
#[test]
fn samples_agree_with_theory() {
    let eigenvalues: Vec<f64> = (1..=32).map(|j| f64::from(j).powf(-1.5)).collect();
    let data = Spectrum::new("power law", "example", &eigenvalues, None, None).unwrap();
    let exact = linear("exact", &data);
    let make = || Box::new(exact.clone()) as Made;
    for (sampler, samples) in [("em", 160), ("edm", 160), ("ddim", 64)] {
        let (mut within, mut sum) = (0, 0.0);
        for seed in 0..25 {
            let options = ScoreErrorOptions { samples, ..options(&[1.0], 128, seed) };
            let found = measured(&data, &make, sampler, &[12], options, Watch::NOBODY).unwrap();
            let scored = found.runs[0].result.as_ref().unwrap();
            let sampled = scored.sampled.unwrap();
            assert_eq!(sampled.is_full, samples >= 128);
            let z = (sampled.w2.squared - scored.exact.powi(2)) / sampled.w2.squared_error;
            within += usize::from(z.abs() < 2.0);
            sum += z / 25.0;
        }
        // Of 25, 24 are expected, and fewer than 20 with a chance of 1 in 100; means have a deviation of 0.2.
        assert!(within >= 20 && sum.abs() < 0.8, "{sampler}: {within} within, mean {sum}");
    }
}

#[test]
fn the_measured_gain_is_a_file_for_other_questions() {
    let data = data();
    let network = linear("gain:delta=-0.05", &data);
    let make = || Box::new(network.clone()) as Made;
    let options = options(&[0.1, 10.0, 1.0], 128, 0);
    let found = measured(&data, &make, "edm", &[10], options, Watch::NOBODY).unwrap();
    let sigmas: Vec<f64> = found.levels.iter().map(|l| l.sigma).collect();
    assert_eq!(sigmas, [10.0, 1.0, 0.1]);
    let file = found.gain_file().unwrap();
    let rows: Vec<&str> = file.lines().collect();
    assert_eq!((rows[0], rows.len()), ("sigma,delta", 4));
    for row in &rows[1..] {
        let delta: f64 = row.split(',').nth(1).unwrap().parse().unwrap();
        assert!((delta + 0.05).abs() < 1e-12, "{row}");
    }
    // Near to noise the second network does next to nothing, and the third is a file.
    for (delta, is_file) in [(-0.9995, false), (-0.95, true), (100.0, true)] {
        let gain = move |x: &[f64], level: &Level, out: &mut [f64]| {
            let s2 = level.sigma * level.sigma;
            for (x, out) in x.chunks(4).zip(out.chunks_mut(4)) {
                for j in 0..4 {
                    out[j] = x[j] - (1.0 + delta) * s2 * (x[j] - MEAN[j]) / (LAMBDA[j] + s2);
                }
            }
            Ok(())
        };
        let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, gain)) as Made;
        let options = self::options(&[1.0], 128, 0);
        let found = measured(&data, &make, "edm", &[], options, Watch::NOBODY).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gain.csv");
        match found.gain_file() {
            Ok(text) => {
                std::fs::write(&path, text).unwrap();
                let name = format!("gain:file={}", path.display());
                assert!(is_file && Network::read(&name).is_ok(), "{delta}");
            }
            Err(error) => {
                assert!(!is_file && error.to_string().contains("0.001 times"), "{error}");
            }
        }
    }
}

#[test]
fn the_same_for_any_number_of_threads() {
    let data = data();
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, mixed)) as Made;
    let once = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options =
            ScoreErrorOptions { samples: 64, leaks: true, ..options(&[1.0, 0.1], 256, 3) };
        let found =
            pool.install(|| measured(&data, &make, "em", &[6], options, Watch::NOBODY)).unwrap();
        (found.levels, found.runs)
    };
    assert_eq!(once(1), once(3));
}

#[test]
fn stopped_work_has_what_was_done() {
    let data = data();
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, mixed)) as Made;
    let told = AtomicUsize::new(0);
    let hear = |progress: Option<Progress>| {
        let heard = told.fetch_add(usize::from(progress.is_some()), Ordering::Relaxed);
        if heard < 40 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let usual = ScoreErrorOptions { per_level: 128, ..ScoreErrorOptions::default() };
    let found = measured(&data, &make, "edm", &[10], usual, Watch::new(&hear)).unwrap();
    assert!(found.is_interrupted && found.levels.len() == 2 && found.runs.is_empty());
    let never = |_: Option<Progress>| ControlFlow::Break(());
    let usual = ScoreErrorOptions { per_level: 128, ..ScoreErrorOptions::default() };
    let found = measured(&data, &make, "edm", &[10], usual, Watch::new(&never));
    assert_eq!(found.err(), Some(ExperimentError::Interrupted));
}

#[test]
fn what_cannot_be_measured() {
    let data = data();
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, mixed)) as Made;
    let failed = |make: &(dyn Fn() -> Made + Sync), options: ScoreErrorOptions| {
        measured(&data, make, "edm", &[10], options, Watch::NOBODY).unwrap_err().to_string()
    };
    assert!(failed(&make, options(&[1.0, 0.0], 128, 0)).contains("from 1e-60 to 1e60"));
    assert!(failed(&make, options(&[], 128, 0)).contains("no noise level given"));
    let groups = ScoreErrorOptions { groups: 5, ..ScoreErrorOptions::default() };
    assert!(failed(&make, groups).contains("take one of 8, 12"));
    let few = ScoreErrorOptions { samples: 3, ..ScoreErrorOptions::default() };
    assert!(failed(&make, few).contains("at least 16 samples"));
    assert!(
        failed(&make, options(&[1.0], 127, 0)).contains("at least 128 samples per noise level")
    );
    let many = ScoreErrorOptions { per_level: 1 << 40, ..ScoreErrorOptions::default() };
    assert!(failed(&make, many).contains("GB of memory"));
    let broken = |_: &[f64], _: &Level, out: &mut [f64]| {
        out.fill(f64::NAN);
        Ok(())
    };
    let broken = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, broken)) as Made;
    let usual = options(&[1.0], 128, 0);
    assert!(failed(&broken, usual.clone()).contains("not finite at sigma/alpha = 1"));
    let other = || Box::new(DenoiserFn::new(5, Prediction::Denoiser, mixed)) as Made;
    assert!(failed(&other, usual).contains("data of 5 dimensions"));
}
