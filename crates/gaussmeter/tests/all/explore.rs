//! Samplers beside each other, and what that needs: fewer states, no laws, work that stops.

use gaussmeter::data;
use gaussmeter::exact::{Init, Target, along_by, along_some};
use gaussmeter::experiment::{
    Along, Defaults, ExperimentError, ExploreOptions, Explorer, Length, Words,
};
use gaussmeter::metric;
use gaussmeter::network::{Learnt, Network};
use gaussmeter::prelude::*;
use gaussmeter::watch::{Progress, Watch};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn spectra() -> Vec<Spectrum> {
    let values = [0.0, 1e-9, 0.02, 0.5, 3.0, 80.0];
    let means = [0.3, 0.0, -1.0, 0.1, 2.0, 5.0];
    let many: Vec<f64> = (1..200).map(|k| 40.0 / f64::from(k * k)).collect();
    vec![
        Spectrum::new("with a mean", "test", &values, None, Some(&means)).unwrap(),
        Spectrum::new("with null directions", "test", &values, None, None).unwrap(),
        Spectrum::new("many", "test", &many, None, None).unwrap(),
    ]
}

#[test]
fn a_metric_of_a_state_is_that_of_its_law_to_the_bit() {
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let mut infinite = 0;
    for data in spectra() {
        let modes = data.modes().len();
        let diagonal = Init::Diagonal { mean: vec![0.2; modes], variance: vec![1.5; modes] };
        for (name, eps) in [("em", 1e-3), ("heun", 0.0), ("dpmpp-2m-sde", 0.01)] {
            let sampler = gaussmeter::sampler::registry().build(name).unwrap().item;
            let plan = sampler.plan(&Uniform.grid(&process, 7, eps).unwrap()).unwrap();
            for network in ["exact", "gain:delta=-0.1"] {
                let network = Learnt::of(&*Network::read(network).unwrap().item, &data).unwrap();
                let states = along_by(&network, &plan, |state| state).unwrap();
                for init in [Init::Exact, Init::Normal { std: Some(1.0) }, diagonal.clone()] {
                    for target in [Target::Data, Target::Marginal] {
                        for name in metric::registry().names() {
                            let metric = metric::registry().build(name).unwrap().item;
                            for state in &states {
                                let truth = network.truth();
                                let law = state.law_against(truth, &init, target);
                                let of_law = metric.evaluate(&law);
                                let direct = metric.of_output(state, truth, &init, target);
                                assert_eq!(direct, of_law, "{name}");
                                infinite += usize::from(of_law.infinite.is_some());
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(infinite > 0);
}

#[test]
fn fewer_states_are_the_same_states() {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    for data in spectra() {
        for name in ["em", "dpmpp-2m"] {
            let sampler = gaussmeter::sampler::registry().build(name).unwrap().item;
            let plan = sampler.plan(&Uniform.grid(&process, 9, 0.1).unwrap()).unwrap();
            for network in ["exact", "guided:w=2,class=white:d=6", "early-stopped:tau=100"] {
                let network = Network::read(network).unwrap();
                let Ok(network) = Learnt::of(&*network.item, &data) else { continue };
                let all = along_by(&network, &plan, |state| state).unwrap();
                assert_eq!(all.len(), 10);
                for wanted in [vec![0, 9], vec![3], vec![0, 1, 2, 5, 8], vec![]] {
                    let is_wanted = |k: usize| wanted.contains(&k);
                    let some =
                        along_some(&network, &plan, &is_wanted, Watch::NOBODY, |s| s).unwrap();
                    let expected: Vec<_> = wanted.iter().map(|k| all[*k].clone()).collect();
                    assert_eq!(some, expected, "{name} {wanted:?}");
                }
            }
        }
    }
}

#[test]
fn questions_can_be_stopped() {
    let data = || data::load("cifar10").unwrap();
    let words = Words { samplers: vec!["heun".into()], ..Words::default() };
    let sought = Words {
        grids: vec!["optimised".into()],
        processes: vec!["edm".into()],
        lengths: vec![Length::Steps(12)],
        eps: vec![0.0],
        ..words.clone()
    };
    for words in [words, sought] {
        // Stopped at once, and after a few questions whether to go on.
        for most in [0, 3] {
            let asked = AtomicUsize::new(0);
            let hear = |_: Option<Progress>| match asked.fetch_add(1, Ordering::Relaxed) < most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            };
            let watch = Watch::new(&hear);
            let read = |defaults| words.read(defaults).unwrap();
            let mut errors = vec![
                read(&Defaults::CURVE).curve(data(), Along::Time, None, watch).err(),
                read(&Defaults::EXPLORE)
                    .explore(data(), ExploreOptions::default(), &Explorer::default(), watch)
                    .err(),
            ];
            if most == 0 {
                errors.push(read(&Defaults::EVAL).evaluate(data(), watch).err());
                errors.push(read(&Defaults::MODES).modes(data(), watch).err());
                errors.push(read(&Defaults::STEPS).steps(data(), watch).err());
            }
            for error in errors {
                assert_eq!(error, Some(ExperimentError::Interrupted), "{most}");
            }
        }
    }
}

#[test]
fn grids_are_placed_once_per_setting() {
    let words = Words {
        samplers: vec!["ddim,dpmpp-2m".into()],
        grids: vec!["optimised".into()],
        processes: vec!["edm".into()],
        lengths: vec![Length::Steps(5)],
        eps: vec![0.0],
        ..Words::default()
    };
    let (data, explorer) = (Arc::new(data::load("cifar10").unwrap()), Explorer::default());
    let tried = AtomicUsize::new(0);
    let see = |_: gaussmeter::watch::Tried| {
        tried.fetch_add(1, Ordering::Relaxed);
    };
    let explore = |data: &Arc<Spectrum>| {
        let hear = |_: Option<Progress>| ControlFlow::Continue(());
        let watch = Watch::new(&hear).seeing(&see);
        let question = words.read(&Defaults::EXPLORE).unwrap();
        let found = question.explore(data.clone(), ExploreOptions::default(), &explorer, watch);
        (found.unwrap().document(), tried.swap(0, Ordering::Relaxed))
    };
    let (first, searched) = explore(&data);
    assert!(searched > 0);
    assert_eq!(explore(&data), (first.clone(), 0));
    // Of other data, even if they are equal, nothing is known.
    let (other, searched) = explore(&Arc::new((*data).clone()));
    assert!(searched > 0);
    assert_eq!(other, first);
}
