//! Samplers tried on data that are not Gaussian.

use crate::mixture::{level, numbers, rotation, three};
use gaussmeter::experiment::{
    Checked, Defaults, Distances, Estimate, ExperimentError, Length, Moments, Verification,
    VerifyOptions, Words, verify_network,
};
use gaussmeter::law::{DataLaw, PrincipalBasis};
use gaussmeter::level::Level;
use gaussmeter::mixture::{Component, Mixture, MixtureDenoiser};
use gaussmeter::network::{Denoiser, DenoiserError, DenoiserFn, Prediction};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::paths::{Draw, NoiseSource, Streams};
use gaussmeter::prelude::*;
use gaussmeter::report::{Report, by_name};
use gaussmeter::separable::{Marginal, Separable};
use gaussmeter::watch::{Progress, Watch};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn words(samplers: &str, grids: &str, steps: &[usize]) -> Words {
    Words {
        samplers: vec![samplers.into()],
        grids: vec![grids.into()],
        lengths: steps.iter().map(|n| Length::Steps(*n)).collect(),
        ..Words::default()
    }
}

fn options(starts: usize, samples: usize) -> VerifyOptions {
    VerifyOptions { starts, samples, reference: 200, seed: 1 }
}

fn tried(
    mixture: Mixture,
    words: &Words,
    options: VerifyOptions,
    watch: Watch,
) -> Result<Verification, ExperimentError> {
    let data = mixture.gaussian().unwrap();
    words.read(&Defaults::VERIFY).unwrap().verify(mixture.into(), data, options, watch)
}

/// A Gaussian with a mean and an eigenbasis of its own.
fn gaussian(dim: usize) -> Mixture {
    let eigenvalues = (0..dim).map(|j| 10.0 * 0.2f64.powi(j as i32)).collect();
    let mean = numbers(dim, 1.0);
    let one = Component::new("", 1.0, mean, eigenvalues, rotation(dim, 0.9), 0.0).unwrap();
    Mixture::new("one", vec![one]).unwrap()
}

fn all(found: &Verification) -> Vec<&Checked> {
    found.checks.iter().map(|check| check.result.as_ref().unwrap()).collect()
}

fn distances(checked: &Checked) -> &Distances {
    checked.distances().unwrap()
}

fn moments(checked: &Checked) -> &Moments {
    checked.moments().unwrap()
}

/// On one Gaussian the distances are those that are predicted, in all and in every band.
#[test]
fn on_a_gaussian_predictions_hold() {
    let words = words("ddim,edm,dpmpp-2m", "karras,exponential", &[6, 12]);
    let found = tried(gaussian(6), &words, options(400, 64), Watch::NOBODY).unwrap();
    assert_eq!((found.checks.len(), found.references.len()), (12, 1));
    let fine = &found.references[0];
    // Heun's rule alone is off by a third of what half as many steps change.
    assert!(fine.halved < 2e-2 && fine.error < 0.05 * fine.halved, "{fine:?}");
    assert_eq!(found.bands.len(), 4);
    assert_eq!(found.bands.iter().map(|b| b.coordinates.len()).sum::<usize>(), 6);
    for checked in all(&found) {
        let d = distances(checked);
        let allowed = 5.0 * d.standard_error + fine.error;
        assert!((d.rms - d.gaussian_rms).abs() < allowed, "{d:?}");
        assert_eq!((d.same_group, d.squares.len()), (Some(1.0), 400));
        assert!(d.median <= 3.0 * d.rms);
        let squares = |of: &dyn Fn(usize) -> f64| (0..4).map(|b| of(b).powi(2)).sum::<f64>();
        assert!((squares(&|b| d.bands[b].found).sqrt() / d.rms - 1.0).abs() < 1e-12);
        assert!((squares(&|b| d.bands[b].gaussian).sqrt() / d.gaussian_rms - 1.0).abs() < 1e-12);
        for (band, halved) in d.bands.iter().zip(&fine.halved_bands) {
            let allowed = 5.0 * band.standard_error + halved;
            assert!((band.found - band.gaussian).abs() < allowed, "{band:?}");
        }
    }
    let rms = found.distances.correlation.unwrap().rms.unwrap();
    assert!(rms > 0.97, "{rms}");
}

/// The extrapolated solution is as near to the exact one as it says, and much nearer than Heun's rule: one start after
/// another, on a Gaussian, where nothing but rounding and the fine solution is between a sampler and its prediction.
#[test]
fn fine_solutions_know_their_own_error() {
    for (process, grid, steps) in [("edm", "karras", 60), ("vp-linear", "uniform", 60)] {
        let of = |reference: usize| {
            let words = Words {
                processes: vec![process.into()],
                eps: vec![if process == "edm" { 0.0 } else { 1e-2 }],
                ..words("dpm-solver-3", grid, &[3000])
            };
            let options = VerifyOptions { reference, ..options(64, 16) };
            let found = tried(gaussian(5), &words, options, Watch::NOBODY).unwrap();
            (distances(all(&found)[0]).rms, found.references[0].clone())
        };
        // A sampler that is exact, so that its distance is the error of the fine solution.
        let (rms, fine) = of(steps);
        println!("{process}: {rms} {fine:?}");
        assert!(rms < 2.0 * fine.error && rms > 0.05 * fine.error, "{process}: {rms} {fine:?}");
        assert!(rms < 0.1 * fine.halved / 3.0, "{process}: {rms} {fine:?}");
    }
}

/// Where the fine solution is too coarse to compare with, that is said.
#[test]
fn coarse_references_are_told() {
    let words = words("ddim,dpmpp-2m", "karras", &[8]);
    for (reference, blurred) in [(400, 0), (8, 2)] {
        let options = VerifyOptions { reference, ..options(20, 16) };
        let found = tried(three(3), &words, options, Watch::NOBODY).unwrap();
        assert_eq!(found.blurred().len(), blurred, "{:?}", found.references);
        let text = by_name("text").unwrap().to_string(&found.report()).unwrap();
        assert_eq!(text.contains("the fine solution's own error"), blurred > 0, "{text}");
    }
}

/// The standard error of a distance is how much it differs from one set of starts to another.
#[test]
fn standard_errors_of_distances() {
    let of = |seed: u64| {
        let options = VerifyOptions { seed, ..options(64, 16) };
        let words = words("ddim", "karras", &[5]);
        let found = tried(gaussian(3), &words, options, Watch::NOBODY).unwrap();
        let d = distances(all(&found)[0]);
        // Seeds share no starts: streams of different seeds are different.
        (d.rms - d.gaussian_rms) / d.standard_error
    };
    let scores: Vec<f64> = (0..100).map(of).collect();
    let square = scores.iter().map(|z| z * z).sum::<f64>() / 100.0;
    // χ²₁₀₀/100: 0.54 and 1.6 are four standard deviations away.
    assert!((0.5..1.7).contains(&square), "{square}");
}

/// What finite samples add to W2² is subtracted, and standard errors are right: on average over seeds,
/// where the exact value is known.
#[test]
fn moments_of_rules_with_noise() {
    let words = words("dpmpp-sde,euler-ancestral,em", "karras", &[6, 12]);
    let (seeds, configurations) = (60, 6);
    let mut errors = vec![0.0; 2 * configurations];
    let mut off = vec![Vec::new(); 2 * configurations];
    let mut exact = vec![0.0; configurations];
    let mut bias = vec![0.0; configurations];
    for seed in 0..seeds {
        let options = VerifyOptions { seed, ..options(2, 120) };
        let found = tried(gaussian(4), &words, options, Watch::NOBODY).unwrap();
        assert!(found.compares_covariances() && found.references.is_empty());
        for (k, checked) in all(&found).into_iter().enumerate() {
            let m = moments(checked);
            exact[k] = checked.w2 * checked.w2;
            bias[k] = m.full.unwrap().bias;
            for (c, e) in [m.full.unwrap(), m.along].into_iter().enumerate() {
                off[2 * k + c].push(e.squared - exact[k]);
                errors[2 * k + c] += e.squared_error.powi(2) / seeds as f64;
            }
            assert!(m.samples == 120 && m.shares.as_ref().unwrap().error < 1e-12);
            let bands = m.bands.iter().map(|b| b.gaussian * b.gaussian).sum::<f64>();
            assert!((bands / exact[k] - 1.0).abs() < 1e-12);
        }
    }
    let n = seeds as f64;
    for (k, (off, told)) in off.iter().zip(&errors).enumerate() {
        let mean = off.iter().sum::<f64>() / n;
        let variance = off.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = (variance / n).sqrt();
        // A third-order rest is left: small beside what is subtracted.
        let allowed = 4.0 * error + 0.05 * bias[k / 2];
        assert!(mean.abs() < allowed, "{k}: {mean} ± {error}, of {}", exact[k / 2]);
        // Four standard deviations of a standard deviation from 60 values are 37 %.
        let ratio = (told / variance).sqrt();
        assert!((0.7..1.5).contains(&ratio), "{k}: {ratio}");
    }
}

/// From many steps with noise the mixture comes out, and its classes as often as they are.
#[test]
fn fine_rules_with_noise_give_the_mixture() {
    let words = words("euler-ancestral", "karras", &[3, 80]);
    let found = tried(three(4), &words, options(2, 2000), Watch::NOBODY).unwrap();
    let [coarse, fine] = [0, 1].map(|k| moments(all(&found)[k]).clone());
    let [coarse_shares, fine_shares] = [&coarse, &fine].map(|m| m.shares.clone().unwrap());
    assert!((fine_shares.found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!((0.005..0.02).contains(&fine_shares.by_chance), "{fine_shares:?}");
    assert!(fine_shares.error < 4.0 * fine_shares.by_chance, "{fine_shares:?}");
    assert!(coarse_shares.error > 4.0 * fine_shares.by_chance, "{coarse_shares:?}");
    assert!(coarse.estimate().value() > 5.0 * fine.estimate().value());
    let Estimate { squared, squared_error, .. } = fine.estimate();
    assert!(squared < 0.05 + 4.0 * squared_error, "{fine:?}");
}

#[test]
fn verification_is_told_in_every_format_whatever_the_threads() {
    let words = words("ddim,dpmpp-2m,em,euler-ancestral", "karras,fisher-rao", &[4, 8]);
    let run = |threads: usize| {
        let pool = rayon_pool(threads);
        pool.install(|| tried(three(5), &words, options(70, 70), Watch::NOBODY).unwrap())
    };
    let (one, three) = (run(1), run(3));
    let report = one.report();
    for name in ["text", "csv", "latex", "markdown", "json"] {
        let format = by_name(name).unwrap();
        let written = format.to_string(&report).unwrap();
        assert_eq!(written, format.to_string(&three.report()).unwrap(), "{name}");
    }
    let text = by_name("text").unwrap().to_string(&report).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "70 starts and 70 samples on three (3 classes, d = 5)",
        "same class",
        "classes off",
        "fine solution, from sigma/alpha 80 to 0",
        "rank correlation (Spearman) of the RMS",
        "rank correlation (Spearman) of W2 of moments",
        "full covariances",
        "bands of eigenvalues",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = report.json();
    assert_eq!(
        (json["checks"].as_array().unwrap().len(), json["command"].as_str()),
        (16, Some("verify"))
    );
    assert!(json["checks"][0]["rms"].is_f64() && json["checks"][0]["moments"].is_null());
    let noisy = &json["checks"][8];
    assert!(noisy["rms"].is_null() && noisy["moments"]["covariances"]["w2"].is_f64());
    assert_eq!(noisy["bands"].as_array().unwrap().len(), json["bands"].as_array().unwrap().len());
    assert_eq!(report.records().rows.len(), 16);
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// A user's own network: the same as the law it is of, without groups.
#[test]
fn any_network_can_be_tried() {
    let words = words("ddim,em", "karras", &[5]).read(&Defaults::VERIFY).unwrap();
    let law = Arc::new(three(4));
    let data = law.gaussian().unwrap();
    let basis = DataLaw::basis(&*law).unwrap();
    let by_law = words.verify(law.clone(), data.clone(), options(40, 40), Watch::NOBODY).unwrap();
    let made = AtomicUsize::new(0);
    let make = || {
        made.fetch_add(1, Ordering::Relaxed);
        Box::new(MixtureDenoiser::new(law.clone())) as Box<dyn Denoiser + Send>
    };
    let by = |make: &(dyn Fn() -> Box<dyn Denoiser + Send> + Sync), basis, data: &Spectrum| {
        let (places, lengths) = (words.places(data.clone()), words.asked_lengths());
        let (samplers, options) = (&words.samplers, options(40, 40));
        verify_network(make, basis, places, samplers, &lengths, options, Watch::NOBODY)
    };
    let own = by(&make, Some(basis), &data).unwrap();
    assert!((1..=rayon::current_num_threads() + 1).contains(&made.load(Ordering::Relaxed)));
    let (a, b) = (all(&by_law), all(&own));
    assert_eq!(distances(a[0]).squares, distances(b[0]).squares);
    assert_eq!(distances(a[0]).bands, distances(b[0]).bands);
    assert_eq!((distances(a[0]).same_group.is_some(), distances(b[0]).same_group), (true, None));
    assert_eq!(moments(a[1]).along, moments(b[1]).along);
    assert_eq!(moments(b[1]).shares, None);
    // Without eigenvectors.
    let own = by(&make, None, &data).unwrap();
    assert!(own.bands.is_empty());
    assert_eq!(distances(all_ran(&own)[0]).squares, distances(a[0]).squares);
    let text = by_name("text").unwrap().to_string(&own.report()).unwrap();
    assert!(text.contains("cannot run: em: draws noise"), "{text}");

    // Networks that fail, that are not finite, of other dimensions.
    let failing = || {
        let fail = |_: &[f64], _: &gaussmeter::level::Level, _: &mut [f64]| {
            Err(DenoiserError::Network("no connection".into()))
        };
        Box::new(DenoiserFn::new(4, Prediction::Noise, fail)) as Box<dyn Denoiser + Send>
    };
    let error = by(&failing, None, &data).unwrap_err().to_string();
    assert_eq!(error, "the fine solution: the network failed: no connection");
    let nan = || {
        let nan = |_: &[f64], _: &gaussmeter::level::Level, out: &mut [f64]| {
            out.fill(f64::NAN);
            Ok(())
        };
        Box::new(DenoiserFn::new(4, Prediction::Denoiser, nan)) as Box<dyn Denoiser + Send>
    };
    let basis = PrincipalBasis::new(&DataLaw::mean(&*law), law.covariance().unwrap()).unwrap();
    let found = by(&nan, Some(Arc::new(basis)), &data).unwrap();
    assert_eq!(distances(all(&found)[0]).rms, f64::INFINITY);
    assert_eq!(moments(all(&found)[1]).estimate().value(), f64::INFINITY);
    for name in ["text", "csv", "latex", "markdown", "json"] {
        let written = by_name(name).unwrap().to_string(&found.report()).unwrap();
        assert!(!written.contains("NaN"), "{name}: {written}");
    }
    let text = by_name("text").unwrap().to_string(&found.report()).unwrap();
    assert!(text.contains("infinite: outputs that are not finite, of ddim, karras"), "{text}");
    let other = by(&make, None, &gaussian(5).gaussian().unwrap()).unwrap_err();
    assert_eq!(other.to_string(), "data of 4 dimensions, but a spectrum of 5");
}

fn all_ran(found: &Verification) -> Vec<&Checked> {
    found.checks.iter().filter_map(|check| check.result.as_ref().ok()).collect()
}

#[test]
fn what_cannot_be_verified_is_refused() {
    let message = |samplers: &str, options: VerifyOptions| {
        let words = words(samplers, "karras", &[4]);
        tried(three(3), &words, options, Watch::NOBODY).unwrap_err().to_string()
    };
    assert_eq!(message("ddim", options(1, 64)), "at least 2 starts, for a standard error, not 1");
    for samples in [0, 15] {
        let expected =
            format!("at least 16 samples, for moments and their standard errors, not {samples}");
        assert_eq!(message("em", options(64, samples)), expected);
    }
    for (samplers, starts) in [("ddim", 8), ("em", 8)] {
        let stopped = |_: Option<Progress>| ControlFlow::Break(());
        let words = words(samplers, "karras", &[4]);
        let stopped = tried(three(3), &words, options(starts, 64), Watch::new(&stopped));
        assert_eq!(stopped.unwrap_err(), ExperimentError::Interrupted);
    }
    // Stopped among the samplers: what there is, and which are missing.
    for (samplers, what, stop) in
        [("ddim", "samplers", 20), ("em", "samplers with noise, 2 of 3", 3)]
    {
        let heard = AtomicUsize::new(0);
        let hear = |progress: Option<Progress>| {
            if progress.is_some_and(|p| p.what == what && p.done >= stop) {
                heard.store(1, Ordering::Relaxed);
            }
            if heard.load(Ordering::Relaxed) == 1 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let words = words(samplers, "karras", &[4, 8, 2000]);
        let found = tried(three(3), &words, options(8, 64), Watch::new(&hear)).unwrap();
        assert!(found.is_interrupted());
        assert!(!all_ran(&found).is_empty() && all_ran(&found).len() < 3, "{samplers}");
    }
}

/// Draws of the data themselves are no error but for chance: also where they are not Gaussian, and where groups
/// overlap.
#[test]
fn laws_describe_their_own_draws() {
    let split =
        |stds: [f64; 2]| Marginal::new(vec![0.3, 0.7], vec![0.0, 0.5], stds.to_vec()).unwrap();
    let overlapping =
        vec![split([0.3, 1.0]), Marginal::gaussian(1.0, 2.0).unwrap(), split([0.5, 0.2])];
    let laws: [Arc<dyn DataLaw>; 2] =
        [three(4).into(), Separable::new("overlapping", overlapping).unwrap().into()];
    for law in laws {
        let (dim, count) = (law.dim(), 20_000);
        let x = law.draw(Draw { seed: 5, first: 0, count });
        let shares = law.shares(&x, &level(1e-3));
        let groups = law.groups().members;
        assert_eq!(shares.len(), groups.len());
        for (found, group) in shares.iter().zip(&groups) {
            let error = ((found.square - found.mean.powi(2)) / count as f64).sqrt();
            assert!((found.mean - group.weight).abs() < 4.0 * error, "{found:?} {group:?}");
        }
        let basis = law.basis().unwrap();
        let mut along = vec![0.0; x.len()];
        basis.analyze(&x, &mut along);
        for j in 0..dim {
            let own: Vec<f64> =
                along.chunks(dim).map(|x| (x[j] - basis.means()[j]).powi(2)).collect();
            let mean = own.iter().sum::<f64>() / count as f64;
            assert!((mean / basis.eigenvalues()[j] - 1.0).abs() < 0.1, "{j}");
        }
    }
}

/// Full covariances of few samples per dimension, of white data, where what samples add is largest.
#[test]
fn moments_of_few_samples_per_dimension() {
    let dim = 96;
    let eigenvalues = vec![1.0; dim];
    let one =
        Component::new("", 1.0, vec![0.0; dim], eigenvalues, rotation(dim, 0.3), 0.0).unwrap();
    let white = Mixture::new("white", vec![one]).unwrap();
    let words = words("dpmpp-2m-sde", "karras", &[40]);
    let (mut off, mut told) = (Vec::new(), 0.0);
    for seed in 0..12 {
        let options = VerifyOptions { seed, ..options(2, 4 * dim) };
        let found = tried(white.clone(), &words, options, Watch::NOBODY).unwrap();
        let checked = all(&found)[0];
        let full = moments(checked).full.unwrap();
        off.push(full.squared - checked.w2.powi(2));
        told += full.squared_error.powi(2) / 12.0;
        assert!(full.bias > 3.0 && full.bias > 50.0 * checked.w2.powi(2), "{full:?}");
    }
    let mean = off.iter().sum::<f64>() / 12.0;
    println!("{mean} ± {}", told.sqrt() / 12f64.sqrt());
    assert!(mean.abs() < 3.5 * (told / 12.0).sqrt(), "{mean} ± {}", (told / 12.0).sqrt());
    assert!(told.sqrt() < 0.3, "{told}");
}

/// Distances to fine solutions from other starts are no rivals, and say nothing about the Gaussian's W2.
#[test]
fn starts_are_not_compared_with_others() {
    let words = words("dpmpp-2m,ddim", "karras,karras:rho=5,karras:sigma_max=0.5", &[10]);
    let found = tried(three(3), &words, options(64, 16), Watch::NOBODY).unwrap();
    assert_eq!(found.references.len(), 2);
    let places: Vec<usize> = all(&found).into_iter().map(|c| distances(c).reference).collect();
    assert_eq!(places, [0, 0, 1, 0, 0, 1]);
    // From 0.5 on there is less to go wrong, and yet W2 is larger.
    let rms = |k: usize| distances(all(&found)[k]).rms;
    assert!(rms(2) < 0.5 * rms(0) && rms(2) < 0.5 * rms(1), "{} {} {}", rms(0), rms(1), rms(2));
    assert!(all(&found)[2].w2 > all(&found)[0].w2);
    if let Some(misled) = found.distances.misled {
        assert_eq!(places[misled.predicted], places[misled.better], "{misled:?}");
    }
    assert_eq!(found.distances.correlation.unwrap().among, 4);
    let text = by_name("text").unwrap().to_string(&found.report()).unwrap();
    let is_starred = |line: &&str| line.contains('*');
    let starred: Vec<&str> = text.lines().filter(is_starred).collect();
    assert!(starred.len() == 2 && starred.iter().all(|l| !l.contains("sigma_max=0.5")), "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("they say nothing beside those to another one"), "{text}");
    assert!(text.contains("among the 4 rows"), "{text}");
}

/// What is told apart at the end is told apart where outputs are, however coarse the last step of the grid is.
#[test]
fn shares_do_not_depend_on_the_last_level() {
    let law = Separable::new(
        "two",
        vec![Marginal::new(vec![0.3, 0.7], vec![0.3, 0.0], vec![0.1, 0.3]).unwrap()],
    )
    .unwrap();
    let data = law.gaussian().unwrap();
    let law: Arc<dyn DataLaw> = law.into();
    let of = |sigma_min: f64| {
        let grid = format!("karras:sigma_min={sigma_min}");
        let words = words("euler-ancestral", &grid, &[300]).read(&Defaults::VERIFY).unwrap();
        let options = options(2, 40_000);
        let found = words.verify(law.clone(), data.clone(), options, Watch::NOBODY).unwrap();
        moments(all(&found)[0]).shares.clone().unwrap()
    };
    let (fine, coarse) = (of(0.002), of(0.1));
    // Probabilities of overlapping groups spread less than what is counted (0.18 %).
    assert!((0.9e-3..1.7e-3).contains(&fine.by_chance), "{fine:?}");
    assert!((fine.found[0] - 0.309).abs() < 0.01, "{fine:?}");
    // The last step is to the denoised state, from where noisy data are.
    let mut y = law.draw(Draw { seed: 9, first: 0, count: 100_000 });
    let mut z = vec![0.0; y.len()];
    Streams::new(Draw { seed: 10, first: 0, count: y.len() }).fill(&mut z);
    y.iter_mut().zip(&z).for_each(|(y, z)| *y += 0.1 * z);
    let mut denoised = vec![0.0; y.len()];
    law.clone().denoiser().evaluate(&y, &level(0.1), &mut denoised).unwrap();
    let [expected, at_last] = [1e-5, 0.1].map(|s| law.shares(&denoised, &level(s))[0].mean);
    assert!((coarse.found[0] - expected).abs() < 3e-3, "{coarse:?} {expected}");
    assert!((at_last - expected).abs() > 4e-3, "{at_last} {expected}");
}

/// At no noise only the nearest component counts, also where directions have no variance and squares overflow.
#[test]
fn far_outside_the_nearest_component_counts() {
    let line = |name: &str, at: f64, variance: f64| {
        let covariance = Matrix::diagonal(&[variance, 0.0]);
        Component::of_covariance(name, 0.5, vec![0.0, at], &covariance).unwrap()
    };
    let two =
        Mixture::new("lines", vec![line("near", 5.0, 1.0), line("far", -1000.0, 1.0)]).unwrap();
    let data = Level { sigma: 0.0, ..level(1.0) };
    for x in [[0.0, 0.0], [3.0, 40.0], [1e3, -400.0], [1e-3, 1e10]] {
        assert_eq!(two.responsibilities(&x, &data), [1.0, 0.0], "{x:?}");
    }
    assert_eq!(two.responsibilities(&[0.0, -900.0], &data), [0.0, 1.0]);
}
