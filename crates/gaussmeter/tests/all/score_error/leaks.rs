//! Predictions with whole matrices.

use super::*;
use gaussmeter::exact::dense::{DenseData, DenseGaussian, Matrix, law_by_sum};
use gaussmeter::metric::wasserstein2_dense;

const DIM: usize = 6;

fn turned() -> (Spectrum, DenseData, Matrix) {
    let eigenvalues: Vec<f64> = (0..DIM).map(|j| 3.0 * 0.4f64.powi(j as i32)).collect();
    let means: Vec<f64> = (0..DIM).map(|j| 0.3 * j as f64 - 0.5).collect();
    let data = Spectrum::new("six", "example", &eigenvalues, None, Some(&means)).unwrap();
    // What the network believes: turned a little, with other eigenvalues and another mean.
    let mut turn = Matrix::diagonal(&[1.0; DIM]);
    for k in 1..DIM {
        let (sin, cos) = (0.15 + 0.1 * k as f64).sin_cos();
        let plane = Matrix::from_fn(DIM, DIM, |i, j| match (i, j) {
            (i, j) if i == j && (i == k || i + 1 == k) => cos,
            (i, j) if i + 1 == k && j == k => -sin,
            (i, j) if i == k && j + 1 == k => sin,
            (i, j) => f64::from(i == j),
        });
        turn = turn.multiply(&plane).unwrap();
    }
    let own: Vec<f64> = data.eigenvalues().iter().map(|l| 1.2 * l + 0.01).collect();
    let scaled = Matrix::from_fn(DIM, DIM, |i, j| turn[(i, j)] * own[j]);
    let covariance = scaled.multiply_transpose(&turn).unwrap();
    let covariance =
        Matrix::from_fn(DIM, DIM, |i, j| 0.5 * (covariance[(i, j)] + covariance[(j, i)]));
    let mean: Vec<f64> = data.modes().iter().map(|m| m.mean + 0.1).collect();
    let believed = DenseData::new(mean, covariance.clone()).unwrap();
    (data, believed, covariance)
}

/// The exact denoiser of N(mean, covariance).
fn denoiser(mean: &[f64], covariance: &Matrix) -> Box<dyn Fn() -> Made + Sync> {
    let (mean, eigen) = (mean.to_vec(), covariance.symmetric_eigen().unwrap());
    let predict = move |x: &[f64], level: &Level, out: &mut [f64]| {
        let (alpha, s2) = (level.alpha, level.sigma * level.sigma);
        for (x, out) in x.chunks(DIM).zip(out.chunks_mut(DIM)) {
            let c: Vec<f64> = x.iter().zip(&mean).map(|(x, m)| x - alpha * m).collect();
            let mut along = eigen.vectors.apply_transpose(&c).unwrap();
            let each = along.iter_mut().zip(&eigen.values);
            each.for_each(|(a, l)| *a *= alpha * l / (alpha * alpha * l + s2));
            let back = eigen.vectors.apply(&along).unwrap();
            out.iter_mut().zip(back.iter().zip(&mean)).for_each(|(o, (b, m))| *o = b + m);
        }
        Ok(())
    };
    Box::new(move || Box::new(DenoiserFn::new(DIM, Prediction::Denoiser, predict.clone())) as Made)
}

/// The exact network of a Gaussian with other eigenvectors: its samples have a law that is known otherwise.
#[test]
fn a_network_with_other_eigenvectors() {
    let (data, believed, covariance) = turned();
    let mean: Vec<f64> = data.modes().iter().map(|m| m.mean + 0.1).collect();
    let make = denoiser(&mean, &covariance);
    let mut sigmas = ScoreErrorOptions::default().sigmas;
    sigmas.insert(0, 200.0);
    let target = DenseGaussian::diagonal(
        data.modes().iter().map(|m| m.mean).collect(),
        &data.modes().iter().map(|m| m.eigenvalue).collect::<Vec<f64>>(),
    )
    .unwrap();
    for (process, grid, eps, samplers) in [
        ("edm", "karras", 0.0, "edm,dpmpp-2m,dpmpp-2m-sde,unipc"),
        ("vp-linear", "uniform", 1e-2, "ddim,em,heun"),
        ("flow", "uniform", 1e-2, "euler"),
    ] {
        let words = Words {
            samplers: vec![samplers.into()],
            processes: vec![process.into()],
            grids: vec![grid.into()],
            eps: vec![eps],
            ..Words::default()
        };
        let options = ScoreErrorOptions { leaks: true, ..options(&sigmas, 128, 1) };
        let found = asked(&data, &*make, &words, &[14], options, Watch::NOBODY).unwrap();
        for run in &found.runs {
            let scored = run.result.as_ref().unwrap();
            let question = words.read(&Defaults::SCORE_ERROR).unwrap();
            let place = &question.places(data.clone())[0];
            let sampler = question.samplers.iter().find(|s| s.label == run.sampler).unwrap();
            let plan = place.setting.run(sampler, run.length, place.eps).unwrap().plan;
            let start = DenseGaussian::diagonal(
                vec![0.0; DIM],
                &[if process == "edm" { 6400.0 } else { 1.0 }; DIM],
            )
            .unwrap();
            let law =
                law_by_sum(&plan, &[&believed], |_| vec![1.0], &start, Watch::NOBODY).unwrap();
            let truth = wasserstein2_dense(&law, &target).unwrap().total;
            let with_leaks = scored.with_leaks.unwrap();
            let off = (with_leaks.value - truth).abs();
            println!("{process} {} {truth} {with_leaks:?} {:?}", run.sampler, scored.predicted);
            assert!(off <= with_leaks.half + 1e-6 * truth, "{run:?} {truth}");
            assert!(with_leaks.half < 0.03 * truth, "{run:?} {truth}");
            let without = (scored.predicted.value - truth).abs();
            assert!(without > 5.0 * (off + scored.predicted.half), "{run:?} {truth}");
        }
        let best = found.best().unwrap().result.as_ref().unwrap().with_leaks.unwrap().value;
        let all = found.runs.iter().map(|r| r.result.as_ref().unwrap().with_leaks.unwrap().value);
        assert_eq!(best, all.fold(f64::INFINITY, f64::min));
        let notes: String = found.report().tables().iter().flat_map(|t| t.notes.clone()).collect();
        assert!(notes.contains("leaks are in the column of theirs"), "{notes}");
    }
}

/// A leak that goes one way only: the matrix of the error is not symmetric, as no Gaussian has it. DDIM by matrices.
#[test]
fn a_leak_of_one_way() {
    let lambda = [0.1, 0.5, 2.0];
    let data = Spectrum::new("three", "example", &lambda, None, None).unwrap();
    // The error of the score, relative: from the second coordinate to the first, and from the first to the last.
    let delta = Matrix::from_rows(&[[0.0, 0.3, 0.0], [0.0, 0.05, 0.0], [-0.2, 0.0, 0.0]]).unwrap();
    let weights = {
        let delta = delta.clone();
        move |sigma: f64| {
            let s2 = sigma * sigma;
            let v = lambda.map(|l| l + s2);
            Matrix::from_fn(3, 3, |i, j| {
                let exact = if i == j { lambda[i] / v[i] } else { 0.0 };
                exact - delta[(i, j)] * s2 / (v[i] * v[j]).sqrt()
            })
        }
    };
    let network = {
        let weights = weights.clone();
        move |x: &[f64], level: &Level, out: &mut [f64]| {
            let w = weights(level.sigma);
            for (x, out) in x.chunks(3).zip(out.chunks_mut(3)) {
                out.copy_from_slice(&w.apply(x).unwrap());
            }
            Ok(())
        }
    };
    let make = || Box::new(DenoiserFn::new(3, Prediction::Denoiser, network.clone())) as Made;
    let options = ScoreErrorOptions { leaks: true, per_level: 128, ..ScoreErrorOptions::default() };
    let found = measured(&data, &make, "ddim", &[12], options, Watch::NOBODY).unwrap();
    let place = |k: usize| {
        80f64.powf(1.0 / 7.0) + (0.002f64.powf(1.0 / 7.0) - 80f64.powf(1.0 / 7.0)) * k as f64 / 11.0
    };
    let mut sigmas: Vec<f64> = (0..12).map(|k| place(k).powi(7)).collect();
    sigmas.push(0.0);
    let mut gain = Matrix::diagonal(&[80.0; 3]);
    for pair in sigmas.windows(2) {
        let (w, kept) = (weights(pair[0]), pair[1] / pair[0]);
        let step = Matrix::from_fn(3, 3, |i, j| {
            (1.0 - kept) * w[(i, j)] + if i == j { kept } else { 0.0 }
        });
        gain = step.multiply(&gain).unwrap();
    }
    let law = gain.multiply_transpose(&gain).unwrap();
    let law = Matrix::from_fn(3, 3, |i, j| 0.5 * (law[(i, j)] + law[(j, i)]));
    let law = DenseGaussian::new(vec![0.0; 3], law).unwrap();
    let target = DenseGaussian::diagonal(vec![0.0; 3], &lambda).unwrap();
    let truth = wasserstein2_dense(&law, &target).unwrap().total;
    let found = found.runs[0].result.as_ref().unwrap().with_leaks.unwrap();
    assert!((found.value - truth).abs() < 1e-9 && found.half < 1e-9, "{found:?} {truth}");
}

/// Errors that are not affine are noise of the matrices, and add nothing: over seeds, the prediction is that of the
/// affine part alone, whose matrices are found without any error.
#[test]
fn what_is_not_affine_does_not_bias_predictions() {
    let dim = 16;
    let eigenvalues: Vec<f64> = (0..dim).map(|j| 2.0 * 0.8f64.powi(j)).collect();
    let data = Spectrum::new("many", "example", &eigenvalues, None, None).unwrap();
    let own = data.eigenvalues().to_vec();
    let network = |size: f64| {
        let own = own.clone();
        move |x: &[f64], level: &Level, out: &mut [f64]| {
            let (dim, s2) = (own.len(), level.sigma * level.sigma);
            for (x, out) in x.chunks(dim).zip(out.chunks_mut(dim)) {
                let v: Vec<f64> = own.iter().map(|l| l + s2).collect();
                let z: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x / v.sqrt()).collect();
                for i in 0..dim {
                    let leak = 0.02 * (z[(i + 1) % dim] - z[(i + 5) % dim]);
                    // Hermite's polynomials of degree 2 and 3: uncorrelated with what is affine.
                    let rest = size * (z[(i + 3) % dim].powi(2) - 1.0 + z[i].powi(3) - 3.0 * z[i]);
                    out[i] = x[i] * own[i] / v[i] + s2 / v[i].sqrt() * (leak + rest);
                }
            }
            Ok(())
        }
    };
    let of = |size: f64, seed: u64| {
        let one = network(size);
        let make = || Box::new(DenoiserFn::new(16, Prediction::Denoiser, one.clone())) as Made;
        let sigmas = [80.0, 20.0, 5.0, 1.2, 0.3, 0.08, 0.02, 0.005, 0.002];
        let options = ScoreErrorOptions { leaks: true, ..options(&sigmas, 2048, seed) };
        let found = measured(&data, &make, "edm", &[18], options, Watch::NOBODY).unwrap();
        let scored = found.runs[0].result.as_ref().unwrap();
        (scored.with_leaks.unwrap(), scored.exact)
    };
    let (truth, exact) = of(0.0, 0);
    assert!(truth.half < 1e-3 * truth.value && truth.value > 1.2 * exact, "{truth:?} {exact}");
    let (mut misses, mut all) = (Misses::default(), Vec::new());
    for seed in 0..20 {
        let (found, _) = of(0.1, seed);
        misses.add(found, truth.value);
        all.push(found.value);
    }
    let mean = all.iter().sum::<f64>() / 20.0;
    let spread = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 19.0).sqrt();
    println!("{mean} ± {} instead of {truth:?}, {misses:?}", spread / 20f64.sqrt());
    assert!((mean - truth.value).abs() < 3.5 * spread / 20f64.sqrt(), "{mean} {truth:?}");
    assert!(spread < 0.1 * truth.value && misses.count <= 4, "{spread} {misses:?}");
}

#[test]
fn matrices_need_samples_and_infinite_laws_stay_so() {
    let data = data();
    let network = linear("gain:delta=-0.05", &data);
    let make = || Box::new(network.clone()) as Made;
    let many = vec![1.0; 64];
    let white = Spectrum::new("white", "example", &many, None, None).unwrap();
    let of_white = linear("exact", &white);
    let make_white = || Box::new(of_white.clone()) as Made;
    let few = ScoreErrorOptions { leaks: true, ..options(&[1.0], 255, 0) };
    let text = measured(&white, &make_white, "edm", &[], few, Watch::NOBODY).unwrap_err();
    assert!(text.to_string().contains("at least 256 samples per noise level"), "{text}");

    // Pure steps of the score end at infinity where there is no variance and no noise left.
    let singular = Spectrum::new("null", "example", &[0.0, 1.0], None, None).unwrap();
    let own = linear("gain:delta=-0.05", &singular);
    let make_singular = || Box::new(own.clone()) as Made;
    let words = Words {
        samplers: vec!["heun".into()],
        processes: vec!["vp-linear".into()],
        grids: vec!["uniform".into()],
        eps: vec![0.0],
        ..Words::default()
    };
    let options = ScoreErrorOptions { leaks: true, ..options(&[50.0, 1.0, 0.1], 128, 0) };
    let found =
        asked(&singular, &make_singular, &words, &[6], options.clone(), Watch::NOBODY).unwrap();
    let scored = found.runs[0].result.as_ref().unwrap();
    assert_eq!(scored.predicted.value, f64::INFINITY);
    assert_eq!(scored.with_leaks.map(|k| k.value), Some(f64::INFINITY));

    // Stopped within the matrices.
    let hear = |progress: Option<Progress>| match progress {
        Some(Progress { what, .. }) if what.ends_with("with leaks") => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let found = measured(&data, &make, "edm,ddim", &[6], options, Watch::new(&hear)).unwrap();
    assert!(found.is_interrupted && found.levels.len() == 3);
    assert_eq!(found.runs[0].result.as_ref().err(), Some(&ExperimentError::Interrupted));
}
