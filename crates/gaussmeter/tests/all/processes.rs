//! What a process and a grid say about themselves is consistent, and exact to the last digits where
//! differences cancel.

use gaussmeter::grid::{GridError, Step};
use gaussmeter::prelude::*;
use gaussmeter::process::Custom;
use gaussmeter::{grid, process};
use gaussmeter_testkit::{fixture, read_json, relative_error, shared};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use std::path::Path;
use std::sync::Arc;

/// Every process of the registry, with other parameters too.
fn processes() -> Vec<(String, Arc<dyn Process>)> {
    let more = [
        "vp:beta_min=0,beta_max=3,t_max=2",
        "vp:beta_min=4,beta_max=1",
        "edm:sigma_max=3",
        "flow:shift=3",
        "flow:shift=0.5",
        "ve:sigma_min=0.1,sigma_max=4",
        "vp-cosine:s=0",
        "sub-vp:beta_min=1,beta_max=3",
        "vp-discrete:linear",
        "vp-sigmoid:start=0,tau=0.3",
        "trig:sigma_data=0.5",
        "vp-discrete:snr_shift_scale=3",
        "vp-discrete:exp",
    ];
    let names = names().chain(more);
    let named = names.map(|n| (n.to_string(), process::registry().build(n).unwrap().item.into()));
    // Those that only a scheduler configuration has.
    let configured = [
        r#"{"_class_name": "IPNDMScheduler"}"#,
        r#"{"_class_name": "DDPMWuerstchenScheduler"}"#,
        r#"{"_class_name": "DDPMWuerstchenScheduler", "scaler": 2.5}"#,
    ];
    let configured = configured.map(|text| {
        let process = process::from_scheduler_config(text.as_bytes()).unwrap();
        (text.to_string(), Arc::<dyn Process>::from(process))
    });
    named
        .chain(configured)
        .chain([("custom".to_string(), Arc::new(table()) as Arc<dyn Process>)])
        .collect()
}

/// The names of the registry that need no file.
fn names() -> impl Iterator<Item = &'static str> {
    process::registry().names_alone().into_iter()
}

/// A process from a table: a flow that leaves signal, at uneven times.
fn table() -> Custom {
    let t: Vec<f64> = (0..=40).map(|k| (f64::from(k) / 40.0).powf(1.5)).collect();
    let alpha: Vec<f64> = t.iter().map(|t| 1.0 - 0.8 * t).collect();
    Custom::new(&t, &alpha, &t).unwrap()
}

/// Times inside the process, away from both ends.
fn times(process: &dyn Process) -> impl Iterator<Item = f64> {
    let t_max = process.t_max();
    [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98].into_iter().map(move |f| f * t_max)
}

/// What differences are formed over: α² of a sigmoid ends like a root in α.
fn difference(name: &str) -> f64 {
    if name.starts_with("vp-sigmoid") { 1e-4 } else { 1e-3 }
}

/// The derivative, by differences of fourth order.
fn derivative(t: f64, d: f64, f: impl Fn(f64) -> f64) -> f64 {
    (8.0 * (f(t + d) - f(t - d)) - (f(t + 2.0 * d) - f(t - 2.0 * d))) / (12.0 * d)
}

/// ∫ f over [a, b] by Simpson's rule.
fn integral(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
    let panels = 4000;
    let h = (b - a) / f64::from(2 * panels);
    let weight = |k| if k == 0 || k == 2 * panels { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
    (0..=2 * panels).map(|k| weight(k) * f(a + f64::from(k) * h)).sum::<f64>() * h / 3.0
}

#[test]
fn derivatives_are_derivatives() {
    for (name, process) in processes() {
        for t in times(&*process) {
            let (level, d) = (process.level(t), difference(&name) * process.t_max());
            let alpha = derivative(t, d, |t| process.level(t).alpha);
            let half_variance = derivative(t, d, |t| process.level(t).sigma.powi(2) / 2.0);
            let what = format!("{name} at {t}: {level:?}");
            assert_eq!(level.t, t, "{what}");
            assert!((level.alpha_prime - alpha).abs() <= 1e-7 * alpha.abs(), "{what}: {alpha}");
            let error = relative_error(level.sigma_sigma_prime, half_variance);
            assert!(error <= 1e-7, "{what}: {half_variance}");
        }
    }
}

/// s′ = 2 f s + g² for the variance of x_t, whatever the eigenvalue.
#[test]
fn drift_and_diffusion_produce_the_variance() {
    for (name, process) in processes() {
        for t in times(&*process) {
            for eigenvalue in [0.0, 0.3, 1.0, 40.0] {
                let (level, d) = (process.level(t), difference(&name) * process.t_max());
                let slope = derivative(t, d, |t| process.level(t).variance(eigenvalue));
                let (decay, gain) =
                    (2.0 * level.drift() * level.variance(eigenvalue), level.diffusion2());
                let error = (decay + gain - slope).abs() / (decay.abs() + gain);
                assert!(error <= 1e-7, "{name} at {t}, eigenvalue {eigenvalue}: {error:e}");
            }
        }
    }
}

#[test]
fn noise_only_grows() {
    for (name, process) in processes() {
        let t_max = process.t_max();
        let ends = (process.level(0.0), process.level(t_max));
        assert_eq!((ends.0.alpha, ends.0.sigma), (1.0, 0.0), "{name}");
        assert_eq!(ends.0.log_snr(), f64::INFINITY, "{name}");
        let small = (1..=20).rev().map(|k| t_max * 0.5f64.powi(k));
        let times: Vec<f64> =
            small.chain((51..=100).map(|k| t_max * f64::from(k) / 100.0)).collect();
        for w in times.windows(2) {
            let (a, b) = (process.level(w[0]), process.level(w[1]));
            assert!(a.log_snr() > b.log_snr(), "{name}: {a:?} {b:?}");
            assert!(a.variance(0.0) < b.variance(0.0), "{name}: {a:?} {b:?}");
        }
        assert!(ends.1.sigma <= process.prior_std(), "{name}");
        assert!(process.prior_std() < 1.01 * ends.1.variance(1.0).sqrt(), "{name}");
    }
}

/// The time of a level, as close as the rounding of the level allows.
#[test]
fn levels_are_found_again() {
    // Tables whose noise grows too fast at the end for the differences of other tests.
    let steep = ["vp-discrete:squaredcos_cap_v2", "vp-discrete:zero_snr=yes"]
        .map(|name| (name.to_string(), Arc::from(process::registry().build(name).unwrap().item)));
    for (name, process) in processes().into_iter().chain(steep) {
        let t_max = process.t_max();
        let ratio = |t: f64| process.level(t).sigma / process.level(t).alpha;
        assert_eq!(process.time_of(0.0), Some(0.0), "{name}");
        let end = process.time_of(ratio(t_max)).unwrap();
        assert!(relative_error(end, t_max) <= 1e-14, "{name}: {end}");
        for outside in [f64::NAN, -1e-9, -1.0, f64::NEG_INFINITY] {
            assert_eq!(process.time_of(outside), None, "{name} at {outside}");
        }
        if ratio(t_max).is_finite() {
            assert_eq!(process.time_of(1.001 * ratio(t_max)), None, "{name}");
            assert_eq!(process.time_of(f64::INFINITY), None, "{name}");
        }
        let tiny = (1..=12).map(|k| t_max * 10f64.powi(-k));
        for t in tiny.chain(times(&*process)) {
            let (level, found) = (process.level(t), process.time_of(ratio(t)).unwrap());
            // dt = dρ/ρ · ρ/ρ′, with ρ/ρ′ = 1/(σ′/σ − α′/α)
            let slope =
                level.sigma_sigma_prime / level.sigma.powi(2) - level.alpha_prime / level.alpha;
            let allowed = 4e-16 * t + 2e-15 / slope;
            assert!((found - t).abs() <= allowed, "{name}: {found:e} instead of {t:e}");
        }
    }
}

/// The integrals that steps need, against Simpson's rule on drift and diffusion.
#[test]
fn integrals_over_a_step() {
    for (name, process) in processes() {
        for (to, from) in [(0.0, 0.1), (0.1, 0.9), (0.3, 0.35), (0.5, 0.9), (0.001, 0.5)] {
            let [to, from] = [to, from].map(|f| process.level(f * process.t_max()));
            let over = |f: &dyn Fn(&Level) -> f64| integral(to.t, from.t, |t| f(&process.level(t)));
            let scale = |l: &Level| to.alpha / l.alpha;
            for (what, value, expected) in [
                (
                    "log_alpha_ratio",
                    process.log_alpha_ratio(&from, &to),
                    -over(&Level::<f64>::drift),
                ),
                (
                    "reverse_noise_variance",
                    process.reverse_noise_variance(&from, &to),
                    over(&|l| l.diffusion2() * scale(l).powi(2)),
                ),
                (
                    "score_weight",
                    process.score_weight(&from, &to),
                    over(&|l| l.diffusion2() * scale(l)),
                ),
            ] {
                let error = relative_error(value, expected);
                let case = format!("{what} of {name} from {} to {}", from.t, to.t);
                assert!(error <= 1e-10, "{case}: {value}, integrated {expected} ({error:e})");
            }
        }
    }
}

/// Near pure noise, where the drift of flow matching has its pole: Simpson's rule in ln α.
#[test]
fn flow_matching_near_pure_noise() {
    for (to, from) in [(0.0, 0.999), (0.5, 0.99), (0.9, 0.9999), (0.99, 0.999), (1e-9, 1e-3)] {
        let (to, from) = (Flow.level(to), Flow.level(from));
        let over = |power: i32| {
            integral(-to.alpha.ln(), -from.alpha.ln(), |w| {
                let alpha = (-w).exp();
                let g2 = 2.0 * -(-w).exp_m1() / alpha;
                g2 * (to.alpha / alpha).powi(power) * alpha
            })
        };
        let (weight, variance) = (over(1), over(2));
        let case = format!("from {} to {}", from.t, to.t);
        let value = Flow.score_weight(&from, &to);
        assert!(relative_error(value, weight) < 1e-11, "{case}: {value} {weight}");
        let value = Flow.reverse_noise_variance(&from, &to);
        assert!(relative_error(value, variance) < 1e-9, "{case}: {value} {variance}");
    }
    // Close times: ∫ g² = (t² − t_to²)/α up to a relative (t − t_to)².
    let (to, from) = (Flow.level(0.3), Flow.level(0.3 + 2f64.powi(-30)));
    let expected = 2f64.powi(-30) * (from.t + to.t) / (0.7 * from.alpha).sqrt();
    for value in [Flow.score_weight(&from, &to), Flow.reverse_noise_variance(&from, &to)] {
        assert!(relative_error(value, expected) < 1e-8, "{value:e} {expected:e}");
    }
}

/// A process that hides that it preserves variance, so that nothing is known in closed form.
#[derive(Debug)]
struct Plain(VpLinear);

impl Process for Plain {
    fn t_max(&self) -> f64 {
        self.0.t_max()
    }
    fn level(&self, t: f64) -> Level {
        Level { variance_preserving: false, ..self.0.level(t) }
    }
    fn prior_std(&self) -> f64 {
        self.0.prior_std()
    }
}

/// Times are found from noise ratios, in closed form and by bisection, also beyond T.
#[test]
fn noise_ratios_have_their_times() {
    let vp = VpLinear::paper();
    let processes: [(&dyn Process, f64); 6] = [
        (&vp, 1.1),
        (&VpLinear::new(0.0, 3.0, 2.0).unwrap(), 1.0),
        (&VpLinear::new(2.0, 0.0, 1.0).unwrap(), 1.0),
        (&Edm::new(80.0), 2.0),
        (&Flow, 0.999),
        (&Plain(vp), 1.0),
    ];
    for (process, reach) in processes {
        for k in 1..=20 {
            let t = process.t_max() * reach * f64::from(k) / 20.0;
            let ratio = process.level(t).noise_ratio();
            let found = process.level(process.time_at(ratio).unwrap()).noise_ratio();
            assert!(relative_error(found, ratio) < 1e-12, "{process:?}, t = {t}: {found} {ratio}");
        }
        assert_eq!(process.time_at(0.0), Some(0.0), "{process:?}");
    }
    assert_eq!(Flow.level(1.0).noise_ratio(), f64::INFINITY);
}

// ------------------------------------------------------------------------------ 106-bit numbers

/// An unevaluated sum of two doubles: about 32 decimal digits.
#[derive(Clone, Copy, Debug)]
struct Double(f64, f64);

impl Double {
    /// a + b, exactly.
    fn sum(a: f64, b: f64) -> Self {
        let s = a + b;
        let bb = s - a;
        Double(s, (a - (s - bb)) + (b - bb))
    }
    /// a b, exactly.
    fn product(a: f64, b: f64) -> Self {
        Double(a * b, a.mul_add(b, -(a * b)))
    }
    fn plus(self, other: Self) -> Self {
        let (high, low) = (Double::sum(self.0, other.0), Double::sum(self.1, other.1));
        let middle = Double::sum(high.0, high.1 + low.0);
        Double::sum(middle.0, middle.1 + low.1)
    }
    fn times(self, other: Self) -> Self {
        let p = Double::product(self.0, other.0);
        Double::sum(p.0, p.1 + (self.0 * other.1 + self.1 * other.0))
    }
    fn scaled(self, factor: f64) -> Self {
        self.times(Double(factor, 0.0))
    }
    fn divided(self, divisor: f64) -> Self {
        let q = self.0 / divisor;
        let rest = self.plus(Double::product(q, divisor).scaled(-1.0));
        Double::sum(q, (rest.0 + rest.1) / divisor)
    }
    /// sin x for |x| < 2, by its series.
    fn sine(self) -> Self {
        let square = self.times(self);
        let one = Double(1.0, 0.0);
        let series = (1..=14).rev().fold(one, |tail, k| {
            one.plus(square.times(tail).divided(f64::from(-2 * k * (2 * k + 1))))
        });
        self.times(series)
    }
    /// e^x − 1 for |x| < 18, by the series at x/1024 and ten doublings (e^{2x} − 1 = y (y + 2)).
    fn exp_m1(self) -> Self {
        let x = self.scaled(1.0 / 1024.0);
        let one = Double(1.0, 0.0);
        let series =
            (2..=16).rev().fold(one, |tail, k| one.plus(x.times(tail).divided(f64::from(k))));
        let y = x.times(series);
        (0..10).fold(y, |y, _| y.times(y.plus(Double(2.0, 0.0))))
    }
}

#[test]
fn the_reference_arithmetic_is_right() {
    // e^{1/8} − 1 and e^{−10}: the nearest double, and the double nearest to the rest.
    let y = Double(0.125, 0.0).exp_m1();
    assert_eq!(y.0, 0.133_148_453_066_826_32);
    assert!(relative_error(y.1, -5.370_737_708_558_031e-18) < 1e-12);
    let y = Double(-10.0, 0.0).exp_m1().plus(Double(1.0, 0.0));
    assert_eq!(y.0, 4.539_992_976_248_485_4e-5);
    assert!((y.1 + 2.637_554_055_327_531e-21).abs() < 1e-28);
    // (e^x − 1) + (e^{−x} − 1) + (e^x − 1)(e^{−x} − 1) = 0, to twice the precision.
    let (a, b) = (Double(1.5, 0.0).exp_m1(), Double(-1.5, 0.0).exp_m1());
    assert!(a.plus(b).plus(a.times(b)).0.abs() < 1e-28);
}

const HALF_PI: Double = Double(std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17);

/// σ² and α² at a time, as double doubles, from the definitions.
fn squares(name: &str, t: f64) -> (Double, Double) {
    let one = Double(1.0, 0.0);
    match name {
        "vp-linear" => {
            let slope = Double::sum(10.0, -0.05);
            // 2B = t (2 β_min + (β_max − β_min) t)
            let twice = Double(2.0 * 0.05, 0.0).plus(slope.scaled(t)).scaled(t);
            let decayed = twice.scaled(-1.0).exp_m1();
            (decayed.scaled(-1.0), decayed.plus(one))
        }
        "edm" => (Double::product(t, t), one),
        "flow" => {
            let alpha = Double::sum(1.0, -t);
            (Double::product(t, t), alpha.times(alpha))
        }
        "ve" => {
            let growth = Double(2.0 * (50.0f64 / 0.01).ln(), 0.0).scaled(t).exp_m1();
            (growth.times(Double::product(0.01, 0.01)), one)
        }
        "vp-cosine" => {
            let whole = Double::sum(1.0, 0.008);
            let inverse = Double(1.0 / whole.0, 0.0);
            let rest = one.plus(inverse.times(whole).scaled(-1.0));
            let scale = inverse.plus(rest.divided(whole.0));
            let quarter = HALF_PI.times(scale);
            let sine = |x: Double| quarter.times(x).sine();
            let start = sine(Double(0.008, 0.0));
            let alpha = sine(Double::sum(1.0, -t));
            let start = one.plus(start.times(start).scaled(-1.0));
            let alpha2 = alpha.times(alpha);
            // One step of Newton's method for the quotient.
            let quotient = Double(alpha2.0 / start.0, 0.0);
            let rest = alpha2.plus(quotient.times(start).scaled(-1.0));
            let alpha2 = quotient.plus(rest.divided(start.0));
            (one.plus(alpha2.scaled(-1.0)), alpha2)
        }
        // Levels given B; B itself is compared with tables of others.
        "vp-discrete" | "vp-sigmoid" => {
            let process = process::registry().build(name).unwrap().item;
            let b = process.log_alpha_ratio(&process.level(t), &process.level(0.0));
            let lost = Double(-2.0 * b, 0.0).exp_m1().scaled(-1.0);
            (lost, one.plus(lost.scaled(-1.0)))
        }
        "sub-vp" => {
            let lost = squares("vp-linear", t).0;
            (lost.times(lost), one.plus(lost.scaled(-1.0)))
        }
        // The number nearest to π/2 stands for it.
        "trig" if t == HALF_PI.0 => (one, Double(0.0, 0.0)),
        "trig" => {
            let sine = Double(t, 0.0).sine();
            let sine2 = sine.times(sine);
            (sine2, one.plus(sine2.scaled(-1.0)))
        }
        other => panic!("no reference for process '{other}': add it here"),
    }
}

const EIGENVALUES: [f64; 5] = [0.0, 1e-8, 0.3, 1.0, 40.0];

/// σ² + α²λ − λ and std² − σ² − α²λ keep their digits at any time.
#[test]
fn differences_of_variances_do_not_cancel() {
    for name in names() {
        let process = process::registry().build(name).unwrap().item;
        let tiny = (0..=15).map(|k| 10f64.powf(-8.0 + f64::from(k) / 3.0));
        let all: Vec<f64> = tiny.chain(times(&*process)).chain([process.t_max()]).collect();
        for t in all {
            let level = process.level(t);
            let (sigma2, alpha2) = squares(name, t);
            let check = |what: &str, value: f64, terms: [Double; 2]| {
                let exact = terms[0].plus(terms[1]);
                // Where the two terms nearly cancel, as at t = 2λ under flow matching, no function
                // of the rounded σ and α can do better than their rounding.
                let terms = terms[0].0.abs() + terms[1].0.abs();
                let allowed = if exact.0.abs() > 0.05 * terms {
                    1e-14 * exact.0.abs()
                } else {
                    4e-16 * terms
                };
                let error = (value - exact.0).abs();
                assert!(
                    error <= allowed,
                    "{what} of {name} at t = {t:e}: {value:e}, not {:e}; relative error {:e}",
                    exact.0,
                    error / exact.0.abs()
                );
            };
            let lost = Double(1.0, 0.0).plus(alpha2.scaled(-1.0));
            let nothing = Double(0.0, 0.0);
            check("one_minus_alpha2", level.one_minus_alpha2, [lost, nothing]);
            let alpha = alpha2.0.max(0.0).sqrt();
            assert!((level.one_minus_alpha() - lost.0 / (1.0 + alpha)).abs() <= 1e-14 * lost.0);
            for l in EIGENVALUES {
                check("variance", level.variance(l), [sigma2, alpha2.scaled(l)]);
                let error = match level.variance_preserving {
                    true => [sigma2.times(Double::sum(1.0, -l)), nothing],
                    false => [sigma2, lost.scaled(-l)],
                };
                check(&format!("variance_error({l})"), level.variance_error(l), error);
            }
        }
        // A start from N(0, std² I), at the times where sampling starts.
        for t in [process.t_max(), 0.9 * process.t_max()] {
            let level = process.level(t);
            let (sigma2, alpha2) = squares(name, t);
            for std in [process.prior_std(), 1.0 + 1e-9, 0.7, 3.0] {
                for l in EIGENVALUES {
                    let square = Double::product(std, std);
                    let exact = square.plus(sigma2.scaled(-1.0)).plus(alpha2.scaled(-l));
                    let value = level.start_error(std, l);
                    // What rounding σ itself makes of σ², where σ is not exact as under edm.
                    let rounded = Double::product(level.sigma, level.sigma);
                    let rounded = rounded.plus(sigma2.scaled(-1.0)).0.abs();
                    let parts = (square.0 - sigma2.0).abs() + alpha2.0 * (1.0 + l);
                    let cancels = exact.0.abs() < 0.05 * parts;
                    let allowed = 1e-14 * if cancels { parts } else { exact.0.abs() };
                    let allowed =
                        if level.variance_preserving { allowed } else { allowed + rounded };
                    assert!(
                        (value - exact.0).abs() <= allowed,
                        "start_error({std}, {l}) of {name} at {t}: {value:e}, not {:e}",
                        exact.0
                    );
                }
            }
        }
    }
}

// ----------------------------------------------------------------------------------------- grids

fn paper() -> Arc<dyn Process> {
    Arc::new(VpLinear::paper())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The rule for processes of which nothing is known in closed form agrees with the closed form.
    #[test]
    fn the_default_rule_agrees_with_the_closed_form(from in 0.01..=1.0f64, fraction in 0.0..0.99f64) {
        let (plain, known) = (Plain(VpLinear::paper()), VpLinear::paper());
        let to = fraction * from;
        let growth = known.log_alpha_ratio(&known.level(from), &known.level(to)).exp_m1();
        let (from, to) = (plain.level(from), plain.level(to));
        prop_assert!(!from.variance_preserving);
        let weight = plain.score_weight(&from, &to);
        prop_assert!(relative_error(weight, 2.0 * growth) < 1e-12, "{weight} {growth}");
        let variance = plain.reverse_noise_variance(&from, &to);
        prop_assert!(relative_error(variance, growth * (growth + 2.0)) < 1e-11, "{variance}");
    }

    /// Integrals over adjacent steps chain.
    #[test]
    fn integrals_chain(index in 0..3usize, a in 0.01..0.3f64, b in 0.3..0.6f64, c in 0.6..0.95f64) {
        let (name, process) = &processes()[index];
        let [to, middle, from] = [a, b, c].map(|f| process.level(f * process.t_max()));
        let log = |from, to| process.log_alpha_ratio(from, to);
        prop_assert!((log(&from, &to) - log(&from, &middle) - log(&middle, &to)).abs() < 1e-13, "{name}");
        let growth = log(&middle, &to).exp();
        for (power, integral) in [
            (1, (|p, from, to| Process::score_weight(p, from, to)) as fn(&dyn Process, &Level, &Level) -> f64),
            (2, |p, from, to| Process::reverse_noise_variance(p, from, to)),
        ] {
            let both = integral(&**process, &middle, &to)
                + growth.powi(power) * integral(&**process, &from, &middle);
            let direct = integral(&**process, &from, &to);
            prop_assert!(relative_error(direct, both) < 1e-12, "{name}: {direct} {both}");
        }
    }

    #[test]
    fn uniform_grids_are_uniform(
        index in 0..3usize, steps in 1..400usize, fraction in 0.0..0.999f64, tiny in 0..12i32,
    ) {
        let (_, process) = &processes()[index];
        let t_max = process.t_max();
        let eps = t_max * fraction * 10f64.powi(-tiny);
        let grid = Uniform.grid(process, steps, eps).unwrap();
        prop_assert_eq!((grid.start().t, grid.end().t), (t_max, eps));
        prop_assert_eq!((grid.step_count(), grid.levels().len()), (steps, steps + 1));
        prop_assert!(grid.levels().windows(2).all(|w| w[0].t > w[1].t));
        let dt = (t_max - eps) / steps as f64;
        prop_assert!(grid.steps().all(|s: Step| (s.dt() - dt).abs() <= 1e-15 * t_max));
        prop_assert!(grid.levels().iter().all(|l| *l == process.level(l.t)));
        let all: Vec<f64> = grid.levels().iter().map(|l| l.t).collect();
        let again = Times::new(all).grid(process, steps, eps).unwrap();
        prop_assert_eq!(again.levels(), grid.levels());
    }

    /// Any list of times either makes a grid or is refused; a grid always decreases within [0, T].
    #[test]
    fn any_list_of_times_is_checked(times in proptest::collection::vec(-0.2..1.2f64, 0..6)) {
        let sound = times.len() >= 2
            && times.iter().all(|t| (0.0..=1.0).contains(t))
            && times.windows(2).all(|w| w[0] > w[1]);
        prop_assert_eq!(Grid::new(paper(), &times).is_ok(), sound);
    }
}

#[test]
fn grids_say_what_is_wrong() {
    let new = |times: &[f64]| Grid::new(paper(), times).unwrap_err();
    let uniform = |steps, eps| Uniform.grid(&paper(), steps, eps).unwrap_err();
    let given =
        |steps, eps| Times::new(vec![1.0, 0.5, 0.25]).grid(&paper(), steps, eps).unwrap_err();
    let too_short = "a grid needs at least 2 times (1 step), not";
    for (error, message) in [
        (new(&[]), format!("{too_short} 0")),
        (new(&[1.0]), format!("{too_short} 1")),
        (uniform(0, 0.0), format!("{too_short} 1")),
        (Times::new(vec![]).grid(&paper(), 1, 0.0).unwrap_err(), format!("{too_short} 0")),
        (new(&[1.0, 0.5, -0.1]), "time 2 is -0.1, outside [0, 1]".into()),
        (new(&[1.5, 0.5]), "time 0 is 1.5, outside [0, 1]".into()),
        (new(&[1.0, f64::NAN]), "time 1 is NaN, outside [0, 1]".into()),
        (
            new(&[1.0, 0.2, 0.2]),
            "times must decrease from noise to data, but time 1 is 0.2 and the next is 0.2".into(),
        ),
        (
            new(&[0.1, 0.5]),
            "times must decrease from noise to data, but time 0 is 0.1 and the next is 0.5".into(),
        ),
        (given(3, 0.25), "the grid has 2 steps, but 3 were asked for".into()),
        (given(2, 0.0), "the grid ends at t = 0.25, but eps = 0 was asked for".into()),
    ] {
        assert_eq!(error.to_string(), message);
    }
    for eps in [1.0, 2.0, -1e-9, f64::NAN, f64::INFINITY] {
        let error = uniform(10, eps);
        assert!(matches!(error, GridError::Eps { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "eps = {eps} must lie in [0, 1): it is the time where sampling stops, T = 1 where it starts"
            )
        );
    }
    let uniform = grid::registry().build("uniform").unwrap().item;
    assert_eq!((uniform.own_steps(), uniform.own_end(&*paper())), (None, None));
    let times = Times::new(vec![1.0, 0.5]);
    assert_eq!((times.own_steps(), times.own_end(&*paper())), (Some(1), Some(0.5)));
}

// --------------------------------------------------------------------------- training in discrete time

fn alpha_bar(text: &str, timestep: usize) -> f64 {
    let process = process::registry().build(&format!("vp-discrete:{text}")).unwrap().item;
    process.level(timestep as f64 + 1.0).alpha.powi(2)
}

/// ᾱ at training timesteps 0, 1, 2, 500 and 998, from diffusers 0.42.1 run in double precision.
#[test]
fn tables_of_training_are_those_of_diffusers() {
    for (text, expected) in [
        (
            "scaled_linear",
            [
                0.99915,
                0.9982960278384514,
                0.997438081987888,
                0.2763326838229746,
                0.004716698899875748,
            ],
        ),
        (
            "linear",
            [
                0.9999,
                0.9997800920720721,
                0.9996402829841216,
                0.07779665836502389,
                4.118193638138444e-05,
            ],
        ),
        (
            "squaredcos_cap_v2",
            [
                0.999958715775178,
                0.9999125759273678,
                0.9998615809047513,
                0.49228517244880304,
                2.4287669070348544e-06,
            ],
        ),
        (
            "sigmoid",
            [
                0.9998507947991829,
                0.9997010188194536,
                0.9995506651942264,
                0.29888762784675893,
                4.048962000555994e-05,
            ],
        ),
        (
            "zero_snr=yes",
            [
                0.99915,
                0.9982334461401823,
                0.9973126563362984,
                0.24101878275731575,
                1.967888056621292e-07,
            ],
        ),
    ] {
        for (k, expected) in [0, 1, 2, 500, 998].into_iter().zip(expected) {
            let value = alpha_bar(text, k);
            // diffusers' own roundings: a difference that ends in 0, a cosine near π/2.
            let allowed = match text {
                "zero_snr=yes" => 1e-10,
                "squaredcos_cap_v2" => 1e-12,
                _ => 1e-13,
            };
            assert!(relative_error(value, expected) <= allowed, "{text} at {k}: {value:e}");
        }
    }
    assert!(relative_error(alpha_bar("zero_snr=yes", 999), 2f64.powi(-24)) < 1e-14);
}

#[test]
fn whole_tables_of_training_are_those_of_diffusers() {
    // Twenty entries of each table; all thousand where the recordings are.
    check_tables(&fixture("schedules_diffusers.json"), "alphas_cumprod");
    let Some(shared) = shared() else { return };
    check_tables(&shared.join("golden/samplers/schedules__diffusers.json"), "alphas_cumprod_full");
}

fn check_tables(file: &Path, key: &str) {
    let golden = read_json(file);
    let (mut tables, mut worst) = (0, 0.0f64);
    for case in golden["cases"].as_array().unwrap() {
        let (config, Some(table)) = (&case["config"], case[key].as_array()) else { continue };
        if config.is_null() {
            continue;
        }
        let zero = config["rescale_betas_zero_snr"] == true;
        let text = format!(
            "vp-discrete:schedule={},beta_start={},beta_end={},zero_snr={}",
            config["beta_schedule"].as_str().unwrap(),
            config["beta_start"],
            config["beta_end"],
            if zero { "yes" } else { "no" }
        );
        let table = table.iter().map(|v| v.as_f64().unwrap());
        let table: Vec<(usize, f64)> = match key {
            "alphas_cumprod_full" => table.enumerate().collect(),
            _ => {
                let places = case["index"].as_array().unwrap().iter();
                places.map(|k| k.as_u64().unwrap() as usize).zip(table).collect()
            }
        };
        // What diffusers puts in the place of 0 is more than the level before it.
        if zero && table.iter().any(|&(k, v)| k == 998 && v < 2f64.powi(-24)) {
            assert!(process::registry().build(&text).is_err(), "{text}");
            continue;
        }
        let process = process::registry().build(&text).unwrap().item;
        for (k, expected) in table {
            let level = process.level(k as f64 + 1.0);
            let expected = if expected == 0.0 { 2f64.powi(-24) } else { expected };
            let value = level.alpha.powi(2);
            // diffusers' own roundings: a difference that ends in 0, a cosine near π/2.
            let allowed = if text.contains("cos") { 1e-12 } else { 1e-13 } * expected
                + if zero { 1e-17 } else { 0.0 };
            assert!((value - expected).abs() <= allowed, "{text} at {k}: {value:e} {expected:e}");
            worst = worst.max(relative_error(value, expected));
        }
        tables += 1;
    }
    println!("worst relative error {worst:e} in {tables} tables");
    assert!(tables >= 5, "{tables}");
}

#[test]
fn tables_that_do_not_make_a_process_are_refused() {
    let error = |text: &str| process::registry().build(text).unwrap_err().to_string();
    let start = "process 'vp-discrete': alpha_bar goes from ";
    for text in ["vp-discrete:linear,zero_snr=yes", "vp-discrete:linear,beta_start=0.5,beta_end=2"]
    {
        let message = error(text);
        assert!(
            message.starts_with(start) && message.contains("at training timestep"),
            "{message}"
        );
    }
    assert_eq!(
        error("ve:sigma_min=2,sigma_max=1"),
        "process 've': sigma_max = 1 must be larger than sigma_min = 2"
    );
    assert_eq!(
        error("vp-discrete:steps=7"),
        "process 'vp-discrete': a table of 7 steps is too short: it needs at least 8"
    );
}

// ------------------------------------------------------------------------------- sigmoids and tables

/// α² of the paper's code, (s(b(1)) − s(b(t)))/(s(b(1)) − s(b(0))), but for the 10⁻⁹ it is clipped at.
#[test]
fn sigmoids_are_those_of_the_paper() {
    for (text, start, end, tau) in
        [("vp-sigmoid", -3.0, 3.0, 1.0), ("vp-sigmoid:start=0,tau=0.3", 0.0, 3.0, 0.3)]
    {
        let process = process::registry().build(text).unwrap().item;
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x / tau).exp());
        for t in [0.0, 0.01, 0.3, 0.5, 0.8, 0.999, 1.0] {
            let value = (sigmoid(end) - sigmoid(start + t * (end - start)))
                / (sigmoid(end) - sigmoid(start));
            let alpha2 = process.level(t).alpha.powi(2);
            assert!((alpha2 - value).abs() < 1.1e-9, "{text} at {t}: {alpha2} {value}");
        }
    }
    let error = |text: &str| process::registry().build(text).unwrap_err().to_string();
    assert!(error("vp-sigmoid:start=3").contains("end = 3 must be larger than start = 3"));
    assert!(error("vp-sigmoid:floor=1").contains("leaves no noise"));
}

/// A table of a process is that process up to third order, at the times of the table exactly.
#[test]
fn tables_converge_to_their_process() {
    for name in ["flow", "vp-cosine", "vp-linear", "edm:sigma_max=5", "trig"] {
        let process = process::registry().build(name).unwrap().item;
        let tabulated = |n: u32| {
            let t: Vec<f64> = (0..=n)
                .map(|k| process.t_max() * (f64::from(k) / f64::from(n)).powf(1.2))
                .collect();
            let list = |f: fn(&Level) -> f64| -> Vec<f64> {
                t.iter().map(|t| f(&process.level(*t))).collect()
            };
            let (alpha, sigma) = (list(|l| l.alpha), list(|l| l.sigma));
            let custom = Custom::new(&t, &alpha, &sigma).unwrap();
            for (t, sigma) in t.iter().zip(&sigma) {
                let level = custom.level(*t);
                let exact = process.level(*t);
                assert!((level.alpha - exact.alpha).abs() < 1e-15, "{name} at {t}");
                assert!(relative_error(level.sigma, *sigma) < 1e-14, "{name} at {t}");
            }
            assert_eq!(custom.prior_std(), process.prior_std(), "{name}");
            let inner = times(&*process).map(|t| {
                let (a, b) = (custom.level(t), process.level(t));
                (a.alpha - b.alpha).abs() + (a.sigma - b.sigma).abs() / process.prior_std()
            });
            inner.sum::<f64>()
        };
        let errors = [tabulated(40), tabulated(640)];
        assert!(errors[1] < 1e-6 && errors[1] < errors[0] / 500.0 + 1e-14, "{name}: {errors:?}");
    }
}

#[test]
fn tables_are_read_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let build = |text: &str| {
        std::fs::write(&path, text).unwrap();
        process::registry().build(&format!("custom:{}", path.display()))
    };
    let rows = "0.0,1.0,0.0\n0.5,0.8,0.6\n1.0,0.0,1.0\n";
    for text in [rows.to_string(), format!("t,alpha,sigma\n{rows}")] {
        let process = build(&text).unwrap().item;
        let level = process.level(0.5);
        assert_eq!((level.alpha, process.t_max()), (0.8, 1.0));
        assert!(relative_error(level.sigma, 0.6) < 1e-15);
    }
    let named = build("sigma,t,alpha\n0,0,1\n0.6,0.5,0.8\n1,1,0\n").unwrap().item;
    assert_eq!(named.level(0.5).alpha, 0.8);
    for (text, reason) in [
        ("t,alpha\n0,1\n1,0\n", "no 'sigma' or 'sigmas' (found: t, alpha)"),
        ("0,1,0\n1,0,1\n", "2 rows are too few"),
        ("0,1,0.1\n0.5,0.8,0.6\n1,0,1\n", "the first row is the data"),
        ("1,0,1\n0.5,0.8,0.6\n0,1,0\n", "starts with t = 1, alpha = 0, sigma = 1"),
        ("0,1,0\n0.5,0.8,0.6\n0.4,0,1\n", "row 2: t = 0.4"),
        ("0,1,0\n0.5,0.8,0.6\n1,0.9,1\n", "alpha not increase"),
        ("0,1,0\n0.5,0.8,0.6\n1,0.8,0.6\n", "one of them change"),
        ("0,1,0\n0.5,0.8,0.6\n1,nan,1\n", "row 2"),
        ("0,1,0\n0.5,0,0.6\n1,0,1\n", "row 1: alpha = 0 before the last row"),
    ] {
        let error = build(text).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("table.csv"), "{error}");
    }
}
