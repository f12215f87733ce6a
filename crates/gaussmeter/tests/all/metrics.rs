//! Distances are what they claim to be: against brute force, quadrature and their own symmetries.

use gaussmeter::entry::Named;
use gaussmeter::exact::continuous::{ODE, SDE};
use gaussmeter::exact::{LawMode, Reason};
use gaussmeter::metric::{self, Metric, Value, kl_forward, kl_reverse, trace_error};
use gaussmeter::prelude::*;
use gaussmeter::sampler;
use gaussmeter_testkit::relative_error;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use std::sync::Arc;

fn metrics() -> Vec<Named<dyn Metric>> {
    let registry = metric::registry();
    registry.names().into_iter().map(|name| registry.build(name).unwrap()).collect()
}

/// A law N(m, v) beside its target N(μ, λ) along one eigenvector.
fn mode(m: f64, v: f64, mu: f64, lambda: f64) -> LawMode {
    LawMode {
        eigenvalue: lambda,
        multiplicity: 1.0,
        gain: 1.0,
        mean: m,
        variance: v,
        target_variance: lambda,
        mean_error: m - mu,
        variance_error: v - lambda,
    }
}

fn law(modes: impl Into<Vec<LawMode>>) -> Law {
    Law { modes: modes.into(), infinite: None }
}

fn positive() -> impl Strategy<Value = f64> {
    (-6.0..4.0f64).prop_map(|x| 10f64.powf(x))
}

/// Modes (m, v, μ, λ); both variances vanish together, so that every metric is finite.
fn modes() -> impl Strategy<Value = Vec<LawMode>> {
    let regular = (-3.0..3.0f64, positive(), -3.0..3.0f64, positive(), 0.5..9.0f64)
        .prop_map(|(m, v, mu, l, multiplicity)| LawMode { multiplicity, ..mode(m, v, mu, l) });
    let null = (-3.0..3.0f64).prop_map(|m| mode(m, 0.0, m, 0.0));
    prop::collection::vec(prop_oneof![6 => regular, 1 => null], 1..8)
        .prop_filter("some variance", |all| all.iter().any(|m| m.target_variance > 0.0))
}

/// Equal up to rounding: relative to the value, or to 1 for values that cancel.
fn close(a: Value, b: Value) -> bool {
    let error = if a.value == b.value { 0.0 } else { (a.value - b.value).abs() };
    a.infinite == b.infinite && error <= 1e-12 * b.value.abs().max(1.0)
}

#[test]
fn equal_laws_are_at_distance_zero() {
    let modes = [
        mode(1.5, 0.3, 1.5, 0.3),
        mode(-2.0, 0.0, -2.0, 0.0),
        mode(0.0, 1e-9, 0.0, 1e-9),
        mode(3.0, 4e8, 3.0, 4e8),
    ];
    for metric in metrics() {
        let value = metric.item.evaluate(&law(modes));
        assert_eq!((value.value, value.infinite), (0.0, None), "{}", metric.label);
    }
    // … also where they come from the engine, started from p_T.
    let data = Spectrum::new("modes", "", &[0.0, 0.3, 5.0], None, Some(&[1.0, 0.0, -2.0])).unwrap();
    for process in [&VpLinear::paper() as &dyn Process, &Edm::new(80.0), &Flow] {
        let (from, to) = (process.level(0.9 * process.t_max()), process.level(0.0));
        for reverse in [ODE, SDE] {
            for target in [Target::Data, Target::Marginal] {
                let law = reverse.law(&data, &from, &to, &Init::Exact, target);
                for metric in metrics() {
                    assert_eq!(
                        metric.item.evaluate(&law).value,
                        0.0,
                        "{} {process:?}",
                        metric.label
                    );
                }
            }
        }
    }
}

#[test]
fn w2_has_its_parts() {
    // 3-4-5: means 3 apart, standard deviations 4 apart.
    let w2 = wasserstein2(&law([mode(3.0, 25.0, 0.0, 1.0)]));
    assert_eq!((w2.mean, w2.covariance, w2.total, w2.infinite), (3.0, 4.0, 5.0, None));
    // Finite also where only one of the two is degenerate.
    let w2 = wasserstein2(&law([mode(0.0, 0.0, 0.0, 9.0), mode(1.0, 16.0, 1.0, 0.0)]));
    assert_eq!((w2.mean, w2.total), (0.0, 5.0));
    // Differences far below rounding of the variances keep their digits.
    let near = LawMode { variance_error: 4e-30, ..mode(0.0, 4.0, 0.0, 4.0) };
    assert!(relative_error(wasserstein2(&law([near])).total, 1e-30) < 1e-15);
}

/// Simpson's rule for ∫ p ln(p/q) between two Gaussians N(m, v), N(μ, λ).
fn quadrature(m: f64, v: f64, mu: f64, lambda: f64) -> f64 {
    let log = |x: f64, mean: f64, variance: f64| {
        -0.5 * ((x - mean).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
    };
    let (panels, reach) = (4000, 14.0);
    let h = 2.0 * reach / f64::from(2 * panels);
    let value = |k: i32| {
        let x = m + v.sqrt() * (f64::from(k) * h - reach);
        let weight = if k == 0 || k == 2 * panels { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
        weight * log(x, m, v).exp() * (log(x, m, v) - log(x, mu, lambda))
    };
    (0..=2 * panels).map(value).sum::<f64>() * h / 3.0 * v.sqrt()
}

#[test]
fn divergences_agree_with_quadrature() {
    for (m, v, mu, lambda) in [
        (0.0, 1.0, 0.0, 2.0),
        (0.0, 2.0, 0.0, 1.0),
        (1.0, 1.0, 0.0, 1.0),
        (-0.5, 0.3, 0.7, 0.2),
        (2.0, 1e-3, 2.1, 1e-2),
        (0.0, 50.0, 3.0, 0.5),
        (0.0, 1.02, 0.0, 1.0),
    ] {
        let law = law([mode(m, v, mu, lambda)]);
        for (what, value, expected) in [
            ("forward", kl_forward(&law), quadrature(mu, lambda, m, v)),
            ("reverse", kl_reverse(&law), quadrature(m, v, mu, lambda)),
        ] {
            let error = relative_error(value.value, expected);
            assert!(error < 1e-10, "{what} {:?}: {value:?}, integrated {expected}", law.modes[0]);
        }
    }
}

/// KL ≈ y²/4 for variances whose logarithms are y apart: both ways, to full precision.
#[test]
fn divergences_of_nearly_equal_variances() {
    for delta in [1e-9, -1e-9, 1e-5, -1e-5, 1e-3, -1e-3, 9e-3, -9e-3, 1.1e-2] {
        for lambda in [0.3, 7e4, 1e-9] {
            let error = delta * lambda;
            let near = LawMode { variance_error: error, ..mode(0.0, lambda + error, 0.0, lambda) };
            let y = delta.ln_1p();
            let series = |y: f64| {
                y * y / 4.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0 * (1.0 + y / 5.0 * (1.0 + y / 6.0))))
            };
            let law = law([near]);
            for (value, expected) in [(kl_forward(&law), series(-y)), (kl_reverse(&law), series(y))]
            {
                assert!(
                    relative_error(value.value, expected) < 1e-10,
                    "{delta} {lambda}: {value:?} {expected:e}"
                );
            }
        }
    }
}

#[test]
fn mutually_singular_laws_are_infinitely_far_in_kl() {
    let regular = mode(0.1, 1.0, 0.0, 2.0);
    let collapsed = mode(0.0, 0.0, 0.0, 0.25);
    let spread = mode(0.0, 0.5, 0.0, 0.0);
    let shifted = mode(1.0, 0.0, 0.0, 0.0);
    for (singular, at) in [(collapsed, 0.25), (spread, 0.0), (shifted, 0.0)] {
        let law = law([regular, singular]);
        for value in [kl_forward(&law), kl_reverse(&law)] {
            assert_eq!(value.value, f64::INFINITY);
            assert_eq!(value.infinite, Some(Reason::Ranges { eigenvalue: at }));
        }
        assert!(wasserstein2(&law).total.is_finite());
    }
    // Degenerate alike: the null direction does not count.
    let alike = law([regular, mode(2.0, 0.0, 2.0, 0.0)]);
    let alone = law([regular]);
    assert_eq!(kl_forward(&alike), kl_forward(&alone));
    assert_eq!(kl_reverse(&alike), kl_reverse(&alone));
    assert!(kl_forward(&alone).value > 0.0);
}

/// Infinite laws are infinitely far, for the reason the law gives, or because numbers overflow.
#[test]
fn infinite_laws_have_reasons() {
    let reason = Reason::Overflow { eigenvalue: 7.0 };
    let infinite = mode(0.0, f64::INFINITY, 0.0, 2.0);
    for metric in metrics() {
        let given = Law { modes: vec![infinite], infinite: Some(reason) };
        let value = metric.item.evaluate(&given);
        assert_eq!(
            value,
            Value { value: f64::INFINITY, infinite: Some(reason) },
            "{}",
            metric.label
        );
        let value = metric.item.evaluate(&law([infinite]));
        let overflow = Some(Reason::Overflow { eigenvalue: 2.0 });
        assert_eq!(value, Value { value: f64::INFINITY, infinite: overflow }, "{}", metric.label);
    }
    // The total variance of a constant law has no relative error, unless there is none.
    let constant = trace_error(&law([mode(0.0, 1.0, 0.0, 0.0)]));
    assert_eq!(constant.infinite, Some(Reason::Ranges { eigenvalue: 0.0 }));
    assert_eq!(trace_error(&law([mode(0.0, 0.0, 5.0, 0.0)])).value, 0.0);
}

/// Whatever the numbers, a value is never NaN, and infinite exactly if it has a reason.
#[test]
fn values_are_never_nan() {
    let all = [0.0, 5e-324, 1e-300, 1e-9, 1.0, 1e9, 1e300, f64::MAX, f64::INFINITY];
    for v in all {
        for lambda in all.into_iter().filter(|l| l.is_finite()) {
            for m in [0.0, -1e-200, 1.0, 1e200, f64::INFINITY] {
                let law = law([mode(m, v, 0.0, lambda)]);
                for metric in metrics() {
                    let value = metric.item.evaluate(&law);
                    let what =
                        format!("{} of m = {m}, v = {v}, λ = {lambda}: {value:?}", metric.label);
                    assert!(!value.value.is_nan(), "{what}");
                    assert_eq!(value.value.is_infinite(), value.infinite.is_some(), "{what}");
                    if let Some(reason) = value.infinite {
                        assert!(!reason.to_string().contains("NaN"), "{what}");
                    }
                }
            }
        }
    }
}

/// Also from a start that is a point, and has a mean against that of the data.
#[test]
fn infinite_outputs_are_infinite_from_any_start() {
    let data = Spectrum::new("modes", "", &[0.0, 1.0], None, Some(&[2.0, 0.5])).unwrap();
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let plan = Heun::default().plan(&Uniform.grid(&process, 10, 0.0).unwrap()).unwrap();
    let output = Output::of(&plan, &data);
    for mean in [-3.0, 0.0, 3.0] {
        for variance in [0.0, 1.0] {
            let init = Init::Diagonal { mean: vec![mean; 2], variance: vec![variance; 2] };
            for target in [Target::Data, Target::Marginal] {
                let law = output.law(&init, target);
                let null = &law.modes[0];
                assert!([null.mean, null.variance].iter().all(|x| x.is_infinite()), "{null:?}");
                assert!(law.modes[1].mean.is_finite() && law.modes[1].variance.is_finite());
                for metric in metrics() {
                    let value = metric.item.evaluate(&law);
                    assert_eq!((value.value, value.infinite), (f64::INFINITY, output.infinite));
                }
            }
        }
    }
    assert!(matches!(output.infinite, Some(Reason::SingularPrediction { step: 10, .. })));
}

#[test]
fn the_trace_error_is_signed() {
    let modes =
        [mode(0.0, 1.0, 0.0, 3.0), LawMode { multiplicity: 3.0, ..mode(0.0, 1.5, 0.0, 2.0) }];
    assert_eq!(trace_error(&law(modes)).value, -3.5 / 9.0);
    assert_eq!(trace_error(&law([mode(0.0, 3.0, 9.0, 2.0)])).value, 0.5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn w2_against_brute_force(modes in modes()) {
        let squares: f64 = modes.iter().map(|m| {
            let mu = m.mean - m.mean_error;
            m.multiplicity * ((m.mean - mu).powi(2) + (m.variance.sqrt() - m.target_variance.sqrt()).powi(2))
        }).sum();
        let w2 = wasserstein2(&law(modes));
        prop_assert!(relative_error(w2.total, squares.sqrt()) < 1e-9 || squares == 0.0);
        prop_assert!((w2.mean.hypot(w2.covariance) - w2.total).abs() <= 1e-14 * w2.total);
    }

    /// ½ [λ/v − 1 − ln(λ/v) + Δ²/v], as in textbooks.
    #[test]
    fn divergences_against_the_textbook(modes in modes()) {
        let textbook = |forward: bool| -> f64 {
            modes.iter().filter(|m| m.variance > 0.0).map(|m| {
                let (v, l) = (m.variance, m.target_variance);
                let (ratio, denominator) = if forward { (l / v, v) } else { (v / l, l) };
                m.multiplicity * 0.5 * (ratio - 1.0 - ratio.ln() + m.mean_error.powi(2) / denominator)
            }).sum()
        };
        let law = law(modes.clone());
        for (value, expected) in [(kl_forward(&law), textbook(true)), (kl_reverse(&law), textbook(false))] {
            prop_assert!((value.value - expected).abs() <= 1e-12 * expected.max(1.0), "{value:?} {expected}");
        }
    }

    /// Order does not matter, and a multiplicity is a repetition: of 2, or in two unequal parts.
    #[test]
    fn modes_are_a_multiset(modes in modes(), part in 0.01..0.99f64, turn in 0..8usize) {
        let whole = law(modes.clone());
        let mut permuted = modes.clone();
        permuted.rotate_left(turn % modes.len());
        permuted.reverse();
        let doubled = modes.iter().map(|m| LawMode { multiplicity: 2.0 * m.multiplicity, ..*m });
        let twice = [modes.clone(), modes.clone()].concat();
        let split = modes.iter().flat_map(|m| {
            let first = m.multiplicity * part;
            [first, m.multiplicity - first].map(|multiplicity| LawMode { multiplicity, ..*m })
        });
        let (doubled, split): (Vec<_>, Vec<_>) = (doubled.collect(), split.collect());
        for metric in metrics() {
            let evaluate = |modes: &[LawMode]| metric.item.evaluate(&law(modes));
            let value = metric.item.evaluate(&whole);
            prop_assert!(close(evaluate(&permuted), value), "{} of the permuted law", metric.label);
            prop_assert!(close(evaluate(&doubled), evaluate(&twice)), "{} of the double", metric.label);
            prop_assert!(close(evaluate(&split), value), "{} of the split law", metric.label);
        }
    }

    /// Splitting an eigenvalue in two of half its multiplicity changes no result, sampler by
    /// sampler.
    #[test]
    fn a_spectrum_is_a_multiset(
        eigenvalues in prop::collection::vec(prop_oneof![1 => Just(0.0), 5 => positive()], 1..5),
        multiplicity in 0.5..20.0f64, steps in 21..40usize,
    ) {
        let n = eigenvalues.len();
        let whole = Spectrum::new("whole", "", &eigenvalues, Some(&vec![multiplicity; n]), None).unwrap();
        let twice = [&eigenvalues[..], &eigenvalues[..]].concat();
        let halves = Spectrum::new("halves", "", &twice, Some(&vec![multiplicity / 2.0; 2 * n]), None).unwrap();
        prop_assert_eq!(whole.modes().len(), halves.modes().len());
        let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
        let grid = Uniform.grid(&process, steps, 1e-3).unwrap();
        for sampler in sampler::registry().names_alone() {
            let plan = sampler::registry().build(sampler).unwrap().item.plan(&grid).unwrap();
            let law = |data: &Spectrum| {
                Output::of(&plan, data).law(&Init::Normal { std: None }, Target::Data)
            };
            for metric in metrics() {
                let (a, b) = (metric.item.evaluate(&law(&whole)), metric.item.evaluate(&law(&halves)));
                prop_assert!(close(a, b), "{} of {sampler}: {a:?} {b:?}", metric.label);
            }
        }
    }

    /// In other data units, W2 changes as a length, KL and the relative trace error do not.
    #[test]
    fn units_do_not_matter(
        c in positive(), index in 0..6usize, steps in 2..30usize,
        eigenvalues in prop::collection::vec(positive(), 1..5), mean in -2.0..2.0f64,
    ) {
        let law = |unit: f64| {
            let scaled: Vec<f64> = eigenvalues.iter().map(|l| l * unit * unit).collect();
            let means = vec![mean * unit; scaled.len()];
            let data = Spectrum::new("scaled", "", &scaled, None, Some(&means)).unwrap();
            let process: Arc<dyn Process> = Arc::new(Edm::new(80.0 * unit));
            let rho = |k: usize| unit * (80f64.powf(0.25) * (1.0 - k as f64 / (steps + 1) as f64)).powi(4);
            let mut times: Vec<f64> = (0..=steps).map(rho).collect();
            times[0] = 80.0 * unit;
            let grid = Grid::new(process, &times).unwrap();
            let sampler = sampler::registry().build(sampler::registry().names_alone()[index]).unwrap();
            let plan = sampler.item.plan(&grid).ok()?;
            Some(Output::of(&plan, &data).law(&Init::Normal { std: None }, Target::Data))
        };
        if let (Some(one), Some(other)) = (law(1.0), law(c)) {
            let w2 = [&one, &other].map(|l| wasserstein2(l).total);
            prop_assert!(relative_error(w2[1], c * w2[0]) < 1e-9, "{w2:?}");
            for metric in metrics().into_iter().filter(|m| m.name != "w2") {
                let (a, b) = (metric.item.evaluate(&one), metric.item.evaluate(&other));
                prop_assert_eq!(a.infinite.is_some(), b.infinite.is_some());
                let error = (a.value - b.value).abs() / a.value.abs().max(1.0);
                prop_assert!(a == b || error < 1e-9, "{}: {a:?} {b:?}", metric.label);
            }
        }
    }
}
