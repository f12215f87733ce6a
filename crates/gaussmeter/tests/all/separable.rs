//! Data of independent coordinates: exact W2 by quantiles.

use gaussmeter::grid;
use gaussmeter::law::DataLaw;
use gaussmeter::level::Level;
use gaussmeter::mixture::{Component, Mixture, MixtureDenoiser};
use gaussmeter::network::{Denoiser, DenoiserError, Prediction};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::paths::{self, Draw};
use gaussmeter::prelude::*;
use gaussmeter::sampler;
use gaussmeter::separable::{
    Marginal, QuantileError, Separable, SeparableDenoiser, SeparableError, masses,
    wasserstein2 as by_quantiles,
};
use gaussmeter::tape::Plan;
use std::sync::Arc;

const START: Init = Init::Normal { std: None };

fn level(sigma: f64) -> Level {
    Edm::new(1e9).level(sigma)
}

fn plan(name: &str, steps: usize) -> Plan {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let rule = grid::registry().build("karras").unwrap().item;
    let sampler = sampler::registry().build(name).unwrap().item;
    sampler.plan(&rule.grid(&process, steps, 0.0).unwrap()).unwrap()
}

fn marginal(parts: &[(f64, f64, f64)]) -> Marginal {
    let list = |of: fn(&(f64, f64, f64)) -> f64| parts.iter().map(of).collect();
    Marginal::new(list(|p| p.0), list(|p| p.1), list(|p| p.2)).unwrap()
}

fn line(parts: &[(f64, f64, f64)]) -> Separable {
    Separable::new("line", vec![marginal(parts)]).unwrap()
}

const TWO: [(f64, f64, f64); 2] = [(0.3, -1.2, 0.4), (0.7, 0.8, 0.5)];

/// Φ(x) for x ≤ 0, by the continued fraction of Mills' ratio or the series of erf.
fn lower_tail(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x < -3.0 {
        return density / (1..120).rev().fold(-x, |rest, k| -x + f64::from(k) / rest);
    }
    let (mut term, mut sum) = (-x, -x);
    for k in 1..200 {
        term *= x * x / f64::from(2 * k + 1);
        sum += term;
    }
    0.5 - density * sum
}

fn tail(parts: &[(f64, f64, f64)], x: f64, upper: bool) -> f64 {
    let of = |&(w, m, s): &(f64, f64, f64)| {
        let z = if upper { (m - x) / s } else { (x - m) / s };
        w * if z <= 0.0 { lower_tail(z) } else { 1.0 - lower_tail(-z) }
    };
    parts.iter().map(of).sum()
}

/// W2² of Euler's method in σ by the trapezoidal rule in the score of the start, whose error falls
/// exponentially, with quantiles by bisection.
fn brute_force(parts: &[(f64, f64, f64)], sigmas: &[f64]) -> f64 {
    let denoise = |x: f64, s: f64| {
        let (mut mass, mut first) = (0.0, 0.0);
        for &(w, m, std) in parts {
            let v = std * std + s * s;
            let p = w / v.sqrt() * (-0.5 * (x - m) * (x - m) / v).exp();
            mass += p;
            first += p * (m + std * std / v * (x - m));
        }
        first / mass
    };
    let h = 4e-3;
    let mut sum = 0.0;
    for k in -2000i32..=2000 {
        let z = h * f64::from(k);
        let mut x = sigmas[0] * z;
        for pair in sigmas.windows(2) {
            let d = denoise(x, pair[0]);
            x = d + pair[1] / pair[0] * (x - d);
        }
        let (mut low, mut high) = (-20.0, 20.0);
        let target = lower_tail(-z.abs());
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            let is_below = match z > 0.0 {
                true => tail(parts, middle, true) > target,
                false => tail(parts, middle, false) < target,
            };
            if is_below { low = middle } else { high = middle }
        }
        sum += h * (x - low) * (x - low) * (-0.5 * z * z).exp();
    }
    sum / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn two_modes_against_independent_quadrature() {
    for steps in [5, 12] {
        let plan = plan("ddim", steps);
        let mut sigmas: Vec<f64> = vec![plan.start().sigma];
        sigmas.extend(plan.ops().iter().filter_map(|op| match op {
            gaussmeter::tape::Op::Arrive { level, .. } => Some(level.sigma),
            _ => None,
        }));
        assert_eq!((sigmas.len(), sigmas[steps]), (steps + 1, 0.0));
        let expected = brute_force(&TWO, &sigmas);
        let found = by_quantiles(&plan, &line(&TWO), &START).unwrap();
        let off = found.squares[0] / expected - 1.0;
        assert!(off.abs() < 1e-10, "{steps}: {} {expected} {off:e}", found.squares[0]);
        assert!(found.error < 1e-10 * found.total, "{found:?}");
        assert!(found.evaluations < 20_000, "{}", found.evaluations);
    }
}

#[test]
fn one_component_has_the_exact_law_of_a_gaussian() {
    for (mean, std) in [(0.0, 1.0), (0.7, 0.3), (-2.0, 5.0), (0.4, 0.0)] {
        let data = Spectrum::new("", "", &[std * std], None, Some(&[mean])).unwrap();
        for name in ["ddim", "edm", "dpmpp-2m", "dpmpp-3m", "unipc", "ipndm"] {
            for steps in [4, 15] {
                let plan = plan(name, steps);
                for init in [START, Init::Exact, Init::Normal { std: Some(70.0) }] {
                    let found = by_quantiles(&plan, &line(&[(1.0, mean, std)]), &init).unwrap();
                    let law = Output::of(&plan, &data).law(&init, Target::Data);
                    let expected = wasserstein2(&law).total;
                    let off = (found.total - expected).abs();
                    assert!(
                        off < 1e-11 * expected + 1e-13 * (1.0 + std),
                        "{name} {steps} {mean} {std}: {} {expected}",
                        found.total
                    );
                }
            }
        }
    }
}

#[test]
fn coordinates_add_up() {
    let plan = plan("ddim", 8);
    let parts = [
        marginal(&TWO),
        marginal(&[(1.0, 0.1, 0.2)]),
        marginal(&[(0.5, -3.0, 1.0), (0.5, 3.0, 0.1)]),
    ];
    let whole = Separable::new("three", parts.to_vec()).unwrap();
    let found = by_quantiles(&plan, &whole, &START).unwrap();
    for (square, part) in found.squares.iter().zip(parts) {
        let alone = Separable::new("", vec![part]).unwrap();
        assert_eq!(by_quantiles(&plan, &alone, &START).unwrap().squares, [*square]);
    }
    let sum: f64 = found.squares.iter().sum();
    assert!((found.total * found.total / sum - 1.0).abs() < 1e-14);
    // From p_T, with small steps, nothing is left but the error of the steps, which falls as 1/N.
    let two = line(&TWO);
    let of = |steps| by_quantiles(&self::plan("ddim", steps), &two, &Init::Exact).unwrap().total;
    let ratio = of(100) / of(200);
    assert!((ratio - 2.0).abs() < 0.1, "{ratio}");
}

#[test]
fn masses_of_modes_are_those_of_sampled_outputs() {
    for (name, steps) in [("ddim", 5), ("ddim", 20), ("edm", 40)] {
        let plan = plan(name, steps);
        let law = marginal(&TWO);
        let found = masses(&plan, &law, &START).unwrap();
        for all in [&found.output, &found.data] {
            assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let count = 40_000;
        let network = SeparableDenoiser::new(line(&TWO));
        let start = paths::Start { mean: vec![0.0], std: vec![plan.start().sigma] };
        let draw = Draw { seed: 1, first: 0, count };
        let x = paths::sample(&plan, &network, &start, draw).unwrap();
        let classes = law.components(&x, &level(0.0));
        let share = classes.iter().filter(|k| **k == 0).count() as f64 / count as f64;
        let error = (0.25 / count as f64).sqrt();
        assert!((share - found.output[0]).abs() < 5.0 * error, "{share} {found:?}");
        // The fewer steps, the more mass goes to the wrong mode; the start at N(0, 80²) has its part.
        match steps {
            5 => assert!(found.error() > 1e-2, "{found:?}"),
            40 => assert!(found.error() < 5e-3, "{found:?}"),
            _ => {}
        }
    }
}

#[test]
fn what_quantiles_cannot_give_is_refused() {
    let apart = line(&[(0.5, -1.0, 0.05), (0.5, 1.0, 0.05)]);
    assert_eq!(by_quantiles(&plan("em", 10), &apart, &START), Err(QuantileError::Stochastic));
    let turned = (3..12).find_map(|steps| by_quantiles(&plan("edm", steps), &apart, &START).err());
    let error = turned.unwrap();
    assert!(matches!(error, QuantileError::NotMonotone { coordinate: 0, .. }));
    assert!(error.to_string().contains("not in the order of the starts"), "{error}");
    // Euler keeps the order whatever the steps.
    for steps in 1..10 {
        let found = by_quantiles(&plan("ddim", steps), &apart, &START).unwrap();
        assert!(found.total.is_finite() && found.error < 1e-8 * found.total, "{found:?}");
    }
}

#[test]
fn the_network_is_that_of_the_product() {
    let (first, second) =
        ([(0.4, -1.0, 0.3), (0.6, 2.0, 0.7)], [(0.2, 0.5, 0.1), (0.8, -0.5, 1.5)]);
    let law = Separable::new("two", vec![marginal(&first), marginal(&second)]).unwrap();
    let mut parts = Vec::new();
    for (w, m, s) in first {
        for (v, n, t) in second {
            let variances = Matrix::diagonal(&[s * s, t * t]);
            parts.push(Component::of_covariance("", w * v, vec![m, n], &variances).unwrap());
        }
    }
    let product = Mixture::new("four", parts).unwrap();
    let (whole, known) = (law.gaussian().unwrap(), product.gaussian().unwrap());
    for (a, b) in whole.modes().iter().zip(known.modes()) {
        assert!((a.eigenvalue - b.eigenvalue).abs() < 1e-14, "{a:?} {b:?}");
        assert!((a.mean.abs() - b.mean.abs()).abs() < 1e-14, "{a:?} {b:?}");
    }
    let groups = law.groups();
    let names: Vec<&str> = groups.members.iter().map(|g| &g.name[..]).collect();
    assert_eq!(names, ["1-1", "1-2", "2-1", "2-2"]);
    for (group, part) in groups.members.iter().zip(product.components()) {
        assert!((group.weight - part.weight()).abs() < 1e-15);
    }
    let (mut own, mut other) =
        (SeparableDenoiser::new(law.clone()), MixtureDenoiser::new(product.clone()));
    let x: Vec<f64> = (0..20).map(|i| 3.0 * (1.0 + 12.9898 * f64::from(i)).sin()).collect();
    for sigma in [50.0, 1.0, 0.2, 1e-3] {
        let level = Level { alpha: 0.8, alpha_prime: -0.1, ..level(sigma) };
        for kind in Prediction::ALL {
            let (mut a, mut b) = (vec![0.0; 20], vec![0.0; 20]);
            own.predict(kind, &x, &level, &mut a).unwrap();
            other.predict(kind, &x, &level, &mut b).unwrap();
            let size = b.iter().fold(1.0f64, |m, v| m.max(v.abs()));
            assert!(
                a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12 * size),
                "{kind:?} {sigma}"
            );
        }
        assert_eq!(DataLaw::classes(&law, &x, &level), DataLaw::classes(&product, &x, &level));
    }
    // Every level and state, and atoms.
    let atoms = Separable::new("", vec![marginal(&[(0.5, -1.0, 0.0), (0.5, 1.0, 0.0)])]).unwrap();
    let mut atoms = SeparableDenoiser::new(atoms);
    let mut out = [0.0];
    for sigma in [1e-150, 1e-9, 1.0, 1e100] {
        for x in [0.0, 1.0, -1e8, 1e200] {
            atoms.evaluate(&[x], &level(sigma), &mut out).unwrap();
            assert!((-1.0..=1.0).contains(&out[0]), "{sigma} {x}: {out:?}");
        }
    }
    let singular = atoms.predict(Prediction::Score, &[0.5], &level(0.0), &mut out);
    assert!(matches!(singular, Err(DenoiserError::Singular { null: 1, .. })));
}

#[test]
fn quantiles_and_draws() {
    let law = marginal(&TWO);
    for z in [-9.0, -3.0, -0.524, 0.0, 0.3, 2.0, 8.0] {
        let q = law.quantile(z);
        let (found, expected) = match z > 0.0 {
            true => (tail(&TWO, q, true), lower_tail(-z)),
            false => (tail(&TWO, q, false), lower_tail(z)),
        };
        assert!((found / expected - 1.0).abs() < 1e-12, "{z}: {found} {expected}");
    }
    let atoms = marginal(&[(0.25, -1.0, 0.0), (0.75, 2.0, 0.0)]);
    assert_eq!([-1.0, -0.7, -0.6, 3.0].map(|z| atoms.quantile(z)), [-1.0, -1.0, 2.0, 2.0]);
    let law = Separable::new("", vec![marginal(&TWO), marginal(&[(1.0, 3.0, 0.1)])]).unwrap();
    let count = 40_000;
    let x = law.sample(Draw { seed: 2, first: 0, count });
    assert_eq!(law.sample(Draw { seed: 2, first: 7, count: 2 }), x[14..18]);
    for (j, (mean, variance)) in law.mean().into_iter().zip(law.variances()).enumerate() {
        let own: Vec<f64> = x.iter().skip(j).step_by(2).copied().collect();
        let n = count as f64;
        let found = own.iter().sum::<f64>() / n;
        assert!((found - mean).abs() < 5.0 * (variance / n).sqrt(), "{found} {mean}");
        let spread = own.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        assert!((spread / variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{spread} {variance}");
    }
}

#[test]
fn what_is_no_law_is_refused() {
    let of = |w: &[f64], m: &[f64], s: &[f64]| {
        Marginal::new(w.to_vec(), m.to_vec(), s.to_vec()).unwrap_err().to_string()
    };
    assert_eq!(of(&[], &[], &[]), "no components");
    assert_eq!(of(&[1.0], &[0.0], &[1.0, 2.0]), "1 weights, 1 means and 2 standard deviations");
    for weight in [0.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(of(&[0.5, weight], &[0.0; 2], &[1.0; 2]).starts_with("weight 1 is "));
    }
    assert_eq!(of(&[0.5, 0.4], &[0.0; 2], &[1.0; 2]), "the weights sum to 0.9, not to 1");
    assert_eq!(of(&[1.0], &[f64::NAN], &[1.0]), "mean 0 is NaN");
    assert_eq!(of(&[1.0], &[0.0], &[-1.0]), "standard deviation 0 is -1");
    let none = Separable::new("", vec![]).unwrap_err();
    assert_eq!(none, SeparableError::Empty { what: "coordinates" });
}
