//! How long a sampler runs within a budget of network evaluations, also where they do not grow with its
//! steps.

use gaussmeter::experiment::{Diffusion, ExperimentError, Length, NamedSampler, Setting};
use gaussmeter::network::Network;
use gaussmeter::prelude::*;
use gaussmeter::sampler;
use std::sync::Arc;

/// A plan that calls its network in the steps where `when` holds.
fn asking(when: &str) -> NamedSampler {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    let quiet = "[[rule]]\ndo = 'x_next = sigma_next / sigma * x'\n";
    let asks = "d = denoiser(x); x_next = x + 0.01 * d";
    let text = match when {
        "" => quiet.to_string(),
        when => format!("[[rule]]\nwhen = '{when}'\ndo = '{asks}'\n{quiet}"),
    };
    std::fs::write(&path, text).unwrap();
    sampler::registry().build(&format!("plan:{}", path.display())).unwrap()
}

fn setting(rule: Arc<dyn GridRule>) -> Setting {
    Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(Spectrum::new("one", "", &[1.0], None, None).unwrap()),
            process: Arc::new(Edm::new(80.0)),
            process_label: "edm".into(),
        },
        rule,
        rule_label: "a rule".into(),
        network: Network::default(),
    }
}

#[test]
fn evaluations_that_do_not_grow_are_refused() {
    let setting = setting(Arc::new(Uniform));
    for (when, spent, words) in [
        ("", 0, "spends 0 network evaluations in"),
        ("step == 1", 1, "spends 1 network evaluations in"),
        ("step == steps", 1, "spends 1 network evaluations in"),
        ("step <= 3", 3, "spends 3 network evaluations in"),
    ] {
        let sampler = asking(when);
        for nfe in [spent + 1, 10, 50, 1000] {
            let error = setting.run(&sampler, Length::Nfe(nfe), 1.0).unwrap_err();
            let told = error.to_string();
            assert!(told.contains(words) && told.contains("give a number of steps"), "{told}");
            assert!(
                matches!(error, ExperimentError::NoGrowth { spent: s, nfe: n, .. } if s == spent && n == nfe)
            );
        }
        // A number of steps is a number of steps.
        assert_eq!(setting.run(&sampler, Length::Steps(7), 1.0).unwrap().plan.nfe(), spent);
    }
    // A budget that is spent is spent, and a grid of its own has its own length.
    let run = setting.run(&asking("step == 1"), Length::Nfe(1), 1.0).unwrap();
    assert_eq!((run.plan.nfe(), run.grid.step_count()), (1, 1));
    let own = self::setting(Arc::new(Times::new(vec![80.0, 9.0, 1.0])));
    assert_eq!(own.run(&asking(""), Length::Nfe(10), 1.0).unwrap().grid.step_count(), 2);
}

/// Rules that ask in some steps get as many steps as their budget allows.
#[test]
fn evaluations_that_grow_slowly_are_waited_for() {
    let setting = setting(Arc::new(Uniform));
    for (when, every) in [
        ("abs(sin(pi * step / 2)) < 1e-9", 2),
        ("abs(sin(pi * step / 7)) < 1e-9", 7),
        ("abs(sin(pi * step / 40)) < 1e-9", 40),
    ] {
        for nfe in [1, 2, 9, 60] {
            let run = setting.run(&asking(when), Length::Nfe(nfe), 1.0).unwrap();
            let steps = run.grid.step_count();
            assert_eq!(run.plan.nfe(), nfe, "{when}");
            assert_eq!(steps / every, nfe, "{when}: {steps} steps");
        }
    }
    let run = setting.run(&asking("step > 100"), Length::Nfe(5), 1.0).unwrap();
    assert_eq!((run.plan.nfe(), run.grid.step_count()), (5, 105));
}

/// Numbers for each step are for so many steps.
#[test]
fn numbers_for_each_step_tell_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    let text =
        "[numbers]\nw = [1, 0.9, 0.8]\n[[rule]]\ndo = 'x_next = w * x + 0.1 * denoiser(x)'\n";
    std::fs::write(&path, text).unwrap();
    let named = sampler::registry().build(&format!("plan:{}", path.display())).unwrap();
    let run = setting(Arc::new(Uniform)).run(&named, Length::Nfe(10), 1.0).unwrap();
    assert_eq!((run.plan.nfe(), run.grid.step_count()), (3, 3));
}

/// Every sampler spends its budget as before: one step more would be too many, or one evaluation is left.
#[test]
fn every_sampler_spends_its_budget() {
    let mut setting = setting(Arc::new(Uniform));
    setting.diffusion.process = Arc::new(VpLinear::paper());
    let mut spends = 0;
    for name in sampler::registry().names_alone() {
        let named = sampler::registry().build(name).unwrap();
        for nfe in [10, 11, 12, 13, 50] {
            let run = match setting.run(&named, Length::Nfe(nfe), 1e-3) {
                Ok(run) => run,
                // Steps are too long for it.
                Err(ExperimentError::Sampler { .. }) if name == "ddpm" => continue,
                // One step of it takes more.
                Err(ExperimentError::Budget { needed, .. }) if needed > nfe => continue,
                Err(error) => panic!("{name} at {nfe}: {error}"),
            };
            let spent = run.plan.nfe();
            assert!(spent <= nfe, "{name}");
            spends += 1;
            if spent < nfe {
                let steps = run.grid.step_count() + 1;
                let longer = setting.run_steps(&named, steps, 1e-3).unwrap();
                assert!(longer.plan.nfe() > nfe, "{name}: {nfe}");
            }
        }
    }
    assert!(spends > 300, "{spends}");
}
