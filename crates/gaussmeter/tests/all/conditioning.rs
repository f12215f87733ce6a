//! What the network is told where that is not what solvers work with: integer timesteps, and flow
//! matching in coordinates of u.

use gaussmeter::exact::continuous::ODE;
use gaussmeter::network::{Denoiser, DenoiserError, GaussianDenoiser};
use gaussmeter::prelude::*;
use gaussmeter::tape::{Op, Plan, Prediction};
use gaussmeter::{grid, paths, process, sampler};
use std::sync::Arc;

fn process(text: &str) -> Arc<dyn Process> {
    process::registry().build(text).unwrap().item.into()
}

fn plan(sampler_text: &str, grid: &Grid) -> Plan {
    sampler::registry().build(sampler_text).unwrap().item.plan(grid).unwrap()
}

fn grid(rule: &str, process: &Arc<dyn Process>, steps: usize) -> Grid {
    let rule = grid::registry().build(rule).unwrap().item;
    let end = rule.own_end(&**process).unwrap_or(1e-2);
    rule.grid(process, steps, end).unwrap()
}

fn data() -> Spectrum {
    let lambda = [0.0, 1e-4, 0.01, 0.3, 1.0, 2.5, 40.0];
    let mu = [0.5, -0.25, 1.0, -2.0, 0.125, 3.0, -1.0];
    Spectrum::new("seven modes", "", &lambda, None, Some(&mu)).unwrap()
}

/// The timesteps that the network is told.
fn told(plan: &Plan) -> Vec<f64> {
    let level = |op: &Op| match op {
        Op::Predict { level, .. } => Some(level.t - 1.0),
        _ => None,
    };
    plan.ops().iter().filter_map(level).collect()
}

#[track_caller]
fn assert_close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1e-3), "{what}: {a:e} {b:e}");
    }
}

/// At training timesteps the network is told where the solver is, so that nothing changes, whatever
/// it predicts.
#[test]
fn whole_timesteps_change_nothing() {
    for sampler in ["ddim", "dpmpp-2m-sde", "euler", "em", "ei"] {
        let exact = process("vp-discrete");
        let data = data();
        let rule = "timesteps:trailing,final=sigma_min";
        let expected = Output::of(&plan(sampler, &grid(rule, &exact, 20)), &data);
        for conditioning in ["fractional", "round", "truncate"] {
            for network in ["epsilon", "v", "x0"] {
                let text = format!("vp-discrete:conditioning={conditioning},network={network}");
                let plan = plan(sampler, &grid(rule, &process(&text), 20));
                let output = Output::of(&plan, &data);
                let what = format!("{sampler} on {text}");
                assert_close(&output.gain, &expected.gain, 1e-8, &what);
                assert_close(&output.noise_variance, &expected.noise_variance, 1e-8, &what);
                assert_close(&output.mean_gain, &expected.mean_gain, 1e-8, &what);
            }
        }
    }
}

/// diffusers lists these timesteps for Karras' levels of Stable Diffusion, rounded, and cut down for
/// exponential ones.
#[test]
fn networks_are_told_the_timesteps_that_diffusers_lists() {
    for (rule, conditioning, expected) in [
        ("karras", "round", [999.0, 786.0, 427.0, 59.0, 0.0]),
        ("exponential", "truncate", [999.0, 680.0, 233.0, 20.0, 0.0]),
        ("exponential", "round", [999.0, 681.0, 233.0, 20.0, 0.0]),
    ] {
        let process = process(&format!("vp-discrete:conditioning={conditioning}"));
        assert_eq!(told(&plan("ddim", &grid(rule, &process, 5))), expected, "{rule}");
    }
    // A fractional timestep is found in ln σ/α and read in σ/α: another one by a millionth.
    let process = process("vp-discrete:conditioning=fractional");
    let grid = grid("karras", &process, 5);
    let told = told(&plan("ddim", &grid));
    for (told, level) in told.iter().zip(grid.levels()).skip(1).take(3) {
        let error = (told + 1.0) / level.t - 1.0;
        assert!(error != 0.0 && error.abs() < 1e-4, "{told} {}", level.t);
    }
}

/// One step of DDIM by hand, for a network that is told α_t and σ_t where the state has α and σ.
#[test]
fn solvers_turn_outputs_into_denoisers_with_their_own_level() {
    let data = data();
    for (network, text) in [("epsilon", 0), ("v", 1), ("x0", 2)] {
        let process = process(&format!("vp-discrete:conditioning=truncate,network={network}"));
        let grid = Grid::new(process.clone(), &[500.7, 0.0]).unwrap();
        let output = Output::of(&plan("ddim", &grid), &data);
        let (at, told) = (process.level(500.7), process.level(500.0));
        assert!(at.alpha < told.alpha);
        for (i, mode) in data.modes().iter().enumerate() {
            let variance = told.alpha.powi(2) * mode.eigenvalue + told.sigma.powi(2);
            // D and ε of the network, per unit of x and of the mean.
            let d = [told.alpha * mode.eigenvalue / variance, told.sigma.powi(2) / variance];
            let noise = [told.sigma / variance, -told.sigma * told.alpha / variance];
            let expected: Vec<f64> = (0..2)
                .map(|k| {
                    let x = [1.0, 0.0][k];
                    match text {
                        0 => (x - at.sigma * noise[k]) / at.alpha,
                        1 => at.alpha * x - at.sigma * (told.alpha * noise[k] - told.sigma * d[k]),
                        _ => d[k],
                    }
                })
                .collect();
            let found = [output.gain[i], output.mean_gain[i]];
            assert_close(&found, &expected, 1e-12, &format!("{network}, λ = {}", mode.eigenvalue));
        }
    }
}

/// The same on flow matching with u cut down to thousandths.
#[test]
fn flows_are_told_thousandths() {
    let process = process("flow:conditioning=truncate");
    let grid = Grid::new(process, &[0.6004, 0.0]).unwrap();
    let data = data();
    let output = Output::of(&plan("ddim", &grid), &data);
    for (i, mode) in data.modes().iter().enumerate() {
        let (u, alpha, lambda) = (0.6, 0.4, mode.eigenvalue);
        let velocity = (u - alpha * lambda) / (alpha * alpha * lambda + u * u);
        assert_close(&[output.gain[i]], &[1.0 - 0.6004 * velocity], 1e-12, "gain");
    }
}

/// Both interpreters see the same network.
#[test]
fn paths_and_laws_agree_on_what_is_told() {
    let data = data();
    for (process_text, rule) in [
        ("vp-discrete:conditioning=round", "karras"),
        ("vp-discrete:conditioning=truncate,network=v", "karras"),
        ("vp-discrete:conditioning=fractional,network=x0", "exponential"),
        ("flow:conditioning=round", "uniform"),
        ("flow:coordinates=u,shift=3", "uniform"),
    ] {
        for sampler in ["ddim", "dpmpp-2m", "dpm-2", "lms"] {
            let process = process(process_text);
            // Below u = 1, so that all rules are defined.
            let plan = match rule {
                "uniform" => plan(sampler, &Grid::new(process, &[0.9, 0.6123, 0.3, 0.1]).unwrap()),
                _ => plan(sampler, &grid(&format!("{rule}:final=sigma_min"), &process, 6)),
            };
            let output = Output::of(&plan, &data);
            let mut streams = paths::Streams::new(paths::Draw { seed: 0, first: 0, count: 1 });
            let x: Vec<f64> = (0..7).map(|i| 0.7 - 0.3 * f64::from(i)).collect();
            let mut network = GaussianDenoiser::per_mode(&data);
            let end = paths::run(&plan, &mut network, x.clone(), &mut streams, &mut paths::go_on);
            let expected: Vec<f64> = (0..7)
                .map(|i| output.gain[i] * x[i] + output.mean_gain[i] * data.modes()[i].mean)
                .collect();
            assert_close(&end.unwrap(), &expected, 1e-9, &format!("{sampler} on {process_text}"));
        }
    }
}

/// In coordinates of u the states keep the law of the flow.
#[test]
fn flows_in_u_have_the_marginals_of_flows() {
    let data = data();
    let [flow, in_u] = ["flow:shift=2", "flow:shift=2,coordinates=u"].map(process);
    for t in [1.0, 0.7, 0.2, 0.0] {
        let (a, b) = (flow.level(t), in_u.level(t));
        assert_eq!((b.alpha, b.sigma), (1.0, a.sigma));
        assert_eq!(b.marginal(), a);
        let law =
            |level: &Level, start: &Level| ODE.law(&data, start, level, &Init::Exact, Target::Data);
        assert_eq!(law(&b, &in_u.level(1.0)), law(&a, &flow.level(1.0)));
    }
    // One-step methods in σ/α are not those in u, but converge to the same.
    let error = |process: &Arc<dyn Process>, steps| {
        let times: Vec<f64> = (0..=steps).map(|k| 0.95 - 0.9 * k as f64 / steps as f64).collect();
        let plan = plan("dpmpp-2m", &Grid::new(process.clone(), &times).unwrap());
        let law = Output::of(&plan, &data).law(&Init::Exact, Target::Marginal);
        wasserstein2(&law).total
    };
    for process in [&flow, &in_u] {
        let ratio = error(process, 200) / error(process, 400);
        assert!((ratio.log2() - 2.0).abs() < 0.1, "{process:?}: {ratio}");
    }
    // From pure noise too: at u = 1 the noise ratio of solvers is 1.
    let plan = plan("edm", &Grid::new(in_u, &[1.0, 0.5, 0.0]).unwrap());
    let law = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
    assert!(wasserstein2(&law).total.is_finite());
}

/// In coordinates of u rules that draw noise are refused, and no others, unless that is asked for.
#[test]
fn flows_in_u_refuse_noise() {
    let times = [0.9, 0.6, 0.3, 0.0];
    let on = |text: &str| Grid::new(process(text), &times).unwrap();
    let (flow, in_u) = (on("flow"), on("flow:coordinates=u"));
    let all = on("flow:coordinates=u,noise=comfyui");
    let (mut refused, mut same_rule) = (0, 0);
    for name in sampler::registry().names_alone() {
        let sampler = sampler::registry().build(name).unwrap().item;
        let Ok(plan) = sampler.plan(&all) else { continue };
        match sampler.plan(&in_u) {
            Ok(same) => {
                assert!(same == plan && !plan.is_stochastic(), "{name}");
                same_rule += 1;
            }
            Err(error) => {
                assert!(
                    plan.is_stochastic() && error.to_string().contains("draws noise"),
                    "{name}"
                );
                refused += 1;
            }
        }
        assert!(name == "ddpm" || sampler.plan(&flow).is_ok(), "{name}");
    }
    assert!(refused > 15 && same_rule > 15, "{refused} {same_rule}");
}

#[test]
fn parameters_that_say_nothing_are_refused() {
    for (text, reason) in [
        ("vp-discrete:network=v", "what the network predicts changes nothing"),
        ("flow:steps=500", "steps counts the timesteps"),
        ("flow:coordinates=u,conditioning=round", "two answers"),
        ("flow:noise=comfyui", "noise=comfyui is for coordinates=u"),
    ] {
        let error = process::registry().build(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

/// A network that predicts one kind, and is asked for others.
struct Native(GaussianDenoiser, Prediction);

impl Denoiser for Native {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn native(&self) -> Prediction {
        self.1
    }
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.0.predict(self.1, x, level, out)
    }
}

/// ε, x_0, v, score and velocities: the same samples, and so the same law, whatever the network
/// predicts and the sampler asks for.
#[test]
fn samples_do_not_depend_on_what_the_network_predicts() {
    let data = data();
    for name in ["vp-linear", "edm:sigma_max=20", "flow", "vp-discrete", "trig"] {
        let process = process(name);
        let t_max = process.t_max();
        let times: Vec<f64> = (0..=12).map(|k| t_max * (0.9 - 0.07 * f64::from(k))).collect();
        let grid = Grid::new(process, &times).unwrap();
        for sampler in ["em", "heun", "ddim", "dpmpp-2m-sde", "dpm-2"] {
            let plan = plan(sampler, &grid);
            let start = paths::Start::per_mode(&data, &Init::Exact, plan.start());
            let draw = paths::Draw { seed: 1, first: 0, count: 3 };
            let sample = |network: &mut dyn Denoiser| {
                paths::sample_batch(&plan, network, &start, draw, &mut paths::go_on).unwrap()
            };
            let expected = sample(&mut GaussianDenoiser::per_mode(&data));
            for native in Prediction::ALL {
                let samples = sample(&mut Native(GaussianDenoiser::per_mode(&data), native));
                let what = format!("{sampler} on {name} with a network for the {}", native.name());
                assert_close(&samples, &expected, 1e-8, &what);
            }
        }
    }
}
