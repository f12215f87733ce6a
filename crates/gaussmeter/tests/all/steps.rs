//! Contributions of steps: they add up to the error, and leave out what cancels.

use gaussmeter::design::{End, Problem, Space, Start};
use gaussmeter::exact::steps::{LocalErrors, contributions};
use gaussmeter::network::Learnt;
use gaussmeter::objective::{Local, Robust};
use gaussmeter::prelude::*;
use gaussmeter::watch::Watch;
use gaussmeter::{process, sampler};
use std::sync::Arc;

fn data() -> Spectrum {
    let (lambda, mean) = ([0.0, 1e-4, 0.02, 0.7, 3.0, 40.0], [0.5, 0.0, -1.0, 2.0, 0.25, -3.0]);
    Spectrum::new("six", "", &lambda, None, Some(&mean)).unwrap()
}

/// Every rule on every process and with every network: the contributions, the start's among them, add up
/// to the error of the output.
#[test]
fn contributions_add_up_to_the_error() {
    let (data, mut checked) = (data(), 0);
    let folder = tempfile::tempdir().unwrap();
    let networks = super::gradient::networks(&data, folder.path());
    let told = [
        "flow:coordinates=u",
        "flow:conditioning=round",
        "vp-discrete:conditioning=truncate",
        "vp-discrete:conditioning=round-at-nodes",
    ];
    for process_name in process::registry().names_alone().into_iter().chain(told) {
        let process: Arc<dyn Process> =
            process::registry().build(process_name).unwrap().item.into();
        let shares = [0.9, 0.61, 0.34, 0.2, 0.09, 0.02];
        let grid = Grid::new(process.clone(), &shares.map(|s| s * process.t_max())).unwrap();
        for name in sampler::registry().names_alone() {
            let Ok(plan) = sampler::registry().build(name).unwrap().item.plan(&grid) else {
                continue;
            };
            for init in [Init::Exact, Init::Normal { std: Some(2.0) }] {
                // All networks for a few, and for all the next network.
                let all = ["heun", "dpmpp-2m", "dpmpp-2m-sde"].contains(&name);
                for (n, (_, network)) in networks.iter().enumerate() {
                    if !all && n != 0 && n != 1 + checked % (networks.len() - 1) {
                        continue;
                    }
                    let output = Output::by(network, &plan);
                    let Some(steps) = contributions(&plan, network, &init) else {
                        let is_infinite = output.map_or(true, |output| output.infinite.is_some());
                        assert!(is_infinite, "{name} on {process_name}");
                        continue;
                    };
                    let output = output.unwrap();
                    let law = output.law_against(network.truth(), &init, Target::Marginal);
                    let level = plan.end().marginal();
                    for (m, mode) in law.modes.iter().enumerate() {
                        let sum = |k: usize| steps.iter().map(|step| step[m][k]).sum::<f64>();
                        let size =
                            |k: usize| steps.iter().map(|step| step[m][k].abs()).sum::<f64>();
                        let target = level.variance(mode.eigenvalue).sqrt();
                        let sign = if plan.is_stochastic() { 1.0 } else { output.gain[m] };
                        let std = mode.variance.sqrt().copysign(sign);
                        let error = (sum(0) - (std - target)).abs();
                        let tolerance = 1e-11 * (size(0) + target);
                        assert!(error <= tolerance, "{name} on {process_name}: {error:e}");
                        let truth = network.truth()[m].mean;
                        let mean = mode.mean - level.alpha * truth;
                        let tolerance = 1e-11 * (size(1) + truth.abs());
                        assert!((sum(1) - mean).abs() <= tolerance, "{name} on {process_name}");
                    }
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 900, "{checked}");
}

/// The objective is the sum of squares of what a step does alone: by hand for DDIM, whose step from s to t
/// has the gain (λ + st)/(λ + s²) on an eigenvector, and starts from the exact state.
#[test]
fn squared_contributions_of_ddim_are_those_by_hand() {
    let lambda = [0.3, 2.0];
    let data = Spectrum::new("two", "", &lambda, None, None).unwrap();
    let sigmas = [80.0, 11.0, 2.5, 0.4, 0.0];
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process.clone(), &sigmas).unwrap();
    let space = Space::new(&process, 4, Start::Fixed, End::At(0.0), 1.0).unwrap();
    let sampler = sampler::registry().build("ddim").unwrap().item;
    let network = Learnt::exact(&data);
    let problem = |init| Problem {
        network: &network,
        sampler: &*sampler,
        init,
        objective: &Local,
        space: &space,
        watch: Watch::NOBODY,
    };
    let by_hand = |start: fn(f64) -> f64| -> f64 {
        let of = |l: &f64| -> f64 {
            let s = |sigma: f64| (l + sigma * sigma).sqrt();
            let first = (l.sqrt() / s(80.0) * (start(*l) - s(80.0))).powi(2);
            let step = |w: &[f64]| {
                let gain = (l + w[0] * w[1]) / (l + w[0] * w[0]);
                (l.sqrt() / s(w[1]) * (gain * s(w[0]) - s(w[1]))).powi(2)
            };
            first + sigmas.windows(2).map(step).sum::<f64>()
        };
        lambda.iter().map(of).sum()
    };
    let exact = problem(&Init::Exact).value(&grid).unwrap();
    assert!((exact / by_hand(|l| (l + 6400.0).sqrt()) - 1.0).abs() < 1e-9);
    let normal = problem(&Init::Normal { std: Some(80.0) }).value(&grid).unwrap();
    assert!((normal / by_hand(|_| 80.0) - 1.0).abs() < 1e-9);
}

/// Of rules with noise: by hand for Euler's ancestral step, x′ = a x + b z with a² s² + b² for the variance
/// s² of an exact state. An error of the variance is carried by the exact chain, which keeps 1 − b²/s′² of
/// it in each later step.
#[test]
fn squared_contributions_of_ancestral_steps_are_those_by_hand() {
    let lambda = [0.3, 2.0];
    let data = Spectrum::new("two", "", &lambda, None, None).unwrap();
    let sigmas = [80.0f64, 11.0, 2.5, 0.4, 0.0];
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process.clone(), &sigmas).unwrap();
    let sampler = sampler::registry().build("ddim:eta=1").unwrap().item;
    let network = Learnt::exact(&data);
    let found = LocalErrors::new(&*sampler, &grid, 0..0, &network).unwrap();
    let found = found.expand(&Init::Exact).value;
    let of = |l: f64| -> f64 {
        let variance = |sigma: f64| l + sigma * sigma;
        let (mut kept, mut sum) = (1.0, 0.0);
        for w in sigmas.windows(2).rev() {
            let down = w[1] * w[1] / w[0];
            let b2 = w[1] * w[1] * (1.0 - w[1] * w[1] / (w[0] * w[0]));
            let a = (l + w[0] * down) / variance(w[0]);
            let std = (a * a * variance(w[0]) + b2).sqrt();
            let e = (l / variance(w[1])).sqrt() * kept * (std - variance(w[1]).sqrt());
            sum += e * e;
            kept *= 1.0 - b2 / variance(w[1]);
        }
        sum
    };
    let by_hand: f64 = lambda.iter().map(|l| of(*l)).sum();
    assert!((found / by_hand - 1.0).abs() < 1e-9, "{found} {by_hand}");
}

/// The mean square of W2 where contributions are off, against a sum over all signs of ξ = ±deviation.
#[test]
fn the_robust_objective_is_a_mean_square() {
    let lambda = [0.3, 2.0];
    let data = Spectrum::new("two", "", &lambda, None, None).unwrap();
    let sigmas = [80.0, 11.0, 2.5, 0.4, 0.0];
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process.clone(), &sigmas).unwrap();
    let sampler = sampler::registry().build("dpmpp-2m").unwrap().item;
    let exact = |l: f64, sigma: f64| (l + sigma * sigma).sqrt();
    // Contributions carried by the exact solution, from those that the sampler carries.
    let network = Learnt::exact(&data);
    let local = LocalErrors::new(&*sampler, &grid, 0..0, &network).unwrap();
    let local = local.expand(&Init::Exact).value;
    let plan = sampler.plan(&grid).unwrap();
    let law = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
    let w2 = wasserstein2(&law).total.powi(2);
    let space = Space::new(&process, 4, Start::Fixed, End::At(0.0), 1.0).unwrap();
    let objective = Robust { deviation: Some(0.5), evaluation: Some(0.0) };
    let problem = Problem {
        network: &network,
        sampler: &*sampler,
        init: &Init::Exact,
        objective: &objective,
        space: &space,
        watch: Watch::NOBODY,
    };
    let value = problem.value(&grid).unwrap();
    assert!((value / (w2 + 0.25 * local) - 1.0).abs() < 1e-12);
    // Where contributions are small, those of the steps' own carry mean the same.
    let root = |share: f64| {
        (80f64.powf(1.0 / 7.0) * (1.0 - share) + 0.002f64.powf(1.0 / 7.0) * share).powi(7)
    };
    let mut sigmas: Vec<f64> = (0..200).map(|k| root(f64::from(k) / 199.0)).collect();
    sigmas[0] = 80.0;
    sigmas.push(0.0);
    let fine = Grid::from_sigmas(process.clone(), &sigmas).unwrap();
    let plan = sampler.plan(&fine).unwrap();
    let local = LocalErrors::new(&*sampler, &fine, 0..0, &network).unwrap();
    let local = local.expand(&Init::Exact).value;
    let steps = contributions(&plan, &network, &Init::Exact).unwrap();
    let squares: f64 = steps.iter().flatten().map(|[e, ..]| e * e).sum();
    assert!((squares / local - 1.0).abs() < 0.08, "{squares} {local}");
    let law = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
    for m in 0..2 {
        let sum: f64 = steps.iter().map(|step| step[m][0]).sum();
        assert!((sum + exact(lambda[m], 0.0) - law.modes[m].variance.sqrt()).abs() < 1e-12);
    }
}

/// Euler's rule is the same whichever prediction of the network it is written with: on EDM's process that of the
/// velocity takes the same evaluations of the denoiser as DDIM.
#[test]
fn errors_of_velocities_are_those_of_denoisers() {
    let data = Spectrum::new("three", "", &[0.0, 0.3, 2.0], None, None).unwrap();
    let network = Learnt::exact(&data);
    for (process, names) in [("edm", ["euler", "ddim"]), ("flow", ["euler", "ddim"])] {
        let process: Arc<dyn Process> = process::registry().build(process).unwrap().item.into();
        let times: Vec<f64> = [0.95, 0.6, 0.35, 0.2, 0.05].map(|s| s * process.t_max()).into();
        let grid = Grid::new(process, &times).unwrap();
        let of = |name: &str| {
            let sampler = sampler::registry().build(name).unwrap().item;
            LocalErrors::new(&*sampler, &grid, 0..0, &network).unwrap().amplification().value
        };
        let [velocity, denoiser] = names.map(of);
        assert!(
            denoiser > 0.1 && (velocity / denoiser - 1.0).abs() < 1e-12,
            "{velocity} {denoiser}"
        );
    }
}

/// What steps make of errors of evaluations, by hand: x′ = e^(−h) x + (1 − e^(−h)) ((1 + 1/2r) D − D₋/2r) with
/// h = ln σ/σ′ and r = h₋/h, first and last by D alone; and for Heun's rule its own two evaluations.
#[test]
fn amplified_errors_are_those_by_hand() {
    let lambda = [0.0, 0.3, 2.0];
    let data = Spectrum::new("three", "", &lambda, None, None).unwrap();
    let sigmas = [80.0f64, 60.0, 2.5, 0.4, 0.0];
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process, &sigmas).unwrap();
    let network = Learnt::exact(&data);
    let found = |name: &str| {
        let sampler = sampler::registry().build(name).unwrap().item;
        let steps = LocalErrors::new(&*sampler, &grid, 0..0, &network).unwrap();
        steps.amplification().value
    };
    let unknown = |l: f64, sigma: f64| (l / (l + sigma * sigma)).sqrt() * sigma;
    let carry = |l: f64, to: f64| if to == 0.0 { 1.0 } else { (l / (l + to * to)).sqrt() };
    let two_m = |l: f64| -> f64 {
        let mut sum = 0.0;
        for k in 0..4 {
            let (from, to) = (sigmas[k], sigmas[k + 1]);
            let (h, all) = ((from / to).ln(), 1.0 - to / from);
            let mut own = vec![(from, all)];
            if k > 0 && to > 0.0 {
                let r = (sigmas[k - 1] / from).ln() / h;
                own = vec![(from, all * (1.0 + 0.5 / r)), (sigmas[k - 1], -all * 0.5 / r)];
            }
            sum +=
                own.iter().map(|(at, c)| (c * unknown(l, *at) * carry(l, to)).powi(2)).sum::<f64>();
        }
        sum
    };
    // D in x + (σ′ − σ)/2 · ((x − D)/σ + (x̃ − D̃)/σ′), apart from what passes through D̃.
    let heun = |l: f64| -> f64 {
        let mut sum = 0.0;
        for k in 0..4 {
            let (from, to) = (sigmas[k], sigmas[k + 1]);
            let half = 0.5 * (from - to);
            let own = match to == 0.0 {
                true => vec![(from, 1.0)],
                // x̃ = x + (σ′ − σ)(x − D)/σ has D too.
                false => {
                    let first = half / from - half * (from - to) / (from * to);
                    vec![(from, first), (to, half / to)]
                }
            };
            sum +=
                own.iter().map(|(at, c)| (c * unknown(l, *at) * carry(l, to)).powi(2)).sum::<f64>();
        }
        sum
    };
    for (name, by_hand) in [("dpmpp-2m", &two_m as &dyn Fn(f64) -> f64), ("edm", &heun)] {
        let expected: f64 = lambda.iter().map(|l| by_hand(*l)).sum();
        let value = found(name);
        assert!((value / expected - 1.0).abs() < 1e-9, "{name}: {value} {expected}");
    }
    // In the objective, with its weight.
    let objective = Robust { deviation: Some(0.0), evaluation: Some(0.1) };
    let sampler = sampler::registry().build("dpmpp-2m").unwrap().item;
    let plain = Robust { deviation: Some(0.0), evaluation: Some(0.0) };
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let space = Space::new(&process, 4, Start::Fixed, End::At(0.0), 1.0).unwrap();
    let value = |objective: &Robust| {
        let (network, sampler, space) = (&network, &*sampler, &space);
        let (init, watch) = (&Init::Exact, Watch::NOBODY);
        Problem { network, sampler, init, objective, space, watch }.value(&grid).unwrap()
    };
    let added = (value(&objective) - value(&plain)) / found("dpmpp-2m");
    assert!((added / 0.01 - 1.0).abs() < 1e-9, "{added}");
}

/// Deviations and errors of evaluations where nothing is said.
#[test]
fn how_much_is_trusted_depends_on_the_steps() {
    use gaussmeter::objective::Steps;
    let of = |count: usize, multistep: bool| {
        let steps = Steps { count, multistep };
        (Robust::default().deviation(&steps), Robust::default().evaluation(&steps))
    };
    for (count, expected) in [(3, 0.6), (5, 1.0), (10, 2.0), (15, 2.0), (20, 2.0), (40, 4.0)] {
        assert_eq!(of(count, true), (expected, 0.02));
        assert_eq!(of(count, false), (0.3, 0.0));
    }
}

/// Which rules use what earlier steps have found.
#[test]
fn multistep_rules_are_recognised() {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process, &[80.0, 11.0, 2.5, 0.4, 0.1]).unwrap();
    let is = |name: &str| {
        sampler::registry().build(name).unwrap().item.plan(&grid).unwrap().is_multistep()
    };
    for name in ["ddim", "ddim:eta=1", "edm", "heun", "rk4", "em", "dpmpp-2s", "dpmpp-sde", "lcm"] {
        assert!(!is(name), "{name}");
    }
    for name in ["dpmpp-2m", "dpmpp-3m", "unipc", "dpmpp-2m-sde", "ipndm-v", "lms", "sa-solver"] {
        assert!(is(name), "{name}");
    }
}
