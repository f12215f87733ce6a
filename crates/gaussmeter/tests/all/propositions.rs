//! The propositions on the continuous processes (Pierret & Galerne, ICML 2025, and their extension
//! to the family with noise level h), for data, initial laws and processes drawn at random.

use gaussmeter::exact::continuous::{
    ODE, Reverse, SDE, forward_cross_covariance, forward_marginal,
};
use gaussmeter::prelude::*;
use gaussmeter::{process, sampler};
use gaussmeter_testkit::relative_error;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use std::sync::Arc;

const MODES: usize = 6;

type AnyProcess = Arc<dyn Process>;

fn processes() -> impl Strategy<Value = AnyProcess> {
    let vp = (0.0..1.0f64, 0.5..12.0f64, 0.3..3.0f64)
        .prop_map(|(low, high, t)| Arc::new(VpLinear::new(low, high, t).unwrap()) as AnyProcess);
    prop_oneof![
        Just(Arc::new(VpLinear::paper()) as AnyProcess),
        vp,
        (0.5..100.0f64).prop_map(|s| Arc::new(Edm::new(s)) as AnyProcess),
        Just(Arc::new(Flow) as AnyProcess),
    ]
}

/// The noisiest time at which drift and diffusion are finite, and not next to infinite.
fn top(process: &dyn Process) -> f64 {
    let is_lost = process.level(process.t_max()).alpha < 1e-4;
    if is_lost { 0.99 * process.t_max() } else { process.t_max() }
}

fn positive(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low.ln()..high.ln()).prop_map(f64::exp)
}

fn spectra() -> impl Strategy<Value = Spectrum> {
    let eigenvalue = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 4 => positive(1e-6, 100.0)];
    prop::collection::vec((eigenvalue, 0.5..5.0f64, -3.0..3.0f64), 1..=MODES).prop_map(|modes| {
        let column = |f: fn(&(f64, f64, f64)) -> f64| modes.iter().map(f).collect::<Vec<_>>();
        let (weights, means) = (column(|m| m.1), column(|m| m.2));
        Spectrum::new("random", "", &column(|m| m.0), Some(&weights), Some(&means)).unwrap()
    })
}

/// An initial law for any spectrum of at most [`MODES`] modes.
#[derive(Clone, Debug)]
enum Start {
    Normal(f64),
    Diagonal(Vec<(f64, f64)>),
}

impl Start {
    fn init(&self, data: &Spectrum) -> Init {
        match self {
            Start::Normal(std) => Init::Normal { std: Some(*std) },
            Start::Diagonal(moments) => {
                let (mean, variance) = moments.iter().take(data.modes().len()).copied().unzip();
                Init::Diagonal { mean, variance }
            }
        }
    }
}

fn starts() -> impl Strategy<Value = Start> {
    let variance = prop_oneof![1 => Just(0.0), 5 => positive(1e-3, 100.0)];
    prop_oneof![
        positive(0.1, 100.0).prop_map(Start::Normal),
        prop::collection::vec((-5.0..5.0f64, variance), MODES).prop_map(Start::Diagonal),
    ]
}

/// Levels at times that are each a fraction of the one before, the first of [`top`].
fn levels(process: &dyn Process, fractions: [f64; 3]) -> [Level; 3] {
    let mut t = top(process);
    fractions.map(|f| {
        t *= f;
        process.level(t)
    })
}

/// The squared contraction R² along an eigenvector: the ratio of λ + σ²/α² at the two levels.
fn contraction2(eigenvalue: f64, from: &Level, to: &Level) -> f64 {
    let noise_to_signal = |l: &Level| (l.sigma / l.alpha).powi(2);
    (eigenvalue + noise_to_signal(to)) / (eigenvalue + noise_to_signal(from))
}

fn w2(r: Reverse, data: &Spectrum, from: &Level, to: &Level, init: &Init) -> f64 {
    wasserstein2(&r.law(data, from, to, init, Target::Marginal)).total
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Under initialization error only, W2(SDE) ≤ W2(ODE), at every time.
    #[test]
    fn the_sde_is_closer_than_the_ode(
        process in processes(), data in spectra(), start in starts(),
        first in 0.3..=1.0f64, fraction in prop_oneof![1 => Just(0.0), 5 => 0.0..=1.0f64],
    ) {
        let [from, to, zero] = levels(&*process, [first, fraction, 0.0]);
        let init = start.init(&data);
        let (sde, ode) = (w2(SDE, &data, &from, &to, &init), w2(ODE, &data, &from, &to, &init));
        prop_assert!(sde <= ode * (1.0 + 1e-12), "{sde} {ode}");
        // At t = 0 the marginal is the data.
        let to_data = |r: Reverse| wasserstein2(&r.law(&data, &from, &zero, &init, Target::Data)).total;
        prop_assert_eq!(to_data(SDE), w2(SDE, &data, &from, &zero, &init));
        prop_assert_eq!(to_data(ODE), w2(ODE, &data, &from, &zero, &init));
    }

    /// … and over the whole family: W2(h′) ≤ ‖R^{h′² − h²}‖ W2(h) ≤ W2(h) for h < h′.
    #[test]
    fn noise_contracts_the_initialization_error(
        process in processes(), data in spectra(), start in starts(),
        first in 0.3..=1.0f64, fraction in 0.0..=1.0f64,
        h in prop_oneof![1 => Just(0.0), 4 => 0.0..2.0f64], more in 0.0..1.0f64,
    ) {
        let [from, to, _] = levels(&*process, [first, fraction, 0.0]);
        let init = start.init(&data);
        let error = |noise| w2(Reverse { noise }, &data, &from, &to, &init);
        let (less, noisier) = (error(h), error(h + more));
        let exponent = ((h + more).powi(2) - h * h) / 2.0;
        let factor = data.eigenvalues().iter()
            .map(|l| contraction2(*l, &from, &to).powf(exponent))
            .fold(0.0, f64::max);
        prop_assert!(factor <= 1.0 + 1e-12);
        prop_assert!(noisier <= factor * less * (1.0 + 1e-10), "{noisier} {factor} {less}");
    }

    /// One mode alone attains the factor in its mean, so that the bound is the best possible.
    #[test]
    fn the_contraction_is_sharp(
        process in processes(), eigenvalue in positive(1e-4, 100.0),
        first in 0.3..=1.0f64, fraction in 0.05..=1.0f64, h in 0.0..2.0f64, more in 0.0..1.0f64,
    ) {
        let [from, to, _] = levels(&*process, [first, fraction, 0.0]);
        let data = Spectrum::new("one mode", "", &[eigenvalue], None, None).unwrap();
        let init = Init::Diagonal { mean: vec![2.0], variance: vec![from.variance(eigenvalue)] };
        let error = |noise| w2(Reverse { noise }, &data, &from, &to, &init);
        let exponent = ((h + more).powi(2) - h * h) / 2.0;
        let expected = contraction2(eigenvalue, &from, &to).powf(exponent) * error(h);
        prop_assert!(relative_error(error(h + more), expected) < 1e-11);
    }

    /// From T to t is from T to s, then from s to t.
    #[test]
    fn two_legs_make_one_journey(
        process in processes(), data in spectra(), start in starts(), h in 0.0..2.0f64,
        first in 0.3..=1.0f64, second in 0.01..=1.0f64, third in 0.0..=1.0f64,
    ) {
        let [from, middle, to] = levels(&*process, [first, second, third]);
        let (reverse, init) = (Reverse { noise: h }, start.init(&data));
        let halfway = reverse.law(&data, &from, &middle, &init, Target::Data);
        let (mean, variance) = halfway.modes.iter().map(|m| (m.mean, m.variance)).unzip();
        let halfway = Init::Diagonal { mean, variance };
        let direct = reverse.law(&data, &from, &to, &init, Target::Data);
        let both = reverse.law(&data, &middle, &to, &halfway, Target::Data);
        for (a, b) in direct.modes.iter().zip(&both.modes) {
            let scale = a.variance.max(to.variance(a.eigenvalue));
            prop_assert!((a.variance - b.variance).abs() <= 1e-12 * scale, "{a:?} {b:?}");
            prop_assert!((a.mean - b.mean).abs() <= 1e-12 * (1.0 + a.mean.abs()), "{a:?} {b:?}");
            let gain = reverse.propagator(a.eigenvalue, &from, &middle) * b.gain;
            prop_assert!((a.gain - gain).abs() <= 1e-12 * gain, "{a:?} {b:?}");
        }
    }

    /// Started from p_T, every member of the family is at p_t at every t: without any rounding.
    #[test]
    fn an_exact_start_stays_exact(
        process in processes(), data in spectra(), h in 0.0..2.0f64,
        first in 0.0..=1.0f64, fraction in prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0f64],
    ) {
        let [from, to, zero] = levels(&*process, [first, fraction, 0.0]);
        for to in [to, zero, from] {
            prop_assert_eq!(w2(Reverse { noise: h }, &data, &from, &to, &Init::Exact), 0.0);
            let law = Reverse { noise: h }.law(&data, &from, &to, &Init::Exact, Target::Data);
            let marginal = forward_marginal(&data, &to);
            for ((a, b), mode) in law.modes.iter().zip(&marginal.modes).zip(data.modes()) {
                let (mean, variance) = (to.alpha * mode.mean, to.variance(mode.eigenvalue));
                prop_assert_eq!((a.mean, a.variance), (mean, variance));
                prop_assert_eq!((b.mean, b.variance), (mean, variance));
            }
        }
    }

    /// Markov: K(u, t) = K(u, s) K(s, s)⁻¹ K(s, t); from p_T the reverse SDE is the forward process
    /// run backwards, and the ODE is monotone: correlation 1.
    #[test]
    fn covariances_across_time(
        process in processes(), data in spectra(), std in 0.1..10.0f64, h in 0.0..2.0f64,
        first in 0.3..=1.0f64, second in 0.05..1.0f64, third in 0.0..1.0f64,
    ) {
        let [t, s, u] = levels(&*process, [first, second, third]);
        let init = Init::Normal { std: Some(std) };
        let start = process.level(top(&*process));
        let reverse = Reverse { noise: h };
        let k = |noisier: &Level, cleaner: &Level| {
            reverse.cross_covariance(&data, &start, noisier, cleaner, &init)
        };
        let (long, recent, middle, early) = (k(&t, &u), k(&s, &u), k(&s, &s), k(&t, &s));
        for i in 0..data.modes().len() {
            let chained = recent[i] / middle[i] * early[i];
            prop_assert!((long[i] - chained).abs() <= 1e-12 * chained, "{} {chained}", long[i]);
        }
        let exact = |r: Reverse| r.cross_covariance(&data, &start, &t, &u, &Init::Exact);
        let forward = forward_cross_covariance(&data, &u, &t);
        for (i, mode) in data.modes().iter().enumerate() {
            let monotone = (u.variance(mode.eigenvalue) * t.variance(mode.eigenvalue)).sqrt();
            prop_assert!((exact(SDE)[i] - forward[i]).abs() <= 1e-12 * forward[i]);
            prop_assert!((exact(ODE)[i] - monotone).abs() <= 1e-12 * monotone);
        }
    }

    /// Euler in σ turns by the angle θ = arctan(σ/√λ) that each step spans: the output standard
    /// deviation is √(λ + σ_n²) Π cos(θ_k − θ_{k+1}).
    #[test]
    fn euler_in_sigma_loses_the_cosine_of_every_angle(
        eigenvalue in positive(0.01, 100.0), last in positive(0.01, 0.3),
        ratios in prop::collection::vec(1.05..8.0f64, 1..6), to_zero in prop::bool::ANY,
    ) {
        let mut sigmas = vec![last];
        sigmas.extend(ratios.iter().scan(last, |s, r| { *s *= r; Some(*s) }));
        sigmas.reverse();
        if to_zero {
            sigmas.push(0.0);
        }
        let process: AnyProcess = Arc::new(Edm::new(sigmas[0]));
        let plan = Euler.plan(&Grid::new(process, &sigmas).unwrap()).unwrap();
        let data = Spectrum::new("one mode", "", &[eigenvalue], None, None).unwrap();
        let output = Output::of(&plan, &data);
        let std = |init: &Init| output.law(init, Target::Data).modes[0].variance.sqrt();

        let angles: Vec<f64> = sigmas.iter().map(|s| s.atan2(eigenvalue.sqrt())).collect();
        let cosines: f64 = angles.windows(2).map(|w| (w[0] - w[1]).cos()).product();
        let end = sigmas[sigmas.len() - 1];
        let expected = (eigenvalue + end * end).sqrt() * cosines;
        prop_assert!(relative_error(std(&Init::Exact), expected) < 1e-12);
        // From pure noise, the start loses a sine in addition.
        let normal = std(&Init::Normal { std: None });
        prop_assert!(relative_error(normal, angles[0].sin() * expected) < 1e-12);
    }
}

/// At t = T no signal is left under flow matching, and the SDE forgets its start at once.
#[test]
fn the_sde_of_flow_matching_forgets_any_start() {
    let data =
        Spectrum::new("modes", "", &[0.0, 0.3, 1.0, 7.0], None, Some(&[1.0, -2.0, 0.0, 3.0]))
            .unwrap();
    let init = Init::Diagonal { mean: vec![1.0; 4], variance: vec![0.0, 0.5, 9.0, 2.0] };
    for t in [0.999, 0.5, 1e-3, 0.0] {
        let (from, to) = (Flow.level(1.0), Flow.level(t));
        assert_eq!(w2(SDE, &data, &from, &to, &init), 0.0);
        assert!(w2(ODE, &data, &from, &to, &init) > 0.5);
        assert_eq!(w2(ODE, &data, &from, &to, &Init::Normal { std: None }), 0.0);
    }
}

/// The moments solve the differential equations of the family, integrated by small RK4 steps:
/// m′ = f m + ½ (1 + h²) g² (m − αμ)/s and v′ = 2 (f + ½ (1 + h²) g²/s) v − h² g².
#[test]
fn moments_solve_their_differential_equations() {
    let lambda = [0.0, 0.3, 1.0, 5.0];
    let mu = [1.5, -0.5, 0.0, 2.0];
    let data = Spectrum::new("modes", "", &lambda, None, Some(&mu)).unwrap();
    let init =
        Init::Diagonal { mean: vec![0.3, -1.0, 2.0, 0.0], variance: vec![1.7, 0.0, 0.4, 6.0] };
    let Init::Diagonal { mean, variance } = &init else { unreachable!() };
    let cases: [(&dyn Process, f64, f64); 3] =
        [(&VpLinear::paper(), 1.0, 0.05), (&Edm::new(8.0), 8.0, 0.4), (&Flow, 0.9, 0.05)];
    for (process, first, last) in cases {
        let (from, to) = (process.level(first), process.level(last));
        for h in [0.0, 0.5, 1.0, 1.7] {
            let law = Reverse { noise: h }.law(&data, &from, &to, &init, Target::Data);
            for (i, mode) in law.modes.iter().enumerate() {
                let rate = |t: f64, [m, v]: [f64; 2]| {
                    let l = process.level(t);
                    let (f, g2) = (l.alpha_prime / l.alpha, l.diffusion2());
                    let pull = 0.5 * (1.0 + h * h) * g2 / l.variance(lambda[i]);
                    [f * m + pull * (m - l.alpha * mu[i]), 2.0 * (f + pull) * v - h * h * g2]
                };
                let steps = 8000;
                let dt = (last - first) / f64::from(steps);
                let mut y = [mean[i], variance[i]];
                for k in 0..steps {
                    let t = first + f64::from(k) * dt;
                    let go = |c: f64, k: [f64; 2]| [y[0] + c * dt * k[0], y[1] + c * dt * k[1]];
                    let k1 = rate(t, y);
                    let k2 = rate(t + 0.5 * dt, go(0.5, k1));
                    let k3 = rate(t + 0.5 * dt, go(0.5, k2));
                    let k4 = rate(t + dt, go(1.0, k3));
                    y = [0, 1].map(|c| y[c] + dt / 6.0 * (k1[c] + 2.0 * (k2[c] + k3[c]) + k4[c]));
                }
                let (m, v) = (mode.mean, mode.variance);
                let what = format!("{process:?}, h = {h}, {mode:?}, integrated {y:?}");
                assert!((m - y[0]).abs() <= 1e-9 * y[0].abs().max(1.0), "{what}");
                assert!(relative_error(v, y[1]) <= 1e-9, "{what}");
            }
        }
    }
}

/// Every sampler of the registry approaches the continuous solution that it stands for, from noise
/// to data, and not only in the middle of the process. Those without an order have another limit, and
/// ER-SDE-Solver and restarts a process of their own.
#[test]
fn many_steps_approach_the_continuous_solution() {
    let data = Spectrum::new(
        "modes",
        "",
        &[0.0, 0.01, 0.3, 1.0, 4.0],
        None,
        Some(&[0.5, -1.0, 2.0, 0.0, 1.0]),
    )
    .unwrap();
    let init = Init::Diagonal {
        mean: vec![0.1, 0.0, -0.2, 0.5, 0.0],
        variance: vec![0.5, 1.0, 2.0, 1.5, 0.8],
    };
    let mut measured = 0;
    for name in process::registry().names_alone() {
        let process: AnyProcess = process::registry().build(name).unwrap().item.into();
        let own = |name| ["er-sde", "restart"].contains(&name);
        let entries = sampler::registry().entries;
        for entry in entries.iter().filter(|e| e.order.is_some() && !own(e.name)) {
            if !sampler::registry().names_alone().contains(&entry.name) {
                continue;
            }
            let sampler = sampler::registry().build(entry.name).unwrap().item;
            let distance = |steps: usize| {
                // Steps that shrink towards the data, where the solutions vary fastest.
                let (a, b) = (top(&*process).powf(0.25), (1e-3 * process.t_max()).powf(0.25));
                let time = |k: usize| (a + (b - a) * k as f64 / steps as f64).powi(4);
                let mut times: Vec<f64> = (0..=steps).map(time).collect();
                times[0] = top(&*process); // a power of a root may round beyond T
                let grid = Grid::new(process.clone(), &times).unwrap();
                let plan = sampler.plan(&grid).ok()?;
                let reverse = if plan.is_stochastic() { SDE } else { ODE };
                let law = Output::of(&plan, &data).law(&init, Target::Data);
                let limit = reverse.law(&data, grid.start(), grid.end(), &init, Target::Data);
                let squares = law.modes.iter().zip(&limit.modes).map(|(a, b)| {
                    (a.mean - b.mean).powi(2) + (a.variance.sqrt() - b.variance.sqrt()).powi(2)
                });
                Some(squares.sum::<f64>().sqrt())
            };
            // Whole groups of steps in both.
            let (Some(coarse), Some(fine)) = (distance(501), distance(4008)) else {
                assert_eq!((entry.name, name == "vp-linear"), ("ddpm", false), "{name}");
                continue;
            };
            let what =
                format!("{} on {name}: {coarse:e} at 501 steps, {fine:e} at 4008", entry.name);
            assert!(fine < 0.02, "{what}");
            assert!(fine < coarse / 6.0 || fine < 1e-9, "{what}");
            measured += 1;
        }
    }
    assert!(measured >= 16, "{measured}");
}
