//! Recommendations, and samplers that begin in the middle of their grid.

use gaussmeter::design::teleport;
use gaussmeter::exact::continuous::ODE;
use gaussmeter::exact::steps::LocalErrors;
use gaussmeter::experiment::{
    Diffusion, ExperimentError, Goal, RecommendOptions, Recommendation, recommend,
};
use gaussmeter::network::{Learnt, Network};
use gaussmeter::objective::{Objective, SquaredWasserstein2};
use gaussmeter::prelude::*;
use gaussmeter::report::Report;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter::{grid, objective, process, sampler};
use gaussmeter_testkit::relative_error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const FROM_80: Init = Init::Normal { std: Some(80.0) };

fn data() -> Spectrum {
    Spectrum::new("four", "", &[20.0, 1.0, 0.1, 0.003], None, Some(&[1.0, -0.3, 0.2, 0.0])).unwrap()
}

fn levels(steps: usize) -> Grid {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    grid::registry().build("karras").unwrap().item.grid(&process, steps, 0.0).unwrap()
}

#[test]
fn skipping_nothing_is_the_sampler() {
    let (data, grid) = (data(), levels(6));
    for text in ["ddim", "dpmpp-2m", "heun:final=euler", "ddim:eta=1"] {
        let sampler = sampler::registry().build(text).unwrap().item;
        let plan = sampler.plan(&grid).unwrap();
        let law = Output::of(&plan, &data).law(&FROM_80, Target::Data);
        let all = teleport(&*sampler, &grid, 0, (&Learnt::exact(&data), &data), &FROM_80).unwrap();
        assert_eq!((all.nfe, &all.law), (plan.nfe(), &law), "{text}");
    }
}

#[test]
fn skipping_everything_is_the_continuous_solution() {
    let (data, grid) = (data(), levels(6));
    let sampler = sampler::registry().build("dpmpp-2m").unwrap().item;
    let all = teleport(&*sampler, &grid, 6, (&Learnt::exact(&data), &data), &FROM_80).unwrap();
    let law = ODE.law(&data, grid.start(), grid.end(), &FROM_80, Target::Data);
    assert_eq!((all.nfe, &all.law), (0, &law));
    // λ (80²)/(λ + 80²) in the variance, by hand.
    for mode in &all.law.modes {
        let expected = mode.eigenvalue * 6400.0 / (mode.eigenvalue + 6400.0);
        assert!(relative_error(mode.variance, expected) < 1e-12);
    }
}

/// One step of DDIM from σ to 0 shrinks the state to λ/(λ + σ²) of what it is, and adds the rest of
/// the mean.
#[test]
fn what_is_left_starts_from_the_law_of_the_ode() {
    let (data, grid) = (data(), levels(6));
    let sigma2 = grid.levels()[5].noise_ratio().powi(2);
    let left =
        teleport(&Ddim::default(), &grid, 5, (&Learnt::exact(&data), &data), &FROM_80).unwrap();
    assert_eq!(left.nfe, 1);
    for (mode, given) in left.law.modes.iter().zip(data.modes()) {
        let lambda = given.eigenvalue;
        let carried = (lambda + sigma2) / (lambda + 6400.0);
        let shrink = lambda / (lambda + sigma2);
        let variance = shrink * shrink * carried * 6400.0;
        assert!(relative_error(mode.variance, variance) < 1e-12, "{mode:?}");
        let mean = given.mean * (1.0 - shrink * carried.sqrt());
        assert!((mode.mean - mean).abs() < 1e-12, "{mode:?} {mean}");
    }
}

fn on_edm() -> Diffusion {
    Diffusion::new(data(), process::registry().build("edm").unwrap())
}

fn recommended(samplers: &[&str], goal: Goal) -> Result<Recommendation, ExperimentError> {
    recommend(&on_edm(), options(samplers, goal), Watch::NOBODY)
}

fn options(samplers: &[&str], goal: Goal) -> RecommendOptions {
    let registry = sampler::registry();
    RecommendOptions {
        network: Network::default(),
        samplers: samplers.iter().map(|s| registry.build(s).unwrap()).collect(),
        goal,
        front: vec![4],
        init: ("normal".into(), Init::Normal { std: None }),
        eps: 0.0,
        min_ratio: 1.25,
        objective: ("w2".into(), Box::new(SquaredWasserstein2)),
    }
}

/// Where nothing is said, candidates are compared by the error to expect, and times are sought for what
/// holds: contributions of steps cancel less in the result than in the optimum of W2.
#[test]
fn the_default_compares_by_the_error_to_expect() {
    let setting = on_edm();
    let texts = ["ddim", "dpmpp-2m", "unipc", "dpmpp-2m-sde"];
    let of = |objective: (String, Box<dyn Objective>)| {
        let options = RecommendOptions { objective, ..options(&texts, Goal::Nfe(12)) };
        recommend(&setting, options, Watch::NOBODY).unwrap()
    };
    let registry = |name: &str| (name.into(), objective::registry().build(name).unwrap().item);
    let (robust, w2) = (of(registry(objective::DEFAULT)), of(registry("w2")));
    assert!(robust.is_expected() && !w2.is_expected());
    let local = |label: &str, grid: &Grid| {
        let sampler = sampler::registry().build(label).unwrap().item;
        let network = Learnt::exact(&setting.spectrum);
        LocalErrors::new(&*sampler, grid, 0..0, &network).unwrap().expand(&FROM_80).value
    };
    let mut last = 0.0;
    for c in robust.ranking() {
        for timed in [&c.standard, &c.optimised].into_iter().flatten() {
            let expected = (timed.w2.powi(2) + 0.25 * local(&c.label, &timed.grid)).sqrt();
            assert!(relative_error(timed.error, expected) < 1e-9, "{}", c.label);
        }
        assert!(c.error() >= last);
        last = c.error();
        let other = w2.ranking().iter().find(|o| o.label == c.label).unwrap();
        let [a, b] = [c, other].map(|c| c.optimised.as_ref().unwrap());
        assert!(b.w2 <= a.w2 * 1.001, "{}: {} {}", c.label, a.w2, b.w2);
        // Rules with noise are sought for W2.
        let sampler = sampler::registry().build(&c.label).unwrap().item;
        if sampler.plan(&a.grid).unwrap().is_stochastic() {
            continue;
        }
        let [a, b] = [a, b].map(|t| local(&c.label, &t.grid));
        assert!(a <= b * 1.001, "{}: {a} {b}", c.label);
    }
    // Also where the objective is spelled out, in part or in whole: candidates are compared alike.
    for name in ["robust:evaluation=0.02", "robust:deviation=2,evaluation=0"] {
        let found = of(registry(name));
        assert!(found.is_expected(), "{name}");
        for c in found.ranking() {
            let timed = c.optimised.as_ref().unwrap();
            let expected = (timed.w2.powi(2) + 0.25 * local(&c.label, &timed.grid)).sqrt();
            assert!(relative_error(timed.error, expected) < 1e-9, "{name}, {}", c.label);
        }
    }
}

#[test]
fn errors_are_exact_and_in_order_within_the_budget() {
    let setting = on_edm();
    let texts = ["ddim", "heun:final=euler", "dpmpp-2m", "dpmpp-2s"];
    let found = recommended(&texts, Goal::Nfe(7)).unwrap();
    assert_eq!(found.ranking().len(), 4);
    let mut last = 0.0;
    for candidate in found.ranking() {
        assert!(candidate.nfe <= 7, "{}", candidate.label);
        let sampler = sampler::registry().build(&candidate.label).unwrap().item;
        for timed in [&candidate.standard, &candidate.optimised].into_iter().flatten() {
            let plan = sampler.plan(&timed.grid).unwrap();
            let law = Output::of(&plan, &setting.spectrum).law(&FROM_80, Target::Data);
            assert!(relative_error(timed.error, wasserstein2(&law).total) < 1e-8);
            assert!(plan.nfe() <= 7);
        }
        let error = candidate.best().unwrap().error;
        assert!(error >= last);
        // Levels of standard schedules may be closer than optimised ones are allowed to be.
        let [a, b] = [&candidate.standard, &candidate.optimised].map(|t| t.as_ref().unwrap().error);
        assert!(b < 1.05 * a, "{}: {a} {b}", candidate.label);
        last = error;
    }
    let best = found.ranking()[0].best().unwrap();
    assert!(best.error < 0.5 * found.usual[&7].error, "{} {:?}", best.error, found.usual);
    assert_eq!(found.sigmas().lines().count(), best.grid.step_count() + 1);
    // Every step is there to be skipped; the last leaves the initialization error alone.
    assert_eq!(found.skips.len(), best.grid.step_count() + 1);
    assert!(relative_error(found.skips[0].error, best.error) < 1e-8);
    let last = found.skips.last().unwrap();
    assert!(relative_error(last.error, found.limits.initialization.value) < 1e-9);
    assert_eq!(last.saved, found.ranking()[0].nfe);
}

#[test]
fn the_smallest_budget_that_reaches_an_error() {
    let texts = ["ddim", "dpmpp-2m"];
    let at = |nfe| recommended(&texts, Goal::Nfe(nfe)).unwrap().ranking()[0].best().unwrap().error;
    let (five, ten) = (at(5), at(10));
    assert!(ten < five);
    let found = recommended(&texts, Goal::Error((five * ten).sqrt())).unwrap();
    assert_eq!(found.budget, 10);
    let never = recommended(&["ddim"], Goal::Error(1e-9)).unwrap_err();
    assert!(matches!(never, ExperimentError::Unreached { nfe: 50, .. }), "{never}");
}

/// The optimum of exact arithmetic is not that of a network that is far off.
#[test]
fn a_challenger_is_better_where_it_is_said_to_be() {
    let found = recommended(&["ddim", "dpmpp-2m", "dpmpp-3m", "lms"], Goal::Nfe(10)).unwrap();
    let challenge = found.challenge.as_ref().expect("a challenger");
    assert!(challenge.error < challenge.winner, "{challenge:?}");
    assert!((0.001..=0.2).contains(&challenge.delta));
    assert_eq!(found.off.len(), 4);
    assert!(found.off[0] > found.ranking()[0].best().unwrap().error);
}

/// What had been tried when it was stopped is compared; what had not is said.
#[test]
fn a_stopped_comparison_tells_what_it_has() {
    let texts = ["ddim", "dpmpp-2m", "dpmpp-3m", "lms", "heun", "euler", "em", "deis"];
    for goal in [Goal::Nfe(10), Goal::Error(1e-9)] {
        let flag = AtomicBool::new(false);
        let hear = |progress: Option<Progress>| {
            flag.fetch_or(progress.is_some_and(|p| p.done >= 2), Ordering::Relaxed);
            match flag.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let found = recommend(&on_edm(), options(&texts, goal), Watch::new(&hear)).unwrap();
        assert!(found.interrupted);
        let ranking = found.ranking();
        assert!(ranking.len() >= 2, "{ranking:?}");
        assert_eq!(ranking.len() + found.failures.len(), texts.len());
        let untried = |(_, why): &&(String, ExperimentError)| *why == ExperimentError::Interrupted;
        // As many as there are threads may have been under way.
        let most = texts.len() - 2;
        let count = found.failures.iter().filter(untried).count();
        assert!(count <= most, "{:?}", found.failures);
        assert!(found.candidates.len() == 1 && found.challenge.is_none() && found.off.is_empty());
        let told = found.report(0).json();
        assert_eq!(told["interrupted"], true);
        assert!(found.sigmas().lines().count() > 1);
    }
    let hear = |_: Option<Progress>| ControlFlow::Break(());
    for goal in [Goal::Nfe(10), Goal::Error(1e-9)] {
        let watch = Watch::new(&hear);
        let error = recommend(&on_edm(), options(&texts, goal), watch).unwrap_err();
        assert_eq!(error, ExperimentError::Interrupted);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let empty = recommended(&[], Goal::Nfe(5)).unwrap_err();
    assert_eq!(empty.to_string(), "no sampler given");
    let none = recommended(&["ddim"], Goal::Nfe(0)).unwrap_err();
    assert!(none.to_string().contains("leaves no step"), "{none}");
    let few = recommended(&["heun"], Goal::Nfe(1)).unwrap_err();
    assert!(few.to_string().contains("needs at least 2 network evaluations"), "{few}");
}
