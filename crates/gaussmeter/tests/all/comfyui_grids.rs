//! ComfyUI's grids beside its recordings: tables of flow models, and what its KSampler leaves out.

use gaussmeter::grid::GridError;
use gaussmeter::prelude::*;
use gaussmeter::{grid, process};
use std::sync::Arc;

fn process(text: &str) -> Arc<dyn Process> {
    process::registry().build(text).unwrap().item.into()
}

fn rule(text: &str) -> Box<dyn GridRule> {
    grid::registry().build(text).unwrap().item
}

#[track_caller]
fn close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    for (v, e) in values.iter().zip(expected) {
        assert!((v - e).abs() <= tolerance * e.abs(), "{values:?} {expected:?}");
    }
}

/// ComfyUI's tables of flow models, beside the recordings: n = 2, 4 and 7 levels by its formulas, on the
/// flow and in coordinates of u.
#[test]
fn tables_of_flow_models_are_those_of_comfyui() {
    for (shift, total) in [(3.0, 1000usize), (1.0, 1000), (1.15f64.exp(), 10000)] {
        let shifted = |u: f64| shift * u / (1.0 + (shift - 1.0) * u);
        let level = |k: usize| shifted((k + 1) as f64 / total as f64);
        for n in [1usize, 2, 4, 7, 30] {
            let way = |parts: usize| {
                let between = move |k: usize| {
                    let way = if parts == 0 { 0.0 } else { k as f64 / parts as f64 };
                    shifted(1.0 + way * (level(0) - 1.0))
                };
                (0..n).map(between).collect::<Vec<_>>()
            };
            let simple = (0..n).map(|k| (k as f64 * (total as f64 / n as f64)) as usize);
            let simple = simple.map(|k| level(total - 1 - k)).collect::<Vec<_>>();
            let stride = total / n;
            let ddim = (1..total).step_by(stride).map(level).rev().collect::<Vec<_>>();
            for (name, expected) in [
                ("normal", way(n - 1)),
                ("sgm_uniform", way(n)),
                ("simple", simple),
                ("ddim_uniform", ddim),
            ] {
                let expected = [&expected[..], &[0.0]].concat();
                for coordinates in ["flow", "u"] {
                    let process =
                        process(&format!("flow:shift={shift:?},coordinates={coordinates}"));
                    let asked =
                        if name == "ddim_uniform" { format!(",asked={n}") } else { String::new() };
                    let rule = rule(&format!("{name}:table={total}{asked}"));
                    let grid = rule.grid(&process, expected.len() - 1, 0.0).unwrap();
                    let levels: Vec<f64> = grid.levels().iter().map(|l| l.sigma).collect();
                    close(&levels, &expected, 1e-11);
                }
            }
        }
    }
    // What ComfyUI makes of 30 steps is said in both numbers.
    let sd = process("vp-discrete");
    assert_eq!(rule("ddim_uniform:asked=30").grid(&sd, 31, 0.0).unwrap().step_count(), 31);
    let error = grid::registry().build("simple:table=2.5").unwrap_err().to_string();
    assert!(error.contains("table = 2.5 is not a whole number"), "{error}");
}

/// Every rule without the level before its last, of a step more; lists of one's own are a step shorter.
#[test]
fn the_level_before_the_last_can_be_left_out_of_every_grid() {
    let spectrum = gaussmeter::data::load("power-law:d=20,alpha=1.5").unwrap();
    let mut placed = 0;
    for process_text in ["vp-discrete", "flow:shift=3", "edm", "vp-linear"] {
        let process = process(process_text);
        for name in grid::registry().names_alone() {
            let plain = rule(name);
            let without = rule(&format!("discard-penultimate:{name}"));
            let eps = plain.own_end(&*process).unwrap_or(1e-3);
            assert_eq!(without.own_end(&*process), plain.own_end(&*process), "{name}");
            for steps in [1, 2, 7, 10] {
                let longer = plain.grid_for(&spectrum, &process, steps + 1, eps);
                let found = without.grid_for(&spectrum, &process, steps, eps);
                let Ok(longer) = longer else {
                    assert!(found.is_err(), "{name} on {process_text}");
                    continue;
                };
                let mut expected: Vec<f64> = longer.levels().iter().map(|l| l.t).collect();
                expected.remove(steps);
                let times: Vec<f64> = found.unwrap().levels().iter().map(|l| l.t).collect();
                assert_eq!(times, expected, "{name} on {process_text}");
                placed += 1;
            }
        }
    }
    assert!(placed > 150, "{placed}");
    // Parameters of the other rule, commas among them, and its mistakes.
    let process = process("edm");
    let with = rule("discard_penultimate:karras:rho=5,final=zero").grid(&process, 3, 0.0).unwrap();
    let longer = rule("karras:rho=5,final=zero").grid(&process, 4, 0.0).unwrap();
    assert_eq!(with.levels()[..3], longer.levels()[..3]);
    let error = |text: &str| grid::registry().build(text).unwrap_err().to_string();
    assert!(error("discard-penultimate:karas").contains("did you mean 'karras'?"));
    assert!(
        error("discard-penultimate:discard-penultimate:karras").contains("leaves out one level")
    );
    assert!(error("discard-penultimate").contains("grid"));
    // A list of its own.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sigmas.txt");
    std::fs::write(&path, "9\n4\n1\n0\n").unwrap();
    let list = rule(&format!("discard-penultimate:sigmas:{}", path.display()));
    assert_eq!((list.own_steps(), list.own_end(&*process)), (Some(2), Some(0.0)));
    let levels = list.grid(&process, 2, 0.0).unwrap();
    assert_eq!(levels.levels().iter().map(|l| l.sigma).collect::<Vec<_>>(), [9.0, 4.0, 0.0]);
    let error = list.grid(&process, 3, 0.0).unwrap_err();
    assert!(matches!(error, GridError::FixedSteps { own: 2, asked: 3 }), "{error}");
    std::fs::write(&path, "9\n0\n").unwrap();
    let short = rule(&format!("discard-penultimate:sigmas:{}", path.display()));
    assert!(short.grid(&process, 0, 0.0).is_err());
}

/// What ComfyUI's KSampler hands to uni_pc and dpm_2: `sigmas[:-2] + sigmas[-1:]` of a step more.
#[test]
fn ksampler_leaves_out_the_level_before_the_last() {
    let sd = process("vp-discrete");
    let levels = |text: &str, steps| -> Vec<f64> {
        let grid = rule(text).grid(&sd, steps, 0.0).unwrap();
        grid.levels().iter().map(|l| l.sigma / l.alpha).collect()
    };
    // Its list for 10 steps of normal.
    let normal = [
        14.614641229333602,
        8.307_172_173_464_51,
        5.092_407_590_665_674,
        3.3250691492274678,
        2.279_730_295_244_124,
        1.6155802601603269,
        1.1628645340851453,
        0.8318836933737791,
        0.571_188_866_648_998,
        0.34370481750855164,
        0.0,
    ];
    for (found, expected) in levels("discard_penultimate_sigma:normal", 10).iter().zip(normal) {
        assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
    }
}
