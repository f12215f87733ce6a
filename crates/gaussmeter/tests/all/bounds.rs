//! Parameters without sense or measure: every value of every parameter is either refused in one line,
//! or builds something that runs within bounds.

use gaussmeter::entry::{Entry, Kind, Registry};
use gaussmeter::exact::{self, Output, Target};
use gaussmeter::experiment::{
    Column, Diffusion, ExperimentError, Length, Setting, TableOptions, table,
};
use gaussmeter::grid::{Grid, GridError, Uniform};
use gaussmeter::network::Network;
use gaussmeter::prelude::*;
use gaussmeter::tape::{MAX_OPS, PlanError};
use gaussmeter::watch::Watch;
use gaussmeter::{data, grid, metric, process, sampler};
use std::sync::Arc;

/// Texts at and beyond the ends of what numbers can be.
const HOSTILE: [&str; 26] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "3",
    "0.5",
    "1e-320",
    "1e-300",
    "1e-9",
    "1e9",
    "1e18",
    "1e154",
    "1e300",
    "1.7976931348623157e308",
    "-1e300",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "1000",
    "1000000",
    "1000001",
    "1000000000",
    "18446744073709551615",
    "99999999999999999999",
];

fn one_line(text: &str, error: &dyn std::fmt::Display) {
    let message = error.to_string();
    assert!(!message.is_empty() && message.lines().count() == 1, "{text}: {message:?}");
    assert!(message.len() < 600, "{text}: {} characters", message.len());
}

/// Text forms of an entry with one parameter hostile and the required ones made up.
fn hostile<T: ?Sized>(entry: &Entry<T>) -> Vec<String> {
    let made_up = |kind: Kind| match kind {
        Kind::Number { min, max } => Some(1f64.clamp(min, max).to_string()),
        Kind::NumberOr { word } | Kind::NonNegativeOr { word } => Some(word.to_string()),
        Kind::Count { min } => Some(min.max(3).to_string()),
        Kind::CountTo { min, max } => Some(3.clamp(min, max).to_string()),
        Kind::Choice(words) => Some(words[0].to_string()),
        Kind::Text => None,
    };
    let mut texts = Vec::new();
    for parameter in entry.parameters.iter().filter(|p| p.kind != Kind::Text) {
        let others = entry.parameters.iter().filter(|p| p.name != parameter.name);
        let required = others.filter(|p| p.default.is_none());
        let Some(rest) = required
            .map(|p| Some(format!(",{}={}", p.name, made_up(p.kind)?)))
            .collect::<Option<String>>()
        else {
            continue;
        };
        texts
            .extend(HOSTILE.iter().map(|v| format!("{}:{}={v}{rest}", entry.name, parameter.name)));
    }
    texts
}

/// What is built from each of the texts; the others are refused in one line.
fn built<T: ?Sized>(registry: Registry<T>) -> Vec<(String, Box<T>)> {
    let mut built = Vec::new();
    for text in registry.entries.iter().flat_map(|e| hostile(e)) {
        match registry.build(&text) {
            Ok(named) => built.push((text, named.item)),
            Err(error) => one_line(&text, &error),
        }
    }
    assert!(!built.is_empty(), "no {} builds", registry.family);
    built
}

fn spectrum() -> Spectrum {
    Spectrum::new("three", "test", &[4.0, 1.0, 0.01], Some(&[1.0, 2.0, 5.0]), None).unwrap()
}

fn processes() -> Vec<Arc<dyn Process>> {
    let build = |name: &&str| Arc::from(process::registry().build(name).unwrap().item);
    ["vp-linear", "edm", "flow", "vp-discrete"].iter().map(build).collect()
}

fn run(text: &str, sampler: &dyn Sampler, grid: &Grid) {
    match sampler.plan(grid) {
        Ok(plan) => {
            let law = Output::of(&plan, &spectrum()).law(&Init::Exact, Target::Data);
            let w2 = gaussmeter::metric::wasserstein2(&law);
            assert!(!w2.total.is_nan(), "{text}: NaN");
            assert!(w2.total.is_finite() || w2.infinite.is_some(), "{text}: infinite");
        }
        Err(error) => one_line(text, &error),
    }
}

#[test]
fn samplers_are_bounded() {
    let processes = processes();
    for (text, sampler) in built(sampler::registry()) {
        for process in &processes {
            run(&text, &*sampler, &Uniform.grid(process, 3, 1e-3).unwrap());
        }
    }
}

#[test]
fn processes_are_bounded() {
    for (text, process) in built(process::registry()) {
        let process: Arc<dyn Process> = Arc::from(process);
        let t_max = process.t_max();
        assert!(t_max > 0.0 && t_max.is_finite(), "{text}: T = {t_max}");
        for ratio in [0.0, 1e-300, 1e-3, 1.0, 1e300, f64::INFINITY, f64::NAN] {
            assert!(process.time_of(ratio).is_none_or(|t| !t.is_nan()), "{text}: {ratio}");
        }
        match Uniform.grid(&process, 3, 1e-3 * t_max) {
            Ok(grid) => {
                for sampler in ["euler", "ddim", "em", "heun"] {
                    run(&text, &*sampler::registry().build(sampler).unwrap().item, &grid);
                }
            }
            Err(error) => one_line(&text, &error),
        }
    }
}

#[test]
fn grids_are_bounded() {
    let processes = processes();
    for (text, rule) in built(grid::registry()) {
        for process in &processes {
            for steps in [1, 4] {
                let eps = rule.own_end(&**process).unwrap_or(1e-3);
                match rule.grid_for(&spectrum(), process, steps, eps) {
                    Ok(grid) => assert_eq!(grid.step_count(), steps, "{text}"),
                    Err(error) => one_line(&text, &error),
                }
            }
        }
    }
}

#[test]
fn spectra_and_initial_laws_are_bounded() {
    for (text, spectrum) in built(data::registry()) {
        assert!(spectrum.modes().len() <= 10_000_000, "{text}: {} modes", spectrum.modes().len());
    }
    let process = &processes()[0];
    let plan = Euler.plan(&Uniform.grid(process, 3, 1e-3).unwrap()).unwrap();
    for (text, init) in built(exact::init_registry()) {
        match init.resolve(&**process, &spectrum()) {
            Ok(init) => {
                let law = Output::of(&plan, &spectrum()).law(&init, Target::Data);
                for entry in metric::registry().entries {
                    let metric = metric::registry().build(entry.name).unwrap().item;
                    assert!(!metric.evaluate(&law).value.is_nan(), "{text}: {}", entry.name);
                }
            }
            Err(error) => one_line(&text, &error),
        }
    }
}

/// Repeats multiply: what each may be, all together may not.
#[test]
fn long_programs_stop_being_recorded() {
    let process = &processes()[0];
    let grid = Uniform.grid(process, 20_000, 1e-3).unwrap();
    for text in [
        "pc:repeats=1000000",
        "annealed-langevin:repeats=1000000",
        "restart:repeats=1000000",
        "restart:repeats=1000000,steps=100000",
    ] {
        let sampler = sampler::registry().build(text).unwrap().item;
        let error = sampler.plan(&grid).unwrap_err();
        let expected = PlanError::TooLong { most: MAX_OPS };
        assert_eq!(error, sampler::SamplerError::TooLong(expected), "{text}");
        one_line(text, &error);
    }
}

#[test]
fn what_takes_hours_or_gigabytes_is_refused_beforehand() {
    let process = &processes()[0];
    let rule = grid::registry().build("dynamic-programming:teacher=100000").unwrap().item;
    let cifar = data::load("cifar10").unwrap();
    let error = rule.grid_for(&cifar, process, 50_000, 1e-3).unwrap_err();
    assert!(matches!(error, GridError::TooMuch { .. }), "{error}");
    one_line("teacher", &error);

    let setting = Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(cifar),
            process: process.clone(),
            process_label: String::new(),
        },
        rule: Arc::new(Uniform),
        rule_label: String::new(),
        network: Network::default(),
    };
    let options = |columns: Vec<Column>| TableOptions {
        samplers: vec![sampler::registry().build("ddim").unwrap()],
        eps: vec![1e-3],
        columns,
        inits: vec![("exact".into(), Init::Exact)],
        metric: metric::registry().build("w2").unwrap(),
        as_published: false,
        show_nfe: false,
    };
    let long = vec![Column::new(Length::Steps(1_000_000)); 100_000];
    let error = table(&setting, options(long), Watch::NOBODY).unwrap_err();
    assert!(matches!(error, ExperimentError::TooMuch { .. }), "{error}");
    one_line("table", &error);
    let many = vec![Column::new(Length::Steps(1)); 2_000_000];
    let error = table(&setting, options(many), Watch::NOBODY).unwrap_err();
    assert!(matches!(error, ExperimentError::TooMuch { .. }), "{error}");
}

/// Two noises per step, more than 65,536 of them.
#[test]
fn long_stochastic_programs_run() {
    let process = &processes()[0];
    let one = Spectrum::new("one", "test", &[0.5], None, None).unwrap();
    for (text, steps) in [("seeds-2", 40_000), ("seeds-3", 25_000), ("dpmpp-sde", 66_000)] {
        let sampler = sampler::registry().build(text).unwrap().item;
        let errors = [1_000, steps].map(|steps| {
            let plan = sampler.plan(&Uniform.grid(process, steps, 1e-3).unwrap()).unwrap();
            let output = Output::of(&plan, &one);
            let law = output.law(&Init::Exact, Target::Marginal);
            gaussmeter::metric::wasserstein2(&law).total
        });
        assert!(errors[1] < errors[0] * 0.1, "{text}: {errors:?}");
    }
}

/// States come a few at a time, and in their order, whatever the number of modes and steps.
#[test]
fn states_along_the_way_are_those_of_a_single_mode() {
    let process = &processes()[0];
    let wide: Vec<f64> = (1..=70_000).map(|k| 4.0 / f64::from(k)).collect();
    let mean: Vec<f64> = wide.iter().map(|l| l.sqrt()).collect();
    let wide_data = Spectrum::new("wide", "test", &wide, None, Some(&mean)).unwrap();
    let at = wide_data.eigenvalues().iter().position(|l| *l == wide[41_234]).unwrap();
    let one = Spectrum::new("one", "test", &wide[41_234..=41_234], None, Some(&mean[..1])).unwrap();
    for name in ["seeds-2", "heun", "em"] {
        let sampler = sampler::registry().build(name).unwrap().item;
        let plan = sampler.plan(&Uniform.grid(process, 70, 1e-3).unwrap()).unwrap();
        let shown =
            |o: &Output, i: usize| (o.level.t, o.gain[i], o.noise_variance[i], o.mean_gain[i]);
        let states = exact::along_with(&plan, &wide_data, |o| shown(&o, at));
        let alone: Vec<_> = exact::along(&plan, &one).iter().map(|o| shown(o, 0)).collect();
        assert_eq!(states, alone, "{name}");
        assert_eq!(states.len(), 71);
    }
}
