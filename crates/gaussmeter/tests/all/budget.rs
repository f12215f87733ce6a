//! The error budget: each source of error alone, by its definition, and warnings where errors
//! cancel.

use gaussmeter::exact::Reason;
use gaussmeter::experiment::{
    Diffusion, ErrorBudget, ExperimentError, Length, Run, Setting, Warning, error_budget, evaluate,
};
use gaussmeter::network::Network;
use gaussmeter::prelude::*;
use gaussmeter::report::Report;
use gaussmeter::watch::Watch;
use gaussmeter::{grid, metric, sampler};
use gaussmeter_testkit::relative_error;
use std::sync::Arc;

fn spectrum() -> Spectrum {
    let (lambda, mu) = ([1e-3, 0.1, 1.0, 6.0], [0.5, -1.0, 0.0, 2.0]);
    Spectrum::new("four modes", "", &lambda, Some(&[3.0, 2.0, 1.0, 0.5]), Some(&mu)).unwrap()
}

fn singular() -> Spectrum {
    Spectrum::new("singular", "", &[0.0, 0.1, 1.0], None, None).unwrap()
}

fn setting(spectrum: Spectrum, rule: Arc<dyn GridRule>) -> Setting {
    Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(spectrum),
            process: Arc::new(VpLinear::paper()),
            process_label: "vp-linear".into(),
        },
        rule,
        rule_label: "a rule".into(),
        network: Network::default(),
    }
}

fn budget(
    setting: &Setting,
    name: &str,
    steps: usize,
    eps: f64,
    init: &Init,
) -> (Run, ErrorBudget) {
    let sampler = sampler::registry().build(name).unwrap();
    let run = setting.run_steps(&sampler, steps, eps).unwrap();
    let budget = error_budget(setting, &sampler, &run, init).unwrap();
    (run, budget)
}

/// W2 from (multiplicity, m, v, μ, λ) per mode.
fn w2(modes: impl IntoIterator<Item = [f64; 5]>) -> f64 {
    let squares = modes
        .into_iter()
        .map(|[w, m, v, mu, l]| w * ((m - mu).powi(2) + (v.sqrt() - l.sqrt()).powi(2)));
    squares.sum::<f64>().sqrt()
}

/// W2 of a sampler's output from p_T, against N(αμ, α²λ + σ²) at a level.
fn discretization(sampler: &str, grid: &Grid, data: &Spectrum, at: &Level) -> f64 {
    let plan = sampler::registry().build(sampler).unwrap().item.plan(grid).unwrap();
    let law = Output::of(&plan, data).law(&Init::Exact, Target::Data);
    w2(law.modes.iter().zip(data.modes()).map(|(out, m)| {
        let target = at.alpha.powi(2) * m.eigenvalue + at.sigma.powi(2);
        [m.multiplicity, out.mean, out.variance, at.alpha * m.mean, target]
    }))
}

/// W2 between the data and the reverse SDE or ODE from N(0, std² I), at t = 0 and by the paper's
/// propositions: e^{−2B_T} λ²/λ_T² (std² − λ_T) + λ, and std² λ/λ_T.
fn initialization(continuous: &str, data: &Spectrum, start: &Level, std: f64) -> f64 {
    w2(data.modes().iter().map(|m| {
        let (l, at_start, c) = (m.eigenvalue, start.variance(m.eigenvalue), std * std);
        let (gain, variance) = match continuous {
            "sde" => {
                let gain = start.alpha * l / at_start;
                (gain, gain * gain * (c - at_start) + l)
            }
            "ode" => ((l / at_start).sqrt(), c * l / at_start),
            other => panic!("{other}"),
        };
        [m.multiplicity, m.mean - gain * start.alpha * m.mean, variance, m.mean, l]
    }))
}

#[test]
fn each_part_is_what_it_is_defined_to_be() {
    let setting = setting(spectrum(), Arc::new(Uniform));
    let data = &*setting.spectrum;
    let zero = setting.process.level(0.0);
    for name in sampler::registry().names_alone() {
        for eps in [1e-2, 1e-3, 1e-5, 0.0] {
            for std in [1.0, 1.3] {
                let init = Init::Normal { std: Some(std) };
                let (run, budget) = budget(&setting, name, 40, eps, &init);
                let (start, end) = (run.grid.start(), run.grid.end());
                let what = format!("{name}, eps = {eps}, std = {std}: {budget:?}");
                let sampler = sampler::registry().build(name).unwrap().item;
                let stochastic = sampler.plan(&run.grid).unwrap().is_stochastic();
                assert_eq!(budget.continuous, if stochastic { "sde" } else { "ode" });

                let expected = initialization(budget.continuous, data, start, std);
                // The reference subtracts nearly equal roots; the library does not.
                let error = (budget.initialization.value - expected).abs();
                assert!(error < 1e-8 * expected.max(1e-4), "{what}: initialization {expected}");

                let truncation = w2(data.modes().iter().map(|m| {
                    let variance = end.variance(m.eigenvalue);
                    [m.multiplicity, end.alpha * m.mean, variance, m.mean, m.eigenvalue]
                }));
                let error = (budget.truncation.value - truncation).abs();
                assert!(error < 1e-12, "{what}: truncation {truncation}");

                let at_eps = discretization(name, &run.grid, data, end);
                let error = relative_error(budget.discretization_at_eps.value, at_eps);
                assert!(error < 1e-10, "{what}: discretization at eps {at_eps}");

                let to_zero = Uniform.grid(&setting.process, 40, 0.0).unwrap();
                let to_zero = discretization(name, &to_zero, data, &zero);
                let error = relative_error(budget.discretization.as_ref().unwrap().value, to_zero);
                assert!(error < 1e-10, "{what}: discretization {to_zero}");

                if eps == 0.0 {
                    assert_eq!(budget.truncation.value, 0.0, "{what}");
                    assert_eq!(budget.discretization, Ok(budget.discretization_at_eps), "{what}");
                } else {
                    assert_ne!(budget.discretization, Ok(budget.discretization_at_eps), "{what}");
                }
            }
        }
    }
}

#[test]
fn an_exact_start_has_no_initialization_error() {
    for data in [spectrum(), singular()] {
        let setting = setting(data, Arc::new(Uniform));
        for name in sampler::registry().names_alone() {
            let (_, budget) = budget(&setting, name, 30, 1e-3, &Init::Exact);
            assert_eq!((budget.initialization.value, budget.initialization.infinite), (0.0, None));
        }
    }
}

/// A metric that is registered is measured and told, in every format, without a line elsewhere.
#[test]
fn every_registered_metric_is_told() {
    let setting = setting(singular(), Arc::new(Uniform));
    let sampler = sampler::registry().build("heun").unwrap();
    let result = evaluate(
        &setting,
        &sampler,
        Length::Steps(20),
        1e-3,
        ("exact", &Init::Exact),
        Watch::NOBODY,
    )
    .unwrap();
    let report = result.report(false);
    let registry = metric::registry();
    assert_eq!(result.metrics.len(), registry.entries.len());
    for entry in &registry.entries {
        let metric = registry.build(entry.name).unwrap().item;
        let (name, value) = (metric.name(), metric.evaluate(&result.law));
        let rows = &report.tables()[0].rows;
        assert!(rows.iter().any(|r| r.cells[0].label().plain() == name.summary), "{}", entry.name);
        assert!(report.records().columns.iter().any(|c| c == name.key), "{}", entry.name);
        assert_eq!(report.json()[name.key], gaussmeter::report::number(value.value));
    }
}

/// Without a final Euler step, Heun evaluates at t = 0 once its steps are carried there.
#[test]
fn only_the_part_that_runs_to_zero_is_infinite() {
    let setting = setting(singular(), Arc::new(Uniform));
    let evaluate = |sampler: &str, eps| {
        let sampler = sampler::registry().build(sampler).unwrap();
        evaluate(&setting, &sampler, Length::Steps(20), eps, ("exact", &Init::Exact), Watch::NOBODY)
            .unwrap()
    };
    let heun = evaluate("heun", 1e-3);
    assert!(heun.w2.total.is_finite() && heun.w2.infinite.is_none());
    assert!(heun.budget.discretization_at_eps.value.is_finite());
    assert!(heun.budget.truncation.value.is_finite());
    let to_zero = heun.budget.discretization.clone().unwrap();
    assert_eq!(to_zero.value, f64::INFINITY);
    assert!(
        matches!(to_zero.infinite, Some(Reason::SingularPrediction { t: 0.0, step: 20, .. })),
        "{to_zero:?}"
    );
    // At eps = 0 the configured grid is that grid.
    let at_zero = evaluate("heun", 0.0);
    for value in [
        at_zero.w2.value(),
        at_zero.budget.discretization.clone().unwrap(),
        at_zero.budget.discretization_at_eps,
    ] {
        assert_eq!((value.value, value.infinite), (f64::INFINITY, to_zero.infinite));
    }
    for sampler in ["heun:final=euler", "euler", "em"] {
        let value = evaluate(sampler, 1e-3).budget.discretization.unwrap();
        assert!(value.value.is_finite() && value.infinite.is_none(), "{sampler}: {value:?}");
    }
}

#[test]
fn warnings_appear_where_errors_cancel_and_nowhere_else() {
    let data = || Spectrum::new("white", "", &[0.25], Some(&[100.0]), None).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    for spectrum in [spectrum(), data(), data::load("cifar10").unwrap()] {
        let setting = setting(spectrum, Arc::new(Uniform));
        for name in sampler::registry().names_alone() {
            let sampler = sampler::registry().build(name).unwrap();
            for (steps, eps) in [(30, 0.0), (30, 1e-2), (200, 1e-3), (1000, 1e-2), (2000, 1e-5)] {
                for init in
                    [Init::Exact, Init::Normal { std: None }, Init::Normal { std: Some(1.5) }]
                {
                    let length = Length::Steps(steps);
                    let result =
                        evaluate(&setting, &sampler, length, eps, ("init", &init), Watch::NOBODY)
                            .unwrap();
                    let (total, budget) = (result.w2.total, result.budget);
                    for (component, part) in [
                        ("initialization", budget.initialization.value),
                        ("truncation", budget.truncation.value),
                        ("discretization", budget.discretization_at_eps.value),
                    ] {
                        let warning = Warning::BelowComponent { total, component, part };
                        let below =
                            part.is_finite() && total < part && relative_error(total, part) > 1e-9;
                        let what = format!("{name} {steps} {eps} {init:?}: {total} {budget:?}");
                        assert_eq!(result.warnings.contains(&warning), below, "{what}");
                        *seen.entry((component, below)).or_insert(0) += 1;
                    }
                    let flipped = result.law.modes.iter().filter(|m| m.gain < 0.0).count();
                    let warning = Warning::NegativeGains { modes: flipped };
                    assert_eq!(result.warnings.contains(&warning), flipped > 0);
                    let known = |w: &Warning| {
                        matches!(w, Warning::BelowComponent { .. } | Warning::NegativeGains { .. })
                    };
                    assert!(result.warnings.iter().all(known) && result.warnings.len() <= 4);
                }
            }
        }
    }
    // Both answers were met, for every component.
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn a_warning_reads_as_a_sentence() {
    let warning = Warning::BelowComponent { total: 0.1, component: "truncation", part: 0.18 };
    assert_eq!(
        warning.to_string(),
        "the total error 0.1000 is below the truncation error 0.1800: errors cancel here, which is luck, not accuracy"
    );
}

/// Given times are carried to 0 by their last one.
#[test]
fn times_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let from_file = |times: &[f64]| -> Arc<dyn GridRule> {
        let path = folder.path().join("times.txt");
        let lines: Vec<String> = times.iter().map(f64::to_string).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        grid::registry().build(&format!("times:{}", path.display())).unwrap().item.into()
    };
    let init = Init::Normal { std: Some(1.0) };
    let times = [1.0, 0.7, 0.4, 0.2, 0.1, 0.04, 0.01];
    let with_end = |end: f64| [&times[..6], &[end]].concat();
    for name in ["em", "ei", "euler", "heun", "rk4"] {
        let setting = setting(spectrum(), from_file(&times));
        let data = &*setting.spectrum;
        let (run, parts) = budget(&setting, name, 6, 0.01, &init);
        let grid = |times: &[f64]| Grid::new(setting.process.clone(), times).unwrap();
        assert_eq!(run.grid.levels(), grid(&times).levels());
        let to_zero =
            discretization(name, &grid(&with_end(0.0)), data, &setting.process.level(0.0));
        assert!(
            relative_error(parts.discretization.as_ref().unwrap().value, to_zero) < 1e-10,
            "{name}: {parts:?}"
        );
        let at_eps = discretization(name, &grid(&times), data, run.grid.end());
        assert!(
            relative_error(parts.discretization_at_eps.value, at_eps) < 1e-10,
            "{name}: {parts:?}"
        );

        // Times that end at 0 need no other grid.
        let setting = Setting { rule: from_file(&with_end(0.0)), ..setting.clone() };
        let (_, parts) = budget(&setting, name, 6, 0.0, &init);
        assert_eq!(parts.discretization, Ok(parts.discretization_at_eps));
        assert!(
            relative_error(parts.discretization.as_ref().unwrap().value, to_zero) < 1e-10,
            "{name}: {parts:?}"
        );
        assert_eq!(parts.truncation.value, 0.0);
    }
    // A start below T: the initialization error is that of this start.
    let setting = setting(spectrum(), from_file(&[0.6, 0.3, 0.1]));
    let (run, parts) = budget(&setting, "euler", 2, 0.1, &init);
    let expected = initialization("ode", &setting.spectrum, run.grid.start(), 1.0);
    assert!(relative_error(parts.initialization.value, expected) < 1e-8, "{parts:?} {expected}");
}

#[test]
fn impossible_lengths_are_refused() {
    let setting = setting(spectrum(), Arc::new(Uniform));
    let run = |name: &str, length| {
        setting
            .run(&sampler::registry().build(name).unwrap(), length, 0.0)
            .map(|run| run.plan.nfe())
    };
    for length in [Length::Steps(0), Length::Points(0), Length::Points(1), Length::Nfe(0)] {
        let error = run("euler", length).unwrap_err();
        assert!(matches!(error, ExperimentError::NoStep { .. }), "{error}");
        assert!(error.to_string().starts_with(&length.to_string()), "{error}");
    }
    assert_eq!(
        run("rk4", Length::Nfe(3)).unwrap_err().to_string(),
        "sampler 'rk4' needs at least 4 network evaluations, but the budget is 3"
    );
    // As many steps as fit, whatever a step costs.
    for (name, nfe, spent) in
        [("euler", 7, 7), ("heun", 7, 6), ("heun:final=euler", 7, 7), ("rk4", 11, 8), ("em", 1, 1)]
    {
        assert_eq!(run(name, Length::Nfe(nfe)), Ok(spent), "{name}");
    }
}

/// 20 DDPM steps are defined to eps = 1e-3, but not to t = 0, where 2 beta dt reaches 1: the
/// evaluation stands, and says so.
#[test]
fn an_undefined_part_does_not_undo_the_whole() {
    let setting = Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(gaussmeter::data::load("cifar10").unwrap()),
            process: Arc::new(gaussmeter::process::VpLinear::paper()),
            process_label: "vp-linear".into(),
        },
        rule: Arc::new(gaussmeter::grid::Uniform),
        rule_label: "uniform".into(),
        network: Network::default(),
    };
    let ddpm = gaussmeter::sampler::registry().build("ddpm").unwrap();
    let init = ("exact", &gaussmeter::exact::Init::Exact);
    let evaluation =
        evaluate(&setting, &ddpm, Length::Steps(20), 1e-3, init, Watch::NOBODY).unwrap();
    assert!(evaluation.w2.total.is_finite());
    let error = evaluation.budget.discretization.as_ref().unwrap_err().to_string();
    assert!(error.contains("2 beta(t) dt = 1.0000"), "{error}");
    let report = evaluation.report(false);
    assert!(report.json()["budget"]["discretization"].is_null());
    assert!(report.tables()[0].notes.iter().any(|n| n.contains("is not defined")));
}
