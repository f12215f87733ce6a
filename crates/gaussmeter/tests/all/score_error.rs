//! Networks whose errors are known in closed form, measured.

use crate::mixture::rotation;
use gaussmeter::basis::EigenCoordinates;
use gaussmeter::experiment::{
    Defaults, ExperimentError, Known, Length, Samplers, ScoreError, ScoreErrorOptions, Words,
    score_error,
};
use gaussmeter::level::Level;
use gaussmeter::network::{
    Denoiser, DenoiserError, DenoiserFn, Learnt, LinearDenoiser, Network, Prediction,
};
use gaussmeter::prelude::*;
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
                    (own.bias, 0.01),
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
    let file = found.gain_file();
    let rows: Vec<&str> = file.lines().collect();
    assert_eq!((rows[0], rows.len()), ("sigma,delta", 4));
    for row in &rows[1..] {
        let delta: f64 = row.split(',').nth(1).unwrap().parse().unwrap();
        assert!((delta + 0.05).abs() < 1e-12, "{row}");
    }
}

#[test]
fn the_same_for_any_number_of_threads() {
    let data = data();
    let make = || Box::new(DenoiserFn::new(4, Prediction::Denoiser, mixed)) as Made;
    let once = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = ScoreErrorOptions { samples: 64, ..options(&[1.0, 0.1], 256, 3) };
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
    assert!(failed(&make, options(&[1.0, 0.0], 128, 0)).contains("positive"));
    assert!(failed(&make, options(&[], 128, 0)).contains("no noise level given"));
    let groups = ScoreErrorOptions { groups: 5, ..ScoreErrorOptions::default() };
    assert!(failed(&make, groups).contains("take one of 8, 12"));
    let few = ScoreErrorOptions { samples: 3, ..ScoreErrorOptions::default() };
    assert!(failed(&make, few).contains("at least 16 samples"));
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
