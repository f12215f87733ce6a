//! Networks of finite training sets: κ, the expected W2, and sets that are drawn.

use super::*;
use gaussmeter::exact::training_set::{ExpectedError, expected, kappa};

fn power_law(d: usize) -> Spectrum {
    data::load(&format!("power-law:d={d},alpha=1")).unwrap()
}

/// Values of an independent solver: λ_j ∝ 1/j with mean 1.
#[test]
fn kappa_has_its_known_values() {
    let lambda: Vec<f64> = (1..=256).map(|j| 1.0 / f64::from(j)).collect();
    let mean = lambda.iter().sum::<f64>() / 256.0;
    let lambda: Vec<f64> = lambda.iter().map(|l| l / mean).collect();
    let data = Spectrum::new("", "", &lambda, None, None).unwrap();
    for (gamma, expected) in [
        (0.25, 0.06338),
        (0.5, 0.08379),
        (1.0, 0.16276),
        (2.0, 0.51218),
        (4.0, 1.58873),
        (8.0, 4.31071),
    ] {
        let n = 256.0 / gamma;
        let k = kappa(&data, n, 0.05);
        assert!((k - expected).abs() < 6e-6, "{gamma}: {k}");
        let sum: f64 = lambda.iter().map(|l| l / (l + k)).sum();
        assert!((k - 0.05 - k / n * sum).abs() < 1e-13);
    }
    // Without noise: nothing is left with as many samples as dimensions, something with fewer.
    assert_eq!(kappa(&data, 256.0, 0.0), 0.0);
    let k = kappa(&data, 100.0, 0.0);
    let sum: f64 = lambda.iter().map(|l| l / (l + k)).sum();
    assert!((sum - 100.0).abs() < 1e-9, "{sum}");
    assert!(relative_error(kappa(&data, 100.0, 1e300), 1e300) < 1e-12);
}

/// κ is what is left of noise: E uᵀ S (S + s²)⁻¹ u = λ/(λ + κ(s²)) for white data is the Stieltjes transform of
/// Marchenko and Pastur, in closed form.
#[test]
fn kappa_of_white_data_is_a_root_of_marchenko_pastur() {
    for (n, l) in [(50.0, 0.3), (100.0, 0.01), (400.0, 2.0)] {
        let data = data::load("white:d=100").unwrap();
        // κ² + κ (1 − γ − l) − l = 0.
        let gamma = 100.0 / n;
        let b: f64 = 1.0 - gamma - l;
        let root = 0.5 * (-b + (b * b + 4.0 * l).sqrt());
        assert!(relative_error(kappa(&data, n, l), root) < 1e-12);
    }
}

#[test]
fn samples_have_no_law_per_eigenvalue() {
    let item = Network::read("samples:n=100").unwrap().item;
    let set = item.training_set().unwrap();
    assert_eq!((set.samples, set.draw), (100, None));
    assert_eq!(
        Network::read("samples:n=9,draw=3").unwrap().item.training_set().unwrap().draw,
        Some(3)
    );
    let error = Learnt::of(&*item, &power_law(5)).unwrap_err();
    assert_eq!(error, NetworkError::OwnEigenvectors);
    for text in ["samples", "samples:n=0", "samples:n=-1", "samples:n=nan", "samples:n=5,draw=-1"] {
        let error = Network::read(text).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn expectations_are_for_centred_data_and_a_round_start() {
    let process = process("vp-linear");
    let plan = plan("heun", &process, 10, 1e-3);
    let normal = Init::Normal { std: Some(1.0) };
    let error = expected(&plan, &power_law(5), &Init::Exact, 10).unwrap_err();
    assert_eq!(error, ExpectedError::Init);
    assert_eq!(expected(&plan, &modes(), &normal, 10).unwrap_err(), ExpectedError::Mean);
    // Without end, only the sampler is left.
    let of = expected(&plan, &power_law(20), &normal, 1 << 52).unwrap();
    let w2 = wasserstein2(&Output::of(&plan, &power_law(20)).law(&normal, Target::Data)).total;
    assert!(relative_error(of.sampler, w2) < 1e-12);
    assert!(relative_error(of.w2, w2) < 1e-6, "{of:?} {w2}");
    assert!(of.training_set < 1e-5, "{of:?}");
}

#[cfg(feature = "dense")]
mod dense {
    use super::*;
    use gaussmeter::exact::continuous::Reverse;
    use gaussmeter::exact::training_set::{DrawError, drawn};
    use gaussmeter::watch::{Progress, Watch};
    use std::ops::ControlFlow;

    /// Mean of W2² over drawn training sets, with its standard error.
    fn drawn_mean(plan: &Plan, data: &Spectrum, init: &Init, n: usize, sets: u64) -> (f64, f64) {
        let squares: Vec<f64> = (0..sets)
            .map(|seed| {
                let of = drawn(plan, &ODE, data, init, (n, seed), Watch::NOBODY).unwrap();
                of.w2.total.powi(2)
            })
            .collect();
        let count = sets as f64;
        let mean = squares.iter().sum::<f64>() / count;
        let variance = squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, (variance / count).sqrt())
    }

    /// d = 200, from d/4 to 20 d samples.
    #[test]
    fn the_expectation_is_that_of_drawn_training_sets() {
        let data = power_law(200);
        let process = process("edm");
        let sampler = sampler::registry().build("edm").unwrap().item;
        let grid = gaussmeter::grid::registry().build("karras").unwrap().item;
        let init = Init::Normal { std: Some(80.0) };
        for steps in [200, 10] {
            let plan = sampler.plan(&grid.grid(&process, steps, 0.0).unwrap()).unwrap();
            for n in [50, 100, 200, 400, 1000, 4000] {
                let of = expected(&plan, &data, &init, n).unwrap();
                let (mean, error) = drawn_mean(&plan, &data, &init, n, 24);
                let off = of.w2 * of.w2 / mean - 1.0;
                // Fine steps at any n, and coarse ones with many samples: within the confidence of the mean.
                let more = match (steps, n) {
                    (10, 50 | 100) => 0.1,
                    (10, 200) => 0.02,
                    _ => 0.0,
                };
                let allowed = more + 3.5 * error / mean;
                assert!(off.abs() < allowed, "{steps} {n}: {of:?}, drawn {mean} ± {error}");
                // The second order alone needs many.
                let second = of.second_order.powi(2) / mean - 1.0;
                if n <= 200 {
                    assert!(second < -0.05, "{steps} {n}: {second}");
                } else if n == 4000 {
                    assert!(second.abs() < 4.0 * error / mean, "{steps} {n}: {second}");
                }
            }
        }
    }

    /// A set that is drawn is the law of paths with its network, and depends on the seed alone.
    #[test]
    fn a_drawn_set_depends_on_its_seed_alone() {
        let data = Spectrum::new("", "", &[0.5, 1.0, 2.0], None, Some(&[1.0, 0.0, -1.0])).unwrap();
        let process = process("vp-linear");
        let plan = plan("em", &process, 20, 1e-3);
        let of = |n, seed| {
            let reverse = Reverse { noise: 1.0 };
            drawn(&plan, &reverse, &data, &Init::Exact, (n, seed), Watch::NOBODY).unwrap()
        };
        assert_eq!(of(10, 1), of(10, 1));
        assert_ne!(of(10, 1), of(10, 2));
        // Without end it is the exact network.
        let exact = wasserstein2(&Output::of(&plan, &data).law(&Init::Exact, Target::Data));
        let many = of(1 << 50, 1);
        assert!((many.w2.total - exact.total).abs() < 1e-6, "{many:?} {exact:?}");
        assert!(many.score.total < 1e-6, "{many:?}");
        // One sample: rank one.
        assert!(of(1, 0).w2.total.is_finite());
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let process = process("vp-linear");
        let plan = plan("em", &process, 4, 1e-3);
        let draw = |data: &Spectrum, watch| {
            drawn(&plan, &SDE, data, &Init::Exact, (10, 0), watch).unwrap_err()
        };
        let error = draw(&data::load("white:d=5000").unwrap(), Watch::NOBODY);
        assert_eq!(error, DrawError::TooLarge { dim: 5000.0 });
        let stop = |_: Option<Progress>| ControlFlow::Break(());
        assert_eq!(draw(&power_law(5), Watch::new(&stop)), DrawError::Interrupted);
    }
}
