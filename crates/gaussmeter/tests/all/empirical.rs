//! The data set itself as a law, and its exact network.

use gaussmeter::empirical::{Empirical, EmpiricalDenoiser, EmpiricalError};
use gaussmeter::level::Level;
use gaussmeter::network::{Denoiser, DenoiserError, GaussianDenoiser, Prediction};
use gaussmeter::paths::Draw;
use gaussmeter::prelude::*;

fn level(sigma: f64) -> Level {
    Edm::new(1e9).level(sigma)
}

fn numbers(count: usize, size: f64) -> Vec<f64> {
    (0..count).map(|i| size * (1.0 + 12.9898 * i as f64 + 0.37 * (i * i) as f64).sin()).collect()
}

/// The sum of two numbers of which the second is the rounding error of the first.
#[derive(Clone, Copy)]
struct Double(f64, f64);

impl Double {
    fn sum(a: f64, b: f64) -> Self {
        let s = a + b;
        let v = s - a;
        Double(s, (a - (s - v)) + (b - v))
    }
    fn product(a: f64, b: f64) -> Self {
        Double(a * b, a.mul_add(b, -(a * b)))
    }
    fn plus(self, other: Self) -> Self {
        let Double(s, e) = Double::sum(self.0, other.0);
        Double::sum(s, e + self.1 + other.1)
    }
    fn times(self, other: Self) -> Self {
        let Double(p, e) = Double::product(self.0, other.0);
        Double::sum(p, e + self.0 * other.1 + self.1 * other.0)
    }
    fn minus(self, other: Self) -> Self {
        self.plus(Double(-other.0, -other.1))
    }
    fn value(self) -> f64 {
        self.0 + self.1
    }
}

/// D and x − αD by sums over all samples in twice the precision, and the mean size of x − αx_i.
fn direct(law: &Empirical, x: &[f64], level: &Level) -> (Vec<f64>, Vec<f64>, f64) {
    let points: Vec<&[f64]> = (0..law.count()).map(|i| law.points().row(i)).collect();
    let distance = |y: &&[f64]| {
        x.iter().zip(*y).fold(Double(0.0, 0.0), |sum, (x, y)| {
            let off = Double(*x, 0.0).minus(Double::product(level.alpha, *y));
            sum.plus(off.times(off))
        })
    };
    let distances: Vec<Double> = points.iter().map(distance).collect();
    let least = distances.iter().copied().min_by(|a, b| a.minus(*b).value().total_cmp(&0.0));
    let least = least.unwrap();
    let weight = |d: &Double| (-d.minus(least).value() / (2.0 * level.sigma * level.sigma)).exp();
    let weights: Vec<f64> = distances.iter().map(weight).collect();
    let whole = weights.iter().fold(Double(0.0, 0.0), |sum, w| sum.plus(Double(*w, 0.0))).value();
    let mean = |j: usize, off: bool| {
        let sum = points.iter().zip(&weights).fold(Double(0.0, 0.0), |sum, (y, w)| {
            let y = match off {
                false => Double(y[j], 0.0),
                true => Double(x[j], 0.0).minus(Double::product(level.alpha, y[j])),
            };
            sum.plus(y.times(Double(*w, 0.0)))
        });
        sum.value() / whole
    };
    let all = |off: bool| (0..x.len()).map(|j| mean(j, off)).collect();
    let far = |d: &Double| d.value().sqrt();
    let size = distances.iter().zip(&weights).map(|(d, w)| w * far(d)).sum::<f64>() / whole;
    (all(false), all(true), size)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

#[test]
fn every_prediction_is_the_direct_sum() {
    // Fewer and more samples than the network sums one by one.
    for (count, dim) in [(5, 3), (40, 6), (700, 20)] {
        let law = Empirical::new("set", dim, numbers(count * dim, 1.5)).unwrap();
        let mut network = EmpiricalDenoiser::new(law.clone());
        for sigma in [80.0, 7.0, 1.0, 0.3, 0.05, 2e-3, 1e-6] {
            for alpha in [1.0, 0.6] {
                let level = Level { alpha, alpha_prime: -0.3, ..level(sigma) };
                // Near samples, between them, and far away.
                let noise = numbers(40 * dim, 1.0);
                let x: Vec<f64> = (0..40 * dim)
                    .map(|k| {
                        let (i, j) = (k / dim, k % dim);
                        let at = law.points()[((7 * i) % count, j)];
                        match i % 4 {
                            0 => alpha * at + sigma * noise[k],
                            // Where one rounding of x would decide, no sum can.
                            1 if sigma < 0.01 => alpha * at,
                            1 => 0.5 * alpha * (at + law.points()[((7 * i + 1) % count, j)]),
                            2 => 50.0 * noise[k],
                            _ => sigma * noise[k],
                        }
                    })
                    .collect();
                let mut out = vec![0.0; x.len()];
                for kind in Prediction::ALL {
                    network.predict(kind, &x, &level, &mut out).unwrap();
                    for (x, out) in x.chunks(dim).zip(out.chunks(dim)) {
                        let (d, off, size) = direct(&law, x, &level);
                        let rate = level.sigma_sigma_prime / (sigma * sigma);
                        let (a, b) = match kind {
                            Prediction::Denoiser => (1.0, 0.0),
                            Prediction::Score => (0.0, -1.0 / (sigma * sigma)),
                            Prediction::Noise => (0.0, 1.0 / sigma),
                            Prediction::Velocity => (level.alpha_prime, rate),
                            Prediction::V => (-sigma, alpha / sigma),
                            Prediction::Flow => (-1.0, 1.0 / sigma),
                        };
                        let size = a.abs() * largest(&d) + b.abs() * size;
                        for ((out, d), u) in out.iter().zip(&d).zip(&off) {
                            let error = (out - (a * d + b * u)).abs();
                            let told = (kind, sigma, alpha, count);
                            assert!(error <= 1e-12 * size, "{told:?}: {error:e} of {size:e}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn one_sample_is_a_gaussian_without_variance() {
    let sample = numbers(4, 3.0);
    let law = Empirical::new("one", 4, sample.clone()).unwrap();
    let whole = law.gaussian().unwrap();
    let length = sample.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert_eq!((whole.dim(), whole.trace()), (4.0, 0.0));
    let found = whole.sum(|_, m| m.mean * m.mean).sqrt();
    assert!((found / length - 1.0).abs() < 1e-15, "{found} {length}");
    // In the sample's own coordinates, each of variance 0.
    let data = |mean: f64| Spectrum::new("", "", &[0.0], None, Some(&[mean])).unwrap();
    let mut one = EmpiricalDenoiser::new(law);
    for sigma in [80.0, 1.0, 1e-6] {
        for kind in Prediction::ALL {
            let x = numbers(8, 2.0 + sigma);
            let mut out = vec![0.0; 8];
            one.predict(kind, &x, &level(sigma), &mut out).unwrap();
            for (k, x) in x.iter().enumerate() {
                let mut known = GaussianDenoiser::per_mode(&data(sample[k % 4]));
                let mut expected = [0.0];
                known.predict(kind, &[*x], &level(sigma), &mut expected).unwrap();
                let off = (out[k] - expected[0]).abs();
                assert!(
                    off <= 1e-9 * sigma.min(1.0) * expected[0].abs()
                        + 1e-13 * (1.0 + 1.0 / sigma / sigma),
                    "{kind:?} {sigma}: {off:e}"
                );
            }
        }
    }
    let mut out = vec![0.0; 4];
    let error = one.predict(Prediction::Score, &sample, &level(0.0), &mut out).unwrap_err();
    assert!(matches!(error, DenoiserError::Singular { null: 4, .. }));
}

#[test]
fn limits_of_no_noise_and_of_nothing_else() {
    // Two samples are the same; the first and the last are as far from 0 as each other.
    let values = vec![-1.0, 2.0, 3.0, 0.0, 3.0, 0.0, 1.0, 2.0];
    let law = Empirical::new("four", 2, values).unwrap();
    let mut network = EmpiricalDenoiser::new(law.clone());
    let mut out = vec![0.0; 2];
    for (x, expected) in [
        ([0.0, 2.0], [0.0, 2.0]),
        ([2.9, 0.4], [3.0, 0.0]),
        ([1e200, 0.0], [3.0, 0.0]),
        ([-0.9, 1.0], [-1.0, 2.0]),
    ] {
        for sigma in [0.0, 1e-300, 1e-160, 1e-9] {
            network.evaluate(&x, &level(sigma), &mut out).unwrap();
            assert_eq!(out, expected, "{x:?} {sigma}");
        }
    }
    assert_eq!(network.law().nearest(&[0.0, 2.0, 2.9, 0.4, 9.0, 9.0], &level(0.0)), [0, 1, 3]);
    assert_eq!(network.law().responsibilities(&[3.0, 0.1], &level(0.0)), [0.0, 0.5, 0.5, 0.0]);
    let nothing = Level { alpha: 0.0, ..level(1.0) };
    for level in [nothing, level(1e9)] {
        network.evaluate(&[0.3, -0.4], &level, &mut out).unwrap();
        assert!(out.iter().zip(law.mean()).all(|(a, b)| (a - b).abs() < 1e-12), "{out:?}");
    }
    // Finite at every level; states that are not finite are told by NaN, not by a panic.
    for sigma in [1e-150, 1e-30, 1e-3, 1.0, 1e3, 1e100] {
        for size in [0.0, 1.0, 1e8, 1e200] {
            network.evaluate(&numbers(2, size), &level(sigma), &mut out).unwrap();
            assert!(out.iter().all(|v| v.is_finite()), "{sigma} {size}: {out:?}");
        }
    }
    for x in [[f64::NAN, 0.0], [f64::INFINITY, 0.0]] {
        network.evaluate(&x, &level(1.0), &mut out).unwrap();
        assert!(out.iter().all(|v| v.is_nan()));
        assert!(network.law().nearest(&x, &level(1.0))[0] < 4);
    }
}

#[test]
fn moments_of_the_whole_and_draws() {
    let (count, dim) = (60, 4);
    let law = Empirical::new("set", dim, numbers(count * dim, 2.0)).unwrap();
    let (mean, covariance) = (law.mean(), law.covariance().unwrap());
    for i in 0..dim {
        let first = (0..count).map(|k| law.points()[(k, i)]).sum::<f64>() / count as f64;
        assert!((first - mean[i]).abs() < 1e-14);
        for j in 0..dim {
            let second = (0..count)
                .map(|k| (law.points()[(k, i)] - mean[i]) * (law.points()[(k, j)] - mean[j]))
                .sum::<f64>()
                / count as f64;
            assert!((second - covariance[(i, j)]).abs() < 1e-13);
        }
    }
    // Fewer samples than dimensions: the inner products have the same eigenvalues.
    let wide = Empirical::new("wide", 30, numbers(7 * 30, 1.0)).unwrap();
    let (mean, covariance) = (wide.mean(), wide.covariance().unwrap());
    let eigen = covariance.symmetric_eigen().unwrap();
    let whole = wide.gaussian().unwrap();
    assert_eq!(whole.dim(), 30.0);
    let along = eigen.vectors.apply_transpose(&mean).unwrap();
    for k in 0..6 {
        let (value, mean) = (eigen.values[29 - k], along[29 - k]);
        let found = whole.modes().iter().find(|m| (m.eigenvalue / value - 1.0).abs() < 1e-11);
        let found = found.unwrap_or_else(|| panic!("{value}: {:?}", whole.modes()));
        assert!((found.mean.abs() - mean.abs()).abs() < 1e-11, "{found:?} {mean}");
    }
    let square: f64 = mean.iter().map(|m| m * m).sum();
    assert!((whole.sum(|_, m| m.mean * m.mean) / square - 1.0).abs() < 1e-12);

    let draw = Draw { seed: 5, first: 0, count: 12_000 };
    let (x, from) = law.sample(draw);
    let again = law.sample(Draw { first: 100, count: 3, ..draw });
    assert_eq!((&x[400..412], &from[100..103]), (&again.0[..], &again.1[..]));
    assert!(x.chunks(dim).zip(&from).all(|(x, i)| x == law.points().row(*i)));
    // Pearson's statistic of 59 degrees of freedom: mean 59, deviation 11.
    let expected = 12_000.0 / count as f64;
    let of = |i: usize| from.iter().filter(|f| **f == i).count() as f64;
    let statistic: f64 = (0..count).map(|i| (of(i) - expected).powi(2) / expected).sum();
    assert!((20.0..115.0).contains(&statistic), "{statistic}");
}

#[test]
fn what_is_no_data_set_is_refused() {
    let of = |dim: usize, values: &[f64]| Empirical::new("", dim, values.to_vec());
    assert_eq!(of(2, &[]), Err(EmpiricalError::Empty));
    for dim in [0, 2] {
        let error = of(dim, &[1.0; 3]).unwrap_err().to_string();
        assert_eq!(error, format!("3 values do not form samples of dimension {dim}"));
    }
    let error = of(2, &[1.0, 2.0, 3.0, f64::NAN]).unwrap_err().to_string();
    assert_eq!(error, "sample 1, coordinate 1 is NaN");
    let huge = of(2, &[1e300, 1e300, -1e300, 1e300, 0.0, 0.0]).unwrap();
    assert!(huge.gaussian().unwrap_err().to_string().starts_with("the Gaussian of the whole: "));
}
