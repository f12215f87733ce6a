//! Grids that follow the data: equal lengths are measured again, minima against their neighbours and
//! against enumeration, errors against values computed elsewhere.

use gaussmeter::experiment::{Diffusion, Length, NamedSampler, TuneOptions, tune};
use gaussmeter::grid::{AysKlub, GridError};
use gaussmeter::prelude::*;
use gaussmeter::watch::Watch;
use gaussmeter::{data, grid, objective, process, sampler};
use gaussmeter_testkit::{relative_error, shared};
use std::sync::Arc;

fn process(text: &str) -> Arc<dyn Process> {
    process::registry().build(text).unwrap().item.into()
}

fn spectrum(eigenvalues: &[f64]) -> Spectrum {
    Spectrum::new("test", "test", eigenvalues, None, None).unwrap()
}

fn place(rule: &str, spectrum: &Spectrum, process: &Arc<dyn Process>, steps: usize) -> Grid {
    let built = grid::registry().build(rule).unwrap().item;
    let end = built.own_end(&**process).unwrap();
    built.grid_for(spectrum, process, steps, end).unwrap_or_else(|e| panic!("{rule}: {e}"))
}

/// The noise ratios σ/α of a grid.
fn ratios(grid: &Grid) -> Vec<f64> {
    grid.levels().iter().map(|l| l.noise_ratio()).collect()
}

const FEW: [f64; 4] = [2.0, 0.3, 1e-2, 1e-4];

#[test]
fn one_eigenvalue_has_equal_angles() {
    let one = spectrum(&[0.3]);
    for name in ["edm", "vp-linear", "flow", "vp-discrete"] {
        let process = process(name);
        for rule in ["tangent", "geodesic", "geodesic:kl", "spectral"] {
            let levels = ratios(&place(rule, &one, &process, 7));
            let angles: Vec<f64> = levels.iter().map(|s| (s / 0.3f64.sqrt()).atan()).collect();
            for (k, angle) in angles.iter().enumerate() {
                let expected = angles[0] * (7 - k) as f64 / 7.0;
                // What a time that was rounded leaves of an angle, and where a descent ends.
                let tolerance = if rule == "spectral" { 1e-8 } else { 1e-11 };
                let off = (angle - expected).abs();
                assert!(off <= tolerance, "{rule} on {name}: {k} off by {off:e}");
            }
        }
    }
}

/// Simpson's rule in ln s, and in s next to 0.
fn length(speed: &dyn Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let simpson = |f: &dyn Fn(f64) -> f64, a: f64, b: f64| {
        let n = 4000;
        let h = (b - a) / n as f64;
        let weight = |k| if k == 0 || k == n { 1.0 } else { 2.0 + 2.0 * (k % 2) as f64 };
        (0..=n).map(|k| weight(k) * f(a + h * k as f64)).sum::<f64>() * h / 3.0
    };
    let split = to.max(1e-3);
    let near = if to < split { simpson(speed, to, split.min(from)) } else { 0.0 };
    near + simpson(&|y| speed(y.exp()) * y.exp(), split.min(from).ln(), from.ln())
}

#[test]
fn levels_are_equal_lengths_apart() {
    let edm = process("edm");
    let sum = |term: &dyn Fn(f64) -> f64| FEW.iter().map(|l| term(*l)).sum::<f64>();
    let w2 = |s: f64| sum(&|l| s * s / (l + s * s)).sqrt();
    let fisher_rao = |s: f64| sum(&|l| 2.0 * s * s / (l + s * s).powi(2)).sqrt();
    let sdm = |s: f64| sum(&|l| l * l / (l + s * s).powi(3)).powf(0.25);
    let rules: [(&str, &dyn Fn(f64) -> f64); 3] =
        [("w2-geodesic", &w2), ("fisher-rao", &fisher_rao), ("sdm", &sdm)];
    for (rule, speed) in rules {
        for range in ["", ":final=sigma_min", ":sigma_max=5,sigma_min=0.1,final=sigma_min"] {
            let levels = ratios(&place(&format!("{rule}{range}"), &spectrum(&FEW), &edm, 6));
            let lengths: Vec<f64> = levels.windows(2).map(|w| length(speed, w[0], w[1])).collect();
            for l in &lengths {
                let off = relative_error(*l, lengths[0]);
                assert!(off < 1e-9, "{rule}{range}: {lengths:?}");
            }
        }
    }
}

/// Σ w I² of the curve through levels at equal times, by the angles of its steps.
#[test]
fn the_geodesic_costs_least() {
    let edm = process("edm");
    let (steps, data) = (2000, spectrum(&FEW));
    for (rule, weight) in [("geodesic", 1.0), ("geodesic:kl", 0.0)] {
        let cost = |levels: &[f64]| {
            let of = |l: &f64| {
                let angle = |s: f64| (s / l.sqrt()).atan();
                let bend = |w: &[f64]| (angle(w[0]) - angle(w[1])).powi(2);
                let integral = steps as f64 * levels.windows(2).map(bend).sum::<f64>();
                l.powf(weight) * integral * integral
            };
            FEW.iter().map(of).sum::<f64>()
        };
        let levels = ratios(&place(rule, &data, &edm, steps));
        let least = cost(&levels);
        let n = steps as f64;
        for (amplitude, waves) in [(0.02, 1.0), (-0.02, 1.0), (0.02, 2.0), (-0.01, 3.0)] {
            // The same curve at other speeds.
            let time = |k: usize| {
                let u = k as f64 / n;
                let phase = waves * std::f64::consts::PI * u;
                (u + amplitude * phase.sin()).clamp(0.0, 1.0)
            };
            let at = |u: f64| {
                let k = ((u * n) as usize).min(steps - 1);
                let rest = u * n - k as f64;
                levels[k] * (1.0 - rest) + levels[k + 1] * rest
            };
            let bent: Vec<f64> = (0..=steps).map(|k| at(time(k))).collect();
            assert!(cost(&bent) > least * (1.0 + 1e-5), "{rule} {amplitude} {waves}");
        }
    }
}

/// ∫ s⁻³ (λ²/(λ + s²) − λ²/(λ + s_k²)) ds over the steps, by Simpson's rule.
#[test]
fn the_bound_of_align_your_steps_is_an_integral() {
    let data = spectrum(&FEW);
    let levels = [80.0, 3.0, 0.5, 0.49, 0.02];
    let mut expected = 0.0;
    for w in levels.windows(2) {
        for l in FEW {
            let denoiser = |s: f64| l * l / (l + s * s);
            let loss = |s: f64| (denoiser(s) - denoiser(w[0])) / (s * s * s);
            expected += length(&loss, w[0], w[1]);
        }
    }
    assert!(relative_error(AysKlub::bound(&data, &levels), expected) < 1e-8);
    // From no signal at all.
    let far = AysKlub::bound(&data, &[1e9, 0.5, 0.1]);
    assert!(relative_error(AysKlub::bound(&data, &[f64::INFINITY, 0.5, 0.1]), far) < 1e-12);
    // And the levels of the rule are at its minimum.
    let levels = ratios(&place("ays-klub:final=sigma_min", &data, &process("edm"), 6));
    let least = AysKlub::bound(&data, &levels);
    for k in 1..6 {
        for factor in [0.999, 1.001] {
            let mut moved = levels.clone();
            moved[k] *= factor;
            assert!(AysKlub::bound(&data, &moved) > least, "{k} {factor}");
        }
    }
}

/// All subsets of the teacher's levels.
#[test]
fn dynamic_programming_finds_the_best_subset() {
    let edm = process("edm");
    let error = |levels: &[f64], eigenvalues: &[f64]| {
        let off = |l: &f64| {
            let angle = |s: f64| (s / l.sqrt()).atan();
            let cos = |w: &[f64]| (angle(w[0]) - angle(w[1])).cos();
            l * (1.0 - levels.windows(2).map(cos).product::<f64>()).powi(2)
        };
        eigenvalues.iter().map(off).sum::<f64>()
    };
    let (teacher, steps) = (12, 4);
    let karras = place("karras", &spectrum(&FEW), &edm, teacher);
    let fine = ratios(&karras);
    let best = |eigenvalues: &[f64]| {
        let subsets = (0u32..1 << (teacher - 1)).filter(|s| s.count_ones() as usize == steps - 1);
        let of = |s: u32| {
            let inner = (1..teacher).filter(|k| s >> (k - 1) & 1 == 1);
            let chosen: Vec<f64> =
                std::iter::once(0).chain(inner).chain([teacher]).map(|k| fine[k]).collect();
            error(&chosen, eigenvalues)
        };
        subsets.map(of).fold(f64::INFINITY, f64::min)
    };
    let rule = format!("dynamic-programming:teacher={teacher}");
    for eigenvalues in [&[0.3][..], &[1e-3], &FEW] {
        let found = ratios(&place(&rule, &spectrum(eigenvalues), &edm, steps));
        let all = found.iter().all(|s| fine.iter().any(|f| (f - s).abs() <= 1e-12 * f));
        assert!(all, "{found:?} {fine:?}");
        let (found, best) = (error(&found, eigenvalues), best(eigenvalues));
        // One student is kept per level, which need not be the best one's for several eigenvalues.
        let most = if eigenvalues.len() == 1 { 1.0 + 1e-9 } else { 1.2 };
        assert!(found >= best * (1.0 - 1e-9) && found <= best * most, "{found} {best}");
    }
    let built = grid::registry().build(&rule).unwrap().item;
    let error = built.grid_for(&spectrum(&FEW), &edm, 13, 0.0).unwrap_err();
    assert_eq!(error, GridError::Teacher { teacher: 12, steps: 13 });
}

/// Errors on CIFAR-10 from σ = 80 to the data in 5, 10 and 20 steps.
#[test]
fn errors_are_those_computed_elsewhere() {
    let (data, tolerance) = match shared() {
        Some(shared) => {
            (data::load(shared.join("data/spectra/cifar10-2024.npy").to_str().unwrap()), 0.01)
        }
        None => (data::load("cifar10"), 0.02),
    };
    let (data, edm) = (data.unwrap(), process("edm"));
    for (rule, sampler_text, expected) in [
        ("geodesic", "euler", [8.35, 4.59, 2.49]),
        ("geodesic", "dpmpp-2m", [3.85, 1.58, 0.703]),
        ("geodesic", "heun:final=euler", [10.4, 2.08, 0.408]),
        ("spectral", "euler", [8.285, 4.5726, 2.4783]),
        ("ays-klub", "euler", [f64::NAN, 19.6, f64::NAN]),
    ] {
        let sampler = sampler::registry().build(sampler_text).unwrap().item;
        for (steps, expected) in [5, 10, 20].into_iter().zip(expected) {
            if expected.is_nan() {
                continue;
            }
            let plan = sampler.plan(&place(rule, &data, &edm, steps)).unwrap();
            let init = Init::Normal { std: Some(80.0) };
            let w2 = wasserstein2(&Output::of(&plan, &data).law(&init, Target::Data)).total;
            let off = relative_error(w2, expected);
            assert!(off < tolerance, "{rule} {sampler_text} {steps}: {w2} not {expected}");
        }
    }
}

const RULES: [&str; 8] = [
    "tangent",
    "geodesic",
    "w2-geodesic",
    "fisher-rao:final=sigma_min",
    "sdm",
    "spectral",
    "ays-klub",
    "dynamic-programming",
];

#[test]
fn rules_hold_at_the_edges() {
    let (edm, flow) = (process("edm"), process("flow"));
    let wide = spectrum(&[0.0, 0.0, 1e-30, 1e-9, 1.0, 1e9]);
    for rule in RULES {
        for steps in [1, 2, 3, 40] {
            assert_eq!(place(rule, &wide, &edm, steps).step_count(), steps, "{rule}");
        }
        let built = grid::registry().build(rule).unwrap().item;
        let end = built.own_end(&*edm).unwrap();
        assert_eq!(built.grid(&edm, 5, end).unwrap_err(), GridError::NeedsSpectrum, "{rule}");
        assert!(matches!(built.grid_for(&wide, &edm, 0, end), Err(GridError::TooShort { .. })));
        // No signal is left at T: some lengths are finite out to there.
        let from_noise = built.grid_for(&wide, &flow, 5, built.own_end(&*flow).unwrap());
        match rule.split(':').next().unwrap() {
            "w2-geodesic" | "fisher-rao" | "dynamic-programming" => {
                assert_eq!(from_noise.unwrap_err(), GridError::NoLargest, "{rule}");
            }
            _ => assert_eq!(from_noise.unwrap().start().t, 1.0, "{rule}"),
        }
        let none = built.grid_for(&spectrum(&[0.0]), &edm, 5, end);
        match rule.split(':').next().unwrap() {
            "w2-geodesic" | "fisher-rao" => assert!(none.is_ok(), "{rule}"),
            _ => assert_eq!(none.unwrap_err(), GridError::NoVariance, "{rule}"),
        }
    }
    let endless = grid::registry().build("fisher-rao").unwrap().item;
    let error = endless.grid_for(&wide, &edm, 5, 0.0).unwrap_err();
    assert_eq!(error, GridError::InfiniteLength);
    // Without the directions in which nothing varies it is the grid of data that have none.
    let finite = grid::registry().build("fisher-rao:null=without").unwrap().item;
    let of = |data: &Spectrum| ratios(&finite.grid_for(data, &edm, 5, 0.0).unwrap());
    let positive: Vec<f64> = wide.eigenvalues().iter().copied().filter(|l| *l > 0.0).collect();
    assert!(positive.len() < wide.eigenvalues().len());
    assert_eq!(of(&wide), of(&spectrum(&positive)));
    assert_eq!(
        of(&spectrum(&FEW)),
        ratios(&endless.grid_for(&spectrum(&FEW), &edm, 5, 0.0).unwrap())
    );
    let error = finite.grid_for(&spectrum(&[0.0]), &edm, 5, 0.0).unwrap_err();
    assert_eq!(error, GridError::NoVariance);
}

#[test]
fn levels_do_not_depend_on_the_process() {
    let data = spectrum(&FEW);
    for rule in RULES {
        let name = rule.split(':').next().unwrap();
        let ranged = format!("{name}:sigma_max=20,sigma_min=0.01,final=sigma_min");
        let expected = ratios(&place(&ranged, &data, &process("edm"), 6));
        for other in ["vp-linear", "flow", "trig"] {
            let found = ratios(&place(&ranged, &data, &process(other), 6));
            for (f, e) in found.iter().zip(&expected) {
                assert!(
                    relative_error(*f, *e) < 1e-9,
                    "{ranged} on {other}: {found:?} {expected:?}"
                );
            }
        }
    }
}

/// Many eigenvalues are looked at in bins.
#[test]
fn many_eigenvalues_are_as_good_as_their_bins() {
    let eigenvalues: Vec<f64> = (1..=5000).map(|k| (k as f64).powf(-1.5)).collect();
    let levels = ratios(&place("sdm", &spectrum(&eigenvalues), &process("edm"), 4));
    let speed = |s: f64| {
        let terms = eigenvalues.iter().map(|l| l * l / (l + s * s).powi(3));
        terms.sum::<f64>().powf(0.25)
    };
    let lengths: Vec<f64> = levels.windows(2).map(|w| length(&speed, w[0], w[1])).collect();
    for l in &lengths {
        assert!(relative_error(*l, lengths[0]) < 1e-3, "{lengths:?}");
    }
}

/// The grid rule finds the times that a search finds for the same sampler, and says what it needs where
/// none is known.
#[test]
fn optimised_times_are_those_of_a_search() {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let data = Arc::new(data::load("power-law:d=64,alpha=1.5").unwrap());
    let diffusion = Diffusion::new(data.clone(), process::registry().build("edm").unwrap());
    let tuned = |objective: &str, sampler: &NamedSampler| {
        let objective = objective::registry().build(objective).unwrap();
        let init = Init::Normal { std: None };
        let length = Length::Steps(6);
        let options = TuneOptions::default();
        let watch = Watch::NOBODY;
        tune(&diffusion, sampler, length, ("normal", &init), &objective, options, watch).unwrap()
    };
    for (text, objective) in [
        ("optimised", "robust"),
        ("optimised:objective=w2", "w2"),
        ("tuned:objective=local", "local"),
    ] {
        let rule = grid::registry().build(text).unwrap();
        assert_eq!(
            rule.item.grid_for(&data, &process, 6, 0.0).unwrap_err(),
            GridError::NeedsSampler
        );
        let setting = diffusion.with((rule.label, rule.item.into()));
        for name in ["dpmpp-2m", "ddim"] {
            let sampler = sampler::registry().build(name).unwrap();
            let run = setting.run(&sampler, Length::Nfe(6), 0.0).unwrap();
            let times = |grid: &Grid| grid.levels().iter().map(|l| l.t).collect::<Vec<_>>();
            assert_eq!(
                times(&run.grid),
                times(&tuned(objective, &sampler).run.grid),
                "{text} {name}"
            );
        }
    }
}
