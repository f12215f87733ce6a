//! Derivatives with respect to the times of a grid, for every sampler on every process and for every
//! objective, against differences of high order of the exact law.

use gaussmeter::exact::gradient::Differentiable;
use gaussmeter::exact::steps::LocalErrors;
use gaussmeter::network::linear::registry;
use gaussmeter::network::{Learnt, Network};
use gaussmeter::numeric::Expansion;
use gaussmeter::objective::{self, Objective};
use gaussmeter::prelude::*;
use gaussmeter::{process, sampler};
use std::path::Path;
use std::sync::Arc;

/// With a null mode or, for divergences, without.
fn data(smallest: f64) -> Spectrum {
    let mean = [0.4, -0.2, 0.1, 0.7, 0.3];
    Spectrum::new("test", "", &[smallest, 0.02, 0.5, 1.0, 9.0], None, Some(&mean)).unwrap()
}

/// Every network of the registry on given data, the exact one first, with another spectrum, a class and
/// gains by level in files; but those of training sets, which have eigenvectors of their own.
pub fn networks(data: &Spectrum, folder: &Path) -> Vec<(String, Learnt)> {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let rows = data.modes().iter().enumerate();
    let other = rows.map(|(i, m)| format!("{},{}\n", 0.1 + 0.8 * m.eigenvalue, 0.1 * i as f64));
    let class = data.modes().iter().map(|m| format!("{},{}\n", 0.5 * m.eigenvalue, m.mean - 0.2));
    let other = write("other.csv", format!("eigenvalue,mean\n{}", other.collect::<String>()));
    let class = write("class.csv", format!("eigenvalue,mean\n{}", class.collect::<String>()));
    let gain = write("gain.csv", "0.05,0.2\n0.7,-0.1\n1.9,0.05\n40,0.01\n".into());
    let texts = [
        "exact".into(),
        "gain:delta=0.1".into(),
        format!("gain:file={gain}"),
        "perturbed:delta=0.3,seed=1".into(),
        "shrunk:rho=0.2".into(),
        format!("spectrum:{other}"),
        format!("guided:w=2.5,class={class}"),
        format!("guided:w=1.5,class={class},interval=0.2-1.5"),
        "early-stopped:tau=2".into(),
        "early-stopped:tau=2,layers=2".into(),
        "gradient-descent:steps=5".into(),
    ];
    let names = registry().entries.into_iter().map(|entry| entry.name);
    let untried = names.filter(|name| texts.iter().all(|t| t.split(':').next() != Some(name)));
    assert_eq!(untried.collect::<Vec<_>>(), ["samples"]);
    let of = |text: &String| {
        let network = Network::read(text).unwrap();
        (text.clone(), Learnt::of(&*network.item, data).unwrap())
    };
    texts.iter().map(of).collect()
}

fn value(plan: &gaussmeter::tape::Plan, network: &Learnt, init: &Init, o: &dyn Objective) -> f64 {
    let law = Output::by(network, plan).unwrap().law_against(network.truth(), init, Target::Data);
    let modes = network.truth().iter().zip(&law.modes).enumerate();
    modes
        .map(|(i, (mode, out))| {
            mode.multiplicity * o.share(i, mode, out.variance.sqrt(), out.mean).value
        })
        .sum()
}

/// Central differences, extrapolated twice: of sixth order.
fn difference(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    let central = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
    let [a, b, c] = [h, h / 2.0, h / 4.0].map(central);
    let (first, second) = ((4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0);
    (16.0 * second - first) / 15.0
}

/// Times on a process: not equally spaced, away from both ends; for ddpm, which needs short steps,
/// close to each other.
fn times(text: &str, process: &dyn Process) -> Vec<f64> {
    let shares = match text {
        "ddpm" => [0.8, 0.78, 0.77, 0.755, 0.74, 0.73],
        _ => [0.9, 0.72, 0.55, 0.4, 0.27, 0.15],
    };
    shares.map(|u| u * process.t_max()).to_vec()
}

/// The largest error of a derivative, relative to the largest derivative.
fn check(
    text: &str,
    network: &Learnt,
    process: &Arc<dyn Process>,
    init: &Init,
    objective: &dyn Objective,
) -> Option<f64> {
    let times = times(text, &**process);
    let sampler = sampler::registry().build(text).unwrap().item;
    let grid = Grid::new(process.clone(), &times).unwrap();
    let plan = sampler.plan(&grid).ok()?;
    let found = Differentiable::new(&*sampler, &grid, 0..times.len(), network).unwrap();
    let share = |i: usize, mode: &_, std, mean| objective.share(i, mode, std, mean);
    let Expansion { value: sum, gradient, .. } = found.expand(init, &share);
    let expected = value(&plan, network, init, objective);
    assert!((sum - expected).abs() <= 1e-13 * expected, "{text}: {sum} {expected}");
    let at = |k: usize, t: f64| {
        let mut times = times.clone();
        times[k] = t;
        let plan = sampler.plan(&Grid::new(process.clone(), &times).unwrap()).unwrap();
        value(&plan, network, init, objective)
    };
    let differences: Vec<f64> =
        (0..times.len()).map(|k| difference(|t| at(k, t), times[k], 2e-3 * times[k])).collect();
    let scale = differences.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    let errors = gradient.iter().zip(&differences).map(|(a, b)| (a - b).abs());
    Some(errors.fold(0.0f64, f64::max) / scale)
}

/// Whether a sampler draws noise where it is defined.
fn draws_noise(text: &str) -> bool {
    let process: Arc<dyn Process> = Arc::new(Flow);
    let times = times(text, &*process);
    let sampler = sampler::registry().build(text).unwrap().item;
    sampler.plan(&Grid::new(process, &times).unwrap()).is_ok_and(|plan| plan.is_stochastic())
}

#[test]
fn every_sampler_has_exact_gradients() {
    let mut checked = 0;
    let network = Learnt::exact(&data(0.0));
    // Coefficients that the defaults do not have.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/plans");
    let files = ["heun", "dpmpp-2m", "ancestral"].map(|name| format!("plan:{folder}/{name}.toml"));
    let variants = [
        "deis:variant=t",
        "deis:variant=comfyui",
        "deis:order=4,variant=comfyui-rhoab",
        "ipndm-v:variant=comfyui",
        "adams-bashforth-moulton:mode=pec",
        "midpoint:noise-ratio",
        "heunpp2:variable=t",
        "edm-ablation:alpha=0.7,schedule=vp,scaling=vp",
    ];
    let names = sampler::registry().names_alone();
    for name in names.into_iter().chain(variants).chain(files.iter().map(String::as_str)) {
        // Networks that are told other levels than solvers work with, too: few enough of them that no
        // difference leads across a rounding.
        let told = [
            "flow:shift=2,coordinates=u",
            "flow:shift=2,coordinates=u,noise=comfyui",
            "flow:conditioning=round,steps=4",
            "vp-discrete:steps=8,beta_end=0.5,conditioning=truncate,network=v",
        ];
        let names = process::registry().names_alone().into_iter();
        // With levels of these grids in between, on most processes.
        let name = if name == "restart" { "restart:min=0.6,max=1.5" } else { name };
        for process_name in names.chain(told) {
            // Rounds down to a training timestep: the law jumps there.
            if name == "tcd" && process_name.starts_with("vp-discrete") {
                continue;
            }
            let text = if process_name == "edm" { "edm:sigma_max=5" } else { process_name };
            let process: Arc<dyn Process> = process::registry().build(text).unwrap().item.into();
            for init in [Init::Exact, Init::Normal { std: Some(1.3) }] {
                let objective = objective::SquaredWasserstein2;
                let Some(error) = check(name, &network, &process, &init, &objective) else {
                    // In coordinates of u rules that draw noise are refused.
                    let refused = process.refuses_noise().is_some() && draws_noise(name);
                    let known = refused
                        || match name {
                            "ddpm" => !process_name.starts_with("vp-"),
                            // No level of these few in its interval.
                            _ => name.starts_with("restart") && told.contains(&process_name),
                        };
                    assert!(known, "{name} on {text}");
                    continue;
                };
                assert!(error < 1e-8, "{name} on {text}: {error:e}");
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn every_objective_has_exact_gradients() {
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("w.txt");
    std::fs::write(&weights, "1\n0\n2.5\n3\n0.5\n").unwrap();
    for name in objective::registry().names() {
        let text = match name {
            "mixture" => "mixture:w2=0.5,kl_forward=2,kl_reverse=0.1,local=3".to_string(),
            "weighted" => format!("weighted:{}", weights.display()),
            name => name.to_string(),
        };
        let objective = objective::registry().build(&text).unwrap().item;
        // Of steps alone: see below.
        if !objective.counts_output() {
            continue;
        }
        let smallest = if matches!(name, "w2" | "weighted" | "robust") { 0.0 } else { 1e-3 };
        let network = Learnt::exact(&data(smallest));
        for sampler in ["heun", "dpmpp-2m", "dpmpp-2m-sde"] {
            let error = check(sampler, &network, &process, &Init::Exact, &*objective).unwrap();
            assert!(error < 1e-8, "{name}, {sampler}: {error:e}");
        }
    }
}

/// The largest error of a derivative of the squared contributions of steps, relative to the largest
/// derivative; `None` for a sampler that is not defined there.
fn check_steps(
    text: &str,
    network: &Learnt,
    process: &Arc<dyn Process>,
    init: &Init,
) -> Option<f64> {
    let times = times(text, &**process);
    let sampler = sampler::registry().build(text).unwrap().item;
    let steps = |times: &[f64], free| {
        let grid = Grid::new(process.clone(), times).unwrap();
        LocalErrors::new(&*sampler, &grid, free, network).ok().map(|s| s.expand(init))
    };
    let Expansion { value, gradient, curvature } = steps(&times, 0..times.len())?;
    assert_eq!(value, steps(&times, 0..0)?.value, "{text}");
    assert!((0..times.len()).all(|i| curvature[i * times.len() + i] >= 0.0), "{text}");
    let at = |k: usize, t: f64| {
        let mut times = times.clone();
        times[k] = t;
        steps(&times, 0..0).unwrap().value
    };
    // Where a step draws nearly as much noise as the exact state has variance, what it keeps of the state
    // before is a root that goes to 0: differences must be small.
    let differences: Vec<f64> =
        (0..times.len()).map(|k| difference(|t| at(k, t), times[k], 2e-4 * times[k])).collect();
    let scale = differences.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    let errors = gradient.iter().zip(&differences).map(|(a, b)| (a - b).abs());
    Some(errors.fold(0.0f64, f64::max) / scale)
}

/// The same of what steps make of errors of evaluations; with how much of it there is.
fn check_amplification(
    text: &str,
    network: &Learnt,
    process: &Arc<dyn Process>,
) -> Option<(f64, f64)> {
    let times = times(text, &**process);
    let sampler = sampler::registry().build(text).unwrap().item;
    let of = |times: &[f64], free| {
        let grid = Grid::new(process.clone(), times).unwrap();
        LocalErrors::new(&*sampler, &grid, free, network).ok().map(|s| s.amplification())
    };
    let Expansion { value, gradient, curvature } = of(&times, 0..times.len())?;
    let n = times.len();
    assert_eq!(value, of(&times, 0..0)?.value, "{text}");
    assert!((0..n).all(|i| curvature[i * n + i] >= 0.0 && value >= 0.0), "{text}");
    let at = |k: usize, t: f64| {
        let mut times = times.clone();
        times[k] = t;
        of(&times, 0..0).unwrap().value
    };
    let differences: Vec<f64> =
        (0..n).map(|k| difference(|t| at(k, t), times[k], 2e-4 * times[k])).collect();
    let scale = differences.iter().fold(1e-300f64, |m, d| m.max(d.abs()));
    let errors = gradient.iter().zip(&differences).map(|(a, b)| (a - b).abs());
    Some((errors.fold(0.0f64, f64::max) / scale, value))
}

/// What steps make of errors of evaluations, for every rule on every process.
#[test]
fn every_sampler_has_exact_gradients_of_what_it_amplifies() {
    let (mut checked, mut some) = (0, 0);
    let network = Learnt::exact(&data(0.0));
    for name in sampler::registry().names_alone() {
        for process_name in process::registry().names_alone() {
            let text = if process_name == "edm" { "edm:sigma_max=5" } else { process_name };
            let process: Arc<dyn Process> = process::registry().build(text).unwrap().item.into();
            let Some((error, value)) = check_amplification(name, &network, &process) else {
                continue;
            };
            // Rules of midpoints have nothing but rounding.
            let is_some = value > 1e-20;
            assert!(!is_some || error < 1e-8, "{name} on {text}: {error:e}");
            (checked, some) = (checked + 1, some + usize::from(is_some));
        }
    }
    assert!(checked > 400 && some > 300, "{some} of {checked}");
}

/// The sum of squared contributions of steps, for every rule on every process, and networks
/// that are told other levels.
#[test]
fn every_sampler_has_exact_gradients_of_its_steps() {
    let mut checked = 0;
    let network = Learnt::exact(&data(0.0));
    let told = ["flow:shift=2,coordinates=u", "flow:conditioning=round,steps=4"];
    for name in sampler::registry().names_alone() {
        for process_name in process::registry().names_alone().into_iter().chain(told) {
            let text = if process_name == "edm" { "edm:sigma_max=5" } else { process_name };
            let process: Arc<dyn Process> = process::registry().build(text).unwrap().item.into();
            for init in [Init::Exact, Init::Normal { std: Some(1.3) }] {
                let Some(error) = check_steps(name, &network, &process, &init) else { continue };
                assert!(error < 1e-8, "{name} on {text}: {error:e}");
                checked += 1;
            }
        }
    }
    assert!(checked > 400, "{checked}");
}

/// With every network: of W2, and of the squared contributions of steps.
#[test]
fn gradients_are_exact_with_every_network() {
    let folder = tempfile::tempdir().unwrap();
    let w2 = objective::registry().build("w2").unwrap().item;
    for (text, network) in networks(&data(1e-3), folder.path()) {
        for process_name in process::registry().names_alone() {
            let name = if process_name == "edm" { "edm:sigma_max=5" } else { process_name };
            let process: Arc<dyn Process> = process::registry().build(name).unwrap().item.into();
            for sampler in ["ddim", "em", "heun", "dpmpp-2m", "unipc", "dpmpp-2m-sde", "dpmpp-sde"]
            {
                // Its coefficients are so large there that differences lose digits.
                let tolerance = if (sampler, name) == ("em", "ve") { 1e-6 } else { 1e-8 };
                for init in [Init::Exact, Init::Normal { std: Some(1.3) }] {
                    let found = check(sampler, &network, &process, &init, &*w2);
                    let of_steps = check_steps(sampler, &network, &process, &init);
                    for error in [found, of_steps].into_iter().flatten() {
                        assert!(error < tolerance, "{text}: {sampler} on {name}: {error:e}");
                    }
                }
            }
        }
    }
}
