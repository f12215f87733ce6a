//! The Gaussian W2 of samples, without what their number adds.

use gaussmeter::distance::{Comparison, Estimate, Factored, Finite, Side};
use gaussmeter::metric::{DenseGaussian, GaussianError, wasserstein2_dense};
use gaussmeter::numeric::linear_algebra::{Matrix, MatrixError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::error::Error;
use std::f64::consts::PI;

type Tested = Result<(), Box<dyn Error>>;

/// The factor of a covariance by Cholesky: no eigenvectors, and not symmetric.
fn cholesky(covariance: &Matrix) -> Matrix {
    let n = covariance.rows();
    let mut root = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| root[i][k] * root[j][k]).sum();
            let rest = covariance[(i, j)] - dot;
            root[i][j] = if i == j { rest.sqrt() } else { rest / root[j][j] };
        }
    }
    Matrix::from_rows(&root).unwrap()
}

/// `count` samples of mean + root z, where z has variance 1, and a scale of its own per sample where some
/// are heavier.
struct Draws {
    random: ChaCha8Rng,
}

impl Draws {
    fn new(seed: u64) -> Self {
        Draws { random: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.random)
    }

    fn of(&mut self, mean: &[f64], root: &Matrix, count: usize) -> Vec<f64> {
        let mut all = Vec::new();
        for _ in 0..count {
            let z: Vec<f64> = (0..root.columns()).map(|_| self.normal()).collect();
            all.extend(root.apply(&z).unwrap().iter().zip(mean).map(|(x, m)| x + m));
        }
        all
    }

    /// A seventh of the samples three times as large.
    fn heavy(&mut self, root: &Matrix, count: usize) -> Vec<f64> {
        let mut all = self.of(&vec![0.0; root.rows()], root, count);
        for (k, x) in all.chunks_mut(root.rows()).enumerate() {
            let scale = if k % 7 == 0 { 3.0 } else { 1.0 };
            x.iter_mut().for_each(|x| *x *= scale);
        }
        all
    }
}

/// Mean and covariance of samples, divided by n − 1, by their definitions.
fn moments(samples: &[f64], dim: usize) -> (Vec<f64>, Matrix) {
    let n = (samples.len() / dim) as f64;
    let mean: Vec<f64> =
        (0..dim).map(|i| samples.iter().skip(i).step_by(dim).sum::<f64>() / n).collect();
    let entry = |i: usize, j: usize| {
        let rows = samples.chunks(dim);
        rows.map(|x| (x[i] - mean[i]) * (x[j] - mean[j])).sum::<f64>() / (n - 1.0)
    };
    let covariance = Matrix::from_fn(dim, dim, entry);
    (mean, covariance)
}

fn known(samples: &[f64], dim: usize) -> Result<Factored, GaussianError> {
    let (mean, covariance) = moments(samples, dim);
    Factored::new(mean, cholesky(&covariance))
}

fn finite(
    comparison: &Comparison,
    side: Side,
    samples: &[f64],
    dim: usize,
) -> Result<Finite, MatrixError> {
    let mut tally = comparison.tally(side, (samples.len() / dim) as u64);
    // In chunks, as files are read.
    for chunk in samples.chunks(7 * dim) {
        comparison.add(&mut tally, chunk)?;
    }
    comparison.finish(tally)
}

/// The estimate from samples of two laws.
fn of_two(a: &[f64], b: &[f64], dim: usize) -> Result<(f64, Estimate), Box<dyn Error>> {
    let comparison = Comparison::new(&known(a, dim)?, &known(b, dim)?)?;
    let first = finite(&comparison, Side::First, a, dim)?;
    let second = finite(&comparison, Side::Second, b, dim)?;
    let plug_in = comparison.mean_squared() + comparison.covariance_squared();
    Ok((plug_in, comparison.estimate([Some(&first), Some(&second)])?))
}

/// A covariance with these eigenvalues and no axis of coordinates among its eigenvectors.
fn turned(values: &[f64], angle: f64) -> Matrix {
    let n = values.len();
    let mut basis = Matrix::diagonal(&vec![1.0; n]);
    for i in 0..n {
        for j in 0..i {
            let (s, c) = (angle * (1.0 + i as f64 + 2.0 * j as f64)).sin_cos();
            basis = Matrix::from_fn(n, n, |row, column| match column {
                _ if column == i => c * basis[(row, i)] + s * basis[(row, j)],
                _ if column == j => c * basis[(row, j)] - s * basis[(row, i)],
                _ => basis[(row, column)],
            });
        }
    }
    basis.multiply(&Matrix::diagonal(values)).unwrap().multiply_transpose(&basis).unwrap()
}

fn decreasing(count: usize, power: f64) -> Vec<f64> {
    (1..=count).map(|k| (k as f64).powf(-power)).collect()
}

#[test]
fn the_distance_of_factors_is_that_of_covariances() -> Tested {
    let (a, b) = (turned(&[3.0, 1.0, 0.2, 0.01], 0.3), turned(&[2.0, 1.5, 0.5, 0.1], 1.1));
    let (x, y) = ([0.5, -1.0, 0.0, 2.0], [0.0, 1.0, 1.0, 1.5]);
    let found = Comparison::new(
        &Factored::new(x.into(), cholesky(&a))?,
        &Factored::new(y.into(), cholesky(&b))?,
    )?;
    let expected =
        wasserstein2_dense(&DenseGaussian::new(x.into(), a)?, &DenseGaussian::new(y.into(), b)?)?;
    assert!((found.mean_squared() - expected.mean.powi(2)).abs() < 1e-13);
    assert!((found.covariance_squared() - expected.covariance.powi(2)).abs() < 1e-13);
    assert_eq!(found.rank(), 4);
    // Factors of fewer columns: e₁ and (e₁, 2 e₂), both by hand.
    let thin = |columns: &[[f64; 2]]| Factored::new(vec![0.0; 2], Matrix::from_rows(columns)?);
    let (line, plane) = (thin(&[[1.0, 0.0], [0.0, 0.0]])?, thin(&[[0.0, 1.0], [2.0, 0.0]])?);
    let found = Comparison::new(&line, &plane)?;
    assert!((found.covariance_squared() - 4.0).abs() < 1e-14);
    assert_eq!(found.rank(), 1);
    let point = Factored::new(vec![0.0; 2], Matrix::new(2, 0, vec![])?)?;
    let found = Comparison::new(&point, &plane)?;
    assert!((found.covariance_squared() - 5.0).abs() < 1e-14);
    assert_eq!(found.estimate([None, None])?.squared, found.covariance_squared());
    let other = Factored::new(vec![0.0; 3], Matrix::diagonal(&[1.0; 3]))?;
    assert!(matches!(Comparison::new(&point, &other), Err(GaussianError::Dimension { .. })));
    Ok(())
}

/// With n samples of N(0, 1) in many dimensions against N(0, 1) known, the roots are those of the law of
/// Marchenko and Pastur: Σ s/d → E √λ, and W2²/d without what samples add is 0.
#[test]
fn all_orders_of_many_dimensions_are_subtracted() -> Tested {
    let dim = 200;
    let white = Factored::new(vec![0.0; dim], Matrix::diagonal(&vec![1.0; dim]))?;
    for per_dimension in [2.0, 4.0, 16.0] {
        let c = 1.0 / per_dimension;
        // Quantiles of the law at its middle points, from its density.
        let (low, high) = ((1.0 - f64::sqrt(c)).powi(2), (1.0 + f64::sqrt(c)).powi(2));
        let steps = 200_000;
        let density = |t: f64| ((high - t) * (t - low)).max(0.0).sqrt() / (2.0 * PI * c * t);
        let (mut values, mut below) = (Vec::new(), 0.0);
        for k in 0..steps {
            let t = low + (high - low) * (k as f64 + 0.5) / steps as f64;
            below += density(t) * (high - low) / steps as f64;
            while values.len() < dim && below * dim as f64 >= values.len() as f64 + 0.5 {
                values.push(t);
            }
        }
        let roots: Vec<f64> = values.iter().map(|v| v.sqrt()).collect();
        let found =
            Comparison::new(&Factored::new(vec![0.0; dim], Matrix::diagonal(&roots))?, &white)?;
        let count = (per_dimension * dim as f64) as u64;
        let finite = found.gaussian(Side::First, count + 1)?;
        let estimate = found.estimate([Some(&finite), None])?;
        let all = found.covariance_squared();
        // The second order leaves 3 % of it at 16 per dimension and 30 % at 2; κ = 1 + 1/d is part of it.
        let left = estimate.covariance_squared / all;
        assert!(left.abs() < 0.012, "{per_dimension}: {left} of {all}");
    }
    Ok(())
}

/// For many samples the correction is its first order, ½ κ/n Σ sᵢsⱼ/(sᵢ + sⱼ), by hand.
#[test]
fn the_first_order_is_that_of_the_curvature() -> Tested {
    let (a, b) = ([4.0, 1.0, 0.25], [1.0, 1.0, 4.0]);
    let root = |v: &[f64]| Matrix::diagonal(&v.iter().map(|v| v.sqrt()).collect::<Vec<_>>());
    let found = Comparison::new(
        &Factored::new(vec![0.0; 3], root(&a))?,
        &Factored::new(vec![1.0, 0.0, 0.0], root(&b))?,
    )?;
    let n = 1e6;
    let s = [2.0, 1.0, 1.0];
    let mut expected = 5.25 / n;
    for (i, s) in s.iter().enumerate() {
        for (j, t) in [2.0, 1.0, 1.0].iter().enumerate() {
            // E[zᵢ²zⱼ²] − δᵢⱼ of Gaussian samples.
            expected += 0.5 * s * t / (s + t) * if i == j { 2.0 } else { 1.0 } / n;
        }
    }
    let first = found.gaussian(Side::First, n as u64)?;
    let estimate = found.estimate([Some(&first), None])?;
    assert!((estimate.bias / expected - 1.0).abs() < 1e-5, "{} {expected}", estimate.bias);
    // Var ψ = Σ 2 (aᵢ − sᵢ)² + 4 ⟨a − b, A (a − b)⟩.
    let slope = 2.0 * (2.0f64.powi(2) + 0.0 + 0.75f64.powi(2)) + 4.0 * 4.0;
    let error = (slope / n).sqrt();
    assert!((estimate.standard_error / error - 1.0).abs() < 1e-3);
    // Both sides add, and errors of independent samples.
    let second = found.gaussian(Side::Second, n as u64)?;
    let both = found.estimate([Some(&first), Some(&second)])?;
    let alone = found.estimate([None, Some(&second)])?;
    assert!((both.bias / (estimate.bias + alone.bias) - 1.0).abs() < 1e-5);
    let sum = estimate.standard_error.hypot(alone.standard_error);
    assert!((both.standard_error / sum - 1.0).abs() < 1e-3);
    Ok(())
}

/// What repeats of an experiment find, beside what is exact.
struct Repeats {
    name: &'static str,
    exact: f64,
    plug_in: f64,
    all: Vec<Estimate>,
}

impl Repeats {
    fn new(
        name: &'static str,
        exact: f64,
        repeats: u64,
        once: impl Fn(u64) -> Result<(f64, Estimate), Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let (mut plug_in, mut all) = (0.0, Vec::new());
        for seed in 0..repeats {
            let (found, estimate) = once(seed)?;
            plug_in += found / repeats as f64;
            all.push(estimate);
        }
        Ok(Repeats { name, exact, plug_in, all })
    }

    fn mean(&self, of: impl Fn(&Estimate) -> f64) -> f64 {
        self.all.iter().map(of).sum::<f64>() / self.all.len() as f64
    }

    /// The mean is at the exact value, up to four of its errors and a share of what is subtracted, which is
    /// much more than that; errors match the spread within a factor; intervals cover.
    fn check(&self, left: f64, errors: std::ops::Range<f64>) {
        let Repeats { name, exact, plug_in, all } = self;
        let found = self.mean(|e| e.squared);
        let spread = self.mean(|e| (e.squared - found).powi(2)).sqrt();
        let error = spread / (all.len() as f64).sqrt();
        let bias = self.mean(|e| e.bias);
        let ratio = self.mean(|e| e.standard_error.powi(2)).sqrt() / spread;
        let covers = self.mean(|e| {
            let [low, high] = e.interval_squared();
            f64::from(u8::from(low <= *exact && *exact <= high))
        });
        let text = format!(
            "{name}: exact {exact:.5}, plug-in {plug_in:.5}, found {found:.5} ± {error:.5}, error/spread {ratio:.2}, covers {covers:.3}"
        );
        println!("{text}");
        assert!(plug_in - exact > 8.0 * error, "{text}");
        assert!((found - exact).abs() < 4.0 * error + left * bias, "{text}");
        assert!(errors.contains(&ratio), "{text}");
        assert!((0.9..=1.0).contains(&covers), "{text}");
    }
}

#[test]
fn repeats_are_centred_on_the_distance_of_the_laws() -> Tested {
    let dim = 12;
    let a = turned(&decreasing(dim, 1.0), 0.4);
    let b = turned(&decreasing(dim, 0.5).iter().map(|v| 0.8 * v).collect::<Vec<_>>(), 1.3);
    let (mean, shift) = (vec![0.0; dim], vec![0.1; dim]);
    let (x, y) = (cholesky(&a), cholesky(&b));
    let commutator = a.multiply(&b)?;
    assert!((commutator[(0, 5)] - commutator[(5, 0)]).abs() > 1e-3, "they commute");
    let exact = wasserstein2_dense(
        &DenseGaussian::new(mean.clone(), a)?,
        &DenseGaussian::new(shift.clone(), b)?,
    )?;
    let exact = exact.total.powi(2);
    let two = Repeats::new("two sets", exact, 200, |seed| {
        let mut draws = Draws::new(seed);
        of_two(&draws.of(&mean, &x, 60), &draws.of(&shift, &y, 100), dim)
    })?;
    two.check(0.05, 0.8..1.2);
    // Where the laws are the same, nothing but the second order is left.
    let same = Repeats::new("one law", 0.0, 200, |seed| {
        let mut draws = Draws::new(seed);
        of_two(&draws.of(&mean, &x, 60), &draws.of(&mean, &x, 100), dim)
    })?;
    same.check(0.05, 0.8..1.4);
    let law = Factored::new(shift.clone(), y.clone())?;
    let against = |samples: &[f64]| {
        let comparison = Comparison::new(&law, &known(samples, dim)?)?;
        let side = finite(&comparison, Side::Second, samples, dim)?;
        let plug_in = comparison.mean_squared() + comparison.covariance_squared();
        Ok((plug_in, comparison.estimate([None, Some(&side)])?))
    };
    let one = Repeats::new("a set and a law", exact, 200, |seed| {
        against(&Draws::new(seed).of(&mean, &x, 60))
    })?;
    one.check(0.05, 0.8..1.2);
    // Of statistics only the number of samples is told.
    let told = Repeats::new("statistics", exact, 200, |seed| {
        let mut draws = Draws::new(seed);
        let (a, b) = (draws.of(&mean, &x, 60), draws.of(&shift, &y, 100));
        let comparison = Comparison::new(&known(&a, dim)?, &known(&b, dim)?)?;
        let sides =
            [comparison.gaussian(Side::First, 60)?, comparison.gaussian(Side::Second, 100)?];
        let plug_in = comparison.mean_squared() + comparison.covariance_squared();
        Ok((plug_in, comparison.estimate([Some(&sides[0]), Some(&sides[1])])?))
    })?;
    told.check(0.05, 0.8..1.2);
    Ok(())
}

#[test]
fn fourth_moments_of_heavy_samples_count() -> Tested {
    let dim = 8;
    let a = cholesky(&turned(&decreasing(dim, 1.0), 0.4));
    let heavy = Repeats::new("heavy", 0.0, 200, |seed| {
        let mut draws = Draws::new(seed);
        of_two(&draws.heavy(&a, 140), &draws.heavy(&a, 140), dim)
    })?;
    let gaussian = Repeats::new("taken as Gaussian", 0.0, 200, |seed| {
        let mut draws = Draws::new(seed);
        let (x, y) = (draws.heavy(&a, 140), draws.heavy(&a, 140));
        let comparison = Comparison::new(&known(&x, dim)?, &known(&y, dim)?)?;
        let sides = [Side::First, Side::Second].map(|side| comparison.gaussian(side, 140));
        let [first, second] = sides;
        Ok((0.0, comparison.estimate([Some(&first?), Some(&second?)])?))
    })?;
    heavy.check(0.15, 0.8..2.0);
    let left = gaussian.mean(|e| e.squared) / gaussian.mean(|e| e.bias);
    assert!(left > 0.3, "{left}: Gaussian fourth moments would do");
    Ok(())
}

/// κ is unbiased for Gaussian samples, whatever their number. As computed from coordinates with the samples' own
/// mean and covariance it would be a tenth and a third too small.
#[test]
fn fourth_moments_are_those_of_the_law() -> Tested {
    for (dim, count) in [(12, 30), (3, 10)] {
        let root = Matrix::diagonal(&vec![1.0; dim]);
        let law = Factored::new(vec![0.0; dim], root.clone())?;
        let repeats = 400;
        let mut found = Vec::new();
        for seed in 0..repeats {
            let samples = Draws::new(seed).of(&vec![0.0; dim], &root, count);
            let comparison = Comparison::new(&law, &known(&samples, dim)?)?;
            let exact = comparison.gaussian(Side::Second, count as u64)?.kurtosis();
            found.push(finite(&comparison, Side::Second, &samples, dim)?.kurtosis() / exact);
        }
        let n = repeats as f64;
        let mean = found.iter().sum::<f64>() / n;
        let error = (found.iter().map(|k| (k - mean).powi(2)).sum::<f64>() / n / n).sqrt();
        assert!((mean - 1.0).abs() < 4.0 * error, "{dim}: {mean} ± {error}");
        assert!(error < 0.01, "{error}");
    }
    Ok(())
}

/// The quadratic form alone, by hand: with A = B = 1 in d dimensions E K² = 4 d + d (d − 1)/2 + d, and the
/// weights are 1/n² + 2/(n m) + 1/m².
#[test]
fn errors_where_laws_are_equal_are_of_second_order() -> Tested {
    let dim = 6;
    let white = Factored::new(vec![0.0; dim], Matrix::diagonal(&vec![1.0; dim]))?;
    let comparison = Comparison::new(&white, &white)?;
    let (n, m, d) = (50.0, 80.0, dim as f64);
    let first = comparison.gaussian(Side::First, n as u64)?;
    let second = comparison.gaussian(Side::Second, m as u64)?;
    let estimate = comparison.estimate([Some(&first), Some(&second)])?;
    let kernel = 4.0 * d + 0.5 * d * (d - 1.0) + d;
    let expected = (0.5 * kernel).sqrt() * (1.0 / n + 1.0 / m);
    let ratio = estimate.standard_error / expected;
    assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
    // What heavy tails may leave, by hand: κ = 1 + 1/d, Σ h = d²/2.
    let kurtosis: f64 = 1.0 + 1.0 / d;
    let left = |n: f64| (kurtosis - 1.0) * d / n * (0.5 * (0.5 * d * d) * kurtosis / n);
    let expected = left(n) + left(m);
    assert!((estimate.left_over / expected - 1.0).abs() < 1e-9, "{}", estimate.left_over);
    Ok(())
}

#[test]
fn intervals_by_hand() {
    let known = Estimate {
        squared: 5.0,
        mean_squared: 2.0,
        covariance_squared: 3.0,
        bias: 1.0,
        standard_error: 1.0,
        left_over: 0.5,
    };
    let [low, high] = known.interval_squared();
    assert!((low - 2.540_036_015).abs() < 1e-8 && (high - 6.959_963_985).abs() < 1e-8);
    assert!((known.interval()[1] - 6.959_963_985f64.sqrt()).abs() < 1e-8);
    assert!((known.value() - 5f64.sqrt()).abs() < 1e-15 && !known.is_too_near());
    let near = Estimate { squared: -1.0, ..known };
    assert_eq!((near.value(), near.interval_squared()[0]), (0.0, 0.0));
    assert!(!near.is_too_near() && Estimate { squared: -2.0, ..known }.is_too_near());
}

/// Files are often sorted: samples that are kept for errors are of all parts.
#[test]
fn errors_do_not_depend_on_the_order_of_samples() -> Tested {
    let (dim, count) = (3, 4000);
    let root = Matrix::diagonal(&[1.0, 0.8, 0.5]);
    let mut sorted = Draws::new(3).of(&[0.0; 3], &root, count);
    for (k, x) in sorted.chunks_mut(dim).enumerate() {
        let scale = if k < count / 2 { 0.05 } else { 1.4 };
        x.iter_mut().for_each(|x| *x *= scale);
    }
    let mixed: Vec<f64> =
        (0..count).flat_map(|k| sorted[(k * 1009 % count) * dim..][..dim].to_vec()).collect();
    let error = |samples: &[f64]| -> Result<f64, Box<dyn Error>> {
        // Against their own law nothing but the second order is left.
        let comparison = Comparison::new(&known(samples, dim)?, &known(samples, dim)?)?;
        let side = finite(&comparison, Side::First, samples, dim)?;
        Ok(comparison.estimate([Some(&side), None])?.standard_error)
    };
    let ratio = error(&sorted)? / error(&mixed)?;
    // From the first half alone it would be a thousandth.
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
    Ok(())
}

#[test]
fn the_same_samples_are_nearer_than_others() -> Tested {
    let (dim, root) = (12, Matrix::diagonal(&decreasing(12, 0.3)));
    let draw = |seed| Draws::new(seed).of(&[0.0; 12], &root, 60);
    assert!(of_two(&draw(1), &draw(1), dim)?.1.is_too_near());
    let near = (1..61).filter(|k| of_two(&draw(*k), &draw(k + 100), dim).unwrap().1.is_too_near());
    // Of 60 one or two.
    assert!(near.count() <= 5);
    Ok(())
}

#[test]
fn extreme_values_are_refused_or_computed() -> Tested {
    let dim = 3;
    let scaled = |scale: f64| -> Vec<f64> {
        let mut x = Draws::new(1).of(&[0.1, 0.0, 0.0], &Matrix::diagonal(&[1.0; 3]), 40);
        x.iter_mut().for_each(|x| *x *= scale);
        x
    };
    let law = |scale: f64| Factored::new(vec![0.0; dim], Matrix::diagonal(&[scale; 3]));
    let overflow = Comparison::new(&law(1e80)?, &law(1.0)?);
    assert!(matches!(overflow, Err(GaussianError::Overflow)), "{overflow:?}");
    let far = Factored::new(vec![1e200; 3], Matrix::diagonal(&[1.0; 3]))?;
    assert!(matches!(Comparison::new(&far, &law(1.0)?), Err(GaussianError::Overflow)));
    let usual = of_two(&scaled(1.0), &scaled(2.0), dim)?.1;
    for scale in [1e-30, 1e-100, 1e30] {
        let found = of_two(&scaled(scale), &scaled(2.0 * scale), dim)?.1;
        assert!((found.squared / scale / scale / usual.squared - 1.0).abs() < 1e-9, "{scale}");
        assert!((found.bias / scale / scale / usual.bias - 1.0).abs() < 1e-9, "{scale}");
    }
    // Variances whose products underflow.
    let x = scaled(1e-160);
    let tiny = Factored::new(vec![0.0; dim], Matrix::diagonal(&[1e-160; 3]))?;
    let comparison = Comparison::new(&tiny, &tiny)?;
    let side = finite(&comparison, Side::First, &x, dim)?;
    let found = comparison.estimate([Some(&side), None])?;
    assert!(found.squared.is_finite() && found.standard_error.is_finite(), "{found:?}");
    Ok(())
}

#[test]
fn too_few_samples_are_refused() -> Tested {
    let dim = 10;
    let root = Matrix::diagonal(&vec![1.0; dim]);
    let law = Factored::new(vec![0.0; dim], root.clone())?;
    let refused = |count: usize| -> Result<String, Box<dyn Error>> {
        let samples = Draws::new(1).of(&vec![0.0; dim], &root, count);
        let comparison = Comparison::new(&law, &known(&samples, dim)?)?;
        let side = finite(&comparison, Side::Second, &samples, dim)?;
        let estimate = comparison.estimate([None, Some(&side)]);
        Ok(estimate.err().map_or_else(String::new, |e| e.to_string()))
    };
    assert!(refused(17)?.contains("1.75 samples per dimension"), "{}", refused(17)?);
    assert_eq!(refused(40)?, "");
    assert!(!refused(17)?.contains("fourth moments"), "{}", refused(17)?);
    let samples = Draws::new(1).heavy(&root, 26);
    let comparison = Comparison::new(&law, &known(&samples, dim)?)?;
    let side = finite(&comparison, Side::Second, &samples, dim)?;
    let heavy = comparison.estimate([None, Some(&side)]).unwrap_err();
    assert!(heavy.heavy && heavy.to_string().ends_with("by their fourth moments"), "{heavy}");
    // Directions in which only one of the laws varies do not count.
    let thin = Factored::along(
        vec![0.0; dim],
        &[1.0, 1.0],
        &Matrix::from_fn(2, dim, |i, j| f64::from(i == j)),
    )?;
    let samples = Draws::new(1).of(&vec![0.0; dim], &root, 17);
    let comparison = Comparison::new(&thin, &known(&samples, dim)?)?;
    let side = finite(&comparison, Side::Second, &samples, dim)?;
    assert_eq!(comparison.rank(), 2);
    assert!(comparison.estimate([None, Some(&side)]).is_ok());
    Ok(())
}
