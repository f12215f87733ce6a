//! Grid rules place the levels that the projects they come from place.

use gaussmeter::grid::{GridError, Sigmas};
use gaussmeter::prelude::*;
use gaussmeter::{grid, process};
use gaussmeter_testkit::{fixture, read_json, relative_error};
use std::sync::Arc;

fn process(text: &str) -> Arc<dyn Process> {
    process::registry().build(text).unwrap().item.into()
}

fn rule(text: &str) -> Box<dyn GridRule> {
    grid::registry().build(text).unwrap().item
}

/// The noise levels σ/α of a grid.
fn sigmas(grid: &Grid) -> Vec<f64> {
    grid.levels().iter().map(|l| l.sigma / l.alpha).collect()
}

#[track_caller]
fn close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len(), "{values:?} {expected:?}");
    for (v, e) in values.iter().zip(expected) {
        assert!(relative_error(*v, *e) <= tolerance, "{v:e} is not {e:e}: {values:?} {expected:?}");
    }
}

const FIVE: [f64; 4] = [80.0, 10.0, 0.5, 0.0];

#[test]
fn given_sigmas_are_times_of_edm_and_levels_of_any_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sigmas.txt");
    std::fs::write(&path, "80.0\n10.0\n0.5\n0.0\n").unwrap();
    let rule = rule(&format!("sigmas:{}", path.display()));
    let edm = process("edm");
    assert_eq!((rule.own_steps(), rule.own_end(&*edm)), (Some(3), Some(0.0)));
    let times = rule.grid(&edm, 3, 0.0).unwrap();
    assert_eq!(times.levels().iter().map(|l| l.t).collect::<Vec<_>>(), FIVE);
    for name in ["vp-linear", "flow"] {
        let grid = Sigmas::new(FIVE.to_vec()).grid(&process(name), 3, 0.0).unwrap();
        close(&sigmas(&grid), &FIVE, 1e-13);
    }
    let given = |list: &[f64]| Sigmas::new(list.to_vec());
    let error = |list: &[f64], steps, eps| given(list).grid(&edm, steps, eps).unwrap_err();
    assert!(matches!(error(&FIVE, 2, 0.0), GridError::FixedSteps { own: 3, asked: 2 }));
    assert!(matches!(error(&FIVE, 3, 0.1), GridError::FixedEnd { .. }));
    assert!(matches!(error(&[], 0, 0.0), GridError::TooShort { points: 0 }));
    let range = "but sigma/alpha runs from 0 to 80 on this process";
    for (list, message) in [
        (&[81.0, 1.0][..], format!("sigma 0 is 81, {range}")),
        (&[1.0, -1.0], format!("sigma 1 is -1, {range}")),
        (&[f64::NAN, 1.0], format!("sigma 0 is NaN, {range}")),
        (
            &[1.0, 1.0, 0.0],
            "sigmas must decrease from noise to data, but sigma 0 is 1 and the next is 1".into(),
        ),
    ] {
        assert_eq!(error(list, 1, 0.0).to_string(), message);
    }
    std::fs::write(&path, "100\n0\n").unwrap();
    let from_file = grid::registry().build(&format!("sigmas:{}", path.display())).unwrap().item;
    let message = from_file.grid(&edm, 1, 0.0).unwrap_err().to_string();
    assert_eq!(message, format!("{}: sigma 0 is 100, {range}", path.display()));
}

/// A rule's levels, for as many steps as are expected.
#[track_caller]
fn check(process_text: &str, rule_text: &str, expected: &[f64], tolerance: f64) {
    let (process, rule) = (process(process_text), rule(rule_text));
    let steps = expected.len() - 1;
    let eps = rule.own_end(&*process).unwrap();
    match rule.grid(&process, steps, eps) {
        Ok(grid) => close(&sigmas(&grid), expected, tolerance),
        Err(e) => panic!("{rule_text} on {process_text}: {e}"),
    }
}

/// Levels that k-diffusion 0.1.1 and diffusers 0.42.1 print.
#[test]
fn rules_place_the_levels_of_their_projects() {
    let sd_range = "sigma_min=0.0291675,sigma_max=14.614642";
    let sd = "vp-discrete";
    for (process, rule, expected) in [
        ("edm", "karras".to_string(), &[80.0, 2.515218976147159, 0.002, 0.0][..]),
        ("edm", "polyexponential:rho=2".into(), &[80.0, 0.028284271247461905, 0.002, 0.0]),
        ("edm", format!("karras:{sd_range}"), &[14.614642, 1.2741046095069786, 0.0291675, 0.0]),
        (
            "edm",
            format!("exponential:{sd_range}"),
            &[14.614642, 0.6528955280402831, 0.0291675, 0.0],
        ),
        (
            sd,
            "karras".into(),
            &[
                14.614641229333643,
                4.79653482712404,
                1.274100208978096,
                0.24794990271076306,
                0.02916715815172038,
                0.0,
            ],
        ),
        (
            sd,
            "exponential:final=sigma_min".into(),
            &[
                14.614641229333637,
                3.0889768103380955,
                0.6528916847890065,
                0.13799635874248314,
                0.029167158151720367,
            ],
        ),
        (
            sd,
            "timesteps:linspace,family=euler".into(),
            &[
                14.614641229333639,
                4.08608803547124,
                1.6155825101612464,
                0.6951504277059113,
                0.029167158151720367,
                0.0,
            ],
        ),
        (
            sd,
            "timesteps:leading,offset=1,family=dpm".into(),
            &[
                5.906449001638776,
                2.907121384309188,
                1.612886194303876,
                0.9323579668348474,
                0.49469687683272767,
                0.0,
            ],
        ),
    ] {
        check(process, &rule, expected, 1e-12);
    }
    let times = |spacing: &str| -> Vec<f64> {
        let grid = rule(&format!("timesteps:{spacing}")).grid(&process(sd), 5, 0.0).unwrap();
        grid.levels().iter().map(|l| l.t).collect()
    };
    assert_eq!(times("leading,offset=1"), [802.0, 602.0, 402.0, 202.0, 2.0, 0.0]);
    assert_eq!(times("linspace"), [1000.0, 750.0, 501.0, 251.0, 1.0, 0.0]);
    assert_eq!(times("trailing"), [1000.0, 800.0, 600.0, 400.0, 200.0, 0.0]);
}

#[test]
fn every_schedule_of_diffusers_is_placed() {
    let golden = read_json(&fixture("schedules_diffusers.json"));
    let (mut placed, mut worst) = (0, 0.0f64);
    for case in golden["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let config = &case["config"];
        let is = |key: &str| config[key] == true;
        if !id.starts_with("diffusers/schedule/") {
            continue;
        }
        let (class, steps) = (id.split('/').nth(2).unwrap(), 5);
        let number = |key: &str| config[key].as_f64().map_or("auto".into(), |v| v.to_string());
        let process_text = match config["flow_shift"].as_f64() {
            Some(_) => "flow:coordinates=u".into(),
            None => format!(
                "vp-discrete:schedule={},beta_start={},beta_end={},zero_snr={}",
                config["beta_schedule"].as_str().unwrap(),
                number("beta_start"),
                number("beta_end"),
                if is("rescale_betas_zero_snr") { "yes" } else { "no" },
            ),
        };
        let process = process(&process_text);
        let family = match class {
            "DDIMScheduler" => "ddim",
            "EulerDiscreteScheduler" | "HeunDiscreteScheduler" => "euler",
            _ => "dpm",
        };
        let list = |key: &str| -> Option<Vec<f64>> {
            let values = case["float64"][key].as_array()?;
            Some(values.iter().map(|v| v.as_f64().unwrap()).collect())
        };
        let mut expected = match list("sigmas") {
            Some(sigmas) => sigmas,
            None => {
                let timesteps = list("timesteps").unwrap();
                let ratio = |t: &f64| {
                    let level = process.level(t + 1.0);
                    level.sigma / level.alpha
                };
                timesteps.iter().map(ratio).chain([0.0]).collect()
            }
        };
        expected.dedup(); // Heun's list has every level twice
        if is("use_flow_sigmas") && class.starts_with("DEIS") {
            expected.push(0.0); // where the others go
        }
        let to_zero = if expected.last() == Some(&0.0) { "zero" } else { "sigma_min" };
        let range = match (family, id.contains("sd_karras/")) {
            // These re-place the levels of the spaced list.
            ("euler", true) => format!("sigma_max={},sigma_min={},", expected[0], expected[4]),
            _ => String::new(),
        };
        let rule = match () {
            () if is("use_karras_sigmas") => format!("karras:{range}final={to_zero}"),
            () if is("use_beta_sigmas") => format!("beta:variant=diffusers,final={to_zero}"),
            () if is("use_flow_sigmas") => {
                let base = if class.starts_with("UniPC") { "unipc" } else { "dpm" };
                let shift = config["flow_shift"].as_f64().unwrap();
                format!("flow-shift:base={base},shift={shift}")
            }
            () if is("use_exponential_sigmas") || is("use_lu_lambdas") => {
                format!("exponential:final={to_zero}")
            }
            () => format!(
                "timesteps:{},family={family},offset={},final={to_zero}",
                config["timestep_spacing"].as_str().unwrap(),
                config["steps_offset"].as_u64().unwrap_or(0)
            ),
        };
        // DEIS repeats its last level after Karras' and others: one step fewer.
        let steps = steps.min(expected.len() - 1);
        let built = grid::registry().build(&rule).unwrap().item;
        let placed_grid = built.grid(&process, steps, built.own_end(&*process).unwrap());
        let values = sigmas(&placed_grid.unwrap_or_else(|e| panic!("{id}: {rule}: {e}")));
        // diffusers' own cosine near π/2, and a rescaled table that ends in a difference.
        let tolerance = match id {
            id if id.contains("cosine") => 1e-11,
            id if id.contains("zsnr") => 1e-10,
            _ => 1e-12,
        };
        close(&values, &expected, tolerance);
        for (v, e) in values.iter().zip(&expected) {
            worst = worst.max(relative_error(*v, *e));
        }
        placed += 1;
    }
    println!("{placed} schedules of diffusers, worst relative error {worst:e}");
    assert_eq!(placed, 67);
}

#[test]
fn rules_refuse_what_they_cannot_place() {
    let error = |process_text: &str, rule_text: &str, eps: f64| {
        rule(rule_text).grid(&process(process_text), 5, eps).unwrap_err()
    };
    assert!(matches!(error("flow", "karras", 0.0), GridError::NoLargest));
    assert!(matches!(error("edm", "timesteps", 0.0), GridError::NotDiscrete));
    assert!(matches!(error("edm", "karras", 0.1), GridError::FixedEnd { .. }));
    assert!(matches!(error("edm", "karras:sigma_max=100", 0.0), GridError::NoLevel { .. }));
    let upside_down = error("edm", "exponential:sigma_min=2,sigma_max=1", 0.0);
    assert!(matches!(upside_down, GridError::SigmasNotDecreasing { .. }));
    // One step goes from the highest level to the data; none is no grid.
    close(&sigmas(&rule("karras").grid(&process("edm"), 1, 0.0).unwrap()), &[80.0, 0.0], 0.0);
    for text in ["karras", "exponential", "polyexponential", "timesteps"] {
        let none = rule(text).grid(&process("vp-discrete"), 0, 0.0).unwrap_err();
        assert!(matches!(none, GridError::TooShort { points: 1 }), "{text}: {none}");
    }
    // Rules on flow matching take their range from the caller.
    let (flow, karras) = (process("flow"), rule("karras:sigma_max=1000,final=sigma_min"));
    let end = karras.own_end(&*flow).unwrap();
    assert!(relative_error(end, 1e-3) < 1e-14);
    assert_eq!(karras.grid(&flow, 4, end).unwrap().step_count(), 4);
}

/// Levels that ComfyUI (a125cd84b054) makes for Stable Diffusion 1 in single precision.
#[test]
fn schedulers_of_comfyui_are_placed() {
    for (rule, expected) in [
        (
            "simple",
            [
                14.614641189575195,
                5.08776330947876,
                2.276463031768799,
                1.1605783700942993,
                0.5692849159240723,
                0.0,
            ],
        ),
        (
            "normal",
            [
                14.614640235900879,
                4.086081027984619,
                1.6155803203582764,
                0.6951495409011841,
                0.029167160391807556,
                0.0,
            ],
        ),
        (
            "sgm_uniform",
            [
                14.614640235900879,
                5.092408180236816,
                2.2797305583953857,
                1.1628645658493042,
                0.5711888670921326,
                0.0,
            ],
        ),
        (
            "ddim_uniform",
            [
                5.134430885314941,
                2.292853832244873,
                1.1682159900665283,
                0.57405024766922,
                0.04131441190838814,
                0.0,
            ],
        ),
        (
            "karras",
            [
                14.614643096923828,
                4.796534538269043,
                1.2741007804870605,
                0.2479499727487564,
                0.0291671771556139,
                0.0,
            ],
        ),
        (
            "exponential",
            [
                14.614640235900879,
                3.0889763832092285,
                0.6528917551040649,
                0.1379963755607605,
                0.029167160391807556,
                0.0,
            ],
        ),
    ] {
        check("vp-discrete", rule, &expected, 1e-6);
    }
    // 30 does not divide 1000: ComfyUI then makes one step more.
    let sd = process("vp-discrete");
    let error = rule("ddim_uniform").grid(&sd, 30, 0.0).unwrap_err();
    assert!(matches!(error, GridError::FixedSteps { own: 31, asked: 30 }), "{error}");
    for text in ["normal", "simple", "sgm_uniform", "ddim_uniform"] {
        assert!(matches!(rule(text).grid(&process("edm"), 5, 0.0), Err(GridError::NoTable)));
        let table = rule(&format!("{text}:table=1000"));
        assert!(matches!(table.grid(&sd, 5, 0.0), Err(GridError::OwnTable)));
        assert!(rule(text).grid(&sd, 0, 0.0).is_err());
        assert_eq!(rule(text).grid(&sd, 1, 0.0).unwrap().step_count(), 1);
    }
}

/// Every list that ComfyUI makes, in single precision: with SD3's shift of 3 on 1000 timesteps, and
/// Flux's of e^1.15 on 10000.
#[test]
fn every_schedule_of_comfyui_is_placed() {
    let golden = read_json(&fixture("schedules_comfyui.json"));
    let mut placed = 0;
    for case in golden["cases"].as_array().unwrap() {
        let word = |key: &str| case[key].as_str().unwrap();
        let (model, scheduler) = (word("model_sampling"), word("scheduler"));
        let (process_text, shift, timesteps) = match model {
            "sd15" => ("vp-discrete".to_string(), 1.0, 1000.0),
            "sd3_shift3" => ("flow:coordinates=u,shift=3".into(), 3.0, 1000.0),
            "flux_shift1.15" => {
                let shift = 1.15f64.exp();
                (format!("flow:coordinates=u,shift={shift:?}"), shift, 10000.0)
            }
            _ => continue,
        };
        let is_flow = model != "sd15";
        let lowest = shift / timesteps / (1.0 + (shift - 1.0) / timesteps);
        let range = if is_flow { format!(":sigma_min={lowest:?}") } else { String::new() };
        // By the rule of its name, and on flows by the shift of a list too.
        let mut ways = vec![match (scheduler, is_flow) {
            ("karras" | "exponential" | "kl_optimal", _) => format!("{scheduler}{range}"),
            ("linear_quadratic", _) | (_, false) => scheduler.to_string(),
            ("beta", _) => format!("beta:timesteps={timesteps}"),
            _ => format!("{scheduler}:table={timesteps}"),
        }];
        match scheduler {
            "simple" if is_flow => ways.push(format!("flow-shift:shift={shift:?}")),
            // Shifted twice; Flux's lowest base level is a ten-thousandth.
            "normal" | "sgm_uniform" if model == "sd3_shift3" => {
                let base = if scheduler == "normal" { "shifted" } else { "sgm_uniform" };
                ways.push(format!("flow-shift:base={base},shift={shift:?}"));
            }
            _ => {}
        }
        let expected: Vec<f64> = case["sigmas_float32"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        let steps = case["steps"].as_u64().unwrap() as usize;
        for rule_text in ways {
            // The levels of a shifted flow by its process, or by the rule.
            let is_shift = rule_text.starts_with("flow-shift");
            let process = process(if is_shift { "flow" } else { &process_text });
            let grid = rule(&rule_text)
                .grid(&process, steps, 0.0)
                .unwrap_or_else(|e| panic!("{model}, {rule_text}, {steps} steps: {e}"));
            let level = |l: &Level| if is_shift { l.sigma } else { l.sigma / l.alpha };
            let levels: Vec<f64> = grid.levels().iter().map(level).collect();
            assert_eq!(levels.len(), expected.len());
            for (v, e) in levels.iter().zip(&expected) {
                // Single precision of 1 − u for the last levels of linear_quadratic.
                assert!((v - e).abs() <= 2e-6 * e.abs() + 1e-7, "{model}, {rule_text}: {v} {e}");
            }
        }
        placed += 1;
    }
    println!("{placed} schedules of ComfyUI");
    assert_eq!(placed, 27);
}

/// FlowMatchEulerDiscreteScheduler of diffusers 0.42.1.
#[test]
fn levels_of_flow_matching_are_shifted_and_stretched() {
    for (rule_text, expected) in [
        ("base=thousandth", [1.0, 0.75025, 0.5005, 0.25075, 0.001]),
        (
            "base=shifted,shift=3",
            [1.0, 0.900359066427289, 0.7511210762331838, 0.5029850746268658, 0.00892857142857143],
        ),
        (
            "base=thousandth,mu=1.15",
            [
                1.0,
                0.9046458828316847,
                0.7598760356125212,
                0.5138423920462424,
                0.0031513915986858274,
            ],
        ),
        (
            // time_shift_type=linear
            "base=thousandth,shift=1.15",
            [
                1.0,
                0.7755131849488218,
                0.5353812524707577,
                0.2779096242576105,
                0.0011498275258711192,
            ],
        ),
        (
            "base=shifted,shift=3,terminal=0.1",
            [1.0, 0.9095152603231598, 0.7739910313901345, 0.5486567164179106, 0.1],
        ),
        (
            "mu=1.15",
            [1.0, 0.9266473446120875, 0.8257016621505007, 0.677986715217447, 0.4411997482513561],
        ),
    ] {
        for process_text in ["flow", "flow:shift=2", "flow:coordinates=u"] {
            let (process, rule) = (process(process_text), rule(&format!("flow-shift:{rule_text}")));
            let grid = rule.grid(&process, 5, rule.own_end(&*process).unwrap()).unwrap();
            let levels: Vec<f64> = grid.levels().iter().map(|l| l.sigma).collect();
            close(&levels, &[&expected[..], &[0.0]].concat(), 1e-13);
        }
    }
    // The length of a sequence is a shift: 1.15 at 4096 tokens.
    let flow = process("flow");
    let levels = |text: &str| {
        let rule = rule(text);
        let grid = rule.grid(&flow, 4, rule.own_end(&*flow).unwrap()).unwrap();
        grid.levels().iter().map(|l| l.sigma).collect::<Vec<_>>()
    };
    close(&levels("flow-shift:tokens=4096"), &levels("flow-shift:mu=1.15"), 1e-15);
    // Without the step to the data.
    let last = levels("flow-shift:base=thousandth,final=last");
    close(&last, &[1.0, 0.75025, 0.5005, 0.25075, 0.001], 1e-13);
    let last = levels("flow-shift:terminal=0.2,final=last");
    close(&last[4..], &[0.2], 1e-13);
    let error = |text: &str| grid::registry().build(text).unwrap_err().to_string();
    assert!(error("flow-shift:shift=2,mu=1").contains("three ways"));
    assert!(error("flow-shift:final=last").contains("depends on the number of steps"));
    assert!(error("flow-shift:terminal=1").contains("must lie below 1"));
    assert!(matches!(rule("flow-shift").grid(&process("trig"), 5, 0.0), Err(GridError::NotFlow)));
}

/// The levels at which EDM's ablation_sampler evaluates the network.
#[test]
fn steps_of_edm_are_placed() {
    check(
        "edm:sigma_max=200",
        "edm-vp:sigma_max=152.16697028394634,sigma_min=0.010485992786706403",
        &[
            152.16697028394634,
            17.04912255896816,
            3.42224476257219,
            0.9575264822375347,
            0.010485992786706403,
            0.0,
        ],
        1e-11,
    );
    check(
        "edm:sigma_max=100",
        "edm-ve:sigma_min=0.02",
        &[100.0, 11.892071150027212, 2f64.sqrt(), 0.16817928305074292, 0.02, 0.0],
        1e-13,
    );
    check(
        "edm:sigma_max=81",
        "edm-iddpm:sigma_min=0.002",
        &[
            80.20370184547417,
            2.372063189866844,
            0.9998445789225525,
            0.42315529849015177,
            0.006425412771141183,
            0.0,
        ],
        1e-11,
    );
    // The default of EDM's VP steps is what Song's process has at equal times.
    let (song, rule) = (process("vp-linear:0.1,beta_max=20,convention=song"), rule("edm-vp"));
    let grid = rule.grid(&song, 5, 0.0).unwrap();
    let times: Vec<f64> = grid.levels().iter().map(|l| l.t).collect();
    close(&times[..5], &[1.0, 0.75025, 0.5005, 0.25075, 0.001], 1e-10);
}

/// Quantiles of β(a, b): closed forms for a = 1 and for the arcsine law, symmetry for the rest.
#[test]
fn quantiles_of_the_beta_distribution() {
    let times = |text: &str| {
        let grid = rule(text).grid(&process("vp-linear"), 4, 0.0).unwrap();
        grid.levels().iter().map(|l| l.t).collect::<Vec<_>>()
    };
    let arcsine = |p: f64| (std::f64::consts::FRAC_PI_2 * p).sin().powi(2);
    close(&times("beta:0.5,beta=0.5"), &[1.0, arcsine(0.75), 0.5, arcsine(0.25), 0.0], 1e-13);
    close(&times("beta:1,beta=1"), &[1.0, 0.75, 0.5, 0.25, 0.0], 1e-14);
    // p = 1 − (1 − x)^b
    let closed = |p: f64| -((-p).ln_1p() / 3.0).exp_m1();
    close(&times("beta:1,beta=3"), &[1.0, closed(0.75), closed(0.5), closed(0.25), 0.0], 1e-13);
    let (a, b) = (times("beta:0.3,beta=7"), times("beta:7,beta=0.3"));
    for (a, b) in a.iter().zip(b.iter().rev()) {
        assert!((a + b - 1.0).abs() < 1e-14, "{a} {b}");
    }
    // Two steps on one timestep are one step fewer.
    let error = rule("beta").grid(&process("vp-discrete:steps=8"), 8, 0.0).unwrap_err();
    assert!(matches!(error, GridError::FixedSteps { asked: 8, .. }), "{error}");
    let error = |text: &str| grid::registry().build(text).unwrap_err().to_string();
    assert!(error("beta:sigma_min=1").contains("are for variant=diffusers"));
    assert!(error("beta:variant=diffusers,timesteps=10").contains("not timesteps"));
    assert!(error("beta:timesteps=10.5").contains("whole number"));
}

#[test]
fn published_schedules_of_align_your_steps() {
    let sdxl = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.0];
    check("edm", "ays:sdxl", &sdxl, 0.0);
    check(
        "edm:sigma_max=700",
        "ays:svd",
        &[700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.0],
        0.0,
    );
    // The timesteps are those of the levels, rounded.
    let sd = process("vp-discrete");
    let levels = sigmas(&rule("ays:sdxl").grid(&sd, 10, 0.0).unwrap());
    close(&levels, &sdxl, 0.02);
    // Twice as many steps go through all levels but the last, and half way between in ln σ.
    for (process_text, rule_text) in
        [("vp-discrete", "ays:sd1"), ("edm:sigma_max=700", "ays:svd"), ("edm", "ays:sdxl")]
    {
        let (process, rule) = (process(process_text), rule(rule_text));
        let ten = sigmas(&rule.grid(&process, 10, 0.0).unwrap());
        let twenty = sigmas(&rule.grid(&process, 20, 0.0).unwrap());
        let every_second: Vec<f64> = twenty.iter().step_by(2).copied().collect();
        close(&every_second, &ten, 1e-13);
        close(&twenty[1..2], &[(ten[0] * ten[1]).sqrt()], 1e-13);
        let last = if rule_text == "ays:svd" { 0.002 } else { 0.0291671582 };
        close(&twenty[19..20], &[(ten[9] * last).sqrt()], 1e-8);
        assert_eq!(rule.grid(&process, 1, 0.0).unwrap().step_count(), 1);
    }
}
