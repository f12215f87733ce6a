//! Mixtures of Gaussians, and their exact network.

use gaussmeter::level::Level;
use gaussmeter::mixture::{Component, Mixture, MixtureDenoiser, MixtureError};
use gaussmeter::network::{Denoiser, GaussianDenoiser, Prediction};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::paths::Draw;
use gaussmeter::prelude::*;

pub fn level(sigma: f64) -> Level {
    Edm::new(1e9).level(sigma)
}

/// One dimension: shares, means and variances.
fn line(classes: &[(f64, f64, f64)]) -> Mixture {
    let component = |(k, &(weight, mean, variance)): (usize, &(f64, f64, f64))| {
        let variance = Matrix::diagonal(&[variance]);
        Component::of_covariance(format!("class {k}"), weight, vec![mean], &variance).unwrap()
    };
    Mixture::new("line", classes.iter().enumerate().map(component).collect()).unwrap()
}

/// An orthogonal matrix without structure: a product of rotations.
pub fn rotation(dim: usize, seed: f64) -> Matrix {
    let mut all = Matrix::from_fn(dim, dim, |i, j| f64::from(i == j));
    for k in 1..dim {
        let (sin, cos) = (seed + 1.7 * k as f64).sin_cos();
        let turn = Matrix::from_fn(dim, dim, |i, j| match (i, j) {
            (0, 0) => cos,
            (i, j) if i == k && j == k => cos,
            (0, j) if j == k => -sin,
            (i, 0) if i == k => sin,
            (i, j) => f64::from(i == j),
        });
        all = all.multiply(&turn).unwrap();
    }
    all
}

/// Three classes with eigenbases of their own.
pub fn three(dim: usize) -> Mixture {
    let component = |k: usize| {
        let eigenvalues: Vec<f64> =
            (0..dim).map(|j| (1.0 + k as f64) * 4.0 * 0.4f64.powi(j as i32)).collect();
        let mean = (0..dim).map(|i| 3.0 * ((7 * k + 3 * i) as f64).sin()).collect();
        let rows = rotation(dim, k as f64);
        let weight = [0.5, 0.3, 0.2][k];
        Component::new(format!("class {k}"), weight, mean, eigenvalues, rows, 0.0).unwrap()
    };
    Mixture::new("three", (0..3).map(component).collect()).unwrap()
}

pub fn numbers(count: usize, size: f64) -> Vec<f64> {
    (0..count).map(|i| size * (1.0 + 12.9898 * i as f64).sin()).collect()
}

#[test]
fn one_component_is_the_gaussian() {
    let (dim, rows) = (5, rotation(5, 0.3));
    let eigenvalues = [3.0, 1.0, 0.2, 1e-3, 0.0];
    let along = [0.5, -2.0, 0.1, 0.0, 0.0];
    let mean = rows.apply_transpose(&along).unwrap();
    let data = Spectrum::new("one", "", &eigenvalues, None, Some(&along)).unwrap();
    let order = data.order();
    let mut known = GaussianDenoiser::per_mode(&data);
    for rank in [4, 5] {
        let kept = Matrix::from_fn(rank, dim, |j, i| rows[(j, i)]);
        let one = Component::new("", 1.0, mean.clone(), eigenvalues[..rank].to_vec(), kept, 0.0);
        let one = Mixture::new("one", vec![one.unwrap()]).unwrap();
        assert!(one.components()[0].is_singular());
        let found = one.gaussian().unwrap();
        for (a, b) in found.modes().iter().zip(data.modes()) {
            assert!((a.eigenvalue - b.eigenvalue).abs() < 1e-14, "{a:?} {b:?}");
            assert!((a.mean.abs() - b.mean.abs()).abs() < 1e-13, "{a:?} {b:?}");
        }
        let mut one = MixtureDenoiser::new(one);
        for sigma in [80.0, 1.0, 1e-3, 1e-9] {
            let level = level(sigma);
            for kind in Prediction::ALL {
                let x = numbers(3 * dim, 2.0 + sigma);
                let mut turned = vec![0.0; x.len()];
                rows.apply_all(&x, &mut turned);
                let own: Vec<f64> = turned
                    .chunks(dim)
                    .flat_map(|x| order.iter().map(|i| x[*i]).collect::<Vec<_>>())
                    .collect();
                let (mut out, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                one.predict(kind, &x, &level, &mut out).unwrap();
                known.predict(kind, &own, &level, &mut expected).unwrap();
                rows.apply_all(&out.clone(), &mut out);
                let size = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                for (i, (out, expected)) in out.chunks(dim).zip(expected.chunks(dim)).enumerate() {
                    for (k, j) in order.iter().enumerate() {
                        let off = (out[*j] - expected[k]).abs();
                        assert!(
                            off < 1e-13 * size,
                            "{kind:?} {sigma} {rank} {i}: {off:e} of {size:e}"
                        );
                    }
                }
            }
        }
    }
}

/// E[x_0 | x] of a two-component mixture on the line by the trapezoidal rule, which converges
/// exponentially for such integrands.
fn by_quadrature(classes: &[(f64, f64, f64)], x: f64, alpha: f64, sigma: f64) -> f64 {
    let density = |x0: f64| {
        let prior: f64 = classes
            .iter()
            .map(|(w, m, v)| w / v.sqrt() * (-0.5 * (x0 - m) * (x0 - m) / v).exp())
            .sum();
        prior * (-0.5 * ((x - alpha * x0) / sigma).powi(2)).exp()
    };
    let (mut mass, mut first) = (0.0, 0.0);
    for k in -400_000..=400_000 {
        let x0 = k as f64 * 1e-4;
        let p = density(x0);
        mass += p;
        first += p * x0;
    }
    first / mass
}

#[test]
fn posterior_means_on_the_line() {
    let classes = [(0.3, -2.0, 0.04), (0.7, 1.5, 0.5)];
    let mut denoiser = MixtureDenoiser::new(line(&classes));
    for (alpha, sigma) in [(1.0, 0.05), (1.0, 0.7), (1.0, 5.0), (0.3, 0.9)] {
        let level = Level { alpha, ..level(sigma) };
        for x in [-3.0, -0.7, 0.0, 0.2, 1.3] {
            let mut out = [0.0];
            denoiser.evaluate(&[alpha * x], &level, &mut out).unwrap();
            let expected = by_quadrature(&classes, alpha * x, alpha, sigma);
            assert!(
                (out[0] - expected).abs() < 1e-10,
                "{alpha} {sigma} {x}: {} {expected}",
                out[0]
            );
            // The others are what they are in terms of D.
            let mut score = [0.0];
            denoiser.predict(Prediction::Score, &[alpha * x], &level, &mut score).unwrap();
            let by_mean = (alpha * expected - alpha * x) / (sigma * sigma);
            assert!(
                (score[0] - by_mean).abs() < 1e-9 * (1.0 + by_mean.abs() + 1.0 / sigma / sigma)
            );
        }
    }
}

#[test]
fn every_level_has_finite_predictions() {
    let with_null = {
        let flat = Component::of_covariance(
            "flat",
            0.5,
            vec![1.0; 3],
            &Matrix::diagonal(&[1.0, 0.0, 0.0]),
        );
        let rest = Component::new(
            "rest",
            0.5,
            vec![-1.0; 3],
            vec![2.0],
            Matrix::from_fn(1, 3, |_, i| f64::from(i == 1)),
            0.3,
        );
        Mixture::new("null", vec![flat.unwrap(), rest.unwrap()]).unwrap()
    };
    for mixture in [three(3), with_null] {
        let mut denoiser = MixtureDenoiser::new(mixture);
        for sigma in [1e-150, 1e-30, 1e-9, 1e-3, 1.0, 1e3, 1e9, 1e100] {
            for size in [0.0, 1.0, 1e8, 1e200] {
                let x = numbers(6, size);
                let p = denoiser.responsibilities(&x, &level(sigma));
                assert!(p.iter().all(|p| (0.0..=1.0).contains(p)), "{sigma} {size}: {p:?}");
                let sums =
                    p.chunks(denoiser.mixture().components().len()).map(|p| p.iter().sum::<f64>());
                assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-12));
                let mut out = vec![0.0; 6];
                denoiser.evaluate(&x, &level(sigma), &mut out).unwrap();
                assert!(out.iter().all(|v| v.is_finite()), "{sigma} {size}: {out:?}");
            }
        }
        // Without noise the state is the datum; with nothing but noise the answer is the mean.
        let (x, mut out) = (numbers(3, 2.0), vec![0.0; 3]);
        denoiser.evaluate(&x, &level(0.0), &mut out).unwrap();
        assert_eq!(out, x);
        let nothing = Level { alpha: 0.0, ..level(1.0) };
        denoiser.evaluate(&x, &nothing, &mut out).unwrap();
        let mean = denoiser.mixture().mean();
        assert!(out.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-12), "{out:?} {mean:?}");
        let singular = denoiser.mixture().components().iter().any(Component::is_singular);
        let score = denoiser.predict(Prediction::Score, &x, &level(0.0), &mut out);
        assert_eq!(score.is_err(), singular);
    }
}

#[test]
fn moments_of_the_whole_and_samples_agree() {
    let mixture = three(4);
    let count = 40_000;
    let (x, from) = mixture.sample(Draw { seed: 3, first: 0, count });
    let again = mixture.sample(Draw { seed: 3, first: 10, count: 5 });
    assert_eq!((&x[40..60], &from[10..15]), (&again.0[..], &again.1[..]));
    let n = count as f64;
    for (k, c) in mixture.components().iter().enumerate() {
        let share = from.iter().filter(|f| **f == k).count() as f64 / n;
        assert!((share - c.weight()).abs() < 5.0 / n.sqrt(), "{share}");
    }
    let (mean, covariance) = (mixture.mean(), mixture.covariance().unwrap());
    let trace: f64 = (0..4).map(|i| covariance[(i, i)]).sum();
    for i in 0..4 {
        let found = x.chunks(4).map(|x| x[i]).sum::<f64>() / n;
        assert!((found - mean[i]).abs() < 5.0 * (trace / n).sqrt());
        for j in 0..4 {
            let found = x.chunks(4).map(|x| (x[i] - mean[i]) * (x[j] - mean[j])).sum::<f64>() / n;
            assert!((found - covariance[(i, j)]).abs() < 8.0 * trace / n.sqrt());
        }
    }
    assert!((mixture.gaussian().unwrap().trace() / trace - 1.0).abs() < 1e-13);
    // Low rank and a rest, drawn.
    let rows = Matrix::from_fn(1, 3, |_, _| 3f64.sqrt().recip());
    let one = Component::new("", 1.0, vec![0.0; 3], vec![9.0], rows, 0.25).unwrap();
    assert_eq!(one.trace(), 9.5);
    let one = Mixture::new("one", vec![one]).unwrap();
    let (x, _) = one.sample(Draw { seed: 1, first: 0, count });
    let square = |f: &dyn Fn(&[f64]) -> f64| x.chunks(3).map(|x| f(x).powi(2)).sum::<f64>() / n;
    assert!((square(&|x| x.iter().sum::<f64>() / 3f64.sqrt()) / 9.0 - 1.0).abs() < 0.05);
    assert!((square(&|x| (x[0] - x[1]) / 2f64.sqrt()) / 0.25 - 1.0).abs() < 0.05);
}

#[test]
fn what_is_no_mixture_is_refused() {
    let ok = |weight: f64, dim: usize| {
        Component::of_covariance("a", weight, vec![0.0; dim], &Matrix::diagonal(&vec![1.0; dim]))
    };
    let message = |error: MixtureError| error.to_string();
    assert_eq!(Mixture::new("", vec![]), Err(MixtureError::Empty));
    for weight in [0.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(message(ok(weight, 1).unwrap_err()).contains("weights must be positive"));
    }
    let weights = Mixture::new("", vec![ok(0.5, 1).unwrap(), ok(0.4, 1).unwrap()]);
    assert_eq!(message(weights.unwrap_err()), "the weights of the classes sum to 0.9, not to 1");
    let dims = Mixture::new("", vec![ok(0.5, 1).unwrap(), ok(0.5, 2).unwrap()]);
    assert_eq!(message(dims.unwrap_err()), "class 'a' has 2 dimensions, but class 'a' has 1");
    let of = |mean: f64, matrix: &[[f64; 2]; 2]| {
        let matrix = Matrix::from_rows(matrix).unwrap();
        message(Component::of_covariance("b", 1.0, vec![mean; 2], &matrix).unwrap_err())
    };
    assert!(of(f64::NAN, &[[1.0, 0.0], [0.0, 1.0]]).starts_with("class 'b': "));
    assert!(of(0.0, &[[1.0, 0.5], [0.0, 1.0]]).contains("symmetric"));
    assert!(of(0.0, &[[1.0, 2.0], [2.0, 1.0]]).starts_with("class 'b': "));
    let new = |values: Vec<f64>, rows: Matrix, rest: f64| {
        message(Component::new("c", 1.0, vec![0.0; 2], values, rows, rest).unwrap_err())
    };
    let unit = || Matrix::diagonal(&[1.0, 1.0]);
    assert!(new(vec![1.0], unit(), 0.0).contains("1 eigenvalues and eigenvectors of shape 2x2"));
    assert!(new(vec![1.0, -1.0], unit(), 0.0).contains("eigenvalue 1 is -1"));
    assert!(new(vec![1.0, 1.0], unit(), -1.0).contains("is -1"));
    let skew = Matrix::from_rows(&[[1.0, 0.5], [0.0, 1.0]]).unwrap();
    assert!(new(vec![1.0, 1.0], skew, 0.0).contains("not orthonormal"));
}
